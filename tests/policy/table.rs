//! Principals × resources × actions: the outcome, the reason and the assignment that decided, for each cell.

use crate::setting::Setting;
use scopegate::model::Timestamp;
use scopegate::policy::inquiry::{Content, Inquiry};

const ROLES: &str = "
dimensions:
  warehouse: {values: [HF, SH, BJ], tree: {EAST: [HF, SH]}}
  channel: {values: [web, shop]}
permissions:
  stock:view: {effect: none}
  stock:edit: {}
  stock:move: {}
  order:view: {effect: none}
  order:delete: {}
  order:refund: {}
roles:
  keeper: {permissions: [stock:view, stock:edit, stock:move]}
  viewer: {permissions: [stock:view, order:view]}
  clerk: {permissions: [order:view, order:delete, order:refund]}
";

const PEOPLE: &str = "
people:
  keeper:
    assignments: [{id: k-hf, role: keeper, scope: {warehouse: HF, channel: all}}]
  mixed:
    assignments:
      - {id: m-keeper, role: keeper, scope: {warehouse: HF, channel: all}}
      - {id: m-viewer, role: viewer, scope: {warehouse: SH, channel: all}}
  two:
    assignments:
      - {id: t-hf, role: keeper, scope: {warehouse: HF, channel: all}}
      - {id: t-sh, role: keeper, scope: {warehouse: SH, channel: all}}
  crossed:
    assignments:
      - {id: c-hf, role: keeper, scope: {warehouse: HF, channel: web}}
      - {id: c-sh, role: keeper, scope: {warehouse: SH, channel: shop}}
  east:
    assignments: [{id: e-east, role: viewer, scope: {warehouse: {below: EAST}, channel: all}}]
  boss:
    assignments: [{id: b-all, role: viewer, scope: {warehouse: all, channel: all}}]
  web:
    assignments: [{id: w-web, role: viewer, scope: {warehouse: all, channel: web}}]
  vague:
    assignments: [{id: v-none, role: viewer, scope: {channel: all}}]
  clerk:
    assignments: [{id: cl-all, role: clerk, scope: {warehouse: all, channel: all}}]
  late:
    assignments: [{id: l-old, role: viewer, scope: {warehouse: all, channel: all}, until: 2026-06-01T00:00:00Z}]
  early:
    assignments: [{id: y-new, role: viewer, scope: {warehouse: all, channel: all}, from: 2026-06-01T00:00:00Z}]
  gone:
    until: 2026-06-01T00:00:00Z
    assignments: [{id: g-all, role: viewer, scope: {warehouse: all, channel: all}}]
  frozen:
    frozen: true
    assignments: [{id: f-all, role: viewer, scope: {warehouse: all, channel: all}}]
";

