//! From a recorded permit to the answer that the client gets; what is forwarded is the permit's alone.

use tokio::time::Instant;

use super::core::Core;
use super::ending::Ending;
use super::filtered::Filtered;
use super::incoming::Incoming;
use super::lookup::learn::Lesson;
use super::passage::Passage;
use super::pipeline::Judged;
use super::session::Answered;
use super::{filtered, refuse};
use crate::audit::Recorded;
use crate::facts::{Change, Changed};
use crate::filter::{Coding, Occasion};
use crate::lookup::LookupId;
use crate::model::{Effect, Outcome, Reason, SubjectId};
use crate::policy::{Claim, Forwardable, Judgement, Obligation, Origin};
use crate::rules::App;
use crate::upstream::{Outside, UpstreamAnswer, present};
use crate::wire::body::AnswerBody;
use crate::wire::server::Answer;

/// Forwards what was recorded and turns the application's answer into the client's.
pub(super) async fn answer<T: Forwardable>(
    core: &Core,
    passage: &Passage,
    judged: &Judged<'_>,
    recorded: Recorded<T>,
    mut ending: Ending,
    incoming: Incoming,
) -> Answer {
    let Judged { asked, judgement, app, cap, .. } = *judged;
    let begun = Instant::now();
    let body = incoming.into_stream(cap, || ending.bytes_in());
    let obligation = recorded.get().parcel().obligation().cloned();
    ending.changes(changed(core, passage, judgement, app));
    let lesson = Lesson::of(core, passage, judged);
    let sent = core.forwarder.forward(recorded, body, begun).await;
    let answer = match sent {
        Ok(answer) => answer,
        Err(error) => {
            tracing::warn!(request = %passage.id, %error, "the application gave no answer");
            return refuse::faulted(core, passage, ending, asked.head, error.reason(), error.to_string());
        }
    };
    ending.exchanged(answer.address.clone(), answer.head.status, answer.came - begun);
    release(core, passage, judged, answer, obligation, lesson, ending).await
}

/// Turns an answer that may be released into the client's. What it tells of its objects is learned as it passes.
pub(super) async fn release(
    core: &Core,
    passage: &Passage,
    judged: &Judged<'_>,
    answer: UpstreamAnswer,
    obligation: Option<Obligation>,
    lesson: Option<Box<Lesson>>,
    mut ending: Ending,
) -> Answer {
    let Judged { asked, noted, app, .. } = *judged;
    let UpstreamAnswer { head, body, .. } = answer;
    let answered = Answered { core, passage, asked, app, noted, head: &head };
    let (body, cookies) = match answered.settle(body).await {
        Ok(settled) => settled,
        Err(fault) => {
            return refuse::faulted(core, passage, ending, asked.head, fault.reason, fault.detail.into());
        }
    };
    let outside =
        Outside { https: asked.connection.tls.is_some(), authority: asked.head.authority().unwrap_or_default() };
    let mut shown = match present(&head, &app.upstream, &outside, cookies.as_deref()) {
        Ok(shown) => shown,
        Err(error) => {
            let reason = Reason::UpstreamProtocol;
            return refuse::faulted(core, passage, ending, asked.head, reason, error.to_string());
        }
    };
    let told = lesson.and_then(|lesson| lesson.hear(&head));
    let body = match &obligation {
        None => match told {
            None => body,
            Some(told) => told.whole(body),
        },
        Some(obligation) => {
            let body = if let Some(told) = &told { told.before(body) } else { body };
            let accepted = Coding::accepted(asked.head.values("accept-encoding"));
            let occasion = Occasion {
                https: outside.https,
                authority: outside.authority.to_owned(),
                target: String::from_utf8_lossy(asked.head.target()).into_owned(),
                watermark: watermark(passage),
            };
            match Box::pin(filtered::filter(obligation, &head, &mut shown, body, occasion, accepted)).await {
                Ok(Filtered::Shown(body, tally)) => {
                    ending.filtered(tally);
                    match told {
                        None => body,
                        Some(told) => told.filtered(&shown, body),
                    }
                }
                Ok(Filtered::Withheld) => {
                    return refuse::withheld(core, passage, ending, asked.head, Reason::AnswerWithheld, &shown);
                }
                Ok(Filtered::Nothing(tally)) => {
                    ending.filtered(tally);
                    shown.set_status(Reason::NothingFound.status());
                    return refuse::withheld(core, passage, ending, asked.head, Reason::NothingFound, &shown);
                }
                Err(blocked) => {
                    return refuse::faulted(core, passage, ending, asked.head, blocked.reason(), blocked.to_string());
                }
            }
        }
    };
    passage.add_cookies(&mut shown);
    core.add_transport(&mut shown, Some(&head));
    let body = list(core, passage, judged, obligation.as_ref(), &mut ending, body);
    let finished = Some(ending.with(shown.status()));
    Answer { head: shown, body, finished }
}

/// The objects that the request may change, of which nothing is believed while it is in flight, or that was found before it ended.
fn changed(core: &Core, passage: &Passage, judgement: &Judgement, app: &App) -> Option<Change> {
    if app.lookups.is_empty() || (judgement.outcome() == Outcome::Permit && judgement.effect() == Effect::None) {
        return None;
    }
    let of = |lookup: LookupId, key| Some(Changed { app: &app.name, lookup: &app.lookup(lookup)?.name, key });
    let facts = passage.facts.iter().filter_map(|fact| of(fact.lookup, Some(fact.key.as_str())));
    let named = passage.forgets.iter().filter_map(|(lookup, key)| of(*lookup, key.as_deref()));
    // what an unjudged request changes is not known
    let observed = judgement.outcome() == Outcome::Observed;
    let all = app.lookups.iter().filter(|_| observed).filter_map(|lookup| of(lookup.id, None));
    Some(core.shared().attributes.change(facts.chain(named).chain(all), core.clock()))
}

/// What a watermark says: who asked, when, and the number that the record is found by.
fn watermark(passage: &Passage) -> String {
    let who = passage.subject.as_ref().map_or("-", SubjectId::as_str);
    let at = passage.time.to_string();
    let minutes = at.get(..16).unwrap_or(&at).replacen('T', " ", 1);
    format!("{who} {minutes} UTC {}", passage.id)
}

/// Puts an answer that goes on for longer on the list of open streams, which is reviewed from time to time. What is at hand
/// already is released whole.
fn list(
    core: &Core,
    passage: &Passage,
    judged: &Judged<'_>,
    obligation: Option<&Obligation>,
    ending: &mut Ending,
    body: AnswerBody,
) -> AnswerBody {
    let upgraded = match &body {
        AnswerBody::Stream(_) => false,
        AnswerBody::Tunnel(_) => true,
        _ => return body,
    };
    if upgraded {
        ending.tunnels(core);
    }
    let (subject, client, device) = (passage.subject.as_ref(), passage.client.ip, &passage.device);
    let origin = Origin { subject, client, device, upgraded };
    let (route, tested) = (passage.route.as_deref(), judged.noted.tested.clone());
    let claim = Claim::of(&passage.live.rules, judged.app, route, judged.judgement, tested, &origin)
        .filtered(obligation, &passage.live.rules);
    let open = core.streams.open(passage, judged.app, claim);
    let body = open.guard(body);
    ending.streams(open);
    body
}
