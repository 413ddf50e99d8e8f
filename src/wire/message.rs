//! Follows the frames of a WebSocket as they pass (RFC 6455 section 5.2) and bounds its messages; never changes or keeps a byte.

/// Why a stream of frames is not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// A message is larger than allowed.
    TooLarge,
    /// These are not the frames that this side may send.
    Malformed,
}

/// The largest payload of a control frame, in bytes (RFC 6455 section 5.5).
const CONTROL: u64 = 125;

/// The longest header of a frame: two bytes, eight of length, four of mask.
const HEADER: usize = 14;

/// One direction of a WebSocket. Sizes are those on the wire: compressed messages count as compressed.
#[derive(Debug)]
pub(super) struct Messages {
    cap: u64,
    masked: bool,
    header: [u8; HEADER],
    held: usize,
    /// Bytes of the present frame's payload that are still to come.
    left: u64,
    /// Bytes of the present message up to the end of the present frame.
    message: u64,
    /// Whether the present message goes on in another frame.
    open: bool,
}

impl Messages {
    /// The direction whose frames are masked (those of clients) or not (those of servers), with messages of at most `cap` bytes.
    pub(super) const fn new(cap: u64, masked: bool) -> Self {
        Self { cap, masked, header: [0; HEADER], held: 0, left: 0, message: 0, open: false }
    }

    /// Takes note of bytes that are about to be passed on.
    ///
    /// # Errors
    /// When they are not to be passed on; nothing more may be then.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) -> Result<(), Refused> {
        while !bytes.is_empty() {
            if self.left > 0 {
                let now = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                self.left -= now as u64;
                bytes = bytes.get(now..).unwrap_or_default();
                continue;
            }
            let Some((&byte, rest)) = bytes.split_first() else { break };
            bytes = rest;
            if let Some(slot) = self.header.get_mut(self.held) {
                *slot = byte;
            }
            self.held += 1;
            if let Some(length) = self.length()? {
                self.begin(length)?;
            }
        }
        Ok(())
    }

    /// The length of the payload, once the header is complete.
    fn length(&self) -> Result<Option<u64>, Refused> {
        let [_, second, extended @ ..] = self.header;
        let masked = second & 0x80 != 0;
        if self.held >= 2 && masked != self.masked {
            return Err(Refused::Malformed);
        }
        let wide = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if self.held < 2 + wide + if masked { 4 } else { 0 } {
            return Ok(None);
        }
        let number = extended.iter().take(wide).fold(0_u64, |number, &byte| (number << 8) | u64::from(byte));
        // SECURITY: one spelling of each length, as section 5.2 has it (`frames_that_readers_could_take_differently_end_the_tunnel`)
        match wide {
            0 => Ok(Some(u64::from(second & 0x7f))),
            2 if number > 125 => Ok(Some(number)),
            8 if number > 0xffff && number >> 63 == 0 => Ok(Some(number)),
            _ => Err(Refused::Malformed),
        }
    }

    fn begin(&mut self, length: u64) -> Result<(), Refused> {
        let [first, ..] = self.header;
        let (last, kind) = (first & 0x80 != 0, first & 0x0f);
        (self.held, self.left) = (0, length);
        match kind {
            8..=10 if last && length <= CONTROL => return Ok(()),
            0 if self.open => self.message = self.message.saturating_add(length),
            1 | 2 if !self.open => self.message = length,
            _ => return Err(Refused::Malformed),
        }
        self.open = !last;
        if self.message > self.cap { Err(Refused::TooLarge) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(first: u8, masked: bool, length: usize) -> Vec<u8> {
        let mask = if masked { 0x80 } else { 0 };
        let mut bytes = match length {
            0..=125 => vec![first, mask | u8::try_from(length).unwrap()],
            126..=0xffff => [&[first, mask | 126][..], &u16::try_from(length).unwrap().to_be_bytes()].concat(),
            _ => [&[first, mask | 127][..], &(length as u64).to_be_bytes()].concat(),
        };
        bytes.extend_from_slice(if masked { &[1, 2, 3, 4] } else { &[] });
        bytes.resize(bytes.len() + length, 0x5a);
        bytes
    }

    /// Passes the bytes in pieces of every size up to 20, which must not matter.
    fn pass(cap: u64, masked: bool, bytes: &[u8]) -> Result<(), Refused> {
        let whole = Messages::new(cap, masked).pass(bytes);
        for size in 1..20 {
            let mut messages = Messages::new(cap, masked);
            let pieces = bytes.chunks(size).try_for_each(|piece| messages.pass(piece));
            assert_eq!(pieces, whole, "in pieces of {size}");
        }
        whole
    }

    #[test]
    fn a_message_may_be_as_large_as_the_limit_in_one_frame_or_in_several() {
        for masked in [true, false] {
            for (cap, sizes) in [(100, vec![100]), (300, vec![300]), (70_000, vec![70_000]), (300, vec![100, 0, 200])] {
                let frames = |sizes: &[usize]| -> Vec<u8> {
                    let last = sizes.len() - 1;
                    let head = |at: usize| u8::from(at == 0) | if at == last { 0x80 } else { 0 };
                    let ping = frame(0x89, masked, 5);
                    sizes
                        .iter()
                        .enumerate()
                        .flat_map(|(at, &size)| [frame(head(at), masked, size), ping.clone()].concat())
                        .collect()
                };
                let message = frames(&sizes);
                assert_eq!(pass(cap, masked, &[message.clone(), message].concat()), Ok(()), "{sizes:?}");
                let mut larger = sizes.clone();
                *larger.last_mut().unwrap() += 1;
                assert_eq!(pass(cap, masked, &frames(&larger)), Err(Refused::TooLarge), "{larger:?}");
            }
        }
    }

    #[test]
    fn frames_that_readers_could_take_differently_end_the_tunnel() {
        for (what, bytes) in [
            ("an unmasked frame of a client", frame(0x81, false, 3)),
            ("a long length for a short payload", vec![0x81, 0xfe, 0, 5]),
            ("a longer length for a payload of 16 bits", vec![0x81, 0xff, 0, 0, 0, 0, 0, 0, 1, 0]),
            ("a length with the highest bit", vec![0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0]),
            ("a long control frame", frame(0x89, true, 126)),
            ("a control frame in parts", frame(0x09, true, 1)),
            ("a reserved kind", frame(0x83, true, 1)),
            ("a continuation of nothing", frame(0x80, true, 1)),
            ("a message within a message", [frame(0x01, true, 1), frame(0x81, true, 1)].concat()),
        ] {
            // the verdict may come before the header is complete
            let bytes = [bytes, vec![0; 8]].concat();
            assert_eq!(pass(1000, true, &bytes), Err(Refused::Malformed), "{what}");
        }
    }
}
