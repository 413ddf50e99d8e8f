//! What is held back of a page: one row, or one masked element, with everything that may have to be changed in it.

mod mask;

use std::cmp::Reverse;
use std::ops::Range;

use compact_str::CompactString;
use smallvec::SmallVec;

use super::fault::HtmlError;
use super::reference::{Decoded, decode, plain};
use super::selector::Element;

/// An attribute of a held tag, as ranges of what is held.
#[derive(Clone, Debug)]
struct Attribute {
    whole: Range<usize>,
    name: Range<usize>,
    value: Range<usize>,
}

/// What an element is held for.
#[derive(Clone, Debug)]
pub enum Target {
    /// A cell of the row: its first column, how many it covers, whether it is a title (`th`).
    Cell {
        /// From 0.
        first: usize,
        /// At least 1.
        span: usize,
        /// Whether it is a `th`.
        title: bool,
    },
    /// A value of the dimension of this number among those of the rows' rule.
    Value(usize),
    /// Masked by the mask of this number of the rows' rule.
    RowMask(usize),
    /// Masked by the mask of this number of the page's rule.
    PageMask(usize),
    /// Taken out whatever the row is.
    Drop,
    /// Taken out where links in it were, and none is left.
    Menu,
}

/// An element that is held for a reason.
#[derive(Clone, Debug)]
pub struct Part {
    /// Why.
    pub target: Target,
    /// The attribute that it is about; all of it without.
    pub attribute: Option<CompactString>,
    /// The name of the element.
    name: CompactString,
    serial: u32,
    /// Whether its end tag may be left out.
    optional_end: bool,
    attributes: Range<usize>,
    begin: usize,
    inner: Range<usize>,
    end: usize,
    text: Vec<u8>,
    open: bool,
}

impl Part {
    /// Whether its content still comes.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// What the element says, or its attribute.
    pub fn says(&self, hold: &Hold) -> Option<Decoded> {
        if let Some(name) = &self.attribute {
            return hold.attribute(self.attributes.clone(), name);
        }
        let mut said = if matches!(self.name.as_str(), "input" | "option" | "data" | "meter" | "progress") {
            let value = hold.attribute(self.attributes.clone(), "value");
            value.unwrap_or_else(|| decode(&self.text, false))
        } else {
            decode(&self.text, false)
        };
        said.text = plain(&said.text);
        Some(said)
    }
}

/// A change of what is held; an empty text takes the range out.
#[derive(Clone, Debug)]
struct Edit {
    range: Range<usize>,
    text: Vec<u8>,
}

/// What is held back.
#[derive(Debug)]
pub struct Hold {
    /// The element that it begins with.
    pub serial: u32,
    /// Whether it is a row, and whether that stands in `thead`.
    pub row: Option<bool>,
    /// The cells so far cover so many columns.
    pub width: usize,
    buffer: Vec<u8>,
    attributes: Vec<Attribute>,
    parts: Vec<Part>,
    edits: Vec<Edit>,
    extra: usize,
    bound: usize,
    /// How many attributes are those of the row's own tag.
    own: Option<usize>,
    /// How many links in it stay, and how many do not.
    pub links: (usize, usize),
}

impl Hold {
    /// Begins with an element; of a row that is `Some`, which says whether it stands in `thead`.
    #[must_use]
    pub fn new(serial: u32, row: Option<bool>, bound: usize) -> Self {
        Self {
            serial,
            row,
            width: 0,
            buffer: Vec::new(),
            attributes: Vec::new(),
            parts: Vec::new(),
            edits: Vec::new(),
            extra: 0,
            bound,
            own: None,
            links: (0, 0),
        }
    }

    /// An attribute of the element that it begins with.
    #[must_use]
    pub fn own_attribute(&self, name: &str) -> Option<Decoded> {
        self.attribute(0..self.own.unwrap_or(0), name)
    }

    fn bytes(&self, range: &Range<usize>) -> &[u8] {
        self.buffer.get(range.clone()).unwrap_or_default()
    }

    fn attribute(&self, among: Range<usize>, name: &str) -> Option<Decoded> {
        let own = self.attributes.get(among)?;
        let found = own.iter().find(|one| self.bytes(&one.name).eq_ignore_ascii_case(name.as_bytes()))?;
        Some(decode(self.bytes(&found.value), true))
    }

    fn check(&self) -> Result<(), HtmlError> {
        let size = self.buffer.len() + self.extra + self.attributes.len() * 48 + self.parts.len() * 160;
        if size > self.bound { Err(HtmlError::HeldTooLarge) } else { Ok(()) }
    }

