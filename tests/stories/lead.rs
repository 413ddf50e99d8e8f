//! The operations lead: all warehouses, deletes orders, sees sales and no costs.

use serde_json::json;

use crate::support::house::{ERP, House, WMS, tells};

#[test]
fn a_lead_sees_all_warehouses_without_anything_filled_in() {
    let house = House::shared();
    let mut lead = house.person(WMS, "lead");
    let seen = lead.get("/wms/stock/list.do");
    let (_, record) = lead.permitted(&seen, "GET", "/wms/stock/list.do");
    assert!(seen.text().contains("B-2001") && seen.text().contains("C-3002"), "{}", seen.text());
    tells(&record, &json!({"role": "operations-lead", "scope": {"warehouse": ["*"]}, "filled": null}));
}

#[test]
fn a_lead_deletes_an_order_in_either_system() {
    // The order is gone afterwards.
    let house = House::open();
    let mut lead = house.person(WMS, "lead");
    let target = "/wms/order/card.do?id=10005&warehouse=GZ&action=confirm_delete";
    let seen = lead.get(target);
    let (_, record) = lead.permitted(&seen, "GET", target);
    assert!(seen.text().contains("deleted"), "{}", seen.text());
    tells(&record, &json!({"permission": "order:delete", "scope": {"warehouse": ["GZ"]}}));

    let mut lead = house.person(ERP, "lead");
    let target = "/erp/index.php?module=order&action=delete&id=10006&warehouse=GZ&channel=tmall";
    let seen = lead.get(target);
    let (_, record) = lead.permitted(&seen, "GET", target);
    tells(
        &record,
        &json!({"app": "erp", "permission": "order:delete", "scope": {"warehouse": ["GZ"], "channel": ["tmall"]}}),
    );
}

#[test]
fn a_lead_moves_goods_anywhere() {
    let house = House::shared();
    let mut lead = house.person(WMS, "lead");
    let seen =
        lead.post("/wms/stock/transfer.do", &[("sku", "A-1002"), ("quantity", "1"), ("from", "GZ"), ("to", "HF")]);
    lead.permitted(&seen, "POST", "/wms/stock/transfer.do");
}

#[test]
fn a_lead_sees_sales_and_no_costs() {
    let house = House::shared();
    let mut lead = house.person(ERP, "lead");
    let seen = lead.get("/erp/index.php?module=report&action=sales");
    lead.permitted(&seen, "GET", "/erp/index.php?module=report&action=sales");
    let seen = lead.get("/erp/index.php?module=report&action=cost");
    tells(&lead.refused(&seen, 403, "not-granted"), &json!({"permission": "cost-report:view"}));
}
