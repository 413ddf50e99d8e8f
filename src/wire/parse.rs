//! Syntax of heads: finds where a head ends, lets `httparse` take it apart, and refuses what is not plain; knows nothing of bodies.

use super::error::WireError;
use super::head::{FieldSpan, Fields, RequestHead, ResponseHead, Span, Version};
use super::host::{Authority, Host, LastHost};
use super::limit::{HeadLimits, MOST_FIELDS};
use crate::model::every;
use bytes::{BufMut, Bytes, BytesMut};
use std::mem::MaybeUninit;

/// How far a growing buffer has been searched for the end of a head, so that no byte is looked at twice.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scan {
    seen: usize,
    line: usize,
}

impl Scan {
    /// The length of the head at the beginning of `bytes`, once it is complete.
    ///
    /// SECURITY: a line feed without carriage return is refused here, since `httparse` takes it for a line end (`a_bare_line_feed_is_refused`).
    pub(super) fn find_end(&mut self, bytes: &[u8], limits: &HeadLimits) -> Result<Option<usize>, WireError> {
        if self.seen == 0
            && let Some(end) = plain_head(bytes)
        {
            return if end > limits.bytes() { Err(WireError::HeadTooLarge("bytes")) } else { Ok(Some(end)) };
        }
        let fresh = bytes.get(self.seen..).unwrap_or_default();
        for offset in memchr::memchr_iter(b'\n', fresh) {
            let at = self.seen + offset;
            if at == 0 || bytes.get(at - 1) != Some(&b'\r') {
                return Err(WireError::Head("bare line feed"));
            }
            if self.line == at - 1 {
                return match self.line {
                    0 => Err(WireError::Head("empty line before the head")),
                    _ if at + 1 > limits.bytes() => Err(WireError::HeadTooLarge("bytes")),
                    _ => Ok(Some(at + 1)),
                };
            }
            self.line = at + 1;
        }
        self.seen = bytes.len();
        if bytes.len() >= limits.bytes() {
            return Err(if self.line == 0 { WireError::TargetTooLong } else { WireError::HeadTooLarge("bytes") });
        }
        Ok(None)
    }
}

/// The length of a head that is complete and of which no line, but for the end, is empty or ends with a bare line feed: nearly all.
fn plain_head(bytes: &[u8]) -> Option<usize> {
    const BLOCK: usize = 32;
    if matches!(bytes.first()?, b'\r' | b'\n') {
        return None;
    }
    let mut at = 1;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let before = bytes.get(at - 1..).unwrap_or_default().first_chunk::<BLOCK>();
        let behind = rest.get(2..).unwrap_or_default().first_chunk::<BLOCK>();
        let (Some(block), Some(before), Some(behind)) = (rest.first_chunk::<BLOCK>(), before, behind) else {
            return end_of_head(bytes, at, rest);
        };
        // no byte ends the look early, so that many are looked at together
        let telling = block.iter().zip(before).zip(behind).fold(false, |telling, ((&byte, &before), &behind)| {
            telling | ((byte == b'\n') & ((before != b'\r') | (behind == b'\n')))
        });
        if telling {
            return end_of_head(bytes, at, rest);
        }
        at += BLOCK;
    }
}

/// As [`plain_head`], of a head in which no line feed before `at` is bare or ends an empty line; `rest` are the bytes from there on.
fn end_of_head(bytes: &[u8], at: usize, rest: &[u8]) -> Option<usize> {
    for offset in memchr::memchr_iter(b'\n', rest) {
        let at = at + offset;
        match bytes.get(at.checked_sub(2)?..=at)? {
            b"\n\r\n" => return Some(at + 1),
            [_, b'\r', _] => {}
            _ => return None,
        }
    }
    None
}

/// Offsets of `part`, which lies in the buffer that begins at `base`.
fn span(base: usize, part: &[u8]) -> Result<Span, WireError> {
    let at = (part.as_ptr() as usize).checked_sub(base).and_then(|at| u16::try_from(at).ok());
    match (at, u16::try_from(part.len())) {
        (Some(at), Ok(len)) => Ok(Span { at, len }),
        _ => Err(WireError::HeadTooLarge("bytes")),
    }
}

