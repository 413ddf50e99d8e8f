//! Reads a document strictly: `quick-xml` finds the ends of the markup, everything that it lets pass is checked here.

use super::mark::{is_char, is_name, referenced, why_refused};
use super::tree::{Attribute, Document, Element, NO_SPACE, Name, Node, Spaces, is_blank};
use crate::request::charset::Charset;
use crate::request::error::BodyError;
use compact_str::CompactString;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::borrow::Cow;

/// Namespaces that may be declared in one document, declarations that may be in force at one place, and attributes that
/// one element may have: beyond what documents have, and few enough to be looked through one by one.
const DECLARATIONS: usize = 128;

const XML: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// Limits of a document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Number of nested elements.
    pub(crate) depth: usize,
    /// Number of elements, attributes and texts.
    pub(crate) nodes: usize,
}

impl Document {
    /// Reads a body. `label` is the `charset=` of its content type; `ours` the character set of the application, which a
    /// document may name in place of UTF-8.
    ///
    /// # Errors
    /// When it is not exactly one well-formed document with one character set, has a document type, a processing
    /// instruction, an unknown entity, a comment inside of a value, markup that makes it mean something else, or is
    /// beyond a limit.
    pub(crate) fn parse(bytes: &[u8], label: Option<&str>, ours: Charset, limits: Limits) -> Result<Self, BodyError> {
        let (bytes, has_mark) = bytes.strip_prefix(b"\xef\xbb\xbf").map_or((bytes, false), |rest| (rest, true));
        let (declaration, rest) = split_declaration(bytes)?;
        let encoding = declaration.map(read_declaration).transpose()?.flatten();
        let charset = choose(label, encoding, has_mark, ours)?;
        let text: Cow<'_, str> = match charset {
            Charset::Utf8 => {
                std::str::from_utf8(rest).map_err(|error| malformed(error.valid_up_to(), "not UTF-8"))?.into()
            }
            _ => charset.decode(rest).ok_or(BodyError::Charset(charset))?.into_string().into(),
        };
        if let Some((at, _)) = text.char_indices().find(|(_, c)| !is_char(*c)) {
            return Err(malformed(at, "a character that XML does not have"));
        }
        // the tokeniser would take a second one for the mark of the whole document
        if text.starts_with('\u{feff}') {
            return Err(malformed(0, "a byte order mark that is not at the beginning"));
        }
        let mut building = Building::new(limits);
        building.document.charset = charset;
        building.document.is_declared = declaration.is_some();
        building.read(&text)
    }
}

/// The declaration without its brackets, if there is one, and what follows it.
fn split_declaration(bytes: &[u8]) -> Result<(Option<&str>, &[u8]), BodyError> {
    let Some(rest) = bytes.strip_prefix(b"<?xml").filter(|rest| rest.first().is_some_and(u8::is_ascii_whitespace))
    else {
        return Ok((None, bytes));
    };
    let wrong = || malformed(0, "the declaration is malformed");
    let end = memchr::memmem::find(rest, b"?>").ok_or_else(wrong)?;
    let declaration = rest.get(..end).and_then(|text| std::str::from_utf8(text).ok()).ok_or_else(wrong)?;
    Ok((Some(declaration), rest.get(end + 2..).unwrap_or_default()))
}

/// The encoding that a declaration names (XML 1.0 production 23: version, encoding, standalone, in this order).
fn read_declaration(text: &str) -> Result<Option<&str>, BodyError> {
    let wrong = || malformed(0, "the declaration is malformed");
    let mut rest = text;
    let mut encoding = None;
    let mut expected: &[&str] = &["version", "encoding", "standalone"];
    while !is_blank(rest) {
        let (name, value, after) = pseudo_attribute(rest).ok_or_else(wrong)?;
        let at = expected.iter().position(|known| *known == name).ok_or_else(wrong)?;
        let fits = match name {
            "version" => value == "1.0",
            "encoding" => value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')),
            _ => matches!(value, "yes" | "no"),
        };
        if !fits || (name != "version" && expected.len() == 3) {
            return Err(wrong());
        }
        if name == "encoding" {
            encoding = Some(value);
        }
        expected = expected.get(at + 1..).unwrap_or_default();
        rest = after;
    }
    if expected.len() == 3 { Err(wrong()) } else { Ok(encoding) }
}

/// ` name="value"` and what follows it.
fn pseudo_attribute(text: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = text.strip_prefix(is_white)?.trim_start_matches(is_white).split_once('=')?;
    let rest = rest.trim_start_matches(is_white);
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let (value, after) = rest.get(1..)?.split_once(quote)?;
    Some((name.trim_end_matches(is_white), value, after))
}

