//! `scope-with-others`: a route binds scope and yet forwards parameters that it does not know.

use super::Lint;
use crate::diagnostics::Place;
use crate::rules::route::{Others, Route};

impl Lint<'_> {
    /// Warns of it.
    pub(super) fn scope_with_others(&mut self, route: &Route, place: &Place) {
        if !route.scope.is_empty() && route.others == Others::Forward {
            let message = format!("`{}` binds scope, but forwards parameters that it does not name", route.id);
            self.warn(
                "scope-with-others",
                place,
                message,
                "an unknown filter may widen what is shown; name the parameters under `params`",
            );
        }
    }
}
