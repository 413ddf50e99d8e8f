//! The stack of open elements as browsers build it (WHATWG HTML, section 13.2.6); where they could differ the page is refused.

use compact_str::CompactString;
use smallvec::SmallVec;

use super::element::Class;
use super::fault::HtmlError;

/// The deepest nesting; browsers cap it at 512.
pub const DEEPEST: usize = 400;

/// An open element.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name in lower case.
    pub name: CompactString,
    /// A number of its own.
    pub serial: u32,
    /// How it is treated.
    pub class: Class,
    /// The steps of selectors that it matches; see [`super::selector`].
    pub steps: u64,
    /// Whether browsers may hold it closed already.
    pub uncertain: bool,
    /// Whether what stands in it is judged.
    pub judged: bool,
    /// Whether it would be selected elsewhere in the tree.
    pub elsewhere: bool,
    /// How many formatting elements were loose before it.
    loose: usize,
}

impl Node {
    /// Whether only a certain place in the tree makes the answer right.
    fn counts(&self) -> bool {
        self.judged || self.steps != 0
    }
}

/// What a tag does to the stack, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An element ends before the tag.
    Before(u32),
    /// An element ends with the tag, which is its own end tag and closes nothing else.
    With(u32),
    /// An element begins that the page does not spell out.
    Implied(u32),
    /// The element of the tag begins.
    Open(u32),
}

/// The events of one tag.
pub type Events = SmallVec<[Event; 4]>;

/// The open elements.
#[derive(Default)]
pub struct Tree {
    open: Vec<Node>,
    next: u32,
    events: Events,
    form: bool,
    begun: bool,
    /// Formatting elements that were left open by an end tag of another: browsers open them again, which moves elements that are
    /// not special. Those before the nearest cell do not count in it.
    loose: usize,
    fault: Option<HtmlError>,
    /// Whether the doctype is the one that surely means no quirks.
    standard: bool,
}

/// Formatting elements from outside are not opened again in it.
fn is_marker(node: &Node) -> bool {
    matches!(node.name.as_str(), "td" | "th" | "caption" | "applet" | "marquee" | "object" | "template")
        && !node.class.is(Class::FOREIGN)
}

