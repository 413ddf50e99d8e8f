//! The chunked coding (RFC 9112 section 7.1), read strictly and written plainly; does no I/O.

use super::limit::ChunkLimits;
use bytes::{Buf, Bytes, BytesMut};

/// What the next bytes of a chunked body came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Data of the body; never empty.
    Data(Bytes),
    /// More bytes are needed.
    More,
    /// The last chunk and the trailer section have been read; what remains in the buffer belongs to the next message.
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size,
    Data(u64),
    DataEnd,
    Trailer,
    Done,
}

/// Reads one chunked body. Extensions and trailers are checked and dropped.
#[derive(Clone, Debug)]
pub struct Decoder {
    state: State,
    limits: ChunkLimits,
    extensions: usize,
    trailers: usize,
}

impl Decoder {
    /// A decoder at the beginning of a body.
    #[must_use]
    pub const fn new(limits: ChunkLimits) -> Self {
        Self { state: State::Size, limits, extensions: 0, trailers: 0 }
    }

    /// Whether the body has been read to its end.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Takes what can be taken from the beginning of `buffer`.
    ///
    /// # Errors
    /// What is wrong with the coding, in words; the body must not be read further.
    pub fn step(&mut self, buffer: &mut BytesMut) -> Result<Step, &'static str> {
        loop {
            match self.state {
                State::Size => {
                    let Some(end) = line_end(buffer, self.limits.line_bytes, "chunk size line too long")? else {
                        return Ok(Step::More);
                    };
                    let line = buffer.get(..end).unwrap_or_default();
                    let (size, extension) = read_size(line)?;
                    self.extensions += extension;
                    if self.extensions > self.limits.extension_bytes {
                        return Err("too many bytes of chunk extensions");
                    }
                    buffer.advance(end + 2);
                    self.state = if size == 0 { State::Trailer } else { State::Data(size) };
                }
                State::Data(left) => {
                    if buffer.is_empty() {
                        return Ok(Step::More);
                    }
                    let take = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
                    let left = left - take as u64;
                    self.state = if left == 0 { State::DataEnd } else { State::Data(left) };
                    return Ok(Step::Data(buffer.split_to(take).freeze()));
                }
                State::DataEnd => match (buffer.first(), buffer.get(1)) {
                    (Some(b'\r'), Some(b'\n')) => {
                        buffer.advance(2);
                        self.state = State::Size;
                    }
                    (None, _) | (Some(b'\r'), None) => return Ok(Step::More),
                    _ => return Err("chunk does not end with a line end"),
                },
                State::Trailer => {
                    let room = self.limits.trailer_bytes.saturating_sub(self.trailers);
                    let Some(end) = line_end(buffer, room, "trailers too large")? else {
                        return Ok(Step::More);
                    };
                    if end > 0 {
                        check_trailer(buffer.get(..end).unwrap_or_default())?;
                    } else {
                        self.state = State::Done;
                    }
                    self.trailers += end + 2;
                    buffer.advance(end + 2);
                }
                State::Done => return Ok(Step::End),
            }
        }
    }
}

/// Where the line at the beginning of `buffer` ends; `None` while it has not ended.
fn line_end(buffer: &[u8], most: usize, too_long: &'static str) -> Result<Option<usize>, &'static str> {
    match memchr::memchr2(b'\r', b'\n', buffer) {
        Some(at) if at > most => Err(too_long),
        Some(at) => match (buffer.get(at), buffer.get(at + 1)) {
            (Some(b'\r'), Some(b'\n')) => Ok(Some(at)),
            (Some(b'\r'), None) => Ok(None),
            _ => Err("bare line feed or carriage return"),
        },
        None if buffer.len() > most => Err(too_long),
        None => Ok(None),
    }
}

/// The size and the number of bytes of extension.
///
/// SECURITY: extensions hold visible ASCII and blanks only, no NUL, no 8-bit bytes (`a_chunk_extension_with_a_control_byte_is_refused`).
fn read_size(line: &[u8]) -> Result<(u64, usize), &'static str> {
    let digits = line.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    if digits == 0 || digits > 15 {
        return Err("chunk size");
    }
    let (size, extension) = line.split_at(digits);
    if !extension.is_empty()
        && (extension.first() != Some(&b';') || !extension.iter().all(|b| matches!(b, b'\t' | b' '..=b'~')))
    {
        return Err("chunk extension");
    }
    let size = size.iter().fold(0, |sum, &digit| (sum << 4) | u64::from(char::from(digit).to_digit(16).unwrap_or(0)));
    Ok((size, extension.len()))
}

