//! Lists as files for spreadsheets, as the demo's applications give them away; no data and no rights.

use std::io::{Cursor, Write as _};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::legacy::{Answer, escape};

/// The content type of workbooks.
const WORKBOOK: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";
const SHEETS: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml";

/// Comma separated values, with a first line of titles.
#[must_use]
pub fn csv(titles: &[&str], rows: &[Vec<String>]) -> Answer {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let titles = titles.iter().map(|title| quoted(title)).collect::<Vec<_>>().join(",");
    let lines = rows.iter().map(|row| row.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(","));
    let text: String = std::iter::once(titles).chain(lines).map(|line| line + "\r\n").collect();
    Answer::raw(200, "text/csv; charset=utf-8", text.into_bytes())
        .with("content-disposition", "attachment; filename=\"export.csv\"")
}

/// A workbook with one sheet.
#[must_use]
pub fn xlsx(titles: &[&str], rows: &[Vec<String>]) -> Answer {
    let cell = |text: &str| format!("<c t=\"inlineStr\"><is><t>{}</t></is></c>", escape(text));
    let line = |cells: String| format!("<row>{cells}</row>");
    let titles = line(titles.iter().map(|title| cell(title)).collect());
    let rows: String = rows.iter().map(|row| line(row.iter().map(|text| cell(text)).collect())).collect();
    let parts = [
        (
            "[Content_Types].xml",
            format!(
                "<Types xmlns=\"{PACKAGE}/content-types\"><Default Extension=\"xml\" ContentType=\"application/xml\"/>\
                 <Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
                 <Override PartName=\"/xl/workbook.xml\" ContentType=\"{SHEETS}.sheet.main+xml\"/>\
                 <Override PartName=\"/xl/worksheets/sheet1.xml\" ContentType=\"{SHEETS}.worksheet+xml\"/></Types>"
            ),
        ),
        (
            "_rels/.rels",
            format!(
                "<Relationships xmlns=\"{PACKAGE}/relationships\"><Relationship Id=\"r\" Type=\"{OFFICE}/officeDocument\" \
                 Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}\"><sheets><sheet name=\"Export\" sheetId=\"1\" r:id=\"s\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships xmlns=\"{PACKAGE}/relationships\"><Relationship Id=\"s\" Type=\"{OFFICE}/worksheet\" \
                 Target=\"worksheets/sheet1.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/worksheets/sheet1.xml",
            format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{titles}{rows}</sheetData></worksheet>"),
        ),
    ];
    match pack(&parts) {
        Ok(file) => {
            Answer::raw(200, WORKBOOK, file).with("content-disposition", "attachment; filename=\"export.xlsx\"")
        }
        Err(error) => Answer::raw(500, "text/plain", error.to_string().into_bytes()),
    }
}

fn pack(parts: &[(&str, String)]) -> zip::result::ZipResult<Vec<u8>> {
    let mut file = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in parts {
        file.start_file(*name, SimpleFileOptions::default())?;
        file.write_all(text.as_bytes())?;
    }
    Ok(file.finish()?.into_inner())
}
