//! `get-changes`: GET on a route whose permission changes something.

use super::Lint;
use crate::diagnostics::Place;
use crate::model::Effect;
use crate::rules::route::{Authority, Route};

impl Lint<'_> {
    /// Warns of it.
    pub(super) fn get_changes(&mut self, route: &Route, place: &Place) {
        let Authority::Permission(id) = route.authority else { return };
        let Some(entry) = self.set.catalog.permission(id) else { return };
        if route.methods.contains("GET") && !route.methods.is_any() && entry.effect == Effect::Change {
            let message = format!("`{}` takes GET, and `{}` changes something", route.id, entry.name);
            self.note(
                "get-changes",
                place,
                message,
                "write `effect: none` at the permission if it only reads; it may then be retried",
            );
        }
    }
}
