//! A very small web toolkit for the demo's legacy applications; it is careless on purpose, as they are, and never guards anything.
#![allow(clippy::disallowed_methods, reason = "a legacy application reads its raw target; the gateway never does")]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use bytes::Bytes;
use encoding_rs::Encoding;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// What one application received, as the tests assert it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The method.
    pub method: String,
    /// The target as it stood in the request line.
    pub target: String,
    /// Field names in lower case with their values, in order.
    pub fields: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Received {
    /// The values of a field, in order.
    #[must_use]
    pub fn field(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect()
    }
}

/// Everything that an application received since its start, shared with whoever wants to look.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<Received>>>);

impl Log {
    /// All requests so far.
    #[must_use]
    pub fn all(&self) -> Vec<Received> {
        self.0.lock().clone()
    }

    /// All requests so far, which are then forgotten.
    pub fn take(&self) -> Vec<Received> {
        std::mem::take(&mut *self.0.lock())
    }

    /// The requests so far that `wanted` picks, which are then forgotten.
    pub fn take_where(&self, mut wanted: impl FnMut(&Received) -> bool) -> Vec<Received> {
        let mut all = self.0.lock();
        let (taken, kept) = std::mem::take(&mut *all).into_iter().partition(|received| wanted(received));
        *all = kept;
        taken
    }

    fn push(&self, received: Received) {
        self.0.lock().push(received);
    }
}

/// A request as a legacy application sees it.
pub struct Request {
    /// The method.
    pub method: String,
    /// The decoded path.
    pub path: String,
    /// Query parameters; the last of a name wins, as PHP has it.
    pub query: HashMap<String, String>,
    /// Form fields; the last of a name wins.
    pub form: HashMap<String, String>,
    /// Cookies.
    pub cookies: HashMap<String, String>,
    /// The key of a WebSocket handshake, where it is one.
    pub websocket: Option<String>,
    /// The raw body.
    pub body: Vec<u8>,
}

impl Request {
    /// A parameter of the query or, failing that, of the form.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.get(name).or_else(|| self.form.get(name)).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// An answer of a legacy application.
pub struct Answer {
    status: u16,
    fields: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// What is told first over a WebSocket.
    told: Option<String>,
}

impl Answer {
    /// An HTML page in `charset`.
    #[must_use]
    pub fn page(charset: &'static Encoding, html: &str) -> Self {
        let (body, _, _) = charset.encode(html);
        Self {
            status: 200,
            fields: vec![("content-type", format!("text/html; charset={}", charset.name().to_ascii_lowercase()))],
            body: body.into_owned(),
            told: None,
        }
    }

    /// A JSON document.
    #[must_use]
    pub fn json(status: u16, value: &serde_json::Value) -> Self {
        Self::raw(status, "application/json", value.to_string().into_bytes())
    }

    /// A redirect with 302, as old applications do it.
    #[must_use]
    pub fn redirect(location: &str) -> Self {
        Self { status: 302, fields: vec![("location", location.into())], body: Vec::new(), told: None }
    }

    /// A WebSocket (RFC 6455) for the handshake with `key`, on which `text` is told; it stays open until the other end goes.
    #[must_use]
    pub fn websocket(key: &str, text: String) -> Self {
        let fields = vec![
            ("connection", "Upgrade".into()),
            ("upgrade", "websocket".into()),
            ("sec-websocket-accept", accept_of(key.as_bytes())),
        ];
        Self { status: 101, fields, body: Vec::new(), told: Some(text) }
    }

    /// A plain answer of another type.
    #[must_use]
    pub fn raw(status: u16, content_type: &str, body: Vec<u8>) -> Self {
        Self { status, fields: vec![("content-type", content_type.into())], body, told: None }
    }

    /// The same answer with another status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same answer with one more field.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// The same answer that sets a cookie.
    #[must_use]
    pub fn cookie(self, name: &str, value: &str) -> Self {
        self.with("set-cookie", format!("{name}={value}; Path=/; HttpOnly"))
    }
}

/// A legacy application.
pub trait Application: Send + Sync + 'static {
    /// The charset of its pages and forms.
    fn charset(&self) -> &'static Encoding;
    /// Answers one request.
    fn answer(&self, request: &Request) -> Answer;
}

/// Signed-in sessions of one application: session id → user.
#[derive(Default)]
pub struct Sessions(Mutex<HashMap<String, String>>);

impl Sessions {
    /// Opens a session for `user` and gives its id.
    pub fn open(&self, user: &str) -> String {
        let mut bytes = [0_u8; 16];
        // The demo's sessions guard nothing but demo data; without randomness they stay countable.
        let _ = aws_lc_rs::rand::fill(&mut bytes);
        let id: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        self.0.lock().insert(id.clone(), user.to_owned());
        id
    }

