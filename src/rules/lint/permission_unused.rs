//! `permission-unused`: no route asks for a permission.

use super::Lint;

impl Lint<'_> {
    /// Warns of it.
    pub(super) fn permission_unused(&mut self) {
        let asked = self.asked();
        let facts = self.facts;
        for (id, entry) in self.set.catalog.permissions() {
            if let (false, Some(place)) = (asked.contains(id), facts.permission(id)) {
                let message = format!("no route asks for `{}`", entry.name);
                self.note("permission-unused", place, message, "take it away, or write the route that it is meant for");
            }
        }
    }
}
