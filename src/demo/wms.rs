//! The demo's warehouse system, in servlet style: `.do` pages, `JSESSIONID`, forms; it lets everybody do everything.

use encoding_rs::{Encoding, GBK, UTF_8};
use parking_lot::Mutex;

use super::data::{self, Order, Stock};
use super::export::csv;
use super::legacy::{Answer, Application, Request, Sessions, escape};
use super::style::{page, sign_in_form, table};

const MENU: &[(&str, &str)] = &[
    ("/wms/main.do", "首页 Home"),
    ("/wms/stock/list.do", "库存 Stock"),
    ("/wms/order/list.do", "订单 Orders"),
    ("/wms/logout.do", "退出 Sign out"),
];

/// Shows on the stock page what the WebSocket tells.
const LIVE: &str = "<p>实时件数 Pieces, live: <b id=\"live\">…</b></p><script>\
new WebSocket('wss://'+location.host+'/wms/stock/live.do?warehouse=WAREHOUSE').onmessage=\
e=>{document.getElementById('live').textContent=e.data}</script>";

/// Moves stock from one warehouse to another.
const TRANSFER: &str = "<h3>调拨 Transfer</h3><form method=\"post\" action=\"/wms/stock/transfer.do\">\
<input name=\"sku\" placeholder=\"A-1001\" size=\"8\"> × <input name=\"quantity\" size=\"4\" value=\"1\"> \
<input name=\"from\" placeholder=\"HF\" size=\"4\"> → <input name=\"to\" placeholder=\"SH\" size=\"4\"> <button>调拨 Move</button></form>";

/// What the list of orders shows.
const TITLES: [&str; 5] = ["单号 Order", "仓库 Warehouse", "渠道 Channel", "金额 Amount", "状态 Status"];

/// The warehouse system.
pub struct Wms {
    sessions: Sessions,
    stock: Mutex<Vec<Stock>>,
    orders: Mutex<Vec<Order>>,
}

impl Wms {
    /// One that begins with this stock and these orders.
    #[must_use]
    pub fn new(stock: Vec<Stock>, orders: Vec<Order>) -> Self {
        Self { sessions: Sessions::default(), stock: Mutex::new(stock), orders: Mutex::new(orders) }
    }
}

fn view(user: Option<&str>, content: &str) -> Answer {
    Answer::page(UTF_8, &page("utf-8", "WMS 仓储系统", MENU, user, content))
}

fn sign_in_page(message: &str) -> Answer {
    view(None, &sign_in_form("/wms/login.do", "username", "password", message))
}

fn warehouse_form() -> String {
    let options: String =
        data::WAREHOUSES.iter().map(|(code, name)| format!("<option value=\"{code}\">{name}</option>")).collect();
    format!(
        "<form><select name=\"warehouse\"><option value=\"\">全部仓库 all</option>{options}</select> <button>查询 Show</button></form>"
    )
}

impl Wms {
    fn sign_in(&self, request: &Request) -> Answer {
        let (user, password) = (request.param("username").unwrap_or(""), request.param("password").unwrap_or(""));
        if !data::signs_in(user, password) {
            return sign_in_page("用户名或密码错误 wrong user or password");
        }
        Answer::redirect("/wms/main.do").cookie("JSESSIONID", &self.sessions.open(user))
    }

    fn stock_list(&self, user: &str, request: &Request) -> Answer {
        let warehouse = request.param("warehouse");
        let stock = self.stock.lock();
        let rows = stock.iter().filter(|line| warehouse.is_none_or(|code| line.warehouse == code)).map(|line| {
            vec![
                line.warehouse.to_owned(),
                line.sku.to_owned(),
                escape(line.name),
                line.quantity.to_string(),
                format!(
                    "<form class=\"in\" method=\"post\" action=\"/wms/stock/adjust.do\"><input type=\"hidden\" name=\"warehouse\" value=\"{}\">\
                     <input type=\"hidden\" name=\"sku\" value=\"{}\"><input name=\"quantity\" size=\"5\" value=\"{}\"> <button>改 Adjust</button></form>",
                    line.warehouse, line.sku, line.quantity
                ),
            ]
        });
        let titles = ["仓库 Warehouse", "货号 SKU", "品名 Name", "数量 Quantity", ""];
        let known = data::WAREHOUSES.iter().find(|(code, _)| warehouse == Some(*code));
        let live = known.map_or_else(String::new, |(code, _)| LIVE.replace("WAREHOUSE", code));
        view(
            Some(user),
            &format!("<h2>库存 Stock</h2>{}{}{TRANSFER}{live}", warehouse_form(), table("stock", &titles, rows)),
        )
    }

