//! Random roles, people, trees, rules and requests: `policy::decide` and the naive model come to the same.

use crate::model::{
    Assignment, Authority, Binding, Condition, Expected, Item, Kind, Limit, Person, Request, Route, Test, World,
};
use crate::setting::Setting;
use proptest::prelude::*;
use scopegate::model::Outcome;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

const PERMISSIONS: [&str; 4] = ["stock:view", "stock:edit", "order:view", "order:delete"];
const DIMENSIONS: [(&str, &[&str]); 3] =
    [("warehouse", &["HF", "SH", "BJ"]), ("channel", &["web", "shop", "post"]), ("owner", &["li", "wu"])];
/// The instant that the model calls 0.
const EPOCH: i64 = 1_790_000_000;
const REQUESTS: usize = 24;

fn tree() -> BTreeMap<String, Vec<String>> {
    let list = |values: &[&str]| values.iter().map(|v| (*v).to_owned()).collect();
    BTreeMap::from([("EAST".to_owned(), list(&["HF", "SH"])), ("CN".to_owned(), list(&["EAST", "BJ"]))])
}

fn limit(dimension: usize) -> impl Strategy<Value = Limit> {
    let values = DIMENSIONS[dimension].1;
    let value = prop::sample::select(values.to_vec()).prop_map(|v| Item::Value(v.to_owned()));
    let item = if dimension == 0 {
        prop_oneof![5 => value, 1 => prop::sample::select(vec!["EAST", "CN", "HF"]).prop_map(|v| Item::Below(v.to_owned()))].boxed()
    } else {
        value.boxed()
    };
    prop_oneof![1 => Just(Limit::All), 4 => prop::collection::vec(item, 1..3).prop_map(Limit::Of)]
}

fn span() -> impl Strategy<Value = (Option<i64>, Option<i64>)> {
    prop_oneof![9 => Just((None, None)), 1 => (0_i64..30, 0_i64..30).prop_map(|(a, b)| (Some(a.min(b)), Some(a.max(b) + 1))),
        1 => (0_i64..30).prop_map(|at| (Some(at), None)), 1 => (0_i64..30).prop_map(|at| (None, Some(at)))]
}

fn assignment() -> impl Strategy<Value = Assignment> {
    let maybe = |d| prop::option::weighted(0.85, limit(d));
    (0..3_usize, (maybe(0), maybe(1), maybe(2)), span()).prop_map(|(role, (a, b, c), (from, until))| {
        let named = DIMENSIONS.iter().zip([a, b, c]);
        let scope = named.filter_map(|((name, _), limit)| Some(((*name).to_owned(), limit?))).collect();
        Assignment { role, scope, from, until }
    })
}

fn person() -> impl Strategy<Value = Person> {
    (prop::bool::weighted(0.08), span(), prop::bool::weighted(0.8), prop::collection::vec(assignment(), 0..8)).prop_map(
        |(frozen, (from, until), always, assignments)| {
            let (from, until) = if always { (None, None) } else { (from, until) };
            Person { frozen, from, until, assignments }
        },
    )
}

/// How a route treats one dimension.
fn treatment(dimension: usize) -> impl Strategy<Value = Option<Option<Binding>>> {
    let params: Vec<Vec<&str>> = match dimension {
        0 => vec![vec!["wh"], vec!["wh"], vec!["from", "to"]],
        1 => vec![vec!["ch"]],
        _ => vec![vec!["ow"]],
    };
    let kind = prop::sample::select(vec![Kind::Untyped, Kind::Commas, Kind::Commas, Kind::Repeated]);
    let binding = (prop::sample::select(params), kind, any::<bool>(), prop::bool::weighted(0.4)).prop_map(
        move |(params, kind, fill, narrow)| Binding {
            dimension: DIMENSIONS[dimension].0.to_owned(),
            kind,
            narrow: narrow && kind != Kind::Untyped && params.len() == 1,
            fill: fill && params.len() == 1,
            params: params.into_iter().map(str::to_owned).collect(),
        },
    );
    prop_oneof![1 => Just(None), 3 => Just(Some(None)), 4 => binding.prop_map(|b| Some(Some(b)))]
}

