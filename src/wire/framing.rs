//! How the body of a message is delimited (RFC 9112 section 6), and what else of a head concerns the connection; reads no bytes itself.

use super::error::WireError;
use super::head::{RequestHead, ResponseHead, Version};

/// How a body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body and none was announced.
    Empty,
    /// So many bytes; also an announced length of nought.
    Length(u64),
    /// Chunks up to the last one; over HTTP/2 a body whose length was not announced.
    Chunked,
    /// An answer that ends with its connection.
    UntilClose,
}

impl Framing {
    /// Whether no byte of body follows.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        matches!(self, Self::Empty | Self::Length(0))
    }
}

/// A well-formed request to change to the WebSocket protocol (RFC 6455 section 4.1); whether it is allowed, rules say.
#[derive(Debug)]
pub struct UpgradeRequest(());

/// What the connection has to know of a request.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) framing: Framing,
    pub(super) keep_alive: bool,
    pub(super) expects_continue: bool,
    pub(super) upgrade: Option<UpgradeRequest>,
}

/// How the body of a request is delimited.
///
/// # Errors
/// When the head does not say so plainly: both lengths, a coding other than one `chunked`, a length that is not plain digits.
pub fn request_framing(head: &RequestHead) -> Result<Framing, WireError> {
    plan(head).map(|plan| plan.framing)
}

#[derive(Default)]
struct Found<'a> {
    length: Option<&'a [u8]>,
    coding: Option<&'a [u8]>,
    expect: Option<&'a [u8]>,
    upgrade: Option<&'a [u8]>,
    key: Option<&'a [u8]>,
    socket_version: Option<&'a [u8]>,
    /// The last `Connection` field, and how many there are.
    connection: (&'a [u8], usize),
}

fn once<'a>(slot: &mut Option<&'a [u8]>, value: &'a [u8], repeated: WireError) -> Result<(), WireError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(repeated),
    }
}

fn find<'a>(fields: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Result<Found<'a>, WireError> {
    let mut found = Found::default();
    for (name, value) in fields {
        match name.len() {
            6 if name.eq_ignore_ascii_case(b"expect") => once(&mut found.expect, value, WireError::Expectation)?,
            7 if name.eq_ignore_ascii_case(b"upgrade") => {
                once(&mut found.upgrade, value, WireError::Upgrade("several Upgrade fields"))?;
            }
            10 if name.eq_ignore_ascii_case(b"connection") => found.connection = (value, found.connection.1 + 1),
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                once(&mut found.length, value, WireError::Framing("several lengths"))?;
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                once(&mut found.coding, value, WireError::Framing("several codings"))?;
            }
            17 if name.eq_ignore_ascii_case(b"sec-websocket-key") => {
                once(&mut found.key, value, WireError::Upgrade("several keys"))?;
            }
            21 if name.eq_ignore_ascii_case(b"sec-websocket-version") => {
                once(&mut found.socket_version, value, WireError::Upgrade("several versions"))?;
            }
            _ => {}
        }
    }
    Ok(found)
}

/// SECURITY: both lengths, several, or any coding but one `chunked` are refused (`both_lengths_are_refused`, `odd_codings_are_refused`).
fn delimit(found: &Found<'_>, version: Version) -> Result<Option<Framing>, WireError> {
    match (found.length, found.coding) {
        (Some(_), Some(_)) => Err(WireError::Framing("both Content-Length and Transfer-Encoding")),
        (None, Some(_)) if version != Version::Http11 => {
            Err(WireError::Framing("Transfer-Encoding outside of HTTP/1.1"))
        }
        (None, Some(coding)) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Some(Framing::Chunked)),
        (None, Some(_)) => Err(WireError::Framing("a coding other than chunked")),
        (Some(length), None) => read_length(length).map(|length| Some(Framing::Length(length))),
        (None, None) => Ok(None),
    }
}

fn read_length(digits: &[u8]) -> Result<u64, WireError> {
    const WRONG: WireError = WireError::Framing("Content-Length is not one plain number");
    let plain = !digits.is_empty()
        && digits.len() <= 18
        && digits.iter().all(u8::is_ascii_digit)
        && (digits.len() == 1 || digits.first() != Some(&b'0'));
    if !plain {
        return Err(WRONG);
    }
    Ok(digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

#[derive(Default)]
struct Options {
    close: bool,
    keep_alive: bool,
    upgrade: bool,
}

impl Options {
    fn add(&mut self, option: &[u8]) {
        match option.len() {
            5 => self.close |= option.eq_ignore_ascii_case(b"close"),
            10 => self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive"),
            7 => self.upgrade |= option.eq_ignore_ascii_case(b"upgrade"),
            _ => {}
        }
    }
}

impl Found<'_> {
    /// What the `Connection` fields say; `all` gives the options of all of them.
    fn options<'b, I: Iterator<Item = &'b [u8]>>(&self, all: impl FnOnce() -> I) -> Options {
        let mut found = Options::default();
        match self.connection {
            (_, 0) => {}
            // nearly always one field of one option
            (value, 1) if value.iter().all(|&byte| byte.is_ascii_alphabetic() || byte == b'-') => found.add(value),
            _ => all().for_each(|option| found.add(option)),
        }
        found
    }
}

/// Judges the fields of a request that concern the connection.
pub(super) fn plan(head: &RequestHead) -> Result<Plan, WireError> {
    let version = head.version();
    let found = find(head.raw_fields())?;
    let framing = delimit(&found, version)?.unwrap_or(Framing::Empty);
    let options = found.options(|| head.connection_options());
    let expects_continue = match found.expect {
        Some(value) if value.eq_ignore_ascii_case(b"100-continue") => version == Version::Http11 && !framing.is_empty(),
        Some(_) => return Err(WireError::Expectation),
        None => false,
    };
    let upgrade = match found.upgrade {
        Some(protocol) if options.upgrade => Some(check_upgrade(head, protocol, &found, framing)?),
        _ => None,
    };
    let keep_alive = !options.close && (version != Version::Http10 || options.keep_alive);
    Ok(Plan { framing, keep_alive, expects_continue, upgrade })
}

/// SECURITY: nothing but a whole WebSocket handshake can become a tunnel; `h2c` is refused (`an_upgrade_to_h2c_is_refused`).
fn check_upgrade(
    head: &RequestHead,
    protocol: &[u8],
    found: &Found<'_>,
    framing: Framing,
) -> Result<UpgradeRequest, WireError> {
    if !protocol.eq_ignore_ascii_case(b"websocket") {
        return Err(WireError::Upgrade("to something other than websocket"));
    }
    if head.method() != "GET" || head.version() != Version::Http11 || !framing.is_empty() {
        return Err(WireError::Upgrade("not a GET of HTTP/1.1 without a body"));
    }
    let key = found.key.is_some_and(|key| {
        key.len() == 24
            && key.ends_with(b"==")
            && key.iter().take(22).all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
    });
    if !key || found.socket_version != Some(b"13") {
        return Err(WireError::Upgrade("not a handshake of WebSocket version 13"));
    }
    Ok(UpgradeRequest(()))
}

/// What the connection to an application has to know of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct AnswerPlan {
    pub(super) framing: Framing,
    pub(super) keep_alive: bool,
    pub(super) upgraded: bool,
}

