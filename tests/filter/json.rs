//! What becomes of JSON answers, odd ones above all.

use scopegate::filter::FilterError;

use crate::support::{Keeper, json, plan, run};

const HF: Keeper = Keeper { keeps: &["HF"], shows: &[&[]] };
const ALL: Keeper = Keeper { keeps: &["*"], shows: &[&["*"]] };

const LIST: &str = "json:\n  rows: {at: /items, keep: {warehouse: /warehouse}, totals: {/total: count, /pages: remove}}\n  \
                    mask: [{fields: [/items/*/cost], unless: cost:view}]";

#[test]
fn a_row_is_kept_only_where_its_value_is_one_text_or_number_within() {
    let rows = r#"{"items":[{"warehouse":"HF","n":1},{"warehouse":"SH","n":2},{"n":3},{"warehouse":null,"n":4},
        {"warehouse":["HF"],"n":5},{"warehouse":"HF","warehouse":"SH","n":6},{"warehouse":"SH","warehouse":"HF","n":7},
        {"warehouse":"H\u0046","n":8},{"warehouse":"HF\u0000","n":9},{"warehouse":"\ud800","n":10},{"ware\u0068ouse":"HF","n":11},
        {"Warehouse":"HF","n":12},"HF",null,[],{"warehouse":"","n":13},{"warehouse":true,"n":14}]}"#;
    let seen = json(&plan(LIST), HF, rows).unwrap();
    let expected =
        r#"{"items":[{"warehouse":"HF","n":1},{"warehouse":"H\u0046","n":8},{"ware\u0068ouse":"HF","n":11}]}"#;
    assert_eq!(seen, expected);
}

#[test]
fn whoever_sees_all_rows_sees_the_totals_as_they_are() {
    let text = r#"{"total":40,"items":[{"warehouse":"SH","cost":1.50}],"pages":4}"#;
    assert_eq!(json(&plan(LIST), ALL, text).unwrap(), text);
}

