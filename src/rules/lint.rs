//! What is allowed but probably not meant: one lint one function, each with a stable code; never an error.

use super::compile::Facts;
use super::dimension::{DimensionId, ValueSet};
use super::pattern::Part;
use super::people::People;
use super::role::{PermissionId, PermissionSet};
use super::route::{Authority, Others, Route};
use super::set::{App, Mode, RuleSet};
use super::table::RouteTable;
use crate::diagnostics::{Place, Report, Severity};
use crate::model::Effect;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;

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
    for (app, (place, has_identity)) in set.apps.iter().zip(&facts.apps) {
        lint.identity_missing(app, place, *has_identity);
        lint.observe_mode(app, place);
        lint.route_unreachable(&app.routes);
        lint.public_by_parameter(&app.routes);
        for route in app.routes.iter() {
            let Some(place) = &route.place else { continue };
            lint.scope_missing(route, place);
            lint.scope_with_others(route, place);
            lint.public_shape(route, place);
            lint.get_changes(route, place);
            lint.selector_without_absent(route, place);
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

    /// `permission-ungranted`: a route asks for a permission that no role grants, so everybody is refused.
    fn permission_ungranted(&mut self) {
        let asked = self.asked();
        let granted = |id| self.set.catalog.roles.iter().any(|role| role.permissions.contains(id));
        let missing: Vec<PermissionId> = asked.iter().filter(|id| !granted(*id)).collect();
        for id in missing {
            let (Some(entry), Some(place)) =
                (self.set.catalog.permission(id), self.facts.permissions.get(id.0 as usize))
            else {
                continue;
            };
            let message = format!("no role grants `{}`, so the routes that ask for it refuse everybody", entry.name);
            self.warn("permission-ungranted", place, message, "list it under the `permissions:` of a role");
        }
    }

    /// `permission-unused`: no route asks for a permission.
    fn permission_unused(&mut self) {
        let asked = self.asked();
        let facts = self.facts;
        for (at, (entry, place)) in (0_u32..).zip(self.set.catalog.permissions.iter().zip(&facts.permissions)) {
            if !asked.contains(PermissionId(at)) {
                let message = format!("no route asks for `{}`", entry.name);
                self.note("permission-unused", place, message, "take it away, or write the route that it is meant for");
            }
        }
    }

    /// `role-unheld`: nobody holds a role.
    fn role_unheld(&mut self) {
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

    /// `identity-missing`: an application with guarded routes cannot tell who is asking.
    fn identity_missing(&mut self, app: &App, place: &Place, has_identity: bool) {
        if !has_identity && app.routes.iter().any(|route| !matches!(route.authority, Authority::Public)) {
            let message =
                format!("`{}` has no `identity:`, so every route that is not public refuses everybody", app.name);
            self.warn(
                "identity-missing",
                place,
                message,
                "say how people are told apart: `identity: {legacy-session: …}`",
            );
        }
    }

    /// `observe-mode`: refusals of an application or route are not enforced.
    fn observe_mode(&mut self, app: &App, place: &Place) {
        if app.mode == Mode::Observe {
            let message = format!("`{}` only observes: nothing is refused for lack of rights", app.name);
            self.warn("observe-mode", place, message, "write `mode: enforce` once the record shows no surprises");
        }
        let mut told = FxHashSet::default();
        for route in app.routes.iter().filter(|route| route.mode == Some(Mode::Observe)) {
            if let Some(place) = route.place.as_ref().filter(|_| told.insert(&route.id)) {
                let message = format!("`{}` only observes: nothing is refused for lack of rights", route.id);
                self.warn(
                    "observe-mode",
                    place,
                    message,
                    "take `mode: observe` away once the record shows no surprises",
                );
            }
        }
    }

    /// `route-unreachable`: routes that are more specific match everything that a route matches.
    fn route_unreachable(&mut self, table: &RouteTable) {
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

    /// `public-by-parameter`: adding a parameter leads from a guarded route to a public one.
    fn public_by_parameter(&mut self, table: &RouteTable) {
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

    /// `scope-missing`: a route leaves out a dimension in which holders of its permission are limited.
    fn scope_missing(&mut self, route: &Route, place: &Place) {
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

    /// `scope-with-others`: a route binds scope and yet forwards parameters that it does not know.
    fn scope_with_others(&mut self, route: &Route, place: &Place) {
        if !route.scope.is_empty() && route.others == Others::Forward {
            let message = format!("`{}` binds scope, but forwards parameters that it does not name", route.id);
            self.warn(
                "scope-with-others",
                place,
                message,
                "an unknown filter may widen what is shown; name the parameters under `params`",
            );
        }
    }

    /// `public-shape`: a public route that lets in more than a sign-in page or static files.
    fn public_shape(&mut self, route: &Route, place: &Place) {
        if !matches!(route.authority, Authority::Public) {
            return;
        }
        let literal =
            route.pattern.parts.iter().filter(|part| matches!(part, Part::Literal(text) if !text.is_empty())).count();
        let named = route.pattern.named().count();
        let why = if literal == 0 && named > 0 {
            "any path of this length"
        } else if route.methods.is_any() && named > 0 {
            "every method on every object"
        } else if ["PUT", "PATCH", "DELETE"]
            .iter()
            .any(|method| !route.methods.is_any() && route.methods.contains(method))
        {
            "changes by people who are not signed in"
        } else {
            return;
        };
        let message = format!("the public route `{}` lets in {why}", route.id);
        self.warn("public-shape", place, message, "name the paths and methods that must be public one by one");
    }

    /// `get-changes`: GET on a route whose permission changes something.
    fn get_changes(&mut self, route: &Route, place: &Place) {
        let Authority::Permission(id) = route.authority else { return };
        let Some(entry) = self.set.catalog.permission(id) else { return };
        if route.methods.contains("GET") && !route.methods.is_any() && entry.effect == Effect::Change {
            let message = format!("`{}` takes GET, and `{}` changes something", route.id, entry.name);
            self.note(
                "get-changes",
                place,
                message,
                "write `effect: none` at the permission if it only reads; it may then be retried",
            );
        }
    }

    /// `selector-without-absent`: a plain link without the selecting parameter is refused.
    fn selector_without_absent(&mut self, route: &Route, place: &Place) {
        let Authority::Selector(selector) = &route.authority else { return };
        let Some(place_of) = selector.place() else { return };
        if selector.absent.is_none() && route.methods.contains("GET") {
            let message = format!("`{}` refuses requests without `{place_of}`", route.id);
            self.note(
                "selector-without-absent",
                place,
                message,
                "write `absent: permission` under `operation` if the application shows a page then",
            );
        }
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
