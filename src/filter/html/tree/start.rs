//! What a start tag does to the stack of open elements (WHATWG HTML, section 13.2.6.4); no end tags.

use smallvec::smallvec;

use super::{Event, Events, Tree};
use crate::filter::html::element::Class;
use crate::filter::html::fault::HtmlError;

const CELLS: &[&str] = &["td", "th"];
const SECTIONS: &[&str] = &["tbody", "thead", "tfoot"];

/// Where in a table the next tag stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Body,
    Template,
    Table,
    Caption,
    Columns,
    Section,
    Row,
    Cell,
}

impl Tree {
    /// A start tag. Gives what it does; [`Event::Open`] is last where an element begins, which void elements do not.
    ///
    /// # Errors
    /// [`HtmlError::Ambiguous`] where browsers read it in different ways, [`HtmlError::TooDeep`].
    pub fn start(&mut self, name: &str, self_closing: bool) -> Result<Events, HtmlError> {
        self.begun = true;
        let mut class = Class::of(name);
        if self.is_foreign() {
            self.start_foreign(name, class, self_closing)?;
            return self.done();
        }
        if self.has("select") && !self.start_in_select(name)? {
            return self.done();
        }
        match name {
            "plaintext" | "frameset" | "math" => {
                return Err(HtmlError::Ambiguous("plaintext, frameset or math"));
            }
            "head" => return Ok(Events::new()),
            "html" | "body" => return Ok(self.surround(name, class)),
            "svg" => class = class.with(Class::FOREIGN).with(Class::SPECIAL),
            _ => {}
        }
        let opens = if class.is(Class::TABLE_PART) {
            self.start_part(name)?
        } else if name == "table" {
            self.start_table()
        } else {
            self.start_other(name, class)?
        };
        let empty = class.is(Class::VOID) || (class.is(Class::FOREIGN) && self_closing);
        if opens && !empty {
            let serial = self.push(name, class)?;
            self.events.push(Event::Open(serial));
        }
        self.done()
    }

    /// `html` and `body` lie around everything, wherever their tags stand.
    fn surround(&mut self, name: &str, class: Class) -> Events {
        if self.has(name) {
            return Events::new();
        }
        self.next = self.next.wrapping_add(1);
        let node = self.fresh(name, self.next, class);
        let at = usize::from(name == "body" && self.open.first().is_some_and(|first| first.name == "html"));
        self.open.insert(at.min(self.open.len()), node);
        smallvec![Event::Open(self.next)]
    }

    /// Inside SVG. Only what every browser keeps there is taken.
    fn start_foreign(&mut self, name: &str, class: Class, self_closing: bool) -> Result<(), HtmlError> {
        let integration = self.open.iter().any(|node| {
            node.class.is(Class::FOREIGN) && matches!(node.name.as_str(), "title" | "desc" | "foreignobject")
        });
        let odd = class.is(Class::BREAKOUT.with(Class::TABLE_PART))
            || matches!(name, "math" | "script" | "font" | "template" | "select" | "form" | "textarea" | "noscript");
        if integration || odd {
            return Err(HtmlError::Ambiguous("HTML inside SVG"));
        }
        if !self_closing {
            let serial = self.push(name, Class::FOREIGN)?;
            self.events.push(Event::Open(serial));
        }
        Ok(())
    }

    /// Inside a `select`: gives whether the element is put on the stack.
    fn start_in_select(&mut self, name: &str) -> Result<bool, HtmlError> {
        match name {
            "option" => {
                self.pop_option(&["option"]);
                Ok(true)
            }
            "optgroup" => {
                self.pop_option(&["option"]);
                self.pop_option(&["optgroup"]);
                Ok(true)
            }
            "hr" => {
                self.pop_option(&["option"]);
                self.pop_option(&["optgroup"]);
                Ok(false)
            }
            "script" => Ok(true),
            _ => Err(HtmlError::Ambiguous("an element inside a list of choices")),
        }
    }

    /// Parts of tables, in every place that they may stand in. Gives whether the element begins.
    fn start_part(&mut self, name: &str) -> Result<bool, HtmlError> {
        let is_cell = CELLS.contains(&name);
        loop {
            match self.place() {
                Place::Body => return Ok(false),
                Place::Template => return Err(HtmlError::Ambiguous("a part of a table in a template")),
                Place::Cell => self.pop_until(CELLS),
                Place::Caption => self.pop_until(&["caption"]),
                Place::Columns if name == "col" && self.top_is("colgroup") => return Ok(true),
                Place::Columns if self.top_is("colgroup") => self.pop(),
                Place::Columns => return Err(HtmlError::Ambiguous("an element between columns")),
                Place::Row if is_cell => {
                    self.clear_to(&["tr"]);
                    return Ok(true);
                }
                Place::Row => {
                    self.clear_to(&["tr"]);
                    self.pop();
                }
                Place::Section => {
                    self.clear_to(SECTIONS);
                    if name == "tr" {
                        return Ok(true);
                    }
                    if is_cell { self.imply("tr")? } else { self.pop() }
                }
                Place::Table => {
                    self.clear_to(&["table"]);
                    match name {
                        "col" => self.imply("colgroup")?,
                        "tr" | "td" | "th" => self.imply("tbody")?,
                        _ => return Ok(true),
                    }
                }
            }
        }
    }

