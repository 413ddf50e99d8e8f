//! Bodies that are judged: one content type, one character set, one reading, and written again from it.

use super::{FORM, JSON, MULTIPART, at, forwarded, kind, php, post, values};
use bytes::Bytes;
use scopegate::model::Reason;
use scopegate::request::{
    BodyError, BodyLimits, Charset, ContentTypes, Dialect, ParamError, ParamValues, RawList, RawParamType, RequestView,
};

fn reason(fields: &[(&str, &str)], body: &[u8]) -> Reason {
    let dialect = php();
    post("/a", fields, body, &dialect).expect_err("it was read").reason()
}

fn json(body: &str) -> Result<(), BodyError> {
    post("/a", JSON, body.as_bytes(), &Dialect::default()).map(|_| ())
}

fn part(head: &str, text: &str) -> String {
    format!("--XX\r\n{head}\r\n\r\n{text}\r\n--XX--\r\n")
}

#[test]
fn a_form_is_forwarded_as_it_was_read() {
    let dialect = php();
    let view = post("/a", FORM, b"w=H%46&&n=a+b%20c&empty=&bare&t=%0d%0a", &dialect).unwrap();
    assert_eq!(values(&view, &at("form", "w", &dialect)), ["HF"]);
    let (content_type, bytes) = forwarded(&view);
    assert_eq!(content_type, "application/x-www-form-urlencoded");
    assert_eq!(bytes, "w=HF&n=a+b+c&empty=&bare&t=%0D%0A");
}

#[test]
fn a_content_type_that_is_missing_repeated_or_not_listed_is_refused() {
    assert_eq!(reason(&[], b"a=1"), Reason::ContentTypeRefused);
    assert_eq!(reason(&[("content-type", "text/plain")], b"a=1"), Reason::ContentTypeRefused);
    assert_eq!(
        reason(&[("content-type", "application/json; charset=utf-8; charset=utf-7")], b"{}"),
        Reason::ContentTypeRefused
    );
    assert_eq!(
        reason(&[("content-type", "application/json"), ("Content_Type", "text/xml")], b"{}"),
        Reason::ContentTypeRefused
    );
    assert_eq!(reason(&[("content-type", "application/json, text/xml")], b"{}"), Reason::ContentTypeRefused);
    assert_eq!(reason(&[("content-type", "multipart/form-data")], b"--XX--"), Reason::ContentTypeRefused);
    let dialect = php();
    let fields = FORM.iter().map(|(name, value)| (*name, value.as_bytes()));
    let mut view = RequestView::new("POST", fields, true, super::parse("/a", &dialect).unwrap(), &dialect);
    let only_json = ContentTypes { json: true, ..ContentTypes::default() };
    let error = view.read_body(&only_json, &BodyLimits::default(), &Bytes::from_static(b"a=1")).unwrap_err();
    assert_eq!(error.reason(), Reason::ContentTypeRefused);
}

#[test]
fn another_charset_or_an_encoding_is_refused() {
    for charset in ["utf-7", "utf-16", "iso-8859-1", "gbk", "ibm037", "x"] {
        let value = format!("application/x-www-form-urlencoded; charset={charset}");
        assert_eq!(reason(&[("content-type", &value)], b"a=1"), Reason::ContentTypeRefused, "{charset}");
        let value = format!("application/json; charset={charset}");
        assert_eq!(reason(&[("content-type", &value)], b"{}"), Reason::ContentTypeRefused, "{charset}");
    }
    let gzip = [FORM[0], ("Content-Encoding", "gzip")];
    assert_eq!(reason(&gzip, b"a=1"), Reason::ContentEncodingRefused);
    let identity = [FORM[0], ("Content-Encoding", "identity")];
    assert!(post("/a", &identity, b"a=1", &php()).is_ok());
}

