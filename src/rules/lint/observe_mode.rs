//! `observe-mode`: refusals of an application or route are not enforced.

use super::Lint;
use crate::diagnostics::Place;
use crate::rules::set::{App, Mode};
use rustc_hash::FxHashSet;

impl Lint<'_> {
    /// Warns of it.
    pub(super) fn observe_mode(&mut self, app: &App, place: &Place) {
        if app.mode == Mode::Observe {
            let message = format!("`{}` only observes: nothing is refused for lack of rights", app.name);
            self.warn("observe-mode", place, message, "write `mode: enforce` once the record shows no surprises");
        }
        let mut told = FxHashSet::default();
        for route in app.routes.iter().filter(|route| route.mode == Some(Mode::Observe)) {
            if let Some(place) = route.place.as_ref().filter(|_| told.insert(&route.id)) {
                let message = format!("`{}` only observes: nothing is refused for lack of rights", route.id);
                self.warn(
                    "observe-mode",
                    place,
                    message,
                    "take `mode: observe` away once the record shows no surprises",
                );
            }
        }
    }
}
