//! What a lookup takes out of what it finds; not where it looks.

use super::Compile;
use crate::diagnostics::Mark;
use crate::diagnostics::yaml::Spanned;
use crate::lookup::extract::{Attribute, Extractor, Kind};
use crate::lookup::raw::{RawExtract, RawLookup};
use regex::Regex;

impl Compile<'_> {
    pub(super) fn values(&mut self, raw: &RawLookup, is_sql: bool) -> Vec<Attribute> {
        let mut found = Vec::new();
        match (&raw.value, raw.values.len()) {
            (Some(value), 0) => found.extend(self.attribute(None, value, is_sql)),
            (Some(value), _) => self.fault(value.mark, "both `value` and `values`", "write `value` for one attribute, or `values` with the dimensions that they bind"),
            (None, 0) if is_sql => found.push(Attribute { name: None, extractor: Extractor::Column(None), map: Default::default() }),
            (None, 0) => self.fault(
                self.name.mark,
                format!("the lookup `{}` does not say what it takes", self.name.value),
                "write for example `value: {json: /warehouse}`, `value: {css: \"#warehouse\"}` or `value: {regex: \"…(…)…\"}`",
            ),
            (None, _) => {
                for (name, value) in raw.values.iter() {
                    found.extend(self.attribute(Some(name), value, is_sql));
                }
            }
        }
        found
    }

    fn attribute(
        &mut self,
        name: Option<&Spanned<String>>,
        raw: &Spanned<RawExtract>,
        is_sql: bool,
    ) -> Option<Attribute> {
        if let (Some(attribute), None) = (&raw.attribute, &raw.css) {
            self.fault(
                attribute.mark,
                "`attribute` without `css`",
                "name the element: `{css: \"#warehouse\", attribute: data-code}`",
            );
        }
        let extractor = match (&raw.json, &raw.css, &raw.regex, &raw.column) {
            (Some(json), None, None, None) => Extractor::Json(self.pointer(json)?),
            (None, Some(css), None, None) => {
                if !Extractor::is_selector(css) {
                    self.fault(
                        css.mark,
                        format!("`{}` is not a selector that can be looked for", css.value),
                        "write for example `#warehouse`, `td.warehouse` or `form input[name=warehouse]`",
                    );
                    return None;
                }
                let attribute = raw.attribute.as_ref().map(|attribute| attribute.to_ascii_lowercase().into());
                Extractor::Css { selector: css.as_str().into(), attribute }
            }
            (None, None, Some(regex), None) => Extractor::Regex(self.regex(regex)?),
            (None, None, None, Some(column)) => Extractor::Column(Some(column.as_str().into())),
            (None, None, None, None) if is_sql => Extractor::Column(name.map(|name| name.as_str().into())),
            _ => {
                self.fault(
                    raw.mark,
                    "a value stands in one place",
                    "write one of `json`, `css`, `regex` and, for `sql`, `column`",
                );
                return None;
            }
        };
        let map = raw.map.iter().map(|(from, to)| (from.as_str().into(), to.as_str().into())).collect();
        Some(Attribute { name: name.map(|name| name.as_str().into()), extractor, map })
    }

    fn regex(&mut self, text: &Spanned<String>) -> Option<Regex> {
        let help = "write one group around the value: `warehouse: ([A-Z]{2})`";
        match Regex::new(text) {
            Ok(regex) if regex.captures_len() == 2 => Some(regex),
            Ok(_) => {
                self.fault(text.mark, format!("`{}` does not have one group", text.value), help);
                None
            }
            Err(error) => {
                let last = error.to_string().lines().last().unwrap_or_default().trim().to_owned();
                self.fault(
                    text.mark,
                    format!("the regular expression is wrong: {}", last.trim_start_matches("error: ")),
                    help,
                );
                None
            }
        }
    }

    /// All that one answer gives is read out of it in one way.
    pub(super) fn kinds(&mut self, raw: &RawLookup, values: &[Attribute], is_sql: bool) {
        let Some(first) = values.first().map(|value| value.extractor.kind()) else { return };
        if values.iter().any(|value| value.extractor.kind() != first) {
            self.fault(
                self.name.mark,
                "the values are read in different ways",
                "an answer is JSON, HTML or text: use one of `json`, `css` and `regex` for all of them",
            );
        }
        if is_sql != (first == Kind::Rows) {
            let message = if is_sql { "a query gives columns" } else { "a `column` is what a query gives" };
            self.fault(
                self.name.mark,
                message,
                "write `column` with `sql`, and `json`, `css` or `regex` with what the application answers",
            );
        }
        let lists = raw.request.iter().filter_map(|request| request.many.as_ref()).map(|many| many.mark);
        let lists: Vec<Mark> = lists.chain(raw.learned.iter().map(|learned| learned.mark)).collect();
        if let Some(mark) = lists.first().filter(|_| first != Kind::Json) {
            self.fault(
                *mark,
                "lists are read as JSON only",
                "find the values by `json` pointers, or look the objects up one by one",
            );
        }
    }
}
