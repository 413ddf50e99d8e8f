//! HTTP/2 through the adapter: the same judgement, resets, and that nothing broken looks complete.

use crate::answers::Script;
use crate::support::{Reading, Recorder, Seen, plain, run};
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::TokioIo;
use scopegate::model::Reason;
use scopegate::wire::body::{AnswerBody, Completion};
use scopegate::wire::error::WireError;
use scopegate::wire::http2::serve_http2;
use scopegate::wire::limit::H2Settings;
use scopegate::wire::server::{Answer, ConnectionEnd, End, Exchange, Rejected, Service};
use scopegate::wire::stop::{Stop, StopSource};
use scopegate::wire::writer::AnswerHead;
use std::cell::Cell;
use std::rc::Rc;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinHandle;

#[derive(Clone, Copy)]
struct Local;

impl<F: Future<Output: 'static> + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

async fn connect<S: Service>(
    service: &Rc<S>,
    settings: H2Settings,
    stop: Stop,
) -> (SendRequest<Full<Bytes>>, JoinHandle<ConnectionEnd>) {
    connect_with(service, settings, stop, 1 << 16).await
}

/// The same, by a client that takes so many bytes of each answer before it says that it takes more.
async fn connect_with<S: Service>(
    service: &Rc<S>,
    settings: H2Settings,
    stop: Stop,
    window: u32,
) -> (SendRequest<Full<Bytes>>, JoinHandle<ConnectionEnd>) {
    let (client, server) = tokio::io::duplex(1 << 16);
    let service = Rc::clone(service);
    let serving = tokio::task::spawn_local(async move { serve_http2(server, &settings, service, stop).await });
    let mut builder = hyper::client::conn::http2::Builder::new(Local);
    builder.initial_stream_window_size(window);
    let (sender, connection) = builder.handshake(TokioIo::new(client)).await.unwrap();
    tokio::task::spawn_local(connection);
    (sender, serving)
}

fn get(uri: &str) -> http::request::Builder {
    Request::builder().uri(uri)
}

/// The whole answer, or that it broke off.
fn attempt(service: Recorder, request: Request<Full<Bytes>>) -> (hyper::Result<Response<Bytes>>, Rc<Recorder>) {
    run(async {
        let service = Rc::new(service);
        let (mut sender, _serving) = connect(&service, H2Settings::default(), Stop::never()).await;
        let answer = async {
            let (parts, body) = sender.send_request(request).await?.into_parts();
            Ok(Response::from_parts(parts, body.collect().await?.to_bytes()))
        };
        (answer.await, service)
    })
}

fn exchange(service: Recorder, request: Request<Full<Bytes>>) -> (Response<Bytes>, Rc<Recorder>) {
    let (answer, service) = attempt(service, request);
    (answer.unwrap(), service)
}

#[test]
fn a_request_reaches_the_service_as_over_http1() {
    let request = get("https://h/a?b").method(Method::POST).header("cookie", "a=1").header("cookie", "b=2");
    let (response, service) = exchange(Recorder::new(), request.body(Full::from("hello")).unwrap());
    assert_eq!((response.status().as_u16(), response.body().clone()), (200, Bytes::from("ok")));
    assert_eq!(service.seen.take(), [crate::support::request("POST", "/a?b", b"hello")]);
    let fields = service.fields.take().remove(0);
    let cookies: Vec<_> = fields.iter().filter(|(name, _)| name == "cookie").collect();
    assert_eq!(cookies, [&("cookie".to_owned(), b"a=1; b=2".to_vec())]);
    assert_eq!(*service.ends.borrow(), [(Completion::Complete, 2)]);
}

#[test]
fn each_request_of_a_connection_has_its_own_host() {
    run(async {
        let (hosts, service) = (["a.test", "a.test", "b.test", "a.test:1", "a.test"], Rc::new(Recorder::new()));
        let (mut sender, _serving) = connect(&service, H2Settings::default(), Stop::never()).await;
        for host in hosts {
            let request = get(&format!("https://{host}/")).body(Full::default()).unwrap();
            assert_eq!(sender.send_request(request).await.unwrap().status().as_u16(), 200);
        }
        let seen = service.seen.borrow();
        assert_eq!(seen.iter().filter_map(Seen::host).collect::<Vec<_>>(), hosts);
    });
}

#[test]
fn what_is_refused_over_http1_is_refused_here() {
    let cases = [
        (get("https://h/").header("host", "other"), Reason::HostMismatch),
        (get("https://u@h/"), Reason::BadHost),
        (get("ftp://h/"), Reason::MalformedHead),
        (get("https://h/").method("lower"), Reason::MethodRefused),
        (get("https://h/").method(Method::TRACE), Reason::MethodRefused),
        (get("https://h/").header("expect", "x"), Reason::ExpectationRefused),
    ];
    for (request, reason) in cases {
        let (response, service) = exchange(Recorder::new(), request.body(Full::default()).unwrap());
        assert_eq!(response.status().as_u16(), reason.status(), "{reason}");
        assert!(matches!(&service.seen.take()[..], [Seen::Rejected { reason: got, .. }] if *got == reason), "{reason}");
    }
}

