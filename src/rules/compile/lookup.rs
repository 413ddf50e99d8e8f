//! `lookups:` of an application, and the names by which its routes use them.

use super::Notes;
use crate::diagnostics::yaml::{Spanned, Table};
use crate::diagnostics::{Place, suggest};
use crate::lookup::{Lookup, LookupId, RawLookup};
use crate::rules::raw::RawApp;
use std::path::Path;
use std::sync::Arc;

/// The lookups of an application.
pub(super) struct Known {
    /// Those that could be compiled, sorted by name.
    pub(super) lookups: Vec<Arc<Lookup>>,
    /// Where each of them is written.
    pub(super) places: Vec<Place>,
    /// The names of the others, of which enough is told already.
    faulty: Vec<String>,
}

impl Known {
    /// The lookup of this id.
    pub(super) fn get(&self, id: LookupId) -> Option<&Arc<Lookup>> {
        self.lookups.get(usize::from(id.0))
    }
}

/// Compiles every lookup.
pub(super) fn compile(raw: &Table<RawLookup>, folder: &Path, notes: &mut Notes<'_>) -> Known {
    let mut sorted: Vec<&(Spanned<String>, RawLookup)> = raw.0.iter().collect();
    sorted.sort_by(|(a, _), (b, _)| a.value.cmp(&b.value));
    let mut known = Known { lookups: Vec::with_capacity(sorted.len()), places: Vec::new(), faulty: Vec::new() };
    for (name, raw) in sorted {
        super::catalog::check_name("a lookup", name, notes);
        let id = LookupId(u16::try_from(known.lookups.len()).unwrap_or(u16::MAX));
        match raw.compile(name, id, folder) {
            Ok(lookup) => {
                known.lookups.push(Arc::new(lookup));
                known.places.push(notes.place(name.mark));
            }
            Err(faults) => {
                known.faulty.push(name.value.clone());
                for fault in faults {
                    notes.error(fault.mark, fault.message).help(fault.help);
                }
            }
        }
    }
    known
}

/// The lookup of this name; notes it where there is none.
pub(super) fn find<'l>(name: &Spanned<String>, known: &'l Known, notes: &mut Notes<'_>) -> Option<&'l Arc<Lookup>> {
    let found = known.lookups.iter().find(|lookup| lookup.name == name.as_str());
    if found.is_none() && !known.faulty.contains(&name.value) {
        notes
            .error(name.mark, format!("unknown lookup `{}`", name.value))
            .suggest(suggest(name, known.lookups.iter().map(|lookup| lookup.name.as_str())))
            .help("define it under `lookups:` of the application");
    }
    found
}

/// Lists are learned from routes that there are.
pub(super) fn check_learned(raw: &RawApp, notes: &mut Notes<'_>) {
    for (_, lookup) in raw.lookups.iter() {
        let known = || raw.routes.iter().map(|route| route.id.as_str());
        for learned in lookup.learned.iter().filter(|learned| !known().any(|id| id == learned.from.as_str())) {
            let from = &learned.from;
            notes.error(from.mark, format!("unknown route `{}`", from.value)).suggest(suggest(from, known()));
        }
        let public = |id: &str| raw.routes.iter().any(|route| route.id.as_str() == id && route.public.is_some());
        for learned in lookup.learned.iter().filter(|learned| public(&learned.from)) {
            notes
                .error(
                    learned.from.mark,
                    format!("`{}` is public, so nobody in particular is shown its list", learned.from.value),
                )
                .help("learn from a route with a `permission`");
        }
    }
}
