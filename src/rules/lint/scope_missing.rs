//! `scope-missing`: a route leaves out a dimension in which holders of its permission are limited.

use super::Lint;
use crate::diagnostics::Place;
use crate::rules::dimension::DimensionId;
use crate::rules::route::Route;

impl Lint<'_> {
    /// Warns of it.
    pub(super) fn scope_missing(&mut self, route: &Route, place: &Place) {
        let mut missing: Vec<DimensionId> = route
            .authority
            .permissions()
            .filter_map(|permission| self.limited.get(&permission))
            .flatten()
            .copied()
            .filter(|dimension| route.scope_rule(*dimension).is_none() && !route.keeps_rows_by(*dimension))
            .collect();
        missing.sort_unstable();
        missing.dedup();
        let names: Vec<String> = missing
            .iter()
            .filter_map(|id| self.set.catalog.dimension(*id))
            .map(|dimension| format!("`{}`", dimension.name))
            .collect();
        let Some(first) = missing.first().and_then(|id| self.set.catalog.dimension(*id)) else { return };
        let message = format!(
            "people who may do this are limited by {}, which `{}` does not bind, so they are refused",
            names.join(" and "),
            route.id
        );
        let help = format!(
            "bind it: `scope: {{{0}: {{query: {0}}}}}`; or write `{0}: ignored` where it does not matter",
            first.name
        );
        self.warn("scope-missing", place, message, &help);
    }
}