    /// Pieces in stock, told over a WebSocket.
    fn live(&self, user: &str, request: &Request) -> Answer {
        let Some(key) = &request.websocket else {
            return view(Some(user), "<p class=\"err\">WebSocket only</p>").status(426).with("upgrade", "websocket");
        };
        let warehouse = request.param("warehouse");
        let stock = self.stock.lock();
        let pieces: i64 = stock
            .iter()
            .filter(|line| warehouse.is_none_or(|code| line.warehouse == code))
            .map(|line| line.quantity)
            .sum();
        Answer::websocket(key, format!("{} {pieces}", warehouse.unwrap_or("all")))
    }

    fn adjust(&self, user: &str, request: &Request) -> Answer {
        let (warehouse, sku) = (request.param("warehouse"), request.param("sku"));
        let Some(quantity) = request.param("quantity").and_then(|text| text.parse::<i64>().ok()) else {
            return view(Some(user), "<p class=\"err\">数量无效 bad quantity</p>").status(400);
        };
        let mut changed = 0;
        for line in self.stock.lock().iter_mut() {
            // As careless as it gets: without a warehouse every warehouse is changed.
            if warehouse.is_none_or(|code| line.warehouse == code) && Some(line.sku) == sku {
                line.quantity = quantity;
                changed += 1;
            }
        }
        view(Some(user), &format!("<p id=\"done\">已修改 {changed} 行 lines changed.</p>"))
    }

    fn transfer(&self, user: &str, request: &Request) -> Answer {
        let (Some(from), Some(to), Some(sku)) = (request.param("from"), request.param("to"), request.param("sku"))
        else {
            return view(Some(user), "<p class=\"err\">参数缺失 missing parameter</p>").status(400);
        };
        let quantity = request.param("quantity").and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
        for line in self.stock.lock().iter_mut().filter(|line| line.sku == sku) {
            if line.warehouse == from {
                line.quantity -= quantity;
            }
            if line.warehouse == to {
                line.quantity += quantity;
            }
        }
        view(Some(user), &format!("<p id=\"done\">{} × {quantity}: {} → {}</p>", escape(sku), escape(from), escape(to)))
    }

    fn order_list(&self, user: &str, request: &Request) -> Answer {
        let warehouse = request.param("warehouse");
        let mut orders = self.orders.lock().clone();
        // As old systems have it: what is counted is everything, whatever is shown.
        let count = format!("<p id=\"count\">共 {} 单 orders</p>", orders.len());
        if request.param("sort") == Some("amount") {
            orders.sort_by_key(|order| order.amount);
        }
        let found = orders.iter().filter(|order| warehouse.is_none_or(|code| order.warehouse == code));
        if request.param("format") == Some("csv") {
            let cells = |order: &Order| {
                let Order { id, warehouse, channel, amount, status, .. } = order;
                [&id.to_string(), *warehouse, *channel, &amount.to_string(), *status].map(str::to_owned).to_vec()
            };
            return csv(&TITLES, &found.map(cells).collect::<Vec<_>>());
        }
        let rows = found.map(|order| {
            vec![
                format!(
                    "<a href=\"/wms/order/card.do?id={}&amp;warehouse={}\">{}</a>",
                    order.id, order.warehouse, order.id
                ),
                order.warehouse.to_owned(),
                order.channel.to_owned(),
                order.amount.to_string(),
                order.status.to_owned(),
            ]
        });
        let orders = table("orders", &TITLES, rows);
        if request.param("view") == Some("print") {
            // Made for another printer than the pages for the screen, and never brought up to date.
            let html = format!(
                "<html><head><meta charset=\"gbk\"><title>订单</title></head><body>{count}{orders}</body></html>"
            );
            return Answer::page(GBK, &html);
        }
        let links = "<p><a href=\"/wms/order/list.do?sort=amount\">按金额 By amount</a> · \
                     <a href=\"/wms/order/list.do?view=print\">打印 Print</a> · <a href=\"/wms/order/list.do?format=csv\">CSV</a></p>";
        view(Some(user), &format!("<h2>订单 Orders</h2>{}{links}{count}{orders}", warehouse_form()))
    }

