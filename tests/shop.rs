//! The gateway before a real business application that nobody here wrote: an Oscar shop, in which whoever is staff may do everything.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::field_reassign_with_default,
    reason = "what stops here fails by stopping"
)]

#[path = "stories/support/browser.rs"]
#[allow(dead_code)]
mod browser;
#[path = "application/form.rs"]
mod form;
#[path = "application/launch.rs"]
mod launch;
#[path = "shop/scope.rs"]
mod scope;

use browser::{Browser, Seen};
use form::Form;
use launch::{Gateway, HOST, PASSWORD, Shop, shop};
use scopegate::audit::filter::Entry;
use serde_json::Value;

/// One person's visit: a gateway of its own, signed in through the shop's own form.
struct Visit {
    shop: &'static Shop,
    gateway: Gateway,
    person: Browser,
    name: String,
}

fn browser(gateway: &Gateway) -> Browser {
    Browser::new(gateway.address, HOST, &gateway.certificate)
        .with("Referer", "https://shop.localhost/")
        .with("Accept", "text/html")
        .with("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
}

fn sign_in(person: &mut Browser, name: &str) -> Seen {
    let page = person.get("/dashboard/login/");
    assert_eq!(page.status, 200, "{}", page.text());
    let form = Form::of(&page.text(), "username").with("username", name).with("password", PASSWORD);
    person.post("/dashboard/login/", &form.pairs())
}

impl Visit {
    fn of(account: &str) -> Self {
        let shop = shop();
        let gateway = Gateway::open(shop);
        let mut person = browser(&gateway);
        let name = format!("{account}@shop.localhost");
        let answer = sign_in(&mut person, &name);
        assert_eq!((answer.status, answer.field("location")), (302, Some("/dashboard/")), "{}", answer.text());
        Self { shop, gateway, person, name }
    }

    /// The person sees the page, which says `text`.
    fn sees(&mut self, target: &str, text: &str) -> Seen {
        let seen = self.person.get(target);
        assert_eq!((seen.status, seen.reason()), (200, None), "{target}");
        assert!(seen.text().contains(text), "{target} does not say {text}:\n{}", seen.text());
        seen
    }

    /// The gateway refuses the page for `reason`.
    fn is_refused(&mut self, target: &str, reason: &str) -> Seen {
        let seen = self.person.get(target);
        assert_eq!(seen.reason(), Some(reason), "{target}: {}", seen.text());
        seen
    }

    /// Fills in and sends the form of `page` that has a field `with`.
    fn sends(&mut self, page: &str, with: &str, fill: impl FnOnce(Form) -> Form) -> Seen {
        let seen = self.person.get(page);
        assert_eq!(seen.status, 200, "{page}: {}", seen.text());
        self.posts(page, &fill(Form::of(&seen.text(), with)))
    }

    fn posts(&mut self, target: &str, form: &Form) -> Seen {
        if form.multipart {
            let (kind, body) = form.multipart();
            self.person.send("POST", target, &[("Content-Type", &kind)], &body)
        } else {
            self.person.post(target, &form.pairs())
        }
    }

    /// A form with a true token of the shop's, which the person could write by hand.
    fn forged(&self, pairs: &[(&str, &str)]) -> Form {
        let token = self.person.cookie("csrftoken").unwrap().to_owned();
        pairs
            .iter()
            .fold(Form::default().with("csrfmiddlewaretoken", &token), |form, (name, value)| form.and(name, value))
    }

    /// Ends the visit: what the journal says of it, and what the shop received of it.
    fn ends(self) -> Told {
        let (records, bytes) = self.gateway.end();
        let ids: Vec<String> = records.iter().filter_map(|entry| Some(entry.text("request")?.into_owned())).collect();
        let received: Vec<Value> = self
            .shop
            .received()
            .into_iter()
            .filter(|one| one["headers"]["X-Request-Id"].as_str().is_some_and(|id| ids.iter().any(|known| known == id)))
            .collect();
        let told = Told { records, received, name: self.name };
        told.agrees();
        let mut secrets =
            vec![PASSWORD, self.person.cookie("csrftoken").unwrap(), self.person.cookie("sessionid").unwrap()];
        secrets.extend(told.received.iter().filter_map(|one| one["form"]["csrfmiddlewaretoken"][0].as_str()));
        assert!(secrets.len() > 3, "the sign-in form at least had a token");
        for secret in secrets {
            let found = memchr::memmem::find(&bytes, secret.as_bytes()).is_some();
            assert!(!found, "a secret stands in the journal");
        }
        told
    }
}

/// What the journal and the application say of a visit.
struct Told {
    records: Vec<Entry>,
    received: Vec<Value>,
    name: String,
}

impl Told {
    /// Whatever was permitted was received once, whatever was refused never, beside what the gateway itself asked on the way to the
    /// decision; every record has its outcome.
    fn agrees(&self) {
        let decisions = self.records.iter().filter(|entry| entry.text("decision").is_some());
        for entry in decisions {
            let id = entry.text("request").unwrap();
            let times = self.received.iter().filter(|one| one["headers"]["X-Request-Id"] == *id).count();
            let permitted = entry.text("decision").unwrap() == "permit";
            assert!(entry.text("answer_status").is_some(), "without outcome: {entry:?}");
            // A sign-in is followed by one side request for the confirming page.
            let allowed = if entry.text("route").as_deref() == Some("shop.sign-in") { 1..=2 } else { 1..=1 };
            let looked_up =
                ["lookups.order-partner", "lookups.product"].into_iter().filter_map(|name| entry.text(name));
            let asked: usize = looked_up.map(|told| told.matches("(request)").count()).sum();
            let own = times - asked;
            assert!(if permitted { allowed.contains(&own) } else { own == 0 }, "received {times} times: {entry:?}");
        }
    }

    /// The record of the last request with this method and target.
    fn record(&self, method: &str, target: &str) -> &Entry {
        let fits = |entry: &&Entry| {
            entry.text("method").as_deref() == Some(method) && entry.text("target").as_deref() == Some(target)
        };
        let found = self.records.iter().rev().find(fits);
        found.unwrap_or_else(|| panic!("no {method} {target} in {:#?}", self.records))
    }

    /// The record of a request says this: who, which route and permission, the decision and its reason.
    fn says(&self, method: &str, target: &str, route: &str, permission: &str, decision: &str, reason: &str) {
        let entry = self.record(method, target);
        let told =
            ["subject", "route", "permission", "decision", "reason"].map(|field| entry.text(field).unwrap_or_default());
        assert_eq!(told, [self.name.as_str(), route, permission, decision, reason], "{method} {target}");
        assert_eq!(entry.text("app").as_deref(), Some("shop"));
        assert_eq!(entry.text("client").as_deref(), Some("127.0.0.1"));
    }

    /// What the application received under this method and target.
    fn received(&self, method: &str, target: &str) -> Vec<&Value> {
        self.received.iter().filter(|one| one["method"] == method && one["target"] == target).collect()
    }
}

#[test]
fn a_picker_sees_orders_and_writes_notes_but_changes_and_downloads_nothing() {
    let mut picker = Visit::of("picker");
    picker.sees("/dashboard/", "Dashboard");
    picker.sees("/dashboard/orders/?sort=number&dir=asc", "HF-10001");
    picker.sees("/dashboard/orders/HF-10001/", "Order #HF-10001");
    let noted =
        picker.sends("/dashboard/orders/HF-10001/", "message", |form| form.with("message", "Second shelf,\r\nleft"));
    assert_eq!(noted.status, 302, "{}", noted.text());
    picker.sees("/dashboard/orders/HF-10001/?note=", "Second shelf");
    let cancel = picker.forged(&[("order_action", "change_order_status"), ("new_status", "Cancelled")]);
    let changed = picker.posts("/dashboard/orders/HF-10001/", &cancel);
    assert_eq!(changed.reason(), Some("not-granted"));
    assert!(changed.text().contains("Change the status of orders") && changed.text().contains("operations lead"));
    let chinese = picker.person.send("GET", "/dashboard/catalogue/", &[("Accept-Language", "zh-CN,zh;q=0.9")], b"");
    assert_eq!(chinese.field("content-language"), Some("zh-CN"));
    assert!(chinese.text().contains("请向运营主管申请“查看商品”权限。"), "{}", chinese.text());
    picker.is_refused("/dashboard/orders/?response_format=csv", "not-granted");
    picker.is_refused("/dashboard/orders/?response_format=xls", "unknown-operation");
    picker.is_refused("/dashboard/orders/?response_format=html&response_format=csv", "ambiguous-parameter");
    picker.is_refused("/dashboard/users/", "not-granted");
    picker.is_refused("/dashboard/users/create/", "no-route");

    let told = picker.ends();
    told.says("GET", "/dashboard/orders/HF-10001/", "shop.order.card", "order:view", "permit", "granted");
    told.says(
        "GET",
        "/dashboard/orders/?response_format=csv",
        "shop.order.list",
        "order:export",
        "refuse",
        "not-granted",
    );
    told.says("GET", "/dashboard/users/", "shop.user.list", "user:view", "refuse", "not-granted");
    assert_eq!(told.record("GET", "/dashboard/").text("role").as_deref(), Some("picker"));
    let notes = told.received.iter().filter(|one| one["form"]["order_action"][0] == "save_note").collect::<Vec<_>>();
    assert_eq!(notes.len(), 1);
    assert_eq!(notes[0]["form"]["message"][0], "Second shelf,\r\nleft");
    assert_eq!(notes[0]["headers"]["X-Remote-User"], "picker@shop.localhost");
}

#[test]
fn a_keeper_reaches_one_warehouse_by_its_page_and_by_the_stock_booked_onto_it() {
    let mut keeper = Visit::of("keeper");
    keeper.sees("/dashboard/partners/?sort=name&dir=asc", "Warehouse HF");
    keeper.sees("/dashboard/partners/1/", "Warehouse HF");
    keeper.is_refused("/dashboard/partners/2/", "out-of-scope");
    keeper.is_refused("/dashboard/partners/02/", "no-route");
    let renamed = keeper.sends("/dashboard/partners/1/", "name", |form| {
        form.with("name", "Warehouse HF, east")
            .with("line1", "1 Station Road")
            .with("postcode", "230000")
            .with("country", "CN")
    });
    assert_eq!(renamed.status, 302, "{}", renamed.text());
    keeper.sees("/dashboard/partners/1/", "Warehouse HF, east");
    let other = keeper.forged(&[("name", "Mine"), ("country", "CN")]);
    assert_eq!(keeper.posts("/dashboard/partners/2/", &other).reason(), Some("out-of-scope"));
    keeper.sees("/dashboard/catalogue/stock-alerts/", "Stock");

    let product = "/dashboard/catalogue/products/1/";
    let booked = |partner: &'static str, number: &'static str| {
        move |form: Form| {
            form.with("stockrecords-0-partner", partner)
                .with("stockrecords-0-num_in_stock", number)
                .and("action", "continue")
        }
    };
    let own = keeper.sends(product, "stockrecords-0-partner", booked("1", "77"));
    assert_eq!(own.status, 302, "{}", own.text());
    let page = keeper.sees(product, "Vacuum flask");
    assert_eq!(Form::of(&page.text(), "stockrecords-0-partner").value("stockrecords-0-num_in_stock"), Some("77"));
    assert_eq!(keeper.sends(product, "stockrecords-0-partner", booked("2", "78")).reason(), Some("out-of-scope"));
    let none = keeper.sends(product, "stockrecords-0-partner", booked("", "78"));
    assert_eq!(none.reason(), Some("scope-missing"), "a warehouse that is left out is no warehouse within reach");
    let second = keeper.sends(product, "stockrecords-0-partner", |form| {
        booked("1", "78")(form).with("stockrecords-1-partner", "2").with("stockrecords-1-partner_sku", "SH-9")
    });
    assert_eq!(second.reason(), Some("parameter-type"), "the second line of the form books onto another warehouse");
    let third = keeper.sends(product, "stockrecords-0-partner", |form| {
        booked("1", "78")(form).with("stockrecords-TOTAL_FORMS", "3").and("stockrecords-2-partner", "2")
    });
    assert!(matches!(third.reason(), Some("parameter-type" | "unknown-parameter")), "{:?}", third.reason());
    let twice = keeper
        .sends(product, "stockrecords-0-partner", |form| booked("1", "78")(form).and("stockrecords-0-partner", "2"));
    assert_eq!(twice.reason(), Some("ambiguous-parameter"));

    let told = keeper.ends();
    told.says("GET", "/dashboard/partners/2/", "shop.partner.card", "partner:view", "refuse", "out-of-scope");
    let detail = told.record("GET", "/dashboard/partners/2/");
    assert!(detail.text("detail").unwrap().contains("partner `2`"), "{detail:#?}");
    let bookings = told.received("POST", product);
    assert_eq!(bookings.len(), 1, "only the booking onto the own warehouse reached the shop");
    assert_eq!(bookings[0]["form"]["stockrecords-0-partner"], serde_json::json!(["1"]));
    assert_eq!(bookings[0]["form"]["stockrecords-0-num_in_stock"], serde_json::json!(["77"]));
    assert_eq!(bookings[0]["form"]["title"], serde_json::json!(["Vacuum flask"]));
}

#[test]
fn a_keeper_processes_orders_one_by_one_but_never_refunds_or_deletes() {
    let mut keeper = Visit::of("keeper");
    let changed =
        keeper.sends("/dashboard/orders/HF-10001/", "order_action", |form| form.with("new_status", "Being processed"));
    assert_eq!(changed.status, 302, "{}", changed.text());
    keeper.sees("/dashboard/orders/HF-10001/", "Being processed");
    let both =
        keeper.forged(&[("order_action", "save_note"), ("line_action", "create_payment_event"), ("message", "x")]);
    assert_eq!(keeper.posts("/dashboard/orders/HF-10001/", &both).reason(), Some("unknown-parameter"));
    let refund = keeper.forged(&[("line_action", "create_payment_event"), ("selected_line", "1"), ("amount", "59")]);
    assert_eq!(keeper.posts("/dashboard/orders/HF-10001/", &refund).reason(), Some("unknown-operation"));
    keeper.sees("/dashboard/catalogue/products/1/delete/", "delete");
    let delete = keeper.forged(&[]);
    assert_eq!(keeper.posts("/dashboard/catalogue/products/1/delete/", &delete).reason(), Some("not-granted"));

    let told = keeper.ends();
    told.says(
        "POST",
        "/dashboard/catalogue/products/1/delete/",
        "shop.product.delete",
        "product:delete",
        "refuse",
        "not-granted",
    );
}

#[test]
fn an_operations_lead_changes_orders_in_bulk_by_ticking_them_and_not_by_searching() {
    let mut lead = Visit::of("lead");
    let bulk = |action: &str| {
        [("select_across", "0"), ("selected_order", "1"), ("new_status", "Complete"), ("action", action)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let mut press = |action: &str| {
        let pairs = bulk(action);
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let form = lead.forged(&pairs);
        lead.posts("/dashboard/orders/", &form)
    };
    let downloaded = press("download_selected_orders");
    assert_eq!(downloaded.reason(), Some("not-granted"));
    assert_eq!(press("delete_orders").reason(), Some("unknown-operation"));
    let completed = press("change_order_statuses");
    assert_eq!((completed.status, completed.reason()), (302, None), "{}", completed.text());
    assert_eq!(lead.shop.asks("SELECT status FROM order_order WHERE id = 1"), "Complete");
    let everything =
        lead.forged(&[("select_across", "1"), ("new_status", "Cancelled"), ("action", "change_order_statuses")]);
    assert_eq!(lead.posts("/dashboard/orders/", &everything).reason(), Some("parameter-type"));

    let told = lead.ends();
    let posted = told.received("POST", "/dashboard/orders/");
    assert_eq!(posted.len(), 1);
    assert_eq!(posted[0]["form"]["action"], serde_json::json!(["change_order_statuses"]));
}

#[test]
fn finance_downloads_orders_and_reports_of_every_kind() {
    let mut finance = Visit::of("finance");
    let csv = finance.person.get("/dashboard/orders/?response_format=csv");
    assert_eq!(csv.status, 200);
    assert!(
        csv.field("content-type").unwrap().starts_with("text/csv") && csv.text().contains("SH-10002"),
        "{}",
        csv.text()
    );
    finance.sees("/dashboard/orders/statistics/?date_from=2026-01-01", "statistics");
    finance.sees("/dashboard/reports/?report_type=order_report&date_from=2026-01-01&date_to=2027-01-01", "Report");
    finance.is_refused("/dashboard/orders/?date_from=yesterday", "parameter-type");
    finance.is_refused("/dashboard/partners/1/", "not-granted");
    let told = finance.ends();
    told.says("GET", "/dashboard/orders/?response_format=csv", "shop.order.list", "order:export", "permit", "granted");
    assert_eq!(told.received("GET", "/dashboard/orders/?response_format=csv").len(), 1);
}

#[test]
fn marketing_sees_only_the_kinds_of_report_that_are_its_own() {
    let mut marketing = Visit::of("marketing");
    marketing.sees("/dashboard/reports/", "Report");
    marketing.sees("/dashboard/reports/?report_type=vouchers", "oucher");
    marketing.is_refused("/dashboard/reports/?report_type=order_report", "out-of-scope");
    marketing.is_refused("/dashboard/reports/?report_type=Order_Report", "unknown-parameter");
    marketing.is_refused("/dashboard/reports/?report_type=vouchers&report_type=order_report", "ambiguous-parameter");
    marketing.sees("/dashboard/vouchers/", "oucher");
    marketing.sees("/dashboard/offers/", "ffer");
    marketing.sees("/dashboard/reviews/", "eview");
    marketing.is_refused("/dashboard/vouchers/create/", "no-route");
    marketing.is_refused("/dashboard/orders/", "not-granted");
    let told = marketing.ends();
    let refused = "/dashboard/reports/?report_type=order_report";
    told.says("GET", refused, "shop.report.orders", "report:view", "refuse", "out-of-scope");
    assert_eq!(
        told.record("GET", "/dashboard/reports/?report_type=vouchers").text("scope.report").as_deref(),
        Some("vouchers")
    );
}

#[test]
fn customer_service_finds_customers_and_nobody_becomes_another_by_a_header() {
    let mut service = Visit::of("service");
    service.sees("/dashboard/users/?email=customer&name=", "customer@shop.localhost");
    service.sees("/dashboard/users/7/", "customer@shop.localhost");
    let mut forging = service.person;
    forging = forging.with("X-Remote-User", "admin@shop.localhost").with("x_remote_user", "admin@shop.localhost");
    assert_eq!(forging.get("/dashboard/orders/HF-10001/").status, 200);
    assert_eq!(forging.get("/dashboard/catalogue/").reason(), Some("not-granted"));
    service.person = forging;
    let told = service.ends();
    for one in told.received("GET", "/dashboard/orders/HF-10001/") {
        assert_eq!(one["headers"]["X-Remote-User"], "service@shop.localhost");
        assert!(!one["headers"].to_string().contains("admin@"), "{one}");
    }
}

#[test]
fn an_administrator_deletes_a_product_after_the_shop_asked() {
    let mut admin = Visit::of("admin");
    let page = "/dashboard/catalogue/products/3/delete/";
    admin.sees("/dashboard/catalogue/?upc=A-1003&title=&sort=title", "Umbrella, no longer sold");
    let deleted = admin.sends(page, "csrfmiddlewaretoken", |form| form);
    assert_eq!((deleted.status, deleted.reason()), (302, None), "{}", deleted.text());
    admin.is_refused("/dashboard/catalogue/products/3/", "out-of-scope");
    assert_eq!(admin.shop.asks("SELECT count(*) FROM catalogue_product WHERE id = 3"), "0");
    let told = admin.ends();
    told.says("POST", page, "shop.product.delete", "product:delete", "permit", "granted");
    assert_eq!(told.received("POST", page).len(), 1);
}

#[test]
fn a_stranger_meets_the_way_to_sign_in_and_a_wrong_password_changes_nothing() {
    let gateway = Gateway::open(shop());
    let mut stranger = browser(&gateway);
    let refused = stranger.get("/dashboard/orders/");
    assert_eq!((refused.status, refused.reason()), (401, Some("unauthenticated")));
    assert!(refused.text().contains("href=\"/dashboard/login/\""), "{}", refused.text());
    assert_eq!(stranger.get("/static/oscar/css/dashboard.css").status, 200);
    assert_eq!(stranger.get("/static/oscar/css/../../../shop.sqlite3").reason(), Some("ambiguous-target"));
    let page = stranger.get("/dashboard/login/");
    let form =
        Form::of(&page.text(), "username").with("username", "admin@shop.localhost").with("password", "guessed-wrong");
    let answer = stranger.post("/dashboard/login/", &form.pairs());
    assert_eq!(answer.status, 200, "the shop shows its form again");
    assert_eq!(stranger.get("/dashboard/").reason(), Some("unauthenticated"));
    let (_, bytes) = gateway.end();
    assert!(!String::from_utf8_lossy(&bytes).contains("guessed-wrong"));
}

#[test]
fn a_customer_whom_the_shop_signs_in_is_unknown_to_the_rules_and_sign_out_ends_a_session() {
    let gateway = Gateway::open(shop());
    let mut customer = browser(&gateway);
    assert_eq!(sign_in(&mut customer, "customer@shop.localhost").status, 302);
    assert_eq!(customer.get("/dashboard/orders/").reason(), Some("unknown-subject"));
    let mut picker = browser(&gateway);
    assert_eq!(sign_in(&mut picker, "picker@shop.localhost").status, 302);
    let page = picker.get("/dashboard/");
    assert_eq!(page.status, 200, "{}", page.text());
    let (session, token) =
        (picker.cookie("sessionid").unwrap().to_owned(), picker.cookie("csrftoken").unwrap().to_owned());
    let out = picker.post("/dashboard/logout/", &[("csrfmiddlewaretoken", &token)]);
    assert_eq!((out.status, out.reason()), (302, None), "{}", out.text());
    picker.set_cookie("sessionid", &session);
    assert_ne!(picker.get("/dashboard/").status, 200);
    gateway.end();
}
