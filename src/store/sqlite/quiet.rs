//! Tells by the write-ahead log alone that nothing was written to the database, so that looking for news costs no query.

use parking_lot::Mutex;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How old the last write must be before its time tells it from a later one. File systems count time in steps of some milliseconds.
const SETTLED: Duration = Duration::from_millis(200);

/// The log as it was: every transaction, whichever process made it, is appended to it or begins it anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    length: u64,
    modified: SystemTime,
}

/// What a repeated question found last, and the log that it was found in.
#[derive(Debug)]
pub(super) struct Quiet {
    log: PathBuf,
    last: Mutex<Option<(Stamp, u64)>>,
}

impl Quiet {
    /// For the database at `path`.
    pub(super) fn new(path: &Path) -> Self {
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        Self { log: log.into(), last: Mutex::new(None) }
    }

    /// The log as it is now; `None` where that tells nothing. To be read before the question is asked.
    pub(super) fn stamp(&self) -> Option<Stamp> {
        let metadata = fs::metadata(&self.log).ok()?;
        let modified = metadata.modified().ok()?;
        // SECURITY: a write within the same tick would not show (`only_a_log_that_has_rested_tells_anything`).
        let settled = SystemTime::now().duration_since(modified).is_ok_and(|age| age >= SETTLED);
        settled.then(|| Stamp { inode: metadata.ino(), length: metadata.len(), modified })
    }

    /// Whether the question for what is newer than `sequence` was asked of this log before and found nothing.
    pub(super) fn knows(&self, stamp: Option<Stamp>, sequence: u64) -> bool {
        stamp.is_some_and(|stamp| *self.last.lock() == Some((stamp, sequence)))
    }

    /// There was nothing newer than `sequence` in the log as it was.
    pub(super) fn found_nothing(&self, stamp: Option<Stamp>, sequence: u64) {
        *self.last.lock() = stamp.map(|stamp| (stamp, sequence));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn only_a_log_that_has_rested_tells_anything() {
        let dir = tempfile::tempdir().unwrap();
        let quiet = Quiet::new(&dir.path().join("store.db"));
        assert_eq!(quiet.stamp(), None, "there is no log");
        let mut log = fs::File::create(dir.path().join("store.db-wal")).unwrap();
        log.write_all(b"one").unwrap();
        let long_ago = SystemTime::now() - SETTLED * 3;
        log.set_modified(SystemTime::now()).unwrap();
        assert_eq!(quiet.stamp(), None, "a write within the same tick would not show");
        log.set_modified(SystemTime::now() + SETTLED * 100).unwrap();
        assert_eq!(quiet.stamp(), None, "the clock was set");
        log.set_modified(long_ago).unwrap();
        let stamp = quiet.stamp();
        assert!(stamp.is_some() && !quiet.knows(stamp, 7));
        quiet.found_nothing(stamp, 7);
        assert!(quiet.knows(stamp, 7) && !quiet.knows(stamp, 6) && !quiet.knows(None, 7));
        log.write_all(b"two").unwrap();
        log.set_modified(long_ago).unwrap();
        assert!(!quiet.knows(quiet.stamp(), 7), "it is longer");
        quiet.found_nothing(quiet.stamp(), 7);
        log.set_modified(long_ago + Duration::from_millis(1)).unwrap();
        assert!(!quiet.knows(quiet.stamp(), 7), "it was begun anew");
        quiet.found_nothing(None, 7);
        assert!(!quiet.knows(quiet.stamp(), 7));
    }
}