#[test]
fn an_unsolicited_101_becomes_502() {
    let (response, _) =
        exchange(Recorder::answering(|_| plain(101, "")), get("https://h/").body(Full::default()).unwrap());
    assert_eq!(response.status().as_u16(), 502);
}

#[test]
fn a_cut_answer_resets_its_stream() {
    for (parts, length) in [(&[Ok("ab"), Err(WireError::UpstreamCut)][..], None), (&[Ok("ab")][..], Some(5))]
        as [(&'static [Result<&'static str, WireError>], _); 2]
    {
        let service = Recorder::answering(move |_| {
            Answer::new(AnswerHead::new(200), AnswerBody::stream(Script(parts.iter().copied().collect(), length)))
        });
        let (answer, service) = attempt(service, get("https://h/").body(Full::default()).unwrap());
        assert!(answer.is_err());
        assert_eq!(*service.ends.borrow(), [(Completion::UpstreamCut, 2)]);
    }
}

#[test]
fn answers_to_head_announce_a_length_and_have_no_body() {
    let request = get("https://h/").method(Method::HEAD).body(Full::default()).unwrap();
    let (response, _) = exchange(Recorder::new(), request);
    assert_eq!(response.headers()["content-length"], "2");
    assert_eq!(response.body().clone(), "");
}

/// Never answers, and counts what was begun.
struct Hanging(Cell<u32>);

impl Service for Hanging {
    async fn call(&self, _: Box<Exchange>) -> Answer {
        self.0.set(self.0.get() + 1);
        std::future::pending().await
    }

    async fn reject(&self, _: Rejected) -> Answer {
        plain(400, "no")
    }
}

#[test]
fn resets_after_dispatch_end_the_connection() {
    run(async {
        let service = Rc::new(Hanging(Cell::new(0)));
        let settings = H2Settings { resets: 10, ..H2Settings::default() };
        let (mut sender, serving) = connect(&service, settings, Stop::never()).await;
        for _ in 0..1000 {
            if serving.is_finished() || sender.ready().await.is_err() {
                break;
            }
            let before = service.0.get();
            let request = sender.send_request(get("https://h/").body(Full::default()).unwrap());
            let mut request = Box::pin(request);
            // dispatched, then reset
            for _ in 0..100 {
                let polled =
                    std::future::poll_fn(|cx| std::task::Poll::Ready(request.as_mut().poll(cx).is_ready())).await;
                if polled || service.0.get() > before {
                    break;
                }
                tokio::task::yield_now().await;
            }
            drop(request);
            tokio::task::yield_now().await;
        }
        assert_eq!(serving.await.unwrap().end, End::Flood);
        assert!((11..=14).contains(&service.0.get()), "{}", service.0.get());
    });
}