fn authority() -> impl Strategy<Value = Authority> {
    prop_oneof![
        1 => Just(Authority::Public),
        8 => (0..4_usize).prop_map(Authority::Permission),
        4 => (0..4_usize, 0..4_usize, prop::option::of(0..4_usize)).prop_map(|(a, b, absent)| Authority::Operation {
            by: "op".to_owned(),
            cases: BTreeMap::from([("a".to_owned(), a), ("b".to_owned(), b)]),
            absent,
        }),
    ]
}

fn route() -> impl Strategy<Value = Route> {
    let typed = (any::<bool>(), any::<bool>());
    let amount = prop::option::weighted(0.3, (0_i64..10, any::<bool>(), 0..6_usize));
    let network = prop::option::weighted(0.2, 0..6_usize);
    let scope = (treatment(0), treatment(1), treatment(2));
    (authority(), typed, scope, any::<bool>(), amount, network).prop_map(
        |(authority, (page, color), (a, b, c), forward_others, amount, network)| {
            let mut route = Route {
                params: Vec::new(),
                bindings: Vec::new(),
                ignored: Vec::new(),
                forward_others,
                conditions: Vec::new(),
                authority,
            };
            if page {
                route.params.push(("page".to_owned(), Kind::Int));
            }
            if color {
                route.params.push(("color".to_owned(), Kind::Enum));
            }
            let permissions: Vec<usize> = match &route.authority {
                Authority::Public => Vec::new(),
                Authority::Permission(permission) => vec![*permission],
                Authority::Operation { cases, absent, .. } => cases.values().copied().chain(*absent).collect(),
            };
            if !permissions.is_empty() {
                for (dimension, treatment) in [a, b, c].into_iter().enumerate() {
                    match treatment {
                        None => {}
                        Some(None) => route.ignored.push(DIMENSIONS[dimension].0.to_owned()),
                        Some(Some(binding)) => route.bindings.push(binding),
                    }
                }
            }
            let on = |pick: usize| permissions.get(pick).copied();
            if let Some((most, absent, pick)) = amount {
                let test = Test::AtMost { param: "amount".to_owned(), most, absent };
                route.conditions.push(Condition { on: on(pick), test });
            }
            if let Some(pick) = network {
                route.conditions.push(Condition { on: on(pick), test: Test::Network });
            }
            route
        },
    )
}

fn world() -> impl Strategy<Value = World> {
    let role = prop::collection::btree_set(0..4_usize, 2..5);
    (prop::collection::vec(role, 3), prop::collection::vec(person(), 4), prop::collection::vec(route(), 3))
        .prop_map(|(roles, people, routes)| World { tree: tree(), roles, people, routes })
}

fn value_of(name: &str) -> BoxedStrategy<String> {
    let select =
        |values: &[&str]| prop::sample::select(values.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>()).boxed();
    match name {
        "wh" | "from" | "to" => {
            select(&["HF", "HF", "SH", "SH", "BJ", "EAST", "ZZ", "", "HF,SH", "SH,BJ", "HF,", "HF,SH,BJ"])
        }
        "ch" => select(&["web", "web", "shop", "post", "fax", "", "web,shop", "web,shop,post"]),
        "ow" => select(&["li", "li", "wu", "me", "", "li,wu"]),
        "page" => select(&["1", "2", "3", "4", "5", "6", "7", "-8", "01", "+1", "", "x"]),
        "color" => select(&["red", "green", "red", "green", "red", "green", "blue", ""]),
        "op" => select(&["a", "b", "a", "b", "a", "b", "c", ""]),
        "amount" => select(&["0", "3", "4", "5", "9", "12", "03", "", "x"]),
        _ => select(&["1", ""]),
    }
}

