//! `object-of-anybody`: a route names an object by its number, and nothing says whose it is: whoever counts up sees them all.

use super::Lint;
use crate::diagnostics::Place;
use crate::rules::route::{Route, ScopeRule};

impl Lint<'_> {
    /// Warns of it.
    pub(super) fn object_of_anybody(&mut self, route: &Route, place: &Place) {
        let Some((object, _)) = route.pattern.named().next() else { return };
        let Some(dimension) = self.ignored_limit(route) else { return };
        let message = format!(
            "`{}` names an object by `{}` and ignores `{dimension}`: people who are limited by it reach the objects of others",
            route.id, object.name
        );
        let help = format!(
            "look up where it lies: `{dimension}: {{lookup: …, key: {{path: {}}}}}`, or bind `{dimension}` otherwise",
            object.name
        );
        self.warn("object-of-anybody", place, message, &help);
    }

    /// A dimension that a route ignores although holders of its permission are limited in it, where nothing else is bound.
    pub(super) fn ignored_limit(&self, route: &Route) -> Option<String> {
        if route.scope.iter().any(|rule| matches!(rule, ScopeRule::Bound { .. })) {
            return None;
        }
        let ignored = route.scope.iter().find_map(|rule| match rule {
            ScopeRule::Ignored(dimension) => {
                let limited = |permission| self.limited.get(&permission).is_some_and(|all| all.contains(dimension));
                route.authority.permissions().any(limited).then_some(*dimension)
            }
            ScopeRule::Bound { .. } => None,
        })?;
        self.set.catalog.dimension(ignored).map(|dimension| dimension.name.to_string())
    }
}
