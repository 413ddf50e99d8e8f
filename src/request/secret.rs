//! Takes passwords, keys and tokens out of what is recorded; what is forwarded is never touched.

use super::escape;
use super::secret_path::{Piece, Pieces, SecretPath};
use crate::model::every;
use compact_str::CompactString;
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

/// What stands in the record in place of a secret.
pub const REDACTED: &str = "***";

/// Folded names that are secret wherever they occur inside of a name: `new_password`, `j_password`, `csrfToken`.
const PARTS: [&str; 10] =
    ["password", "passwd", "passphrase", "passcode", "pwd", "secret", "token", "apikey", "sessionid", "credential"];

/// Folded names that are secret as they are.
const WHOLE: [&str; 17] = [
    "pass",
    "pin",
    "otp",
    "totp",
    "sid",
    "sessid",
    "session",
    "sig",
    "signature",
    "auth",
    "authorization",
    "proxyauthorization",
    "cookie",
    "phpsessid",
    "privatekey",
    "accesskey",
    "sign",
];

type FoldedName = SmallVec<[u8; 48]>;

/// The names of secret parameters, headers and fields, the built-in ones and those that are configured; and the paths that
/// hold a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretNames {
    configured: FxHashSet<CompactString>,
    paths: Vec<SecretPath>,
    /// Names of which it is known already.
    known: FxHashMap<Box<[u8]>, bool>,
}

impl SecretNames {
    /// The built-in names and `configured`, compared without case and punctuation.
    pub fn new<S: AsRef<str>>(configured: impl IntoIterator<Item = S>) -> Self {
        let fold = |name: S| String::from_utf8_lossy(&fold(name.as_ref().as_bytes())).as_ref().into();
        Self { configured: configured.into_iter().map(fold).collect(), ..Self::default() }
    }

    /// The same names. Of each of `asked`, names that rules write and requests ask for again and again, it is worked out now.
    #[must_use]
    pub fn knowing<'a>(mut self, asked: impl IntoIterator<Item = &'a str>) -> Self {
        let mut known = FxHashMap::default();
        for name in asked {
            known.entry(name.as_bytes().into()).or_insert_with(|| self.is_secret(name));
        }
        self.known = known;
        self
    }

    /// The same names, with paths that hold a secret.
    #[must_use]
    pub fn with_paths(mut self, paths: impl IntoIterator<Item = SecretPath>) -> Self {
        self.paths.extend(paths);
        self
    }

    /// What is secret to any of `all`: for requests of which it is not known whose they are.
    #[must_use]
    pub fn union<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        // INVARIANT: what is no secret to one of them may be one to another, so that nothing is known of any name.
        let mut union = Self::default();
        for names in all {
            union.configured.extend(names.configured.iter().cloned());
            union.paths.extend(names.paths.iter().cloned());
        }
        union
    }

    /// Whether a parameter, field or header of this name is secret. `user[password]` is.
    #[must_use]
    pub fn is_secret(&self, name: &str) -> bool {
        self.is_secret_folded(name.as_bytes())
    }

    fn is_secret_folded(&self, name: &[u8]) -> bool {
        if let Some(known) = self.known.get(name) {
            return *known;
        }
        let mut parts = name.split(|byte| matches!(byte, b'[' | b']' | b'.' | b'/'));
        self.is_secret_word(&fold(name))
            || parts.any(|part| part.len() < name.len() && self.is_secret_word(&fold(part)))
    }

    fn is_secret_word(&self, folded: &[u8]) -> bool {
        // prefixes at each place: for words as short as names, searching each part through the whole word costs far more
        let begins = |tail: &&[u8]| {
            matches!(
                tail,
                [b'p', b'a' | b'w', ..] | [b's', b'e', ..] | [b't', b'o', ..] | [b'a', b'p', ..] | [b'c', b'r', ..]
            )
        };
        let mut tails = (0..folded.len()).filter_map(|at| folded.get(at..)).filter(begins);
        tails.any(|tail| PARTS.iter().any(|part| tail.starts_with(part.as_bytes())))
            || WHOLE.iter().any(|whole| whole.as_bytes() == folded)
            || (!self.configured.is_empty()
                && std::str::from_utf8(folded).is_ok_and(|word| self.configured.contains(word)))
    }

    /// The value to record for a parameter.
    #[must_use]
    pub fn redact<'v>(&self, name: &str, value: &'v str) -> &'v str {
        if self.is_secret(name) || self.holds_secret(value.as_bytes()) { REDACTED } else { value }
    }

    /// Whether a value holds a query or pair list with a secret in it, as `next=/a?token=1` does.
    fn holds_secret(&self, value: &[u8]) -> bool {
        memchr::memchr(b'=', value).is_some()
            && value
                .split(|byte| matches!(byte, b'?' | b'&' | b';' | b'#' | b' ' | b','))
                .filter_map(|piece| memchr::memchr(b'=', piece).and_then(|at| piece.get(..at)))
                .any(|name| self.is_secret_folded(name))
    }
}

