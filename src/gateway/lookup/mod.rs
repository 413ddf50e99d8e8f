//! What a rule needs to know of the objects that a request names, found before it is decided: believed, or asked for. Never decides.

mod ask;
mod flight;
pub(super) mod learn;
mod parallel;
mod secret;
pub(super) mod sql;
pub(super) mod told;

use std::sync::Arc;
use std::time::Instant;

use compact_str::CompactString;

use super::core::Core;
use super::passage::Passage;
use super::pipeline::{Asked, Noted};
use crate::facts::{Object, Whose};
use crate::identity::presented::CookieField;
use crate::lookup::{Caller, Fact, Facts, Found, Lookup, Origin, Source};
use crate::model::Reason;
use crate::policy::Wanted;
use crate::rules::App;
use crate::telemetry::LookupResult;
use crate::wire::head::ResponseHead;

use ask::Session;

/// The most objects that one request may make the gateway ask about.
const MOST: usize = 1000;

/// What one core is finding out just now.
#[derive(Default)]
pub struct Finder {
    flights: flight::Flights,
    secrets: secret::Secrets,
}

/// What was found out, and what it cost the client's session.
#[derive(Default)]
pub(super) struct Resolved {
    pub facts: Facts,
    /// The heads of answers that the gateway got in the client's session, where they set cookies.
    pub won: Vec<ResponseHead>,
}

/// One request of a client that needs to know something of objects of one kind.
pub(super) struct Inquiry<'a> {
    core: &'a Core,
    passage: &'a Passage,
    asked: &'a Asked<'a>,
    app: &'a App,
    lookup: &'a Arc<Lookup>,
    session: &'a Session,
}

/// Finds out what is wanted. What the application's answers do to the client's session is noted for the answer to the client.
pub(super) async fn resolve(
    core: &Core,
    passage: &Passage,
    asked: &Asked<'_>,
    app: &App,
    noted: &mut Noted,
    wanted: Vec<Wanted>,
) -> Resolved {
    let session = Session::of(asked, noted);
    let mut facts = Vec::with_capacity(wanted.len());
    let mut rest = wanted;
    while let Some(first) = rest.first().map(|one| one.lookup) {
        let (these, others): (Vec<Wanted>, Vec<Wanted>) = rest.into_iter().partition(|one| one.lookup == first);
        rest = others;
        let Some(lookup) = app.lookup(first) else { continue };
        let inquiry = Inquiry { core, passage, asked, app, lookup, session: &session };
        inquiry.find(these.into_iter().map(|one| one.key).collect(), &mut facts).await;
    }
    let (cookies, won) = session.into_parts();
    if !won.is_empty() {
        // SECURITY: the session that the request came in may be over; the request goes on in the one that took its place
        // (`a_session_that_a_lookup_renews_goes_on`).
        if let Some(identified) = &mut noted.identified {
            identified.cookie = cookies.map_or(CookieField::Removed, |field| CookieField::Replaced(field.into()));
        }
    }
    Resolved { facts: facts.into_iter().collect(), won }
}

impl Inquiry<'_> {
    /// Puts what comes of each key behind `facts`.
    async fn find(&self, keys: Vec<CompactString>, facts: &mut Vec<Fact>) {
        let mut open = Vec::new();
        for key in keys {
            match self.known(&key) {
                Some((found, origin)) => facts.push(self.fact(key, found, origin)),
                None => open.push(key),
            }
        }
        if open.is_empty() {
            return;
        }
        let origin = self.origin();
        let begun = Instant::now();
        let failed = |reason, text: &str| Found::Failed(reason, text.into());
        let found: Vec<Found> = if open.len() > MOST {
            open.iter().map(|_| failed(Reason::LookupFailed, "the request names too many objects")).collect()
        } else {
            match tokio::time::timeout(self.lookup.within, self.ask(&open)).await {
                Ok(found) => found,
                Err(_) => open.iter().map(|_| failed(Reason::LookupTimeout, "it took too long")).collect(),
            }
        };
        self.count(&found, origin, begun);
        facts.extend(open.into_iter().zip(found).map(|(key, found)| self.fact(key, found, origin)));
    }

    /// What is known without asking anybody.
    fn known(&self, key: &str) -> Option<(Found, Origin)> {
        let lookup = self.lookup;
        if matches!(lookup.source, Source::Response(_)) {
            return Some((Found::Held, Origin::Response));
        }
        let now = self.core.shared().clock.now();
        let believed = self.core.shared().attributes.get(&self.object(key), &self.whose(), now);
        let series = self.core.metrics.lookup(&self.app.name, &lookup.name);
        if let Some((values, origin)) = believed {
            let origin = if origin == Origin::Learned { Origin::Learned } else { Origin::Hit };
            series.count(if origin == Origin::Learned { LookupResult::Learned } else { LookupResult::Hit });
            return Some((Found::Values(values), origin));
        }
        if matches!(lookup.source, Source::Learned) {
            series.count(LookupResult::Unknown);
            return Some((Found::Unknown("no list that passed through told of it".into()), Origin::Learned));
        }
        None
    }

    fn fact(&self, key: CompactString, found: Found, origin: Origin) -> Fact {
        Fact { lookup: self.lookup.id, key, found, origin }
    }

    fn origin(&self) -> Origin {
        match self.lookup.source {
            Source::Request(_) => Origin::Request,
            Source::Response(_) => Origin::Response,
            Source::Sql(_) => Origin::Sql,
            Source::Learned => Origin::Learned,
        }
    }

    fn object<'k>(&'k self, key: &'k str) -> Object<'k> {
        Object { app: &self.app.name, lookup: &self.lookup.name, key }
    }

    /// In whose name something is believed.
    fn whose(&self) -> Whose<'_> {
        let subject = self.passage.subject.as_ref().filter(|_| !self.lookup.shared);
        Whose { revision: self.passage.live.rules.revision.as_str(), subject }
    }

    /// Whether the application is asked in the client's own session.
    fn is_personal(&self) -> bool {
        matches!(&self.lookup.source, Source::Request(request) if request.caller == Caller::Caller)
    }

    fn count(&self, found: &[Found], origin: Origin, begun: Instant) {
        let series = self.core.metrics.lookup(&self.app.name, &self.lookup.name);
        series.took(begun.elapsed());
        for one in found {
            series.count(match one {
                Found::Values(_) if origin == Origin::Sql => LookupResult::Sql,
                Found::Values(_) | Found::Held => LookupResult::Request,
                Found::Unknown(_) => LookupResult::Unknown,
                Found::Failed(Reason::LookupTimeout, _) => LookupResult::Timeout,
                Found::Failed(..) => LookupResult::Failed,
            });
        }
    }
}
