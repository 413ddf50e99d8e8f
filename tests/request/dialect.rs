//! The tables of facts and how the rules spell them.

use super::{FORM, MULTIPART, at, get, parse, post, values};
use scopegate::request::{
    Allowance, Base, BodyLimits, Charset, Dialect, Naming, Place, RawDialect, RawLocation, RawParamType, RequestView,
};

fn read(json: &str) -> Result<Dialect, serde_json::Error> {
    serde_json::from_str::<RawDialect>(json).map(RawDialect::compile)
}

#[test]
fn a_dialect_is_a_name_or_a_name_with_facts_overridden() {
    assert_eq!(read(r#""php""#).unwrap(), Dialect::of(Base::Php));
    assert_eq!(read(r#""node-qs""#).unwrap().base, Base::NodeQs);
    let dialect = read(r#"{"base":"php","merge":["query","form","cookie"],"max-params":500,"charset":"gbk","allow":["double-slash"],"path-info":["index.php"]}"#).unwrap();
    assert_eq!(dialect.merge, [Place::Query, Place::Form, Place::Cookie]);
    assert_eq!((dialect.max_params, dialect.charset, dialect.path_charset), (500, Charset::Gbk, Charset::Gbk));
    assert!(dialect.allow.contains(Allowance::DoubleSlash));
    assert_eq!(dialect.naming, Naming::Php);
    assert!(read(r#""cobol""#).is_err());
    assert!(read(r#"{"base":"php","max-parms":500}"#).is_err());
    assert!(read("3").is_err());
}

#[test]
fn locations_and_types_are_externally_tagged() {
    assert_eq!(
        serde_json::from_str::<RawLocation>(r#"{"query":"warehouse"}"#).unwrap(),
        RawLocation::Query("warehouse".into())
    );
    assert_eq!(serde_json::from_str::<RawParamType>(r#""int""#).unwrap(), RawParamType::Int);
    assert!(
        serde_json::from_str::<RawParamType>(r#"{"list":{"of":"int","separator":","}}"#)
            .unwrap()
            .compile()
            .unwrap()
            .is_list()
    );
    assert!(
        serde_json::from_str::<RawParamType>(r#"{"list":{"of":{"list":{"of":"int"}}}}"#).unwrap().compile().is_err()
    );
    assert!(serde_json::from_str::<RawParamType>(r#"{"code":"("}"#).unwrap().compile().is_err());
    assert!(RawLocation::Json("items".into()).compile(&Dialect::default(), |_| None).is_err());
    assert!(RawLocation::Path("id".into()).compile(&Dialect::default(), |_| None).is_err());
    assert!(RawLocation::Header("host".into()).compile(&Dialect::default(), |_| None).is_err());
}

#[test]
fn semicolons_separate_where_cgi_pm_splits_at_them() {
    let cgi = Dialect::of(Base::CgiPm);
    assert_eq!(parse("/a?x=1;y=2", &cgi).unwrap().query().len(), 2);
    assert_eq!(parse("/a?x=1;y=2", &Dialect::default()).unwrap().query().len(), 1);
}

#[test]
fn more_parameters_than_the_application_reads_are_refused() {
    let php = Dialect::of(Base::Php);
    let query: String = (0..1001).map(|i| format!("a{i}=1&")).collect();
    assert!(parse(&format!("/a?{query}"), &php).is_err());
    let deep = "[a]".repeat(6);
    assert!(parse(&format!("/a?x{deep}=1"), &Dialect::of(Base::NodeQs)).is_err());
    assert!(parse(&format!("/a?x{deep}=1"), &php).is_ok());
}

/// The dialects that are known to do so, and the one that nothing is known of.
fn and_strict(base: Base) -> [Dialect; 2] {
    [Dialect::of(base), Dialect::default()]
}

#[test]
fn names_that_drop_other_parameters_are_refused() {
    for dialect in and_strict(Base::CgiPm) {
        for name in [".defaults", ".submit", ".cgifields", "%2Edefaults"] {
            assert!(parse(&format!("/a?w=HF&{name}=1"), &dialect).is_err(), "{name}");
        }
        let part = "--XX\r\nContent-Disposition: form-data; name=\".defaults\"\r\n\r\n1\r\n--XX--\r\n";
        assert!(post("/a", MULTIPART, part.as_bytes(), &dialect).is_err());
        assert!(post("/a", FORM, b"w=HF&.defaults=1", &dialect).is_err());
    }
    for dialect in and_strict(Base::NodeQs) {
        assert!(parse("/a?w=HF&valueOf=1", &dialect).is_err());
    }
    assert!(parse("/a?w=HF&.defaults=1", &Dialect::of(Base::Servlet)).is_ok());
}

/// The value of the cookie `w`, or that it is refused.
fn cookie(field: &str, dialect: &Dialect) -> Result<Vec<String>, ()> {
    let fields = [("cookie", field)];
    let view = get("/a", &fields, dialect);
    let found = view.values(&at("cookie", "w", dialect)).map_err(drop)?;
    Ok(found.as_slice().iter().map(|value| (*value).to_owned()).collect())
}

#[test]
fn a_space_beside_the_equals_sign_of_a_cookie_is_refused() {
    for field in ["w =HF", "w= HF", "a=1; w =HF", "w\u{b}=HF"] {
        assert!(cookie(field, &Dialect::of(Base::Php)).is_err(), "{field}");
    }
    assert_eq!(cookie(" w=HF ;a=1", &Dialect::of(Base::Php)).unwrap(), ["HF"]);
}

#[test]
fn a_cookie_value_that_its_reader_splits_or_parses_is_refused() {
    for dialect in and_strict(Base::CgiPm) {
        assert!(cookie("w=HF&SH", &dialect).is_err());
    }
    for dialect in and_strict(Base::NodeQs) {
        for value in ["j:1", "j:[1]", "j:%22SH%22", "%6a:1", "s:HF.x"] {
            assert!(cookie(&format!("w={value}"), &dialect).is_err(), "{value}");
        }
    }
    assert_eq!(cookie("w=HF&SH", &Dialect::of(Base::Servlet)).unwrap(), ["HF&SH"]);
    assert_eq!(cookie("w=j:1", &Dialect::of(Base::Django)).unwrap(), ["j:1"]);
}

#[test]
fn a_cookie_behind_a_comma_is_refused_where_it_is_read() {
    for dialect in and_strict(Base::CgiPm) {
        assert!(cookie("a=1,w=SH", &dialect).is_err());
        assert!(cookie("w=HF; a=1, w=SH", &dialect).is_err());
        assert_eq!(cookie("w=HF; a=1,b=2", &dialect).unwrap(), ["HF"]);
    }
    assert_eq!(cookie("w=HF; a=1,w=SH", &Dialect::of(Base::Php)).unwrap(), ["HF"]);
}

#[test]
fn a_cookie_whose_name_is_escaped_is_refused_where_it_is_read() {
    for dialect in and_strict(Base::CgiPm) {
        assert!(cookie("%77=SH", &dialect).is_err());
        assert!(cookie("w=HF; %77=SH", &dialect).is_err());
        assert_eq!(cookie("w=HF; %78=SH", &dialect).unwrap(), ["HF"]);
    }
    assert_eq!(cookie("w=HF; %77=SH", &Dialect::of(Base::Servlet)).unwrap(), ["HF"]);
}

#[test]
fn a_bracket_that_is_not_closed_is_refused_where_nothing_is_known() {
    for target in ["/?user_name=HF&user%5bname=1", "/?user[name=1", "/?warehouse[=SH", "/?a]=1", "/?a[b]c=1", "/?[a]=1"]
    {
        assert!(parse(target, &Dialect::default()).is_err(), "{target}");
    }
}

#[test]
fn escapes_in_cookies_are_refused_where_nothing_is_known_of_the_application() {
    assert!(cookie("w=H%46", &Dialect::default()).is_err());
    assert_eq!(cookie("w=H%46", &Dialect::of(Base::Php)).unwrap(), ["HF"]);
    assert_eq!(cookie("w=H%46", &Dialect::of(Base::Servlet)).unwrap(), ["H%46"]);
}

/// A part with these parameters behind `form-data; `.
fn part(parameters: &str) -> Vec<u8> {
    format!("--XX\r\nContent-Disposition: form-data; {parameters}\r\n\r\nx\r\n--XX--\r\n").into_bytes()
}

#[test]
fn a_file_name_that_its_reader_changes_is_refused() {
    let is_refused = |file: &str, dialect: &Dialect| {
        let body = part(&format!("name=\"w\"; filename=\"{file}\""));
        let Ok(view) = post("/a", MULTIPART, &body, dialect) else { return true };
        view.values(&at("file-name", "w", dialect)).is_err()
    };
    for base in [Base::Php, Base::Servlet, Base::Django, Base::Werkzeug, Base::NodeQs, Base::CgiPm, Base::Strict] {
        let dialect = Dialect::of(base);
        for file in ["bill.csv ", " bill.csv", "bill.csv\u{85}", "bill%22.csv", "bill%0d.csv", "bill%0A.csv"] {
            assert!(is_refused(file, &dialect), "{base:?} {file:?}");
        }
        assert!(!is_refused("bill%20(1).csv", &dialect));
    }
    for dialect in and_strict(Base::Django) {
        assert!(is_refused("a&amp;b.csv", &dialect) && is_refused("a&#47;b.csv", &dialect));
    }
    for dialect in and_strict(Base::NodeQs) {
        assert!(is_refused("仓.csv", &dialect));
    }
    assert!(!is_refused("仓.csv", &Dialect::of(Base::Django)));
    assert!(!is_refused("R&D.csv", &Dialect::of(Base::Php)));
}

#[test]
fn the_name_of_a_part_that_its_reader_changes_is_refused() {
    for base in [Base::Php, Base::Servlet, Base::Django, Base::Werkzeug, Base::NodeQs, Base::CgiPm, Base::Strict] {
        let dialect = Dialect::of(base);
        for name in [" w", "w ", "w\u{a0}", "w%22", "%0dw"] {
            assert!(post("/a", MULTIPART, &part(&format!("name=\"{name}\"")), &dialect).is_err(), "{base:?} {name:?}");
        }
    }
    assert!(post("/a", MULTIPART, &part("name=\"仓\""), &Dialect::of(Base::NodeQs)).is_err());
    assert!(post("/a", MULTIPART, &part("name=\"仓\""), &Dialect::of(Base::Php)).is_ok());
}

#[test]
fn a_form_with_a_method_that_the_application_reads_none_with_is_refused() {
    let read = |method: &str, kind: &(&str, &str), body: &'static [u8], dialect: &Dialect| {
        let fields = [(kind.0, kind.1.as_bytes())];
        let mut view = RequestView::new(method, fields, true, parse("/a", dialect).unwrap(), dialect);
        view.read_body(&super::ANY_TYPE, &BodyLimits::default(), &bytes::Bytes::from_static(body)).is_ok()
    };
    let put = |dialect: &Dialect| read("PUT", &FORM[0], b"w=HF", dialect);
    for base in [Base::Php, Base::Servlet, Base::Django, Base::CgiPm, Base::Strict] {
        assert!(!put(&Dialect::of(base)), "{base:?}");
        assert!(read("POST", &FORM[0], b"w=HF", &Dialect::of(base)), "{base:?}");
        assert!(!read("PUT", &MULTIPART[0], b"--XX--", &Dialect::of(base)), "{base:?}");
        assert!(read("PUT", &super::JSON[0], b"{}", &Dialect::of(base)), "{base:?}");
    }
    assert!(put(&Dialect::of(Base::Werkzeug)) && put(&Dialect::of(Base::NodeQs)));
    assert!(read("DELETE", &FORM[0], b"w=HF", &Dialect::of(Base::Werkzeug)));
    assert!(put(&super::dialect::read(r#"{"base":"servlet","form-methods":["POST","PUT"]}"#).unwrap()));
}

#[test]
fn json_of_a_type_that_the_application_does_not_read_as_json_is_refused() {
    let read = |kind: &str, dialect: &Dialect| post("/a", &[("Content-Type", kind)], b"{}", dialect).is_ok();
    for dialect in and_strict(Base::NodeQs) {
        assert!(read("application/json", &dialect));
        assert!(!read("application/vnd.x+json", &dialect) && !read("text/json", &dialect));
    }
    let werkzeug = Dialect::of(Base::Werkzeug);
    assert!(read("application/vnd.x+json", &werkzeug) && !read("text/json", &werkzeug));
    assert!(read("text/json", &Dialect::of(Base::Php)));
}

#[test]
fn a_parameter_in_the_query_of_a_post_is_refused_where_only_the_form_is_read() {
    for dialect in and_strict(Base::CgiPm) {
        let param = at("param", "w", &dialect);
        let view = post("/a?w=HF", FORM, b"p=1", &dialect).unwrap();
        assert!(view.values(&param).is_err());
        assert_eq!(values(&post("/a", FORM, b"w=HF", &dialect).unwrap(), &param), ["HF"]);
        assert_eq!(values(&get("/a?w=HF", &[], &dialect), &param), ["HF"]);
    }
    let servlet = Dialect::of(Base::Servlet);
    assert_eq!(values(&post("/a?w=HF", FORM, b"p=1", &servlet).unwrap(), &at("param", "w", &servlet)), ["HF"]);
}
