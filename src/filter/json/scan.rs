//! A strict scanner of JSON (RFC 8259) that takes the document in pieces, cut anywhere, and tells whoever listens; keeps nothing but
//! the token that is not whole yet, and of text values not even that.

use super::text;
use crate::filter::error::FilterError;
use crate::filter::plan::Bounds;

/// Who listens to a scanner.
pub(super) trait Listen {
    /// An object or list begins.
    fn open(&mut self, object: bool, out: &mut Vec<u8>) -> Result<(), FilterError>;
    /// The innermost object or list ends.
    fn close(&mut self, object: bool, out: &mut Vec<u8>) -> Result<(), FilterError>;
    /// The name of a member, with its quotes.
    fn name(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Result<(), FilterError>;
    /// A part of a text value, quotes included.
    fn text(&mut self, raw: &[u8], part: Part, out: &mut Vec<u8>) -> Result<(), FilterError>;
    /// A number, `true`, `false` or `null`.
    fn atom(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Result<(), FilterError>;
    /// A comma or colon; valid where it stands.
    fn punctuation(&mut self, byte: u8);
}

/// Which part of a text value it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) first: bool,
    pub(super) last: bool,
}

/// What may come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    Value,
    ValueOrEnd,
    Name,
    NameOrEnd,
    Colon,
    CommaOrEnd,
    Nothing,
}

/// The token that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    None,
    Name(Escape),
    Text(Escape),
    Atom,
}

/// Where in an escape of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escape {
    None,
    Begun,
    /// So many digits are to come.
    Digits(u8),
}

/// The scanner.
pub(super) struct Scanner {
    /// What is open: true for objects.
    open: Vec<bool>,
    expect: Expect,
    token: Token,
    held: Vec<u8>,
    seen: u64,
    bounds: Bounds,
}

/// How a string goes on within a piece.
enum Run {
    /// It ends there.
    Ends,
    /// It goes on beyond the piece.
    GoesOn(Escape),
}

