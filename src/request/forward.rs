//! Writes the head of the request that is forwarded: what was judged, our own fields, and nothing that a hop could misread.

use super::header::{FoldedName, NameSieve, folds_alike, folds_to};
use super::hop;
use super::view::Edit;
use crate::model::{every, push_address};
use smallvec::SmallVec;
use std::net::IpAddr;

/// How the body that follows is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardBody<'a> {
    /// There is none. `Content-Length: 0` is written for methods that usually have one.
    None,
    /// It streams untouched with this length.
    Length(u64),
    /// It streams untouched, chunked.
    Chunked,
    /// It was judged and is written again.
    Judged {
        /// The content type that goes with it.
        content_type: &'a str,
        /// Its length in bytes.
        length: usize,
    },
}

/// Which forwarding headers tell the application about the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ForwardedFor<'a> {
    /// The addresses to name, client first.
    pub chain: &'a [IpAddr],
    /// `http` or `https`, as the client spoke it.
    pub proto: &'a str,
    /// The host that the client asked for.
    pub host: &'a str,
    /// Whether `X-Forwarded-For`, `-Proto` and `-Host` are written.
    pub x_forwarded: bool,
    /// Whether `Forwarded` is written (RFC 7239).
    pub forwarded: bool,
}

/// Everything that the head of the forwarded request is made of, beside the fields of the client.
#[derive(Clone, Copy, Debug)]
pub struct ForwardHead<'a> {
    /// The method.
    pub method: &'a str,
    /// The target, as [`super::RequestView::write_target`] wrote it.
    pub target: &'a [u8],
    /// The host to send.
    pub host: &'a str,
    /// The framing of the body.
    pub body: ForwardBody<'a>,
    /// Fields to set, for example the identity; they win over anything that folds to the same name.
    pub set: &'a [(&'a str, &'a str)],
    /// Fields to strip in every spelling, for example credentials that end at the gateway.
    pub strip: &'a [&'a str],
    /// Headers that obligations have changed.
    pub header_edits: &'a [Edit],
    /// Cookies that obligations have changed or the gateway hides: replaced, or removed where there is no value.
    pub cookie_edits: &'a [Edit],
    /// The forwarding headers.
    pub client: ForwardedFor<'a>,
    /// The protocol of a judged upgrade.
    pub upgrade: Option<&'a str>,
}

/// Why a head cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForwardError {
    /// A control character in something to be written.
    #[error("a control character in the {0}")]
    Control(&'static str),
}

/// Appends the whole head, with the empty line, in HTTP/1.1. Names are written as the client sent them.
///
/// Order of duties: hop-by-hop fields and those that `Connection` names go first, then whatever folds to a name that we
/// set; ours are written last, so that nothing can strip or shadow them.
///
/// # Errors
/// When a part holds a control character, which no parser lets through; nothing usable is in `out` then.
pub fn write_forward_head<'f, I>(out: &mut Vec<u8>, head: &ForwardHead<'_>, fields: I) -> Result<(), ForwardError>
where
    I: Iterator<Item = (&'f [u8], &'f [u8])> + Clone,
{
    let start = out.len();
    out.extend_from_slice(head.method.as_bytes());
    out.push(b' ');
    out.extend_from_slice(head.target);
    end_line(out, start, b" HTTP/1.1\r\n", "request line")?;
    push_field(out, b"Host", head.host.as_bytes())?;
    let nominates = fields.clone().any(|(name, _)| folds_to(name, "connection"));
    let nominated: SmallVec<[&[u8]; 4]> =
        if nominates { nominations(fields.clone()).collect() } else { SmallVec::new() };
    let known = known(head, &nominated);
    let mut cookies_written = false;
    for (name, value) in fields.clone() {
        // most fields are none of which anything is known
        if !known.may_hold(name) && !hop::may_begin_as_dropped(name) {
            push_field(out, name, value)?;
            continue;
        }
        let folded = FoldedName::new(name);
        let is_nominated = || nominated.iter().any(|token| folds_alike(name, token));
        if hop::is_dropped(&folded) || (is_nominated() && !hop::is_protected(&folded)) {
            continue;
        }
        if is_replaced(name, head) {
            continue;
        }
        if folded.as_bytes() == b"cookie" {
            if !cookies_written {
                write_cookies(out, name, head, fields.clone())?;
            }
            cookies_written = true;
            continue;
        }
        // a judged body has its own type; an alias of a field that says how to read the message is never passed on
        let says_how = matches!(folded.as_bytes(), b"content-type" | b"content-encoding");
        if (says_how && matches!(head.body, ForwardBody::Judged { .. }))
            || (folded.has_alias() && hop::is_protected(&folded))
        {
            continue;
        }
        push_field(out, name, value)?;
    }
    if !cookies_written {
        write_cookies(out, b"Cookie", head, fields.clone())?;
    }
    write_body_fields(out, head, fields)?;
    write_own(out, head)
}

