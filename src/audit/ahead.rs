//! Room kept on the disk ahead of the writes of a busy series; a wish on which nothing rests.
//!
//! A file system that chooses blocks late does so while a sync writes earlier bytes back, and lets the next write wait for it. Where the
//! blocks are there before, a write finds them and goes on.

use super::medium::AppendFile;
use parking_lot::Mutex;
use std::sync::Arc;

/// A series that grows by less between two looks is left to the file system.
pub(super) const BUSY: u64 = 1 << 20;

/// How much of the free disk may be kept at most: one part in so many.
const SHARE: u64 = 8;

/// What is kept for one series.
#[derive(Default)]
pub(super) struct Ahead(Mutex<State>);

#[derive(Default)]
struct State {
    segment: u64,
    file: Option<Arc<dyn AppendFile>>,
    /// Where in the file the kept room ends; 0 where none was kept.
    kept: u64,
    /// Complete files that room may be left behind.
    complete: Vec<Arc<dyn AppendFile>>,
    /// Bytes that the series had written at the last look.
    seen: u64,
}

impl Ahead {
    /// A segment begins to be written; the one before it is complete.
    pub(super) fn begin(&self, file: Arc<dyn AppendFile>, segment: u64) {
        let mut state = self.0.lock();
        let before = state.file.replace(file);
        if std::mem::take(&mut state.kept) > 0 {
            state.complete.extend(before);
        }
        state.segment = segment;
    }

    /// Keeps room for twice what was written since the last look, where it runs out, and gives back what complete segments did not
    /// need. `total` counts the bytes of all segments, `length` those of `segment`; `free` is what the disk has left. Says how much
    /// was written. Blocks; never on a core.
    pub(super) fn look(&self, total: u64, segment: u64, length: u64, free: u64) -> u64 {
        let mut state = self.0.lock();
        for file in state.complete.drain(..) {
            // INVARIANT: nobody writes a complete segment, so that its length stands. What is not given back is merely wasted.
            let _ = file.length().and_then(|length| file.cut(length));
        }
        let grown = total.saturating_sub(state.seen);
        state.seen = total;
        let runs_out = length.saturating_add(grown) > state.kept;
        if grown >= BUSY && runs_out && state.segment == segment && grown.saturating_mul(2) <= free / SHARE {
            let (start, end) = (state.kept.max(length), length.saturating_add(grown.saturating_mul(2)));
            if state.file.as_ref().is_some_and(|file| file.keep(start, end).is_ok()) {
                state.kept = end;
            }
        }
        grown
    }

    /// The series ends with so many bytes in its last segment: what is kept beyond is given back. On the thread that wrote it.
    pub(super) fn end(&self, length: u64) {
        let mut state = self.0.lock();
        if let (Some(file), 1..) = (state.file.take(), state.kept) {
            let _ = file.cut(length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    /// A file that notes what is asked of it, and is said to have 77 bytes.
    #[derive(Default)]
    struct Noted(Mutex<Vec<String>>);

    impl Noted {
        fn told(&self) -> Vec<String> {
            std::mem::take(&mut *self.0.lock())
        }
    }

    impl AppendFile for Noted {
        fn write(&self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn sync(&self) -> io::Result<()> {
            Ok(())
        }

        fn length(&self) -> io::Result<u64> {
            Ok(77)
        }

        fn cut(&self, length: u64) -> io::Result<()> {
            self.0.lock().push(format!("cut {length}"));
            Ok(())
        }

        fn keep(&self, start: u64, end: u64) -> io::Result<()> {
            self.0.lock().push(format!("keep {start}..{end}"));
            Ok(())
        }
    }

    const PLENTY: u64 = u64::MAX;

    #[test]
    fn room_is_kept_for_twice_the_growth_and_only_where_it_runs_out() {
        let (ahead, file) = (Ahead::default(), Arc::new(Noted::default()));
        ahead.begin(Arc::clone(&file) as Arc<_>, 1);
        assert_eq!(ahead.look(BUSY - 1, 1, BUSY - 1, PLENTY), BUSY - 1);
        assert_eq!(file.told(), [""; 0], "a quiet series is left to the file system");
        ahead.look(2 * BUSY, 1, 2 * BUSY, PLENTY);
        assert_eq!(file.told(), [format!("keep {}..{}", 2 * BUSY, 2 * BUSY + 2 * (BUSY + 1))]);
        ahead.look(3 * BUSY, 1, 3 * BUSY, PLENTY);
        assert_eq!(file.told(), [""; 0], "there is room for as much again");
        ahead.look(4 * BUSY, 1, 4 * BUSY, PLENTY);
        assert_eq!(file.told(), [format!("keep {}..{}", 4 * BUSY + 2, 6 * BUSY)], "where the kept room ends");
        ahead.end(9);
        assert_eq!(file.told(), ["cut 9"]);
    }

    #[test]
    fn a_disk_that_is_nearly_full_is_left_alone() {
        let (ahead, file) = (Ahead::default(), Arc::new(Noted::default()));
        ahead.begin(Arc::clone(&file) as Arc<_>, 1);
        ahead.look(BUSY, 1, BUSY, 2 * BUSY * SHARE - 1);
        ahead.end(9);
        assert_eq!(file.told(), [""; 0], "where nothing was kept nothing is given back");
    }

    #[test]
    fn complete_segments_give_back_what_they_did_not_need_and_the_next_one_is_not_mistaken_for_them() {
        let (ahead, first, second) = (Ahead::default(), Arc::new(Noted::default()), Arc::new(Noted::default()));
        ahead.begin(Arc::clone(&first) as Arc<_>, 1);
        ahead.look(BUSY, 1, BUSY, PLENTY);
        first.told();
        ahead.begin(Arc::clone(&second) as Arc<_>, 2);
        assert_eq!(first.told(), [""; 0], "not on the thread that serves");
        // what is known of the series is still of the segment before
        ahead.look(4 * BUSY, 1, 4 * BUSY, PLENTY);
        assert_eq!((first.told(), second.told()), (vec!["cut 77".to_owned()], vec![]));
        ahead.look(5 * BUSY, 2, BUSY, PLENTY);
        assert_eq!(second.told(), [format!("keep {}..{}", BUSY, 3 * BUSY)]);
    }

    #[test]
    fn kept_room_changes_no_length_and_a_cut_to_the_same_length_gives_it_back() {
        use std::os::unix::fs::MetadataExt as _;
        let file = tempfile::tempfile().unwrap();
        file.write(b"{}").unwrap();
        let blocks = || file.metadata().unwrap().blocks();
        AppendFile::sync(&file).unwrap();
        let before = blocks();
        let kept = file.keep(2, 8 << 20).is_ok();
        assert_eq!((file.length().unwrap(), kept && blocks() == before), (2, false));
        file.cut(2).unwrap();
        assert_eq!((file.length().unwrap(), blocks()), (2, before));
    }
}
