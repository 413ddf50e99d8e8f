//! What an answer does to sessions, done before a byte of it is released: sign-ins bound, sign-outs ended; whom, the application says.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use compact_str::{CompactString, format_compact};
use http_body::{Body, Frame};

use super::core::Core;
use super::passage::Passage;
use super::pipeline::{Asked, Noted};
use crate::audit::{AdminAction, AdminRecord, Durability};
use crate::identity::chain::IdentityChain;
use crate::identity::presented::CookieField;
use crate::identity::settle::Exchange;
use crate::identity::sign_in::{Judgement, MAX_PAGE, Verdict, Watch};
use crate::model::Reason;
use crate::policy::SideRequest;
use crate::rules::App;
use crate::upstream::{Outside, UpstreamAnswer, turn_cookie};
use crate::wire::body::AnswerBody;
use crate::wire::error::WireError;
use crate::wire::head::ResponseHead;

/// Why an answer cannot be released.
pub(super) struct Fault {
    pub reason: Reason,
    pub detail: CompactString,
}

/// The Set-Cookie fields in place of the application's own, where they differ.
type Cookies = Option<Vec<Vec<u8>>>;

/// An answer that the application gave, with the request that it answers.
#[derive(Clone, Copy)]
pub(super) struct Answered<'a> {
    pub core: &'a Core,
    pub passage: &'a Passage,
    pub asked: &'a Asked<'a>,
    pub app: &'a App,
    pub noted: &'a Noted,
    pub head: &'a ResponseHead,
}

impl Answered<'_> {
    /// Judges what the answer does to sessions and makes it so. Gives the body back, and the cookies to set.
    ///
    /// # Errors
    /// When a sign-in cannot be kept or put on record: its answer is not released then.
    pub async fn settle(self, mut body: AnswerBody) -> Result<(AnswerBody, Cookies), Fault> {
        if self.noted.watch.is_none() && self.passage.won.is_empty() && !self.head.contains("set-cookie") {
            return Ok((body, None));
        }
        // boxed: few answers change a session, and every request's future would have room for it
        let cookies = Box::pin(self.change(&mut body)).await?;
        Ok((body, cookies))
    }

    async fn change(self, body: &mut AnswerBody) -> Result<Cookies, Fault> {
        let Self { core, passage, app, noted, head, .. } = self;
        let confirmed = match &noted.watch {
            Some(watch) => Some(self.confirm(watch, body).await),
            None => None,
        };
        let (verdict, probe) = confirmed.map_or((None, None), |(verdict, probe)| (Some(verdict), probe));
        let exchange = Exchange {
            presented: &noted.presented,
            device: passage.device.id.as_ref(),
            verdict: verdict.as_ref(),
            before: &passage.won,
            answer: head,
            probe: probe.as_ref(),
            now: core.shared().clock.now(),
        };
        let sessions = &core.shared().sessions;
        let settlement = app
            .identity
            .settle(&exchange, sessions)
            .map_err(|error| Fault { reason: Reason::InternalFault, detail: format_compact!("{error}") })?;
        sessions
            .commit(settlement.changes)
            .await
            .map_err(|error| Fault { reason: Reason::IdentityUnavailable, detail: format_compact!("{error}") })?;
        if let Some(verdict) = &verdict {
            self.put_on_record(verdict).await?;
        }
        Ok(settlement.set_cookies)
    }

    /// Whom the application confirms: by the head of its answer, by its body, or by a page read right afterwards.
    async fn confirm(self, watch: &Watch, body: &mut AnswerBody) -> (Verdict, Option<ResponseHead>) {
        let Self { core, passage, asked, app, noted, head } = self;
        let now = core.shared().clock.now();
        let mut judgement = app.identity.judge(watch, head, None, now);
        if judgement == Judgement::NeedsBody {
            let page = peek(body).await;
            judgement = app.identity.judge(watch, head, Some(page.as_deref()), now);
        }
        match judgement {
            Judgement::Final(verdict) => (verdict, None),
            Judgement::NeedsBody => (Verdict::Ignored, None),
            Judgement::NeedsProbe(path) => {
                let forwarded = forwarded_cookies(asked, noted);
                let cookies = app.identity.probe_cookies(forwarded.as_deref(), head, now).unwrap_or_default();
                let authority = asked.head.authority().unwrap_or_default();
                let Ok(request) = SideRequest::probe(app, authority, &path, &cookies, passage.id) else {
                    return (IdentityChain::probe_failed(), None);
                };
                match core.forwarder.ask(request).await {
                    Ok(UpstreamAnswer { head, mut body, .. }) => {
                        let page = peek(&mut body).await;
                        (app.identity.judge_probe(watch, &head, page.as_deref()), Some(head))
                    }
                    Err(error) => {
                        tracing::warn!(request = %passage.id, %error, "the page that confirms a sign-in could not be had");
                        (IdentityChain::probe_failed(), None)
                    }
                }
            }
        }
    }

    /// Puts on record who signed in or out; a sign-in that nobody could look up later is not released.
    async fn put_on_record(self, verdict: &Verdict) -> Result<(), Fault> {
        let (action, subject, detail) = match verdict {
            Verdict::SignedIn { subject, .. } => (AdminAction::SignIn, Some(subject.as_str()), ""),
            Verdict::Unconfirmed(why) => (AdminAction::SignIn, None, *why),
            Verdict::SignedOut => (AdminAction::SignOut, None, ""),
            Verdict::Ignored => return Ok(()),
        };
        let id = self.passage.id.to_string();
        let record = AdminRecord {
            subject,
            object: Some(&self.app.name),
            detail,
            fields: &[("request", &id)],
            ..AdminRecord::new(self.core.shared().clock.now(), action)
        };
        self.core
            .journal
            .event(&record, Durability::Written)
            .await
            .map_err(|error| Fault { reason: Reason::RecordFailed, detail: format_compact!("{error}") })
    }
}

