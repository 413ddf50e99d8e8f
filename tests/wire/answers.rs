//! Answers: framing, what has no body, what breaks off, how a connection is kept or ended, and how few writes it takes.

use crate::support::{Recorder, plain, read_until, request, run, serve, serve_on, talk, talk_to};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use scopegate::model::Reason;
use scopegate::wire::body::{AnswerBody, Completion};
use scopegate::wire::error::WireError;
use scopegate::wire::limit::H1Settings;
use scopegate::wire::link::Transport;
use scopegate::wire::server::{Answer, End};
use scopegate::wire::stop::{Stop, StopSource};
use scopegate::wire::writer::AnswerHead;
use std::cell::Cell;
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};

/// A body out of a list; with an announced length or without.
pub struct Script(pub VecDeque<Result<&'static str, WireError>>, pub Option<u64>);

impl Body for Script {
    type Data = Bytes;
    type Error = WireError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, WireError>>> {
        Poll::Ready(self.0.pop_front().map(|next| next.map(|text| Frame::data(Bytes::from_static(text.as_bytes())))))
    }

    fn size_hint(&self) -> SizeHint {
        self.1.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

fn streaming(parts: &'static [Result<&'static str, WireError>], length: Option<u64>) -> Recorder {
    Recorder::answering(move |_| {
        Answer::new(AnswerHead::new(200), AnswerBody::stream(Script(parts.iter().copied().collect(), length)))
    })
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";

#[test]
fn a_known_length_is_announced_and_an_unknown_one_chunked() {
    let known = talk(GET);
    assert_eq!(known.answered, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok");
    assert_eq!(known.ends, [(Completion::Complete, 2)]);
    let unknown = talk_to(streaming(&[Ok("ab"), Ok(""), Ok("cde")], None), GET);
    assert_eq!(
        unknown.answered,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n"
    );
    assert_eq!(unknown.ends, [(Completion::Complete, 5)]);
}

#[test]
fn an_old_client_gets_an_unknown_length_up_to_the_end_of_the_connection() {
    let talk = talk_to(
        streaming(&[Ok("abc")], None),
        b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n",
    );
    assert_eq!(talk.answered, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc");
    let kept = talk_to(Recorder::new(), b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n");
    assert_eq!(kept.statuses(), [200, 200]);
    assert!(kept.answered.contains("Connection: keep-alive") && kept.answered.contains("Connection: close"));
}

#[test]
fn answers_without_a_body_have_none() {
    let head = talk_to(Recorder::new(), b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(head.answered, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n");
    for status in [204, 304] {
        let none = talk_to(Recorder::answering(move |_| plain(status, "body")), GET);
        assert!(none.answered.ends_with("\r\n\r\n") && !none.answered.contains("Content-Length"), "{}", none.answered);
    }
}

#[test]
fn a_cut_answer_never_looks_complete() {
    for (parts, length, expected) in [
        (&[Ok("ab"), Err(WireError::UpstreamCut)], None, Completion::UpstreamCut),
        (&[Ok("ab"), Err(WireError::UpstreamTimeout)], Some(5), Completion::UpstreamTimeout),
        (&[Ok("ab"), Err(WireError::Withheld(Reason::Frozen))], None, Completion::Withheld(Reason::Frozen)),
        (&[Ok("ab"), Ok("c")], Some(5), Completion::UpstreamCut),
        (&[Ok("ab"), Ok("cdef")], Some(5), Completion::UpstreamCut),
    ] as [(&'static [_], _, _); 5]
    {
        let talk = talk_to(streaming(parts, length), &[GET, GET].concat());
        assert!(!talk.answered.contains("0\r\n\r\n"), "{}", talk.answered);
        assert!(talk.answered.len() < 60 + 40, "{}", talk.answered);
        assert_eq!(talk.seen.len(), 1);
        assert_eq!(talk.end.end, End::AnswerCut);
        assert!(matches!(&talk.ends[..], [(how, _)] if *how == expected), "{:?}", talk.ends);
    }
}

#[test]
fn an_unsolicited_101_becomes_502() {
    let talk = talk_to(Recorder::answering(|_| plain(101, "")), GET);
    assert_eq!(talk.statuses(), [502]);
    assert_eq!(AnswerHead::new(100).status(), 502);
}

#[test]
fn a_connection_closes_when_the_client_asks_for_it() {
    let talk = talk([&b"GET / HTTP/1.1\r\nHost: h\r\nConnection: x, Close\r\n\r\n"[..], GET].concat());
    assert_eq!(talk.seen, [request("GET", "/", b"")]);
    assert_eq!(talk.end.end, End::AsAnnounced);
}

#[test]
fn a_draining_server_finishes_the_request_and_closes() {
    run(async {
        let source = StopSource::new();
        let asked = source.clone();
        let service = Rc::new(Recorder::answering(move |_| {
            asked.stop();
            plain(200, "ok")
        }));
        let (mut client, serving) = serve(&service, H1Settings::default(), source.listen());
        client.write_all(GET).await.unwrap();
        let mut answered = String::new();
        client.read_to_string(&mut answered).await.unwrap();
        assert!(answered.contains("Connection: close\r\n") && answered.ends_with("ok"));
        assert_eq!(serving.await.unwrap().end, End::AsAnnounced);
    });
}

#[test]
fn a_draining_server_closes_idle_connections_at_once() {
    run(async {
        let source = StopSource::new();
        let service = Rc::new(Recorder::new());
        let (mut client, serving) = serve(&service, H1Settings::default(), source.listen());
        client.write_all(GET).await.unwrap();
        read_until(&mut client, "ok").await;
        source.stop();
        assert_eq!(serving.await.unwrap().end, End::Stopped);
    });
}

/// Counts writes.
struct Counted(DuplexStream, Rc<Cell<usize>>);

impl Transport for Counted {}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.1.set(self.1.get() + 1);
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        self.1.set(self.1.get() + 1);
        Pin::new(&mut self.0).poll_write_vectored(cx, parts)
    }
    fn is_write_vectored(&self) -> bool {
        true
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[test]
fn head_and_body_leave_in_one_write() {
    const LONG: &str = include_str!("answers.rs");
    for service in [
        Recorder::new(),
        streaming(&[Ok("abc")], None),
        streaming(&[Ok("abc")], Some(3)),
        Recorder::answering(|_| plain(200, LONG)),
        streaming(&[Ok(LONG)], Some(LONG.len() as u64)),
    ] {
        let writes = run(async {
            let (mut client, server) = tokio::io::duplex(1 << 16);
            let writes = Rc::new(Cell::new(0));
            let service = Rc::new(service);
            let serving = serve_on(Counted(server, Rc::clone(&writes)), &service, H1Settings::default(), Stop::never());
            client.write_all(GET).await.unwrap();
            client.shutdown().await.unwrap();
            client.read_to_end(&mut Vec::new()).await.unwrap();
            serving.await.unwrap();
            writes.get()
        });
        assert_eq!(writes, 1);
    }
}
