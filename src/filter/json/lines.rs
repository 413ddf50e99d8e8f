//! JSON lines: every line is a document and a row of its own, kept or taken out; one line at a time is at hand.
//!
//! ```yaml
//! answer:
//!   json-lines:
//!     keep: {warehouse: /warehouse}
//!     mask: [{fields: [/cost], unless: cost:view}]
//! ```

use super::row::{Row, Values};
use super::scan::{Listen, Part, Scanner};
use super::{Area, Json, Shared, pattern};
use crate::diagnostics::yaml::{OneOrMany, Spanned};
use crate::filter::chain::Transform;
use crate::filter::error::FilterError;
use crate::filter::judge::{DimensionNo, Terms};
use crate::filter::plan::{Keep, types};
use crate::filter::raw::{Names, RawKeep, RawMask};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

/// A JSON document on every line.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawJsonLines {
    /// Which lines are kept: dimension → where its value stands in the line. Without it all are.
    #[serde(default)]
    pub keep: RawKeep,
    /// Fields that are masked; places begin at the line.
    #[serde(default)]
    pub mask: OneOrMany<RawMask>,
    /// Content types that the application uses besides `application/x-ndjson`, `application/ndjson`, `application/jsonl` and
    /// `application/x-jsonlines`.
    #[serde(default)]
    pub types: OneOrMany<Spanned<String>>,
}

/// What a rule says of JSON lines.
#[derive(Clone, Debug)]
pub struct JsonLines(Shared);

impl JsonLines {
    pub(in crate::filter) fn compile(raw: &Spanned<RawJsonLines>, names: &mut dyn Names) -> Self {
        let mut json = Json { types: types(&raw.types, names), ..Json::default() };
        let keep = Keep::compile(&raw.keep, names, pattern);
        let mut dimensions: Vec<DimensionNo> = keep.iter().map(|keep| keep.dimension).collect();
        dimensions.sort_unstable();
        json.areas.push(Area { keep, dimensions, must: None });
        json.add_masks(&raw.mask, names);
        if raw.keep.is_empty() && raw.mask.is_empty() {
            names
                .error(raw.mark, "`json-lines` neither keeps rows nor masks fields".into())
                .help("write `keep: {warehouse: /warehouse}` or `mask: [{fields: [/cost], unless: cost:view}]`");
        }
        Self(Arc::new(json))
    }

    pub(in crate::filter) fn masks_for_everybody(&self) -> bool {
        self.0.masks_for_everybody()
    }

    pub(in crate::filter) fn takes(&self, essence: &str) -> bool {
        matches!(
            essence,
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/x-jsonlines"
        ) || self.0.types.iter().any(|own| own == essence)
    }

    pub(in crate::filter) fn dimensions(&self) -> impl Iterator<Item = DimensionNo> + '_ {
        self.0.dimensions()
    }

    pub(in crate::filter) fn start(&self, terms: Terms) -> LinesStage {
        LinesStage {
            json: Arc::clone(&self.0),
            scanner: Scanner::new(terms.bounds),
            line: Line { raw: Vec::new(), most: terms.bounds.row },
            terms,
        }
    }
}

/// One answer.
pub struct LinesStage {
    json: Shared,
    terms: Terms,
    scanner: Scanner,
    line: Line,
}

/// The tokens of a line.
struct Line {
    raw: Vec<u8>,
    most: usize,
}

impl Line {
    fn hold(&mut self, raw: &[u8]) -> Result<(), FilterError> {
        if self.raw.len().saturating_add(raw.len()) > self.most {
            return Err(FilterError::TooLong(self.most));
        }
        self.raw.extend_from_slice(raw);
        Ok(())
    }
}

impl Listen for Line {
    fn open(&mut self, object: bool, _: &mut Vec<u8>) -> Result<(), FilterError> {
        self.hold(if object { b"{" } else { b"[" })
    }

    fn close(&mut self, object: bool, _: &mut Vec<u8>) -> Result<(), FilterError> {
        self.hold(if object { b"}" } else { b"]" })
    }

    fn name(&mut self, raw: &[u8], _: &mut Vec<u8>) -> Result<(), FilterError> {
        self.hold(raw)
    }

    fn text(&mut self, raw: &[u8], _: Part, _: &mut Vec<u8>) -> Result<(), FilterError> {
        self.hold(raw)
    }

    fn atom(&mut self, raw: &[u8], _: &mut Vec<u8>) -> Result<(), FilterError> {
        self.hold(raw)
    }

    fn punctuation(&mut self, byte: u8) {
        self.raw.push(byte);
    }
}

impl LinesStage {
    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), FilterError> {
        if self.scanner.is_fresh() {
            return Ok(());
        }
        self.scanner.finish(&mut self.line, out)?;
        self.scanner.again();
        let json = &self.json;
        let raw = std::mem::take(&mut self.line.raw);
        let begin = |_: &mut Vec<u8>| {};
        if Row::settle(json, &self.terms, 0, &raw, &json.patterns.begin(), &Values::new(), begin, out)? {
            out.push(b'\n');
        }
        self.line.raw = raw;
        self.line.raw.clear();
        Ok(())
    }
}

impl Transform for LinesStage {
    fn push(&mut self, mut chunk: &[u8], out: &mut Vec<u8>) -> Result<(), FilterError> {
        while let Some(at) = memchr::memchr(b'\n', chunk) {
            let (line, rest) = chunk.split_at_checked(at).unwrap_or((chunk, &[]));
            self.scanner.push(line, &mut self.line, out)?;
            self.end(out)?;
            chunk = rest.get(1..).unwrap_or_default();
        }
        self.scanner.push(chunk, &mut self.line, out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), FilterError> {
        self.end(out)
    }
}
