//! Places in requests and types of parameters, compiled for the route that names them.

use super::Notes;
use super::lookup::Known;
use crate::diagnostics::yaml::Spanned;
use crate::diagnostics::{Mark, suggest};
use crate::request::{Dialect, Location, LocationError, ParamType, RawLocation, RawParamType};
use crate::rules::pattern::Pattern;
use crate::rules::route::{Handle, ParamRule};

/// Every parameter that a rule names, gathered while it is compiled.
pub(super) struct Params<'a> {
    pub(super) dialect: &'a Dialect,
    pub(super) pattern: &'a Pattern,
    pub(super) lookups: &'a Known,
    pub(super) rules: Vec<ParamRule>,
}

impl Params<'_> {
    /// Compiles a place and notes it among the parameters that the rule names.
    pub(super) fn place(&mut self, raw: &RawLocation, mark: Mark, notes: &mut Notes<'_>) -> Option<Location> {
        let location = self.compile(raw, mark, notes)?;
        if !self.rules.iter().any(|rule| rule.location == location) {
            let kind = match &location {
                Location::Path(path) => self.part_type(path.name()),
                _ => None,
            };
            self.rules.push(ParamRule { location: location.clone(), kind, secret: false });
        }
        Some(location)
    }

    /// The handle of places that were noted. They stay where they stand, since more are only put behind them.
    pub(super) fn handle(&self, first: Location, others: Vec<Location>) -> Option<Handle> {
        let param = self.rules.iter().position(|rule| rule.location == first)?;
        Some(Handle { first, param, others })
    }

    fn part_type(&self, name: &str) -> Option<ParamType> {
        self.pattern.named().find(|(named, _)| named.name == name)?.0.kind.as_deref().cloned()
    }

    pub(super) fn compile(&self, raw: &RawLocation, mark: Mark, notes: &mut Notes<'_>) -> Option<Location> {
        match raw.compile(self.dialect, |name| self.pattern.slot(name)) {
            Ok(location) => Some(location),
            Err(error) => {
                let message = match &error {
                    // a route may have several paths, so the one is named
                    LocationError::UnknownPart(name) => {
                        format!("the path `{}` has no part named `{name}`", self.pattern)
                    }
                    other => other.to_string(),
                };
                let diagnostic = notes.error(mark, message);
                if let LocationError::Prefix(prefix) = &error {
                    let known = self.dialect.namespaces.iter().map(|(prefix, _)| prefix.as_str());
                    diagnostic.suggest(suggest(prefix, known)).help(format!(
                        "declare it at the application: `dialect: {{namespaces: {{{prefix}: \"urn:…\"}}}}`; `*:name` takes any namespace"
                    ));
                }
                if let LocationError::UnknownPart(name) = &error {
                    let parts = self.pattern.named().map(|(named, _)| named.name.as_str());
                    diagnostic
                        .suggest(suggest(name, parts))
                        .help(format!("write the part into the path: `{{{name}}}`"));
                }
                None
            }
        }
    }

    /// The rule of a parameter, which is named by then.
    pub(super) fn rule(&mut self, location: &Location) -> Option<&mut ParamRule> {
        self.rules.iter_mut().find(|rule| rule.location == *location)
    }
}

/// Compiles a type.
pub(super) fn param_type(raw: &Spanned<RawParamType>, notes: &mut Notes<'_>) -> Option<ParamType> {
    match raw.value.clone().compile() {
        Ok(kind) => Some(kind),
        Err(error) => {
            notes.error(raw.mark, one_line(&error.to_string()));
            None
        }
    }
}

/// A message of several lines, as the regex parser gives, as its first and last.
pub(super) fn one_line(text: &str) -> String {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    match lines.last() {
        Some(last) => {
            let last = last.trim().trim_start_matches("error: ");
            match first.split_once(": ") {
                Some((head, _)) => format!("{head}: {last}"),
                None => last.to_owned(),
            }
        }
        None => first.to_owned(),
    }
}
