//! What it costs to take values out of a request and to write it again, by place and by size of the body.
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

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use scopegate::request::{
    Base, BodyLimits, CanonicalTarget, ContentTypes, Dialect, JudgedBody, Location, PathSlot, RawLocation, RequestView,
    TargetLimits,
};
use std::hint::black_box;

const TYPES: ContentTypes = ContentTypes {
    form: true,
    multipart: true,
    json: true,
    xml: false,
    soap: false,
    xml_rpc: false,
    json_rpc: false,
    soap_action: None,
    body_on_get: false,
};
const LIMITS: BodyLimits =
    BodyLimits { bytes: 1 << 20, parameters: 100_000, parts: 100_000, depth: 32, nodes: 100_000 };

fn compile(raw: &RawLocation, dialect: &Dialect) -> Location {
    raw.compile(dialect, |_| Some(PathSlot::whole(1))).unwrap()
}

fn heads(c: &mut Criterion) {
    let dialect = Dialect::of(Base::Servlet);
    let limits = TargetLimits::default();
    let target = CanonicalTarget::parse(b"/stock/77?warehouse=HF&page=2", &dialect, &limits).unwrap();
    let fields = [("cookie", &b"JSESSIONID=abcdef; lang=zh"[..]), ("x-warehouse", b"HF"), ("accept", b"*/*")];
    let mut group = c.benchmark_group("extract");
    for (name, raw) in [
        ("path", RawLocation::Path("id".into())),
        ("query", RawLocation::Query("warehouse".into())),
        ("param", RawLocation::Param("warehouse".into())),
        ("header", RawLocation::Header("x-warehouse".into())),
        ("cookie", RawLocation::Cookie("lang".into())),
    ] {
        let location = compile(&raw, &dialect);
        let view = RequestView::new("GET", fields, false, target.clone(), &dialect);
        group.bench_function(name, |b| b.iter(|| view.values(black_box(&location)).is_ok()));
    }
    group.finish();
}

/// A body of about `size` bytes that holds `warehouse`.
fn body(kind: &str, size: usize) -> (&'static str, Bytes, RawLocation) {
    match kind {
        "form" => {
            let rest: String = (0..size / 16).map(|i| format!("&field{i:04}=v{i:04}")).collect();
            let raw = RawLocation::Form("warehouse".into());
            ("application/x-www-form-urlencoded", format!("warehouse=HF{rest}").into(), raw)
        }
        _ => {
            let rest: String = (0..size / 24).map(|i| format!(r#",{{"id":{i:06},"q":"v{i:04}"}}"#)).collect();
            let rest = rest.replace(":0", ":1");
            let text = format!(r#"{{"warehouse":"HF","items":[1{rest}]}}"#);
            ("application/json", text.into(), RawLocation::Json("/warehouse".into()))
        }
    }
}

fn bodies(c: &mut Criterion) {
    let dialect = Dialect { max_params: 100_000, ..Dialect::of(Base::Servlet) };
    let limits = TargetLimits::default();
    for kind in ["form", "json"] {
        let mut group = c.benchmark_group(format!("judge {kind}"));
        for size in [1024, 16 * 1024, 256 * 1024] {
            let (content_type, bytes, raw) = body(kind, size);
            let location = compile(&raw, &dialect);
            group.throughput(Throughput::Bytes(bytes.len() as u64));
            group.bench_function(BenchmarkId::from_parameter(size / 1024), |b| {
                b.iter(|| {
                    let target = CanonicalTarget::parse(b"/stock", &dialect, &limits).unwrap();
                    let fields = [("content-type", content_type.as_bytes())];
                    let mut view = RequestView::new("POST", fields, true, target, &dialect);
                    view.read_body(&TYPES, &LIMITS, &bytes).unwrap();
                    assert!(!view.values(&location).unwrap().is_absent());
                    match view.body() {
                        JudgedBody::Bytes { bytes, .. } => bytes.len(),
                        JudgedBody::None => 0,
                    }
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, heads, bodies);
criterion_main!(benches);
