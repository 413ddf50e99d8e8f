//! The life of a request, from its head to its answer, in the order that the safety rests on; every stage is another module's.

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use smallvec::SmallVec;

use super::asker::{evidence, identify, is_public};
use super::core::Core;
use super::device::LastDevice;
use super::ending::Ending;
use super::incoming::Incoming;
use super::layers::{self, Panicked};
use super::live::Live;
use super::lookup::Resolved;
use super::passage::{AskedHead, Parameters, Passage, body_parameters};
use super::{carry, hold, lookup, refuse, session};
use crate::audit::{JournalError, Recorded};
use crate::identity::chain::Identified;
use crate::identity::presented::{CookieField, Presented};
use crate::identity::sign_in::Watch;
use crate::lookup::Facts;
use crate::model::{Outcome, Reason, SubjectId, Timestamp};
use crate::policy::{
    self, Asker, Awaiting, Detail, ForwardParts, Forwardable, Judgement, Observed, Permit, Question, Tested, Told,
    approach, decide, observe, seal,
};
use crate::rules::{App, Route, Upgrade};
use crate::upstream::{Outside, judge_origin};
use crate::wire::connection::ConnectionInfo;
use crate::wire::framing::Framing;
use crate::wire::head::RequestHead;
use crate::wire::server::{Answer, Exchange, Rejected, Service};

/// A request with the connection that it came on.
pub struct Call {
    client: Rc<Client>,
    exchange: Box<Exchange>,
}

/// The connection that requests come on, and what is remembered of them.
struct Client {
    info: Rc<ConnectionInfo>,
    device: LastDevice,
}

/// What serves the requests of one core, with what stands around all of them.
pub fn service(
    core: &Rc<Core>,
    most: usize,
) -> impl tower::Service<Call, Response = Result<Answer, Panicked>> + Clone + 'static {
    let core = Rc::clone(core);
    layers::around(most, move |call: Call| {
        let core = Rc::clone(&core);
        async move { serve(&core, &call.client, call.exchange).await }
    })
}

/// The service of one client connection.
pub struct Connection<S> {
    core: Rc<Core>,
    service: S,
    client: Rc<Client>,
}

impl<S> Connection<S> {
    /// Serves the requests of the connection that `info` describes by `service`.
    #[must_use]
    pub fn new(core: Rc<Core>, service: S, info: Rc<ConnectionInfo>) -> Self {
        Self { core, service, client: Rc::new(Client { info, device: LastDevice::default() }) }
    }
}

impl<S> Service for Connection<S>
where
    S: tower::Service<Call, Response = Result<Answer, Panicked>> + Clone + 'static,
{
    async fn call(&self, exchange: Box<Exchange>) -> Answer {
        let call = Call { client: Rc::clone(&self.client), exchange };
        match layers::shed(self.service.clone(), call).await {
            Ok(Ok(Ok(answer))) => answer,
            // in boxes of their own, so that other requests hold no room for them
            Ok(Ok(Err(Panicked)) | Err(_)) => Box::pin(refuse::panicked(&self.core, &self.client.info)).await,
            Err(call) => Box::pin(refuse::overloaded(&self.core, &self.client.info, &call.exchange.head)).await,
        }
    }

    async fn reject(&self, rejected: Rejected) -> Answer {
        Box::pin(refuse::unreadable(&self.core, &self.client.info, &rejected)).await
    }
}

/// A request as it came.
pub(super) struct Asked<'a> {
    pub head: &'a RequestHead,
    pub framing: Framing,
    pub upgrade: bool,
    pub connection: &'a ConnectionInfo,
}

/// What of a decided request is forwarded, and where to.
enum Decided<'a> {
    Permit(Permit),
    /// Boxed, as few requests wait for their answers.
    Awaiting(Box<Awaiting<'a>>),
    Observed(Observed),
    Refused,
}

