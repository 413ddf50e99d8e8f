//! What lookups have found and is still believed, shared by all cores; bounded, dropped by changes that pass. Never asks anybody.

use crate::lookup::{Origin, Values};
use crate::model::{Clock, SubjectId, Timestamp};
use compact_str::CompactString;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

/// The tables that the values are spread over.
const SHARDS: usize = 16;
/// The slots that changes are told apart by. Objects that share one cost each other a question more, never a wrong answer.
const SLOTS: usize = 4096;
/// The longest key, in bytes, under which something is kept, so that a number of values is a bound of memory.
const LONGEST_KEY: usize = 256;
/// For how long nothing is believed of an object whose change was broken off: the application may still be at it.
const DOUBT: Duration = Duration::from_secs(60);

/// An object of an application, as requests name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Object<'a> {
    /// The application.
    pub app: &'a str,
    /// The lookup.
    pub lookup: &'a str,
    /// The key.
    pub key: &'a str,
}

/// Under which rules, and in whose name, something is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Whose<'a> {
    /// The revision of the rules that it was found by.
    pub revision: &'a str,
    /// Who asked; `None` where it holds for everybody.
    pub subject: Option<&'a SubjectId>,
}

/// The moment at which somebody began to find something out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(u64);

/// Values and where they were from.
#[derive(Clone, Debug)]
struct Entry {
    app: CompactString,
    lookup: CompactString,
    key: CompactString,
    revision: CompactString,
    subject: Option<SubjectId>,
    values: Values,
    origin: Origin,
    ticket: Ticket,
    from: Timestamp,
    until: Timestamp,
}

impl Entry {
    fn is(&self, object: &Object<'_>, whose: &Whose<'_>) -> bool {
        self.app == object.app
            && self.lookup == object.lookup
            && self.key == object.key
            && self.revision == whose.revision
            && self.subject.as_ref() == whose.subject
    }
}

#[derive(Debug, Default)]
struct Shard {
    entries: FxHashMap<u64, Entry>,
    /// The keys of `entries` in the order in which they came; the oldest goes first.
    order: VecDeque<u64>,
}

/// Changes of the objects of one slot.
#[derive(Debug, Default)]
struct Slot {
    in_flight: AtomicU32,
    /// The sequence number of the end of the last one.
    ended: AtomicU64,
    /// Microseconds of the clock until which nothing is believed.
    doubtful: AtomicI64,
}

/// What lookups have found. One value, shared by all cores.
#[derive(Debug)]
pub struct Attributes {
    shards: Box<[Mutex<Shard>]>,
    slots: Box<[Slot]>,
    sequence: AtomicU64,
    hasher: RandomState,
    capacity: usize,
}