    /// Holds a start tag, for these reasons. `serial` is 0 for elements without content.
    ///
    /// # Errors
    /// [`HtmlError::HeldTooLarge`].
    pub fn tag(
        &mut self,
        whole: &Range<usize>,
        element: Element<'_>,
        serial: u32,
        optional_end: bool,
        targets: SmallVec<[(Target, Option<CompactString>); 2]>,
        edits: &[(Range<usize>, Vec<u8>)],
    ) -> Result<(), HtmlError> {
        let begin = self.buffer.len();
        self.buffer.extend_from_slice(element.lexer.bytes(whole));
        let shift = |range: &Range<usize>| {
            let at = |place: usize| place.saturating_sub(whole.start) + begin;
            at(range.start)..at(range.end)
        };
        let first = self.attributes.len();
        self.attributes.extend(element.attributes.iter().map(|one| Attribute {
            whole: shift(&one.whole),
            name: shift(&one.name),
            value: shift(&one.value),
        }));
        self.edits.extend(edits.iter().map(|(range, text)| Edit { range: shift(range), text: text.clone() }));
        self.own.get_or_insert(self.attributes.len());
        let end = self.buffer.len();
        for (target, attribute) in targets {
            self.parts.push(Part {
                open: serial != 0 && attribute.is_none(),
                target,
                attribute,
                name: element.name.into(),
                serial,
                optional_end,
                attributes: first..self.attributes.len(),
                begin,
                inner: end..end,
                end,
                text: Vec::new(),
            });
        }
        self.check()
    }

    /// It begins with a tag that the page does not spell out.
    pub fn implied(&mut self) {
        self.own = Some(0);
    }

    /// Holds text; `said` where people read it.
    ///
    /// # Errors
    /// [`HtmlError::HeldTooLarge`].
    pub fn text(&mut self, text: &[u8], said: bool) -> Result<(), HtmlError> {
        self.buffer.extend_from_slice(text);
        if said {
            for part in self.parts.iter_mut().filter(|part| part.open) {
                part.text.extend_from_slice(text);
                self.extra += text.len();
            }
        }
        self.check()
    }

    /// Holds an end tag, or anything else that nobody reads.
    ///
    /// # Errors
    /// [`HtmlError::HeldTooLarge`].
    pub fn markup(&mut self, bytes: &[u8]) -> Result<(), HtmlError> {
        self.buffer.extend_from_slice(bytes);
        // Words on both sides of markup are two words.
        for part in self.parts.iter_mut().filter(|part| part.open && !part.text.ends_with(b" ")) {
            part.text.push(b' ');
            self.extra += 1;
        }
        self.check()
    }

    /// The content of an element ends here. `own_tag` says that its end tag comes next.
    ///
    /// # Errors
    /// [`HtmlError::Unclosed`] where it is held for a reason and neither has an end tag of its own nor may do without.
    pub fn ends(&mut self, serial: u32, own_tag: bool) -> Result<(), HtmlError> {
        let at = self.buffer.len();
        for part in self.parts.iter_mut().filter(|part| part.open && part.serial == serial) {
            part.inner.end = at;
            part.end = at;
            if !own_tag && !part.optional_end {
                return Err(HtmlError::Unclosed);
            }
        }
        Ok(())
    }

    /// The end tag of an element, if any, was held.
    pub fn ended(&mut self, serial: u32) {
        let at = self.buffer.len();
        for part in self.parts.iter_mut().filter(|part| part.open && part.serial == serial) {
            part.end = at;
            part.open = false;
        }
    }

    /// What is held for a reason.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Takes a part out as a whole.
    pub fn take_out(&mut self, no: usize) {
        if let Some(part) = self.parts.get(no) {
            self.edits.push(Edit { range: part.begin..part.end, text: Vec::new() });
        }
    }

    /// Writes what is held, changed as was said. Of changes within each other the outer one counts.
    pub fn write(mut self, out: &mut Vec<u8>) {
        self.edits.sort_by_key(|edit| (edit.range.start, Reverse(edit.range.end)));
        let mut at = 0;
        for edit in &self.edits {
            if edit.range.start < at {
                continue;
            }
            out.extend_from_slice(self.buffer.get(at..edit.range.start).unwrap_or_default());
            out.extend_from_slice(&edit.text);
            at = edit.range.end;
        }
        out.extend_from_slice(self.buffer.get(at..).unwrap_or_default());
    }
}
