//! Which rows are left.

use super::{Sees, html, page};

const HF: Sees = Sees(&["HF"], "");

fn orders() -> super::Html {
    html("rows: {in: table#orders, keep: {warehouse: Warehouse}}")
}

fn table(rows: &str) -> String {
    format!(
        "<!DOCTYPE html><html><body><p>Hello</p><table id=orders><thead><tr><th>No</th><th>Warehouse</th></tr></thead><tbody>{rows}</tbody></table><p>End</p></body></html>"
    )
}

#[test]
fn a_row_is_kept_by_the_cell_under_its_title_and_the_rest_of_the_page_stays_as_it_is() {
    let both = table("<tr><td>1</td><td>HF</td></tr>\n<tr class=x><td>2</td><td>SH</td></tr>");
    let left = table("<tr><td>1</td><td>HF</td></tr>");
    assert_eq!(page(&orders(), &HF, &both).as_deref(), Ok(left.as_str()));
}

#[test]
fn what_a_cell_says_is_read_as_browsers_do() {
    for cell in ["H&#70;", " \n HF ", "<b>HF</b>", "<a href='?w=SH'>HF</a>", "H&#x46;<!-- SH -->", "<!-- SH -->HF"] {
        let text = table(&format!("<tr><td>1</td><td>{cell}</td></tr>"));
        let left = page(&orders(), &HF, &text).unwrap();
        assert!(left.contains("<td>1</td>"), "{cell}: {left}");
    }
    for cell in [
        "SH",
        "",
        "HF SH",
        "HF&euro;",
        "HF<br>SH",
        "H F",
        "hf",
        "<!--HF-->",
        "<script>HF</script>",
        "<title>HF</title>",
        "&notanentity;",
    ] {
        let text = table(&format!("<tr><td>1</td><td>{cell}</td></tr>"));
        let left = page(&orders(), &HF, &text).unwrap();
        assert!(!left.contains("<td>1</td>"), "{cell}: {left}");
    }
}

#[test]
fn end_tags_that_may_be_left_out_are_left_out() {
    let text = "<table id=orders><tr><th>No<th>Warehouse<tr><td>1<td>HF<tr><td>2<td>SH<tr><td>3<td>HF</table>after";
    let left = "<table id=orders><tr><th>No<th>Warehouse<tr><td>1<td>HF<tr><td>3<td>HF</table>after";
    assert_eq!(page(&orders(), &HF, text).as_deref(), Ok(left));
    // and tags that begin a row
    let text = "<table id=orders><th>No<th>Warehouse<tbody><td>1<td>HF<tbody><td>2<td>SH</table>";
    let left = "<table id=orders><th>No<th>Warehouse<tbody><td>1<td>HF<tbody></table>";
    assert_eq!(page(&orders(), &HF, text).as_deref(), Ok(left));
}

#[test]
fn a_table_in_a_cell_belongs_to_the_row() {
    let inner = |no: u8, code: &str| format!("<tr><td>{no}<table><tr><td>x<td>SH</table></td><td>{code}</td></tr>");
    let left = page(&orders(), &HF, &table(&(inner(1, "HF") + &inner(2, "SH")))).unwrap();
    assert_eq!(left, table(&inner(1, "HF")));
}

#[test]
fn a_row_that_does_not_have_the_columns_of_its_titles_goes() {
    for row in [
        "<tr><td>HF</td></tr>",
        "<tr><td>1</td><td>HF</td><td>SH</td></tr>",
        "<tr><td colspan=2>HF</td></tr>",
        "<tr><td>1</td></tr>",
        "<tr></tr>",
        "<tr><td colspan=2></td><td>HF</td></tr>",
        "<tr><th>1</th><th>SH</th></tr>",
    ] {
        let rows = format!("<tr><td>0</td><td>HF</td></tr>{row}");
        let left = page(&orders(), &HF, &table(&rows)).unwrap();
        assert_eq!(left, table("<tr><td>0</td><td>HF</td></tr>"), "{row}");
    }
}

#[test]
fn cells_over_several_rows_end_the_answer() {
    for cell in [
        "<td rowspan=2>",
        "<td rowspan=0>",
        "<td rowspan=' 2'>",
        "<td rowspan='x'>",
        "<td ROWSPAN=2>",
        "<td colspan=x>",
    ] {
        let text = table(&format!("<tr>{cell}1</td><td>HF</td></tr>"));
        assert!(page(&orders(), &HF, &text).is_err(), "{cell}");
    }
    assert!(page(&orders(), &HF, &table("<tr><td rowspan=1>1</td><td>HF</td></tr>")).is_ok());
}

