//! Marketing of one channel: prices and its own sales; the ERP speaks GBK.

use serde_json::json;

use crate::support::house::{ERP, House, tells};

const SAVE: &str = "/erp/index.php?module=price&action=save";
const FORM: [(&str, &str); 1] = [("Content-Type", "application/x-www-form-urlencoded")];

#[test]
fn a_gbk_form_reaches_the_application_byte_for_byte() {
    let house = House::shared();
    let mut marketing = house.person(ERP, "marketing");
    // 备注：双十一 in GBK, as a browser sends it from a GBK page
    let body = b"sku=A-1001&price=49.90&note=%B1%B8%D7%A2%A3%BA%CB%AB%CA%AE%D2%BB";
    let seen = marketing.browser.send("POST", SAVE, &FORM, body);
    let (received, record) = marketing.permitted(&seen, "POST", SAVE);
    assert_eq!(String::from_utf8(received.body).unwrap(), String::from_utf8_lossy(body));
    tells(
        &record,
        &json!({
            "permission": "price:modify", "role": "marketing",
            "parameters": {"sku": ["A-1001"], "price": ["49.90"], "note": ["备注：双十一"]},
        }),
    );
    let (page, _, errors) = encoding_rs::GBK.decode(&seen.body);
    assert!(page.contains("备注：双十一") && !errors, "{page}");
}

#[test]
fn bytes_that_are_no_gbk_are_refused() {
    let house = House::shared();
    let mut marketing = house.person(ERP, "marketing");
    for note in ["%B1", "%FF%FF", "%B1%20"] {
        let body = format!("sku=A-1001&price=49.90&note={note}");
        let seen = marketing.browser.send("POST", SAVE, &FORM, body.as_bytes());
        assert_eq!(seen.status, 400, "{note}: {}", seen.text());
        assert!(marketing.received().is_empty(), "{note}");
    }
}

#[test]
fn the_sales_report_is_filled_with_the_own_channel() {
    let house = House::shared();
    let mut marketing = house.person(ERP, "marketing");
    let seen = marketing.get("/erp/index.php?module=report&action=sales");
    let (_, record) = marketing.permitted(&seen, "GET", "/erp/index.php?module=report&action=sales&channel=tmall");
    tells(&record, &json!({"scope": {"channel": ["tmall"]}, "filled": {"query channel": ["tmall"]}}));
    let seen = marketing.get("/erp/index.php?module=report&action=sales&channel=jd");
    marketing.refused(&seen, 403, "out-of-scope");
}

#[test]
fn what_is_no_article_or_no_price_is_refused() {
    let house = House::shared();
    let mut marketing = house.person(ERP, "marketing");
    for body in ["sku=A-1001%27&price=1&note=x", "sku=a-1001&price=1&note=x", "sku=A-1001&price=1,5&note=x"] {
        let seen = marketing.browser.send("POST", SAVE, &FORM, body.as_bytes());
        marketing.refused(&seen, 400, "parameter-type");
    }
}

#[test]
fn a_parameter_that_php_folds_onto_a_known_one_is_no_way_around_it() {
    let house = House::shared();
    let mut marketing = house.person(ERP, "marketing");
    // PHP reads `module ` and `module.x` by other names than it was sent, and the cookie is not among what it merges.
    for target in [
        "/erp/index.php?module=report&action=sales&channel[]=jd",
        "/erp/index.php?module=report&action=sales&channel=tmall&channel=jd",
        "/erp/index.php?module=report&action=sales&channel%00x=jd",
    ] {
        let seen = marketing.get(target);
        assert_eq!(seen.status, 400, "{target}: {}", seen.text());
        assert!(marketing.received().is_empty(), "{target}");
    }
}
