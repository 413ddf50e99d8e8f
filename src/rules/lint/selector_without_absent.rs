//! `selector-without-absent`: a plain link without the selecting parameter is refused.

use super::Lint;
use crate::diagnostics::Place;
use crate::rules::route::{Authority, Route};

impl Lint<'_> {
    /// Warns of it.
    pub(super) fn selector_without_absent(&mut self, route: &Route, place: &Place) {
        let Authority::Selector(selector) = &route.authority else { return };
        let Some(place_of) = selector.place() else { return };
        if selector.absent.is_none() && route.methods.contains("GET") {
            let message = format!("`{}` refuses requests without `{place_of}`", route.id);
            self.note(
                "selector-without-absent",
                place,
                message,
                "write `absent: permission` under `operation` if the application shows a page then",
            );
        }
    }
}
