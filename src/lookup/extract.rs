//! Attributes out of an application's answer: by JSON pointer, CSS selector or regular expression over the whole, bounded text.
//! Where an answer gives two values, or cannot be read in one way, it gives none.

use crate::model::Reason;
use crate::request::{BodyError, Charset, Json, MediaType};
use compact_str::CompactString;
use encoding_rs::Encoding;
use lol_html::{ElementContentHandlers, HtmlRewriter, Selector, Settings};
use regex::Regex;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;
use std::str::FromStr as _;

/// How deep JSON answers may be nested.
const DEPTH: usize = 64;
/// The longest value in bytes.
const LONGEST: usize = 256;

/// Why an answer gives no value. Holds none of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExtractError {
    /// Another content type than expected.
    #[error("the answer is `{0}`, which is not what the lookup reads")]
    ContentType(CompactString),
    /// A content coding although none was accepted.
    #[error("the answer is encoded")]
    Encoded,
    /// A character set that is not known, or text that is not of it.
    #[error("the answer is not text of its character set")]
    Charset,
    /// Not JSON that has one reading.
    #[error("the answer cannot be read: {0}")]
    Json(BodyError),
    /// Not HTML that could be read.
    #[error("the answer cannot be read as HTML")]
    Html,
    /// Two values that differ.
    #[error("the answer gives several different values at {0}")]
    Several(CompactString),
    /// A list or object, or a text that is no value: empty, too long, with control characters.
    #[error("what stands at {0} is no value")]
    Form(CompactString),
    /// A value that the map does not name.
    #[error("what stands at {0} is not among the values that its `map` names")]
    Unmapped(CompactString),
}

impl ExtractError {
    /// The reason that a record gives.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        Reason::LookupFailed
    }
}

/// A JSON pointer (RFC 6901) as its unescaped steps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pointer(SmallVec<[CompactString; 3]>);

impl Pointer {
    /// Reads a pointer; the empty one is the whole. `None` where it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::default());
        }
        let step = |token: &str| {
            let whole = token.matches('~').count() == token.matches("~0").count() + token.matches("~1").count();
            whole.then(|| CompactString::from(token.replace("~1", "/").replace("~0", "~")))
        };
        text.strip_prefix('/')?.split('/').map(step).collect::<Option<_>>().map(Self)
    }

    /// What it leads to.
    pub(crate) fn find<'j>(&self, root: &'j Json) -> Option<&'j Json> {
        self.0.iter().try_fold(root, |at, step| match at {
            Json::Object(members) => members.iter().find(|(key, _)| key == step).map(|(_, value)| value),
            Json::Array(elements) => {
                let canonical = step == "0" || !step.starts_with('0');
                step.parse::<usize>().ok().filter(|_| canonical).and_then(|index| elements.get(index))
            }
            _ => None,
        })
    }
}

/// Where an attribute stands.
#[derive(Clone, Debug)]
pub enum Extractor {
    /// In JSON.
    Json(Pointer),
    /// In an HTML element: its text, or an attribute.
    Css {
        /// The selector, known to be one.
        selector: CompactString,
        /// The attribute; the text without.
        attribute: Option<CompactString>,
    },
    /// In the group of a regular expression over the text.
    Regex(Regex),
    /// In a column of a query's rows; the only one, or the first, without a name.
    Column(Option<CompactString>),
}

/// What kind of answer an extractor reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// JSON.
    Json,
    /// HTML.
    Html,
    /// Any text.
    Text,
    /// Rows of a database.
    Rows,
}

impl Kind {
    /// Whether an answer of this content type is read.
    fn reads(self, essence: &str) -> bool {
        match self {
            Self::Json => {
                essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
            }
            Self::Html => matches!(essence, "text/html" | "application/xhtml+xml"),
            Self::Text => essence.starts_with("text/") || essence == "application/xhtml+xml",
            Self::Rows => false,
        }
    }
}