#[test]
fn a_total_tells_of_the_rows_that_are_shown_wherever_it_stands() {
    let rows = r#""items":[{"warehouse":"HF"},{"warehouse":"SH"},{"warehouse":"HF"}]"#;
    for (text, expected) in [
        (
            format!(r#"{{"total":3,{rows},"pages":1}}"#),
            r#"{"items":[{"warehouse":"HF"},{"warehouse":"HF"}],"total":2}"#,
        ),
        (format!(r#"{{{rows},"total":"3"}}"#), r#"{"items":[{"warehouse":"HF"},{"warehouse":"HF"}],"total":"2"}"#),
        (
            format!(r#"{{"total":3,"total":{{"of":[3]}},{rows}}}"#),
            r#"{"items":[{"warehouse":"HF"},{"warehouse":"HF"}],"total":2,"total":2}"#,
        ),
    ] {
        assert_eq!(json(&plan(LIST), HF, &text).unwrap(), expected);
    }
    let nested = plan("json:\n  rows: {at: /items, keep: {warehouse: /warehouse}, totals: {/page/total: count}}");
    let before = format!(r#"{{"page":{{"total":3,"no":1}},{rows}}}"#);
    assert_eq!(
        json(&nested, HF, &before).unwrap(),
        r#"{"page":{"no":1},"items":[{"warehouse":"HF"},{"warehouse":"HF"}]}"#
    );
    let after = format!(r#"{{{rows},"page":{{"total":3}}}}"#);
    assert_eq!(
        json(&nested, HF, &after).unwrap(),
        r#"{"items":[{"warehouse":"HF"},{"warehouse":"HF"}],"page":{"total":2}}"#
    );
    let groups = plan("json:\n  rows: {at: /*/items, keep: {warehouse: /warehouse}, totals: {/*/total: count}}");
    let two = format!(r#"[{{"total":3,{rows}}},{{{rows},"total":3}},{{"total":0}}]"#);
    let one = r#"{"items":[{"warehouse":"HF"},{"warehouse":"HF"}],"total":2}"#;
    assert_eq!(json(&groups, HF, &two).unwrap(), format!(r#"[{one},{one},{{"total":4}}]"#));
}

#[test]
fn a_list_that_is_not_where_the_rule_says_ends_the_answer() {
    let plan = plan(LIST);
    for text in [r#"{"data":{"items":[]}}"#, "[]", "{}", "1", r#"{"items":"[{}]"}"#, r#"{"items":5}"#] {
        assert!(matches!(json(&plan, HF, text), Err(FilterError::Missing(_))), "{text}");
    }
    for text in [r#"{"items":null}"#, r#"{"items":[]}"#, r#"{"items":{}}"#] {
        assert_eq!(json(&plan, HF, text).unwrap(), text);
    }
    let optional = self::plan("json: {rows: {at: /items, keep: {warehouse: /warehouse}, optional: true}}");
    assert_eq!(json(&optional, HF, r#"{"error":1}"#).unwrap(), r#"{"error":1}"#);
}

#[test]
fn every_member_of_a_repeated_or_escaped_name_is_filtered() {
    let text =
        r#"{"items":[{"warehouse":"SH"}],"it\u0065ms":[{"warehouse":"SH"},{"warehouse":"HF","cost":1,"c\u006fst":2}]}"#;
    assert_eq!(json(&plan(LIST), HF, text).unwrap(), r#"{"items":[],"it\u0065ms":[{"warehouse":"HF"}]}"#);
}

#[test]
fn what_is_no_json_or_is_read_differently_ends_the_answer() {
    let plan = plan(LIST);
    for text in [
        r#"cb({"items":[]})"#,
        ")]}',\n{\"items\":[]}",
        r#"{"items":[]} {"items":[]}"#,
        r#"{"items":[],}"#,
        r#"{'items':[]}"#,
        r#"{"items":[01]}"#,
        r#"{"items":[NaN]}"#,
        r#"{"items":[+1]}"#,
        "{\"items\":[\"a\tb\"]}",
        r#"{"items":["\x"]}"#,
        r#"{"items":[]"#,
        r#"{"items":[}"#,
        r#"{"items" []}"#,
        r#"{"items":[1 2]}"#,
        r#"{"items":[] /* c */}"#,
        r#"{"\ud800":1,"items":[]}"#,
        r#"{"items\u0000":[],"items":[]}"#,
        "   ",
        "{\"items\":[]}\u{0}",
        r#"{"a":tru,"items":[]}"#,
        r#"{,"items":[]}"#,
        "\u{feff}\u{feff}{\"items\":[]}",
    ] {
        assert!(json(&plan, HF, text).is_err(), "{text}");
    }
    for bytes in [&b"{\"items\":[\"\xff\"]}"[..], b"\xff\xfe{\x00}\x00", b"{\"a\":\"\xbd\x5c\",\"items\":[]}"] {
        assert!(run(&plan, HF, "application/json", bytes, &[1]).is_err());
    }
}

#[test]
fn numbers_texts_and_order_stay_as_they_are_and_blanks_go() {
    let text = "\u{feff}{ \"n\" : 1.0000000000000000000000001e+400 ,\r\n\t\"t\":\"\\u00e9 / \\/ 库\", \"items\" : [ {\"warehouse\" : \"HF\", \"z\":-0.0, \"a\": [ 1 , {} ] } ] }";
    let seen = json(&plan(LIST), HF, text).unwrap();
    let expected = "{\"n\":1.0000000000000000000000001e+400,\"t\":\"\\u00e9 / \\/ 库\",\"items\":[{\"warehouse\":\"HF\",\"z\":-0.0,\"a\":[1,{}]}]}";
    assert_eq!(seen, expected);
}

#[test]
fn a_field_is_masked_by_what_its_own_row_says() {
    let some = Keeper { keeps: &["HF", "SH"], shows: &[&["HF"]] };
    let text = r#"{"items":[{"warehouse":"HF","cost":1},{"cost":2,"warehouse":"SH"}]}"#;
    assert_eq!(json(&plan(LIST), some, text).unwrap(), r#"{"items":[{"warehouse":"HF","cost":1},{"warehouse":"SH"}]}"#);
}

#[test]
fn a_mask_shows_nothing_of_what_is_no_text_and_keeps_elements_in_their_places() {
    let plan = plan(
        "json:\n  mask:\n    - {fields: [/**/phone], with: phone}\n    - {fields: [/list/*, /list/1/x]}\n    - {fields: [/note], with: {fixed: \"\\\"-\\\"\"}}",
    );
    for (text, expected) in [
        (r#"{"phone":"13812345678"}"#, r#"{"phone":"138****5678"}"#),
        (r#"{"a":[{"phone":13812345678}]}"#, r#"{"a":[{"phone":"138****5678"}]}"#),
        (r#"{"phone":{"phone":"13812345678"}}"#, r#"{"phone":"***"}"#),
        (r#"{"phone":["13812345678"]}"#, r#"{"phone":"***"}"#),
        (r#"{"phone":null,"b":true}"#, r#"{"phone":"***","b":true}"#),
        (r#"{"phone":"\ud800"}"#, r#"{"phone":"***"}"#),
        (r#"{"list":["a",{"x":1},3]}"#, r#"{"list":[null,null,null]}"#),
        (r#"{"list":{"a":1},"b":2}"#, r#"{"list":{},"b":2}"#),
        (r#"{"note":[1,2,{"a":"b"}],"z":1}"#, r#"{"note":"\"-\"","z":1}"#),
    ] {
        assert_eq!(json(&plan, HF, text).unwrap(), expected);
    }
    let long = format!(r#"{{"phone":"{}"}}"#, "1".repeat(9000));
    assert_eq!(json(&plan, HF, &long).unwrap(), r#"{"phone":"***"}"#);
}

#[test]
fn the_whole_document_can_be_the_list_and_rows_can_stand_in_rows() {
    let root = plan("json:\n  rows: {at: \"\", keep: {warehouse: /from/warehouse}}");
    let text = r#"[{"from":{"warehouse":"HF"}},{"from":{"warehouse":"SH"}},{"from":null}]"#;
    assert_eq!(json(&root, HF, text).unwrap(), r#"[{"from":{"warehouse":"HF"}}]"#);
    let nested = plan(
        "json:\n  rows:\n    - {at: /orders, keep: {warehouse: /warehouse}}\n    - {at: /orders/*/lines, keep: {warehouse: /from}}",
    );
    let text = r#"{"orders":[{"warehouse":"HF","lines":[{"from":"HF"},{"from":"SH"}]},{"warehouse":"SH","lines":[{"from":"HF"}]}]}"#;
    assert_eq!(json(&nested, HF, text).unwrap(), r#"{"orders":[{"warehouse":"HF","lines":[{"from":"HF"}]}]}"#);
}

#[test]
fn all_of_several_values_must_be_within() {
    let plan = plan("json:\n  rows: {at: /moves, keep: {warehouse: [/from, \"/lines/*/to\"]}}");
    let text = r#"{"moves":[{"from":"HF","lines":[{"to":"HF"},{"to":"HF"}]},{"from":"HF","lines":[{"to":"HF"},{"to":"SH"}]},
        {"from":"HF","lines":[]},{"from":"SH","lines":[{"to":"HF"}]},{"from":"HF","lines":[{"to":"HF","to":"SH"}]}]}"#;
    assert_eq!(json(&plan, HF, text).unwrap(), r#"{"moves":[{"from":"HF","lines":[{"to":"HF"},{"to":"HF"}]}]}"#);
}

#[test]
fn an_object_can_be_the_list() {
    let text = r#"{"items":{"1":{"warehouse":"SH"},"2":{"warehouse":"HF"}}}"#;
    assert_eq!(json(&plan(LIST), HF, text).unwrap(), r#"{"items":{"2":{"warehouse":"HF"}}}"#);
}

#[test]
fn every_line_is_a_row_of_its_own() {
    let plan = plan("json-lines:\n  keep: {warehouse: /warehouse}\n  mask: [{fields: [/cost], unless: cost:view}]");
    let text = "{\"warehouse\":\"HF\", \"cost\":1}\r\n\n{\"warehouse\":\"SH\"}\n{\"warehouse\":\"HF\",\"n\":[1,\n2]}";
    // a document over two lines is none
    assert!(run(&plan, HF, "application/x-ndjson", text.as_bytes(), &[3]).is_err());
    let text = "{\"warehouse\":\"HF\", \"cost\":1}\r\n\n{\"warehouse\":\"SH\"}\n{\"warehouse\":\"HF\",\"n\":[1,2]}";
    for size in 1..text.len() {
        let seen = run(&plan, HF, "application/x-ndjson", text.as_bytes(), &[size]).unwrap();
        assert_eq!(String::from_utf8(seen).unwrap(), "{\"warehouse\":\"HF\"}\n{\"warehouse\":\"HF\",\"n\":[1,2]}\n");
    }
    assert!(run(&plan, HF, "application/x-ndjson", b"{}{}\n", &[9]).is_err());
}
