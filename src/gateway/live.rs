//! The rules and people in force, as one value that is swapped whole; never half of a new set.

use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

use arc_swap::{ArcSwap, Cache};

use crate::facts::{Directory, Snapshot};
use crate::rules::{People, RuleSet};

/// The rules with the people whose roles and scopes were compiled against them.
#[derive(Debug)]
pub struct Live {
    /// The rules.
    pub rules: Arc<RuleSet>,
    /// The people.
    pub people: Arc<People>,
}

/// What is in force now.
#[derive(Debug)]
pub struct InForce(Arc<ArcSwap<Live>>);

impl InForce {
    /// Begins with `live`.
    #[must_use]
    pub fn new(live: Live) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(live)))
    }

    /// What governs a request that begins now, to its end.
    #[must_use]
    pub fn pin(&self) -> Arc<Live> {
        self.0.load_full()
    }

    /// Puts `live` in force for requests that begin from now on. Gives what was in force, by which requests may still be governed.
    pub fn replace(&self, live: Live) -> Arc<Live> {
        self.0.swap(Arc::new(live))
    }
}

/// What governs the requests of one core that begin now, to their end: rules, and people with the freezes laid over them.
#[derive(Debug)]
pub(super) struct Governing {
    live: Arc<Live>,
    people_now: Snapshot,
}

impl Governing {
    /// The people, with freezes.
    pub fn people_now(&self) -> &Snapshot {
        &self.people_now
    }
}

impl Deref for Governing {
    type Target = Live;

    fn deref(&self) -> &Live {
        &self.live
    }
}

/// One core's look at what is in force. What its requests share stays on the core, so that none of them takes a locked instruction
/// for it.
pub(super) struct Outlook {
    in_force: Cache<Arc<ArcSwap<Live>>, Arc<Live>>,
    directory: Cache<Arc<ArcSwap<Snapshot>>, Arc<Snapshot>>,
    /// What `governing` was made of beside the rules.
    snapshot: Arc<Snapshot>,
    governing: Rc<Governing>,
}

impl Outlook {
    /// Of `in_force` and `directory`.
    pub fn new(in_force: &InForce, directory: &Directory) -> Self {
        let (mut in_force, mut directory) = (Cache::new(Arc::clone(&in_force.0)), directory.follow());
        let snapshot = Arc::clone(directory.load());
        let governing = govern(in_force.load(), &snapshot);
        Self { in_force, directory, snapshot, governing }
    }

    /// What governs a request that begins now. What was held before, and is in force no longer, is let go.
    pub fn now(&mut self) -> &Rc<Governing> {
        let (live, snapshot) = (self.in_force.load(), self.directory.load());
        if !Arc::ptr_eq(live, &self.governing.live) || !Arc::ptr_eq(snapshot, &self.snapshot) {
            self.snapshot = Arc::clone(snapshot);
            self.governing = govern(live, snapshot);
        }
        &self.governing
    }
}

fn govern(live: &Arc<Live>, snapshot: &Snapshot) -> Rc<Governing> {
    Rc::new(Governing { live: Arc::clone(live), people_now: snapshot.over(&live.people) })
}