impl Extractor {
    /// The kind of answer that it reads.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Json(_) => Kind::Json,
            Self::Css { .. } => Kind::Html,
            Self::Regex(_) => Kind::Text,
            Self::Column(_) => Kind::Rows,
        }
    }

    /// Whether `text` is a CSS selector that can be looked for.
    #[must_use]
    pub fn is_selector(text: &str) -> bool {
        Selector::from_str(text).is_ok()
    }
}

/// A whole answer, read as its content type says.
#[derive(Debug)]
pub struct Page(pub(super) Content);

#[derive(Debug)]
pub(super) enum Content {
    Json(Json),
    Text(String),
}

impl Page {
    /// Reads a whole answer: the values of its `Content-Type` fields, whether it has a content coding, its body. `expected` is a
    /// content type that is asked for in place of what `kind` suggests; `charset` the application's, where the answer names none.
    ///
    /// # Errors
    /// When it is not what is expected.
    pub fn read<'a>(
        content_type: impl Iterator<Item = &'a [u8]>,
        encoded: bool,
        body: &[u8],
        kind: Kind,
        expected: Option<&str>,
        charset: Charset,
    ) -> Result<Self, ExtractError> {
        if encoded {
            return Err(ExtractError::Encoded);
        }
        let mut fields = content_type;
        let (first, more) = (fields.next().unwrap_or_default(), fields.next());
        let shown = || CompactString::from_utf8_lossy(first.get(..first.len().min(64)).unwrap_or_default());
        let media =
            MediaType::parse(first).filter(|_| more.is_none()).ok_or_else(|| ExtractError::ContentType(shown()))?;
        let fits = expected.map_or_else(|| kind.reads(&media.essence), |expected| media.essence == expected);
        if !fits {
            return Err(ExtractError::ContentType(media.essence));
        }
        if kind == Kind::Json {
            // JSON is UTF-8 whatever the application's pages are (RFC 8259 section 8.1)
            return Json::parse(body, DEPTH).map(|root| Self(Content::Json(root))).map_err(ExtractError::Json);
        }
        let named = media.charset.as_ref().map(|label| Encoding::for_label_no_replacement(label.as_bytes()));
        let encoding = named.unwrap_or_else(|| Some(charset.encoding())).ok_or(ExtractError::Charset)?;
        let text = encoding.decode_with_bom_removal(body).0;
        if encoding.decode_without_bom_handling_and_without_replacement(body).is_none() {
            return Err(ExtractError::Charset);
        }
        Ok(Self(Content::Text(text.into_owned())))
    }
}

/// One attribute: its name, where it stands, and what the rules call its values.
#[derive(Clone, Debug)]
pub struct Attribute {
    /// The dimension that it binds; `None` for the only one, which binds whatever the route says.
    pub name: Option<CompactString>,
    /// Where it stands.
    pub extractor: Extractor,
    /// From what the application calls a value to what the rules call it; empty takes it as it is.
    pub map: FxHashMap<CompactString, CompactString>,
}

impl Attribute {
    /// The attribute of a page; `None` where it has none.
    ///
    /// # Errors
    /// When it has several that differ, or what stands there is no value.
    pub(super) fn of(&self, page: &Page) -> Result<Option<CompactString>, ExtractError> {
        match (&self.extractor, &page.0) {
            (Extractor::Json(pointer), Content::Json(root)) => self.of_json(pointer, root),
            (Extractor::Css { selector, attribute }, Content::Text(text)) => {
                self.agreed(select(text, selector, attribute.as_deref())?)
            }
            (Extractor::Regex(regex), Content::Text(text)) => {
                let group = |found: regex::Captures<'_>| found.get(1).map(|group| group.as_str().to_owned());
                self.agreed(regex.captures_iter(text).filter_map(group).collect())
            }
            _ => Err(ExtractError::Form(self.shown())),
        }
    }

    /// The attribute of one JSON value.
    pub(super) fn of_json(&self, pointer: &Pointer, root: &Json) -> Result<Option<CompactString>, ExtractError> {
        match pointer.find(root) {
            None | Some(Json::Null) => Ok(None),
            Some(found) => {
                let text = found.as_scalar().ok_or_else(|| ExtractError::Form(self.shown()))?;
                self.agreed(vec![text.to_owned()])
            }
        }
    }

