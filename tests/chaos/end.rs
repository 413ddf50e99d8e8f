//! How the gateway ends: it drains on SIGTERM, ends at once on a second signal, and serves on sockets that a service manager holds.

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::client::{Client, Connection};
use crate::gateway::PROGRAM;
use crate::site::Site;
use crate::until;

/// A request that the application holds.
fn held(site: &Site, client: &Client) -> Connection {
    let mut connection = client.connect().unwrap();
    client.send(&mut connection, "GET", "/list?hold=1", None).unwrap();
    until("the application has the request", || site.application.has("hold=1").then_some(()));
    connection
}

fn refused(site: &Site) -> Option<()> {
    TcpStream::connect(site.address).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused).then_some(())
}

#[test]
fn a_request_in_flight_is_finished_before_the_gateway_ends() {
    let site = Site::new("");
    let mut gateway = site.start();
    let mut keeper = site.keeper();
    let mut idle = keeper.connect().unwrap();
    assert_eq!(keeper.get_on(&mut idle, "/list?n=1").unwrap().status, 200);
    let mut connection = held(&site, &keeper);
    gateway.signal(Signal::TERM);
    until("no new connections are taken", || refused(&site));
    assert_eq!(gateway.ask("/readyz").map(|(status, _)| status), Some(503));
    // A connection without a request is closed at once, and in order.
    assert_eq!(keeper.receive_head(&mut idle).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    site.application.release();
    let answer = keeper.receive(&mut connection).unwrap();
    assert_eq!((answer.status, answer.field("connection")), (200, Some("close")), "{answer:?}");
    assert!(gateway.ended().success());
    let decisions = site.decisions();
    assert!(decisions.iter().all(|entry| entry.text("completion").as_deref() == Some("complete")));
    assert!(site.verify().to_string().contains("\"closed\""));
    assert!(site.administered("stop"));
}

#[test]
fn a_second_signal_ends_the_gateway_at_once() {
    let site = Site::new("drain: 10m");
    let mut gateway = site.start();
    let mut keeper = site.keeper();
    let mut connection = held(&site, &keeper);
    gateway.signal(Signal::TERM);
    until("it drains", || refused(&site));
    gateway.signal(Signal::INT);
    assert!(gateway.ended().success());
    keeper.receive(&mut connection).unwrap_err();
    site.verify();
    site.everything_received_is_on_record();
    let closed = site.decisions();
    let closed =
        closed.iter().find(|entry| entry.text("target").is_some_and(|target| target.contains("hold"))).unwrap();
    assert!(closed.text("completion").is_some(), "what was cut off has its outcome: {:?}", closed.fields);
}

/// `scopegate run` as a service manager starts it: the sockets are descriptors 3 and 4.
fn activated(site: &Site, https: &TcpListener, admin: &TcpListener) -> Command {
    let script = "exec 3<&0 4<&1 </dev/null >/dev/null; \
                  LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=https:admin exec \"$0\" run --config \"$1\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, PROGRAM]).arg(site.path("gateway.yaml"));
    command.stdin(Stdio::from(OwnedFd::from(https.try_clone().unwrap())));
    command.stdout(Stdio::from(OwnedFd::from(admin.try_clone().unwrap())));
    command
}

#[test]
fn a_connection_made_while_no_gateway_runs_is_served_by_the_next_one_when_a_service_manager_holds_the_socket() {
    let site = Site::new("");
    let (https, admin) = (TcpListener::bind(site.address).unwrap(), TcpListener::bind(site.admin).unwrap());
    let gateway = site.start_as(activated(&site, &https, &admin));
    let mut keeper = site.keeper();
    assert_eq!(gateway.ask("/readyz").map(|(status, _)| status), Some(200));
    gateway.stop();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(move || keeper.get("/list?n=early").unwrap());
        let gateway = site.start_as(activated(&site, &https, &admin));
        assert_eq!(waiting.join().unwrap().status, 200);
        gateway.stop();
    });
    site.verify();
}