const NAMES: [&str; 10] = ["wh", "from", "to", "ch", "ow", "page", "color", "op", "amount", "x"];

fn request() -> impl Strategy<Value = (Request, Vec<bool>)> {
    let values: Vec<_> = NAMES
        .iter()
        .map(|name| prop_oneof![18 => prop::collection::vec(value_of(name), 1), 10 => Just(Vec::new()), 1 => prop::collection::vec(value_of(name), 2)])
        .collect();
    let who = prop_oneof![12 => 0..4_usize, 1 => 4..6_usize];
    (who, 0..3_usize, 0_i64..31, any::<bool>(), values, prop::collection::vec(prop::bool::weighted(0.02), NAMES.len()))
        .prop_map(|(who, route, now, inside, values, noise)| {
            let query = NAMES.iter().zip(values);
            let query = query.flat_map(|(name, values)| values.into_iter().map(|v| ((*name).to_owned(), v))).collect();
            (Request { who, route, now, inside, query }, noise)
        })
}

/// Leaves out parameters that the route has nothing to do with, but for a few.
fn relevant(world: &World, (mut request, noise): (Request, Vec<bool>)) -> Request {
    let route = &world.routes[request.route];
    let mut named: BTreeSet<&str> = route.params.iter().map(|(name, _)| name.as_str()).collect();
    named.extend(route.bindings.iter().flat_map(|binding| binding.params.iter().map(String::as_str)));
    if matches!(route.authority, Authority::Operation { .. }) {
        named.insert("op");
    }
    if !route.conditions.is_empty() {
        named.insert("amount");
    }
    let noisy: BTreeSet<&str> = NAMES.iter().zip(&noise).filter(|(_, noise)| **noise).map(|(name, _)| *name).collect();
    request.query.retain(|(name, _)| named.contains(name.as_str()) || noisy.contains(name.as_str()));
    request
}

fn instant(at: i64) -> String {
    jiff::Timestamp::from_second(EPOCH + at).unwrap().to_string()
}

fn validity(from: Option<i64>, until: Option<i64>) -> String {
    let part = |name: &str, at: Option<i64>| at.map(|at| format!(", {name}: {}", instant(at))).unwrap_or_default();
    part("from", from) + &part("until", until)
}

fn limit_yaml(limit: &Limit) -> String {
    match limit {
        Limit::All => "all".to_owned(),
        Limit::Of(items) => {
            let item = |item: &Item| match item {
                Item::Value(value) => value.clone(),
                Item::Below(value) => format!("{{below: {value}}}"),
            };
            format!("[{}]", items.iter().map(item).collect::<Vec<_>>().join(", "))
        }
    }
}

fn kind_yaml(kind: Kind) -> &'static str {
    match kind {
        Kind::Untyped => unreachable!("the type is left out"),
        Kind::Int => "int",
        Kind::Enum => "{enum: [red, green]}",
        Kind::Commas => "{list: {of: text, separator: \",\"}}",
        Kind::Repeated => "{list: {of: text}}",
    }
}

