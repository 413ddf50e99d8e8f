//! JSON (RFC 8259): rows of lists anywhere in the document kept or taken out, fields masked, totals put right; and JSON lines, each of
//! which is a row.
//!
//! ```yaml
//! answer:
//!   json:
//!     rows: {at: /items, keep: {warehouse: /warehouse}, totals: {/total: count, /pages: remove}}
//!     mask: [{fields: [/items/*/cost], unless: cost:view, with: remove}]
//! ```
//!
//! Places are JSON Pointers with stars (see `pointer`); those under `keep` begin at the row. A list of rows may also be an object, each of whose
//! members is a row. Where `at` is not found in an answer, the answer is not let through, unless the rule says `optional: true`.
//!
//! Numbers leave with their digits, texts with their escapes; blanks between tokens go. Every member of a name that stands twice
//! is filtered, and a row in which a dimension stands twice, is missing or is no text or number is not kept. An answer that is not one JSON
//! text, JSONP or a guard before it (`)]}'`) included, ends with an error. What is within a text, be it JSON or HTML, is not
//! looked into: mask the field that holds it.
//!
//! At hand is one row at a time, or one masked text; [`Bounds::row`](super::Bounds) bounds both.

mod pointer;
mod row;
mod scan;
mod stream;
mod text;

mod lines;

pub use lines::{JsonLines, LinesStage, RawJsonLines};
pub use stream::JsonStage;

use super::error::FilterError;
use super::judge::{DimensionNo, Terms};
use super::plan::{Keep, Mask, types};
use super::raw::{Names, RawKeep, RawMask};
use crate::diagnostics::yaml::{OneOrMany, Spanned, Table};
use compact_str::CompactString;
use pointer::{Pattern, Patterns, States};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

/// A JSON document.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawJson {
    /// Where rows stand and which are kept.
    #[serde(default)]
    pub rows: OneOrMany<Spanned<RawRows>>,
    /// Fields that are masked.
    #[serde(default)]
    pub mask: OneOrMany<RawMask>,
    /// Content types that the application uses besides `application/json`, `text/json` and `application/…+json`.
    #[serde(default)]
    pub types: OneOrMany<Spanned<String>>,
}

/// A list of rows.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawRows {
    /// Where the list stands: `/items`, `/groups/*/items`, `""` for the whole document.
    pub at: Spanned<String>,
    /// Which rows are kept: dimension → where its value stands in the row.
    pub keep: RawKeep,
    /// Numbers that would betray the rows that are taken out. Who may see all rows sees them as they are.
    #[serde(default)]
    pub totals: Table<RawTotal>,
    /// Whether an answer without this list is let through.
    #[serde(default)]
    pub optional: bool,
}

/// What is shown in place of a total.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawTotal {
    /// How many rows of this answer were kept.
    #[default]
    Count,
    /// Nothing.
    Remove,
}

/// What a pattern is for.
#[derive(Clone, Copy, Debug)]
enum Meaning {
    /// A list of rows of this area.
    Rows(usize),
    /// The fields of this mask.
    Mask(usize),
    /// A total of this area.
    Total(usize, RawTotal),
}

/// A list of rows, compiled.
#[derive(Clone, Debug)]
struct Area {
    keep: Vec<Keep<Pattern>>,
    dimensions: Vec<DimensionNo>,
    /// The number of its pattern, and how far it must be found.
    must: Option<(u16, u16)>,
}

/// What a rule says of JSON.
#[derive(Clone, Debug, Default)]
pub struct Json {
    areas: Vec<Area>,
    /// The masks; their fields are among the patterns.
    masks: Vec<Mask<()>>,
    patterns: Patterns,
    meanings: Vec<Meaning>,
    types: Vec<CompactString>,
}

