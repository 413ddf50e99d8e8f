//! Comma separated values (RFC 4180): records kept or taken out, columns masked; each record is written anew as it was read.
//!
//! ```yaml
//! answer:
//!   csv:
//!     keep: {warehouse: Warehouse}                       # the column that says it, by its name in the first record, or by its number
//!     mask: [{fields: [Cost], unless: cost:view}]
//! ```
//!
//! A record with another number of fields than the first is taken out: its values may stand in other columns than they seem to.
//! `remove` empties a cell, since the same column may be shown in other records. At hand is one record at a time.

use super::chain::Transform;
use super::error::FilterError;
use super::judge::{DimensionNo, Terms};
use super::mask::Shown;
use super::plan::{Keep, Mask, types};
use super::raw::{Names, RawKeep, RawMask};
use crate::diagnostics::yaml::{OneOrMany, Spanned};
use compact_str::CompactString;
use schemars::JsonSchema;
use serde::Deserialize;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::sync::Arc;

/// Records of comma separated values.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawCsv {
    /// Which records are kept: dimension → column. Without it all are.
    #[serde(default)]
    pub keep: RawKeep,
    /// Columns that are masked.
    #[serde(default)]
    pub mask: OneOrMany<RawMask>,
    /// What stands between fields: one character, `,` by default.
    #[serde(default)]
    pub separator: Option<Spanned<String>>,
    /// Whether the first record names the columns (default). Without names, columns are counted from 1.
    #[serde(default)]
    pub header: Option<bool>,
    /// Whether a last record says who asked for it and when.
    #[serde(default)]
    pub watermark: bool,
    /// Content types that the application uses besides `text/csv` and `application/csv`.
    #[serde(default)]
    pub types: OneOrMany<Spanned<String>>,
}

/// A column: by name, or by number from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Named(CompactString),
    Number(usize),
}

impl Column {
    fn compile(text: &Spanned<String>, header: bool, names: &mut dyn Names) -> Option<Self> {
        match text.parse::<usize>() {
            Ok(number) if number > 0 => Some(Self::Number(number - 1)),
            _ if header && !text.trim().is_empty() => Some(Self::Named(text.trim().into())),
            _ => {
                names
                    .error(text.mark, format!("`{}` is not a column", text.value))
                    .help("columns without names are counted from 1");
                None
            }
        }
    }
}

/// What a rule says of comma separated values.
#[derive(Clone, Debug)]
pub struct Csv {
    pub(super) keep: Arc<[Keep<Column>]>,
    mask: Arc<[Mask<Column>]>,
    separator: u8,
    header: bool,
    watermark: bool,
    types: Vec<CompactString>,
}

impl Csv {
    pub(super) fn compile(raw: &Spanned<RawCsv>, names: &mut dyn Names) -> Self {
        let header = raw.header.unwrap_or(true);
        let keep = Keep::compile(&raw.keep, names, |text, names| Column::compile(text, header, names));
        let mask = Mask::compile(&raw.mask, names, |text, names| Column::compile(text, header, names));
        if keep.is_empty() && mask.is_empty() && !raw.watermark {
            names
                .error(raw.mark, "`csv` neither keeps rows nor masks fields".into())
                .help("write `keep: {warehouse: Warehouse}` or `mask: [{fields: [Cost], unless: cost:view}]`");
        }
        let separator = match raw.separator.as_ref().map(|text| (text, text.as_bytes())) {
            None => b',',
            Some((_, [byte @ (b',' | b';' | b'\t' | b'|')])) => *byte,
            Some((text, _)) => {
                names
                    .error(text.mark, format!("`{}` is not a separator", text.value))
                    .help("write one of `,`, `;`, `|` and a tab (`\"\\t\"`)");
                b','
            }
        };
        Self {
            keep: keep.into(),
            mask: mask.into(),
            separator,
            header,
            watermark: raw.watermark,
            types: types(&raw.types, names),
        }
    }

    pub(super) fn masks_for_everybody(&self) -> bool {
        self.mask.iter().any(|mask| mask.unless.is_none())
    }

    pub(super) fn takes(&self, essence: &str) -> bool {
        matches!(essence, "text/csv" | "application/csv") || self.types.iter().any(|own| own == essence)
    }

