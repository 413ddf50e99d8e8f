//! What is left of workbooks, read back by the same reader and looked at in their bytes.

use super::{Column, Rule, Xlsx, package, read};
use crate::filter::error::FilterError;
use crate::filter::judge::tests::Sees;
use crate::filter::judge::{DimensionNo, GrantNo, Occasion};
use crate::filter::mask::Form;
use crate::filter::plan::{Keep, Mask};
use crate::filter::tally::Tally;
use std::sync::Arc;

const CELLS: &str = "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"B1\" t=\"s\"><v>1</v></c><c r=\"C1\" t=\"inlineStr\"><is><t>Cost</t></is></c></row>\
    <row r=\"2\"><c r=\"A2\"><v>1001</v></c><c r=\"B2\" t=\"s\"><v>2</v></c><c r=\"C2\" s=\"3\"><v>7.11</v></c></row>\
    <row r=\"3\"><c r=\"A3\"><v>1002</v></c><c r=\"B3\" t=\"s\"><v>3</v></c><c r=\"C3\"><v>8.22</v></c></row>\
    <row r=\"5\"><c r=\"A5\"><v>1003</v></c><c r=\"B5\" t=\"inlineStr\"><is><r><t>H</t></r><r><t>&#70;</t></r></is></c><c r=\"C5\"><v>9.33</v></c></row>\
    <row r=\"6\"><c r=\"A6\"><v>1004</v></c><c r=\"C6\"><v>25</v></c></row>";

fn workbook(cells: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let main = "xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\"";
    let book = format!(
        "<workbook {main}><sheets><sheet name=\"A &amp; B\" sheetId=\"1\" r:id=\"r1\"/><sheet name=\"x\" sheetId=\"2\" state=\"hidden\" r:id=\"r2\"/></sheets><definedNames><definedName name=\"n\">secret</definedName></definedNames></workbook>"
    );
    let relations = "<Relationships><Relationship Id=\"r1\" Target=\"worksheets/sheet1.xml\"/><Relationship Id=\"r2\" Target=\"/xl/worksheets/sheet2.xml\"/></Relationships>";
    let strings = "<sst><si><t>No</t></si><si><t>Warehouse</t></si><si><t> HF </t><rPh><t>xx</t></rPh></si><si><t>SH</t></si></sst>";
    let sheet = format!(
        "<worksheet {main}><cols><col min=\"1\" max=\"2\" width=\"12.5\"/></cols><sheetData>{cells}</sheetData></worksheet>"
    );
    let hidden = format!(
        "<worksheet {main}><sheetData><row><c t=\"inlineStr\"><is><t>secret</t></is></c></row></sheetData></worksheet>"
    );
    let mut parts = vec![
        ("[Content_Types].xml", b"<Types/>".to_vec()),
        ("xl/workbook.xml", book.into_bytes()),
        ("xl/_rels/workbook.xml.rels", relations.as_bytes().to_vec()),
        ("xl/sharedStrings.xml", strings.as_bytes().to_vec()),
        ("xl/worksheets/sheet1.xml", sheet.into_bytes()),
        ("xl/worksheets/sheet2.xml", hidden.into_bytes()),
    ];
    parts.extend(more.iter().map(|(name, text)| (*name, text.as_bytes().to_vec())));
    package::close(&parts).unwrap()
}

fn xlsx() -> Xlsx {
    let titled = |title: &str| Column::Titled(title.into());
    let rule = Rule {
        keep: vec![Keep { dimension: DimensionNo(0), places: vec![titled("Warehouse").into()] }],
        mask: vec![Mask { fields: vec![titled("Cost")], unless: Some(GrantNo(0)), form: Form::Remove }],
        titles: 1,
        watermark: true,
    };
    Xlsx { rule: Arc::new(rule), types: Vec::new() }
}

fn rewrite(file: &[u8], shows: bool) -> Result<Vec<u8>, FilterError> {
    let occasion = Occasion { watermark: "a & <b>".into(), ..Occasion::default() };
    xlsx().rewrite(file, &Sees(&["HF"], shows), &occasion, &Tally::default())
}

fn seen(file: &[u8]) -> Vec<Vec<String>> {
    let book = read::book(&package::open(file).unwrap()).unwrap();
    assert_eq!(book.sheets.len(), 1);
    let said = |cell: &read::Cell| cell.value.exact().unwrap_or_else(|| format!("{:?}", cell.value));
    book.sheets[0].rows.iter().map(|row| row.cells.iter().map(said).collect()).collect()
}

fn words(text: &str) -> Vec<String> {
    text.split(',').map(str::to_owned).collect()
}

