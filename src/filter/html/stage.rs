//! One page as it streams by: tags go through the tree of open elements, rows and masked elements are held and judged, the rest passes as it is.

mod reason;
mod refused;
mod rows;
mod tag;

use std::ops::Range;
use std::sync::Arc;

use compact_str::CompactString;

use self::refused::Links;
use self::rows::is_part;
use self::tag::Tag;
use super::charset;
use super::element::{Class, raw_name};
use super::fault::HtmlError;
use super::gap::Gap;
use super::hold::Hold;
use super::plan::{Page, RawEmpty, Rows};
use super::selector::Element;
use super::table::Container;
use super::token::{Attributes, Kind, Lexeme, Lexer};
use super::tree::{Event, Tree};
use super::watermark;
use crate::filter::chain::Transform;
use crate::filter::error::FilterError;
use crate::filter::judge::Terms;
use crate::request::Charset;

/// An element whose content does not leave.
struct Skip {
    serial: u32,
    /// Whether its end must be certain.
    strict: bool,
    optional_end: bool,
}

/// One page.
pub struct HtmlStage {
    lexer: Lexer,
    tree: Tree,
    page: Arc<Page>,
    terms: Terms,
    /// The character set that the page must not contradict.
    charset: Charset,
    container: Option<Container>,
    /// What stands between its rows and has not left yet.
    gap: Gap,
    hold: Option<Hold>,
    skip: Option<Skip>,
    /// The text at hand is that of this element.
    raw: Option<&'static str>,
    /// Which of the rules' tables have begun.
    found: Vec<bool>,
    /// What is held until all of them have.
    early: Option<Vec<u8>>,
    seen: u64,
    /// What its links depend on.
    links: Links,
}

impl HtmlStage {
    /// A stage for a page in `charset`, which has been decoded to UTF-8 already.
    #[must_use]
    pub fn new(page: Arc<Page>, terms: Terms, charset: Charset) -> Self {
        // A page of which no row may be left is held until one is.
        let open = |rows: &Rows| rows.empty == RawEmpty::Withhold && rows.is_open_to(&*terms.judge);
        let found: Vec<bool> = page.rows.iter().map(|rows| rows.optional || open(rows)).collect();
        let early = found.contains(&false).then(Vec::new);
        Self {
            lexer: Lexer::default(),
            tree: Tree::default(),
            page,
            terms,
            charset,
            container: None,
            gap: Gap::default(),
            hold: None,
            skip: None,
            raw: None,
            found,
            early,
            seen: 0,
            links: Links::default(),
        }
    }

    fn drain(&mut self, out: &mut Vec<u8>) -> Result<(), HtmlError> {
        while let Some(lexeme) = self.lexer.next()? {
            self.take(&lexeme, out)?;
            if self.early.as_ref().is_some_and(|early| early.len() > self.terms.bounds.row) {
                return Err(HtmlError::HeldTooLarge);
            }
        }
        Ok(())
    }

    fn take(&mut self, lexeme: &Lexeme, out: &mut Vec<u8>) -> Result<(), HtmlError> {
        match &lexeme.kind {
            // Nobody reads comments, and old ones hold whole rows.
            Kind::Comment => Ok(()),
            Kind::Doctype => {
                self.tree.doctype(self.lexer.bytes(&lexeme.whole));
                self.pass(&lexeme.whole, out)
            }
            Kind::Text => self.text(&lexeme.whole, out),
            Kind::Start { name, self_closing } => {
                let name = self.name(name);
                let attributes = self.lexer.take_attributes();
                let started = self.start(&name, &attributes, *self_closing, &lexeme.whole, out);
                self.lexer.give_attributes(attributes);
                started
            }
            Kind::End { name } => {
                let name = self.name(name);
                self.end(&name, &lexeme.whole, out)
            }
        }
    }

    fn name(&self, range: &Range<usize>) -> CompactString {
        CompactString::from_utf8_lossy(self.lexer.bytes(range)).to_ascii_lowercase()
    }

    /// Lets bytes leave, or holds them.
    fn pass(&mut self, range: &Range<usize>, out: &mut Vec<u8>) -> Result<(), HtmlError> {
        if self.skip.is_some() {
            return Ok(());
        }
        let bytes = self.lexer.bytes(range);
        match &mut self.hold {
            Some(hold) => hold.markup(bytes)?,
            None => {
                let out = self.early.as_mut().unwrap_or(out);
                out.extend_from_slice(&self.gap.close());
                out.extend_from_slice(bytes);
            }
        }
        Ok(())
    }

    fn text(&mut self, range: &Range<usize>, out: &mut Vec<u8>) -> Result<(), HtmlError> {
        let bytes = self.lexer.bytes(range);
        let blank = bytes.iter().all(u8::is_ascii_whitespace);
        if !blank {
            self.tree.text();
        }
        if self.skip.is_some() {
            return Ok(());
        }
        if self.is_between_rows() {
            // SECURITY: white space beside rows that are left out would tell how many they are
            // (`the_space_between_rows_does_not_tell_of_those_that_are_left_out`).
            return self.gap.take(bytes, self.terms.bounds.row);
        }
        let said = self.raw.is_none_or(|name| name == "textarea");
        match &mut self.hold {
            Some(hold) => hold.text(bytes, said),
            None => self.pass(range, out),
        }
    }

