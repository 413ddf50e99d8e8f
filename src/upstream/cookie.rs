//! `Domain`, `Path` and `Secure` of the application's cookies as they must be outside; names and values are never touched.

use super::outside::Outside;
use crate::endpoint::RewriteSpec;
use compact_str::CompactString;

/// A `Set-Cookie` as the client is to see it; `None` where it stays as it is.
pub(super) fn rewrite_cookie(value: &[u8], spec: &RewriteSpec, outside: &Outside<'_>) -> Option<Vec<u8>> {
    let mut parts = value.split(|&b| b == b';');
    let mut rewritten = parts.next()?.to_vec();
    let (mut changed, mut secure) = (false, false);
    for part in parts {
        let (name, argument) = match part.iter().position(|&b| b == b'=') {
            Some(at) => (part.get(..at)?, part.get(at + 1..)?),
            None => (part, &[][..]),
        };
        let name = name.trim_ascii();
        secure |= name.eq_ignore_ascii_case(b"secure");
        let fate = if name.eq_ignore_ascii_case(b"domain") {
            domain(argument.trim_ascii(), spec, outside)
        } else if name.eq_ignore_ascii_case(b"path") {
            path(argument.trim_ascii(), spec)
        } else {
            Fate::Keep
        };
        changed |= !matches!(fate, Fate::Keep);
        match fate {
            Fate::Keep => {
                rewritten.push(b';');
                rewritten.extend_from_slice(part);
            }
            Fate::Remove => {}
            Fate::Replace(argument) => {
                rewritten.extend_from_slice(b"; ");
                rewritten.extend_from_slice(name);
                rewritten.push(b'=');
                rewritten.extend_from_slice(&argument);
            }
        }
    }
    if spec.secure && outside.https && !secure {
        rewritten.extend_from_slice(b"; Secure");
        changed = true;
    }
    changed.then_some(rewritten)
}

enum Fate {
    Keep,
    Remove,
    Replace(Vec<u8>),
}

/// What the rule says of this domain; else one that is an inside name goes, since a browser would refuse it outside.
fn domain(argument: &[u8], spec: &RewriteSpec, outside: &Outside<'_>) -> Fate {
    let Ok(text) = std::str::from_utf8(argument) else { return Fate::Keep };
    let bare = text.strip_prefix('.').unwrap_or(text);
    let named = |known: &CompactString| known.eq_ignore_ascii_case(bare);
    match spec.cookie_domain.iter().find(|(from, _)| named(from)) {
        Some((_, Some(to))) => Fate::Replace(to.as_bytes().to_vec()),
        Some((_, None)) => Fate::Remove,
        None if covers(bare, outside.host()) => Fate::Keep,
        None if spec.inside.iter().any(|inside| named(&inside.host)) => Fate::Remove,
        None => Fate::Keep,
    }
}

/// Whether a cookie of `domain` is sent to `host` (RFC 6265 section 5.1.3).
fn covers(domain: &str, host: &str) -> bool {
    let at = host.len().checked_sub(domain.len());
    let (Some(at), false) = (at, domain.is_empty()) else { return false };
    let (Some(before), Some(end)) = (host.get(..at), host.get(at..)) else { return false };
    end.eq_ignore_ascii_case(domain) && (before.is_empty() || before.ends_with('.'))
}

fn path(argument: &[u8], spec: &RewriteSpec) -> Fate {
    for (from, to) in &spec.cookie_path {
        let Some(rest) = argument.strip_prefix(from.as_bytes()) else { continue };
        // `/app` is the beginning of `/app` and `/app/x`, not of `/apple`
        if from.ends_with('/') || rest.is_empty() || rest.starts_with(b"/") {
            let joined = match (to.ends_with('/'), rest.strip_prefix(b"/"), from.ends_with('/')) {
                (true, Some(rest), _) => [to.as_bytes(), rest].concat(),
                (false, None, true) if !rest.is_empty() => [to.as_bytes(), b"/", rest].concat(),
                _ => [to.as_bytes(), rest].concat(),
            };
            return Fate::Replace(joined);
        }
    }
    Fate::Keep
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::UpstreamSpec;
    use std::path::Path;

    const OUTSIDE: Outside<'_> = Outside { https: true, authority: "erp.example.test" };

    fn rewritten(yaml: &str, cookie: &str, outside: Outside<'_>) -> Option<String> {
        let spec = UpstreamSpec::compile(serde_yaml::from_str(yaml).unwrap(), "erp", Path::new("/")).unwrap();
        rewrite_cookie(cookie.as_bytes(), &spec.rewrite, &outside).map(|value| String::from_utf8(value).unwrap())
    }

    #[test]
    fn the_domain_follows_the_rule_and_an_inside_one_goes() {
        let yaml = "{url: 'http://erp.lan:8080', rewrite: {cookie-domain: {.old.lan: .example.test, gone.lan: ''}}}";
        for (cookie, outside) in [
            ("a=b; Domain=old.lan; Secure", Some("a=b; Domain=example.test; Secure")),
            ("a=b; domain=.OLD.lan; HttpOnly; secure", Some("a=b; domain=example.test; HttpOnly; secure")),
            ("a=b; Secure; Domain=gone.lan", Some("a=b; Secure")),
            ("a=b; Secure; Domain=erp.lan", Some("a=b; Secure")),
            ("a=b; Secure; Domain=example.test", None),
            ("a=b; Secure; Domain=elsewhere.test", None),
        ] {
            assert_eq!(rewritten(yaml, cookie, OUTSIDE).as_deref(), outside, "{cookie}");
        }
    }

    #[test]
    fn the_path_is_exchanged_at_a_segment_border() {
        let yaml = "{url: 'http://a', rewrite: {cookie-path: {/app: /, /old/: /new}}}";
        for (cookie, outside) in [
            ("a=b; Secure; Path=/app", Some("a=b; Secure; Path=/")),
            ("a=b; Secure; path=/app/x", Some("a=b; Secure; path=/x")),
            ("a=b; Secure; Path=/old/x", Some("a=b; Secure; Path=/new/x")),
            ("a=b; Secure; Path=/apple", None),
            ("a=b; Secure; Path=/", None),
        ] {
            assert_eq!(rewritten(yaml, cookie, OUTSIDE).as_deref(), outside, "{cookie}");
        }
    }

    #[test]
    fn secure_is_added_where_the_outside_is_https() {
        let plain = Outside { https: false, ..OUTSIDE };
        let yaml = "{url: 'http://a'}";
        assert_eq!(rewritten(yaml, "a=secure; HttpOnly", OUTSIDE).as_deref(), Some("a=secure; HttpOnly; Secure"));
        assert_eq!(rewritten(yaml, "a=b;SECURE", OUTSIDE), None);
        assert_eq!(rewritten(yaml, "a=b", plain), None);
        assert_eq!(rewritten("{url: 'http://a', rewrite: {secure: false}}", "a=b", OUTSIDE), None);
    }
}
