//! Applications that die or talk nonsense, and crowds of idle connections: everybody else is served all the while.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;

use crate::client::Connection;
use crate::gateway::PROGRAM;
use crate::site::{Set, Site};
use crate::until;

/// How many idle connections are made: few by default, up to 10,000 to see what one process can hold.
const CROWD: &str = "SCOPEGATE_CHAOS_CROWD";

/// An application that answers every connection with `bytes` and hangs up.
fn misbehaving(bytes: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let mut space = [0; 4096];
            // What is asked does not matter to it.
            let _ = stream.read(&mut space);
            let _ = stream.write_all(bytes);
        }
    });
    address
}

fn rules_of(app: &str, address: SocketAddr) -> String {
    format!(
        "app: {app}\nhosts: [{app}.strange.test]\nupstream: {{url: 'http://{address}'}}\nroutes:\n  - {{id: {app}, match: GET /, public: true}}\n"
    )
}

#[test]
fn an_application_that_dies_or_talks_nonsense_harms_nobody_else() {
    let site = Site::new("");
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let apps = [
        ("dead", dead, "upstream-unreachable"),
        ("mute", misbehaving(b""), "upstream-protocol"),
        ("babble", misbehaving(b"\x16\x03\x01 what?\r\n\r\n"), "upstream-protocol"),
        (
            "twice",
            misbehaving(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"),
            "upstream-protocol",
        ),
        ("switch", misbehaving(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), "upstream-protocol"),
        ("cut", misbehaving(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), ""),
    ];
    for (name, address, _) in &apps {
        std::fs::write(site.path(&format!("rules-{}/{name}.yaml", Set::A.name())), rules_of(name, *address)).unwrap();
    }
    let gateway = site.start();
    let mut keeper = site.keeper();
    let mut mine = keeper.connect().unwrap();
    for _ in 0..3 {
        for (name, _, reason) in &apps {
            let mut client = site.client().of_host(&format!("{name}.strange.test"));
            match client.get("/") {
                Ok(answer) => {
                    assert!((500..600).contains(&answer.status) && !reason.is_empty(), "{name}: {answer:?}");
                    assert_eq!(answer.reason(), Some(*reason), "{name}: {answer:?}");
                }
                Err(error) => assert!(reason.is_empty(), "{name}: {error}"),
            }
            assert_eq!(keeper.get_on(&mut mine, "/list?n=1").unwrap().status, 200);
        }
    }
    gateway.stop();
    site.verify();
    let decisions = site.decisions();
    for (name, _, _) in &apps {
        let mut mine = decisions.iter().filter(|entry| entry.text("app").as_deref() == Some(name)).peekable();
        assert!(mine.peek().is_some());
        for entry in mine {
            assert_ne!(entry.text("completion").as_deref(), None, "{:?}", entry.fields);
        }
    }
}

#[test]
fn a_gateway_out_of_descriptors_serves_on_and_again() {
    let site = Site::new("");
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 120 && exec \"$0\" run --config \"$1\"", PROGRAM]).arg(site.path("gateway.yaml"));
    let gateway = site.start_as(command);
    let mut keeper = site.keeper();
    let mut mine = keeper.connect().unwrap();
    assert_eq!(keeper.get_on(&mut mine, "/list?n=before.").unwrap().status, 200);
    // They stand in the queue once the gateway can take no more.
    let crowd: Vec<TcpStream> = (0..200).map(|_| TcpStream::connect(site.address).unwrap()).collect();
    until("the gateway is out of descriptors", || gateway.logged("cannot accept").then_some(()));
    for count in 0..10 {
        let answer = keeper.get_on(&mut mine, &format!("/list?n=during{count}.")).unwrap();
        assert_eq!(answer.status, 200, "an open connection is served: {answer:?}");
    }
    drop(crowd);
    for count in 0..10 {
        assert_eq!(keeper.get(&format!("/list?n=after{count}.")).unwrap().status, 200);
        assert_eq!(keeper.post("/change", &format!("n=after{count}.")).unwrap().status, 200);
    }
    gateway.stop();
    site.verify();
    site.everything_received_is_on_record();
}

#[test]
fn a_crowd_of_idle_connections_leaves_the_gateway_usable() {
    let crowd = std::env::var(CROWD).map_or(200, |text| text.parse::<usize>().unwrap());
    let site = Site::new("limits: {connections-per-client: 12000, idle-time: 10m, first-byte-time: 10m}");
    let gateway = site.start();
    let mut keeper = site.keeper();
    let client = site.client();
    let open = "scopegate_connections_open{protocol=\"http1\"}";
    let mut idle: Vec<Connection> = Vec::new();
    let mut grow = |to: usize| {
        idle.extend((idle.len()..to).map(|_| client.connect().unwrap()));
        until("all of them are open", || (gateway.metric(open) >= to as f64).then_some(()));
        gateway.memory()
    };
    // What the first ones cost is the warming up of buffers and threads.
    let before = grow(crowd / 2);
    let after = grow(crowd);
    for count in 0..20 {
        assert_eq!(keeper.get(&format!("/list?n={count}.")).unwrap().status, 200);
    }
    let each = after.saturating_sub(before) / (crowd - crowd / 2) as u64;
    assert!(each < 128 << 10, "{each} bytes of memory for each idle connection");
    drop(idle);
    until("all of them are closed", || (gateway.metric(open) < 2.0).then_some(()));
    gateway.stop();
    site.verify();
}