    fn start(
        &mut self,
        name: &str,
        attributes: &Attributes,
        self_closing: bool,
        whole: &Range<usize>,
        out: &mut Vec<u8>,
    ) -> Result<(), HtmlError> {
        let mut opened = None;
        for event in self.tree.start(name, self_closing)? {
            match event {
                Event::Before(serial) | Event::With(serial) => self.ended(serial, None, out)?,
                Event::Implied(serial) => self.implied(serial)?,
                Event::Open(serial) => opened = Some(serial),
            }
        }
        self.raw = None;
        let foreign = self.tree.open().last().is_some_and(|node| node.class.is(Class::FOREIGN));
        let class = Class::of(name);
        if opened.is_some() && !foreign && class.is(Class::RAW) {
            self.raw = raw_name(name);
            if let Some(raw) = self.raw {
                self.lexer.raw(raw);
            }
        }
        if self.skip.is_some() {
            // A formatting element that is left open is opened again after what does not leave.
            if let Some(serial) = opened.filter(|_| class.is(Class::FORMATTING)) {
                let element = Element { name, lexer: &self.lexer, attributes };
                let selectors = &self.page.selectors;
                let (steps, elsewhere) = (selectors.steps(element), selectors.may_match(element));
                self.tree.judge(serial, steps, false, elsewhere)?;
            }
            return Ok(());
        }
        if name == "template" && (self.hold.is_some() || self.container.is_some()) {
            // What it holds is not shown, until a script does.
            return Err(HtmlError::Ambiguous("a template in what is judged"));
        }
        if name == "meta" {
            charset::check(Element { name, lexer: &self.lexer, attributes }, self.charset)?;
        }
        if name == "noscript" {
            // What browsers make of it depends on their settings.
            self.skip = opened.map(|serial| Skip { serial, strict: false, optional_end: false });
            return Ok(());
        }
        self.element(&Tag { name, class, attributes, opened, whole }, out)
    }

    fn end(&mut self, name: &str, whole: &Range<usize>, out: &mut Vec<u8>) -> Result<(), HtmlError> {
        self.raw = None;
        let mut own = None;
        for event in self.tree.end(name)? {
            match event {
                Event::With(serial) => own = Some(serial),
                Event::Before(serial) | Event::Implied(serial) | Event::Open(serial) => {
                    self.ended(serial, None, out)?
                }
            }
        }
        match own {
            Some(serial) => self.ended(serial, Some(whole), out),
            None if self.is_between_rows() && !is_part(name) => Ok(()),
            None => self.pass(whole, out),
        }
    }

    /// An element has ended, with its end tag where it has one of its own.
    fn ended(&mut self, serial: u32, tag: Option<&Range<usize>>, out: &mut Vec<u8>) -> Result<(), HtmlError> {
        if let Some(skip) = &self.skip {
            if skip.serial == serial {
                if skip.strict && tag.is_none() && !skip.optional_end {
                    return Err(HtmlError::Unclosed);
                }
                self.skip = None;
            }
            return Ok(());
        }
        if let Some(hold) = &mut self.hold {
            hold.ends(serial, tag.is_some())?;
            if let Some(tag) = tag {
                hold.markup(self.lexer.bytes(tag))?;
            }
            hold.ended(serial);
            if hold.serial == serial {
                return self.settle(out);
            }
            return Ok(());
        }
        if self.container.as_ref().is_some_and(|container| container.serial == serial) {
            self.container = None;
        }
        tag.map_or(Ok(()), |tag| self.pass(tag, out))
    }

    fn tell(&self, error: HtmlError) -> FilterError {
        match error {
            HtmlError::HeldTooLarge => FilterError::TooLong(self.terms.bounds.row),
            HtmlError::Empty => FilterError::Empty,
            HtmlError::NoTable => FilterError::Missing("table or list"),
            HtmlError::NoColumn => FilterError::Missing("column"),
            error => FilterError::Malformed { kind: "HTML", at: self.seen, why: error.why() },
        }
    }

    fn finish_page(&mut self, out: &mut Vec<u8>) -> Result<(), HtmlError> {
        self.lexer.end();
        self.drain(out)?;
        out.extend_from_slice(&self.gap.close());
        if self.hold.is_some() || self.container.is_some() || self.skip.as_ref().is_some_and(|skip| skip.strict) {
            return Err(HtmlError::Unclosed);
        }
        let missing = self.found.iter().zip(&self.page.rows).filter(|(found, _)| !**found);
        match missing.map(|(_, rows)| rows.empty).max_by_key(|empty| *empty == RawEmpty::Withhold) {
            Some(RawEmpty::Withhold) => return Err(HtmlError::Empty),
            Some(RawEmpty::Show) => return Err(HtmlError::NoTable),
            None => {}
        }
        if self.page.watermark {
            // What a page leaves open would take the mark for something else.
            if self.raw.is_some()
                || self
                    .tree
                    .open()
                    .iter()
                    .any(|node| matches!(node.name.as_str(), "select" | "template" | "svg" | "object"))
            {
                return Err(HtmlError::Cut);
            }
            out.extend_from_slice(&watermark::mark(&self.terms.occasion.watermark));
        }
        Ok(())
    }
}

impl Transform for HtmlStage {
    fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), FilterError> {
        self.seen = self.seen.saturating_add(chunk.len() as u64);
        self.lexer.push(chunk).and_then(|()| self.drain(out)).map_err(|error| self.tell(error))
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), FilterError> {
        self.finish_page(out).map_err(|error| self.tell(error))
    }
}
