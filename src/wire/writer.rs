//! Heads of answers as they are written: no byte that could end a line early ever gets in, and framing is the connection's alone.

use super::framing::Framing;
use super::head::{ResponseHead, Version, list_items};
use crate::model::every;
use smallvec::SmallVec;

/// Why a field was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// The name is not a token.
    #[error("the name of a field is not a token")]
    Name,
    /// The value holds a control character.
    #[error("the value of a field holds a control character")]
    Value,
    /// The field belongs to the connection, which writes it itself.
    #[error("the field belongs to the connection")]
    Reserved,
}

/// Whether a byte may stand in a token (RFC 9110 section 5.6.2).
#[must_use]
pub const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}

/// Whether the field concerns one connection only and is never copied from one side to the other (RFC 9110 section 7.6.1),
/// body lengths included, since framing is made anew. Compared without letter case.
#[must_use]
pub fn is_connection_field(name: &[u8]) -> bool {
    let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
    match name.len() {
        2 => is("te"),
        7 => is("trailer") || is("upgrade"),
        10 => is("connection") || is("keep-alive"),
        14 => is("content-length") || is("http2-settings"),
        16 => is("proxy-connection"),
        17 => is("transfer-encoding"),
        _ => false,
    }
}

/// Appends `name: value` and a line end.
///
/// # Errors
/// When the name is not a token or the value holds a control character other than a tab; nothing is appended then.
pub fn append_field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) -> Result<(), FieldError> {
    if name.is_empty() || !name.iter().copied().all(is_token_byte) {
        return Err(FieldError::Name);
    }
    if !every(value, |byte| ((byte >= b' ') | (byte == b'\t')) & (byte != 0x7f)) {
        return Err(FieldError::Value);
    }
    append_checked(out, name, value);
    Ok(())
}

fn append_checked(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// The status and fields of an answer, kept in the form in which they are written.
#[derive(Clone)]
pub struct AnswerHead {
    status: u16,
    block: Vec<u8>,
    length: Option<u64>,
}

impl AnswerHead {
    /// An answer of this status without fields. A status that cannot end a request (below 200 but 101, above 999) becomes 502.
    #[must_use]
    pub fn new(status: u16) -> Self {
        let status = if status == 101 || (200..=999).contains(&status) { status } else { 502 };
        Self { status, block: Vec::new(), length: None }
    }

    /// The answer that `head` asks for, with those of its end-to-end fields for which `keep` holds; `keep` sees the name as sent.
    /// The length that a body-less answer (to HEAD, 304) announces is kept too.
    #[must_use]
    pub fn from_response(head: &ResponseHead, mut keep: impl FnMut(&[u8]) -> bool) -> Self {
        let mut answer = Self::new(head.status);
        let bytes = &head.fields.bytes;
        answer.block.reserve(bytes.len() + 128);
        let named = nominated(head);
        // lines that follow one another are copied together
        let mut lines = 0..0;
        for span in &head.fields.spans {
            let (name, value) = (span.name.of(bytes), span.value.of(bytes));
            if name.len() == 14 && name.eq_ignore_ascii_case(b"content-length") {
                answer.length = std::str::from_utf8(value).ok().and_then(|digits| digits.parse().ok());
            }
            let hop = is_connection_field(name) || named.iter().any(|option| option.eq_ignore_ascii_case(name));
            if hop || !keep(name) {
                continue;
            }
            match head.fields.plain_line(span) {
                Some(line) if line.start == lines.end => lines.end = line.end,
                line => {
                    answer.block.extend_from_slice(bytes.get(lines).unwrap_or_default());
                    lines = line.clone().unwrap_or(0..0);
                    if line.is_none() {
                        append_checked(&mut answer.block, name, value);
                    }
                }
            }
        }
        answer.block.extend_from_slice(bytes.get(lines).unwrap_or_default());
        answer
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Changes the status, with the rule of [`Self::new`].
    pub fn set_status(&mut self, status: u16) {
        self.status = Self::new(status).status;
    }

    /// Adds a field.
    ///
    /// # Errors
    /// When the name is not a token, the value holds CR, LF, NUL or another control character, or the field is the connection's
    /// (`Content-Length`, `Transfer-Encoding`, `Connection`, `Upgrade` ...).
    pub fn push(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<(), FieldError> {
        let name = name.as_ref();
        if is_connection_field(name) {
            return Err(FieldError::Reserved);
        }
        append_field(&mut self.block, name, value.as_ref())
    }

    /// Removes every field of this name, compared without letter case.
    pub fn remove(&mut self, name: &str) {
        let mut kept = Vec::with_capacity(self.block.len());
        for (other, value) in self.fields() {
            if !other.eq_ignore_ascii_case(name.as_bytes()) {
                append_checked(&mut kept, other, value);
            }
        }
        self.block = kept;
    }

    /// Keeps the fields of whose names `keep` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&[u8]) -> bool) {
        let mut kept = Vec::with_capacity(self.block.len());
        for (name, value) in self.fields().filter(|(name, _)| keep(name)) {
            append_checked(&mut kept, name, value);
        }
        self.block = kept;
    }

    /// Announces the length that the body would have, for answers without one (to HEAD, 304). Elsewhere the body says it.
    pub fn announce_length(&mut self, bytes: Option<u64>) {
        self.length = bytes;
    }

    /// The length announced so.
    #[must_use]
    pub const fn announced_length(&self) -> Option<u64> {
        self.length
    }

    /// The fields: name and value.
    pub fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        Lines(&self.block)
    }
}

impl std::fmt::Debug for AnswerHead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AnswerHead").field("status", &self.status).finish_non_exhaustive()
    }
}

