//! Who may connect: PROXY protocol and limits of connections.

use std::time::Duration;

use crate::bench::{Authority, Bench, Client, ask, client, folder, is_closed, settings, shake, tcp};

const NAME: &str = "first.example.test";
const V1: &[u8] = b"PROXY TCP4 192.0.2.7 192.0.2.1 8080 443\r\n";
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x08\xc0\0\x02\x01\x1f\x90\x01\xbb";

fn behind_balancer(time: Duration, of_client: usize) -> (tempfile::TempDir, Authority, Bench) {
    let (folder, authority) = (folder(), Authority::new("ours"));
    let mut settings = settings(&folder, &authority);
    settings.proxy_protocol = vec!["127.0.0.1/32".parse().unwrap()];
    settings.limits.proxy_header_time = time;
    settings.limits.connections_per_client = of_client;
    let bench = Bench::start(settings);
    (folder, authority, bench)
}

#[test]
fn a_trusted_load_balancer_tells_the_client_in_either_version() {
    let (_folder, authority, bench) = behind_balancer(crate::bench::LONG, 8);
    let config = client(&authority, &["h2"], None);
    for (header, source) in [(V1, "source=192.0.2.7 "), (V2, "source=192.0.2.8 ")] {
        let told = ask(&mut shake(tcp(bench.address, "127.0.0.1", header), &config, NAME)).unwrap();
        assert!(told.contains(source), "{told}");
    }
    let told = ask(&mut shake(tcp(bench.address, "127.0.0.1", b"PROXY UNKNOWN\r\n"), &config, NAME)).unwrap();
    assert!(told.contains("source=127.0.0.1 "), "{told}");
    bench.end();
}

#[test]
fn a_header_from_anybody_else_is_refused() {
    let (_folder, authority, bench) = behind_balancer(crate::bench::LONG, 8);
    let config = client(&authority, &["h2"], None);
    for header in [V1, V2] {
        assert!(ask(&mut shake(tcp(bench.address, "127.0.0.2", header), &config, NAME)).is_err());
    }
    let told = ask(&mut shake(tcp(bench.address, "127.0.0.2", b""), &config, NAME)).unwrap();
    assert!(told.contains("source=127.0.0.2 "), "{told}");
    assert_eq!(bench.end().of(r#"scopegate_connections_refused_total{cause="proxy-protocol"}"#), "2");
}

#[test]
fn a_load_balancer_without_a_header_or_with_garbage_or_too_slow_is_refused() {
    let (_folder, authority, bench) = behind_balancer(Duration::from_millis(200), 8);
    let config = client(&authority, &["h2"], None);
    assert!(ask(&mut shake(tcp(bench.address, "127.0.0.1", b""), &config, NAME)).is_err());
    for garbage in [&b"PROXY TCP4 here there 1 2\r\n"[..], b"GET / HTTP/1.1\r\n\r\n", b"", &V1[..20], &V2[..20]] {
        assert!(is_closed(&mut tcp(bench.address, "127.0.0.1", garbage)), "{garbage:?}");
    }
    bench.end();
}

#[test]
fn the_limit_of_a_client_counts_the_address_that_the_load_balancer_tells() {
    let (_folder, authority, bench) = behind_balancer(crate::bench::LONG, 1);
    let config = client(&authority, &["h2"], None);
    let open = |header: &[u8]| shake(tcp(bench.address, "127.0.0.1", header), &config, NAME);
    let mut first = open(V1);
    ask(&mut first).unwrap();
    assert!(ask(&mut open(V1)).is_err());
    assert!(ask(&mut open(V2)).is_ok());
    bench.end();
}

fn three(bench: &Bench, authority: &Authority, addresses: [&str; 3]) -> [bool; 3] {
    let config = client(authority, &["h2"], None);
    let mut held: Vec<Client> = Vec::new();
    addresses.map(|from| {
        let mut client = shake(tcp(bench.address, from, b""), &config, NAME);
        let served = ask(&mut client).is_ok();
        held.push(client);
        served
    })
}

#[test]
fn a_client_beyond_its_share_is_refused_and_others_are_not() {
    let (folder, authority) = (folder(), Authority::new("ours"));
    let mut settings = settings(&folder, &authority);
    settings.limits.connections_per_client = 1;
    let bench = Bench::start(settings);
    assert_eq!(three(&bench, &authority, ["127.0.0.1", "127.0.0.1", "127.0.0.2"]), [true, false, true]);
    assert_eq!(bench.end().of(r#"scopegate_connections_refused_total{cause="client-limit"}"#), "1");
}

#[test]
fn connections_beyond_the_limit_of_all_are_refused() {
    let (folder, authority) = (folder(), Authority::new("ours"));
    let mut settings = settings(&folder, &authority);
    settings.limits.connections = 2;
    let bench = Bench::start(settings);
    assert_eq!(three(&bench, &authority, ["127.0.0.1", "127.0.0.2", "127.0.0.3"]), [true, true, false]);
    assert_eq!(bench.end().of(r#"scopegate_connections_refused_total{cause="limit"}"#), "1");
}
