//! Route match at 10 to 100,000 routes, and the time to compile as many.
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

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use scopegate::diagnostics::Report;
use scopegate::rules::RouteTable;
use scopegate::rules::load::{File, load_files};
use scopegate::rules::pattern::{MethodSet, Named, Part, Pattern};
use scopegate::rules::route::{Authority, BodyRule, Durability, Others, Route, Upgrade};
use scopegate::rules::table::{Find, Said};
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

const SIZES: [usize; 5] = [10, 100, 1_000, 10_000, 100_000];

/// Routes as an ERP has them: modules, objects, a number, an operation.
fn routes(count: usize) -> Vec<Arc<Route>> {
    (0..count)
        .map(|at| {
            let literal = |text: String| Part::Literal(text.into());
            let number = Part::Named(Named {
                name: "id".into(),
                prefix: "".into(),
                suffix: "".into(),
                kind: Some(Arc::new(scopegate::request::ParamType::Int)),
                spelling: "{int}".into(),
            });
            let parts = vec![
                literal(format!("module{}", at % 50)),
                literal(format!("object{}", at / 50)),
                number,
                literal("edit".to_owned()),
            ];
            let mut methods = MethodSet::default();
            methods.insert("GET");
            Arc::new(Route {
                id: format!("r{at}").into(),
                place: None,
                methods,
                pattern: Pattern { parts, assets: None, text: "".into() },
                predicates: Vec::new(),
                authority: Authority::Public,
                params: Vec::new(),
                scope: Vec::new(),
                forgets: Vec::new(),
                conditions: Vec::new(),
                others: Others::Forward,
                body: BodyRule::None,
                answer: None,
                mode: None,
                upgrade: Upgrade::None,
                audit: Durability::Normal,
            })
        })
        .collect()
}

fn find(c: &mut Criterion) {
    let mut group = c.benchmark_group("route_match/find");
    for size in SIZES {
        let (table, overlaps) = RouteTable::build(routes(size));
        assert!(overlaps.is_empty());
        // a different route each time, so that caches are as cold as in life
        let paths: Vec<[String; 4]> = (0..1024)
            .map(|n| {
                let at = (n * 7919) % size;
                [format!("module{}", at % 50), format!("object{}", at / 50), n.to_string(), "edit".to_owned()]
            })
            .collect();
        let mut next = 0;
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            b.iter(|| {
                next = (next + 1) % paths.len();
                let segments = paths[next].each_ref().map(|text| (text.as_str(), text.as_str()));
                let found = table.find_by("GET", |at| segments.get(at).copied(), &|_| Said::Absent);
                assert!(matches!(black_box(found), Find::Route(..)));
            });
        });
    }
    group.finish();
}

fn compile(c: &mut Criterion) {
    let mut group = c.benchmark_group("route_match/compile");
    group.sample_size(10);
    for size in [1_000, 10_000, 100_000] {
        let mut text = String::from("app: erp\nhosts: erp.test\nupstream: {url: \"http://127.0.0.1:1\"}\nroutes:\n");
        for at in 0..size {
            let (module, object) = (at % 50, at / 50);
            let _ = writeln!(
                text,
                "  - {{id: r{at}, match: \"GET /module{module}/object{object}/{{id:int}}/edit\", permission: order:view, \
                 scope: {{warehouse: {{query: warehouse}}}}}}"
            );
        }
        let roles = "dimensions: {warehouse: {}}\npermissions: {order:view: {effect: none}}\nroles: {a: {permissions: [order:view]}}\n";
        let file = |name: &str, text: &str| File { name: name.to_owned(), text: text.to_owned() };
        let files = [file("erp.yaml", &text), file("roles.yaml", roles)];
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::new("from_text", size), |b| {
            b.iter(|| load_files(black_box(&files), Path::new(""), Report::new()).expect("the rules are sound"));
        });
        group.bench_function(BenchmarkId::new("table", size), |b| {
            b.iter_with_setup(|| routes(size), RouteTable::build);
        });
    }
    group.finish();
}

criterion_group!(benches, find, compile);
criterion_main!(benches);
