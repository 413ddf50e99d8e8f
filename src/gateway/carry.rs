//! From a recorded permit to the answer that the client gets, and to the outcome on record; what is forwarded is the permit's alone.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::core::{Core, micros};
use super::incoming::Incoming;
use super::open::{Claim, OpenStream};
use super::passage::Passage;
use super::pipeline::{Asked, Noted};
use super::{refuse, session};
use crate::audit::{self, OutcomeRecord, Recorded};
use crate::model::Reason;
use crate::policy::{Forwardable, Judgement};
use crate::rules::App;
use crate::upstream::{Outside, UpstreamAnswer, present};
use crate::wire::body::{AnswerBody, Completion, Finish};
use crate::wire::server::Answer;
use crate::wire::writer::AnswerHead;

/// What is told of the exchange with the application.
struct Exchanged {
    address: String,
    status: u16,
    bytes_in: u64,
    took: Duration,
}

/// Forwards what was recorded and turns the application's answer into the client's.
#[expect(clippy::too_many_arguments, reason = "the state of a request, handed over whole and once")]
pub(super) async fn answer<T: Forwardable>(
    core: &Rc<Core>,
    passage: Passage,
    asked: &Asked<'_>,
    app: Arc<App>,
    noted: Noted,
    judgement: &Judgement,
    recorded: Recorded<T>,
    incoming: Incoming,
) -> Answer {
    let bytes_in = incoming.read_bytes();
    let open = core.streams.open(Claim::of(&passage, judgement));
    let begun = Instant::now();
    let sent = core.forwarder.forward(recorded, incoming.into_stream(), &open.stop()).await;
    let UpstreamAnswer { head, body, address, .. } = match sent {
        Ok(answer) => answer,
        Err(error) => {
            tracing::warn!(request = %passage.id, %error, "the application gave no answer");
            return refuse::faulted(core, passage, asked.head, error.reason(), &error.to_string());
        }
    };
    let exchanged = Exchanged { address: address.to_string(), status: head.status, bytes_in, took: begun.elapsed() };
    core.route_metrics(&passage).upstream_answered(exchanged.took);
    let (body, cookies) = match session::settle(core, &passage, asked, &app, &noted, &head, body).await {
        Ok(settled) => settled,
        Err(fault) => return refuse::faulted(core, passage, asked.head, fault.reason, &fault.detail),
    };
    let outside =
        Outside { https: asked.connection.tls.is_some(), authority: asked.head.authority().unwrap_or_default() };
    let mut shown = match present(&head, &app.upstream, &outside, cookies.as_deref()) {
        Ok(shown) => shown,
        Err(error) => {
            return refuse::faulted(core, passage, asked.head, Reason::UpstreamProtocol, &error.to_string());
        }
    };
    passage.add_cookies(&mut shown);
    finished(core, passage, shown, body, exchanged, open)
}

fn finished(
    core: &Core,
    passage: Passage,
    head: AnswerHead,
    body: AnswerBody,
    exchanged: Exchanged,
    open: OpenStream,
) -> Answer {
    let body = open.guard(body);
    let status = head.status();
    let journal = core.journal.clone();
    let clock = core.clock();
    let metrics = core.route_metrics(&passage);
    let finish = Finish::new(move |completion, bytes_out| {
        drop(open);
        let total = passage.begun.elapsed();
        metrics.request_ended(total);
        journal.outcome(&OutcomeRecord {
            upstream_status: Some(exchanged.status),
            upstream: Some(&exchanged.address),
            answer_status: Some(status),
            reason: reason(completion),
            bytes_in: exchanged.bytes_in,
            bytes_out,
            decision_micros: micros(passage.decided),
            upstream_micros: Some(micros(exchanged.took)),
            total_micros: micros(total),
            ..OutcomeRecord::new(clock.now(), passage.id, self::completion(completion))
        });
    });
    Answer { head, body, finished: Some(finish) }
}

/// How the record names the end of an answer.
pub(super) const fn completion(completion: Completion) -> audit::Completion {
    match completion {
        Completion::Complete => audit::Completion::Complete,
        Completion::ClientGone | Completion::Aborted => audit::Completion::ClientAborted,
        Completion::ClientTimeout | Completion::UpstreamTimeout => audit::Completion::TimedOut,
        Completion::UpstreamCut => audit::Completion::UpstreamAborted,
        Completion::Withheld(_) => audit::Completion::Closed,
    }
}

/// The reason that arose while an answer was sent.
const fn reason(completion: Completion) -> Option<Reason> {
    match completion {
        Completion::Complete | Completion::ClientGone | Completion::Aborted => None,
        Completion::ClientTimeout => Some(Reason::ClientTimeout),
        Completion::UpstreamTimeout => Some(Reason::UpstreamTimeout),
        Completion::UpstreamCut => Some(Reason::UpstreamProtocol),
        Completion::Withheld(reason) => Some(reason),
    }
}
