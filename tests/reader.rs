//! The dialects against the real readers: whatever the gateway lets through, the reader behind it reads as the record says was decided.
//!
//! `SCOPEGATE_READER_CASES` sets the number of generated requests for each reader (a few thousand by default).
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

#[path = "reader/compare.rs"]
mod compare;
#[path = "reader/fact.rs"]
mod fact;
#[path = "reader/generate.rs"]
mod generate;
#[path = "reader/launch.rs"]
mod launch;
#[path = "reader/parts.rs"]
mod parts;
#[path = "fuzz/generate.rs"]
#[allow(dead_code, reason = "the fuzz tests use the rest of it")]
mod random;
#[path = "reader/seen.rs"]
mod seen;
#[path = "reader/spot.rs"]
mod spot;
#[path = "reader/words.rs"]
mod words;
#[path = "reader/world.rs"]
mod world;

use compare::{Subject, check, count, run};
use launch::Kind;

/// Requests for each reader unless told otherwise.
const CASES: u64 = 1200;

fn prove(kind: Kind, dialect: &str) {
    check(dialect, &run(&Subject::of(kind, dialect), count(CASES)));
}

#[test]
fn php_reads_what_was_decided() {
    prove(Kind::Php, "{base: php, path-info: [echo.php]}");
}

#[test]
fn tomcat_reads_what_was_decided() {
    prove(Kind::Servlet, "servlet");
}

#[test]
fn django_reads_what_was_decided() {
    prove(Kind::Django, "django");
}

#[test]
fn werkzeug_reads_what_was_decided() {
    prove(Kind::Werkzeug, "werkzeug");
}

#[test]
fn express_reads_what_was_decided() {
    prove(Kind::Node, "node-qs");
}

#[test]
fn cgi_pm_reads_what_was_decided() {
    prove(Kind::CgiPm, "cgi-pm");
}

#[test]
fn strict_refuses_what_any_reader_reads_differently() {
    let subject =
        Subject { readers: Kind::ALL.to_vec(), dialect: "strict".to_owned(), spots: spot::common(), charset: None };
    check("strict", &run(&subject, count(CASES / 2)));
}

#[test]
fn texts_in_gbk_are_read_as_was_decided() {
    for (kind, dialect) in [
        (Kind::Php, "{base: php, charset: gbk}"),
        (Kind::Servlet, "{base: servlet, charset: gbk, query-charset: utf-8}"),
        (Kind::Django, "{base: django, charset: gbk}"),
    ] {
        let mut subject = Subject { charset: Some("gbk"), ..Subject::of(kind, dialect) };
        subject.spots.retain(|spot| matches!(spot.place, "query" | "form" | "multipart"));
        check(dialect, &run(&subject, count(CASES / 2)));
    }
}

/// Requests of which some must show that a fact is wrong. Separators are not among the facts: parameters are written again with `&`.
const WRONG: u64 = 800;

#[test]
fn a_wrong_fact_is_found() {
    let wrong: &[(Kind, &str, &[&str])] = &[
        (Kind::Php, "base: php, names: exact", &["query"]),
        (Kind::Php, "base: php, merge: []", &["query", "form"]),
        (Kind::Php, "base: php, cookie-escapes: false", &["cookie"]),
        (Kind::Php, "base: php, form-methods: [POST, PUT, PATCH, DELETE]", &["form"]),
        (Kind::Servlet, "base: servlet, merge: []", &["query", "form"]),
        (Kind::Servlet, "base: django, allow: [semicolon]", &["path"]),
        (Kind::Django, "base: django, file-name-references: false", &["file-name"]),
        (Kind::Django, "base: django, form-methods: [POST, PUT, PATCH, DELETE]", &["form"]),
        (Kind::Django, "base: django, cookie-escapes: true", &["cookie"]),
        (Kind::Werkzeug, "base: werkzeug, merge: []", &["query", "form"]),
        (Kind::Werkzeug, "base: werkzeug, json-types: [application/json, text/json]", &["json"]),
        (Kind::Node, "base: node-qs, names: exact", &["query"]),
        (Kind::Node, "base: node-qs, cookie-prefixes: []", &["cookie"]),
        (Kind::Node, "base: node-qs, part-names-ascii: false", &["file-name"]),
        (Kind::Node, "base: node-qs, json-types: [application/json, +json]", &["json"]),
        (Kind::CgiPm, "base: cgi-pm, refused-names: []", &["query", "param"]),
        (Kind::CgiPm, "base: cgi-pm, query-of-post: true", &["param"]),
        (Kind::CgiPm, "base: cgi-pm, cookie-lists: false", &["cookie"]),
        (Kind::CgiPm, "base: cgi-pm, cookie-escapes: false", &["cookie"]),
    ];
    let mut unseen = Vec::new();
    for (kind, facts, places) in wrong {
        let mut subject = Subject::of(*kind, &format!("{{{facts}}}"));
        subject.spots.retain(|spot| places.contains(&spot.place));
        let tally = run(&subject, WRONG);
        // a reader that is gone shows nothing at all
        assert!(tally.compared.values().sum::<usize>() > 50, "{kind:?} was not compared: {tally:?}");
        if tally.differences.is_empty() {
            unseen.push((kind, facts));
        }
    }
    assert!(unseen.is_empty(), "nothing shows that these are wrong: {unseen:#?}");
}