    pub(super) fn start(&self, terms: Terms) -> CsvStage {
        CsvStage {
            reader: csv_core::ReaderBuilder::new().delimiter(self.separator).build(),
            csv: self.clone(),
            terms,
            begun: Begun::Nothing,
            columns: None,
            record: vec![0; 1024],
            record_len: 0,
            ends: vec![0; 32],
            ends_len: 0,
            seen: 0,
        }
    }
}

/// How far the byte order mark was read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begun {
    Nothing,
    Mark(usize),
    Records,
}

const MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

/// The most columns.
const MOST_COLUMNS: usize = 16 << 10;

/// What says the value of a dimension: the column in this answer, and the number of the place in the rule.
type Said = (DimensionNo, usize, (usize, usize));

/// Values of a record, by dimension.
type Values<'a> = SmallVec<[(DimensionNo, Cow<'a, str>); 4]>;

/// Where the columns of a rule stand in this answer.
struct Columns {
    count: usize,
    keep: SmallVec<[Said; 4]>,
    /// Column, and the number of its mask.
    mask: SmallVec<[(usize, usize); 4]>,
}

/// One answer.
pub struct CsvStage {
    reader: csv_core::Reader,
    csv: Csv,
    terms: Terms,
    begun: Begun,
    columns: Option<Columns>,
    record: Vec<u8>,
    record_len: usize,
    ends: Vec<usize>,
    ends_len: usize,
    seen: u64,
}

impl CsvStage {
    fn wrong(&self, why: &'static str) -> FilterError {
        FilterError::Malformed { kind: "CSV", at: self.seen, why }
    }