/// The rule files that say what the world is.
pub fn files(world: &World) -> Vec<(String, String)> {
    let mut roles = "dimensions:\n  warehouse: {values: [HF, SH, BJ], tree: {EAST: [HF, SH], CN: [EAST, BJ]}}\n  channel: {values: [web, shop, post]}\n  owner: {}\npermissions:\n".to_owned();
    for permission in PERMISSIONS {
        writeln!(roles, "  {permission}: {{effect: none}}").unwrap();
    }
    roles.push_str("roles:\n");
    for (at, permissions) in world.roles.iter().enumerate() {
        let list: Vec<&str> = permissions.iter().map(|p| PERMISSIONS[*p]).collect();
        writeln!(roles, "  role{at}: {{permissions: [{}]}}", list.join(", ")).unwrap();
    }
    let mut people = "people:\n".to_owned();
    for (at, person) in world.people.iter().enumerate() {
        let validity_of = validity(person.from, person.until);
        writeln!(people, "  user{at}: {{title: User {at}, frozen: {}{validity_of}, assignments: [", person.frozen)
            .unwrap();
        for a in &person.assignments {
            let scope: Vec<String> = a.scope.iter().map(|(d, limit)| format!("{d}: {}", limit_yaml(limit))).collect();
            writeln!(
                people,
                "    {{role: role{}, scope: {{{}}}{}}},",
                a.role,
                scope.join(", "),
                validity(a.from, a.until)
            )
            .unwrap();
        }
        people.push_str("  ]}\n");
    }
    let mut app = "app: app\nhosts: [app.test]\nupstream: {url: \"http://127.0.0.1:1\"}\nroutes:\n".to_owned();
    for (at, route) in world.routes.iter().enumerate() {
        route_yaml(at, route, &mut app);
    }
    vec![("roles.yaml".to_owned(), roles), ("people.yaml".to_owned(), people), ("app.yaml".to_owned(), app)]
}

fn route_yaml(at: usize, route: &Route, out: &mut String) {
    writeln!(out, "  - id: r{at}\n    match: GET /r{at}").unwrap();
    match &route.authority {
        Authority::Public => writeln!(out, "    public: true").unwrap(),
        Authority::Permission(permission) => writeln!(out, "    permission: {}", PERMISSIONS[*permission]).unwrap(),
        Authority::Operation { by, cases, absent } => {
            let list: Vec<String> = cases.iter().map(|(case, p)| format!("{case}: {}", PERMISSIONS[*p])).collect();
            let absent = absent.map(|p| format!(", absent: {}", PERMISSIONS[p])).unwrap_or_default();
            writeln!(out, "    operation: {{by: {{query: {by}}}, cases: {{{}}}{absent}}}", list.join(", ")).unwrap();
        }
    }
    let mut params: Vec<String> = Vec::new();
    for (name, kind) in &route.params {
        let kind = if *kind == Kind::Untyped { String::new() } else { format!(", type: {}", kind_yaml(*kind)) };
        params.push(format!("{name}: {{at: {{query: {name}}}{kind}}}"));
    }
    let mut scope: Vec<String> = route.ignored.iter().map(|dimension| format!("{dimension}: ignored")).collect();
    for binding in &route.bindings {
        let mut extra = if binding.fill { ", absent: fill".to_owned() } else { String::new() };
        if binding.narrow {
            extra.push_str(", narrow: true");
        }
        if binding.kind != Kind::Untyped {
            write!(extra, ", type: {}", kind_yaml(binding.kind)).unwrap();
        }
        let places = match binding.params.as_slice() {
            [one] => format!("{{query: {one}{extra}}}"),
            several => {
                let list: Vec<String> = several.iter().map(|param| format!("{{query: {param}}}")).collect();
                format!("{{places: [{}]{extra}}}", list.join(", "))
            }
        };
        scope.push(format!("{}: {places}", binding.dimension));
    }
    if !params.is_empty() {
        writeln!(out, "    params: {{{}}}", params.join(", ")).unwrap();
    }
    if !scope.is_empty() {
        writeln!(out, "    scope: {{{}}}", scope.join(", ")).unwrap();
    }
    writeln!(out, "    others: {}", if route.forward_others { "forward" } else { "refuse" }).unwrap();
    if route.conditions.is_empty() {
        return;
    }
    out.push_str("    when:\n");
    for condition in &route.conditions {
        let on = condition.on.map(|p| format!("on: {}, ", PERMISSIONS[p])).unwrap_or_default();
        match &condition.test {
            Test::Network => writeln!(out, "      - {{{on}network: [10.0.0.0/8]}}").unwrap(),
            Test::AtMost { param, most, absent } => {
                writeln!(
                    out,
                    "      - {{{on}param: {{query: {param}}}, at-most: {most}, absent: {}}}",
                    if *absent { "allow" } else { "refuse" }
                )
                .unwrap();
            }
        }
    }
}

