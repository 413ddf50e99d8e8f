//! Requests whose answer tells what they could not: sealed, sent by a way that gives nobody the answer, and decided again when it has
//! come. Never reads an answer itself.

use super::decide::{Judged, Question, decide};
use super::detail::Detail;
use super::fields::ForwardParts;
use super::forward::{Parcel, assemble};
use super::judgement::{Change, Judgement};
use super::obligation::Obligation;
use crate::model::{Outcome, Reason};
use crate::request::RequestView;
use crate::rules::{App, Mode, Route};
use std::sync::Arc;

/// A request that was permitted by what it tells, and whose answer tells the rest. Made only by [`super::hold`]; not `Clone`.
///
/// SECURITY: it is no [`Forwardable`](super::Forwardable): the forwarder takes it by a way of its own, which gives nobody the answer before it is judged
/// (`an_answer_out_of_scope_leaves_no_byte`, `tests/compile_fail/forward_what_awaits_its_answer.rs`).
#[derive(Debug)]
pub struct Awaiting<'h> {
    parcel: Parcel,
    view: RequestView<'h>,
    app: Arc<App>,
    route: Arc<Route>,
    changes: Vec<Change>,
}

/// That an answer was judged and may be released, with what must be done to it. Made only by [`Awaiting::complete`]; not `Clone`.
#[derive(Debug)]
pub struct Completed {
    obligation: Option<Obligation>,
}

impl Completed {
    /// What must be done to the answer before the client gets it; `None` where it passes as it is.
    #[must_use]
    pub fn into_obligation(self) -> Option<Obligation> {
        self.obligation
    }
}

impl Awaiting<'_> {
    /// The parts that are sent.
    #[must_use]
    pub fn parcel(&self) -> &Parcel {
        &self.parcel
    }

    /// Decides the request again with what the answer told, which is among the facts of `question`.
    ///
    /// # Errors
    /// The judgement, as a refusal: also where the answer does not tell, or another request would have been sent if this had been
    /// known before.
    pub fn complete(self, question: &Question<'_>) -> Result<(Completed, Judgement), Judgement> {
        let Self { view, app, route, changes, .. } = self;
        let Judged { mut judgement, obligation, .. } =
            decide(&Question { app: &app, route: &route, ..*question }, view);
        match judgement.outcome() {
            // SECURITY: what is filled in and narrowed by the object's own attribute would have had to stand in the request
            // (`a_request_that_the_answer_would_have_changed_is_refused`).
            Outcome::Permit if !judgement.changes.is_empty() => {
                let detail = Detail::text("the rights to this object would have changed the request");
                Err(judgement.into_refusal(Reason::OutOfScope, detail))
            }
            Outcome::Permit => {
                judgement.changes = changes;
                Ok((Completed { obligation }, judgement))
            }
            Outcome::Held => {
                Err(judgement.into_refusal(Reason::LookupFailed, Detail::text("the answer was not looked into")))
            }
            Outcome::Refuse | Outcome::Observed => Err(judgement),
        }
    }
}

/// Turns a request that was permitted by what it tells into what is sent. This is the only way to an [`Awaiting`]. The answer is
/// asked for whole and without coding.
///
/// # Errors
/// The judgement, as a refusal: where it does not wait for the answer, where the request cannot be written, and where the route only
/// observes, which holds no answers.
pub fn hold<'h>(judged: Judged<'_, 'h>, parts: &ForwardParts<'_>) -> Result<(Awaiting<'h>, Judgement), Judgement> {
    let Judged { judgement, view, app, route, .. } = judged;
    if judgement.outcome() != Outcome::Held {
        let detail = Detail::text("there is nothing to hold the answer for");
        return Err(if judgement.outcome() == Outcome::Refuse {
            judgement
        } else {
            judgement.into_refusal(Reason::InternalFault, detail)
        });
    }
    if route.mode.unwrap_or(app.mode) == Mode::Observe {
        let detail = Detail::text("the answer is not held where the route only observes");
        return Err(judgement.into_refusal(Reason::LookupFailed, detail));
    }
    match assemble(&judgement, &view, app, route, parts, true) {
        Ok(parcel) => {
            let (app, route, changes) = (Arc::clone(app), Arc::clone(route), judgement.changes.clone());
            Ok((Awaiting { parcel, view, app, route, changes }, judgement))
        }
        Err((reason, detail)) => Err(judgement.into_refusal(reason, detail)),
    }
}
