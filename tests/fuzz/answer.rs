//! Reads the same bytes by our client and by hyper's, and compares what each took for the answer.

use crate::Core;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use scopegate::wire::client::{ClientConnection, ClientSettings, Outgoing, Payload};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

#[derive(Debug, PartialEq, Eq)]
struct Read {
    status: u16,
    fields: Vec<(String, Vec<u8>)>,
    /// `None` when it was refused or broke off.
    body: Option<Vec<u8>>,
}

fn sorted(fields: impl Iterator<Item = (String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    let mut fields: Vec<_> = fields.map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    fields.sort_by(|(a, _), (b, _)| a.cmp(b));
    fields
}

/// Takes the request, then answers it with the bytes and closes.
async fn application(mut stream: DuplexStream, bytes: &[u8]) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).await.unwrap_or(0) == 0 {
            return;
        }
        request.push(byte[0]);
    }
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
}

async fn by_us(bytes: &[u8], to_head: bool, split: usize) -> Option<Read> {
    let (ours, theirs) = tokio::io::duplex(split);
    let request: &[u8] =
        if to_head { b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n" } else { b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" };
    let asking = async {
        let answer = ClientConnection::new(ours, ClientSettings::default(), None)
            .send(request, Outgoing::Empty, tokio::time::Instant::now())
            .await
            .ok()?;
        let fields = sorted(answer.head.fields().map(|(name, value)| (name.to_owned(), value.to_vec())));
        let Payload::Body(body) = answer.payload else { return None };
        let body = body.collect().await.ok().map(|body| body.to_bytes().to_vec());
        Some(Read { status: answer.head.status, fields, body })
    };
    tokio::join!(application(theirs, bytes), asking).1
}

async fn by_hyper(bytes: &[u8], to_head: bool) -> Option<Read> {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let asking = async {
        let mut builder = hyper::client::conn::http1::Builder::new();
        builder.max_headers(200);
        let (mut sender, connection) = builder.handshake(TokioIo::new(ours)).await.ok()?;
        let method = if to_head { "HEAD" } else { "GET" };
        let request = http::Request::builder().method(method).uri("/").header("host", "h");
        let request = request.body(Empty::<bytes::Bytes>::new()).unwrap();
        let talk = async {
            let (parts, body) = sender.send_request(request).await.ok()?.into_parts();
            let fields =
                sorted(parts.headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())));
            let body = body.collect().await.ok().map(|body| body.to_bytes().to_vec());
            Some(Read { status: parts.status.as_u16(), fields, body })
        };
        tokio::join!(connection, talk).1
    };
    tokio::join!(application(theirs, bytes), asking).1
}

/// Compares; tells whether ours took the answer whole.
pub fn compare(core: &Core, bytes: &[u8], to_head: bool, split: usize) -> Result<bool, String> {
    core.run(async {
        let ours = by_us(bytes, to_head, 1 << 16).await;
        let in_pieces = by_us(bytes, to_head, split).await;
        if ours != in_pieces {
            return Err(format!("split at {split}: {in_pieces:?} instead of {ours:?}"));
        }
        let Some(ours) = ours else { return Ok(false) };
        let theirs = by_hyper(bytes, to_head).await;
        match &theirs {
            Some(theirs)
                if (ours.status, &ours.fields) == (theirs.status, &theirs.fields)
                    && (ours.body.is_none() || ours.body == theirs.body) =>
            {
                Ok(ours.body.is_some())
            }
            _ => Err(format!("ours {ours:?}, hyper's {theirs:?}")),
        }
    })
}
