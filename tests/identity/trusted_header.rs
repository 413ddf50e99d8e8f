//! A header that counts only from named networks.

use crate::world::{World, faults};
use scopegate::model::Reason;

const YAML: &str =
    "trusted-header: {name: X-Remote-User, from: [10.1.0.0/16, 192.0.2.80], users: {strip-suffix: '@CORP'}}";

#[tokio::test]
async fn a_header_from_elsewhere_is_nobody() {
    let mut world = World::new(YAML).await;
    let request = "GET / HTTP/1.1\nX-Remote-User: clerk@CORP\nX-Forwarded-For: 10.1.0.1\nForwarded: for=10.1.0.1";
    for (peer, who) in [("192.0.2.7:1", None), ("10.1.2.3:1", Some("clerk")), ("192.0.2.80:1", Some("clerk"))] {
        world.connection.peer = peer.parse().unwrap();
        assert_eq!(world.who(request).await.as_deref(), who, "{peer}");
        assert_eq!(world.identify(request).await.unwrap().strip.as_slice(), ["X-Remote-User"], "everyone's copy");
    }
}

#[tokio::test]
async fn a_header_that_does_not_mean_one_person_is_refused() {
    let mut world = World::new(YAML).await;
    world.connection.peer = "10.1.2.3:1".parse().unwrap();
    for (fields, reason) in [
        ("X-Remote-User: clerk@CORP\nX-Remote-User: engineer@CORP", Reason::RepeatedHeader),
        ("X-Remote-User: clerk@CORP\nX_Remote_User: engineer@CORP", Reason::InvalidCredential),
        ("X-Remote-User: clerk@CORP\nx.remote.user: engineer@CORP", Reason::InvalidCredential),
        ("X-Remote-User: clerk@ELSEWHERE", Reason::InvalidCredential),
        ("X-Remote-User: @CORP", Reason::InvalidCredential),
    ] {
        assert_eq!(world.refusal(&format!("GET / HTTP/1.1\n{fields}")).await, reason, "{fields}");
    }
    assert_eq!(world.who("GET / HTTP/1.1\nX-Remote-User:").await, None, "the proxy says: nobody");
}

#[test]
fn everybody_is_no_network() {
    for from in ["0.0.0.0/0", "'::/0'", "[]", "everywhere"] {
        assert_eq!(faults(&format!("trusted-header: {{name: X-Remote-User, from: {from}}}")).len(), 1, "{from}");
    }
}