/// Letters and digits of a name without case; anything else is punctuation that applications write or leave out.
fn fold(name: &[u8]) -> FoldedName {
    name.iter().filter(|b| b.is_ascii_alphanumeric() || **b >= 0x80).map(u8::to_ascii_lowercase).collect()
}

/// The raw target as the record shows it: printable ASCII, with the values of secret parameters, path parameters, parts of
/// the path and user information replaced. Works on targets that cannot be parsed too, and errs on the side of replacing.
///
/// `route` is the path of the route as its rule writes it; `None` where it is not known, so that each may be meant.
#[must_use]
pub fn redact_target(raw: &[u8], names: &SecretNames, route: Option<&str>) -> String {
    let mut out = Vec::with_capacity(raw.len() + REDACTED.len());
    redact_target_into(&mut out, raw, names, route);
    // INVARIANT: nothing but printable ASCII was written.
    String::from_utf8(out).unwrap_or_default()
}

/// [`redact_target`], appended to `out`.
pub fn redact_target_into(out: &mut Vec<u8>, raw: &[u8], names: &SecretNames, route: Option<&str>) {
    let end = raw.iter().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(raw.len());
    let (path, query) = raw.split_at_checked(end).unwrap_or((raw, &[]));
    redact_path(path, names, route, out);
    let mut rest = query;
    while let Some((mark, after)) = rest.split_first() {
        let end = after.iter().position(|byte| matches!(byte, b'?' | b'#' | b'&' | b';')).unwrap_or(after.len());
        let (piece, after) = after.split_at_checked(end).unwrap_or((after, &[]));
        out.push(*mark);
        redact_pair(piece, names, out);
        rest = after;
    }
}

/// Replaces user information (`//user:word@host`), secret segments and the values of `;name=value`.
fn redact_path(path: &[u8], names: &SecretNames, route: Option<&str>, out: &mut Vec<u8>) {
    let mut path = path;
    if path.first() != Some(&b'/')
        && let Some(start) = memchr::memmem::find(path, b"//")
        && let Some((scheme, rest)) = path.split_at_checked(start + 2)
    {
        let end = memchr::memchr(b'/', rest).unwrap_or(rest.len());
        if let Some(at) = rest.get(..end).and_then(|authority| memchr::memrchr(b'@', authority)) {
            push_printable(scheme, out);
            out.extend_from_slice(REDACTED.as_bytes());
            path = rest.get(at..).unwrap_or_default();
        }
    }
    let mut paths = names.paths.iter().filter(|path| route.is_none_or(|route| path.pattern() == route)).peekable();
    if paths.peek().is_none() {
        return redact_parameters(path, names, out);
    }
    let pieces = Pieces::cut(path);
    let secret = pieces.secret(paths);
    if secret.is_empty() && route.is_some() {
        // The application's dialect found the secret in a way that is not known here.
        out.push(b'/');
        return out.extend_from_slice(REDACTED.as_bytes());
    }
    for (at, Piece { slash, text }) in pieces.iter().enumerate() {
        push_printable(slash, out);
        if secret.contains(&at) {
            out.extend_from_slice(REDACTED.as_bytes());
        } else {
            redact_parameters(text, names, out);
        }
    }
}