const APP: &str = "
app: wms
hosts: [wms.test]
upstream: {url: \"http://127.0.0.1:1\"}
identity: {}
routes:
  - {id: login, match: GET /login, public: true}
  - id: list
    match: GET /list
    permission: stock:view
    scope: {warehouse: {query: w, absent: fill, narrow: true, type: {list: {of: text, separator: \",\"}}}, channel: ignored}
    params: {page: int}
  - id: one
    match: GET /one
    permission: stock:view
    scope: {warehouse: {query: w, absent: fill}, channel: ignored}
  - id: loose
    match: GET /loose
    permission: order:view
    scope: {warehouse: {query: w}}
  - id: edit
    match: GET /edit
    permission: stock:edit
    scope: {warehouse: {query: w}, channel: ignored}
  - id: move
    match: GET /move
    permission: stock:move
    scope: {warehouse: [{query: from}, {query: to}], channel: ignored}
  - id: both
    match: GET /both
    permission: stock:view
    scope: {warehouse: {query: w, absent: fill}, channel: {query: c, absent: fill}}
  - id: card
    match: GET /card
    operation: {by: {query: action}, cases: {view: order:view, confirm_delete: order:delete, refund: order:refund}}
    scope: {warehouse: ignored, channel: ignored}
    when:
      - {on: order:refund, param: {query: amount}, at-most: \"500\"}
      - {on: order:delete, network: [10.0.0.0/8]}
";

fn setting() -> Setting {
    Setting::of(&[("roles.yaml", ROLES), ("people.yaml", PEOPLE), ("wms.yaml", APP)])
}

/// 2026-06-01T00:00:00Z, the instant at which things end and begin.
const TURN: i64 = 1_780_272_000;

/// Who, what, the code of the reason, and the assignment that decided or the target that is forwarded (`/…`).
type Row = (&'static str, &'static str, &'static str, &'static str);

fn check(rows: &[Row], now: i64) {
    let setting = setting();
    for (who, target, reason, more) in rows {
        let found = setting.ask(Some(who).filter(|who| !who.is_empty()).copied(), "wms.test", target, "10.1.1.1", now);
        assert_eq!(found.reason.code(), *reason, "{who} {target}: {}", found.detail);
        match *more {
            "" => {}
            target_sent if target_sent.starts_with('/') => assert_eq!(found.target, target_sent, "{who} {target}"),
            assignment => assert_eq!(found.assignment.as_deref(), Some(assignment), "{who} {target}"),
        }
    }
}

#[test]
fn what_is_read_is_read_within_the_box() {
    check(
        &[
            ("keeper", "/one?w=HF", "granted", "k-hf"),
            ("keeper", "/one?w=SH", "out-of-scope", ""),
            ("keeper", "/one", "granted", "/one?w=HF"),
            ("keeper", "/one?w=", "granted", "/one?w=HF"),
            ("keeper", "/list?w=HF,SH", "granted", "/list?w=HF"),
            ("keeper", "/list?w=SH,BJ", "out-of-scope", ""),
            ("keeper", "/list?w=HF&page=02", "parameter-type", ""),
            ("keeper", "/list?w=HF&w=SH", "ambiguous-parameter", ""),
            ("keeper", "/list?w=HF&debug=1", "unknown-parameter", ""),
            ("east", "/one?w=SH", "granted", "e-east"),
            ("east", "/one?w=BJ", "out-of-scope", ""),
            ("east", "/one", "scope-ambiguous", ""),
            ("east", "/list", "granted", "/list?w=HF%2CSH"),
            ("boss", "/one", "granted", "/one"),
            ("boss", "/one?w=NOWHERE", "granted", "b-all"),
            ("vague", "/one?w=HF", "out-of-scope", ""),
            ("vague", "/one", "out-of-scope", ""),
            ("web", "/loose?w=HF", "scope-unbound", ""),
            ("boss", "/loose?w=HF", "granted", "b-all"),
            ("boss", "/loose", "scope-missing", ""),
            ("", "/one?w=HF", "unauthenticated", ""),
            ("nobody.known", "/one?w=HF", "unknown-subject", ""),
            ("frozen", "/one?w=HF", "frozen", ""),
            ("", "/login", "public", ""),
            ("boss", "/nowhere", "no-route", ""),
        ],
        TURN,
    );
}

#[test]
fn boxes_of_different_permissions_never_combine() {
    check(
        &[
            ("mixed", "/one?w=SH", "granted", "m-viewer"),
            ("mixed", "/edit?w=HF", "granted", "m-keeper"),
            ("mixed", "/edit?w=SH", "out-of-scope", ""),
            ("mixed", "/move?from=HF&to=SH", "out-of-scope", ""),
            ("mixed", "/card?action=confirm_delete", "not-granted", ""),
            ("keeper", "/card?action=view", "not-granted", ""),
        ],
        TURN,
    );
}

#[test]
fn both_ends_of_a_move_lie_in_one_box() {
    check(
        &[
            ("two", "/move?from=HF&to=SH", "granted", "t-hf"),
            ("two", "/move?from=HF&to=BJ", "out-of-scope", ""),
            ("two", "/move?from=HF", "scope-missing", ""),
            ("keeper", "/move?from=HF&to=HF", "granted", "k-hf"),
            ("keeper", "/move?from=HF&to=SH", "out-of-scope", ""),
        ],
        TURN,
    );
}

#[test]
fn boxes_that_differ_in_two_dimensions_stay_apart() {
    check(
        &[
            ("crossed", "/both?w=HF&c=web", "granted", "c-hf"),
            ("crossed", "/both?w=HF&c=shop", "out-of-scope", ""),
            ("crossed", "/both?w=SH&c=shop", "granted", "c-sh"),
            ("crossed", "/both?w=HF", "granted", "/both?w=HF&c=web"),
            ("crossed", "/both?c=shop", "granted", "/both?c=shop&w=SH"),
            ("crossed", "/both", "scope-ambiguous", ""),
        ],
        TURN,
    );
}

#[test]
fn an_operation_is_named_and_its_conditions_hold() {
    check(
        &[
            ("clerk", "/card?action=view", "granted", "cl-all"),
            ("clerk", "/card?action=VIEW", "unknown-operation", ""),
            ("clerk", "/card", "unknown-operation", ""),
            ("clerk", "/card?action=view&action=confirm_delete", "ambiguous-parameter", ""),
            ("clerk", "/card?action=confirm_delete", "granted", "cl-all"),
            ("clerk", "/card?action=refund&amount=500", "granted", "cl-all"),
            ("clerk", "/card?action=refund&amount=500.01", "condition-failed", ""),
            ("clerk", "/card?action=refund&amount=5e2", "condition-error", ""),
            ("clerk", "/card?action=refund", "condition-failed", ""),
        ],
        TURN,
    );
    let found = setting().ask(Some("clerk"), "wms.test", "/card?action=confirm_delete", "192.0.2.7", TURN);
    assert_eq!(found.reason.code(), "condition-failed", "from outside of the network");
}

#[test]
fn rights_begin_and_end_to_the_second() {
    check(
        &[
            ("late", "/one?w=HF", "granted", "l-old"),
            ("gone", "/one?w=HF", "granted", "g-all"),
            ("early", "/one?w=HF", "assignment-not-begun", ""),
        ],
        TURN - 1,
    );
    check(
        &[
            ("late", "/one?w=HF", "assignment-ended", ""),
            ("gone", "/one?w=HF", "account-ended", ""),
            ("early", "/one?w=HF", "granted", "y-new"),
        ],
        TURN,
    );
}

#[test]
fn a_method_override_is_refused() {
    let now = Timestamp::from_micros(TURN * 1_000_000);
    let setting = setting();
    let mut inquiry = Inquiry::new("GET", "https://wms.test/one?w=HF", now).by("keeper");
    for name in ["X-HTTP-Method-Override", "x_http_method_override", "X-Method-Override"] {
        inquiry.fields = vec![(name.to_owned(), "DELETE".to_owned())];
        assert_eq!(setting.inquire(&inquiry).reason.code(), "method-refused", "{name}");
    }
}

#[test]
fn a_body_that_no_rule_expects_is_refused() {
    let now = Timestamp::from_micros(TURN * 1_000_000);
    let mut inquiry = Inquiry::new("GET", "https://wms.test/one?w=HF", now).by("keeper");
    inquiry.content = Content::Form(vec![("w".to_owned(), "SH".to_owned())]);
    let found = setting().inquire(&inquiry);
    assert_eq!(found.outcome, scopegate::model::Outcome::Refuse, "{}", found.reason);
}

#[test]
fn an_explanation_names_every_assignment_and_why_it_missed() {
    let setting = setting();
    let now = Timestamp::from_micros(TURN * 1_000_000);
    let inquiry = Inquiry::new("GET", "https://wms.test/edit?w=SH", now).by("mixed");
    let text = inquiry.explain(&setting.0.set, &setting.0.people).to_string();
    assert!(text.starts_with("refuse: out-of-scope (status 403)"), "{text}");
    assert!(text.contains("`m-viewer` (role viewer): its role does not grant the permission"), "{text}");
    assert!(text.contains("`m-keeper` (role keeper): it holds no warehouse that is asked for"), "{text}");
    assert!(text.contains("warehouse `SH` lies in no box that grants the permission"), "{text}");
}

#[test]
fn values_are_filled_in_as_they_are_listed_and_behind_those_by_their_text() {
    let listed = "warehouse: {values: [HF, SH, BJ], tree: {EAST: [HF, SH]}}";
    let roles = ROLES.replace(listed, "warehouse: {tree: {SH: [HF]}}");
    let people =
        "people: {first: {assignments: [{role: viewer, scope: {warehouse: [ZZ, AA, HF, SH], channel: all}}]}}\n";
    let setting = Setting::of(&[("roles.yaml", &roles), ("people.yaml", people), ("wms.yaml", APP)]);
    let found = setting.ask(Some("first"), "wms.test", "/list", "10.1.1.1", TURN);
    assert_eq!(found.target, "/list?w=SH%2CHF%2CAA%2CZZ");
}
