//! HTTP behind the listener: the redirect of plain HTTP, the administration listener, and the end of kept connections.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use scopegate::config::Settings;
use scopegate::model::SystemClock;
use scopegate::server::accept::{Accept, Admission};
use scopegate::server::admin::{self, Report};
use scopegate::server::drain::Drain;
use scopegate::server::listen::{Inherited, Role, Sockets};
use scopegate::server::redirect::Redirect;
use scopegate::server::serve::{Http, ServiceFactory};
use scopegate::server::tls::Tls;
use scopegate::server::worker::{self, Running, Workers};
use scopegate::telemetry::Metrics;
use scopegate::wire::body::AnswerBody;
use scopegate::wire::connection::{ConnectionInfo, Protocol};
use scopegate::wire::server::{Answer, Exchange, Rejected, Service};
use scopegate::wire::writer::AnswerHead;

use crate::bench::{Authority, LONG, client, folder, settings, shake, tcp};

/// Starts a listener of a role with services from a factory; gives its address.
fn start<F: ServiceFactory>(
    role: Role,
    settings: &Settings,
    tls: Option<Arc<Tls>>,
    drain: &Drain,
    factory: impl Fn() -> F + Send + Sync + 'static,
) -> (SocketAddr, Running) {
    let sockets = Sockets::open(&settings.listeners, settings.workers, Inherited::new()).unwrap();
    let address = sockets.addresses(role)[0];
    let (admission, metrics) = (Admission::new(settings, drain.clone()), Metrics::new(10));
    let (h1, h2, count) = (settings.h1(), settings.h2(), settings.workers);
    let running = worker::run(Workers { count, blocking_threads: NonZeroUsize::MIN }, move |index| {
        let accept = Accept {
            serve: Http { factory: factory(), h1, h2, stop: admission.drain.stop(), metrics: metrics.core() },
            admission: admission.clone(),
            tls: tls.clone(),
            metrics: metrics.core(),
            clock: SystemClock,
            worker: index,
        };
        let mine = sockets.of_worker(role, index, count).unwrap();
        async move { accept.run(mine).await.unwrap() }
    });
    (address, running.unwrap())
}

fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn redirect(port: u16, test: impl Fn(&dyn Fn(&str, &str) -> String)) {
    let mut settings = Settings::default();
    settings.listeners.https = vec!["127.0.0.1:0".parse().unwrap()];
    settings.listeners.redirect = vec!["127.0.0.1:0".parse().unwrap()];
    settings.listeners.admin.clear();
    settings.workers = NonZeroUsize::MIN;
    let drain = Drain::new(LONG);
    let (address, running) =
        start(Role::Redirect, &settings, None, &drain, move || Redirect::new(Rc::new(|host| host == "wms.test"), port));
    test(&|line, host| {
        exchange(address, format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes())
    });
    drain.end();
    running.join();
}

#[test]
fn plain_http_is_sent_to_the_same_address_by_https() {
    redirect(443, |ask| {
        let answer = ask("GET /stock?warehouse=HF", "WMS.test:80");
        assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
        assert!(answer.to_lowercase().contains("\r\nlocation: https://wms.test/stock?warehouse=hf\r\n"), "{answer}");
        assert!(ask("POST /stock", "wms.test.").to_lowercase().contains("\r\nlocation: https://wms.test/stock\r\n"));
    });
    redirect(8443, |ask| {
        let answer = ask("GET //evil.test/x", "wms.test").to_lowercase();
        assert!(answer.contains("\r\nlocation: https://wms.test:8443//evil.test/x\r\n"), "{answer}");
    });
}

#[test]
fn a_host_that_no_application_has_is_not_redirected() {
    redirect(443, |ask| {
        for (host, status) in [("evil.test", "421"), ("wms.test@evil.test", "400"), ("wms.test/x", "400"), ("", "400")]
        {
            let answer = ask("GET /", host).to_lowercase();
            assert!(answer.starts_with(&format!("http/1.1 {status} ")), "{host}: {answer}");
            assert!(!answer.contains("location") && !answer.contains("evil"), "{answer}");
        }
        assert!(ask("GET /\\evil.test", "wms.test").starts_with("HTTP/1.1 400 "));
        assert!(ask("GET http://evil.test/", "wms.test").starts_with("HTTP/1.1 4"));
    });
}

