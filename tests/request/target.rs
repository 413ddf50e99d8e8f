//! Targets: one reading, or a refusal that names the character and the setting.

use super::{parse, php, written};
use scopegate::model::Reason;
use scopegate::request::{Allowance, Allowances, Base, CanonicalTarget, Dialect, TargetError, TargetLimits};

fn strict() -> Dialect {
    Dialect::default()
}

fn allowing(allowance: Allowance) -> Dialect {
    Dialect { allow: Allowances::NONE.with(allowance), ..strict() }
}

#[track_caller]
fn refused(raw: &str, dialect: &Dialect) -> TargetError {
    match parse(raw, dialect) {
        Ok(target) => panic!("{raw} was read as {}", target.path()),
        Err(error) => error,
    }
}

#[test]
fn a_plain_target_is_written_as_it_came() {
    for raw in ["/", "/stock", "/stock/", "/a/b.php?id=1&x=a.b-c_d*e", "/order/12345", "/a?b", "/@a:b,c!$'()*+&="] {
        assert_eq!(written(&parse(raw, &strict()).unwrap(), &strict()), raw);
    }
}

#[test]
fn every_spelling_of_a_path_is_written_in_one_way() {
    for raw in ["/%73tock", "/%73%54ock".replace("%54", "%74").as_str(), "/sto%63k", "/stoc%6B", "/stoc%6b"] {
        assert_eq!(parse(raw, &strict()).unwrap().path(), "/stock");
    }
    assert_eq!(parse("/%e4%bb%93?%e4=1", &strict()).unwrap_err().reason(), Reason::AmbiguousTarget);
    assert_eq!(parse("/%e4%bb%93", &strict()).unwrap().path(), "/%E4%BB%93");
    assert_eq!(parse("/%e4%bb%93", &strict()).unwrap().segments()[0].text(), "仓");
    assert_eq!(parse("/a|b^c`d{e}\"<>", &strict()).unwrap().path(), "/a%7Cb%5Ec%60d%7Be%7D%22%3C%3E");
}

