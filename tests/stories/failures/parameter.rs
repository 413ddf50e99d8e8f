//! Parameters that applications read differently: repeated, renamed, in two places, in another charset or coding.

use crate::support::house::{ERP, House, WMS};

const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn a_scoped_parameter_stands_once_in_every_dialect() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    for query in [
        "warehouse=HF&warehouse=SH",
        "warehouse=SH&warehouse=HF",
        "warehouse=HF&warehouse=HF",
        "warehouse=HF&w%61rehouse=SH",
        "warehouse=&warehouse=SH",
    ] {
        keeper.refuses(&[&format!("/wms/stock/list.do?{query}")], "ambiguous-parameter");
    }
    let mut marketing = House::shared().person(ERP, "marketing");
    for query in
        ["channel=tmall&channel=jd", "channel=tmall&channel[]=jd", "channel=tmall&%20channel=jd", "channel[0]=jd"]
    {
        let seen = marketing.get(&format!("/erp/index.php?module=report&action=sales&{query}"));
        assert_eq!(seen.status, 400, "{query}: {}", seen.text());
        assert!(marketing.received().is_empty(), "{query}");
    }
}

#[test]
fn a_parameter_whose_name_is_nearly_the_scoped_one_is_refused() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    for query in [
        "warehouse=HF&Warehouse=SH",
        "warehouse=HF&warehouse[]=SH",
        "warehouse=HF&warehouse.code=SH",
        "warehouse=HF&warehouse%20=SH",
        "warehouse=HF&warehouse%00=SH",
        "warehouse=HF;warehouse=SH",
        "warehouse=HF&%00&warehouses=SH",
        "warehouse=HF%26warehouse%3dSH",
        "warehouse=HF&=SH",
        "warehouse=HF%00SH",
        "warehouse=HF,SH",
        "warehouse=HF%",
        "warehouse=%48%zz",
    ] {
        let seen = keeper.raw(&format!("GET /wms/stock/list.do?{query} HTTP/1.1"), "", "").unwrap();
        assert!(matches!(seen.status, 400 | 403) && seen.reason().is_some(), "{query}: {}", seen.status);
        assert!(keeper.received().is_empty(), "{query}");
    }
}

#[test]
fn a_parameter_of_the_body_does_not_also_stand_in_the_query() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    let body = b"warehouse=HF&sku=A-1001&quantity=5";
    // A servlet reads the query first.
    for target in
        ["/wms/stock/adjust.do?warehouse=SH", "/wms/stock/adjust.do?warehouse=HF", "/wms/stock/adjust.do?sku=B-2002"]
    {
        let seen = keeper.browser.send("POST", target, &[("Content-Type", FORM)], body);
        keeper.refused(&seen, 400, "ambiguous-parameter");
    }
    // And what is scoped by the query does not stand in a body.
    let seen = keeper.browser.send(
        "GET",
        "/wms/stock/list.do?warehouse=HF",
        &[("Content-Type", FORM), ("Content-Length", "12")],
        b"",
    );
    assert!(seen.status >= 400, "{}", seen.status);
    assert!(keeper.received().is_empty());
}

#[test]
fn a_cookie_of_the_same_name_changes_nothing() {
    let mut marketing = House::shared().person(ERP, "marketing");
    marketing.browser.set_cookie("channel", "jd");
    let target = "/erp/index.php?module=report&action=sales&channel=tmall";
    let seen = marketing.get(target);
    marketing.permitted(&seen, "GET", target);
    // Without one in the query the own one is filled in, cookie or not.
    let seen = marketing.get("/erp/index.php?module=report&action=sales");
    marketing.permitted(&seen, "GET", target);
}

#[test]
fn a_missing_scope_parameter_is_filled_in_or_refused() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    for query in ["", "?", "?warehouse=", "?warehouse"] {
        let seen = keeper.raw(&format!("GET /wms/stock/list.do{query} HTTP/1.1"), "", "").unwrap();
        keeper.permitted(&seen, "GET", "/wms/stock/list.do?warehouse=HF");
    }
    let seen = keeper.post("/wms/stock/adjust.do", &[("sku", "A-1001"), ("quantity", "5")]);
    keeper.refused(&seen, 403, "scope-missing");
}

