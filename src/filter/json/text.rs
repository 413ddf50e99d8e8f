//! Single tokens of JSON (RFC 8259): strings decoded and written, numbers and words checked.

use std::borrow::Cow;

/// The text of a string with its quotes; `None` where readers differ about it: it holds half of a surrogate pair.
/// What is given must be a whole string in UTF-8.
pub(super) fn decode(raw: &[u8]) -> Option<Cow<'_, str>> {
    let inner = std::str::from_utf8(raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?).ok()?;
    if !inner.contains('\\') {
        return Some(Cow::Borrowed(inner));
    }
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let (&kind, _) = after.as_bytes().split_first()?;
        let mut used = 1;
        text.push(match kind {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = hex(after.get(1..5)?)?;
                used = 5;
                match unit {
                    0xd800..=0xdbff => {
                        let low = hex(after.get(5..)?.strip_prefix("\\u")?.get(..4)?)?;
                        used = 11;
                        let low = (0xdc00..=0xdfff).contains(&low).then_some(low)?;
                        char::from_u32(0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00))?
                    }
                    unit => char::from_u32(unit)?,
                }
            }
            _ => return None,
        });
        rest = after.get(used..)?;
    }
    text.push_str(rest);
    Some(Cow::Owned(text))
}

fn hex(digits: &str) -> Option<u32> {
    digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
}

/// Appends `text` as a string.
pub(super) fn write(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0..=0x1f => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// Whether `raw` is a number, `true`, `false` or `null`.
pub(super) fn is_atom(raw: &[u8]) -> bool {
    matches!(raw, b"true" | b"false" | b"null") || is_number(raw)
}

/// Whether `raw` is a number as RFC 8259 section 6 has it.
pub(super) fn is_number(raw: &[u8]) -> bool {
    fn digits(raw: &[u8]) -> Option<&[u8]> {
        let count = raw.iter().take_while(|b| b.is_ascii_digit()).count();
        (count > 0).then(|| raw.get(count..))?
    }
    let rest = raw.strip_prefix(b"-").unwrap_or(raw);
    let Some(mut rest) = rest.strip_prefix(b"0").or_else(|| digits(rest)) else { return false };
    if let Some(fraction) = rest.strip_prefix(b".") {
        let Some(after) = digits(fraction) else { return false };
        rest = after;
    }
    if let Some(exponent) = rest.strip_prefix(b"e").or_else(|| rest.strip_prefix(b"E")) {
        let exponent = exponent.strip_prefix(b"+").or_else(|| exponent.strip_prefix(b"-")).unwrap_or(exponent);
        let Some(after) = digits(exponent) else { return false };
        rest = after;
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_has_one_text_or_none() {
        for raw in [r#""a""#, r#""库\n\"x\\\/\u00e9\ud834\udd1e""#, r#""\u0069tems""#, r#""""#] {
            let expected: String = serde_json::from_str(raw).unwrap();
            assert_eq!(decode(raw.as_bytes()).unwrap(), expected);
            let mut out = Vec::new();
            write(&expected, &mut out);
            assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), expected);
        }
        for raw in [r#""\ud834""#, r#""\udd1e""#, r#""\ud834\u0041""#, r#""\ud834x""#, r#""\x""#, r#""\u+041""#] {
            assert_eq!(decode(raw.as_bytes()), None, "{raw}");
        }
    }

    #[test]
    fn numbers_are_those_of_the_standard() {
        for raw in ["0", "-0", "10", "1.50", "1e5", "1E-05", "-12.5e+3", "123456789012345678901234567890"] {
            assert!(is_number(raw.as_bytes()), "{raw}");
        }
        for raw in ["", "-", "01", "+1", "1.", ".5", "1e", "1e+", "0x1", "NaN", "1_0", "Infinity", "00"] {
            assert!(!is_number(raw.as_bytes()), "{raw}");
        }
    }
}
