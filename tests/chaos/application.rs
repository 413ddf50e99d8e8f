//! A legacy application that writes down what it receives before it does anything else, and answers as slowly as a test wants.
#![allow(clippy::disallowed_methods, reason = "an application reads its target as it likes; the gateway never does")]

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use feed::Chunks;
use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// One request as it came in.
#[derive(Clone, Debug)]
pub struct Received {
    pub request: String,
    pub target: String,
    /// Which rule set sent it: the name of the header that tells the user.
    pub told_by: String,
    pub body: String,
}

/// What a test turns while the application answers.
#[derive(Clone, Copy, Debug, Default)]
struct Dials {
    /// Chunks that every stream has been given so far.
    ticks: u64,
    /// Streams end.
    over: bool,
    /// Requests that are held are answered.
    released: bool,
}

#[derive(Default)]
struct State {
    received: Mutex<Vec<Received>>,
    sessions: Mutex<HashMap<String, String>>,
}

pub struct Application {
    pub address: SocketAddr,
    state: Arc<State>,
    dials: watch::Sender<Dials>,
    _runtime: Runtime,
}

type Body = BoxBody<Bytes, Infallible>;

impl Application {
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let dials = watch::Sender::new(Dials::default());
        let (shared, turned) = (Arc::clone(&state), dials.clone());
        runtime.spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                let (state, dials) = (Arc::clone(&shared), turned.clone());
                tokio::spawn(async move {
                    let service = service_fn(move |request| answer(Arc::clone(&state), dials.clone(), request));
                    // A gateway that was killed is no concern of an application.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .timer(TokioTimer::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .with_upgrades()
                        .await;
                });
            }
        });
        Self { address, state, dials, _runtime: runtime }
    }

    pub fn received(&self) -> Vec<Received> {
        self.state.received.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.state.received.lock().unwrap().len()
    }

    /// Whether a request came whose target or body holds `part`.
    pub fn has(&self, part: &str) -> bool {
        let received = self.state.received.lock().unwrap();
        received.iter().any(|one| one.target.contains(part) || one.body.contains(part))
    }

    /// Gives every open stream one more chunk.
    pub fn tick(&self) {
        self.dials.send_modify(|dials| dials.ticks += 1);
    }

    /// Ends every stream.
    pub fn end_streams(&self) {
        self.dials.send_modify(|dials| dials.over = true);
    }

    /// Answers what is held, and whatever asks to be held from now on.
    pub fn release(&self) {
        self.dials.send_modify(|dials| dials.released = true);
    }
}

fn text(status: u16, body: String) -> Response<Body> {
    Response::builder().status(status).header("content-type", "text/plain").body(Full::from(body).boxed()).unwrap()
}

fn form(text: &str, name: &str) -> Option<String> {
    form_urlencoded::parse(text.as_bytes()).find(|(n, _)| n == name).map(|(_, value)| value.into_owned())
}

/// A WebSocket that says nothing until the other side goes.
fn socket(request: &mut Request<Incoming>) -> Response<Body> {
    let key = request.headers().get("sec-websocket-key").map(|key| key.as_bytes().to_vec()).unwrap_or_default();
    let upgrading = hyper::upgrade::on(request);
    tokio::spawn(async move {
        if let Ok(mut stream) = upgrading.await.map(TokioIo::new) {
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        }
    });
    Response::builder()
        .status(101)
        .header("upgrade", "websocket")
        .header("connection", "Upgrade")
        .header("sec-websocket-accept", scopegate::upstream::accept_of(&key))
        .body(Full::from("").boxed())
        .unwrap()
}

async fn answer(
    state: Arc<State>,
    dials: watch::Sender<Dials>,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    if request.uri().path() == "/socket" {
        return Ok(socket(&mut request));
    }
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let body = String::from_utf8_lossy(&body).into_owned();
    let field = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
    let told_by: Vec<&str> =
        ["a", "b"].into_iter().filter(|set| field(&format!("x-told-by-{set}")) == crate::site::KEEPER).collect();
    let told_by = told_by.join("+");
    let received = Received { request: field("x-request-id"), target: parts.uri.to_string(), told_by, body };
    state.received.lock().unwrap().push(received.clone());
    let query = parts.uri.query().unwrap_or("").to_owned();
    if form(&query, "hold").is_some() || form(&received.body, "hold").is_some() {
        // The sender lives in the application.
        let _ = dials.subscribe().wait_for(|dials| dials.released).await;
    }
    let session = field("cookie")
        .split(';')
        .find_map(|pair| pair.trim().strip_prefix("SID=").map(str::to_owned))
        .unwrap_or_default();
    Ok(match parts.uri.path() {
        "/login" => {
            let user = form(&received.body, "user").unwrap_or_default();
            let mut sessions = state.sessions.lock().unwrap();
            let id = format!("{:08}-{user}", sessions.len());
            sessions.insert(id.clone(), user);
            let mut answer = text(302, String::new());
            answer.headers_mut().insert("location", "/main".parse().unwrap());
            answer.headers_mut().insert("set-cookie", format!("SID={id}; Path=/; HttpOnly").parse().unwrap());
            answer
        }
        "/whoami" => {
            text(200, format!("user={};", state.sessions.lock().unwrap().get(&session).cloned().unwrap_or_default()))
        }
        // more than lies in the buffers between
        "/large" => text(200, "x".repeat(16 << 20)),
        path if path.ends_with("/stream") => {
            let mut answer = text(200, String::new());
            *answer.body_mut() = Chunks::new(dials.subscribe()).boxed();
            answer
        }
        _ => text(200, format!("{} {} {}", received.told_by, received.request, received.target)),
    })
}

/// A body that a test feeds.
mod feed {
    use super::Dials;
    use bytes::Bytes;
    use hyper::body::{Body, Frame};
    use std::convert::Infallible;
    use std::future::Future;
    use std::pin::Pin;
    use std::task::{Context, Poll, ready};
    use tokio::sync::watch;

    type Turn = (watch::Receiver<Dials>, bool);

    /// One chunk at once, then one for each tick, until the streams are over.
    pub struct Chunks {
        given: u64,
        next: Pin<Box<dyn Future<Output = Turn> + Send + Sync>>,
    }

    impl Chunks {
        pub fn new(dials: watch::Receiver<Dials>) -> Self {
            let given = dials.borrow().ticks;
            Self { given, next: Box::pin(async move { (dials, true) }) }
        }
    }

    impl Body for Chunks {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            let (mut dials, more) = ready!(self.next.as_mut().poll(cx));
            if !more {
                self.next = Box::pin(async move { (dials, false) });
                return Poll::Ready(None);
            }
            let chunk = format!("chunk {}\n", self.given);
            self.given += 1;
            let given = self.given;
            self.next = Box::pin(async move {
                let more = match dials.wait_for(|dials| dials.ticks >= given || dials.over).await {
                    Ok(dials) => dials.ticks >= given,
                    Err(_) => false,
                };
                (dials, more)
            });
            Poll::Ready(Some(Ok(Frame::data(chunk.into()))))
        }
    }
}
