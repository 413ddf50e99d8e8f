//! Asking the application about objects: side requests in the client's session or a service account's, and what is believed of
//! their answers.

use std::cell::RefCell;
use std::future::Future;

use bytes::Bytes;
use compact_str::CompactString;

use super::flight::{Key, Part};
use super::parallel::in_parallel;
use super::told::{self, failed};
use super::{Asked, Inquiry, Noted};
use crate::facts::Ticket;
use crate::gateway::session::forwarded_cookies;
use crate::identity::chain::IdentityChain;
use crate::lookup::{Caller, Found, Many, Page, Request, Source, Template};
use crate::model::Reason;
use crate::policy::{Credential, SideRequest};
use crate::request::{CanonicalTarget, folds_to};
use crate::upstream::whole;
use crate::wire::head::ResponseHead;

/// How many questions to a database one request may have under way.
const AT_ONCE: usize = 4;

/// The client's session at the application, as answers to the gateway's own requests change it.
pub(super) struct Session {
    cookies: RefCell<Option<Vec<u8>>>,
    authorization: Vec<u8>,
    won: RefCell<Vec<ResponseHead>>,
}

impl Session {
    /// As the application gets it with the client's request.
    pub fn of(asked: &Asked<'_>, noted: &Noted) -> Self {
        let strip = noted.identified.as_ref().map_or(&[][..], |identified| &identified.strip);
        let ends_here = strip.iter().any(|name| folds_to(name, "authorization"));
        let authorization = asked.head.values("authorization").next().filter(|_| !ends_here).unwrap_or_default();
        Self {
            cookies: RefCell::new(forwarded_cookies(asked, noted)),
            authorization: authorization.to_vec(),
            won: RefCell::default(),
        }
    }

    /// Takes up what an answer does to it.
    fn take(&self, identity: &IdentityChain, head: &ResponseHead, now: crate::model::Timestamp) {
        if head.contains("set-cookie") {
            let next = identity.probe_cookies(self.cookies.borrow().as_deref(), head, now);
            *self.cookies.borrow_mut() = next;
            self.won.borrow_mut().push(head.clone());
        }
    }

    /// The Cookie field that the application expects now, and the heads of the answers that made it so.
    pub fn into_parts(self) -> (Option<Vec<u8>>, Vec<ResponseHead>) {
        (self.cookies.into_inner(), self.won.into_inner())
    }
}

