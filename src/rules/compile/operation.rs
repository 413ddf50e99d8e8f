//! `operation:` into a selector: by the value of a parameter or by which parameter is there, nested where the rule nests.

use super::location::Params;
use super::{Notes, permission};
use crate::diagnostics::Mark;
use crate::diagnostics::yaml::Spanned;
use crate::request::{Location, MULTICALL, RawLocation};
use crate::rules::raw::{RawChoice, RawFieldPlace, RawOperation};
use crate::rules::selector::{Button, By, Choice, Selector};
use crate::rules::set::Catalog;
use compact_str::CompactString;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

pub(super) fn compile(
    raw: &RawOperation,
    mark: Mark,
    catalog: &Catalog,
    params: &mut Params<'_>,
    notes: &mut Notes<'_>,
) -> Option<Selector> {
    if raw.cases.is_empty() {
        notes.error(mark, "`operation` lists no cases").help("write `cases: {view: order:view}`");
    }
    let by = match (&raw.by, &raw.by_name) {
        (Some(by), None) => by_value(raw, by, catalog, params, notes),
        (None, Some(place)) => Some(by_name(raw, place, catalog, params, notes)),
        (None, None) => {
            notes
                .error(mark, "`by` is missing")
                .help("write `by: {param: action}`, or `by-name: form` where the name of a button tells");
            None
        }
        (Some(_), Some(place)) => {
            notes
                .error(place.mark, "`by` and `by-name` in one `operation`")
                .help("nest the one in a case of the other");
            None
        }
    };
    let absent = match &raw.absent {
        Some(name) => Some(permission(name, catalog, notes)?),
        None => None,
    };
    Some(Selector { by: by?, absent })
}

fn by_value(
    raw: &RawOperation,
    by: &Spanned<RawLocation>,
    catalog: &Catalog,
    params: &mut Params<'_>,
    notes: &mut Notes<'_>,
) -> Option<By> {
    let location = params.place(&by.value, by.mark, notes);
    let mut cases = FxHashMap::default();
    for (value, chosen) in raw.cases.iter() {
        if value.is_empty() {
            notes
                .error(value.mark, "an empty value counts as absent")
                .help("write `absent: permission` for requests without it");
        }
        if value.as_str() == MULTICALL && matches!(location, Some(Location::Rpc(_))) {
            notes
                .error(value.mark, format!("`{MULTICALL}` runs other calls, which nobody would judge"))
                .help("take it away: clients send each call by itself");
        }
        cases
            .extend(choice(chosen, catalog, params, notes).map(|choice| (CompactString::from(value.as_str()), choice)));
    }
    Some(By::Value { location: location?, cases })
}

fn by_name(
    raw: &RawOperation,
    place: &Spanned<RawFieldPlace>,
    catalog: &Catalog,
    params: &mut Params<'_>,
    notes: &mut Notes<'_>,
) -> By {
    let mut buttons = Vec::with_capacity(raw.cases.len());
    for (name, chosen) in raw.cases.iter() {
        // an image tells where it was pressed (HTML section 4.10.5.1.19)
        let twin = name.strip_suffix(".x").map(|base| format!("{base}.y"));
        let names = [Some(name.value.clone()), twin].into_iter().flatten();
        let places: SmallVec<[Location; 2]> =
            names.filter_map(|text| params.place(&place.named(text), name.mark, notes)).collect();
        if let Some(choice) = choice(chosen, catalog, params, notes) {
            buttons.push(Button { places, choice });
        }
    }
    By::Name(buttons)
}

fn choice(
    raw: &Spanned<RawChoice>,
    catalog: &Catalog,
    params: &mut Params<'_>,
    notes: &mut Notes<'_>,
) -> Option<Choice> {
    match &raw.value {
        RawChoice::Permission(name) => permission(&raw.with(name.clone()), catalog, notes).map(Choice::Permission),
        RawChoice::Operation(operation) => {
            compile(operation, raw.mark, catalog, params, notes).map(Box::new).map(Choice::Selector)
        }
    }
}
