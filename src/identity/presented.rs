//! The cookies of a request as identity sees them: which sessions they present and what of them the application gets; never whose they are.

use super::chain::IdentityChain;
use super::cookie::{self, Found};
use super::evidence::Evidence;
use super::session::{Opened, SessionKey};
use super::verifiers::Verifiers;
use bytes::Bytes;
use smallvec::SmallVec;
use std::cell::OnceCell;
use std::rc::Rc;

/// The beginning of the names of all cookies of the gateway.
const OWN_PREFIX: &[u8] = b"__Host-scopegate";

/// Cookie fields longer than this are read anew each time.
const REMEMBERED: usize = 2048;

/// The Cookie field that reaches the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CookieField {
    /// As it came.
    Unchanged,
    /// This one field in place of all.
    Replaced(Bytes),
    /// None.
    Removed,
}

/// The application's session cookies that a request presents, bound or not. Cheap to clone; stays on its core.
#[derive(Clone, Debug, Default)]
pub struct Presented(Option<Rc<Reading>>);

/// One reading of the cookies of a request.
#[derive(Debug, Default)]
struct Reading {
    cookies: SmallVec<[PresentedCookie; 1]>,
    /// Which of the session cookies cannot be told.
    ambiguous: bool,
    /// The Cookie field for the application where every presented session goes along.
    whole: OnceCell<CookieField>,
}

/// A session cookie in a request.
pub(super) struct PresentedCookie {
    /// Which of the configured cookies it is.
    pub(super) index: usize,
    /// The key that it would be bound under.
    pub(super) key: SessionKey,
    /// The value that the application knows.
    pub(super) value: Vec<u8>,
    /// What was sealed, where the cookie is hidden.
    pub(super) opened: Option<Opened>,
}

impl std::fmt::Debug for PresentedCookie {
    /// Shows no value: it is a credential.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PresentedCookie").field("index", &self.index).field("key", &self.key).finish_non_exhaustive()
    }
}

impl Presented {
    /// The presented cookie of this index.
    pub(super) fn get(&self, index: usize) -> Option<&PresentedCookie> {
        self.cookies().iter().find(|cookie| cookie.index == index)
    }

    pub(super) fn cookies(&self) -> &[PresentedCookie] {
        self.0.as_ref().map_or(&[], |reading| &reading.cookies)
    }

    pub(super) fn is_ambiguous(&self) -> bool {
        self.0.as_ref().is_some_and(|reading| reading.ambiguous)
    }
}

impl IdentityChain {
    /// The application's session cookies in this request, whatever the route. A browser sends the same cookies with nearly every
    /// request: what the same bytes came to lately is not read again.
    #[must_use]
    pub fn present(&self, evidence: &Evidence<'_>, verifiers: &Verifiers) -> Presented {
        let Some(legacy) = self.legacy() else { return Presented::default() };
        // what is sealed is opened under keys that may change meanwhile
        let key = if legacy.hide { None } else { self.remembered_as(evidence) };
        match key {
            Some(key) => verifiers.recent_cookies.get_or(&key, || self.read_cookies(evidence, verifiers)),
            None => self.read_cookies(evidence, verifiers),
        }
    }

    /// What a reading of these cookies under these rules is remembered by; `None` where they are too long for that.
    fn remembered_as(&self, evidence: &Evidence<'_>) -> Option<SmallVec<[u8; 512]>> {
        let mut key = SmallVec::from_slice(&self.serial().to_ne_bytes());
        for field in evidence.cookies() {
            key.extend_from_slice(field);
            // no field holds a line feed, so that two fields are never taken for one
            key.push(b'\n');
        }
        (key.len() <= REMEMBERED).then_some(key)
    }

    fn read_cookies(&self, evidence: &Evidence<'_>, verifiers: &Verifiers) -> Presented {
        let mut reading = Reading::default();
        let Some(legacy) = self.legacy() else { return Presented::default() };
        for (index, cookie) in legacy.cookies.iter().enumerate() {
            let name = if legacy.hide { &cookie.sealed } else { &cookie.name };
            let found = cookie::find(evidence.cookies(), &cookie.name);
            reading.ambiguous |= found == Found::Ambiguous;
            let found = if legacy.hide { cookie::find(evidence.cookies(), name) } else { found };
            let Found::One(sent) = found else {
                reading.ambiguous |= found == Found::Ambiguous;
                continue;
            };
            if sent.is_empty() {
                continue;
            }
            let opened = match legacy.hide {
                false => None,
                true => match verifiers.sessions().sealer().open(self.app(), &cookie.name, sent) {
                    Some(opened) => Some(opened),
                    None => continue,
                },
            };
            let token = opened.as_ref().map_or(sent, Opened::token);
            let key = verifiers.key(self.app(), &cookie.name, token);
            let value = opened.as_ref().map_or(sent, Opened::value).to_vec();
            reading.cookies.push(PresentedCookie { index, key, value, opened });
        }
        Presented(Some(Rc::new(reading)))
    }

    /// The Cookie field for the application where of its session cookies only those in `bound` go along.
    pub(super) fn bound_cookies(&self, evidence: &Evidence<'_>, presented: &Presented, bound: &[usize]) -> CookieField {
        let field = || self.cookie_field(evidence, presented, |index| bound.contains(&index));
        match &presented.0 {
            Some(reading) if reading.cookies.iter().all(|cookie| bound.contains(&cookie.index)) => {
                reading.whole.get_or_init(field).clone()
            }
            _ => field(),
        }
    }

    /// The Cookie field for the application: without the gateway's own cookies, with the application's in place of
    /// sealed ones; `keep` says which of its session cookies go along.
    pub(super) fn cookie_field(
        &self,
        evidence: &Evidence<'_>,
        presented: &Presented,
        keep: impl Fn(usize) -> bool,
    ) -> CookieField {
        let legacy = self.legacy();
        let drops = |name: &[u8]| {
            name.get(..OWN_PREFIX.len()).is_some_and(|head| head.eq_ignore_ascii_case(OWN_PREFIX))
                || self.takes_token(name)
                || legacy.is_some_and(|legacy| {
                    let own = legacy.cookies.iter().position(|cookie| cookie.name.as_bytes() == name);
                    own.is_some_and(|index| legacy.hide || !keep(index))
                })
        };
        let mut changed = false;
        for sent in cookie::cookies(evidence.cookies()) {
            changed |= drops(sent.name);
        }
        if !changed {
            return CookieField::Unchanged;
        }
        let kept = cookie::rewrite(evidence.cookies(), |sent| (!drops(sent.name)).then(|| sent.value.into()));
        let mut field = kept.unwrap_or_default();
        for own in presented.cookies().iter().filter(|own| own.opened.is_some() && keep(own.index)) {
            if let Some(cookie) = legacy.and_then(|legacy| legacy.cookies.get(own.index)) {
                cookie::push(&mut field, cookie.name.as_bytes(), &own.value);
            }
        }
        if field.is_empty() { CookieField::Removed } else { CookieField::Replaced(field.into()) }
    }
}
