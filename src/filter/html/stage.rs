//! One page as it streams by: tags go through the tree of open elements, rows and masked elements are held and judged, the rest passes as it is.

use std::ops::Range;
use std::sync::Arc;

use compact_str::CompactString;
use smallvec::SmallVec;

use super::element::{Class, raw_name};
use super::fault::HtmlError;
use super::gap::Gap;
use super::hold::{Hold, Target};
use super::link::{self, RawLinks};
use super::place::{Field, Place};
use super::plan::{Page, RawEmpty, Rows};
use super::reference::plain;
use super::selector::Element;
use super::table::{Container, Items, drop_parts, mask_page};
use super::token::{Attribute, Attributes, Kind, Lexeme, Lexer};
use super::tree::{Event, Node, Tree};
use super::watermark;
use crate::filter::chain::Transform;
use crate::filter::error::FilterError;
use crate::filter::judge::Terms;
use crate::filter::mask::Form;
use crate::request::Charset;

/// Reasons to hold an element.
type Targets = SmallVec<[(Target, Option<CompactString>); 2]>;

/// A start tag on its way.
struct Tag<'a> {
    name: &'a str,
    class: Class,
    attributes: &'a Attributes,
    /// The element that it opens, if it has content.
    opened: Option<u32>,
    whole: &'a Range<usize>,
}

impl<'a> Tag<'a> {
    fn element(&self, lexer: &'a Lexer) -> Element<'a> {
        Element { name: self.name, lexer, attributes: self.attributes }
    }

    /// What the element stands in; it is none of its own ancestors.
    fn above<'t>(&self, tree: &'t Tree) -> &'t [Node] {
        let open = tree.open();
        if self.opened.is_some() { open.split_last().map_or(&[][..], |(_, above)| above) } else { open }
    }
}

/// Changes of one tag, in order: what is replaced, and by what.
type Edits = Vec<(Range<usize>, Vec<u8>)>;

