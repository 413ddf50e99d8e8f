//! One record as one line of JSON, written by hand into a reused buffer; never a line break inside a record.
//!
//! Text is escaped as RFC 8259 section 7 asks, and beyond that wherever a terminal or a log reader could be misled: DEL, the C1
//! controls, the line and paragraph separators and the bidirectional controls are written as `\u` escapes.
//! Byte fields (`host`, `target`) hold what a client sent, UTF-8 or not: a byte that is not UTF-8 becomes `\xNN`, a backslash
//! is doubled, so that [`unescape`] gives the bytes back.

use crate::model::{Device, RequestId, Timestamp, every, push_address, push_hex};
use std::net::IpAddr;

/// A buffer that one line at a time is written into.
#[derive(Debug)]
pub(super) struct Line {
    buf: Vec<u8>,
    /// The second whose date and time stand in `date`.
    second: i64,
    date: [u8; 19],
    /// Byte fields are cut after so many bytes of the original.
    target_bytes: usize,
}

impl Line {
    pub(super) fn new(target_bytes: usize) -> Self {
        Self { buf: Vec::with_capacity(2048), second: i64::MIN, date: [b'0'; 19], target_bytes }
    }

    /// Empties the buffer and puts `prefix` there.
    pub(super) fn restart(&mut self, prefix: &[u8]) {
        self.buf.clear();
        self.buf.extend_from_slice(prefix);
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.buf
    }

    /// Bytes as they are.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.buf.extend_from_slice(bytes);
    }

    /// A key and a value that are known to need no escape.
    pub(super) fn plain(&mut self, key: &str, value: &str) {
        self.buf.extend_from_slice(key.as_bytes());
        self.buf.extend_from_slice(value.as_bytes());
    }

    pub(super) fn text(&mut self, key: &str, value: &str) {
        self.buf.extend_from_slice(key.as_bytes());
        self.quoted(value);
    }

    pub(super) fn quoted(&mut self, value: &str) {
        self.buf.push(b'"');
        if is_clean(value.as_bytes()) {
            self.buf.extend_from_slice(value.as_bytes());
        } else {
            escape(&mut self.buf, value, false);
        }
        self.buf.push(b'"');
    }

    pub(super) fn text_unless_empty(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            self.text(key, value);
        }
    }

    pub(super) fn optional(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    /// A byte field; cut where it is too long, and then marked so.
    pub(super) fn target(&mut self, key: &str, value: &[u8]) {
        self.buf.extend_from_slice(key.as_bytes());
        self.buf.push(b'"');
        let kept = value.get(..self.target_bytes).unwrap_or(value);
        if kept.len() == value.len() && is_clean(kept) {
            self.buf.extend_from_slice(kept);
            self.buf.push(b'"');
            return;
        }
        for chunk in kept.utf8_chunks() {
            escape(&mut self.buf, chunk.valid(), true);
            for &byte in chunk.invalid() {
                self.buf.extend_from_slice(b"\\\\x");
                push_hex(&mut self.buf, &[byte]);
            }
        }
        if kept.len() < value.len() {
            // `\+` cannot come out of any byte, so a cut field is never taken for a whole one.
            self.buf.extend_from_slice(b"\\\\+");
            self.decimal(u64::try_from(value.len() - kept.len()).unwrap_or(u64::MAX));
        }
        self.buf.push(b'"');
    }

    pub(super) fn number(&mut self, key: &str, value: u64) {
        self.buf.extend_from_slice(key.as_bytes());
        self.decimal(value);
    }

    fn decimal(&mut self, value: u64) {
        self.buf.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    pub(super) fn request(&mut self, id: RequestId) {
        self.buf.extend_from_slice(b",\"request\":\"");
        self.buf.extend_from_slice(&id.to_hex());
        self.buf.push(b'"');
    }

    pub(super) fn hex(&mut self, key: &str, value: &[u8]) {
        self.buf.extend_from_slice(key.as_bytes());
        self.buf.push(b'"');
        push_hex(&mut self.buf, value);
        self.buf.push(b'"');
    }

    /// Flat pairs as an object of arrays; nothing where there are none.
    pub(super) fn pairs(&mut self, key: &str, pairs: &[(&str, &str)]) {
        if pairs.is_empty() {
            return;
        }
        self.buf.extend_from_slice(key.as_bytes());
        let mut opener = b'{';
        for (at, (name, _)) in pairs.iter().enumerate() {
            // INVARIANT: a name stands once in an object, so that no reader keeps only its last values.
            if pairs.iter().take(at).any(|(before, _)| before == name) {
                continue;
            }
            self.buf.push(opener);
            opener = b',';
            self.quoted(name);
            self.buf.push(b':');
            let mut bracket = b'[';
            for (_, value) in pairs.iter().skip(at).filter(|(other, _)| other == name) {
                self.buf.push(bracket);
                bracket = b',';
                self.quoted(value);
            }
            self.buf.push(b']');
        }
        self.buf.push(b'}');
    }

    pub(super) fn list(&mut self, key: &str, values: &[&str]) {
        if values.is_empty() {
            return;
        }
        self.buf.extend_from_slice(key.as_bytes());
        for (at, value) in values.iter().enumerate() {
            self.buf.push(if at == 0 { b'[' } else { b',' });
            self.quoted(value);
        }
        self.buf.push(b']');
    }

    pub(super) fn address(&mut self, address: IpAddr) {
        self.buf.push(b'"');
        push_address(&mut self.buf, address);
        self.buf.push(b'"');
    }

    pub(super) fn addresses(&mut self, key: &str, addresses: &[IpAddr]) {
        if addresses.is_empty() {
            return;
        }
        self.buf.extend_from_slice(key.as_bytes());
        for (at, &address) in addresses.iter().enumerate() {
            self.buf.push(if at == 0 { b'[' } else { b',' });
            self.address(address);
        }
        self.buf.push(b']');
    }

    pub(super) fn device(&mut self, key: &str, device: &Device) {
        self.plain(key, "{\"kind\":\"");
        self.plain(device.kind.as_str(), "\"");
        self.optional(",\"id\":", device.id.as_deref());
        self.plain(",\"known\":", if device.known { "true" } else { "false" });
        self.text_unless_empty(",\"browser\":", &device.browser);
        self.text_unless_empty(",\"system\":", &device.system);
        self.optional(",\"tls\":", device.tls.as_deref());
        self.buf.push(b'}');
    }

    /// RFC 3339 in UTC with microseconds, in quotes.
    pub(super) fn time(&mut self, time: Timestamp) {
        let second = time.as_seconds();
        if second != self.second {
            match date_and_time(second) {
                Some(date) => (self.second, self.date) = (second, date),
                None => {
                    self.quoted(&time.to_string());
                    return;
                }
            }
        }
        self.buf.push(b'"');
        self.buf.extend_from_slice(&self.date);
        self.buf.push(b'.');
        let micros = u32::try_from(time.as_micros().rem_euclid(1_000_000)).unwrap_or(0);
        push_digits::<6>(&mut self.buf, micros);
        self.buf.extend_from_slice(b"Z\"");
    }
}

/// `2026-11-21T22:11:07` for seconds since 1970; `None` outside of the years 0 to 9999.
///
/// Days to civil date after Hinnant, "chrono-compatible low-level date algorithms".
fn date_and_time(second: i64) -> Option<[u8; 19]> {
    let days = second.div_euclid(86_400) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let of_day = second.rem_euclid(86_400);
    if !(0..=9999).contains(&year) {
        return None;
    }
    let mut text = Vec::with_capacity(19);
    let narrow = |value: i64| u32::try_from(value).unwrap_or(0);
    push_digits::<4>(&mut text, narrow(year));
    for (before, value) in
        [(b'-', month), (b'-', day), (b'T', of_day / 3600), (b':', of_day / 60 % 60), (b':', of_day % 60)]
    {
        text.push(before);
        push_digits::<2>(&mut text, narrow(value));
    }
    text.try_into().ok()
}

fn push_digits<const N: usize>(buf: &mut Vec<u8>, mut value: u32) {
    let mut digits = [b'0'; N];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(value % 10).unwrap_or(0);
        value /= 10;
    }
    buf.extend_from_slice(&digits);
}

