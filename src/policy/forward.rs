//! The sealed values that may be forwarded, owning the bytes that are sent; nothing outside of `policy` can make one.

mod observe;
mod side;

use super::approach::streamed_cap;
use super::decide::Judged;
use super::detail::Detail;
use super::fields::{self, ForwardParts, Shape};
use super::judgement::Judgement;
use super::obligation::Obligation;
use crate::endpoint::{Address, HostPolicy, UpstreamSpec};
use crate::model::{Effect, Outcome, Reason};
use crate::request::{ForwardBody, JudgedBody, RequestView};
use crate::rules::{App, BodyRule, Route, Upgrade};
use crate::wire::framing::Framing;
use bytes::Bytes;
use compact_str::CompactString;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

pub use observe::{ObservedBody, is_observed, observe};
pub use side::Credential;

/// A request head as it is sent to the application: request line, fields, empty line.
#[derive(Debug)]
pub struct Head {
    bytes: Vec<u8>,
    /// Where the value of `Host` stands, if it is that of the address which is dialled.
    host: Option<Range<usize>>,
}

impl Head {
    /// A head that was written; `Host` is its first field.
    fn new(bytes: Vec<u8>, by_address: bool) -> Self {
        let host = if by_address { Self::find_host(&bytes) } else { None };
        Self { bytes, host }
    }

    fn find_host(bytes: &[u8]) -> Option<Range<usize>> {
        const NAME: &[u8] = b"\r\nHost: ";
        let start = memchr::memmem::find(bytes, NAME)? + NAME.len();
        Some(start..start + memchr::memchr(b'\r', bytes.get(start..)?)?)
    }

    /// The head for `address`: only where the upstream block says `host: address` does it depend on it.
    #[must_use]
    pub fn bytes_for(&self, address: &Address) -> Cow<'_, [u8]> {
        let parts =
            self.host.clone().and_then(|host| Some((self.bytes.get(..host.start)?, self.bytes.get(host.end..)?)));
        match parts {
            None => Cow::Borrowed(&self.bytes),
            Some((before, after)) => Cow::Owned([before, address.authority().as_bytes(), after].concat()),
        }
    }

    /// The head as it was assembled, for records and tests; the `Host` is that of the first address.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The body that belongs to a head.
#[derive(Debug)]
pub enum BodyPlan {
    /// There is none.
    None,
    /// These bytes, which were judged; the head carries their length.
    Judged(Bytes),
    /// What the client sends, unread by any rule. The head carries this framing.
    Streamed {
        /// The declared length in bytes; `None` for chunked coding.
        length: Option<u64>,
    },
}

impl BodyPlan {
    /// How the head announces it; `content_type` that of a body that was written again.
    fn announced<'a>(&self, content_type: Option<&'a str>) -> ForwardBody<'a> {
        match (self, content_type) {
            (Self::None, _) => ForwardBody::None,
            (Self::Judged(bytes), Some(content_type)) => ForwardBody::Judged { content_type, length: bytes.len() },
            (Self::Judged(bytes), None) => ForwardBody::Length(u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
            (Self::Streamed { length: Some(length) }, _) => ForwardBody::Length(*length),
            (Self::Streamed { length: None }, _) => ForwardBody::Chunked,
        }
    }
}

mod sealed {
    /// Keeps [`super::Forwardable`] to the types of this file.
    pub trait Sealed {}
}

/// What the forwarder takes: [`Permit`], [`Observed`] or [`SideRequest`], and nothing else.
pub trait Forwardable: sealed::Sealed {
    /// The parts that are sent.
    fn parcel(&self) -> &Parcel;
}

/// The parts that a sealed value owns. Readable by everybody, made and changed by nobody else.
#[derive(Debug)]
pub struct Parcel {
    upstream: Arc<UpstreamSpec>,
    method: CompactString,
    head: Head,
    body: BodyPlan,
    effect: Effect,
    upgrade: bool,
    obligation: Option<Obligation>,
}

impl Parcel {
    fn new(
        app: &App,
        shape: &Shape<'_>,
        head: Vec<u8>,
        body: BodyPlan,
        effect: Effect,
        obligation: Option<Obligation>,
    ) -> Self {
        Self {
            upstream: Arc::clone(&app.upstream),
            method: shape.method.into(),
            head: Head::new(head, matches!(app.upstream.host, HostPolicy::Address)),
            body,
            effect,
            upgrade: shape.upgrade,
            obligation,
        }
    }

    /// What must be done to the answer before the client gets it; `None` where it passes as it is.
    #[must_use]
    pub fn obligation(&self) -> Option<&Obligation> {
        self.obligation.as_ref()
    }

    /// The upstream that the permit is bound to.
    #[must_use]
    pub fn upstream(&self) -> &Arc<UpstreamSpec> {
        &self.upstream
    }

