//! Bodies of requests: framing, expectation, draining, and that the next request begins where the last one ends.

use crate::support::{Reading, Recorder, Seen, plain, read_until, request, run, serve, serve_on, talk, talk_to};
use scopegate::model::Reason;
use scopegate::wire::http2::serve_http2;
use scopegate::wire::limit::{H1Settings, H2Settings};
use scopegate::wire::link::Transport;
use scopegate::wire::server::{Answer, End, Exchange, Rejected, Service, serve_http1};
use scopegate::wire::stop::Stop;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

const NEXT: &str = "GET /next HTTP/1.1\r\nHost: h\r\n\r\n";

fn chunked(body: &str) -> String {
    format!("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{body}{NEXT}")
}

#[test]
fn requests_on_one_connection_are_answered_in_order() {
    let talk = talk(format!("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello{NEXT}{NEXT}"));
    assert_eq!(
        talk.seen,
        [request("POST", "/a", b"hello"), request("GET", "/next", b""), request("GET", "/next", b"")]
    );
    assert_eq!(talk.statuses(), [200, 200, 200]);
    assert_eq!((talk.end.end, talk.end.requests), (End::ClientClosed, 3));
}

#[test]
fn chunks_are_read_and_extensions_and_trailers_dropped() {
    let talk = talk(chunked("5;a=\"b\"\r\nhello\r\n1\r\n!\r\n0\r\nX-T: 1\r\n\r\n"));
    assert_eq!(talk.seen, [request("POST", "/a", b"hello!"), request("GET", "/next", b"")]);
}

#[test]
fn a_broken_chunk_ends_the_connection_and_hides_no_request() {
    for body in [
        "5\r\nhelloX\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "x\r\n",
        "-1\r\n",
        "0x1\r\na\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        "5;\0\r\nhello\r\n0\r\n\r\n",
        "5;a\nb\r\nhello\r\n0\r\n\r\n",
        "0\r\nA: b\n\r\n",
        "0\r\n\n",
        "0\r\nA : b\r\n\r\n",
        "0\r\n A\r\n\r\n",
        "fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "5\rhello\r\n0\r\n\r\n",
        "0\rx\r\n\r\n",
    ] {
        let talk = talk(chunked(body));
        let expected = Seen::Request {
            method: "POST".into(),
            target: "/a".into(),
            host: Some("h".into()),
            body: Err(Reason::MalformedFraming),
        };
        assert_eq!(talk.seen, [expected], "{body:?}");
        assert_eq!(talk.end.end, End::AsAnnounced, "{body:?}");
    }
}

#[test]
fn extensions_and_trailers_are_bounded() {
    let long = format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(300));
    let many = format!("{}0\r\n\r\n", format!("1;{}\r\na\r\n", "x".repeat(200)).repeat(30));
    let trailers = format!("0\r\n{}\r\n", "A: b\r\n".repeat(2000));
    for body in [long, many, trailers] {
        let talk = talk(chunked(&body));
        assert!(
            matches!(&talk.seen[..], [Seen::Request { body: Err(Reason::MalformedFraming), .. }]),
            "{:?}",
            talk.seen
        );
    }
}

#[test]
fn a_body_that_breaks_off_is_told_from_a_complete_one() {
    for raw in [
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhell",
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    ] {
        let talk = talk(raw);
        assert!(matches!(&talk.seen[..], [Seen::Request { body: Err(Reason::BodyIncomplete), .. }]), "{:?}", talk.seen);
    }
}

#[test]
fn a_body_that_nobody_reads_is_never_taken_for_a_request() {
    let mut service = Recorder::new();
    service.reading = Reading::Nothing;
    let body = "GET /inner HTTP/1.1\r\nHost: h\r\n\r\n";
    let raw = format!("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{body}{NEXT}", body.len());
    let talk = talk_to(service, raw.as_bytes());
    assert_eq!(talk.seen, [request("POST", "/a", b""), request("GET", "/next", b"")]);
}

#[test]
fn a_long_body_that_nobody_reads_ends_the_connection() {
    let mut service = Recorder::new();
    service.reading = Reading::Nothing;
    let talk =
        talk_to(service, format!("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\n{NEXT}").as_bytes());
    assert_eq!(talk.seen, [request("POST", "/a", b"")]);
    assert!(talk.answered.contains("Connection: close"));
}

/// Many clients read their answer only when all they had to say has been taken from them.
#[test]
fn whoever_sends_a_long_body_to_its_end_gets_the_answer_that_nobody_wanted_it_for() {
    run(async {
        let mut service = Recorder::answering(|_| crate::support::plain(403, "no"));
        service.reading = Reading::Nothing;
        let service = Rc::new(service);
        let (mut client, serving) = serve(&service, H1Settings::default(), Stop::never());
        client.write_all(b"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\n").await.unwrap();
        client.write_all(&vec![b'x'; 10_000_000]).await.unwrap();
        client.shutdown().await.unwrap();
        let mut answered = String::new();
        client.read_to_string(&mut answered).await.unwrap();
        assert!(answered.starts_with("HTTP/1.1 403") && answered.ends_with("no"), "{answered}");
        assert_eq!(serving.await.unwrap().end, End::AsAnnounced);
    });
}

