//! Refusals: recorded, counted, and answered with what the person may know; nothing here forwards anything.

use bytes::Bytes;

use super::core::Core;
use super::ending::Ending;
use super::passage::{AskedHead, Parameters, Passage};
use super::pipeline::Asked;
use super::respond::{Form, Refusal, Rendered, render};
use super::wording::negotiate;
use crate::audit::JournalError;
use crate::model::Reason;
use crate::policy::{Detail, Judgement};
use crate::rules::PermissionId;
use crate::wire::body::AnswerBody;
use crate::wire::connection::ConnectionInfo;
use crate::wire::head::RequestHead;
use crate::wire::server::{Answer, Rejected};
use crate::wire::writer::AnswerHead;

/// Refuses a request: puts the refusal on record, counts it, and answers.
pub(super) async fn answer(
    core: &Core,
    passage: &mut Passage,
    asked: &Asked<'_>,
    judgement: &Judgement,
    parameters: &Parameters,
) -> Answer {
    let target = passage.shown_target(asked.head);
    let head = AskedHead::of(asked.head, target.as_bytes());
    let (reason, ending) = put_on_record(core, passage, &head, judgement, parameters).await;
    page(core, passage, ending, Some(asked.head), reason, judgement.permission())
}

/// Answers what was no request at all; it is recorded like every other refusal.
pub(super) async fn unreadable(core: &Core, connection: &ConnectionInfo, rejected: &Rejected) -> Answer {
    let judgement = Judgement::refused(rejected.error.reason(), Detail::text(rejected.error));
    outright(core, connection, rejected.partial.as_ref(), &judgement).await
}

/// Answers a request that came while too many were in flight.
pub(super) async fn overloaded(core: &Core, connection: &ConnectionInfo, head: &RequestHead) -> Answer {
    let judgement = Judgement::refused(Reason::Overloaded, Detail::text("too many requests are in flight"));
    outright(core, connection, Some(head), &judgement).await
}

/// Answers a request whose serving panicked. What it had come to stands under its own number: a decision that was written, and an
/// outcome. Whether there was one is not known here, so that the answer is recorded as a refusal of its own.
pub(super) async fn panicked(core: &Core, connection: &ConnectionInfo) -> Answer {
    tracing::error!("a request was ended by a fault inside the gateway");
    let detail = "a fault inside the gateway; what was decided before it stands under another number";
    outright(core, connection, None, &Judgement::refused(Reason::InternalFault, Detail::text(detail))).await
}

/// Refuses without having looked at the request any further.
async fn outright(
    core: &Core,
    connection: &ConnectionInfo,
    head: Option<&RequestHead>,
    judgement: &Judgement,
) -> Answer {
    let mut passage = core.begin(connection);
    let target = passage.redact(head.map_or(&b""[..], RequestHead::target));
    let shown = AskedHead {
        method: head.map_or("", RequestHead::method),
        protocol: head.map_or("", |head| head.version().as_str()),
        host: head.and_then(RequestHead::authority).unwrap_or_default().as_bytes(),
        target: target.as_bytes(),
    };
    let (reason, ending) = put_on_record(core, &mut passage, &shown, judgement, &Parameters::new()).await;
    page(core, &passage, ending, head, reason, None)
}

/// Answers a request that was permitted but could not be put on record: it is not forwarded.
pub(super) fn unrecorded(core: &Core, passage: &Passage, asked: &Asked<'_>, error: &JournalError) -> Answer {
    tracing::error!(request = %passage.id, %error, "a decision could not be recorded; the request was refused");
    rendered(core, passage, Some(asked.head), Reason::RecordFailed, None)
}

/// Answers a request that was permitted and recorded, and then met a fault.
pub(super) fn faulted(
    core: &Core,
    passage: &Passage,
    mut ending: Ending,
    head: &RequestHead,
    reason: Reason,
    detail: String,
) -> Answer {
    ending.failed(reason, detail);
    page(core, passage, Some(ending), Some(head), reason, None)
}

/// Refuses a request whose answer was held, in the same words as any other; the refusal is on record.
pub(super) fn held(
    core: &Core,
    passage: &Passage,
    ending: Ending,
    head: &RequestHead,
    judgement: &Judgement,
) -> Answer {
    page(core, passage, Some(ending), Some(head), judgement.reason(), judgement.permission())
}

