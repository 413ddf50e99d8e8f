//! What pages become; each is cut at many places, since no cut may matter.

mod link;
mod markup;
mod mask;
mod model;
mod rows;

use super::plan::{Html, RawHtml};
use crate::diagnostics::yaml::{Document, Spanned};
use crate::diagnostics::{Diagnostic, Mark, Report};
use crate::filter::chain::Transform;
use crate::filter::error::FilterError;
use crate::filter::judge::{DimensionNo, GrantNo, Judge, Occasion, Terms};
use crate::filter::raw::Names;
use std::rc::Rc;
use std::sync::Arc;

/// Numbers dimensions and permissions in the order in which they are named.
#[derive(Default)]
pub struct Numbered {
    dimensions: Vec<String>,
    permissions: Vec<String>,
    report: Report,
    file: Arc<str>,
}

fn number(list: &mut Vec<String>, name: &str) -> u16 {
    let at = list.iter().position(|own| own == name).unwrap_or_else(|| {
        list.push(name.to_owned());
        list.len() - 1
    });
    u16::try_from(at).unwrap()
}

impl Names for Numbered {
    fn dimension(&mut self, name: &Spanned<String>) -> Option<DimensionNo> {
        Some(DimensionNo(number(&mut self.dimensions, name)))
    }

    fn permission(&mut self, name: &Spanned<String>) -> Option<GrantNo> {
        Some(GrantNo(number(&mut self.permissions, name)))
    }

    fn error(&mut self, mark: Mark, message: String) -> &mut Diagnostic {
        self.report.error(&self.file, mark, message)
    }
}

/// Compiles the block that `yaml` is.
pub fn html(yaml: &str) -> Html {
    let mut report = Report::new();
    let document = Document::parse("rule.yaml", yaml, &mut report).unwrap();
    let raw: Spanned<RawHtml> = document.decode(&mut report).unwrap_or_else(|| panic!("{report:?}"));
    let mut names = Numbered::default();
    let html = Html::compile(&raw, &mut names);
    assert!(names.report.is_empty() && report.is_empty(), "{:?} {report:?}", names.report);
    html
}

/// Sees rows of these values; masked fields of rows that have the value, or everywhere with `*`, or nowhere.
#[derive(Clone)]
pub struct Sees(pub &'static [&'static str], pub &'static str);

impl Judge for Sees {
    fn keeps(&self, row: &[(DimensionNo, &str)]) -> bool {
        !row.is_empty() && row.iter().all(|(_, value)| self.0.contains(value) || self.0 == ["*"])
    }

    fn shows(&self, _: GrantNo, row: &[(DimensionNo, &str)]) -> bool {
        self.1 == "*" || row.iter().any(|(_, value)| *value == self.1)
    }

    fn may_show(&self, _: GrantNo) -> bool {
        !self.1.is_empty()
    }

    fn is_refused(&self, method: &str, target: &str) -> bool {
        target.contains("refused") || (method == "POST" && target.contains("write"))
    }

    fn keeps_all(&self, _: &[DimensionNo]) -> bool {
        self.0.contains(&"*")
    }
}

/// What is left of `page`, which comes in pieces of `size`.
pub fn run(html: &Html, judge: &Sees, page: &str, size: usize) -> Result<String, FilterError> {
    let occasion = Occasion {
        target: "/app/list?w=HF".into(),
        authority: "app.test".into(),
        https: true,
        watermark: "picker.hf <2026>".into(),
    };
    let terms = Terms {
        judge: Rc::new(judge.clone()),
        tally: Rc::default(),
        bounds: crate::filter::plan::Bounds::default(),
        occasion: Rc::new(occasion),
    };
    let (mut stage, mut out) = (html.start(terms, crate::request::Charset::Utf8), Vec::new());
    for chunk in page.as_bytes().chunks(size) {
        stage.push(chunk, &mut out)?;
    }
    stage.finish(&mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

/// The same, after every cut that could matter.
pub fn page(html: &Html, judge: &Sees, text: &str) -> Result<String, FilterError> {
    let whole = run(html, judge, text, text.len().max(1));
    for size in (1..text.len().min(24)).chain([37, 64]) {
        let cut = run(html, judge, text, size);
        // An error may be found a little earlier or later.
        match (&whole, &cut) {
            (Ok(whole), Ok(cut)) => assert_eq!(whole, cut, "in pieces of {size}"),
            (Err(_), Err(_)) => {}
            (whole, cut) => panic!("in pieces of {size}: {cut:?} and not {whole:?}"),
        }
    }
    whole
}
