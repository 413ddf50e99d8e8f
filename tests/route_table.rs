//! The trie finds what a matcher finds that walks the list and compares every pair: on random routes and requests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::field_reassign_with_default,
    reason = "what stops here fails by stopping"
)]

use proptest::prelude::*;
use scopegate::diagnostics::Report;
use scopegate::request::Location;
use scopegate::rules::load::{File, load_files};
use scopegate::rules::pattern::{Part, Pattern};
use scopegate::rules::route::{Predicate, Route};
use scopegate::rules::table::{Find, Said};
use std::cmp::Ordering;
use std::path::Path;
use std::sync::Arc;

/// A pattern is a list of segments; these are few, so that random ones overlap often.
const SEGMENTS: [&str; 8] = ["a", "b", "a-1", "{n:int}", "{d:date}", "{c:[ab]-[0-9]}", "{x}", "a-{m:int}"];
const ASKED: [&str; 9] = ["a", "b", "c", "a-1", "b-2", "7", "2026-01-01", "x.css", "lib"];
const METHODS: [&str; 5] = ["GET", "POST", "GET|POST", "DELETE", "ANY"];
const WHERE: [&str; 5] = [
    "",
    "where: {query: {v: 1}}, ",
    "where: {query: {v: [1, 2]}}, ",
    "where: {query: {w: 1}}, ",
    "where: {query: {v: 1, w: 1}}, ",
];

fn route() -> impl Strategy<Value = String> {
    let path = prop::collection::vec(0..SEGMENTS.len(), 1..4);
    (path, 0..METHODS.len(), 0..WHERE.len(), any::<bool>()).prop_map(|(path, method, predicates, below)| {
        let path: String = path.iter().map(|at| format!("/{}", SEGMENTS[*at])).collect();
        let (tail, assets) = if below { ("/**", "assets: [css], ") } else { ("", "") };
        format!("match: \"{} {path}{tail}\", {assets}{}public: true", METHODS[method], WHERE[predicates])
    })
}

fn asked() -> impl Strategy<Value = (&'static str, Vec<&'static str>, [Option<u8>; 2])> {
    let segments = prop::collection::vec(prop::sample::select(&ASKED[..]), 1..5);
    let value = || prop::option::of(1..4_u8);
    (prop::sample::select(&["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"][..]), segments, [value(), value()])
}

/// Whether the predicate holds for a request with these values of `v` and `w`.
fn holds(predicate: &Predicate, values: &[Option<u8>; 2]) -> bool {
    let value = if predicate.location.name() == "v" { values[0] } else { values[1] };
    value.is_some_and(|value| predicate.values.iter().any(|known| *known == value.to_string()))
}

/// What a request with these values of `v` and `w` says.
fn said(location: &Location, values: &[Option<u8>; 2]) -> Said<'static> {
    let value = if location.name() == "v" { values[0] } else { values[1] };
    value.map_or(Said::Absent, |value| Said::One(["0", "1", "2", "3"][usize::from(value)]))
}

/// 0 literal, 1 typed, 2 any one segment, 3 static files below.
fn ranks(pattern: &Pattern) -> Vec<u8> {
    let rank = |part: &Part| match part {
        Part::Literal(_) => 0,
        Part::Named(named) if named.is_any() => 2,
        Part::Named(_) => 1,
    };
    pattern.parts.iter().map(rank).chain(pattern.assets.is_some().then_some(3)).collect()
}

fn path_matches(pattern: &Pattern, segments: &[&str]) -> bool {
    let length = match pattern.assets {
        Some(_) => segments.len() > pattern.parts.len(),
        None => segments.len() == pattern.parts.len(),
    };
    let fits = pattern.parts.iter().zip(segments).all(|(part, segment)| match part {
        Part::Literal(text) => text == segment,
        Part::Named(named) => named.accepts(segment, segment),
    });
    let static_file =
        || pattern.assets.as_ref().is_none_or(|assets| assets.accept(segments[pattern.parts.len()..].iter().copied()));
    length && fits && static_file()
}

fn implies(ours: &Route, theirs: &Route) -> bool {
    theirs.predicates.iter().all(|other| {
        ours.predicates
            .iter()
            .any(|own| own.location == other.location && own.values.iter().all(|v| other.values.contains(v)))
    })
}

