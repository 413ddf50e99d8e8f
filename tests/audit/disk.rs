//! A disk that does as it is told, and tells what was done; knows nothing of records.

use scopegate::audit::{AppendFile, Disk, Medium};
use std::io::{self};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use thread_priority::{ThreadSchedulePolicy, thread_schedule_policy};

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Wrote(String, Vec<u8>),
    Synced(String),
}

#[derive(Default)]
pub struct Told {
    pub events: Vec<Event>,
    /// Bytes that the disk still takes; `None` without end.
    pub free: Option<u64>,
    pub reserve: u64,
    pub no_reserve: bool,
    pub write_error: Option<i32>,
    pub writes_failed: usize,
    /// At most so many bytes a write.
    pub at_most: Option<usize>,
    pub sync_error: Option<i32>,
    /// Syncs that succeeded on a file on which one had failed before, as a kernel lets them.
    pub trusted: usize,
    /// Syncs of records wait until this is false.
    pub hold_syncs: bool,
    pub syncs_held: usize,
    /// How the threads were scheduled that synced records.
    pub synced_under: Vec<ThreadSchedulePolicy>,
}

#[derive(Clone, Default)]
pub struct Tape(pub Arc<(Mutex<Told>, Condvar)>);

impl Tape {
    pub fn tell<T>(&self, change: impl FnOnce(&mut Told) -> T) -> T {
        let result = change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
        result
    }

    pub fn wait_until(&self, mut holds: impl FnMut(&Told) -> bool) {
        let told = self.0.1.wait_while(self.0.0.lock().unwrap(), |told| !holds(told)).unwrap();
        drop(told);
    }

    /// The writes to a core's series since the last call of `forget`.
    pub fn writes(&self) -> Vec<Vec<u8>> {
        self.tell(|told| {
            told.events
                .iter()
                .filter_map(|event| match event {
                    Event::Wrote(series, bytes) if series == "core-00" => Some(bytes.clone()),
                    _ => None,
                })
                .collect()
        })
    }

    pub fn forget(&self) {
        self.tell(|told| told.events.clear());
    }
}

pub struct Tracked {
    pub series: String,
    pub failed: AtomicBool,
    pub file: Arc<dyn AppendFile>,
    pub tape: Tape,
}

pub fn errno(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}

pub const ENOSPC: i32 = 28;
pub const EIO: i32 = 5;

impl AppendFile for Tracked {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.tape.tell(|told| {
            if let Some(code) = told.write_error {
                told.writes_failed += 1;
                return Err(errno(code));
            }
            let mut count = told.at_most.map_or(bytes.len(), |most| most.min(bytes.len()));
            if let Some(free) = &mut told.free {
                count = count.min(usize::try_from(*free).unwrap());
                *free -= count as u64;
                if count == 0 {
                    return Err(errno(ENOSPC));
                }
            }
            let count = self.file.write(&bytes[..count])?;
            told.events.push(Event::Wrote(self.series.clone(), bytes[..count].to_vec()));
            Ok(count)
        })
    }

    fn sync(&self) -> io::Result<()> {
        if self.series.starts_with("core") {
            self.tape.tell(|told| told.synced_under.push(thread_schedule_policy().unwrap()));
            self.tape.tell(|told| told.syncs_held += usize::from(told.hold_syncs));
            self.tape.wait_until(|told| !told.hold_syncs);
            if let Some(code) = self.tape.tell(|told| told.sync_error) {
                self.failed.store(true, Ordering::SeqCst);
                return Err(errno(code));
            }
            if self.failed.load(Ordering::SeqCst) {
                self.tape.tell(|told| told.trusted += 1);
            }
        }
        self.file.sync()?;
        self.tape.tell(|told| told.events.push(Event::Synced(self.series.clone())));
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.file.cut(length)
    }

    fn keep(&self, start: u64, end: u64) -> io::Result<()> {
        self.file.keep(start, end)
    }
}

impl Tape {
    pub fn track(&self, path: &Path, file: Arc<dyn AppendFile>) -> Arc<dyn AppendFile> {
        let series = path.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        Arc::new(Tracked { series, failed: AtomicBool::new(false), file, tape: self.clone() })
    }
}

impl Medium for Tape {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn AppendFile>> {
        Ok(self.track(path, Disk.create(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn AppendFile>> {
        Ok(self.track(path, Disk.open(path)?))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        Disk.sync_dir(path)
    }

    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        Ok(self.tell(|told| told.free.unwrap_or(1 << 40)))
    }

    fn occupy(&self, _: &Path, bytes: u64) -> io::Result<()> {
        self.tell(|told| {
            if told.no_reserve {
                return Err(errno(95));
            }
            if let Some(free) = told.free {
                told.free = Some((free + told.reserve).checked_sub(bytes).ok_or_else(|| errno(ENOSPC))?);
            }
            told.reserve = bytes;
            Ok(())
        })
    }
}
