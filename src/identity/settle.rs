//! What an answer does to sessions: sign-in, sign-out, rotation and hiding of cookies; never who may do what.

use super::chain::IdentityChain;
use super::cookie::{self, SetCookie};
use super::key::KeyError;
use super::presented::{Presented, PresentedCookie};
use super::session::port::BindingChange;
use super::session::{Binding, Opened, SessionKey, SessionTable};
use super::sign_in::Verdict;
use super::source::legacy_session::{LegacySession, SessionCookie};
use crate::model::{SubjectId, Timestamp};
use crate::wire::head::ResponseHead;
use compact_str::CompactString;

/// An answered request, as far as sessions are concerned.
#[derive(Clone, Copy)]
pub struct Exchange<'a> {
    /// The session cookies that the request presented.
    pub presented: &'a Presented,
    /// The identifier of the device, also where this answer issues it.
    pub device: Option<&'a CompactString>,
    /// What a watched request came to.
    pub verdict: Option<&'a Verdict>,
    /// The heads of answers that the gateway got in the client's session before: the cookies that they set are the client's.
    pub before: &'a [ResponseHead],
    /// The head of the answer.
    pub answer: &'a ResponseHead,
    /// The head of the probe page, where one was read: the cookies that it set are the client's.
    pub probe: Option<&'a ResponseHead>,
    /// The present instant.
    pub now: Timestamp,
}

/// What must happen before the answer is released.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settlement {
    /// To be committed by [`SessionTable::commit`] before a byte of the answer is sent.
    pub changes: Vec<BindingChange>,
    /// The Set-Cookie fields of the answer in place of the application's; `None`: as they are.
    pub set_cookies: Option<Vec<Vec<u8>>>,
}

/// What becomes of the session in one cookie.
struct Turn<'a> {
    chain: &'a IdentityChain,
    legacy: &'a LegacySession,
    exchange: &'a Exchange<'a>,
    sessions: &'a SessionTable,
    cookie: &'a SessionCookie,
    old: Option<&'a PresentedCookie>,
    out: &'a mut Settlement,
}

impl IdentityChain {
    /// What the answer does to sessions. Costs next to nothing where it sets no cookie and the request was not watched.
    ///
    /// # Errors
    /// When the system gives no random bytes to hide a cookie.
    pub fn settle(&self, exchange: &Exchange<'_>, sessions: &SessionTable) -> Result<Settlement, KeyError> {
        let mut out = Settlement::default();
        let probed = exchange.before.iter().chain(exchange.probe).any(|head| head.contains("set-cookie"));
        let sets = probed || exchange.answer.contains("set-cookie");
        let Some(legacy) = self.legacy().filter(|_| sets || exchange.verdict.is_some()) else {
            out.set_cookies = probed.then(|| set_cookies(exchange).map(<[u8]>::to_vec).collect());
            return Ok(out);
        };
        let own = |name: &[u8]| legacy.cookies.iter().position(|cookie| cookie.name.as_bytes() == name);
        if probed || (legacy.hide && sets) || matches!(exchange.verdict, Some(Verdict::SignedIn { .. }) if legacy.hide)
        {
            let fields = set_cookies(exchange);
            let others = fields
                .filter(|field| !legacy.hide || SetCookie::parse(field).is_none_or(|set| own(set.name).is_none()));
            out.set_cookies = Some(others.map(<[u8]>::to_vec).collect());
        }
        for (index, cookie) in legacy.cookies.iter().enumerate() {
            let old = exchange.presented.get(index);
            let turn = Turn { chain: self, legacy, exchange, sessions, cookie, old, out: &mut out };
            turn.take(last_set(exchange, cookie.name.as_bytes()))?;
        }
        Ok(out)
    }

    /// The Cookie field of a probe: what was forwarded, with what the answer set. `forwarded` is the Cookie field as the
    /// application got it.
    #[must_use]
    pub fn probe_cookies(&self, forwarded: Option<&[u8]>, answer: &ResponseHead, now: Timestamp) -> Option<Vec<u8>> {
        let sets: Vec<SetCookie<'_>> = answer.values("set-cookie").filter_map(SetCookie::parse).collect();
        let is_set = |name: &[u8]| sets.iter().any(|set| set.name == name);
        let kept = cookie::rewrite(forwarded.into_iter(), |sent| (!is_set(sent.name)).then(|| sent.value.into()));
        let mut field = kept.unwrap_or_default();
        for (at, set) in sets.iter().enumerate() {
            let last = !sets.iter().skip(at + 1).any(|later| later.name == set.name);
            if last && !set.deletes(now) {
                cookie::push(&mut field, set.name, set.value);
            }
        }
        (!field.is_empty()).then_some(field)
    }
}

fn set_cookies<'a>(exchange: &Exchange<'a>) -> impl Iterator<Item = &'a [u8]> {
    let probe = exchange.probe.into_iter().flat_map(|probe| probe.values("set-cookie"));
    let before = exchange.before.iter().flat_map(|head| head.values("set-cookie"));
    before.chain(exchange.answer.values("set-cookie")).chain(probe)
}

