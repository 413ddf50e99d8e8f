//! The client side against a scripted application: what reaches it, what is refused of its answers, when a connection is used again.

use crate::support::{read_until, run};
use bytes::Bytes;
use http_body_util::BodyExt;
use scopegate::model::Reason;
use scopegate::wire::body::RequestBody;
use scopegate::wire::client::{
    ClientConnection, ClientError, ClientErrorKind, ClientSettings, Home, Outgoing, Payload, Sent, UpstreamAnswer,
};
use scopegate::wire::error::WireError;
use scopegate::wire::framing::Framing;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::oneshot;
use tokio::time::Instant;

const GET: &[u8] = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n";

struct Fixture {
    connection: ClientConnection<DuplexStream>,
    application: DuplexStream,
    back: Rc<RefCell<Vec<ClientConnection<DuplexStream>>>>,
}

fn fixture() -> Fixture {
    let (ours, application) = tokio::io::duplex(1 << 16);
    let back: Rc<RefCell<Vec<_>>> = Rc::default();
    let home: Home<DuplexStream> = Rc::new({
        let back = Rc::clone(&back);
        move |connection, _| back.borrow_mut().push(connection)
    });
    Fixture { connection: ClientConnection::new(ours, ClientSettings::default(), Some(home)), application, back }
}

/// The status and body of an answer.
type Whole = (u16, Result<Bytes, WireError>);

async fn whole(answer: UpstreamAnswer<DuplexStream>) -> Whole {
    let Payload::Body(body) = answer.payload else { panic!("a tunnel") };
    (answer.head.status, body.collect().await.map(http_body_util::Collected::to_bytes))
}

/// What comes of an answer that the application sends at once before it closes, and whether the connection is used again.
fn answered_with(request: &'static [u8], answer: impl AsRef<[u8]>) -> (Result<Whole, ClientError>, bool) {
    answered(request, answer.as_ref(), true)
}

fn answered(request: &'static [u8], answer: &[u8], close: bool) -> (Result<Whole, ClientError>, bool) {
    run(async {
        let Fixture { connection, mut application, back } = fixture();
        application.write_all(answer).await.unwrap();
        if close {
            application.shutdown().await.unwrap();
        }
        let result = match connection.send(request, Outgoing::Empty, Instant::now()).await {
            Ok(answer) => Ok(whole(answer).await),
            Err(error) => Err(error),
        };
        let reused = !back.borrow().is_empty();
        (result, reused)
    })
}

fn kind_of(answer: impl AsRef<[u8]>) -> ClientErrorKind {
    let (result, reused) = answered_with(GET, answer);
    assert!(!reused);
    let error = result.unwrap_err();
    assert_eq!((error.sent, error.reason()), (Sent::Some, Reason::UpstreamProtocol));
    error.kind
}

#[test]
fn exactly_the_given_head_and_body_are_written() {
    run(async {
        let Fixture { connection, mut application, .. } = fixture();
        let head = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n";
        let sending = tokio::task::spawn_local(connection.send(
            head,
            Outgoing::Bytes(Bytes::from_static(b"hello")),
            Instant::now(),
        ));
        let got = read_until(&mut application, "hello").await;
        assert_eq!(got, format!("{}hello", String::from_utf8_lossy(head)));
        application.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        assert_eq!(sending.await.unwrap().unwrap().head.status, 200);
    });
}

