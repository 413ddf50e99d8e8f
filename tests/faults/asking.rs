//! Asks over HTTP/1.1 and HTTP/2 and tells strictly whether what came is whole.

use std::io::{Read, Write};
use std::sync::Arc;

use http_body_util::BodyExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;

use crate::browser::Browser;

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Got {
    pub status: u16,
    pub reason: Option<String>,
    pub body: Vec<u8>,
    /// Whether it came to its end by its own framing.
    pub whole: bool,
}

impl Got {
    fn cut() -> Self {
        Self { status: 0, reason: None, body: Vec::new(), whole: false }
    }
}

/// The body of a `POST`: larger than what an application takes that reads nothing of it.
const BODY: usize = 300_000;

/// Over HTTP/1.1, on a connection of its own.
pub fn http1(browser: &Browser, method: &str, target: &str) -> Got {
    let mut stream = browser.connect();
    let host = browser.host();
    let mut request = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n");
    if method == "POST" {
        request += &format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {BODY}\r\n");
    }
    request += "\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    if method == "POST" {
        // a gateway that has answered need not take it
        let _ = stream.write_all(&vec![b'x'; BODY]);
    }
    let mut bytes = Vec::new();
    loop {
        if let Some(got) = read(&bytes, method == "HEAD") {
            return got;
        }
        let mut space = [0; 4096];
        match stream.read(&mut space) {
            Ok(count) if count > 0 => bytes.extend_from_slice(&space[..count]),
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                panic!("{target}: nothing comes any more")
            }
            // however it ended: by its framing it was not whole
            _ => return Got { body: bytes, ..Got::cut() },
        }
    }
}

/// An answer that is whole by its own framing, else nothing.
fn read(bytes: &[u8], to_head: bool) -> Option<Got> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(length) = response.parse(bytes).ok()? else { return None };
    let field = |name: &str| {
        let found = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.map(|header| String::from_utf8(header.value.to_vec()).unwrap())
    };
    let (status, rest) = (response.code?, &bytes[length..]);
    let body = if to_head || matches!(status, 204 | 304) {
        Vec::new()
    } else if let Some(length) = field("content-length") {
        rest.get(..length.parse().unwrap())?.to_vec()
    } else {
        assert_eq!(field("transfer-encoding").as_deref(), Some("chunked"), "{:?}", String::from_utf8_lossy(bytes));
        dechunk(rest)?
    };
    Some(Got { status, reason: field("x-scopegate-reason"), body, whole: true })
}

fn dechunk(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        body.extend_from_slice(bytes.get(end + 2..end + 2 + size)?);
        bytes = bytes.get(end + 2 + size + 2..)?;
        if size == 0 {
            return Some(body);
        }
    }
}

/// Over HTTP/2, on a connection of its own.
pub fn http2(browser: &Browser, method: &str, target: &str) -> Got {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let asked = async {
        let mut tls = browser.tls();
        tls.alpn_protocols = vec![b"h2".to_vec()];
        let socket = tokio::net::TcpStream::connect(browser.address()).await.unwrap();
        let name = ServerName::try_from(browser.host().to_owned()).unwrap();
        let stream = tokio_rustls::TlsConnector::from(Arc::new(tls)).connect(name, socket).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(connection);
        let request = http::Request::builder().method(method).uri(format!("https://{}{target}", browser.host()));
        let body = if method == "POST" { vec![b'x'; BODY] } else { Vec::new() };
        let request = if method == "POST" {
            request.header("content-type", "application/x-www-form-urlencoded")
        } else {
            request
        };
        let body = http_body_util::Full::new(bytes::Bytes::from(body));
        let got = match sender.send_request(request.body(body).unwrap()).await {
            Ok(answer) => whole(answer).await,
            Err(_) => Got::cut(),
        };
        drop(sender);
        connection.abort();
        got
    };
    let limited = async { tokio::time::timeout(std::time::Duration::from_secs(30), asked).await };
    runtime.block_on(limited).unwrap_or_else(|_| panic!("{target}: nothing comes any more"))
}

async fn whole(answer: http::Response<hyper::body::Incoming>) -> Got {
    let (parts, mut body) = answer.into_parts();
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => bytes.extend_from_slice(&frame.into_data().unwrap_or_default()),
            Err(_) => return Got { body: bytes, ..Got::cut() },
        }
    }
    let reason = parts.headers.get("x-scopegate-reason").map(|value| value.to_str().unwrap().to_owned());
    Got { status: parts.status.as_u16(), reason, body: bytes, whole: true }
}
