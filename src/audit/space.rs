//! The disk space kept aside, and how much of it is left; decides what may still be recorded, records nothing.

use super::medium::Medium;
use super::settings::full;
use parking_lot::Mutex;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// What the disk still takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Room {
    /// Everything.
    #[default]
    Ample,
    /// The reserve is touched: no strict records.
    Low,
    /// The reserve is used up and the last write failed: nothing.
    None,
}

/// The space of one run, shared by its cores. Touched by them only when a write fails.
pub(super) struct Space {
    room: AtomicU8,
    /// What the disk said was free when it was last looked at.
    free: AtomicU64,
    reserve: Mutex<Reserve>,
    wanted: u64,
    medium: Arc<dyn Medium>,
    path: PathBuf,
}

struct Reserve {
    /// Bytes that the reserve's file occupies.
    held: u64,
    /// Whether the file system can keep space aside; otherwise only what it says is free counts.
    real: bool,
}

impl Space {
    /// Keeps `wanted` bytes aside in the file at `path`.
    pub(super) fn keep(path: PathBuf, wanted: u64, medium: Arc<dyn Medium>) -> Self {
        let space = Self {
            room: AtomicU8::new(0),
            free: AtomicU64::new(0),
            reserve: Mutex::new(Reserve { held: 0, real: true }),
            wanted,
            medium,
            path,
        };
        space.check();
        space
    }

    pub(super) fn room(&self) -> Room {
        match self.room.load(Ordering::Relaxed) {
            0 => Room::Ample,
            1 => Room::Low,
            _ => Room::None,
        }
    }

    /// Bytes that were free when the disk was last looked at.
    pub(super) fn free(&self) -> u64 {
        self.free.load(Ordering::Relaxed)
    }

    fn set(&self, room: Room) {
        let before = self.room();
        self.room.store(room as u8, Ordering::Relaxed);
        if before == room {
            return;
        }
        match room {
            Room::Ample => tracing::info!("the journal's reserve is whole again; everything is recorded"),
            Room::Low => tracing::error!("the journal's disk is full but for the reserve: strict records are refused"),
            Room::None => tracing::error!("the journal's reserve is used up: every request is refused"),
        }
    }

    /// After a write found the disk full: gives up a part of the reserve. False when there is none left.
    pub(super) fn spend(&self) -> bool {
        let mut reserve = self.reserve.lock();
        let part = (self.wanted / 8).max(1);
        while reserve.real && reserve.held > 0 {
            let rest = reserve.held.saturating_sub(part);
            reserve.held = rest;
            if self.medium.occupy(&self.path, rest).is_ok() {
                self.set(Room::Low);
                return true;
            }
        }
        self.set(Room::None);
        false
    }

    /// After a write succeeded that had failed before.
    pub(super) fn writable(&self) {
        if self.room() == Room::None {
            self.set(Room::Low);
        }
    }

    /// Looks at the disk: fills the reserve up again where there is room for more than that. Off the cores.
    pub(super) fn check(&self) {
        let Some(free) = self.path.parent().and_then(|dir| self.medium.free_bytes(dir).ok()) else { return };
        self.free.store(free, Ordering::Relaxed);
        let mut reserve = self.reserve.lock();
        if reserve.real && reserve.held < self.wanted {
            // Asking for somewhat more than the reserve keeps it from being filled and spent in turns.
            if free >= self.wanted - reserve.held + self.wanted / 4 {
                match self.medium.occupy(&self.path, self.wanted) {
                    Ok(()) => reserve.held = self.wanted,
                    Err(error) if full(&error) => {}
                    Err(error) => {
                        tracing::warn!(%error, "no disk space can be kept aside for the journal; what is free counts");
                        reserve.real = false;
                    }
                }
            }
        }
        let whole = if reserve.real { reserve.held >= self.wanted } else { free >= self.wanted };
        match self.room() {
            _ if whole => self.set(Room::Ample),
            Room::Ample => self.set(Room::Low),
            Room::None if free > self.wanted / 4 => self.set(Room::Low),
            Room::Low | Room::None => {}
        }
    }

    /// Gives the reserve back at the end of the run.
    pub(super) fn release(&self) {
        self.reserve.lock().held = 0;
        if let Err(error) = std::fs::remove_file(&self.path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "the journal's reserve could not be removed");
        }
    }
}
