//! `identity-missing`: an application with guarded routes cannot tell who is asking.

use super::Lint;
use crate::diagnostics::Place;
use crate::rules::route::Authority;
use crate::rules::set::App;

impl Lint<'_> {
    /// Warns of it.
    pub(super) fn identity_missing(&mut self, app: &App, place: &Place, has_identity: bool) {
        if !has_identity && app.routes.iter().any(|route| !matches!(route.authority, Authority::Public)) {
            let message =
                format!("`{}` has no `identity:`, so every route that is not public refuses everybody", app.name);
            self.warn(
                "identity-missing",
                place,
                message,
                "say how people are told apart: `identity: {legacy-session: …}`",
            );
        }
    }
}
