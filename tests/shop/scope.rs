//! Rows, fields and objects of the real application: somebody sees only their own, and what is hidden cannot be told from what is not there.

use super::{Gateway, Visit, browser, shop, sign_in};

const OWN: &str = "HF-10001";
const OTHER: &str = "SH-10002";

/// What somebody who may see the own warehouse alone must not read anywhere.
const OF_OTHERS: [&str; 6] = [OTHER, "Patron", "patron", "Harbour Street", "1399876", "88.00"];

#[track_caller]
fn says_nothing_of(page: &str, texts: &[&str]) {
    for text in texts {
        assert!(!page.contains(text), "`{text}` stands in\n{page}");
    }
}

#[test]
fn a_picker_sees_the_orders_of_the_own_warehouse_and_neither_whose_they_are_nor_what_they_are_worth() {
    let mut picker = Visit::of("picker");
    let list = picker.sees("/dashboard/orders/", OWN).text();
    says_nothing_of(&list, &OF_OTHERS);
    says_nothing_of(
        &list,
        &["Regular Customer", "Lake Road", "59.00", "Total inc tax", "data-objects-count", "Page 1"],
    );
    assert!(list.contains("R**"), "of the customer there is a first letter: {list}");
    says_nothing_of(
        &list,
        &["download_selected_orders", "change_order_statuses", "/dashboard/users/", "/dashboard/reports/"],
    );

    let card = picker.sees(&format!("/dashboard/orders/{OWN}/"), "Warehouse HF").text();
    assert!(card.contains("Vacuum flask"), "what leads to a refusal still says what is to be picked: {card}");
    says_nothing_of(
        &card,
        &["Regular Customer", "customer@", "Lake Road", "1381234", "Ring at", "59.00", "line_action"],
    );
    assert!(card.contains("c***@shop.localhost"), "{card}");

    let foreign = picker.is_refused(&format!("/dashboard/orders/{OTHER}/"), "out-of-scope").text();
    let unknown = picker.is_refused("/dashboard/orders/SH-99999/", "out-of-scope").text();
    assert_eq!(without_numbers(&foreign), without_numbers(&unknown), "nobody learns which orders there are");
    let told = picker.ends();
    let detail = told.record("GET", &format!("/dashboard/orders/{OTHER}/"));
    assert_eq!(detail.text("reason").as_deref(), Some("out-of-scope"));
    assert_eq!(told.record("GET", "/dashboard/orders/SH-99999/").text("reason").as_deref(), Some("object-unknown"));
}

/// A page of the gateway's own without what differs from request to request.
fn without_numbers(page: &str) -> String {
    let number = regex::Regex::new(r"[0-9a-f]{24}|[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8} UTC").unwrap();
    number.replace_all(page, "…").into_owned()
}

#[test]
fn a_search_that_meets_hidden_orders_looks_like_one_that_meets_none() {
    let mut picker = Visit::of("picker");
    let pages = [
        "/dashboard/orders/?product_title=Coffee",
        "/dashboard/orders/?product_title=Nothing",
        "/dashboard/orders/?upc=A-1002",
        "/dashboard/orders/?upc=A-9999",
        "/dashboard/orders/?partner_sku=SH-1",
        "/dashboard/orders/?status=Cancelled",
        "/dashboard/orders/?page=2",
        "/dashboard/orders/?date_from=2001-01-01&date_to=2001-01-02",
    ];
    let seen = pages.map(|page| {
        let seen = picker.is_refused(page, "nothing-found");
        assert_eq!(seen.status, 404);
        without_numbers(&seen.text())
    });
    assert!(seen.iter().all(|page| *page == seen[0]), "{seen:#?}");
    picker.sees("/dashboard/orders/?product_title=Vacuum", OWN);
    // a whole number leads to the order, also in the shop's own way
    picker.is_refused(&format!("/dashboard/orders/?order_number={OTHER}"), "out-of-scope");
    picker.is_refused("/dashboard/orders/?order_number=SH-99999", "out-of-scope");
    let led = picker.person.get(&format!("/dashboard/orders/?order_number={OWN}"));
    assert_eq!((led.status, led.field("location")), (302, Some("/dashboard/orders/HF-10001/")));
    let told = picker.ends();
    assert_eq!(told.received("GET", "/dashboard/orders/?product_title=Coffee").len(), 1, "the shop searched");
    assert!(told.received("GET", &format!("/dashboard/orders/?order_number={OTHER}")).is_empty());
}

#[test]
fn whoever_does_not_see_a_field_neither_sorts_nor_searches_by_it() {
    let mut picker = Visit::of("picker");
    for page in [
        "/dashboard/orders/?sort=total_incl_tax&dir=asc",
        "/dashboard/orders/?sort=total_incl_tax",
        "/dashboard/orders/?name=Regular",
    ] {
        picker.is_refused(page, "hidden-key");
    }
    let told = picker.ends();
    assert!(told.received("GET", "/dashboard/orders/?name=Regular").is_empty());
    let mut keeper = Visit::of("keeper");
    keeper.sees("/dashboard/orders/?sort=total_incl_tax&dir=asc", "59.00");
    keeper.sees("/dashboard/orders/?name=Regular", "Lake Road");
    keeper.is_refused("/dashboard/orders/?name=Steady", "nothing-found");
    keeper.ends();
}