/// Answers in place of the application that said that something went wrong, or has nothing to show: with the status of `told`, and
/// what browsers need of its head.
pub(super) fn withheld(
    core: &Core,
    passage: &Passage,
    mut ending: Ending,
    head: &RequestHead,
    reason: Reason,
    told: &AnswerHead,
) -> Answer {
    const KEPT: [&str; 5] = ["set-cookie", "www-authenticate", "retry-after", "allow", "location"];
    ending.failed(reason, String::new());
    let mut answer = rendered(core, passage, Some(head), reason, None);
    answer.head.set_status(told.status());
    for (name, value) in told.fields() {
        if let Some(name) = KEPT.into_iter().find(|kept| name.eq_ignore_ascii_case(kept.as_bytes())) {
            // They stood in a head already.
            let _ = answer.head.push(name, value);
        }
    }
    answer.finished = Some(ending.with(answer.head.status()));
    answer
}

/// A refusal that cannot be recorded is answered as such: it stays a refusal.
async fn put_on_record(
    core: &Core,
    passage: &mut Passage,
    head: &AskedHead<'_>,
    judgement: &Judgement,
    parameters: &Parameters,
) -> (Reason, Option<Ending>) {
    core.count_decision(passage, judgement);
    let mut ending = None;
    let written = match passage.append(core, head, judgement, parameters) {
        Ok(pending) => {
            ending = Some(Ending::of(core, passage));
            pending.written(()).await.map(crate::audit::Recorded::into_inner)
        }
        Err(error) => Err(error),
    };
    match written {
        Ok(()) => (judgement.reason(), ending),
        Err(error) => {
            tracing::error!(request = %passage.id, %error, "a refusal could not be recorded");
            if let Some(ending) = &mut ending {
                ending.failed(Reason::RecordFailed, error.to_string());
            }
            (Reason::RecordFailed, ending)
        }
    }
}

fn page(
    core: &Core,
    passage: &Passage,
    ending: Option<Ending>,
    head: Option<&RequestHead>,
    reason: Reason,
    permission: Option<PermissionId>,
) -> Answer {
    let mut answer = rendered(core, passage, head, reason, permission);
    answer.finished = ending.map(|ending| ending.with(answer.head.status()));
    answer
}

fn rendered(
    core: &Core,
    passage: &Passage,
    head: Option<&RequestHead>,
    reason: Reason,
    permission: Option<PermissionId>,
) -> Answer {
    // SECURITY: nobody learns from a refusal what exists (`an_unknown_order_looks_like_one_out_of_scope`).
    let reason = reason.told();
    let first = |name: &'static str| head.and_then(|head| head.values(name).next());
    let language = core.shared().language.unwrap_or_else(|| negotiate(first("accept-language")));
    let form = Form::negotiate(first("accept"), first("x-requested-with"));
    let catalog = &passage.live.rules.catalog;
    let wanted = permission.and_then(|id| catalog.permission(id));
    let title = wanted.map(|entry| entry.title.show(language, entry.name.as_str()));
    let role = permission.and_then(|id| {
        // Whoever has the right, only not here or not now, asks where the own role is given.
        let subject = passage.subject.as_ref().and_then(|id| passage.live.people.subject(id));
        let own = subject.into_iter().flat_map(|subject| &subject.assignments);
        let own = own.filter_map(|assignment| catalog.role(assignment.role));
        own.chain(&catalog.roles).find(|role| role.permissions.contains(id))
    });
    let contact = role
        .and_then(|role| role.contact.as_ref())
        .map(|contact| contact.show(language, ""))
        .or(core.shared().contact.as_deref());
    let challenges: Vec<String> =
        passage.app.iter().flat_map(|app| app.identity.challenges()).map(str::to_owned).collect();
    let refusal = Refusal {
        reason,
        id: passage.id,
        at: passage.time,
        permission: title.filter(|_| asks_for_a_right(reason)),
        contact,
        sign_in: passage.app.as_ref().and_then(|app| app.identity.sign_in_page()).filter(|_| reason.status() == 401),
        challenges: &challenges,
    };
    let Rendered { status, fields, body } = render(&refusal, form, language);
    let mut head = AnswerHead::new(status);
    for (name, value) in &fields {
        // Names are ours; a value that cannot stand in a head is left out.
        let _ = head.push(name, value.as_bytes());
    }
    passage.add_cookies(&mut head);
    core.add_transport(&mut head, None);
    Answer::new(head, AnswerBody::Full(Bytes::from(body)))
}

/// Whether a right would help.
const fn asks_for_a_right(reason: Reason) -> bool {
    matches!(reason, Reason::NotGranted | Reason::AssignmentEnded | Reason::OutOfScope | Reason::ScopeUnbound)
}
