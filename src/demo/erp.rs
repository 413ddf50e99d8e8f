//! The demo's ERP, in PHP style: GBK pages, `index.php?module=…&action=…`, a cookie that names the user; it lets everybody do everything.

use encoding_rs::{Encoding, GBK};
use parking_lot::Mutex;

use super::data::{self, Order};
use super::legacy::{Answer, Application, Request, Sessions, escape};
use super::style::{page, sign_in_form, table};

const MENU: &[(&str, &str)] = &[
    ("/erp/index.php", "首页 Home"),
    ("/erp/index.php?module=order&amp;action=list", "订单 Orders"),
    ("/erp/index.php?module=report&amp;action=sales", "销售报表 Sales report"),
    ("/erp/index.php?module=report&amp;action=cost", "成本报表 Cost report"),
    ("/erp/index.php?module=price&amp;action=edit", "价格 Prices"),
    ("/erp/logout.php", "退出 Sign out"),
];

/// The ERP.
pub struct Erp {
    sessions: Sessions,
    orders: Mutex<Vec<Order>>,
}

impl Erp {
    /// One that begins with these orders.
    #[must_use]
    pub fn new(orders: Vec<Order>) -> Self {
        Self { sessions: Sessions::default(), orders: Mutex::new(orders) }
    }
}

fn view(user: Option<&str>, content: &str) -> Answer {
    Answer::page(GBK, &page("gbk", "ERP 企业管理", MENU, user, content))
}

fn sign_in_page(message: &str) -> Answer {
    view(None, &sign_in_form("/erp/login.php", "user", "pass", message))
}

/// Chooses what the list of orders shows.
fn order_form() -> String {
    let option = |code: &str, name: &str| format!("<option value=\"{code}\">{name}</option>");
    let warehouses: String = data::WAREHOUSES.iter().map(|(code, name)| option(code, name)).collect();
    let channels: String = data::CHANNELS.iter().map(|(code, name)| option(code, name)).collect();
    format!(
        "<form action=\"/erp/index.php\"><input type=\"hidden\" name=\"module\" value=\"order\">\
         <input type=\"hidden\" name=\"action\" value=\"list\"><select name=\"warehouse\">\
         <option value=\"\">全部仓库 all</option>{warehouses}</select> <select name=\"channel\">\
         <option value=\"\">全部渠道 all</option>{channels}</select> <button>查询 Show</button></form>"
    )
}

/// A refund by form and, as old applications have it, a deletion by link.
fn row_actions(order: &Order) -> String {
    format!(
        "<form class=\"in\" method=\"post\" action=\"/erp/index.php?module=order&amp;action=refund\">\
         <input type=\"hidden\" name=\"id\" value=\"{id}\"><input type=\"hidden\" name=\"channel\" value=\"{channel}\">\
         <input name=\"amount\" size=\"5\" value=\"{amount}\"> <button>退款 Refund</button></form> \
         <a href=\"/erp/index.php?module=order&amp;action=delete&amp;id={id}&amp;warehouse={warehouse}&amp;channel={channel}\">\
         删除 Delete</a>",
        id = order.id,
        channel = order.channel,
        amount = order.amount,
        warehouse = order.warehouse,
    )
}

impl Erp {
    fn order_list(&self, user: &str, request: &Request) -> Answer {
        let (channel, warehouse) = (request.param("channel"), request.param("warehouse"));
        let orders = self.orders.lock();
        let rows = orders
            .iter()
            .filter(|order| channel.is_none_or(|code| order.channel == code))
            .filter(|order| warehouse.is_none_or(|code| order.warehouse == code))
            .map(|order| {
                vec![
                    order.id.to_string(),
                    order.warehouse.to_owned(),
                    order.channel.to_owned(),
                    order.customer.to_owned(),
                    order.amount.to_string(),
                    order.status.to_owned(),
                    row_actions(order),
                ]
            });
        let titles =
            ["单号 Order", "仓库 Warehouse", "渠道 Channel", "客户 Customer", "金额 Amount", "状态 Status", ""];
        view(Some(user), &format!("<h2>订单 Orders</h2>{}{}", order_form(), table("orders", &titles, rows)))
    }

