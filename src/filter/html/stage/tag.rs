//! What becomes of a start tag: the element that it opens is a row, is held, goes, or leaves as it is.

use std::ops::Range;
use std::sync::Arc;

use super::reason::is_drop;
use super::rows::may_stand_between_rows;
use super::{HtmlStage, Skip};
use crate::filter::html::element::Class;
use crate::filter::html::fault::HtmlError;
use crate::filter::html::hold::{Hold, Target};
use crate::filter::html::selector::Element;
use crate::filter::html::token::{Attributes, Lexer};
use crate::filter::html::tree::{Node, Tree};

/// A start tag on its way.
pub(super) struct Tag<'a> {
    pub(super) name: &'a str,
    pub(super) class: Class,
    pub(super) attributes: &'a Attributes,
    /// The element that it opens, if it has content.
    pub(super) opened: Option<u32>,
    pub(super) whole: &'a Range<usize>,
}

impl<'a> Tag<'a> {
    pub(super) fn element(&self, lexer: &'a Lexer) -> Element<'a> {
        Element { name: self.name, lexer, attributes: self.attributes }
    }

    /// What the element stands in; it is none of its own ancestors.
    pub(super) fn above<'t>(&self, tree: &'t Tree) -> &'t [Node] {
        let open = tree.open();
        if self.opened.is_some() { open.split_last().map_or(&[][..], |(_, above)| above) } else { open }
    }
}

/// Changes of one tag, in order: what is replaced, and by what.
pub(super) type Edits = Vec<(Range<usize>, Vec<u8>)>;

impl HtmlStage {
    /// An element begins, or one without content stands there.
    pub(super) fn element(&mut self, tag: &Tag<'_>, out: &mut Vec<u8>) -> Result<(), HtmlError> {
        let page = Arc::clone(&self.page);
        let Tag { name, class, opened, whole, .. } = *tag;
        let serial = opened.unwrap_or(0);
        let element = tag.element(&self.lexer);
        let above = tag.above(&self.tree);
        let begins = page.rows.iter().position(|rows| page.selectors.matches(rows.container, element, above));
        let begins = begins.filter(|_| opened.is_some());
        let row = self.row(tag);
        let mut targets = self.row_reasons(tag, row.is_some())?;
        let removed = self.page_reasons(tag, row.is_some(), &mut targets);
        let element = tag.element(&self.lexer);
        let judged = begins.is_some() || row.is_some() || !targets.is_empty();
        let elsewhere = class.is(Class::FORMATTING) && page.selectors.may_match(element);
        self.tree.judge(serial, page.selectors.steps(element), judged, elsewhere)?;
        let optional_end = class.is(Class::IMPLIED_END.with(Class::TABLE_PART));
        if let Some(rule) = begins {
            self.begin(rule, name, serial, out)?;
        } else if removed && row.is_none() && self.hold.is_none() {
            self.terms.tally.mask();
            self.skip = opened.map(|serial| Skip { serial, strict: true, optional_end });
            return Ok(());
        } else if row.is_none() && self.is_between_rows() && !may_stand_between_rows(element) {
            self.skip = opened.map(|serial| Skip { serial, strict: false, optional_end });
            return Ok(());
        }
        let (element, above) = (tag.element(&self.lexer), tag.above(&self.tree));
        let is_menu = page.menus.iter().any(|menu| page.selectors.matches(*menu, element, above));
        let href = element.raw("href").filter(|href| name == "a" && !href.is_empty() && !href.starts_with(b"#"));
        let leads = href.is_some();
        if row.is_none() && self.hold.is_none() && self.container.is_none() && opened.is_some() && is_menu {
            targets.push((Target::Menu, None));
        }
        if row.is_some() || (self.hold.is_none() && !targets.is_empty()) {
            self.hold = Some(Hold::new(serial, row, self.terms.bounds.row));
        }
        let mut edits = Edits::new();
        let mut goes = false;
        if let Some(links) = page.links {
            goes = self.link(links, tag, &mut edits);
            if let Some(hold) = self.hold.as_mut().filter(|_| name == "a") {
                hold.links.0 += usize::from(leads && !goes && edits.is_empty());
                hold.links.1 += usize::from(goes);
            }
        }
        if goes {
            if self.hold.is_none() {
                self.skip = opened.map(|serial| Skip { serial, strict: false, optional_end });
                return Ok(());
            }
            targets.push((Target::Drop, None));
        }
        let Some(hold) = &mut self.hold else { return self.pass_edited(whole, &edits, out) };
        let lenient = optional_end || targets.iter().all(is_drop);
        hold.tag(whole, tag.element(&self.lexer), serial, lenient, targets, &edits)?;
        let is_over = hold.row.is_none() && hold.parts().iter().all(|part| !part.is_open());
        if is_over { self.settle(out) } else { Ok(()) }
    }

    /// Lets a tag leave, changed.
    fn pass_edited(&mut self, whole: &Range<usize>, edits: &Edits, out: &mut Vec<u8>) -> Result<(), HtmlError> {
        let mut at = whole.start;
        for (range, text) in edits {
            self.pass(&(at..range.start), out)?;
            self.early.as_mut().unwrap_or(out).extend_from_slice(text);
            at = range.end;
        }
        self.pass(&(at..whole.end), out)
    }
}
