//! `roles.yaml` into the catalog of permissions, roles and dimensions.

use super::{Facts, Named, Notes};
use crate::diagnostics::yaml::Spanned;
use crate::diagnostics::{Report, suggest};
use crate::model::Permission;
use crate::rules::dimension::{Dimension, DimensionId, ValueId};
use crate::rules::raw::{RawDimension, RawRole, RawRoles};
use crate::rules::role::{PermissionEntry, PermissionId, PermissionSet, Role, RoleId};
use crate::rules::set::Catalog;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;

/// The catalog of these files. Permissions and values that `before` knows keep their numbers, so that applications that ask for the
/// ones and people who have the others stand.
pub(super) fn compile(
    files: &[Named<RawRoles>],
    before: Option<&Catalog>,
    report: &mut Report,
    facts: &mut Facts,
) -> Catalog {
    let mut catalog = Catalog::default();
    for Named { file, raw } in files {
        let mut notes = Notes::new(file, report);
        for (name, raw) in raw.dimensions.iter() {
            dimension(name, raw, before, &mut catalog, &mut notes);
        }
    }
    permissions(files, before, &mut catalog, report, facts);
    for Named { file, raw } in files {
        let mut notes = Notes::new(file, report);
        for (name, raw) in raw.roles.iter() {
            facts.roles.push(notes.place(name.mark));
            role(name, raw, &mut catalog, &mut notes);
        }
    }
    catalog
}

fn is_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.');
    text.starts_with(|c: char| c.is_ascii_lowercase()) && text.bytes().all(plain)
}

pub(super) fn check_name(what: &str, name: &Spanned<String>, notes: &mut Notes<'_>) {
    if !is_name(name) {
        let simple: String = name.to_lowercase().replace(' ', "-");
        let suggestion = is_name(&simple).then_some(simple);
        notes
            .error(name.mark, format!("`{}` cannot name {what}", name.value))
            .suggest(suggestion.as_deref())
            .help("a name begins with a lower-case letter and goes on with those, digits, `-`, `_`, `.`; what people read goes into `title`");
    }
}

fn dimension(
    name: &Spanned<String>,
    raw: &RawDimension,
    before: Option<&Catalog>,
    catalog: &mut Catalog,
    notes: &mut Notes<'_>,
) {
    check_name("a dimension", name, notes);
    if catalog.dimension_id(name).is_some() {
        notes.error(name.mark, format!("the dimension `{}` is given in two files", name.value));
        return;
    }
    let mut dimension = Dimension::new(name, raw.title.clone());
    for value in &raw.values {
        if dimension.value_id(value).is_some() {
            notes.error(value.mark, format!("the value `{}` is listed twice", value.value));
        } else if value.is_empty() || value.value == "all" {
            notes
                .error(value.mark, format!("`{}` cannot be a value", value.value))
                .help("`all` stands for every value, and an empty text for none");
        }
        dimension.intern(value);
    }
    dimension.closed = !raw.values.is_empty();
    let groups: Vec<&str> = raw.tree.iter().map(|(group, _)| group.as_str()).collect();
    let mut edges: FxHashMap<ValueId, Vec<ValueId>> = FxHashMap::default();
    for (group, members) in raw.tree.iter() {
        let id = dimension.intern(group);
        for member in members.iter() {
            if dimension.closed && dimension.value_id(member).is_none() && !groups.contains(&member.as_str()) {
                let suggestion = suggest(member, dimension.values()).map(str::to_owned);
                notes
                    .error(member.mark, format!("`{}` is neither listed under `values` nor a group", member.value))
                    .suggest(suggestion.as_deref());
            }
            let member = dimension.intern(member);
            edges.entry(id).or_default().push(member);
        }
    }
    if let Err(value) = dimension.set_tree(&edges) {
        let group = raw.tree.iter().find(|(group, _)| group.as_str() == dimension.value(value));
        let mark = group.map_or(name.mark, |(group, _)| group.mark);
        notes.error(mark, format!("`{}` lies below itself", dimension.value(value))).help("a tree has no circles");
    }
    // nobody adds values to a closed one, so that what it had before is what was listed
    let known = before.and_then(|before| before.dimension(before.dimension_id(name)?));
    if let Some(known) = known.filter(|known| dimension.closed && known.closed) {
        dimension = dimension.numbered_as(known);
    }
    let id = DimensionId(u16::try_from(catalog.dimensions.len()).unwrap_or(u16::MAX));
    catalog.dimension_ids.insert(name.as_str().into(), id);
    catalog.dimensions.push(Arc::new(dimension));
}