    /// The method that is sent.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The head that is sent.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The body that goes with the head.
    #[must_use]
    pub fn body(&self) -> &BodyPlan {
        &self.body
    }

    /// Whether sending it twice could matter.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// Whether the head asks for an upgrade, so that a 101 is solicited.
    #[must_use]
    pub fn upgrade(&self) -> bool {
        self.upgrade
    }
}

/// A request that was permitted, as it will be sent. Made only by [`super::seal`]; not `Clone`.
#[derive(Debug)]
pub struct Permit(Box<Parcel>);

/// A request that observe mode sends on as it came, although it would have been refused. Not `Clone`.
#[derive(Debug)]
pub struct Observed(Box<Parcel>);

/// A request of the gateway's own: a probe after a sign-in, a lookup, a health check. Always a GET without a body. Not `Clone`.
#[derive(Debug)]
pub struct SideRequest(Box<Parcel>);

macro_rules! forwardable {
    ($($name:ident),*) => {$(
        impl sealed::Sealed for $name {}
        impl Forwardable for $name {
            fn parcel(&self) -> &Parcel {
                &self.0
            }
        }
    )*};
}
forwardable!(Permit, Observed, SideRequest);

/// Turns a request that was permitted into what is sent. This is the only way to a [`Permit`].
///
/// # Errors
/// The judgement, as a refusal: as it was where it did not permit, or because the request cannot be written.
pub fn seal(judged: Judged<'_, '_>, parts: &ForwardParts<'_>) -> Result<(Permit, Judgement), Judgement> {
    let Judged { judgement, view, app, route, obligation } = judged;
    match judgement.outcome() {
        Outcome::Permit => {}
        // SECURITY: what only the answer tells is never permitted here.
        Outcome::Held => {
            let detail = Detail::text("what awaits its answer is no permit");
            return Err(judgement.into_refusal(Reason::InternalFault, detail));
        }
        Outcome::Refuse | Outcome::Observed => return Err(judgement),
    }
    let filtered = obligation.is_some();
    match assemble(&judgement, &view, app, route, parts, filtered) {
        Ok(parcel) => Ok((Permit(Box::new(Parcel { obligation, ..parcel })), judgement)),
        Err((reason, detail)) => Err(judgement.into_refusal(reason, detail)),
    }
}

/// The parts of a judged request; `filtered` where nothing may be asked for that only a part of the answer, or a coded one, has.
pub(super) fn assemble(
    judgement: &Judgement,
    view: &RequestView<'_>,
    app: &App,
    route: &Route,
    parts: &ForwardParts<'_>,
    filtered: bool,
) -> Result<Parcel, (Reason, Detail)> {
    let (body, content_type) = match view.body() {
        JudgedBody::Bytes { content_type, bytes } => (BodyPlan::Judged(bytes), Some(content_type)),
        JudgedBody::None if view.is_body_unread() => (streamed(parts.framing), None),
        // read and found to be empty, whatever its framing
        JudgedBody::None => (BodyPlan::None, None),
    };
    let streams = matches!(body, BodyPlan::Streamed { .. });
    if streams && !matches!(route.body, BodyRule::Stream { .. }) {
        return Err((Reason::InternalFault, Detail::text("a body that was not judged would be forwarded")));
    }
    if let (BodyPlan::Streamed { length: Some(length) }, Some(cap)) = (&body, streamed_cap(route))
        && *length > cap
    {
        let detail = Detail::text(format_args!("{length} bytes are announced, the rule takes {cap}"));
        return Err((Reason::BodyTooLarge, detail));
    }
    let upgrade = parts.upgrade && !matches!(route.upgrade, Upgrade::None);
    if parts.upgrade && !upgrade {
        return Err((Reason::UpgradeRefused, Detail::None));
    }
    let mut target = Vec::with_capacity(128);
    view.write_target(&mut target);
    let method = match view.method() {
        // SECURITY: what the filter makes of an answer only its body tells (`a_head_request_is_answered_as_the_filtered_page_is`).
        "HEAD" if filtered => "GET",
        method => method,
    };
    let shape = Shape {
        method,
        target: &target,
        body: body.announced(content_type.as_deref()),
        header_edits: view.header_edits(),
        cookie_edits: view.cookie_edits(),
        upgrade,
        filtered,
    };
    let head = fields::write(app, parts, &shape).map_err(|error| (Reason::MalformedHead, Detail::text(error)))?;
    Ok(Parcel::new(app, &shape, head, body, judgement.effect(), None))
}

fn streamed(framing: Framing) -> BodyPlan {
    match framing {
        Framing::Empty | Framing::Length(0) => BodyPlan::None,
        Framing::Length(length) => BodyPlan::Streamed { length: Some(length) },
        Framing::Chunked | Framing::UntilClose => BodyPlan::Streamed { length: None },
    }
}