fn is_drop(target: &(Target, Option<CompactString>)) -> bool {
    matches!(target.0, Target::Drop | Target::Menu)
}

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
    /// What the `base` element says.
    base: Option<String>,
    /// A form that leads to a refusal.
    refused_form: Option<u32>,
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
            base: None,
            refused_form: None,
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

    /// Whether what comes stands in a filtered table or list, and in no row of it.
    fn is_between_rows(&self) -> bool {
        let Some(container) = &self.container else { return false };
        if self.hold.is_some() || container.items == Items::Selected {
            return false;
        }
        let inner = self.tree.open().iter().rev().take_while(|node| node.serial != container.serial);
        !inner.into_iter().any(|node| node.name == "caption")
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
            self.check_charset(attributes)?;
        }
        if name == "noscript" {
            // What browsers make of it depends on their settings.
            self.skip = opened.map(|serial| Skip { serial, strict: false, optional_end: false });
            return Ok(());
        }
        self.element(&Tag { name, class, attributes, opened, whole }, out)
    }

    /// An element begins, or one without content stands there.
    fn element(&mut self, tag: &Tag<'_>, out: &mut Vec<u8>) -> Result<(), HtmlError> {
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

    /// Whether a row begins with this element, and whether it stands in `thead`.
    fn row(&self, tag: &Tag<'_>) -> Option<bool> {
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
    fn row_reasons(&mut self, tag: &Tag<'_>, begins: bool) -> Result<Targets, HtmlError> {
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
    fn page_reasons(&self, tag: &Tag<'_>, begins_row: bool, targets: &mut Targets) -> bool {
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

    /// What becomes of an element that leads to a refusal: true where it goes as a whole.
    fn link(&mut self, links: RawLinks, tag: &Tag<'_>, edits: &mut Edits) -> bool {
        let name = tag.name;
        let element = tag.element(&self.lexer);
        let get =
            |attribute: &str| element.get(attribute).filter(|(_, exact)| *exact).map(|(value, _)| value.into_owned());
        if name == "base" && self.base.is_none() {
            self.base = get("href");
        }
        let in_form = self.refused_form.is_some_and(|form| self.tree.open().iter().any(|node| node.serial == form));
        let is_field = matches!(name, "input" | "select" | "textarea" | "button" | "label");
        if links == RawLinks::Remove && in_form && is_field {
            self.terms.tally.mask();
            return true;
        }
        let (attribute, method) = match name {
            "a" | "area" => ("href", "GET"),
            "form" if get("method").is_some_and(|own| own.trim().eq_ignore_ascii_case("post")) => ("action", "POST"),
            "button" | "input" => ("formaction", "POST"),
            _ => return false,
        };
        // A form without an action leads to its own page.
        let leads = get(attribute).or_else(|| (name == "form").then(|| self.terms.occasion.target.clone()));
        let target = leads.and_then(|link| link::target(&link, self.base.as_deref(), &self.terms.occasion));
        let refused = target.is_some_and(|target| self.terms.judge.is_refused(method, &target));
        let sends = |kind: String| matches!(kind.to_ascii_lowercase().as_str(), "submit" | "image");
        let submits = (name == "button" || get("type").is_some_and(sends)) && element.raw("formaction").is_none();
        if !(refused || (in_form && submits)) {
            return false;
        }
        self.terms.tally.mask();
        let above = tag.above(&self.tree);
        let says =
            name == "a" && self.page.unlinked.iter().any(|one| self.page.selectors.matches(*one, element, above));
        // A form stays without its fields: old pages put whole tables into one.
        if links == RawLinks::Remove && name != "form" && !says && (tag.opened.is_some() || name == "input") {
            return true;
        }
        if name == "form" {
            self.refused_form = tag.opened;
        }
        let disabled: &[u8] = match name {
            "a" if says => b"",
            "a" | "area" => b"aria-disabled=\"true\"",
            // Such a form sends nothing (WHATWG HTML, section 4.10.21.3).
            "form" => b"method=\"dialog\"",
            _ => b"disabled",
        };
        let goes = |one: &&Attribute| {
            let own = self.lexer.bytes(&one.name);
            own.eq_ignore_ascii_case(attribute.as_bytes()) || (name == "form" && own.eq_ignore_ascii_case(b"method"))
        };
        let mut gone = tag.attributes.iter().filter(goes).map(|one| one.whole.clone());
        if let Some(first) = gone.next() {
            edits.push((first, disabled.to_vec()));
            edits.extend(gone.map(|range| (range, Vec::new())));
            return false;
        }
        // Nothing to replace: it goes before the first attribute. A button without any goes itself.
        let Some(first) = tag.attributes.first() else { return true };
        edits.push((first.whole.start..first.whole.start, [disabled, b" "].concat()));
        false
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

    /// A table or list begins whose rows are judged.
    fn begin(&mut self, rule: usize, name: &str, serial: u32, out: &mut Vec<u8>) -> Result<(), HtmlError> {
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

    /// An element begins that the page does not spell out: only rows and sections of tables do.
    fn implied(&mut self, serial: u32) -> Result<(), HtmlError> {
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

    /// Judges what is held.
    fn settle(&mut self, out: &mut Vec<u8>) -> Result<(), HtmlError> {
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

    /// SECURITY: a page that names another character set may be read in it (`a_page_that_names_another_charset_is_withheld`).
    fn check_charset(&self, attributes: &Attributes) -> Result<(), HtmlError> {
        let element = Element { name: "meta", lexer: &self.lexer, attributes };
        let content = element.get("content").map(|(value, _)| value.to_ascii_lowercase());
        let is_type =
            element.get("http-equiv").is_some_and(|(value, _)| value.trim().eq_ignore_ascii_case("content-type"));
        let in_content = content.filter(|_| is_type).and_then(|content| {
            let (_, label) = content.split_once("charset")?;
            let label = label.trim_start().strip_prefix('=')?.trim_start();
            Some(label.trim_matches(['"', '\'']).split([';', ' ', '"', '\'']).next().unwrap_or_default().to_owned())
        });
        let named = element.get("charset").map(|(value, _)| value.into_owned()).into_iter().chain(in_content);
        for label in named {
            if encoding_rs::Encoding::for_label(label.trim().as_bytes()) != Some(self.charset.encoding()) {
                return Err(HtmlError::Charset);
            }
        }
        Ok(())
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

/// The element of the table that an element in `above` is part of.
fn own_table(above: &[Node]) -> Option<u32> {
    let found =
        above.iter().rev().find(|node| matches!(node.name.as_str(), "table" | "template" | "td" | "th" | "caption"))?;
    (found.name == "table").then_some(found.serial)
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

fn is_part(name: &str) -> bool {
    matches!(name, "thead" | "tbody" | "tfoot" | "caption" | "colgroup" | "col" | "tr" | "table" | "form" | "optgroup")
}

/// What may stand between rows without being judged: the parts of a table, and what nobody sees of a form.
fn may_stand_between_rows(element: Element<'_>) -> bool {
    is_part(element.name)
        || (element.name == "input"
            && element.get("type").is_some_and(|(value, exact)| exact && value.eq_ignore_ascii_case("hidden")))
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
