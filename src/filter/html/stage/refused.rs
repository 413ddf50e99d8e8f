//! What becomes of links, forms and buttons that lead to what the person is refused; where one leads is read in `link`.

use super::HtmlStage;
use super::tag::{Edits, Tag};
use crate::filter::html::link::{self, RawLinks};
use crate::filter::html::token::Attribute;

/// What the page has said that its links depend on.
#[derive(Default)]
pub(super) struct Links {
    /// What the `base` element says.
    base: Option<String>,
    /// A form that leads to a refusal.
    refused_form: Option<u32>,
}

impl HtmlStage {
    /// What becomes of an element that leads to a refusal: true where it goes as a whole.
    pub(super) fn link(&mut self, links: RawLinks, tag: &Tag<'_>, edits: &mut Edits) -> bool {
        let name = tag.name;
        let element = tag.element(&self.lexer);
        let get =
            |attribute: &str| element.get(attribute).filter(|(_, exact)| *exact).map(|(value, _)| value.into_owned());
        if name == "base" && self.links.base.is_none() {
            self.links.base = get("href");
        }
        let in_form =
            self.links.refused_form.is_some_and(|form| self.tree.open().iter().any(|node| node.serial == form));
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
        let target = leads.and_then(|link| link::target(&link, self.links.base.as_deref(), &self.terms.occasion));
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
            self.links.refused_form = tag.opened;
        }
        self.disable(tag, attribute, says, edits)
    }

    /// Takes away what makes the element lead anywhere. True where it goes as a whole after all: a button without attributes.
    fn disable(&self, tag: &Tag<'_>, attribute: &str, says: bool, edits: &mut Edits) -> bool {
        let name = tag.name;
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
}