/// Whether all bytes are such as [`clean`] counts.
fn is_clean(bytes: &[u8]) -> bool {
    match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        // two words may look at the same bytes
        (Some(first), Some(last)) if bytes.len() <= 16 => unclean(*first) == 8 && unclean(*last) == 8,
        _ => every(bytes, |byte| (0x20..0x7f).contains(&byte) & (byte != b'"') & (byte != b'\\')),
    }
}

/// How many leading bytes are printable ASCII other than `"` and `\`. Eight at a time, the last eight again where fewer are left.
fn clean(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let unclean = unclean(*word);
        if unclean < 8 {
            return at * 8 + unclean;
        }
    }
    match bytes.last_chunk::<8>() {
        _ if rest.is_empty() => bytes.len(),
        // those that were looked at before are clean
        Some(word) => (bytes.len() - 8 + unclean(*word)).min(bytes.len()),
        None => {
            let mut word = [b' '; 8];
            word.iter_mut().zip(rest).for_each(|(into, &byte)| *into = byte);
            unclean(word).min(rest.len())
        }
    }
}

/// The place of the first byte that [`clean`] stops at; 8 where there is none.
fn unclean(word: [u8; 8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    // The lowest set bit of such a difference is exact; borrows can only disturb the bytes above it.
    let equal = |word: u64, byte: u64| (word ^ (ONES * byte)).wrapping_sub(ONES) & !(word ^ (ONES * byte)) & HIGHS;
    let word = u64::from_le_bytes(word);
    let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
    let special = control | equal(word, 0x22) | equal(word, 0x5c) | equal(word, 0x7f) | (word & HIGHS);
    usize::try_from(special.trailing_zeros() / 8).unwrap_or(0)
}

/// Characters that are lawful in JSON but could mislead whoever looks at the line.
fn misleading(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Characters that are not for a screen: controls, and those that are [`misleading`].
pub(super) fn misleading_on_screen(c: char) -> bool {
    c < ' ' || misleading(c)
}

/// Appends `text` escaped for a JSON string. In byte fields a backslash is doubled first.
fn escape(buf: &mut Vec<u8>, text: &str, byte_field: bool) {
    let mut rest = text;
    loop {
        let Some((plain, tail)) = rest.split_at_checked(clean(rest.as_bytes())) else { return };
        buf.extend_from_slice(plain.as_bytes());
        let mut chars = tail.chars();
        let Some(c) = chars.next() else { return };
        rest = chars.as_str();
        match c {
            '"' => buf.extend_from_slice(b"\\\""),
            '\\' if byte_field => buf.extend_from_slice(b"\\\\\\\\"),
            '\\' => buf.extend_from_slice(b"\\\\"),
            '\n' => buf.extend_from_slice(b"\\n"),
            '\r' => buf.extend_from_slice(b"\\r"),
            '\t' => buf.extend_from_slice(b"\\t"),
            c if misleading_on_screen(c) => {
                buf.extend_from_slice(b"\\u");
                push_hex(buf, &u16::try_from(u32::from(c)).unwrap_or(0xfffd).to_be_bytes());
            }
            c => buf.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// The bytes that a byte field stands for; what was cut off is not there.
#[must_use]
pub fn unescape(field: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((before, after)) = rest.split_once('\\') {
        bytes.extend_from_slice(before.as_bytes());
        let coded = after.strip_prefix('x').and_then(|hex| hex.get(..2));
        if let Some(byte) = coded.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(byte);
            rest = after.get(3..).unwrap_or_default();
        } else if let Some(after) = after.strip_prefix('\\') {
            bytes.push(b'\\');
            rest = after;
        } else {
            return bytes;
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(write: impl FnOnce(&mut Line)) -> String {
        let mut line = Line::new(1 << 20);
        write(&mut line);
        String::from_utf8(line.buf).unwrap()
    }

    proptest! {
        #[test]
        fn any_text_reads_back_through_serde_and_stays_on_one_line(text in any::<String>()) {
            let json = written(|line| line.quoted(&text));
            let lures = |c: char| c.is_control() || c == '\u{2028}' || c == '\u{202e}';
            prop_assert!(!json.contains(lures));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }

        #[test]
        fn ascii_text_is_escaped_exactly_as_serde_does(text in "[ -~\n\r\t]{0,40}") {
            prop_assert_eq!(written(|line| line.quoted(&text)), serde_json::to_string(&text).unwrap());
        }

        #[test]
        fn any_bytes_come_back_out_of_a_byte_field(bytes in prop::collection::vec(
            prop_oneof![any::<u8>(), Just(b'\\'), Just(b'x'), Just(b'\n'), Just(b'"')], 0..60)) {
            let json = written(|line| line.target("", &bytes));
            prop_assert!(!json.contains(char::is_control));
            prop_assert_eq!(unescape(&serde_json::from_str::<String>(&json).unwrap()), bytes);
        }

        #[test]
        fn a_time_is_written_as_the_clock_shows_it(micros in -62_135_596_800_000_000_i64..253_402_300_799_000_000) {
            let time = Timestamp::from_micros(micros);
            prop_assert_eq!(written(|line| line.time(time)), format!("\"{time}\""));
        }

        #[test]
        fn clean_counts_what_a_plain_loop_counts(bytes in prop::collection::vec(prop_oneof![9 => 0x20_u8..0x7f, 1 => any::<u8>()], 0..60)) {
            let slow = bytes.iter().position(|&b| !(0x20..0x7f).contains(&b) || b == b'"' || b == b'\\');
            prop_assert_eq!(clean(&bytes), slow.unwrap_or(bytes.len()));
            prop_assert_eq!(is_clean(&bytes), slow.is_none());
        }

        #[test]
        fn pairs_become_one_object_without_repeated_names(
            pairs in prop::collection::vec(("[abc]", "[ -~]{0,4}"), 1..8)
        ) {
            let flat: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let json = written(|line| line.pairs("", &flat));
            let mut expected = serde_json::Map::new();
            for (name, value) in flat {
                let values = expected.entry(name).or_insert_with(|| serde_json::json!([]));
                values.as_array_mut().unwrap().push(value.into());
            }
            prop_assert_eq!(json, serde_json::to_string(&expected).unwrap());
        }
    }

    #[test]
    fn a_field_that_is_cut_says_so() {
        let mut line = Line::new(4);
        line.target("", b"/abcdef");
        assert_eq!(line.bytes(), br#""/abc\\+3""#);
        assert_eq!(unescape("/abc\\+3"), b"/abc");
    }
}
