//! The sessions that are bound just now, shared by all cores; never holds a cookie value, and never reads a request.

use super::port::{BindingChange, BindingStore, Made, Since, StoreError};
use super::{Binding, Sealer, SessionKey};
use crate::identity::key::{MasterKey, keyed_hash};
use crate::model::{SubjectId, Timestamp};
use aws_lc_rs::hmac;
use parking_lot::RwLock;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

const SHARDS: usize = 64;

/// Settings of the table.
#[derive(Clone, Copy, Debug)]
pub struct SessionSettings {
    /// How many sessions are held at most; past that, those unused for longest are ended.
    pub capacity: usize,
    /// A binding ends when it was not used for so long, where its application says nothing else.
    pub idle: Duration,
    /// A binding ends so long after the sign-in, where its application says nothing else.
    pub lifetime: Duration,
    /// How often changes made by another process are looked for.
    pub poll: Duration,
    /// How often the times of last use are written down, and ended sessions removed.
    pub sweep: Duration,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            capacity: 1_000_000,
            idle: Duration::from_secs(30 * 60),
            lifetime: Duration::from_secs(12 * 3600),
            poll: Duration::from_millis(50),
            sweep: Duration::from_secs(30),
        }
    }
}

/// A session of the table. Its time of last use moves on without a lock.
#[derive(Debug)]
pub struct Session {
    binding: Binding,
    last_seen: AtomicI64,
    touched: AtomicBool,
}

impl Session {
    fn new(binding: Binding) -> Self {
        Self { last_seen: AtomicI64::new(binding.last_seen.as_micros()), touched: AtomicBool::new(false), binding }
    }

    /// What the session is bound to. Its `last_seen` is that of the sign-in; see [`Session::last_seen`].
    #[must_use]
    pub fn binding(&self) -> &Binding {
        &self.binding
    }

    /// When something was last asked in this session.
    #[must_use]
    pub fn last_seen(&self) -> Timestamp {
        Timestamp::from_micros(self.last_seen.load(Ordering::Relaxed))
    }

    /// Whether the binding still holds at `now`.
    #[must_use]
    pub fn live(&self, now: Timestamp) -> bool {
        now < self.binding.expires && now.micros_since(self.last_seen()) < self.binding.idle_micros
    }

    fn touch(&self, now: Timestamp) {
        // INVARIANT: written at most about once a second, so that cores do not fight over the line.
        if now.micros_since(self.last_seen()) > 1_000_000 {
            self.last_seen.store(now.as_micros(), Ordering::Relaxed);
            self.touched.store(true, Ordering::Relaxed);
        }
    }
}

/// What the table knows of a key. A slot without session is a tombstone: it keeps later news of older changes out.
#[derive(Debug)]
struct Slot {
    sequence: u64,
    session: Option<Arc<Session>>,
}

/// Takes the first eight bytes of a key, which is a keyed hash already.
#[derive(Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(head) = bytes.first_chunk::<8>() {
            self.0 = u64::from_le_bytes(*head);
        }
    }

    fn write_usize(&mut self, _length: usize) {}
}

type Shard = RwLock<HashMap<SessionKey, Slot, BuildHasherDefault<KeyHasher>>>;

/// The sessions that are bound, shared by all cores and backed by a store.
pub struct SessionTable {
    shards: Vec<Shard>,
    key: hmac::Key,
    sealer: Sealer,
    store: Arc<dyn BindingStore>,
    settings: SessionSettings,
    sequence: AtomicU64,
    swept: AtomicU64,
    live: AtomicUsize,
}

