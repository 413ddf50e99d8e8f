//! Character sets by declaration, in every place that has text: what does not decode, or would be written back differently, is refused.

use super::{MULTIPART, at, forwarded, get, parse, php, post, values, written};
use scopegate::request::{Charset, Dialect};

/// A character set, a text, and its bytes.
const TEXTS: [(Charset, &str, &[u8]); 5] = [
    (Charset::Utf8, "仓库", b"\xe4\xbb\x93\xe5\xba\x93"),
    (Charset::Gbk, "仓库", b"\xb2\xd6\xbf\xe2"),
    (Charset::Gb18030, "仓㐀", b"\xb2\xd6\x81\x39\xee\x39"),
    (Charset::Big5, "倉庫", b"\xad\xdc\xae\x77"),
    // the second byte is a backslash
    (Charset::Big5, "功許", b"\xa5\x5c\xb3\x5c"),
];

/// Bytes that are no text, or that are written in another way.
const BROKEN: [(Charset, &[u8]); 9] = [
    (Charset::Utf8, b"\xe4\xbb"),
    (Charset::Utf8, b"\xc0\xaf"),
    (Charset::Utf8, b"\xb2\xd6"),
    (Charset::Gbk, b"\xb2"),
    (Charset::Gbk, b"\xb2\x20"),
    (Charset::Gbk, b"\x81\x30\x81\x30"),
    (Charset::Gb18030, b"\x81\x30\x81"),
    (Charset::Big5, b"\xad"),
    (Charset::Big5, b"\xff\xff"),
];

fn dialect(charset: Charset) -> Dialect {
    Dialect { charset, query_charset: charset, path_charset: charset, ..php() }
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn text_in_every_character_set_is_read_in_every_place_and_written_back() {
    for (charset, text, bytes) in TEXTS {
        let dialect = dialect(charset);
        let escaped = escaped(bytes);
        let query = format!("/a?w={escaped}");
        let view = get(&query, &[], &dialect);
        assert_eq!(values(&view, &at("query", "w", &dialect)), [text], "{charset:?}");
        // an ASCII second byte stands for itself in the canonical spelling
        let target = parse(&query, &dialect).unwrap();
        let again = parse(&written(&target, &dialect), &dialect).unwrap();
        assert_eq!(again.query().iter().next().unwrap().value(), text);
        let form = format!("w={escaped}");
        let view = post("/", super::FORM, form.as_bytes(), &dialect).unwrap();
        assert_eq!(values(&view, &at("form", "w", &dialect)), [text]);
        let part = [b"--XX\r\nContent-Disposition: form-data; name=\"w\"\r\n\r\n", bytes, b"\r\n--XX--\r\n"].concat();
        let view = post("/", MULTIPART, &part, &dialect).unwrap();
        assert_eq!(values(&view, &at("multipart", "w", &dialect)), [text]);
        assert!(forwarded(&view).1.windows(bytes.len()).any(|window| window == bytes));
        let cookie = format!("w={escaped}");
        let fields = [("Cookie", cookie.as_str())];
        assert_eq!(values(&get("/", &fields, &dialect), &at("cookie", "w", &dialect)), [text]);
        if bytes.contains(&b'\\') {
            assert!(
                parse(&format!("/{escaped}"), &dialect).is_err(),
                "servers that know no character set see a backslash"
            );
        } else {
            assert_eq!(parse(&format!("/{escaped}"), &dialect).unwrap().segments()[0].text(), text);
        }
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_in_every_place() {
    for (charset, bytes) in BROKEN {
        let dialect = dialect(charset);
        let escaped = escaped(bytes);
        assert!(parse(&format!("/{escaped}"), &dialect).is_err(), "{charset:?} {bytes:?}");
        assert!(parse(&format!("/a?w={escaped}"), &dialect).is_err(), "{charset:?} {bytes:?}");
        assert!(parse(&format!("/a?{escaped}=1"), &dialect).is_err(), "{charset:?} {bytes:?}");
        assert!(post("/", super::FORM, format!("w={escaped}").as_bytes(), &dialect).is_err());
        let part = [b"--XX\r\nContent-Disposition: form-data; name=\"w\"\r\n\r\n", bytes, b"\r\n--XX--\r\n"].concat();
        assert!(post("/", MULTIPART, &part, &dialect).is_err(), "{charset:?} {bytes:?}");
        let cookie = format!("w={escaped}");
        let fields = [("Cookie", cookie.as_str())];
        assert!(get("/", &fields, &dialect).values(&at("cookie", "w", &dialect)).is_err(), "{charset:?} {bytes:?}");
    }
}

#[test]
fn half_a_character_swallows_neither_a_separator_nor_a_quote() {
    for charset in [Charset::Gbk, Charset::Gb18030, Charset::Big5] {
        let dialect =
            Dialect { allow: [scopegate::request::Allowance::EightBit].into_iter().collect(), ..dialect(charset) };
        for query in ["/a?x=%B2&w=SH", "/a?x=%B2%26w=SH", "/a?x=%B2+w", "/a?x=%B2%22"] {
            assert!(parse(query, &dialect).is_err(), "{charset:?} {query}");
        }
        for raw in [&b"/a?x=\xb2&w=SH"[..], b"/a?x=\xb2\"&w=SH", b"/a?x=\xb2;w=SH"] {
            let limits = scopegate::request::TargetLimits::default();
            assert!(scopegate::request::CanonicalTarget::parse(raw, &dialect, &limits).is_err(), "{charset:?} {raw:?}");
        }
        for part in [&b"name=\"x\xb2\"; filename=\"f\""[..], b"name=\"x\"; filename=\"\xb2\"", b"name=\"x\xb2\\\"\""] {
            let body = [b"--XX\r\nContent-Disposition: form-data; ", part, b"\r\n\r\nHF\r\n--XX--\r\n"].concat();
            assert!(post("/", MULTIPART, &body, &dialect).is_err(), "{charset:?} {part:?}");
        }
    }
}

#[test]
fn what_only_some_decoders_of_a_charset_know_is_refused() {
    for (charset, bytes) in [
        (Charset::Gbk, &b"\x80"[..]),
        (Charset::Gbk, b"\xa1\x40"),
        (Charset::Gbk, b"\xfe\x9f"),
        (Charset::Gb18030, b"\xa6\xd9"),
        // `\u{ff3c}` to Java, `\u{fe68}` to browsers
        (Charset::Big5, b"\xa2\x42"),
        (Charset::Big5, b"\xf9\xd6"),
    ] {
        assert_eq!(charset.decode(bytes), None, "{charset:?} {}", bytes.escape_ascii());
    }
    for (charset, text) in [(Charset::Gbk, "€"), (Charset::Gbk, "\u{e4c6}"), (Charset::Big5, "\u{fe68}")] {
        assert_eq!(charset.encode(text), None, "{charset:?} {text}");
    }
    assert_eq!(Charset::Gb18030.decode(b"\xa2\xe3").as_deref(), Some("€"));
}