    /// Who holds this session.
    #[must_use]
    pub fn user(&self, id: Option<&String>) -> Option<String> {
        self.0.lock().get(id?).cloned()
    }

    /// Ends a session.
    pub fn close(&self, id: Option<&String>) {
        if let Some(id) = id {
            self.0.lock().remove(id);
        }
    }
}

fn decode_pairs(charset: &'static Encoding, text: &[u8]) -> HashMap<String, String> {
    let decode = |part: &[u8]| {
        let spaced: Vec<u8> = part.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
        let bytes: Vec<u8> = percent_encoding::percent_decode(&spaced).collect();
        charset.decode(&bytes).0.into_owned()
    };
    text.split(|&byte| byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let mut halves = pair.splitn(2, |&byte| byte == b'=');
            (decode(halves.next().unwrap_or_default()), decode(halves.next().unwrap_or_default()))
        })
        .collect()
}

fn cookies(parts: &http::request::Parts) -> HashMap<String, String> {
    parts
        .headers
        .get_all(http::header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// One unmasked text message, then silence until the other end closes (RFC 6455 section 5.2).
async fn tell(upgrade: OnUpgrade, text: String) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut stream = TokioIo::new(upgrade.await?);
    let mut frame = vec![0x81];
    match u16::try_from(text.len())? {
        short @ 0..=125 => frame.push(u8::try_from(short)?),
        long => {
            frame.push(126);
            frame.extend_from_slice(&long.to_be_bytes());
        }
    }
    frame.extend_from_slice(text.as_bytes());
    stream.write_all(&frame).await?;
    let mut heard = [0; 256];
    loop {
        match stream.read(&mut heard).await? {
            0 => return Ok(()),
            // a close frame is answered by one, and a ping by a pong
            _ if heard.first().is_some_and(|byte| byte & 0x0f == 8) => return Ok(stream.write_all(&[0x88, 0]).await?),
            _ if heard.first().is_some_and(|byte| byte & 0x0f == 9) => stream.write_all(&[0x8a, 0]).await?,
            _ => {}
        }
    }
}

async fn serve_one(
    application: Arc<dyn Application>,
    log: Log,
    mut request: http::Request<Incoming>,
) -> Result<http::Response<Full<Bytes>>, http::Error> {
    let upgrade = hyper::upgrade::on(&mut request);
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, 1 << 20).collect().await.map(|body| body.to_bytes().to_vec()).unwrap_or_default();
    log.push(Received {
        method: parts.method.to_string(),
        target: parts.uri.to_string(),
        fields: parts
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
        body: body.clone(),
    });
    let charset = application.charset();
    let is_form = parts
        .headers
        .get(http::header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    let answer = application.answer(&Request {
        method: parts.method.to_string(),
        path: percent_encoding::percent_decode_str(parts.uri.path()).decode_utf8_lossy().into_owned(),
        query: decode_pairs(charset, parts.uri.query().unwrap_or_default().as_bytes()),
        form: if is_form { decode_pairs(charset, &body) } else { HashMap::new() },
        cookies: cookies(&parts),
        websocket: parts.headers.get("sec-websocket-key").and_then(|key| key.to_str().ok()).map(str::to_owned),
        body,
    });
    if let Some(text) = answer.told {
        // A page that is left is no concern of a demo application.
        tokio::spawn(async move { tell(upgrade, text).await.unwrap_or_default() });
    }
    let mut response = http::Response::builder().status(answer.status);
    for (name, value) in answer.fields {
        response = response.header(name, value);
    }
    response.body(Full::new(Bytes::from(answer.body)))
}

/// The answer to the key of a WebSocket handshake (RFC 6455 section 4.2.2).
fn accept_of(key: &[u8]) -> String {
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, &[key, b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"].concat());
    base64::engine::general_purpose::STANDARD.encode(hash.as_ref())
}

/// Serves `application` on a free loopback port until the runtime ends; gives its address.
///
/// # Errors
/// When no loopback port can be bound.
pub async fn serve(application: Arc<dyn Application>, log: Log) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (application, log) = (Arc::clone(&application), log.clone());
            tokio::spawn(async move {
                let service = service_fn(move |request| serve_one(Arc::clone(&application), log.clone(), request));
                // A client that leaves is no concern of a demo application.
                let _ = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .with_upgrades()
                    .await;
            });
        }
    });
    Ok(address)
}

/// Text made safe to stand in HTML.
#[must_use]
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
