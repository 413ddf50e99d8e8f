//! `selector-with-others`: a route whose operation a parameter selects forwards parameters that it does not know, one of which may
//! select another.

use super::Lint;
use crate::diagnostics::Place;
use crate::rules::route::{Authority, Others, Route};

impl Lint<'_> {
    /// Warns of it.
    pub(super) fn selector_with_others(&mut self, route: &Route, place: &Place) {
        let Authority::Selector(selector) = &route.authority else { return };
        let Some(place_of) = selector.place() else { return };
        if route.others == Others::Forward {
            let message = format!(
                "`{}` goes by `{place_of}`, but forwards parameters that it does not name: another may select what is done",
                route.id
            );
            let help = "take `others: forward` away and name the parameters under `params`";
            self.warn("selector-with-others", place, message, help);
        }
    }
}