#[test]
fn segments_end_in_an_empty_one_where_the_path_ends_in_a_slash() {
    let texts = |raw| {
        let target = parse(raw, &strict()).unwrap();
        target.segments().iter().map(|s| s.text().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(texts("/"), [""]);
    assert_eq!(texts("/a"), ["a"]);
    assert_eq!(texts("/a/"), ["a", ""]);
    assert_eq!(texts("/a/b?c=/d"), ["a", "b"]);
}

#[test]
fn dot_segments_are_refused_in_every_spelling() {
    let servlet = Dialect::of(Base::Servlet);
    let semicolons = allowing(Allowance::Semicolon);
    for raw in [
        "/..",
        "/a/../b",
        "/./a",
        "/a/.",
        "/%2e",
        "/%2E%2e/a",
        "/.%2e/a",
        "/%2e./a",
        "/..;/a",
        "/..;x=1/a",
        "/a/..;",
        "/.;/a",
        "/%2e%2e;/a",
        "/;/a",
        "/a/;x",
    ] {
        for dialect in [&strict(), &servlet, &semicolons] {
            refused(raw, dialect);
        }
    }
}

#[test]
fn ambiguous_characters_are_refused_with_the_setting_that_would_accept_them() {
    for (raw, setting, shown) in [
        ("/a%2fb", Allowance::EncodedSlash, "%2f"),
        ("/a%2Fb", Allowance::EncodedSlash, "%2F"),
        ("/a%5cb", Allowance::Backslash, "%5c"),
        ("/a\\b", Allowance::Backslash, "\\"),
        ("/a%25b", Allowance::EncodedPercent, "%25"),
        ("/a%252fb", Allowance::EncodedPercent, "%25"),
        ("/a%3fb", Allowance::EncodedDelimiter, "%3f"),
        ("/a%23", Allowance::EncodedDelimiter, "%23"),
        ("//a", Allowance::DoubleSlash, "//"),
        ("/a//b", Allowance::DoubleSlash, "//"),
        ("/a//", Allowance::DoubleSlash, "//"),
        ("/a;b", Allowance::Semicolon, ";"),
        ("/a%3Bb", Allowance::Semicolon, "%3B"),
        ("/a.", Allowance::TrailingDot, "."),
        ("/a./b", Allowance::TrailingDot, "."),
        ("/...", Allowance::TrailingDot, "."),
        ("/a%20", Allowance::TrailingDot, "%20"),
        ("/仓", Allowance::EightBit, "%e4"),
        ("/a%EF%BC%8Fb", Allowance::Lookalike, "U+FF0F"),
        ("/a%EF%BC%8E%EF%BC%8E/b", Allowance::Lookalike, "U+FF0E"),
    ] {
        let error = refused(raw, &strict());
        assert_eq!(error, TargetError::Ambiguous { shown: shown.into(), part: "path", setting }, "{raw}");
        assert_eq!(error.reason(), Reason::AmbiguousTarget);
        assert!(error.to_string().contains(setting.as_str()), "{error}");
        let allowed = allowing(setting);
        match parse(raw, &allowed) {
            Ok(target) => assert!(target.used().contains(setting), "{raw}"),
            // `...` needs nothing else, but `/a%252fb` would decode to an escape: it stays text
            Err(error) => panic!("{raw} with {setting}: {error}"),
        }
    }
}

#[test]
fn what_is_allowed_still_has_one_spelling() {
    for (raw, allowance, path) in [
        ("/a%2fb", Allowance::EncodedSlash, "/a%2Fb"),
        ("/a\\b", Allowance::Backslash, "/a%5Cb"),
        ("/a%252fb", Allowance::EncodedPercent, "/a%252fb"),
        ("//a///b/", Allowance::DoubleSlash, "/a/b/"),
        ("//", Allowance::DoubleSlash, "/"),
        ("/a%3bb", Allowance::Semicolon, "/a;b"),
        ("/仓", Allowance::EightBit, "/%E4%BB%93"),
    ] {
        assert_eq!(parse(raw, &allowing(allowance)).unwrap().path(), path);
    }
}

#[test]
fn an_allowance_of_another_route_does_not_reach_this_one() {
    let target = parse("/a%2fb", &allowing(Allowance::EncodedSlash)).unwrap();
    assert!(target.check(Allowances::NONE.with(Allowance::EncodedSlash)).is_ok());
    assert!(target.check(Allowances::NONE.with(Allowance::Backslash)).is_err());
}

#[test]
fn some_spellings_are_never_accepted() {
    let everything = Dialect { allow: Allowance::ALL.into_iter().collect(), ..strict() };
    for raw in [
        "/a#b",
        "/a?b#c",
        "/a%00",
        "/a%0a",
        "/a%0d%0aX:1",
        "/a%7f",
        "/a%",
        "/a%2",
        "/a%zz",
        "/a b",
        "/a\tb",
        "/a?b=%00",
        "/a?b=c d",
        "/a?%0a=1",
        "",
        "a",
        "*",
        "?a=1",
        "ftp://host/a",
        "file:///a",
        "host:443",
        "http:///a",
        "javascript:1",
        "/%c0%ae%c0%ae/a",
        "/%e0%80%af",
        "/%ed%a0%80",
        "/%ff",
        "/a%e2%80%8b",
        "/a%e2%80%ae",
    ] {
        refused(raw, &everything);
    }
}

#[test]
fn overlong_and_broken_utf8_is_refused_in_the_query_too() {
    for raw in ["/a?b=%c0%ae", "/a?b=%ff", "/a?%80=1", "/a?b=%ed%a0%80"] {
        assert_eq!(refused(raw, &strict()).reason(), Reason::AmbiguousTarget);
    }
}

#[test]
fn the_path_never_holds_the_query() {
    let target = parse("/public?/../admin", &strict()).unwrap();
    assert_eq!(target.path(), "/public");
    assert_eq!(target.segments().len(), 1);
    let allowed = allowing(Allowance::EncodedDelimiter);
    assert_eq!(parse("/a%3fb=1", &allowed).unwrap().path(), "/a%3Fb=1");
    assert!(parse("/a%3fb=1", &allowed).unwrap().query().is_empty());
}

#[test]
fn an_absolute_target_shows_its_authority_to_be_compared_with_the_host() {
    let target = parse("HTTP://Wms.example:8443/a?b=1", &strict()).unwrap();
    assert_eq!(target.authority(), Some("Wms.example:8443"));
    assert_eq!(written(&target, &strict()), "/a?b=1");
    assert_eq!(parse("http://h", &strict()).unwrap().path(), "/");
    assert_eq!(parse("http://[2001:db8::1]:80/", &strict()).unwrap().authority(), Some("[2001:db8::1]:80"));
    for raw in [
        "http://u@h/",
        "http://h:/",
        "http://h:1:2/",
        "http://h:65536/",
        "http://:80/",
        "http://h:+1/",
        "http://h:/",
        "http://h:1:2/",
        "http://h:65536/",
        "http://:80/",
        "http://h:+1/",
        "http://u:p@h/a",
        "http://h\\/a",
        "http://h%2fa/",
        "http://仓/",
        "http:/a",
        "http://?a",
    ] {
        refused(raw, &strict());
    }
    assert_eq!(refused("http://u@h/", &strict()).reason(), Reason::BadHost);
}

#[test]
fn path_parameters_are_stripped_for_matching_and_refused_unless_declared() {
    let servlet = Dialect::of(Base::Servlet);
    assert_eq!(refused("/stock;jsessionid=AB1", &servlet), TargetError::PathParameter { name: "jsessionid".into() });
    let declared = Dialect { path_parameters: vec!["jsessionid".into()], ..servlet };
    let target = parse("/stock;JSESSIONID=AB1?a=1", &declared).unwrap();
    assert_eq!(target.segments()[0].text(), "stock");
    assert_eq!(target.path(), "/stock;JSESSIONID=AB1");
    assert_eq!(target.path_parameters()[0].name(), "jsessionid");
    assert_eq!(target.path_parameters()[0].value(), "AB1");
    assert!(!format!("{target:?}").contains("\"AB1\""));
    for raw in ["/a;jsessionid=1;jsessionid=2", "/a;jsessionid=1/b;jsessionid=2", "/a;x=1", "/a;", "/a;jsessionid=%2e"]
    {
        refused(raw, &declared);
    }
}

#[test]
fn a_script_followed_by_more_path_is_refused_unless_declared() {
    for raw in ["/page.php/x.css", "/page.PHP/x.css", "/page.php/", "/a/page.phtml/b", "/page%2ephp/x.css"] {
        assert!(matches!(refused(raw, &php()), TargetError::PathInfo { .. }), "{raw}");
    }
    let declared = Dialect { path_info: vec!["index.php".into()], ..php() };
    assert_eq!(parse("/index.php/stock/list", &declared).unwrap().path(), "/index.php/stock/list");
    refused("/other.php/stock", &declared);
    assert!(parse("/style.css/x", &php()).is_ok());
}

#[test]
fn letter_case_is_folded_for_matching_where_the_application_folds_it() {
    let aspnet = Dialect::of(Base::Aspnet);
    let target = parse("/Stock/LIST.aspx", &aspnet).unwrap();
    assert_eq!(target.segments().iter().map(|s| s.key()).collect::<Vec<_>>(), ["stock", "list.aspx"]);
    assert_eq!(target.path(), "/Stock/LIST.aspx");
    assert_eq!(parse("/Stock", &strict()).unwrap().segments()[0].key(), "Stock");
    // KELVIN SIGN, LONG S and dotless i fold into ASCII on some systems only
    for raw in ["/%E2%84%AAa", "/%C5%BFtock", "/l%C4%B1st"] {
        refused(raw, &aspnet);
    }
    for raw in ["/a.aspx::$DATA", "/a<b", "/a*b", "/web.config%3a"] {
        refused(raw, &aspnet);
    }
}

#[test]
fn gbk_paths_and_queries_are_read_as_the_application_reads_them() {
    let gbk = scopegate::request::Charset::Gbk;
    let gbk = Dialect { charset: gbk, query_charset: gbk, ..php() };
    let target = parse("/a?name=%B2%D6%BF%E2", &gbk).unwrap();
    assert_eq!(target.query().iter().next().unwrap().value(), "仓库");
    assert_eq!(written(&target, &gbk), "/a?name=%B2%D6%BF%E2");
    // half of a character in front of the separator would swallow it
    refused("/a?name=%B2&warehouse=HF", &gbk);
    refused("/a?name=%81%30%81%30", &gbk);
}

#[test]
fn limits_refuse() {
    let limits = TargetLimits { target_bytes: 40, segments: 3, parameters: 2 };
    let parse = |raw: &str| CanonicalTarget::parse(raw.as_bytes(), &Dialect::default(), &limits);
    assert_eq!(parse(&format!("/{}", "a".repeat(40))).unwrap_err().reason(), Reason::TargetTooLong);
    assert!(parse("/a/b/c?a=1&b=2").is_ok());
    assert!(matches!(parse("/a/b/c/d"), Err(TargetError::TooManySegments { limit: 3 })));
    assert_eq!(parse("/a?a=1&b=2&c=3").unwrap_err().reason(), Reason::TooManyParameters);
}

#[test]
fn percent_signs_in_the_query_need_two_hex_digits_or_a_setting() {
    refused("/a?q=100%", &strict());
    refused("/a?q=%u4e2d", &strict());
    let allowed = allowing(Allowance::BarePercent);
    assert_eq!(written(&parse("/a?q=100%", &allowed).unwrap(), &allowed), "/a?q=100%25");
    assert_eq!(written(&parse("/a?q=%u4e2d", &allowed).unwrap(), &allowed), "/a?q=%25u4e2d");
}