/// The whole life of a request.
async fn serve(core: &Rc<Core>, client: &Client, exchange: Box<Exchange>) -> Answer {
    let connection: &ConnectionInfo = &client.info;
    // what stays alive over the waits is lent, not moved: each move of it would be a copy of its own in the future of every request
    let asked =
        Asked { head: &exchange.head, framing: exchange.framing, upgrade: exchange.upgrade.is_some(), connection };
    let mut incoming = Incoming::new(exchange.body);
    let mut noted = Noted::default();
    let mut passage = core.begin(connection);
    let live = Rc::clone(&passage.live);
    let placed = core.place(&mut passage, connection, &client.device, asked.head);
    let app = match placed.and_then(|()| find_application(&live, &mut passage, &asked)) {
        Ok(app) => app,
        Err(judgement) => {
            passage.decided = passage.begun.elapsed();
            return refuse::answer(core, &mut passage, &asked, &judgement, &noted.parameters).await;
        }
    };
    let (decided, judgement) = settle(core, &mut passage, &asked, app, &mut incoming, &mut noted).await;
    passage.decided = passage.begun.elapsed();
    let cap = passage.route.as_deref().and_then(approach::streamed_cap);
    let judged = Judged { asked: &asked, noted: &noted, judgement: &judgement, app, cap };
    match decided {
        Decided::Permit(permit) => carry_out(core, &mut passage, &judged, permit, incoming).await,
        Decided::Awaiting(awaiting) => Box::pin(hold::answer(core, &mut passage, &judged, *awaiting, incoming)).await,
        Decided::Observed(observed) => {
            carry_out(core, &mut passage, &Judged { cap: None, ..judged }, observed, incoming).await
        }
        Decided::Refused => {
            if !passage.won.is_empty() {
                // boxed: few requests win a session on the way and are refused then
                Box::pin(session::keep_won(core, &mut passage, &asked, &noted)).await;
            }
            refuse::answer(core, &mut passage, &asked, &judgement, &noted.parameters).await
        }
    }
}

/// A request that was judged, with what was learned on the way.
#[derive(Clone, Copy)]
pub(super) struct Judged<'a> {
    pub asked: &'a Asked<'a>,
    pub noted: &'a Noted,
    pub judgement: &'a Judgement,
    pub app: &'a Arc<App>,
    /// The most bytes of a body that streams.
    pub cap: Option<u64>,
}

/// Puts on record what is to be forwarded, and forwards it when that is written.
async fn carry_out<T: Forwardable>(
    core: &Core,
    passage: &mut Passage,
    judged: &Judged<'_>,
    sealed: T,
    incoming: Incoming,
) -> Answer {
    match record(core, passage, judged, sealed).await {
        Ok((recorded, ending)) => carry::answer(core, passage, judged, recorded, ending, incoming).await,
        Err(error) => refuse::unrecorded(core, passage, judged.asked, &error),
    }
}

/// Puts the decision on record. What may be forwarded comes out again only when it is written.
pub(super) async fn record<T>(
    core: &Core,
    passage: &mut Passage,
    judged: &Judged<'_>,
    sealed: T,
) -> Result<(Recorded<T>, Ending), JournalError> {
    let Judged { asked, noted, judgement, .. } = judged;
    let pending = core.with_spare(|target| {
        passage.show_target(asked.head, target);
        passage.append(core, &AskedHead::of(asked.head, target), judgement, &noted.parameters)
    })?;
    let mut ending = Ending::of(core, passage);
    if judgement.outcome() != Outcome::Held {
        ending.decided(judgement);
    }
    match pending.written(sealed).await {
        Ok(recorded) => Ok((recorded, ending)),
        Err(error) => {
            ending.failed(Reason::RecordFailed, error.to_string());
            Err(error)
        }
    }
}

/// Which application the host names; the names of the connection's certificate must agree (RFC 9110 section 7.4).
fn find_application<'a>(live: &'a Live, passage: &mut Passage, asked: &Asked<'_>) -> Result<&'a Arc<App>, Judgement> {
    let host = asked.head.canonical_host().ok_or_else(|| Judgement::refused(Reason::BadHost, Detail::None))?;
    let tls = asked.connection.tls.as_ref();
    let covered = tls.is_none_or(|tls| tls.certificate.covers(host));
    let scheme = asked.head.scheme_is_https().is_none_or(|https| https == tls.is_some());
    if !covered || !scheme {
        let detail = Detail::text(format_args!("`{host}` is not what this connection was opened for"));
        return Err(Judgement::refused(Reason::HostMismatch, detail));
    }
    let app = live.rules.app_for_host(host);
    passage.app = app.cloned();
    app.ok_or_else(|| {
        Judgement::refused(Reason::UnknownHost, Detail::text(format_args!("no application has the host `{host}`")))
    })
}

