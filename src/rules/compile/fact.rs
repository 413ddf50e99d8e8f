//! `facts:` of policy tests: what lookups find, for the application that a test asks.

use super::Notes;
use crate::diagnostics::suggest;
use crate::diagnostics::yaml::Table;
use crate::lookup::{Fact, Facts, Found, Lookup, Origin, Values};
use crate::rules::raw::RawFact;
use crate::rules::set::App;
use std::sync::Arc;

/// Notes what no lookup could find.
pub(super) fn check(raw: &Table<Table<RawFact>>, apps: &[Arc<App>], is_partial: bool, notes: &mut Notes<'_>) {
    let all = || apps.iter().flat_map(|app| &app.lookups);
    for (name, objects) in raw.iter() {
        let named: Vec<&Arc<Lookup>> = all().filter(|lookup| lookup.name == name.as_str()).collect();
        if named.is_empty() && !is_partial {
            notes
                .error(name.mark, format!("unknown lookup `{}`", name.value))
                .suggest(suggest(name, all().map(|lookup| lookup.name.as_str())));
            continue;
        }
        for (key, fact) in objects.iter() {
            if !named.is_empty() && !named.iter().any(|lookup| values(lookup, fact).is_some()) {
                notes
                    .error(key.mark, format!("the lookup `{}` finds something else of an object", name.value))
                    .help("write its one value, or all of its `values` by their names, or `unknown`");
            }
        }
    }
}

/// What is found of the objects of `app`; what stands in an earlier table counts.
pub(super) fn facts<'a>(tables: impl IntoIterator<Item = &'a Table<Table<RawFact>>>, app: Option<&App>) -> Facts {
    let mut facts = Facts::default();
    let objects = tables.into_iter().flat_map(|table| table.iter());
    for (name, objects) in objects {
        let Some(lookup) = app.and_then(|app| app.lookups.iter().find(|lookup| lookup.name == name.as_str())) else {
            continue;
        };
        for (key, fact) in objects.iter() {
            let Some(found) = values(lookup, fact) else { continue };
            facts.push(Fact { lookup: lookup.id, key: key.as_str().into(), found, origin: Origin::Given });
        }
    }
    facts
}

/// What the fact says in the order of the lookup's values; `None` where it says something else.
fn values(lookup: &Lookup, fact: &RawFact) -> Option<Found> {
    match fact {
        RawFact::One(text) if text == "unknown" => Some(Found::Unknown("the test says so".into())),
        RawFact::One(text) if lookup.values.len() == 1 => {
            Some(Found::Values(std::iter::once(text.as_str().into()).collect()))
        }
        RawFact::One(_) => None,
        RawFact::Several(table) => {
            let value = |name: &str| {
                table.iter().find(|(given, _)| given.as_str() == name).map(|(_, text)| text.as_str().into())
            };
            let found: Option<Values> =
                lookup.values.iter().map(|attribute| value(attribute.name.as_deref()?)).collect();
            found.filter(|found| found.len() == table.len()).map(Found::Values)
        }
    }
}