fn target(request: &Request) -> String {
    let pairs: Vec<String> =
        request.query.iter().map(|(name, value)| format!("{name}={}", value.replace('+', "%2B"))).collect();
    format!("/r{}?{}", request.route, pairs.join("&"))
}

fn name(who: usize, people: usize) -> Option<String> {
    (who <= people).then(|| format!("user{who}"))
}

/// How often each reason came out, and how often a request was changed on the way.
type Tally = std::cell::RefCell<BTreeMap<&'static str, usize>>;

fn agree(world: &World, requests: Vec<(Request, Vec<bool>)>, tally: &Tally) -> Result<(), TestCaseError> {
    let setting = Setting::load(&files(world));
    for request in requests {
        let request = relevant(world, request);
        let ip = if request.inside { "10.1.2.3" } else { "192.0.2.1" };
        let who = name(request.who, world.people.len());
        let target = target(&request);
        let now = EPOCH + request.now;
        let found = setting.ask(who.as_deref(), "app.test", &target, ip, now);
        let expected = world.decide(&request);
        let count = |what| *tally.borrow_mut().entry(what).or_default() += 1;
        count(found.reason.code());
        if found.outcome == Outcome::Permit && found.query != request.query {
            count("(changed)");
        }
        let context = || {
            format!(
                "{target} as {who:?} at {}\n{}",
                request.now,
                files(world).iter().map(|f| f.1.clone()).collect::<String>()
            )
        };
        match &expected {
            Expected::Refuse(codes) => {
                prop_assert_eq!(found.outcome, Outcome::Refuse, "model: {:?}\n{}", codes, context());
                prop_assert!(
                    codes.contains(found.reason.code()),
                    "{} is not in {codes:?}\n{}",
                    found.reason,
                    context()
                );
            }
            Expected::Permit(query) => {
                prop_assert_eq!(found.outcome, Outcome::Permit, "decide: {}\n{}", found.reason, context());
                let mut forwarded: BTreeMap<String, Vec<String>> = BTreeMap::new();
                for (name, value) in &found.query {
                    forwarded.entry(name.clone()).or_default().push(value.clone());
                }
                prop_assert_eq!(sorted(&forwarded), sorted(query), "{}", context());
            }
        }
    }
    Ok(())
}

