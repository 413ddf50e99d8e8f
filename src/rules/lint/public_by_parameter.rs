//! `public-by-parameter`: adding a parameter leads from a guarded route to a public one.

use super::{Lint, shape};
use crate::diagnostics::Severity;
use crate::rules::route::{Authority, Route};
use crate::rules::table::RouteTable;
use rustc_hash::FxHashMap;
use std::sync::Arc;

impl Lint<'_> {
    /// Warns of it.
    pub(super) fn public_by_parameter(&mut self, table: &RouteTable) {
        let mut guarded: FxHashMap<String, &Arc<Route>> = FxHashMap::default();
        for route in table.iter().filter(|route| !matches!(route.authority, Authority::Public)) {
            guarded.entry(shape(route)).or_insert(route);
        }
        for route in table.iter().filter(|route| matches!(route.authority, Authority::Public)) {
            let Some(other) = guarded.get(&shape(route)).filter(|other| {
                other.predicates.len() < route.predicates.len() && other.methods.overlaps(route.methods)
            }) else {
                continue;
            };
            if let (Some(place), Some(related)) = (&route.place, &other.place) {
                let message = format!(
                    "with a parameter more, a request reaches the public `{}` in place of `{}`",
                    route.id, other.id
                );
                self.report
                    .lint("public-by-parameter", Severity::Warning, place, message)
                    .related(related.clone(), "guarded here")
                    .help("make sure that the application reads the parameter in the same way, or guard both");
            }
        }
    }
}
