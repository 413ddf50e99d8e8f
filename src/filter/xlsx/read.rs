//! Reads the sheets of a workbook (ECMA-376 part 1, section 18.3): cells as they are shown, and nothing that is computed.

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::package::Package;
use super::wrong;
use crate::filter::error::FilterError;

/// The most cells of a workbook.
const MOST_CELLS: usize = 1_000_000;

/// The last column, `XFD`.
const MOST_COLUMNS: usize = 16_384;

/// A workbook.
#[derive(Debug, Default)]
pub struct Book {
    /// Its visible sheets.
    pub sheets: Vec<Sheet>,
    /// Its formats, as they came.
    pub styles: Option<Vec<u8>>,
}

/// A sheet.
#[derive(Debug, Default)]
pub struct Sheet {
    /// Its name.
    pub name: String,
    /// Its rows that have cells, in order.
    pub rows: Vec<Row>,
    /// First column from 1, last column, width.
    pub widths: Vec<(usize, usize, f64)>,
}

/// A row.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// Its cells, in order.
    pub cells: Vec<Cell>,
}

/// A cell.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Its column, from 0.
    pub column: usize,
    /// Its format.
    pub style: Option<u32>,
    /// What it holds.
    pub value: Value,
}

/// What a cell holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Empty,
    /// A text.
    Text(String),
    /// A number as it is written.
    Number(String),
    /// True or false.
    Truth(bool),
    /// An error such as `#N/A`.
    Error(String),
}

impl Value {
    /// The text of a text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// What is judged: a text or a number, without white space around it. `None` where Office may show another text.
    #[must_use]
    pub fn exact(&self) -> Option<String> {
        match self {
            // `_x0041_` stands for a character (section 22.9.2.19).
            Self::Text(text) if text.contains("_x") => None,
            Self::Text(text) | Self::Number(text) => Some(text.trim().to_owned()),
            Self::Empty | Self::Truth(_) | Self::Error(_) => None,
        }
    }
}

fn broken<E>(_: E) -> FilterError {
    wrong("a part is not well-formed XML")
}

fn text_of<'p>(package: &'p Package, name: &str) -> Result<&'p str, FilterError> {
    let bytes = package.get(name).ok_or(FilterError::Missing("part of a workbook"))?;
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("a part is not UTF-8"))?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Result<Option<String>, FilterError> {
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(broken)?;
        if attribute.key.as_ref() == name {
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(broken)?;
            return Ok(Some(value.into_owned()));
        }
    }
    Ok(None)
}

fn referred(reference: &BytesRef<'_>) -> Result<char, FilterError> {
    if let Some(found) = reference.resolve_char_ref().map_err(broken)? {
        return Ok(found);
    }
    match &**reference {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => Err(wrong("it has an entity of its own")),
    }
}

/// Reads a workbook.
///
/// # Errors
/// Where a part is missing or malformed, or has what cannot be judged.
pub fn book(package: &Package) -> Result<Book, FilterError> {
    let targets = relations(text_of(package, "xl/_rels/workbook.xml.rels")?)?;
    let strings = match package.contains_key("xl/sharedstrings.xml") {
        true => strings(text_of(package, "xl/sharedstrings.xml")?)?,
        false => Vec::new(),
    };
    let mut book = Book { sheets: Vec::new(), styles: package.get("xl/styles.xml").cloned() };
    let mut left = MOST_CELLS;
    for (name, relation) in sheets(text_of(package, "xl/workbook.xml")?)? {
        let target = targets.iter().find(|(id, _)| *id == relation).map(|(_, target)| target);
        let target = target.ok_or(FilterError::Missing("part of a workbook"))?;
        let path = match target.strip_prefix('/') {
            Some(path) => path.to_ascii_lowercase(),
            None => format!("xl/{}", target.to_ascii_lowercase()),
        };
        let mut sheet = sheet(text_of(package, &path)?, &strings, &mut left)?;
        sheet.name = name;
        book.sheets.push(sheet);
    }
    if book.sheets.is_empty() { Err(FilterError::Missing("visible sheet")) } else { Ok(book) }
}