struct Status {
    ready: AtomicBool,
}

impl Report for Status {
    fn metrics(&self) -> Vec<u8> {
        b"scopegate_up 1\n".to_vec()
    }

    fn ready(&self) -> Result<(), Vec<String>> {
        if self.ready.load(Ordering::Relaxed) { Ok(()) } else { Err(vec!["draining".to_owned()]) }
    }
}

#[test]
fn the_administration_listener_tells_metrics_health_and_readiness_only() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let status = Arc::new(Status { ready: AtomicBool::new(true) });
    runtime.spawn(admin::serve(vec![socket], Arc::clone(&status)));
    let get = |line: &str| {
        exchange(address, format!("{line} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n").as_bytes())
    };
    assert!(get("GET /metrics").ends_with("\r\n\r\nscopegate_up 1\n"));
    assert!(get("GET /healthz").starts_with("HTTP/1.1 200 "));
    assert!(get("GET /readyz").starts_with("HTTP/1.1 200 "));
    status.ready.store(false, Ordering::Relaxed);
    let answer = get("GET /readyz");
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("draining\n"), "{answer}");
    assert!(get("GET /healthz").starts_with("HTTP/1.1 200 "));
    assert!(get("GET /stock").starts_with("HTTP/1.1 404 "));
    assert!(get("POST /metrics").starts_with("HTTP/1.1 405 "));
}

/// Answers with the protocol of the connection.
#[derive(Clone)]
struct Named(&'static str);

impl Service for Named {
    async fn call(&self, _: Box<Exchange>) -> Answer {
        Answer::new(AnswerHead::new(200), AnswerBody::Full(Bytes::from_static(self.0.as_bytes())))
    }

    async fn reject(&self, _: Rejected) -> Answer {
        Answer::new(AnswerHead::new(400), AnswerBody::Empty)
    }
}

struct Naming;

impl ServiceFactory for Naming {
    type Service = Named;

    fn service(&self, connection: Rc<ConnectionInfo>) -> Rc<Named> {
        Rc::new(Named(match connection.tls.as_ref().map(|tls| tls.protocol) {
            Some(Protocol::Http2) => "http2",
            Some(Protocol::Http1) => "http1",
            None => "plain",
        }))
    }
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: first.example.test\r\n\r\n";

fn read_answer(client: &mut crate::bench::Client) -> String {
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"http1") {
        client.read_exact(&mut byte).unwrap_or_else(|error| panic!("{error} after {answer:?}"));
        answer.push(byte[0]);
    }
    String::from_utf8(answer).unwrap().to_lowercase()
}

#[test]
fn a_draining_server_answers_a_connection_that_had_come_and_closes_kept_ones() {
    let (folder, authority) = (folder(), Authority::new("ours"));
    let settings = settings(&folder, &authority);
    let drain = Drain::new(LONG);
    let tls = Tls::load(&settings.tls).unwrap();
    let (address, running) = start(Role::Https, &settings, Some(tls), &drain, || Naming);
    let config = client(&authority, &["http/1.1"], None);
    let connect = || {
        let mut client = shake(tcp(address, "127.0.0.1", b""), &config, "first.example.test");
        while client.get_ref().conn.is_handshaking() {
            let stream = client.get_mut();
            stream.conn.complete_io(&mut stream.sock).unwrap();
        }
        client
    };
    let mut kept = connect();
    kept.get_mut().write_all(GET).unwrap();
    assert!(!read_answer(&mut kept).contains("connection: close"));
    let mut fresh = connect();
    drain.begin();
    // The kept connection was idle: it is closed, in order.
    let mut rest = Vec::new();
    assert_eq!(kept.read_to_end(&mut rest).unwrap(), 0);
    fresh.get_mut().write_all(GET).unwrap();
    assert!(read_answer(&mut fresh).contains("connection: close"));
    assert_eq!(fresh.read_to_end(&mut rest).unwrap(), 0);
    running.join();
}
