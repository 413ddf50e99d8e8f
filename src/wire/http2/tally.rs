//! What the streams of a connection tell it: how many are open, reset or waiting for their client; ends nothing itself.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::Waker;

use tokio::time::Instant;

use super::rest::Rests;
use crate::wire::flood::{Account, Excess, FOR_A_REQUEST};
use crate::wire::host::LastHost;
use crate::wire::limit::H2Settings;

/// What the streams of a connection tell it.
pub(super) struct Tally {
    pub(super) open: Cell<u32>,
    pub(super) requests: Cell<u64>,
    resets: Cell<u32>,
    most_resets: u32,
    pub(super) account: Rc<Account>,
    pub(super) hosts: RefCell<LastHost>,
    /// Streams whose client has not taken what was handed to it, and since when.
    pub(super) untaken: RefCell<Vec<(u64, Instant)>>,
    /// Bodies of requests that were answered before their end.
    pub(super) rests: Rc<Rests>,
    pub(super) connection: RefCell<Option<Waker>>,
}

impl Tally {
    pub(super) fn new(settings: &H2Settings) -> Self {
        Self {
            open: Cell::default(),
            requests: Cell::default(),
            resets: Cell::default(),
            most_resets: settings.resets,
            account: Rc::default(),
            hosts: RefCell::default(),
            untaken: RefCell::default(),
            rests: Rc::new(Rests::new(settings.drain_within)),
            connection: RefCell::default(),
        }
    }

    fn wake(&self) {
        if let Some(waker) = &*self.connection.borrow() {
            waker.wake_by_ref();
        }
    }

    pub(super) fn flooded(&self) -> bool {
        self.resets.get() > self.most_resets || self.account.excess.get() == Some(Excess::Flood)
    }

    pub(super) fn forget_untaken(&self, stream: u64) {
        let mut untaken = self.untaken.borrow_mut();
        if let Some(at) = untaken.iter().position(|(other, _)| *other == stream) {
            untaken.swap_remove(at);
        }
    }
}

/// One dispatched request. Dropped unfinished, it was reset by the client.
///
/// SECURITY: resets after the dispatch are counted, since the HTTP/2 layer counts only earlier ones (`resets_after_dispatch_end_the_connection`).
pub(super) struct Stream {
    pub(super) tally: Rc<Tally>,
    pub(super) number: u64,
    pub(super) settled: bool,
}

impl Stream {
    pub(super) fn open(tally: &Rc<Tally>) -> Self {
        let number = tally.requests.get() + 1;
        tally.requests.set(number);
        tally.account.earn(FOR_A_REQUEST);
        tally.open.set(tally.open.get() + 1);
        Self { tally: Rc::clone(tally), number, settled: false }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let open = self.tally.open.get().saturating_sub(1);
        self.tally.open.set(open);
        if !self.settled {
            self.tally.resets.set(self.tally.resets.get() + 1);
        }
        if open == 0 || self.tally.flooded() {
            self.tally.wake();
        }
    }
}
