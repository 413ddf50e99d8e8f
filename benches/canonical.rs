//! What it costs to read a target, by the kind of target.
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

use criterion::{Criterion, criterion_group, criterion_main};
use scopegate::request::{Base, CanonicalTarget, Dialect, TargetLimits};
use std::hint::black_box;

fn canonical(c: &mut Criterion) {
    let limits = TargetLimits::default();
    let mut group = c.benchmark_group("canonical");
    for (name, base, raw) in [
        ("path", Base::Strict, "/order/12345"),
        ("query", Base::Servlet, "/stock?warehouse=HF&page=2"),
        ("php query", Base::Php, "/order/card.php?action=view&id=12345&ids[]=1&ids[]=2"),
        (
            "long query",
            Base::Strict,
            "/report?from=2026-01-01&to=2026-12-31&warehouse=HF&channel=web&type=b2c&sort=date&dir=asc&page=2&size=50&q=a",
        ),
        ("escapes", Base::Strict, "/%e4%bb%93%e5%ba%93/list?name=%E5%90%88%E8%82%A5+1%2F2"),
        ("refused", Base::Strict, "/static/..%2f..%2fadmin"),
    ] {
        let dialect = Dialect::of(base);
        group.bench_function(name, |b| {
            b.iter(|| CanonicalTarget::parse(black_box(raw.as_bytes()), &dialect, &limits).is_ok());
        });
    }
    let dialect = Dialect::of(Base::Servlet);
    let target = CanonicalTarget::parse(b"/stock?warehouse=HF&page=2", &dialect, &limits).unwrap();
    let mut out = Vec::with_capacity(256);
    group.bench_function("write", |b| {
        b.iter(|| {
            out.clear();
            target.write(&mut out, &dialect);
            out.len()
        });
    });
    group.finish();
}

criterion_group!(benches, canonical);
criterion_main!(benches);
