//! Tunnels: only after an agreed upgrade, closed by idleness and on demand.

use crate::support::{read_until, run};
use bytes::Bytes;
use scopegate::model::Reason;
use scopegate::wire::body::{AnswerBody, Completion, Finish};
use scopegate::wire::limit::H1Settings;
use scopegate::wire::server::{Answer, End, Exchange, Rejected, Service, serve_http1};
use scopegate::wire::stop::{Stop, StopSource};
use scopegate::wire::tunnel::Tunnel;
use scopegate::wire::writer::AnswerHead;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

struct Upgrader {
    application: RefCell<Option<DuplexStream>>,
    cancel: Stop,
    end: Rc<Cell<Option<Completion>>>,
}

impl Service for Upgrader {
    async fn call(&self, exchange: Box<Exchange>) -> Answer {
        if exchange.upgrade.is_none() {
            return Answer::new(AnswerHead::new(400), AnswerBody::Empty);
        }
        let application = self.application.take().unwrap();
        let mut head = AnswerHead::new(101);
        head.push("Sec-WebSocket-Accept", "x").unwrap();
        let tunnel = Tunnel::new(
            Box::new(application),
            Bytes::from_static(b"early"),
            Duration::from_secs(60),
            self.cancel.clone(),
        );
        let end = Rc::clone(&self.end);
        let finished = Some(Finish::new(move |completion, _, _| end.set(Some(completion))));
        Answer { head, body: AnswerBody::Tunnel(Box::new(tunnel)), finished }
    }

    async fn reject(&self, rejected: Rejected) -> Answer {
        Answer::new(AnswerHead::new(rejected.error.reason().status()), AnswerBody::Empty)
    }
}

const HANDSHAKE: &str = "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

struct Fixture {
    client: DuplexStream,
    application: DuplexStream,
    serving: tokio::task::JoinHandle<scopegate::wire::server::ConnectionEnd>,
    cancel: StopSource,
    end: Rc<Cell<Option<Completion>>>,
}

fn fixture() -> Fixture {
    let (client, server) = tokio::io::duplex(1024);
    let (application, ours) = tokio::io::duplex(1024);
    let (cancel, end) = (StopSource::new(), Rc::new(Cell::new(None)));
    let service =
        Rc::new(Upgrader { application: RefCell::new(Some(ours)), cancel: cancel.listen(), end: Rc::clone(&end) });
    let serving =
        tokio::task::spawn_local(
            async move { serve_http1(server, &H1Settings::default(), service, Stop::never()).await },
        );
    Fixture { client, application, serving, cancel, end }
}

#[test]
fn an_agreed_upgrade_carries_bytes_both_ways_from_the_first_on() {
    run(async {
        let mut f = fixture();
        f.client.write_all(format!("{HANDSHAKE}first").as_bytes()).await.unwrap();
        let head = read_until(&mut f.client, "early").await;
        assert_eq!(
            head,
            "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly"
        );
        assert_eq!(read_until(&mut f.application, "first").await, "first");
        f.application.write_all(b"pong").await.unwrap();
        assert_eq!(read_until(&mut f.client, "pong").await, "pong");
        drop(f.client);
        assert_eq!(f.application.read(&mut [0]).await.unwrap(), 0);
        drop(f.application);
        assert_eq!(f.serving.await.unwrap().end, End::Tunnelled);
        assert_eq!(f.end.get(), Some(Completion::Complete));
    });
}

#[test]
fn a_tunnel_is_closed_on_demand() {
    run(async {
        let mut f = fixture();
        f.client.write_all(HANDSHAKE.as_bytes()).await.unwrap();
        read_until(&mut f.client, "early").await;
        f.cancel.stop();
        assert_eq!(f.client.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(f.serving.await.unwrap().end, End::Tunnelled);
        assert_eq!(f.end.get(), Some(Completion::Withheld(Reason::Frozen)));
    });
}

#[test]
fn an_idle_tunnel_is_closed() {
    run(async {
        let mut f = fixture();
        f.client.write_all(HANDSHAKE.as_bytes()).await.unwrap();
        read_until(&mut f.client, "early").await;
        let began = tokio::time::Instant::now();
        assert_eq!(f.client.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(began.elapsed().as_secs(), 60);
        f.serving.await.unwrap();
        assert_eq!(f.end.get(), Some(Completion::ClientTimeout));
    });
}

#[test]
fn a_handshake_that_is_not_well_formed_is_no_upgrade() {
    for (from, to) in [
        ("GET /ws", "POST /ws"),
        ("Version: 13", "Version: 8"),
        ("dGhlIHNhbXBsZSBub25jZQ==", "short"),
        ("HTTP/1.1", "HTTP/1.0"),
        ("Upgrade: websocket", "Upgrade: websocket\r\nContent-Length: 3"),
    ] {
        run(async {
            let mut f = fixture();
            f.client.write_all(HANDSHAKE.replace(from, to).as_bytes()).await.unwrap();
            let answered = read_until(&mut f.client, "\r\n\r\n").await;
            assert!(answered.starts_with("HTTP/1.1 403"), "{to} {answered}");
        });
    }
}
