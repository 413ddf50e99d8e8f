//! One element of `routes:` into one compiled route for each of its matches.

use super::location::Params;
use super::lookup::Known;
use super::{Notes, answer, body, condition, operation, path, permission, scope};
use crate::diagnostics::Mark;
use crate::diagnostics::yaml::Spanned;
use crate::model::Effect;
use crate::request::{Dialect, RawLocation};
use crate::rules::pattern::{Extensions, MethodSet, Pattern};
use crate::rules::raw::{RawRoute, RawUpgrade};
use crate::rules::role::PermissionId;
use crate::rules::route::{Authority, Others, Predicate, Route, Upgrade};
use crate::rules::set::Catalog;
use compact_str::CompactString;

pub(super) fn compile(
    raw: &Spanned<RawRoute>,
    catalog: &Catalog,
    dialect: &Dialect,
    lookups: &Known,
    notes: &mut Notes<'_>,
) -> Vec<Route> {
    super::catalog::check_name("a route", &raw.id, notes);
    if raw.matches.is_empty() {
        notes.error(raw.id.mark, "the route matches nothing").help("write `match: GET /stock`");
    }
    scope::check_handles(raw, notes);
    let mut routes = Vec::with_capacity(raw.matches.len());
    for text in raw.matches.iter() {
        let assets = raw.assets.as_ref().map(|list| extensions(list, notes));
        let Some((methods, path)) = path::methods_and_path(text, notes) else { continue };
        let Some(pattern) = path::pattern(text.mark, path, assets, dialect, notes) else { continue };
        routes.extend(one(raw, text.mark, methods, pattern, catalog, dialect, lookups, notes));
    }
    routes
}

fn extensions(list: &Spanned<Vec<Spanned<String>>>, notes: &mut Notes<'_>) -> Extensions {
    if list.is_empty() {
        notes
            .error(list.mark, "`assets` lists nothing")
            .help("name the extensions of the static files: `[css, js, png]`");
    }
    let mut extensions = Vec::with_capacity(list.len());
    for text in list.iter() {
        let plain = text.strip_prefix('.').unwrap_or(text);
        if plain.is_empty() || !plain.bytes().all(|b| b.is_ascii_alphanumeric()) {
            notes
                .error(text.mark, format!("`{}` is not an extension", text.value))
                .help("write letters and digits: `css`, `woff2`");
        } else if SCRIPTS.iter().any(|script| script.eq_ignore_ascii_case(plain)) {
            notes
                .error(text.mark, format!("`{}` is run by servers, it is no static file", text.value))
                .help("write a route for it");
        }
        extensions.push(plain.to_ascii_lowercase().into());
    }
    Extensions(extensions)
}

/// Extensions that servers run.
const SCRIPTS: [&str; 18] = [
    "php", "php3", "php4", "php5", "php7", "phtml", "phar", "jsp", "jspx", "do", "action", "asp", "aspx", "ashx",
    "asmx", "cgi", "pl", "py",
];

#[expect(clippy::too_many_arguments, reason = "what a route is compiled from")]
fn one(
    raw: &Spanned<RawRoute>,
    mark: Mark,
    methods: MethodSet,
    pattern: Pattern,
    catalog: &Catalog,
    dialect: &Dialect,
    lookups: &Known,
    notes: &mut Notes<'_>,
) -> Option<Route> {
    let kept = pattern.clone();
    let mut params = Params { dialect, pattern: &kept, lookups, rules: Vec::new() };
    let predicates = predicates(raw, &mut params, notes);
    let authority = authority(raw, catalog, &mut params, notes);
    let asked: Vec<PermissionId> = authority.iter().flat_map(Authority::permissions).collect();
    let is_public = matches!(authority, Some(Authority::Public));
    let bound = scope::scope(raw, is_public, catalog, &mut params, notes);
    let forgets = scope::forgets(raw, &mut params, notes);
    let compile = |element| condition::condition(element, &asked, catalog, &mut params, notes);
    let conditions: Vec<_> = raw.when.iter().filter_map(compile).collect();
    let answer = answer::answer(raw, &asked, &bound, catalog, &mut params, notes);
    scope::typed(raw, &mut params, notes);
    scope::check_bindings(raw, &mut params, notes);
    let changes = asked.iter().any(|&id| catalog.permission(id).is_none_or(|entry| entry.effect == Effect::Change));
    scope::check_held(raw, &bound, changes, &params, notes);
    let strict = !raw.scope.is_empty() || raw.operation.is_some() || raw.answer.is_some();
    let others = raw.others.unwrap_or(if strict { Others::Refuse } else { Others::Forward });
    let body = body::body(raw, methods, &params.rules, notes);
    let place = notes.place(if raw.matches.len() > 1 { mark } else { raw.id.mark });
    Some(Route {
        id: raw.id.as_str().into(),
        place: Some(place),
        methods,
        predicates,
        authority: authority?,
        params: params.rules,
        scope: bound,
        forgets,
        conditions,
        others,
        body,
        mode: raw.mode,
        answer,
        upgrade: upgrade(raw, notes),
        audit: raw.audit,
        pattern,
    })
}