#[test]
fn an_idle_connection_is_closed_after_its_time() {
    run(async {
        let service = Rc::new(Recorder::new());
        let (mut sender, serving) = connect(&service, H2Settings::default(), Stop::never()).await;
        let response = sender.send_request(get("https://h/").body(Full::default()).unwrap()).await.unwrap();
        response.collect().await.unwrap();
        let began = tokio::time::Instant::now();
        assert_eq!(serving.await.unwrap(), ConnectionEnd { end: End::Idle, requests: 1 });
        assert!((75..80).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    });
}

#[test]
fn a_connection_without_a_preface_is_closed() {
    run(async {
        let service = Rc::new(Recorder::new());
        let (client, server) = tokio::io::duplex(1024);
        let began = tokio::time::Instant::now();
        let end = serve_http2(server, &H2Settings::default(), service, Stop::never()).await;
        assert!(matches!(end.end, End::NoRequest | End::Protocol), "{end:?}");
        assert!(began.elapsed().as_secs() < 90);
        drop(client);
    });
}

#[test]
fn a_draining_server_lets_open_streams_finish() {
    run(async {
        let source = StopSource::new();
        let asked = source.clone();
        let service = Rc::new(Recorder::answering(move |_| {
            asked.stop();
            plain(200, "ok")
        }));
        let (mut sender, serving) = connect(&service, H2Settings::default(), source.listen()).await;
        let response: Response<Incoming> =
            sender.send_request(get("https://h/").body(Full::default()).unwrap()).await.unwrap();
        assert_eq!(response.collect().await.unwrap().to_bytes(), "ok");
        assert_eq!(serving.await.unwrap().end, End::Stopped);
    });
}

#[test]
fn a_client_that_takes_nothing_is_given_up() {
    run(async {
        let body = Bytes::from(vec![b'x'; 1 << 20]);
        let mut recorder = Recorder::answering(move |_| {
            Answer::new(
                AnswerHead::new(200),
                AnswerBody::stream(http_body_util::BodyExt::map_err(Full::new(body.clone()), |never| match never {})),
            )
        });
        recorder.reading = Reading::Nothing;
        let service = Rc::new(recorder);
        let (mut sender, serving) = connect(&service, H2Settings::default(), Stop::never()).await;
        // the answer is never read: its stream's window stays closed
        let _held = sender.send_request(get("https://h/").body(Full::default()).unwrap()).await.unwrap();
        let began = tokio::time::Instant::now();
        assert_eq!(serving.await.unwrap().end, End::ClientTimeout);
        assert!((60..130).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    });
}

#[test]
fn a_client_that_opens_no_window_is_given_up_however_small_the_answer_is() {
    run(async {
        let service = Rc::new(Recorder::new());
        let (mut sender, serving) = connect_with(&service, H2Settings::default(), Stop::never(), 0).await;
        let began = tokio::time::Instant::now();
        // two bytes, which it never takes; its connection answers pings meanwhile
        let _held = sender.send_request(get("https://h/").body(Full::default()).unwrap()).await.unwrap();
        assert_eq!(serving.await.unwrap().end, End::ClientTimeout);
        assert!((60..130).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    });
}

#[test]
fn a_client_that_answers_no_ping_is_given_up() {
    run(async {
        let service = Rc::new(Hanging(Cell::new(0)));
        let (mut client, server) = tokio::io::duplex(1 << 16);
        let serving = {
            let service = Rc::clone(&service);
            tokio::task::spawn_local(async move {
                serve_http2(server, &H2Settings::default(), service, Stop::never()).await
            })
        };
        // preface, settings, and a request that is never answered: an open stream keeps a connection from being idle
        let request = [0x82, 0x87, 0x84, 0x41, 0x01, b'h'];
        let head = [&[0, 0, 6, 1, 5, 0, 0, 0, 1][..], &request].concat();
        let bytes = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[0, 0, 0, 4, 0, 0, 0, 0, 0][..], &head].concat();
        client.write_all(&bytes).await.unwrap();
        let began = tokio::time::Instant::now();
        assert_eq!(serving.await.unwrap().end, End::ClientTimeout);
        let waited = began.elapsed().as_secs();
        assert!((30..=60).contains(&waited), "{waited}");
        assert_eq!(service.0.get(), 1);
    });
}

/// One request with a body that nobody reads: answered, and 100,000 bytes of the body sent.
async fn answered_early(settings: H2Settings) -> (h2::SendStream<Bytes>, JoinHandle<ConnectionEnd>) {
    let mut service = Recorder::answering(|_| plain(403, "no"));
    service.reading = Reading::Nothing;
    let (client, server) = tokio::io::duplex(1 << 16);
    let serving =
        tokio::task::spawn_local(async move { serve_http2(server, &settings, Rc::new(service), Stop::never()).await });
    let (sender, connection) = h2::client::handshake(client).await.unwrap();
    tokio::task::spawn_local(connection);
    let mut sender = sender.ready().await.unwrap();
    let request = get("https://h/").method(Method::PUT).body(()).unwrap();
    let (answer, mut body) = sender.send_request(request, false).unwrap();
    send(&mut body, 100_000).await.unwrap();
    let mut answer = answer.await.unwrap().into_body();
    assert_eq!(answer.data().await.unwrap().unwrap(), "no");
    assert!(answer.data().await.is_none());
    // keeps the connection open
    tokio::task::spawn_local(async move {
        let _sender = sender;
        std::future::pending::<()>().await;
    });
    (body, serving)
}

/// Sends so many bytes as the windows allow, and no end.
async fn send(body: &mut h2::SendStream<Bytes>, mut left: usize) -> Result<(), h2::Error> {
    while left > 0 {
        body.reserve_capacity(left);
        let room = std::future::poll_fn(|cx| body.poll_capacity(cx)).await.expect("an open stream")?.min(left);
        body.send_data(Bytes::from(vec![b'x'; room]), false)?;
        left -= room;
    }
    Ok(())
}

/// Some clients (libcurl 7.88) lose an answer when the reset comes with it while they send; and one behind it closes the other streams' window.
#[test]
fn whoever_sends_a_long_body_to_its_end_is_not_reset_meanwhile() {
    run(async {
        let (mut body, _serving) = answered_early(H2Settings::default()).await;
        send(&mut body, 10_000_000).await.unwrap();
        body.send_data(Bytes::new(), true).unwrap();
        tokio::time::sleep(std::time::Duration::from_secs(10)).await;
        let reset = std::future::poll_fn(|cx| std::task::Poll::Ready(body.poll_reset(cx))).await;
        assert!(!matches!(reset, std::task::Poll::Ready(Ok(_))), "{reset:?}");
    });
}

#[test]
fn whoever_neither_ends_nor_resets_its_body_after_the_answer_is_reset_soon() {
    run(async {
        let (mut body, serving) = answered_early(H2Settings::default()).await;
        let began = tokio::time::Instant::now();
        let reset = std::future::poll_fn(|cx| body.poll_reset(cx)).await.unwrap();
        assert_eq!((reset, began.elapsed().as_secs()), (h2::Reason::NO_ERROR, 3));
        assert!(!serving.is_finished(), "its other streams go on");
    });
}
