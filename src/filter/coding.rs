//! Content codings (RFC 9110 section 8.4.1): an answer is decoded before it is judged and encoded again as the client accepts it.

use std::io::{self, Write};

use zstd::stream::raw::{InBuffer, Operation as _, OutBuffer};

use super::chain::Transform;
use super::error::FilterError;

/// A coding that is read and written here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// RFC 1952.
    Gzip,
    /// RFC 1950, which HTTP calls deflate.
    Deflate,
    /// RFC 7932.
    Brotli,
    /// RFC 8878, with windows of at most 8 MiB (RFC 9659).
    Zstd,
}

/// The most codings that one answer may have upon each other.
pub const MOST_CODINGS: usize = 2;

/// Output beyond this must stay within [`RATIO`].
const FREE: u64 = 1 << 20;

/// The largest expansion. Deflate cannot pass 1032, but pages do not come near a quarter of that.
const RATIO: u64 = 250;

/// So many bytes are decoded at a time, which bounds what one step may expand to.
const STEP: usize = 4 << 10;

impl Coding {
    fn named(name: &str) -> Option<Self> {
        let known = [
            ("gzip", Self::Gzip),
            ("x-gzip", Self::Gzip),
            ("deflate", Self::Deflate),
            ("br", Self::Brotli),
            ("zstd", Self::Zstd),
        ];
        known.into_iter().find(|(own, _)| name.eq_ignore_ascii_case(own)).map(|(_, coding)| coding)
    }

    /// The name in `Content-Encoding`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }

    /// The codings that `Content-Encoding` lists, in the order in which they were applied.
    ///
    /// # Errors
    /// [`FilterError::Coding`] where one is not read here, or there are more than are allowed.
    pub fn listed<'a>(fields: impl Iterator<Item = &'a [u8]>) -> Result<Vec<Self>, FilterError> {
        let mut codings = Vec::new();
        for field in fields {
            let text = std::str::from_utf8(field).map_err(|_| FilterError::Coding)?;
            for name in text.split(',').map(str::trim) {
                if name.eq_ignore_ascii_case("identity") {
                    continue;
                }
                codings.push(Self::named(name).ok_or(FilterError::Coding)?);
            }
        }
        if codings.len() > MOST_CODINGS { Err(FilterError::Coding) } else { Ok(codings) }
    }

    /// The coding to answer in, by the client's `Accept-Encoding` (RFC 9110 section 12.5.3); none where it is absent or has none of ours.
    #[must_use]
    pub fn accepted<'a>(fields: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        let mut best: Option<(u16, Self)> = None;
        for text in fields.filter_map(|field| std::str::from_utf8(field).ok()) {
            for element in text.split(',') {
                let (name, rest) = element.split_once(';').unwrap_or((element, ""));
                let Some(coding) = Self::named(name.trim()) else { continue };
                let Some(weight) = weight(rest.trim()) else { continue };
                let rank = |coding| match coding {
                    Self::Zstd => 3,
                    Self::Gzip => 2,
                    Self::Brotli => 1,
                    Self::Deflate => 0,
                };
                if weight > 0 && best.is_none_or(|(known, own)| (weight, rank(coding)) > (known, rank(own))) {
                    best = Some((weight, coding));
                }
            }
        }
        best.map(|(_, coding)| coding)
    }
}

