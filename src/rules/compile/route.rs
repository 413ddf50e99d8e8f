//! One element of `routes:` into one compiled route for each of its matches.

use super::location::{Params, param_type};
use super::{Notes, condition, path, people, permission};
use crate::diagnostics::Mark;
use crate::diagnostics::yaml::Spanned;
use crate::request::{ContentTypes, Dialect, Location, RawLocation};
use crate::rules::pattern::{Extensions, MethodSet, Pattern};
use crate::rules::raw::{RawBinding, RawBody, RawRoute, RawUpgrade};
use crate::rules::role::PermissionId;
use crate::rules::route::{
    Absent, Authority, BodyRule, Others, ParamRule, Predicate, Route, ScopeRule, Selector, Upgrade,
};
use crate::rules::set::Catalog;
use compact_str::CompactString;
use rustc_hash::FxHashMap;

pub(super) fn compile(
    raw: &Spanned<RawRoute>,
    catalog: &Catalog,
    dialect: &Dialect,
    notes: &mut Notes<'_>,
) -> Vec<Route> {
    super::catalog::check_name("a route", &raw.id, notes);
    if raw.matches.is_empty() {
        notes.error(raw.id.mark, "the route matches nothing").help("write `match: GET /stock`");
    }
    let mut routes = Vec::with_capacity(raw.matches.len());
    for text in raw.matches.iter() {
        let assets = raw.assets.as_ref().map(|list| extensions(list, notes));
        let Some((methods, path)) = path::methods_and_path(text, notes) else { continue };
        let Some(pattern) = path::pattern(text.mark, path, assets, dialect, notes) else { continue };
        routes.extend(one(raw, text.mark, methods, pattern, catalog, dialect, notes));
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

fn one(
    raw: &Spanned<RawRoute>,
    mark: Mark,
    methods: MethodSet,
    pattern: Pattern,
    catalog: &Catalog,
    dialect: &Dialect,
    notes: &mut Notes<'_>,
) -> Option<Route> {
    let kept = pattern.clone();
    let mut params = Params { dialect, pattern: &kept, rules: Vec::new() };
    let predicates = predicates(raw, &mut params, notes);
    let authority = authority(raw, catalog, &mut params, notes);
    let asked: Vec<PermissionId> = authority.iter().flat_map(Authority::permissions).collect();
    let is_public = matches!(authority, Some(Authority::Public));
    let scope = scope(raw, is_public, catalog, &mut params, notes);
    let compile = |element| condition::condition(element, &asked, catalog, &mut params, notes);
    let conditions: Vec<_> = raw.when.iter().filter_map(compile).collect();
    typed(raw, &mut params, notes);
    check_bindings(raw, &mut params, notes);
    let strict = !raw.scope.is_empty() || raw.operation.is_some();
    let others = raw.others.unwrap_or(if strict { Others::Refuse } else { Others::Forward });
    let body = body(raw, methods, &params.rules, notes);
    let place = notes.place(if raw.matches.len() > 1 { mark } else { raw.id.mark });
    Some(Route {
        id: raw.id.as_str().into(),
        place: Some(place),
        methods,
        predicates,
        authority: authority?,
        params: params.rules,
        scope,
        conditions,
        others,
        body,
        mode: raw.mode,
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
    let name = name.to_owned();
    Some(match kind.as_str() {
        "path" => RawLocation::Path(name),
        "query" => RawLocation::Query(name),
        "form" => RawLocation::Form(name),
        "multipart" => RawLocation::Multipart(name),
        "json" => RawLocation::Json(name),
        "header" => RawLocation::Header(name),
        "cookie" => RawLocation::Cookie(name),
        "param" => RawLocation::Param(name),
        other => {
            let known = ["path", "query", "form", "multipart", "json", "header", "cookie", "param"];
            notes
                .error(kind.mark, format!("`{other}` is not a place in a request"))
                .suggest(crate::diagnostics::suggest(other, known))
                .help("write `where: {query: {view: list}}` with one of `path`, `query`, `form`, `multipart`, `json`, `header`, `cookie`, `param`");
            return None;
        }
    })
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
            let location = params.place(&operation.by.value, operation.by.mark, notes);
            if operation.cases.is_empty() {
                notes.error(operation.mark, "`operation` lists no cases").help("write `cases: {view: order:view}`");
            }
            let mut cases = FxHashMap::default();
            for (value, name) in operation.cases.iter() {
                if value.is_empty() {
                    notes
                        .error(value.mark, "an empty value counts as absent")
                        .help("write `absent: permission` for requests without it");
                }
                cases.extend(permission(name, catalog, notes).map(|id| (CompactString::from(value.as_str()), id)));
            }
            let absent = match &operation.absent {
                Some(name) => Some(permission(name, catalog, notes)?),
                None => None,
            };
            Some(Authority::Selector(Selector { location: location?, cases, absent }))
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

fn scope(
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
fn typed(raw: &RawRoute, params: &mut Params<'_>, notes: &mut Notes<'_>) {
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
fn check_bindings(raw: &RawRoute, params: &mut Params<'_>, notes: &mut Notes<'_>) {
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

fn body(raw: &RawRoute, methods: MethodSet, rules: &[ParamRule], notes: &mut Notes<'_>) -> BodyRule {
    let mut read = ContentTypes::default();
    for rule in rules {
        match &rule.location {
            Location::Form(_) => read.form = true,
            Location::Multipart(_) => read.multipart = true,
            Location::Json(_) => read.json = true,
            Location::Param(_) if !methods.is_bodiless() => read.form = true,
            _ => {}
        }
    }
    let reads = read.form || read.multipart || read.json;
    match &raw.body {
        None if reads => BodyRule::Judged { accept: read, cap: None },
        None if methods.is_bodiless() => BodyRule::None,
        None => BodyRule::Judged { accept: ContentTypes { form: true, ..read }, cap: None },
        Some(body) => written_body(body, rules, notes),
    }
}

fn written_body(raw: &Spanned<RawBody>, rules: &[ParamRule], notes: &mut Notes<'_>) -> BodyRule {
    let in_body = rules.iter().map(|rule| &rule.location).filter(|location| location.is_in_body());
    match (&raw.accept, &raw.stream) {
        (Some(kinds), None) => {
            let accept = ContentTypes { body_on_get: raw.on_get, ..kinds.iter().copied().collect() };
            for location in in_body {
                let (fits, kind) = match location {
                    Location::Form(_) => (accept.form || accept.multipart, "form"),
                    Location::Multipart(_) => (accept.multipart, "multipart"),
                    _ => (accept.json, "json"),
                };
                if !fits {
                    notes
                        .error(raw.mark, format!("the rule reads `{location}`, but `accept` leaves {kind} bodies out"))
                        .help(format!("add `{kind}` to `accept`"));
                }
            }
            BodyRule::Judged { accept, cap: raw.cap.map(|cap| cap.to_usize()) }
        }
        (None, Some(types)) => {
            if raw.on_get {
                notes
                    .error(raw.mark, "`on-get` needs `accept`")
                    .help("a body that comes with GET or HEAD is judged or refused, never streamed");
            }
            for location in in_body {
                notes
                    .error(raw.mark, format!("the rule reads `{location}`, but the body is streamed unread"))
                    .help("write `accept` in place of `stream`, or bind the value elsewhere");
            }
            let types = types.iter().filter_map(|text| media_type(text, notes)).collect();
            BodyRule::Stream { types, cap: raw.cap.map(|cap| cap.bytes()) }
        }
        _ => {
            notes
                .error(raw.mark, "a body is either judged or streamed")
                .help("write `accept: [form]` for one that is read, or `stream: [application/pdf]` for one that nothing reads");
            BodyRule::None
        }
    }
}

/// `type/subtype` in lower case; `type/*` and `*/*` stand for many.
fn media_type(text: &Spanned<String>, notes: &mut Notes<'_>) -> Option<CompactString> {
    let token =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-*".contains(&b));
    match text.split_once('/') {
        Some((kind, subtype)) if token(kind) && token(subtype) => Some(text.to_ascii_lowercase().into()),
        _ => {
            notes
                .error(text.mark, format!("`{}` is not a content type", text.value))
                .help("write `application/pdf`, `image/*` or `*/*`");
            None
        }
    }
}
