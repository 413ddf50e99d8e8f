//! Cuts a page into tags and text as the HTML standard does (WHATWG HTML, section 13.2.5), in pieces as they come; knows nothing of trees.

use std::ops::Range;

use super::fault::HtmlError;

/// The longest tag or doctype, in bytes.
pub const LONGEST_TAG: usize = 64 * 1024;

/// An attribute, as ranges of the page that is at hand. A range holds until the next [`Lexer::push`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// From its name to the end of its value, quotes included.
    pub whole: Range<usize>,
    /// Its name as it is spelled.
    pub name: Range<usize>,
    /// Its value without quotes, character references unread.
    pub value: Range<usize>,
}

/// The attributes of one tag; later ones of a name that was there already do not count for browsers.
pub type Attributes = Vec<Attribute>;

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text, or a piece of it.
    Text,
    /// A start tag; [`Lexer::take_attributes`] gives its attributes.
    Start {
        /// The name as it is spelled.
        name: Range<usize>,
        /// Whether it ends in `/>`.
        self_closing: bool,
    },
    /// An end tag.
    End {
        /// The name as it is spelled.
        name: Range<usize>,
    },
    /// The doctype.
    Doctype,
    /// A comment, or what browsers take for one; or a piece of it.
    Comment,
}

/// A token, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lexeme {
    /// What it is.
    pub kind: Kind,
    /// All of its bytes.
    pub whole: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Data,
    /// Only the end tag of this name ends the text (RCDATA and RAWTEXT).
    Raw(&'static str),
    /// The same in a script; `escaped` after `<!--`.
    Script {
        escaped: bool,
    },
    Comment,
    Bogus,
}

/// A push tokenizer. Its memory is bounded by the longest tag and the largest piece pushed.
#[derive(Debug)]
pub struct Lexer {
    buffer: Vec<u8>,
    at: usize,
    /// Up to here there is no `>` that could end the tag at hand.
    searched: usize,
    mode: Mode,
    ended: bool,
    /// The attributes of the last tag.
    attributes: Attributes,
}

impl Default for Lexer {
    fn default() -> Self {
        Self { buffer: Vec::new(), at: 0, searched: 0, mode: Mode::Data, ended: false, attributes: Attributes::new() }
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}

impl Lexer {
    /// Adds a piece of the page.
    ///
    /// # Errors
    /// [`HtmlError::Nul`] where it has a NUL.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), HtmlError> {
        if memchr::memchr(0, piece).is_some() {
            return Err(HtmlError::Nul);
        }
        self.buffer.drain(..self.at.min(self.buffer.len()));
        self.searched = self.searched.saturating_sub(self.at);
        self.at = 0;
        self.buffer.extend_from_slice(piece);
        Ok(())
    }

    /// Says that nothing more comes.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// The bytes of a range.
    #[must_use]
    pub fn bytes(&self, range: &Range<usize>) -> &[u8] {
        self.buffer.get(range.clone()).unwrap_or_default()
    }

    /// The attributes of the tag that was read last, in order.
    pub fn take_attributes(&mut self) -> Attributes {
        std::mem::take(&mut self.attributes)
    }

    /// Gives their memory back for the next tag.
    pub fn give_attributes(&mut self, attributes: Attributes) {
        self.attributes = attributes;
    }

    /// Reads on as text up to the end tag `</name`, in which nothing else is markup.
    pub fn raw(&mut self, name: &'static str) {
        self.mode = if name == "script" { Mode::Script { escaped: false } } else { Mode::Raw(name) };
    }

