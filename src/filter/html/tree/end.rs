//! What an end tag does to the stack of open elements (WHATWG HTML, section 13.2.6.4); no start tags.

use super::{Event, Events, Tree};
use crate::filter::html::element::Class;
use crate::filter::html::fault::HtmlError;

const HEADINGS: &[&str] = &["h1", "h2", "h3", "h4", "h5", "h6"];

impl Tree {
    /// An end tag.
    ///
    /// # Errors
    /// [`HtmlError::Ambiguous`] where browsers read it in different ways.
    pub fn end(&mut self, name: &str) -> Result<Events, HtmlError> {
        self.begun = true;
        let class = Class::of(name);
        if self.is_foreign() {
            let inner = self.open.iter().rposition(|node| !node.class.is(Class::FOREIGN)).map_or(0, |at| at + 1);
            let own = self.open.iter().rposition(|node| node.name == name).filter(|at| *at >= inner);
            let Some(at) = own else { return Err(HtmlError::Ambiguous("an end tag inside SVG")) };
            self.close(at);
            return self.done();
        }
        if self.has("select") && !matches!(name, "select" | "option" | "optgroup" | "script") {
            return Err(HtmlError::Ambiguous("an end tag inside a list of choices"));
        }
        match name {
            "html" | "body" | "head" | "br" => {}
            "table" | "tr" | "td" | "th" | "tbody" | "thead" | "tfoot" | "caption" => {
                if let Some(at) = self.in_table_scope(&[name]) {
                    self.close(at);
                }
            }
            "colgroup" if self.top_is("colgroup") => self.close(self.open.len().saturating_sub(1)),
            "col" | "colgroup" => {}
            "template" => {
                if let Some(at) = self.open.iter().rposition(|node| node.name == "template") {
                    self.close(at);
                }
            }
            "p" => {
                if let Some(at) = self.in_button_scope(&["p"]) {
                    self.close(at);
                }
            }
            "li" => {
                if let Some(at) = self.within(&["li"], Class::SCOPE.with(Class::FOREIGN).with(Class::LIST)) {
                    self.close(at);
                }
            }
            "form" => self.end_form(),
            _ if class.is(Class::HEADING) => {
                if let Some(at) = self.in_scope(HEADINGS) {
                    self.close(at);
                }
            }
            "dd" | "dt" | "applet" | "marquee" | "object" | "select" => {
                if let Some(at) = if name == "select" {
                    self.open.iter().rposition(|n| n.name == name)
                } else {
                    self.in_scope(&[name])
                } {
                    self.close(at);
                }
            }
            _ if class.is(Class::BLOCK_END) => {
                if let Some(at) = self.in_scope(&[name]) {
                    self.close(at);
                }
            }
            _ if class.is(Class::FORMATTING) => self.end_formatting(name),
            _ => self.end_any(name),
        }
        self.done()
    }

    fn end_form(&mut self) {
        let was = std::mem::take(&mut self.form);
        let Some(at) = self.in_scope(&["form"]) else { return };
        if was || self.has("template") {
            let implied = self.open.iter().skip(at + 1).all(|node| node.class.is(Class::IMPLIED_END));
            if implied {
                self.close(at);
            } else {
                // Only the form itself leaves; what stands in it stays open.
                let node = self.open.remove(at);
                self.events.push(Event::Before(node.serial));
            }
        }
    }

    /// The adoption agency (section 13.2.6.4.7), as far as other elements notice it.
    pub(super) fn end_formatting(&mut self, name: &str) {
        let Some(at) = self.within(&[name], Class::SCOPE.with(Class::FOREIGN)) else { return };
        if self.open.iter().skip(at + 1).any(|node| node.class.is(Class::SPECIAL)) {
            // What stands between is taken apart.
            let node = self.open.remove(at);
            self.events.push(Event::Before(node.serial));
            self.reopens(&node);
        } else {
            self.close(at);
        }
    }

    fn end_any(&mut self, name: &str) {
        for at in (0..self.open.len()).rev() {
            let Some(node) = self.open.get(at) else { return };
            if node.name == name {
                return self.close(at);
            }
            if node.class.is(Class::SPECIAL.with(Class::FOREIGN)) {
                return;
            }
        }
    }
}
