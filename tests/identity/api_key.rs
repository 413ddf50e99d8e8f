//! API keys by header and query.

use crate::world::{TestPeople, World, faults};
use aws_lc_rs::digest::{SHA256, digest};
use scopegate::model::{Reason, SubjectId};

#[tokio::test]
async fn a_key_is_known_by_its_hash_alone() {
    let mut world = World::new("api-key: {header: X-Api-Key, query: key}").await;
    let key = "c2NvcGVnYXRlLXRlc3Qta2V5LTAwMQ";
    let hash: [u8; 32] = digest(&SHA256, key.as_bytes()).as_ref().try_into().unwrap();
    world.people = TestPeople { keys: [(hash, SubjectId::new("robot"))].into(), ..TestPeople::known(&["robot"]) };
    assert_eq!(world.who(&format!("GET / HTTP/1.1\nX-Api-Key: {key}")).await.as_deref(), Some("robot"));
    assert_eq!(world.who(&format!("GET /?key={key} HTTP/1.1")).await.as_deref(), Some("robot"));
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(world.refusal(&format!("GET / HTTP/1.1\nX-Api-Key: {hex}")).await, Reason::InvalidCredential);
    assert_eq!(world.refusal(&format!("GET /?key={key}x HTTP/1.1")).await, Reason::InvalidCredential);
    assert_eq!(world.refusal(&format!("GET /?key={key}&key={key} HTTP/1.1")).await, Reason::AmbiguousParameter);
}

#[test]
fn a_key_must_have_a_place_of_its_own() {
    assert_eq!(faults("api-key: {}").len(), 1);
    for name in ["Cookie", "authorization", "Host", "a b", "__Host-scopegate-x"] {
        assert_eq!(faults(&format!("api-key: {{header: '{name}'}}")).len(), 1, "{name}");
    }
}
