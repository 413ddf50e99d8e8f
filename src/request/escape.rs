//! Percent escapes, read and written in exactly one way (RFC 3986 section 2.1); no policy of which bytes are allowed.

use crate::model::every;
use std::borrow::Cow;

/// The byte that two hex digits of either case are.
pub(crate) fn hex_pair(digits: &[u8]) -> Option<u8> {
    let nibble = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    };
    match digits {
        [high, low, ..] => Some(nibble(*high)? << 4 | nibble(*low)?),
        _ => None,
    }
}

/// Percent-decodes until nothing changes, at most three times; broken escapes stand for themselves.
pub(crate) fn decode_fully(text: &[u8]) -> Cow<'_, [u8]> {
    let mut text = Cow::Borrowed(text);
    for _ in 0..3 {
        if memchr::memchr(b'%', &text).is_none() {
            break;
        }
        let mut out = Vec::with_capacity(text.len());
        let mut rest: &[u8] = &text;
        while let [byte, after @ ..] = rest {
            match (byte, hex_pair(after)) {
                (b'%', Some(decoded)) => {
                    out.push(decoded);
                    rest = after.get(2..).unwrap_or_default();
                }
                _ => {
                    out.push(*byte);
                    rest = after;
                }
            }
        }
        text = Cow::Owned(out);
    }
    text
}

/// Appends `%XX` with upper-case digits.
pub(crate) fn push_escape(out: &mut Vec<u8>, byte: u8) {
    out.extend_from_slice(&escape(byte));
}

/// `%XX` with upper-case digits.
pub(crate) fn escape(byte: u8) -> [u8; 3] {
    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 };
    [b'%', digit(byte >> 4), digit(byte & 15)]
}

/// Bytes that stand for themselves in canonical query strings and forms, whatever the dialect.
const PLAIN_IN_FORM: [bool; 256] = letters_digits_and(b"-._*~");

/// Bytes that stand for themselves in canonical paths: unreserved, sub-delims without `;`, `:` and `@` (RFC 3986 section 3.3).
const PLAIN_IN_PATH: [bool; 256] = letters_digits_and(b"-._~!$&'()*+,=:@");

const fn letters_digits_and(others: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut rest: &mut [bool] = &mut table;
    let mut byte = 0_u8;
    while let [slot, after @ ..] = rest {
        let mut others = others;
        *slot = byte.is_ascii_alphanumeric();
        while let [other, more @ ..] = others {
            *slot |= *other == byte;
            others = more;
        }
        byte = byte.wrapping_add(1);
        rest = after;
    }
    table
}

/// Whether a byte stands for itself in canonical query strings and forms.
pub(crate) fn is_plain_in_form(byte: u8) -> bool {
    matches!(PLAIN_IN_FORM.get(usize::from(byte)), Some(true))
}

/// A query or form in which every byte stands for itself or parts names and values: most hold nothing that has to be decoded.
pub(crate) fn plain_form(raw: &[u8]) -> Option<&str> {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() | matches!(byte, b'-' | b'.' | b'_' | b'*' | b'~' | b'=' | b'&');
    if every(raw, plain) { std::str::from_utf8(raw).ok() } else { None }
}

/// Whether a byte stands for itself in canonical paths.
pub(crate) fn is_plain_in_path(byte: u8) -> bool {
    matches!(PLAIN_IN_PATH.get(usize::from(byte)), Some(true))
}
