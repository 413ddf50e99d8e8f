//! `public-shape`: a public route that lets in more than a sign-in page or static files.

use super::Lint;
use crate::diagnostics::Place;
use crate::rules::pattern::Part;
use crate::rules::route::{Authority, Route};

impl Lint<'_> {
    /// Warns of it.
    pub(super) fn public_shape(&mut self, route: &Route, place: &Place) {
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
}
