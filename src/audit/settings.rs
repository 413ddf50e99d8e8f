//! What can be set about the journal, and what can go wrong with it.

use crate::model::Reason;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The settings of the journal of one process.
#[derive(Clone, Debug)]
pub struct JournalSettings {
    /// A new segment begins when the present one holds so many bytes.
    pub segment_bytes: u64,
    /// A new segment begins with the first write after so long.
    pub segment_age: Duration,
    /// Records that nobody waits for (outcomes) are written at the latest after so long.
    pub write_delay: Duration,
    /// Records that nobody waits for are written at once when so many bytes are buffered.
    pub buffer_bytes: usize,
    /// A core holds at most so many bytes in memory while the disk takes none; then records are refused and counted.
    pub held_bytes: usize,
    /// Disk space kept aside. Once it is touched, strict records are refused; once it is used up, all are.
    pub reserve_bytes: u64,
    /// What was written is on stable storage at the latest after so long (strict records wait for it, and do not wait so long).
    pub sync_every: Duration,
    /// A signed checkpoint is made so often while there is something new.
    pub checkpoint_every: Duration,
    /// Targets and hosts are cut in the record after so many bytes.
    pub target_bytes: usize,
    /// The Ed25519 key that signs checkpoints, PKCS #8 in PEM; made on first start. Default: `signing.key` in the journal's directory.
    pub key_file: Option<PathBuf>,
}

impl Default for JournalSettings {
    fn default() -> Self {
        Self {
            segment_bytes: 256 << 20,
            segment_age: Duration::from_secs(24 * 3600),
            write_delay: Duration::from_millis(200),
            buffer_bytes: 64 << 10,
            held_bytes: 8 << 20,
            reserve_bytes: 64 << 20,
            sync_every: Duration::from_secs(1),
            checkpoint_every: Duration::from_secs(10),
            target_bytes: 16 << 10,
            key_file: None,
        }
    }
}

/// How far a decision must have got before anything is forwarded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Durability {
    /// The `write(2)` that holds it has returned: it survives the end of the process.
    #[default]
    Written,
    /// An `fdatasync(2)` after that has returned: it survives power loss.
    Strict,
}

/// Why something could not be recorded.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk is full: the reserve is touched (strict records) or used up.
    #[error("the journal's disk is full")]
    Full,
    /// A write failed otherwise.
    #[error("the journal cannot be written: {0}")]
    Write(Arc<io::Error>),
    /// What was written could not be brought to stable storage.
    #[error("the journal cannot be synced: {0}")]
    Sync(Arc<io::Error>),
    /// A file or directory of the journal cannot be used.
    #[error("cannot use `{path}` for the journal: {error}", path = path.display())]
    Open {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        error: Arc<io::Error>,
    },
    /// The signing key cannot be used.
    #[error("cannot use the signing key `{path}`: {what}", path = path.display())]
    Key {
        /// The key file.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// A node's name is not usable in paths.
    #[error("`{0}` cannot name a node (letters, digits, `-`, `_` and `.` inside)")]
    Node(String),
    /// The journal of this core was taken already, or there is no such core.
    #[error("there is no journal left for core {0}")]
    Core(usize),
    /// The journal has been closed.
    #[error("the journal is closed")]
    Closed,
}

impl JournalError {
    /// The reason that a request is refused for.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        Reason::RecordFailed
    }

    pub(super) fn write(error: io::Error) -> Self {
        if full(&error) { Self::Full } else { Self::Write(Arc::new(error)) }
    }

    pub(super) fn open(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |error| Self::Open { path, error: Arc::new(error) }
    }
}

/// Whether an error says that there is no room: on the disk, or in the quota.
pub(super) fn full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
