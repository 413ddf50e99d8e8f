//! Refused requests that observe mode sends on all the same, and which refusals it never passes over.

use super::{BodyPlan, Observed, Parcel, streamed};
use crate::model::{Effect, Outcome, Reason};
use crate::policy::detail::Detail;
use crate::policy::fields::{self, ForwardParts, Shape};
use crate::policy::judgement::Judgement;
use crate::rules::{App, Mode, Route, Upgrade};
use bytes::Bytes;
use std::sync::Arc;

/// What a request needs to be forwarded as it came.
#[derive(Debug)]
pub enum ObservedBody {
    /// It was not read: it streams.
    Unread,
    /// It was read to be judged; these are the bytes as sent.
    Read(Bytes),
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
            let parcel = Parcel::new(app, &shape, head, body, Effect::Change, None);
            Ok((Observed(Box::new(parcel)), judgement.into_observed()))
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
