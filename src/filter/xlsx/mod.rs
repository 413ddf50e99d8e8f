//! Spreadsheets (Office Open XML, ECMA-376): rows kept or taken out, columns masked; the workbook is written anew from what was judged.
//!
//! ```yaml
//! answer:
//!   xlsx:
//!     keep: {warehouse: Warehouse}                       # the column that says it, by its title or its number
//!     mask: [{fields: [Cost], unless: cost:view}]
//! ```
//!
//! Every sheet is judged by the same rule: its first row, or as many as `titles` says, hold the titles. Values, number formats and widths of columns
//! are kept. Formulas, merged rows, pictures, comments, pivot tables, macros and links to other files end the answer, since rows
//! could be told by them; hidden sheets and defined names do not leave. So does the older `.xls`, which is not read.
//!
//! A workbook is at hand whole: at most [`MOST_FILE`] as it comes and [`MOST_OPENED`] unpacked, for at most two answers at a time in a process; the work is
//! done off the cores that serve requests.

mod package;
mod read;
mod write;

use super::error::FilterError;
use super::judge::{DimensionNo, Judge, Occasion};
use super::mask::Shown;
use super::plan::{Keep, Mask, types};
use super::raw::{Names, RawKeep, RawMask};
use super::reading::Reading;
use super::tally::Tally;
use crate::diagnostics::yaml::{OneOrMany, Spanned};
use compact_str::CompactString;
use read::{Cell, Row, Sheet, Value};
use schemars::JsonSchema;
use serde::Deserialize;
use smallvec::SmallVec;
use std::sync::Arc;

/// The largest file, in bytes.
pub const MOST_FILE: usize = 8 << 20;

/// The most that all its parts together may unpack to, in bytes.
pub const MOST_OPENED: usize = 64 << 20;

/// The content type of workbooks.
pub const CONTENT_TYPE: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// Spreadsheets.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawXlsx {
    /// Which rows are kept: dimension → column. Without it all are.
    #[serde(default)]
    pub keep: RawKeep,
    /// Columns that are masked.
    #[serde(default)]
    pub mask: OneOrMany<RawMask>,
    /// How many first rows of each sheet hold titles; 1 by default.
    #[serde(default)]
    pub titles: Option<u16>,
    /// Whether a line at the end, and the foot of each printed page, say who asked for it and when.
    #[serde(default)]
    pub watermark: bool,
    /// Content types that the application uses besides that of workbooks.
    #[serde(default)]
    pub types: OneOrMany<Spanned<String>>,
}

/// A column: by title, or by number from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Column {
    Titled(CompactString),
    Number(usize),
}

/// What a rule says of spreadsheets.
#[derive(Clone, Debug)]
pub struct Xlsx {
    rule: Arc<Rule>,
    types: Vec<CompactString>,
}

#[derive(Debug)]
struct Rule {
    keep: Vec<Keep<Column>>,
    mask: Vec<Mask<Column>>,
    titles: usize,
    watermark: bool,
}

/// What is wrong with a workbook.
const fn wrong(why: &'static str) -> FilterError {
    FilterError::Malformed { kind: "a workbook", at: 0, why }
}

impl Column {
    fn compile(text: &Spanned<String>, names: &mut dyn Names) -> Option<Self> {
        match text.parse::<usize>() {
            Ok(number) if number > 0 => Some(Self::Number(number - 1)),
            Err(_) if !text.trim().is_empty() => Some(Self::Titled(text.trim().into())),
            _ => {
                names
                    .error(text.mark, format!("`{}` is not a column", text.value))
                    .help("write the title of a column, or its number from 1");
                None
            }
        }
    }

    /// Where it is under these titles.
    fn place(&self, titles: &[Row]) -> Result<usize, FilterError> {
        let Self::Titled(title) = self else { return Ok(self.number()) };
        let cells = titles.iter().flat_map(|row| &row.cells);
        let mut found = cells.filter(|cell| cell.value.text().is_some_and(|text| text.trim() == title));
        match (found.next(), found.next()) {
            (Some(cell), None) => Ok(cell.column),
            _ => Err(FilterError::Missing("column, or has it twice,")),
        }
    }

    const fn number(&self) -> usize {
        match self {
            Self::Number(number) => *number,
            Self::Titled(_) => 0,
        }
    }
}

