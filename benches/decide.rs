//! The decision alone, and together with reading the target and finding the route, at 10 to 100,000 rules and people.
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

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use scopegate::diagnostics::Report;
use scopegate::model::{Outcome, SubjectId, Timestamp};
use scopegate::policy::{Asker, Judged, Question, decide};
use scopegate::request::{CanonicalTarget, RequestView, TargetLimits};
use scopegate::rules::load::{File, Loaded, load_files};
use scopegate::rules::{App, Find};
use scopegate::wire::head::RequestHead;
use scopegate::wire::limit::HeadLimits;
use std::fmt::Write as _;
use std::hint::black_box;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

/// That of the program: what is measured is what it does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SIZES: [usize; 5] = [10, 100, 1_000, 10_000, 100_000];

/// As many routes and people, ten roles, three assignments a person.
fn setting(size: usize) -> Loaded {
    let mut roles = "dimensions: {warehouse: {}}\npermissions:\n".to_owned();
    for at in 0..100 {
        writeln!(roles, "  object{at}:view: {{effect: none}}").unwrap();
    }
    roles.push_str("roles:\n");
    for role in 0..10 {
        let list: Vec<String> = (0..100).filter(|at| at % 10 == role).map(|at| format!("'object{at}:view'")).collect();
        writeln!(roles, "  role{role}: {{permissions: [{}]}}", list.join(", ")).unwrap();
    }
    let mut people = "people:\n".to_owned();
    for at in 0..size {
        writeln!(people, "  user{at}:\n    assignments:").unwrap();
        for turn in 0..3 {
            let (role, warehouse) = ((at + turn) % 10, (at + turn) % 200);
            writeln!(people, "      - {{role: role{role}, scope: {{warehouse: [W{warehouse}, V{warehouse}]}}}}")
                .unwrap();
        }
    }
    let mut app =
        "app: erp\nhosts: [erp.test]\nupstream: {url: \"http://127.0.0.1:1\"}\nidentity: {}\nroutes:\n".to_owned();
    for at in 0..size {
        writeln!(
            app,
            "  - id: r{at}\n    match: GET /module{}/object{}.do\n    permission: object{}:view",
            at % 50,
            at / 50,
            at % 100
        )
        .unwrap();
        app.push_str("    scope: {warehouse: {query: warehouse}}\n    params: {page: int}\n");
    }
    let files = [("roles.yaml", roles), ("people.yaml", people), ("erp.yaml", app)];
    let files = files.map(|(name, text)| File { name: name.to_owned(), text });
    load_files(&files, Path::new(""), Report::new()).unwrap_or_else(|report| panic!("{report}"))
}

/// The target of route `at`, and who may read it.
fn request(at: usize, size: usize) -> (Vec<u8>, SubjectId) {
    let who = (0..size).map(|turn| (at + turn) % size).find(|who| who % 10 == at % 10).unwrap_or(0);
    let target = format!("/module{}/object{}.do?warehouse=W{}&page=3", at % 50, at / 50, who % 200);
    (target.into_bytes(), SubjectId::new(&format!("user{who}")))
}

fn judge<'h>(
    loaded: &'h Loaded,
    app: &'h Arc<App>,
    head: &'h RequestHead,
    target: Box<CanonicalTarget>,
    who: &'h SubjectId,
) -> Judged<'h, 'h> {
    let view = RequestView::of(head, false, target, &app.dialect);
    let Find::Route(route, _) = app.routes.find("GET", &view) else { panic!("no route") };
    let asker = loaded.people.subject(who).map_or(Asker::Stranger(who), Asker::Known);
    let question = Question {
        rules: &loaded.set,
        app,
        route,
        asker,
        now: Timestamp::from_micros(1_790_000_000_000_000),
        client: IpAddr::from([10, 1, 1, 1]),
        device: None,
        facts: scopegate::lookup::Facts::NONE,
    };
    decide(&question, view)
}

fn decisions(c: &mut Criterion) {
    let limits = TargetLimits::default();
    let mut group = c.benchmark_group("decide");
    for size in SIZES {
        let loaded = setting(size);
        let app = loaded.set.app_for_host("erp.test").unwrap();
        let requests: Vec<_> = (0..256).map(|turn| request(turn * 7919 % size, size)).collect();
        let parse = |raw: &[u8]| CanonicalTarget::parse(raw, &app.dialect, &limits).unwrap();
        let sent = b"GET / HTTP/1.1\r\nHost: erp.test\r\nAccept: */*\r\n\r\n";
        let (head, _) = RequestHead::parse(sent, &HeadLimits::default()).unwrap();
        for (raw, who) in &requests {
            let judged = judge(&loaded, app, &head, parse(raw), who);
            assert_eq!(judged.judgement().outcome(), Outcome::Permit, "{}", String::from_utf8_lossy(raw));
        }
        let mut turn = 0;
        let mut next = || {
            turn = (turn + 1) % requests.len();
            &requests[turn]
        };
        group.bench_function(BenchmarkId::new("target parsed → decision", size), |b| {
            b.iter_batched(
                || {
                    let (raw, who) = next();
                    (parse(raw), who)
                },
                // the request lives on: what it is made of is freed when it has been answered
                |(target, who)| black_box(judge(&loaded, app, &head, target, who)),
                // as in life a target was parsed a moment ago, so that it is in the caches
                BatchSize::NumIterations(16),
            );
        });
        group.bench_function(BenchmarkId::new("bytes → decision, all freed", size), |b| {
            b.iter(|| {
                let (raw, who) = next();
                black_box(judge(&loaded, app, &head, parse(raw), who));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, decisions);
criterion_main!(benches);