    /// The one value that all of these texts are.
    ///
    /// # Errors
    /// When they differ, or are no value.
    pub fn agreed(&self, texts: Vec<String>) -> Result<Option<CompactString>, ExtractError> {
        let mut texts = texts.iter().map(|text| text.trim());
        let Some(first) = texts.next() else { return Ok(None) };
        if texts.any(|other| other != first) {
            return Err(ExtractError::Several(self.shown()));
        }
        if first.is_empty() || first.len() > LONGEST || first.chars().any(char::is_control) {
            return Err(ExtractError::Form(self.shown()));
        }
        if self.map.is_empty() {
            return Ok(Some(first.into()));
        }
        self.map.get(first).cloned().map(Some).ok_or_else(|| ExtractError::Unmapped(self.shown()))
    }

    fn shown(&self) -> CompactString {
        match &self.extractor {
            Extractor::Json(pointer) => pointer.0.iter().map(|step| format!("/{step}")).collect::<String>().into(),
            Extractor::Css { selector, .. } => selector.clone(),
            Extractor::Regex(regex) => regex.as_str().into(),
            Extractor::Column(name) => name.clone().unwrap_or_else(|| "the first column".into()),
        }
    }
}

/// The texts, or attributes, of every element that the selector finds.
fn select(html: &str, selector: &str, attribute: Option<&str>) -> Result<Vec<String>, ExtractError> {
    let selector = Selector::from_str(selector).map_err(|_| ExtractError::Html)?;
    let found: Rc<RefCell<Vec<String>>> = Rc::default();
    let (elements, texts) = (Rc::clone(&found), Rc::clone(&found));
    let handlers =
        ElementContentHandlers::default().element(move |element: &mut lol_html::html_content::Element<'_, '_>| {
            match attribute {
                None => elements.borrow_mut().push(String::new()),
                Some(name) => elements.borrow_mut().extend(element.get_attribute(name)),
            }
            Ok(())
        });
    let handlers = if attribute.is_some() {
        handlers
    } else {
        handlers.text(move |chunk: &mut lol_html::html_content::TextChunk<'_>| {
            if let Some(last) = texts.borrow_mut().last_mut() {
                last.push_str(chunk.as_str());
            }
            Ok(())
        })
    };
    let settings = Settings::new().append_element_content_handler((Cow::Owned(selector), handlers));
    let mut rewriter = HtmlRewriter::new(settings, |_: &[u8]| {});
    rewriter.write(html.as_bytes()).map_err(|_| ExtractError::Html)?;
    rewriter.end().map_err(|_| ExtractError::Html)?;
    let found = found.take();
    found.iter().map(|text| unescape(text).ok_or(ExtractError::Html)).collect()
}

