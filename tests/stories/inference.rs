//! What answers give away of what is hidden: nothing. Two worlds that differ only outside of a person's scope look the same to that
//! person, byte for byte, however the question is put.

use scopegate::demo::data::{Customer, Order, Stock, World};

use crate::support::browser::Seen;
use crate::support::house::{CRM, ERP, House, Person, WMS};

/// Another world than the demo's, outside of the warehouse HF and of the customers of `sales.north`: there is more, less, and other.
fn elsewhere() -> World {
    let World { stock, orders, customers } = World::default();
    let mut other = World { stock: Vec::new(), orders: Vec::new(), customers: Vec::new() };
    for at in 0..40 {
        other.stock.push(Stock { warehouse: "SH", sku: "Z-9001", name: "别的 Other", quantity: 7 * i64::from(at) });
        let (amount, status) = (at * 90, if at % 2 == 0 { "open" } else { "shipped" });
        let id = 20_000 + at;
        other.orders.push(Order { id, warehouse: "GZ", channel: "jd", customer: "C-09", amount, status });
        let (name, phone, spent) = ("南方 South", format!("020-777-{at:04}"), at * 3_000);
        other.customers.push(Customer { id: "C-77", name, owner: "sales.south", phone, spent });
    }
    other.stock.extend(stock.into_iter().filter(|line| line.warehouse == "HF"));
    other.orders.extend(orders.into_iter().filter(|order| order.warehouse == "HF"));
    other.customers.extend(customers.into_iter().filter(|customer| customer.owner == "sales.north"));
    other
}

/// An answer without what is of the one request alone: its number and its time.
fn told(seen: &Seen) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let own = |name: &str| name.eq_ignore_ascii_case("date") || name.eq_ignore_ascii_case("x-request-id");
    let mut fields: Vec<_> = seen.fields.iter().filter(|(name, _)| !own(name)).cloned().collect();
    let mut body = seen.body.clone();
    if seen.reason().is_some() {
        let number = regex::Regex::new(r"[0-9a-f]{24}|[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8} UTC").unwrap();
        body = number.replace_all(&seen.text(), "…").into_owned().into_bytes();
        fields.retain(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
    }
    (seen.status, fields, body)
}

/// The ways to put a question: method, and fields beside.
const WAYS: [(&str, &[(&str, &str)]); 10] = [
    ("GET", &[]),
    ("HEAD", &[]),
    ("GET", &[("Accept", "text/html")]),
    ("GET", &[("Accept-Encoding", "gzip")]),
    ("GET", &[("Accept-Encoding", "br, zstd;q=0.5")]),
    ("GET", &[("Range", "bytes=0-40")]),
    ("GET", &[("Range", "items=0-0"), ("If-Range", "\"4-164660\"")]),
    ("GET", &[("If-None-Match", "\"4-164660\"")]),
    ("GET", &[("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"), ("If-None-Match", "*")]),
    ("GET", &[("Accept", "application/xml"), ("Accept-Charset", "gbk"), ("Want-Digest", "sha-256")]),
];

/// Asks in both worlds in every way; what is seen is the same. Gives the plain answers.
#[track_caller]
fn see_the_same(first: &mut Person<'_>, second: &mut Person<'_>, targets: &[&str]) -> Vec<Seen> {
    let mut plain = Vec::new();
    for target in targets {
        for (way, (method, fields)) in WAYS.iter().enumerate() {
            let one = first.browser.send(method, target, fields, b"");
            let other = second.browser.send(method, target, fields, b"");
            let (told_one, told_other) = (told(&one), told(&other));
            assert_eq!(told_one, told_other, "{method} {target} {fields:?}:\n{}\n{}", one.text(), other.text());
            if way == 0 {
                plain.push(one);
            }
        }
    }
    plain
}

/// Somebody signed in to the same application of both worlds.
fn both<'h>(house: &'h House, other: &'h House, host: &'static str, account: &str) -> (Person<'h>, Person<'h>) {
    (house.person(host, account), other.person(host, account))
}