    fn start_table(&mut self) -> bool {
        while matches!(self.place(), Place::Table | Place::Section | Place::Row | Place::Columns) {
            self.pop_until(&["table"]);
        }
        if self.standard {
            self.close_p();
        } else if let Some(at) = self.in_button_scope(&["p"]) {
            // In quirks mode the paragraph goes on, in the others it ends here.
            for node in self.open.iter_mut().skip(at) {
                node.uncertain = true;
                if node.counts() {
                    self.fault = Some(HtmlError::UncertainAncestor);
                }
            }
        }
        true
    }

    /// Gives whether the element begins.
    fn start_other(&mut self, name: &str, class: Class) -> Result<bool, HtmlError> {
        if self.place() == Place::Columns && !matches!(name, "template") {
            self.clear_to(&["colgroup"]);
            self.pop();
        }
        match name {
            "form" if self.form && !self.has("template") => return Ok(false),
            "form" => {
                self.form = true;
                if matches!(self.place(), Place::Table | Place::Section | Place::Row) {
                    return Ok(false);
                }
            }
            "li" => self.close_item(&["li"]),
            "dd" | "dt" => self.close_item(&["dd", "dt"]),
            "button" => {
                if let Some(at) = self.in_scope(&["button"]) {
                    self.pop_with(at);
                }
            }
            "a" | "nobr" => self.close_same(name),
            "select" if self.has("select") => return Err(HtmlError::Ambiguous("a list of choices in another")),
            "optgroup" | "option" => self.pop_option(&["option"]),
            "rb" | "rtc" | "rp" | "rt" => self.pop_option(&["rb", "rtc", "rp", "rt"]),
            _ => {}
        }
        if class.is(Class::CLOSES_P) {
            self.close_p();
        }
        if class.is(Class::HEADING) && self.top().is_some_and(|node| node.class.is(Class::HEADING)) {
            self.pop();
        }
        Ok(true)
    }

    fn place(&self) -> Place {
        for node in self.open.iter().rev() {
            return match node.name.as_str() {
                _ if node.class.is(Class::FOREIGN) => continue,
                "td" | "th" => Place::Cell,
                "tr" => Place::Row,
                "tbody" | "thead" | "tfoot" => Place::Section,
                "caption" => Place::Caption,
                "colgroup" => Place::Columns,
                "table" => Place::Table,
                "template" => Place::Template,
                _ => continue,
            };
        }
        Place::Body
    }

    fn imply(&mut self, name: &str) -> Result<(), HtmlError> {
        let serial = self.push(name, Class::of(name))?;
        self.events.push(Event::Implied(serial));
        Ok(())
    }

    fn pop_option(&mut self, names: &[&str]) {
        if self.top().is_some_and(|node| names.contains(&node.name.as_str())) {
            self.pop();
        }
    }

    /// "Clear the stack back to a table, table body or table row context".
    fn clear_to(&mut self, names: &[&str]) {
        while self.top().is_some_and(|node| {
            !names.contains(&node.name.as_str()) && !matches!(node.name.as_str(), "template" | "html")
        }) {
            self.pop();
        }
    }

    fn pop_until(&mut self, names: &[&str]) {
        if let Some(at) = self.in_table_scope(names) {
            self.pop_with(at);
        }
    }

    fn close_p(&mut self) {
        if let Some(at) = self.in_button_scope(&["p"]) {
            self.pop_with(at);
        }
    }

    /// `li`, `dd` and `dt` end their like, as far as no other special element stands between.
    fn close_item(&mut self, names: &[&str]) {
        for at in (0..self.open.len()).rev() {
            let Some(node) = self.open.get(at) else { break };
            if names.contains(&node.name.as_str()) {
                self.pop_with(at);
                break;
            }
            if node.class.is(Class::SPECIAL.with(Class::FOREIGN))
                && !matches!(node.name.as_str(), "address" | "div" | "p")
            {
                break;
            }
        }
        self.close_p();
    }

    /// A link inside a link ends the outer one.
    fn close_same(&mut self, name: &str) {
        let marker = Class::SCOPE.with(Class::FOREIGN);
        if self.within(&[name], marker).is_some() {
            self.end_formatting(name);
            for event in &mut self.events {
                if let Event::With(serial) = *event {
                    *event = Event::Before(serial);
                }
            }
        }
    }
}