#[test]
fn the_client_is_told_to_continue_only_when_its_body_is_read() {
    run(async {
        let service = Rc::new(Recorder::new());
        let (mut client, _serving) = serve(&service, H1Settings::default(), Stop::never());
        client
            .write_all(b"PUT /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            .await
            .unwrap();
        assert_eq!(read_until(&mut client, "\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
        client.write_all(b"hi").await.unwrap();
        assert!(read_until(&mut client, "ok").await.starts_with("HTTP/1.1 200 OK\r\n"));
        assert_eq!(service.seen.take(), [request("PUT", "/a", b"hi")]);
    });
}

#[test]
fn a_refused_expectation_is_answered_without_100_and_closes() {
    run(async {
        let mut service = Recorder::answering(|_| crate::support::plain(403, "no"));
        service.reading = Reading::Nothing;
        let service = Rc::new(service);
        let (mut client, serving) = serve(&service, H1Settings::default(), Stop::never());
        client
            .write_all(b"PUT /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            .await
            .unwrap();
        let mut answered = String::new();
        client.read_to_string(&mut answered).await.unwrap();
        assert!(answered.starts_with("HTTP/1.1 403") && answered.contains("Connection: close"), "{answered}");
        drop(client);
        assert_eq!(serving.await.unwrap().end, End::AsAnnounced);
    });
}

#[test]
fn a_body_over_the_cap_is_refused_before_it_is_read() {
    let talk = talk("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1048577\r\n\r\n");
    assert!(matches!(&talk.seen[..], [Seen::Request { body: Err(Reason::BodyTooLarge), .. }]));
}

/// Reads each body to its end or its first error, and then once more.
struct Twice(RefCell<Vec<[Option<Reason>; 2]>>, u64);

impl Service for Twice {
    async fn call(&self, exchange: Box<Exchange>) -> Answer {
        let mut body = exchange.body.metered(Some(self.1), &Rc::default());
        let mut ends = [None; 2];
        for end in &mut ends {
            *end = loop {
                match poll_fn(|cx| body.poll_data(cx)).await {
                    Some(Ok(_)) => {}
                    Some(Err(error)) => break Some(error.reason()),
                    None => break None,
                }
            };
        }
        assert_eq!(http_body::Body::is_end_stream(&body), ends == [None; 2]);
        self.0.borrow_mut().push(ends);
        plain(200, "ok")
    }

    async fn reject(&self, _: Rejected) -> Answer {
        plain(400, "no")
    }
}

#[test]
fn a_body_that_broke_off_fails_again_and_never_looks_complete() {
    let twice = |reason| [Some(reason); 2];
    let cases = [
        ("Content-Length: 5\r\n\r\nhello", 100, [None; 2]),
        ("Content-Length: 5\r\n\r\nhell", 100, twice(Reason::BodyIncomplete)),
        ("Content-Length: 5\r\n\r\nhello", 4, twice(Reason::BodyTooLarge)),
        ("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", 100, twice(Reason::BodyIncomplete)),
        ("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nx\r\n", 100, twice(Reason::MalformedFraming)),
    ];
    for (rest, cap, ends) in cases {
        let service = Rc::new(Twice(RefCell::default(), cap));
        run(async {
            let (mut client, server) = tokio::io::duplex(1 << 16);
            let settings = H1Settings::default();
            let serving = serve_http1(server, &settings, Rc::clone(&service), Stop::never());
            let talk = async {
                client.write_all(format!("POST /a HTTP/1.1\r\nHost: h\r\n{rest}").as_bytes()).await.unwrap();
                client.shutdown().await.unwrap();
            };
            tokio::join!(serving, talk);
        });
        assert_eq!(service.0.take(), [ends], "{rest}");
    }
}

#[test]
fn a_body_of_http2_that_broke_off_fails_again_and_never_looks_complete() {
    for (ended, ends) in [(true, [None; 2]), (false, [Some(Reason::ClientTimeout); 2])] {
        let service = Rc::new(Twice(RefCell::default(), 100));
        run(async {
            let (client, server) = tokio::io::duplex(1 << 16);
            let serving = Rc::clone(&service);
            tokio::task::spawn_local(async move {
                serve_http2(server, &H2Settings::default(), serving, Stop::never()).await
            });
            let (sender, connection) = h2::client::handshake(client).await.unwrap();
            tokio::task::spawn_local(connection);
            let request = http::Request::put("https://h/").body(()).unwrap();
            let (answer, mut body) = sender.ready().await.unwrap().send_request(request, false).unwrap();
            body.send_data("hello".into(), ended).unwrap();
            assert_eq!(answer.await.unwrap().status(), 200);
        });
        assert_eq!(service.0.take(), [ends]);
    }
}

/// A client that has sent the head of a long body and goes on as fast as it is read, so many times.
struct Flood {
    head: &'static [u8],
    reads: Rc<Cell<usize>>,
}

const READS: usize = 1000;

impl AsyncRead for Flood {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let head = std::mem::take(&mut self.head);
        if !head.is_empty() {
            into.put_slice(head);
        } else if self.reads.get() < READS {
            self.reads.set(self.reads.get() + 1);
            into.put_slice(&[b'x'; 4096]);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Flood {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Transport for Flood {}

#[test]
fn whoever_floods_behind_the_last_answer_leaves_the_others_their_turn() {
    run(async {
        let mut service = Recorder::answering(|_| plain(403, "no"));
        service.reading = Reading::Nothing;
        let reads = Rc::new(Cell::new(0));
        let head = b"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\n";
        let flood = Flood { head, reads: Rc::clone(&reads) };
        let serving = serve_on(flood, &Rc::new(service), H1Settings::default(), Stop::never());
        // another task of this core, which is ready all the time
        let seen = Rc::clone(&reads);
        let most = tokio::task::spawn_local(async move {
            let (mut most, mut before) = (0, 0);
            while before < READS {
                let mut waited = false;
                poll_fn(|cx| {
                    cx.waker().wake_by_ref();
                    if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }
                })
                .await;
                most = most.max(seen.get() - before);
                before = seen.get();
            }
            most
        });
        assert_eq!((serving.await.unwrap().end, reads.get()), (End::AsAnnounced, READS));
        let most = most.await.unwrap();
        assert!(most <= 2, "{most} reads in a turn");
    });
}