/// The names of fields that are not passed on as they came, and perhaps others.
fn known(head: &ForwardHead<'_>, nominated: &[&[u8]]) -> NameSieve {
    let mut known = hop::KNOWN;
    head.set.iter().for_each(|(name, _)| known.insert(name.as_bytes()));
    head.strip.iter().for_each(|name| known.insert(name.as_bytes()));
    head.header_edits.iter().for_each(|(name, _)| known.insert(name.as_bytes()));
    nominated.iter().for_each(|name| known.insert(name));
    known
}

/// The names that the `Connection` fields hold.
pub(crate) fn nominations<'f, N: AsRef<[u8]>>(
    fields: impl Iterator<Item = (N, &'f [u8])>,
) -> impl Iterator<Item = &'f [u8]> {
    fields
        .filter(|(name, _)| folds_to(name, "connection"))
        .flat_map(|(_, value)| value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii))
}

/// Whether we set, strip or change this field.
fn is_replaced(name: &[u8], head: &ForwardHead<'_>) -> bool {
    head.set.iter().any(|(ours, _)| folds_to(name, ours))
        || head.strip.iter().any(|stripped| folds_to(name, stripped))
        || head.header_edits.iter().any(|(edited, _)| folds_to(name, edited))
}

/// Writes one `Cookie` field from all that came, with the edits put in.
fn write_cookies<'f>(
    out: &mut Vec<u8>,
    name: &[u8],
    head: &ForwardHead<'_>,
    fields: impl Iterator<Item = (&'f [u8], &'f [u8])>,
) -> Result<(), ForwardError> {
    let start = out.len();
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    let empty = out.len();
    let push = |out: &mut Vec<u8>, pair: &[&[u8]]| {
        if out.len() > empty {
            out.extend_from_slice(b"; ");
        }
        pair.iter().for_each(|part| out.extend_from_slice(part));
    };
    for (_, value) in fields.filter(|(name, _)| folds_to(name, "cookie")) {
        if head.cookie_edits.is_empty() && is_plain_list(value) {
            push(out, &[value]);
            continue;
        }
        for piece in value.split(|&byte| byte == b';').map(<[u8]>::trim_ascii).filter(|piece| !piece.is_empty()) {
            let name = || {
                let end = memchr::memchr(b'=', piece).unwrap_or(piece.len());
                piece.get(..end).unwrap_or_default().trim_ascii_end()
            };
            if head.cookie_edits.is_empty() || !is_edited(head.cookie_edits, name()) {
                push(out, &[piece]);
            }
        }
    }
    for (name, value) in head.cookie_edits {
        if let Some(value) = value {
            push(out, &[name.as_bytes(), b"=", value.as_bytes()]);
        }
    }
    if out.len() == empty {
        out.truncate(start);
        return Ok(());
    }
    end_line(out, start, b"\r\n", "Cookie field")
}

/// Whether the pieces of a Cookie field are put together as [`write_cookies`] does it: `; ` between them, nothing around them.
fn is_plain_list(value: &[u8]) -> bool {
    let blank = |byte: Option<&u8>| byte.is_none_or(|byte| byte.is_ascii_whitespace() || *byte == b';');
    let joint = |at: usize| {
        let before = at.checked_sub(1).and_then(|at| value.get(at));
        !blank(before) && value.get(at + 1) == Some(&b' ') && !blank(value.get(at + 2))
    };
    !blank(value.first()) && !blank(value.last()) && memchr::memchr_iter(b';', value).all(joint)
}

fn is_edited(edits: &[Edit], name: &[u8]) -> bool {
    edits.iter().any(|(edited, _)| edited.as_bytes() == name)
}

