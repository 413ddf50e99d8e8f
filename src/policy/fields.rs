//! The head that the application is sent, assembled from judged parts: hop-by-hop fields gone, identity fields stripped in every
//! spelling and then set, forwarding fields rewritten. Decides nothing.

use crate::identity::chain::CookieField;
use crate::identity::client_addr::ClientAddr;
use crate::identity::cookie;
use crate::model::RequestId;
use crate::request::{Edit, folds_to};
use crate::rules::App;
use crate::rules::set::IdentityHeaders;
use crate::wire::framing::Framing;
use crate::wire::head::{RequestHead, list_items};
use crate::wire::writer::{FieldError, append_field, is_connection_field};
use compact_str::CompactString;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;

/// What forwarding proxies say of the client, and what some servers route by in place of the target. Nobody's copy passes.
const FORWARDING: [&str; 20] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-server",
    "x-forwarded-by",
    "x-forwarded-uri",
    "x-forwarded-method",
    "x-forwarded-ssl",
    "x-forwarded-scheme",
    "x-real-ip",
    "x-client-ip",
    "client-ip",
    "true-client-ip",
    "x-original-url",
    "x-rewrite-url",
    "x-original-method",
    "x-original-host",
];

/// Fields that end here: they speak to the gateway, or harm CGI programs (`Proxy`, CVE-2016-5385).
const ENDING: [&str; 6] = ["host", "expect", "proxy", "proxy-authorization", "proxy-authenticate", "remote-user"];

/// Who is told to the application.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told<'a> {
    /// The name of the subject; `None` for nobody.
    pub subject: Option<&'a str>,
    /// The roles that decided.
    pub roles: &'a [&'a str],
}

/// What is needed, beside the judged request, to write what is forwarded.
#[derive(Clone, Copy, Debug)]
pub struct ForwardParts<'a> {
    /// The head as it came.
    pub head: &'a RequestHead,
    /// How the client delimits the body.
    pub framing: Framing,
    /// The id of the request.
    pub request: RequestId,
    /// Where the client is.
    pub client: &'a ClientAddr,
    /// Whether the client speaks TLS, to the gateway or to a trusted proxy before it.
    pub https: bool,
    /// Who is asking.
    pub told: Told<'a>,
    /// Names of fields whose credentials were meant for the gateway.
    pub strip: &'a [CompactString],
    /// The Cookie field that reaches the application.
    pub cookies: &'a CookieField,
    /// Whether the answer must come without content coding, because the gateway reads it.
    pub plain_answer: bool,
    /// Whether the request asks for an upgrade that is well formed.
    pub upgrade: bool,
}

/// What differs between a judged request and one that is sent on as it came.
pub(super) struct Shape<'a> {
    pub(super) method: &'a str,
    pub(super) header_edits: &'a [Edit],
    pub(super) cookie_edits: &'a [Edit],
    /// The content type of a body that was written again.
    pub(super) content_type: Option<&'a str>,
    /// The length of the body that is sent; `None` for chunked coding.
    pub(super) length: Option<u64>,
    pub(super) upgrade: bool,
}

/// A head under construction.
pub(super) struct Assembly {
    pub(super) bytes: Vec<u8>,
    /// Where the value of `Host` stands.
    pub(super) host: Range<usize>,
}

impl Assembly {
    /// Begins with the request line and `Host`. The target must be canonical or as sent: printable ASCII without blanks.
    pub(super) fn begin(
        method: &str,
        host: &[u8],
        capacity: usize,
        target: impl FnOnce(&mut Vec<u8>),
    ) -> Result<Self, FieldError> {
        let mut bytes = Vec::with_capacity(capacity);
        bytes.extend_from_slice(method.as_bytes());
        bytes.push(b' ');
        target(&mut bytes);
        if !bytes.iter().skip(method.len() + 1).all(|byte| matches!(byte, 0x21..=0x7e)) {
            return Err(FieldError::Value);
        }
        bytes.extend_from_slice(b" HTTP/1.1\r\n");
        let start = bytes.len() + b"Host: ".len();
        append_field(&mut bytes, b"Host", host)?;
        let end = start + host.len();
        Ok(Self { bytes, host: start..end })
    }

    pub(super) fn push(&mut self, name: &str, value: &[u8]) -> Result<(), FieldError> {
        append_field(&mut self.bytes, name.as_bytes(), value)
    }

    /// Writes everything behind `Host` for a client's request.
    pub(super) fn fields(&mut self, app: &App, parts: &ForwardParts<'_>, shape: &Shape<'_>) -> Result<(), FieldError> {
        let options: Vec<&[u8]> = list_items(parts.head.values("connection")).collect();
        for (name, value) in parts.head.fields() {
            if self.passes(app, parts, shape, &options, name) {
                self.push(name, value)?;
            }
        }
        for (name, value) in shape.header_edits {
            if let Some(value) = value {
                self.push(name, value.as_bytes())?;
            }
        }
        if let Some(content_type) = shape.content_type {
            self.push("Content-Type", content_type.as_bytes())?;
        }
        self.cookies(parts, shape)?;
        self.forwarding(parts)?;
        self.identity(&app.headers, parts)?;
        self.framing(shape)?;
        self.bytes.extend_from_slice(b"\r\n");
        Ok(())
    }

