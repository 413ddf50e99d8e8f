//! Demo and real application in a real browser: sign in, see a list, meet a refusal in both languages; pictures in `target/browser`.
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

#[path = "browser/driver.rs"]
mod driver;
#[path = "application/launch.rs"]
mod launch;

use driver::{Screen, Window};
use launch::{Gateway, HOST, PASSWORD, shop};
use scopegate::cli::demo::Demo;
use scopegate::demo::data;
use std::net::{Ipv4Addr, SocketAddr};

/// The demo on a free port.
struct Stage {
    demo: Demo,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Stage {
    fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let demo = Demo::open(folder.path(), SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), |_| {}).unwrap();
        let port = demo.address().unwrap().port();
        Self { demo, port, _folder: folder }
    }

    fn url(&self, application: &str, target: &str) -> String {
        format!("https://{application}.localhost:{}{target}", self.port)
    }
}

/// The page is the gateway's own refusal for `reason`, in `language`, whole without anything from outside.
fn is_refusal(window: &Window, language: &str, reason: &str) {
    window.shows(reason);
    assert_eq!(window.evaluate("return document.documentElement.lang"), language);
    assert_eq!(window.evaluate("return performance.getEntriesByType('resource').length"), 0, "outside assets");
    assert!(window.fits(), "the page is wider than the screen");
}

#[test]
fn a_keeper_signs_in_to_the_warehouse_system_and_sees_the_own_warehouse_only() {
    let stage = Stage::set();
    let window = Window::open("en-US", Screen::Desktop);
    window.go(&stage.url("wms", "/wms/stock/list.do"));
    is_refusal(&window, "en", "unauthenticated");
    window.shows("Please sign in");
    window.photographs("wms-sign-in-first-en");
    window.follows("Sign in");
    window.photographs("wms-sign-in");
    window.types("input[name=username]", "keeper.hf");
    window.types("input[name=password]", data::PASSWORD);
    window.clicks("main button");
    window.shows("keeper.hf");
    window.photographs("wms-home");
    window.follows("Stock");
    window.shows("Vacuum flask");
    window.photographs("wms-stock");
    let places =
        window.evaluate("return [...document.querySelectorAll('#stock tbody tr')].map(row => row.cells[0].innerText)");
    assert_eq!(places, serde_json::json!(["HF", "HF", "HF"]));

    window.follows("Orders");
    window.follows("10001");
    window.photographs("wms-order");
    window.follows("Delete");
    is_refusal(&window, "en", "not-granted");
    window.shows("You are not allowed to do this");
    window.shows("Ask the management for the right “Delete orders”.");
    window.photographs("refused-en");
    window.go(&stage.url("wms", "/wms/stock/list.do?warehouse=SH"));
    is_refusal(&window, "en", "out-of-scope");
    window.shows("If you need more for “See stock”, ask the operations lead to extend your area.");
    window.photographs("out-of-scope-en");
    let deleted = stage.demo.wms.all().iter().any(|request| request.target.contains("confirm_delete"));
    assert!(!deleted, "the warehouse system was asked to delete");
}

#[test]
fn a_keeper_reads_refusals_in_chinese_on_a_phone() {
    let stage = Stage::set();
    let window = Window::open("zh-CN", Screen::Phone);
    window.go(&stage.url("wms", "/wms/login.do"));
    window.photographs("wms-sign-in-phone");
    window.types("input[name=username]", "keeper.hf");
    window.types("input[name=password]", data::PASSWORD);
    window.clicks("main button");
    window.shows("keeper.hf");
    window.go(&stage.url("wms", "/wms/stock/list.do"));
    window.shows("保温杯");
    window.photographs("wms-stock-phone");
    assert!(window.fits(), "the list of stock is wider than the screen");
    window.go(&stage.url("wms", "/wms/order/card.do?id=10001&warehouse=HF&action=confirm_delete"));
    is_refusal(&window, "zh-CN", "not-granted");
    window.shows("您没有执行此操作的权限");
    window.shows("请向管理层申请“删除订单”权限。");
    window.photographs("refused-zh-phone");
    window.go(&stage.url("erp", "/erp/index.php"));
    is_refusal(&window, "zh-CN", "unauthenticated");
    window.shows("请先登录");
    window.photographs("sign-in-first-zh-phone");
}