const CELLS: &[&str] = &["td", "th"];
const SECTIONS: &[&str] = &["tbody", "thead", "tfoot"];
const HEADINGS: &[&str] = &["h1", "h2", "h3", "h4", "h5", "h6"];

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
    /// The open elements, outermost first.
    #[must_use]
    pub fn open(&self) -> &[Node] {
        &self.open
    }

    /// An open element.
    pub fn node(&mut self, serial: u32) -> Option<&mut Node> {
        self.open.iter_mut().rev().find(|node| node.serial == serial)
    }

    /// Takes note of the doctype.
    pub fn doctype(&mut self, text: &[u8]) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let words: Vec<&[u8]> = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
        self.standard = matches!(words.as_slice(), [first, second] if first.eq_ignore_ascii_case(b"<!doctype") && second.eq_ignore_ascii_case(b"html>"));
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

    fn top(&self) -> Option<&Node> {
        self.open.last()
    }

    fn top_is(&self, name: &str) -> bool {
        self.top().is_some_and(|node| node.name == name)
    }

    fn push(&mut self, name: &str, class: Class) -> Result<u32, HtmlError> {
        if self.open.len() >= DEEPEST {
            return Err(HtmlError::TooDeep);
        }
        self.next = self.next.wrapping_add(1);
        let serial = self.next;
        self.open.push(self.fresh(name, serial, class));
        Ok(serial)
    }

    fn fresh(&self, name: &str, serial: u32, class: Class) -> Node {
        Node {
            name: name.into(),
            serial,
            class,
            steps: 0,
            uncertain: false,
            judged: false,
            elsewhere: false,
            loose: self.loose,
        }
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
        smallvec::smallvec![Event::Open(self.next)]
    }

    /// Text came: a doctype after it says nothing.
    pub fn text(&mut self) {
        self.begun = true;
    }

    /// Says of an open element which steps of selectors it is, whether its end decides what is shown, and whether it would be selected
    /// elsewhere in the tree.
    ///
    /// # Errors
    /// [`HtmlError::UncertainAncestor`] where browsers may put its end elsewhere.
    pub fn judge(&mut self, serial: u32, steps: u64, judged: bool, elsewhere: bool) -> Result<(), HtmlError> {
        let loose = self.is_loose();
        let Some(node) = self.node(serial) else { return Ok(()) };
        node.steps = steps;
        node.judged |= judged;
        node.elsewhere = elsewhere;
        let certain = !node.uncertain && (node.class.is(Class::SPECIAL) || !loose);
        if node.counts() && !certain { Err(HtmlError::UncertainAncestor) } else { Ok(()) }
    }

    /// Whether formatting elements may be opened again here.
    fn is_loose(&self) -> bool {
        let marker = self.open.iter().rev().find(|node| is_marker(node));
        self.loose > marker.map_or(0, |node| node.loose)
    }

    /// From here on browsers may open formatting elements again.
    fn loosen(&mut self) {
        self.loose += 1;
        for node in self.open.iter().rev().take_while(|node| !is_marker(node)) {
            if node.counts() && !node.class.is(Class::SPECIAL) {
                self.fault = Some(HtmlError::UncertainAncestor);
            }
        }
    }

    /// An element leaves the stack for another reason than its own end tag.
    fn left(&mut self, node: &Node, judged_end: bool) {
        if is_marker(node) {
            self.loose = node.loose;
        } else if node.class.is(Class::FORMATTING) && !judged_end {
            self.reopens(node);
        }
    }

    /// Browsers may open this formatting element again elsewhere.
    fn reopens(&mut self, node: &Node) {
        if node.counts() || node.elsewhere {
            self.fault = Some(HtmlError::UncertainAncestor);
        }
        self.loosen();
    }

    fn done(&mut self) -> Result<Events, HtmlError> {
        let events = std::mem::take(&mut self.events);
        self.fault.take().map_or(Ok(events), Err)
    }

    fn imply(&mut self, name: &str) -> Result<(), HtmlError> {
        let serial = self.push(name, Class::of(name))?;
        self.events.push(Event::Implied(serial));
        Ok(())
    }

    fn pop(&mut self) {
        if let Some(node) = self.open.pop() {
            self.left(&node, false);
            self.events.push(Event::Before(node.serial));
        }
    }

    /// Pops down to the element at `at`, which stays.
    fn pop_above(&mut self, at: usize) {
        while self.open.len() > at + 1 {
            self.pop();
        }
    }

    /// Pops down to the element at `at` with it; it is what an end tag closes.
    fn close(&mut self, at: usize) {
        self.pop_above(at);
        if let Some(node) = self.open.pop() {
            self.left(&node, true);
            self.events.push(Event::With(node.serial));
        }
    }

    /// Pops down to the element at `at` with it, because of another tag.
    fn pop_with(&mut self, at: usize) {
        self.pop_above(at);
        self.pop();
    }

    /// The innermost of `names` that no element of `barriers` hides.
    fn within(&self, names: &[&str], barriers: Class) -> Option<usize> {
        for (at, node) in self.open.iter().enumerate().rev() {
            if names.contains(&node.name.as_str()) && !node.class.is(Class::FOREIGN) {
                return Some(at);
            }
            if node.class.is(barriers) {
                return None;
            }
        }
        None
    }

    fn in_scope(&self, names: &[&str]) -> Option<usize> {
        self.within(names, Class::SCOPE.with(Class::FOREIGN))
    }

    fn in_button_scope(&self, names: &[&str]) -> Option<usize> {
        self.within(names, Class::SCOPE.with(Class::FOREIGN).with(Class::BUTTON))
    }

    fn in_table_scope(&self, names: &[&str]) -> Option<usize> {
        for (at, node) in self.open.iter().enumerate().rev() {
            if names.contains(&node.name.as_str()) && !node.class.is(Class::FOREIGN) {
                return Some(at);
            }
            if matches!(node.name.as_str(), "table" | "template") {
                return None;
            }
        }
        None
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

    fn is_foreign(&self) -> bool {
        self.top().is_some_and(|node| node.class.is(Class::FOREIGN))
    }

    fn has(&self, name: &str) -> bool {
        self.open.iter().any(|node| node.name == name)
    }

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

    fn pop_option(&mut self, names: &[&str]) {
        if self.top().is_some_and(|node| names.contains(&node.name.as_str())) {
            self.pop();
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
    fn end_formatting(&mut self, name: &str) {
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