fn check_trailer(line: &[u8]) -> Result<(), &'static str> {
    let colon = memchr::memchr(b':', line).ok_or("trailer without a colon")?;
    let (name, value) = line.split_at(colon);
    if name.is_empty() || !name.iter().copied().all(super::writer::is_token_byte) {
        return Err("trailer name");
    }
    if !value.iter().all(|&b| b == b'\t' || (b >= b' ' && b != 0x7f)) {
        return Err("trailer value");
    }
    Ok(())
}

/// Appends the line that opens a chunk of `size` bytes.
pub fn write_size(out: &mut Vec<u8>, size: usize) {
    let digits = (usize::BITS - size.leading_zeros()).div_ceil(4).max(1);
    for place in (0..digits).rev() {
        let nibble = u32::try_from((size >> (4 * place)) & 0xf).unwrap_or(0);
        out.push(char::from_digit(nibble, 16).map_or(b'0', |digit| digit as u8));
    }
    out.extend_from_slice(b"\r\n");
}

/// The end of a chunked body without trailers.
pub const LAST: &[u8] = b"0\r\n\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<(Vec<u8>, Vec<u8>), &'static str> {
        let mut decoder = Decoder::new(ChunkLimits::default());
        let (mut buffer, mut body) = (BytesMut::from(bytes), Vec::new());
        loop {
            match decoder.step(&mut buffer)? {
                Step::Data(data) => body.extend_from_slice(&data),
                Step::More => return Err("more"),
                Step::End => return Ok((body, buffer.to_vec())),
            }
        }
    }

    #[test]
    fn chunks_are_joined_and_what_follows_is_left() {
        let (body, rest) = read(b"3\r\nabc\r\n00A;x=\"y\"\r\n0123456789\r\n0\r\nT: v\r\n\r\nGET").unwrap();
        assert_eq!((&body[..], &rest[..]), (&b"abc0123456789"[..], &b"GET"[..]));
    }

    #[test]
    fn the_result_does_not_depend_on_how_the_bytes_were_split() {
        let wire = b"5;a\r\nhello\r\nb\r\n world, you\r\n0\r\nA: b\r\n\r\n";
        let mut decoder = Decoder::new(ChunkLimits::default());
        let (mut buffer, mut body, mut ended) = (BytesMut::new(), Vec::new(), false);
        for byte in wire {
            buffer.extend_from_slice(&[*byte]);
            while let Step::Data(data) = decoder.step(&mut buffer).unwrap() {
                body.extend_from_slice(&data);
            }
            ended = decoder.is_done();
        }
        assert!(ended && buffer.is_empty());
        assert_eq!(body, b"hello world, you");
    }

    #[test]
    fn a_chunk_extension_with_a_control_byte_is_refused() {
        for wrong in [
            &b"1;\0\r\na\r\n0\r\n\r\n"[..],
            b"1;\x80\r\na\r\n0\r\n\r\n",
            b"1;a\nb\r\na\r\n0\r\n\r\n",
            b"1;a\rb\r\na\r\n0\r\n\r\n",
        ] {
            assert!(!matches!(read(wrong), Ok(_) | Err("more")), "{wrong:?}");
        }
    }

    #[test]
    fn odd_sizes_and_ends_are_refused() {
        for wrong in [
            "\r\n",
            "g\r\n",
            "+1\r\na\r\n",
            " 1\r\na\r\n",
            "1 \r\na\r\n",
            "0x1\r\na\r\n",
            "1\na\r\n",
            "1\r\nab\r\n",
            "1\r\na\n0\r\n\r\n",
            "1\r\na\r\n0\r\n\n",
            "0\r\nT : v\r\n\r\n",
            "0\r\n: v\r\n\r\n",
            "0\r\nT: v\n\r\n",
            "0\r\n x\r\n\r\n",
            "10000000000000000\r\n",
            "ffffffffffffffff\r\n",
        ] {
            assert!(!matches!(read(wrong.as_bytes()), Ok(_) | Err("more")), "{wrong:?}");
        }
    }

    #[test]
    fn a_size_is_written_as_it_is_read() {
        for size in [1, 15, 16, 255, 4096, 65_535, 1 << 20] {
            let mut line = Vec::new();
            write_size(&mut line, size);
            assert_eq!(line, format!("{size:x}\r\n").into_bytes());
        }
    }
}
