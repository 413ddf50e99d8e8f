//! `role-unheld`: nobody holds a role.

use super::Lint;
use rustc_hash::FxHashSet;

impl Lint<'_> {
    /// Warns of it.
    pub(super) fn role_unheld(&mut self) {
        if self.people.is_empty() {
            return;
        }
        let held: FxHashSet<_> =
            self.people.iter().flat_map(|subject| &subject.assignments).map(|assignment| assignment.role.0).collect();
        let facts = self.facts;
        for (at, (role, place)) in (0_u32..).zip(self.set.catalog.roles.iter().zip(&facts.roles)) {
            if !held.contains(&at) {
                self.note(
                    "role-unheld",
                    place,
                    format!("nobody holds the role `{}`", role.name),
                    "assign it, or take it away",
                );
            }
        }
    }
}
