//! How a route binds dimensions and types parameters.

use super::location::{Params, param_type};
use super::{Notes, lookup, people};
use crate::diagnostics::suggest;
use crate::diagnostics::yaml::Spanned;
use crate::lookup::Source;
use crate::request::{Location, RawLocation};
use crate::rules::raw::{RawAt, RawBinding, RawEnd, RawForget, RawRoute};
use crate::rules::route::{Absent, End, Forget, Handle, LookedUp, ParamRule, ScopeRule};
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
        let RawBinding::Bound { ends, absent, narrow, .. } = &binding.value else {
            rules.push(ScopeRule::Ignored(dimension));
            continue;
        };
        if ends.is_empty() {
            notes
                .error(binding.mark, format!("`{}` does not say where its values stand", name.value))
                .help("write a place such as `{query: warehouse}`, or `ignored`");
        }
        let mut compiled: Vec<End> = Vec::with_capacity(ends.len());
        for raw_end in ends {
            let Some(end) = end(raw, name, raw_end, params, notes) else { continue };
            let mark = raw_end.at.mark();
            if *absent == Absent::Fill && end.lookup.is_some() {
                notes
                    .error(binding.mark, "`absent: fill` with a lookup")
                    .help("which object is meant cannot be filled in; take it away");
            } else if *absent == Absent::Fill && matches!(end.handle.first, Location::Path(_)) {
                notes.error(mark, "a part of the path is never absent").help("take `absent: fill` away");
            }
            if *narrow && (end.lookup.is_some() || !end.handle.others.is_empty()) {
                notes
                    .error(binding.mark, "`narrow` where values are looked up, or stand in several places")
                    .help("bind the dimension by one place, or let the request be refused");
            }
            if compiled.iter().any(|other| other.handle == end.handle && other.lookup == end.lookup) {
                notes.error(mark, format!("`{}` is named twice", end.handle.first));
            }
            compiled.push(end);
        }
        let places: usize = compiled.iter().map(|end| end.handle.places().count()).sum();
        if *absent == Absent::Fill && (ends.len() > 1 || places > 1) {
            notes
                .error(binding.mark, "`absent: fill` with several places")
                .help("what is filled in must stand in one place; bind it by one, or let it be refused");
        }
        // where it is absent, rows are judged by what they say
        let in_rows = raw.answer.as_ref().is_some_and(|answer| answer.keeps_by(name));
        if !in_rows && !compiled.is_empty() && compiled.iter().all(|end| end.may_stay) {
            notes
                .error(binding.mark, format!("`{}` may be bound by nothing", name.value))
                .help("write where the object is beside where the change puts it: `[{lookup: …, key: …}, {form: to, absent: stays}]`");
        }
        rules.push(ScopeRule::Bound { dimension, ends: compiled, absent: *absent, narrow: *narrow });
    }
    rules
}

/// One end of a binding of the dimension `name`.
fn end(raw: &RawRoute, name: &str, end: &RawEnd, params: &mut Params<'_>, notes: &mut Notes<'_>) -> Option<End> {
    let handle = handle(raw, &end.at, params, notes)?;
    let Some(lookup_name) = &end.lookup else {
        return Some(End { handle, lookup: None, may_stay: end.stays });
    };
    let lookup = lookup::find(lookup_name, params.lookups, notes)?;
    let Some(attribute) = lookup.attribute(name) else {
        let known = lookup.values.iter().filter_map(|value| value.name.as_deref());
        notes
            .error(lookup_name.mark, format!("`{}` does not tell the {name}", lookup.name))
            .suggest(suggest(name, known))
            .help(format!("name it among its values: `values: {{{name}: …}}`"));
        return None;
    };
    Some(End { handle, lookup: Some(LookedUp { lookup: lookup.id, attribute }), may_stay: end.stays })
}

/// The places that something may stand in.
fn handle(raw: &RawRoute, at: &RawAt, params: &mut Params<'_>, notes: &mut Notes<'_>) -> Option<Handle> {
    let name = match at {
        RawAt::Place(place) => {
            let first = params.place(&place.value, place.mark, notes)?;
            return params.handle(first, Vec::new());
        }
        RawAt::Handle(name) => name,
    };
    let Some((_, places)) = raw.handles.iter().find(|(known, _)| known.value == name.value) else {
        notes
            .error(name.mark, format!("unknown handle `{}`", name.value))
            .suggest(suggest(name, raw.handles.iter().map(|(known, _)| known.as_str())))
            .help("name its places under `handles:` of the route: `{order: [{path: id}, {query: ref}]}`");
        return None;
    };
    let mut compiled: Vec<Location> = Vec::with_capacity(places.len());
    for place in places.iter() {
        compiled.extend(params.place(&place.value, place.mark, notes));
    }
    let mut compiled = compiled.into_iter();
    let first = compiled.next()?;
    params.handle(first, compiled.collect())
}