#[test]
fn what_lies_outside_of_a_warehouse_changes_no_byte_of_its_lists() {
    let (house, other) = (House::of(World::default()), House::of(elsewhere()));
    for house in [&house, &other] {
        // The mark on a page tells its number and time, which are of the one request.
        house.edit("erp.yaml", "watermark: true", "watermark: false");
        house.reload_untested();
    }
    for account in ["keeper.hf", "picker.hf"] {
        let (mut first, mut second) = both(&house, &other, WMS, account);
        let lists = [
            "/wms/order/list.do",
            "/wms/order/list.do?warehouse=HF",
            "/wms/order/list.do?sort=amount",
            "/wms/order/list.do?view=print",
            "/wms/order/list.do?format=csv",
            "/wms/order/list.do?format=csv&sort=amount&warehouse=",
        ];
        for seen in see_the_same(&mut first, &mut second, &lists) {
            let text = seen.text();
            assert_eq!((seen.status, seen.reason()), (200, None), "{text}");
            assert!(text.contains("10001") && text.contains("HF"), "{text}");
            assert!(!text.contains("共") && !text.contains("10003"), "{text}");
        }
        see_the_same(
            &mut first,
            &mut second,
            &[
                "/wms/stock/list.do",
                "/wms/order/list.do?warehouse=SH",
                "/wms/order/list.do?format=xml",
                "/wms/order/list.do?sort=status",
                "/wms/order/list.do?page=2",
                // an order that is there in one world and not in the other
                "/wms/order/card.do?id=10003",
                "/wms/order/card.do?id=20001",
                "/wms/order/card.do?id=10003&action=pick&warehouse=HF",
            ],
        );
        let (mut first, mut second) = both(&house, &other, ERP, account);
        let lists = [
            "/erp/index.php?module=order&action=list",
            "/erp/index.php?module=order&action=list&warehouse=HF&channel=tmall",
            "/erp/index.php?module=order&action=list&channel=jd",
            "/erp/index.php?module=order&action=list&channel=store",
        ];
        for seen in see_the_same(&mut first, &mut second, &lists) {
            assert_eq!((seen.status, seen.reason()), (200, None));
        }
        see_the_same(
            &mut first,
            &mut second,
            &["/erp/index.php?module=order&action=list&warehouse=GZ", "/erp/index.php?module=report&action=sales"],
        );
    }
    // to who sees all of it the worlds do differ
    let (mut first, mut second) = both(&house, &other, WMS, "lead");
    for target in ["/wms/order/list.do", "/wms/order/list.do?format=csv", "/wms/stock/list.do"] {
        assert_ne!(first.get(target).text(), second.get(target).text(), "{target}");
    }
}

#[test]
fn what_lies_outside_of_the_own_customers_changes_no_byte_of_their_list() {
    let (house, other) = (House::of(World::default()), House::of(elsewhere()));
    let (mut first, mut second) = both(&house, &other, CRM, "sales.north");
    let lists = [
        "/api/customers",
        "/api/customers?owner=sales.north",
        "/api/customers?sort=spent",
        "/api/customers?sort=name&size=1",
        "/api/customers?sort=spent&size=1&page=2",
        "/api/customers?size=1&page=3",
        "/api/customers?q=0102",
        "/api/customers?q=777",
        "/api/customers?q=East",
        "/api/customers?format=csv",
        "/api/customers?format=csv&sort=spent&page=1&size=1",
        "/api/customers?format=xlsx",
        "/api/customers?format=json&owner=",
    ];
    for (seen, target) in see_the_same(&mut first, &mut second, &lists).iter().zip(lists) {
        assert_eq!((seen.status, seen.reason()), (200, None), "{target}: {}", seen.text());
        for name in ["x-total-count", "x-pagination", "link", "content-range", "etag", "digest", "x-db-rows"] {
            assert_eq!(seen.field(name), None, "{target}");
        }
    }
    see_the_same(
        &mut first,
        &mut second,
        &[
            "/api/customers?format=xml",
            "/api/customers?owner=sales.south",
            "/api/customers?sort=owner",
            "/api/customers?id=C-77",
        ],
    );
    assert_eq!(first.get("/api/customers").json()["total"], 2);
    // to who sees all of it the worlds do differ
    let (mut first, mut second) = both(&house, &other, CRM, "service");
    for target in ["/api/customers", "/api/customers?format=csv", "/api/customers?format=xlsx", "/api/customers?size=1"]
    {
        assert_ne!(told(&first.get(target)), told(&second.get(target)), "{target}");
    }
}

#[test]
fn whoever_does_not_see_telephone_numbers_and_spending_neither_searches_nor_sorts_by_them() {
    let house = House::shared();
    let mut desk = house.person(CRM, "frontdesk");
    for (target, reason) in [
        ("/api/customers?q=0102", "hidden-key"),
        ("/api/customers?sort=spent", "hidden-key"),
        ("/api/customers?sort=-spent", "parameter-type"),
    ] {
        let seen = desk.get(target);
        assert_eq!(seen.reason(), Some(reason), "{target}");
        assert!(desk.received().is_empty(), "{target}");
    }
    let seen = desk.get("/api/customers?sort=name&format=csv");
    let text = seen.text();
    assert!(text.contains("055****0101") && !text.contains("0551-555-0101") && !text.contains("48210"), "{text}");
}

#[test]
fn a_head_request_is_answered_as_the_filtered_page_is() {
    let house = House::shared();
    let mut rep = house.person(CRM, "sales.north");
    for target in ["/api/customers", "/api/customers?format=csv", "/api/customers?format=xlsx"] {
        let page = rep.get(target);
        rep.received();
        let head = rep.browser.send("HEAD", target, &[], b"");
        assert_eq!((head.status, head.field("content-length")), (200, Some(page.body.len().to_string().as_str())));
        assert!(head.body.is_empty());
        assert_eq!(rep.one().method, "GET", "the length of the filtered page is known by the page alone");
    }
}
