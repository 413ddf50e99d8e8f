//! The look of the demo's pages: one plain style sheet and frame; no behaviour.

use super::legacy::escape;

const STYLE: &str = "body{font:14px/1.5 Tahoma,'Microsoft YaHei',sans-serif;margin:0;background:#eef1f4;color:#223}\
header{background:#2b4a6f;color:#fff;padding:8px 20px}header a{color:#cfe0f5;margin-left:14px}\
main{max-width:860px;margin:20px auto;background:#fff;border:1px solid #ccd;padding:16px 24px}\
table{border-collapse:collapse;width:100%}th,td{border:1px solid #ccd;padding:4px 10px;text-align:left}th{background:#f0f4fa}\
input,select,button{font:inherit;padding:2px 6px;margin:2px}.err{color:#b00}form.in{margin:0;display:inline}";

/// A whole page: title, menu (target, label), who is signed in, content.
#[must_use]
pub fn page(charset: &str, title: &str, menu: &[(&str, &str)], user: Option<&str>, content: &str) -> String {
    let links: String = menu.iter().map(|(target, label)| format!("<a href=\"{target}\">{label}</a>")).collect();
    let user = user.map_or_else(String::new, |user| {
        format!("<span style=\"float:right\">用户 user: <b id=\"user\">{}</b></span>", escape(user))
    });
    format!(
        "<!DOCTYPE html><html><head><meta charset=\"{charset}\"><title>{title}</title><style>{STYLE}</style></head>\
         <body><header>{user}<b>{title}</b>{links}</header><main>{content}</main></body></html>"
    )
}

/// A table out of column titles and rows of already escaped cells.
#[must_use]
pub fn table(id: &str, titles: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let head: String = titles.iter().map(|title| format!("<th>{title}</th>")).collect();
    let body: String = rows
        .map(|row| format!("<tr>{}</tr>", row.iter().map(|cell| format!("<td>{cell}</td>")).collect::<String>()))
        .collect();
    format!("<table id=\"{id}\"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
}
