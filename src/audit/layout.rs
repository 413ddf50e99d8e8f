//! Where the files of the journal lie and how they are named; reads directories, never what is in the files.
//!
//! ```text
//! JOURNAL/signing.key  signing.pub
//! JOURNAL/NODE/20261121T221107.000001Z-4242/          one run: one process from start to stop
//!     lock                                            held (flock) while the process lives
//!     reserve                                         disk space kept aside
//!     core-00/00000001-20261121T221107Z.jsonl         one series: a chain of lines over its segments
//!     core-01/…  control/…  checkpoints/…
//! ```

use crate::model::Timestamp;
use std::io;
use std::path::{Path, PathBuf};

/// The series of administrative records.
pub const CONTROL: &str = "control";
/// The series of signed checkpoints.
pub const CHECKPOINTS: &str = "checkpoints";
/// The file whose lock says that the run's process lives.
pub(super) const LOCK: &str = "lock";
/// The file that keeps disk space aside.
pub(super) const RESERVE: &str = "reserve";

/// The name of a core's series.
pub(super) fn core_name(core: usize) -> String {
    format!("core-{core:02}")
}

/// A run as found on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunDir {
    /// The node.
    pub node: String,
    /// The run's own name; sorts by start.
    pub name: String,
    /// The directory.
    pub path: PathBuf,
}

/// A segment file as found on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentFile {
    /// Its number in the series, from 1.
    pub index: u64,
    /// When it was begun, whole seconds.
    pub begun: Timestamp,
    /// The file.
    pub path: PathBuf,
}

/// The name of a run.
pub(super) fn run_name(start: Timestamp, pid: u32) -> String {
    let time: String = start.to_string().chars().filter(|c| !matches!(c, '-' | ':')).collect();
    format!("{time}-{pid}")
}

/// The name of a segment's file.
pub(super) fn segment_name(index: u64, begun: Timestamp) -> String {
    let time: String = begun.to_string().chars().filter(|c| !matches!(c, '-' | ':')).take(15).collect();
    format!("{index:08}-{time}Z.jsonl")
}

fn segment_file(path: PathBuf) -> Option<SegmentFile> {
    let (index, time) = path.file_name()?.to_str()?.strip_suffix("Z.jsonl")?.split_once('-')?;
    let begun = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%S", time).ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(SegmentFile { index: index.parse().ok()?, begun: begun.timestamp().into(), path })
}

fn entries(path: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        if let Ok(name) = entry.file_name().into_string()
            && !name.starts_with('.')
        {
            entries.push((name, entry.path()));
        }
    }
    entries.sort();
    Ok(entries)
}

/// All runs of all nodes, by node and start.
///
/// # Errors
/// When a directory cannot be read.
pub fn runs(journal: &Path) -> io::Result<Vec<RunDir>> {
    let mut runs = Vec::new();
    for (node, path) in entries(journal)?.into_iter().filter(|(_, path)| path.is_dir()) {
        for (name, path) in entries(&path)?.into_iter().filter(|(_, path)| path.is_dir()) {
            runs.push(RunDir { node: node.clone(), name, path });
        }
    }
    Ok(runs)
}

/// The names of the series of a run, sorted.
///
/// # Errors
/// When the directory cannot be read.
pub fn series(run: &Path) -> io::Result<Vec<String>> {
    Ok(entries(run)?.into_iter().filter(|(_, path)| path.is_dir()).map(|(name, _)| name).collect())
}

/// The segments of a series, by number.
///
/// # Errors
/// When the directory cannot be read.
pub fn segments(series: &Path) -> io::Result<Vec<SegmentFile>> {
    let mut found: Vec<_> = entries(series)?.into_iter().filter_map(|(_, path)| segment_file(path)).collect();
    found.sort_by_key(|segment| segment.index);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_by_time_and_read_back() {
        let time = Timestamp::from_micros(1_795_385_467_000_001);
        assert_eq!(run_name(time, 42), "20261122T221107.000001Z-42");
        let name = segment_name(7, time);
        assert_eq!(name, "00000007-20261122T221107Z.jsonl");
        let segment = segment_file(PathBuf::from(&name)).unwrap();
        assert_eq!((segment.index, segment.begun), (7, Timestamp::from_micros(1_795_385_467_000_000)));
        assert_eq!(segment_file("notes.txt".into()), None);
    }
}