fn spans(base: usize, headers: &[httparse::Header<'_>]) -> Result<Vec<FieldSpan>, WireError> {
    let mut spans = Vec::with_capacity(headers.len());
    for header in headers {
        if header.name.is_empty() {
            return Err(WireError::Head("field without a name"));
        }
        spans.push(FieldSpan { name: span(base, header.name.as_bytes())?, value: span(base, header.value)? });
    }
    Ok(spans)
}

fn syntax(error: httparse::Error) -> WireError {
    match error {
        httparse::Error::HeaderName => WireError::Head("field name"),
        httparse::Error::HeaderValue => WireError::Head("field value"),
        httparse::Error::NewLine => WireError::Head("line end"),
        httparse::Error::Status => WireError::Head("status"),
        httparse::Error::Token => WireError::Head("request line"),
        httparse::Error::TooManyHeaders => WireError::HeadTooLarge("fields"),
        httparse::Error::Version => WireError::Version,
    }
}

/// Parses a complete request head; `hosts` belongs to its connection.
pub(super) fn request(bytes: Bytes, limits: &HeadLimits, hosts: &mut LastHost) -> Result<RequestHead, WireError> {
    let mut storage = [const { MaybeUninit::<httparse::Header<'_>>::uninit() }; MOST_FIELDS];
    let most = storage.get_mut(..limits.fields.min(MOST_FIELDS)).unwrap_or_default();
    let mut parsed = httparse::Request::new(&mut []);
    match parsed.parse_with_uninit_headers(&bytes, most) {
        Ok(httparse::Status::Complete(end)) if end == bytes.len() => {}
        Ok(_) => return Err(WireError::Head("line end")),
        Err(httparse::Error::Version) if !names_a_version(&bytes) => return Err(WireError::Head("request line")),
        Err(error) => return Err(syntax(error)),
    }
    let base = bytes.as_ptr() as usize;
    let method = parsed.method.unwrap_or_default().as_bytes();
    let target = parsed.path.unwrap_or_default().as_bytes();
    let version = if parsed.version == Some(1) { Version::Http11 } else { Version::Http10 };
    check_method(method)?;
    if target.len() > limits.target_bytes {
        return Err(WireError::TargetTooLong);
    }
    let (absolute, origin, tls_scheme) = split_target(target)?;
    check_target(origin)?;
    let host = only_host(parsed.headers, version, hosts)?;
    if let Some(absolute) = absolute {
        Authority::parse(absolute)?;
        if !host.as_ref().is_some_and(|host| host.sent().as_bytes().eq_ignore_ascii_case(absolute)) {
            return Err(if host.is_some() { WireError::HostMismatch } else { WireError::Host("no Host field") });
        }
    }
    let (method, target) = (span(base, method)?, span(base, origin)?);
    let spans = spans(base, parsed.headers)?;
    Ok(RequestHead { method, target, host, version, tls_scheme, fields: Fields { bytes, spans } })
}

/// Parses a complete answer head.
pub(super) fn response(bytes: Bytes, limits: &HeadLimits) -> Result<ResponseHead, WireError> {
    let mut storage = [const { MaybeUninit::<httparse::Header<'_>>::uninit() }; MOST_FIELDS];
    let most = storage.get_mut(..limits.fields.min(MOST_FIELDS)).unwrap_or_default();
    let mut parsed = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    match config.parse_response_with_uninit_headers(&mut parsed, &bytes, most) {
        Ok(httparse::Status::Complete(end)) if end == bytes.len() => {}
        Ok(_) => return Err(WireError::Head("line end")),
        Err(error) => return Err(syntax(error)),
    }
    let status = parsed.code.filter(|code| (100..=999).contains(code)).ok_or(WireError::Head("status"))?;
    let version = if parsed.version == Some(1) { Version::Http11 } else { Version::Http10 };
    let spans = spans(bytes.as_ptr() as usize, parsed.headers)?;
    Ok(ResponseHead { status, version, fields: Fields { bytes, spans } })
}

/// What can be shown of a head that was refused: method and target, when the request line reads at all.
pub(super) fn partial(bytes: &[u8]) -> Option<RequestHead> {
    let line = bytes.split(|&b| b == b'\n').next()?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = line.get(..line.len().min(16 * 1024))?;
    let mut words = line.splitn(3, |&b| b == b' ');
    let (method, target) = (words.next()?, words.next()?);
    let token =
        !method.is_empty() && method.len() <= 32 && method.iter().all(|b| b.is_ascii_alphabetic() || *b == b'-');
    if !token || target.is_empty() || !target.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    let mut buffer = BytesMut::with_capacity(method.len() + target.len());
    let (method, target) = (append(&mut buffer, method).ok()?, append(&mut buffer, target).ok()?);
    let fields = Fields { bytes: buffer.freeze(), spans: Vec::new() };
    Some(RequestHead { method, target, host: None, version: Version::Http11, tls_scheme: None, fields })
}

/// Whether the third word of the request line is `HTTP/` and a version, so that it is the version that is not served.
fn names_a_version(bytes: &[u8]) -> bool {
    let line = bytes.split(|&b| b == b'\r').next().unwrap_or_default();
    let word = line.splitn(3, |&b| b == b' ').nth(2).unwrap_or_default();
    matches!(word, [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit())
}

/// SECURITY: methods that make a tunnel or echo credentials never reach a service (`connect_and_trace_are_refused`).
fn check_method(method: &[u8]) -> Result<(), WireError> {
    if method.is_empty() || method.len() > 32 || !method.iter().all(|b| b.is_ascii_uppercase() || *b == b'-') {
        return Err(WireError::Method("not a method of upper-case letters"));
    }
    match method {
        b"CONNECT" | b"TRACE" => Err(WireError::Method("CONNECT or TRACE")),
        b"PRI" => Err(WireError::Version),
        _ => Ok(()),
    }
}

/// The authority of an absolute form, the target in origin form, and whether the absolute form named `https`.
type SplitTarget<'a> = (Option<&'a [u8]>, &'a [u8], Option<bool>);

fn split_target(target: &[u8]) -> Result<SplitTarget<'_>, WireError> {
    if target.first() == Some(&b'/') {
        return Ok((None, target, None));
    }
    let colon = memchr::memmem::find(target, b"://").ok_or(WireError::Head("target is neither a path nor a URL"))?;
    let (scheme, rest) = (target.get(..colon).unwrap_or_default(), target.get(colon + 3..).unwrap_or_default());
    let https = scheme.eq_ignore_ascii_case(b"https");
    if !https && !scheme.eq_ignore_ascii_case(b"http") {
        return Err(WireError::Head("scheme of the target"));
    }
    let end = memchr::memchr3(b'/', b'?', b'#', rest).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    match path.first() {
        Some(b'/') => Ok((Some(authority), path, Some(https))),
        // the path of `http://host` is `/`; the one in front of the authority stands for it
        None => Ok((Some(authority), target.get(colon + 1..colon + 2).unwrap_or_default(), Some(https))),
        Some(_) => Err(WireError::Head("URL without a path")),
    }
}

/// SECURITY: a fragment, 8-bit bytes and what URIs cannot hold are refused, never dropped (`a_fragment_in_the_target_is_refused`).
fn check_target(target: &[u8]) -> Result<(), WireError> {
    if target.first() != Some(&b'/') {
        return Err(WireError::Head("target does not begin with a slash"));
    }
    let unusual = |byte: u8| (byte == b'#') | (byte == b'<') | (byte == b'>') | (byte == b'"') | (byte == b'`');
    if every(target, |byte| (0x21..=0x7e).contains(&byte) & !unusual(byte)) {
        return Ok(());
    }
    let mut query = false;
    for &byte in target {
        match byte {
            b'?' => query = true,
            b'#' => return Err(WireError::Head("fragment in the target")),
            b'<' | b'>' => return Err(WireError::Head("a character that targets do not have")),
            b'"' if query => return Err(WireError::Head("a character that targets do not have")),
            b'`' if !query => return Err(WireError::Head("a character that targets do not have")),
            0x21..=0x7e => {}
            _ => return Err(WireError::Head("a byte outside of printable ASCII in the target")),
        }
    }
    Ok(())
}

fn only_host(
    headers: &[httparse::Header<'_>],
    version: Version,
    hosts: &mut LastHost,
) -> Result<Option<Host>, WireError> {
    let mut found = None;
    for header in headers {
        if header.name.len() == 4 && header.name.eq_ignore_ascii_case("host") && found.replace(header.value).is_some() {
            return Err(WireError::Host("several Host fields"));
        }
    }
    match found {
        Some(host) => hosts.read(host).map(Some),
        None if version == Version::Http10 => Ok(None),
        None => Err(WireError::Host("no Host field")),
    }
}

fn append(buffer: &mut BytesMut, part: &[u8]) -> Result<Span, WireError> {
    let at = u16::try_from(buffer.len()).map_err(|_| WireError::HeadTooLarge("bytes"))?;
    let len = u16::try_from(part.len()).map_err(|_| WireError::HeadTooLarge("bytes"))?;
    buffer.put_slice(part);
    Ok(Span { at, len })
}

/// Rebuilds a head from the parts that the HTTP/2 layer gives; `hosts` belongs to its connection.
pub(super) fn from_http2(
    parts: &http::request::Parts,
    limits: &HeadLimits,
    hosts: &mut LastHost,
) -> Result<RequestHead, WireError> {
    let method = parts.method.as_str().as_bytes();
    check_method(method)?;
    let tls_scheme = match parts.uri.scheme_str() {
        Some("https") => Some(true),
        Some("http") => Some(false),
        // the layer beneath drops the scheme where Host stands in place of `:authority`
        None if parts.uri.authority().is_none() => None,
        _ => return Err(WireError::Head("scheme of the target")),
    };
    let target = parts.uri.path_and_query().map(http::uri::PathAndQuery::as_str).unwrap_or_default().as_bytes();
    if target.len() > limits.target_bytes {
        return Err(WireError::TargetTooLong);
    }
    check_target(target)?;
    if parts.headers.len() > limits.fields.min(MOST_FIELDS) {
        return Err(WireError::HeadTooLarge("fields"));
    }
    let host = http2_host(parts, hosts)?;
    let mut buffer = BytesMut::with_capacity(512);
    let (method, target) = (append(&mut buffer, method)?, append(&mut buffer, target)?);
    let mut spans = Vec::with_capacity(parts.headers.len() + 1);
    let name = append(&mut buffer, b"host")?;
    spans.push(FieldSpan { name, value: append(&mut buffer, host.sent().as_bytes())? });
    append_fields(parts, &mut buffer, &mut spans)?;
    if buffer.len() > limits.bytes() {
        return Err(WireError::HeadTooLarge("bytes"));
    }
    let fields = Fields { bytes: buffer.freeze(), spans };
    Ok(RequestHead { method, target, host: Some(host), version: Version::Http2, tls_scheme, fields })
}

/// SECURITY: `:authority` and a Host field beside it must be the same host (`an_authority_that_differs_from_host_is_refused`).
fn http2_host(parts: &http::request::Parts, last: &mut LastHost) -> Result<Host, WireError> {
    let pseudo = parts.uri.authority().map(|authority| authority.as_str().as_bytes());
    let mut hosts = parts.headers.get_all(http::header::HOST).iter();
    let field = hosts.next().map(http::HeaderValue::as_bytes);
    if hosts.next().is_some() {
        return Err(WireError::Host("several Host fields"));
    }
    let authority = match (pseudo, field) {
        (Some(pseudo), Some(field)) if !pseudo.eq_ignore_ascii_case(field) => return Err(WireError::HostMismatch),
        (Some(authority), _) | (None, Some(authority)) => authority,
        (None, None) => return Err(WireError::Host("no authority")),
    };
    last.read(authority)
}

fn append_fields(
    parts: &http::request::Parts,
    buffer: &mut BytesMut,
    spans: &mut Vec<FieldSpan>,
) -> Result<(), WireError> {
    let mut cookie_done = false;
    for (name, value) in &parts.headers {
        match name {
            &http::header::HOST => continue,
            &http::header::CONNECTION | &http::header::TRANSFER_ENCODING | &http::header::UPGRADE => {
                return Err(WireError::Framing("a field of a connection on HTTP/2"));
            }
            &http::header::COOKIE if cookie_done => continue,
            &http::header::COOKIE => {
                cookie_done = true;
                let name = append(buffer, b"cookie")?;
                let at = u16::try_from(buffer.len()).map_err(|_| WireError::HeadTooLarge("bytes"))?;
                for (i, crumb) in parts.headers.get_all(http::header::COOKIE).iter().enumerate() {
                    if i > 0 {
                        buffer.put_slice(b"; ");
                    }
                    buffer.put_slice(trimmed(crumb)?);
                }
                let len = u16::try_from(buffer.len()).map_err(|_| WireError::HeadTooLarge("bytes"))? - at;
                spans.push(FieldSpan { name, value: Span { at, len } });
            }
            _ => {
                let name = append(buffer, name.as_str().as_bytes())?;
                spans.push(FieldSpan { name, value: append(buffer, trimmed(value)?)? });
            }
        }
    }
    Ok(())
}

/// A value that neither begins nor ends with white space (RFC 9113 section 8.2.1): HTTP/1.1 has no way to say so.
fn trimmed(value: &http::HeaderValue) -> Result<&[u8], WireError> {
    let value = value.as_bytes();
    if value.trim_ascii().len() == value.len() { Ok(value) } else { Err(WireError::Head("white space around a value")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<RequestHead, WireError> {
        RequestHead::parse(text.as_bytes(), &HeadLimits::default()).map(|(head, _)| head)
    }

    #[test]
    fn a_plain_head_is_read_as_it_was_sent() {
        let head = read("GET /a?b=1 HTTP/1.1\r\nHost: h\r\nX-Y:  z \r\n\r\n").unwrap();
        assert_eq!((head.method(), head.target(), head.authority()), ("GET", &b"/a?b=1"[..], Some("h")));
        assert_eq!(head.fields().collect::<Vec<_>>(), [("Host", &b"h"[..]), ("X-Y", &b"z"[..])]);
        assert_eq!(head.single("x-y"), Ok(Some(&b"z"[..])));
    }

    #[test]
    fn an_absolute_target_must_agree_with_host_and_becomes_its_path() {
        let head = read("GET HTTPS://H:1/a?b HTTP/1.1\r\nHost: h:1\r\n\r\n").unwrap();
        assert_eq!((head.target(), head.scheme_is_https()), (&b"/a?b"[..], Some(true)));
        assert_eq!(read("GET http://h HTTP/1.1\r\nHost: h\r\n\r\n").unwrap().target(), b"/");
        assert_eq!(read("GET http://x/ HTTP/1.1\r\nHost: h\r\n\r\n").unwrap_err(), WireError::HostMismatch);
        for target in ["ftp://h/", "file:///x", "h/", "*", "http://h?x", "http://u@h/", "http:///x", "?x", "://h/"] {
            assert!(read(&format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n")).is_err(), "{target}");
        }
    }

    #[test]
    fn only_the_versions_that_are_served_pass_and_others_are_told_apart_from_rubbish() {
        assert_eq!(read("GET / HTTP/1.2\r\nHost: h\r\n\r\n").unwrap_err(), WireError::Version);
        assert_eq!(read("PRI * HTTP/2.0\r\n\r\n").unwrap_err(), WireError::Version);
        assert!(matches!(read("GET / http/1.1\r\nHost: h\r\n\r\n").unwrap_err(), WireError::Head(_)));
        assert!(matches!(read("GET / x HTTP/1.1\r\nHost: h\r\n\r\n").unwrap_err(), WireError::Head(_)));
    }

    #[test]
    fn http2_cookie_crumbs_become_one_field_and_the_authority_comes_first() {
        let request = http::Request::get("https://a.example/x?y")
            .header("cookie", "a=1")
            .header("x-z", "q")
            .header("cookie", "b=2")
            .body(())
            .unwrap();
        let head = RequestHead::from_http2(&request.into_parts().0, &HeadLimits::default()).unwrap();
        let fields: Vec<_> = head.fields().collect();
        assert_eq!(fields.first(), Some(&("host", &b"a.example"[..])));
        assert_eq!(head.single("cookie"), Ok(Some(&b"a=1; b=2"[..])));
        assert_eq!(head.target(), b"/x?y");
    }

    #[test]
    fn an_authority_that_differs_from_host_is_refused() {
        let request = http::Request::get("https://a.example/").header("host", "b.example").body(()).unwrap();
        let refused = RequestHead::from_http2(&request.into_parts().0, &HeadLimits::default());
        assert_eq!(refused.unwrap_err(), WireError::HostMismatch);
    }
    proptest! {
        #[test]
        fn a_head_ends_where_it_ends_however_its_bytes_arrive(text in "(GET / HTTP|H{1,40}|H{30,70}|\r\n|\r|\n|\r\n\r\n){0,9}") {
            let (bytes, limits) = (text.as_bytes(), HeadLimits::default());
            let mut scan = Scan::default();
            let one_by_one = (1..=bytes.len()).find_map(|length| scan.find_end(&bytes[..length], &limits).transpose());
            prop_assert_eq!(Scan::default().find_end(bytes, &limits).transpose(), one_by_one);
        }
    }
}
