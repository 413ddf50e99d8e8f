//! Characters and names of XML, references, and the markup by which a document can mean something else than it says.

use super::tree::{Element, Spaces};

/// The namespace of `xsi:type` and `xsi:nil` (XML Schema part 1, section 2.6).
pub(crate) const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// Namespaces whose elements stand for something that is elsewhere.
const INCLUDES: [&str; 4] = [
    "http://www.w3.org/2001/XInclude",
    "http://www.w3.org/2003/XInclude",
    "http://www.w3.org/2004/08/xop/include",
    "http://www.w3.org/1999/XSL/Transform",
];

/// Namespaces of types that say how a text is spelled and nothing about what it is.
const TYPES: [&str; 4] = [
    "http://www.w3.org/2001/XMLSchema",
    "http://www.w3.org/1999/XMLSchema",
    "http://schemas.xmlsoap.org/soap/encoding/",
    "http://www.w3.org/2003/05/soap-encoding",
];

/// The types in [`TYPES`] under which a text stands for itself; `base64Binary` and its like do not.
const PLAIN_TYPES: [&str; 22] = [
    "string",
    "normalizedString",
    "token",
    "int",
    "integer",
    "long",
    "short",
    "byte",
    "unsignedInt",
    "unsignedLong",
    "unsignedShort",
    "unsignedByte",
    "nonNegativeInteger",
    "positiveInteger",
    "decimal",
    "float",
    "double",
    "boolean",
    "date",
    "dateTime",
    "time",
    "Array",
];

/// Whether the character may stand in a document (XML 1.0 production 2).
pub(super) const fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

const fn begins_name(c: char) -> bool {
    matches!(c,
        'A'..='Z' | 'a'..='z' | '_'
        | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}' | '\u{370}'..='\u{37d}'
        | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}' | '\u{2c00}'..='\u{2fef}'
        | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}' | '\u{10000}'..='\u{effff}')
}

const fn goes_on_name(c: char) -> bool {
    begins_name(c) || matches!(c, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}

/// Whether this is a name without a colon (Namespaces 1.0 production 4).
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(begins_name) && text.chars().all(goes_on_name)
}

/// Whether a document can hold this text.
pub(crate) fn is_text(text: &str) -> bool {
    text.chars().all(is_char)
}

/// The character that a reference between `&` and `;` stands for: one of the five, or a number (XML 1.0 section 4.1).
pub(super) fn referenced(name: &str) -> Option<char> {
    let number = match name {
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "amp" => return Some('&'),
        "apos" => return Some('\''),
        "quot" => return Some('"'),
        _ => name.strip_prefix('#')?,
    };
    let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |digits| (digits, 16));
    // a sign would be read by `from_str_radix`, and a long row of zeros is nobody's spelling
    if digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    char::from_u32(u32::from_str_radix(digits, radix).ok()?).filter(|&c| is_char(c))
}

/// Why an element means something else than it says, if it does. `resolve` gives the namespace of a prefix.
///
/// SECURITY: an include is replaced by what is elsewhere, a type makes another object of the same text, and nil hides it
/// (`markup_that_changes_what_a_document_means_is_refused`).
pub(super) fn why_refused(
    spaces: &Spaces,
    element: &Element,
    resolve: impl Fn(&str) -> Option<usize>,
) -> Option<&'static str> {
    if INCLUDES.contains(&spaces.uri(&element.name)) {
        return Some("an element that stands for something elsewhere");
    }
    for attribute in element.attributes.iter().filter(|attribute| spaces.uri(&attribute.name) == XSI) {
        match attribute.name.local.as_str() {
            "type" => {
                let (prefix, local) = attribute.value.split_once(':').unwrap_or(("", &attribute.value));
                let space = resolve(prefix).map(|at| spaces.at(at));
                if !space.is_some_and(|space| TYPES.contains(&space)) || !PLAIN_TYPES.contains(&local) {
                    return Some("`xsi:type` names a type that is not plain");
                }
            }
            "nil" => match attribute.value.as_str() {
                "false" | "0" => {}
                "true" | "1" if element.children.is_empty() => {}
                _ => return Some("`xsi:nil` on an element that has a value"),
            },
            _ => return Some("a hint where to find a schema"),
        }
    }
    None
}