/// Where no answer of the application's reaches the client: keeps what its sessions have become by the gateway's own requests, and
/// gives the cookies to the page that the client gets instead.
///
/// SECURITY: only the application's session cookies, so that nothing else of its answers leaks.
pub(super) async fn keep_won(core: &Core, passage: &mut Passage, asked: &Asked<'_>, noted: &Noted) {
    let Some(app) = passage.app.clone() else { return };
    let Some((last, before)) = passage.won.split_last() else { return };
    let exchange = Exchange {
        presented: &noted.presented,
        device: passage.device.id.as_ref(),
        verdict: None,
        before,
        answer: last,
        probe: None,
        now: core.shared().clock.now(),
    };
    let sessions = &core.shared().sessions;
    let Ok(settlement) = app.identity.settle(&exchange, sessions) else { return };
    let cookies = match settlement.set_cookies {
        Some(cookies) => cookies,
        None => last.values("set-cookie").map(<[u8]>::to_vec).collect(),
    };
    if let Err(error) = sessions.commit(settlement.changes).await {
        tracing::warn!(request = %passage.id, %error, "a session that the application renewed could not be kept");
        return;
    }
    let outside =
        Outside { https: asked.connection.tls.is_some(), authority: asked.head.authority().unwrap_or_default() };
    let own = cookies.iter().filter(|cookie| app.identity.is_session_cookie(cookie));
    passage.cookies.extend(own.map(|cookie| turn_cookie(cookie, &app.upstream, &outside)));
}

/// The Cookie field as the application got it.
pub(super) fn forwarded_cookies(asked: &Asked<'_>, noted: &Noted) -> Option<Vec<u8>> {
    match noted.identified.as_ref().map(|identified| &identified.cookie) {
        Some(CookieField::Removed) => None,
        Some(CookieField::Replaced(field)) => Some(field.to_vec()),
        Some(CookieField::Unchanged) | None => {
            let fields: Vec<&[u8]> = asked.head.values("cookie").collect();
            (!fields.is_empty()).then(|| fields.join(&b"; "[..]))
        }
    }
}

/// Reads a body up to [`MAX_PAGE`] bytes and leaves it as it was to be sent; `None` where it is longer or breaks off.
async fn peek(body: &mut AnswerBody) -> Option<Bytes> {
    if let AnswerBody::Full(bytes) = body {
        return Some(bytes.clone());
    }
    let mut read = BytesMut::new();
    let mut rest = std::mem::take(body);
    let whole = loop {
        match std::future::poll_fn(|cx| Pin::new(&mut rest).poll_frame(cx)).await {
            None => break true,
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    read.extend_from_slice(&data);
                }
                if read.len() > MAX_PAGE {
                    break false;
                }
            }
            Some(Err(error)) => {
                *body = AnswerBody::stream(Rejoined { read: read.freeze(), rest: Rest::Failed(error) });
                return None;
            }
        }
    };
    let read = read.freeze();
    if whole {
        *body = AnswerBody::Full(read.clone());
        return Some(read);
    }
    *body = AnswerBody::stream(Rejoined { read, rest: Rest::More(rest) });
    None
}

/// A body whose beginning was read already.
struct Rejoined {
    read: Bytes,
    rest: Rest,
}

enum Rest {
    More(AnswerBody),
    Failed(WireError),
}

impl Body for Rejoined {
    type Data = Bytes;
    type Error = WireError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, WireError>>> {
        let read = std::mem::take(&mut self.read);
        if !read.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(read))));
        }
        match &mut self.rest {
            Rest::More(rest) => Pin::new(rest).poll_frame(cx),
            Rest::Failed(error) => Poll::Ready(Some(Err(*error))),
        }
    }
}