#[test]
fn gbk_forms_are_read_and_written_in_gbk() {
    let gbk = Dialect { charset: Charset::Gbk, ..php() };
    let fields = [("content-type", "application/x-www-form-urlencoded; charset=GBK")];
    let mut view = post("/a", &fields, b"w=%B2%D6%BF%E2&x=1", &gbk).unwrap();
    assert_eq!(values(&view, &at("form", "w", &gbk)), ["仓库"]);
    view.set(&at("form", "w", &gbk), &kind(RawParamType::Text), &["上海"]).unwrap();
    assert_eq!(
        forwarded(&view),
        ("application/x-www-form-urlencoded; charset=GBK".to_owned(), Bytes::from_static(b"w=%C9%CF%BA%A3&x=1"),)
    );
    assert!(view.set(&at("form", "w", &gbk), &kind(RawParamType::Text), &["😀"]).is_err());
    assert!(post("/a", &fields, b"w=%B2&x=1", &gbk).is_err());
}

#[test]
fn a_body_beyond_a_limit_is_refused_whole() {
    let dialect = php();
    let limits = BodyLimits { bytes: 16, parameters: 2, parts: 2, depth: 2, ..BodyLimits::default() };
    let read = |fields: &'static [(&str, &str)], body: &'static str| {
        let fields = fields.iter().map(|(name, value)| (*name, value.as_bytes()));
        let mut view = RequestView::new("POST", fields, true, super::parse("/a", &dialect).unwrap(), &dialect);
        view.read_body(&super::ANY_TYPE, &limits, &Bytes::from_static(body.as_bytes())).map_err(|error| error.reason())
    };
    assert_eq!(read(FORM, "a=aaaaaaaaaaaaaaaaaaaaa"), Err(Reason::BodyTooLarge));
    assert_eq!(read(FORM, "a=1&b=2&c=3"), Err(Reason::TooManyParameters));
    assert_eq!(read(JSON, "[[1]]"), Ok(()));
    assert_eq!(read(JSON, "[[[1]]]"), Err(Reason::BodyTooDeep));
}

#[test]
fn a_body_with_get_is_refused_unless_allowed() {
    // PHP would read no form with GET
    let dialect = scopegate::request::Dialect::of(scopegate::request::Base::NodeQs);
    let mut view = RequestView::new(
        "GET",
        [FORM[0]].map(|(n, v)| (n, v.as_bytes())),
        true,
        super::parse("/a", &dialect).unwrap(),
        &dialect,
    );
    let body = Bytes::from_static(b"a=1");
    assert!(matches!(
        view.read_body(&super::ANY_TYPE, &BodyLimits::default(), &body),
        Err(BodyError::Unexpected { .. })
    ));
    let allowed = ContentTypes { body_on_get: true, ..super::ANY_TYPE };
    assert!(view.read_body(&allowed, &BodyLimits::default(), &body).is_ok());
}

#[test]
fn json_with_two_readings_is_refused() {
    for body in [
        r#"{"w":1,"w":2}"#,
        r#"{"w":1,"\u0077":2}"#,
        r#"{"a":{"w":1,"w":2}}"#,
        r#"{"w":"a\u0000"}"#,
        r#"{"w\u0000":1}"#,
        r#"{"w":"\ud800"}"#,
        r#"{"w":"\udc00\ud800"}"#,
        r#"{"w":1}{"w":2}"#,
        r#"{"w":1,}"#,
        r#"{"w":01}"#,
        r#"{"w":+1}"#,
        r#"{"w":.5}"#,
        r#"{"w":1.}"#,
        r#"{"w":NaN}"#,
        r#"{w:1}"#,
        r#"{'w':1}"#,
        r#"{"w":1}//"#,
        "\u{feff}{}",
        " ",
        "{\"w\":\"a\nb\"}",
        r#"{"w":"\x41"}"#,
        r#"[1,,2]"#,
        r#"{"w":tru}"#,
        r#"{"w":"#,
        r#"["\u00g0"]"#,
    ] {
        assert!(json(body).is_err(), "{body}");
    }
    assert!(post("/a", JSON, b"{\"w\":\"\xff\"}", &Dialect::default()).is_err());
}

