//! Notices that files in a folder may have changed; the reader compares contents and decides what that means.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

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

/// A hash over the names and contents of files; one that cannot be read counts as such, so that its return is a change.
#[must_use]
pub fn content_hash<'a>(files: impl IntoIterator<Item = &'a PathBuf>) -> [u8; 32] {
    let mut whole = digest::Context::new(&digest::SHA256);
    for file in files {
        whole.update(digest::digest(&digest::SHA256, file.as_os_str().as_encoded_bytes()).as_ref());
        match std::fs::read(file) {
            Ok(content) => whole.update(digest::digest(&digest::SHA256, &content).as_ref()),
            Err(_) => whole.update(&[0]),
        }
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(whole.finish().as_ref());
    hash
}