    /// Reads records from `input`; an empty one is the end.
    fn read(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> Result<(), FilterError> {
        use csv_core::ReadRecordResult as Found;
        let last = input.is_empty();
        loop {
            let room = self.record.get_mut(self.record_len..).unwrap_or_default();
            let ends = self.ends.get_mut(self.ends_len..).unwrap_or_default();
            let (found, taken, written, ended) = self.reader.read_record(input, room, ends);
            input = input.get(taken..).unwrap_or_default();
            self.seen = self.seen.saturating_add(taken as u64);
            self.record_len += written;
            self.ends_len += ended;
            match found {
                Found::InputEmpty if last => {}
                Found::InputEmpty => return Ok(()),
                Found::OutputFull if self.record.len() >= self.terms.bounds.row => {
                    return Err(FilterError::TooLong(self.terms.bounds.row));
                }
                Found::OutputFull => {
                    let larger = self.record.len().saturating_mul(2).min(self.terms.bounds.row.max(1));
                    self.record.resize(larger, 0);
                }
                Found::OutputEndsFull if self.ends.len() >= MOST_COLUMNS => {
                    return Err(self.wrong("there are too many columns"));
                }
                Found::OutputEndsFull => self.ends.resize(self.ends.len().saturating_mul(2), 0),
                Found::Record => {
                    self.settle(out)?;
                    (self.record_len, self.ends_len) = (0, 0);
                }
                Found::End => return Ok(()),
            }
        }
    }

    /// Judges the record at hand.
    fn settle(&mut self, out: &mut Vec<u8>) -> Result<(), FilterError> {
        let record = self.record.get(..self.record_len).unwrap_or_default();
        if record.contains(&0) {
            return Err(self.wrong("a NUL stands in it"));
        }
        // the stage before lets nothing but UTF-8 pass
        let text = std::str::from_utf8(record).map_err(|_| self.wrong("it is not UTF-8"))?;
        let ends = self.ends.get(..self.ends_len).unwrap_or_default();
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let fields: SmallVec<[&str; 32]> =
            starts.zip(ends).map(|(start, &end)| text.get(start..end).unwrap_or_default()).collect();
        let Some(columns) = &self.columns else {
            let columns = self.place(&fields)?;
            let header = self.csv.header;
            if header {
                write(&fields, self.csv.separator, out);
            } else {
                self.judge(&columns, &fields, out);
            }
            self.columns = Some(columns);
            return Ok(());
        };
        self.judge(columns, &fields, out);
        Ok(())
    }

    fn judge(&self, columns: &Columns, fields: &[&str], out: &mut Vec<u8>) {
        let Terms { judge, tally, .. } = &self.terms;
        let said = |(dimension, at, (keep, place)): &Said| {
            let reading = &self.csv.keep.get(*keep)?.places.get(*place)?.reading;
            Some((*dimension, reading.value((*fields.get(*at)?).into())?))
        };
        let values: Option<Values<'_>> = columns.keep.iter().map(said).collect();
        let row: Option<SmallVec<[(DimensionNo, &str); 4]>> = values
            .as_ref()
            .map(|values| values.iter().map(|(dimension, value)| (*dimension, value.as_ref())).collect());
        let Some(row) = row.filter(|row| {
            let whole = fields.len() == columns.count && row.iter().all(|(_, value)| !value.is_empty());
            whole && (row.is_empty() || judge.keeps(row))
        }) else {
            tally.hide();
            return;
        };
        if !row.is_empty() {
            tally.keep();
        }
        let mut texts: SmallVec<[(usize, CompactString); 4]> = SmallVec::new();
        for (at, number) in &columns.mask {
            let Some(mask) = self.csv.mask.get(*number) else { continue };
            if mask.unless.is_some_and(|grant| judge.shows(grant, &row)) {
                continue;
            }
            tally.mask();
            let text = match mask.form.show(fields.get(*at).copied()) {
                Shown::Removed => CompactString::default(),
                Shown::Text(text) => text,
            };
            texts.push((*at, text));
        }
        let mut shown: SmallVec<[&str; 32]> = fields.into();
        for (at, text) in &texts {
            if let Some(place) = shown.get_mut(*at) {
                *place = text;
            }
        }
        write(&shown, self.csv.separator, out);
    }

    /// Finds the columns of the rule in the first record.
    fn place(&self, first: &[&str]) -> Result<Columns, FilterError> {
        // `sep=;` tells Excel another separator than the rule does
        if first.first().is_some_and(|field| field.trim_start().to_ascii_lowercase().starts_with("sep=")) {
            return Err(self.wrong("it begins with `sep=`"));
        }
        let find = |column: &Column| match column {
            Column::Number(number) => (*number < first.len()).then_some(*number),
            Column::Named(name) => {
                let mut found = first.iter().enumerate().filter(|(_, field)| field.trim() == name);
                match (found.next(), found.next()) {
                    (Some((at, _)), None) => Some(at),
                    _ => None,
                }
            }
        };
        let find = |column| find(column).ok_or(FilterError::Missing("column, or has it twice,"));
        let mut columns = Columns { count: first.len(), keep: SmallVec::new(), mask: SmallVec::new() };
        for (number, keep) in self.csv.keep.iter().enumerate() {
            for (no, kept) in keep.places.iter().enumerate() {
                columns.keep.push((keep.dimension, find(&kept.place)?, (number, no)));
            }
        }
        for (number, mask) in self.csv.mask.iter().enumerate() {
            for field in &mask.fields {
                columns.mask.push((find(field)?, number));
            }
        }
        Ok(columns)
    }
}

/// Writes a record. What another reader might take for a separator, a quote or an end of line is quoted.
fn write(fields: &[&str], separator: u8, out: &mut Vec<u8>) {
    for (at, field) in fields.iter().enumerate() {
        if at > 0 {
            out.push(separator);
        }
        if field.bytes().any(|b| matches!(b, b'"' | b',' | b';' | b'\t' | b'|' | b'\r' | b'\n')) {
            out.push(b'"');
            for byte in field.bytes() {
                if byte == b'"' {
                    out.push(b'"');
                }
                out.push(byte);
            }
            out.push(b'"');
        } else {
            out.extend_from_slice(field.as_bytes());
        }
    }
    if let [""] = fields {
        // a line with nothing in it is no record
        out.extend_from_slice(b"\"\"");
    }
    out.extend_from_slice(b"\r\n");
}

impl Transform for CsvStage {
    fn push(&mut self, mut chunk: &[u8], out: &mut Vec<u8>) -> Result<(), FilterError> {
        while let (Begun::Nothing | Begun::Mark(_), Some((&first, rest))) = (self.begun, chunk.split_first()) {
            let at = if let Begun::Mark(at) = self.begun { at } else { 0 };
            if MARK.get(at) != Some(&first) {
                // a mark that is not whole is no character, which the stage before has seen
                self.begun = Begun::Records;
                break;
            }
            chunk = rest;
            self.begun = if at + 1 == MARK.len() { Begun::Records } else { Begun::Mark(at + 1) };
            if self.begun == Begun::Records {
                out.extend_from_slice(&MARK);
            }
        }
        if chunk.is_empty() { Ok(()) } else { self.read(chunk, out) }
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), FilterError> {
        self.read(&[], out)?;
        if self.csv.watermark {
            // In brackets, so that no spreadsheet takes it for a formula.
            write(&[&format!("({})", self.terms.occasion.watermark)], self.csv.separator, out);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::judge::tests::{Sees, terms};
    use crate::filter::judge::{GrantNo, Judge};
    use crate::filter::mask::Form;
    use std::rc::Rc;

    fn csv() -> Csv {
        let named = |name: &str| Column::Named(name.into());
        Csv {
            keep: [Keep { dimension: DimensionNo(0), places: vec![named("Warehouse").into()] }].into(),
            mask: [Mask { fields: vec![named("Cost")], unless: Some(GrantNo(0)), form: Form::Remove }].into(),
            separator: b',',
            header: true,
            watermark: false,
            types: Vec::new(),
        }
    }

    fn run(csv: &Csv, judge: impl Judge + 'static, text: &str, size: usize) -> Result<String, FilterError> {
        let terms = terms(judge);
        let (mut stage, mut out) = (csv.start(terms), Vec::new());
        for chunk in text.as_bytes().chunks(size) {
            stage.push(chunk, &mut out)?;
        }
        stage.finish(&mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    const STOCK: &str =
        "\u{feff}No,Warehouse,\"Cost\"\r\n1,HF,\"1,5\"\n2,SH,3\n3,HF,\"a \"\"b\"\"\nc\"\r\n4,HF\n5,HF,6,7\n6,,1\n";

    #[test]
    fn a_record_is_kept_by_its_value_and_its_masked_column_is_emptied() {
        let seen = "\u{feff}No,Warehouse,Cost\r\n1,HF,\"1,5\"\r\n3,HF,\"a \"\"b\"\"\nc\"\r\n";
        for size in 1..STOCK.len() {
            assert_eq!(run(&csv(), Sees(&["HF"], true), STOCK, size).as_deref(), Ok(seen));
        }
        let blind = "\u{feff}No,Warehouse,Cost\r\n1,HF,\r\n3,HF,\r\n";
        assert_eq!(run(&csv(), Sees(&["HF"], false), STOCK, 7).as_deref(), Ok(blind));
    }

    #[test]
    fn a_last_record_says_who_asked() {
        let csv = Csv { watermark: true, ..csv() };
        let left = run(&csv, Sees(&["HF"], true), "No,Warehouse,Cost\n1,HF,2\n", 9).unwrap();
        assert_eq!(left, "No,Warehouse,Cost\r\n1,HF,2\r\n()\r\n");
    }

    #[test]
    fn a_header_without_the_column_or_with_two_of_it_ends_the_answer() {
        for text in [
            "No,Cost\n1,2\n",
            "Warehouse,Warehouse,Cost\nHF,SH,1\n",
            "sep=;\nWarehouse;Cost\n",
            "Report\n\nWarehouse,Cost\n",
        ] {
            assert!(run(&csv(), Sees(&["HF"], true), text, 99).is_err(), "{text}");
        }
    }

    #[test]
    fn a_record_is_read_again_as_it_was_judged() {
        let csv = Csv { mask: Arc::from([]), ..csv() };
        for text in
            ["Warehouse,x\nHF,a\"b\n", "Warehouse,x\nHF,\"a\"b\n", "Warehouse,x\n\"HF\",';\n", "Warehouse\n\"HF"]
        {
            let once = run(&csv, Sees(&["HF"], true), text, 99).unwrap();
            assert_eq!(run(&csv, Sees(&["HF"], true), &once, 3).unwrap(), once);
        }
    }

    #[test]
    fn a_record_beyond_the_bound_and_a_nul_end_the_answer() {
        let long = format!("Warehouse,Cost\nHF,{}\n", "x".repeat(2 << 20));
        assert_eq!(run(&csv(), Sees(&["HF"], true), &long, 1000), Err(FilterError::TooLong(1 << 20)));
        assert!(run(&csv(), Sees(&["HF"], true), "Warehouse,Cost\nHF\0,1\n", 99).is_err());
    }

    #[test]
    fn what_was_done_is_counted() {
        let terms = terms(Sees(&["HF"], false));
        let tally = Rc::clone(&terms.tally);
        let (mut stage, mut out) = (csv().start(terms), Vec::new());
        stage.push(STOCK.as_bytes(), &mut out).unwrap();
        stage.finish(&mut out).unwrap();
        assert_eq!((tally.kept(), tally.hidden(), tally.masked()), (2, 4, 2));
    }
}
