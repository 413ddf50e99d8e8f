//! Reads lines of the journal, forwards and backwards, with bounded memory; changes nothing and judges nothing.

use super::layout::SegmentFile;
use crate::model::{RequestId, Timestamp};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// No line of the journal is longer; a reader that meets a longer one stops with an error.
pub const LINE_BYTES: usize = 16 << 20;

const BLOCK: usize = 64 << 10;

fn too_long() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("a line is longer than {LINE_BYTES} bytes"))
}

/// Reads the lines of a file from a place on.
pub struct Lines {
    reader: BufReader<File>,
    line: Vec<u8>,
    /// Where the next line begins.
    offset: u64,
}

impl Lines {
    /// From byte `offset`, which must be the beginning of a line.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(path: &Path, offset: u64) -> io::Result<Self> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Self { reader: BufReader::with_capacity(BLOCK, file), line: Vec::new(), offset })
    }

    /// The next whole line without its line break, and where it begins; `None` at the end or before an unfinished line.
    /// What was unfinished is read again by the next call.
    ///
    /// # Errors
    /// When reading fails or the line is too long.
    pub fn next_line(&mut self) -> io::Result<Option<(&[u8], u64)>> {
        self.line.clear();
        let limit = u64::try_from(LINE_BYTES).unwrap_or(u64::MAX);
        let count = self.reader.by_ref().take(limit).read_until(b'\n', &mut self.line)?;
        if self.line.last() != Some(&b'\n') {
            if count >= LINE_BYTES {
                return Err(too_long());
            }
            self.reader.seek(SeekFrom::Start(self.offset))?;
            return Ok(None);
        }
        let begin = self.offset;
        self.offset += u64::try_from(count).unwrap_or(0);
        Ok(Some((self.line.strip_suffix(b"\n").unwrap_or(&self.line), begin)))
    }

    /// Where the next line begins.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }
}

/// Reads the lines of a file from its end.
pub struct LinesBack {
    file: File,
    /// Bytes of the file before `held`.
    before: u64,
    /// A stretch of the file whose lines are not given yet.
    held: Vec<u8>,
}

impl LinesBack {
    /// From the end. An unfinished last line is left out.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let before = file.seek(SeekFrom::End(0))?;
        let mut lines = Self { file, before, held: Vec::new() };
        loop {
            match memchr::memrchr(b'\n', &lines.held) {
                Some(end) => {
                    lines.held.truncate(end + 1);
                    return Ok(lines);
                }
                None if lines.before == 0 => {
                    lines.held.clear();
                    return Ok(lines);
                }
                None => lines.fill()?,
            }
        }
    }

    /// The line before the last one given, without its line break, and where it begins.
    ///
    /// # Errors
    /// When reading fails or the line is too long.
    pub fn previous_line(&mut self) -> io::Result<Option<(Vec<u8>, u64)>> {
        if self.held.is_empty() && self.before == 0 {
            return Ok(None);
        }
        loop {
            let whole = self.held.strip_suffix(b"\n").unwrap_or(&self.held);
            match memchr::memrchr(b'\n', whole) {
                Some(end) => {
                    let mut line = self.held.split_off(end + 1);
                    line.pop();
                    return Ok(Some((line, self.before + u64::try_from(end + 1).unwrap_or(0))));
                }
                None if self.before == 0 => {
                    let mut line = std::mem::take(&mut self.held);
                    line.pop();
                    return Ok(Some((line, 0)));
                }
                None => self.fill()?,
            }
        }
    }

    /// Takes up one more block before what is held.
    fn fill(&mut self) -> io::Result<()> {
        if self.held.len() > LINE_BYTES {
            return Err(too_long());
        }
        // Twice as much each time keeps a long line from being copied once a block.
        let size = self.before.min(u64::try_from(self.held.len().max(BLOCK)).unwrap_or(u64::MAX));
        self.before -= size;
        self.file.seek(SeekFrom::Start(self.before))?;
        let mut block = vec![0; usize::try_from(size).unwrap_or(0)];
        self.file.read_exact(&mut block)?;
        block.append(&mut self.held);
        self.held = block;
        Ok(())
    }
}

/// The last whole line of a file.
///
/// # Errors
/// When reading fails.
pub fn last_line(path: &Path) -> io::Result<Option<Vec<u8>>> {
    Ok(LinesBack::open(path)?.previous_line()?.map(|(line, _)| line))
}

/// The kinds of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A decision.
    Decision,
    /// What became of a request.
    Outcome,
    /// Administration.
    Admin,
    /// The head of a segment.
    Segment,
    /// A checkpoint.
    Checkpoint,
}

/// The members that every line begins with, read without parsing the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Front<'a> {
    /// What the line is.
    pub kind: Kind,
    /// Its number in the series.
    pub seq: u64,
    /// Its time, RFC 3339.
    pub time: &'a str,
}

