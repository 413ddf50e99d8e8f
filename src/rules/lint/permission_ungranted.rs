//! `permission-ungranted`: a route asks for a permission that no role grants, so everybody is refused.

use super::Lint;
use crate::rules::role::PermissionId;

impl Lint<'_> {
    /// Warns of it.
    pub(super) fn permission_ungranted(&mut self) {
        let asked = self.asked();
        let granted = |id| self.set.catalog.roles.iter().any(|role| role.permissions.contains(id));
        let missing: Vec<PermissionId> = asked.iter().filter(|id| !granted(*id)).collect();
        for id in missing {
            let (Some(entry), Some(place)) = (self.set.catalog.permission(id), self.facts.permission(id)) else {
                continue;
            };
            let message = format!("no role grants `{}`, so the routes that ask for it refuse everybody", entry.name);
            self.warn("permission-ungranted", place, message, "list it under the `permissions:` of a role");
        }
    }
}
