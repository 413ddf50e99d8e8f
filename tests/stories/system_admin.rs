//! The system administrator: no business function comes with that, whatever the applications themselves would allow.

use serde_json::json;

use crate::support::house::{ERP, House, WMS, tells};

#[test]
fn a_system_admin_looks_everywhere() {
    let house = House::shared();
    let mut admin = house.person(WMS, "admin");
    for target in ["/wms/stock/list.do", "/wms/order/list.do?warehouse=GZ", "/wms/order/card.do?id=10001&warehouse=HF"]
    {
        let seen = admin.get(target);
        let (_, record) = admin.permitted(&seen, "GET", target);
        tells(&record, &json!({"role": "system-admin"}));
    }
}

#[test]
fn a_system_admin_neither_refunds_nor_deletes_nor_sets_prices() {
    let house = House::shared();
    let mut admin = house.person(ERP, "admin");
    let seen = admin.get("/erp/index.php?module=price&action=edit");
    admin.permitted(&seen, "GET", "/erp/index.php?module=price&action=edit");
    let seen = admin.post("/erp/index.php?module=price&action=save", &[("sku", "A-1001"), ("price", "1")]);
    tells(&admin.refused(&seen, 403, "not-granted"), &json!({"permission": "price:modify"}));
    let refund = [("id", "10001"), ("amount", "1"), ("channel", "tmall")];
    let seen = admin.post("/erp/index.php?module=order&action=refund", &refund);
    tells(&admin.refused(&seen, 403, "not-granted"), &json!({"permission": "order:refund"}));
    let seen = admin.get("/erp/index.php?module=order&action=delete&id=10001&warehouse=HF&channel=tmall");
    tells(&admin.refused(&seen, 403, "not-granted"), &json!({"permission": "order:delete"}));
}
