//! A service that records what it receives, and a client that sends raw bytes; asserts nothing.

use bytes::Bytes;
use scopegate::model::Reason;
use scopegate::wire::body::{AnswerBody, Completion, Finish};
use scopegate::wire::limit::H1Settings;
use scopegate::wire::link::Transport;
use scopegate::wire::server::{Answer, ConnectionEnd, Exchange, Rejected, Service, serve_http1};
use scopegate::wire::stop::Stop;
use scopegate::wire::writer::AnswerHead;
use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::LocalSet;

/// What reached the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A request: method, target, host, body as far as it was read.
    Request { method: String, target: String, host: Option<String>, body: Result<Vec<u8>, Reason> },
    /// What was no request.
    Rejected { reason: Reason, partial: Option<(String, String)> },
}

impl Seen {
    pub fn host(&self) -> Option<&str> {
        match self {
            Self::Request { host, .. } => host.as_deref(),
            Self::Rejected { .. } => None,
        }
    }
}

/// What a service does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    Whole,
    Nothing,
}

type Respond = Box<dyn Fn(&scopegate::wire::head::RequestHead) -> Answer>;

/// Names and values in the order they came.
pub type Fields = Vec<(String, Vec<u8>)>;

/// Records and answers.
pub struct Recorder {
    pub seen: RefCell<Vec<Seen>>,
    pub fields: RefCell<Vec<Fields>>,
    pub ends: Rc<RefCell<Vec<(Completion, u64)>>>,
    pub reading: Reading,
    pub respond: Respond,
}

pub fn plain(status: u16, body: &'static str) -> Answer {
    let mut head = AnswerHead::new(status);
    head.push("Content-Type", "text/plain").unwrap();
    Answer::new(head, AnswerBody::Full(Bytes::from_static(body.as_bytes())))
}

impl Recorder {
    pub fn new() -> Self {
        Self::answering(|_| plain(200, "ok"))
    }

    pub fn answering(respond: impl Fn(&scopegate::wire::head::RequestHead) -> Answer + 'static) -> Self {
        Self {
            seen: RefCell::default(),
            fields: RefCell::default(),
            ends: Rc::default(),
            reading: Reading::Whole,
            respond: Box::new(respond),
        }
    }

    fn watched(&self, mut answer: Answer) -> Answer {
        let ends = Rc::clone(&self.ends);
        answer.finished = Some(Finish::new(move |completion, bytes, _| ends.borrow_mut().push((completion, bytes))));
        answer
    }
}

impl Service for Recorder {
    async fn call(&self, exchange: Box<Exchange>) -> Answer {
        let head = exchange.head;
        let body = match self.reading {
            Reading::Whole => exchange.body.collect(1 << 20).await.map(|b| b.to_vec()).map_err(|error| error.reason()),
            Reading::Nothing => Ok(Vec::new()),
        };
        self.fields.borrow_mut().push(head.fields().map(|(name, value)| (name.to_owned(), value.to_vec())).collect());
        self.seen.borrow_mut().push(Seen::Request {
            method: head.method().to_owned(),
            target: String::from_utf8(head.target().to_vec()).unwrap(),
            host: head.authority().map(str::to_owned),
            body,
        });
        self.watched((self.respond)(&head))
    }

    async fn reject(&self, rejected: Rejected) -> Answer {
        let reason = rejected.error.reason();
        let partial = rejected
            .partial
            .map(|head| (head.method().to_owned(), String::from_utf8_lossy(head.target()).into_owned()));
        self.seen.borrow_mut().push(Seen::Rejected { reason, partial });
        self.watched(plain(reason.status(), "no"))
    }
}

/// Runs on one core with time that moves only when nobody has anything to do.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    LocalSet::new().block_on(&runtime, future)
}

/// Serves one end of a pipe; gives the other.
pub fn serve(
    service: &Rc<Recorder>,
    settings: H1Settings,
    stop: Stop,
) -> (DuplexStream, tokio::task::JoinHandle<ConnectionEnd>) {
    let (client, server) = tokio::io::duplex(1 << 16);
    (client, serve_on(server, service, settings, stop))
}

pub fn serve_on<IO: Transport + 'static>(
    io: IO,
    service: &Rc<Recorder>,
    settings: H1Settings,
    stop: Stop,
) -> tokio::task::JoinHandle<ConnectionEnd> {
    let service = Rc::clone(service);
    tokio::task::spawn_local(async move { serve_http1(io, &settings, service, stop).await })
}

/// Everything of one conversation.
#[derive(Debug)]
pub struct Talk {
    pub seen: Vec<Seen>,
    pub answered: String,
    pub end: ConnectionEnd,
    pub ends: Vec<(Completion, u64)>,
}

impl Talk {
    /// The status codes of the answers, in order.
    pub fn statuses(&self) -> Vec<u16> {
        self.answered.split("HTTP/1.1 ").skip(1).map(|answer| answer[..3].parse().unwrap()).collect()
    }
}

/// Sends `bytes`, ends the sending side, and reads all that is answered.
pub fn talk_to(service: Recorder, bytes: &[u8]) -> Talk {
    run(async {
        let service = Rc::new(service);
        let (mut client, serving) = serve(&service, H1Settings::default(), Stop::never());
        client.write_all(bytes).await.unwrap();
        client.shutdown().await.unwrap();
        let mut answered = Vec::new();
        client.read_to_end(&mut answered).await.unwrap();
        let end = serving.await.unwrap();
        let ends = service.ends.borrow().clone();
        Talk { seen: service.seen.take(), answered: String::from_utf8_lossy(&answered).into_owned(), end, ends }
    })
}

pub fn talk(bytes: impl AsRef<[u8]>) -> Talk {
    talk_to(Recorder::new(), bytes.as_ref())
}

pub fn request(method: &str, target: &str, body: &[u8]) -> Seen {
    Seen::Request { method: method.into(), target: target.into(), host: Some("h".into()), body: Ok(body.to_vec()) }
}

/// Reads until `mark` has come.
pub async fn read_until(client: &mut (impl tokio::io::AsyncRead + Unpin), mark: &str) -> String {
    let mut got = Vec::new();
    while !String::from_utf8_lossy(&got).contains(mark) {
        let mut byte = [0];
        if client.read(&mut byte).await.unwrap() == 0 {
            break;
        }
        got.push(byte[0]);
    }
    String::from_utf8_lossy(&got).into_owned()
}