/// Replaces the values of `;name=value`.
fn redact_parameters(path: &[u8], names: &SecretNames, out: &mut Vec<u8>) {
    if memchr::memchr2(b';', b'%', path).is_none() {
        return push_printable(path, out);
    }
    for (i, segment) in path.split(|&byte| byte == b'/').enumerate() {
        if i > 0 {
            out.push(b'/');
        }
        for (i, piece) in split_semicolons(segment).into_iter().enumerate() {
            if i == 0 {
                push_printable(piece, out);
            } else {
                out.push(b';');
                redact_pair(piece, names, out);
            }
        }
    }
}

/// Splits at `;` and `%3b`.
fn split_semicolons(segment: &[u8]) -> SmallVec<[&[u8]; 2]> {
    let mut pieces = SmallVec::new();
    let mut start = 0;
    let mut at = 0;
    while let Some(&byte) = segment.get(at) {
        let length = match byte {
            b';' => 1,
            b'%' if segment.get(at + 1..).and_then(escape::hex_pair) == Some(b';') => 3,
            _ => 0,
        };
        if length > 0 {
            pieces.push(segment.get(start..at).unwrap_or_default());
            start = at + length;
        }
        at += length.max(1);
    }
    pieces.push(segment.get(start..).unwrap_or_default());
    pieces
}

fn redact_pair(piece: &[u8], names: &SecretNames, out: &mut Vec<u8>) {
    // an encoded `=` counts too, as some reader may decode before it splits
    let equals =
        memchr::memchr(b'=', piece).or_else(|| piece.windows(3).position(|window| window.eq_ignore_ascii_case(b"%3d")));
    let Some((name, value)) = equals.and_then(|at| piece.split_at_checked(at)) else {
        return push_printable(piece, out);
    };
    push_printable(name, out);
    let decoded = escape::decode_fully;
    let hidden =
        names.is_secret_folded(&decoded(name)) || names.holds_secret(&decoded(value.get(1..).unwrap_or_default()));
    if hidden && value.len() > 1 {
        out.push(b'=');
        out.extend_from_slice(REDACTED.as_bytes());
    } else {
        push_printable(value, out);
    }
}

