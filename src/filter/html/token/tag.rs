//! Reads one tag: its name, its attributes, its end (WHATWG HTML, section 13.2.5.8 and 13.2.5.32 to 13.2.5.40).

use std::ops::Range;

use super::{Attribute, Attributes, Found, Kind, LONGEST_TAG, Lexeme, Lexer, is_space};
use crate::filter::html::fault::HtmlError;

impl Lexer {
    /// A tag whose name begins at `from`.
    pub(super) fn tag(&mut self, from: usize, is_end: bool) -> Result<Found, HtmlError> {
        let fresh = self.searched.max(from);
        if memchr::memchr(b'>', self.buffer.get(fresh..).unwrap_or_default()).is_none() {
            self.searched = self.buffer.len();
            return Ok(Found::More);
        }
        self.attributes.clear();
        let Some(tag) = read_tag(&self.buffer, from, &mut self.attributes) else { return Ok(Found::More) };
        if tag.end - self.at > LONGEST_TAG {
            return Err(HtmlError::TagTooLong);
        }
        let kind = if is_end {
            Kind::End { name: tag.name }
        } else {
            Kind::Start { name: tag.name, self_closing: tag.self_closing }
        };
        Ok(Found::Token(Lexeme { kind, whole: self.at..tag.end }))
    }
}

struct Tag {
    name: Range<usize>,
    self_closing: bool,
    end: usize,
}

/// Reads a tag whose name begins at `from`, as far as it is there.
fn read_tag(page: &[u8], from: usize, attributes: &mut Attributes) -> Option<Tag> {
    let until = |at: usize, stop: &dyn Fn(u8) -> bool| {
        page.get(at..)?.iter().position(|&byte| stop(byte)).map(|length| at + length)
    };
    let name_end = until(from, &|byte| is_space(byte) || matches!(byte, b'/' | b'>'))?;
    let mut at = name_end;
    loop {
        // before attribute name
        let start = until(at, &|byte| !is_space(byte))?;
        match *page.get(start)? {
            b'>' => {
                return Some(Tag { name: from..name_end, self_closing: false, end: start + 1 });
            }
            b'/' => {
                if *page.get(start + 1)? == b'>' {
                    return Some(Tag { name: from..name_end, self_closing: true, end: start + 2 });
                }
                at = start + 1;
                continue;
            }
            _ => {}
        }
        // An `=` at the beginning belongs to the name.
        let end = until(start + 1, &|byte| is_space(byte) || matches!(byte, b'/' | b'>' | b'='))?;
        let name = start..end;
        let next = until(end, &|byte| !is_space(byte))?;
        if *page.get(next)? != b'=' {
            attributes.push(Attribute { whole: name.clone(), value: end..end, name });
            at = next;
            continue;
        }
        let first = until(next + 1, &|byte| !is_space(byte))?;
        let (value, end) = match *page.get(first)? {
            quote @ (b'"' | b'\'') => {
                let close = first + 1 + memchr::memchr(quote, page.get(first + 1..)?)?;
                (first + 1..close, close + 1)
            }
            b'>' => (first..first, first),
            _ => {
                let close = until(first, &|byte| is_space(byte) || byte == b'>')?;
                (first..close, close)
            }
        };
        attributes.push(Attribute { whole: start..end, name, value });
        at = end;
    }
}