/// Takes a block apart into what [`append_checked`] put together: names hold no colon, values no line end.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let end = memchr::memchr(b'\r', self.0)?;
        let line = self.0.get(..end)?;
        self.0 = self.0.get(end + 2..).unwrap_or_default();
        let colon = memchr::memchr(b':', line)?;
        Some((line.get(..colon)?, line.get(colon + 2..).unwrap_or_default()))
    }
}

/// The fields that the `Connection` fields name (RFC 9110 section 7.6.1); `Keep-Alive` goes in any case.
fn nominated(head: &ResponseHead) -> SmallVec<[&[u8]; 4]> {
    let mut named = SmallVec::new();
    for value in head.values("connection").filter(|value| !value.eq_ignore_ascii_case(b"keep-alive")) {
        named.extend(list_items(std::iter::once(value)));
    }
    named
}

/// What the connection adds to an answer.
pub(super) struct Closing {
    pub(super) version: Version,
    pub(super) close: bool,
    pub(super) upgrade: bool,
}

/// Writes the whole head of an answer.
pub(super) fn write_answer(out: &mut Vec<u8>, head: &AnswerHead, framing: Framing, closing: &Closing) {
    write_status_line(out, head.status);
    out.extend_from_slice(&head.block);
    match framing {
        Framing::Empty => {
            if let Some(length) = head.length {
                write_length(out, length);
            }
        }
        Framing::Length(length) => write_length(out, length),
        Framing::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        Framing::UntilClose => {}
    }
    if closing.upgrade {
        out.extend_from_slice(b"Connection: Upgrade\r\nUpgrade: websocket\r\n");
    } else if closing.close {
        out.extend_from_slice(b"Connection: close\r\n");
    } else if closing.version == Version::Http10 {
        out.extend_from_slice(b"Connection: keep-alive\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

fn write_length(out: &mut Vec<u8>, length: u64) {
    out.extend_from_slice(b"Content-Length: ");
    out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn write_status_line(out: &mut Vec<u8>, status: u16) {
    if status == 200 {
        out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
        return;
    }
    let phrase = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(itoa::Buffer::new().format(status).as_bytes());
    out.push(b' ');
    out.extend_from_slice(phrase.unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_end_and_no_framing_gets_into_a_head() {
        let mut head = AnswerHead::new(200);
        for value in ["a\r\nb", "a\nb", "a\rb", "a\0b", "\x7f"] {
            assert_eq!(head.push("X-A", value), Err(FieldError::Value));
        }
        for name in ["", "a b", "a:", "a\r\nb", "é"] {
            assert_eq!(head.push(name, "v"), Err(FieldError::Name));
        }
        for name in ["Content-Length", "transfer-encoding", "CONNECTION", "Upgrade", "Keep-Alive", "Trailer", "TE"] {
            assert_eq!(head.push(name, "1"), Err(FieldError::Reserved));
        }
        assert_eq!(head.fields().count(), 0);
    }

    #[test]
    fn fields_come_out_alike_however_their_lines_were_written() {
        let text = b"HTTP/1.1 200 OK\r\nA:1\r\nB: 2\r\nC: 3\r\nDrop: x\r\nD: 4\r\nE:  5 \r\nF:\r\nG: 7\r\n\r\n";
        let (head, _) = ResponseHead::parse(text, &super::super::limit::HeadLimits::default()).unwrap();
        let answer = AnswerHead::from_response(&head, |name| name != b"Drop");
        assert_eq!(answer.block, b"A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\nF: \r\nG: 7\r\n");
    }

    #[test]
    fn fields_are_copied_without_those_that_belong_to_the_other_connection() {
        let text = b"HTTP/1.1 200 OK\r\nConnection: x-hop, close\r\nX-Hop: 1\r\nContent-Length: 3\r\nKeep-Alive: 5\r\nETag: \"a\"\r\nServer: s\r\n\r\n";
        let (head, _) = ResponseHead::parse(text, &super::super::limit::HeadLimits::default()).unwrap();
        let mut answer = AnswerHead::from_response(&head, |name| !name.eq_ignore_ascii_case(b"server"));
        answer.push("X-A", "b: c").unwrap();
        let fields: Vec<_> = answer.fields().collect();
        assert_eq!(fields, [(&b"ETag"[..], &b"\"a\""[..]), (b"X-A", b"b: c")]);
        answer.remove("etag");
        assert_eq!(answer.fields().count(), 1);
    }
}
