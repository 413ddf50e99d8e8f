//! Applications that misbehave on real sockets, and what the forwarder makes of them; never part of the product.

mod application;
mod balance;
mod handshake;
mod misbehaviour;
mod pooling;
mod retry;
mod upgrade;

use super::forward::{HeadSource, Shipment};
use super::{Defaults, Forwarder, UpstreamAnswer, UpstreamError, Upstreams};
use crate::endpoint::{Address, UpstreamSpec};
use crate::model::Effect;
use crate::policy::BodyPlan;
use crate::telemetry::Metrics;
use crate::wire::body::RequestBody;
use application::Application;
use http_body_util::BodyExt as _;
use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

struct Plain(String);

impl HeadSource for Plain {
    fn bytes_for(&self, _: &Address) -> Cow<'_, [u8]> {
        Cow::Borrowed(self.0.as_bytes())
    }
}

/// A gateway's upstream side on one core.
struct Bench {
    shared: Arc<Upstreams>,
    metrics: Arc<Metrics>,
    forwarder: Forwarder,
}

impl Bench {
    fn new() -> Self {
        let metrics = Metrics::new(10);
        let shared = Upstreams::new(Arc::clone(&metrics), Defaults::default(), tokio::runtime::Handle::current());
        let forwarder = Forwarder::new(Arc::clone(&shared), metrics.core());
        Self { shared, metrics, forwarder }
    }

    fn install(&self, spec: &Arc<UpstreamSpec>) {
        self.shared.install(self.shared.prepare([spec]).map_err(|faults| format!("{faults:?}")).unwrap());
    }

    async fn send(&self, spec: &Arc<UpstreamSpec>, request: Request) -> Result<UpstreamAnswer, UpstreamError> {
        let head = Plain(request.head);
        let shipment = Shipment {
            upstream: spec,
            head: &head,
            body: &request.plan,
            effect: request.effect,
            upgrade: request.upgrade,
        };
        self.forwarder.exchange(&shipment, request.body, tokio::time::Instant::now()).await
    }

    /// Status and body of the answer, or the reason and what the body's error was.
    async fn ask(&self, spec: &Arc<UpstreamSpec>, request: Request) -> Result<(u16, String), String> {
        let answer = self.send(spec, request).await.map_err(|error| error.reason().code().to_owned())?;
        let body = answer.body.collect().await.map_err(|error| format!("cut: {error}"))?.to_bytes();
        Ok((answer.head.status, String::from_utf8(body.to_vec()).unwrap()))
    }

    fn metric(&self, line: &str) -> bool {
        let text = String::from_utf8(self.metrics.render()).unwrap();
        text.lines().any(|other| other == line)
    }
}

struct Request {
    head: String,
    plan: BodyPlan,
    body: RequestBody,
    effect: Effect,
    upgrade: bool,
}

/// A request that only reads.
fn read(path: &str) -> Request {
    Request {
        head: format!("GET {path} HTTP/1.1\r\nHost: wms.example.test\r\n\r\n"),
        plan: BodyPlan::None,
        body: RequestBody::Empty,
        effect: Effect::None,
        upgrade: false,
    }
}

/// A request that changes something, with a body that was judged.
fn change(path: &str) -> Request {
    Request {
        head: format!("POST {path} HTTP/1.1\r\nHost: wms.example.test\r\nContent-Length: 3\r\n\r\n"),
        plan: BodyPlan::Judged("a=1".into()),
        effect: Effect::Change,
        ..read(path)
    }
}

/// An upstream block over these applications; `more` is further YAML of it.
fn spec(applications: &[&Application], more: &str) -> Arc<UpstreamSpec> {
    let urls: Vec<String> = applications.iter().map(|one| format!("'http://{}'", one.address)).collect();
    compiled(&format!("{{urls: [{}], {more}}}", urls.join(", ")))
}

fn compiled(yaml: &str) -> Arc<UpstreamSpec> {
    Arc::new(UpstreamSpec::compile(serde_yaml::from_str(yaml).unwrap(), "wms", Path::new("/")).unwrap())
}

/// Lets everything happen that needs no time; the clock of the tests stands otherwise.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