/// How the body of an answer to a request of this `method` is delimited (RFC 9112 section 6.3).
///
/// # Errors
/// As for requests: both lengths, several, or any coding but one `chunked`.
pub fn response_framing(method: &str, head: &ResponseHead) -> Result<Framing, WireError> {
    answer_plan(method == "HEAD", head).map(|plan| plan.framing)
}

/// Judges the fields of an answer that concern the connection.
pub(super) fn answer_plan(to_head: bool, head: &ResponseHead) -> Result<AnswerPlan, WireError> {
    let found = find(head.raw_fields())?;
    let delimited = delimit(&found, head.version())?;
    let options = found.options(|| head.connection_options());
    let mut keep_alive = !options.close && (head.version() == Version::Http11 || options.keep_alive);
    let bodyless = to_head || head.status < 200 || matches!(head.status, 204 | 304);
    let framing = if bodyless { Framing::Empty } else { delimited.unwrap_or(Framing::UntilClose) };
    // a 204 that announces a body may well send one: nobody may read what follows as an answer of its own
    if head.status == 204 && delimited.is_some_and(|framing| !framing.is_empty()) || framing == Framing::UntilClose {
        keep_alive = false;
    }
    let upgraded = options.upgrade && found.upgrade.is_some_and(|protocol| protocol.eq_ignore_ascii_case(b"websocket"));
    Ok(AnswerPlan { framing, keep_alive, upgraded })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::limit::HeadLimits;

    fn framing_of(fields: &str) -> Result<Framing, WireError> {
        let head = format!("POST / HTTP/1.1\r\nHost: h\r\n{fields}\r\n");
        RequestHead::parse(head.as_bytes(), &HeadLimits::default()).and_then(|(head, _)| request_framing(&head))
    }

    #[test]
    fn a_length_is_plain_digits() {
        assert_eq!(framing_of(""), Ok(Framing::Empty));
        assert_eq!(framing_of("Content-Length: 0\r\n"), Ok(Framing::Length(0)));
        assert_eq!(framing_of("content-length: 1234\r\n"), Ok(Framing::Length(1234)));
        for wrong in ["+1", "-1", "01", "1,1", "0x1", "", "9999999999999999999", "1;", "1 1", "１"] {
            let refused = framing_of(&format!("Content-Length: {wrong}\r\n"));
            assert!(matches!(refused, Err(WireError::Framing(_))), "{wrong}");
        }
    }

    #[test]
    fn both_lengths_are_refused() {
        assert!(framing_of("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n").is_err());
        assert!(framing_of("Content-Length: 1\r\nContent-Length: 1\r\n").is_err());
    }

    #[test]
    fn odd_codings_are_refused() {
        assert_eq!(framing_of("Transfer-Encoding: Chunked\r\n"), Ok(Framing::Chunked));
        for wrong in [
            "identity, chunked",
            "chunked, chunked",
            "gzip, chunked",
            "chunked,",
            ",chunked",
            "chunked;q=1",
            "xchunked",
            "identity",
            "",
        ] {
            assert!(framing_of(&format!("Transfer-Encoding: {wrong}\r\n")).is_err(), "{wrong}");
        }
        assert!(framing_of("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n").is_err());
    }

    #[test]
    fn an_upgrade_to_h2c_is_refused() {
        let fields =
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n";
        assert!(matches!(framing_of(fields), Err(WireError::Upgrade(_))));
    }

    #[test]
    fn answers_to_head_and_those_without_body_end_at_their_head() {
        let answer = |text: &str| ResponseHead::parse(text.as_bytes(), &HeadLimits::default()).unwrap().0;
        let plain = answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
        assert_eq!(response_framing("HEAD", &plain), Ok(Framing::Empty));
        assert_eq!(response_framing("GET", &plain), Ok(Framing::Length(5)));
        assert_eq!(response_framing("GET", &answer("HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n")), Ok(Framing::Empty));
        assert_eq!(response_framing("GET", &answer("HTTP/1.0 200 OK\r\n\r\n")), Ok(Framing::UntilClose));
        let both = answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert!(response_framing("GET", &both).is_err());
    }
}
