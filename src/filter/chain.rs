//! Stages that an answer passes one after another; bytes are pushed in, what may leave is appended to a buffer.

use super::charset::{DecodeStage, EncodeStage};
use super::coding::{DecodingStage, EncodingStage};
use super::csv::CsvStage;
use super::error::FilterError;
use super::html::HtmlStage;
use super::json::{JsonStage, LinesStage};
use super::utf8::Utf8Stage;
use smallvec::SmallVec;

/// A step that the bytes of an answer pass. It holds back what it cannot judge yet, within its bounds.
pub trait Transform {
    /// Takes the next bytes and appends what may leave to `out`.
    ///
    /// # Errors
    /// Where the answer cannot be judged. What is in `out` then may have left already; nothing more may.
    fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), FilterError>;

    /// The answer is complete: appends the rest.
    ///
    /// # Errors
    /// Where it is not complete as its kind has it.
    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), FilterError>;
}

/// Every step that there is.
pub enum Stage {
    /// Nothing but UTF-8 passes.
    Utf8(Utf8Stage),
    /// A JSON document.
    Json(Box<JsonStage>),
    /// JSON documents, one a line.
    JsonLines(Box<LinesStage>),
    /// A legacy character set is read as UTF-8.
    Decode(Box<DecodeStage>),
    /// And written again.
    Encode(Box<EncodeStage>),
    /// A content coding is taken off.
    Decoding(Box<DecodingStage>),
    /// And one is put on.
    Encoding(Box<EncodingStage>),
    /// Records of comma separated values.
    Csv(Box<CsvStage>),
    /// HTML pages.
    Html(Box<HtmlStage>),
}

impl Transform for Stage {
    fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), FilterError> {
        match self {
            Self::Utf8(stage) => stage.push(chunk, out),
            Self::Decode(stage) => stage.push(chunk, out),
            Self::Encode(stage) => stage.push(chunk, out),
            Self::Decoding(stage) => stage.push(chunk, out),
            Self::Encoding(stage) => stage.push(chunk, out),
            Self::Json(stage) => stage.push(chunk, out),
            Self::JsonLines(stage) => stage.push(chunk, out),
            Self::Csv(stage) => stage.push(chunk, out),
            Self::Html(stage) => stage.push(chunk, out),
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), FilterError> {
        match self {
            Self::Utf8(stage) => stage.finish(out),
            Self::Decode(stage) => stage.finish(out),
            Self::Encode(stage) => stage.finish(out),
            Self::Decoding(stage) => stage.finish(out),
            Self::Encoding(stage) => stage.finish(out),
            Self::Json(stage) => stage.finish(out),
            Self::JsonLines(stage) => stage.finish(out),
            Self::Csv(stage) => stage.finish(out),
            Self::Html(stage) => stage.finish(out),
        }
    }
}

/// Several stages, the first of which sees the answer as it came.
pub struct Chain {
    stages: SmallVec<[Stage; 2]>,
    /// What one stage gave the next; emptied at every step.
    between: [Vec<u8>; 2],
    empty: bool,
}

impl Chain {
    /// A chain of these stages.
    #[must_use]
    pub fn new(stages: impl IntoIterator<Item = Stage>) -> Self {
        Self { stages: stages.into_iter().collect(), between: [Vec::new(), Vec::new()], empty: true }
    }

    fn run(&mut self, from: usize, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), FilterError> {
        let [taken, given] = &mut self.between;
        taken.clear();
        let stages = self.stages.get_mut(from..).unwrap_or_default();
        let Some((last, before)) = stages.split_last_mut() else {
            out.extend_from_slice(chunk);
            return Ok(());
        };
        let mut first = true;
        for stage in before {
            given.clear();
            stage.push(if first { chunk } else { taken }, given)?;
            std::mem::swap(taken, given);
            first = false;
        }
        last.push(if first { chunk } else { taken }, out)
    }
}

impl Transform for Chain {
    fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), FilterError> {
        self.empty &= chunk.is_empty();
        self.run(0, chunk, out)
    }

    /// An answer without a single byte has nothing to hide and stays empty.
    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), FilterError> {
        if self.empty {
            return Ok(());
        }
        for at in 0..self.stages.len() {
            let mut rest = Vec::new();
            if let Some(stage) = self.stages.get_mut(at) {
                stage.finish(&mut rest)?;
            }
            self.run(at + 1, &rest, out)?;
        }
        Ok(())
    }
}
