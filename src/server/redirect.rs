//! The plain-HTTP listener's only answer: the same address by HTTPS. Never forwards and never reflects what is not a host.

use std::rc::Rc;

use bytes::Bytes;

use super::serve::ServiceFactory;
use crate::wire::body::AnswerBody;
use crate::wire::connection::ConnectionInfo;
use crate::wire::head::RequestHead;
use crate::wire::host::Authority;
use crate::wire::server::{Answer, Exchange, Rejected, Service};
use crate::wire::writer::AnswerHead;

/// Tells whether an application has this host (lower case, without port).
pub type KnownHost = Rc<dyn Fn(&str) -> bool>;

/// Answers every request with a redirect to HTTPS, or refuses it.
#[derive(Clone)]
pub struct Redirect {
    known: KnownHost,
    port: u16,
}

impl Redirect {
    /// Redirects to `port` of hosts that are known.
    #[must_use]
    pub fn new(known: KnownHost, port: u16) -> Self {
        Self { known, port }
    }

    /// Where a request is sent to.
    fn location(&self, head: &RequestHead) -> Result<String, u16> {
        let host = head.single("host").ok().flatten().ok_or(400_u16)?;
        let authority = Authority::parse(host).map_err(|_| 400_u16)?;
        let host = authority.canonical_host();
        // SECURITY: only hosts of applications are named in a redirect; any other would make this an open redirect for
        // whoever can poison a cache. Test: `a_host_that_no_application_has_is_not_redirected`.
        if !(self.known)(&host) {
            return Err(421);
        }
        let target = std::str::from_utf8(path_and_query(head.target()).ok_or(400_u16)?).map_err(|_| 400_u16)?;
        Ok(match self.port {
            443 => format!("https://{host}{target}"),
            port => format!("https://{host}:{port}{target}"),
        })
    }
}

/// What follows the authority, if it holds only characters of RFC 3986 (section 2), so that it reads the same in a
/// `Location`.
fn path_and_query(target: &[u8]) -> Option<&[u8]> {
    let target = match target {
        [b'/', ..] => target,
        b"*" => b"/",
        _ => {
            let rest = target.strip_prefix(b"http://")?;
            match rest.iter().position(|byte| matches!(byte, b'/' | b'?')) {
                Some(start) if rest.get(start) == Some(&b'/') => rest.get(start..)?,
                Some(_) => return None,
                None => b"/",
            }
        }
    };
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=%".contains(byte);
    target.iter().all(plain).then_some(target)
}

fn text(status: u16, text: &'static str) -> Answer {
    let mut head = AnswerHead::new(status);
    // These names and values are constants that the writer takes.
    let _ = head.push("content-type", "text/plain; charset=utf-8");
    Answer::new(head, AnswerBody::Full(Bytes::from_static(text.as_bytes())))
}

impl Service for Redirect {
    async fn call(&self, exchange: Box<Exchange>) -> Answer {
        match self.location(&exchange.head) {
            Ok(location) => {
                let mut head = AnswerHead::new(308);
                if head.push("location", location).is_err() {
                    return text(400, "bad request\n");
                }
                Answer::new(head, AnswerBody::Empty)
            }
            Err(421) => text(421, "no such host here\n"),
            Err(_) => text(400, "bad request\n"),
        }
    }

    async fn reject(&self, rejected: Rejected) -> Answer {
        text(rejected.error.reason().status(), "bad request\n")
    }
}

impl ServiceFactory for Redirect {
    type Service = Self;

    fn service(&self, _: Rc<ConnectionInfo>) -> Rc<Self> {
        Rc::new(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_targets_are_repeated() {
        assert_eq!(path_and_query(b"/a/b?c=%20"), Some(&b"/a/b?c=%20"[..]));
        assert_eq!(path_and_query(b"http://example.test/a"), Some(&b"/a"[..]));
        assert_eq!(path_and_query(b"http://example.test"), Some(&b"/"[..]));
        assert_eq!(path_and_query(b"*"), Some(&b"/"[..]));
        for target in [&b"/\\evil"[..], b"/<a>", b"/a#b", b"/\xe4", b"ftp://a/", b"http://a?b", b"a", b"/a\"b", b"/a b"]
        {
            assert_eq!(path_and_query(target), None, "{target:?}");
        }
    }
}
