//! What it costs to filter an answer, against copying it: megabytes a second by kind, half of the rows hidden.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::field_reassign_with_default,
    reason = "what stops here fails by stopping"
)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use scopegate::filter::Transform;
use std::hint::black_box;

#[path = "../tests/filter/support.rs"]
#[allow(dead_code, reason = "the tests use the rest of it")]
mod support;

use support::{Keeper, chain, plan};

const PIECE: usize = 16 << 10;
const HF: Keeper = Keeper { keeps: &["HF"], shows: &[&[]] };

/// About a megabyte of rows of 200 bytes.
fn rows(row: impl Fn(&str, usize) -> String, between: &str) -> String {
    (0..5000).map(|at| row(if at % 2 == 0 { "HF" } else { "SH" }, at)).collect::<Vec<_>>().join(between)
}

fn filters(c: &mut Criterion) {
    let note = "x".repeat(120);
    let row = |place: &str, at: usize| {
        format!(r#"{{"no":{at},"warehouse":"{place}","sku":"A-1001","quantity":{at},"cost":12.50,"note":"{note}"}}"#)
    };
    let list = format!(r#"{{"total":5000,"items":[{}]}}"#, rows(row, ","));
    let rule = "json:\n  rows: {at: /items, keep: {warehouse: /warehouse}, totals: {/total: count}}\n  mask: [{fields: [/items/*/cost], unless: cost:view}]";
    let mask = "json:\n  mask: [{fields: [/items/*/cost], unless: cost:view}]";
    let lines = "json-lines:\n  keep: {warehouse: /warehouse}\n  mask: [{fields: [/cost], unless: cost:view}]";
    let csv = "csv:\n  keep: {warehouse: Warehouse}\n  mask: [{fields: [Cost], unless: cost:view}]";
    let records = format!(
        "No,Warehouse,Sku,Quantity,Cost,Note\r\n{}\r\n",
        rows(|place, at| format!("{at},{place},A-1001,{at},12.50,{note}"), "\r\n")
    );
    let page =
        "html:\n  rows: {in: table, keep: {warehouse: Warehouse}}\n  mask: [{fields: [td.cost], unless: cost:view}]";
    let marked = "html:\n  mask: [{fields: [td.cost], unless: cost:view}]";
    let cells = rows(
        |place, at| {
            format!("<tr class=\"row\"><td>{at}</td><td>{place}</td><td class=\"cost\">12.50</td><td>{note}</td></tr>")
        },
        "\n",
    );
    let titles = "<tr><th>No</th><th>Warehouse</th><th>Cost</th><th>Note</th></tr>";
    let table = format!("<!DOCTYPE html><html><body><table id=\"stock\">{titles}{cells}</table></body></html>");
    let mut group = c.benchmark_group("filter");
    for (name, rule, kind, body) in [
        ("json rows", rule, "application/json", &list),
        ("json mask", mask, "application/json", &list),
        ("json lines", lines, "application/x-ndjson", &rows(row, "\n")),
        ("csv", csv, "text/csv", &records),
        ("csv in gbk", csv, "text/csv; charset=gbk", &records),
        ("html rows", page, "text/html", &table),
        ("html rows in gbk", page, "text/html; charset=gbk", &table),
        ("html mask", marked, "text/html", &table),
    ] {
        let plan = plan(rule);
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(name, |b| {
            let mut out = Vec::with_capacity(2 * PIECE);
            b.iter(|| {
                let (mut chain, _) = chain(&plan, HF, kind);
                for piece in body.as_bytes().chunks(PIECE) {
                    out.clear();
                    chain.push(black_box(piece), &mut out).unwrap();
                }
                chain.finish(&mut out).unwrap();
            });
        });
    }
    group.throughput(Throughput::Bytes(list.len() as u64));
    group.bench_function("copying", |b| {
        let mut out = Vec::with_capacity(2 * PIECE);
        b.iter(|| {
            for piece in list.as_bytes().chunks(PIECE) {
                out.clear();
                out.extend_from_slice(black_box(piece));
            }
        });
    });
    group.finish();
}

criterion_group!(benches, filters);
criterion_main!(benches);
