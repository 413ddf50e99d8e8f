//! `list-of-everybody`: a route that only reads and names no object ignores what its readers are limited by: a list that nobody
//! narrows shows the rows of everybody.

use super::Lint;
use crate::diagnostics::Place;
use crate::model::Effect;
use crate::rules::route::Route;

impl Lint<'_> {
    /// Notes it.
    pub(super) fn list_of_everybody(&mut self, route: &Route, place: &Place) {
        if route.pattern.named().next().is_some() || route.pattern.assets.is_some() || !route.methods.contains("GET") {
            return;
        }
        let effect = |permission| self.set.catalog.permission(permission).map(|entry| entry.effect);
        if !route.authority.permissions().any(|permission| effect(permission) == Some(Effect::None)) {
            return;
        }
        let Some(dimension) = self.ignored_limit(route) else { return };
        let message = format!(
            "`{}` shows the same to everybody: it ignores `{dimension}`, by which people who may see it are limited",
            route.id
        );
        let help = format!(
            "bind `{dimension}` to the parameter that narrows the list, with `absent: fill`, or keep its rows by `answer: {{rows: …}}`"
        );
        self.note("list-of-everybody", place, message, &help);
    }
}
