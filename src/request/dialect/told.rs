//! The facts of a dialect as words, for the documentation and what checks it.

use super::Dialect;
use compact_str::CompactString;

fn word<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(ToOwned::to_owned)).unwrap_or_default()
}

fn list(words: &[CompactString]) -> String {
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

fn yes(holds: bool) -> String {
    if holds { "yes" } else { "no" }.to_owned()
}

impl Dialect {
    /// Every fact under the name that rules override it by, with its value as words.
    #[must_use]
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let merged: Vec<CompactString> = self.merge.iter().map(|place| place.as_str().into()).collect();
        let refused: Vec<CompactString> = self.path_refused.iter().map(|c| CompactString::from_iter([*c])).collect();
        vec![
            ("charset", self.charset.as_str().to_owned()),
            ("query-charset", self.query_charset.as_str().to_owned()),
            ("path-charset", self.path_charset.as_str().to_owned()),
            ("duplicates", word(&self.duplicates)),
            ("names", word(&self.naming)),
            ("merge", list(&merged)),
            ("query-of-post", yes(self.query_of_post)),
            ("semicolon-separates", yes(self.semicolon_separates)),
            ("plus-is-space", yes(self.plus_is_space)),
            ("keyword-query", yes(self.keyword_query)),
            ("refused-names", list(&self.refused_names)),
            ("max-params", self.max_params.to_string()),
            ("max-depth", self.max_depth.to_string()),
            ("form-methods", list(&self.form_methods)),
            ("json-types", list(&self.json_types)),
            ("part-names-ascii", yes(self.part_names_ascii)),
            ("file-name-references", yes(self.file_name_references)),
            ("cookie-escapes", self.cookie_escapes.map_or_else(|| "unknown".to_owned(), yes)),
            ("cookie-lists", yes(self.cookie_lists)),
            ("cookie-commas", yes(self.cookie_commas)),
            ("cookie-prefixes", list(&self.cookie_prefixes)),
            ("fold-path", yes(self.fold_path)),
            ("path-parameters", if self.has_path_parameters { "stripped" } else { "part of the segment" }.to_owned()),
            ("script-extensions", list(&self.script_extensions)),
            ("path-refused", list(&refused)),
            ("override-headers", list(&self.override_headers)),
            ("override-params", list(&self.override_params)),
        ]
    }
}
