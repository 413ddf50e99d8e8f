//! `{cookie: warehouse}`: a cookie, read strictly (RFC 6265 section 4.2.1) and refused where readers differ.

use super::{LocationError, is_token, unwritable};
use crate::request::dialect::Dialect;
use crate::request::error::{ParamError, brief};
use crate::request::escape;
use crate::request::name::{self, Match, ParamName};
use crate::request::param::ParamValues;
use crate::request::view::RequestView;
use compact_str::CompactString;
use smallvec::SmallVec;

/// A cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieLocation(ParamName);

impl CookieLocation {
    pub(super) fn compile(name: &str, dialect: &Dialect) -> Result<Self, LocationError> {
        if !is_token(name) {
            return Err(LocationError::Token(name.to_owned(), "cookie"));
        }
        Ok(Self(ParamName::compile(name, dialect)?))
    }

    /// The name as the rule spells it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.as_str()
    }

    pub(crate) fn values<'a>(&self, view: &'a RequestView<'_>) -> Result<ParamValues<'a>, ParamError> {
        Ok(view.cookies()?.single(&self.0)?.map_or(ParamValues::Absent, ParamValues::One))
    }

    pub(crate) fn set(&self, view: &mut RequestView<'_>, values: &[&str]) -> Result<(), ParamError> {
        match values {
            [value] if !value.is_empty() && value.bytes().all(is_cookie_octet) => {
                view.edit_cookie(self.name(), Some(CompactString::from(*value)))
            }
            _ => Err(unwritable(self.name())),
        }
    }

    pub(crate) fn remove(&self, view: &mut RequestView<'_>) -> Result<(), ParamError> {
        view.edit_cookie(self.name(), None)
    }
}

const fn is_cookie_octet(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23 | 0x24 | 0x26..=0x2a | 0x2d..=0x3a | 0x3c..=0x5b | 0x5d..=0x7e)
}

/// One cookie of a `Cookie` field.
#[derive(Clone, PartialEq, Eq)]
struct Pair {
    name: CompactString,
    /// As it was sent, quotes included.
    raw: CompactString,
    /// As the application reads it; `None` where that is not certain.
    text: Option<CompactString>,
    folded: Option<Box<name::Folded>>,
    /// Whether there was no `=`.
    bare: bool,
}

/// The cookies of a request in their order. Its `Debug` form shows names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Cookies {
    pairs: SmallVec<[Pair; 4]>,
    /// Names that some readers find where others do not: behind commas, and in escapes.
    elsewhere: Vec<(CompactString, Option<Box<name::Folded>>)>,
}

impl std::fmt::Debug for Cookies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.pairs.iter().map(|pair| &pair.name)).finish()
    }
}

impl Cookies {
    /// Reads the value of the one `Cookie` field.
    ///
    /// # Errors
    /// When servers would split it differently: quotes that span pairs, control characters, bytes above 0x7F in names,
    /// `$Version` and its like (RFC 2965).
    pub fn parse(value: &[u8], dialect: &Dialect) -> Result<Self, ParamError> {
        let mut cookies = Self::default();
        for piece in value.split(|&byte| byte == b';') {
            let piece = piece.trim_ascii();
            if piece.is_empty() {
                continue;
            }
            cookies.push(piece, dialect)?;
        }
        Ok(cookies)
    }

    fn push(&mut self, piece: &[u8], dialect: &Dialect) -> Result<(), ParamError> {
        // bytes above 0x7F pass in values, since browsers send them, but only as long as nobody reads them
        let raw: CompactString = piece.iter().copied().map(char::from).collect();
        if piece.iter().any(|byte| matches!(byte, 0..=0x1f | 0x7f)) {
            return Err(ParamError::Cookie("a control character"));
        }
        let (name, value, bare) = match raw.split_once('=') {
            Some((name, value)) => (name, value, false),
            None => (raw.as_str(), "", true),
        };
        // SECURITY: PHP has an underscore for the space (`a_space_beside_the_equals_sign_of_a_cookie_is_refused`)
        if name.ends_with(char::is_whitespace) || value.starts_with(char::is_whitespace) {
            return Err(ParamError::Cookie("a space beside `=`"));
        }
        if name.starts_with('$') {
            return Err(ParamError::Cookie("a name that begins with `$`"));
        }
        if !name.is_ascii() || name.contains('"') {
            return Err(ParamError::Cookie("a name that is not a token"));
        }
        let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
        if inner.contains('"') || (inner.len() != value.len() && inner.contains('\\')) {
            return Err(ParamError::Cookie("a quote inside of a value"));
        }
        let folded = if name.is_empty() { None } else { name::fold(name, dialect)? };
        let text = read_value(value, dialect);
        // SECURITY: CGI::Cookie decodes names too (`a_cookie_whose_name_is_escaped_is_refused_where_it_is_read`)
        if dialect.cookie_escapes != Some(false) && name.contains('%') {
            let decoded = String::from_utf8_lossy(&escape::decode_fully(name.as_bytes())).into_owned();
            let folded = if decoded.is_empty() { None } else { name::fold(&decoded, dialect)? };
            self.elsewhere.push((decoded.into(), folded));
        }
        if dialect.cookie_commas {
            for piece in raw.split(',').skip(1) {
                let name = piece.split('=').next().unwrap_or_default().trim();
                let folded = if name.is_empty() { None } else { name::fold(name, dialect)? };
                self.elsewhere.push((name.into(), folded));
            }
        }
        let pair = Pair { name: name.into(), raw: value.into(), text, folded, bare };
        self.pairs.push(pair);
        Ok(())
    }