#[test]
fn a_keeper_ships_the_own_orders_and_changes_none_of_another_warehouse() {
    let mut keeper = Visit::of("keeper");
    let list = keeper.sees("/dashboard/orders/", "Regular Customer").text();
    assert!(list.contains("8 Lake Road, Hefei") && list.contains("59.00"), "{list}");
    // the name is a link to a page that is not the keeper's: it stays, and leads nowhere
    assert!(list.matches("Regular Customer").count() == 3 && !list.contains("/dashboard/users/"), "{list}");
    says_nothing_of(&list, &["Customers", "Offers", "Download selected"]);
    says_nothing_of(&list, &OF_OTHERS);
    let card = keeper.sees(&format!("/dashboard/orders/{OWN}/"), "customer@shop.localhost").text();
    assert!(card.contains("+8613812345678") && card.contains("Ring at number 8"), "{card}");

    let before = keeper.shop.asks(&format!("SELECT status FROM order_order WHERE number = '{OTHER}'"));
    let cancel = keeper.forged(&[("order_action", "change_order_status"), ("new_status", "Cancelled")]);
    assert_eq!(keeper.posts(&format!("/dashboard/orders/{OTHER}/"), &cancel).reason(), Some("out-of-scope"));
    let bulk = keeper.forged(&[
        ("select_across", "0"),
        ("selected_order", "2"),
        ("new_status", "Cancelled"),
        ("action", "change_order_statuses"),
    ]);
    assert_eq!(keeper.posts("/dashboard/orders/", &bulk).reason(), Some("scope-unbound"));
    let after = keeper.shop.asks(&format!("SELECT status FROM order_order WHERE number = '{OTHER}'"));
    assert_eq!((before.as_str(), after.as_str()), ("Pending", "Pending"));

    let told = keeper.ends();
    assert!(told.received("POST", &format!("/dashboard/orders/{OTHER}/")).is_empty());
    assert!(told.received("POST", "/dashboard/orders/").is_empty());
}

#[test]
fn a_keeper_neither_opens_nor_takes_over_the_stock_of_another_warehouse() {
    let mut keeper = Visit::of("keeper");
    let alerts = keeper.sees("/dashboard/catalogue/stock-alerts/", "Vacuum flask").text();
    says_nothing_of(&alerts, &["Coffee beans", "Warehouse SH"]);
    let partners = keeper.sees("/dashboard/partners/", "/dashboard/partners/1/").text();
    says_nothing_of(&partners, &["Warehouse SH", "/dashboard/partners/2/"]);
    keeper.is_refused("/dashboard/partners/?name=Warehouse+SH", "nothing-found");
    keeper.is_refused("/dashboard/partners/?name=Nobody", "nothing-found");
    keeper.is_refused("/dashboard/catalogue/products/2/", "out-of-scope");
    keeper.is_refused("/dashboard/catalogue/products/77/", "out-of-scope");

    // the own form, sent to the product of another warehouse: its stock would become the keeper's
    let own = keeper.person.get("/dashboard/catalogue/products/1/").text();
    let form = super::Form::of(&own, "stockrecords-0-partner").with("stockrecords-0-id", "2").and("action", "save");
    let stock = "SELECT partner_id, partner_sku, num_in_stock FROM partner_stockrecord WHERE id = 2";
    let before = keeper.shop.asks(stock);
    assert_eq!(keeper.posts("/dashboard/catalogue/products/2/", &form).reason(), Some("out-of-scope"));
    assert_eq!(keeper.shop.asks(stock), before);
    let told = keeper.ends();
    assert!(told.received("POST", "/dashboard/catalogue/products/2/").is_empty());
}

#[test]
fn a_buyer_sees_and_changes_products_of_one_kind() {
    let mut buyer = Visit::of("buyer");
    let list = buyer.sees("/dashboard/catalogue/", "Coffee beans").text();
    says_nothing_of(&list, &["Vacuum flask", "A-1001", "Umbrella", "data-objects-count", "3 Products", "New Product"]);
    let hidden = buyer.is_refused("/dashboard/catalogue/?title=Vacuum", "nothing-found").text();
    let missing = buyer.is_refused("/dashboard/catalogue/?title=Nothing", "nothing-found").text();
    assert_eq!(without_numbers(&hidden), without_numbers(&missing));
    buyer.sees("/dashboard/catalogue/products/2/", "Coffee beans");
    buyer.is_refused("/dashboard/catalogue/products/1/", "out-of-scope");
    let renamed = buyer.sends("/dashboard/catalogue/products/2/", "stockrecords-0-partner", |form| {
        form.with("meta_title", "Beans").and("action", "continue")
    });
    assert_eq!((renamed.status, renamed.reason()), (302, None), "{}", renamed.text());
    assert_eq!(buyer.shop.asks("SELECT meta_title FROM catalogue_product WHERE id = 2"), "Beans");
    buyer.ends();
}

