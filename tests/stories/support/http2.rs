//! One request over HTTP/2, as a browser sends it; follows nothing by itself.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;

use super::browser::{Browser, Seen};

/// Sends `method target` over a connection of its own that speaks HTTP/2, and keeps the cookies that it sets.
pub fn send(browser: &mut Browser, method: &str, target: &str, fields: &[(&str, &str)], body: &[u8]) -> Seen {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let seen = runtime.block_on(exchange(browser, method, target, fields, body));
    browser.keep_cookies(&seen);
    seen
}

async fn exchange(browser: &Browser, method: &str, target: &str, fields: &[(&str, &str)], body: &[u8]) -> Seen {
    let mut tls = browser.tls();
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let socket = tokio::net::TcpStream::connect(browser.address()).await.unwrap();
    let name = ServerName::try_from(browser.host().to_owned()).unwrap();
    let stream = tokio_rustls::TlsConnector::from(Arc::new(tls)).connect(name, socket).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut request = http::Request::builder().method(method).uri(format!("https://{}{target}", browser.host()));
    let cookies = browser.cookies();
    if !cookies.is_empty() {
        // HTTP/2 lets a client send each cookie in a field of its own (RFC 9113 section 8.2.3), as browsers do.
        for cookie in cookies.split("; ") {
            request = request.header("cookie", cookie);
        }
    }
    for (name, value) in
        browser.own_fields().iter().map(|(n, v)| (n.as_str(), v.as_str())).chain(fields.iter().copied())
    {
        request = request.header(name, value);
    }
    let answer = sender.send_request(request.body(Full::new(Bytes::copy_from_slice(body))).unwrap()).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    drop(sender);
    connection.abort();
    let fields = parts.headers.iter();
    Seen {
        status: parts.status.as_u16(),
        fields: fields.map(|(n, v)| (n.to_string(), String::from_utf8_lossy(v.as_bytes()).into_owned())).collect(),
        body,
    }
}