    fn refund(&self, user: &str, request: &Request) -> Answer {
        let (id, amount) = (request.param("id").unwrap_or(""), request.param("amount").unwrap_or("0"));
        let known = self.orders.lock().iter().any(|order| order.id.to_string() == id);
        let text = if known {
            format!("订单 {} 已退款 refunded {}", escape(id), escape(amount))
        } else {
            "无此订单 no such order".into()
        };
        view(Some(user), &format!("<p id=\"done\">{text}</p>"))
    }

    fn delete(&self, user: &str, request: &Request) -> Answer {
        let id = request.param("id").unwrap_or("").to_owned();
        self.orders.lock().retain(|order| order.id.to_string() != id);
        view(Some(user), &format!("<p id=\"done\">订单 {} 已删除 deleted.</p>", escape(&id)))
    }

    fn sales_report(&self, user: &str, request: &Request) -> Answer {
        let channel = request.param("channel");
        let orders = self.orders.lock();
        let total: u32 = orders
            .iter()
            .filter(|order| channel.is_none_or(|code| order.channel == code))
            .map(|order| order.amount)
            .sum();
        view(Some(user), &format!("<h2>销售报表 Sales report</h2><p>合计 total: <b id=\"total\">{total}</b> 元</p>"))
    }
}

impl Application for Erp {
    fn charset(&self) -> &'static Encoding {
        GBK
    }

    fn answer(&self, request: &Request) -> Answer {
        let session = request.cookies.get("PHPSESSID");
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/erp/login.php") => {
                let (user, pass) = (request.param("user").unwrap_or(""), request.param("pass").unwrap_or(""));
                if !data::signs_in(user, pass) {
                    return sign_in_page("用户名或密码错误 wrong user or password");
                }
                return Answer::redirect("/erp/index.php")
                    .cookie("PHPSESSID", &self.sessions.open(user))
                    .cookie("erp_user", user);
            }
            ("GET", "/" | "/erp" | "/erp/") => return Answer::redirect("/erp/index.php"),
            ("GET", "/erp/login.php") => return sign_in_page(""),
            _ => {}
        }
        let Some(user) = self.sessions.user(session) else { return Answer::redirect("/erp/login.php") };
        if request.path == "/erp/logout.php" {
            self.sessions.close(session);
            return Answer::redirect("/erp/login.php").with("set-cookie", "PHPSESSID=; Path=/; Max-Age=0");
        }
        if request.path != "/erp/index.php" {
            return view(Some(&user), "<p class=\"err\">404</p>").status(404);
        }
        match (request.param("module").unwrap_or("home"), request.param("action").unwrap_or("view")) {
            ("home", _) => view(Some(&user), "<h2>首页 Home</h2><p>请选择菜单 Choose from the menu above.</p>"),
            ("order", "list") => self.order_list(&user, request),
            ("order", "refund") => self.refund(&user, request),
            ("order", "delete") => self.delete(&user, request),
            ("report", "sales") => self.sales_report(&user, request),
            ("report", "cost") => view(Some(&user), "<h2>成本报表 Cost report</h2><p>合计 total: <b>7311</b> 元</p>"),
            ("price", "edit") => view(
                Some(&user),
                "<h2>价格 Prices</h2><form method=\"post\" action=\"/erp/index.php?module=price&amp;action=save\">\
                 <input name=\"sku\" value=\"A-1001\"> <input name=\"price\" value=\"59.00\"> \
                 <input name=\"note\" placeholder=\"备注\"> <button>保存 Save</button></form>",
            ),
            ("price", "save") => view(
                Some(&user),
                &format!(
                    "<p id=\"done\">{} = {} {}</p>",
                    escape(request.param("sku").unwrap_or("")),
                    escape(request.param("price").unwrap_or("")),
                    escape(request.param("note").unwrap_or(""))
                ),
            ),
            _ => view(Some(&user), "<p class=\"err\">未知模块 unknown module</p>").status(404),
        }
    }
}