fn predicates(raw: &RawRoute, params: &mut Params<'_>, notes: &mut Notes<'_>) -> Vec<Predicate> {
    let mut predicates: Vec<Predicate> = Vec::new();
    for (kind, names) in raw.predicates.iter().flat_map(|table| table.iter()) {
        for (name, values) in names.iter() {
            let Some(place) = location_of(kind, name, notes) else { continue };
            if values.is_empty() {
                notes.error(name.mark, format!("no value is given for `{}`", name.value));
            }
            let Some(location) = params.place(&place, name.mark, notes) else { continue };
            let mut values: Vec<CompactString> = values.iter().map(|value| value.as_str().into()).collect();
            values.sort_unstable();
            values.dedup();
            predicates.push(Predicate { location, values });
        }
    }
    predicates
}

/// The place that a kind and a name give.
fn location_of(kind: &Spanned<String>, name: &str, notes: &mut Notes<'_>) -> Option<RawLocation> {
    let place = RawLocation::named(kind, name.to_owned());
    if place.is_none() {
        let known = RawLocation::NAMED.map(|kind| format!("`{kind}`")).join(", ");
        notes
            .error(kind.mark, format!("`{}` is not a place in a request", kind.value))
            .suggest(crate::diagnostics::suggest(kind, RawLocation::NAMED))
            .help(format!("write `where: {{query: {{view: list}}}}` with one of {known}"));
    }
    place
}

fn authority(
    raw: &Spanned<RawRoute>,
    catalog: &Catalog,
    params: &mut Params<'_>,
    notes: &mut Notes<'_>,
) -> Option<Authority> {
    match (&raw.public, &raw.permission, &raw.operation) {
        (Some(public), None, None) if public.value => Some(Authority::Public),
        (Some(public), _, _) if !public.value => {
            notes.error(public.mark, "`public: false` says nothing").help("take the line away and name a `permission`");
            None
        }
        (None, Some(name), None) => permission(name, catalog, notes).map(Authority::Permission),
        (None, None, Some(operation)) => {
            operation::compile(&operation.value, operation.mark, catalog, params, notes).map(Authority::Selector)
        }
        (None, None, None) => {
            notes
                .error(raw.id.mark, format!("the route `{}` asks for nothing", raw.id.value))
                .help("write `permission: resource:operation`, or `operation:` where a parameter says which, or `public: true`");
            None
        }
        _ => {
            notes
                .error(raw.id.mark, format!("the route `{}` asks for more than one thing", raw.id.value))
                .help("write exactly one of `permission`, `operation` and `public: true`");
            None
        }
    }
}

fn upgrade(raw: &RawRoute, notes: &mut Notes<'_>) -> Upgrade {
    match (raw.upgrade, &raw.origins) {
        (Some(RawUpgrade::Websocket), origins) => Upgrade::WebSocket {
            origins: origins.iter().flat_map(|list| list.iter()).filter_map(|text| origin(text, notes)).collect(),
        },
        (None, Some(origins)) => {
            notes.error(origins.mark, "`origins` without `upgrade`").help("write `upgrade: websocket`");
            Upgrade::None
        }
        (None, None) => Upgrade::None,
    }
}

/// `scheme://host[:port]` in lower case (RFC 6454 section 6.2).
fn origin(text: &Spanned<String>, notes: &mut Notes<'_>) -> Option<CompactString> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    if host.is_none_or(|host| host.is_empty() || host.contains(['/', '?', '#', '@', '*'])) {
        notes
            .error(text.mark, format!("`{}` is not an origin", text.value))
            .help("write `https://wms.example.com`, without a path");
        return None;
    }
    Some(text.to_ascii_lowercase().into())
}