#[test]
fn a_judged_body_has_one_type_one_charset_and_no_coding() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    let body = b"warehouse=HF&sku=A-1001&quantity=5";
    for (fields, status) in [
        (&[("Content-Type", "application/x-www-form-urlencoded; charset=ibm037")][..], 415),
        (&[("Content-Type", "application/x-www-form-urlencoded; charset=utf-7")], 415),
        (&[("Content-Type", "application/x-www-form-urlencoded; charset=utf-16")], 415),
        (&[("Content-Type", "application/x-www-form-urlencoded; charset=utf-8; charset=utf-16")], 415),
        (&[("Content-Type", "text/plain")], 415),
        (&[("Content-Type", "application/json")], 415),
        (&[], 415),
        (&[("Content-Type", FORM), ("Content-Encoding", "gzip")], 415),
        (&[("Content-Type", FORM), ("Content-Encoding", "deflate")], 415),
        (&[("Content-Type", FORM), ("Content-Type", "multipart/form-data; boundary=x")], 400),
    ] {
        let seen = keeper.browser.send("POST", "/wms/stock/adjust.do", fields, body);
        assert!(
            seen.status == status || (status == 400 && seen.status == 415),
            "{fields:?}: {} {:?}",
            seen.status,
            seen.reason()
        );
        assert!(keeper.received().is_empty(), "{fields:?}");
    }
}

#[test]
fn a_body_that_is_no_form_is_refused() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    for body in [
        &b"warehouse=HF&sku=A-1001&quantity=5&%"[..],
        b"warehouse=HF&sku=A-1001&quantity=5&x=%zz",
        b"warehouse=HF&sku=A-1001&quantity=5\0",
        b"warehouse=HF&sku=A-1001&quantity=5&=1",
        b"warehouse=HF&sku=A-1001&quantity=5&warehouse=SH",
        b"warehouse=HF&sku=A-1001&quantity=5;warehouse=SH",
        b"warehouse=H\xffF&sku=A-1001&quantity=5",
        b"{\"warehouse\":\"HF\"}",
    ] {
        let seen = keeper.browser.send("POST", "/wms/stock/adjust.do", &[("Content-Type", FORM)], body);
        assert!(matches!(seen.status, 400 | 403), "{}: {}", String::from_utf8_lossy(body), seen.status);
        assert!(keeper.received().is_empty(), "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn a_body_beyond_the_cap_is_refused_and_not_read_in_part() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    let mut body = b"warehouse=HF&sku=A-1001&quantity=5&x=".to_vec();
    body.resize(2 << 20, b'x');
    let mut stream = keeper.browser.connect();
    let fields = format!("Content-Type: {FORM}\r\nContent-Length: {}\r\n", body.len());
    let head = keeper.head("POST /wms/stock/adjust.do HTTP/1.1", &fields, "");
    // a part of it only: who goes on sending is cut off, and may lose the answer with it
    let seen = crate::support::browser::exchange(&mut stream, &[head.as_bytes(), &body[..32 << 10]]).unwrap();
    keeper.refused(&seen, 413, "body-too-large");
}

#[test]
fn more_parameters_than_allowed_are_refused() {
    let mut keeper = House::shared().person(WMS, "keeper.hf");
    let many: String = (0..1500).map(|n| format!("&p{n}=1")).collect();
    let body = format!("warehouse=HF&sku=A-1001&quantity=5{many}");
    let seen = keeper.browser.send("POST", "/wms/stock/adjust.do", &[("Content-Type", FORM)], body.as_bytes());
    keeper.refused(&seen, 400, "too-many-parameters");
}

#[test]
fn a_static_looking_suffix_does_not_make_a_page_public() {
    let mut nobody = House::shared().visitor(WMS);
    for target in ["/wms/main.do?x=.css", "/wms/main.do/.css", "/wms/main.do/x.css", "/wms/main.css"] {
        let seen = nobody.get(target);
        assert!(matches!(seen.status, 400 | 401 | 403), "{target}: {}", seen.status);
        assert!(nobody.received().is_empty(), "{target}");
    }
}
