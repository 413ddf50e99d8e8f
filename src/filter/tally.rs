//! What a filter did to one answer, in numbers; never a value.

use super::error::FilterError;
use std::cell::Cell;

/// Counts for the record.
#[derive(Debug, Default)]
pub struct Tally {
    kept: Cell<u64>,
    hidden: Cell<u64>,
    masked: Cell<u64>,
    fault: Cell<Option<FilterError>>,
}

impl Tally {
    /// A row was let through.
    pub fn keep(&self) {
        self.kept.set(self.kept.get().saturating_add(1));
    }

    /// A row was taken out.
    pub fn hide(&self) {
        self.hidden.set(self.hidden.get().saturating_add(1));
    }

    /// A field was masked or removed.
    pub fn mask(&self) {
        self.masked.set(self.masked.get().saturating_add(1));
    }

    /// What another thread counted.
    pub fn add(&self, kept: u64, hidden: u64, masked: u64) {
        self.kept.set(self.kept.get().saturating_add(kept));
        self.hidden.set(self.hidden.get().saturating_add(hidden));
        self.masked.set(self.masked.get().saturating_add(masked));
    }

    /// The answer was broken off.
    pub fn end(&self, error: FilterError) {
        self.fault.set(Some(error));
    }

    /// Why the answer was broken off, if it was.
    #[must_use]
    pub fn fault(&self) -> Option<FilterError> {
        self.fault.get()
    }

    /// Rows let through.
    #[must_use]
    pub fn kept(&self) -> u64 {
        self.kept.get()
    }

    /// Rows taken out.
    #[must_use]
    pub fn hidden(&self) -> u64 {
        self.hidden.get()
    }

    /// Fields masked or removed.
    #[must_use]
    pub fn masked(&self) -> u64 {
        self.masked.get()
    }
}
