//! The administrator of one department: everything below EAST to be seen, nothing beyond, nothing to be changed.

use serde_json::json;

use crate::support::house::{CRM, House, WMS, tells};

#[test]
fn a_department_admin_sees_the_warehouses_of_the_department() {
    let house = House::shared();
    let mut admin = house.person(WMS, "dept.admin");
    for warehouse in ["HF", "SH"] {
        let target = format!("/wms/order/list.do?warehouse={warehouse}");
        let seen = admin.get(&target);
        let (_, record) = admin.permitted(&seen, "GET", &target);
        tells(&record, &json!({"role": "department-admin", "scope": {"warehouse": [warehouse]}}));
    }
    let seen = admin.get("/wms/order/list.do?warehouse=GZ");
    admin.refused(&seen, 403, "out-of-scope");
}

#[test]
fn a_department_admin_changes_neither_stock_nor_orders() {
    let house = House::shared();
    let mut admin = house.person(WMS, "dept.admin");
    let seen = admin.post("/wms/stock/adjust.do", &[("warehouse", "HF"), ("sku", "A-1001"), ("quantity", "1")]);
    admin.refused(&seen, 403, "not-granted");
    let seen = admin.get("/wms/order/card.do?id=10001&warehouse=HF&action=confirm_delete");
    admin.refused(&seen, 403, "not-granted");
}

#[test]
fn a_department_admin_sees_customers() {
    let house = House::shared();
    let mut admin = house.person(CRM, "dept.admin");
    let seen = admin.get("/api/customers");
    admin.permitted(&seen, "GET", "/api/customers");
}