/// Relation id → target.
fn relations(text: &str) -> Result<Vec<(String, String)>, FilterError> {
    let mut found = Vec::new();
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event().map_err(broken)? {
            Event::Start(tag) | Event::Empty(tag) if tag.local_name().as_ref() == "Relationship" => {
                if attribute(&tag, "TargetMode")?.is_some_and(|mode| mode == "External") {
                    return Err(wrong("it refers to another file"));
                }
                if let (Some(id), Some(target)) = (attribute(&tag, "Id")?, attribute(&tag, "Target")?) {
                    found.push((id, target));
                }
            }
            Event::DocType(_) => return Err(wrong("it has a document type")),
            Event::Eof => return Ok(found),
            _ => {}
        }
    }
}

/// Name and relation of the visible sheets.
fn sheets(text: &str) -> Result<Vec<(String, String)>, FilterError> {
    let mut found = Vec::new();
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event().map_err(broken)? {
            Event::Start(tag) | Event::Empty(tag) if tag.local_name().as_ref() == "sheet" => {
                if attribute(&tag, "state")?.is_some_and(|state| state != "visible") {
                    continue;
                }
                let relation = attribute(&tag, "r:id")?;
                let (Some(name), Some(relation)) = (attribute(&tag, "name")?, relation) else {
                    return Err(wrong("a sheet has no name or no content"));
                };
                found.push((name, relation));
            }
            Event::DocType(_) => return Err(wrong("it has a document type")),
            Event::Eof => return Ok(found),
            _ => {}
        }
    }
}

/// The texts that cells share.
fn strings(text: &str) -> Result<Vec<String>, FilterError> {
    let mut found = Vec::new();
    let mut reader = Reader::from_str(text);
    let (mut current, mut in_text, mut phonetic) = (String::new(), false, false);
    loop {
        match reader.read_event().map_err(broken)? {
            Event::Start(tag) => match tag.local_name().as_ref() {
                "si" => current.clear(),
                "t" => in_text = true,
                "rPh" => phonetic = true,
                _ => {}
            },
            Event::End(tag) => match tag.local_name().as_ref() {
                "si" => found.push(std::mem::take(&mut current)),
                "t" => in_text = false,
                "rPh" => phonetic = false,
                _ => {}
            },
            Event::Empty(tag) if tag.local_name().as_ref() == "si" => found.push(String::new()),
            Event::Text(text) if in_text && !phonetic => current.push_str(&text.xml10_content()),
            Event::CData(text) if in_text && !phonetic => current.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) if in_text && !phonetic => current.push(referred(&reference)?),
            Event::DocType(_) => return Err(wrong("it has a document type")),
            Event::Eof => return Ok(found),
            _ => {}
        }
        if found.len() > MOST_CELLS {
            return Err(wrong("it has too many texts"));
        }
    }
}

/// A cell that is being read.
#[derive(Default)]
struct Open {
    column: usize,
    style: Option<u32>,
    kind: String,
    text: String,
    /// Within `v` or `t`.
    reading: bool,
    phonetic: bool,
}

