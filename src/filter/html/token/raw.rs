//! Reads the text of elements in which nothing is markup but their own end tag: titles, styles, scripts and the like.

use super::{Found, Kind, Lexer, Mode, is_space};
use crate::filter::html::fault::HtmlError;

impl Lexer {
    /// Section 13.2.5.2 and 13.2.5.3: text up to the end tag of `name`.
    pub(super) fn raw_text(&mut self, name: &str) -> Found {
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        for open in memchr::memchr_iter(b'<', rest) {
            match end_tag(rest.get(open..).unwrap_or_default(), name) {
                Some(true) if open == 0 => {
                    self.mode = Mode::Data;
                    return Found::Again;
                }
                Some(false) => {}
                Some(true) => return self.text(self.at + open),
                None => return self.partly(Kind::Text, open),
            }
        }
        self.text(self.buffer.len())
    }

    /// Section 13.2.5.4 with its escaped states. A script that opens a script inside `<!--` is refused.
    pub(super) fn script(&mut self, mut escaped: bool) -> Result<Found, HtmlError> {
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        let mut at = 0;
        while let Some(step) = memchr::memchr2(b'<', b'-', rest.get(at..).unwrap_or_default()) {
            let here = at + step;
            let tail = rest.get(here..).unwrap_or_default();
            at = here + 1;
            if tail.first() == Some(&b'-') {
                if tail.starts_with(b"-->") {
                    escaped = false;
                } else if b"-->".starts_with(tail) {
                    self.mode = Mode::Script { escaped };
                    return Ok(self.partly(Kind::Text, here));
                }
                continue;
            }
            match end_tag(tail, "script") {
                Some(true) if here == 0 => {
                    self.mode = Mode::Data;
                    return Ok(Found::Again);
                }
                Some(true) => {
                    self.mode = Mode::Script { escaped };
                    return Ok(self.text(self.at + here));
                }
                Some(false) => {}
                None => {
                    self.mode = Mode::Script { escaped };
                    return Ok(self.partly(Kind::Text, here));
                }
            }
            if tail.starts_with(b"<!--") {
                // The dashes may be those of `-->` too: `<!-->` is over at once.
                escaped = true;
                continue;
            }
            if b"<!--".starts_with(tail) {
                self.mode = Mode::Script { escaped };
                return Ok(self.partly(Kind::Text, here));
            }
            if escaped {
                match word_after(tail, 1, "script") {
                    Some(true) => return Err(HtmlError::Ambiguous("a script inside a commented script")),
                    Some(false) => {}
                    None => {
                        self.mode = Mode::Script { escaped };
                        return Ok(self.partly(Kind::Text, here));
                    }
                }
            }
        }
        self.mode = Mode::Script { escaped };
        Ok(self.text(self.buffer.len()))
    }
}

/// Whether `text` begins with the end tag of `name`; `None` where that cannot be told yet.
fn end_tag(text: &[u8], name: &str) -> Option<bool> {
    match text {
        [b'<', b'/', ..] => word_after(text, 2, name),
        [b'<'] | [] => None,
        _ => Some(false),
    }
}

/// Whether `name` stands at `from` as a whole name.
fn word_after(text: &[u8], from: usize, name: &str) -> Option<bool> {
    let rest = text.get(from..).unwrap_or_default();
    let length = rest.len().min(name.len());
    let (Some(start), Some(wanted)) = (rest.get(..length), name.as_bytes().get(..length)) else { return Some(false) };
    if !start.eq_ignore_ascii_case(wanted) {
        return Some(false);
    }
    rest.get(name.len()).map(|&byte| is_space(byte) || matches!(byte, b'/' | b'>'))
}