fn push_printable(bytes: &[u8], out: &mut Vec<u8>) {
    if every(bytes, |byte| byte.is_ascii_graphic()) {
        return out.extend_from_slice(bytes);
    }
    let mut rest = bytes;
    loop {
        let plain = rest.iter().position(|byte| !byte.is_ascii_graphic()).unwrap_or(rest.len());
        let (plain, after) = rest.split_at_checked(plain).unwrap_or((rest, &[]));
        out.extend_from_slice(plain);
        let Some((&byte, after)) = after.split_first() else { return };
        out.extend(escape::escape(byte));
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(raw: &str) -> String {
        redact_target(raw.as_bytes(), &SecretNames::new(["dept-key"]), None)
    }

    #[test]
    fn secret_parameters_are_replaced_under_every_spelling() {
        for name in
            ["password", "PassWord", "new_password", "user%5Bpassword%5D", "api-key", "apiKey", "%2570wd", "Dept_Key"]
        {
            let target = format!("/sign-in?a=1&{name}=hunter2&b=2");
            assert_eq!(redacted(&target), format!("/sign-in?a=1&{name}=***&b=2"));
        }
    }

    #[test]
    fn a_name_that_was_worked_out_before_counts_as_it_did() {
        let names = ["warehouse", "user[password]", "Dept-Key", "order"];
        let told = SecretNames::new(["dept-key"]);
        let known = told.clone().knowing(names);
        for name in names.into_iter().chain(["deptkey", "token", "item"]) {
            assert_eq!(known.is_secret(name), told.is_secret(name), "{name}");
        }
        let other = SecretNames::new(["order"]);
        assert!(SecretNames::union([&known, &other]).is_secret("order"), "a secret to one of them");
    }

    #[test]
    fn what_is_no_secret_stays() {
        assert_eq!(redacted("/stock?warehouse=HF&note=a%20b"), "/stock?warehouse=HF&note=a%20b");
        assert_eq!(redacted("/passing?compass=n&design=2"), "/passing?compass=n&design=2");
    }

    #[test]
    fn sessions_in_paths_user_information_and_fragments_are_replaced() {
        assert_eq!(redacted("/a;jsessionid=AB12/b"), "/a;jsessionid=***/b");
        assert_eq!(redacted("/a%3BJSESSIONID=AB12"), "/a;JSESSIONID=***");
        assert_eq!(redacted("http://u:hunter2@host/x"), "http://***@host/x");
        assert_eq!(redacted("/x#access_token=AB12"), "/x#access_token=***");
    }

    #[test]
    fn a_secret_nested_in_another_value_takes_the_value_with_it() {
        assert_eq!(redacted("/x?next=%2Fa%3Ftoken%3DAB12&b=2"), "/x?next=***&b=2");
    }

    #[test]
    fn bytes_that_are_not_printable_are_escaped() {
        assert_eq!(redact_target(b"/\xff\x00?a\r\n=1", &SecretNames::default(), None), "/%FF%00?a%0D%0A=1");
    }

    fn path(pattern: &str) -> SecretPath {
        let parts: Vec<&str> = pattern.trim_start_matches('/').split('/').collect();
        let secret: Vec<usize> = parts.iter().enumerate().filter(|(_, p)| **p == "{key}").map(|(at, _)| at).collect();
        SecretPath::new(pattern, parts.iter().map(|part| (!part.starts_with('{')).then_some(*part)), &secret).unwrap()
    }

    #[test]
    fn a_secret_part_of_a_path_is_replaced_however_it_is_spelled() {
        let names = SecretNames::default().with_paths([path("/reset/{user}/{key}")]);
        for (raw, shown) in [
            ("/reset/lead/s3cret", "/reset/lead/***"),
            ("/RESET/lead/s3cret?a=1", "/RESET/lead/***?a=1"),
            ("/reset/lead/s3cret/more", "/reset/lead/***/more"),
            ("/re%73et/lead/s3%63ret", "/re%73et/lead/***"),
            ("//reset//lead//s3cret", "//reset//lead//***"),
            ("/a/../reset/./lead/s3cret", "/a/../reset/./lead/***"),
            ("/a/..;x/reset/lead/s3cret;y", "/a/..;x/reset/lead/***"),
            ("/reset%2Flead%252fs3cret", "/reset%2Flead%252f***"),
            ("\\reset\\lead\\s3cret", "\\reset\\lead\\***"),
            ("http://h/reset/lead/s3cret", "http://h/reset/lead/***"),
            ("http://u:s3cret@h/reset/lead/s3cret", "http://***@h/reset/lead/***"),
            ("reset/lead/s3cret", "reset/lead/***"),
            ("/reset/lead", "/reset/lead"),
            ("/order/lead/10001", "/order/lead/10001"),
        ] {
            assert_eq!(redact_target(raw.as_bytes(), &names, None), shown, "{raw}");
        }
    }

    #[test]
    fn a_route_that_is_known_has_its_own_secrets_and_no_others() {
        let names = SecretNames::default().with_paths([path("/reset/{key}"), path("/{user}/{key}")]);
        let shown = |raw: &str, route| redact_target(raw.as_bytes(), &names, Some(route));
        assert_eq!(shown("/reset/s3cret", "/reset/{key}"), "/reset/***");
        assert_eq!(shown("/stock/list", "/stock/list"), "/stock/list");
        assert_eq!(shown("/spelled/s3cret", "/reset/{key}"), "/***", "what cannot be found is not shown");
    }
}