fn write_body_fields<'f>(
    out: &mut Vec<u8>,
    head: &ForwardHead<'_>,
    mut fields: impl Iterator<Item = (&'f [u8], &'f [u8])>,
) -> Result<(), ForwardError> {
    match head.body {
        ForwardBody::None if matches!(head.method, "POST" | "PUT" | "PATCH") => {
            push_field(out, b"Content-Length", b"0")
        }
        ForwardBody::None => Ok(()),
        ForwardBody::Length(length) => {
            write_length(out, length);
            Ok(())
        }
        ForwardBody::Chunked => push_field(out, b"Transfer-Encoding", b"chunked"),
        ForwardBody::Judged { content_type, length } => {
            let sent = fields.find(|(name, _)| name.eq_ignore_ascii_case(b"content-type"));
            push_field(out, sent.map_or(b"Content-Type", |(name, _)| name), content_type.as_bytes())?;
            write_length(out, u64::try_from(length).unwrap_or(u64::MAX));
            Ok(())
        }
    }
}

fn write_length(out: &mut Vec<u8>, length: u64) {
    out.extend_from_slice(b"Content-Length: ");
    out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Writes forwarding headers, changed headers, ours, and the end of the head.
fn write_own(out: &mut Vec<u8>, head: &ForwardHead<'_>) -> Result<(), ForwardError> {
    let client = &head.client;
    if client.x_forwarded {
        write_chain(out, client.chain);
        push_field(out, b"X-Forwarded-Proto", client.proto.as_bytes())?;
        push_field(out, b"X-Forwarded-Host", client.host.as_bytes())?;
    }
    if client.forwarded {
        write_forwarded(out, client)?;
    }
    for (name, value) in head.header_edits {
        if let Some(value) = value {
            push_field(out, name.as_bytes(), value.as_bytes())?;
        }
    }
    for (name, value) in head.set {
        push_field(out, name.as_bytes(), value.as_bytes())?;
    }
    if let Some(protocol) = head.upgrade {
        push_field(out, b"Connection", b"Upgrade")?;
        push_field(out, b"Upgrade", protocol.as_bytes())?;
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

fn write_chain(out: &mut Vec<u8>, chain: &[IpAddr]) {
    if chain.is_empty() {
        return;
    }
    out.extend_from_slice(b"X-Forwarded-For: ");
    for (i, &address) in chain.iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(b", ");
        }
        push_address(out, address);
    }
    out.extend_from_slice(b"\r\n");
}

/// One element an address, the last with what this hop saw (RFC 7239 section 4).
fn write_forwarded(out: &mut Vec<u8>, client: &ForwardedFor<'_>) -> Result<(), ForwardError> {
    let start = out.len();
    out.extend_from_slice(b"Forwarded: ");
    for (i, &address) in client.chain.iter().enumerate() {
        out.extend_from_slice(if i > 0 { b", for=" } else { b"for=" });
        let (before, after): (&[u8], &[u8]) = if address.is_ipv6() { (b"\"[", b"]\"") } else { (b"", b"") };
        out.extend_from_slice(before);
        push_address(out, address);
        out.extend_from_slice(after);
    }
    out.extend_from_slice(if client.chain.is_empty() { b"proto=" } else { b";proto=" });
    out.extend_from_slice(client.proto.as_bytes());
    out.extend_from_slice(b";host=\"");
    out.extend_from_slice(client.host.as_bytes());
    end_line(out, start, b"\"\r\n", "Forwarded field")
}

fn push_field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) -> Result<(), ForwardError> {
    let start = out.len();
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    end_line(out, start, b"\r\n", "field")
}

/// Ends the line that begins at `start`, which holds no control character but tab.
///
/// SECURITY: every line goes through here, so that none of them can hold another (`control_characters_are_never_written`).
fn end_line(out: &mut Vec<u8>, start: usize, end: &[u8], what: &'static str) -> Result<(), ForwardError> {
    if !every(out.get(start..).unwrap_or_default(), |byte| ((byte >= b' ') | (byte == b'\t')) & (byte != 0x7f)) {
        return Err(ForwardError::Control(what));
    }
    out.extend_from_slice(end);
    Ok(())
}