    /// Gives the cookie this value, or removes it.
    pub(crate) fn edit(&mut self, name: &str, value: Option<&CompactString>) {
        self.pairs.retain(|pair| pair.name != name);
        if let Some(value) = value {
            let pair =
                Pair { name: name.into(), raw: value.clone(), text: Some(value.clone()), folded: None, bare: false };
            self.pairs.push(pair);
        }
    }

    /// Every cookie as name and value, as they were sent; bytes above 0x7F stand as the characters of Latin-1.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|pair| (pair.name.as_str(), pair.raw.as_str()))
    }

    /// The value of the one cookie that `name` is.
    ///
    /// # Errors
    /// When it stands more than once, another may be read under its name, or its value is read differently by servers.
    pub fn single(&self, name: &ParamName) -> Result<Option<&str>, ParamError> {
        let Some(pair) = self.single_pair(name)? else { return Ok(None) };
        match &pair.text {
            Some(text) if !pair.bare => Ok(Some(text)),
            _ => Err(ParamError::Cookie("the value of a cookie that the rule reads")),
        }
    }

    /// The value of the one cookie that `name` is, exactly as it was sent, for comparing sessions.
    ///
    /// # Errors
    /// When it stands more than once, or another may be read under its name.
    pub fn single_raw(&self, name: &ParamName) -> Result<Option<&str>, ParamError> {
        Ok(self.single_pair(name)?.map(|pair| pair.raw.as_str()))
    }

    fn single_pair(&self, name: &ParamName) -> Result<Option<&Pair>, ParamError> {
        let mut found = None;
        // SECURITY: to CGI::Cookie a comma ends a cookie (`a_cookie_behind_a_comma_is_refused_where_it_is_read`)
        if let Some((sent, _)) =
            self.elsewhere.iter().find(|(sent, f)| name.matches(sent, f.as_deref()) != Match::Other)
        {
            return Err(ParamError::Spelling { name: name.as_str().into(), sent: brief(sent) });
        }
        for pair in &self.pairs {
            match name.matches(&pair.name, pair.folded.as_deref()) {
                Match::Other => {}
                Match::Same if found.is_none() => found = Some(pair),
                Match::Same => return Err(ParamError::Several { name: name.as_str().into() }),
                Match::Overlaps => {
                    return Err(ParamError::Spelling { name: name.as_str().into(), sent: brief(&pair.name) });
                }
            }
        }
        Ok(found)
    }

    /// Whether any cookie is, or may be read as, `name`.
    #[must_use]
    pub fn mentions(&self, name: &ParamName) -> bool {
        let names = self.pairs.iter().map(|pair| (&pair.name, &pair.folded));
        let all = names.chain(self.elsewhere.iter().map(|(sent, folded)| (sent, folded)));
        all.into_iter().any(|(sent, folded)| name.matches(sent, folded.as_deref()) != Match::Other)
    }
}

/// The value as the application reads it, or `None` where servers differ: quotes, spaces, commas, eight-bit bytes, and
/// escapes that do not decode.
fn read_value(value: &str, dialect: &Dialect) -> Option<CompactString> {
    // SECURITY: CGI::Cookie takes what stands before `&` (`a_cookie_value_that_its_reader_splits_or_parses_is_refused`)
    if dialect.cookie_lists && value.contains('&') {
        return None;
    }
    let text = decode_value(value, dialect)?;
    let is_more = |prefix: &CompactString| text.starts_with(prefix.as_str());
    (!dialect.cookie_prefixes.iter().any(is_more)).then_some(text)
}

fn decode_value(value: &str, dialect: &Dialect) -> Option<CompactString> {
    if value.bytes().all(is_cookie_octet) {
        return Some(value.into());
    }
    // `%` and `+` are plain, or are escapes, as the application has it
    match dialect.cookie_escapes {
        None => return None,
        Some(false) => {
            return value.bytes().all(|b| is_cookie_octet(b) || matches!(b, b'%' | b'+')).then(|| value.into());
        }
        Some(true) if !value.bytes().all(|b| is_cookie_octet(b) || b == b'%') => return None,
        Some(true) => {}
    }
    let mut bytes = SmallVec::<[u8; 64]>::new();
    let mut rest = value.as_bytes();
    while let [byte, after @ ..] = rest {
        if *byte == b'%' {
            bytes.push(escape::hex_pair(after)?);
            rest = after.get(2..).unwrap_or_default();
        } else {
            bytes.push(*byte);
            rest = after;
        }
    }
    dialect.charset.decode(&bytes).filter(|text| !text.chars().any(char::is_control))
}
