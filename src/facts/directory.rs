//! The people as they are now: the people data last loaded, with freezes laid over them; never rebuilds people data.

use crate::identity::credential::{CredentialSource, SubjectStatus};
use crate::identity::session::SessionTable;
use crate::model::{Clock, SubjectId};
use crate::rules::people::{People, Status};
use crate::store::ports::{Freeze, FreezeStore, Freezes, StoreError};
use arc_swap::ArcSwap;
use rustc_hash::FxHashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How often freezes made by another process are looked for.
const POLL: Duration = Duration::from_millis(50);

/// The people as they are now. Shared by all cores.
pub struct Directory {
    now: ArcSwap<Snapshot>,
    /// Grows after each change of `now`.
    version: AtomicU64,
    store: Arc<dyn FreezeStore>,
    sessions: Arc<SessionTable>,
}

/// The people at one moment. One of these governs a request.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    people: Arc<People>,
    frozen: Arc<FxHashMap<SubjectId, Freeze>>,
    freeze_sequence: u64,
}

impl Snapshot {
    /// People whom nobody has frozen since they were loaded.
    #[must_use]
    pub fn of(people: Arc<People>) -> Self {
        Self { people, ..Self::default() }
    }

    /// The freezes of this snapshot over the people that a request is governed by.
    #[must_use]
    pub fn over(&self, people: &Arc<People>) -> Self {
        Self { people: Arc::clone(people), ..self.clone() }
    }

    /// The people data, without freezes.
    #[must_use]
    pub fn people(&self) -> &Arc<People> {
        &self.people
    }

    /// The freeze that was laid over this subject.
    #[must_use]
    pub fn freeze(&self, subject: &SubjectId) -> Option<&Freeze> {
        self.frozen.get(subject)
    }

    /// Every freeze that was laid over somebody.
    pub fn freezes(&self) -> impl Iterator<Item = &Freeze> {
        self.frozen.values()
    }

    /// Grows with each change of people data or freezes; part of every decision record.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.people.sequence.saturating_add(self.freeze_sequence)
    }
}

impl CredentialSource for Snapshot {
    fn by_api_key_hash(&self, hash: &[u8; 32]) -> Option<SubjectId> {
        self.people.api_key_owner(hash).cloned()
    }

    fn password_hash(&self, user: &str) -> Option<(SubjectId, Arc<str>)> {
        let subject = &self.people.named(user)?.id;
        Some((subject.clone(), Arc::clone(self.people.password_hash(subject)?)))
    }

    fn status(&self, subject: &SubjectId) -> SubjectStatus {
        match self.people.subject(subject).map(|subject| subject.status) {
            _ if self.frozen.contains_key(subject) => SubjectStatus::Frozen,
            None => SubjectStatus::Unknown,
            Some(Status::Frozen) => SubjectStatus::Frozen,
            Some(Status::Active) => SubjectStatus::Active,
        }
    }
}

impl Directory {
    /// The given people, with the freezes of the store.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn open(
        people: Arc<People>,
        store: Arc<dyn FreezeStore>,
        sessions: Arc<SessionTable>,
    ) -> Result<Arc<Self>, StoreError> {
        let directory =
            Self { now: ArcSwap::from_pointee(Snapshot::of(people)), version: AtomicU64::new(0), store, sessions };
        if let Some(freezes) = directory.store.freezes(None).await? {
            directory.lay(&freezes);
        }
        Ok(Arc::new(directory))
    }

    /// The people as they are now.
    #[must_use]
    pub fn snapshot(&self) -> arc_swap::Guard<Arc<Snapshot>> {
        self.now.load()
    }

    /// Grows with each change of [`Directory::snapshot`], and not before that is to be seen.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Other people data, as a reload brings; freezes stay.
    pub fn replace(&self, people: &Arc<People>) {
        self.now.rcu(|now| Snapshot { people: Arc::clone(people), ..Snapshot::clone(now) });
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Freezes a subject, durably and at once, and ends all their sessions. Gives how many those were.
    ///
    /// # Errors
    /// When the store fails. The freeze may hold nevertheless; freezing again is harmless.
    pub async fn freeze(&self, freeze: Freeze) -> Result<usize, StoreError> {
        let subject = freeze.subject.clone();
        self.store.freeze(freeze).await?;
        self.poll().await?;
        self.sessions.end_subject(&subject).await
    }

    /// Lifts a freeze. Whoever is frozen in the people data stays so.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn thaw(&self, subject: SubjectId) -> Result<(), StoreError> {
        self.store.thaw(subject).await?;
        self.poll().await
    }

    /// Takes over freezes that were made or lifted since the last time, by whatever process.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn poll(&self) -> Result<(), StoreError> {
        let known = self.now.load().freeze_sequence;
        if let Some(freezes) = self.store.freezes(Some(known)).await? {
            self.lay(&freezes);
        }
        Ok(())
    }

    /// Polls until `stop` completes. Runs in the background.
    pub async fn keep(self: Arc<Self>, stop: impl Future<Output = ()>) {
        let mut poll = tokio::time::interval(POLL);
        poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut stop = std::pin::pin!(stop);
        let mut failing = false;
        loop {
            tokio::select! {
                () = &mut stop => return,
                _ = poll.tick() => {}
            }
            let result = self.poll().await;
            if let (Err(error), false) = (&result, failing) {
                tracing::error!(%error, "freezes made elsewhere are not seen");
            }
            failing = result.is_err();
        }
    }

    /// INVARIANT: an older state never replaces a newer one, in whatever order polls end.
    fn lay(&self, freezes: &Freezes) {
        let frozen: FxHashMap<_, _> =
            freezes.freezes.iter().map(|freeze| (freeze.subject.clone(), freeze.clone())).collect();
        let frozen = Arc::new(frozen);
        self.now.rcu(|now| {
            if now.freeze_sequence > freezes.sequence {
                return Snapshot::clone(now);
            }
            Snapshot { people: Arc::clone(&now.people), frozen: Arc::clone(&frozen), freeze_sequence: freezes.sequence }
        });
        self.version.fetch_add(1, Ordering::Release);
    }
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory").field("sequence", &self.now.load().sequence()).finish_non_exhaustive()
    }
}

