//! One file of a series: what is known of it while it is written, and its first line; writes nothing itself.

use super::line::Line;
use super::medium::AppendFile;
use super::record::Entry;
use crate::model::Timestamp;
use std::sync::Arc;

/// The file that a series writes.
pub(super) struct Segment {
    pub file: Arc<dyn AppendFile>,
    /// Bytes of whole lines in the file.
    pub bytes: u64,
    pub begun: Timestamp,
}

/// The first line of every segment.
pub(super) struct SegmentHead<'a> {
    pub time: Timestamp,
    pub run: &'a str,
    pub index: u64,
    /// The first record that may be missing after a power loss, because the sync of the segment before failed.
    pub doubtful_from: Option<u64>,
}

impl Entry for SegmentHead<'_> {
    const KIND: &'static str = "segment";

    fn time(&self) -> Timestamp {
        self.time
    }

    fn members(&self, line: &mut Line) {
        line.text(",\"run\":", self.run);
        line.number(",\"segment\":", self.index);
        if let Some(from) = self.doubtful_from {
            line.number(",\"doubtful_from\":", from);
        }
    }
}
