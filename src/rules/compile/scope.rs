//! How a route binds dimensions and types parameters.

use super::location::{Params, param_type};
use super::{Notes, people};
use crate::diagnostics::yaml::Spanned;
use crate::request::{Location, RawLocation};
use crate::rules::raw::{RawBinding, RawRoute};
use crate::rules::route::{Absent, ParamRule, ScopeRule};
use crate::rules::set::Catalog;

pub(super) fn scope(
    raw: &RawRoute,
    is_public: bool,
    catalog: &Catalog,
    params: &mut Params<'_>,
    notes: &mut Notes<'_>,
) -> Vec<ScopeRule> {
    let mut rules = Vec::with_capacity(raw.scope.len());
    for (name, binding) in raw.scope.iter() {
        if is_public {
            notes
                .error(name.mark, "a public route has no scope")
                .help("name a `permission` in place of `public: true`, or take `scope` away");
            break;
        }
        let Some(dimension) = people::dimension(name, catalog, notes) else { continue };
        let RawBinding::Bound { places, absent, narrow, .. } = &binding.value else {
            rules.push(ScopeRule::Ignored(dimension));
            continue;
        };
        if places.is_empty() {
            notes
                .error(binding.mark, format!("`{}` does not say where its values stand", name.value))
                .help("write a place such as `{query: warehouse}`, or `ignored`");
        }
        let mut compiled = Vec::with_capacity(places.len());
        for place in places {
            let Some(location) = params.place(&place.value, place.mark, notes) else { continue };
            if *absent == Absent::Fill && matches!(location, Location::Path(_)) {
                notes.error(place.mark, "a part of the path is never absent").help("take `absent: fill` away");
            }
            if compiled.contains(&location) {
                notes.error(place.mark, format!("`{location}` is named twice"));
            }
            compiled.push(location);
        }
        if *absent == Absent::Fill && places.len() > 1 {
            notes
                .error(binding.mark, "`absent: fill` with several places")
                .help("what is filled in must stand in one place; bind it by one, or let it be refused");
        }
        rules.push(ScopeRule::Bound { dimension, places: compiled, absent: *absent, narrow: *narrow });
    }
    rules
}

/// Puts in the types under `params` and in bindings.
pub(super) fn typed(raw: &RawRoute, params: &mut Params<'_>, notes: &mut Notes<'_>) {
    for (name, param) in raw.params.iter() {
        let kind = param.kind.as_ref().and_then(|kind| param_type(kind, notes));
        let location = match &param.at {
            Some(at) => params.place(&at.value, at.mark, notes),
            None => implied(name, params, notes),
        };
        let Some(rule) = location.and_then(|location| params.rule(&location)) else { continue };
        rule.secret |= param.secret;
        match (kind, rule.kind.is_some()) {
            (Some(_), true) => {
                notes
                    .error(name.mark, format!("`{}` has a type already", name.value))
                    .help("a part of the path has the type that the path gives it; anything else is typed once");
            }
            (Some(kind), false) if kind.is_file() && !matches!(rule.location, Location::Multipart(_)) => {
                notes
                    .error(name.mark, format!("`{}` cannot be a file there", name.value))
                    .help("files stand in multipart bodies: write `at: {multipart: …}`");
            }
            (Some(kind), false) => rule.kind = Some(kind),
            (None, _) => {}
        }
    }
    for (name, binding) in raw.scope.iter() {
        let RawBinding::Bound { places, kind: Some(kind), .. } = &binding.value else { continue };
        let Some(compiled) = param_type(kind, notes) else { continue };
        for place in places {
            let Ok(location) = place.value.compile(params.dialect, |part| params.pattern.slot(part)) else { continue };
            match params.rule(&location) {
                Some(ParamRule { kind: Some(_), .. }) => {
                    notes.error(kind.mark, format!("`{}` has a type already", name.value)).help("write it once");
                }
                Some(rule) => rule.kind = Some(compiled.clone()),
                None => {}
            }
        }
    }
}

/// Where a parameter stands whose place is not said: where another part of the rule says that it stands, or in the path,
/// or wherever the application looks for it.
fn implied(name: &Spanned<String>, params: &mut Params<'_>, notes: &mut Notes<'_>) -> Option<Location> {
    let mut named = params.rules.iter().map(|rule| &rule.location).filter(|location| location.name() == name.as_str());
    if let (Some(location), None) = (named.next(), named.next()) {
        return Some(location.clone());
    }
    let raw = if params.pattern.slot(name).is_some() { RawLocation::Path } else { RawLocation::Param };
    params.place(&raw(name.value.clone()), name.mark, notes)
}

/// What can be told only once every type is known.
pub(super) fn check_bindings(raw: &RawRoute, params: &mut Params<'_>, notes: &mut Notes<'_>) {
    for (name, binding) in raw.scope.iter() {
        let RawBinding::Bound { places, narrow: true, .. } = &binding.value else { continue };
        for place in places {
            let Ok(location) = place.value.compile(params.dialect, |part| params.pattern.slot(part)) else { continue };
            let is_list = params.rule(&location).and_then(|rule| rule.kind.as_ref()).is_some_and(|kind| kind.is_list());
            if !is_list {
                notes.error(place.mark, format!("`narrow` cuts down a list, but `{location}` has no list type")).help(
                    format!(
                        "type it: `params: {{{}: {{list: {{of: text, separator: \",\"}}}}}}`",
                        place_name(&place.value, name)
                    ),
                );
            }
        }
    }
}

fn place_name<'a>(place: &'a RawLocation, dimension: &'a str) -> &'a str {
    match place {
        RawLocation::Query(name)
        | RawLocation::Form(name)
        | RawLocation::Param(name)
        | RawLocation::Multipart(name) => name,
        _ => dimension,
    }
}
