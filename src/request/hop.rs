//! Which fields of a client end at the gateway, and which can never be taken away; names only.

use super::header::{FoldedName, NameSieve};

/// A list of folded names, and the question whether a name is one of them.
macro_rules! names {
    ($list:ident, $is:ident: $($name:literal),* $(,)?) => {
        const $list: &[&[u8]] = &[$($name),*];

        const fn $is(name: &[u8]) -> bool {
            matches!(name, $($name)|*)
        }
    };
}

names! {DROPPED, is_listed_as_dropped:
    b"connection",
    b"keep-alive",
    b"proxy-connection",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
    b"http2-settings",
    b"content-length",
    b"expect",
    b"host",
    b"forwarded",
    b"via",
    b"proxy",
    // gunicorn takes the mount point and the path from fields of these names
    b"script-name",
    b"path-info",
    b"x-script-name",
    b"x-real-ip",
    b"x-client-ip",
    b"client-ip",
    b"true-client-ip",
    b"cf-connecting-ip",
    b"fastly-client-ip",
    b"x-cluster-client-ip",
    b"remote-user",
    b"x-remote-ip",
    b"x-remote-addr",
    b"x-originating-ip",
    b"x-original-url",
    b"x-original-uri",
    b"x-original-host",
    b"x-original-method",
    b"x-rewrite-url",
    b"x-override-url",
    b"x-http-destinationurl",
    b"x-proxy-url",
    b"proxy-host",
    b"request-uri",
    b"x-host",
    b"x-scheme",
    b"x-url-scheme",
    b"front-end-https",
}

names! {PROTECTED, is_listed_as_protected:
    b"cookie",
    b"authorization",
    b"content-type",
    b"content-encoding",
    b"content-disposition",
    b"content-language",
    b"content-range",
    b"origin",
    b"referer",
    b"user-agent",
    b"accept",
    b"soapaction",
    b"range",
}

/// All names of which this file or [`super::forward`] knows something, but for those that only begin alike.
pub(super) static KNOWN: NameSieve = {
    let mut known = NameSieve::of(DROPPED);
    let mut names = PROTECTED;
    while let [name, more @ ..] = names {
        known.insert(name);
        names = more;
    }
    known
};

/// Whether a client's field of this name ends at the gateway, in every spelling that servers fold together: fields that
/// end at each hop (RFC 9110 section 7.6.1), that the gateway writes itself, or by which a server is told that the client
/// asked for something else. The one list of such names.
pub(super) fn is_dropped(name: &FoldedName<'_>) -> bool {
    let bytes = name.as_bytes();
    is_listed_as_dropped(bytes) || bytes.starts_with(b"x-forwarded-") || bytes == b"x-forwarded"
}

/// Whether a name may begin as those do that are dropped by their beginning.
pub(super) fn may_begin_as_dropped(name: &[u8]) -> bool {
    name.len() >= b"x-forwarded".len() && matches!(name, [b'x' | b'X', b'-' | b'_' | b'.' | b'+', b'f' | b'F', ..])
}

/// Fields that `Connection` cannot take away, because they were judged or say how the body is to be read.
pub(super) fn is_protected(name: &FoldedName<'_>) -> bool {
    is_listed_as_protected(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_listed_is_known_in_every_spelling() {
        for name in DROPPED.iter().chain(PROTECTED) {
            assert_eq!(FoldedName::new(name).as_bytes(), *name, "listed as it folds");
            assert!(KNOWN.may_hold(name) && KNOWN.may_hold(&name.to_ascii_uppercase()));
            for alias in *b"_.+" {
                let spelled: Vec<u8> = name.iter().map(|&byte| if byte == b'-' { alias } else { byte }).collect();
                assert!(KNOWN.may_hold(&spelled));
            }
        }
        for begun in ["X-Forwarded", "x_forwarded_for", "X.FORWARDED+x"] {
            assert!(
                may_begin_as_dropped(begun.as_bytes()) && is_dropped(&FoldedName::new(begun.as_bytes())),
                "{begun}"
            );
        }
    }
}
