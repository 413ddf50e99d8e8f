//! `route-unreachable`: routes that are more specific match everything that a route matches.

use super::{Lint, shape};
use crate::rules::route::Route;
use crate::rules::table::RouteTable;
use rustc_hash::FxHashMap;
use std::sync::Arc;

impl Lint<'_> {
    /// Warns of it.
    pub(super) fn route_unreachable(&mut self, table: &RouteTable) {
        let mut by_path: FxHashMap<String, Vec<&Arc<Route>>> = FxHashMap::default();
        for route in table.iter() {
            by_path.entry(shape(route)).or_default().push(route);
        }
        for routes in by_path.values() {
            for any in routes.iter().filter(|route| route.methods.is_any() && route.predicates.is_empty()) {
                let others = || routes.iter().filter(|route| !route.methods.is_any() && route.predicates.is_empty());
                let covered = any.methods.iter().all(|method| others().any(|route| route.methods.contains(method)));
                if let Some(place) = any.place.as_ref().filter(|_| covered) {
                    let message = format!("`{}` is never reached: other routes list each of its methods", any.id);
                    self.warn("route-unreachable", place, message, "take it away");
                }
            }
        }
    }
}
