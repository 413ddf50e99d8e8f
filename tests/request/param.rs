//! Parameters: names as the dialect compares them, one place, typed values, setting and removing.

use super::{FORM, at, get, kind, php, post, values};
use scopegate::request::{
    Base, CanonicalTarget, Dialect, Location, ParamError, ParamValues, Place, RawList, RawParamType, RequestView,
    TargetLimits,
};

#[track_caller]
fn refused(view: &RequestView<'_>, place: &str, name: &str) -> ParamError {
    let location = at(place, name, view.dialect());
    view.values(&location).expect_err("it was read")
}

fn target(view: &RequestView<'_>) -> String {
    let mut out = Vec::new();
    view.write_target(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_repeated_parameter_is_many_in_every_dialect() {
    for base in [Base::Strict, Base::Php, Base::Servlet, Base::Aspnet, Base::Django, Base::Werkzeug, Base::NodeQs] {
        let dialect = Dialect::of(base);
        let view = get("/a?w=HF&w=SH", &[], &dialect);
        let found = view.values(&at("query", "w", &dialect)).unwrap();
        assert!(matches!(&found, ParamValues::Many(many) if many.as_slice() == ["HF", "SH"]), "{base:?}");
        assert!(kind(RawParamType::Text).elements(&found).is_err());
    }
}

#[test]
fn names_are_compared_as_php_compares_them() {
    let dialect = php();
    for raw in ["/a?ware.house=SH", "/a?ware%20house=SH", "/a?ware+house=SH", "/a?ware_house=SH"] {
        let view = get(raw, &[], &dialect);
        assert_eq!(values(&view, &at("query", "ware_house", &dialect)), ["SH"], "{raw}");
    }
    let view = get("/a?ware_house=HF&ware.house=SH", &[], &dialect);
    assert_eq!(values(&view, &at("query", "ware_house", &dialect)), ["HF", "SH"]);
    let view = get("/a?w[]=SH&w=HF", &[], &dialect);
    refused(&view, "query", "w");
    for raw in ["/a?w[0]=SH", "/a?w[x][y]=SH", "/a?w%5b%5d=SH"] {
        refused(&get(raw, &[], &dialect), "query", "w");
    }
    // brackets that do not pair, leading spaces and garbage behind brackets are read differently by versions of PHP
    for raw in ["/a?w[=SH", "/a?w[a=SH", "/a?w[a]b=SH", "/a?[w]=SH", "/a?+w=SH", "/a?w[+]=SH", "/a?w]=1"] {
        assert!(CanonicalTarget::parse(raw.as_bytes(), &dialect, &TargetLimits::default()).is_err(), "{raw}");
    }
}

#[test]
fn elements_of_an_array_are_named_one_by_one_or_all() {
    let dialect = php();
    let view = get("/a?ids[]=1&ids[]=2", &[], &dialect);
    assert_eq!(values(&view, &at("query", "ids[]", &dialect)), ["1", "2"]);
    let view = get("/a?ids[0]=1&ids[]=2", &[], &dialect);
    refused(&view, "query", "ids[]");
    let view = get("/a?r[0][id]=1&r[1][id]=2&r[0][n]=x", &[], &dialect);
    assert_eq!(values(&view, &at("query", "r[*][id]", &dialect)), ["1", "2"]);
    assert_eq!(values(&view, &at("query", "r[0][id]", &dialect)), ["1"]);
    let view = get("/a?r[0][id]=1&r[][id]=2", &[], &dialect);
    refused(&view, "query", "r[0][id]");
    // one element of a list is still a list
    let view = get("/a?ids[]=1", &[], &dialect);
    assert!(matches!(view.values(&at("query", "ids[]", &dialect)), Ok(ParamValues::Many(_))));
}

#[test]
fn aspnet_ignores_letter_case_and_strict_refuses_it() {
    let aspnet = Dialect::of(Base::Aspnet);
    let view = get("/a?Warehouse=SH", &[], &aspnet);
    assert_eq!(values(&view, &at("query", "warehouse", &aspnet)), ["SH"]);
    let strict = Dialect::default();
    for raw in ["/a?Warehouse=SH", "/a?warehouse[]=SH", "/a?warehouse%20=SH", "/a?warehouse[x]=SH"] {
        refused(&get(raw, &[], &strict), "query", "warehouse");
    }
    for raw in ["/a?ware.house=SH", "/a?ware+house=SH"] {
        refused(&get(raw, &[], &strict), "query", "ware_house");
    }
    let exact = Dialect::of(Base::Django);
    assert_eq!(get("/a?Warehouse=SH", &[], &exact).values(&at("query", "warehouse", &exact)), Ok(ParamValues::Absent));
}

#[test]
fn a_parameter_in_another_place_that_the_application_reads_is_refused() {
    let dialect = php();
    let view = post("/a?w=HF", FORM, b"w=SH", &dialect).unwrap();
    assert!(matches!(refused(&view, "query", "w"), ParamError::Elsewhere { place: "form", .. }));
    assert!(matches!(refused(&view, "form", "w"), ParamError::Elsewhere { place: "query", .. }));
    refused(&view, "param", "w");
    let view = post("/a", FORM, b"w=SH", &dialect).unwrap();
    assert_eq!(values(&view, &at("param", "w", &dialect)), ["SH"]);
    refused(&view, "query", "w");
    let django = Dialect::of(Base::Django);
    let view = post("/a?w=HF", FORM, b"w=SH", &django).unwrap();
    assert_eq!(values(&view, &at("query", "w", &django)), ["HF"]);
    assert_eq!(values(&view, &at("form", "w", &django)), ["SH"]);
}

#[test]
fn a_cookie_of_the_same_name_is_refused_where_the_application_merges_cookies() {
    let mut dialect = php();
    let cookie = &[("Cookie", "a=1; w=SH")];
    assert_eq!(values(&get("/a?w=HF", cookie, &dialect), &at("query", "w", &dialect)), ["HF"]);
    dialect.merge.push(Place::Cookie);
    assert!(matches!(refused(&get("/a?w=HF", cookie, &dialect), "query", "w"), ParamError::Elsewhere { .. }));
    refused(&get("/a", cookie, &dialect), "param", "w");
}

#[test]
fn a_body_that_was_not_read_may_hide_the_parameter() {
    let dialect = php();
    let target = || super::parse("/a?w=HF", &dialect).unwrap();
    let location = at("query", "w", &dialect);
    for content_type in [&b"application/x-www-form-urlencoded"[..], b"multipart/form-data; boundary=x", b"x", b""] {
        let fields = [("content-type", content_type)];
        let view = RequestView::new("POST", fields, true, target(), &dialect);
        assert!(view.needs_body([&location]));
        assert!(matches!(view.values(&location), Err(ParamError::Unread { .. })));
    }
    let view = RequestView::new("POST", [("content-type", &b"application/octet-stream"[..])], true, target(), &dialect);
    assert!(!view.needs_body([&location]));
    assert_eq!(view.values(&location), Ok(ParamValues::One("HF")));
}

#[test]
fn a_header_is_single_valued_under_every_name_that_folds_to_it() {
    let dialect = Dialect::default();
    let location = at("header", "X-Warehouse", &dialect);
    assert_eq!(values(&get("/", &[("x-warehouse", "HF")], &dialect), &location), ["HF"]);
    for fields in [
        &[("x-warehouse", "HF"), ("X-Warehouse", "SH")][..],
        &[("x-warehouse", "HF"), ("Connection", "close, X-Warehouse")],
    ] {
        assert!(matches!(get("/", fields, &dialect).values(&location), Err(ParamError::RepeatedHeader { .. })));
    }
}

#[test]
fn a_header_under_a_folded_name_is_refused() {
    let dialect = Dialect::default();
    let location = at("header", "X-Warehouse", &dialect);
    for alias in ["x_warehouse", "X.Warehouse", "x+warehouse"] {
        for fields in [&[("x-warehouse", "HF"), (alias, "SH")][..], &[(alias, "SH")]] {
            assert!(get("/", fields, &dialect).values(&location).is_err(), "{alias}");
        }
    }
}

#[test]
fn a_judged_header_that_connection_names_is_refused() {
    let dialect = Dialect::default();
    let fields = [("x-warehouse", "HF"), ("connection", "x-warehouse")];
    assert!(get("/", &fields, &dialect).values(&at("header", "x-warehouse", &dialect)).is_err());
}

#[test]
fn cookies_are_read_strictly() {
    let dialect = Dialect::default();
    let read = |value: &'static str| {
        let fields = [("Cookie", value)];
        let view = get("/", &fields, &dialect);
        view.values(&at("cookie", "w", &dialect)).map(|values| values.as_slice().first().map(|v| (*v).to_owned()))
    };
    assert_eq!(read("a=1; w=HF"), Ok(Some("HF".into())));
    assert_eq!(read("a=1;w=HF;"), Ok(Some("HF".into())));
    assert_eq!(read("a=1"), Ok(None));
    assert_eq!(read("a=\"x y\"; w=HF"), Ok(Some("HF".into())));
    for value in [
        "w=HF; w=SH",
        "w=HF; W=SH",
        "w",
        "w=\"HF\"",
        "w=H F",
        "w=H,F",
        "$Version=1; w=HF",
        "a=\"x; w=HF\"",
        "a=\"; w=HF; b=\"",
        "w=H\u{e9}",
        "a\"b=1; w=HF",
    ] {
        assert!(read(value).is_err(), "{value}");
    }
    let fields = [("Cookie", "w=HF"), ("cookie", "w=SH")];
    assert!(get("/", &fields, &dialect).values(&at("cookie", "w", &dialect)).is_err());
}

#[test]
fn a_part_of_the_path_is_found_by_its_place() {
    let dialect = Dialect::default();
    let mut view = get("/order/1%32", &[], &dialect);
    let location = at("path", "1", &dialect);
    assert_eq!(values(&view, &location), ["12"]);
    view.set(&location, &kind(RawParamType::Int), &["77"]).unwrap();
    assert_eq!(target(&view), "/order/77");
    assert!(view.set(&location, &kind(RawParamType::Text), &[".."]).is_err());
    assert!(view.set(&location, &kind(RawParamType::Text), &["a/b"]).is_err());
}

#[test]
fn filling_and_narrowing_keep_the_order_of_the_rest() {
    let dialect = php();
    let text = kind(RawParamType::Text);
    let mut view = get("/a?x=1&w=&y=2", &[], &dialect);
    let location = at("query", "w", &dialect);
    assert!(view.values(&location).unwrap().is_absent());
    view.remove(&location).unwrap();
    assert_eq!(target(&view), "/a?x=1&y=2");
    view.set(&location, &text, &["合肥"]).unwrap();
    assert_eq!(target(&view), "/a?x=1&y=2&w=%E5%90%88%E8%82%A5");
    assert_eq!(values(&view, &location), ["合肥"]);

    let mut view = get("/a?w=HF,SH,BJ&y=2", &[], &dialect);
    let list = kind(RawParamType::List(RawList { of: Box::new(RawParamType::Text), separator: Some(',') }));
    assert_eq!(list.elements(&view.values(&location).unwrap()).unwrap().as_slice(), ["HF", "SH", "BJ"]);
    view.set(&location, &list, &["HF", "SH"]).unwrap();
    assert_eq!(target(&view), "/a?w=HF%2CSH&y=2");

    let mut view = get("/a?w[]=HF&y=2&w[]=SH", &[], &dialect);
    let repeated = kind(RawParamType::List(RawList { of: Box::new(RawParamType::Text), separator: None }));
    let location = at("query", "w[]", &dialect);
    view.set(&location, &repeated, &["HF"]).unwrap();
    assert_eq!(target(&view), "/a?w%5B%5D=HF&y=2");
}

#[test]
fn several_values_go_into_a_list_type_only() {
    let dialect = php();
    let mut view = get("/a", &[], &dialect);
    let location = at("query", "w", &dialect);
    assert!(view.set(&location, &kind(RawParamType::Text), &["HF", "SH"]).is_err());
    assert!(view.set::<&str>(&location, &kind(RawParamType::Text), &[]).is_err());
    let list = kind(RawParamType::List(RawList { of: Box::new(RawParamType::Text), separator: Some(',') }));
    assert!(view.set(&location, &list, &["H,F", "SH"]).is_err());
    assert!(view.set(&location, &kind(RawParamType::Int), &["HF"]).is_err());
    assert_eq!(target(&view), "/a");
}

#[test]
fn every_type_accepts_exactly_one_spelling() {
    let accepts = |raw: RawParamType, value: &str| kind(raw).accept(value).is_ok();
    for good in ["0", "2", "-7", "9223372036854775807"] {
        assert!(accepts(RawParamType::Int, good), "{good}");
    }
    for bad in
        [" 2 ", "2 ", "02", "2e0", "+2", "0x2", "1,2", "-0", "", "2.0", "２", "9223372036854775808", "2\n", "--2"]
    {
        assert!(!accepts(RawParamType::Int, bad), "{bad}");
    }
    for good in ["0", "12.50", "-0.5", "0.00"] {
        assert!(accepts(RawParamType::Decimal, good), "{good}");
    }
    for bad in [".5", "5.", "1e3", "-0.0", "01.5", "1.5.0", "NaN", "1_0", "+1.5"] {
        assert!(!accepts(RawParamType::Decimal, bad), "{bad}");
    }
    assert!(accepts(RawParamType::Date, "2028-02-29"));
    for bad in ["2027-02-29", "2027-2-1", "20270201", "2027-02-01T00:00", "2027/02/01", " 2027-02-01"] {
        assert!(!accepts(RawParamType::Date, bad), "{bad}");
    }
    assert!(accepts(RawParamType::Code("[A-Z]{2}|ALL".into()), "HF"));
    for bad in ["HFX", "xHF", "HF\n", "hf", "", "xALL"] {
        assert!(!accepts(RawParamType::Code("[A-Z]{2}|ALL".into()), bad), "{bad}");
    }
    assert!(accepts(RawParamType::Enum(vec!["view".into(), "edit".into()]), "edit"));
    assert!(!accepts(RawParamType::Enum(vec!["view".into(), "edit".into()]), "Edit"));
    let list = || RawParamType::List(RawList { of: Box::new(RawParamType::Int), separator: Some(',') });
    assert!(accepts(list(), "1,2,3"));
    for bad in ["1,,2", ",1", "1,", "1, 2", "1;2"] {
        assert!(!accepts(list(), bad), "{bad}");
    }
}

#[test]
fn parameters_that_no_rule_names_are_listed() {
    let dialect = php();
    let view = post("/a?w=HF&page=2", FORM, b"qty=1&ids[]=3", &dialect).unwrap();
    let named = [at("query", "w", &dialect), at("form", "ids[]", &dialect)];
    let unnamed: Vec<_> = view.unnamed(&named).into_iter().map(|u| format!("{} {}", u.place, u.name)).collect();
    assert_eq!(unnamed, ["query page", "form qty"]);
    let param = [at("param", "w", &dialect), at("param", "page", &dialect), at("param", "qty", &dialect)];
    assert_eq!(view.unnamed(&param).len(), 1);
}

/// What a rule that names `named` says of a method override.
fn overrides(view: &RequestView<'_>, named: &[Location]) -> Result<(), scopegate::request::MethodOverride> {
    scopegate::request::check_override(view, named, &view.unnamed(named))
}

#[test]
fn method_overrides_are_refused_where_frameworks_honour_them() {
    let strict = Dialect::default();
    for name in ["X-HTTP-Method-Override", "x-http-method", "X_Method_Override", "x.http.method"] {
        let fields = [(name, "DELETE")];
        assert!(overrides(&get("/a", &fields, &strict), &[]).is_err(), "{name}");
    }
    for target in ["/a?_method=delete", "/a?_METHOD=delete", "/a?_method[]=delete", "/a?.method=delete"] {
        assert!(overrides(&get(target, &[], &strict), &[]).is_err(), "{target}");
    }
    assert!(overrides(&get("/a?.method=delete", &[], &php()), &[]).is_err());
    for (kind, body) in [
        (FORM, &b"_METHOD=DELETE"[..]),
        (super::MULTIPART, b"--XX\r\nContent-Disposition: form-data; name=\"_method\"\r\n\r\nDELETE\r\n--XX--"),
        (super::JSON, br#"{"_method": "DELETE"}"#),
    ] {
        let error = overrides(&post("/a", kind, body, &strict).unwrap(), &[]).expect_err("an override");
        assert_eq!(error.reason(), scopegate::model::Reason::MethodRefused, "{kind:?}");
    }
    let mvc = Dialect::of(Base::Aspnet);
    assert!(overrides(&post("/a", FORM, b"x-http-method-override=DELETE", &mvc).unwrap(), &[]).is_err());
    // a form that was not read could hold the field
    let fields = [("content-type", &b"application/x-www-form-urlencoded"[..])];
    let view = RequestView::new("POST", fields, true, super::parse("/a", &strict).unwrap(), &strict);
    assert!(view.needs_body([]));
}

#[test]
fn a_method_override_that_a_rule_judges_or_that_the_dialect_does_not_know_is_none() {
    let strict = Dialect::default();
    let named = [at("query", "_method", &strict), at("header", "X-HTTP-Method-Override", &strict)];
    let fields = [("X-HTTP-Method-Override", "DELETE")];
    assert!(overrides(&get("/a?_method=delete", &fields, &strict), &named).is_ok());
    // the place counts: naming the query does not judge the form
    assert!(overrides(&post("/a", FORM, b"_method=delete", &strict).unwrap(), &named).is_err());
    assert!(overrides(&get("/a?method=delete", &[], &strict), &[]).is_ok());
    let nested = post("/a", super::JSON, br#"{"a": {"_method": 1}}"#, &strict).unwrap();
    assert!(overrides(&nested, &[]).is_ok());
    let django = Dialect::of(Base::Django);
    assert!(overrides(&get("/a?_method=delete", &[], &django), &[]).is_ok());
}
