//! Finds what would make the application take another method than the one that is judged; never changes it.

use super::error::MethodOverride;
use super::header::folds_to;
use super::view::{BodyState, RequestView};
use compact_str::CompactString;

/// Refuses a method override that frameworks of this dialect honour, in a header, the query or a judged form.
/// To be asked before a route is looked for; [`RequestView::read_body`] asks again for the fields of a form.
///
/// # Errors
/// Names the header or parameter.
pub fn check_override(view: &RequestView<'_>) -> Result<(), MethodOverride> {
    let dialect = view.dialect();
    for (name, _) in view.fields() {
        if dialect.override_headers.iter().any(|known| folds_to(name, known)) {
            return Err(MethodOverride { name: name.into(), place: "header" });
        }
    }
    if dialect.override_params.is_empty() {
        return Ok(());
    }
    let known = |name: &str| dialect.override_params.iter().any(|known| known.eq_ignore_ascii_case(name));
    let refuse = |name: &str, place| Err(MethodOverride { name: CompactString::from(name), place });
    if let Some(value) = view.target().query().iter().find(|value| known(value.name())) {
        return refuse(value.name(), "query");
    }
    match view.body_state() {
        BodyState::Form { list, .. } => {
            list.iter().find(|value| known(value.name())).map_or(Ok(()), |value| refuse(value.name(), "form"))
        }
        BodyState::Multipart(multipart) => {
            multipart.names().find(|name| known(name)).map_or(Ok(()), |name| refuse(name, "multipart"))
        }
        BodyState::Absent | BodyState::Unread | BodyState::Json { .. } => Ok(()),
    }
}