impl Scanner {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { open: Vec::new(), expect: Expect::Value, token: Token::None, held: Vec::new(), seen: 0, bounds }
    }

    fn wrong(&self, at: usize, why: &'static str) -> FilterError {
        FilterError::Malformed { kind: "JSON", at: self.seen.saturating_add(at as u64), why }
    }

    /// Whether a whole value was read.
    pub(super) fn is_done(&self) -> bool {
        self.expect == Expect::Nothing && self.token == Token::None
    }

    /// Whether nothing but blanks was read.
    pub(super) fn is_fresh(&self) -> bool {
        self.expect == Expect::Value && self.open.is_empty() && self.token == Token::None
    }

    /// Takes the next piece.
    pub(super) fn push<L: Listen>(
        &mut self,
        chunk: &[u8],
        listener: &mut L,
        out: &mut Vec<u8>,
    ) -> Result<(), FilterError> {
        let mut at = 0;
        while let Some(&byte) = chunk.get(at) {
            match self.token {
                Token::None => at = self.token(chunk, at, byte, listener, out)?,
                Token::Name(escape) => {
                    let (run, piece) = self.string(chunk, at, escape, false)?;
                    at += piece.len();
                    self.hold(piece)?;
                    match run {
                        Run::Ends => {
                            listener.name(&self.held, out)?;
                            self.held.clear();
                            (self.token, self.expect) = (Token::None, Expect::Colon);
                        }
                        Run::GoesOn(escape) => self.token = Token::Name(escape),
                    }
                }
                Token::Text(escape) => {
                    let (run, piece) = self.string(chunk, at, escape, false)?;
                    at += piece.len();
                    let last = matches!(run, Run::Ends);
                    listener.text(piece, Part { first: false, last }, out)?;
                    match run {
                        Run::Ends => self.value_ended(),
                        Run::GoesOn(escape) => self.token = Token::Text(escape),
                    }
                }
                Token::Atom => {
                    let rest = chunk.get(at..).unwrap_or_default();
                    let length = rest.iter().take_while(|b| is_atom_byte(**b)).count();
                    self.hold(rest.get(..length).unwrap_or_default())?;
                    at += length;
                    if length < rest.len() {
                        self.atom(at, listener, out)?;
                    }
                }
            }
        }
        self.seen = self.seen.saturating_add(chunk.len() as u64);
        Ok(())
    }

    /// The document is complete.
    pub(super) fn finish<L: Listen>(&mut self, listener: &mut L, out: &mut Vec<u8>) -> Result<(), FilterError> {
        if self.token == Token::Atom {
            self.atom(0, listener, out)?;
        }
        if self.is_done() { Ok(()) } else { Err(self.wrong(0, "it breaks off")) }
    }

    /// Begins the next document.
    pub(super) fn again(&mut self) {
        self.expect = Expect::Value;
    }

    fn hold(&mut self, piece: &[u8]) -> Result<(), FilterError> {
        if self.held.len().saturating_add(piece.len()) > self.bounds.row {
            return Err(FilterError::TooLong(self.bounds.row));
        }
        self.held.extend_from_slice(piece);
        Ok(())
    }

    /// What need not be held is no longer than what may be.
    fn bounded<'p>(&self, piece: &'p [u8]) -> Result<&'p [u8], FilterError> {
        if piece.len() > self.bounds.row { Err(FilterError::TooLong(self.bounds.row)) } else { Ok(piece) }
    }

    fn atom<L: Listen>(&mut self, at: usize, listener: &mut L, out: &mut Vec<u8>) -> Result<(), FilterError> {
        if !text::is_atom(&self.held) {
            let begun = self.seen.saturating_add(at as u64).saturating_sub(self.held.len() as u64);
            return Err(FilterError::Malformed { kind: "JSON", at: begun, why: "a word or number is none of JSON" });
        }
        listener.atom(&self.held, out)?;
        self.held.clear();
        self.value_ended();
        Ok(())
    }

    fn value_ended(&mut self) {
        self.token = Token::None;
        self.expect = if self.open.is_empty() { Expect::Nothing } else { Expect::CommaOrEnd };
    }

    /// Begins the token at `at`, or passes a blank or a sign; gives where to go on.
    fn token<L: Listen>(
        &mut self,
        chunk: &[u8],
        at: usize,
        byte: u8,
        listener: &mut L,
        out: &mut Vec<u8>,
    ) -> Result<usize, FilterError> {
        if matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
            return Ok(at + 1);
        }
        let value = matches!(self.expect, Expect::Value | Expect::ValueOrEnd);
        match byte {
            b'"' if value => self.token = Token::Text(Escape::None),
            b'"' if matches!(self.expect, Expect::Name | Expect::NameOrEnd) => self.token = Token::Name(Escape::None),
            b'{' | b'[' if value => {
                if self.open.len() >= self.bounds.depth {
                    return Err(FilterError::TooDeep(self.bounds.depth));
                }
                let object = byte == b'{';
                listener.open(object, out)?;
                self.open.push(object);
                self.expect = if object { Expect::NameOrEnd } else { Expect::ValueOrEnd };
                return Ok(at + 1);
            }
            b'}' if matches!(self.expect, Expect::NameOrEnd | Expect::CommaOrEnd)
                && self.open.last() == Some(&true) =>
            {
                listener.close(true, out)?;
                self.open.pop();
                self.value_ended();
                return Ok(at + 1);
            }
            b']' if matches!(self.expect, Expect::ValueOrEnd | Expect::CommaOrEnd)
                && self.open.last() == Some(&false) =>
            {
                listener.close(false, out)?;
                self.open.pop();
                self.value_ended();
                return Ok(at + 1);
            }
            b',' if self.expect == Expect::CommaOrEnd => {
                listener.punctuation(byte);
                self.expect = if self.open.last() == Some(&true) { Expect::Name } else { Expect::Value };
                return Ok(at + 1);
            }
            b':' if self.expect == Expect::Colon => {
                listener.punctuation(byte);
                self.expect = Expect::Value;
                return Ok(at + 1);
            }
            _ if value && is_atom_byte(byte) => {
                let rest = chunk.get(at..).unwrap_or_default();
                let length = rest.iter().take_while(|b| is_atom_byte(**b)).count();
                if length == rest.len() {
                    self.token = Token::Atom;
                    return Ok(at);
                }
                // the common case: it ends within the piece
                let raw = self.bounded(rest.get(..length).unwrap_or_default())?;
                if !text::is_atom(raw) {
                    return Err(self.wrong(at, "a word or number is none of JSON"));
                }
                listener.atom(raw, out)?;
                self.value_ended();
                return Ok(at + length);
            }
            _ => return Err(self.wrong(at, self.missing())),
        }
        // a string that ends within the piece is told as a whole
        let (run, piece) = self.string(chunk, at, Escape::None, true)?;
        match (run, self.token) {
            (Run::Ends, Token::Name(_)) => {
                listener.name(self.bounded(piece)?, out)?;
                (self.token, self.expect) = (Token::None, Expect::Colon);
            }
            (Run::Ends, _) => {
                listener.text(piece, Part { first: true, last: true }, out)?;
                self.value_ended();
            }
            (Run::GoesOn(escape), Token::Name(_)) => {
                self.hold(piece)?;
                self.token = Token::Name(escape);
            }
            (Run::GoesOn(escape), _) => {
                listener.text(piece, Part { first: true, last: false }, out)?;
                self.token = Token::Text(escape);
            }
        }
        Ok(at + piece.len())
    }

    /// Reads on in a string from `from`; where it begins there, its quote stands there.
    fn string<'c>(
        &self,
        chunk: &'c [u8],
        from: usize,
        mut escape: Escape,
        begins: bool,
    ) -> Result<(Run, &'c [u8]), FilterError> {
        let mut at = if begins { from + 1 } else { from };
        let piece = |end: usize| chunk.get(from..end).unwrap_or_default();
        loop {
            match escape {
                Escape::None => {
                    let rest = chunk.get(at..).unwrap_or_default();
                    let plain = memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                    // all of it is looked at, many bytes at a time
                    if rest.iter().take(plain).fold(false, |bad, &b| bad | (b < b' ')) {
                        let first = rest.iter().position(|&b| b < b' ').unwrap_or_default();
                        return Err(self.wrong(at + first, "a control character stands in a string"));
                    }
                    at += plain;
                    match chunk.get(at) {
                        None => return Ok((Run::GoesOn(Escape::None), piece(at))),
                        Some(b'"') => return Ok((Run::Ends, piece(at + 1))),
                        Some(_) => escape = Escape::Begun,
                    }
                    at += 1;
                }
                Escape::Begun => {
                    escape = match chunk.get(at) {
                        None => return Ok((Run::GoesOn(escape), piece(at))),
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Escape::None,
                        Some(b'u') => Escape::Digits(4),
                        Some(_) => return Err(self.wrong(at, "an escape is none of JSON")),
                    };
                    at += 1;
                }
                Escape::Digits(0) => escape = Escape::None,
                Escape::Digits(left) => {
                    match chunk.get(at) {
                        None => return Ok((Run::GoesOn(escape), piece(at))),
                        Some(byte) if byte.is_ascii_hexdigit() => escape = Escape::Digits(left - 1),
                        Some(_) => return Err(self.wrong(at, "an escape is none of JSON")),
                    }
                    at += 1;
                }
            }
        }
    }

    fn missing(&self) -> &'static str {
        match self.expect {
            Expect::Value => "a value was expected",
            Expect::ValueOrEnd => "a value or `]` was expected",
            Expect::Name | Expect::NameOrEnd => "a name was expected",
            Expect::Colon => "`:` was expected",
            Expect::CommaOrEnd => "`,` or an end was expected",
            Expect::Nothing => "something follows the value",
        }
    }
}

const fn is_atom_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')
}