/// Decides, and turns what came of it into what may be forwarded.
async fn settle<'a>(
    core: &Core,
    passage: &mut Passage,
    asked: &Asked<'a>,
    app: &'a Arc<App>,
    incoming: &mut Incoming,
    noted: &mut Noted,
) -> (Decided<'a>, Judgement) {
    let judgement = match judge(core, passage, asked, app, incoming, noted).await {
        Ok(decided) => return decided,
        Err(judgement) => judgement,
    };
    if noted.identified.is_none() {
        // SECURITY: what belongs to the gateway is taken off also where nobody could be told, as observe mode forwards such requests.
        let evidence = evidence(passage, asked, app, None);
        noted.presented = app.identity.present(&evidence, &core.verifiers);
        noted.identified = Some(app.identity.anonymous(&evidence, &noted.presented));
    }
    let told = Told { subject: None, roles: &[] };
    let parts = forward_parts(passage, asked, noted, told);
    match observe(judgement, app, passage.route.as_deref(), &parts, incoming.as_observed()) {
        Ok((observed, judgement)) => (Decided::Observed(observed), judgement),
        Err(judgement) => (Decided::Refused, judgement),
    }
}

/// Canonical target → route → subject → parameters → decision → permit.
async fn judge<'a>(
    core: &Core,
    passage: &mut Passage,
    asked: &Asked<'a>,
    app: &'a Arc<App>,
    incoming: &mut Incoming,
    noted: &mut Noted,
) -> Result<(Decided<'a>, Judgement), Judgement> {
    let limits = &core.shared().limits;
    let mut view = approach::read_target(app, asked.head, asked.framing, &limits.target)?;
    let found = approach::find_route(app, &view);
    let asks_nobody = found.as_ref().is_ok_and(|found| is_public(found.route()));
    // SECURITY: which route it is counts also where nobody can be told, so that a route that is enforced refuses then
    // (`a_route_that_is_enforced_refuses_strangers_though_its_application_is_only_observed`).
    passage.route = found.as_ref().ok().map(|found| Arc::clone(found.route()));
    identify(core, passage, asked, app, &view, asks_nobody, noted).await?;
    let found = found?;

    let (body, now) = match approach::judged_body(found.route(), &limits.body) {
        Some(cap) if !asked.framing.is_empty() => {
            let read = incoming.read(cap).await;
            (read.map_err(|error| Judgement::refused(error.reason(), Detail::text(error)))?, core.clock().now())
        }
        _ => (Bytes::new(), passage.time),
    };
    let route = approach::settle(app, found, &mut view, &limits.body, &body)?;
    if passage.route.as_ref().is_none_or(|known| !Arc::ptr_eq(known, route)) {
        passage.route = Some(Arc::clone(route));
    }
    if is_public(route) != asks_nobody {
        // SECURITY: a route that only the body told may ask for somebody where the first guess asked for nobody, and the other way
        // round (`a_route_told_by_the_body_knows_who_asks`).
        identify(core, passage, asked, app, &view, is_public(route), noted).await?;
    }
    noted.parameters = body_parameters(app, route, &view);
    noted.watch = app.identity.watch(&view);
    if let Some(place) = noted.identified.as_ref().and_then(|identified| identified.strip_query.as_ref()) {
        view.remove(place).map_err(|error| Judgement::refused(error.reason(), Detail::text(error)))?;
    }

    // SECURITY: a body may take its time, so rights count as of its end (`a_right_that_ends_while_the_body_comes_is_not_used`).
    if now != passage.time && passage.subject.as_ref().is_some_and(|id| core.is_frozen(id)) {
        return Err(Judgement::refused(Reason::Frozen, Detail::None));
    }
    same_origin(asked, route)?;
    let forgets = policy::forgotten(route, &view);
    let wanted = match route.looks_up() {
        true => policy::wanted(&question(passage, app, route, now, Facts::NONE), &view),
        false => Vec::new(),
    };
    let resolved = if wanted.is_empty() {
        Resolved::default()
    } else {
        // boxed: few routes look anything up, and every request's future would have room for it
        Box::pin(lookup::resolve(core, passage, asked, app, noted, wanted)).await
    };
    let live = Rc::clone(&passage.live);
    let judged = decide(&question(passage, app, route, now, &resolved.facts), view);
    noted.tested = judged.tested();
    let deciding = judged.judgement().deciding().iter();
    let roles: SmallVec<[&str; 2]> =
        deciding.filter_map(|one| live.rules.catalog.role(one.role)).map(|role| role.name.as_str()).collect();
    let told = Told { subject: passage.subject.as_ref().map(SubjectId::as_str), roles: &roles };
    let parts = forward_parts(passage, asked, noted, told);
    let decided = if judged.judgement().outcome() == Outcome::Held {
        policy::hold(judged, &parts).map(|(held, judgement)| (Decided::Awaiting(Box::new(held)), judgement))
    } else {
        seal(judged, &parts).map(|(permit, judgement)| (Decided::Permit(permit), judgement))
    };
    (passage.facts, passage.won, passage.forgets) = (resolved.facts, resolved.won, forgets);
    decided
}

