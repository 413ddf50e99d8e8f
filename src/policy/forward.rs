//! The sealed values that may be forwarded, owning the bytes that are sent; nothing outside of `policy` can make one.

use super::approach::streamed_cap;
use super::decide::Judged;
use super::detail::Detail;
use super::fields::{self, ForwardParts, Shape, host_for};
use super::judgement::Judgement;
use super::obligation::Obligation;
use crate::endpoint::{Address, HostPolicy, UpstreamSpec};
use crate::model::{Effect, Outcome, Reason, RequestId};
use crate::request::{
    ForwardBody, ForwardError, ForwardHead, ForwardedFor, JudgedBody, RequestView, write_forward_head,
};
use crate::rules::{App, BodyRule, Mode, Route, Upgrade};
use crate::wire::framing::Framing;
use bytes::Bytes;
use compact_str::CompactString;
use smallvec::SmallVec;
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
pub struct Permit(Parcel);

/// A request that observe mode sends on as it came, although it would have been refused. Not `Clone`.
#[derive(Debug)]
pub struct Observed(Parcel);

/// A request of the gateway's own: a probe after a sign-in, a lookup, a health check. Always a GET without a body. Not `Clone`.
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

/// In whose name a request of the gateway's own is made. Nothing else of a client's head goes with it.
#[derive(Clone, Copy)]
pub enum Credential<'a> {
    /// Of whoever asks.
    Caller {
        /// The name that the application is told, where it is told one.
        subject: Option<&'a str>,
        /// The whole Cookie field, as the application gets it; empty for none.
        cookies: &'a [u8],
        /// The `Authorization` field, where it reaches the application; empty for none.
        authorization: &'a [u8],
    },
    /// Of a service account.
    Account {
        /// The field that carries the credential.
        header: &'a str,
        /// The credential.
        secret: &'a str,
    },
}

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
    match assemble(&judgement, &view, &app, &route, parts, filtered) {
        Ok(parcel) => Ok((Permit(Parcel { obligation, ..parcel }), judgement)),
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
        target: parts.head.target(),
        body: body.announced(None),
        header_edits: &[],
        cookie_edits: &[],
        upgrade,
        filtered: false,
    };
    match fields::write(app, parts, &shape) {
        // what an unjudged request does is not known
        Ok(head) => {
            Ok((Observed(Parcel::new(app, &shape, head, body, Effect::Change, None)), judgement.into_observed()))
        }
        Err(error) => Err(judgement.into_refusal(Reason::MalformedHead, Detail::text(error))),
    }
}

