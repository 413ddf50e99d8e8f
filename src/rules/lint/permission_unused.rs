//! `permission-unused`: no route asks for a permission.

use super::Lint;
use crate::rules::role::PermissionId;

impl Lint<'_> {
    /// Warns of it.
    pub(super) fn permission_unused(&mut self) {
        let asked = self.asked();
        let facts = self.facts;
        for (at, (entry, place)) in (0_u32..).zip(self.set.catalog.permissions.iter().zip(&facts.permissions)) {
            if !asked.contains(PermissionId(at)) {
                let message = format!("no route asks for `{}`", entry.name);
                self.note("permission-unused", place, message, "take it away, or write the route that it is meant for");
            }
        }
    }
}