fn sheet(text: &str, strings: &[String], left: &mut usize) -> Result<Sheet, FilterError> {
    let mut sheet = Sheet::default();
    let mut reader = Reader::from_str(text);
    let mut row = Row::default();
    let mut open: Option<Open> = None;
    loop {
        let event = reader.read_event().map_err(broken)?;
        let is_empty = matches!(event, Event::Empty(_));
        match event {
            Event::Start(tag) | Event::Empty(tag) => match tag.local_name().as_ref() {
                "row" => row = Row::default(),
                "c" => {
                    *left = left.checked_sub(1).ok_or(wrong("it has too many cells"))?;
                    let next = row.cells.last().map_or(0, |cell| cell.column + 1);
                    let cell = begin(&tag, next)?;
                    if is_empty { row.cells.push(finish(cell, strings)?) } else { open = Some(cell) }
                }
                "v" | "t" => {
                    if let Some(open) = &mut open {
                        open.reading = !is_empty;
                    }
                }
                "rPh" => {
                    if let Some(open) = &mut open {
                        open.phonetic = !is_empty;
                    }
                }
                "f" => return Err(wrong("it has formulas, which may tell of rows that are left out")),
                "mergeCell" => merged(&tag)?,
                "col" => sheet.widths.extend(width(&tag)?),
                _ => {}
            },
            Event::End(tag) => match tag.local_name().as_ref() {
                "row" if !row.cells.is_empty() => sheet.rows.push(std::mem::take(&mut row)),
                "c" => row.cells.extend(open.take().map(|open| finish(open, strings)).transpose()?),
                "v" | "t" => {
                    if let Some(open) = &mut open {
                        open.reading = false;
                    }
                }
                "rPh" => {
                    if let Some(open) = &mut open {
                        open.phonetic = false;
                    }
                }
                _ => {}
            },
            Event::Text(text) => take(&mut open, &text.xml10_content()),
            Event::CData(text) => take(&mut open, &text.xml10_content()),
            Event::GeneralRef(reference) => take(&mut open, referred(&reference)?.encode_utf8(&mut [0; 4])),
            Event::DocType(_) => return Err(wrong("it has a document type")),
            Event::Eof => return Ok(sheet),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
}

fn take(open: &mut Option<Open>, text: &str) {
    if let Some(open) = open.as_mut().filter(|open| open.reading && !open.phonetic) {
        open.text.push_str(text);
    }
}

/// Columns by letters: `A` is 0.
fn column(reference: &str) -> Option<usize> {
    let letters = reference.bytes().take_while(u8::is_ascii_uppercase);
    let number =
        letters.fold(0_usize, |sum, letter| sum.saturating_mul(26).saturating_add(usize::from(letter - b'A') + 1));
    (1..=MOST_COLUMNS).contains(&number).then(|| number - 1)
}

fn begin(tag: &BytesStart<'_>, next: usize) -> Result<Open, FilterError> {
    let at = match attribute(tag, "r")? {
        Some(reference) => column(&reference).ok_or(wrong("a cell has no place"))?,
        None => next,
    };
    // Two cells of one place would be shown as one of them.
    if at < next || at >= MOST_COLUMNS {
        return Err(wrong("the cells of a row are not in order"));
    }
    let style = attribute(tag, "s")?.and_then(|style| style.parse().ok());
    Ok(Open { column: at, style, kind: attribute(tag, "t")?.unwrap_or_default(), ..Open::default() })
}

fn finish(open: Open, strings: &[String]) -> Result<Cell, FilterError> {
    let Open { column, style, kind, text, .. } = open;
    let value = match kind.as_str() {
        _ if text.is_empty() => Value::Empty,
        "s" => {
            let shared = text.trim().parse::<usize>().ok().and_then(|at| strings.get(at));
            Value::Text(shared.ok_or(wrong("a cell refers to a text that is not there"))?.clone())
        }
        "inlineStr" | "str" => Value::Text(text),
        "b" => Value::Truth(text.trim() == "1"),
        "e" => Value::Error(text),
        "" | "n" => {
            let plain = text.trim();
            let number = plain.parse::<f64>().ok().filter(|number| number.is_finite());
            number.ok_or(wrong("a number is none"))?;
            Value::Number(plain.to_owned())
        }
        "d" => Value::Text(text),
        _ => return Err(wrong("a cell has a type that is not read")),
    };
    Ok(Cell { column, style, value })
}

/// Cells that are merged over several rows would belong to rows that are left out.
fn merged(tag: &BytesStart<'_>) -> Result<(), FilterError> {
    let range = attribute(tag, "ref")?.unwrap_or_default();
    let row = |part: &str| part.trim_start_matches(|c: char| c.is_ascii_uppercase()).to_owned();
    let rows: Vec<String> = range.split(':').map(row).collect();
    match rows.as_slice() {
        // Titles may be merged over columns; a row of data cannot be read then.
        [first, last] if first == last && first == "1" => Ok(()),
        _ => Err(wrong("it has merged cells among its rows")),
    }
}

fn width(tag: &BytesStart<'_>) -> Result<Option<(usize, usize, f64)>, FilterError> {
    let number = |name: &str| Ok::<_, FilterError>(attribute(tag, name)?.and_then(|text| text.parse::<f64>().ok()));
    let place = |name: &str| Ok::<_, FilterError>(attribute(tag, name)?.and_then(|text| text.parse::<usize>().ok()));
    let found = (place("min")?, place("max")?, number("width")?);
    Ok(match found {
        (Some(first), Some(last), Some(width))
            if first >= 1 && first <= last && last <= MOST_COLUMNS && (0.0..=255.0).contains(&width) =>
        {
            Some((first, last, width))
        }
        _ => None,
    })
}
