//! What is allowed but probably not meant: one lint one file, each with a stable code; never an error.

mod get_changes;
mod identity_missing;
mod list_of_everybody;
mod lookup_unused;
mod masked_searchable;
mod object_of_anybody;
mod observe_mode;
mod permission_ungranted;
mod permission_unused;
mod public_by_parameter;
mod public_shape;
mod role_unheld;
mod route_unreachable;
mod scope_missing;
mod scope_with_others;
mod selector_with_others;
mod selector_without_absent;

use super::compile::Facts;
use super::dimension::{DimensionId, ValueSet};
use super::pattern::Part;
use super::people::People;
use super::role::{PermissionId, PermissionSet};
use super::route::Route;
use super::set::RuleSet;
use crate::diagnostics::{Place, Report, Severity};
use rustc_hash::{FxHashMap, FxHashSet};

struct Lint<'a> {
    set: &'a RuleSet,
    people: &'a People,
    facts: &'a Facts,
    /// For each role and dimension whether somebody's assignment of the role is limited in the dimension.
    limited: FxHashMap<PermissionId, FxHashSet<DimensionId>>,
    report: &'a mut Report,
}

/// Runs every lint.
pub(super) fn lint(set: &RuleSet, people: &People, facts: &Facts, report: &mut Report) {
    let limited = limits(set, people);
    let mut lint = Lint { set, people, facts, limited, report };
    lint.permission_ungranted();
    lint.permission_unused();
    lint.role_unheld();
    for (app, (place, has_identity, lookups)) in set.apps.iter().zip(&facts.apps) {
        lint.identity_missing(app, place, *has_identity);
        lint.observe_mode(app, place);
        lint.lookup_unused(app, lookups);
        lint.route_unreachable(&app.routes);
        lint.public_by_parameter(&app.routes);
        for route in app.routes.iter() {
            let Some(place) = &route.place else { continue };
            lint.scope_missing(route, place);
            lint.scope_with_others(route, place);
            lint.public_shape(route, place);
            lint.get_changes(route, place);
            lint.selector_without_absent(route, place);
            lint.selector_with_others(route, place);
            lint.object_of_anybody(route, place);
            lint.list_of_everybody(route, place);
            lint.masked_searchable(route, place);
        }
    }
}

/// The dimensions in which holders of each permission are limited.
fn limits(set: &RuleSet, people: &People) -> FxHashMap<PermissionId, FxHashSet<DimensionId>> {
    let mut by_role: FxHashMap<_, FxHashSet<DimensionId>> = FxHashMap::default();
    for assignment in people.iter().flat_map(|subject| &subject.assignments) {
        let limits = assignment.scope.limits().iter();
        let limited = limits.filter(|(_, values)| matches!(values, ValueSet::Set(_))).map(|(dimension, _)| *dimension);
        by_role.entry(assignment.role).or_default().extend(limited);
    }
    let mut by_permission: FxHashMap<PermissionId, FxHashSet<DimensionId>> = FxHashMap::default();
    for (role, dimensions) in by_role {
        for permission in set.catalog.role(role).into_iter().flat_map(|role| role.permissions.iter()) {
            by_permission.entry(permission).or_default().extend(&dimensions);
        }
    }
    by_permission
}

impl Lint<'_> {
    fn warn(&mut self, code: &'static str, place: &Place, message: String, help: &str) {
        self.report.lint(code, Severity::Warning, place, message).help(help);
    }

    fn note(&mut self, code: &'static str, place: &Place, message: String, help: &str) {
        self.report.lint(code, Severity::Note, place, message).help(help);
    }

    fn asked(&self) -> PermissionSet {
        let mut asked = PermissionSet::default();
        for route in self.set.apps.iter().flat_map(|app| app.routes.iter()) {
            let lifted = route.answer.iter().flat_map(|answer| answer.grants.iter().copied());
            for permission in route.authority.permissions().chain(lifted) {
                asked.insert(permission);
            }
        }
        asked
    }
}

/// Equal for routes whose paths match the same.
fn shape(route: &Route) -> String {
    let mut shape = String::new();
    for part in &route.pattern.parts {
        shape.push('/');
        match part {
            Part::Literal(text) => shape.push_str(text),
            Part::Named(named) => shape.push_str(&named.spelling),
        }
    }
    if route.pattern.assets.is_some() {
        shape.push_str("/**");
    }
    shape
}
