//! What is being found out just now on one core: whoever wants to know the same waits for it, and asks nobody.

use std::cell::RefCell;
use std::rc::Rc;

use compact_str::CompactString;
use rustc_hash::FxHashMap;
use tokio::sync::Notify;

use crate::facts::Ticket;
use crate::identity::session::SessionKey;
use crate::lookup::Found;
use crate::model::SubjectId;

/// What is asked about, in whose name, under which rules.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub revision: CompactString,
    pub app: CompactString,
    pub lookup: CompactString,
    pub key: CompactString,
    /// Who asks, and in which session; `None` where it does not matter.
    pub whose: Option<(Option<SubjectId>, Option<SessionKey>)>,
}

/// Something that is being found out.
pub(super) struct Flight {
    ticket: Ticket,
    /// `None` while it is under way; then what came of it, nothing where whoever asked went away.
    landed: RefCell<Option<Option<Found>>>,
    notify: Notify,
}

impl Flight {
    /// What came of it; `None` where whoever asked went away.
    pub async fn wait(&self) -> Option<Found> {
        loop {
            let landed = self.notify.notified();
            if let Some(found) = &*self.landed.borrow() {
                return found.clone();
            }
            landed.await;
        }
    }
}

type Open = RefCell<FxHashMap<Key, Rc<Flight>>>;

/// Everything that is being found out on one core.
#[derive(Clone, Default)]
pub(super) struct Flights(Rc<Open>);

/// The part of somebody who wants to know.
pub(super) enum Part {
    /// Finds it out.
    Lead(Lead),
    /// Waits for whoever does.
    Follow(Rc<Flight>),
}

/// Whoever finds it out. Dropped without [`Self::land`], those who wait try for themselves.
pub(super) struct Lead {
    flights: Flights,
    key: Key,
    flight: Rc<Flight>,
}

impl Flights {
    /// Joins whoever finds this out, unless that was begun too long ago to be believed; else leads.
    pub fn join(&self, key: Key, ticket: Ticket, is_current: impl FnOnce(Ticket) -> bool) -> Part {
        let mut open = self.0.borrow_mut();
        if let Some(flight) = open.get(&key).filter(|flight| is_current(flight.ticket)) {
            return Part::Follow(Rc::clone(flight));
        }
        let flight = Rc::new(Flight { ticket, landed: RefCell::default(), notify: Notify::new() });
        open.insert(key.clone(), Rc::clone(&flight));
        Part::Lead(Lead { flights: self.clone(), key, flight })
    }
}

impl Lead {
    /// Tells what came of it.
    pub fn land(self, found: &Found) {
        *self.flight.landed.borrow_mut() = Some(Some(found.clone()));
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.flight.landed.borrow_mut().get_or_insert(None);
        let mut open = self.flights.0.borrow_mut();
        if open.get(&self.key).is_some_and(|flight| Rc::ptr_eq(flight, &self.flight)) {
            open.remove(&self.key);
        }
        self.flight.notify.notify_waiters();
    }
}
