//! Heads of requests and answers: one shared buffer and spans over it; they answer questions and never change.

use super::error::WireError;
use super::host::{Host, LastHost};
use super::limit::HeadLimits;
use bytes::Bytes;
use std::fmt;
use std::ops::Range;

/// A field of a head: its name as sent and its value without surrounding white space.
pub type Field<'a> = (&'a str, &'a [u8]);

/// The version of HTTP that a message came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2.
    Http2,
}

impl Version {
    /// The name in records, for example `HTTP/1.1`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
        }
    }
}

/// A field that must stand once stands several times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the field stands more than once")]
pub struct Repeated;

/// A range of a head's buffer. Heads are never longer than 65,535 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) at: u16,
    pub(super) len: u16,
}

impl Span {
    pub(super) fn of(self, bytes: &Bytes) -> &[u8] {
        let at = usize::from(self.at);
        bytes.get(at..at + usize::from(self.len)).unwrap_or_default()
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct FieldSpan {
    pub(super) name: Span,
    pub(super) value: Span,
}

/// The fields of a head, in the order they came.
#[derive(Clone)]
pub(super) struct Fields {
    pub(super) bytes: Bytes,
    /// Not within the head, which is moved from hand to hand.
    pub(super) spans: Vec<FieldSpan>,
}

impl Fields {
    fn raw(&self) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
        self.spans.iter().map(|span| (span.name.of(&self.bytes), span.value.of(&self.bytes)))
    }

    /// Where the whole line of a field stands, if it is written as we write lines: `name: value` and a line end.
    pub(super) fn plain_line(&self, span: &FieldSpan) -> Option<Range<usize>> {
        let start = usize::from(span.name.at);
        let (colon, value) = (start + usize::from(span.name.len), usize::from(span.value.at));
        let end = value + usize::from(span.value.len);
        let plain = self.bytes.get(colon..value)? == b": " && self.bytes.get(end..end + 2)? == b"\r\n";
        plain.then_some(start..end + 2)
    }

    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + Clone {
        self.spans
            .iter()
            .filter(move |span| {
                usize::from(span.name.len) == name.len()
                    && span.name.of(&self.bytes).eq_ignore_ascii_case(name.as_bytes())
            })
            .map(|span| span.value.of(&self.bytes))
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

macro_rules! field_access {
    () => {
        /// The fields in the order they came: name as sent, value without surrounding white space.
        pub fn fields(&self) -> impl Iterator<Item = Field<'_>> + Clone {
            self.fields.raw().map(|(name, value)| (text(name), value))
        }

        /// The fields as bytes, which costs less than [`Self::fields`]. Names are tokens, hence ASCII.
        pub fn raw_fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
            self.fields.raw()
        }

        /// The values of the fields with this name, compared without letter case.
        pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + Clone {
            self.fields.values(name)
        }

        /// The value of a field that may stand only once.
        ///
        /// # Errors
        /// [`Repeated`] when it stands more than once.
        pub fn single(&self, name: &str) -> Result<Option<&[u8]>, Repeated> {
            let mut found = None;
            for span in &self.fields.spans {
                if usize::from(span.name.len) == name.len()
                    && span.name.of(&self.fields.bytes).eq_ignore_ascii_case(name.as_bytes())
                    && found.replace(span.value.of(&self.fields.bytes)).is_some()
                {
                    return Err(Repeated);
                }
            }
            Ok(found)
        }

        /// Whether a field of this name stands in the head.
        #[must_use]
        pub fn contains(&self, name: &str) -> bool {
            self.fields.values(name).next().is_some()
        }

        /// The options of the `Connection` fields (RFC 9110 section 7.6.1), trimmed, empty ones left out.
        pub fn connection_options(&self) -> impl Iterator<Item = &[u8]> {
            list_items(self.fields.values("connection"))
        }

        /// The number of fields.
        #[must_use]
        pub fn field_count(&self) -> usize {
            self.fields.spans.len()
        }
    };
}

/// The elements of a comma-separated list over several fields (RFC 9110 section 5.6.1), trimmed, empty ones left out.
pub fn list_items<'a>(values: impl Iterator<Item = &'a [u8]>) -> impl Iterator<Item = &'a [u8]> {
    values.flat_map(|value| value.split(|&b| b == b',')).map(<[u8]>::trim_ascii).filter(|item| !item.is_empty())
}