/// What is wrong with the handles whoever uses them.
pub(super) fn check_handles(raw: &RawRoute, notes: &mut Notes<'_>) {
    let named = |at: &RawAt, handle: &str| matches!(at, RawAt::Handle(name) if name.value == handle);
    for (name, places) in raw.handles.iter() {
        super::catalog::check_name("a handle", name, notes);
        if places.is_empty() {
            notes
                .error(name.mark, format!("the handle `{}` has no place", name.value))
                .help("write for example `[{path: id}, {query: ref}]`");
        }
        let bound = raw.scope.iter().any(|(_, binding)| match &binding.value {
            RawBinding::Bound { ends, .. } => ends.iter().any(|end| named(&end.at, name)),
            RawBinding::Ignored => false,
        });
        let forgets = |forget: &RawForget| matches!(forget, RawForget::At(at) if named(at, name));
        if !bound && !raw.forgets.iter().any(|(_, forget)| forgets(&forget.value)) {
            notes
                .error(name.mark, format!("nothing uses the handle `{}`", name.value))
                .help("bind a dimension by it: `scope: {warehouse: {lookup: …, key: {handle: …}}}`; or take it away");
        }
    }
}

/// `forgets:` of a route.
pub(super) fn forgets(raw: &RawRoute, params: &mut Params<'_>, notes: &mut Notes<'_>) -> Vec<Forget> {
    let mut all = Vec::with_capacity(raw.forgets.len());
    for (name, forget) in raw.forgets.iter() {
        let Some(id) = lookup::find(name, params.lookups, notes).map(|lookup| lookup.id) else { continue };
        let handle = match &forget.value {
            RawForget::All => None,
            RawForget::At(at) => match handle(raw, at, params, notes) {
                Some(handle) => Some(handle),
                None => continue,
            },
        };
        all.push(Forget { lookup: id, handle });
    }
    all
}

/// An answer can be held only where it is a plain one to an operation that changes nothing.
pub(super) fn check_held(
    raw: &RawRoute,
    rules: &[ScopeRule],
    changes: bool,
    params: &Params<'_>,
    notes: &mut Notes<'_>,
) {
    let mut told = None;
    for rule in rules {
        let ScopeRule::Bound { ends, .. } = rule else { continue };
        for end in ends {
            let Some(lookup) = end.lookup.and_then(|looked_up| params.lookups.get(looked_up.lookup)) else { continue };
            if !matches!(lookup.source, Source::Response(_)) {
                continue;
            }
            let name = &lookup.name;
            let mut fault = |message: String, help: &str| {
                notes.error(raw.id.mark, message).help(help);
            };
            if changes {
                fault(
                    format!("`{name}` judges by the answer, but the route may change something"),
                    "find the value by `request` or `sql`, or write `effect: none` at the permissions that only read",
                );
            }
            if raw.upgrade.is_some() {
                fault(
                    format!("`{name}` judges by the answer, but an upgraded connection has none"),
                    "find the value by `request` or `sql`",
                );
            }
            if ends.len() > 1 || told.is_some_and(|other| other != lookup.id) {
                fault(
                    format!("`{name}` judges by the answer, which is one end only"),
                    "find the values by `request` or `sql`",
                );
            }
            let is_list = |place: &Location| {
                params
                    .rules
                    .iter()
                    .any(|rule| rule.location == *place && rule.kind.as_ref().is_some_and(|kind| kind.is_list()))
            };
            if end.handle.places().any(is_list) {
                fault(
                    format!("`{name}` judges by the answer, but the request may name several objects"),
                    "find the values by `request` or `sql`",
                );
            }
            told = Some(lookup.id);
        }
    }
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
        let RawBinding::Bound { ends, kind: Some(kind), .. } = &binding.value else { continue };
        let Some(compiled) = param_type(kind, notes) else { continue };
        let all: Vec<Location> = ends.iter().flat_map(|end| locations(raw, &end.at, params)).collect();
        for location in all {
            match params.rule(&location) {
                Some(ParamRule { kind: Some(_), .. }) => {
                    notes.error(kind.mark, format!("`{}` has a type already", name.value)).help("write it once");
                }
                Some(rule) => rule.kind = Some(compiled.clone()),
                None => {}
            }
        }
    }
    // a key that nobody has typed has the one spelling that its lookup wants
    let ends = raw.scope.iter().filter_map(|(_, binding)| match &binding.value {
        RawBinding::Bound { ends, .. } => Some(ends),
        RawBinding::Ignored => None,
    });
    for end in ends.flatten() {
        let known = &params.lookups.lookups;
        let named = end.lookup.as_ref().and_then(|name| known.iter().find(|lookup| lookup.name == name.as_str()));
        let Some(key) = named.map(|lookup| lookup.key.clone()) else { continue };
        for location in locations(raw, &end.at, params) {
            if let Some(rule @ ParamRule { kind: None, .. }) = params.rule(&location) {
                rule.kind = Some(key.clone());
            }
        }
    }
}

/// The places of an end that could be compiled, which was told of before where they could not.
fn locations(raw: &RawRoute, at: &RawAt, params: &Params<'_>) -> Vec<Location> {
    let compile = |place: &RawLocation| place.compile(params.dialect, |part| params.pattern.slot(part)).ok();
    match at {
        RawAt::Place(place) => compile(&place.value).into_iter().collect(),
        RawAt::Handle(name) => {
            let places =
                raw.handles.iter().filter(|(known, _)| known.value == name.value).flat_map(|(_, places)| places.iter());
            places.filter_map(|place| compile(&place.value)).collect()
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
        let RawBinding::Bound { ends, narrow: true, .. } = &binding.value else { continue };
        for place in ends.iter().filter_map(|end| match &end.at {
            RawAt::Place(place) => Some(place),
            RawAt::Handle(_) => None,
        }) {
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
