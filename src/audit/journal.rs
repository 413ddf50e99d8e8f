//! The journal of one core: decisions are appended, written by the end of the scheduler's turn, and only then released; forwards
//! nothing itself.

use super::admin::AdminRecord;
use super::keeper::Keeper;
use super::record::{DecisionRecord, OutcomeRecord};
use super::series::Series;
use super::settings::{Durability, JournalError};
use super::track::Track;
use super::turn::Turns;
use crate::model::Timestamp;
use crate::telemetry::Tally;
use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

/// A value whose decision is on record. Only the journal makes one, after the write that holds the record has returned.
///
/// Not `Clone`: what was recorded once is forwarded at most once.
///
/// ```compile_fail
/// let forged = scopegate::audit::Recorded(()); // the field is private
/// ```
/// ```compile_fail
/// fn twice<T>(one: scopegate::audit::Recorded<T>) -> (scopegate::audit::Recorded<T>, scopegate::audit::Recorded<T>) {
///     (one.clone(), one)
/// }
/// ```
#[derive(Debug)]
#[must_use = "a recorded permit that is not forwarded should be dropped knowingly"]
pub struct Recorded<T>(T);

impl<T> Recorded<T> {
    /// The value.
    pub fn into_inner(self) -> T {
        self.0
    }

    /// A look at the value.
    pub const fn get(&self) -> &T {
        &self.0
    }
}

/// The journal of one core. Clones are handles to the same journal and stay on its thread.
#[derive(Clone)]
pub struct Journal {
    series: Rc<RefCell<Series>>,
    shared: Rc<Shared>,
}

struct Shared {
    track: Arc<Track>,
    keeper: Arc<Keeper>,
    write_delay: Duration,
    buffer_bytes: usize,
    turns: Turns,
}

/// A decision that is in the buffer, not yet known to be written.
#[must_use = "await `written` before anything is forwarded"]
pub struct Pending {
    journal: Journal,
    number: u64,
    durability: Durability,
}

impl Journal {
    pub(super) fn new(series: Series, keeper: Arc<Keeper>, write_delay: Duration, buffer_bytes: usize) -> Self {
        let track = Arc::clone(series.track());
        Self {
            series: Rc::new(RefCell::new(series)),
            shared: Rc::new(Shared { track, keeper, write_delay, buffer_bytes, turns: Turns::of_this_thread() }),
        }
    }

    /// Appends a decision to the buffer. The record is serialised before this returns, so that it may borrow from what is then
    /// handed to [`Pending::written`].
    ///
    /// # Errors
    /// [`JournalError::Full`] and the like, when the record could not even be held; nothing may be forwarded then.
    pub fn append(&self, record: &DecisionRecord<'_>, durability: Durability) -> Result<Pending, JournalError> {
        let number = self.series.borrow_mut().append(record, durability == Durability::Strict)?;
        Ok(Pending { journal: self.clone(), number, durability })
    }

    /// [`Journal::append`] and [`Pending::written`] in one, for a value that the record does not borrow from.
    ///
    /// # Errors
    /// As both.
    pub async fn record<T>(
        &self,
        record: DecisionRecord<'_>,
        durability: Durability,
        sealed: T,
    ) -> Result<Recorded<T>, JournalError> {
        let pending = self.append(&record, durability)?;
        pending.written(sealed).await
    }

    /// The time, for an outcome: whoever waits for the end of a request needs no clock of its own.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.series.borrow().now()
    }

    /// Appends an outcome; it is written with the next decision or by [`Journal::tend`]. Where it cannot be held it is counted.
    pub fn outcome(&self, record: &OutcomeRecord<'_>) {
        let mut series = self.series.borrow_mut();
        // Both failures are counted, shown in metrics and tried again by the series; nobody waits for an outcome.
        let _ = series.append(record, false);
        if series.waiting() >= self.shared.buffer_bytes {
            let _ = series.flush();
        }
    }

    /// Appends an event of this core (a sign-in) and waits until its write has returned.
    ///
    /// # Errors
    /// When it could not be held or written.
    pub async fn event(&self, record: &AdminRecord<'_>, durability: Durability) -> Result<(), JournalError> {
        let number = self.series.borrow_mut().append(record, durability == Durability::Strict)?;
        Pending { journal: self.clone(), number, durability }.written(()).await.map(Recorded::into_inner)
    }

    /// Writes at once all that waits.
    ///
    /// # Errors
    /// When the disk does not take it; it stays in memory and is tried again.
    pub fn flush(&self) -> Result<(), JournalError> {
        self.series.borrow_mut().flush()
    }

    /// Writes from time to time what nobody waits for. To be run on the journal's thread for as long as it lives
    /// (`spawn_local`); ends by being dropped.
    pub async fn tend(self) {
        let mut ticks = tokio::time::interval(self.shared.write_delay);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            // A failure is counted and logged by the series, and tried again.
            let _ = self.flush();
        }
    }

    async fn synced(&self, number: u64) -> Result<(), JournalError> {
        self.shared.track.wanted.fetch_max(number, Ordering::AcqRel);
        self.shared.keeper.wake();
        self.shared.track.wait_synced(number).await
    }
}

impl Pending {
    /// Waits until the `write(2)` that holds the record has returned (and, where asked for, the sync after it), then seals the value.
    ///
    /// The first few records of a turn are written as they come. Where there are more, those that tasks of this thread append in one
    /// turn go into one write: each task lets those run that are ready, and whoever comes round first writes for all. Dropping the
    /// future leaves the record in the buffer.
    ///
    /// # Errors
    /// When the write or the sync failed: nothing may be forwarded. The record itself stays in the buffer and is written when
    /// the disk takes it again; the outcome record tells that the request was refused after all.
    pub async fn written<T>(self, sealed: T) -> Result<Recorded<T>, JournalError> {
        let _waiting = Waiting::new(&self.journal.shared.track.counters.waiting);
        let few = self.journal.shared.turns.has_few();
        // a disk that fails may take its time for it: once a turn
        if !few || self.journal.series.borrow().is_failing() {
            come_round().await;
        }
        self.journal.series.borrow_mut().settle(self.number)?;
        if self.durability == Durability::Strict {
            // boxed: few routes are strict, and every request's future would have room for it
            Box::pin(self.journal.synced(self.number)).await?;
        }
        Ok(Recorded(sealed))
    }
}

/// Counts a request among those that wait, for as long as it lives.
struct Waiting<'a>(&'a Tally);

impl<'a> Waiting<'a> {
    fn new(waiting: &'a Tally) -> Self {
        waiting.add(1);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.subtract(1);
    }
}

/// Goes once to the end of the run queue. `tokio::task::yield_now` would also wait for a look at the sockets (a system call).
async fn come_round() {
    let mut turned = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut turned, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
