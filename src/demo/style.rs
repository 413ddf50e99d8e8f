//! The look of the demo's pages: one plain style sheet and frame; no behaviour.

use super::legacy::escape;

const STYLE: &str = "*{box-sizing:border-box}\
body{font:15px/1.55 system-ui,Tahoma,'PingFang SC','Microsoft YaHei',sans-serif;margin:0;background:#eef1f4;color:#1f2b38}\
header{display:flex;flex-wrap:wrap;align-items:center;gap:4px 18px;background:#27456b;color:#fff;padding:10px 20px}\
header a{color:#d5e4f6;text-decoration:none}header a:hover{text-decoration:underline}header span{margin-left:auto;color:#d5e4f6}\
main{max-width:920px;margin:24px auto;background:#fff;border:1px solid #d3dae2;border-radius:6px;padding:20px 28px;overflow-x:auto}\
h2{font-size:20px;margin:4px 0 16px}h3{font-size:16px;margin:24px 0 8px}a{color:#1f5fa8}\
table{border-collapse:collapse;width:100%;margin:14px 0}th,td{border:1px solid #d9e0e7;padding:6px 10px;text-align:left}th{background:#f2f5f9;font-weight:600}\
input,select,button{font:inherit;padding:4px 9px;margin:2px;border:1px solid #b9c4cf;border-radius:4px;background:#fff;color:inherit;max-width:100%}\
button{background:#27456b;border-color:#27456b;color:#fff;cursor:pointer;white-space:nowrap}button.plain{background:#fff;color:#27456b}\
form.in{margin:0;display:inline}form.sign-in{display:grid;gap:10px;max-width:320px;margin:0 auto 8px}\
form.sign-in h2,form.sign-in p{margin:0}form.sign-in label{display:grid;gap:2px;color:#4c5b6b}form.sign-in input,form.sign-in button{margin:0;padding:8px 10px}\
.err{color:#b3261e}.err:empty{display:none}[hidden]{display:none!important}\
@media(max-width:560px){header{padding:10px 14px}main{margin:0;border-width:0 0 1px;border-radius:0;padding:14px}\
thead{display:none}tr{display:block;border:1px solid #d9e0e7;border-radius:6px;margin:10px 0;padding:4px 0}\
td{display:flex;gap:12px;justify-content:space-between;align-items:center;border:0;padding:3px 10px}td::before{content:attr(data-title);color:#4c5b6b}}";

/// A whole page: title, menu (target, label), who is signed in, content. Nobody sees the menu before signing in.
#[must_use]
pub fn page(charset: &str, title: &str, menu: &[(&str, &str)], user: Option<&str>, content: &str) -> String {
    let links: String = menu.iter().map(|(target, label)| format!("<a href=\"{target}\">{label}</a>")).collect();
    let (links, user) = user.map_or_else(Default::default, |user| {
        (links, format!("<span>用户 user: <b id=\"user\">{}</b></span>", escape(user)))
    });
    format!(
        "<!DOCTYPE html><html lang=\"zh-CN\"><head><meta charset=\"{charset}\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{title}</title><style>{STYLE}</style></head>\
         <body><header><b>{title}</b>{links}{user}</header><main>{content}</main></body></html>"
    )
}

/// The page's form that signs in: where it is sent, the names of its two fields, what went wrong last time.
#[must_use]
pub fn sign_in_form(target: &str, user: &str, password: &str, message: &str) -> String {
    format!(
        "<form class=\"sign-in\" method=\"post\" action=\"{target}\"><h2>登录 Sign in</h2><p class=\"err\">{message}</p>\
         <label>用户 User <input name=\"{user}\" autocomplete=\"username\" autocapitalize=\"none\"></label>\
         <label>密码 Password <input name=\"{password}\" type=\"password\" autocomplete=\"current-password\"></label>\
         <button>登录 Sign in</button></form>"
    )
}

/// A table out of column titles and rows of already escaped cells.
#[must_use]
pub fn table(id: &str, titles: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let head: String = titles.iter().map(|title| format!("<th>{title}</th>")).collect();
    let body: String = rows
        .map(|row| {
            let titled = row.iter().zip(titles);
            let cells: String = titled.map(|(cell, title)| format!("<td data-title=\"{title}\">{cell}</td>")).collect();
            format!("<tr>{cells}</tr>")
        })
        .collect();
    format!("<table id=\"{id}\"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
}
