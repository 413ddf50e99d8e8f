//! Which answers are filtered, told by their heads, and which are not let through.

use std::rc::Rc;

use scopegate::filter::{Begun, Bounds, FilterError, Plan, Terms};
use scopegate::wire::head::ResponseHead;
use scopegate::wire::limit::HeadLimits;

use crate::support::{Keeper, plan};

fn begin(plan: &Plan, status: u16, fields: &str) -> Result<Begun, FilterError> {
    let text = format!("HTTP/1.1 {status} X\r\n{fields}\r\n");
    let head = ResponseHead::parse(text.as_bytes(), &HeadLimits::default()).unwrap().0;
    let judge = Rc::new(Keeper { keeps: &[], shows: &[&[]] });
    plan.begin(&head, Terms { judge, tally: Rc::default(), bounds: Bounds::default(), occasion: Rc::default() })
}

fn json() -> Plan {
    plan("json: {mask: [{fields: [/cost], unless: cost:view}], types: [Text/Plain]}")
}

#[test]
fn only_the_kinds_that_the_rule_names_pass_and_only_in_a_charset_that_is_read() {
    for (content_type, expected) in [
        ("application/json", Some("application/json; charset=utf-8")),
        ("Application/JSON; charset=\"UTF-8\"", Some("application/json; charset=utf-8")),
        ("application/vnd.api+json", Some("application/vnd.api+json; charset=utf-8")),
        ("text/plain;charset=us-ascii", Some("text/plain; charset=utf-8")),
        ("application/json; charset=gbk", None),
        ("application/json; charset=utf-16", None),
        ("application/json; charset=utf-8; charset=gbk", None),
        ("application/json; charset*=utf-8", None),
        ("application/javascript", None),
        ("application/x-ndjson", None),
        ("text/html", None),
        ("multipart/byteranges; boundary=x", None),
        ("json", None),
    ] {
        let seen = match begin(&json(), 200, &format!("Content-Type: {content_type}\r\n")) {
            Ok(Begun::Filtered(_, shown)) => Some(shown.content_type),
            _ => None,
        };
        assert_eq!(seen.as_deref(), expected, "{content_type}");
    }
    assert!(matches!(begin(&json(), 200, ""), Err(FilterError::Type)));
    let two = "Content-Type: application/json\r\nContent-Type: text/html\r\n";
    assert!(matches!(begin(&json(), 200, two), Err(FilterError::TypeUnclear)));
}

#[test]
fn an_answer_with_a_coding_that_is_not_read_is_not_let_through() {
    let json_of = |coding: &str| format!("Content-Type: application/json\r\n{coding}");
    assert!(matches!(begin(&json(), 200, &json_of("Content-Encoding: identity\r\n")), Ok(Begun::Filtered(..))));
    for coding in ["Content-Encoding: x-odd\r\n", "Content-Encoding: identity\r\nContent-Encoding: x-odd\r\n"] {
        assert!(matches!(begin(&json(), 200, &json_of(coding)), Err(FilterError::Coding)), "{coding}");
    }
}

#[test]
fn a_part_or_an_answer_to_a_condition_that_was_not_asked_is_not_let_through() {
    for status in [206, 226, 300, 304, 305, 101] {
        assert!(
            matches!(begin(&json(), status, "Content-Type: application/json\r\n"), Err(FilterError::Status)),
            "{status}"
        );
    }
    for status in [204, 205, 302, 303, 307, 308] {
        assert!(matches!(begin(&json(), status, "Content-Type: text/html\r\n"), Ok(Begun::Bodiless)), "{status}");
    }
}

#[test]
fn errors_of_the_application_are_withheld_unless_the_rule_filters_them() {
    for status in [400, 401, 404, 500, 503] {
        assert!(
            matches!(begin(&json(), status, "Content-Type: application/json\r\n"), Ok(Begun::Withheld)),
            "{status}"
        );
    }
    let filtered = plan("json: {mask: [{fields: [/cost], unless: cost:view}]}\nerrors: filter");
    assert!(matches!(begin(&filtered, 404, "Content-Type: application/json\r\n"), Ok(Begun::Filtered(..))));
    assert!(matches!(begin(&filtered, 500, "Content-Type: text/html\r\n"), Err(FilterError::Type)));
}