impl Freeze {
    /// A freeze that begins now.
    #[must_use]
    pub fn now(subject: SubjectId, clock: &dyn Clock, note: &str) -> Self {
        Self { subject, since: clock.now(), note: note.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::MemoryFreezes;
    use crate::identity::key::MasterKey;
    use crate::identity::session::{Binding, MemoryStore, SessionSettings, port::BindingChange};
    use crate::model::Timestamp;
    use crate::rules::people::{PeopleBuilder, Subject, SubjectKind};

    fn people(sequence: u64, status: Status) -> Arc<People> {
        let mut builder = PeopleBuilder::with_capacity(1);
        let subject = Subject {
            id: SubjectId::new("clerk"),
            kind: SubjectKind::Person,
            title: "Li Na".into(),
            status,
            from: None,
            until: None,
            assignments: Vec::new(),
        };
        builder.add(subject, Some("$argon2id$x"), &[[7; 32]]).unwrap();
        Arc::new(builder.finish(sequence))
    }

    #[tokio::test]
    async fn a_freeze_holds_at_once_ends_sessions_and_survives_a_reload() {
        let sessions = SessionTable::open(
            &MasterKey::from_bytes(&[1; 32]),
            Arc::<MemoryStore>::default(),
            SessionSettings::default(),
        )
        .await
        .unwrap();
        let now = Timestamp::from_micros(1_000_000);
        let key = sessions.key("wms", "SID", b"abc");
        let li_na = SubjectId::new("clerk");
        let binding = Binding {
            subject: li_na.clone(),
            app: "wms".into(),
            device: None,
            created: now,
            last_seen: now,
            expires: now.after(Duration::from_secs(60)),
            idle_micros: 60_000_000,
        };
        sessions.commit(vec![BindingChange::Put(key, binding)]).await.unwrap();
        let store: Arc<MemoryFreezes> = Arc::default();
        let directory = Directory::open(people(1, Status::Active), store.clone(), sessions.clone()).await.unwrap();
        assert_eq!(directory.snapshot().status(&li_na), SubjectStatus::Active);
        let before = directory.snapshot().sequence();

        assert_eq!(directory.freeze(Freeze::now(li_na.clone(), &now, "left")).await.unwrap(), 1);
        assert_eq!(directory.snapshot().status(&li_na), SubjectStatus::Frozen);
        assert!(directory.snapshot().sequence() > before);
        assert!(sessions.lookup(&key, now).is_none());

        directory.replace(&people(2, Status::Active));
        assert_eq!(directory.snapshot().status(&li_na), SubjectStatus::Frozen, "a reload thaws nobody");
        let restarted = Directory::open(people(2, Status::Active), store, sessions).await.unwrap();
        assert_eq!(restarted.snapshot().status(&li_na), SubjectStatus::Frozen, "nor does a restart");
        restarted.thaw(li_na.clone()).await.unwrap();
        directory.poll().await.unwrap();
        assert_eq!(directory.snapshot().status(&li_na), SubjectStatus::Active, "others see it");
    }

    #[test]
    fn credentials_are_those_of_the_people_data() {
        let snapshot = Snapshot::of(people(1, Status::Frozen));
        assert_eq!(snapshot.by_api_key_hash(&[7; 32]).unwrap().as_str(), "clerk");
        assert_eq!(snapshot.by_api_key_hash(&[8; 32]), None);
        assert_eq!(snapshot.password_hash("clerk").unwrap().1.as_ref(), "$argon2id$x");
        assert!(snapshot.password_hash("engineer").is_none());
        assert_eq!(snapshot.status(&SubjectId::new("clerk")), SubjectStatus::Frozen);
        assert_eq!(snapshot.status(&SubjectId::new("engineer")), SubjectStatus::Unknown);
    }
}