/// What a request is decided by, beside itself.
pub(super) fn question<'a>(
    passage: &'a Passage,
    app: &'a Arc<App>,
    route: &'a Arc<Route>,
    now: Timestamp,
    facts: &'a Facts,
) -> Question<'a> {
    let live = &passage.live;
    let asker = match &passage.subject {
        None => Asker::Anonymous,
        Some(id) => live.people.subject(id).map_or(Asker::Stranger(id), Asker::Known),
    };
    Question {
        rules: &live.rules,
        app,
        route,
        asker,
        now,
        client: passage.client.ip,
        device: Some(&passage.device),
        facts,
    }
}

/// A WebSocket is asked for by a page that the route lists, or by none.
///
/// SECURITY: a page of another site would use the session of its visitor (`a_page_of_another_origin_gets_no_tunnel`).
fn same_origin(asked: &Asked<'_>, route: &Route) -> Result<(), Judgement> {
    let Upgrade::WebSocket { origins } = &route.upgrade else { return Ok(()) };
    if !asked.upgrade {
        return Ok(());
    }
    let authority = asked.head.authority().unwrap_or_default();
    let outside = Outside { https: asked.connection.tls.is_some(), authority };
    judge_origin(asked.head, origins, &outside)
        .map_err(|error| Judgement::refused(Reason::UpgradeRefused, Detail::text(error)))
}

/// What judging a request brought to light besides the judgement.
#[derive(Default)]
pub(super) struct Noted {
    /// Who is asking, and what must be taken off.
    pub identified: Option<Identified>,
    /// The application's session cookies in the request.
    pub presented: Presented,
    /// Whether it signs in or out.
    pub watch: Option<Watch>,
    /// Parameters of the body for the record.
    pub parameters: Parameters,
    /// Parameters that conditions test, kept for a stream that is judged again.
    pub tested: Tested,
}

fn forward_parts<'a>(passage: &'a Passage, asked: &Asked<'a>, noted: &'a Noted, told: Told<'a>) -> ForwardParts<'a> {
    static UNCHANGED: CookieField = CookieField::Unchanged;
    let identified = noted.identified.as_ref();
    ForwardParts {
        head: asked.head,
        framing: asked.framing,
        request: passage.id,
        client: &passage.client,
        https: asked.connection.tls.is_some(),
        told,
        strip: identified.map_or(&[], |identified| &identified.strip),
        cookies: identified.map_or(&UNCHANGED, |identified| &identified.cookie),
        // An encoded answer to a sign-in could not be judged.
        plain_answer: noted.watch.is_some(),
        upgrade: asked.upgrade,
    }
}
