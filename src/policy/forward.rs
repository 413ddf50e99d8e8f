//! The sealed values that may be forwarded, owning the bytes that are sent; nothing outside of `policy` can make one.

use super::decide::Judged;
use super::detail::Detail;
use super::fields::{Assembly, ForwardParts, Shape};
use super::judgement::Judgement;
use crate::endpoint::{Address, HostPolicy, UpstreamSpec};
use crate::model::{Effect, Outcome, Reason, RequestId};
use crate::request::JudgedBody;
use crate::rules::{App, BodyRule, Mode, Route, Upgrade};
use crate::wire::framing::Framing;
use crate::wire::writer::FieldError;
use bytes::Bytes;
use compact_str::CompactString;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// A request head as it is sent to the application: request line, fields, empty line.
#[derive(Debug)]
pub struct Head {
    bytes: Vec<u8>,
    /// Where the value of `Host` stands, if it is that of the address which is dialled.
    host: Option<Range<usize>>,
}

impl Head {
    fn new(assembly: Assembly, upstream: &UpstreamSpec) -> Self {
        let by_address = matches!(upstream.host, HostPolicy::Address);
        Self { bytes: assembly.bytes, host: by_address.then_some(assembly.host) }
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
    /// The length in bytes; `None` for chunked coding.
    fn length(&self) -> Option<u64> {
        match self {
            Self::None => Some(0),
            Self::Judged(bytes) => u64::try_from(bytes.len()).ok(),
            Self::Streamed { length } => *length,
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
}

impl Parcel {
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
pub struct Permit(Parcel);

/// A request that observe mode sends on as it came, although it would have been refused. Not `Clone`.
#[derive(Debug)]
pub struct Observed(Parcel);

/// A request of the gateway's own: a probe after a sign-in, a health check. Always a GET without a body. Not `Clone`.
#[derive(Debug)]
pub struct SideRequest(Parcel);

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

/// What a request needs to be forwarded as it came.
#[derive(Debug)]
pub enum ObservedBody {
    /// It was not read: it streams.
    Unread,
    /// It was read to be judged; these are the bytes as sent.
    Read(Bytes),
}

/// Turns a request that was permitted into what is sent. This is the only way to a [`Permit`].
///
/// # Errors
/// The judgement, as a refusal: as it was where it did not permit, or because the request cannot be written.
pub fn seal(judged: Judged<'_>, parts: &ForwardParts<'_>) -> Result<(Permit, Judgement), Judgement> {
    let Judged { judgement, view, app, route } = judged;
    if judgement.outcome() != Outcome::Permit {
        return Err(judgement);
    }
    let (body, content_type) = match view.body() {
        JudgedBody::Bytes { content_type, bytes } => (BodyPlan::Judged(bytes), Some(content_type)),
        JudgedBody::None => (streamed(parts.framing), None),
    };
    let streams = matches!(body, BodyPlan::Streamed { .. });
    if streams && !matches!(route.body, BodyRule::Stream { .. }) {
        return Err(judgement
            .into_refusal(Reason::InternalFault, Detail::text("a body that was not judged would be forwarded")));
    }
    let upgrade = parts.upgrade && !matches!(route.upgrade, Upgrade::None);
    if parts.upgrade && !upgrade {
        return Err(judgement.into_refusal(Reason::UpgradeRefused, Detail::None));
    }
    let shape = Shape {
        method: view.method(),
        header_edits: view.header_edits(),
        cookie_edits: view.cookie_edits(),
        content_type: content_type.as_deref(),
        length: body.length(),
        upgrade,
    };
    match assemble(&app, parts, &shape, |out| view.write_target(out)) {
        Ok(head) => {
            let upstream = Arc::clone(&app.upstream);
            let (method, effect) = (view.method().into(), judgement.effect());
            Ok((Permit(Parcel { upstream, method, head, body, effect, upgrade }), judgement))
        }
        Err(error) => Err(judgement.into_refusal(Reason::MalformedHead, Detail::text(error))),
    }
}

/// Turns a request that was refused into one that observe mode sends on as it came: target and body unchanged, the
/// hygiene of the head applied. `route` is the one that was found, if any.
///
/// # Errors
/// The judgement as it was, where neither route nor application observes or the reason is one that always refuses.
pub fn observe(
    judgement: Judgement,
    app: &Arc<App>,
    route: Option<&Route>,
    parts: &ForwardParts<'_>,
    body: ObservedBody,
) -> Result<(Observed, Judgement), Judgement> {
    if !is_observed(&judgement, app, route) {
        return Err(judgement);
    }
    let body = match body {
        ObservedBody::Unread => streamed(parts.framing),
        ObservedBody::Read(bytes) if bytes.is_empty() => BodyPlan::None,
        ObservedBody::Read(bytes) => BodyPlan::Judged(bytes),
    };
    let upgrade = parts.upgrade && route.is_some_and(|route| !matches!(route.upgrade, Upgrade::None));
    if parts.upgrade && !upgrade {
        return Err(judgement.into_refusal(Reason::UpgradeRefused, Detail::None));
    }
    let shape = Shape {
        method: parts.head.method(),
        header_edits: &[],
        cookie_edits: &[],
        content_type: None,
        length: body.length(),
        upgrade,
    };
    match assemble(app, parts, &shape, |out| out.extend_from_slice(parts.head.target())) {
        Ok(head) => {
            let upstream = Arc::clone(&app.upstream);
            let method = parts.head.method().into();
            // what an unjudged request does is not known
            let parcel = Parcel { upstream, method, head, body, effect: Effect::Change, upgrade };
            Ok((Observed(parcel), judgement.into_observed()))
        }
        Err(error) => Err(judgement.into_refusal(Reason::MalformedHead, Detail::text(error))),
    }
}

/// Whether observe mode sends on a request that came to this judgement.
#[must_use]
pub fn is_observed(judgement: &Judgement, app: &App, route: Option<&Route>) -> bool {
    let mode = route.and_then(|route| route.mode).unwrap_or(app.mode);
    mode == Mode::Observe && judgement.outcome() == Outcome::Refuse && is_observable(judgement.reason())
}

/// Whether observe mode forwards a request that was refused for this reason: what concerns the bytes of the request, the
/// limits, frozen people and the gateway itself refuses in every mode.
const fn is_observable(reason: Reason) -> bool {
    match reason {
        Reason::AmbiguousTarget
        | Reason::AmbiguousParameter
        | Reason::MalformedBody
        | Reason::ContentTypeRefused
        | Reason::ContentEncodingRefused
        | Reason::ParameterType
        | Reason::UnknownParameter
        | Reason::MissingParameter
        | Reason::TooManyParameters
        | Reason::BodyTooDeep
        | Reason::AccountEnded
        | Reason::AccountNotBegun
        | Reason::Unauthenticated
        | Reason::InvalidCredential
        | Reason::ConflictingIdentities
        | Reason::UnknownSubject
        | Reason::DeviceMismatch
        | Reason::NoRoute
        | Reason::MethodNotListed
        | Reason::UnknownOperation
        | Reason::NotGranted
        | Reason::AssignmentEnded
        | Reason::AssignmentNotBegun
        | Reason::ConditionFailed
        | Reason::ConditionError
        | Reason::OutOfScope
        | Reason::ScopeMissing
        | Reason::ScopeAmbiguous
        | Reason::ScopeUnbound => true,
        Reason::Granted
        | Reason::Public
        | Reason::MalformedHead
        | Reason::MalformedFraming
        | Reason::BadHost
        | Reason::HostMismatch
        | Reason::UnknownHost
        | Reason::MethodRefused
        | Reason::VersionRefused
        | Reason::UpgradeRefused
        | Reason::RepeatedHeader
        | Reason::ExpectationRefused
        | Reason::BodyIncomplete
        | Reason::Frozen
        | Reason::IdentityUnavailable
        | Reason::TooManyAttempts
        | Reason::HeadTooLarge
        | Reason::TargetTooLong
        | Reason::BodyTooLarge
        | Reason::ClientTimeout
        | Reason::Overloaded
        | Reason::TooManyConnections
        | Reason::UpstreamUnreachable
        | Reason::UpstreamProtocol
        | Reason::UpstreamTimeout
        | Reason::RecordFailed
        | Reason::Draining
        | Reason::InternalFault => false,
    }
}

impl SideRequest {
    /// Reads a page of the application with the caller's session right after a sign-in. `path` begins with `/`; `cookies` is
    /// the whole Cookie field, `host` the authority that the client used.
    ///
    /// # Errors
    /// When one of them cannot stand in a head.
    pub fn probe(app: &App, host: &str, path: &str, cookies: &[u8], request: RequestId) -> Result<Self, FieldError> {
        let upstream = Arc::clone(&app.upstream);
        let mut assembly = Assembly::begin("GET", host_for(&upstream, Some(host)).as_bytes(), 512, |out| {
            out.extend_from_slice(path.as_bytes());
        })?;
        if !cookies.is_empty() {
            assembly.push("Cookie", cookies)?;
        }
        if let Some(name) = &app.headers.request_id {
            assembly.push(name, &request.to_hex())?;
        }
        Self::finish(upstream, assembly, path)
    }

    /// Asks the application whether it is well, as the `health:` block says; `None` where it has none.
    ///
    /// # Errors
    /// When the path cannot stand in a head.
    pub fn health(upstream: &Arc<UpstreamSpec>) -> Option<Result<Self, FieldError>> {
        let health = upstream.health.as_ref()?;
        let host = health.host.clone().unwrap_or_else(|| host_for(upstream, None));
        let assembly =
            Assembly::begin("GET", host.as_bytes(), 256, |out| out.extend_from_slice(health.path.as_bytes()));
        let mut made = assembly.and_then(|assembly| Self::finish(Arc::clone(upstream), assembly, &health.path));
        if health.host.is_some()
            && let Ok(side) = &mut made
        {
            side.0.head.host = None;
        }
        Some(made)
    }

    fn finish(upstream: Arc<UpstreamSpec>, mut assembly: Assembly, path: &str) -> Result<Self, FieldError> {
        if !path.starts_with('/') || path.contains('#') {
            return Err(FieldError::Value);
        }
        assembly.push("Accept", b"*/*")?;
        assembly.push("User-Agent", b"scopegate")?;
        assembly.bytes.extend_from_slice(b"\r\n");
        let head = Head::new(assembly, &upstream);
        let method = CompactString::const_new("GET");
        Ok(Self(Parcel { upstream, method, head, body: BodyPlan::None, effect: Effect::None, upgrade: false }))
    }
}

fn assemble(
    app: &App,
    parts: &ForwardParts<'_>,
    shape: &Shape<'_>,
    target: impl FnOnce(&mut Vec<u8>),
) -> Result<Head, FieldError> {
    let host = host_for(&app.upstream, parts.head.authority());
    let mut assembly = Assembly::begin(shape.method, host.as_bytes(), 1024, target)?;
    assembly.fields(app, parts, shape)?;
    Ok(Head::new(assembly, &app.upstream))
}

/// The `Host` that the upstream block asks for; that of the first address where it depends on which one is dialled.
fn host_for(upstream: &UpstreamSpec, outside: Option<&str>) -> CompactString {
    match (&upstream.host, outside) {
        (HostPolicy::Name(name), _) => name.clone(),
        (HostPolicy::Keep, Some(outside)) => outside.into(),
        (HostPolicy::Keep, None) | (HostPolicy::Address, _) => {
            upstream.addresses.first().map(Address::authority).unwrap_or_default().into()
        }
    }
}

fn streamed(framing: Framing) -> BodyPlan {
    match framing {
        Framing::Empty | Framing::Length(0) => BodyPlan::None,
        Framing::Length(length) => BodyPlan::Streamed { length: Some(length) },
        Framing::Chunked | Framing::UntilClose => BodyPlan::Streamed { length: None },
    }
}
