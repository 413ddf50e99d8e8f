//! Finds what would make the application take another method than the one that is judged; never changes it.

use super::dialect::{Base, Dialect};
use super::error::MethodOverride;
use super::header::{NameSieve, folds_to};
use super::location::Location;
use super::name::{Match, ParamName, fold};
use super::view::{RequestView, Unnamed};
use compact_str::CompactString;
use std::ops::Deref;

/// The names of header fields that change the method, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverrideHeaders {
    names: Vec<CompactString>,
    sieve: NameSieve,
}

impl From<Vec<CompactString>> for OverrideHeaders {
    fn from(names: Vec<CompactString>) -> Self {
        let mut sieve = NameSieve::default();
        names.iter().for_each(|name| sieve.insert(name.as_bytes()));
        Self { names, sieve }
    }
}

impl Deref for OverrideHeaders {
    type Target = [CompactString];

    fn deref(&self) -> &[CompactString] {
        &self.names
    }
}

/// Refuses a method override that frameworks of this dialect honour: a header that none of `named` names, or one of the
/// parameters `unnamed`, as [`RequestView::unnamed`] lists those that `named` leaves out. What a rule names it judges.
///
/// Bodies that nobody reads are left to [`RequestView::needs_body`].
///
/// # Errors
/// Names the header or parameter.
pub fn check_override<'a>(
    view: &RequestView<'_>,
    named: impl IntoIterator<Item = &'a Location> + Clone,
    unnamed: &[Unnamed],
) -> Result<(), MethodOverride> {
    let dialect = view.dialect();
    let is_judged = |known: &str| {
        named.clone().into_iter().any(|place| matches!(place, Location::Header(_)) && folds_to(place.name(), known))
    };
    let headers = &dialect.override_headers;
    let overrides = |name: &&[u8]| {
        headers.sieve.may_hold(name) && headers.iter().any(|known| folds_to(name, known) && !is_judged(known))
    };
    if let Some(name) = view.field_names().find(overrides) {
        return Err(MethodOverride { name: String::from_utf8_lossy(name).into(), place: "header" });
    }
    let found =
        unnamed.iter().find(|unnamed| dialect.override_params.iter().any(|known| reads(dialect, unnamed, known)));
    found.map_or(Ok(()), |unnamed| Err(MethodOverride { name: unnamed.name.clone(), place: unnamed.place }))
}

/// Whether the application may read this parameter as `known`.
fn reads(dialect: &Dialect, unnamed: &Unnamed, known: &str) -> bool {
    // frameworks that nobody told us of may take the members of a JSON object for parameters
    let name = match unnamed.place {
        "json" if dialect.base == Base::Strict => unnamed.name.strip_prefix('/').unwrap_or_default(),
        "json" => return false,
        _ => &unnamed.name,
    };
    if name.eq_ignore_ascii_case(known) {
        return true;
    }
    let Ok(known) = ParamName::compile(known, dialect) else { return false };
    // a name that cannot be folded was refused where the parameters were read
    fold(name, dialect).is_ok_and(|folded| known.matches(name, folded.as_deref()) != Match::Other)
}
