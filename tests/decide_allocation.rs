//! From a request as it was read to its route and decision without a single allocation, for a route whose parameters stand in the query.
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

use scopegate::diagnostics::Report;
use scopegate::model::{Outcome, Timestamp};
use scopegate::policy::{Asker, Question, decide};
use scopegate::request::{CanonicalTarget, RequestView, TargetLimits};
use scopegate::rules::Find;
use scopegate::rules::load::{File, load_files};
use std::path::Path;

const FILES: [(&str, &str); 3] = [
    (
        "roles.yaml",
        "
dimensions: {warehouse: {values: [HF, SH]}, channel: {values: [web, shop]}}
permissions: {order:view: {effect: none}, order:delete: {}}
roles: {keeper: {permissions: [order:view, order:delete]}, other: {permissions: [order:delete]}}
",
    ),
    (
        "people.yaml",
        "
people:
  keeper.hf:
    assignments:
      - {role: other, scope: {warehouse: all, channel: all}}
      - {role: keeper, scope: {warehouse: SH, channel: all}}
      - {role: keeper, scope: {warehouse: HF, channel: web}}
",
    ),
    (
        "wms.yaml",
        "
app: wms
hosts: [wms.test]
upstream: {url: \"http://127.0.0.1:1\"}
identity: {}
routes:
  - id: card
    match: GET /order/{id:int}/card.do
    operation: {by: {query: action}, cases: {view: order:view, delete: order:delete}}
    scope: {warehouse: {query: warehouse}, channel: {query: channel, type: {list: {of: text, separator: \",\"}}}}
    params: {page: int}
    when: [{network: [10.0.0.0/8]}, {param: {query: page}, at-most: \"100\"}]
",
    ),
];

#[test]
fn a_plain_permit_allocates_nothing() {
    let files: Vec<File> =
        FILES.iter().map(|(name, text)| File { name: (*name).to_owned(), text: (*text).to_owned() }).collect();
    let loaded = load_files(&files, Path::new(""), Report::new()).unwrap_or_else(|report| panic!("{report}"));
    let app = loaded.set.app_for_host("wms.test").unwrap();
    let subject = loaded.people.named("keeper.hf").unwrap();
    let raw = b"/order/12345/card.do?action=view&warehouse=HF&channel=web&page=7";
    let fields: [(&str, &[u8]); 3] = [("Host", b"wms.test"), ("Accept", b"*/*"), ("Cookie", b"S=1; lang=zh")];
    let mut outcomes = Vec::with_capacity(4);
    let mut counts = Vec::with_capacity(4);
    for _ in 0..2 {
        let target = CanonicalTarget::parse(raw, &app.dialect, &TargetLimits::default()).unwrap();
        let view = RequestView::new("GET", fields, false, target, &app.dialect);
        let measured = allocation_counter::measure(|| {
            let Find::Route(route, _) = app.routes.find("GET", &view) else { return };
            let question = Question {
                rules: &loaded.set,
                app,
                route,
                asker: Asker::Known(subject),
                now: Timestamp::from_micros(1_790_000_000_000_000),
                client: std::net::IpAddr::from([10, 1, 1, 1]),
                device: None,
                facts: scopegate::lookup::Facts::NONE,
            };
            let judged = decide(&question, view);
            outcomes.push((judged.judgement().outcome(), judged.judgement().deciding().first().map(|d| d.assignment)));
        });
        counts.push(measured.count_total);
    }
    assert_eq!(outcomes, [(Outcome::Permit, Some(2)); 2]);
    // the first decision may set up what a process sets up once
    assert_eq!(counts.last(), Some(&0), "allocations: {counts:?}");
}
