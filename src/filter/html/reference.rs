//! Character references (WHATWG HTML, section 13.2.5.72): reads the plain ones, says where it cannot, writes what is safe in any place.

use compact_str::CompactString;

/// A text of the page after its character references were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The text.
    pub text: CompactString,
    /// Whether it is surely what browsers show; not so where a reference has a name that is not known here.
    pub exact: bool,
}

const NAMES: [(&str, char); 12] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", '\u{a0}'),
    ("copy", '©'),
    ("reg", '®'),
    ("yen", '¥'),
    ("times", '×'),
    ("middot", '·'),
    ("deg", '°'),
];

/// Reads `raw`, which stands in text or, with `attribute`, in the value of an attribute.
#[must_use]
pub fn decode(raw: &[u8], attribute: bool) -> Decoded {
    let (raw, mut exact) = match std::str::from_utf8(raw) {
        Ok(raw) => (std::borrow::Cow::Borrowed(raw), true),
        Err(_) => (String::from_utf8_lossy(raw), false),
    };
    let mut text = CompactString::default();
    let mut rest = raw.as_ref();
    while let Some((before, after)) = rest.split_once('&') {
        text.push_str(before);
        let (read, length, sure) = reference(after, attribute);
        exact &= sure;
        match read {
            Some(read) => text.push(read),
            None => text.push('&'),
        }
        rest = after.get(length..).unwrap_or_default();
    }
    text.push_str(rest);
    Decoded { text, exact }
}

/// What stands after `&`: the character, the bytes that are used up, and whether browsers surely agree.
fn reference(after: &str, attribute: bool) -> (Option<char>, usize, bool) {
    if let Some(number) = after.strip_prefix('#') {
        return numeric(number);
    }
    let length = after.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let (name, next) = (after.get(..length).unwrap_or_default(), after.as_bytes().get(length));
    if name.is_empty() || !name.as_bytes().first().is_some_and(u8::is_ascii_alphabetic) {
        return (None, 0, true);
    }
    let known = NAMES.iter().find(|(own, _)| *own == name).map(|(_, read)| *read);
    match (known, next) {
        (Some(read), Some(b';')) => (Some(read), length + 1, true),
        // Without `;`, what looks like a query string is one.
        (_, Some(b'=')) if attribute => (None, 0, true),
        (Some(read), _) if name != "apos" => (Some(read), length, true),
        _ => (None, 0, false),
    }
}

fn numeric(number: &str) -> (Option<char>, usize, bool) {
    let hex = number.strip_prefix(['x', 'X']);
    let (digits, radix, skipped) = hex.map_or((number, 10, 1), |hex| (hex, 16, 2));
    let length = digits.bytes().take_while(|byte| char::from(*byte).is_digit(radix)).count();
    if length == 0 {
        return (None, 0, true);
    }
    let read = digits.get(..length).and_then(|digits| u32::from_str_radix(digits, radix).ok());
    // Browsers replace zero, surrogates and what lies beyond, and read some controls as Windows-1252.
    let plain = read.filter(|code| !matches!(code, 0 | 0x0d | 0x80..=0x9f)).and_then(char::from_u32);
    let end = skipped + length + usize::from(digits.as_bytes().get(length) == Some(&b';'));
    (Some(plain.unwrap_or('\u{fffd}')), end, plain.is_some())
}

/// One space in place of each run of white space, none at the ends: what a cell says, however it is laid out.
#[must_use]
pub fn plain(text: &str) -> CompactString {
    let mut plain = CompactString::default();
    for word in text.split(|c: char| c.is_ascii_whitespace() || c == '\u{a0}').filter(|word| !word.is_empty()) {
        if !plain.is_empty() {
            plain.push(' ');
        }
        plain.push_str(word);
    }
    plain
}

/// `text` made safe to stand in text or between quotes.
pub fn escape(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            b'"' => out.extend_from_slice(b"&quot;"),
            b'\'' => out.extend_from_slice(b"&#39;"),
            _ => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_references_are_read_and_the_rest_is_known_to_be_unread() {
        for (raw, text, exact) in [
            ("H&#70;", "HF", true),
            ("H&#x46", "HF", true),
            ("a &amp; b &lt;c&gt;", "a & b <c>", true),
            ("A&B", "A&B", false),
            ("A & B", "A & B", true),
            ("&notin;", "&notin;", false),
            ("&#0;", "\u{fffd}", false),
            ("&#x80;", "\u{fffd}", false),
            ("&#xd800;", "\u{fffd}", false),
            ("&#99999999999;", "\u{fffd}", false),
            ("&#;&#x;&;", "&#;&#x;&;", true),
        ] {
            assert_eq!(decode(raw.as_bytes(), false), Decoded { text: text.into(), exact }, "{raw}");
        }
        assert_eq!(decode(b"/x?a=1&b=2&copy=3", true), Decoded { text: "/x?a=1&b=2&copy=3".into(), exact: true });
    }

    #[test]
    fn white_space_does_not_count() {
        assert_eq!(plain(" \n HF\t\u{a0} 1 "), "HF 1");
    }
}