impl Inquiry<'_> {
    /// What comes of each key, in their order.
    pub(super) async fn ask(&self, keys: &[CompactString]) -> Vec<Found> {
        match &self.lookup.source {
            Source::Request(request) => match &request.many {
                Some(many) if keys.len() > 1 => {
                    let chunks = keys.chunks(many.most).map(|chunk| self.ask_many(request, many, chunk));
                    in_parallel(request.parallel, chunks).await.into_iter().flatten().collect()
                }
                _ => {
                    let ask = |key| self.ask_once(key, move || self.ask_one(request, key));
                    in_parallel(request.parallel, keys.iter().map(ask)).await
                }
            },
            Source::Sql(_) => {
                let databases = &self.core.shared().databases;
                let ask = |key| self.ask_once(key, move || databases.ask(self.lookup, key));
                in_parallel(AT_ONCE, keys.iter().map(ask)).await
            }
            Source::Response(_) | Source::Learned => keys.iter().map(|_| failed("nobody can be asked")).collect(),
        }
    }

    /// Asks about one object, unless somebody is asking the same just now.
    async fn ask_once<F: Future<Output = Found>>(&self, key: &CompactString, ask: impl Fn() -> F) -> Found {
        let shared = self.core.shared();
        let object = self.object(key);
        loop {
            let ticket = shared.attributes.ticket();
            let now = shared.clock.now();
            let is_current = |begun| shared.attributes.is_current(&object, begun, now);
            match self.core.finder.flights.join(self.flight(key), ticket, is_current) {
                Part::Lead(lead) => {
                    let found = ask().await;
                    self.keep(key, &found, ticket);
                    lead.land(&found);
                    return found;
                }
                Part::Follow(flight) => {
                    if let Some(found) = flight.wait().await {
                        return found;
                    }
                }
            }
        }
    }

    fn flight(&self, key: &CompactString) -> Key {
        let personal = self.is_personal();
        Key {
            revision: self.passage.live.rules.revision.as_str().into(),
            app: self.app.name.clone(),
            lookup: self.lookup.name.clone(),
            key: key.clone(),
            whose: personal.then(|| (self.passage.subject.clone(), self.passage.session)),
        }
    }

    /// Keeps what was found, where it may be believed.
    fn keep(&self, key: &str, found: &Found, ticket: Ticket) {
        if let Found::Values(values) = found {
            let shared = self.core.shared();
            let (object, whose) = (self.object(key), self.whose());
            let (origin, now) = (self.origin(), self.passage.time);
            shared.attributes.keep(&object, &whose, ticket, values, origin, now, self.lookup.keep);
        }
    }

    async fn ask_one(&self, request: &Request, key: &CompactString) -> Found {
        let page = match self.page(request, &request.one, std::slice::from_ref(key), ',').await {
            Ok(page) => page,
            Err(found) => return found,
        };
        told::of_page(self.lookup, &page)
    }

    async fn ask_many(&self, request: &Request, many: &Many, keys: &[CompactString]) -> Vec<Found> {
        let ticket = self.core.shared().attributes.ticket();
        let page = match self.page(request, &many.template, keys, many.separator).await {
            Ok(page) => page,
            Err(found) => return keys.iter().map(|_| found.clone()).collect(),
        };
        let told = self.lookup.of_list(&many.items, &page);
        let found = |key: &CompactString| {
            let values = told.iter().find(|(known, _)| known == key).map(|(_, values)| values.clone());
            let found = values.map_or_else(|| Found::Unknown("the answer does not tell".into()), Found::Values);
            self.keep(key, &found, ticket);
            found
        };
        keys.iter().map(found).collect()
    }

    /// The application's answer about these keys.
    async fn page(
        &self,
        request: &Request,
        template: &Template,
        keys: &[CompactString],
        separator: char,
    ) -> Result<Page, Found> {
        let charset = self.app.dialect.charset;
        let encoded: Option<Vec<_>> = keys.iter().map(|key| charset.encode(key)).collect();
        let encoded = encoded.ok_or_else(|| failed("the key cannot be written in the application's character set"))?;
        let target = template.fill(encoded.iter().map(|bytes| bytes.as_ref()), separator);
        // SECURITY: a key such as `..` would lead to another page than the rule means
        // (`a_key_that_leads_to_another_page_asks_nothing`).
        let limits = &self.core.shared().limits.target;
        CanonicalTarget::parse(target.as_bytes(), &self.app.dialect, limits).map_err(failed)?;
        let (head, body) = self.exchange(request, &target).await?;
        told::is_telling(self.app, &head, self.is_personal())?;
        let encoded = head.values("content-encoding").any(|coding| !coding.eq_ignore_ascii_case(b"identity"));
        let (kind, expected) = (self.lookup.kind(), self.lookup.content_type());
        Page::read(head.values("content-type"), encoded, &body, kind, expected, charset).map_err(failed)
    }

    async fn exchange(&self, request: &Request, target: &str) -> Result<(ResponseHead, Bytes), Found> {
        let authority = self.asked.head.authority().unwrap_or_default();
        let secret;
        let cookies;
        let credential = match &request.caller {
            Caller::Caller => {
                cookies = self.session.cookies.borrow().clone().unwrap_or_default();
                Credential::Caller {
                    subject: self.passage.subject.as_ref().map(crate::model::SubjectId::as_str),
                    cookies: &cookies,
                    authorization: &self.session.authorization,
                }
            }
            Caller::Account { header, secret: place } => {
                secret = self.core.finder.secrets.get(place).await.map_err(failed)?;
                Credential::Account { header, secret: &secret }
            }
        };
        let side = SideRequest::lookup(self.app, authority, target, &credential, self.passage.id).map_err(failed)?;
        let answer = self.core.forwarder.ask(side).await.map_err(|error| match error.reason() {
            Reason::UpstreamTimeout => Found::Failed(Reason::LookupTimeout, error.to_string().into()),
            _ => failed(error),
        })?;
        if request.caller == Caller::Caller {
            self.session.take(&self.app.identity, &answer.head, self.core.shared().clock.now());
        }
        let body = whole(answer.body, self.lookup.cap).await.map_err(failed)?;
        Ok((answer.head, body))
    }
}
