//! Absolute redirects to an inside name made to lead to the outside one; other redirects are left as they are.

use super::outside::Outside;
use crate::endpoint::{RewriteSpec, UpstreamSpec, split_authority};

/// A `Location` or `Content-Location` as the client is to see it; `None` where it stays as it is.
pub(super) fn rewrite_location(value: &[u8], spec: &UpstreamSpec, outside: &Outside<'_>) -> Option<Vec<u8>> {
    if !spec.rewrite.location {
        return None;
    }
    let (scheme_port, rest) = absolute(value, outside)?;
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#' | b'\\')).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at_checked(end)?;
    let authority = std::str::from_utf8(authority).ok()?;
    let (host, port) = split_authority(authority)?;
    let port = port.unwrap_or(scheme_port);
    let host = host.strip_suffix('.').unwrap_or(host);
    if !is_inside(host, port, &spec.rewrite) && !is_outside(host, port, spec, outside) {
        return None;
    }
    let mut rewritten = Vec::with_capacity(value.len() + outside.authority.len() + 8);
    rewritten.extend_from_slice(outside.scheme().as_bytes());
    rewritten.extend_from_slice(b"://");
    rewritten.extend_from_slice(outside.authority.as_bytes());
    rewritten.extend_from_slice(rest);
    (rewritten != value).then_some(rewritten)
}

/// A `Refresh` as the client is to see it: `5; url=http://inside/`, the address with or without quotes.
pub(super) fn rewrite_refresh(value: &[u8], spec: &UpstreamSpec, outside: &Outside<'_>) -> Option<Vec<u8>> {
    let at = value.windows(4).position(|window| window.eq_ignore_ascii_case(b"url="))? + 4;
    let (before, rest) = value.split_at_checked(at)?;
    let quote = rest.first().copied().filter(|b| matches!(b, b'"' | b'\''));
    let url = if quote.is_some() { rest.get(1..)? } else { rest };
    let end = quote.and_then(|quote| url.iter().position(|&b| b == quote)).unwrap_or(url.len());
    let (url, after) = url.split_at_checked(end)?;
    let rewritten = rewrite_location(url, spec, outside)?;
    Some([before, quote.as_slice(), &rewritten, after].concat())
}

/// The port of the scheme, and what follows `//`; `None` for a relative reference.
fn absolute<'a>(value: &'a [u8], outside: &Outside<'_>) -> Option<(u16, &'a [u8])> {
    let after = |prefix: &[u8]| {
        let (start, rest) = value.split_at_checked(prefix.len())?;
        start.eq_ignore_ascii_case(prefix).then_some(rest)
    };
    if let Some(rest) = after(b"http://") {
        Some((80, rest))
    } else if let Some(rest) = after(b"https://") {
        Some((443, rest))
    } else {
        after(b"//").map(|rest| (if outside.https { 443 } else { 80 }, rest))
    }
}

fn is_inside(host: &str, port: u16, spec: &RewriteSpec) -> bool {
    spec.inside
        .iter()
        .any(|inside| inside.host.eq_ignore_ascii_case(host) && inside.port.is_none_or(|known| known == port))
}

/// Whether it is the outside host with a scheme or port that only the application could take for its own.
fn is_outside(host: &str, port: u16, spec: &UpstreamSpec, outside: &Outside<'_>) -> bool {
    host.eq_ignore_ascii_case(outside.host())
        && (port == outside.port()
            || matches!(port, 80 | 443)
            || spec.addresses.iter().any(|address| address.port == port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn spec(yaml: &str) -> UpstreamSpec {
        UpstreamSpec::compile(serde_yaml::from_str(yaml).unwrap(), "erp", Path::new("/")).unwrap()
    }

    const OUTSIDE: Outside<'_> = Outside { https: true, authority: "erp.example.test:8443" };

    #[test]
    fn redirects_to_an_inside_name_lead_outside() {
        let spec = spec("{url: 'http://10.0.0.7:8080', host: erp.lan, rewrite: {inside: ['http://old.lan', legacy]}}");
        for (inside, outside) in [
            ("http://10.0.0.7:8080/main.do?a=1#x", Some("https://erp.example.test:8443/main.do?a=1#x")),
            ("HTTP://ERP.LAN/a", Some("https://erp.example.test:8443/a")),
            ("http://erp.lan.:81/a", Some("https://erp.example.test:8443/a")),
            ("//erp.lan/a", Some("https://erp.example.test:8443/a")),
            ("http://old.lan?x", Some("https://erp.example.test:8443?x")),
            ("http://old.lan:81/", None),
            ("https://legacy:9443/", Some("https://erp.example.test:8443/")),
            // the application takes itself for plain, or adds its own port to the name that it was sent
            ("http://erp.example.test/a", Some("https://erp.example.test:8443/a")),
            ("http://erp.example.test:8080/a", Some("https://erp.example.test:8443/a")),
            ("https://erp.example.test:8443/a", None),
            ("https://erp.example.test:9999/a", None),
            ("https://login.example.com/?back=http://erp.lan/", None),
            ("http://erp.lan@evil.example/", None),
            ("http://erp.lan.evil.example/", None),
            ("/main.do", None),
            ("main.do", None),
            ("http://", None),
        ] {
            let got = rewrite_location(inside.as_bytes(), &spec, &OUTSIDE);
            assert_eq!(got.as_deref(), outside.map(str::as_bytes), "{inside}");
        }
    }

    #[test]
    fn a_refresh_is_rewritten_inside_its_quotes() {
        let spec = spec("{url: 'http://10.0.0.7:8080'}");
        for (inside, outside) in [
            ("0; URL=http://10.0.0.7:8080/a", Some("0; URL=https://erp.example.test:8443/a")),
            ("5;url='http://10.0.0.7:8080/a'", Some("5;url='https://erp.example.test:8443/a'")),
            ("5", None),
            ("5; url=/a", None),
        ] {
            let got = rewrite_refresh(inside.as_bytes(), &spec, &OUTSIDE);
            assert_eq!(got.as_deref(), outside.map(str::as_bytes), "{inside}");
        }
    }

    #[test]
    fn nothing_is_rewritten_where_the_rule_says_so() {
        let spec = spec("{url: 'http://10.0.0.7:8080', rewrite: {location: false}}");
        assert_eq!(rewrite_location(b"http://10.0.0.7:8080/", &spec, &OUTSIDE), None);
    }
}
