//! The demo's CRM: a JSON API and one HTML page; it lets everybody do everything.

use encoding_rs::{Encoding, UTF_8};
use parking_lot::Mutex;
use serde_json::json;

use super::data::{self, Customer};
use super::legacy::{Answer, Application, Request, Sessions};
use super::style::page;

const MENU: &[(&str, &str)] = &[("/", "客户 Customers")];

const SCRIPT: &str = "<form id=\"in\"><input id=\"u\" placeholder=\"user\"> \
<input id=\"p\" type=\"password\" placeholder=\"password\"> <button>登录 Sign in</button> \
<button type=\"button\" id=\"out\">退出 Sign out</button></form><p class=\"err\" id=\"said\"></p><div id=\"list\"></div><script>\
const $=id=>document.getElementById(id);\
const call=async(method,target,body)=>{const r=await fetch(target,{method,headers:body?{'content-type':'application/json'}:{},\
body:body&&JSON.stringify(body)});const d=await r.json();$('said').textContent=r.ok?'':r.status+' '+(d.title||d.error||'');return r.ok&&d};\
async function show(){const d=await call('GET','/api/customers');const l=$('list');l.textContent='';if(!d)return;\
const t=document.createElement('table');for(const c of d.items){const w=t.insertRow();\
for(const k of ['id','name','owner','spent'])w.insertCell().textContent=c[k];\
const f=document.createElement('input');f.value=c.phone;const b=document.createElement('button');b.textContent='保存 Save';\
b.onclick=()=>call('PUT','/api/customers',{id:c.id,owner:c.owner,phone:f.value});w.insertCell().append(f,b)}l.append(t)}\
$('in').onsubmit=async e=>{e.preventDefault();await call('POST','/api/session',{user:$('u').value,password:$('p').value})&&show()};\
$('out').onclick=async()=>{await call('POST','/api/session/end');$('list').textContent=''};show()</script>";

/// The CRM.
pub struct Crm {
    sessions: Sessions,
    customers: Mutex<Vec<Customer>>,
}

impl Default for Crm {
    fn default() -> Self {
        Self { sessions: Sessions::default(), customers: Mutex::new(data::customers()) }
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

    fn list(&self, request: &Request) -> Answer {
        let owner = request.param("owner");
        let customers = self.customers.lock();
        let items: Vec<_> =
            customers.iter().filter(|customer| owner.is_none_or(|name| customer.owner == name)).map(show).collect();
        Answer::json(200, &json!({"total": items.len(), "items": items}))
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
            ("GET", "/") => return Answer::page(UTF_8, &page("utf-8", "CRM 客户管理", MENU, None, SCRIPT)),
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
