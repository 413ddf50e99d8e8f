//! One request of the HTTP/2 layer as an exchange of the service, and the service's answer on its way back.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Instant;

use super::tally::Stream;
use crate::wire::body::{AnswerBody, Completion, Finish, H2Body, RequestBody};
use crate::wire::error::WireError;
use crate::wire::flood::FOR_A_PIECE;
use crate::wire::framing::{Framing, request_framing};
use crate::wire::head::RequestHead;
use crate::wire::limit::H2Settings;
use crate::wire::parse;
use crate::wire::server::{Answer, Exchange, Rejected, Service};
use crate::wire::writer::AnswerHead;

/// Bytes of an answer handed to the layer below at once.
const PIECE: usize = 16 * 1024;

/// Turns one request of the HTTP/2 layer into an exchange, and its answer back.
///
/// In a box, since the layer below moves the future of a stream half a dozen times.
pub(super) fn answer<S: Service>(
    request: http::Request<Incoming>,
    service: Rc<S>,
    stream: Stream,
    settings: &H2Settings,
) -> Pin<Box<impl Future<Output = http::Response<H2Answer>> + use<S>>> {
    let (parts, body) = request.into_parts();
    let to_head = parts.method == http::Method::HEAD;
    let asked = read(&parts, body, &stream, settings);
    Box::pin(async move {
        let answer = match asked {
            Ok(exchange) => service.call(exchange).await,
            Err(rejected) => service.reject(rejected).await,
        };
        respond(answer, to_head, stream)
    })
}

fn read(
    parts: &http::request::Parts,
    body: Incoming,
    stream: &Stream,
    settings: &H2Settings,
) -> Result<Box<Exchange>, Rejected> {
    let head = parse::from_http2(parts, &settings.head, &mut stream.tally.hosts.borrow_mut());
    let (framing, head) = match head.and_then(|head| Ok((request_framing(&head)?, head))) {
        Ok(read) => read,
        Err(error) => {
            stream.tally.rests.take_over(body);
            return Err(Rejected { error, partial: partial(parts) });
        }
    };
    let (framing, body) = match (body.is_end_stream(), framing) {
        (true, framing) => (framing, RequestBody::Empty),
        (false, framing) => {
            let framing = if framing == Framing::Empty { Framing::Chunked } else { framing };
            let body = H2Body::new(body, settings.body, Rc::clone(&stream.tally.rests));
            (framing, RequestBody::H2(Box::new(body)))
        }
    };
    Ok(Box::new(Exchange { head, framing, body, upgrade: None }))
}

fn partial(parts: &http::request::Parts) -> Option<RequestHead> {
    let target = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    parse::partial(format!("{} {target}", parts.method).as_bytes())
}

fn respond(answer: Answer, to_head: bool, stream: Stream) -> http::Response<H2Answer> {
    let Answer { mut head, mut body, finished } = answer;
    // SECURITY: nothing switches protocols here (`an_unsolicited_101_becomes_502`)
    if head.status() == 101 || matches!(body, AnswerBody::Tunnel(_)) {
        (head, body) = (AnswerHead::new(502), AnswerBody::Empty);
    }
    let status = head.status();
    let mut length = head.announced_length();
    let bodyless = to_head || matches!(status, 204 | 304);
    if bodyless {
        if to_head && status != 304 {
            length = length.or_else(|| body.size_hint().exact());
        }
        body = AnswerBody::Empty;
    }
    let left = body.size_hint().exact();
    let mut response =
        http::Response::new(H2Answer { body, rest: Bytes::new(), left, bytes: 0, finished, stream, untaken: false });
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::BAD_GATEWAY);
    let fields = response.headers_mut();
    fields.reserve(16);
    for (name, value) in head.fields() {
        let name = http::HeaderName::from_bytes(name);
        if let (Ok(name), Ok(value)) = (name, http::HeaderValue::from_bytes(value)) {
            fields.append(name, value);
        }
    }
    if let Some(length) = length.filter(|_| bodyless && status != 204) {
        fields.insert(http::header::CONTENT_LENGTH, length.into());
    }
    response
}

/// An answer's body on its way to the HTTP/2 layer.
pub(super) struct H2Answer {
    body: AnswerBody,
    /// Data that the body gave and that has not been handed on.
    rest: Bytes,
    left: Option<u64>,
    bytes: u64,
    finished: Option<Finish>,
    stream: Stream,
    untaken: bool,
}

impl H2Answer {
    fn settle(&mut self, completion: Completion) {
        self.stream.settled = true;
        if let Some(finished) = self.finished.take() {
            finished.call(completion, self.bytes, Instant::now());
        }
    }

    fn fail(&mut self, error: WireError) -> Poll<Option<Result<Frame<Bytes>, WireError>>> {
        self.settle(Completion::of(error));
        Poll::Ready(Some(Err(error)))
    }
}

impl Body for H2Answer {
    type Data = Bytes;
    type Error = WireError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, WireError>>> {
        let this = self.get_mut();
        if std::mem::take(&mut this.untaken) {
            this.stream.tally.forget_untaken(this.stream.number);
        }
        while this.rest.is_empty() {
            this.rest = match Pin::new(&mut this.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
                Poll::Ready(Some(Err(error))) => return this.fail(error),
                Poll::Ready(None) if this.left.is_some_and(|left| left > 0) => {
                    return this.fail(WireError::UpstreamCut);
                }
                Poll::Ready(None) => {
                    this.settle(Completion::Complete);
                    return Poll::Ready(None);
                }
                Poll::Pending => return Poll::Pending,
            };
        }
        // in pieces, since the layer below takes each whole into its buffer, whatever the client's window is
        let data = this.rest.split_to(this.rest.len().min(PIECE));
        if let Some(left) = &mut this.left {
            match left.checked_sub(data.len() as u64) {
                Some(rest) => *left = rest,
                None => return this.fail(WireError::UpstreamFraming("too long")),
            }
        }
        this.bytes += data.len() as u64;
        this.stream.tally.account.earn(FOR_A_PIECE);
        // SECURITY: the last piece, too, waits for the client's window, and its stream stays open until then
        // (`a_client_that_opens_no_window_is_given_up_however_small_the_answer_is`).
        this.untaken = true;
        this.stream.tally.untaken.borrow_mut().push((this.stream.number, Instant::now()));
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.left.map_or_else(|| self.body.is_end_stream(), |left| left == 0)
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

impl Drop for H2Answer {
    fn drop(&mut self) {
        if self.untaken {
            self.stream.tally.forget_untaken(self.stream.number);
        }
        if !self.stream.settled {
            if self.is_end_stream() {
                self.settle(Completion::Complete);
            } else if let Some(finished) = self.finished.take() {
                finished.call(Completion::ClientGone, self.bytes, Instant::now());
            }
        }
    }
}
