//! Applications that die or talk nonsense, and crowds of idle connections: everybody else is served all the while.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;

use crate::client::{Client, Connection};
use crate::gateway::PROGRAM;
use crate::site::{Set, Site};
use crate::until;

/// How many idle connections are made: few by default, up to 10,000 to see what one process can hold.
const CROWD: &str = "SCOPEGATE_CHAOS_CROWD";

/// How many clients of each kind stall.
const STALLED: &str = "SCOPEGATE_CHAOS_STALLED";

/// How many WebSockets are open at once: few by default, up to 5,000 where a process may have 20,000 descriptors.
const SOCKETS: &str = "SCOPEGATE_CHAOS_SOCKETS";

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
    raise_descriptors();
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
    println!("{crowd} idle connections: {each} bytes each");
    assert!(each < 128 << 10, "{each} bytes of memory for each idle connection");
    drop(idle);
    until("all of them are closed", || (gateway.metric(open) < 2.0).then_some(()));
    gateway.stop();
    site.verify();
}

#[test]
fn a_crowd_of_websockets_leaves_the_gateway_usable_and_ends_with_the_right_to_them() {
    raise_descriptors();
    let crowd = std::env::var(SOCKETS).map_or(100, |text| text.parse::<usize>().unwrap());
    let site = Site::new("limits: {connections-per-client: 12000, websocket-idle-time: 10m}");
    let socket = "  - {id: socket, match: GET /socket, permission: 'stream:view', scope: {warehouse: ignored}, upgrade: websocket}\n";
    [Set::A, Set::B].into_iter().for_each(|set| site.write_rules(set, socket));
    let gateway = site.start();
    let mut keeper = site.keeper();
    let mut open: Vec<Connection> = Vec::new();
    let mut grow = |keeper: &mut Client, to: usize| {
        for _ in open.len()..to {
            let mut connection = keeper.connect().unwrap();
            assert_eq!(keeper.upgrade(&mut connection, "/socket").unwrap().status, 101);
            // one masked text frame of two letters
            connection.say(&[0x81, 0x82, 1, 2, 3, 4, b'h' ^ 1, b'i' ^ 2]).unwrap();
            open.push(connection);
        }
        gateway.memory()
    };
    // What the first ones cost is the warming up of buffers and threads.
    let before = grow(&mut keeper, crowd / 2);
    let after = grow(&mut keeper, crowd);
    assert_eq!(gateway.metric("scopegate_tunnels_open"), crowd as f64);
    let each = after.saturating_sub(before) / (crowd - crowd / 2) as u64;
    println!("{crowd} WebSockets: {each} bytes each");
    for count in 0..20 {
        assert_eq!(keeper.get(&format!("/list?n={count}.")).unwrap().status, 200);
    }
    // The other set takes the right to them from the keeper, who may go on with lists.
    site.choose(Set::B);
    open.iter_mut().for_each(Connection::wait_for_the_end);
    until("no tunnel is open", || (gateway.metric("scopegate_tunnels_open") < 1.0).then_some(()));
    assert_eq!(keeper.get("/list?n=after.").unwrap().status, 200);
    gateway.stop();
    site.verify();
    let decisions = site.decisions();
    let closed = decisions.iter().filter(|entry| entry.text("completion").as_deref() == Some("closed"));
    assert_eq!(closed.count(), crowd, "each is on record as closed by the gateway");
}

/// Clients of one kind that stalled: what they hold open.
type Held = Vec<Box<dyn std::any::Any>>;

/// Opens a connection that stalls, and gives what holds it open.
type Stall = fn(&Site) -> Box<dyn std::any::Any>;

/// How clients stall. Each opens one connection and says no more.
const KINDS: [(&str, Stall); 8] = [
    ("in the handshake", |site| {
        let mut stream = TcpStream::connect(site.address).unwrap();
        stream.write_all(b"\x16\x03\x01\x02\x00\x01").unwrap();
        Box::new(stream)
    }),
    ("before a first byte", |site| Box::new(site.client().connect().unwrap())),
    ("in a head", |site| said(site, &[], b"GET /large HTTP/1.1\r\nHost: wms.test\r\n")),
    ("in a body", |site| {
        said(
            site,
            &[],
            b"POST /upload HTTP/1.1\r\nHost: wms.test\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nhalf",
        )
    }),
    ("in reading an answer", |site| said(site, &[], b"GET /large HTTP/1.1\r\nHost: wms.test\r\n\r\n")),
    ("before the settings of HTTP/2", |site| said(site, &["h2"], PREFACE)),
    ("with a window of nothing", |site| {
        let settings = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0];
        // `:method: GET`, `:scheme: https`, then `:authority` and `:path` as literals (RFC 7541 section 6.2.2)
        let fields = [&[0x82, 0x87, 0x01, 8][..], b"wms.test", &[0x04, 6], b"/large"].concat();
        let head = [0, 0, u8::try_from(fields.len()).unwrap(), 1, 5, 0, 0, 0, 1];
        said(site, &["h2"], &[PREFACE, &settings, &head, &fields].concat())
    }),
    ("with an idle WebSocket", |site| {
        let request = b"GET /socket HTTP/1.1\r\nHost: wms.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
            Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        said(site, &[], request)
    }),
];

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection on which this was said and nothing is read.
fn said(site: &Site, protocols: &[&str], bytes: &[u8]) -> Box<dyn std::any::Any> {
    let mut connection = site.client().connect_as(protocols).unwrap();
    connection.say(bytes).unwrap();
    Box::new(connection)
}

#[test]
fn stalled_clients_of_every_kind_leave_the_gateway_usable() {
    raise_descriptors();
    let each = std::env::var(STALLED).map_or(200, |text| text.parse::<usize>().unwrap());
    let long = "10m";
    let site = Site::new(&format!(
        "limits: {{connections-per-client: 12000, handshake-time: {long}, first-byte-time: {long}, head-time: {long}, \
         body-time: {long}, answer-time: {long}, idle-time: {long}, rate: 0B, websocket-idle-time: {long}}}"
    ));
    site.write_rules(
        Set::A,
        "  - {id: large, match: GET /large, public: true}\n  - {id: socket, match: GET /socket, public: true, upgrade: websocket}\n\
         \x20 - {id: upload, match: POST /upload, public: true, body: {stream: ['*/*'], cap: 1MiB}}\n",
    );
    let gateway = site.start();
    let mut keeper = site.keeper();
    let mut held: Held = Vec::new();
    let mut before = gateway.memory();
    for (kind, stall) in KINDS {
        held.extend((0..each).map(|_| stall(&site)));
        for count in 0..5 {
            assert_eq!(keeper.get(&format!("/list?n={count}.")).unwrap().status, 200, "{kind}");
            assert_eq!(keeper.post("/change", &format!("n={count}.")).unwrap().status, 200, "{kind}");
        }
        let after = gateway.memory();
        println!("{each} clients stalled {kind}: {} bytes each", after.saturating_sub(before) / each as u64);
        before = after;
    }
    let open = |protocol: &str| gateway.metric(&format!("scopegate_connections_open{{protocol=\"{protocol}\"}}"));
    assert!(open("http1") >= 5.0 * each as f64 && open("http2") >= 2.0 * each as f64);
    until("every WebSocket is open", || (gateway.metric("scopegate_tunnels_open") >= each as f64).then_some(()));
    drop(held);
    until("all of them are closed", || (open("http1") < 2.0 && open("http2") < 1.0).then_some(()));
    gateway.stop_at_once();
    site.verify();
    site.everything_received_is_on_record();
}

/// What one process may open, as far as the machine lets it; a gateway that is started inherits it.
fn raise_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
}
