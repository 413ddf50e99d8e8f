//! Follows the frames of an HTTP/2 client as they come in (RFC 9113 section 4.1) and bounds those that ask for nothing; never
//! changes or keeps a byte.

use std::cell::Cell;
use tokio::time::Instant;

/// The length of the client's preface, which stands before its first frame (RFC 9113 section 3.4).
const PREFACE: usize = 24;

/// What one request, and one piece of an answer, allow in frames that ask for nothing: its priority, its windows, its reset.
pub(super) const FOR_A_REQUEST: u64 = 8;
pub(super) const FOR_A_PIECE: u64 = 16;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 0x1;
const ACK: u8 = 0x1;
const PADDED: u8 = 0x8;

/// Why a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Excess {
    /// Frames without end.
    Flood,
    /// The first frame is not that of the client's settings.
    Beginning,
}

impl Excess {
    /// The code that the client is told (RFC 9113 section 7).
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Flood => 11,
            Self::Beginning => 1,
        }
    }
}

/// What the reading side and the streams of a connection tell each other.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// Frames that requests and answers allow, not yet taken up.
    pub(super) earned: Cell<u64>,
    /// Why nothing more is read.
    pub(super) excess: Cell<Option<Excess>>,
    /// The highest stream that the client has opened.
    pub(super) last: Cell<u32>,
}

impl Account {
    pub(super) fn earn(&self, frames: u64) {
        self.earned.set(self.earned.get().saturating_add(frames));
    }
}

/// The frames of one client.
#[derive(Debug)]
pub(super) struct FrameMeter {
    preface: usize,
    header: [u8; 9],
    held: usize,
    /// Bytes of the present frame's payload that are still to come.
    left: usize,
    begun: bool,
    most: u64,
    balance: u64,
    since: Option<Instant>,
}

impl FrameMeter {
    /// Allows `most` frames that ask for nothing at once; a tenth of that is given back each second.
    pub(super) const fn new(most: u64) -> Self {
        Self { preface: PREFACE, header: [0; 9], held: 0, left: 0, begun: false, most, balance: most, since: None }
    }

    /// Takes note of bytes that have come in.
    ///
    /// # Errors
    /// When the client has had enough of this connection.
    pub(super) fn pass(&mut self, mut bytes: &[u8], account: &Account) -> Result<(), Excess> {
        let skipped = self.preface.min(bytes.len());
        self.preface -= skipped;
        bytes = bytes.get(skipped..).unwrap_or_default();
        while !bytes.is_empty() {
            if self.left > 0 {
                let now = self.left.min(bytes.len());
                self.left -= now;
                bytes = bytes.get(now..).unwrap_or_default();
                continue;
            }
            let room = self.header.get_mut(self.held..).unwrap_or_default();
            let now = room.len().min(bytes.len());
            for (slot, byte) in room.iter_mut().zip(bytes) {
                *slot = *byte;
            }
            self.held += now;
            bytes = bytes.get(now..).unwrap_or_default();
            if self.held == self.header.len() {
                self.held = 0;
                self.frame(account)?;
            }
        }
        Ok(())
    }

    fn frame(&mut self, account: &Account) -> Result<(), Excess> {
        let [a, b, c, kind, flags, stream @ ..] = self.header;
        self.left = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        if !self.begun {
            self.begun = true;
            if kind != SETTINGS || flags & ACK != 0 {
                return Err(Excess::Beginning);
            }
        }
        match kind {
            HEADERS => {
                account.last.set(account.last.get().max(u32::from_be_bytes(stream) & 0x7fff_ffff));
                Ok(())
            }
            DATA if flags & PADDED == 0 && (self.left > 0 || flags & END_STREAM != 0) => Ok(()),
            GOAWAY => Ok(()),
            _ => self.spend(account),
        }
    }

    fn spend(&mut self, account: &Account) -> Result<(), Excess> {
        let now = Instant::now();
        let rate = self.most.div_ceil(10);
        let waited = self.since.map_or(0, |since| now.saturating_duration_since(since).as_micros());
        let forgiven = u64::try_from(waited.saturating_mul(u128::from(rate)) / 1_000_000).unwrap_or(u64::MAX);
        if forgiven > 0 || self.since.is_none() {
            self.since = Some(now);
        }
        let regained = self.balance.saturating_add(forgiven).min(self.most).max(self.balance);
        // what was earned may be saved up for a while: windows of a large answer are given back in one go
        let most = self.most.saturating_mul(16);
        self.balance = regained.saturating_add(account.earned.take()).min(most);
        self.balance = self.balance.checked_sub(1).ok_or(Excess::Flood)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
    }

    fn beginning() -> Vec<u8> {
        [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &frame(SETTINGS, 0, b"")[..]].concat()
    }

    /// Passes the bytes in pieces of every size up to 20, which must not matter.
    fn pass(most: u64, bytes: &[u8]) -> Result<(), Excess> {
        let whole = FrameMeter::new(most).pass(bytes, &Account::default());
        for size in 1..20 {
            let (mut meter, account) = (FrameMeter::new(most), Account::default());
            assert_eq!(bytes.chunks(size).try_for_each(|piece| meter.pass(piece, &account)), whole, "by {size}");
        }
        whole
    }

    #[tokio::test(start_paused = true)]
    async fn frames_that_ask_for_nothing_are_bounded_and_others_are_not() {
        for (bytes, end) in [
            (frame(6, 0, &[0; 8]), Err(Excess::Flood)),
            (frame(SETTINGS, 0, b""), Err(Excess::Flood)),
            (frame(9, 0, b"x"), Err(Excess::Flood)),
            (frame(0xfa, 0, &[0; 300]), Err(Excess::Flood)),
            (frame(DATA, 0, b""), Err(Excess::Flood)),
            (frame(DATA, PADDED, &[1, 0]), Err(Excess::Flood)),
            (frame(DATA, 0, b"x"), Ok(())),
            (frame(DATA, END_STREAM, b""), Ok(())),
            (frame(HEADERS, 0, b"xyz"), Ok(())),
        ] {
            assert_eq!(pass(50, &[beginning(), bytes.repeat(49)].concat()), Ok(()), "{bytes:?}");
            assert_eq!(pass(50, &[beginning(), bytes.repeat(50)].concat()), end, "{bytes:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn time_requests_and_answers_give_room_again() {
        let (mut meter, account) = (FrameMeter::new(50), Account::default());
        let ping = frame(6, 0, &[0; 8]);
        meter.pass(&[beginning(), ping.repeat(49)].concat(), &account).unwrap();
        tokio::time::advance(std::time::Duration::from_secs(2)).await;
        meter.pass(&ping.repeat(10), &account).unwrap();
        account.earn(FOR_A_REQUEST);
        meter.pass(&ping.repeat(8), &account).unwrap();
        assert_eq!(meter.pass(&ping, &account), Err(Excess::Flood));
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_frame_is_that_of_the_settings() {
        for first in [frame(HEADERS, 5, b"x"), frame(SETTINGS, ACK, b""), frame(6, 0, &[0; 8])] {
            assert_eq!(pass(50, &[&[0; PREFACE], &first[..]].concat()), Err(Excess::Beginning));
        }
    }
}