impl Json {
    pub(super) fn compile(raw: &Spanned<RawJson>, names: &mut dyn Names) -> Self {
        let mut json = Self { types: types(&raw.types, names), ..Self::default() };
        for rows in raw.rows.iter() {
            json.add_rows(rows, names);
        }
        json.add_masks(&raw.mask, names);
        if raw.rows.is_empty() && raw.mask.is_empty() {
            names.error(raw.mark, "`json` neither keeps rows nor masks fields".into()).help(
                "write `rows: {at: /items, keep: {warehouse: /warehouse}}` or `mask: [{fields: [/items/*/cost], unless: cost:view}]`",
            );
        }
        json
    }

    fn add_rows(&mut self, rows: &Spanned<RawRows>, names: &mut dyn Names) {
        let at = pattern(&rows.at, names);
        let keep = Keep::compile(&rows.keep, names, pattern);
        if rows.keep.is_empty() {
            names
                .error(rows.mark, "`rows` does not say which are kept".into())
                .help("write `keep: {warehouse: /warehouse}`: the dimension, and where its value stands in the row");
        }
        let mut dimensions: Vec<DimensionNo> = keep.iter().map(|keep| keep.dimension).collect();
        dimensions.sort_unstable();
        let area = self.areas.len();
        let mut must = None;
        if let Some(at) = at {
            let literal = u16::try_from(at.literal()).unwrap_or(u16::MAX);
            let number = self.put(at, Meaning::Rows(area));
            must = (!rows.optional).then_some((number, literal));
        }
        for (place, form) in rows.totals.iter() {
            if let Some(place) = pattern(place, names) {
                self.put(place, Meaning::Total(area, *form));
            }
        }
        self.areas.push(Area { keep, dimensions, must });
    }

    fn add_masks(&mut self, raw: &[RawMask], names: &mut dyn Names) {
        for mask in Mask::compile(raw, names, pattern) {
            let number = self.masks.len();
            for field in mask.fields {
                self.put(field, Meaning::Mask(number));
            }
            self.masks.push(Mask { fields: Vec::new(), unless: mask.unless, form: mask.form });
        }
    }

    fn put(&mut self, pattern: Pattern, meaning: Meaning) -> u16 {
        self.meanings.push(meaning);
        self.patterns.push(pattern)
    }

    pub(super) fn masks_for_everybody(&self) -> bool {
        self.masks.iter().any(|mask| mask.unless.is_none())
    }

    pub(super) fn takes(&self, essence: &str) -> bool {
        matches!(essence, "application/json" | "text/json")
            || (essence.starts_with("application/") && essence.ends_with("+json"))
            || self.types.iter().any(|own| own == essence)
    }

    pub(super) fn dimensions(&self) -> impl Iterator<Item = DimensionNo> + '_ {
        self.areas.iter().flat_map(|area| area.dimensions.iter().copied())
    }

    fn meaning(&self, number: u16) -> Option<&Meaning> {
        self.meanings.get(usize::from(number))
    }

    /// The area whose list of rows stands here.
    fn area(&self, states: &States) -> Option<usize> {
        self.patterns.ended(states).find_map(|number| match self.meaning(number) {
            Some(Meaning::Rows(area)) => Some(*area),
            _ => None,
        })
    }

    /// Whether the totals of the area betray nothing to the person.
    fn keeps_all(&self, area: usize, terms: &Terms) -> bool {
        self.areas.get(area).is_some_and(|area| terms.judge.keeps_all(&area.dimensions))
    }

    /// Where rows are expected, there is a list of them, or nothing.
    fn check_rows(&self, raw: &[u8], states: &States) -> Result<(), FilterError> {
        if self.area(states).is_none() || matches!(raw.first(), Some(b'{' | b'[' | b'n')) {
            return Ok(());
        }
        Err(FilterError::Missing("list of rows in the place"))
    }
}

/// Reads a pattern and notes what is wrong with it.
fn pattern(text: &Spanned<String>, names: &mut dyn Names) -> Option<Pattern> {
    match Pattern::parse(text) {
        Ok(pattern) => Some(pattern),
        Err(help) => {
            names.error(text.mark, format!("`{}` is not a place in JSON", text.value)).help(help);
            None
        }
    }
}

/// What a rule says of JSON, shared by all answers.
pub(super) type Shared = Arc<Json>;
