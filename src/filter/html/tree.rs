//! The stack of open elements as browsers build it (WHATWG HTML, section 13.2.6); where they could differ the page is refused.

mod end;
mod start;

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

    fn is_foreign(&self) -> bool {
        self.top().is_some_and(|node| node.class.is(Class::FOREIGN))
    }

    fn has(&self, name: &str) -> bool {
        self.open.iter().any(|node| node.name == name)
    }
}
