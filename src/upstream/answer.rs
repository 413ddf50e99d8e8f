//! The head of an application's answer as the client is to see it: without what belongs to the connection, names turned outside.

use super::cookie::rewrite_cookie;
use super::location::{rewrite_location, rewrite_refresh};
use super::outside::Outside;
use crate::endpoint::UpstreamSpec;
use crate::wire::head::ResponseHead;
use crate::wire::writer::{AnswerHead, FieldError};

/// What becomes of a field.
enum Treatment {
    /// It is copied.
    Copy,
    /// It goes.
    Drop,
    /// An address.
    Location,
    /// An address behind a time.
    Refresh,
    /// A cookie.
    Cookie,
}

fn treatment(name: &[u8]) -> Treatment {
    let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
    match name.len() {
        7 if is("refresh") => Treatment::Refresh,
        // it tells browsers of a way around the gateway (RFC 7838)
        7 if is("alt-svc") => Treatment::Drop,
        8 if is("location") => Treatment::Location,
        10 if is("set-cookie") => Treatment::Cookie,
        16 if is("content-location") => Treatment::Location,
        // a proxy's, and the only proxy that a client sees is this one
        18 if is("proxy-authenticate") => Treatment::Drop,
        25 if is("proxy-authentication-info") => Treatment::Drop,
        _ => Treatment::Copy,
    }
}

/// The head that the client gets for `head`, reached as `outside`, with `cookies` in place of those that the application sets
/// where some are given. Framing is the connection's.
///
/// # Errors
/// When a rewritten value holds a control character; then the answer is not to be trusted.
pub fn present(
    head: &ResponseHead,
    spec: &UpstreamSpec,
    outside: &Outside<'_>,
    cookies: Option<&[Vec<u8>]>,
) -> Result<AnswerHead, FieldError> {
    let mut others = false;
    let mut answer = AnswerHead::from_response(head, |name| {
        let copied = matches!(treatment(name), Treatment::Copy);
        others |= !copied;
        copied
    });
    for (name, value) in head.raw_fields().take_while(|_| others) {
        let rewritten = match treatment(name) {
            Treatment::Copy | Treatment::Drop => continue,
            Treatment::Location => rewrite_location(value, spec, outside),
            Treatment::Refresh => rewrite_refresh(value, spec, outside),
            Treatment::Cookie if cookies.is_some() => continue,
            Treatment::Cookie => rewrite_cookie(value, &spec.rewrite, outside),
        };
        answer.push(name, rewritten.as_deref().unwrap_or(value))?;
    }
    for cookie in cookies.unwrap_or_default() {
        let rewritten = rewrite_cookie(cookie, &spec.rewrite, outside);
        answer.push(b"Set-Cookie", rewritten.as_deref().unwrap_or(cookie))?;
    }
    Ok(answer)
}

/// A `Set-Cookie` of the application's as the client is to see it.
#[must_use]
pub fn turn_cookie(cookie: &[u8], spec: &UpstreamSpec, outside: &Outside<'_>) -> Vec<u8> {
    rewrite_cookie(cookie, &spec.rewrite, outside).unwrap_or_else(|| cookie.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::limit::HeadLimits;
    use std::path::Path;

    #[test]
    fn an_answer_is_turned_outside_and_keeps_the_order_of_its_cookies() {
        let text = "HTTP/1.1 302 Found\r\nServer: s\r\nLocation: http://erp.lan:8080/main.do\r\nSet-Cookie: a=1; Path=/\r\n\
            Set-Cookie: b=2; Domain=erp.lan; Secure\r\nConnection: keep-alive, x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n\
            Alt-Svc: h3=\":443\"\r\nProxy-Authenticate: Basic\r\nContent-Location: //erp.lan:8080/x\r\nContent-Length: 0\r\n\r\n";
        let (head, _) = ResponseHead::parse(text.as_bytes(), &HeadLimits::default()).unwrap();
        let raw = serde_yaml::from_str("{url: 'http://erp.lan:8080'}").unwrap();
        let spec = UpstreamSpec::compile(raw, "erp", Path::new("/")).unwrap();
        let outside = Outside { https: false, authority: "erp.example.test" };
        let answer = present(&head, &spec, &outside, None).unwrap();
        let fields: Vec<String> = answer
            .fields()
            .map(|(name, value)| format!("{}: {}", String::from_utf8_lossy(name), String::from_utf8_lossy(value)))
            .collect();
        assert_eq!(
            fields,
            [
                "Server: s",
                "Location: http://erp.example.test/main.do",
                "Set-Cookie: a=1; Path=/",
                "Set-Cookie: b=2; Secure",
                "Content-Location: http://erp.example.test/x",
            ]
        );
    }
}
