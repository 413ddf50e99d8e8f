//! Notices that files in a folder may have changed; the reader compares contents and decides what that means.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest;
use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// Time without further events after which a burst of changes counts as over.
const QUIET: Duration = Duration::from_millis(50);

/// A watch on folders. Folders are watched, not files: a Kubernetes volume changes by swapping a symlink beside the
/// files, and a watch on the file itself would go deaf after the first swap.
#[derive(Debug)]
pub struct FolderWatch {
    hint: Arc<Notify>,
    poll: Duration,
    _watcher: Option<RecommendedWatcher>,
}

impl FolderWatch {
    /// Watches folders (not their subfolders), and gives a hint at least every `poll` even when the system reports
    /// nothing, as on network file systems.
    #[must_use]
    pub fn new<'a>(folders: impl IntoIterator<Item = &'a Path>, poll: Duration) -> Self {
        let hint = Arc::new(Notify::new());
        let told = Arc::clone(&hint);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading, by us as well, is no change.
            let reading = |kind: &EventKind| matches!(kind, EventKind::Access(access) if *access != AccessKind::Close(AccessMode::Write));
            if !event.is_ok_and(|event| reading(&event.kind)) {
                told.notify_one();
            }
        });
        let mut watcher = watcher.inspect_err(|error| tracing::warn!(%error, "no file watch, polling only")).ok();
        let mut folders: Vec<&Path> = folders.into_iter().collect();
        folders.sort_unstable();
        folders.dedup();
        for folder in folders {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            if let Some(Err(error)) = watcher.as_mut().map(|watcher| watcher.watch(folder, RecursiveMode::NonRecursive))
            {
                tracing::warn!(%error, folder = %folder.display(), "folder is polled, not watched");
            }
        }
        Self { hint, poll, _watcher: watcher }
    }

    /// Waits until something may have changed and no further event came for a moment.
    pub async fn changed(&mut self) {
        if timeout(self.poll, self.hint.notified()).await.is_ok() {
            // A writer that never rests must not put off the reading for ever.
            for _ in 0..20 {
                if timeout(QUIET, self.hint.notified()).await.is_err() {
                    return;
                }
            }
            sleep(QUIET).await;
        }
    }
}

/// What files held when they were last read. A file that the file system says was not touched since is not read again.
#[derive(Debug, Default)]
pub struct Contents {
    known: HashMap<PathBuf, (Stamp, Digest)>,
}

type Digest = [u8; 32];

/// What changes with every write and every exchange of a file; the time of change cannot be set by anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    written: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// That of a file, behind symlinks.
    fn of(file: &Path) -> Option<Self> {
        let told = std::fs::metadata(file).ok()?;
        Some(Self {
            device: told.dev(),
            inode: told.ino(),
            bytes: told.size(),
            written: (told.mtime(), told.mtime_nsec()),
            changed: (told.ctime(), told.ctime_nsec()),
        })
    }

    /// Whether a later write is sure to be told by another stamp: clocks of file systems tick coarsely, and those of others may differ.
    fn is_settled(&self, now: SystemTime) -> bool {
        let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(0));
        self.changed.0.max(self.written.0) < now.saturating_sub(SETTLED)
    }
}

/// Seconds after which a change of a file counts as long ago.
const SETTLED: i64 = 5;

impl Contents {
    /// A hash over the names and contents of files; one that cannot be read counts as such, so that its return is a change.
    #[must_use]
    pub fn hash<'a>(&mut self, files: impl IntoIterator<Item = &'a PathBuf>) -> [u8; 32] {
        self.hash_at(files, SystemTime::now())
    }

    fn hash_at<'a>(&mut self, files: impl IntoIterator<Item = &'a PathBuf>, now: SystemTime) -> [u8; 32] {
        let mut whole = digest::Context::new(&digest::SHA256);
        let mut known = HashMap::new();
        for file in files {
            whole.update(&digest_of(file.as_os_str().as_encoded_bytes()));
            // INVARIANT: looked at before it is read, so that a write in between is found the next time.
            let stamp = Stamp::of(file);
            let before = self.known.get(file).filter(|(before, _)| Some(*before) == stamp).map(|(_, digest)| *digest);
            let content = before.or_else(|| std::fs::read(file).ok().map(|content| digest_of(&content)));
            match content {
                Some(content) => {
                    whole.update(&content);
                    if let Some(stamp) = stamp.filter(|stamp| stamp.is_settled(now)) {
                        known.insert(file.clone(), (stamp, content));
                    }
                }
                None => whole.update(&[0]),
            }
        }
        self.known = known;
        let mut hash = [0; 32];
        hash.copy_from_slice(whole.finish().as_ref());
        hash
    }
}

fn digest_of(bytes: &[u8]) -> Digest {
    let mut digest = [0; 32];
    digest.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_again_when_it_was_touched_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.yaml");
        std::fs::write(&file, "one").unwrap();
        let written = std::fs::metadata(&file).unwrap().modified().unwrap();
        let (files, later) = ([file.clone()], SystemTime::now() + Duration::from_secs(3600));
        let mut contents = Contents::default();
        let first = contents.hash_at(&files, later);
        assert_eq!(contents.hash_at(&files, later), first);
        // what is remembered counts as long as the file was not touched
        let (_, digest) = contents.known.get_mut(&file).unwrap();
        *digest = [7; 32];
        assert_ne!(contents.hash_at(&files, later), first);
        // as many bytes as before, with the time of writing set back
        std::fs::write(&file, "two").unwrap();
        std::fs::File::options().write(true).open(&file).unwrap().set_modified(written).unwrap();
        let second = contents.hash_at(&files, later);
        assert_eq!(second, Contents::default().hash_at(&files, later));
        assert_ne!(second, first);
    }

    #[test]
    fn what_was_written_a_moment_ago_is_read_each_time_and_what_is_gone_is_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.yaml");
        std::fs::write(&file, "one").unwrap();
        let mut contents = Contents::default();
        let first = contents.hash([&file]);
        assert!(contents.known.is_empty(), "a second write may bear the same time");
        std::fs::remove_file(&file).unwrap();
        let gone = contents.hash([&file]);
        assert_ne!(gone, first);
        std::fs::write(&file, "one").unwrap();
        assert_eq!(contents.hash([&file]), first);
    }
}
