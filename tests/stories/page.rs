//! Pages: what different people see of the same list, in the application's own character set, and what never leaves.

use encoding_rs::GBK;
use std::io::Read as _;

use crate::support::browser::Seen;
use crate::support::house::{ERP, House, WMS};

const LIST: &str = "/erp/index.php?module=order&action=list";

/// A page of the ERP, which is in GBK and says so.
fn gbk(seen: &Seen) -> String {
    assert_eq!((seen.status, seen.field("content-type")), (200, Some("text/html; charset=gbk")), "{}", seen.text());
    let text = GBK.decode_without_bom_handling_and_without_replacement(&seen.body).expect("GBK");
    text.into_owned()
}

#[test]
fn a_picker_sees_neither_sums_nor_customers_nor_what_a_picker_may_not_do() {
    let house = House::shared();
    let mut picker = house.person(ERP, "picker.hf");
    let seen = picker.get(LIST);
    let (received, _) = picker.permitted(&seen, "GET", &format!("{LIST}&warehouse=HF"));
    assert_eq!(received.field("accept-encoding"), ["identity"]);
    let page = gbk(&seen);
    for shown in ["10001", "10002", "仓库 Warehouse", "C**", "picked"] {
        assert!(page.contains(shown), "{shown} is not on {page}");
    }
    for hidden in ["398", "1250", "金额", "C-01", "退款", "删除", "action=delete", "销售报表", "成本报表", "10003"]
    {
        assert!(!page.contains(hidden), "{hidden} is on {page}");
    }
    assert!(page.contains("picker.hf 20") && page.contains("scopegate-watermark"), "{page}");
    assert_eq!(seen.field("cache-control"), Some("private, no-store"));
}

#[test]
fn the_lead_sees_sums_and_may_delete_but_not_refund() {
    let house = House::shared();
    let mut lead = house.person(ERP, "lead");
    let page = gbk(&lead.get(LIST));
    for shown in ["398", "7600", "删除 Delete", "销售报表", "C**"] {
        assert!(page.contains(shown), "{shown} is not on {page}");
    }
    for hidden in ["退款", "成本报表", "C-04"] {
        assert!(!page.contains(hidden), "{hidden} is on {page}");
    }
}

/// The application answers with all orders, and only what stands in each row tells whose it is.
#[test]
fn rows_are_left_out_where_the_request_says_nothing_of_a_warehouse() {
    let house = House::open();
    house.edit("erp.yaml", "      warehouse: {query: warehouse, absent: fill}\n      channel: {query: channel, absent: fill}\n      owner: ignored\n    # The page", "      owner: ignored\n    # The page");
    house.reload_untested();
    let mut east = house.person(ERP, "keeper.east");
    let seen = east.get(LIST);
    east.permitted(&seen, "GET", LIST);
    let page = gbk(&seen);
    for (order, seen) in
        [("10001", true), ("10002", true), ("10003", true), ("10004", true), ("10005", false), ("10006", false)]
    {
        assert_eq!(page.contains(order), seen, "{order} on {page}");
    }
    assert!(!page.contains(">GZ<"), "{page}");
    // With `all` in the other dimension and one channel in this one.
    let mut service = house.person(ERP, "service");
    let page = gbk(&service.get(LIST));
    assert!(!page.contains("10004") && page.contains("10005") && page.contains("退款"), "{page}");
}

#[test]
fn a_browser_that_accepts_a_coding_gets_the_judged_page_in_it() {
    let house = House::shared();
    let mut picker = house.person(ERP, "picker.hf").with("Accept-Encoding", "gzip, deflate");
    let seen = picker.get(LIST);
    assert_eq!((seen.field("content-encoding"), seen.field("vary")), (Some("gzip"), Some("Accept-Encoding")));
    let mut body = Vec::new();
    flate2::read::GzDecoder::new(seen.body.as_slice()).read_to_end(&mut body).unwrap();
    let page = gbk(&Seen { body, ..seen });
    assert!(page.contains("10001") && !page.contains("398"), "{page}");
}

#[test]
fn a_page_that_lacks_the_table_of_its_rule_is_withheld() {
    let house = House::open();
    house.edit("wms.yaml", "in: table#orders", "in: table#parcels");
    house.reload_untested();
    let mut picker = house.person(WMS, "picker.hf");
    let seen = picker.get("/wms/order/list.do");
    assert_eq!((seen.status, seen.reason()), (502, Some("answer-unreadable")), "{}", seen.text());
    assert!(!seen.text().contains("10001"), "{}", seen.text());
}