impl Attributes {
    /// An empty table for at most so many values.
    #[must_use]
    pub fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            slots: (0..SLOTS).map(|_| Slot::default()).collect(),
            sequence: AtomicU64::new(1),
            hasher: RandomState::new(),
            capacity: capacity.div_ceil(SHARDS),
        })
    }

    /// What is believed of an object at `now`, and where it was from.
    #[must_use]
    pub fn get(&self, object: &Object<'_>, whose: &Whose<'_>, now: Timestamp) -> Option<(Values, Origin)> {
        let hash = self.hasher.hash_one((object, whose));
        let shard = self.shard(hash)?.lock();
        let entry = shard.entries.get(&hash).filter(|entry| entry.is(object, whose))?;
        let believed = entry.from <= now && now < entry.until && self.is_current(object, entry.ticket, now);
        believed.then(|| (entry.values.clone(), entry.origin))
    }

    /// Begins to find something out. What is found may be kept by [`Self::keep`] only where no change passed meanwhile.
    #[must_use]
    pub fn ticket(&self) -> Ticket {
        Ticket(self.sequence.load(SeqCst))
    }

    /// Whether what somebody began to find out at `ticket` still holds: no change of the object is in flight, or has ended since.
    #[must_use]
    pub fn is_current(&self, object: &Object<'_>, ticket: Ticket, now: Timestamp) -> bool {
        self.slots_of(object).into_iter().filter_map(|at| self.slots.get(at)).all(|slot| {
            slot.in_flight.load(SeqCst) == 0
                && slot.ended.load(SeqCst) <= ticket.0
                && slot.doubtful.load(SeqCst) <= now.as_micros()
        })
    }

    /// Keeps what was found since `ticket`, for so long from `now`, which is when it was begun. Gives whether it is believed.
    ///
    /// INVARIANT: while a change of the object is in flight, and where one ended after `ticket`, nothing is kept: the answer may be
    /// of before (`a_value_found_while_a_change_was_in_flight_is_not_believed`).
    #[expect(clippy::too_many_arguments, reason = "what an entry is made of")]
    pub fn keep(
        &self,
        object: &Object<'_>,
        whose: &Whose<'_>,
        ticket: Ticket,
        values: &Values,
        origin: Origin,
        now: Timestamp,
        lifetime: Duration,
    ) -> bool {
        if lifetime.is_zero() || self.capacity == 0 || object.key.len() > LONGEST_KEY {
            return false;
        }
        if !self.is_current(object, ticket, now) {
            return false;
        }
        let hash = self.hasher.hash_one((object, whose));
        let entry = Entry {
            app: object.app.into(),
            lookup: object.lookup.into(),
            key: object.key.into(),
            revision: whose.revision.into(),
            subject: whose.subject.cloned(),
            values: values.clone(),
            origin,
            ticket,
            from: now,
            until: now.after(lifetime),
        };
        let Some(shard) = self.shard(hash) else { return false };
        let mut shard = shard.lock();
        if shard.entries.insert(hash, entry).is_none() {
            shard.order.push_back(hash);
        }
        while shard.entries.len() > self.capacity {
            let Some(oldest) = shard.order.pop_front() else { break };
            shard.entries.remove(&oldest);
        }
        true
    }

    /// A change of these objects is about to be sent. Nothing that was found before it ends is believed afterwards.
    #[must_use]
    pub fn change<'o>(
        self: &Arc<Self>,
        objects: impl IntoIterator<Item = Changed<'o>>,
        clock: Arc<dyn Clock>,
    ) -> Change {
        let mut slots: SmallVec<[usize; 4]> = objects.into_iter().map(|changed| self.slot(&changed)).collect();
        slots.sort_unstable();
        slots.dedup();
        for slot in slots.iter().filter_map(|&at| self.slots.get(at)) {
            slot.in_flight.fetch_add(1, SeqCst);
        }
        Change { attributes: Arc::clone(self), slots, clock, whole: false }
    }

    /// How many values are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().entries.len()).sum()
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn shard(&self, hash: u64) -> Option<&Mutex<Shard>> {
        self.shards.get(usize::try_from(hash >> 32).unwrap_or(0) % SHARDS)
    }

    fn slot(&self, changed: &Changed<'_>) -> usize {
        usize::try_from(self.hasher.hash_one(changed) & 0xffff_ffff).unwrap_or(0) % SLOTS
    }

    fn slots_of(&self, object: &Object<'_>) -> [usize; 2] {
        let Object { app, lookup, key } = *object;
        [self.slot(&Changed { app, lookup, key: Some(key) }), self.slot(&Changed { app, lookup, key: None })]
    }
}

/// What a request changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Changed<'a> {
    /// The application.
    pub app: &'a str,
    /// The lookup.
    pub lookup: &'a str,
    /// The key; `None` for any of its objects.
    pub key: Option<&'a str>,
}

/// A change that is in flight. Dropped without [`Self::end`], nothing is believed of its objects for a while: whoever broke off does
/// not know whether the application did.
pub struct Change {
    attributes: Arc<Attributes>,
    slots: SmallVec<[usize; 4]>,
    clock: Arc<dyn Clock>,
    whole: bool,
}

