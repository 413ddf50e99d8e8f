//! Links, forms and buttons that lead to a refusal, and the mark over a page.

use super::{Sees, html, page};

const ALL: Sees = Sees(&["*"], "");

const TEXT: &str = "<a href=/ok>1</a><a class=x href='refused?id=1'>2 <b>x</b></a><a href='javascript:x()'>3</a>\
    <form method=POST action=write.do><input name=a><button>4</button><input type=submit value=5></form>\
    <form method=get action=refused><button>6</button></form><form method=post action=ok><button formaction='/refused'>7</button>\
    <button>8</button></form><a href='//other.test/refused'>9</a>";

#[test]
fn what_leads_to_a_refusal_is_removed() {
    let rule = html("links: remove");
    let left = "<a href=/ok>1</a><a href='javascript:x()'>3</a><form method=\"dialog\" ></form>\
        <form method=get action=refused><button>6</button></form><form method=post action=ok>\
        <button>8</button></form><a href='//other.test/refused'>9</a>";
    assert_eq!(page(&rule, &ALL, TEXT).as_deref(), Ok(left));
}

#[test]
fn a_form_around_a_table_loses_its_fields_and_not_the_table() {
    let rule = html("links: remove\nrows: {in: table, keep: {warehouse: 1}}");
    let text = "<form method=post action=write><label>All <select><option>x</select></label><table><tr><td>HF<td><input name=a>1\
        <tr><td>SH<td>2</table><textarea>y</textarea>z<button>Go</button></form>";
    let left = "<form method=\"dialog\" ><table><tr><td>HF<td>1</table>z</form>";
    assert_eq!(page(&rule, &Sees(&["HF"], ""), text).as_deref(), Ok(left));
}

#[test]
fn a_link_that_says_something_stays_without_its_address() {
    let rule = html("links: remove\nunlinked: td a\nrows: {in: table, keep: {warehouse: 1}}");
    let text =
        "<a href=refused>menu</a><table><tr><td>HF<td><a class=x href=refused>Customer</a><a href=ok>y</a></table>";
    let left = "<table><tr><td>HF<td><a class=x >Customer</a><a href=ok>y</a></table>";
    assert_eq!(page(&rule, &Sees(&["HF"], ""), text).as_deref(), Ok(left));
}

#[test]
fn a_menu_goes_with_its_last_link() {
    let rule = html("links: remove\nmenus: [li.menu, div.menu]");
    let text = "<ul><li class=menu><a href='#'>One</a><div><a href=refused>1</a></div></li><li class=menu><a href='#'>Two</a>\
        <div><a href=refused>1</a><a href=ok>2</a></div></li><li class=menu><a href='#'>Three</a></li></ul>";
    let left = "<ul><li class=menu><a href='#'>Two</a><div><a href=ok>2</a></div></li><li class=menu><a href='#'>Three</a></li></ul>";
    assert_eq!(page(&rule, &ALL, text).as_deref(), Ok(left));
}

#[test]
fn or_it_does_nothing() {
    let rule = html("links: disable");
    let left = "<a href=/ok>1</a><a class=x aria-disabled=\"true\">2 <b>x</b></a><a href='javascript:x()'>3</a>\
        <form method=\"dialog\" ><input name=a><input disabled type=submit value=5></form>\
        <form method=get action=refused><button>6</button></form><form method=post action=ok><button disabled>7</button>\
        <button>8</button></form><a href='//other.test/refused'>9</a>";
    assert_eq!(page(&rule, &ALL, TEXT).as_deref(), Ok(left));
}

#[test]
fn links_in_rows_go_whatever_the_row_is() {
    let rule = html("links: remove\nrows: {in: table, keep: {warehouse: 1}}");
    let text = "<table><tr><td>HF<td><a href=refused>x</a><a href=ok>y</a></table>";
    let left = "<table><tr><td>HF<td><a href=ok>y</a></table>";
    assert_eq!(page(&rule, &Sees(&["HF"], ""), text).as_deref(), Ok(left));
}

#[test]
fn a_base_element_says_where_links_begin() {
    let rule = html("links: remove");
    let text = "<base href=/refused/><a href=x>1</a><a href=/ok>2</a>";
    assert_eq!(page(&rule, &ALL, text).as_deref(), Ok("<base href=/refused/><a href=/ok>2</a>"));
}

#[test]
fn a_mark_at_the_end_says_who_asked() {
    let rule = html("watermark: true");
    let left = page(&rule, &ALL, "<body><p>x</body></html>").unwrap();
    assert!(left.starts_with("<body><p>x</body></html><style>"), "{left}");
    assert!(left.contains("picker.hf &lt;2026&gt;"), "{left}");
    for open in ["<textarea>", "<script>", "<select><option>", "<title>"] {
        assert!(page(&rule, &ALL, open).is_err(), "{open}");
    }
}