/// Lists that were filled in have no order of their own.
fn sorted(query: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, Vec<String>> {
    let elements = |values: &Vec<String>| {
        let mut all: Vec<String> = values.iter().flat_map(|v| v.split(',')).map(str::to_owned).collect();
        all.sort();
        all
    };
    query.iter().map(|(name, values)| (name.clone(), elements(values))).collect()
}

/// A stream that was permitted goes on under other rules and people, and at another time, exactly where the request that was
/// forwarded would be permitted then as it stands.
fn outlives(
    world: &World,
    later: &World,
    requests: Vec<(Request, Vec<bool>)>,
    tally: &Tally,
) -> Result<(), TestCaseError> {
    let later = World { tree: tree(), routes: changed(&world.routes, &later.routes), ..later.clone() };
    let (before, after) = (Setting::load(&files(world)), Setting::load(&files(&later)));
    for (at, request) in requests.into_iter().enumerate() {
        let request = relevant(world, request);
        let ip = if request.inside { "10.1.2.3" } else { "192.0.2.1" };
        let who = name(request.who, world.people.len());
        let stream = before.stream(who.as_deref(), "app.test", &target(&request), ip, EPOCH + request.now);
        let Some((claim, forwarded)) = stream else { continue };
        prop_assert!(before.holds(&claim, EPOCH + request.now), "{forwarded} does not hold where it was permitted");
        let then = EPOCH + i64::try_from(at).unwrap_or(0);
        let found = after.ask(who.as_deref(), "app.test", &forwarded, ip, then);
        let permitted = found.outcome == Outcome::Permit && found.target == forwarded;
        *tally.borrow_mut().entry(if permitted { "goes on" } else { "ends" }).or_default() += 1;
        prop_assert_eq!(
            after.holds(&claim, then),
            permitted,
            "{} as {:?} at {}: {} {}\nbefore\n{}\nafter\n{}",
            forwarded,
            who,
            then - EPOCH,
            found.reason,
            found.target,
            files(world).iter().map(|f| f.1.clone()).collect::<String>(),
            files(&later).iter().map(|f| f.1.clone()).collect::<String>()
        );
    }
    Ok(())
}

/// The routes with the rights, scopes and conditions of others, but what they read of a request left as it is.
fn changed(routes: &[Route], others: &[Route]) -> Vec<Route> {
    let mix = |(route, other): (&Route, &Route)| {
        if matches!(route.authority, Authority::Public) {
            return route.clone();
        }
        let bindings: Vec<Binding> =
            route.bindings.iter().filter(|b| !other.ignored.contains(&b.dimension)).cloned().collect();
        let bound = |dimension: &String| bindings.iter().any(|binding| binding.dimension == *dimension);
        // what nothing tested when the stream was opened would end it
        let tests = route.conditions.iter().any(|c| matches!(c.test, Test::AtMost { .. }));
        let known = |c: &&Condition| c.on.is_none() && (tests || matches!(c.test, Test::Network));
        let conditions = route.conditions.iter().chain(other.conditions.iter().filter(known)).cloned().collect();
        let unbound = route.bindings.iter().filter(|b| !bound(&b.dimension));
        let params = unbound.flat_map(|b| b.params.iter().map(|param| (param.clone(), b.kind)));
        Route {
            params: route.params.iter().cloned().chain(params).collect(),
            ignored: route
                .ignored
                .iter()
                .chain(&other.ignored)
                .filter(|d| !bound(d))
                .cloned()
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            conditions,
            bindings,
            ..route.clone()
        }
    };
    routes.iter().zip(others).map(mix).collect()
}

#[test]
fn a_stream_goes_on_exactly_where_its_request_would_still_be_permitted() {
    let cases = std::env::var("SCOPEGATE_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(40);
    let config =
        ProptestConfig { cases, max_shrink_iters: 2_000, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let requests = prop::collection::vec(request(), REQUESTS);
    let tally = Tally::default();
    let outcome = runner
        .run(&(world(), world(), requests), |(world, later, requests)| outlives(&world, &later, requests, &tally));
    if let Err(failure) = outcome {
        let text = failure.to_string();
        panic!("{}", text.split("minimal failing input").next().unwrap_or(&text));
    }
    let tally = tally.into_inner();
    println!("{tally:#?}");
    for needed in ["goes on", "ends"] {
        assert!(tally.contains_key(needed), "no stream {needed}: the generator has gone astray");
    }
}

#[test]
fn the_naive_model_and_the_decision_come_to_the_same() {
    let cases = std::env::var("SCOPEGATE_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(40);
    let config =
        ProptestConfig { cases, max_shrink_iters: 2_000, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let requests = prop::collection::vec(request(), REQUESTS);
    let tally = Tally::default();
    if let Err(failure) = runner.run(&(world(), requests), |(world, requests)| agree(&world, requests, &tally)) {
        let text = failure.to_string();
        panic!("{}", text.split("minimal failing input").next().unwrap_or(&text));
    }
    let tally = tally.into_inner();
    println!("{tally:#?}");
    for needed in ["granted", "out-of-scope", "not-granted", "(changed)"] {
        assert!(tally.contains_key(needed), "no request came out as {needed}: the generator has gone astray");
    }
}