impl Change {
    /// The application has answered to the end.
    pub fn end(mut self) {
        self.whole = true;
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        let number = self.attributes.sequence.fetch_add(1, SeqCst) + 1;
        for slot in self.slots.iter().filter_map(|&at| self.attributes.slots.get(at)) {
            slot.ended.fetch_max(number, SeqCst);
            if !self.whole {
                slot.doubtful.fetch_max(self.clock.now().after(DOUBT).as_micros(), SeqCst);
            }
            slot.in_flight.fetch_sub(1, SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smallvec::smallvec;

    #[derive(Debug)]
    struct Still;

    impl Clock for Still {
        fn now(&self) -> Timestamp {
            AT
        }
    }

    const AT: Timestamp = Timestamp::from_micros(1_790_000_000_000_000);
    const LONG: Duration = Duration::from_secs(30);
    const ORDER: Object<'static> = Object { app: "wms", lookup: "order", key: "5" };
    const EVERYBODY: Whose<'static> = Whose { revision: "r1", subject: None };

    fn hf() -> Values {
        smallvec!["HF".into()]
    }

    fn keep(table: &Attributes, object: &Object<'_>, whose: &Whose<'_>, ticket: Ticket) -> bool {
        table.keep(object, whose, ticket, &hf(), Origin::Request, AT, LONG)
    }

    fn change(table: &Arc<Attributes>, key: Option<&'static str>) -> Change {
        table.change([Changed { app: "wms", lookup: "order", key }], Arc::new(Still))
    }

    #[test]
    fn a_value_is_believed_for_its_time_and_in_its_name_only() {
        let table = Attributes::new(100);
        let (one, other) = (SubjectId::new("keeper.hf"), SubjectId::new("keeper.sh"));
        let own = Whose { subject: Some(&one), ..EVERYBODY };
        assert!(keep(&table, &ORDER, &own, table.ticket()));
        assert_eq!(table.get(&ORDER, &own, AT), Some((hf(), Origin::Request)));
        for whose in [EVERYBODY, Whose { subject: Some(&other), ..own }, Whose { revision: "r2", ..own }] {
            assert_eq!(table.get(&ORDER, &whose, AT), None);
        }
        assert_eq!(table.get(&ORDER, &own, AT.after(LONG)), None);
        assert_eq!(table.get(&ORDER, &own, Timestamp::from_micros(AT.as_micros() - 1)), None);
        assert_eq!(table.get(&Object { key: "05", ..ORDER }, &own, AT), None);
    }

    #[test]
    fn a_value_found_while_a_change_was_in_flight_is_not_believed() {
        let table = Attributes::new(100);
        // begun before the change, found during it
        let before = table.ticket();
        let passing = change(&table, Some("5"));
        assert!(!keep(&table, &ORDER, &EVERYBODY, before));
        // begun and found during it
        let during = table.ticket();
        assert!(!keep(&table, &ORDER, &EVERYBODY, during));
        passing.end();
        // found after it, but begun before its end
        assert!(!keep(&table, &ORDER, &EVERYBODY, before));
        assert!(!keep(&table, &ORDER, &EVERYBODY, during));
        assert!(keep(&table, &ORDER, &EVERYBODY, table.ticket()));
        assert!(table.get(&ORDER, &EVERYBODY, AT).is_some());
    }

    #[test]
    fn a_change_drops_what_was_kept_for_everybody_from_its_beginning() {
        for key in [Some("5"), None] {
            let table = Attributes::new(100);
            let subject = SubjectId::new("keeper.hf");
            let own = Whose { subject: Some(&subject), ..EVERYBODY };
            assert!(keep(&table, &ORDER, &EVERYBODY, table.ticket()) && keep(&table, &ORDER, &own, table.ticket()));
            let passing = change(&table, key);
            assert!(table.get(&ORDER, &EVERYBODY, AT).is_none() && table.get(&ORDER, &own, AT).is_none());
            passing.end();
            assert!(table.get(&ORDER, &EVERYBODY, AT).is_none() && table.get(&ORDER, &own, AT).is_none());
        }
    }

    #[test]
    fn after_a_change_that_was_broken_off_nothing_is_believed_for_a_while() {
        let table = Attributes::new(100);
        drop(change(&table, Some("5")));
        let later = |at: Timestamp| table.keep(&ORDER, &EVERYBODY, table.ticket(), &hf(), Origin::Request, at, LONG);
        assert!(!later(AT));
        assert!(later(AT.after(DOUBT)));
    }

    #[test]
    fn the_table_holds_no_more_than_it_may() {
        let table = Attributes::new(SHARDS * 2);
        for number in 0..1000 {
            let key = number.to_string();
            assert!(keep(&table, &Object { key: &key, ..ORDER }, &EVERYBODY, table.ticket()));
        }
        assert!(table.len() <= SHARDS * 2, "{}", table.len());
        assert!(table.get(&Object { key: "999", ..ORDER }, &EVERYBODY, AT).is_some());
        assert!(!keep(&Attributes::new(0), &ORDER, &EVERYBODY, table.ticket()));
        let long = "1".repeat(LONGEST_KEY + 1);
        assert!(keep(&table, &Object { key: &long[1..], ..ORDER }, &EVERYBODY, table.ticket()));
        assert!(!keep(&table, &Object { key: &long, ..ORDER }, &EVERYBODY, table.ticket()));
    }
}
