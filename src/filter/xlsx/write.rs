//! Writes a workbook anew: values, formats and widths of what was judged, and nothing else.

use std::fmt::Write as _;

use super::package;
use super::read::{Book, Sheet, Value};
use crate::filter::error::FilterError;

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";
const TYPE: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml";

/// Formats of a workbook that came without any.
const PLAIN: &str = "<styleSheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><fonts count=\"1\"><font/></fonts>\
<fills count=\"2\"><fill><patternFill patternType=\"none\"/></fill><fill><patternFill patternType=\"gray125\"/></fill></fills>\
<borders count=\"1\"><border/></borders><cellStyleXfs count=\"1\"><xf/></cellStyleXfs><cellXfs count=\"1\"><xf/></cellXfs></styleSheet>";

/// Text as XML has it, without characters that it cannot have.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' => out.push(c),
            '\r' => out.push_str("&#13;"),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    out
}

fn letters(column: usize) -> String {
    let mut left = column + 1;
    let mut letters = Vec::new();
    while left > 0 {
        left -= 1;
        letters.push(b'A' + u8::try_from(left % 26).unwrap_or(0));
        left /= 26;
    }
    letters.iter().rev().map(|&letter| char::from(letter)).collect()
}

/// Writes `book`, marked with who asked for it.
///
/// # Errors
/// Where it cannot be packed.
pub fn book(book: &Book, mark: Option<&str>) -> Result<Vec<u8>, FilterError> {
    let mut types = format!(
        "{HEAD}<Types xmlns=\"{PACKAGE}/content-types\"><Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
         <Default Extension=\"xml\" ContentType=\"application/xml\"/><Override PartName=\"/xl/workbook.xml\" ContentType=\"{TYPE}.sheet.main+xml\"/>\
         <Override PartName=\"/xl/styles.xml\" ContentType=\"{TYPE}.styles+xml\"/>"
    );
    let mut relations = format!(
        "{HEAD}<Relationships xmlns=\"{PACKAGE}/relationships\"><Relationship Id=\"rId0\" Type=\"{OFFICE}/styles\" Target=\"styles.xml\"/>"
    );
    let mut sheets = String::new();
    let mut parts: Vec<(String, Vec<u8>)> = Vec::new();
    for (no, one) in book.sheets.iter().enumerate() {
        let no = no + 1;
        // Writing to a String does not fail.
        let _ =
            write!(types, "<Override PartName=\"/xl/worksheets/sheet{no}.xml\" ContentType=\"{TYPE}.worksheet+xml\"/>");
        let _ = write!(
            relations,
            "<Relationship Id=\"rId{no}\" Type=\"{OFFICE}/worksheet\" Target=\"worksheets/sheet{no}.xml\"/>"
        );
        let _ = write!(sheets, "<sheet name=\"{}\" sheetId=\"{no}\" r:id=\"rId{no}\"/>", escape(&one.name));
        parts.push((format!("xl/worksheets/sheet{no}.xml"), sheet(one, mark).into_bytes()));
    }
    types.push_str("</Types>");
    relations.push_str("</Relationships>");
    let root = format!(
        "{HEAD}<Relationships xmlns=\"{PACKAGE}/relationships\"><Relationship Id=\"rId1\" Type=\"{OFFICE}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
    );
    let workbook =
        format!("{HEAD}<workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}\"><sheets>{sheets}</sheets></workbook>");
    let styles = book.styles.clone().unwrap_or_else(|| format!("{HEAD}{PLAIN}").into_bytes());
    let mut all: Vec<(&str, Vec<u8>)> = vec![
        ("[Content_Types].xml", types.into_bytes()),
        ("_rels/.rels", root.into_bytes()),
        ("xl/workbook.xml", workbook.into_bytes()),
        ("xl/_rels/workbook.xml.rels", relations.into_bytes()),
        ("xl/styles.xml", styles),
    ];
    all.extend(parts.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())));
    package::close(&all)
}

fn sheet(sheet: &Sheet, mark: Option<&str>) -> String {
    let mut out = format!("{HEAD}<worksheet xmlns=\"{MAIN}\">");
    if !sheet.widths.is_empty() {
        out.push_str("<cols>");
        for (first, last, width) in &sheet.widths {
            let _ = write!(out, "<col min=\"{first}\" max=\"{last}\" width=\"{width}\" customWidth=\"1\"/>");
        }
        out.push_str("</cols>");
    }
    out.push_str("<sheetData>");
    for (no, row) in (1..).zip(&sheet.rows) {
        let _ = write!(out, "<row r=\"{no}\">");
        for cell in &row.cells {
            let style = cell.style.map(|style| format!(" s=\"{style}\"")).unwrap_or_default();
            let _ = write!(out, "<c r=\"{}{no}\"{style}", letters(cell.column));
            let _ = match &cell.value {
                Value::Empty => write!(out, "/>"),
                Value::Text(text) => {
                    write!(out, " t=\"inlineStr\"><is><t xml:space=\"preserve\">{}</t></is></c>", escape(text))
                }
                Value::Number(number) => write!(out, "><v>{}</v></c>", escape(number)),
                Value::Truth(truth) => write!(out, " t=\"b\"><v>{}</v></c>", u8::from(*truth)),
                Value::Error(error) => write!(out, " t=\"e\"><v>{}</v></c>", escape(error)),
            };
        }
        out.push_str("</row>");
    }
    if let Some(mark) = mark {
        let (no, text) = (sheet.rows.len() + 1, escape(mark));
        let _ = write!(out, "<row r=\"{no}\"><c r=\"A{no}\" t=\"inlineStr\"><is><t>{text}</t></is></c></row>");
    }
    out.push_str("</sheetData>");
    if let Some(mark) = mark {
        // `&` begins a code there (section 18.3.1.46).
        let _ = write!(
            out,
            "<headerFooter><oddFooter>&amp;C{}</oddFooter></headerFooter>",
            escape(&mark.replace('&', "&&"))
        );
    }
    out.push_str("</worksheet>");
    out
}