/// A weight in thousandths; `None` where it is none.
fn weight(text: &str) -> Option<u16> {
    if text.is_empty() {
        return Some(1000);
    }
    let value = text.strip_prefix("q=").or_else(|| text.strip_prefix("Q="))?;
    let (whole, part) = value.split_once('.').unwrap_or((value, ""));
    let digits = part.len() <= 3 && part.bytes().all(|byte| byte.is_ascii_digit());
    let thousandths: u16 = format!("{part:0<3}").parse().ok().filter(|_| digits)?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

/// Takes what is decoded, within bounds.
struct Sink {
    out: Vec<u8>,
    given: u64,
    allowed: u64,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.given = self.given.saturating_add(bytes.len() as u64);
        if self.given > self.allowed {
            return Err(io::Error::other("expands too far"));
        }
        self.out.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Decoder {
    Gzip(flate2::write::GzDecoder<Sink>),
    Deflate(flate2::write::ZlibDecoder<Sink>),
    Brotli(Box<brotli::DecompressorWriter<Sink>>),
    Zstd(Box<Frame>),
}

/// One frame of zstd; none may follow.
struct Frame {
    decoder: zstd::stream::raw::Decoder<'static>,
    sink: Sink,
    piece: Vec<u8>,
    done: bool,
}

impl Frame {
    fn new(sink: Sink) -> io::Result<Self> {
        let mut decoder = zstd::stream::raw::Decoder::new()?;
        decoder.set_parameter(zstd::stream::raw::DParameter::WindowLogMax(23))?;
        Ok(Self { decoder, sink, piece: vec![0; 16 << 10], done: false })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut input = InBuffer::around(bytes);
        // What fills the output may not be all of it.
        loop {
            if self.done {
                return Ok(input.pos());
            }
            let mut output = OutBuffer::around(self.piece.as_mut_slice());
            self.done = self.decoder.run(&mut input, &mut output)? == 0;
            let written = output.as_slice();
            self.sink.write_all(written)?;
            if written.len() < (16 << 10) && input.pos() == bytes.len() {
                return Ok(input.pos());
            }
        }
    }
}

impl Decoder {
    fn sink(&mut self) -> &mut Sink {
        match self {
            Self::Gzip(decoder) => decoder.get_mut(),
            Self::Deflate(decoder) => decoder.get_mut(),
            Self::Brotli(decoder) => decoder.get_mut(),
            Self::Zstd(frame) => &mut frame.sink,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(decoder) => decoder.write(bytes),
            Self::Deflate(decoder) => decoder.write(bytes),
            Self::Brotli(decoder) => decoder.write(bytes),
            Self::Zstd(frame) => frame.write(bytes),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Gzip(decoder) => decoder.try_finish(),
            Self::Deflate(decoder) => decoder.try_finish(),
            Self::Brotli(decoder) => decoder.close(),
            Self::Zstd(frame) if frame.done => Ok(()),
            Self::Zstd(_) => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// Decodes one coding.
pub struct DecodingStage {
    decoder: Decoder,
    taken: u64,
}

impl DecodingStage {
    /// A stage for `coding`.
    ///
    /// # Errors
    /// [`FilterError::Coding`] where memory for it cannot be had.
    pub fn new(coding: Coding) -> Result<Self, FilterError> {
        let sink = Sink { out: Vec::new(), given: 0, allowed: FREE };
        let decoder = match coding {
            Coding::Gzip => Decoder::Gzip(flate2::write::GzDecoder::new(sink)),
            Coding::Deflate => Decoder::Deflate(flate2::write::ZlibDecoder::new(sink)),
            Coding::Brotli => Decoder::Brotli(Box::new(brotli::DecompressorWriter::new(sink, STEP))),
            Coding::Zstd => Decoder::Zstd(Box::new(Frame::new(sink).map_err(|_| FilterError::Coding)?)),
        };
        Ok(Self { decoder, taken: 0 })
    }

    fn wrong(&self, why: &'static str) -> FilterError {
        FilterError::Malformed { kind: "encoded as it says", at: self.taken, why }
    }

    fn give(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.decoder.sink().out);
    }
}

impl Transform for DecodingStage {
    fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), FilterError> {
        for mut step in chunk.chunks(STEP) {
            self.taken = self.taken.saturating_add(step.len() as u64);
            self.decoder.sink().allowed = FREE.saturating_add(self.taken.saturating_mul(RATIO));
            while !step.is_empty() {
                match self.decoder.write(step) {
                    Ok(0) => return Err(self.wrong("something follows its end")),
                    Ok(taken) => step = step.get(taken..).unwrap_or_default(),
                    Err(_) => return Err(self.wrong("it cannot be decoded, or expands too far")),
                }
            }
            self.give(out);
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), FilterError> {
        self.decoder.finish().map_err(|_| self.wrong("it is not complete"))?;
        self.give(out);
        Ok(())
    }
}

/// A whole body without its codings, which were applied in this order; at most `most` bytes.
///
/// # Errors
/// Where it is not encoded so, or is longer.
pub fn decode(codings: &[Coding], body: &[u8], most: usize) -> Result<Vec<u8>, FilterError> {
    let mut body = body.to_vec();
    for &coding in codings.iter().rev() {
        let (mut stage, mut out) = (DecodingStage::new(coding)?, Vec::new());
        for step in body.chunks(STEP) {
            stage.push(step, &mut out)?;
            if out.len() > most {
                return Err(FilterError::TooLong(most));
            }
        }
        stage.finish(&mut out)?;
        body = out;
    }
    if body.len() > most { Err(FilterError::TooLong(most)) } else { Ok(body) }
}

enum Encoder {
    Gzip(flate2::write::GzEncoder<Vec<u8>>),
    Deflate(flate2::write::ZlibEncoder<Vec<u8>>),
    Brotli(Box<brotli::CompressorWriter<Vec<u8>>>),
    Zstd(Box<zstd::stream::write::Encoder<'static, Vec<u8>>>),
}

/// Encodes what was judged. It gives what it has when it has enough, and all of it at the end.
pub struct EncodingStage {
    encoder: Option<Encoder>,
}

impl EncodingStage {
    /// A stage for `coding`, at a level that costs a core little.
    ///
    /// # Errors
    /// [`FilterError::Coding`] where memory for it cannot be had.
    pub fn new(coding: Coding) -> Result<Self, FilterError> {
        let level = flate2::Compression::new(3);
        let encoder = match coding {
            Coding::Gzip => Encoder::Gzip(flate2::write::GzEncoder::new(Vec::new(), level)),
            Coding::Deflate => Encoder::Deflate(flate2::write::ZlibEncoder::new(Vec::new(), level)),
            Coding::Brotli => Encoder::Brotli(Box::new(brotli::CompressorWriter::new(Vec::new(), STEP, 2, 18))),
            Coding::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).map_err(|_| FilterError::Coding)?;
                encoder.window_log(19).map_err(|_| FilterError::Coding)?;
                encoder.include_checksum(true).map_err(|_| FilterError::Coding)?;
                Encoder::Zstd(Box::new(encoder))
            }
        };
        Ok(Self { encoder: Some(encoder) })
    }
}

impl Transform for EncodingStage {
    fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), FilterError> {
        let encoder = self.encoder.as_mut().ok_or(FilterError::Coding)?;
        let (written, given) = match encoder {
            Encoder::Gzip(encoder) => (encoder.write_all(chunk), encoder.get_mut()),
            Encoder::Deflate(encoder) => (encoder.write_all(chunk), encoder.get_mut()),
            Encoder::Brotli(encoder) => (encoder.write_all(chunk), encoder.get_mut()),
            Encoder::Zstd(encoder) => (encoder.write_all(chunk), encoder.get_mut()),
        };
        written.map_err(|_| FilterError::Coding)?;
        out.append(given);
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), FilterError> {
        let rest = match self.encoder.take().ok_or(FilterError::Coding)? {
            Encoder::Gzip(encoder) => encoder.finish(),
            Encoder::Deflate(encoder) => encoder.finish(),
            Encoder::Brotli(encoder) => Ok(encoder.into_inner()),
            Encoder::Zstd(encoder) => encoder.finish(),
        };
        out.append(&mut rest.map_err(|_| FilterError::Coding)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Coding; 4] = [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd];

    fn run(mut stage: impl Transform, bytes: &[u8], size: usize) -> Result<Vec<u8>, FilterError> {
        let mut out = Vec::new();
        for chunk in bytes.chunks(size) {
            stage.push(chunk, &mut out)?;
        }
        stage.finish(&mut out)?;
        Ok(out)
    }

    fn encoded(coding: Coding, text: &[u8]) -> Vec<u8> {
        run(EncodingStage::new(coding).unwrap(), text, 1000).unwrap()
    }

    fn decoded(coding: Coding, bytes: &[u8], size: usize) -> Result<Vec<u8>, FilterError> {
        run(DecodingStage::new(coding).unwrap(), bytes, size)
    }

    fn text() -> Vec<u8> {
        (0..3000_u32)
            .flat_map(|no| format!("<tr><td>{}</td></tr>\n", no.wrapping_mul(2_654_435_761)).into_bytes())
            .collect()
    }

    #[test]
    fn what_is_encoded_decodes_to_the_same_wherever_it_is_cut() {
        for coding in ALL {
            let bytes = encoded(coding, &text());
            assert!(bytes.len() < text().len());
            for size in [1, 7, 4096, 1 << 20] {
                assert_eq!(decoded(coding, &bytes, size).as_deref(), Ok(text().as_slice()), "{coding:?} {size}");
            }
        }
    }

    #[test]
    fn what_is_cut_off_followed_or_broken_ends_the_answer() {
        for coding in ALL {
            let bytes = encoded(coding, &text());
            let cut = bytes.get(..bytes.len() - 2).unwrap();
            assert!(decoded(coding, cut, 100).is_err(), "{coding:?} cut");
            let followed = [bytes.as_slice(), b"<table>"].concat();
            assert!(decoded(coding, &followed, 100).is_err(), "{coding:?} followed");
            assert!(decoded(coding, b"<html><body>plain</body></html>", 100).is_err(), "{coding:?} plain");
            let mut broken = bytes.clone();
            let middle = broken.len() / 2;
            broken.iter_mut().skip(middle).take(40).for_each(|byte| *byte ^= 0x5a);
            assert!(decoded(coding, &broken, 100).is_err(), "{coding:?} broken");
        }
    }

    #[test]
    fn a_bomb_ends_before_it_expands() {
        for coding in ALL {
            let bytes = encoded(coding, &vec![b' '; 64 << 20]);
            assert!(decoded(coding, &bytes, 1 << 16).is_err(), "{coding:?}: {} bytes", bytes.len());
        }
    }

    #[test]
    fn codings_are_listed_in_order_and_unknown_ones_refused() {
        let listed = |text: &'static str| Coding::listed(std::iter::once(text.as_bytes()));
        assert_eq!(listed("gzip"), Ok(vec![Coding::Gzip]));
        assert_eq!(listed("identity"), Ok(vec![]));
        assert_eq!(listed("br, GZIP"), Ok(vec![Coding::Brotli, Coding::Gzip]));
        for wrong in ["compress", "gzip,", "gzip, gzip, gzip", "gzip;q=1", "", "aes128gcm"] {
            assert_eq!(listed(wrong), Err(FilterError::Coding), "{wrong}");
        }
    }

    #[test]
    fn the_client_gets_what_it_accepts() {
        let accepted = |text: &'static str| Coding::accepted(std::iter::once(text.as_bytes()));
        assert_eq!(accepted("gzip, deflate, br, zstd"), Some(Coding::Zstd));
        assert_eq!(accepted("gzip, deflate, br"), Some(Coding::Gzip));
        assert_eq!(accepted("gzip;q=0.1, br;q=0.9"), Some(Coding::Brotli));
        assert_eq!(accepted("zstd;q=0, gzip ; q=1.0"), Some(Coding::Gzip));
        assert_eq!(accepted("gzip;q=2"), None);
        assert_eq!(accepted("*"), None);
        assert_eq!(accepted("identity"), None);
    }
}
