//! The few file operations that the journal is made of, behind a trait so that faults can be tried; holds no state of the journal.

use rustix::fs::{self, FallocateFlags};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;

/// Where the journal writes. [`Disk`] is the real one.
pub trait Medium: Send + Sync + 'static {
    /// Creates a file that must not exist yet, for appending.
    ///
    /// # Errors
    /// Whatever the file system says.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn AppendFile>>;

    /// Opens an existing file for appending.
    ///
    /// # Errors
    /// Whatever the file system says.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn AppendFile>>;

    /// Makes the names in a directory survive power loss.
    ///
    /// # Errors
    /// Whatever the file system says.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Bytes that may still be written into the file system that holds `path`.
    ///
    /// # Errors
    /// Whatever the file system says.
    fn free_bytes(&self, path: &Path) -> io::Result<u64>;

    /// Makes the file at `path` occupy exactly `bytes` of the disk, creating it where needed.
    ///
    /// # Errors
    /// When the space is not there, or the file system cannot reserve any.
    fn occupy(&self, path: &Path, bytes: u64) -> io::Result<()>;
}

/// A file that only grows, but for the repair of a torn end.
pub trait AppendFile: Send + Sync {
    /// One `write(2)` at the end; gives how many bytes were taken.
    ///
    /// # Errors
    /// Whatever the file system says.
    fn write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Returns when everything written so far survives power loss (`fdatasync`).
    ///
    /// # Errors
    /// Whatever the file system says.
    fn sync(&self) -> io::Result<()>;

    /// The present length in bytes.
    ///
    /// # Errors
    /// Whatever the file system says.
    fn length(&self) -> io::Result<u64>;

    /// Cuts the file to `length` bytes, and gives back what was kept for it beyond.
    ///
    /// # Errors
    /// Whatever the file system says.
    fn cut(&self, length: u64) -> io::Result<()>;

    /// Keeps room on the disk for the bytes from `start` to `end`, without making the file longer.
    ///
    /// # Errors
    /// When the room is not there, or the file system cannot keep any.
    fn keep(&self, start: u64, end: u64) -> io::Result<()>;
}

/// The file system of the machine. Files are created with mode 0640, directories with 0750.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Medium for Disk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn AppendFile>> {
        Ok(Arc::new(OpenOptions::new().append(true).create_new(true).mode(0o640).open(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn AppendFile>> {
        Ok(Arc::new(OpenOptions::new().append(true).open(path)?))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        let space = fs::statvfs(path)?;
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }

    fn occupy(&self, path: &Path, bytes: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o640).open(path)?;
        if file.metadata()?.len() > bytes {
            file.set_len(bytes)?;
        }
        if bytes > 0 {
            fs::fallocate(&file, FallocateFlags::empty(), 0, bytes)?;
        }
        Ok(())
    }
}

impl AppendFile for File {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        (&mut &*self).write(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn keep(&self, start: u64, end: u64) -> io::Result<()> {
        Ok(fs::fallocate(self, FallocateFlags::KEEP_SIZE, start, end.saturating_sub(start))?)
    }
}

/// Creates a directory and those above it, with mode 0750.
pub(super) fn create_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o750).create(path)
}
