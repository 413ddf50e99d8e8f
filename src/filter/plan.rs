//! A compiled `answer:` block: which kinds of answer there are and what is done to each; immutable, asked for every answer.

use super::charset::{DecodeStage, EncodeStage};
use super::csv::Csv;
use super::html::Html;
use super::json::{Json, JsonLines, JsonStage};
use super::judge::{DimensionNo, GrantNo, Terms};
use super::mask::Form;
use super::raw::{Names, RawAnswer, RawErrors, RawKeep, RawMask};
use super::reading::{RawPlace, Reading};
use super::xlsx::Xlsx;
use super::{Stage, utf8::Utf8Stage};
use crate::diagnostics::yaml::Spanned;
use crate::request::Charset;
use compact_str::CompactString;
use std::sync::Arc;

/// What a filter may take up in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The largest part that must be at hand as a whole, in bytes.
    pub row: usize,
    /// How deep it may nest.
    pub depth: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { row: 1 << 20, depth: 64 }
    }
}

/// Where the values of a dimension stand in a row. `P` is a place as the kind has it.
#[derive(Clone, Debug)]
pub struct Keep<P> {
    /// The dimension.
    pub dimension: DimensionNo,
    /// The places, all of which count.
    pub places: Vec<Kept<P>>,
}

/// A place of a row that says the value of a dimension.
#[derive(Clone, Debug)]
pub struct Kept<P> {
    /// Where.
    pub place: P,
    /// How what stands there is read.
    pub reading: Reading,
}

impl<P> From<P> for Kept<P> {
    /// What stands there is the value.
    fn from(place: P) -> Self {
        Self { place, reading: Reading::default() }
    }
}

/// Fields that are masked. `P` is a place as the kind has it.
#[derive(Clone, Debug)]
pub struct Mask<P> {
    /// The fields.
    pub fields: Vec<P>,
    /// The permission that shows them; without one nobody sees them.
    pub unless: Option<GrantNo>,
    /// What is shown instead.
    pub form: Form,
}

impl<P> Keep<P> {
    /// Compiles `keep:`; `place` reads a place of the kind and notes its faults.
    pub fn compile(
        raw: &RawKeep,
        names: &mut dyn Names,
        mut place: impl FnMut(&Spanned<String>, &mut dyn Names) -> Option<P>,
    ) -> Vec<Self> {
        let mut keeps = Vec::with_capacity(raw.len());
        for (name, places) in raw.iter() {
            let Some(dimension) = names.dimension(name) else { continue };
            if places.is_empty() {
                names.error(name.mark, format!("`{}` does not say where its values stand in a row", name.value));
            }
            let mut read = |raw: &Spanned<RawPlace>| {
                let (text, reading) = Reading::compile(raw, names);
                place(&text, names).map(|place| Kept { place, reading })
            };
            let places = places.iter().filter_map(&mut read).collect();
            keeps.push(Self { dimension, places });
        }
        keeps
    }
}

impl<P> Mask<P> {
    /// Compiles `mask:`; `place` reads a place of the kind and notes its faults.
    pub fn compile(
        raw: &[RawMask],
        names: &mut dyn Names,
        mut place: impl FnMut(&Spanned<String>, &mut dyn Names) -> Option<P>,
    ) -> Vec<Self> {
        let mut masks = Vec::with_capacity(raw.len());
        for raw in raw {
            let fields = raw.fields.iter().filter_map(|text| place(text, names)).collect();
            // INVARIANT: where the permission is unknown the file is not taken; nobody would see the fields
            let unless = raw.unless.as_ref().and_then(|name| names.permission(name));
            masks.push(Self { fields, unless, form: raw.form.clone() });
        }
        masks
    }
}

/// A kind of answer with what the rule says of it.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A JSON document.
    Json(Arc<Json>),
    /// A JSON document on every line.
    JsonLines(JsonLines),
    /// Comma separated values.
    Csv(Csv),
    /// HTML pages.
    Html(Html),
    /// Spreadsheets, which are judged whole.
    Xlsx(Xlsx),
}