impl<'a> Front<'a> {
    /// Reads the beginning of a line; `None` where it is not one of the journal's.
    #[must_use]
    pub fn read(line: &'a [u8]) -> Option<Self> {
        let rest = line.strip_prefix(b"{\"kind\":\"")?;
        let (kind, rest) = until(rest, b'"')?;
        let kind = match kind {
            b"decision" => Kind::Decision,
            b"outcome" => Kind::Outcome,
            b"admin" => Kind::Admin,
            b"segment" => Kind::Segment,
            b"checkpoint" => Kind::Checkpoint,
            _ => return None,
        };
        let (seq, rest) = until(rest.strip_prefix(b",\"seq\":")?, b',')?;
        let (time, _) = until(rest.strip_prefix(b"\"time\":\"")?, b'"')?;
        Some(Self { kind, seq: std::str::from_utf8(seq).ok()?.parse().ok()?, time: std::str::from_utf8(time).ok()? })
    }

    /// The time as an instant.
    #[must_use]
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.time.parse::<jiff::Timestamp>().ok().map(Timestamp::from)
    }
}

fn until(bytes: &[u8], end: u8) -> Option<(&[u8], &[u8])> {
    let (before, rest) = bytes.split_at_checked(memchr::memchr(end, bytes)?)?;
    Some((before, rest.get(1..)?))
}

/// The request that a decision or outcome concerns. It stands before anything that a client can influence.
#[must_use]
pub fn request_of(line: &[u8]) -> Option<RequestId> {
    const KEY: &[u8] = b",\"request\":\"";
    let at = memchr::memmem::find(line, KEY)? + KEY.len();
    RequestId::parse(std::str::from_utf8(line.get(at..at + 24)?).ok()?)
}

/// The segments of a series that may hold records of a stretch of time, with `slack` microseconds to both sides, since records
/// carry the time at which their request began.
#[must_use]
pub fn segments_between(
    segments: &[SegmentFile],
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    slack: u64,
) -> std::ops::Range<usize> {
    let slack = std::time::Duration::from_micros(slack);
    let ended = |at: usize| segments.get(at + 1).map(|next| next.begun.after(slack));
    let from =
        since.map_or(0, |since| (0..segments.len()).take_while(|&at| ended(at).is_some_and(|end| end < since)).count());
    let to = until.map_or(segments.len(), |until| {
        segments.iter().take_while(|segment| segment.begun <= until.after(slack)).count()
    });
    from..to.max(from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    proptest! {
        #[test]
        fn backwards_gives_what_forwards_gives(
            lines in prop::collection::vec("[a-z]{0,9}", 0..20), long in 0_usize..200_000, torn in "[a-z]{0,5}"
        ) {
            let mut text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            text.push_str(&format!("{}\n", "x".repeat(long)));
            text.push_str(&torn);
            let file = file(text.as_bytes());
            let (mut forward, mut backward) = (Vec::new(), Vec::new());
            let mut reader = Lines::open(file.path(), 0).unwrap();
            while let Some((line, at)) = reader.next_line().unwrap() {
                forward.push((line.to_vec(), at));
            }
            let mut reader = LinesBack::open(file.path()).unwrap();
            while let Some(line) = reader.previous_line().unwrap() {
                backward.push(line);
            }
            backward.reverse();
            prop_assert_eq!(forward.len(), lines.len() + 1);
            prop_assert_eq!(forward, backward);
        }
    }

    #[test]
    fn a_line_that_is_being_written_is_given_when_it_is_whole() {
        let file = file(b"one\ntw");
        let mut lines = Lines::open(file.path(), 0).unwrap();
        assert_eq!(lines.next_line().unwrap(), Some((&b"one"[..], 0)));
        assert_eq!(lines.next_line().unwrap(), None);
        std::fs::write(file.path(), b"one\ntwo\n").unwrap();
        assert_eq!(lines.next_line().unwrap(), Some((&b"two"[..], 4)));
        assert_eq!(lines.next_line().unwrap(), None);
    }

    #[test]
    fn only_segments_that_can_hold_the_time_are_read() {
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        let segment = |begun| SegmentFile { index: 1, begun: at(begun), path: "s".into() };
        let segments = [segment(100), segment(200), segment(300)];
        assert_eq!(segments_between(&segments, Some(at(205)), None, 0), 1..3);
        assert_eq!(segments_between(&segments, Some(at(205)), None, 10_000_000), 0..3);
        assert_eq!(segments_between(&segments, None, Some(at(250)), 0), 0..2);
        assert_eq!(segments_between(&segments, Some(at(900)), Some(at(950)), 0), 2..3);
        assert_eq!(segments_between(&segments, None, Some(at(50)), 0), 0..0);
    }
}
