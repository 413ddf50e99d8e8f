//! Finds what would make the application take another method than the one that is judged; never changes it.

use super::dialect::{Base, Dialect};
use super::error::MethodOverride;
use super::header::folds_to;
use super::location::Location;
use super::name::{Match, ParamName, fold};
use super::view::{RequestView, Unnamed};

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
    // by their lengths alone most fields are none of these
    let lengths = dialect.override_headers.iter().fold(0_u64, |lengths, known| lengths | 1 << (known.len() % 64));
    let overrides = |name: &&[u8]| {
        lengths >> (name.len() % 64) & 1 == 1
            && dialect.override_headers.iter().any(|known| folds_to(name, known) && !is_judged(known))
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