#[test]
fn json_is_forwarded_compactly_with_numbers_as_written() {
    let dialect = Dialect::default();
    let body = br#" { "big" : 12345678901234567890.10 , "e":1E+2, "s":"\u4ed3\/\ud83d\ude00\b", "n":null, "a":[ true,false ] } "#;
    let view = post("/a", JSON, body, &dialect).unwrap();
    let (content_type, bytes) = forwarded(&view);
    assert_eq!(content_type, "application/json");
    assert_eq!(
        bytes,
        "{\"big\":12345678901234567890.10,\"e\":1E+2,\"s\":\"仓/😀\\u0008\",\"n\":null,\"a\":[true,false]}"
    );
}

#[test]
fn pointers_find_scalars_and_every_element_of_a_list() {
    let dialect = Dialect::default();
    let body = br#"{"w":"HF","items":[{"id":7,"ok":true},{"id":8}],"ids":[1,2],"none":[],"n":null,"a/b":{"~":"x"}}"#;
    let view = post("/a", JSON, body, &dialect).unwrap();
    let read = |pointer: &str| view.values(&at("json", pointer, &dialect));
    assert_eq!(read("/w"), Ok(ParamValues::One("HF")));
    assert_eq!(read("/items/0/id"), Ok(ParamValues::One("7")));
    assert_eq!(read("/items/*/id").unwrap().as_slice(), ["7", "8"]);
    assert_eq!(read("/ids").unwrap().as_slice(), ["1", "2"]);
    assert_eq!(read("/a~1b/~0"), Ok(ParamValues::One("x")));
    assert!(read("/none").unwrap().is_absent());
    assert_eq!(read("/n"), Ok(ParamValues::Absent));
    assert_eq!(read("/missing/deep"), Ok(ParamValues::Absent));
    assert!(matches!(read("/items/*/ok"), Err(ParamError::Partial { .. })));
    assert!(matches!(read("/items"), Err(ParamError::NotScalar { .. })));
    assert!(matches!(read("/w/x"), Err(ParamError::NotScalar { .. })));
    assert!(matches!(read("/items/id"), Err(ParamError::NotScalar { .. })));
    // one element of a list is no scalar
    let view = post("/a", JSON, br#"{"w":["HF"]}"#, &dialect).unwrap();
    let found = view.values(&at("json", "/w", &dialect)).unwrap();
    assert!(kind(RawParamType::Text).elements(&found).is_err());
}

#[test]
fn a_json_key_in_another_case_is_refused() {
    let dialect = Dialect::default();
    for body in [&br#"{"w":"HF","W":"SH"}"#[..], br#"{"W":"SH"}"#] {
        let view = post("/a", JSON, body, &dialect).unwrap();
        assert!(matches!(view.values(&at("json", "/w", &dialect)), Err(ParamError::Spelling { .. })));
    }
}

#[test]
fn json_values_are_set_and_removed_in_their_kind() {
    let dialect = Dialect::default();
    let mut view = post("/a", JSON, br#"{"w":1,"x":"2","gone":""}"#, &dialect).unwrap();
    let at = |pointer: &str| at("json", pointer, &dialect);
    view.set(&at("/w"), &kind(RawParamType::Int), &["5"]).unwrap();
    view.set(&at("/x"), &kind(RawParamType::Int), &["6"]).unwrap();
    view.set(&at("/new/deep"), &kind(RawParamType::Text), &["a\"b"]).unwrap();
    let list = kind(RawParamType::List(RawList { of: Box::new(RawParamType::Int), separator: None }));
    view.set(&at("/list"), &list, &["1", "2"]).unwrap();
    view.remove(&at("/gone")).unwrap();
    assert_eq!(forwarded(&view).1, r#"{"w":5,"x":"6","new":{"deep":"a\"b"},"list":[1,2]}"#);
    assert!(view.set(&at("/w/x"), &kind(RawParamType::Int), &["5"]).is_err());
    assert!(view.set(&at("/list/*"), &list, &["5"]).is_err());
}

#[test]
fn unnamed_json_values_are_listed_by_pointer() {
    let dialect = Dialect::default();
    let view = post("/a", JSON, br#"{"items":[{"id":1,"q":2},{"id":3,"q":4}],"note":"x","e":{}}"#, &dialect).unwrap();
    let named = [at("json", "/items/*/id", &dialect)];
    let names: Vec<_> = view.unnamed(&named).into_iter().map(|unnamed| unnamed.name).collect();
    assert_eq!(names, ["/items/*/q", "/note", "/e"]);
    // an empty list of what is named is named
    let view = post("/a", JSON, br#"{"items":[]}"#, &dialect).unwrap();
    assert!(view.unnamed(&named).is_empty());
    let view = post("/a", JSON, br#"{"items":null,"item":null}"#, &dialect).unwrap();
    assert_eq!(view.unnamed(&named).len(), 1);
}

#[test]
fn a_multipart_body_is_judged_by_its_text_fields_and_its_files_pass() {
    let dialect = php();
    let body =
        b"--XX\r\nContent-Disposition: form-data; name=\"w\"\r\n\r\nHF\r\n--XX\r\ncontent-disposition: form-data; \
        name=\"f\"; filename=\"a b.txt\"\r\nContent-Type: text/csv\r\n\r\n\x00\xff\r\nx\r\n--XX--\r\n";
    let mut view = post("/a", MULTIPART, body, &dialect).unwrap();
    assert_eq!(values(&view, &at("form", "w", &dialect)), ["HF"]);
    assert_eq!(values(&view, &at("multipart", "w", &dialect)), ["HF"]);
    assert!(view.values(&at("form", "f", &dialect)).is_err());
    view.set(&at("form", "w", &dialect), &kind(RawParamType::Text), &["SH"]).unwrap();
    let (content_type, bytes) = forwarded(&view);
    let boundary = content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
    assert_ne!(boundary, "XX");
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.contains("name=\"w\"\r\n\r\nSH\r\n"), "{text}");
    assert!(bytes.windows(6).any(|w| w == b"\x00\xff\r\nx\r"));
    let names: Vec<_> = view.unnamed([&at("form", "w", &dialect)]).into_iter().map(|u| u.name).collect();
    assert_eq!(names, ["f"]);
}

#[test]
fn a_named_file_may_pass_and_text_under_its_name_may_not() {
    let dialect = php();
    let part = |extra: &str| {
        format!("--XX\r\nContent-Disposition: form-data; name=\"f\"{extra}\r\n\r\nx\r\n--XX--\r\n").into_bytes()
    };
    let (file, text) = (part("; filename=\"\""), part(""));
    let f = at("multipart", "f", &dialect);
    assert_eq!(post("/a", MULTIPART, &file, &dialect).unwrap().check_files(&f), Ok(()));
    assert!(post("/a", MULTIPART, &text, &dialect).unwrap().check_files(&f).is_err());
    let other = at("multipart", "g", &dialect);
    assert_eq!(post("/a", MULTIPART, &text, &dialect).unwrap().check_files(&other), Ok(()));
    assert!(post("/a", MULTIPART, &file, &dialect).unwrap().check_files(&at("form", "f", &dialect)).is_err());
}

#[test]
fn multipart_that_parsers_read_differently_is_refused() {
    let good = "Content-Disposition: form-data; name=\"w\"";
    assert!(post("/a", MULTIPART, part(good, "HF").as_bytes(), &php()).is_ok());
    let bodies = [
        // before, behind and between
        format!("preamble\r\n{}", part(good, "HF")),
        format!("{}epilogue", part(good, "HF")),
        format!("\r\n{}", part(good, "HF")),
        part(good, "HF").replace("--XX\r\n", "--XX \r\n"),
        part(good, "HF").replace("--XX--\r\n", "--XX\r\n"),
        part(good, "HF").replace("--XX--\r\n", ""),
        part(good, "HF").replace("\r\n", "\n"),
        // headers of a part
        part("Content-Disposition: form-data;\r\n name=\"w\"", "HF"),
        part("Content-Disposition: form-data; name=w", "HF"),
        part("Content-Disposition: form-data; name='w'", "HF"),
        part("Content-Disposition: form-data; name=\"w\"; name=\"x\"", "HF"),
        part("Content-Disposition: form-data; name=\"w\"; filename*=UTF-8''a", "HF"),
        part("Content-Disposition: form-data; name*=UTF-8''w", "HF"),
        part("Content-Disposition: form-data; name=\"w\\\"x\"", "HF"),
        part("Content-Disposition: form-data; name=\"w", "HF"),
        part("Content-Disposition: form-data; name=\"\"", "HF"),
        part("Content-Disposition: form-data", "HF"),
        part("Content-Disposition: attachment; name=\"w\"", "HF"),
        part("Content-Disposition : form-data; name=\"w\"", "HF"),
        part("Content-Disposition: form-data; name=\"w\"; x=\"y\"", "HF"),
        part(&format!("{good}\r\n{good}"), "HF"),
        part(&format!("{good}\r\nContent-Transfer-Encoding: base64"), "SEY="),
        part(&format!("{good}\r\nContent-Type: multipart/mixed; boundary=YY"), "HF"),
        part(&format!("{good}\r\nContent-Type: text/plain; charset=utf-7"), "HF"),
        part(&format!("{good}\r\nContent-Type: application/json"), "HF"),
        part(&format!("{good}\nX: y"), "HF"),
        part("X: y", "HF"),
        part("", "HF"),
        part(good, "H\0F"),
        "--XX--\r\n".replace("XX", "YY"),
    ];
    for body in bodies {
        assert!(post("/a", MULTIPART, body.as_bytes(), &php()).is_err(), "{body}");
    }
    for value in [
        "multipart/form-data; boundary=XX; boundary=YY",
        "multipart/form-data; boundary=\"X X\"",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary*=XX",
        "multipart/form-data; boundary=\"X\\X\"",
        "multipart/mixed; boundary=XX",
    ] {
        assert!(post("/a", &[("content-type", value)], part(good, "HF").as_bytes(), &php()).is_err(), "{value}");
    }
}

#[test]
fn the_boundary_is_fresh_and_occurs_in_no_part() {
    let dialect = php();
    let head = "Content-Disposition: form-data; name=\"w\"";
    let view = post("/a", MULTIPART, part(head, "HF").as_bytes(), &dialect).unwrap();
    let first = forwarded(&view).0;
    // a part that holds the boundary that would have been chosen, behind a bare line feed
    let boundary = first.rsplit('=').next().unwrap();
    let text = format!("HF\n--{boundary}\n");
    let view = post("/a", MULTIPART, part(head, &text).as_bytes(), &dialect).unwrap();
    let (second, bytes) = forwarded(&view);
    let boundary = second.rsplit('=').next().unwrap();
    assert_eq!(String::from_utf8_lossy(&bytes).matches(boundary).count(), 2);
}

#[test]
fn the_same_field_in_query_and_multipart_is_refused() {
    let dialect = php();
    let body = part("Content-Disposition: form-data; name=\"w\"", "SH");
    let view = post("/a?w=HF", MULTIPART, body.as_bytes(), &dialect).unwrap();
    assert!(view.values(&at("query", "w", &dialect)).is_err());
    assert!(view.values(&at("multipart", "w", &dialect)).is_err());
}