const fn is_white(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// The one character set that content type, declaration and byte order mark agree on (RFC 7303 section 3).
fn choose(label: Option<&str>, encoding: Option<&str>, has_mark: bool, ours: Charset) -> Result<Charset, BodyError> {
    let mut chosen = has_mark.then_some(Charset::Utf8);
    for named in [label, encoding].into_iter().flatten() {
        let charset = [Charset::Utf8, ours].into_iter().find(|known| known.is_named_by(named));
        let charset = charset.ok_or(BodyError::Charset(ours))?;
        if *chosen.get_or_insert(charset) != charset {
            return Err(BodyError::Charset(ours));
        }
    }
    Ok(chosen.unwrap_or_default())
}

fn malformed(at: usize, why: &'static str) -> BodyError {
    BodyError::Malformed { kind: "XML", at, why }
}

/// An element that is not closed yet.
struct Open {
    element: Element,
    /// How many declarations were in force before it.
    declarations: usize,
    /// Whether a comment stood behind the last text.
    commented: bool,
}

/// A document under construction.
struct Building {
    document: Document,
    open: Vec<Open>,
    root: Option<Element>,
    /// The declarations in force: prefix and namespace.
    scope: Vec<(CompactString, usize)>,
    limits: Limits,
    nodes: usize,
    at: usize,
}

impl Building {
    fn new(limits: Limits) -> Self {
        let name = Name { prefix: CompactString::default(), local: CompactString::default(), space: NO_SPACE };
        let root = Element { name, declared: Vec::new(), attributes: Vec::new(), children: Vec::new() };
        let spaces = Spaces(vec![CompactString::default()]);
        let document = Document { spaces, root, charset: Charset::Utf8, is_declared: false };
        let nodes = limits.nodes;
        Self { document, open: Vec::new(), root: None, scope: Vec::new(), limits, nodes, at: 0 }
    }

    fn wrong(&self, why: &'static str) -> BodyError {
        malformed(self.at, why)
    }

    fn read(mut self, text: &str) -> Result<Document, BodyError> {
        let mut reader = Reader::from_str(text);
        let config = reader.config_mut();
        config.check_comments = true;
        config.check_end_names = true;
        loop {
            self.at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
            match reader.read_event().map_err(|_| self.wrong("it is not well-formed"))? {
                Event::Start(start) => self.start(&start)?,
                Event::Empty(start) => {
                    self.start(&start)?;
                    self.end()?;
                }
                Event::End(_) => self.end()?,
                Event::Text(piece) => {
                    let piece: &str = &piece;
                    if piece.contains("]]>") {
                        return Err(self.wrong("`]]>` in a text"));
                    }
                    self.text(&plain_lines(piece))?;
                }
                Event::CData(piece) => {
                    if self.open.is_empty() {
                        return Err(self.wrong("a text outside of the root element"));
                    }
                    self.text(&plain_lines(&piece))?;
                }
                Event::GeneralRef(name) => {
                    let c = referenced(&name).ok_or_else(|| self.wrong("a reference to an unknown entity"))?;
                    if self.open.is_empty() {
                        return Err(self.wrong("a text outside of the root element"));
                    }
                    self.text(c.encode_utf8(&mut [0; 4]))?;
                }
                Event::Comment(_) => {
                    if let Some(open) = self.open.last_mut() {
                        open.commented = true;
                    }
                }
                Event::DocType(_) => return Err(self.wrong("a document type, which may define entities")),
                Event::PI(_) | Event::Decl(_) => return Err(self.wrong("a processing instruction")),
                Event::Eof => break,
            }
        }
        match self.root {
            Some(root) if self.open.is_empty() => Ok(Document { root, ..self.document }),
            _ => Err(self.wrong("an element is not closed")),
        }
    }

    /// Counts one more node.
    fn count(&mut self) -> Result<(), BodyError> {
        self.nodes =
            self.nodes.checked_sub(1).ok_or_else(|| malformed(self.at, "it has too many elements and attributes"))?;
        Ok(())
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), BodyError> {
        if self.root.is_some() {
            return Err(self.wrong("something follows the root element"));
        }
        if self.open.len() == self.limits.depth {
            return Err(BodyError::TooDeep { limit: self.limits.depth });
        }
        self.count()?;
        let declarations = self.scope.len();
        let mut declared = Vec::new();
        let mut others = Vec::new();
        let mut rest = start.attributes_raw();
        while !is_blank(rest) {
            let (name, value, after) = attribute(rest).ok_or_else(|| self.wrong("an attribute is malformed"))?;
            self.count()?;
            match name.strip_prefix("xmlns") {
                Some("") => declared.push(self.declare("", &value)?),
                Some(prefix) if prefix.starts_with(':') => {
                    declared.push(self.declare(prefix.trim_start_matches(':'), &value)?);
                }
                _ => others.push((name, value)),
            }
            rest = after;
        }
        let repeats =
            |(at, (prefix, _)): (usize, &(CompactString, usize))| declared.iter().take(at).any(|(p, _)| p == prefix);
        if declared.iter().enumerate().any(repeats) {
            return Err(self.wrong("a namespace is declared twice"));
        }
        let name = self.name(start.name().as_ref(), true)?;
        let mut attributes: Vec<Attribute> = Vec::with_capacity(others.len());
        for (name, value) in others {
            let name = self.name(name, false)?;
            // by what the names stand for (Namespaces 1.0 section 6.3)
            let same = |known: &Attribute| known.name.local == name.local && known.name.space == name.space;
            if attributes.len() == DECLARATIONS || attributes.iter().any(same) {
                return Err(self.wrong("an attribute stands twice, or there are too many"));
            }
            attributes.push(Attribute { name, value });
        }
        let element = Element { name, declared, attributes, children: Vec::new() };
        self.open.push(Open { element, declarations, commented: false });
        Ok(())
    }

    /// Puts a declaration into force.
    fn declare(&mut self, prefix: &str, uri: &str) -> Result<(CompactString, usize), BodyError> {
        let reserved = uri == XML || uri == XMLNS || prefix == "xml" || prefix == "xmlns";
        if reserved || (!prefix.is_empty() && (uri.is_empty() || !is_name(prefix))) {
            return Err(self.wrong("a namespace is declared that cannot be"));
        }
        let space = self.space(uri)?;
        if self.scope.len() == DECLARATIONS {
            return Err(self.wrong("it declares too many namespaces"));
        }
        self.scope.push((prefix.into(), space));
        Ok((prefix.into(), space))
    }

    /// The place of a namespace.
    fn space(&mut self, uri: &str) -> Result<usize, BodyError> {
        if let Some(at) = self.document.spaces.0.iter().position(|known| known == uri) {
            return Ok(at);
        }
        if self.document.spaces.0.len() == DECLARATIONS {
            return Err(self.wrong("it declares too many namespaces"));
        }
        self.document.spaces.0.push(uri.into());
        Ok(self.document.spaces.0.len() - 1)
    }

    fn name(&mut self, text: &str, is_element: bool) -> Result<Name, BodyError> {
        let (prefix, local) = text.split_once(':').unwrap_or(("", text));
        if !is_name(local) || !(prefix.is_empty() || is_name(prefix)) || text.starts_with(':') {
            return Err(self.wrong("a name is malformed"));
        }
        let space = match prefix {
            "" if !is_element => NO_SPACE,
            "xml" => self.space(XML)?,
            _ => self.resolve(prefix).ok_or_else(|| self.wrong("a prefix is not declared"))?,
        };
        Ok(Name { prefix: prefix.into(), local: local.into(), space })
    }

    /// The namespace that a prefix stands for here.
    fn resolve(&self, prefix: &str) -> Option<usize> {
        let declared = self.scope.iter().rev().find(|(known, _)| known == prefix).map(|(_, space)| *space);
        declared.or(prefix.is_empty().then_some(NO_SPACE))
    }

    fn end(&mut self) -> Result<(), BodyError> {
        let Some(open) = self.open.pop() else { return Err(self.wrong("an element ends that did not begin")) };
        if let Some(why) = why_refused(&self.document.spaces, &open.element, |prefix| self.resolve(prefix)) {
            return Err(self.wrong(why));
        }
        self.scope.truncate(open.declarations);
        match self.open.last_mut() {
            Some(parent) => {
                parent.commented = false;
                parent.element.children.push(Node::Element(open.element));
            }
            None => self.root = Some(open.element),
        }
        Ok(())
    }

    /// Puts a piece of text behind what stands there.
    fn text(&mut self, piece: &str) -> Result<(), BodyError> {
        let at = self.at;
        let Some(open) = self.open.last_mut() else {
            return if is_blank(piece) { Ok(()) } else { Err(self.wrong("a text outside of the root element")) };
        };
        if piece.is_empty() {
            return Ok(());
        }
        if let Some(Node::Text(text)) = open.element.children.last_mut() {
            // SECURITY: readers that take the first text node would see half of the value
            // (`a_comment_that_splits_a_value_is_refused`)
            if open.commented && !is_blank(text) && !is_blank(piece) {
                return Err(malformed(at, "a comment inside of a text"));
            }
            text.push_str(piece);
            open.commented &= is_blank(piece);
        } else {
            open.element.children.push(Node::Text(piece.into()));
            self.count()?;
        }
        Ok(())
    }
}

/// Line ends as XML has them (XML 1.0 section 2.11).
fn plain_lines(text: &str) -> Cow<'_, str> {
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n").into() } else { text.into() }
}

/// ` name = "value"`, resolved, and what follows it.
fn attribute(text: &str) -> Option<(&str, CompactString, &str)> {
    let (name, raw, after) = pseudo_attribute(text)?;
    if raw.contains('<') {
        return None;
    }
    let raw = plain_lines(raw);
    let mut value = CompactString::default();
    let mut rest: &str = &raw;
    while let Some(at) = rest.find('&') {
        let (before, reference) = rest.split_at_checked(at)?;
        let (name, after) = reference.get(1..)?.split_once(';')?;
        value.extend(before.chars().map(|c| if is_white(c) { ' ' } else { c }));
        value.push(referenced(name)?);
        rest = after;
    }
    value.extend(rest.chars().map(|c| if is_white(c) { ' ' } else { c }));
    Some((name, value, after))
}