/// Decodes character references (HTML section 13.5); `None` where one is named that is not known here.
fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let Some((name, behind)) = after.split_once(';').filter(|(name, _)| name.len() <= 10 && !name.contains(' '))
        else {
            out.push('&');
            rest = after;
            continue;
        };
        out.push(match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            "nbsp" => '\u{a0}',
            _ => {
                let number = name.strip_prefix('#')?;
                let code = match number.strip_prefix(['x', 'X']) {
                    Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                    None => number.parse().ok()?,
                };
                char::from_u32(code)?
            }
        });
        rest = behind;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(extractor: Extractor) -> Attribute {
        Attribute { name: None, extractor, map: FxHashMap::default() }
    }

    fn css(selector: &str, name: Option<&str>) -> Attribute {
        attribute(Extractor::Css { selector: selector.into(), attribute: name.map(CompactString::from) })
    }

    fn html(text: &str) -> Page {
        Page(Content::Text(text.to_owned()))
    }

    fn json(text: &str) -> Page {
        Page(Content::Json(Json::parse(text.as_bytes(), 8).unwrap()))
    }

    #[test]
    fn a_value_is_found_by_pointer_selector_and_expression() {
        let by_pointer = attribute(Extractor::Json(Pointer::parse("/order/wh~1code/0").unwrap()));
        assert_eq!(by_pointer.of(&json(r#"{"order": {"wh/code": ["HF"]}}"#)).unwrap().as_deref(), Some("HF"));
        assert_eq!(by_pointer.of(&json(r#"{"order": {"wh/code": [null]}}"#)), Ok(None));
        assert!(by_pointer.of(&json(r#"{"order": {"wh/code": [{}]}}"#)).is_err());
        let page = html("<p>x</p><td id=wh data-code='SH'> H&amp;F <i>1</i>\n</td><td>y</td>");
        assert_eq!(css("#wh", None).of(&page).unwrap().as_deref(), Some("H&F 1"));
        assert_eq!(css("#wh", Some("data-code")).of(&page).unwrap().as_deref(), Some("SH"));
        assert_eq!(css("#other", None).of(&page), Ok(None));
        let by_text = attribute(Extractor::Regex(Regex::new("仓库 ([A-Z]{2})").unwrap()));
        assert_eq!(by_text.of(&html("<p>仓库 HF, 仓库 HF</p>")).unwrap().as_deref(), Some("HF"));
    }

    #[test]
    fn two_values_that_differ_are_none() {
        let page = html("<b class=wh>HF</b><b class=wh>SH</b>");
        assert!(matches!(css(".wh", None).of(&page), Err(ExtractError::Several(_))));
        let by_text = attribute(Extractor::Regex(Regex::new("class=wh>(..)").unwrap()));
        assert!(matches!(by_text.of(&page), Err(ExtractError::Several(_))));
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for text in ["<b id=wh></b>", "<b id=wh>H\u{1}F</b>", "<b id=wh>&unknown;</b>"] {
            assert!(css("#wh", None).of(&html(text)).is_err(), "{text}");
        }
        let long = format!("<b id=wh>{}</b>", "x".repeat(LONGEST + 1));
        assert!(css("#wh", None).of(&html(&long)).is_err());
    }

    #[test]
    fn a_map_names_every_value_that_there_is() {
        let mut mapped = attribute(Extractor::Json(Pointer::parse("/w").unwrap()));
        mapped.map.insert("1".into(), "HF".into());
        assert_eq!(mapped.of(&json(r#"{"w": 1}"#)).unwrap().as_deref(), Some("HF"));
        assert!(matches!(mapped.of(&json(r#"{"w": 2}"#)), Err(ExtractError::Unmapped(_))));
    }

    #[test]
    fn an_answer_of_another_kind_is_not_looked_into() {
        let read = |kind, field: &[u8], encoded, body: &[u8]| {
            Page::read([field].into_iter(), encoded, body, kind, None, Charset::Gbk).map(|page| match page.0 {
                Content::Json(_) => "json".to_owned(),
                Content::Text(text) => text,
            })
        };
        assert_eq!(read(Kind::Json, b"application/json; charset=utf-8", false, b"{}").unwrap(), "json");
        assert_eq!(read(Kind::Html, b"text/html", false, b"\xb2\xd6").unwrap(), "仓");
        assert_eq!(read(Kind::Html, b"text/html; charset=utf-8", false, "仓".as_bytes()).unwrap(), "仓");
        for (kind, field, encoded, body) in [
            (Kind::Json, &b"text/html"[..], false, &b"{}"[..]),
            (Kind::Html, b"application/json", false, b"{}"),
            (Kind::Html, b"", false, b"x"),
            (Kind::Html, b"text/html; charset=utf-9", false, b"x"),
            (Kind::Html, b"text/html; charset=utf-8", false, b"\xff"),
            (Kind::Html, b"text/html", true, b"x"),
            (Kind::Json, b"application/json", false, b"{\"a\": 1, \"a\": 2}"),
        ] {
            assert!(read(kind, field, encoded, body).is_err(), "{kind:?} {field:?}");
        }
    }
}
