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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Report;
    use crate::facts::MemoryFreezes;
    use crate::identity::key::MasterKey;
    use crate::identity::session::{MemoryStore, SessionSettings, SessionTable};
    use crate::model::{SubjectId, Timestamp};
    use crate::rules::load::{File, load_files};
    use crate::store::ports::Freeze;
    use std::path::Path;

    fn live() -> Live {
        let app = "app: wms\nhosts: [wms.test]\nupstream: {url: 'http://127.0.0.1:9'}\nidentity: {}\n\
            routes: [{id: start, match: GET /, public: true}]\n";
        let files = [("people.yaml", "people:\n  ann: {}\n"), ("wms.yaml", app)];
        let files = files.map(|(name, text)| File { name: name.to_owned(), text: text.to_owned() });
        let loaded = load_files(&files, Path::new(""), Report::new()).unwrap();
        Live { rules: loaded.set, people: loaded.people }
    }

    async fn beginning() -> (InForce, Arc<Directory>) {
        let (key, settings) = (MasterKey::from_bytes(&[1; 32]), SessionSettings::default());
        let sessions = SessionTable::open(&key, Arc::<MemoryStore>::default(), settings).await.unwrap();
        let live = live();
        let people = Arc::clone(&live.people);
        let directory = Directory::open(people, Arc::<MemoryFreezes>::default(), sessions).await.unwrap();
        (InForce::new(live), directory)
    }

    #[tokio::test]
    async fn requests_share_what_is_in_force_until_it_is_replaced_and_then_it_is_let_go() {
        let (in_force, directory) = beginning().await;
        let mut outlook = Outlook::new(&in_force, &directory);
        let first = Rc::clone(outlook.now());
        assert!(Rc::ptr_eq(&first, outlook.now()));
        let before = Arc::downgrade(&first.live);
        let newer = live();
        directory.replace(&newer.people);
        drop(in_force.replace(newer));
        assert!(!Rc::ptr_eq(&first, outlook.now()));
        assert!(Arc::ptr_eq(&outlook.now().live, &in_force.pin()) && before.upgrade().is_some());
        drop(first);
        assert!(before.upgrade().is_none(), "kept though no request is governed by it");
    }

    #[tokio::test]
    async fn a_freeze_governs_the_next_request_and_not_one_that_has_begun() {
        let (in_force, directory) = beginning().await;
        let mut outlook = Outlook::new(&in_force, &directory);
        let (ann, begun) = (SubjectId::new("ann"), Rc::clone(outlook.now()));
        let freeze = Freeze { subject: ann.clone(), since: Timestamp::from_micros(0), note: String::new() };
        directory.freeze(freeze).await.unwrap();
        assert!(begun.people_now().freeze(&ann).is_none());
        assert!(outlook.now().people_now().freeze(&ann).is_some());
    }
}
