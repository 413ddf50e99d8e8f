//! The rules and people in force, as one value that is swapped whole, and shared by the requests of a core; never half of a new set.

use std::ops::Deref;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;

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
pub struct InForce {
    live: ArcSwap<Live>,
    /// Grows after each change of `live`.
    version: AtomicU64,
}

impl InForce {
    /// Begins with `live`.
    #[must_use]
    pub fn new(live: Live) -> Self {
        Self { live: ArcSwap::from_pointee(live), version: AtomicU64::new(0) }
    }

    /// What governs a request that begins now, to its end.
    #[must_use]
    pub fn pin(&self) -> Arc<Live> {
        self.live.load_full()
    }

    /// Puts `live` in force for requests that begin from now on. Gives what was in force, by which requests may still be governed.
    pub fn replace(&self, live: Live) -> Arc<Live> {
        let before = self.live.swap(Arc::new(live));
        self.version.fetch_add(1, Ordering::Release);
        before
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

/// One core's look at what is in force. Requests that overlap share what governs them, so that none takes a locked instruction for it;
/// where there is no request, nothing is held.
#[derive(Debug, Default)]
pub(super) struct Outlook {
    governing: Weak<Governing>,
    /// The versions that `governing` is of, or older ones.
    versions: (u64, u64),
}

impl Outlook {
    /// What governs a request that begins now.
    ///
    /// INVARIANT: versions are read before what they count, and grow after it, so that what is shared is never older than them.
    pub fn now(&mut self, in_force: &InForce, directory: &Directory) -> Rc<Governing> {
        let versions = (in_force.version.load(Ordering::Acquire), directory.version());
        if self.versions == versions
            && let Some(governing) = self.governing.upgrade()
        {
            return governing;
        }
        let live = in_force.pin();
        let people_now = directory.snapshot().over(&live.people);
        let governing = Rc::new(Governing { live, people_now });
        (self.governing, self.versions) = (Rc::downgrade(&governing), versions);
        governing
    }
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
    async fn requests_that_overlap_share_what_is_in_force_and_without_them_nothing_is_held() {
        let (in_force, directory) = beginning().await;
        let mut outlook = Outlook::default();
        let mut now = |in_force: &InForce| outlook.now(in_force, &directory);
        let first = now(&in_force);
        assert!(Rc::ptr_eq(&first, &now(&in_force)));
        let before = Arc::downgrade(&first.live);
        drop(in_force.replace(live()));
        let second = now(&in_force);
        assert!(Arc::ptr_eq(&second.live, &in_force.pin()) && before.upgrade().is_some());
        drop(first);
        assert!(before.upgrade().is_none(), "held though no request is governed by it");
        let before = Arc::downgrade(&second.live);
        drop(second);
        drop(in_force.replace(live()));
        assert!(before.upgrade().is_none(), "held by a core without requests");
    }

    #[tokio::test]
    async fn a_freeze_governs_the_next_request_and_not_one_that_has_begun() {
        let (in_force, directory) = beginning().await;
        let mut outlook = Outlook::default();
        let (ann, begun) = (SubjectId::new("ann"), outlook.now(&in_force, &directory));
        let freeze = Freeze { subject: ann.clone(), since: Timestamp::from_micros(0), note: String::new() };
        directory.freeze(freeze).await.unwrap();
        assert!(begun.people_now().freeze(&ann).is_none());
        assert!(outlook.now(&in_force, &directory).people_now().freeze(&ann).is_some());
    }

    #[tokio::test]
    async fn other_people_govern_the_next_request() {
        let (in_force, directory) = beginning().await;
        let mut outlook = Outlook::default();
        let begun = outlook.now(&in_force, &directory);
        directory.replace(&live().people);
        assert!(!Rc::ptr_eq(&begun, &outlook.now(&in_force, &directory)));
    }
}
