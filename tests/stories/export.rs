//! Files for spreadsheets: what a person may see and nothing else, also where nobody looks.

use std::io::{Cursor, Read as _};

use zip::ZipArchive;

use crate::support::browser::Seen;
use crate::support::house::{CRM, ERP, House, WMS};
use crate::support::http2;

const WORKBOOK: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// Every part of a workbook, unpacked.
fn parts(seen: &Seen) -> Vec<(String, String)> {
    assert_eq!((seen.status, seen.field("content-type")), (200, Some(WORKBOOK)), "{}", seen.text());
    let mut file = ZipArchive::new(Cursor::new(seen.body.clone())).unwrap();
    (0..file.len())
        .map(|at| {
            let mut part = file.by_index(at).unwrap();
            let mut text = String::new();
            part.read_to_string(&mut text).unwrap();
            (part.name().unwrap().into_owned(), text)
        })
        .collect()
}

fn whole(parts: &[(String, String)]) -> String {
    parts.iter().map(|(name, text)| format!("{name}\n{text}\n")).collect()
}

#[test]
fn a_workbook_holds_the_own_customers_and_no_trace_of_others() {
    let house = House::shared();
    let mut rep = house.person(CRM, "sales.north");
    let seen = rep.get("/api/customers?format=xlsx");
    assert_eq!(seen.field("content-disposition"), Some("attachment; filename=\"export.xlsx\""));
    let (_, record) = rep.permitted(&seen, "GET", "/api/customers?format=xlsx&owner=sales.north");
    assert_eq!(
        record["obligations"],
        serde_json::json!(["rows:owner", "mask:customer:contact", "mask:customer:spending"])
    );
    let text = whole(&parts(&seen));
    assert!(text.contains("Riverside Hotel") && text.contains("021-555-0103") && text.contains("96400"), "{text}");
    assert!(!text.contains("sales.south") && !text.contains("South Hill") && !text.contains("0102"), "{text}");
}

#[test]
fn a_workbook_is_masked_as_the_list_is() {
    let house = House::shared();
    let mut desk = house.person(CRM, "frontdesk");
    let text = whole(&parts(&desk.get("/api/customers?format=xlsx")));
    assert!(text.contains("Riverside Hotel") && text.contains("South Hill") && text.contains("****0103"), "{text}");
    assert!(!text.contains("021-555-0103") && !text.contains("96400"), "{text}");
    let mut service = house.person(CRM, "service");
    let text = whole(&parts(&service.get("/api/customers?format=xlsx")));
    assert!(text.contains("021-555-0103") && !text.contains("96400"), "{text}");
}

#[test]
fn answers_are_filtered_over_http2_as_over_http1() {
    let house = House::shared();
    for (host, account, target, own, other) in [
        (CRM, "sales.north", "/api/customers", "Riverside", "South Hill"),
        (CRM, "sales.north", "/api/customers?format=csv", "Riverside", "South Hill"),
        (CRM, "frontdesk", "/api/customers", "****0103", "021-555-0103"),
        (WMS, "keeper.hf", "/wms/order/list.do", "10001", "10003"),
        (WMS, "keeper.hf", "/wms/order/list.do?format=csv", "10001", "10003"),
        (ERP, "picker.hf", "/erp/index.php?module=order&action=list", "10001", "10003"),
    ] {
        let mut person = house.person(host, account);
        let first = person.get(target);
        let second = http2::send(&mut person.browser, "GET", target, &[], b"");
        assert_eq!((second.status, second.reason()), (200, None), "{target}");
        let text = second.text();
        assert!(text.contains(own) && !text.contains(other), "{account} {target}: {text}");
        if host != ERP {
            // the pages of the ERP bear the number of the request
            assert_eq!(first.body, second.body, "{account} {target}");
        }
        for name in ["x-total-count", "link", "etag", "digest", "content-range"] {
            assert_eq!(second.field(name), None, "{target}");
        }
        assert_eq!(second.field("cache-control"), Some("private, no-store"));
        let packed = http2::send(&mut person.browser, "GET", target, &[("accept-encoding", "gzip")], b"");
        assert_eq!(packed.field("content-encoding"), Some("gzip"), "{target}");
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(packed.body.as_slice()).read_to_end(&mut unpacked).unwrap();
        assert!(host == ERP || unpacked == second.body, "{target}");
        let head = http2::send(&mut person.browser, "HEAD", target, &[], b"");
        assert!(head.status == 200 && head.body.is_empty(), "{head:?}");
        assert!(head.field("content-length") == second.field("content-length"), "{head:?}");
    }
    let mut rep = house.person(CRM, "sales.north");
    let seen = http2::send(&mut rep.browser, "GET", "/api/customers?format=xlsx", &[], b"");
    let text = whole(&parts(&seen));
    assert!(text.contains("Riverside") && !text.contains("South Hill"), "{text}");
    let seen = http2::send(&mut rep.browser, "GET", "/api/customers?owner=sales.south&format=xlsx", &[], b"");
    assert_eq!(seen.reason(), Some("out-of-scope"));
}