/// What a client keeps under this name: the last that was set.
fn last_set<'a>(exchange: &Exchange<'a>, name: &[u8]) -> Option<SetCookie<'a>> {
    set_cookies(exchange).filter_map(SetCookie::parse).filter(|set| set.name == name).last()
}

impl Turn<'_> {
    fn take(self, set: Option<SetCookie<'_>>) -> Result<(), KeyError> {
        let now = self.exchange.now;
        let deleted = set.is_some_and(|set| set.deletes(now));
        let given = set.filter(|_| !deleted).map(|set| set.value);
        match self.exchange.verdict {
            Some(Verdict::SignedIn { subject, .. }) => self.signed_in(subject, given, deleted),
            Some(Verdict::SignedOut | Verdict::Unconfirmed(_)) => self.ended(given, deleted),
            Some(Verdict::Ignored) => self.unchanged(given, deleted, false),
            None => self.unchanged(given, deleted, true),
        }
    }

    /// INVARIANT: whoever held the session before the sign-in holds it no more: its old value is bound anew or not at
    /// all, and a sealed cookie from before opens another session.
    fn signed_in(mut self, subject: &SubjectId, given: Option<&[u8]>, deleted: bool) -> Result<(), KeyError> {
        let value = given.or_else(|| self.old.filter(|_| !deleted).map(|old| old.value.as_slice()));
        let Some(value) = value else { return self.ended(None, deleted) };
        let key = self.name(value, None)?;
        if let Some(old) = self.old.filter(|old| old.key != key) {
            self.out.changes.push(BindingChange::Remove(old.key));
        }
        let now = self.exchange.now;
        let settings = self.sessions.settings();
        let idle = self.legacy.idle.unwrap_or(settings.idle);
        let binding = Binding {
            subject: subject.clone(),
            app: self.chain.app().into(),
            device: self.exchange.device.cloned(),
            created: now,
            last_seen: now,
            expires: now.after(self.legacy.lifetime.unwrap_or(settings.lifetime)),
            idle_micros: u64::try_from(idle.as_micros()).unwrap_or(u64::MAX),
        };
        self.out.changes.push(BindingChange::Put(key, binding));
        Ok(())
    }

    fn ended(mut self, given: Option<&[u8]>, deleted: bool) -> Result<(), KeyError> {
        if let Some(old) = self.old {
            self.out.changes.push(BindingChange::Remove(old.key));
        }
        match given {
            Some(value) => self.unbound(value)?,
            None if deleted => self.forget(),
            None => {}
        }
        Ok(())
    }

    /// An answer that signs nobody in or out: where the session was bound, `follow` says whether a new value of the
    /// cookie is the same session.
    fn unchanged(mut self, given: Option<&[u8]>, deleted: bool, follow: bool) -> Result<(), KeyError> {
        let now = self.exchange.now;
        let bound = self.old.and_then(|old| Some((old, self.sessions.lookup(&old.key, now)?)));
        match (given, self.old) {
            (None, _) if deleted => {
                if let Some((old, _)) = bound.filter(|_| follow) {
                    self.out.changes.push(BindingChange::Remove(old.key));
                }
                self.forget();
            }
            (None, _) => {}
            (Some(value), Some(old)) if value == old.value => {
                self.name(value, old.opened.clone())?;
            }
            (Some(value), _) => match bound.filter(|_| follow) {
                None => self.unbound(value)?,
                Some((old, session)) => {
                    let key = self.name(value, None)?;
                    let binding = Binding { last_seen: now, ..session.binding().clone() };
                    let until = binding.expires.min(now.after(self.legacy.rotation_grace));
                    let fading = Binding { expires: until, ..binding.clone() };
                    self.out.changes.push(BindingChange::Put(old.key, fading));
                    self.out.changes.push(BindingChange::Put(key, binding));
                }
            },
        }
        Ok(())
    }

    /// A value that the application gives to nobody in particular: whom it was bound to before, it is not any more.
    fn unbound(&mut self, value: &[u8]) -> Result<(), KeyError> {
        let key = self.name(value, None)?;
        if self.sessions.lookup(&key, self.exchange.now).is_some() {
            self.out.changes.push(BindingChange::Remove(key));
        }
        Ok(())
    }

    /// The key of the session in `value`. A hidden cookie is sealed for the client, anew unless `opened` is given.
    fn name(&mut self, value: &[u8], opened: Option<Opened>) -> Result<SessionKey, KeyError> {
        if !self.legacy.hide {
            return Ok(self.sessions.key(self.chain.app(), &self.cookie.name, value));
        }
        let opened = match opened {
            Some(opened) => opened,
            None => Opened::fresh(value)?,
        };
        let sealed = self.sessions.sealer().seal(self.chain.app(), &self.cookie.name, &opened)?;
        let field = format!("{}={sealed}; Path=/; Secure; HttpOnly; SameSite=Lax", self.cookie.sealed);
        self.out.set_cookies.get_or_insert_default().push(field.into_bytes());
        Ok(self.sessions.key(self.chain.app(), &self.cookie.name, opened.token()))
    }

    /// Takes a hidden cookie away from the client.
    fn forget(&mut self) {
        if self.legacy.hide {
            let field = format!("{}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax", self.cookie.sealed);
            self.out.set_cookies.get_or_insert_default().push(field.into_bytes());
        }
    }
}
