//! What a request costs whose object is looked up, beside one whose warehouse stands in it: whole requests over one connection with TLS, before
//! an application in this process.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::field_reassign_with_default,
    dead_code,
    reason = "what stops here fails by stopping"
)]

#[path = "../tests/stories/support/browser.rs"]
mod browser;
#[path = "../tests/lookup/world.rs"]
mod world;

use criterion::{Criterion, criterion_group, criterion_main};
use std::io::{Read, Write};
use std::path::Path;
use world::{Received, World, answer, json};

const RULES: &str = r#"
lookups:
  kept: {key: int, request: {get: "/api/order/{key}"}, value: {json: /warehouse}, keep: 1h}
  asked: {key: int, request: {get: "/api/order/{key}"}, value: {json: /warehouse}}
  shown: {key: int, response: {}, value: {json: /warehouse}}
  queried: {key: int, sql: {url: {file: db.url}, query: "select 'HF' where {key} = 5"}}
routes:
  - {id: plain, match: "GET /plain/{id:int}", permission: order:view, scope: {warehouse: {query: w}, channel: ignored}}
  - {id: hit, match: "GET /hit/{id:int}", permission: order:view, scope: {warehouse: {lookup: kept, key: {path: id}}, channel: ignored}}
  - {id: miss, match: "GET /miss/{id:int}", permission: order:view, scope: {warehouse: {lookup: asked, key: {path: id}}, channel: ignored}}
  - {id: held, match: "GET /held/{id:int}", permission: order:view, scope: {warehouse: {lookup: shown, key: {path: id}}, channel: ignored}}
  - {id: sql, match: "GET /sql/{id:int}", permission: order:view, scope: {warehouse: {lookup: queried, key: {path: id}}, channel: ignored}}
"#;

fn card(_: &Received) -> Option<String> {
    let rest = "x".repeat(1000);
    json(&format!(r#"{{"id":5,"warehouse":"HF","rest":"{rest}"}}"#)).or_else(|| answer("200 OK", "text/plain", ""))
}

fn database(folder: &Path) {
    let file = folder.join("empty.db");
    std::fs::write(&file, b"").unwrap();
    std::fs::write(folder.join("db.url"), format!("sqlite:{}", file.display())).unwrap();
}

/// One answer with a length, read off a connection that goes on.
fn one_answer(stream: &mut impl Read) -> Vec<u8> {
    let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut piece).unwrap();
        assert!(count > 0, "the connection ended");
        answer.extend_from_slice(&piece[..count]);
        let text = String::from_utf8_lossy(&answer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0_usize) {
            return answer;
        }
    }
}

fn requests(c: &mut Criterion) {
    let world = World::with(RULES, card, database);
    let keeper = world.person("keeper.hf");
    let key = &keeper.own_fields()[0].1;
    let mut stream = keeper.connect();
    let mut group = c.benchmark_group("lookup");
    for (name, target) in
        [("none", "/plain/5?w=HF"), ("hit", "/hit/5"), ("miss", "/miss/5"), ("held", "/held/5"), ("sqlite", "/sql/5")]
    {
        let head = format!("GET {target} HTTP/1.1\r\nHost: wms.test\r\nX-Api-Key: {key}\r\n\r\n");
        group.bench_function(name, |b| {
            b.iter(|| {
                stream.write_all(head.as_bytes()).unwrap();
                stream.flush().unwrap();
                assert!(one_answer(&mut stream).starts_with(b"HTTP/1.1 200 "));
                world.application.take()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, requests);
criterion_main!(benches);
