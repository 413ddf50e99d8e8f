//! Streams of HTTP/2 that their client gives up at any moment: what the application received is on record, and every decision has one outcome.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustls::pki_types::ServerName;

use crate::world::{KEY, World};

const RULES: &str = "routes:
  - {id: stock.list, match: GET /stock, permission: stock:view, others: forward}
  - {id: stock.strict, match: GET /strict, permission: stock:view, others: forward, audit: strict}
";

/// When a stream is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GivenUp {
    /// With the frame behind its head.
    AtOnce,
    /// After so many turns of the client.
    After(usize),
    /// When the head of its answer has come.
    Answered,
    /// Never.
    Not,
}

const TURNS: [GivenUp; 8] = {
    use GivenUp::{After, Answered, AtOnce, Not};
    [AtOnce, Not, After(1), Answered, After(2), Not, After(4), After(16)]
};

/// Sends as many requests at once as there are turns, and gives them up each at its own; gives those that were answered with 200.
async fn storm(world: &World, round: usize) -> Vec<String> {
    let mut tls = world.config();
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let socket = tokio::net::TcpStream::connect(world.address).await.unwrap();
    let name = ServerName::try_from("wms.test").unwrap();
    let stream = tokio_rustls::TlsConnector::from(Arc::new(tls)).connect(name, socket).await.unwrap();
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    let driver = tokio::spawn(connection);
    let mut ready = sender.ready().await.unwrap();
    let streams: Vec<_> = TURNS
        .iter()
        .enumerate()
        .map(|(at, turn)| {
            let path = if at % 2 == round % 2 { "stock" } else { "strict" };
            let target = format!("/{path}?n={round}-{at}");
            let request = http::Request::get(format!("https://wms.test{target}")).header("x-api-key", KEY);
            let (answer, stream) = ready.send_request(request.body(()).unwrap(), true).unwrap();
            (target, *turn, answer, stream)
        })
        .collect();
    let mut answered = Vec::new();
    for (target, turn, answer, mut stream) in streams {
        match turn {
            GivenUp::AtOnce => stream.send_reset(h2::Reason::CANCEL),
            GivenUp::After(turns) => {
                for _ in 0..turns {
                    tokio::task::yield_now().await;
                }
                stream.send_reset(h2::Reason::CANCEL);
            }
            GivenUp::Answered | GivenUp::Not => {
                let answer = answer.await.unwrap();
                assert_eq!(answer.status(), 200, "{target}");
                answered.push(target);
                let mut body = answer.into_body();
                if turn == GivenUp::Answered {
                    stream.send_reset(h2::Reason::CANCEL);
                } else {
                    while let Some(data) = body.data().await {
                        body.flow_control().release_capacity(data.unwrap().len()).unwrap();
                    }
                }
            }
        }
    }
    drop(ready);
    driver.await.unwrap().unwrap();
    answered
}

#[test]
fn a_stream_that_is_given_up_at_any_moment_leaves_a_decision_and_one_outcome() {
    let world = World::new(RULES);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answered: Vec<String> = (0..40).flat_map(|round| runtime.block_on(storm(&world, round))).collect();
    world.await_metric("scopegate_requests_in_flight", 0);
    let received = world.application.take();
    let records = world.end();

    // by request: the target that was decided, and how often an outcome was written behind it
    let mut decided: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
    for record in &records {
        let request = || record["request"].as_str().unwrap();
        match record["kind"].as_str() {
            Some("decision") => {
                assert_eq!(record["decision"], "permit", "{record}");
                let before = decided.insert(request(), (record["target"].as_str().unwrap(), 0));
                assert!(before.is_none(), "decided twice: {record}");
            }
            Some("outcome") => decided.get_mut(request()).expect("an outcome follows its decision").1 += 1,
            _ => {}
        }
    }
    assert!(decided.values().all(|(_, outcomes)| *outcomes == 1), "{decided:#?}");
    let mut targets: BTreeMap<&str, usize> = BTreeMap::new();
    decided.values().for_each(|(target, _)| *targets.entry(target).or_default() += 1);
    assert!(targets.values().all(|times| *times == 1), "{targets:#?}");
    for received in &received {
        let target = received.line().split(' ').nth(1).unwrap();
        assert!(targets.contains_key(target), "received without a decision: {target}");
    }
    let lines: Vec<&str> = received.iter().map(|received| received.line()).collect();
    for target in &answered {
        let line = format!("GET {target} HTTP/1.1");
        assert_eq!(lines.iter().filter(|received| **received == line).count(), 1, "{target}");
    }
    assert_eq!(
        answered.len(),
        40 * TURNS.iter().filter(|turn| matches!(turn, GivenUp::Answered | GivenUp::Not)).count()
    );
}
