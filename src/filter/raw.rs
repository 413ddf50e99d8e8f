//! The `answer:` block of a route as YAML spells it, and what it needs of the rules to be compiled.

use super::csv::RawCsv;
use super::html::RawHtml;
use super::json::{RawJson, RawJsonLines};
use super::judge::{DimensionNo, GrantNo};
use super::mask::RawForm;
use super::reading::RawPlace;
use super::xlsx::RawXlsx;
use crate::diagnostics::yaml::{OneOrMany, Spanned, Table};
use crate::diagnostics::{Diagnostic, Mark};
use crate::model::quantity::Size;
use crate::request::RawLocation;
use schemars::JsonSchema;
use serde::Deserialize;

/// What is done to the answers of a route. Each kind of answer that the application may give is named; any other is not let through.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawAnswer {
    /// A JSON document.
    #[serde(default)]
    pub json: Option<Spanned<RawJson>>,
    /// A JSON document on every line.
    #[serde(default)]
    pub json_lines: Option<Spanned<RawJsonLines>>,
    /// Comma separated values.
    #[serde(default)]
    pub csv: Option<Spanned<RawCsv>>,
    /// HTML pages.
    #[serde(default)]
    pub html: Option<Spanned<RawHtml>>,
    /// Spreadsheets.
    #[serde(default)]
    pub xlsx: Option<Spanned<RawXlsx>>,
    /// What becomes of answers by which the application says that something went wrong (status 400 and above): `withhold` (default)
    /// shows the status and a page of the gateway's own, `filter` treats them as every other answer.
    #[serde(default)]
    pub errors: RawErrors,
    /// The largest row, or other part that must be at hand as a whole. Default: 1MiB.
    #[serde(default)]
    pub row: Option<Size>,
}

/// What becomes of answers of status 400 and above.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawErrors {
    /// Their status is passed on, and nothing else.
    #[default]
    Withhold,
    /// They are filtered.
    Filter,
}

/// Dimension → where its value stands in a row. Several places, or a place with several values, must all be within. Where a place holds
/// more than the value, or another name of it, `{at: …, as: …, map: …}` says how it is read.
pub type RawKeep = Table<OneOrMany<Spanned<RawPlace>>>;

/// Fields that are masked.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawMask {
    /// Which: pointers such as `/items/*/cost` in JSON, column names in tables.
    pub fields: OneOrMany<Spanned<String>>,
    /// Who holds this permission, for the row that the field stands in, sees them as they are. Without it nobody does.
    #[serde(default)]
    pub unless: Option<Spanned<String>>,
    /// What is shown instead: `remove` (default), `{fixed: "***"}`, `{keep-first: 2}`, `{keep-last: 2}`, `phone`, `e-mail`, `id-card`,
    /// `bank-card`, `name`.
    #[serde(default, rename = "with")]
    pub form: RawForm,
    /// Parameters whose value may name a field, as those that sort and group do: refused where they name one of these fields.
    #[serde(default)]
    pub named_by: OneOrMany<Spanned<RawLocation>>,
    /// Parameters that look for something in these fields: refused where the fields are masked.
    #[serde(default)]
    pub searched_by: OneOrMany<Spanned<RawLocation>>,
    /// Other names of these fields in the parameters of `named-by`.
    #[serde(default)]
    pub also_called: OneOrMany<Spanned<String>>,
}

/// What a compile step asks of the rules around it.
pub trait Names {
    /// The dimension of this name; noted where there is none.
    fn dimension(&mut self, name: &Spanned<String>) -> Option<DimensionNo>;

    /// The permission of this name; noted where there is none.
    fn permission(&mut self, name: &Spanned<String>) -> Option<GrantNo>;

    /// Notes a fault.
    fn error(&mut self, mark: Mark, message: String) -> &mut Diagnostic;
}

impl RawAnswer {
    /// Whether a kind of answer keeps rows by the dimension of this name.
    #[must_use]
    pub fn keeps_by(&self, name: &str) -> bool {
        let json = self.json.iter().flat_map(|raw| raw.rows.iter()).map(|rows| &rows.keep);
        let lines = self.json_lines.iter().map(|raw| &raw.keep);
        let csv = self.csv.iter().map(|raw| &raw.keep);
        let html = self.html.iter().flat_map(|raw| raw.rows.iter()).map(|rows| &rows.keep);
        let xlsx = self.xlsx.iter().map(|raw| &raw.keep);
        json.chain(lines).chain(csv).chain(html).chain(xlsx).any(|keep| keep.get(name).is_some())
    }

    /// Whether fields of rows are masked; what is masked elsewhere on a page is nothing to search by.
    #[must_use]
    pub fn masks_fields(&self) -> bool {
        let pages = self.html.iter().flat_map(|raw| raw.rows.iter());
        pages.into_iter().any(|rows| !rows.mask.is_empty())
            || self.json.iter().any(|raw| !raw.mask.is_empty())
            || self.json_lines.iter().any(|raw| !raw.mask.is_empty())
            || self.csv.iter().any(|raw| !raw.mask.is_empty())
            || self.xlsx.iter().any(|raw| !raw.mask.is_empty())
    }

    /// Every mask of every kind.
    pub fn masks(&self) -> impl Iterator<Item = &RawMask> {
        let json = self.json.iter().flat_map(|raw| raw.mask.iter());
        let lines = self.json_lines.iter().flat_map(|raw| raw.mask.iter());
        let csv = self.csv.iter().flat_map(|raw| raw.mask.iter());
        json.chain(lines)
            .chain(csv)
            .chain(self.html.iter().flat_map(|raw| raw.masks()))
            .chain(self.xlsx.iter().flat_map(|raw| raw.mask.iter()))
    }
}