#[test]
fn rows_are_kept_by_their_value_and_masked_columns_are_emptied() {
    let left = rewrite(&workbook(CELLS, &[]), true).unwrap();
    let expected =
        [words("No,Warehouse,Cost"), words("1001,HF,7.11"), words("1003,HF,9.33"), vec!["a & <b>".to_owned()]];
    assert_eq!(seen(&left), expected);
    let left = rewrite(&workbook(CELLS, &[]), false).unwrap();
    let expected =
        [words("No,Warehouse,Cost"), words("1001,HF,Empty"), words("1003,HF,Empty"), vec!["a & <b>".to_owned()]];
    assert_eq!(seen(&left), expected);
}

#[test]
fn what_was_not_judged_is_nowhere_in_the_file() {
    let left = rewrite(&workbook(CELLS, &[("docProps/core.xml", "secret"), ("xl/theme/theme1.xml", "secret")]), false);
    let package = left.and_then(|left| package::open(&left)).unwrap();
    let text: String = package.values().map(|part| String::from_utf8_lossy(part).into_owned()).collect();
    for hidden in ["SH", "1002", "8.22", "7.11", "secret", "1004"] {
        assert!(!text.contains(hidden), "{hidden} is in {text}");
    }
    assert!(text.contains("name=\"A &amp; B\"") && text.contains("&amp;Ca &amp;&amp; &lt;b&gt;"), "{text}");
}

#[test]
fn what_could_tell_of_hidden_rows_ends_the_answer() {
    let title =
        "<row><c t=\"inlineStr\"><is><t>Warehouse</t></is></c><c t=\"inlineStr\"><is><t>Cost</t></is></c></row>";
    let with = |cells: &str| format!("{title}{cells}");
    for cells in [
        with("<row><c><f>SUM(B:B)</f><v>1</v></c></row>"),
        with("<row><c r=\"B2\"><v>1</v></c><c r=\"A2\"><v>1</v></c></row>"),
        with("<row><c r=\"A2\"><v>1</v></c><c r=\"A2\"><v>2</v></c></row>"),
        with("<row><c r=\"ZZZZ2\"><v>1</v></c></row>"),
        with("<row><c t=\"s\"><v>99</v></c></row>"),
        with("<row><c><v>x</v></c></row>"),
        with("<row><c><v>1</v></row>"),
        format!("{title}</sheetData><mergeCells><mergeCell ref=\"A2:A3\"/></mergeCells><sheetData>"),
        "<row><c t=\"inlineStr\"><is><t>Warehouse</t></is></c></row><row><c><v>1</v></c></row>".to_owned(),
    ] {
        assert!(rewrite(&workbook(&cells, &[]), true).is_err(), "{cells}");
    }
    for part in [
        "xl/comments1.xml",
        "xl/pivotCache/pivotCacheRecords1.xml",
        "xl/drawings/drawing1.xml",
        "xl/vbaProject.bin",
        "xl/media/image1.png",
        "xl/externalLinks/externalLink1.xml",
        "xl/tables/table1.xml",
        "customXml/item1.xml",
    ] {
        assert!(rewrite(&workbook(CELLS, &[(part, "x")]), true).is_err(), "{part}");
    }
    let doctype = [("xl/SharedStrings.xml", "x")];
    assert!(rewrite(&workbook(CELLS, &doctype), true).is_err(), "a part stands there twice");
    for file in
        [&b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 an old workbook"[..], b"", b"PK\x03\x04", b"Warehouse,Cost\nHF,1\n"]
    {
        assert!(rewrite(file, true).is_err());
    }
}

#[test]
fn values_that_office_may_show_otherwise_are_nobodys() {
    let cells = "<row><c t=\"inlineStr\"><is><t>Warehouse</t></is></c><c t=\"inlineStr\"><is><t>Cost</t></is></c></row>\
                 <row><c t=\"inlineStr\"><is><t>_x0048_F</t></is></c><c><v>71</v></c></row><row><c t=\"b\"><v>1</v></c><c><v>72</v></c></row>";
    assert_eq!(seen(&rewrite(&workbook(cells, &[]), true).unwrap()).len(), 2);
}

#[test]
fn a_bomb_ends_before_it_is_unpacked() {
    let spaces = " ".repeat(super::MOST_OPENED + 1);
    let file = workbook(CELLS, &[("xl/worksheets/sheet9.xml", &spaces)]);
    assert!(file.len() < 1 << 20);
    assert_eq!(rewrite(&file, true), Err(FilterError::TooLong(super::MOST_OPENED)));
}