    fn order_card(&self, user: &str, request: &Request) -> Answer {
        let mut orders = self.orders.lock();
        let id = request.param("id").and_then(|text| text.parse::<u32>().ok());
        let Some(place) = orders.iter().position(|order| Some(order.id) == id) else {
            return view(Some(user), "<p class=\"err\">无此订单 no such order</p>").status(404);
        };
        match request.param("action").unwrap_or("view") {
            "pick" => {
                if let Some(order) = orders.get_mut(place) {
                    order.status = "picked";
                }
                view(Some(user), "<p id=\"done\">已拣货 picked.</p>")
            }
            "check" => {
                if let Some(order) = orders.get_mut(place) {
                    order.status = "checked";
                }
                view(Some(user), "<p id=\"done\">已复核 checked.</p>")
            }
            "confirm_delete" => {
                orders.remove(place);
                view(Some(user), "<p id=\"done\">已删除 deleted.</p>")
            }
            _ => {
                let card = orders.get(place).map_or_else(String::new, |order| {
                    format!(
                        "<h2>订单 Order {id}</h2><p>仓库 {w}, 渠道 {c}, 金额 {a}, 状态 {s}</p>\
                         <p><a href=\"/wms/order/card.do?id={id}&amp;warehouse={w}&amp;action=pick\">拣货 Pick</a> · \
                         <a href=\"/wms/order/card.do?id={id}&amp;warehouse={w}&amp;action=check\">复核 Check</a> · \
                         <a href=\"/wms/order/card.do?id={id}&amp;warehouse={w}&amp;action=confirm_delete\">删除 Delete</a></p>",
                        id = order.id,
                        w = order.warehouse,
                        c = order.channel,
                        a = order.amount,
                        s = order.status
                    )
                });
                view(Some(user), &card)
            }
        }
    }
}

impl Wms {
    fn order_move(&self, user: &str, request: &Request) -> Answer {
        let id = request.param("id").and_then(|text| text.parse::<u32>().ok());
        let to = request.param("to").unwrap_or("");
        let known = data::WAREHOUSES.iter().find(|(code, _)| *code == to);
        let mut orders = self.orders.lock();
        match (orders.iter_mut().find(|order| Some(order.id) == id), known) {
            (Some(order), Some((code, _))) => {
                order.warehouse = code;
                view(Some(user), &format!("<p id=\"done\">订单 {} → {code}</p>", order.id))
            }
            (None, _) => view(Some(user), "<p class=\"err\">无此订单 no such order</p>").status(404),
            (_, None) => view(Some(user), "<p class=\"err\">无此仓库 no such warehouse</p>").status(400),
        }
    }
}

impl Application for Wms {
    fn charset(&self) -> &'static Encoding {
        UTF_8
    }

    fn answer(&self, request: &Request) -> Answer {
        let session = request.cookies.get("JSESSIONID");
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/wms/login.do") => return self.sign_in(request),
            ("GET", "/" | "/wms" | "/wms/") => return Answer::redirect("/wms/main.do"),
            ("GET", "/wms/login.do") => return sign_in_page(""),
            _ => {}
        }
        let Some(user) = self.sessions.user(session) else { return Answer::redirect("/wms/login.do") };
        match request.path.as_str() {
            "/wms/main.do" => view(Some(&user), "<h2>首页 Home</h2><p>请选择菜单 Choose from the menu above.</p>"),
            "/wms/logout.do" => {
                self.sessions.close(session);
                Answer::redirect("/wms/login.do").with("set-cookie", "JSESSIONID=; Path=/; Max-Age=0")
            }
            "/wms/stock/list.do" => self.stock_list(&user, request),
            "/wms/stock/live.do" => self.live(&user, request),
            "/wms/stock/adjust.do" => self.adjust(&user, request),
            "/wms/stock/transfer.do" => self.transfer(&user, request),
            "/wms/order/list.do" => self.order_list(&user, request),
            "/wms/order/card.do" => self.order_card(&user, request),
            "/wms/order/move.do" => self.order_move(&user, request),
            _ => view(Some(&user), "<p class=\"err\">404</p>").status(404),
        }
    }
}
