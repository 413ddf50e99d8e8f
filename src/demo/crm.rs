//! The demo's CRM: a JSON API and one HTML page; it lets everybody do everything.

use encoding_rs::{Encoding, UTF_8};
use parking_lot::Mutex;
use serde_json::json;

use super::data::{self, Customer};
use super::export::{csv, xlsx};
use super::legacy::{Answer, Application, Request, Sessions, escape};
use super::style::page;

const MENU: &[(&str, &str)] = &[("/", "客户 Customers")];

const CONTENT: &str = "<form id=\"in\" class=\"sign-in\"><h2>登录 Sign in</h2><p class=\"err\" id=\"said\"></p>\
<label>用户 User <input id=\"u\" autocomplete=\"username\" autocapitalize=\"none\"></label>\
<label>密码 Password <input id=\"p\" type=\"password\" autocomplete=\"current-password\"></label><button>登录 Sign in</button></form>\
<div id=\"customers\" hidden><h2>客户 Customers</h2><p class=\"err\" id=\"told\"></p><div id=\"list\"></div>\
<p><a href=\"/api/customers?format=csv\">CSV</a> · <a href=\"/api/customers?format=xlsx\">Excel</a></p>\
<button class=\"plain\" id=\"out\">退出 Sign out</button></div><script>\
const $=id=>document.getElementById(id);\
const call=async(method,target,body)=>{const r=await fetch(target,{method,headers:body?{'content-type':'application/json'}:{},\
body:body&&JSON.stringify(body)});const d=await r.json();for(const id of ['said','told'])$(id).textContent=r.ok?'':d.title||d.error||r.status;return r.ok&&d};\
async function show(){const d=await call('GET','/api/customers');const l=$('list');l.textContent='';$('in').hidden=!!d;$('customers').hidden=!d;if(!d)return;\
const t=document.createElement('table');const h=t.createTHead().insertRow();\
const n=['编号 No.','名称 Name','负责人 Owner','消费 Spent','电话 Phone'];for(const k of n)h.append(Object.assign(document.createElement('th'),{textContent:k}));\
const b=t.createTBody();for(const c of d.items){const w=b.insertRow();\
for(const k of ['id','name','owner','spent'])Object.assign(w.insertCell(),{className:k,textContent:c[k]});\
const f=document.createElement('input');f.value=c.phone;f.size=14;const s=document.createElement('button');s.textContent='保存 Save';\
s.onclick=()=>call('PUT','/api/customers',{id:c.id,owner:c.owner,phone:f.value});w.insertCell().append(f,s);[...w.cells].forEach((d,i)=>d.dataset.title=n[i])}l.append(t)}\
$('in').onsubmit=async e=>{e.preventDefault();await call('POST','/api/session',{user:$('u').value,password:$('p').value})&&show()};\
$('out').onclick=async()=>{await call('POST','/api/session/end');show()};show()</script>";

/// How many customers a page shows.
const PAGE: usize = 50;

/// What files of customers say.
const TITLES: [&str; 5] = ["编号 No.", "名称 Name", "负责人 Owner", "电话 Phone", "消费 Spent"];

/// The CRM.
pub struct Crm {
    sessions: Sessions,
    customers: Mutex<Vec<Customer>>,
}

impl Crm {
    /// One that begins with these customers.
    #[must_use]
    pub fn new(customers: Vec<Customer>) -> Self {
        Self { sessions: Sessions::default(), customers: Mutex::new(customers) }
    }
}

fn show(customer: &Customer) -> serde_json::Value {
    json!({"id": customer.id, "name": customer.name, "owner": customer.owner, "phone": customer.phone, "spent": customer.spent})
}

impl Crm {
    fn sign_in(&self, request: &Request) -> Answer {
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let text = |name: &str| body.get(name).and_then(|value| value.as_str()).unwrap_or("").to_owned();
        let user = text("user");
        if !data::signs_in(&user, &text("password")) {
            return Answer::json(401, &json!({"error": "wrong user or password"}));
        }
        let session = self.sessions.open(&user);
        Answer::json(200, &json!({"user": user})).cookie("crm_session", &session)
    }