/// Columns of one sheet with what is done to them.
struct Columns<'a> {
    keep: Vec<(DimensionNo, usize, &'a Reading)>,
    mask: Vec<(usize, &'a Mask<Column>)>,
}

impl Xlsx {
    pub(super) fn compile(raw: &Spanned<RawXlsx>, names: &mut dyn Names) -> Self {
        let keep = Keep::compile(&raw.keep, names, Column::compile);
        let mask = Mask::compile(&raw.mask, names, Column::compile);
        if keep.is_empty() && mask.is_empty() && !raw.watermark {
            names
                .error(raw.mark, "`xlsx` neither keeps rows nor masks fields".into())
                .help("write `keep: {warehouse: Warehouse}` or `mask: [{fields: [Cost], unless: cost:view}]`");
        }
        let titles = usize::from(raw.titles.unwrap_or(1));
        let rule = Arc::new(Rule { keep, mask, titles, watermark: raw.watermark });
        Self { rule, types: types(&raw.types, names) }
    }

    pub(super) fn takes(&self, essence: &str) -> bool {
        essence == CONTENT_TYPE || self.types.iter().any(|own| own == essence)
    }

    pub(super) fn dimensions(&self) -> impl Iterator<Item = DimensionNo> {
        self.rule.keep.iter().map(|keep| keep.dimension)
    }

    pub(super) fn masks_for_everybody(&self) -> bool {
        self.rule.mask.iter().any(|mask| mask.unless.is_none())
    }

    /// What is left of a workbook. Takes up to a second; never call it on a core that serves requests.
    ///
    /// # Errors
    /// Where it is none that can be judged.
    pub fn rewrite(
        &self,
        file: &[u8],
        judge: &dyn Judge,
        occasion: &Occasion,
        tally: &Tally,
    ) -> Result<Vec<u8>, FilterError> {
        let package = package::open(file)?;
        let mut book = read::book(&package)?;
        for sheet in &mut book.sheets {
            self.rule.judge(sheet, judge, tally)?;
        }
        let mark = self.rule.watermark.then_some(occasion.watermark.as_str());
        write::book(&book, mark)
    }
}

impl Rule {
    fn judge(&self, sheet: &mut Sheet, judge: &dyn Judge, tally: &Tally) -> Result<(), FilterError> {
        let most = self.titles.min(sheet.rows.len());
        let (titles, rows) = sheet.rows.split_at_mut(most);
        if rows.is_empty() {
            return Ok(());
        }
        let columns = self.columns(titles)?;
        let mut kept = titles.to_vec();
        for row in rows {
            if Self::mask(&columns, row, judge, tally) {
                kept.push(std::mem::take(row));
            }
        }
        sheet.rows = kept;
        Ok(())
    }

    fn columns(&self, titles: &[Row]) -> Result<Columns<'_>, FilterError> {
        let mut columns = Columns { keep: Vec::new(), mask: Vec::new() };
        for keep in &self.keep {
            for place in &keep.places {
                columns.keep.push((keep.dimension, place.place.place(titles)?, &place.reading));
            }
        }
        for mask in &self.mask {
            for field in &mask.fields {
                columns.mask.push((field.place(titles)?, mask));
            }
        }
        Ok(columns)
    }

    /// Whether the row is kept; what is masked in it then is.
    fn mask(columns: &Columns<'_>, row: &mut Row, judge: &dyn Judge, tally: &Tally) -> bool {
        let value = |at: usize| row.cell(at).and_then(|cell| cell.value.exact()).filter(|text| !text.is_empty());
        let found: Option<SmallVec<[(DimensionNo, String); 4]>> = columns
            .keep
            .iter()
            .map(|(no, at, reading)| Some((*no, reading.value(value(*at)?.into())?.into_owned())))
            .collect();
        let Some(found) = found else {
            tally.hide();
            return false;
        };
        let values: SmallVec<[(DimensionNo, &str); 4]> = found.iter().map(|(no, text)| (*no, text.as_str())).collect();
        if !values.is_empty() {
            if !judge.keeps(&values) {
                tally.hide();
                return false;
            }
            tally.keep();
        }
        for (at, mask) in &columns.mask {
            if mask.unless.is_some_and(|grant| judge.shows(grant, &values)) {
                continue;
            }
            let Some(cell) = row.cells.iter_mut().find(|cell| cell.column == *at) else { continue };
            tally.mask();
            let text = cell.value.exact();
            cell.value = match mask.form.show(text.as_deref()) {
                Shown::Removed => Value::Empty,
                Shown::Text(text) => Value::Text(text.into()),
            };
        }
        true
    }
}

impl Row {
    fn cell(&self, column: usize) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.column == column)
    }
}

#[cfg(test)]
mod tests;
