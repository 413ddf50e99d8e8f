//! Reads what begins with `<!` or `<?`: comments, the doctype, and what browsers take for a comment; nothing of it is markup.

use super::{Found, Kind, Lexeme, Lexer, Mode};

impl Lexer {
    /// Section 13.2.5.42: comment, doctype, or what is taken for a comment.
    pub(super) fn declaration(&mut self) -> Found {
        let rest = self.buffer.get(self.at + 2..).unwrap_or_default();
        const DOCTYPE: &[u8] = b"doctype";
        let is_prefix = |whole: &[u8]| rest.len() < whole.len() && whole.starts_with(&rest.to_ascii_lowercase());
        if rest.starts_with(b"--") {
            return match rest.get(2..) {
                Some([b'>', ..]) => self.begin(Mode::Data, 5),
                Some([b'-', b'>', ..]) => self.begin(Mode::Data, 6),
                Some([] | [b'-']) if !self.ended => Found::More,
                _ => self.begin(Mode::Comment, 4),
            };
        }
        if rest.get(..DOCTYPE.len()).is_some_and(|word| word.eq_ignore_ascii_case(DOCTYPE)) {
            return match memchr::memchr(b'>', rest) {
                Some(length) => Found::Token(Lexeme { kind: Kind::Doctype, whole: self.at..self.at + 2 + length + 1 }),
                None => Found::More,
            };
        }
        if !self.ended && (is_prefix(b"--") || is_prefix(DOCTYPE)) {
            return Found::More;
        }
        self.begin(Mode::Bogus, 2)
    }

    /// Section 13.2.5.45 to 13.2.5.52, after `<!--` and without the two short forms.
    pub(super) fn comment(&mut self) -> Found {
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        let mut from = 0;
        while let Some(dashes) = memchr::memmem::find(rest.get(from..).unwrap_or_default(), b"--") {
            let after = from + dashes + 2;
            let length = match rest.get(after..) {
                Some([b'>', ..]) => after + 1,
                Some([b'!', b'>', ..]) => after + 2,
                _ => {
                    from += dashes + 1;
                    continue;
                }
            };
            return self.begin(Mode::Data, length);
        }
        // `--!` may stand at the end.
        self.partly(Kind::Comment, rest.len().saturating_sub(3))
    }

    pub(super) fn bogus(&mut self) -> Found {
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        match memchr::memchr(b'>', rest) {
            Some(length) => self.begin(Mode::Data, length + 1),
            None => self.partly(Kind::Comment, rest.len()),
        }
    }
}
