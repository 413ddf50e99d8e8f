//! A request that awaits its answer is no permit: the way that releases answers does not take it.
use scopegate::audit::Recorded;
use scopegate::policy::Awaiting;
use scopegate::upstream::Forwarder;
use scopegate::wire::body::RequestBody;
use tokio::time::Instant;

async fn send(forwarder: &Forwarder, awaiting: Recorded<Awaiting<'_>>, body: RequestBody, begun: Instant) {
    let _ = forwarder.forward(awaiting, body, begun).await;
}

fn main() {}