/// The head of a request. Cloning shares the buffer.
#[derive(Clone)]
pub struct RequestHead {
    pub(super) method: Span,
    pub(super) target: Span,
    pub(super) host: Option<Host>,
    pub(super) version: Version,
    pub(super) tls_scheme: Option<bool>,
    pub(super) fields: Fields,
}

impl RequestHead {
    /// Reads a complete HTTP/1.1 head from the beginning of `bytes`; gives the head and its length in bytes.
    /// For tests and tools: the server reads heads off its connection itself.
    ///
    /// # Errors
    /// As the server would refuse it; an incomplete head is [`WireError::Head`].
    pub fn parse(bytes: &[u8], limits: &HeadLimits) -> Result<(Self, usize), WireError> {
        let mut scan = super::parse::Scan::default();
        let end = scan.find_end(bytes, limits)?.ok_or(WireError::Head("incomplete"))?;
        let complete = bytes.get(..end).unwrap_or_default();
        let head = super::parse::request(Bytes::copy_from_slice(complete), limits, &mut LastHost::default())?;
        super::framing::plan(&head)?;
        Ok((head, end))
    }

    /// Rebuilds a head that came over HTTP/2: `:authority` becomes the first field, `host`; cookie crumbs are joined (RFC 9113 section 8).
    ///
    /// # Errors
    /// When the request could not have been sent as strict HTTP/1.1: no or several hosts, an authority that differs from Host, an odd
    /// scheme, path or method, too large a head.
    pub fn from_http2(parts: &http::request::Parts, limits: &HeadLimits) -> Result<Self, WireError> {
        super::parse::from_http2(parts, limits, &mut LastHost::default())
    }

    /// The method: upper-case letters and `-`.
    #[must_use]
    pub fn method(&self) -> &str {
        match self.method_bytes() {
            b"GET" => "GET",
            b"POST" => "POST",
            other => text(other),
        }
    }

    /// The method as bytes, which costs less than [`Self::method`].
    #[must_use]
    pub fn method_bytes(&self) -> &[u8] {
        self.method.of(&self.fields.bytes)
    }

    /// The target in origin form, raw: of an absolute form only what follows the authority. Bytes 0x21 to 0x7e without `#`, beginning with `/`.
    #[must_use]
    pub fn target(&self) -> &[u8] {
        self.target.of(&self.fields.bytes)
    }

    /// The host with its port as the client sent it, checked for form (`None` only for HTTP/1.0 without Host).
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        self.host.as_ref().map(Host::sent)
    }

    /// The host in lower case, without port and trailing dot.
    #[must_use]
    pub fn canonical_host(&self) -> Option<&str> {
        self.host.as_ref().map(Host::canonical)
    }

    /// The version that the request came in.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Whether the target named its scheme (absolute form, HTTP/2) and whether that was `https`.
    #[must_use]
    pub const fn scheme_is_https(&self) -> Option<bool> {
        self.tls_scheme
    }

    field_access!();
}

impl fmt::Debug for RequestHead {
    /// Shows no field values and no query: they may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestHead")
            .field("method", &self.method())
            .field("version", &self.version)
            .field("fields", &self.field_count())
            .finish_non_exhaustive()
    }
}

/// The head of an answer. Cloning shares the buffer.
#[derive(Clone)]
pub struct ResponseHead {
    /// The status code, 100 to 999.
    pub status: u16,
    pub(super) version: Version,
    pub(super) fields: Fields,
}

impl ResponseHead {
    /// Reads a complete HTTP/1.1 answer head from the beginning of `bytes`; gives the head and its length in bytes.
    ///
    /// # Errors
    /// As the client would refuse it; an incomplete head is [`WireError::Head`].
    pub fn parse(bytes: &[u8], limits: &HeadLimits) -> Result<(Self, usize), WireError> {
        let mut scan = super::parse::Scan::default();
        let end = scan.find_end(bytes, limits)?.ok_or(WireError::Head("incomplete"))?;
        let complete = bytes.get(..end).unwrap_or_default();
        Ok((super::parse::response(Bytes::copy_from_slice(complete), limits)?, end))
    }

    /// The version that the answer came in.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    field_access!();
}

impl fmt::Debug for ResponseHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseHead")
            .field("status", &self.status)
            .field("fields", &self.field_count())
            .finish_non_exhaustive()
    }
}
