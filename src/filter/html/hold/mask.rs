//! Masks what is held: an element says the mask instead, and no attribute of the row says any more what was hidden.

use compact_str::CompactString;

use super::{Edit, Hold};
use crate::filter::html::reference::{decode, escape, plain};
use crate::filter::mask::{Form, Shown};

/// Attributes that say how something looks or behaves and not what it holds.
const PLAIN: [&str; 39] = [
    "class",
    "id",
    "style",
    "width",
    "height",
    "align",
    "valign",
    "colspan",
    "headers",
    "scope",
    "nowrap",
    "bgcolor",
    "border",
    "lang",
    "dir",
    "type",
    "name",
    "for",
    "form",
    "hidden",
    "disabled",
    "readonly",
    "required",
    "size",
    "maxlength",
    "tabindex",
    "role",
    "aria-hidden",
    "aria-controls",
    "aria-expanded",
    "cellpadding",
    "cellspacing",
    "checked",
    "selected",
    "multiple",
    "method",
    "autocomplete",
    "rows",
    "cols",
];

/// Attributes that people read, or that scripts read the value from.
fn holds_value(name: &str) -> bool {
    matches!(name, "title" | "value" | "alt" | "label" | "placeholder" | "content" | "summary" | "abbr" | "datetime")
        || name.starts_with("data-")
        || name.starts_with("aria-")
}

impl Hold {
    /// Masks a part: what it says, and every attribute of it that may say the same. Gives what must not be said elsewhere in the row.
    pub fn mask(&mut self, no: usize, form: &Form, known: &[CompactString]) -> Option<CompactString> {
        let part = self.parts.get(no)?.clone();
        let said = part.says(self);
        let clear = said.as_ref().map(|said| said.text.clone());
        let shown = form.show(said.as_ref().filter(|said| said.exact).map(|said| said.text.as_str()));
        if part.attribute.is_none() && part.serial != 0 {
            let text = match &shown {
                // Only options and the like may stand in there, and they say what they hold.
                _ if matches!(
                    part.name.as_str(),
                    "select" | "svg" | "table" | "ul" | "ol" | "dl" | "iframe" | "object"
                ) =>
                {
                    Vec::new()
                }
                Shown::Removed => Vec::new(),
                Shown::Text(text) => escaped(text),
            };
            self.edits.push(Edit { range: part.inner.clone(), text });
        }
        let own = self.attributes.get(part.attributes.clone()).unwrap_or_default().to_vec();
        for one in own {
            let name = String::from_utf8_lossy(self.bytes(&one.name)).to_ascii_lowercase();
            let value = decode(self.bytes(&one.value), true);
            if part.attribute.as_ref().is_some_and(|wanted| *wanted != name)
                || known.iter().any(|title| *title == plain(&value.text))
            {
                continue;
            }
            let repeats = || clear.as_ref().is_some_and(|clear| mentions(&value.text, clear)) || !value.exact;
            if part.attribute.is_none() && PLAIN.contains(&name.as_str()) && !repeats() {
                continue;
            }
            let text = match form.show(value.exact.then_some(value.text.as_str())) {
                Shown::Text(text) if part.attribute.is_some() || holds_value(&name) => {
                    [name.as_bytes(), b"=\"", &escaped(&text), b"\""].concat()
                }
                _ => Vec::new(),
            };
            self.edits.push(Edit { range: one.whole, text });
        }
        clear.filter(|clear| clear.chars().nth(1).is_some())
    }

    /// Takes out every attribute that mentions one of these texts.
    pub fn sweep(&mut self, hidden: &[CompactString]) {
        if hidden.is_empty() {
            return;
        }
        for one in &self.attributes {
            let value = decode(self.buffer.get(one.value.clone()).unwrap_or_default(), true);
            let name = self.buffer.get(one.name.clone()).unwrap_or_default();
            let plain = PLAIN.iter().any(|own| name.eq_ignore_ascii_case(own.as_bytes()));
            let mentioned = |clear: &CompactString| mentions(&value.text, clear);
            let known = self.edits.iter().any(|edit| edit.range == one.whole);
            if !plain && !known && hidden.iter().any(mentioned) {
                self.edits.push(Edit { range: one.whole.clone(), text: Vec::new() });
            }
        }
    }
}

fn escaped(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    escape(text, &mut out);
    out
}

/// Whether `clear` stands in `text` as a whole word or number.
fn mentions(text: &str, clear: &str) -> bool {
    !clear.is_empty()
        && text.match_indices(clear).any(|(at, found)| {
            let before = text.get(..at).and_then(|text| text.chars().next_back());
            let after = text.get(at + found.len()..).and_then(|text| text.chars().next());
            // In scripts without spaces a word has no bounds.
            let joins = |near: Option<char>, own: Option<char>| {
                near.is_some_and(|c| c.is_ascii_alphanumeric()) && own.is_some_and(|c| c.is_ascii_alphanumeric())
            };
            !joins(before, clear.chars().next()) && !joins(after, clear.chars().next_back())
        })
}
