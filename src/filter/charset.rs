//! From the character set of an answer to UTF-8 and back; what is judged is the text, never the bytes of a legacy encoding.

use super::chain::Transform;
use super::error::FilterError;
use crate::request::Charset;
use encoding_rs::{CoderResult, Decoder, DecoderResult, Encoder, EncoderResult};

/// The marks by which browsers change the encoding of a page, whatever its head says (WHATWG Encoding, section 6).
const MARKS: [&[u8]; 3] = [b"\xef\xbb\xbf", b"\xfe\xff", b"\xff\xfe"];

/// Decodes an answer in a legacy character set. What is no character of it ends the answer.
pub struct DecodeStage {
    decoder: Decoder,
    /// The first bytes, until it is certain that they are no mark.
    first: Option<Vec<u8>>,
    charset: Charset,
    seen: u64,
}

impl DecodeStage {
    /// A stage for `charset`.
    #[must_use]
    pub fn new(charset: Charset) -> Self {
        let decoder = charset.encoding().new_decoder_without_bom_handling();
        Self { decoder, first: Some(Vec::new()), charset, seen: 0 }
    }

    fn decode(&mut self, mut bytes: &[u8], last: bool, out: &mut Vec<u8>) -> Result<(), FilterError> {
        let mut piece = [0; 4096];
        loop {
            let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(bytes, &mut piece, last);
            self.seen = self.seen.saturating_add(read as u64);
            out.extend_from_slice(piece.get(..written).unwrap_or_default());
            bytes = bytes.get(read..).unwrap_or_default();
            match result {
                DecoderResult::InputEmpty => return Ok(()),
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => {
                    let kind = self.charset.as_str();
                    return Err(FilterError::Malformed { kind, at: self.seen, why: "the bytes are no character" });
                }
            }
        }
    }

    fn begin(&mut self, first: &[u8], out: &mut Vec<u8>) -> Result<(), FilterError> {
        // SECURITY: a browser would read the page in another encoding (`a_mark_of_another_encoding_ends_the_answer`).
        if MARKS.iter().any(|mark| first.starts_with(mark)) {
            return Err(FilterError::Charset);
        }
        self.decode(first, false, out)
    }
}

impl Transform for DecodeStage {
    fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), FilterError> {
        if let Some(mut first) = self.first.take() {
            first.extend_from_slice(chunk);
            if MARKS.iter().any(|mark| mark.len() > first.len() && mark.starts_with(&first)) {
                self.first = Some(first);
                return Ok(());
            }
            return self.begin(&first, out);
        }
        self.decode(chunk, false, out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), FilterError> {
        if let Some(first) = self.first.take() {
            self.begin(&first, out)?;
        }
        self.decode(&[], true, out)
    }
}

/// Encodes what was judged in the character set that the answer came in.
pub struct EncodeStage {
    encoder: Encoder,
    /// Whether a character that the set lacks is written as a character reference, which pages have; it ends the answer otherwise.
    references: bool,
    /// The beginning of a character.
    held: Vec<u8>,
}

impl EncodeStage {
    /// A stage for `charset`.
    #[must_use]
    pub fn new(charset: Charset, references: bool) -> Self {
        Self { encoder: charset.encoding().new_encoder(), references, held: Vec::new() }
    }

    fn encode(&mut self, mut text: &str, last: bool, out: &mut Vec<u8>) -> Result<(), FilterError> {
        let mut piece = [0; 4096];
        loop {
            let (full, read, written) = if self.references {
                let (result, read, written, _) = self.encoder.encode_from_utf8(text, &mut piece, last);
                (result == CoderResult::OutputFull, read, written)
            } else {
                let (result, read, written) = self.encoder.encode_from_utf8_without_replacement(text, &mut piece, last);
                if matches!(result, EncoderResult::Unmappable(_)) {
                    return Err(FilterError::Charset);
                }
                (result == EncoderResult::OutputFull, read, written)
            };
            out.extend_from_slice(piece.get(..written).unwrap_or_default());
            text = text.get(read..).unwrap_or_default();
            if !full {
                return Ok(());
            }
        }
    }
}

impl Transform for EncodeStage {
    fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), FilterError> {
        let mut bytes = std::mem::take(&mut self.held);
        bytes.extend_from_slice(chunk);
        let (text, rest) = match std::str::from_utf8(&bytes) {
            Ok(text) => (text, &[][..]),
            Err(error) if error.error_len().is_none() => {
                let (whole, rest) = bytes.split_at_checked(error.valid_up_to()).unwrap_or_default();
                (std::str::from_utf8(whole).unwrap_or_default(), rest)
            }
            Err(_) => return Err(FilterError::Charset),
        };
        self.held = rest.to_vec();
        self.encode(text, false, out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), FilterError> {
        if !self.held.is_empty() {
            return Err(FilterError::Charset);
        }
        self.encode("", true, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(stage: &mut impl Transform, bytes: &[u8], size: usize) -> Result<Vec<u8>, FilterError> {
        let mut out = Vec::new();
        for chunk in bytes.chunks(size) {
            stage.push(chunk, &mut out)?;
        }
        stage.finish(&mut out)?;
        Ok(out)
    }

    /// `誠` ends in `\`, `|` and `}` in Big5 and GBK for other characters: bytes that mean markup and escapes elsewhere.
    const TEXT: &str = "仓库 a<b> 許功蓋 乗亅 |\\";

    #[test]
    fn text_comes_back_as_it_came_wherever_it_is_cut() {
        for charset in [Charset::Gbk, Charset::Gb18030, Charset::Big5] {
            let text: String = TEXT.chars().filter(|c| charset.encode(&c.to_string()).is_some()).collect();
            let bytes = charset.encode(&text).unwrap().into_owned();
            for size in 1..=bytes.len() {
                let decoded = run(&mut DecodeStage::new(charset), &bytes, size).unwrap();
                assert_eq!(String::from_utf8(decoded.clone()).unwrap(), text);
                assert_eq!(run(&mut EncodeStage::new(charset, true), &decoded, size).unwrap(), bytes);
            }
        }
    }

    #[test]
    fn what_is_no_character_ends_the_answer() {
        for (charset, bytes) in [
            (Charset::Gbk, &b"a\xff"[..]),
            (Charset::Gbk, b"a\xb2"),
            (Charset::Big5, b"\x80"),
            (Charset::Gb18030, b"\x81\x30"),
        ] {
            for size in 1..=bytes.len() {
                assert!(run(&mut DecodeStage::new(charset), bytes, size).is_err());
            }
        }
    }

    #[test]
    fn a_mark_of_another_encoding_ends_the_answer() {
        for mark in MARKS {
            let bytes = [mark, b"a<b"].concat();
            for size in 1..=bytes.len() {
                assert_eq!(run(&mut DecodeStage::new(Charset::Gbk), &bytes, size), Err(FilterError::Charset));
            }
        }
        assert_eq!(run(&mut DecodeStage::new(Charset::Big5), b"\xa1", 1).map_err(|_| ()), Err(()));
        assert_eq!(run(&mut DecodeStage::new(Charset::Gbk), b"ab", 1).as_deref(), Ok(&b"ab"[..]));
    }

    #[test]
    fn a_character_that_the_set_lacks_becomes_a_reference_in_pages_and_ends_the_answer_elsewhere() {
        assert_eq!(
            run(&mut EncodeStage::new(Charset::Gbk, true), "😀".as_bytes(), 1).as_deref(),
            Ok(&b"&#128512;"[..])
        );
        assert!(run(&mut EncodeStage::new(Charset::Gbk, false), "😀".as_bytes(), 1).is_err());
    }
}
