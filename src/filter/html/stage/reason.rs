//! Why an element is held: it is a row, a cell or a value of one, or a mask names it; decides nothing about what is held.

use compact_str::CompactString;
use smallvec::SmallVec;

use super::HtmlStage;
use super::rows::own_table;
use super::tag::Tag;
use crate::filter::html::fault::HtmlError;
use crate::filter::html::hold::Target;
use crate::filter::html::place::{Field, Place};
use crate::filter::html::reference::plain;
use crate::filter::html::selector::Element;
use crate::filter::html::table::Items;
use crate::filter::mask::Form;

/// Reasons to hold an element.
pub(super) type Targets = SmallVec<[(Target, Option<CompactString>); 2]>;

pub(super) fn is_drop(target: &(Target, Option<CompactString>)) -> bool {
    matches!(target.0, Target::Drop | Target::Menu)
}

impl HtmlStage {
    /// Whether a row begins with this element, and whether it stands in `thead`.
    pub(super) fn row(&self, tag: &Tag<'_>) -> Option<bool> {
        let (Some(container), None, Some(_)) = (&self.container, &self.hold, tag.opened) else { return None };
        let above = tag.above(&self.tree);
        let is_row = match container.items {
            Items::Rows => tag.name == "tr" && own_table(above) == Some(container.serial),
            Items::Children("option") => tag.name == "option",
            Items::Children(item) => {
                tag.name == item && above.last().is_some_and(|node| node.serial == container.serial)
            }
            Items::Selected => {
                let each = self.page.rows.get(container.rule).and_then(|rows| rows.each);
                each.is_some_and(|each| self.page.selectors.matches(each, tag.element(&self.lexer), above))
            }
        };
        let mut inner = above.iter().rev().take_while(|node| node.serial != container.serial);
        is_row.then(|| inner.any(|node| node.name == "thead"))
    }

    /// What the rule of the rows says of an element in a row; `begins` where it is the row itself.
    pub(super) fn row_reasons(&mut self, tag: &Tag<'_>, begins: bool) -> Result<Targets, HtmlError> {
        let mut targets = Targets::new();
        let Some(container) = &self.container else { return Ok(targets) };
        if !begins && self.hold.as_ref().is_none_or(|hold| hold.row.is_none()) {
            return Ok(targets);
        }
        let Some(rows) = self.page.rows.get(container.rule) else { return Ok(targets) };
        let (element, above) = (tag.element(&self.lexer), tag.above(&self.tree));
        let selected = |field: &Field| self.page.selectors.matches(field.selector, element, above);
        if let Some(hold) = &mut self.hold
            && container.items == Items::Rows
            && matches!(tag.name, "td" | "th")
            && above.last().is_some_and(|node| node.serial == hold.serial)
        {
            let span = span_of(element)?;
            targets.push((Target::Cell { first: hold.width, span, title: tag.name == "th" }, None));
            hold.width += span;
        }
        for (no, keep) in rows.keep.iter().enumerate() {
            for place in &keep.places {
                if let Place::Within(field) = &place.place
                    && selected(field)
                {
                    targets.push((Target::Value(no), field.attribute.clone()));
                }
            }
        }
        for (no, mask) in rows.mask.iter().enumerate() {
            for field in &mask.fields {
                match field {
                    Place::Within(field) if selected(field) => {
                        targets.push((Target::RowMask(no), field.attribute.clone()))
                    }
                    Place::RowAttribute(name) if begins => targets.push((Target::RowMask(no), Some(name.clone()))),
                    _ => {}
                }
            }
        }
        Ok(targets)
    }

    /// What the rule of the page says of an element. Outside of rows what is shown is no reason, and true means that it goes as a whole.
    pub(super) fn page_reasons(&self, tag: &Tag<'_>, begins_row: bool, targets: &mut Targets) -> bool {
        let (element, above) = (tag.element(&self.lexer), tag.above(&self.tree));
        let outside = !begins_row && self.hold.is_none();
        let mut removed = false;
        for (no, mask) in self.page.mask.iter().enumerate() {
            for field in mask.fields.iter().filter(|field| self.page.selectors.matches(field.selector, element, above))
            {
                if outside {
                    if mask.unless.is_some_and(|grant| self.terms.judge.shows(grant, &[])) {
                        continue;
                    }
                    removed |= mask.form == Form::Remove && field.attribute.is_none();
                }
                targets.push((Target::PageMask(no), field.attribute.clone()));
            }
        }
        removed
    }
}

/// How many columns a cell covers.
fn span_of(cell: Element<'_>) -> Result<usize, HtmlError> {
    let plain_number = |name: &str| match cell.get(name) {
        None => Some(1),
        Some((text, exact)) => plain(&text).parse::<usize>().ok().filter(|number| exact && (1..=1000).contains(number)),
    };
    if plain_number("rowspan") != Some(1) {
        return Err(HtmlError::RowSpan);
    }
    plain_number("colspan").ok_or(HtmlError::RowShape)
}
