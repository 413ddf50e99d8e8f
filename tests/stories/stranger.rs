//! Strangers: nobody at all, and somebody whom the applications know and the rules do not.

use serde_json::json;

use crate::support::house::{CRM, ERP, House, Person, WMS, tells};

#[test]
fn nobody_is_sent_to_the_sign_in_page() {
    let house = House::shared();
    let mut nobody = house.visitor(WMS).reading("en");
    for target in ["/", "/wms/main.do", "/wms/stock/list.do?warehouse=HF"] {
        let seen = nobody.get(target);
        let record = nobody.refused(&seen, 401, "unauthenticated");
        tells(&record, &json!({"subject": null}));
        Person::reads(&seen, &["Please sign in", "href=\"/wms/login.do\""]);
    }
    let mut nobody = house.visitor(ERP).reading("zh");
    let seen = nobody.get("/erp/index.php?module=order&action=list");
    nobody.refused(&seen, 401, "unauthenticated");
    Person::reads(&seen, &["请先登录", "href=\"/erp/login.php\""]);
}

#[test]
fn the_sign_in_page_is_public_and_nothing_near_it_is() {
    let house = House::shared();
    let mut nobody = house.visitor(WMS);
    let seen = nobody.get("/wms/login.do");
    let (_, record) = nobody.permitted(&seen, "GET", "/wms/login.do");
    tells(&record, &json!({"reason": "public", "route": "wms.sign-in-page", "subject": null}));
    for target in ["/wms/login.do/../main.do", "/wms/login.do;/main.do", "/wms//login.do", "/wms/login.do/x"] {
        let seen = nobody.browser.send("GET", target, &[], b"");
        assert!(seen.status == 400 || seen.status == 403 || seen.status == 401, "{target}: {}", seen.status);
        assert!(nobody.received().is_empty(), "{target}");
    }
}

#[test]
fn whom_only_the_application_knows_is_a_stranger() {
    let house = House::shared();
    for (host, target) in [(WMS, "/wms/main.do"), (ERP, "/erp/index.php"), (CRM, "/api/customers")] {
        let mut visitor = house.person(host, "visitor").reading("en");
        let seen = visitor.get(target);
        let record = visitor.refused(&seen, 403, "unknown-subject");
        tells(&record, &json!({"subject": "visitor"}));
        Person::reads(&seen, &["This account is not known here"]);
    }
}
