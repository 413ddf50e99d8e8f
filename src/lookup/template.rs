//! `/api/order/{key}` and `select … where id = {key}`: texts with a gap for the key, which is escaped or bound, never pasted.

use compact_str::CompactString;
use std::fmt::Write as _;

/// Why a text with gaps cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The gap is missing.
    #[error("`{{{0}}}` is missing")]
    Missing(&'static str),
    /// A brace that begins or ends no gap.
    #[error("a brace stands for itself: only `{{{0}}}` may stand in braces")]
    Brace(&'static str),
    /// Not a path.
    #[error("`{0}` is not a path: it must begin with `/` and hold no space, `#` or letter beyond ASCII")]
    Path(String),
    /// The gap stands inside of a quoted text.
    #[error("`{{key}}` stands in quotes, where nothing can be bound")]
    Quoted,
}

/// The texts around the gaps, one more than there are gaps.
fn parts(text: &str, gap: &'static str) -> Result<Vec<CompactString>, TemplateError> {
    let whole = format!("{{{gap}}}");
    let parts: Vec<CompactString> = text.split(whole.as_str()).map(CompactString::from).collect();
    if parts.len() < 2 {
        return Err(TemplateError::Missing(gap));
    }
    if parts.iter().any(|part| part.contains(['{', '}'])) {
        return Err(TemplateError::Brace(gap));
    }
    Ok(parts)
}

/// A path and query with gaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<CompactString>);

impl Template {
    /// Reads a path and query in which `{gap}` stands at least once.
    ///
    /// # Errors
    /// When the gap is missing, or it is not a path as a request line holds it.
    pub fn compile(text: &str, gap: &'static str) -> Result<Self, TemplateError> {
        let plain = text.starts_with('/') && text.bytes().all(|byte| matches!(byte, 0x21..=0x7e) && byte != b'#');
        if !plain {
            return Err(TemplateError::Path(text.to_owned()));
        }
        parts(text, gap).map(Self)
    }

    /// The path and query for these keys, each as the bytes that the application's character set has for it. Whatever is not an
    /// unreserved character (RFC 3986 section 2.3) is escaped.
    #[must_use]
    pub fn fill<'k>(&self, keys: impl Iterator<Item = &'k [u8]> + Clone, separator: char) -> String {
        let mut out = String::new();
        for (at, part) in self.0.iter().enumerate() {
            if at > 0 {
                for (number, key) in keys.clone().enumerate() {
                    if number > 0 {
                        out.push(separator);
                    }
                    for &byte in key {
                        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                            out.push(char::from(byte));
                        } else {
                            // Writing to a string cannot fail.
                            let _ = write!(out, "%{byte:02X}");
                        }
                    }
                }
            }
            out.push_str(part);
        }
        out
    }
}

/// A query with gaps where the key is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query(Vec<CompactString>);

impl Query {
    /// Reads a query in which `{key}` stands at least once, and never inside of quotes.
    ///
    /// # Errors
    /// When that is not so.
    pub fn compile(text: &str) -> Result<Self, TemplateError> {
        let parts = parts(text, "key")?;
        let mut open = None;
        for (at, part) in parts.iter().enumerate() {
            if at > 0 && open.is_some() {
                return Err(TemplateError::Quoted);
            }
            for c in part.chars() {
                match open {
                    None if matches!(c, '\'' | '"' | '`') => open = Some(c),
                    Some(quote) if quote == c => open = None,
                    _ => {}
                }
            }
        }
        Ok(Self(parts))
    }

    /// How often the key is bound.
    #[must_use]
    pub fn gaps(&self) -> usize {
        self.0.len().saturating_sub(1)
    }

    /// The text with what `mark` gives for each gap, counted from 1.
    #[must_use]
    pub fn text(&self, mark: impl Fn(usize) -> String) -> String {
        let mut out = String::new();
        for (at, part) in self.0.iter().enumerate() {
            if at > 0 {
                out.push_str(&mark(at));
            }
            out.push_str(part);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_escaped_whatever_it_holds() {
        let template = Template::compile("/order/{key}?id={key}", "key").unwrap();
        let fill = |key: &str| template.fill([key.as_bytes()].into_iter(), ',');
        assert_eq!(fill("12345"), "/order/12345?id=12345");
        assert_eq!(fill("a/b?c&d=é"), "/order/a%2Fb%3Fc%26d%3D%C3%A9?id=a%2Fb%3Fc%26d%3D%C3%A9");
        let many = Template::compile("/orders?ids={keys}", "keys").unwrap();
        assert_eq!(many.fill([&b"1"[..], b"2,3"].into_iter(), ','), "/orders?ids=1,2%2C3");
    }

    #[test]
    fn a_text_without_a_gap_or_with_another_is_no_template() {
        assert_eq!(Template::compile("/order/1", "key"), Err(TemplateError::Missing("key")));
        assert_eq!(Template::compile("/order/{key}/{id}", "key"), Err(TemplateError::Brace("key")));
        assert!(matches!(Template::compile("order/{key}", "key"), Err(TemplateError::Path(_))));
        assert!(matches!(Template::compile("/order/{key} x", "key"), Err(TemplateError::Path(_))));
    }

    #[test]
    fn a_gap_in_quotes_is_refused() {
        for text in ["select w from o where id = '{key}'", "select \"{key}\"", "select '', '{key}'"] {
            assert_eq!(Query::compile(text), Err(TemplateError::Quoted), "{text}");
        }
        let query = Query::compile("select w from o where id = {key} and n <> 'it''s' or p = {key}").unwrap();
        assert_eq!(
            (query.gaps(), query.text(|at| format!("${at}"))),
            (2, "select w from o where id = $1 and n <> 'it''s' or p = $2".to_owned())
        );
    }
}
