//! A picker of one warehouse: sees its stock and orders, picks, and nothing else.

use serde_json::json;

use crate::support::house::{House, Person, WMS, tells};

#[test]
fn a_picker_sees_the_stock_of_the_own_warehouse() {
    let house = House::shared();
    let mut picker = house.person(WMS, "picker.hf");
    let seen = picker.get("/wms/stock/list.do?warehouse=HF");
    let (_, record) = picker.permitted(&seen, "GET", "/wms/stock/list.do?warehouse=HF");
    assert_eq!(seen.status, 200);
    assert!(seen.text().contains("B-2001") && !seen.text().contains("C-3001"), "{}", seen.text());
    tells(
        &record,
        &json!({
            "reason": "granted", "subject": "picker.hf", "source": "legacy-session", "role": "picker", "app": "wms",
            "route": "wms.stock.list", "permission": "stock:view", "scope": {"warehouse": ["HF"]}, "method": "GET",
            "target": "/wms/stock/list.do?warehouse=HF", "client": "127.0.0.1", "protocol": "HTTP/1.1",
        }),
    );
}

#[test]
fn a_list_without_a_warehouse_is_filled_with_the_own_one() {
    let house = House::shared();
    let mut picker = house.person(WMS, "picker.hf");
    for asked in ["/wms/stock/list.do", "/wms/stock/list.do?warehouse="] {
        let seen = picker.get(asked);
        let (_, record) = picker.permitted(&seen, "GET", "/wms/stock/list.do?warehouse=HF");
        assert!(!seen.text().contains("C-3001"), "{}", seen.text());
        tells(
            &record,
            &json!({"target": asked, "filled": {"query warehouse": ["HF"]}, "scope": {"warehouse": ["HF"]}}),
        );
    }
}

#[test]
fn another_warehouse_is_out_of_scope_and_the_page_says_so_in_two_languages() {
    let house = House::shared();
    let mut picker = house.person(WMS, "picker.hf").reading("en");
    let seen = picker.get("/wms/stock/list.do?warehouse=SH");
    let record = picker.refused(&seen, 403, "out-of-scope");
    Person::reads(&seen, &["This lies outside your area", "out-of-scope", "lang=\"en\""]);
    tells(&record, &json!({"subject": "picker.hf", "permission": "stock:view", "route": "wms.stock.list"}));

    let mut picker = house.person(WMS, "picker.hf").reading("zh-CN,zh;q=0.9");
    let seen = picker.get("/wms/stock/list.do?warehouse=SH");
    picker.refused(&seen, 403, "out-of-scope");
    Person::reads(&seen, &["超出您的数据范围", "查看库存", "lang=\"zh-CN\""]);
}

#[test]
fn a_picker_picks_and_neither_checks_nor_deletes() {
    let house = House::shared();
    let mut picker = house.person(WMS, "picker.hf").reading("en");
    let pick = "/wms/order/card.do?id=10001&warehouse=HF&action=pick";
    let seen = picker.get(pick);
    let (_, record) = picker.permitted(&seen, "GET", pick);
    tells(&record, &json!({"permission": "order:pick", "route": "wms.order.card", "role": "picker"}));

    let seen = picker.get("/wms/order/card.do?id=10001&warehouse=HF&action=check");
    let record = picker.refused(&seen, 403, "not-granted");
    tells(&record, &json!({"permission": "order:check"}));
    Person::reads(
        &seen,
        &["You are not allowed to do this", "Ask the shift lead for the right “Check picked orders”."],
    );

    // Old applications delete by GET.
    let seen = picker.get("/wms/order/card.do?id=10001&warehouse=HF&action=confirm_delete");
    let record = picker.refused(&seen, 403, "not-granted");
    tells(&record, &json!({"permission": "order:delete"}));
}

#[test]
fn a_picker_cannot_correct_stock_counts() {
    let house = House::shared();
    let mut picker = house.person(WMS, "picker.hf").reading("zh");
    let form = [("warehouse", "HF"), ("sku", "A-1001"), ("quantity", "0")];
    let seen = picker.post("/wms/stock/adjust.do", &form);
    let record = picker.refused(&seen, 403, "not-granted");
    tells(
        &record,
        &json!({"permission": "stock:adjust", "method": "POST", "parameters": {"warehouse": ["HF"], "sku": ["A-1001"], "quantity": ["0"]}}),
    );
    Person::reads(&seen, &["您没有执行此操作的权限", "请向运营主管申请“调整库存数量”权限。"]);
}

#[test]
fn a_program_of_the_picker_gets_a_problem_document() {
    let house = House::shared();
    let mut picker = house.person(WMS, "picker.hf").with("Accept", "application/json");
    let seen = picker.get("/wms/stock/list.do?warehouse=GZ");
    picker.refused(&seen, 403, "out-of-scope");
    assert_eq!(seen.field("content-type"), Some("application/problem+json"));
    tells(&seen.json(), &json!({"status": 403, "reason": "out-of-scope", "title": "This lies outside your area"}));
    assert_eq!(seen.json()["request_id"].as_str(), seen.field("x-request-id"));
}
