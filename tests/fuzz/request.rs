//! Reads the same bytes by our server and by hyper's, and compares what each took for requests.

use crate::{Core, shown};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use scopegate::wire::body::AnswerBody;
use scopegate::wire::limit::H1Settings;
use scopegate::wire::server::{Answer, End, Exchange, Rejected, Service, serve_http1};
use scopegate::wire::stop::Stop;
use scopegate::wire::writer::AnswerHead;
use std::cell::RefCell;
use std::rc::Rc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// What was taken for one request. Fields are sorted by name and keep their order within one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Read {
    method: String,
    target: Vec<u8>,
    fields: Vec<(String, Vec<u8>)>,
    /// `None` when it was refused or broke off.
    body: Option<Vec<u8>>,
}

fn sorted(fields: impl Iterator<Item = (String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    let mut fields: Vec<_> = fields.map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    fields.sort_by(|(a, _), (b, _)| a.cmp(b));
    fields
}

struct Ours {
    read: RefCell<Vec<Read>>,
    rejected: RefCell<bool>,
}

impl Service for Ours {
    async fn call(&self, exchange: Box<Exchange>) -> Answer {
        let head = exchange.head;
        let fields = sorted(head.fields().map(|(name, value)| (name.to_owned(), value.to_vec())));
        let body = exchange.body.collect(1 << 20).await.ok().map(|body| body.to_vec());
        let (method, target) = (head.method().to_owned(), head.target().to_vec());
        self.read.borrow_mut().push(Read { method, target, fields, body });
        Answer::new(AnswerHead::new(200), AnswerBody::Empty)
    }

    async fn reject(&self, _: Rejected) -> Answer {
        self.rejected.replace(true);
        Answer::new(AnswerHead::new(400), AnswerBody::Empty)
    }
}

/// Writes the bytes and ends; throws the answers away.
async fn feed(mut client: DuplexStream, bytes: Vec<u8>) {
    let (mut reading, mut writing) = tokio::io::split(&mut client);
    let write = async {
        let _ = writing.write_all(&bytes).await;
        let _ = writing.shutdown().await;
    };
    let mut sink = Vec::new();
    let _ = tokio::join!(write, reading.read_to_end(&mut sink));
}

async fn by_us(bytes: &[u8], split: usize) -> (Vec<Read>, bool, End) {
    let (client, server) = tokio::io::duplex(split);
    let service = Rc::new(Ours { read: RefCell::default(), rejected: RefCell::new(false) });
    let settings = H1Settings::default();
    let (_, end) =
        tokio::join!(feed(client, bytes.to_vec()), serve_http1(server, &settings, Rc::clone(&service), Stop::never()));
    (service.read.take(), service.rejected.take(), end.end)
}

async fn by_hyper(bytes: &[u8]) -> Vec<Read> {
    let (client, server) = tokio::io::duplex(1 << 16);
    let read: Rc<RefCell<Vec<Read>>> = Rc::default();
    let service = hyper::service::service_fn(|request: http::Request<Incoming>| {
        let read = Rc::clone(&read);
        async move {
            let (parts, body) = request.into_parts();
            let target = parts.uri.path_and_query().map_or("", |target| target.as_str()).as_bytes().to_vec();
            let fields =
                sorted(parts.headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())));
            let body = body.collect().await.ok().map(|body| body.to_bytes().to_vec());
            read.borrow_mut().push(Read { method: parts.method.to_string(), target, fields, body });
            Ok::<_, std::convert::Infallible>(http::Response::new(Empty::<bytes::Bytes>::new()))
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .half_close(true)
        .max_headers(200)
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(server), service);
    let _ = tokio::join!(feed(client, bytes.to_vec()), connection);
    read.take()
}

/// How many requests ours took and refused.
pub struct Counts {
    pub accepted: usize,
    pub refused: usize,
}

/// Compares. `split` is the largest piece in which ours gets the bytes.
pub fn compare(core: &Core, bytes: &[u8], split: usize) -> Result<Counts, String> {
    core.run(async {
        let (ours, rejected, end) = by_us(bytes, 1 << 16).await;
        let (in_pieces, rejected_too, _) = by_us(bytes, split).await;
        if (&ours, rejected) != (&in_pieces, rejected_too) {
            return Err(format!("split at {split}: {in_pieces:?} instead of {ours:?}"));
        }
        let theirs = by_hyper(bytes).await;
        for (i, mine) in ours.iter().enumerate() {
            let Some(other) = theirs.get(i) else {
                return Err(format!("hyper did not take request {i}: {} {}", mine.method, shown(&mine.target)));
            };
            let same_head = (&mine.method, &mine.target, &mine.fields) == (&other.method, &other.target, &other.fields);
            // a body that ours refused ends the connection: nothing is forwarded as complete
            if !same_head || (mine.body.is_some() && mine.body != other.body) {
                return Err(format!("request {i}: ours {mine:?}, hyper's {other:?}"));
            }
        }
        if end == End::ClientClosed && theirs.len() != ours.len() {
            return Err(format!("ours took {} requests, hyper {}", ours.len(), theirs.len()));
        }
        let complete = ours.iter().filter(|read| read.body.is_some()).count();
        Ok(Counts { accepted: complete, refused: ours.len() - complete + usize::from(rejected) })
    })
}

/// Whether ours served a request for `/smuggled`.
pub fn smuggles(core: &Core, bytes: &[u8]) -> bool {
    core.run(async { by_us(bytes, 1 << 16).await.0.iter().any(|read| read.target == b"/smuggled") })
}