/// Less is more specific: the path from left to right, then the parameters, then the method.
fn compare(one: &Route, other: &Route) -> Ordering {
    ranks(&one.pattern)
        .cmp(&ranks(&other.pattern))
        .then_with(|| implies(other, one).cmp(&implies(one, other)))
        .then_with(|| one.methods.is_any().cmp(&other.methods.is_any()))
}

fn naive<'a>(
    routes: &'a [Arc<Route>],
    method: &str,
    segments: &[&str],
    values: &[Option<u8>; 2],
) -> Result<&'a str, bool> {
    let on_path: Vec<_> = routes.iter().filter(|route| path_matches(&route.pattern, segments)).collect();
    let listed = |route: &&&Arc<Route>| route.methods.contains(method);
    let matching = on_path.iter().filter(listed).filter(|route| route.predicates.iter().all(|p| holds(p, values)));
    match matching.min_by(|one, other| compare(one, other)) {
        Some(route) => Ok(&route.id),
        None => Err(on_path.iter().any(|route| !route.methods.contains(method))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_trie_finds_what_walking_the_list_finds(
        routes in prop::collection::vec(route(), 1..8),
        requests in prop::collection::vec(asked(), 1..20),
    ) {
        let mut text = String::from("app: a\nhosts: a.test\nupstream: {url: \"http://127.0.0.1:1\"}\nroutes:\n");
        for (at, route) in routes.iter().enumerate() {
            text.push_str(&format!("  - {{id: r{at}, {route}}}\n"));
        }
        let file = File { name: "a.yaml".to_owned(), text };
        // overlapping routes never reach a table
        let Ok(loaded) = load_files(&[file], Path::new(""), Report::new()) else { return Ok(()) };
        let table = &loaded.set.apps[0].routes;
        let listed: Vec<Arc<Route>> = table.iter().cloned().collect();
        for (method, segments, values) in requests {
            let pairs: Vec<(&str, &str)> = segments.iter().map(|text| (*text, *text)).collect();
            let found = table.find_by(method, |at| pairs.get(at).copied(), &|location| said(location, &values));
            let found = match found {
                Find::Route(route, _) => Ok(route.id.as_str()),
                Find::MethodNotListed => Err(true),
                _ => Err(false),
            };
            prop_assert_eq!(found, naive(&listed, method, &segments, &values), "{} {:?} {:?}", method, segments, values);
        }
    }

    #[test]
    fn the_order_of_the_file_never_matters(
        routes in prop::collection::vec(route(), 1..6),
        requests in prop::collection::vec(asked(), 1..10),
    ) {
        let load = |routes: &mut dyn Iterator<Item = (usize, &String)>| {
            let mut text = String::from("app: a\nhosts: a.test\nupstream: {url: \"http://127.0.0.1:1\"}\nroutes:\n");
            for (at, route) in routes {
                text.push_str(&format!("  - {{id: r{at}, {route}}}\n"));
            }
            load_files(&[File { name: "a.yaml".to_owned(), text }], Path::new(""), Report::new())
        };
        let (one, other) = (load(&mut routes.iter().enumerate()), load(&mut routes.iter().enumerate().rev()));
        prop_assert_eq!(one.is_ok(), other.is_ok());
        let (Ok(one), Ok(other)) = (one, other) else { return Ok(()) };
        for (method, segments, values) in requests {
            let pairs: Vec<(&str, &str)> = segments.iter().map(|text| (*text, *text)).collect();
            let ids = [&one, &other].map(|loaded| {
                match loaded.set.apps[0].routes.find_by(method, |at| pairs.get(at).copied(), &|location| said(location, &values)) {
                    Find::Route(route, _) => route.id.to_string(),
                    other => format!("{other:?}"),
                }
            });
            prop_assert_eq!(&ids[0], &ids[1]);
        }
    }
}

/// Routes of a front controller: one path, another value of `v` each, and some that ask for more, or for `w`, or for nothing.
fn front(count: usize) -> Vec<String> {
    let mut routes: Vec<String> = (0..count)
        .map(|at| {
            let method = ["GET", "POST", "GET|POST", "DELETE"][at % 4];
            format!("match: {method} /index.php, where: {{query: {{v: [x{at}, y{}]}}}}, public: true", at + 100_000)
        })
        .collect();
    routes.push("match: GET /index.php, where: {query: {v: x1, w: '1'}}, public: true".to_owned());
    routes.push("match: POST /index.php, where: {query: {v: x1, w: '2'}}, public: true".to_owned());
    routes.push("match: GET /index.php, where: {query: {w: '3', v: x3}}, public: true".to_owned());
    // fewer values of the same parameter are more specific
    routes.push("match: GET /index.php, where: {query: {v: x4}}, public: true".to_owned());
    routes.push("match: ANY /index.php, public: true".to_owned());
    routes
}

fn table(routes: &[String]) -> Result<Arc<scopegate::rules::App>, Report> {
    let mut text = String::from("app: a\nhosts: a.test\nupstream: {url: \"http://127.0.0.1:1\"}\nroutes:\n");
    for (at, route) in routes.iter().enumerate() {
        text.push_str(&format!("  - {{id: r{at}, {route}}}\n"));
    }
    let loaded = load_files(&[File { name: "a.yaml".to_owned(), text }], Path::new(""), Report::new())?;
    Ok(Arc::clone(&loaded.set.apps[0]))
}

#[test]
fn the_routes_of_a_front_controller_are_found_as_by_walking_them() {
    // with all the others, without the one for whatever is left, and with none of them
    for others in [5, 4, 0] {
        let mut routes = front(40);
        routes.truncate(40 + others);
        let app = table(&routes).unwrap();
        let listed: Vec<Arc<Route>> = app.routes.iter().cloned().collect();
        let mut found_some = [0; 3];
        for v in ["x0", "x1", "x2", "x3", "x4", "y100004", "x39", "x40", ""] {
            for w in ["1", "2", "3", ""] {
                for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "PROPFIND"] {
                    let say = |location: &Location| match if location.name() == "v" { v } else { w } {
                        "" => Said::Absent,
                        value => Said::One(value),
                    };
                    let holds =
                        |p: &Predicate| matches!(say(&p.location), Said::One(v) if p.values.iter().any(|own| own == v));
                    let matching =
                        |route: &&Arc<Route>| route.methods.contains(method) && route.predicates.iter().all(holds);
                    let naive = listed.iter().filter(matching).min_by(|one, other| compare(one, other));
                    let unlisted = listed.iter().any(|route| !route.methods.contains(method));
                    match (app.routes.find_by(method, |at| [("index.php", "index.php")].get(at).copied(), &say), naive)
                    {
                        (Find::Route(route, _), Some(wanted)) => {
                            found_some[0] += 1;
                            assert_eq!(route.id, wanted.id, "{method} {v} {w}");
                        }
                        (Find::MethodNotListed, None) if unlisted => found_some[1] += 1,
                        (Find::None, None) if !unlisted => found_some[2] += 1,
                        (found, wanted) => panic!("{method} {v} {w}: {found:?}, not {wanted:?}"),
                    }
                }
            }
        }
        assert!(found_some[0] > 20 && found_some[1] > 10, "{found_some:?}");
    }
}

#[test]
fn a_front_controller_refuses_what_is_ambiguous_and_what_it_has_not_read() {
    let app = table(&front(40)).unwrap();
    let find =
        |said: Said<'static>| app.routes.find_by("GET", |at| [("index.php", "index.php")].get(at).copied(), &|_| said);
    assert!(matches!(find(Said::Ambiguous), Find::Ambiguous(location) if location.name() == "v"));
    assert!(matches!(find(Said::Unread), Find::NeedsBody(_)));
}

#[test]
fn operations_of_a_front_controller_that_overlap_are_told() {
    let mut routes = front(40);
    routes.push("match: GET|POST /index.php, where: {query: {w: '9'}}, public: true".to_owned());
    let report = table(&routes).unwrap_err().to_string();
    // `w` may come with each of the forty but those for DELETE, and with the one that asks for `x4` alone
    assert!(report.contains("`r45` (GET|POST /index.php) overlaps with `r0`"), "{report}");
    assert_eq!(report.lines().count(), 30 + 1, "{report}");
}
