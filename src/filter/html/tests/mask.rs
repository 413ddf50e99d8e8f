//! What is masked and removed.

use super::{Sees, html, page};

const ALL: Sees = Sees(&["*"], "");

#[test]
fn elements_are_removed_with_all_that_stands_in_them() {
    let rule = html("mask: {fields: ['#menu a.cost', button.delete, 'div.finance']}");
    let text = "<div id=menu><a href=/o>Orders</a><a class='x cost' href=/c>Cost <b>7</b></a></div>\
                <a class=cost>kept</a><form><button class=delete>Delete</button><button>Show</button></form>\
                <div class=finance><div>1</div><p>2</div>end";
    let left = "<div id=menu><a href=/o>Orders</a></div><a class=cost>kept</a><form><button>Show</button></form>end";
    assert_eq!(page(&rule, &ALL, text).as_deref(), Ok(left));
    assert_eq!(page(&rule, &Sees(&["*"], "*"), text).as_deref(), Ok(left), "without `unless` nobody sees it");
    let unless = html("mask: {fields: ['#menu a.cost'], unless: cost:view}");
    assert_eq!(page(&unless, &Sees(&["*"], "*"), text).as_deref(), Ok(text));
}

#[test]
fn a_masked_element_says_the_same_nowhere() {
    let rule = html("mask: {fields: [td.phone], with: phone}");
    let text = "<table><tr><td class=phone id=p1 title='13812345678' data-full='+8613812345678' onclick=\"call('13812345678')\" \
                aria-label=\"tel 13812345678\" width=9><a href='tel:13812345678'>138<b>12345678</b></a></td></tr></table>";
    let left = page(&rule, &ALL, text).unwrap();
    assert!(!left.contains("12345678"), "{left}");
    assert!(left.contains(">138****5678</td>"), "{left}");
    assert!(left.contains("id=p1 title=\"138****5678\" data-full=\"138****5678\""), "{left}");
    assert!(left.contains("width=9") && !left.contains("onclick") && !left.contains("href"), "{left}");
}

#[test]
fn inputs_and_attributes_are_masked_too() {
    let rule = html(
        "mask: [{fields: ['input[name=phone]'], with: phone}, {fields: ['tr @data-cost', 'textarea'], with: {fixed: '-'}}]",
    );
    let text = "<table><tr data-cost=7.11 data-no=1><td><input name=phone value=13812345678 title='a<b'><textarea>7.11 \"</textarea></table>";
    let left = "<table><tr data-cost=\"-\" data-no=1><td><input name=phone value=\"138****5678\" title=\"***\"><textarea>-</textarea></table>";
    assert_eq!(page(&rule, &ALL, text).as_deref(), Ok(left));
}

#[test]
fn what_is_shown_is_escaped() {
    let rule = html("mask: {fields: [i], with: {keep-first: 1}}");
    assert_eq!(page(&rule, &ALL, "<i>&lt;script&gt;</i>").as_deref(), Ok("<i>&lt;***</i>"));
}

const TABLE: &str = "<table><tr><th>W</th><th>Cost</th><th>Name</th></tr><tr><td>HF</td><td title=71>71</td><td>a</td></tr>\
                     <tr><td>SH</td><td>72</td><td data-c=72 href='?c=72&amp;x'>b</td></tr></table>";

#[test]
fn a_column_that_is_seen_in_no_row_leaves_no_gap() {
    for field in ["Cost", "2"] {
        let rule = html(&format!("rows: {{in: table, mask: {{fields: [{field}], unless: cost:view}}}}"));
        let left = "<table><tr><th>W</th><th>Name</th></tr><tr><td>HF</td><td>a</td></tr><tr><td>SH</td><td  >b</td></tr></table>";
        assert_eq!(page(&rule, &ALL, TABLE).as_deref(), Ok(left));
        assert_eq!(page(&rule, &Sees(&["*"], "*"), TABLE).as_deref(), Ok(TABLE));
    }
}

#[test]
fn a_column_that_is_seen_in_some_rows_is_emptied_in_the_others() {
    let rule = html("rows: {in: table, keep: {warehouse: W}, mask: {fields: [Cost], unless: cost:view}}");
    let left = "<table><tr><th>W</th><th>Cost</th><th>Name</th></tr><tr><td>HF</td><td title=71>71</td><td>a</td></tr>\
                <tr><td>SH</td><td></td><td  >b</td></tr></table>";
    assert_eq!(page(&rule, &Sees(&["*"], "HF"), TABLE).as_deref(), Ok(left));
}

#[test]
fn elements_within_rows_are_masked_by_the_row_they_stand_in() {
    let rule = html(
        "rows: {in: ul, keep: {warehouse: '@w'}, mask: [{fields: ['css: a.del'], unless: order:delete}]}\nmask: {fields: [b], unless: x:y, with: name}",
    );
    let text = "<ul><li w=HF><a class=del>x</a><b>ab</b></li><li w=SH><a class=del>x</a><b>ab</b></li></ul><b>ab</b>";
    let left = "<ul><li w=HF><a class=del>x</a><b>ab</b></li><li w=SH><b>a**</b></li></ul><b>a**</b>";
    assert_eq!(page(&rule, &Sees(&["*"], "HF"), text).as_deref(), Ok(left));
}

#[test]
fn a_cell_over_a_hidden_column_goes_with_it() {
    let rule = html("rows: {in: table, mask: {fields: [Cost], unless: cost:view}}");
    let text = "<table><tr><th>W</th><th>Cost</th></tr><tr><td colspan=2>HF costs 71</td></tr></table>";
    let left = "<table><tr><th>W</th></tr><tr></tr></table>";
    assert_eq!(page(&rule, &ALL, text).as_deref(), Ok(left));
    let odd = "<table><tr><th>W</th><th>Cost</th></tr><tr><td>71</td></tr></table>";
    assert!(page(&rule, &ALL, odd).is_err(), "which column is it?");
}

#[test]
fn what_is_not_closed_ends_the_answer() {
    let rule = html("mask: [{fields: [span.x, a.x, p.x, div.x], with: {fixed: '-'}}, {fields: [.gone]}]");
    for text in [
        "<div><span class=x>1</div>2</span>",
        "<p><a class=x>1</p>2</a>",
        "<p><a class=gone>1</p>2</a>",
        "<div class=x>1",
        "<div><div class=gone>1",
        "<b><span class=x><p><b>x</p>y</b>z</span>w</span>",
        "<b><p>1</b>2<span class=x>3</span></p>",
        "<p>1<table></table>2<p class=x>3<table></table>4</p>",
        "<p class=gone><b class=gone>1<div></div></p><em>2</em>",
    ] {
        assert!(page(&rule, &ALL, text).is_err(), "{text}: {:?}", page(&rule, &ALL, text));
    }
    for (text, left) in [
        ("<div><p class=x>1</div>2", "<div><p class=x>-</div>2"),
        ("<div><p class=gone>1<div>2</div></div>", "<div><div>2</div></div>"),
        ("<b><i>x</b></i><div class=x>1</div>2", "<b><i>x</b></i><div class=x>-</div>2"),
    ] {
        assert_eq!(page(&rule, &ALL, text).as_deref(), Ok(left), "{text}");
    }
}
