//! The one writer of the store: takes what waits, writes it in one transaction, then answers; never reads for others.

use super::{LISTED, failed};
use crate::identity::session::SessionKey;
use crate::model::{Clock, SystemClock, Timestamp};
use crate::store::ports::{BindingChange, Freeze, StoreError};
use sqlx::{Sqlite, SqlitePool, Transaction};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// How many writes go into one transaction at most.
const GROUP: usize = 256;

/// Where writes are handed in.
#[derive(Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Job>,
    process: std::sync::Arc<str>,
}

struct Job {
    work: Work,
    done: oneshot::Sender<Result<Vec<u64>, StoreError>>,
}

enum Work {
    Bindings(Vec<BindingChange>),
    Touch(Vec<(SessionKey, Timestamp)>),
    Freeze(Freeze),
    Thaw(crate::model::SubjectId),
    Show { process: std::sync::Arc<str>, gone: Duration },
    Leave { process: std::sync::Arc<str> },
}

impl Writer {
    /// Starts the writer on the present runtime. It ends with the last handle.
    pub(super) fn start(pool: SqlitePool) -> Self {
        let (queue, waiting) = mpsc::channel(1024);
        tokio::spawn(run(pool, waiting));
        let random = crate::identity::key::random::<8>().map_or(0, u64::from_ne_bytes);
        Self { queue, process: format!("{}-{random:016x}", std::process::id()).into() }
    }

    pub(super) async fn bindings(&self, changes: Vec<BindingChange>) -> Result<Vec<u64>, StoreError> {
        self.submit(Work::Bindings(changes)).await
    }

    pub(super) async fn touch(&self, seen: Vec<(SessionKey, Timestamp)>) -> Result<(), StoreError> {
        self.submit(Work::Touch(seen)).await.map(|_| ())
    }

    pub(super) async fn freeze(&self, freeze: Freeze) -> Result<u64, StoreError> {
        self.submit(Work::Freeze(freeze)).await.map(|numbers| numbers.into_iter().next().unwrap_or_default())
    }

    pub(super) async fn thaw(&self, subject: crate::model::SubjectId) -> Result<u64, StoreError> {
        self.submit(Work::Thaw(subject)).await.map(|numbers| numbers.into_iter().next().unwrap_or_default())
    }

    /// Shows this process; tells whether another one showed itself within `gone`.
    pub(super) async fn show(&self, gone: Duration) -> Result<bool, StoreError> {
        let process = std::sync::Arc::clone(&self.process);
        let others = self.submit(Work::Show { process, gone }).await?;
        Ok(others.first().is_some_and(|&others| others > 0))
    }

    pub(super) async fn leave(&self) {
        let process = std::sync::Arc::clone(&self.process);
        let _ = self.submit(Work::Leave { process }).await;
    }

    async fn submit(&self, work: Work) -> Result<Vec<u64>, StoreError> {
        let (done, answer) = oneshot::channel();
        self.queue.send(Job { work, done }).await.map_err(|_| StoreError::Closed)?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }
}

async fn run(pool: SqlitePool, mut waiting: mpsc::Receiver<Job>) {
    let mut jobs = Vec::new();
    while waiting.recv_many(&mut jobs, GROUP).await > 0 {
        match commit(&pool, &jobs).await {
            Ok(results) => {
                for (job, numbers) in jobs.drain(..).zip(results) {
                    let _ = job.done.send(Ok(numbers));
                }
            }
            Err(error) => {
                let error = failed(error);
                for job in jobs.drain(..) {
                    let _ = job.done.send(Err(error.clone()));
                }
            }
        }
    }
    pool.close().await;
}

/// INVARIANT: all jobs of a group are durable when this returns, or none is.
async fn commit(pool: &SqlitePool, jobs: &[Job]) -> Result<Vec<Vec<u64>>, sqlx::Error> {
    // IMMEDIATE: a transaction that reads and then writes would otherwise fail whenever the other process wrote between.
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let now = SystemClock.now();
    let mut results = Vec::with_capacity(jobs.len());
    for job in jobs {
        results.push(match &job.work {
            Work::Bindings(changes) => bindings(&mut transaction, changes, now).await?,
            Work::Touch(seen) => touch(&mut transaction, seen).await?,
            Work::Freeze(freeze) => freeze_subject(&mut transaction, freeze).await?,
            Work::Thaw(subject) => thaw(&mut transaction, subject.as_str()).await?,
            Work::Show { process, gone } => show(&mut transaction, process, *gone, now).await?,
            Work::Leave { process } => {
                let leave = sqlx::query("DELETE FROM process WHERE id = ?").bind(process.as_ref());
                leave.execute(&mut *transaction).await?;
                Vec::new()
            }
        });
    }
    transaction.commit().await?;
    Ok(results)
}