#[test]
fn clean_exchanges_send_the_connection_home() {
    for (request, answer, body) in [
        (GET, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", "abc"),
        (GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\nX: y\r\n\r\n", "abc"),
        (GET, "HTTP/1.1 204 No Content\r\n\r\n", ""),
        (GET, "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", ""),
        (b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", ""),
        (GET, "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na", "a"),
        (
            GET,
            "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200\r\nContent-Length: 1\r\n\r\na",
            "a",
        ),
    ] {
        let (result, reused) = answered(request, answer.as_bytes(), false);
        assert_eq!(result.unwrap().1.unwrap(), body, "{answer}");
        assert!(reused, "{answer}");
    }
}

#[test]
fn a_connection_that_is_not_clean_is_never_used_again() {
    for (request, answer, body) in [
        (GET, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", "abc"),
        (GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\nX", "a"),
        (GET, "HTTP/1.1 204 No Content\r\n\r\nX", ""),
        (GET, "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n", ""),
        (b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", ""),
        (GET, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na", "a"),
        (GET, "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", "a"),
        (GET, "HTTP/1.1 200 OK\r\n\r\nup to the end", "up to the end"),
    ] {
        let (result, reused) = answered_with(request, answer);
        assert_eq!(result.unwrap().1.unwrap(), body, "{answer}");
        assert!(!reused, "{answer}");
    }
}

#[test]
fn answers_that_are_not_plain_are_refused() {
    for answer in [
        "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "<html>garbage</html>\r\n\r\n",
    ] {
        assert!(matches!(kind_of(answer), ClientErrorKind::Malformed(_)), "{answer}");
    }
    let huge = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(200));
    assert!(matches!(kind_of(huge), ClientErrorKind::Malformed(WireError::HeadTooLarge(_))));
}

#[test]
fn an_unsolicited_101_is_an_error() {
    assert_eq!(
        kind_of("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nraw"),
        ClientErrorKind::Unsolicited
    );
}

#[test]
fn a_storm_of_interim_answers_is_ended() {
    assert_eq!(kind_of("HTTP/1.1 100 Continue\r\n\r\n".repeat(100)), ClientErrorKind::TooManyInterim);
}

#[test]
fn an_application_that_closes_early_is_told_from_one_that_answers() {
    assert_eq!(kind_of(""), ClientErrorKind::Closed);
    assert_eq!(kind_of("HTTP/1.1 200 OK\r\nConte"), ClientErrorKind::Cut);
}

#[test]
fn a_body_that_breaks_off_is_an_error_and_no_end() {
    for (answer, expected) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", WireError::UpstreamCut),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", WireError::UpstreamCut),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
            WireError::UpstreamFraming("chunk does not end with a line end"),
        ),
    ] {
        let (result, reused) = answered_with(GET, answer);
        assert_eq!((result.unwrap().1, reused), (Err(expected), false), "{answer}");
    }
}

#[test]
fn silence_is_ended_in_the_head_and_in_the_body() {
    let (result, _) = answered(GET, b"HTTP/1.1 100 Continue\r\n\r\n", false);
    let error = result.unwrap_err();
    assert_eq!((error.kind, error.reason()), (ClientErrorKind::Timeout, Reason::UpstreamTimeout));
    let (result, reused) = answered(GET, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", false);
    assert_eq!((result.unwrap().1, reused), (Err(WireError::UpstreamTimeout), false));
}

#[test]
fn an_agreed_101_gives_the_raw_stream_with_what_came_behind_it() {
    run(async {
        let Fixture { connection, mut application, back } = fixture();
        application
            .write_all(b"HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n\r\nearly")
            .await
            .unwrap();
        let answer = connection.send(GET, Outgoing::Upgrade, Instant::now()).await.unwrap();
        assert!(matches!(answer.payload, Payload::Tunnel { ref early, .. } if early == "early"));
        assert!(back.borrow().is_empty());
    });
}

#[test]
fn a_refused_upgrade_is_a_plain_answer_and_its_connection_is_not_used_again() {
    run(async {
        let Fixture { connection, mut application, back } = fixture();
        application.write_all(b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno").await.unwrap();
        let answer = connection.send(GET, Outgoing::Upgrade, Instant::now()).await.unwrap();
        assert_eq!(whole(answer).await, (403, Ok(Bytes::from_static(b"no"))));
        assert!(back.borrow().is_empty());
    });
}

#[test]
fn an_idle_connection_that_says_something_or_closes_is_not_used_again() {
    run(async {
        let Fixture { mut connection, mut application, .. } = fixture();
        assert!(connection.is_open_and_silent());
        application.write_all(b"H").await.unwrap();
        assert!(!connection.is_open_and_silent());
        let refused = connection.send(GET, Outgoing::Empty, Instant::now()).await.unwrap_err();
        assert_eq!(refused, ClientError { sent: Sent::Nothing, kind: ClientErrorKind::Surplus });
        let Fixture { mut connection, application, .. } = fixture();
        drop(application);
        assert!(!connection.is_open_and_silent());
    });
}

#[test]
fn a_request_that_could_not_be_written_at_all_says_so() {
    run(async {
        let Fixture { connection, application, .. } = fixture();
        drop(application);
        let error = connection.send(GET, Outgoing::Empty, Instant::now()).await.unwrap_err();
        assert_eq!(error.sent, Sent::Nothing);
    });
}

#[test]
fn an_early_answer_is_honoured_although_the_application_stopped_reading() {
    run(async {
        let (ours, mut application) = tokio::io::duplex(1024);
        let connection = ClientConnection::new(ours, ClientSettings::default(), None);
        let body = Bytes::from(vec![b'x'; 1 << 20]);
        let sending = tokio::task::spawn_local(connection.send(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n",
            Outgoing::Bytes(body),
            Instant::now(),
        ));
        read_until(&mut application, "xxx").await;
        application.write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno").await.unwrap();
        let answer = sending.await.unwrap().unwrap();
        assert_eq!(whole(answer).await, (413, Ok(Bytes::from_static(b"no"))));
    });
}

#[test]
fn the_time_for_an_answer_begins_with_the_last_byte_of_a_request_that_had_to_wait() {
    run(async {
        for (room, waited) in [(1 << 16, 0), (1024, 20)] {
            let (ours, mut application) = tokio::io::duplex(room);
            let connection = ClientConnection::new(ours, ClientSettings::default(), None);
            let began = Instant::now();
            let head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4096\r\n\r\n";
            let body = Outgoing::Bytes(Bytes::from(vec![b'x'; 4096]));
            let sending = tokio::task::spawn_local(connection.send(head, body, began));
            tokio::time::sleep(Duration::from_secs(waited)).await;
            application.read_exact(&mut vec![0; head.len() + 4096]).await.unwrap();
            assert_eq!(sending.await.unwrap().unwrap_err().kind, ClientErrorKind::Timeout);
            assert_eq!(began.elapsed().as_secs(), waited + 60);
        }
    });
}

#[test]
fn a_connection_is_idle_from_the_last_byte_of_its_answer() {
    run(async {
        for waited in [0, 20] {
            let (ours, mut application) = tokio::io::duplex(1 << 16);
            let (home, idle_since) = oneshot::channel();
            let home = Cell::new(Some(home));
            let home: Home<DuplexStream> =
                Rc::new(move |_, since| home.take().unwrap().send(since).unwrap_or_else(|_| unreachable!()));
            let connection = ClientConnection::new(ours, ClientSettings::default(), Some(home));
            let began = Instant::now();
            application.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no").await.unwrap();
            let answer = connection.send(GET, Outgoing::Empty, began);
            let ending = async {
                tokio::time::sleep(Duration::from_secs(waited)).await;
                application.write_all(b"k").await.unwrap();
            };
            let (answer, ()) = tokio::join!(async { whole(answer.await.unwrap()).await }, ending);
            assert_eq!(answer, (200, Ok(Bytes::from_static(b"ok"))));
            assert_eq!((idle_since.await.unwrap() - began).as_secs(), waited);
        }
    });
}

/// A whole proxy: a client's body goes through server and client codec to the application.
fn proxied(framing: &'static str, body: &'static [u8], head: &'static [u8], expect: &'static str) {
    use scopegate::wire::server::{Answer, Exchange, Rejected, Service, serve_http1};
    use scopegate::wire::writer::AnswerHead;
    struct Proxy {
        connection: RefCell<Option<ClientConnection<DuplexStream>>>,
        head: &'static [u8],
    }
    impl Service for Proxy {
        async fn call(&self, exchange: Box<Exchange>) -> Answer {
            let connection = self.connection.take().unwrap();
            let outgoing = Outgoing::Stream(exchange.body, exchange.framing);
            let answer = connection.send(self.head, outgoing, Instant::now()).await.unwrap();
            let head = AnswerHead::from_response(&answer.head, |_| true);
            let Payload::Body(body) = answer.payload else { panic!("a tunnel") };
            Answer::new(head, scopegate::wire::body::AnswerBody::stream(body))
        }
        async fn reject(&self, _: Rejected) -> Answer {
            panic!("refused")
        }
    }
    run(async {
        let Fixture { connection, mut application, back } = fixture();
        let service = Rc::new(Proxy { connection: RefCell::new(Some(connection)), head });
        let (mut client, server) = tokio::io::duplex(1 << 16);
        tokio::task::spawn_local(
            async move { serve_http1(server, &Default::default(), service, Default::default()).await },
        );
        client.write_all(format!("POST /a HTTP/1.1\r\nHost: h\r\n{framing}\r\n\r\n").as_bytes()).await.unwrap();
        // the application answers before the body is complete, and the body still goes through
        application.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab").await.unwrap();
        assert!(read_until(&mut client, "ab").await.ends_with("\r\n\r\nab"));
        client.write_all(body).await.unwrap();
        let got = read_until(&mut application, expect).await;
        assert_eq!(got, format!("{}{expect}", String::from_utf8_lossy(head)));
        application.write_all(b"cd").await.unwrap();
        assert_eq!(read_until(&mut client, "cd").await, "cd");
        assert_eq!(back.borrow().len(), 1);
    });
}

#[test]
fn a_streamed_body_reaches_the_application_while_it_answers() {
    proxied("Content-Length: 5", b"hello", b"POST /x HTTP/1.1\r\nContent-Length: 5\r\n\r\n", "hello");
    proxied(
        "Transfer-Encoding: chunked",
        b"005;ext\r\nhello\r\n0\r\nT: v\r\n\r\n",
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "5\r\nhello\r\n0\r\n\r\n",
    );
}

#[test]
fn a_body_that_breaks_off_at_the_client_never_looks_complete_to_the_application() {
    run(async {
        struct Forward(RefCell<Option<ClientConnection<DuplexStream>>>);
        impl scopegate::wire::server::Service for Forward {
            async fn call(&self, exchange: Box<scopegate::wire::server::Exchange>) -> scopegate::wire::server::Answer {
                let outgoing = Outgoing::Stream(exchange.body, exchange.framing);
                let sent = self
                    .0
                    .take()
                    .unwrap()
                    .send(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", outgoing, Instant::now())
                    .await;
                assert_eq!(sent.unwrap_err().kind, ClientErrorKind::RequestBody(WireError::BodyIncomplete));
                crate::support::plain(400, "no")
            }
            async fn reject(&self, _: scopegate::wire::server::Rejected) -> scopegate::wire::server::Answer {
                panic!("refused")
            }
        }
        let Fixture { connection, mut application, .. } = fixture();
        let (mut client, server) = tokio::io::duplex(1 << 16);
        let service = Rc::new(Forward(RefCell::new(Some(connection))));
        tokio::task::spawn_local(async move {
            scopegate::wire::server::serve_http1(server, &Default::default(), service, Default::default()).await
        });
        client
            .write_all(b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            .await
            .unwrap();
        assert!(read_until(&mut application, "hello\r\n").await.ends_with("5\r\nhello\r\n"));
        client.shutdown().await.unwrap();
        let mut rest = String::new();
        application.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "");
    });
}

#[test]
fn a_small_answer_can_be_had_without_waiting() {
    run(async {
        let Fixture { connection, mut application, back } = fixture();
        application.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc").await.unwrap();
        let answer =
            connection.send(GET, Outgoing::Stream(RequestBody::Empty, Framing::Empty), Instant::now()).await.unwrap();
        let Payload::Body(mut body) = answer.payload else { panic!("a tunnel") };
        assert_eq!(body.take_buffered().unwrap(), "abc");
        assert_eq!(back.borrow().len(), 1);
    });
}
