//! `answer:` of a route: what the filter needs of the catalog, the parameters by which masked fields could be asked for, and what
//! would make the filter worthless.

use super::location::Params;
use super::{Notes, people, permission};
use crate::diagnostics::yaml::Spanned;
use crate::diagnostics::{Diagnostic, Mark};
use crate::filter::{DimensionNo, GrantNo, Names, Plan, RawMask};
use crate::model::Effect;
use crate::rules::dimension::DimensionId;
use crate::rules::raw::RawRoute;
use crate::rules::role::PermissionId;
use crate::rules::route::{AnswerRule, HiddenKey, ScopeRule};
use crate::rules::set::Catalog;
use compact_str::CompactString;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

/// Numbers the dimensions and permissions that a filter speaks of.
struct Numbered<'a, 'n> {
    catalog: &'a Catalog,
    notes: &'a mut Notes<'n>,
    dimensions: Vec<DimensionId>,
    grants: Vec<PermissionId>,
}

fn number<T: PartialEq>(list: &mut Vec<T>, item: T) -> u16 {
    let at = list.iter().position(|known| *known == item).unwrap_or_else(|| {
        list.push(item);
        list.len() - 1
    });
    u16::try_from(at).unwrap_or(u16::MAX)
}

impl Names for Numbered<'_, '_> {
    fn dimension(&mut self, name: &Spanned<String>) -> Option<DimensionNo> {
        let id = people::dimension(name, self.catalog, self.notes)?;
        Some(DimensionNo(number(&mut self.dimensions, id)))
    }

    fn permission(&mut self, name: &Spanned<String>) -> Option<GrantNo> {
        let id = permission(name, self.catalog, self.notes)?;
        Some(GrantNo(number(&mut self.grants, id)))
    }

    fn error(&mut self, mark: Mark, message: String) -> &mut Diagnostic {
        self.notes.error(mark, message)
    }
}

/// Compiles the block; `asked` are the permissions of the route, `scope` what it binds.
pub(super) fn answer(
    raw: &RawRoute,
    asked: &[PermissionId],
    scope: &[ScopeRule],
    catalog: &Catalog,
    params: &mut Params<'_>,
    notes: &mut Notes<'_>,
) -> Option<Arc<AnswerRule>> {
    let block = raw.answer.as_ref()?;
    let mut names = Numbered { catalog, notes, dimensions: Vec::new(), grants: Vec::new() };
    let mut plan = Plan::compile(block, &mut names);
    plan.charset = params.dialect.charset;
    let Numbered { dimensions, mut grants, .. } = names;
    let name = |id: DimensionId| catalog.dimension(id).map_or("?", |dimension| dimension.name.as_str());
    if let Some(upgrade) = raw.upgrade.and(Some(block.mark)) {
        notes.error(upgrade, "what passes a tunnel is not filtered").help("take `upgrade` or `answer` away");
    }
    if let Some(&first) = dimensions.first() {
        let changes =
            asked.iter().filter_map(|id| catalog.permission(*id)).find(|entry| entry.effect == Effect::Change);
        if asked.is_empty() {
            notes
                .error(block.mark, "a public route keeps rows for nobody")
                .help("name a `permission` in place of `public: true`, or take `keep` away");
        } else if let Some(entry) = changes {
            notes.error(block.mark, format!("`{}` changes something, also in rows that the answer leaves out", entry.name)).help(
                format!(
                    "write `effect: none` at the permission if it only reads; else bind {} under `scope` and take `keep` away",
                    name(first)
                ),
            );
        }
        let ignored = |id: &&DimensionId| scope.contains(&ScopeRule::Ignored(**id));
        if let Some(&id) = dimensions.iter().find(ignored) {
            notes
                .error(block.mark, format!("rows are kept by {0}, which is `{0}: ignored` under `scope`", name(id)))
                .help("take one of the two away");
        }
    }
    let mut keys = Vec::new();
    for mask in block.masks() {
        let grant = mask.unless.as_ref().and_then(|name| catalog.permission_id(name));
        let grant = grant.map(|id| GrantNo(number(&mut grants, id)));
        hidden_keys(mask, grant, params, notes, &mut keys);
    }
    let permission = |id: &PermissionId| catalog.permission(*id).map(|entry| entry.name.as_str());
    let names: Vec<_> = dimensions.iter().map(|id| Some(name(*id))).chain(grants.iter().map(permission)).collect();
    let mut print = DefaultHasher::new();
    format!("{plan:?} {names:?} {keys:?}").hash(&mut print);
    Some(Arc::new(AnswerRule {
        plan,
        dimensions,
        grants,
        keys,
        masks_fields: block.masks_fields(),
        print: print.finish(),
    }))
}

fn hidden_keys(
    mask: &RawMask,
    grant: Option<GrantNo>,
    params: &mut Params<'_>,
    notes: &mut Notes<'_>,
    keys: &mut Vec<HiddenKey>,
) {
    let own = mask.fields.iter().filter_map(|field| field.rsplit('/').next()).filter(|name| is_name(name));
    let names: Vec<CompactString> =
        own.chain(mask.also_called.iter().map(|name| name.as_str())).map(|name| name.to_lowercase().into()).collect();
    if let (Some(place), true) = (mask.named_by.first(), names.is_empty()) {
        notes
            .error(place.mark, "what these fields are called in parameters is not known")
            .help("write `also-called: [cost]`");
    }
    for (places, names) in [(&mask.named_by, names.as_slice()), (&mask.searched_by, &[])] {
        for place in places.iter() {
            if let Some(location) = params.place(&place.value, place.mark, notes) {
                keys.push(HiddenKey { location, grant, names: names.to_vec() });
            }
        }
    }
}

/// Whether the last part of a place can be what a parameter calls the field.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ' '))
}