type Tx = Transaction<'static, Sqlite>;

async fn bindings(tx: &mut Tx, changes: &[BindingChange], now: Timestamp) -> Result<Vec<u64>, sqlx::Error> {
    let mut numbers = Vec::with_capacity(changes.len());
    for change in changes {
        let key = change.key();
        let number: i64 = sqlx::query_scalar("INSERT INTO change (key, at) VALUES (?, ?) RETURNING sequence")
            .bind(key.0.as_slice())
            .bind(now.as_micros())
            .fetch_one(&mut **tx)
            .await?;
        match change {
            BindingChange::Put(_, binding) => {
                let columns = "INSERT OR REPLACE INTO binding \
                     (key, app, subject, device, created, last_seen, expires, idle, sequence) \
                     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
                sqlx::query(columns)
                    .bind(key.0.as_slice())
                    .bind(binding.app.as_str())
                    .bind(binding.subject.as_str())
                    .bind(binding.device.as_deref())
                    .bind(binding.created.as_micros())
                    .bind(binding.last_seen.as_micros())
                    .bind(binding.expires.as_micros())
                    .bind(i64::try_from(binding.idle_micros).unwrap_or(i64::MAX))
                    .bind(number)
                    .execute(&mut **tx)
                    .await?;
            }
            BindingChange::Remove(_) => {
                let remove = sqlx::query("DELETE FROM binding WHERE key = ?").bind(key.0.as_slice());
                remove.execute(&mut **tx).await?;
            }
        }
        numbers.push(u64::try_from(number).unwrap_or_default());
    }
    Ok(numbers)
}

async fn touch(tx: &mut Tx, seen: &[(SessionKey, Timestamp)]) -> Result<Vec<u64>, sqlx::Error> {
    for (key, at) in seen {
        sqlx::query("UPDATE binding SET last_seen = max(last_seen, ?) WHERE key = ?")
            .bind(at.as_micros())
            .bind(key.0.as_slice())
            .execute(&mut **tx)
            .await?;
    }
    Ok(Vec::new())
}

async fn freeze_subject(tx: &mut Tx, freeze: &Freeze) -> Result<Vec<u64>, sqlx::Error> {
    sqlx::query("INSERT OR REPLACE INTO freeze (subject, since, note) VALUES (?, ?, ?)")
        .bind(freeze.subject.as_str())
        .bind(freeze.since.as_micros())
        .bind(freeze.note.as_str())
        .execute(&mut **tx)
        .await?;
    count_freeze(tx).await
}

async fn thaw(tx: &mut Tx, subject: &str) -> Result<Vec<u64>, sqlx::Error> {
    sqlx::query("DELETE FROM freeze WHERE subject = ?").bind(subject).execute(&mut **tx).await?;
    count_freeze(tx).await
}

async fn count_freeze(tx: &mut Tx) -> Result<Vec<u64>, sqlx::Error> {
    let number: i64 = sqlx::query_scalar("UPDATE counter SET value = value + 1 WHERE name = 'freezes' RETURNING value")
        .fetch_one(&mut **tx)
        .await?;
    Ok(vec![u64::try_from(number).unwrap_or_default()])
}

/// Shows the process, forgets those long gone, and shortens the list of changes.
async fn show(tx: &mut Tx, process: &str, gone: Duration, now: Timestamp) -> Result<Vec<u64>, sqlx::Error> {
    let before = |age: Duration| now.as_micros().saturating_sub(i64::try_from(age.as_micros()).unwrap_or(i64::MAX));
    sqlx::query("INSERT OR REPLACE INTO process (id, seen) VALUES (?, ?)")
        .bind(process)
        .bind(now.as_micros())
        .execute(&mut **tx)
        .await?;
    sqlx::query("DELETE FROM process WHERE seen < ?").bind(before(gone)).execute(&mut **tx).await?;
    let pruned: Option<i64> = sqlx::query_scalar("SELECT max(sequence) FROM change WHERE at < ?")
        .bind(before(LISTED))
        .fetch_one(&mut **tx)
        .await?;
    if let Some(pruned) = pruned {
        sqlx::query("UPDATE counter SET value = max(value, ?) WHERE name = 'pruned'")
            .bind(pruned)
            .execute(&mut **tx)
            .await?;
        sqlx::query("DELETE FROM change WHERE sequence <= ?").bind(pruned).execute(&mut **tx).await?;
    }
    let others: i64 =
        sqlx::query_scalar("SELECT count(*) FROM process WHERE id <> ?").bind(process).fetch_one(&mut **tx).await?;
    Ok(vec![u64::try_from(others).unwrap_or_default()])
}
