//! A request whose answer is held until what only it tells is judged: then it is released like any other, or the person gets the
//! refusal and nothing of it. Never decides itself.

use std::sync::Arc;

use tokio::time::Instant;

use super::core::Core;
use super::ending::Ending;
use super::incoming::Incoming;
use super::lookup::learn::Lesson;
use super::lookup::told;
use super::passage::{AskedHead, Passage};
use super::pipeline::{self, Judged, question};
use super::{carry, refuse, session};
use crate::audit::{JournalError, Recorded};
use crate::lookup::{Fact, Found, Lookup, Origin};
use crate::model::{Outcome, Reason};
use crate::policy::{Awaiting, Detail, Judgement};
use crate::telemetry::LookupResult;
use crate::upstream::{HeldAnswer, JudgedAnswer, UpstreamError};
use crate::wire::body::RequestBody;
use crate::wire::head::ResponseHead;
use crate::wire::server::Answer;

/// Puts on record that the request is sent, sends it, and judges the answer before any of it is released.
pub(super) async fn answer(
    core: &Core,
    passage: &mut Passage,
    judged: &Judged<'_>,
    awaiting: Awaiting<'_>,
    incoming: Incoming,
) -> Answer {
    let asked = judged.asked;
    let (recorded, mut ending) = match pipeline::record(core, passage, judged, awaiting).await {
        Ok(sent) => sent,
        Err(error) => return refuse::unrecorded(core, passage, asked, &error),
    };
    let body = incoming.into_stream(judged.cap, || ending.bytes_in());
    let lesson = Lesson::of(core, passage, judged);
    let mut came = None;
    let settled = settle(core, passage, judged, recorded, body, &mut ending, &mut came).await;
    let (sealed, judgement) = match settled {
        Ok((answer, judgement)) => (Some(answer), judgement),
        Err(judgement) => (None, judgement),
    };
    ending.decided(&judgement);
    // SECURITY: what the answer came to is written before a byte of it leaves.
    let recorded = match record(core, passage, judged, &judgement, sealed).await {
        Ok(recorded) => recorded,
        Err(error) => {
            tracing::error!(request = %passage.id, %error, "what an answer came to could not be recorded; it was not released");
            return refuse::faulted(core, passage, ending, asked.head, Reason::RecordFailed, error.to_string());
        }
    };
    match recorded {
        Some(recorded) => {
            let (answer, obligation) = JudgedAnswer::release(recorded);
            let judged = Judged { judgement: &judgement, ..*judged };
            carry::release(core, passage, &judged, answer, obligation, lesson, ending).await
        }
        None => {
            // the session that the application renewed goes on, whatever became of the answer
            // (`a_session_that_a_refused_answer_renews_goes_on`)
            passage.won.extend(came);
            if !passage.won.is_empty() {
                session::keep_won(core, passage, asked, judged.noted).await;
            }
            refuse::held(core, passage, ending, asked.head, &judgement)
        }
    }
}

