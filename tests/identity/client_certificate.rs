//! Client certificates as subjects and as mere transport.

use crate::world::{World, faults};
use scopegate::model::Reason;

#[tokio::test]
async fn a_certificate_is_the_person_whom_the_pattern_names() {
    let mut world = World::new("client-certificate: {pattern: '([a-z.]+)@corp[.]example'}").await;
    assert_eq!(world.who("GET / HTTP/1.1").await, None);
    world.show_certificate("CN=clerk@corp.example", "clerk@corp.example");
    assert_eq!(world.who("GET / HTTP/1.1").await.as_deref(), Some("clerk"));
    world.show_certificate("CN=clerk@corp.example.evil", "clerk@corp.example.evil");
    assert_eq!(world.refusal("GET / HTTP/1.1").await, Reason::InvalidCredential);
}

#[tokio::test]
async fn a_certificate_of_an_edge_proxy_is_no_subject() {
    let mut world = World::new("client-certificate: {transport: true}").await;
    world.show_certificate("CN=edge", "edge");
    assert_eq!(world.who("GET / HTTP/1.1").await, None);
    assert_eq!(faults("client-certificate: {transport: true, pattern: x}").len(), 1);
}