#[test]
fn finance_reads_the_chinese_pages_of_the_erp_and_meets_refusals_in_chinese() {
    let stage = Stage::set();
    let window = Window::open("zh-CN", Screen::Desktop);
    window.go(&stage.url("erp", "/erp/login.php"));
    window.photographs("erp-sign-in");
    window.types("input[name=user]", "finance");
    window.types("input[name=pass]", data::PASSWORD);
    window.clicks("main button");
    window.shows("finance");
    window.follows("销售报表");
    window.shows("合计");
    window.photographs("erp-sales");
    window.follows("价格");
    window.photographs("erp-prices");
    window.go(&stage.url("erp", "/erp/index.php?module=order&action=delete&id=10001"));
    is_refusal(&window, "zh-CN", "not-granted");
    window.photographs("refused-zh");
}

#[test]
fn a_sales_representative_sees_the_own_customers_on_the_page_of_the_crm() {
    let stage = Stage::set();
    let window = Window::open("en-US", Screen::Phone);
    window.go(&stage.url("crm", "/"));
    window.shows("Please sign in");
    window.photographs("crm-sign-in");
    window.types("#u", "sales.north");
    window.types("#p", data::PASSWORD);
    window.clicks("#in button");
    window.until("a list", "return document.querySelectorAll('#list tbody tr, #list tr').length > 0");
    window.photographs("crm-customers");
    assert!(window.fits(), "the list of customers is wider than the screen");
    let owners = window.evaluate("return [...document.querySelectorAll('#list td.owner')].map(cell => cell.innerText)");
    let owners = owners.as_array().unwrap();
    assert!(!owners.is_empty() && owners.iter().all(|owner| owner == "sales.north"), "{owners:?}");
}

#[test]
fn a_picker_works_in_the_dashboard_of_the_real_shop_until_refused() {
    let gateway = Gateway::open(shop());
    let at = |target: &str| format!("https://{HOST}:{}{target}", gateway.address.port());
    let window = Window::open("en-US", Screen::Desktop);
    window.go(&at("/dashboard/orders/"));
    is_refusal(&window, "en", "unauthenticated");
    window.follows("Sign in");
    window.photographs("shop-sign-in");
    window.types("#id_username", "picker@shop.localhost");
    window.types("#id_password", PASSWORD);
    window.clicks("input[type=submit]");
    window.until("the dashboard", "return location.pathname === '/dashboard/'");
    window.photographs("shop-dashboard");
    let styled = window.evaluate("return [...document.styleSheets].filter(sheet => sheet.href).length");
    assert!(styled.as_u64().unwrap() > 0, "the dashboard's style sheets came through");
    window.go(&at("/dashboard/orders/"));
    window.shows("HF-10001");
    window.clicks("a[href*='sort=number']");
    window.shows("HF-10001");
    window.photographs("shop-orders");
    let page = window.text();
    for hidden in ["SH-10002", "Steady Patron", "Regular Customer", "Total inc tax", "Customers", "Offers", "Reports"] {
        assert!(!page.contains(hidden), "{hidden} in {page}");
    }
    assert!(window.fits(), "the list of orders is wider than the screen");
    window.clicks("td a[href='/dashboard/orders/HF-10001/']");
    window.shows("Order #HF-10001");
    window.photographs("shop-order");
    window.shows("Warehouse HF");
    window.shows("c***@shop.localhost");
    window.go(&at("/dashboard/orders/?product_title=Coffee"));
    is_refusal(&window, "en", "nothing-found");
    window.shows("There is nothing here to show");
    window.photographs("shop-nothing");
    window.go(&at("/dashboard/users/"));
    is_refusal(&window, "en", "not-granted");
    window.shows("See customers");
    window.photographs("shop-refused");
    assert_eq!(window.place(), "/dashboard/users/");
}
