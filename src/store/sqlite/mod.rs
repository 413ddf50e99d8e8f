//! The embedded store on SQLite: one writer that commits in groups, readers beside it; never judges what it keeps.

mod binding;
mod freeze;
mod quiet;
mod writer;

use crate::store::ports::{Pending, StoreError};
use quiet::Quiet;
use sqlx::SqlitePool;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use writer::Writer;

/// How often a process shows itself, and after how long a silent one counts as gone.
const SHOWN: Duration = Duration::from_secs(2);
const GONE: Duration = Duration::from_secs(6);
/// How long changes stay listed one by one.
const LISTED: Duration = Duration::from_secs(600);

/// The embedded store. Cheap to clone. Its work runs on the runtime that opened it.
#[derive(Clone)]
pub struct SqliteStore {
    readers: SqlitePool,
    writer: Writer,
    runtime: Handle,
    shared: Arc<AtomicBool>,
    bindings_quiet: Arc<Quiet>,
    freezes_quiet: Arc<Quiet>,
    _presence: Arc<Presence>,
}

/// Ends the presence task with the last clone of the store.
struct Presence(tokio::task::AbortHandle);

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl SqliteStore {
    /// Opens the database at `path`, makes it when it is not there, and brings its tables up to date. Must be called
    /// on the background runtime, where its work then runs.
    ///
    /// # Errors
    /// When the file cannot be opened, is no database, or was made by a newer version.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A sign-out must survive a loss of power: its session would live again.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(10))
            .foreign_keys(true);
        let writers = SqlitePoolOptions::new().max_connections(1).min_connections(1);
        let writing = writers.connect_with(options.clone()).await.map_err(failed)?;
        migrator().run(&writing).await.map_err(|error| StoreError::Failed(error.to_string()))?;
        restrict(path);
        let readers = SqlitePoolOptions::new().max_connections(4).connect_with(options).await.map_err(failed)?;
        let writer = Writer::start(writing);
        let shared = Arc::new(AtomicBool::new(false));
        let presence = show(&writer, &shared).await?;
        let presence = Arc::new(Presence(tokio::spawn(presence).abort_handle()));
        let [bindings_quiet, freezes_quiet] = [(); 2].map(|()| Arc::new(Quiet::new(path)));
        let runtime = Handle::current();
        Ok(Self { readers, writer, runtime, shared, bindings_quiet, freezes_quiet, _presence: presence })
    }

    /// Runs a read on the background runtime, whichever runtime asks.
    fn read<T, F, W>(&self, work: W) -> Pending<'_, T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, sqlx::Error>> + Send + 'static,
        W: FnOnce(SqlitePool) -> F,
    {
        let task = self.runtime.spawn(work(self.readers.clone()));
        Box::pin(async move {
            match task.await {
                Ok(result) => result.map_err(failed),
                Err(_) => Err(StoreError::Closed),
            }
        })
    }

    /// Whether another process showed itself on this database a moment ago.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.shared.load(Ordering::Relaxed)
    }

    /// Says goodbye to other processes and closes the database. What was committed is there already.
    pub async fn close(self) {
        self._presence.0.abort();
        self.writer.leave().await;
        self.readers.close().await;
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").field("shared", &self.is_shared()).finish_non_exhaustive()
    }
}

fn failed(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::PoolClosed => StoreError::Closed,
        other => StoreError::Failed(other.to_string()),
    }
}

fn migrator() -> Migrator {
    let steps = [(1, "bindings", include_str!("001_bindings.sql"))];
    let steps = steps.into_iter().map(|(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, sqlx::SqlSafeStr::into_sql_str(sql), false)
    });
    Migrator::with_migrations(steps.collect())
}

/// The database names people and their sessions: only the owner reads it.
fn restrict(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    if let Err(error) = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)) {
        tracing::warn!(%error, path = %path.display(), "the mode of the store could not be set to 600");
    }
}

/// Shows this process once before anything is asked of the store, and then goes on doing so.
async fn show(writer: &Writer, shared: &Arc<AtomicBool>) -> Result<impl Future<Output = ()> + use<>, StoreError> {
    shared.store(writer.show(GONE).await?, Ordering::Relaxed);
    let (writer, shared) = (writer.clone(), Arc::clone(shared));
    Ok(async move {
        loop {
            tokio::time::sleep(SHOWN).await;
            // Where the store cannot tell, a miss is read through: that is merely slower.
            shared.store(writer.show(GONE).await.unwrap_or(true), Ordering::Relaxed);
        }
    })
}
