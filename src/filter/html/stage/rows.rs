//! The tables and lists whose rows are judged: where one begins, what stands between its rows, and what leaves of what was held.

use super::HtmlStage;
use crate::filter::html::fault::HtmlError;
use crate::filter::html::hold::{Hold, Target};
use crate::filter::html::plan::RawEmpty;
use crate::filter::html::selector::Element;
use crate::filter::html::table::{Container, Items, drop_parts, mask_page};
use crate::filter::html::tree::Node;

impl HtmlStage {
    /// Whether what comes stands in a filtered table or list, and in no row of it.
    pub(super) fn is_between_rows(&self) -> bool {
        let Some(container) = &self.container else { return false };
        if self.hold.is_some() || container.items == Items::Selected {
            return false;
        }
        let inner = self.tree.open().iter().rev().take_while(|node| node.serial != container.serial);
        !inner.into_iter().any(|node| node.name == "caption")
    }

    /// A table or list begins whose rows are judged.
    pub(super) fn begin(&mut self, rule: usize, name: &str, serial: u32, out: &mut Vec<u8>) -> Result<(), HtmlError> {
        if self.container.is_some() || self.hold.is_some() {
            return Err(HtmlError::Nested);
        }
        let selected = self.page.rows.get(rule).is_some_and(|rows| rows.each.is_some());
        let items = match name {
            _ if selected => Items::Selected,
            "table" => Items::Rows,
            "ul" | "ol" | "menu" => Items::Children("li"),
            "select" => Items::Children("option"),
            _ => return Err(HtmlError::NoTable),
        };
        self.container = Some(Container::new(rule, serial, items));
        if self.page.rows.get(rule).is_none_or(|rows| rows.empty == RawEmpty::Show) {
            self.has(rule, out);
        }
        Ok(())
    }

    /// An element begins that the page does not spell out: only rows and sections of tables do.
    pub(super) fn implied(&mut self, serial: u32) -> Result<(), HtmlError> {
        let open = self.tree.open();
        let Some(at) = open.iter().rposition(|node| node.serial == serial) else { return Ok(()) };
        let (above, is_row) = (open.get(..at).unwrap_or_default(), open.get(at).is_some_and(|node| node.name == "tr"));
        if self.skip.is_some() || self.hold.is_some() || !is_row {
            return Ok(());
        }
        if let Some(container) = &self.container
            && container.items == Items::Rows
            && own_table(above) == Some(container.serial)
        {
            let mut hold = Hold::new(serial, Some(false), self.terms.bounds.row);
            hold.implied();
            self.hold = Some(hold);
        }
        self.tree.judge(serial, 0, true, false)
    }

    /// What the rule of this number waits for has come; the last one lets the page leave.
    fn has(&mut self, rule: usize, out: &mut Vec<u8>) {
        if let Some(found) = self.found.get_mut(rule) {
            *found = true;
        }
        if !self.found.contains(&false)
            && let Some(early) = self.early.take()
        {
            out.extend_from_slice(&early);
        }
    }

    /// Judges what is held.
    pub(super) fn settle(&mut self, out: &mut Vec<u8>) -> Result<(), HtmlError> {
        let Some(mut hold) = self.hold.take() else { return Ok(()) };
        let held = self.early.as_mut().unwrap_or(&mut *out);
        if hold.row.is_some()
            && let Some(container) = &mut self.container
            && let Some(rows) = self.page.rows.get(container.rule)
        {
            let rule = container.rule;
            let (before, gap) = (held.len(), &mut self.gap);
            let first = gap.first();
            held.extend_from_slice(first);
            let (with_space, is_data) = (held.len(), container.settle(hold, rows, &self.page.mask, &self.terms, held)?);
            if held.len() > with_space {
                gap.kept();
            } else {
                held.truncate(before);
                gap.left_out();
            }
            if is_data {
                self.has(rule, out);
            }
            return Ok(());
        }
        let out = held;
        out.extend_from_slice(&self.gap.close());
        drop_parts(&mut hold);
        if let ((0, 1..), Some(menu)) =
            (hold.links, hold.parts().iter().position(|part| matches!(part.target, Target::Menu)))
        {
            hold.take_out(menu);
        }
        mask_page(&mut hold, &self.page.mask, &self.terms, &[], &mut Vec::new());
        hold.write(out);
        Ok(())
    }
}

/// The element of the table that an element in `above` is part of.
pub(super) fn own_table(above: &[Node]) -> Option<u32> {
    let found =
        above.iter().rev().find(|node| matches!(node.name.as_str(), "table" | "template" | "td" | "th" | "caption"))?;
    (found.name == "table").then_some(found.serial)
}

pub(super) fn is_part(name: &str) -> bool {
    matches!(name, "thead" | "tbody" | "tfoot" | "caption" | "colgroup" | "col" | "tr" | "table" | "form" | "optgroup")
}

/// What may stand between rows without being judged: the parts of a table, and what nobody sees of a form.
pub(super) fn may_stand_between_rows(element: Element<'_>) -> bool {
    is_part(element.name)
        || (element.name == "input"
            && element.get("type").is_some_and(|(value, exact)| exact && value.eq_ignore_ascii_case("hidden")))
}