#[test]
fn rows_are_told_by_number_attribute_and_selector() {
    let text = "<table class='a list'><tr data-w=HF><td>HF</td><td><i class=w>HF</i></td></tr>\
                <tr data-w=SH><td>SH</td><td><i class=w>SH</i></td></tr></table>";
    let left = "<table class='a list'><tr data-w=HF><td>HF</td><td><i class=w>HF</i></td></tr></table>";
    for place in ["1", "'@data-w'", "'css: td > .w'", "'css: .w'", "[1, '@data-w']"] {
        let rule = html(&format!("rows: {{in: table.list, keep: {{warehouse: {place}}}}}"));
        assert_eq!(page(&rule, &HF, text).as_deref(), Ok(left), "{place}");
    }
    let input = "<table class=list><tr><td><input name=w value=HF></table>";
    let rule = html("rows: {in: table.list, keep: {warehouse: 'css: input[name=w] @value'}}");
    assert_eq!(page(&rule, &HF, input).as_deref(), Ok(input));
}

#[test]
fn several_values_in_a_row_must_all_be_within() {
    let rule = html("rows: {in: table, keep: {warehouse: 'css: .w'}}");
    let text = "<table><tr><td><i class=w>HF</i><i class=w>SH</i></td></tr></table>";
    assert_eq!(page(&rule, &HF, text).as_deref(), Ok("<table></table>"));
}

#[test]
fn items_of_lists_and_choices_and_blocks_are_rows_too() {
    for (rule, text, left) in [
        (
            "rows: {in: ul#l, keep: {warehouse: '@data-w'}}",
            "<ul id=l><li data-w=HF>1<ul><li>x</ul><li data-w=SH>2<li>3</ul>end",
            "<ul id=l><li data-w=HF>1<ul><li>x</ul></ul>end",
        ),
        (
            "rows: {in: 'select[name=w]', keep: {warehouse: '@value'}}",
            "<select name=w><option value=HF>a<option value=SH>b</option><optgroup label=x><option value=HF>c</optgroup></select>",
            "<select name=w><option value=HF>a<optgroup label=x><option value=HF>c</optgroup></select>",
        ),
        (
            "rows: {in: '#cards', each: div.card, keep: {warehouse: 'css: .w'}}",
            "<div id=cards><h2>Cards</h2><div class=card><b class=w>SH</b><div>2</div></div><div><div class=card><b class=w>HF</b></div></div></div>end",
            "<div id=cards><h2>Cards</h2><div><div class=card><b class=w>HF</b></div></div></div>end",
        ),
    ] {
        assert_eq!(page(&html(rule), &HF, text).as_deref(), Ok(left), "{rule}");
    }
}

#[test]
fn what_stands_between_rows_does_not_pass_unjudged() {
    let rows = "stray<div>fostered</div><form action=/x><input type=hidden name=t value=1><tr><td>1</td><td>HF</td></tr></form><script>1</script><b>x";
    let left = page(&orders(), &HF, &table(rows)).unwrap();
    assert_eq!(left, table("<form action=/x><input type=hidden name=t value=1><tr><td>1</td><td>HF</td></tr></form>"));
    let caption = "<table id=orders><caption>All <b>orders</b></caption><tr><th>Warehouse</th></tr></table>";
    assert_eq!(page(&orders(), &HF, caption).as_deref(), Ok(caption));
    let list = html("rows: {in: ul, keep: {warehouse: '@w'}}");
    assert_eq!(page(&list, &HF, "<ul>x<p>y</p><li w=HF>1</li></ul>").as_deref(), Ok("<ul><li w=HF>1</li></ul>"));
}

#[test]
fn the_space_between_rows_does_not_tell_of_those_that_are_left_out() {
    let (own, other) = ("<tr><td>1</td><td>HF</td></tr>", "<tr><td>2</td><td>SH</td></tr>");
    for (before, between, after) in [("\n", "\n  ", "\n"), ("", "\n", ""), ("", "", "\n\t"), ("\r\n", "", "")] {
        let rows = |rows: &[&str]| table(&format!("{before}{}{after}", rows.join(between)));
        let left = rows(&[own, own]);
        for all in [
            &[own, own][..],
            &[other, own, own],
            &[own, other, other, own],
            &[own, own, other],
            &[other, own, other, other, own, other],
        ] {
            assert_eq!(page(&orders(), &HF, &rows(all)).as_deref(), Ok(left.as_str()), "{all:?}");
        }
    }
    // stray text does not pass, wherever a page is cut
    let stray = table(&format!("{own}\rw1002 ww1003w"));
    assert_eq!(page(&orders(), &HF, &stray).unwrap(), table(&format!("{own}\r ")));
}

#[test]
fn a_page_without_the_table_is_withheld_whole() {
    let text = "<p>secret</p><table id=other><tr><td>1<td>SH</table>";
    let mut out = Vec::new();
    let terms = crate::filter::judge::tests::terms(crate::filter::judge::tests::Sees(&["HF"], true));
    let mut stage = orders().start(terms, crate::request::Charset::Utf8);
    let pushed = crate::filter::chain::Transform::push(&mut stage, text.as_bytes(), &mut out);
    assert_eq!((pushed, out.len()), (Ok(()), 0));
    assert!(crate::filter::chain::Transform::finish(&mut stage, &mut out).is_err());
    assert!(out.is_empty());
    let optional = html("rows: {in: table#orders, keep: {warehouse: Warehouse}, optional: true}");
    assert_eq!(page(&optional, &HF, text).as_deref(), Ok(text));
}