    /// The next token, or `None` where it takes more of the page to tell.
    ///
    /// # Errors
    /// See [`HtmlError`]; at the end of the page also [`HtmlError::Cut`].
    pub fn next(&mut self) -> Result<Option<Lexeme>, HtmlError> {
        loop {
            let rest = self.buffer.get(self.at..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(None);
            }
            let found = match self.mode {
                Mode::Data => self.data()?,
                Mode::Raw(name) => self.raw_text(name),
                Mode::Script { escaped } => self.script(escaped)?,
                Mode::Comment => self.comment(),
                Mode::Bogus => self.bogus(),
            };
            match found {
                Found::Token(lexeme) => {
                    self.at = lexeme.whole.end;
                    self.searched = self.at;
                    return Ok(Some(lexeme));
                }
                Found::Again => {}
                Found::More if self.ended && self.mode == Mode::Data => return Err(HtmlError::Cut),
                Found::More if self.ended => {
                    // What an unfinished script or comment holds is no markup.
                    let kind = match self.mode {
                        Mode::Comment | Mode::Bogus => Kind::Comment,
                        Mode::Data | Mode::Raw(_) | Mode::Script { .. } => Kind::Text,
                    };
                    let whole = self.at..self.buffer.len();
                    self.at = whole.end;
                    return Ok(Some(Lexeme { kind, whole }));
                }
                Found::More if self.buffer.len() - self.at > LONGEST_TAG => return Err(HtmlError::TagTooLong),
                Found::More => return Ok(None),
            }
        }
    }

    fn text(&self, end: usize) -> Found {
        Found::Token(Lexeme { kind: Kind::Text, whole: self.at..end })
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.buffer.get(at).copied()
    }

    /// Section 13.2.5.1 and 13.2.5.6: text up to `<`, and what the `<` begins.
    fn data(&mut self) -> Result<Found, HtmlError> {
        let at = self.at;
        let rest = self.buffer.get(at..).unwrap_or_default();
        match memchr::memchr(b'<', rest) {
            None => return Ok(self.text(self.buffer.len())),
            Some(0) => {}
            Some(length) => return Ok(self.text(at + length)),
        }
        Ok(match self.byte(at + 1) {
            None if self.ended => self.text(at + 1),
            None => Found::More,
            Some(byte) if byte.is_ascii_alphabetic() => self.tag(at + 1, false)?,
            Some(b'/') => match self.byte(at + 2) {
                None if self.ended => self.text(at + 2),
                None => Found::More,
                Some(byte) if byte.is_ascii_alphabetic() => self.tag(at + 2, true)?,
                Some(_) => self.begin(Mode::Bogus, 2),
            },
            Some(b'!') => self.declaration(),
            Some(b'?') => self.begin(Mode::Bogus, 1),
            Some(_) => self.text(at + 1),
        })
    }

    /// Goes on in `mode` after `length` bytes, which belong to a comment.
    fn begin(&mut self, mode: Mode, length: usize) -> Found {
        self.mode = mode;
        Found::Token(Lexeme { kind: Kind::Comment, whole: self.at..self.at + length })
    }

    /// Section 13.2.5.42: comment, doctype, or what is taken for a comment.
    fn declaration(&mut self) -> Found {
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
    fn comment(&mut self) -> Found {
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

    fn bogus(&mut self) -> Found {
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        match memchr::memchr(b'>', rest) {
            Some(length) => self.begin(Mode::Data, length + 1),
            None => self.partly(Kind::Comment, rest.len()),
        }
    }

    fn partly(&self, kind: Kind, length: usize) -> Found {
        if length == 0 { Found::More } else { Found::Token(Lexeme { kind, whole: self.at..self.at + length }) }
    }

    /// Section 13.2.5.2 and 13.2.5.3: text up to the end tag of `name`.
    fn raw_text(&mut self, name: &str) -> Found {
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
    fn script(&mut self, mut escaped: bool) -> Result<Found, HtmlError> {
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

    /// Section 13.2.5.8 and 13.2.5.32 to 13.2.5.40: a tag whose name begins at `from`.
    fn tag(&mut self, from: usize, is_end: bool) -> Result<Found, HtmlError> {
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

enum Found {
    Token(Lexeme),
    /// The mode has changed.
    Again,
    More,
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
