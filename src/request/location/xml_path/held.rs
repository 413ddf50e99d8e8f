//! The values that a document holds, each with the way to it; of rules' paths it knows nothing.

use compact_str::{CompactString, format_compact};

use crate::request::xml::{Element, Name, Spaces, XSI};

/// One step to a value that a document holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Held<'a> {
    Child(&'a Name),
    Attribute(&'a Name),
    /// Text beside child elements.
    Text,
}

/// Calls `visit` with the path of every value below `element`, and whether it is empty: elements without child elements,
/// attributes, and texts beside child elements. `path` leads to `element`. What says how a text is spelled is no value.
pub(crate) fn each_value<'a>(
    spaces: &Spaces,
    element: &'a Element,
    path: &mut Vec<Held<'a>>,
    visit: &mut impl FnMut(&[Held<'a>], bool),
) {
    for attribute in element.attributes.iter().filter(|attribute| spaces.uri(&attribute.name) != XSI) {
        path.push(Held::Attribute(&attribute.name));
        visit(path, false);
        path.pop();
    }
    if let Some(text) = element.text() {
        return visit(path, text.is_empty());
    }
    if element.is_mixed() {
        path.push(Held::Text);
        visit(path, false);
        path.pop();
    }
    for child in element.elements() {
        path.push(Held::Child(&child.name));
        each_value(spaces, child, path, visit);
        path.pop();
    }
}

/// The path as a rule would spell it, without prefixes.
pub(crate) fn render(path: &[Held<'_>]) -> CompactString {
    let mut out = CompactString::default();
    for held in path {
        match held {
            Held::Child(name) => out.push_str(&format_compact!("/{}", name.local)),
            Held::Attribute(name) => out.push_str(&format_compact!("/@{}", name.local)),
            Held::Text => out.push_str("/text()"),
        }
    }
    out
}