/// Whether observe mode sends on a request that came to this judgement.
#[must_use]
pub fn is_observed(judgement: &Judgement, app: &App, route: Option<&Route>) -> bool {
    let mode = route.and_then(|route| route.mode).unwrap_or(app.mode);
    // SECURITY: what has two readings may be a route that is enforced (`what_may_mean_an_enforced_route_is_not_observed`).
    let has_readings = matches!(judgement.reason(), Reason::AmbiguousTarget | Reason::AmbiguousParameter);
    let may_be_enforced = route.is_none() && app.enforces_some && has_readings;
    let observes = mode == Mode::Observe && !may_be_enforced;
    observes && judgement.outcome() == Outcome::Refuse && is_observable(judgement.reason())
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
        | Reason::ScopeUnbound
        | Reason::HiddenKey
        | Reason::ObjectUnknown
        | Reason::LookupFailed
        | Reason::LookupTimeout => true,
        Reason::Granted
        | Reason::Public
        | Reason::AnswerAwaited
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
        | Reason::AnswerUnexpected
        | Reason::AnswerUnreadable
        | Reason::AnswerWithheld
        | Reason::NothingFound
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
    pub fn probe(app: &App, host: &str, path: &str, cookies: &[u8], request: RequestId) -> Result<Self, ForwardError> {
        let by_address = matches!(app.upstream.host, HostPolicy::Address);
        let id = request.to_string();
        let set: SmallVec<[_; 1]> = app.headers.request_id.iter().map(|name| (name.as_str(), id.as_str())).collect();
        Self::get(&app.upstream, &host_for(&app.upstream, Some(host)), by_address, path, &[(b"Cookie", cookies)], &set)
    }

    /// Asks the application about an object. `target` begins with `/`, `host` is the authority that the client used.
    ///
    /// # Errors
    /// When one of them cannot stand in a head.
    pub fn lookup(
        app: &App,
        host: &str,
        target: &str,
        credential: &Credential<'_>,
        request: RequestId,
    ) -> Result<Self, ForwardError> {
        let by_address = matches!(app.upstream.host, HostPolicy::Address);
        let id = request.to_string();
        let mut set: SmallVec<[_; 2]> =
            app.headers.request_id.iter().map(|name| (name.as_str(), id.as_str())).collect();
        let fields: &[(&[u8], &[u8])] = match credential {
            Credential::Caller { subject, cookies, authorization } => {
                if let (Some(name), Some(subject)) = (&app.headers.user, subject) {
                    set.push((name.as_str(), *subject));
                }
                &[(b"Cookie", cookies), (b"Authorization", authorization)]
            }
            Credential::Account { header, secret } => {
                set.push((*header, *secret));
                &[]
            }
        };
        Self::get(&app.upstream, &host_for(&app.upstream, Some(host)), by_address, target, fields, &set)
    }

    /// Asks the application whether it is well, as the `health:` block says; `None` where it has none.
    ///
    /// # Errors
    /// When the path cannot stand in a head.
    #[must_use]
    pub fn health(upstream: &Arc<UpstreamSpec>) -> Option<Result<Self, ForwardError>> {
        let health = upstream.health.as_ref()?;
        // a check is of one address, so that its name is the one to send
        let (host, by_address) = match (&health.host, &upstream.host) {
            (Some(host), _) | (None, HostPolicy::Name(host)) => (host.clone(), false),
            (None, _) => (host_for(upstream, None), true),
        };
        Some(Self::get(upstream, &host, by_address, &health.path, &[], &[]))
    }

    fn get(
        upstream: &Arc<UpstreamSpec>,
        host: &str,
        by_address: bool,
        path: &str,
        fields: &[(&[u8], &[u8])],
        set: &[(&str, &str)],
    ) -> Result<Self, ForwardError> {
        if !path.starts_with('/') || !path.bytes().all(|byte| matches!(byte, 0x21..=0x7e) && byte != b'#') {
            return Err(ForwardError::Control("path of a side request"));
        }
        let head = ForwardHead {
            method: "GET",
            target: path.as_bytes(),
            host,
            body: ForwardBody::None,
            set,
            strip: &[],
            header_edits: &[],
            cookie_edits: &[],
            client: ForwardedFor::default(),
            upgrade: None,
        };
        let mut bytes = Vec::with_capacity(256);
        let own: [(&[u8], &[u8]); 2] = [(b"Accept", b"*/*"), (b"User-Agent", b"scopegate")];
        let fields = own.into_iter().chain(fields.iter().copied()).filter(|(_, value)| !value.is_empty());
        write_forward_head(&mut bytes, &head, fields)?;
        Ok(Self(Parcel {
            upstream: Arc::clone(upstream),
            method: CompactString::const_new("GET"),
            head: Head::new(bytes, by_address),
            body: BodyPlan::None,
            effect: Effect::None,
            upgrade: false,
            obligation: None,
        }))
    }
}

fn streamed(framing: Framing) -> BodyPlan {
    match framing {
        Framing::Empty | Framing::Length(0) => BodyPlan::None,
        Framing::Length(length) => BodyPlan::Streamed { length: Some(length) },
        Framing::Chunked | Framing::UntilClose => BodyPlan::Streamed { length: None },
    }
}