impl Kind {
    /// The name in rules and explanations.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Json(_) => "json",
            Self::JsonLines(_) => "json-lines",
            Self::Csv(_) => "csv",
            Self::Html(_) => "html",
            Self::Xlsx(_) => "xlsx",
        }
    }

    /// Whether answers of this content type are of the kind: in lower case, without parameters.
    #[must_use]
    pub fn takes(&self, essence: &str) -> bool {
        match self {
            Self::Json(json) => json.takes(essence),
            Self::JsonLines(lines) => lines.takes(essence),
            Self::Csv(csv) => csv.takes(essence),
            Self::Html(html) => html.takes(essence),
            Self::Xlsx(xlsx) => xlsx.takes(essence),
        }
    }

    /// The dimensions by which rows are kept, in ascending order.
    #[must_use]
    pub fn dimensions(&self) -> Vec<DimensionNo> {
        let mut found: Vec<DimensionNo> = match self {
            Self::Json(json) => json.dimensions().collect(),
            Self::JsonLines(lines) => lines.dimensions().collect(),
            Self::Csv(csv) => csv.keep.iter().map(|keep| keep.dimension).collect(),
            Self::Html(html) => html.dimensions().collect(),
            Self::Xlsx(xlsx) => xlsx.dimensions().collect(),
        };
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Whether old applications write it in a character set of their own; JSON is UTF-8 alone (RFC 8259 section 8.1).
    #[must_use]
    pub const fn has_charset(&self) -> bool {
        match self {
            Self::Json(_) | Self::JsonLines(_) | Self::Xlsx(_) => false,
            Self::Csv(_) | Self::Html(_) => true,
        }
    }

    /// Whether it bears a watermark that is styled.
    #[must_use]
    pub fn is_marked(&self) -> bool {
        matches!(self, Self::Html(html) if html.is_marked())
    }

    /// What it does to one answer in `charset`, which it is read in as UTF-8 and written in again; the kind itself where it judges answers
    /// whole.
    pub(super) fn start(&self, terms: Terms, charset: Charset) -> Result<impl Iterator<Item = Stage> + use<>, &Xlsx> {
        let stage = match self {
            Self::Xlsx(xlsx) => return Err(xlsx),
            Self::Json(json) => Stage::Json(Box::new(JsonStage::new(json, terms))),
            Self::JsonLines(lines) => Stage::JsonLines(Box::new(lines.start(terms))),
            Self::Csv(csv) => Stage::Csv(Box::new(csv.start(terms))),
            Self::Html(html) => Stage::Html(Box::new(html.start(terms, charset))),
        };
        let references = matches!(self, Self::Html(_));
        let (before, after) = match charset {
            Charset::Utf8 => (Stage::Utf8(Utf8Stage::default()), None),
            _ => (
                Stage::Decode(Box::new(DecodeStage::new(charset))),
                Some(Stage::Encode(Box::new(EncodeStage::new(charset, references)))),
            ),
        };
        Ok([before, stage].into_iter().chain(after))
    }
}

/// A compiled `answer:` block.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The kinds of answer that pass; any other is not let through.
    pub kinds: Vec<Kind>,
    /// What becomes of answers of status 400 and above.
    pub errors: RawErrors,
    /// What a filter may take up.
    pub bounds: Bounds,
    /// The character set of answers that do not name one.
    pub charset: Charset,
}

impl Plan {
    /// Compiles the block; faults are noted by `names`.
    pub fn compile(raw: &Spanned<RawAnswer>, names: &mut dyn Names) -> Self {
        let mut kinds = Vec::new();
        kinds.extend(raw.json.as_ref().map(|raw| Kind::Json(Arc::new(Json::compile(raw, names)))));
        kinds.extend(raw.json_lines.as_ref().map(|raw| Kind::JsonLines(JsonLines::compile(raw, names))));
        kinds.extend(raw.csv.as_ref().map(|raw| Kind::Csv(Csv::compile(raw, names))));
        kinds.extend(raw.xlsx.as_ref().map(|raw| Kind::Xlsx(Xlsx::compile(raw, names))));
        kinds.extend(raw.html.as_ref().map(|raw| Kind::Html(Html::compile(raw, names))));
        if kinds.is_empty() {
            names.error(raw.mark, "`answer` names no kind of answer".into()).help(
                "write what the application answers with: `json: {…}`, `json-lines: {…}`, `csv: {…}`, `html: {…}`, `xlsx: {…}`",
            );
        }
        let mut known = kinds.iter().map(|kind| (kind.name(), kind.dimensions()));
        if let Some((name, first)) = known.next()
            && let Some((other, _)) = known.find(|(_, dimensions)| *dimensions != first)
        {
            names.error(raw.mark, format!("`{name}` and `{other}` keep rows by different dimensions")).help(
                "whoever may choose the kind of answer would choose the laxer one: keep rows of each by the same",
            );
        }
        let mut bounds = Bounds::default();
        if let Some(row) = raw.row {
            bounds.row = row.to_usize();
        }
        Self { kinds, errors: raw.errors, bounds, charset: Charset::default() }
    }

    /// Whether a field is masked for everybody.
    #[must_use]
    pub fn masks_for_everybody(&self) -> bool {
        self.kinds.iter().any(|kind| match kind {
            Kind::Json(json) => json.masks_for_everybody(),
            Kind::JsonLines(lines) => lines.masks_for_everybody(),
            Kind::Csv(csv) => csv.masks_for_everybody(),
            Kind::Html(html) => html.masks_for_everybody(),
            Kind::Xlsx(xlsx) => xlsx.masks_for_everybody(),
        })
    }

    /// Whether links are judged.
    #[must_use]
    pub fn judges_links(&self) -> bool {
        self.kinds.iter().any(|kind| matches!(kind, Kind::Html(html) if html.judges_links()))
    }

    /// Whether pages of which no row is left look like pages that are not there.
    #[must_use]
    pub fn withholds_empty(&self) -> bool {
        self.kinds.iter().any(|kind| matches!(kind, Kind::Html(html) if html.withholds_empty()))
    }

    /// The kind of answers of this content type: in lower case, without parameters.
    #[must_use]
    pub fn kind(&self, essence: &str) -> Option<&Kind> {
        self.kinds.iter().find(|kind| kind.takes(essence))
    }
}

/// Media types that a rule names besides those of the kind.
pub(super) fn types(raw: &[Spanned<String>], names: &mut dyn Names) -> Vec<CompactString> {
    let mut types = Vec::with_capacity(raw.len());
    for text in raw {
        let plain = text.split_once('/').is_some_and(|(kind, subtype)| !kind.is_empty() && !subtype.is_empty());
        if !plain || text.contains([' ', ';', '*', ',']) {
            names
                .error(text.mark, format!("`{}` is not a content type", text.value))
                .help("write type and subtype: `text/plain`");
            continue;
        }
        types.push(text.to_ascii_lowercase().into());
    }
    types
}