fn permissions(
    files: &[Named<RawRoles>],
    before: Option<&Catalog>,
    catalog: &mut Catalog,
    report: &mut Report,
    facts: &mut Facts,
) {
    let mut all = Vec::new();
    for Named { file, raw } in files {
        let mut notes = Notes::new(file, report);
        for (name, raw) in raw.permissions.iter() {
            match Permission::parse(name) {
                Ok(permission) => {
                    all.push((
                        PermissionEntry { name: permission, effect: raw.effect, title: raw.title.clone() },
                        notes.place(name.mark),
                    ));
                }
                Err(error) => {
                    notes.error(name.mark, error.to_string()).help("write for example `order:view`");
                }
            }
        }
    }
    all.sort_by(|(a, a_place), (b, b_place)| (&a.name, a_place).cmp(&(&b.name, b_place)));
    let known = |entry: &PermissionEntry| before.and_then(|before| before.permission_id(entry.name.as_str()));
    let taken: FxHashSet<PermissionId> = all.iter().filter_map(|(entry, _)| known(entry)).collect();
    // holes are filled before numbers are given behind the others
    let mut free = (0..).map(PermissionId).filter(|id| !taken.contains(id));
    for (entry, place) in all {
        if catalog.permission_ids.contains_key(entry.name.as_str()) {
            let mark = crate::diagnostics::Mark { line: place.line, column: place.column, width: 0 };
            report.error(&place.file, mark, format!("the permission `{}` is given in two files", entry.name));
            continue;
        }
        let Some(id) = known(&entry).or_else(|| free.next()) else { continue };
        let at = id.0 as usize;
        if catalog.permissions.len() <= at {
            catalog.permissions.resize(at + 1, None);
            facts.permissions.resize(at + 1, None);
        }
        catalog.permission_ids.insert(entry.name.as_str().into(), id);
        catalog.by_name.push(id);
        catalog.permissions.get_mut(at).into_iter().for_each(|slot| *slot = Some(entry.clone()));
        facts.permissions.get_mut(at).into_iter().for_each(|slot| *slot = Some(place.clone()));
    }
}

fn role(name: &Spanned<String>, raw: &RawRole, catalog: &mut Catalog, notes: &mut Notes<'_>) {
    check_name("a role", name, notes);
    let mut permissions = PermissionSet::default();
    for permission in &raw.permissions {
        if let Some(pattern) = permission.strip_suffix('*') {
            let all: Vec<String> = catalog
                .permissions()
                .filter(|(_, known)| known.name.as_str().starts_with(pattern))
                .map(|(_, known)| format!("`{}`", known.name))
                .collect();
            let diagnostic = notes.error(permission.mark, "a role lists its permissions one by one, without `*`");
            if !all.is_empty() {
                diagnostic.help(format!("write {}", all.join(", ")));
            }
        } else if let Some(id) = super::permission(permission, catalog, notes)
            && !permissions.insert(id)
        {
            notes.error(permission.mark, format!("`{}` is listed twice", permission.value));
        }
    }
    if catalog.role_id(name).is_some() {
        notes.error(name.mark, format!("the role `{}` is given in two files", name.value));
        return;
    }
    let id = RoleId(u32::try_from(catalog.roles.len()).unwrap_or(u32::MAX));
    catalog.role_ids.insert(name.as_str().into(), id);
    catalog.roles.push(Role {
        name: name.as_str().into(),
        title: raw.title.clone(),
        permissions,
        contact: raw.contact.clone(),
    });
}
