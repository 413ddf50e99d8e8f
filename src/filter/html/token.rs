//! Cuts a page into tags and text as the HTML standard does (WHATWG HTML, section 13.2.5), in pieces as they come; knows nothing of trees.

mod comment;
mod raw;
mod tag;

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

    fn partly(&self, kind: Kind, length: usize) -> Found {
        if length == 0 { Found::More } else { Found::Token(Lexeme { kind, whole: self.at..self.at + length }) }
    }
}

enum Found {
    Token(Lexeme),
    /// The mode has changed.
    Again,
    More,
}