    /// The list: of one owner, searched by name and telephone, sorted, page by page, in several formats. What its head tells is of
    /// all customers, whatever was asked for.
    fn list(&self, request: &Request) -> Answer {
        let (owner, text) = (request.param("owner"), request.param("q"));
        let mut found = self.customers.lock().clone();
        let (count, spent) = (found.len(), found.iter().map(|customer| customer.spent).sum::<u32>());
        found.retain(|customer| {
            let says = |text: &str| customer.name.contains(text) || customer.phone.contains(text);
            owner.is_none_or(|name| customer.owner == name) && text.is_none_or(says)
        });
        match request.param("sort") {
            Some("spent") => found.sort_by_key(|customer| customer.spent),
            Some("name") => found.sort_by_key(|customer| customer.name),
            _ => {}
        }
        let number =
            |name| request.param(name).and_then(|text| text.parse::<usize>().ok()).filter(|number| *number > 0);
        let size = number("size").unwrap_or(PAGE);
        let pages = count.div_ceil(size);
        let page = number("page").unwrap_or(1);
        let total = found.len();
        let shown: Vec<Customer> = found.into_iter().skip((page - 1).saturating_mul(size)).take(size).collect();
        let cells = |customer: &Customer| {
            let Customer { id, name, owner, phone, spent } = customer;
            [*id, *name, *owner, phone, &spent.to_string()].map(str::to_owned).to_vec()
        };
        let cells: Vec<_> = shown.iter().map(cells).collect();
        let answer = match request.param("format") {
            Some("csv") => csv(&TITLES, &cells),
            Some("xlsx") => xlsx(&TITLES, &cells),
            Some("xml") => {
                let rows: String =
                    cells.iter().map(|row| format!("<customer>{}</customer>", escape(&row.join(" ")))).collect();
                Answer::raw(200, "application/xml", format!("<customers>{rows}</customers>").into_bytes())
            }
            _ => Answer::json(200, &json!({"total": total, "items": shown.iter().map(show).collect::<Vec<_>>()})),
        };
        answer
            .with("x-total-count", count.to_string())
            .with("x-pagination", format!("{page}/{pages}"))
            .with("link", format!("</api/customers?page={pages}&size={size}>; rel=\"last\""))
            .with("content-range", format!("items 0-{total}/{count}"))
            .with("etag", format!("\"{count}-{spent}\""))
            .with("digest", format!("sum={spent}"))
            .with("x-db-rows", count.to_string())
    }

    fn update(&self, request: &Request) -> Answer {
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let id = body.get("id").and_then(|value| value.as_str()).unwrap_or_default();
        match self.customers.lock().iter_mut().find(|customer| customer.id == id) {
            Some(customer) => {
                if let Some(phone) = body.get("phone").and_then(|value| value.as_str()) {
                    phone.clone_into(&mut customer.phone);
                }
                Answer::json(200, &json!({"updated": customer.id}))
            }
            None => Answer::json(404, &json!({"error": "no such customer"})),
        }
    }
}

impl Application for Crm {
    fn charset(&self) -> &'static Encoding {
        UTF_8
    }

    fn answer(&self, request: &Request) -> Answer {
        let session = request.cookies.get("crm_session");
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/") => return Answer::page(UTF_8, &page("utf-8", "CRM 客户管理", MENU, None, CONTENT)),
            ("POST", "/api/session") => return self.sign_in(request),
            _ => {}
        }
        if self.sessions.user(session).is_none() {
            return Answer::json(401, &json!({"error": "sign in first"}));
        }
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/api/customers") => self.list(request),
            ("PUT", "/api/customers") => self.update(request),
            ("POST", "/api/session/end") => {
                self.sessions.close(session);
                Answer::json(200, &json!({"signed_out": true})).with("set-cookie", "crm_session=; Path=/; Max-Age=0")
            }
            ("GET", path) => match path.strip_prefix("/api/customers/") {
                Some(id) => self.customers.lock().iter().find(|customer| customer.id == id).map_or_else(
                    || Answer::json(404, &json!({"error": "no such customer"})),
                    |customer| Answer::json(200, &show(customer)),
                ),
                None => Answer::json(404, &json!({"error": "not found"})),
            },
            _ => Answer::json(405, &json!({"error": "method not allowed"})),
        }
    }
}
