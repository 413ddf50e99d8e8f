//! `lookup-unused`: no route looks anything up by a lookup.

use super::Lint;
use crate::diagnostics::Place;
use crate::lookup::LookupId;
use crate::rules::App;

impl Lint<'_> {
    /// Tells of it.
    pub(super) fn lookup_unused(&mut self, app: &App, places: &[Place]) {
        let used = |id: LookupId| {
            let mut ends = app.routes.iter().flat_map(|route| route.ends());
            ends.any(|end| end.lookup.is_some_and(|found| found.lookup == id))
        };
        for (lookup, place) in app.lookups.iter().zip(places) {
            if !used(lookup.id) {
                let message = format!("no route looks anything up by `{}`", lookup.name);
                let help = format!(
                    "bind a dimension by it: `scope: {{…: {{lookup: {}, key: …}}}}`; or take it away",
                    lookup.name
                );
                self.note("lookup-unused", place, message, &help);
            }
        }
    }
}
