//! Lets nothing pass but UTF-8 (RFC 3629), whose readers all see the same characters; changes no byte.

use super::chain::Transform;
use super::error::FilterError;

/// The stage: holds back at most three bytes of a character that is not complete.
#[derive(Default)]
pub struct Utf8Stage {
    held: Vec<u8>,
    seen: u64,
}

impl Utf8Stage {
    fn wrong(at: u64) -> FilterError {
        FilterError::Malformed { kind: "UTF-8", at, why: "the bytes are no character" }
    }

    /// Passes what is whole and holds back the beginning of a character at the end.
    fn pass(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), FilterError> {
        let whole = match std::str::from_utf8(bytes) {
            Ok(_) => bytes.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(error) => return Err(Self::wrong(self.seen.saturating_add(error.valid_up_to() as u64))),
        };
        let (whole, rest) = bytes.split_at_checked(whole).unwrap_or((bytes, &[]));
        out.extend_from_slice(whole);
        self.seen = self.seen.saturating_add(whole.len() as u64);
        self.held.extend_from_slice(rest);
        Ok(())
    }
}

impl Transform for Utf8Stage {
    fn push(&mut self, mut chunk: &[u8], out: &mut Vec<u8>) -> Result<(), FilterError> {
        while !self.held.is_empty() {
            let Some((&first, rest)) = chunk.split_first() else { return Ok(()) };
            let mut joined = std::mem::take(&mut self.held);
            joined.push(first);
            self.pass(&joined, out)?;
            chunk = rest;
        }
        self.pass(chunk, out)
    }

    fn finish(&mut self, _: &mut Vec<u8>) -> Result<(), FilterError> {
        if self.held.is_empty() { Ok(()) } else { Err(Self::wrong(self.seen)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(bytes: &[u8], size: usize) -> Result<Vec<u8>, FilterError> {
        let (mut stage, mut out) = (Utf8Stage::default(), Vec::new());
        for chunk in bytes.chunks(size) {
            stage.push(chunk, &mut out)?;
        }
        stage.finish(&mut out)?;
        Ok(out)
    }

    #[test]
    fn characters_pass_unchanged_wherever_they_are_cut() {
        let text = "a库存 – 𝄞z".as_bytes();
        for size in 1..=text.len() {
            assert_eq!(run(text, size).as_deref(), Ok(text));
        }
    }

    #[test]
    fn what_is_no_character_ends_the_answer_wherever_it_is_cut() {
        for wrong in [&b"ab\xff"[..], b"ab\xc3", b"ab\xc3(", b"ab\xed\xa0\x80", b"ab\xf0\x9d"] {
            for size in 1..=wrong.len() {
                let at = 2;
                let expected = FilterError::Malformed { kind: "UTF-8", at, why: "the bytes are no character" };
                assert_eq!(run(wrong, size), Err(expected));
            }
        }
    }
}