    /// Whether a field of the client's is copied.
    ///
    /// SECURITY: names are compared as CGI-style servers fold them (`an_identity_header_in_any_spelling_is_replaced`), and
    /// nothing that `Connection` names can take away what is set afterwards (`connection_cannot_strip_what_is_set`).
    fn passes(&self, app: &App, parts: &ForwardParts<'_>, shape: &Shape<'_>, options: &[&[u8]], name: &str) -> bool {
        let is = |other: &str| folds_to(name, other);
        let told = [&app.headers.user, &app.headers.roles, &app.headers.request_id];
        !(is_connection_field(name.as_bytes())
            || folded_connection_field(name)
            || options.iter().any(|option| option.eq_ignore_ascii_case(name.as_bytes()))
            || is("cookie")
            || ENDING.into_iter().any(is)
            || FORWARDING.into_iter().any(is)
            || told.into_iter().flatten().any(|other| is(other))
            || parts.strip.iter().any(|other| is(other))
            || (parts.plain_answer && is("accept-encoding"))
            || (shape.content_type.is_some() && (is("content-type") || is("content-encoding")))
            || shape.header_edits.iter().any(|(other, _)| is(other)))
    }

    fn cookies(&mut self, parts: &ForwardParts<'_>, shape: &Shape<'_>) -> Result<(), FieldError> {
        let edited = |name: &[u8]| shape.cookie_edits.iter().any(|(other, _)| other.as_bytes() == name);
        let kept = |sent: cookie::Cookie<'_>| (!edited(sent.name)).then(|| Cow::Owned(sent.value.to_vec()));
        let rewritten = match parts.cookies {
            CookieField::Unchanged => cookie::rewrite(parts.head.values("cookie"), kept),
            CookieField::Replaced(field) => cookie::rewrite(std::iter::once(field.as_slice()), kept),
            CookieField::Removed => None,
        };
        let mut line = rewritten.unwrap_or_default();
        for (name, value) in shape.cookie_edits {
            if let Some(value) = value {
                cookie::push(&mut line, name.as_bytes(), value.as_bytes());
            }
        }
        if line.is_empty() { Ok(()) } else { self.push("Cookie", &line) }
    }

    fn forwarding(&mut self, parts: &ForwardParts<'_>) -> Result<(), FieldError> {
        let mut hops = CompactString::default();
        for hop in &parts.client.chain {
            let comma = if hops.is_empty() { "" } else { ", " };
            // writing to a string cannot fail
            let _ = write!(hops, "{comma}{hop}");
        }
        self.push("X-Forwarded-For", hops.as_bytes())?;
        self.push("X-Forwarded-Proto", if parts.https { b"https" } else { b"http" })?;
        match parts.head.authority() {
            Some(authority) => self.push("X-Forwarded-Host", authority.as_bytes()),
            None => Ok(()),
        }
    }

    fn identity(&mut self, headers: &IdentityHeaders, parts: &ForwardParts<'_>) -> Result<(), FieldError> {
        if let Some(name) = &headers.request_id {
            self.push(name, &parts.request.to_hex())?;
        }
        if let (Some(name), Some(subject)) = (&headers.user, parts.told.subject) {
            self.push(name, subject.as_bytes())?;
        }
        match &headers.roles {
            Some(name) if parts.told.subject.is_some() => self.push(name, parts.told.roles.join(",").as_bytes()),
            _ => Ok(()),
        }
    }

    fn framing(&mut self, shape: &Shape<'_>) -> Result<(), FieldError> {
        if shape.upgrade {
            self.push("Connection", b"Upgrade")?;
            return self.push("Upgrade", b"websocket");
        }
        match shape.length {
            None => self.push("Transfer-Encoding", b"chunked"),
            // an announced emptiness is expected of methods that have a body (RFC 9110 section 8.6)
            Some(0) if matches!(shape.method, "GET" | "HEAD" | "DELETE" | "OPTIONS") => Ok(()),
            Some(length) => {
                let mut digits = itoa::Buffer::new();
                self.push("Content-Length", digits.format(length).as_bytes())
            }
        }
    }
}

/// Whether CGI-style servers may read the name as a field that concerns the connection or the framing.
fn folded_connection_field(name: &str) -> bool {
    const FRAMING: [&str; 4] = ["content-length", "transfer-encoding", "proxy-connection", "keep-alive"];
    FRAMING.into_iter().any(|other| folds_to(name, other))
}
