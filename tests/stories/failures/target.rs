//! Targets that servers read differently: what was judged is forwarded in one spelling, everything else is refused.

use crate::support::house::{ERP, House, WMS};

#[test]
fn a_target_with_dot_segments_never_reaches_the_application() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    keeper.refuses(
        &[
            "/wms/login.do/../main.do",
            "/wms/stock/../main.do",
            "/wms/./main.do",
            "/wms/stock/..",
            "/..",
            "/wms/stock/%2e%2e/main.do",
            "/wms/stock/%2E./main.do",
            "/wms/stock/.%2e/main.do",
            "/wms/stock/..;/main.do",
            "/wms/stock/..;x=y/main.do",
            "/wms/stock/%2e%2e;/main.do",
            "/wms/stock/..%2fmain.do",
            "/wms/stock/..%5cmain.do",
            "/wms/stock/..\\main.do",
            "/wms/stock/.../../main.do",
            "/wms/stock/%252e%252e/main.do",
        ],
        "ambiguous-target",
    );
}

#[test]
fn an_encoded_separator_or_control_character_is_refused_in_either_hex_case() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    keeper.refuses(
        &[
            "/wms%2fmain.do",
            "/wms%2Fmain.do",
            "/wms%5cmain.do",
            "/wms%5Cmain.do",
            "/wms\\main.do",
            "/wms/main.do%00",
            "/wms/main.do%00.css",
            "/wms/main.do%0a",
            "/wms/main.do%0D",
            "/wms/main.do%09",
            "/wms/main%25.do",
            "/wms%252fmain.do",
            "/wms/main.do%3f",
            "/wms/main.do%23x",
            "/wms/main.do%",
            "/wms/main.do%2",
            "/wms/main.do%zz",
            "/wms/%u006dain.do",
            "/wms%c0%afmain.do",
            "/wms%e0%80%afmain.do",
            "/wms%ef%bc%8fmain.do",
            "/wms/%ff.do",
        ],
        "ambiguous-target",
    );
    let record = keeper.raw("GET /wms%2Fmain.do HTTP/1.1", "", "").unwrap();
    let record = keeper.refused(&record, 400, "ambiguous-target");
    let detail = record["detail"].as_str().unwrap();
    assert!(detail.contains("%2F") && detail.contains("encoded-slash"), "names character and setting: {detail}");
}

#[test]
fn a_target_is_forwarded_in_the_spelling_that_was_matched() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    for asked in ["/wms/m%61in.do", "/%77ms/main%2Edo", "/wms/%6D%61%69%6E.do"] {
        let seen = keeper.raw(&format!("GET {asked} HTTP/1.1"), "", "").unwrap();
        keeper.permitted(&seen, "GET", "/wms/main.do");
    }
    let seen = keeper.raw("GET /wms/stock/list.do?%77arehouse=H%46 HTTP/1.1", "", "").unwrap();
    keeper.permitted(&seen, "GET", "/wms/stock/list.do?warehouse=HF");
}

#[test]
fn path_parameters_are_refused_unless_declared() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    keeper.refuses(
        &[
            "/wms/main.do;jsessionid=1",
            "/wms;x/main.do",
            "/wms/main.do;",
            "/wms/login.do;/../main.do",
            "/wms/;/main.do",
            "/wms/main.do%3bx",
            "/wms/main.do%3B",
        ],
        "ambiguous-target",
    );
    let mut lead = House::shared().person(ERP, "lead");
    lead.refuses(&["/erp/index.php;x=1", "/erp/index.php%3b"], "ambiguous-target");
}

#[test]
fn double_slashes_and_trailing_dots_are_refused_and_other_letter_case_is_another_page() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    keeper.refuses(
        &["//wms/main.do", "/wms//main.do", "///wms/main.do", "/wms/main.do.", "/wms/main.do%20", "/wms./main.do"],
        "ambiguous-target",
    );
    keeper.refuses(&["/WMS/main.do", "/wms/Main.do", "/wms/main.DO", "/wms/main.do/", "/wms/"], "no-route");
}

#[test]
fn a_fragment_is_refused() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    for target in ["/wms/main.do#/wms/login.do", "/wms/login.do#", "/wms/stock/list.do?warehouse=HF#&warehouse=SH"] {
        let seen = keeper.raw(&format!("GET {target} HTTP/1.1"), "", "").unwrap();
        assert_eq!(seen.status, 400, "{target}");
        assert!(keeper.received().is_empty(), "{target}");
    }
}

#[test]
fn the_query_never_counts_as_path() {
    let mut nobody = House::shared().visitor(WMS);
    nobody.refuses(&["/wms/main.do?/wms/login.do", "/wms/main.do?/../login.do", "/wms/main.do?"], "unauthenticated");
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    keeper.refuses(&["/wms/main.do?/wms/login.do", "/wms/main.do?/../login.do"], "unknown-parameter");
    keeper.refuses(&["/wms/admin.do?/wms/login.do", "/wms/login.dox?"], "no-route");
}

#[test]
fn nothing_follows_a_script() {
    let mut lead = House::shared().person(ERP, "lead");
    lead.refuses(
        &["/erp/index.php/login.php", "/erp/login.php/index.php", "/erp/index.php/x.css", "/erp/login.php/"],
        "ambiguous-target",
    );
}

#[test]
fn an_absolute_target_is_the_path_of_the_same_host_or_refused() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    let seen = keeper.raw("GET https://wms.localhost/wms/stock/list.do?warehouse=HF HTTP/1.1", "", "").unwrap();
    keeper.permitted(&seen, "GET", "/wms/stock/list.do?warehouse=HF");
    for target in [
        "https://erp.localhost/wms/main.do",
        "http://wms.localhost/wms/main.do",
        "ftp://wms.localhost/wms/main.do",
        "file:///wms/main.do",
        "https://keeper@wms.localhost/wms/main.do",
        "https://wms.localhost:x/wms/main.do",
        "https:///wms/main.do",
        "*",
        "wms/main.do",
        "?warehouse=HF",
        "wms.localhost:443",
    ] {
        let seen = keeper.raw(&format!("GET {target} HTTP/1.1"), "", "").unwrap();
        assert!(matches!(seen.status, 400 | 421), "{target}: {} {:?}", seen.status, seen.reason());
        assert!(keeper.received().is_empty(), "{target}");
    }
}

#[test]
fn raw_bytes_outside_of_printable_ascii_are_refused() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    for target in ["/wms/m\u{e4}in.do", "/wms/main.do?warehouse=\u{5408}", "/wms/main.do\u{7f}", "/wms/main.do\u{1}"] {
        let seen = keeper.raw(&format!("GET {target} HTTP/1.1"), "", "").unwrap();
        assert_eq!(seen.status, 400, "{target:?}");
        assert!(keeper.received().is_empty(), "{target:?}");
    }
}

#[test]
fn a_target_beyond_the_limit_is_refused() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    let long = format!("/wms/stock/list.do?warehouse={}", "H".repeat(9000));
    let seen = keeper.raw(&format!("GET {long} HTTP/1.1"), "", "").unwrap();
    assert!(matches!(seen.status, 414 | 431), "{}", seen.status);
    assert!(keeper.received().is_empty());
}