#[test]
fn titles_are_found_once_or_the_answer_ends() {
    for head in ["<th>No</th><th>Place</th>", "<th>Warehouse</th><th>Warehouse</th>", "<th colspan=2>Warehouse</th>"] {
        let text = format!("<table id=orders><tr>{head}</tr><tr><td>1</td><td>HF</td></tr></table>");
        assert!(page(&orders(), &HF, &text).is_err(), "{head}");
    }
    // titles in plain cells are told by the rule
    let rule = html("rows: {in: table, keep: {warehouse: Warehouse}, titles: 1}");
    let text = "<table><tr><td>Warehouse</td></tr><tr><td>SH</td></tr><tr><td>HF</td></tr></table>";
    let left = "<table><tr><td>Warehouse</td></tr><tr><td>HF</td></tr></table>";
    assert_eq!(page(&rule, &HF, text).as_deref(), Ok(left));
}

#[test]
fn titles_after_data_are_rows_like_others() {
    let rows = "<tr><td>1</td><td>HF</td></tr></tbody><thead><tr><th>9</th><th>SH</th></tr></thead><tbody>";
    let left = page(&orders(), &HF, &table(rows)).unwrap();
    assert!(!left.contains('9') && left.contains("<td>1</td>"), "{left}");
}

#[test]
fn two_tables_follow_each_other_and_none_stands_in_another() {
    let one = "<table class=t><tr><td>SH</table>";
    let rule = html("rows: {in: table.t, keep: {warehouse: 1}}");
    assert_eq!(page(&rule, &HF, &one.repeat(2)).as_deref(), Ok("<table class=t></table><table class=t></table>"));
    let nested = "<table class=t><tr><td>HF<table class=t><tr><td>SH</table></table>";
    assert!(page(&rule, &HF, nested).is_err());
    // A table that begins between the rows of another ends that.
    let follows = "<table class=t><tr><td>SH</td></tr><table class=t><tr><td>HF</td></tr></table>";
    let left = "<table class=t><table class=t><tr><td>HF</td></tr></table>";
    assert_eq!(page(&rule, &HF, follows).as_deref(), Ok(left));
}

#[test]
fn a_row_beyond_the_bound_ends_the_answer_and_memory_stays_bounded() {
    let row = |size: usize| format!("<tr><td>{}</td><td>HF</td></tr>", "x".repeat(size));
    assert!(super::run(&orders(), &HF, &table(&row(1 << 20)), 4096).is_err());
    assert!(super::run(&orders(), &HF, &table(&row(1000).repeat(3000)), 4096).is_ok());
}

#[test]
fn a_row_is_kept_by_a_part_of_a_link_and_by_another_name_of_the_value() {
    let by_link =
        html("rows: {in: table#orders, keep: {warehouse: {at: \"css: td a @href\", as: \"/warehouses/([A-Z]+)/\"}}}");
    let row = |link: &str| format!("<tr><td>1</td><td><a href=\"{link}\">x</a></td></tr>");
    assert_eq!(page(&by_link, &HF, &table(&row("/warehouses/HF/"))).unwrap(), table(&row("/warehouses/HF/")));
    for link in ["/warehouses/SH/", "/warehouses/HF/?next=/", "//x/warehouses/HF/", "/warehouses/hf/", ""] {
        assert_eq!(page(&by_link, &HF, &table(&row(link))).unwrap(), table(""), "{link}");
    }
    let named = html("rows: {in: table#orders, keep: {warehouse: {at: Warehouse, map: {Hefei: HF, Shanghai: SH}}}}");
    let row = |name: &str| format!("<tr><td>1</td><td>{name}</td></tr>");
    let all = [row("Hefei"), row("Shanghai"), row("HF"), row("")].concat();
    assert_eq!(page(&named, &HF, &table(&all)).unwrap(), table(&row("Hefei")));
}

#[test]
fn a_page_of_which_no_row_is_left_looks_like_one_that_is_not_there() {
    let withheld = html("rows: {in: table#orders, keep: {warehouse: Warehouse}, empty: withhold}");
    let hidden = table("<tr><td>2</td><td>SH</td></tr>");
    let nothing = "<p>No orders found.</p>";
    for text in [hidden.as_str(), &table(""), nothing, ""] {
        assert_eq!(page(&withheld, &HF, text), Err(super::FilterError::Empty), "{text}");
    }
    let kept = table("<tr><td>2</td><td>SH</td></tr><tr><td>1</td><td>HF</td></tr>");
    assert_eq!(page(&withheld, &HF, &kept).unwrap(), table("<tr><td>1</td><td>HF</td></tr>"));
    // whoever sees all of it is told what the application says
    assert_eq!(page(&withheld, &Sees(&["*"], ""), nothing).unwrap(), nothing);
}