#[test]
fn exports_hold_what_the_pages_hold_and_no_more() {
    let mut finance = Visit::of("finance");
    let csv = finance.person.get("/dashboard/orders/?response_format=csv");
    assert_eq!(csv.status, 200);
    // where the length is told (the whole export was at hand), it is that of what is left
    assert!(csv.field("content-length").is_none_or(|told| told == csv.body.len().to_string()), "{csv:?}");
    let text = csv.text();
    assert!(text.contains("HF-10001,59.00") && text.contains("c***@shop.localhost,R**,R**"), "{text}");
    says_nothing_of(&text, &["customer@", "patron@", "Regular", "Steady"]);
    let report = "/dashboard/reports/?report_type=order_report&date_from=2026-01-01&date_to=2030-01-01";
    let page = finance.sees(report, OTHER).text();
    says_nothing_of(&page, &["patron@", "Steady Patron", "/dashboard/users/"]);
    let csv = finance.person.get(&format!("{report}&download=on")).text();
    assert!(csv.contains("SH-10002,S**,p***@shop.localhost,88.00"), "{csv}");
    says_nothing_of(&csv, &["patron@", "Steady"]);
    let ticked =
        finance.forged(&[("select_across", "0"), ("selected_order", "2"), ("action", "download_selected_orders")]);
    let csv = finance.posts("/dashboard/orders/", &ticked).text();
    assert!(csv.contains("SH-10002,88.00"), "{csv}");
    says_nothing_of(&csv, &["patron@", "Steady", "HF-10001"]);
    let list = finance.sees("/dashboard/orders/", "S**").text();
    says_nothing_of(&list, &["Harbour Street", "Steady"]);
    finance.is_refused("/dashboard/reports/?report_type=user_analytics", "out-of-scope");
    finance.ends();
}

#[test]
fn exports_of_somebody_of_one_warehouse_hold_its_orders_alone() {
    let mut finance = Visit::of("finance.hf");
    let report = "/dashboard/reports/?report_type=order_report&date_from=2026-01-01&date_to=2030-01-01";
    finance.sees("/dashboard/orders/", OWN);
    finance.sees(report, OWN);
    for export in ["/dashboard/orders/?response_format=csv", &format!("{report}&download=on")] {
        let seen = finance.person.get(export);
        let text = seen.text();
        assert!(seen.status == 200 && text.contains(OWN) && text.contains("59.00"), "{export}: {text}");
        says_nothing_of(&text, &OF_OTHERS);
    }
    // by the numbers of ticked orders nobody can tell whose they are: it is for those who see every warehouse
    for number in ["1", "2"] {
        let ticked = [("select_across", "0"), ("selected_order", number), ("action", "download_selected_orders")];
        let ticked = finance.forged(&ticked);
        assert_eq!(finance.posts("/dashboard/orders/", &ticked).reason(), Some("scope-unbound"));
    }
    for page in ["/dashboard/orders/", report] {
        says_nothing_of(&finance.person.get(page).text(), &OF_OTHERS);
    }
    finance.ends();
}

#[test]
fn the_first_page_counts_the_shop_only_for_those_who_see_all_of_it() {
    let mut keeper = Visit::of("keeper");
    let page = keeper.sees("/dashboard/", "Dashboard").text();
    assert!(page.contains("***"), "{page}");
    says_nothing_of(
        &page,
        &["order-graph-details", "147.00", "/dashboard/users/", "/dashboard/vouchers/", "/dashboard/pages/"],
    );
    keeper.is_refused("/dashboard/orders/statistics/", "not-granted");
    keeper.ends();
    let mut lead = Visit::of("lead");
    let page = lead.sees("/dashboard/", "order-graph-details").text();
    assert!(page.contains("147.00"), "{page}");
    lead.ends();
}

#[test]
fn a_head_request_and_a_part_of_a_list_tell_no_more_than_the_list() {
    let shop = shop();
    let gateway = Gateway::open(shop);
    let mut picker = browser(&gateway);
    assert_eq!(sign_in(&mut picker, "picker@shop.localhost").status, 302);
    let whole = picker.get("/dashboard/orders/");
    let part = picker.send("GET", "/dashboard/orders/", &[("Range", "bytes=0-99"), ("If-None-Match", "*")], b"");
    assert_eq!((part.status, part.field("content-range")), (200, None));
    let token = regex::Regex::new("value=\"[A-Za-z0-9]{64}\"").unwrap();
    assert_eq!(token.replace_all(&part.text(), ""), token.replace_all(&whole.text(), ""));
    // the length of the page is that of what is left of it, and a page that is hidden is not there
    for page in [
        "/dashboard/orders/",
        "/dashboard/orders/?upc=A-1002",
        "/dashboard/orders/?upc=A-9999",
        "/dashboard/orders/?page=7",
    ] {
        let seen = picker.get(page);
        let head = picker.send("HEAD", page, &[], b"");
        assert!(head.body.is_empty());
        let told = |seen: &super::Seen| {
            (seen.status, seen.field("content-length").map(str::to_owned), seen.field("etag").is_some())
        };
        assert_eq!(told(&head), told(&seen), "{page}");
    }
    gateway.end();
}
