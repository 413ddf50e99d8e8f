//! What a filter takes up does not grow with the answer, and a part beyond its bound ends it.

use scopegate::filter::{FilterError, Transform};

use crate::support::{Keeper, chain, json, plan};

const HF: Keeper = Keeper { keeps: &["HF"], shows: &[&[]] };

/// The most memory that is taken up while `pieces` pass, beyond what was there before.
fn most(rule: &str, kind: &str, begin: &str, piece: &str, end: &str, times: usize) -> u64 {
    let plan = plan(rule);
    let (mut chain, tally) = chain(&plan, HF, kind);
    let mut out = Vec::with_capacity(256 << 10);
    let info = allocation_counter::measure(|| {
        chain.push(begin.as_bytes(), &mut out).unwrap();
        for _ in 0..times {
            out.clear();
            chain.push(piece.as_bytes(), &mut out).unwrap();
        }
        out.clear();
        chain.push(end.as_bytes(), &mut out).unwrap();
        chain.finish(&mut out).unwrap();
    });
    assert!(tally.kept() > 0 && tally.hidden() > 0);
    info.bytes_max
}

#[test]
fn an_answer_of_a_hundred_megabytes_takes_no_more_memory_than_one_of_two() {
    let list = "json:\n  rows: {at: /items, keep: {warehouse: /warehouse}}\n  mask: [{fields: [/items/*/cost], unless: cost:view}]";
    let lines = "json-lines:\n  keep: {warehouse: /warehouse}\n  mask: [{fields: [/cost], unless: cost:view}]";
    let csv = "csv:\n  keep: {warehouse: Warehouse}\n  mask: [{fields: [Cost], unless: cost:view}]";
    let note = "x".repeat(12 << 10);
    let rows: String = (0..8)
        .map(|at| format!(r#"{{"warehouse":"{}","cost":{at},"note":"{note}"}}"#, if at % 2 == 0 { "HF" } else { "SH" }))
        .collect::<Vec<_>>()
        .join(",");
    let records: String =
        (0..8).map(|at| format!("{},{at},{note}\r\n", if at % 2 == 0 { "HF" } else { "SH" })).collect();
    let page = "html:\n  rows: {in: table, keep: {warehouse: Warehouse}, mask: {fields: [Cost], unless: cost:view}}\n  links: remove";
    let cells: String = (0..8)
        .map(|at| {
            let place = if at % 2 == 0 { "HF" } else { "SH" };
            format!("<tr><td>{place}</td><td title='{at}'>{at}</td><td><a href='/x?{at}'>{note}</a></td></tr>\n")
        })
        .collect();
    let (one, hundred) = ((2 << 20) / rows.len(), (100 << 20) / rows.len());
    for (rule, kind, begin, piece, end) in [
        (list, "application/json", r#"{"items":[{"warehouse":"HF"}"#, format!(",{rows}"), "]}"),
        (lines, "application/x-ndjson", "", format!("{}\n", rows.replace("},{", "}\n{")), ""),
        (csv, "text/csv", "Warehouse,Cost,Note\n", records.clone(), ""),
        (csv, "text/csv; charset=gbk", "Warehouse,Cost,Note\n", records, ""),
        (page, "text/html", "<table><tr><th>Warehouse<th>Cost<th>Note</tr>", cells.clone(), "</table>"),
        (page, "text/html; charset=gbk", "<table><tr><th>Warehouse<th>Cost<th>Note</tr>", cells, "</table>"),
    ] {
        let small = most(rule, kind, begin, &piece, end, one);
        let large = most(rule, kind, begin, &piece, end, hundred);
        assert!(large <= small && small < 512 << 10, "{kind}: {small} and {large} bytes");
    }
}

#[test]
fn a_row_or_a_name_beyond_the_bound_ends_the_answer() {
    let plan = plan("json: {rows: {at: /items, keep: {warehouse: /warehouse}}}\nrow: 1KiB");
    let long = "x".repeat(2000);
    for text in [
        format!(r#"{{"items":[{{"warehouse":"HF","n":"{long}"}}]}}"#),
        format!(r#"{{"{long}":1,"items":[]}}"#),
        format!(r#"{{"items":[[{}]]}}"#, ["1"; 2000].join(",")),
    ] {
        assert_eq!(json(&plan, HF, &text), Err(FilterError::TooLong(1024)));
    }
    // what is no row passes piece by piece
    let text = format!(r#"{{"n":"{long}","items":[]}}"#);
    assert_eq!(json(&plan, HF, &text).unwrap(), text);
}

#[test]
fn an_answer_nested_too_deep_ends() {
    let plan = plan("json: {rows: {at: /items, keep: {warehouse: /warehouse}}}");
    let nested = |depth: usize| format!(r#"{{"items":[],"n":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    assert!(json(&plan, HF, &nested(63)).is_ok());
    assert_eq!(json(&plan, HF, &nested(64)), Err(FilterError::TooDeep(64)));
}

#[test]
fn totals_that_stand_again_and_again_are_not_gathered() {
    let plan = plan("json: {rows: {at: /items, keep: {warehouse: /warehouse}, totals: {/total: count}}}");
    let (mut chain, _) = chain(&plan, HF, "application/json");
    let mut out = Vec::with_capacity(64 << 10);
    let info = allocation_counter::measure(|| {
        chain.push(br#"{"items":[]"#, &mut out).unwrap();
        for _ in 0..20_000 {
            out.clear();
            chain.push(br#","total":1"#, &mut out).unwrap();
        }
        chain.push(b"}", &mut out).unwrap();
    });
    assert!(info.bytes_max < 64 << 10, "{} bytes", info.bytes_max);
}
