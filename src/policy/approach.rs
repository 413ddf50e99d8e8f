//! From a request head to a view and its route, and from a body to what rules can read: the way to a decision, the same for the
//! gateway, explanations and policy tests. Decides nothing about people.

use super::detail::Detail;
use super::judgement::Judgement;
use crate::model::Reason;
use crate::request::{BodyError, BodyLimits, CanonicalTarget, RequestView, TargetError, TargetLimits};
use crate::rules::{App, BodyRule, Find, Route};
use crate::wire::framing::Framing;
use crate::wire::head::RequestHead;
use bytes::Bytes;
use std::sync::Arc;

impl From<TargetError> for Judgement {
    fn from(error: TargetError) -> Self {
        Self::refused(error.reason(), Detail::Target(Box::new(error)))
    }
}

impl From<BodyError> for Judgement {
    fn from(error: BodyError) -> Self {
        Self::refused(error.reason(), Detail::Body(Box::new(error)))
    }
}

/// Reads the target of a request as the application does.
///
/// # Errors
/// A refusal, where it has more than one reading.
pub fn read_target<'h>(
    app: &'h App,
    head: &'h RequestHead,
    framing: Framing,
    limits: &TargetLimits,
) -> Result<RequestView<'h>, Judgement> {
    let target = CanonicalTarget::parse(head.target(), &app.dialect, limits)?;
    Ok(RequestView::of(head, !framing.is_empty(), target, &app.dialect))
}

/// What is known of the route.
#[derive(Clone, Copy, Debug)]
pub enum Found<'a> {
    /// It is this one.
    Route(&'a Arc<Route>),
    /// A parameter in the body tells: read the body as this route says, then find again.
    NeedsBody(&'a Arc<Route>),
}

impl<'a> Found<'a> {
    /// The route whose rule for the body counts now.
    #[must_use]
    pub fn route(self) -> &'a Arc<Route> {
        match self {
            Self::Route(route) | Self::NeedsBody(route) => route,
        }
    }
}

/// Finds the route of a request.
///
/// # Errors
/// A refusal, where there is none, or where the request does not say which it means.
pub fn find_route<'a>(app: &'a App, view: &RequestView<'_>) -> Result<Found<'a>, Judgement> {
    match app.routes.find(view.method(), view) {
        Find::Route(route, _) => Ok(Found::Route(route)),
        Find::NeedsBody(route) => Ok(Found::NeedsBody(route)),
        Find::MethodNotListed => Err(Judgement::refused(Reason::MethodNotListed, Detail::None)),
        Find::None => Err(Judgement::refused(Reason::NoRoute, Detail::None)),
        Find::Ambiguous(place) => {
            Err(Judgement::refused(Reason::AmbiguousParameter, Detail::Repeated(Box::new(place.clone()))))
        }
    }
}

/// Reads the body as the route that was found judges it, and finds the route again where the body tells which it is.
/// `body` is what was collected after [`judged_body`] asked for it; empty where there is none.
///
/// # Errors
/// A refusal, where the body is not of a kind that the route accepts, has more than one reading, or tells no route.
pub fn settle<'a>(
    app: &'a App,
    found: Found<'a>,
    view: &mut RequestView<'_>,
    limits: &BodyLimits,
    body: &Bytes,
) -> Result<&'a Arc<Route>, Judgement> {
    read_body(found.route(), view, limits, body)?;
    let route = match found {
        Found::Route(route) => route,
        Found::NeedsBody(asked) => {
            let route = find_route(app, view)?.route();
            if !Arc::ptr_eq(route, asked) {
                // the other route may accept less
                read_body(route, view, limits, body)?;
            }
            route
        }
    };
    view.unfold(route.params.iter().map(|rule| &rule.location), limits.depth).map_err(BodyError::Param)?;
    Ok(route)
}

/// How many bytes of body must be collected and given to [`settle`] before the decision; `None` where the route does not
/// judge it, so that it streams.
#[must_use]
pub fn judged_body(route: &Route, limits: &BodyLimits) -> Option<usize> {
    match &route.body {
        BodyRule::Judged { cap, .. } => Some(cap.unwrap_or(limits.bytes)),
        BodyRule::None | BodyRule::Stream { .. } => None,
    }
}

/// How many bytes of a body that streams may be forwarded; `None` where the route sets no bound.
#[must_use]
pub fn streamed_cap(route: &Route) -> Option<u64> {
    match &route.body {
        BodyRule::Stream { cap, .. } => *cap,
        BodyRule::None | BodyRule::Judged { .. } => None,
    }
}

fn read_body(route: &Route, view: &mut RequestView<'_>, limits: &BodyLimits, body: &Bytes) -> Result<(), Judgement> {
    let BodyRule::Judged { accept, cap } = &route.body else { return Ok(()) };
    Ok(view.read_body(accept, &BodyLimits { bytes: cap.unwrap_or(limits.bytes), ..*limits }, body)?)
}