impl SessionTable {
    /// Loads what the store holds.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn open(
        key: &MasterKey,
        store: Arc<dyn BindingStore>,
        settings: SessionSettings,
    ) -> Result<Arc<Self>, StoreError> {
        let shards = (0..SHARDS).map(|_| Shard::default()).collect();
        let (sequence, swept, live) = (AtomicU64::new(0), AtomicU64::new(0), AtomicUsize::new(0));
        let sealer = Sealer::new(key).map_err(|error| StoreError::Failed(error.to_string()))?;
        let table =
            Arc::new(Self { shards, key: key.derive("session"), sealer, store, settings, sequence, swept, live });
        table.load().await?;
        Ok(table)
    }

    /// The key of a session: the keyed hash of application, cookie name and cookie value.
    #[must_use]
    pub fn key(&self, app: &str, cookie: &str, value: &[u8]) -> SessionKey {
        SessionKey(keyed_hash(&self.key, &[app.as_bytes(), cookie.as_bytes(), value]))
    }

    /// How the table is set.
    #[must_use]
    pub const fn settings(&self) -> &SessionSettings {
        &self.settings
    }

    /// Seals the cookies of applications that are hidden.
    #[must_use]
    pub const fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// The session of this key, if it is bound and live at `now`; notes that it was used.
    #[must_use]
    pub fn lookup(&self, key: &SessionKey, now: Timestamp) -> Option<Arc<Session>> {
        self.read(key, now, Arc::clone)
    }

    /// What `read` takes from the session that [`SessionTable::lookup`] gives. It holds up whoever changes sessions meanwhile, and is
    /// cheaper than to count the session up and down.
    pub fn read<T>(&self, key: &SessionKey, now: Timestamp, read: impl FnOnce(&Arc<Session>) -> T) -> Option<T> {
        let sessions = self.shard(key)?.read();
        let session = sessions.get(key)?.session.as_ref().filter(|session| session.live(now))?;
        session.touch(now);
        Some(read(session))
    }

    /// Whether the session of this key is bound to `subject` and live at `now`. Asking is no use of it.
    #[must_use]
    pub fn holds(&self, key: &SessionKey, subject: &SubjectId, now: Timestamp) -> bool {
        let held = |session: &Arc<Session>| session.binding.subject == *subject && session.live(now);
        self.shard(key)
            .is_some_and(|shard| shard.read().get(key).and_then(|slot| slot.session.as_ref()).is_some_and(held))
    }

    /// Like [`SessionTable::lookup`]; while another process works on the store, what this one does not know is looked
    /// for there, so that a sign-in there holds here at once.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn lookup_through(&self, key: &SessionKey, now: Timestamp) -> Result<Option<Arc<Session>>, StoreError> {
        if let Some(session) = self.lookup(key, now) {
            return Ok(Some(session));
        }
        if !self.store.shared() {
            return Ok(None);
        }
        if let Some(made) = self.store.find(*key).await? {
            self.apply(made);
        }
        Ok(self.lookup(key, now))
    }

    /// Makes changes durable and then visible to all cores. Ended sessions end for this process at once, even when
    /// the store fails.
    ///
    /// # Errors
    /// When the store fails: then nothing new is bound.
    pub async fn commit(&self, changes: Vec<BindingChange>) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        for change in &changes {
            if let BindingChange::Remove(key) = change {
                self.end(key);
            }
        }
        let sequences = self.store.commit(changes.clone()).await?;
        for (change, sequence) in changes.into_iter().zip(sequences) {
            let (key, binding) = match change {
                BindingChange::Put(key, binding) => (key, Some(binding)),
                BindingChange::Remove(key) => (key, None),
            };
            self.apply(Made { key, binding, sequence });
        }
        if self.live.load(Ordering::Relaxed) > self.settings.capacity {
            self.evict().await?;
        }
        Ok(())
    }

    /// Ends every session of `subject`, as a freeze does.
    ///
    /// # Errors
    /// When the store fails; the sessions of this process have ended nevertheless.
    pub async fn end_subject(&self, subject: &SubjectId) -> Result<usize, StoreError> {
        let keys = self.keys_where(|session| session.binding.subject == *subject);
        let count = keys.len();
        self.commit(keys.into_iter().map(BindingChange::Remove).collect()).await?;
        Ok(count)
    }

    /// How many sessions are bound.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// Whether no session is bound.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes over the changes that others have made since the last time. Called by [`SessionTable::keep`].
    ///
    /// # Errors
    /// When the store fails.
    pub async fn poll(&self) -> Result<(), StoreError> {
        match self.store.changes_since(self.sequence.load(Ordering::Acquire)).await? {
            Since::TooOld => self.load().await,
            Since::Changes(changes) => {
                for made in changes {
                    self.sequence.fetch_max(made.sequence, Ordering::AcqRel);
                    self.apply(made);
                }
                Ok(())
            }
        }
    }

    /// Writes down times of last use, removes ended sessions and forgets old tombstones.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sweep(&self, now: Timestamp) -> Result<(), StoreError> {
        let (mut seen, mut ended) = (Vec::new(), Vec::new());
        // A tombstone outlives a whole sweep, and so every read of the store that began before it was set.
        let outlived = self.swept.swap(self.sequence.load(Ordering::Acquire), Ordering::AcqRel);
        for shard in &self.shards {
            shard.write().retain(|key, slot| match &slot.session {
                None => slot.sequence > outlived,
                Some(session) => {
                    if !session.live(now) {
                        ended.push(BindingChange::Remove(*key));
                    } else if session.touched.swap(false, Ordering::Relaxed) {
                        seen.push((*key, session.last_seen()));
                    }
                    true
                }
            });
        }
        if !seen.is_empty() {
            self.store.touch(seen).await?;
        }
        self.commit(ended).await
    }

    /// Polls and sweeps until `stop` completes, then sweeps once more. Runs in the background.
    pub async fn keep(self: Arc<Self>, clock: Arc<dyn crate::model::Clock>, stop: impl Future<Output = ()>) {
        let mut poll = tokio::time::interval(self.settings.poll);
        let mut sweep = tokio::time::interval(self.settings.sweep);
        poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut stop = std::pin::pin!(stop);
        let mut failing = false;
        loop {
            let result = tokio::select! {
                () = &mut stop => break,
                _ = poll.tick() => self.poll().await,
                _ = sweep.tick() => self.sweep(clock.now()).await,
            };
            // Told once when it begins and once when it ends, not twenty times a second.
            if let (Err(error), false) = (&result, failing) {
                tracing::error!(%error, "sessions are not shared or written down");
            } else if result.is_ok() && failing {
                tracing::info!("sessions are shared and written down again");
            }
            failing = result.is_err();
        }
        if let Err(error) = self.sweep(clock.now()).await {
            tracing::error!(%error, "the last use of sessions was not written down");
        }
    }

    async fn load(&self) -> Result<(), StoreError> {
        let stored = self.store.load().await?;
        let known: std::collections::HashSet<SessionKey> = stored.bindings.iter().map(|made| made.key).collect();
        // What was bound up to then and is not there any more has been removed.
        for key in self.keys_where(|_| true).into_iter().filter(|key| !known.contains(key)) {
            self.apply(Made { key, binding: None, sequence: stored.sequence });
        }
        for made in stored.bindings {
            self.apply(made);
        }
        self.sequence.fetch_max(stored.sequence, Ordering::AcqRel);
        Ok(())
    }

    fn shard(&self, key: &SessionKey) -> Option<&Shard> {
        self.shards.get(usize::from(key.0[31]) % SHARDS)
    }

    /// INVARIANT: for each key the change with the highest sequence number holds, in whatever order news of them come
    /// (test `late_news_of_an_older_change_does_not_revive_a_session`).
    fn apply(&self, made: Made) {
        let Some(shard) = self.shard(&made.key) else { return };
        let mut shard = shard.write();
        let slot = shard.entry(made.key).or_insert(Slot { sequence: 0, session: None });
        if slot.sequence >= made.sequence {
            return;
        }
        self.count(slot.session.is_some(), made.binding.is_some());
        *slot = Slot { sequence: made.sequence, session: made.binding.map(|binding| Arc::new(Session::new(binding))) };
    }

    fn end(&self, key: &SessionKey) {
        if let Some(slot) = self.shard(key).map(|shard| shard.write()).as_mut().and_then(|shard| shard.get_mut(key)) {
            self.count(slot.session.is_some(), false);
            slot.session = None;
        }
    }

    fn count(&self, before: bool, after: bool) {
        match (before, after) {
            (false, true) => self.live.fetch_add(1, Ordering::Relaxed),
            (true, false) => self.live.fetch_sub(1, Ordering::Relaxed),
            _ => 0,
        };
    }

    fn keys_where(&self, wanted: impl Fn(&Session) -> bool) -> Vec<SessionKey> {
        let mut keys = Vec::new();
        for shard in &self.shards {
            let shard = shard.read();
            keys.extend(
                shard.iter().filter(|(_, slot)| slot.session.as_deref().is_some_and(&wanted)).map(|(key, _)| *key),
            );
        }
        keys
    }

    /// Ends those sessions that were unused for longest, a sixteenth of them, so that this is seldom needed.
    async fn evict(&self) -> Result<(), StoreError> {
        let mut ages = Vec::new();
        for shard in &self.shards {
            let shard = shard.read();
            ages.extend(shard.iter().filter_map(|(key, slot)| Some((slot.session.as_ref()?.last_seen(), *key))));
        }
        ages.sort_unstable();
        let surplus = ages.len().saturating_sub(self.settings.capacity - self.settings.capacity / 16);
        tracing::warn!(surplus, "more sessions than the setting allows: those unused for longest are ended");
        let changes = ages.into_iter().take(surplus).map(|(_, key)| BindingChange::Remove(key)).collect();
        Box::pin(self.commit(changes)).await
    }
}

impl std::fmt::Debug for SessionTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionTable").field("sessions", &self.len()).finish_non_exhaustive()
    }
}