/// Sends the request, finds out what the answer tells, and decides again. The head that came is kept in `came` where it sets cookies.
async fn settle(
    core: &Core,
    passage: &mut Passage,
    judged: &Judged<'_>,
    recorded: Recorded<Awaiting<'_>>,
    body: RequestBody,
    ending: &mut Ending,
    came: &mut Option<ResponseHead>,
) -> Result<(JudgedAnswer, Judgement), Judgement> {
    let Judged { judgement, app, .. } = *judged;
    let refuse = |reason, text: &str| judgement.clone().into_refusal(reason, Detail::text(text));
    let Some(lookup) = judgement.awaited().and_then(|awaited| app.lookup(awaited.lookup)) else {
        return Err(refuse(Reason::InternalFault, "what the answer tells cannot be read"));
    };
    let begun = Instant::now();
    let held = tokio::time::timeout(lookup.within, hold(core, judged, lookup, recorded, body, ending, came)).await;
    let (held, found) = match held {
        Ok(Ok(told)) => told,
        Ok(Err(error)) => {
            tracing::warn!(request = %passage.id, %error, "the application gave no answer");
            tell(
                core,
                passage,
                judged,
                lookup,
                Found::Failed(error.reason(), "the application gave no answer".into()),
                begun,
            );
            return Err(refuse(error.reason(), &error.to_string()));
        }
        Err(_) => {
            let text = "the answer was not whole in time";
            tell(core, passage, judged, lookup, Found::Failed(Reason::LookupTimeout, text.into()), begun);
            return Err(refuse(Reason::LookupTimeout, text));
        }
    };
    tell(core, passage, judged, lookup, found, begun);
    // SECURITY: an answer may take its time, so rights count as of its end (`a_right_that_ends_while_the_answer_is_held_is_not_used`).
    if passage.subject.as_ref().is_some_and(|id| core.is_frozen(id)) {
        return Err(judgement.clone().into_refusal(Reason::Frozen, Detail::None));
    }
    let Some(route) = passage.route.as_ref() else {
        return Err(refuse(Reason::InternalFault, "the route is not known"));
    };
    let question = question(passage, app, route, core.clock().now(), &passage.facts);
    held.judge(&question)
}

/// Sends the request and reads the answer.
async fn hold<'h>(
    core: &Core,
    judged: &Judged<'_>,
    lookup: &Lookup,
    recorded: Recorded<Awaiting<'h>>,
    body: RequestBody,
    ending: &mut Ending,
    came: &mut Option<ResponseHead>,
) -> Result<(HeldAnswer<'h>, Found), UpstreamError> {
    let begun = Instant::now();
    let mut held = core.forwarder.forward_held(recorded, body, begun).await?;
    ending.exchanged(held.address().clone(), held.head().status, held.came() - begun);
    *came = held.head().contains("set-cookie").then(|| held.head().clone());
    if let Err(found) = told::is_telling(judged.app, held.head(), true) {
        return Ok((held, found));
    }
    let found = match held.read(lookup.cap).await {
        Ok(body) => told::page(judged.app, lookup, held.head(), &body)
            .map_or_else(|found| found, |page| told::of_page(lookup, &page)),
        Err(error) => told::failed(error),
    };
    Ok((held, found))
}

/// Puts what the answer told in the place of what was awaited.
fn tell(core: &Core, passage: &mut Passage, judged: &Judged<'_>, lookup: &Arc<Lookup>, found: Found, begun: Instant) {
    let series = core.metrics.lookup(&judged.app.name, &lookup.name);
    series.took(begun.elapsed());
    series.count(match &found {
        Found::Values(_) | Found::Held => LookupResult::Response,
        Found::Unknown(_) => LookupResult::Unknown,
        Found::Failed(Reason::LookupTimeout | Reason::UpstreamTimeout, _) => LookupResult::Timeout,
        Found::Failed(..) => LookupResult::Failed,
    });
    let facts = std::mem::take(&mut passage.facts);
    let settled = |fact: &Fact| match fact.found {
        Found::Held => Fact { found: found.clone(), origin: Origin::Response, ..fact.clone() },
        _ => fact.clone(),
    };
    passage.facts = facts.iter().map(settled).collect();
}

/// Puts on record what the answer came to; `sealed` comes out again only when that is written.
async fn record(
    core: &Core,
    passage: &Passage,
    judged: &Judged<'_>,
    judgement: &Judgement,
    sealed: Option<JudgedAnswer>,
) -> Result<Option<Recorded<JudgedAnswer>>, JournalError> {
    debug_assert!(judgement.outcome() != Outcome::Held);
    let Judged { asked, noted, .. } = judged;
    let target = passage.shown_target(asked.head);
    let pending = passage.append(core, &AskedHead::of(asked.head, target.as_bytes()), judgement, &noted.parameters)?;
    match sealed {
        Some(sealed) => pending.written(sealed).await.map(Some),
        None => pending.written(()).await.map(|_| None),
    }
}
