//! Warehouse keepers: correct counts and move goods, each end of a move inside the own warehouses.

use serde_json::json;

use crate::support::house::{House, Person, WMS, tells};

#[test]
fn a_keeper_corrects_a_count_in_the_own_warehouse() {
    let house = House::shared();
    let mut keeper = house.person(WMS, "keeper.hf");
    let seen = keeper.post("/wms/stock/adjust.do", &[("warehouse", "HF"), ("sku", "A-1001"), ("quantity", "300")]);
    let (received, record) = keeper.permitted(&seen, "POST", "/wms/stock/adjust.do");
    assert_eq!(received.body, b"warehouse=HF&sku=A-1001&quantity=300");
    assert_eq!(received.field("content-type"), ["application/x-www-form-urlencoded"]);
    assert_eq!(received.field("content-length"), ["36"]);
    assert!(seen.text().contains("1 行 lines changed"), "{}", seen.text());
    tells(
        &record,
        &json!({
            "subject": "keeper.hf", "role": "warehouse-keeper", "permission": "stock:adjust", "scope": {"warehouse": ["HF"]},
            "parameters": {"warehouse": ["HF"], "sku": ["A-1001"], "quantity": ["300"]},
        }),
    );
}

#[test]
fn a_correction_elsewhere_or_everywhere_is_refused() {
    let house = House::shared();
    let mut keeper = house.person(WMS, "keeper.hf");
    let seen = keeper.post("/wms/stock/adjust.do", &[("warehouse", "SH"), ("sku", "A-1001"), ("quantity", "0")]);
    let record = keeper.refused(&seen, 403, "out-of-scope");
    tells(&record, &json!({"scope": {"warehouse": ["SH"]}, "permission": "stock:adjust"}));
    // The application would change every warehouse.
    for form in
        [&[("sku", "A-1001"), ("quantity", "0")][..], &[("warehouse", ""), ("sku", "A-1001"), ("quantity", "0")]]
    {
        let seen = keeper.post("/wms/stock/adjust.do", form);
        keeper.refused(&seen, 403, "scope-missing");
    }
}

#[test]
fn only_the_one_spelling_of_a_number_reaches_the_application() {
    let house = House::shared();
    let mut keeper = house.person(WMS, "keeper.hf");
    for quantity in [" 5", "+5", "05", "5.0", "5e0", "0x5", "1,000", "５"] {
        let seen =
            keeper.post("/wms/stock/adjust.do", &[("warehouse", "HF"), ("sku", "A-1001"), ("quantity", quantity)]);
        keeper.refused(&seen, 400, "parameter-type");
    }
    let seen = keeper.post("/wms/stock/adjust.do", &[("warehouse", "HF"), ("sku", "A-1001' OR 1"), ("quantity", "5")]);
    keeper.refused(&seen, 400, "parameter-type");
}

#[test]
fn a_parameter_that_no_rule_names_is_refused() {
    let house = House::shared();
    let mut keeper = house.person(WMS, "keeper.hf");
    let form = [("warehouse", "HF"), ("sku", "A-1001"), ("quantity", "5"), ("all", "true")];
    let seen = keeper.post("/wms/stock/adjust.do", &form);
    let record = keeper.refused(&seen, 400, "unknown-parameter");
    assert!(record["detail"].as_str().unwrap().contains("all"), "{record}");
}

#[test]
fn a_move_is_judged_by_both_of_its_ends() {
    let house = House::shared();
    let mut east = house.person(WMS, "keeper.east");
    let seen =
        east.post("/wms/stock/transfer.do", &[("sku", "A-1001"), ("quantity", "2"), ("from", "HF"), ("to", "SH")]);
    let (received, record) = east.permitted(&seen, "POST", "/wms/stock/transfer.do");
    assert_eq!(received.body, b"sku=A-1001&quantity=2&from=HF&to=SH");
    tells(&record, &json!({"permission": "stock:transfer", "scope": {"warehouse": ["HF", "SH"]}}));

    let seen =
        east.post("/wms/stock/transfer.do", &[("sku", "A-1002"), ("quantity", "2"), ("from", "HF"), ("to", "GZ")]);
    east.refused(&seen, 403, "out-of-scope");

    let mut keeper = house.person(WMS, "keeper.hf");
    for (from, to) in [("HF", "SH"), ("SH", "HF")] {
        let seen =
            keeper.post("/wms/stock/transfer.do", &[("sku", "A-1001"), ("quantity", "2"), ("from", from), ("to", to)]);
        let record = keeper.refused(&seen, 403, "out-of-scope");
        tells(&record, &json!({"scope": {"warehouse": [from, to]}}));
    }
}

#[test]
fn a_move_with_one_end_is_refused() {
    let house = House::shared();
    let mut east = house.person(WMS, "keeper.east");
    let seen = east.post("/wms/stock/transfer.do", &[("sku", "A-1001"), ("quantity", "2"), ("from", "HF")]);
    east.refused(&seen, 403, "scope-missing");
}

#[test]
fn a_keeper_of_two_warehouses_says_which_one_a_list_is_of() {
    let house = House::shared();
    let mut east = house.person(WMS, "keeper.east").reading("en");
    let seen = east.get("/wms/stock/list.do");
    east.refused(&seen, 400, "scope-ambiguous");
    Person::reads(&seen, &["Please say which part you mean", "a single warehouse"]);
    let seen = east.get("/wms/stock/list.do?warehouse=SH");
    let (_, record) = east.permitted(&seen, "GET", "/wms/stock/list.do?warehouse=SH");
    tells(&record, &json!({"scope": {"warehouse": ["SH"]}}));
    let seen = east.get("/wms/stock/list.do?warehouse=GZ");
    east.refused(&seen, 403, "out-of-scope");
}

#[test]
fn a_value_that_a_rule_calls_secret_stands_neither_in_the_scope_nor_in_the_detail_of_a_record() {
    let house = House::open();
    house.edit("wms.yaml", "      quantity: {at: {form: quantity}, type: int}\n", "      quantity: {at: {form: quantity}, type: int}\n      warehouse: {at: {form: warehouse}, type: text, secret: true}\n");
    house.reload_untested();
    let mut keeper = house.person(WMS, "keeper.hf");
    let seen = keeper.post("/wms/stock/adjust.do", &[("warehouse", "SH"), ("sku", "A-1001"), ("quantity", "0")]);
    let mut record = keeper.refused(&seen, 403, "out-of-scope");
    // the device's identifier is random, and may hold any two letters
    record.as_object_mut().unwrap().remove("device");
    assert!(!record.to_string().contains("SH"), "{record:#}");
    let seen = keeper.post("/wms/stock/adjust.do", &[("warehouse", "HF"), ("sku", "A-1001"), ("quantity", "300")]);
    let (_, record) = keeper.permitted(&seen, "POST", "/wms/stock/adjust.do");
    tells(&record, &json!({"scope": {"warehouse": ["***"]}}));
}
