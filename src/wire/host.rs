//! The form of an authority: host and port, and the one that a connection named last; decides no application.

use super::error::WireError;
use compact_str::CompactString;
use std::rc::Rc;

/// An authority taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authority<'a> {
    /// The host as sent; an IPv6 address with its brackets.
    pub host: &'a str,
    /// The port, where one was sent.
    pub port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Reads `host` or `host:port` (RFC 3986 section 3.2, without user information and percent-encoding; hosts of letters, digits, `.`, `-`, `_`).
    ///
    /// # Errors
    /// [`WireError::Host`] naming what is wrong.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let named = |error| if bytes.contains(&b'@') { WireError::Host("user information") } else { error };
        Self::read(bytes).map_err(named)
    }

    fn read(bytes: &'a [u8]) -> Result<Self, WireError> {
        let text = std::str::from_utf8(bytes).map_err(|_| WireError::Host("bytes outside of ASCII"))?;
        let (host, port) = if text.starts_with('[') {
            let end = text.find(']').ok_or(WireError::Host("unclosed bracket"))?;
            let (host, rest) = text.split_at(end + 1);
            match rest.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if rest.is_empty() => (host, None),
                None => return Err(WireError::Host("bytes after the bracket")),
            }
        } else {
            match text.bytes().position(|byte| byte == b':').and_then(|at| text.split_at_checked(at)) {
                Some((host, port)) => (host, port.get(1..)),
                None => (text, None),
            }
        };
        check_host(host)?;
        Ok(Self { host, port: port.map(read_port).transpose()? })
    }

    /// The host in lower case with one trailing dot removed.
    #[must_use]
    pub fn canonical_host(&self) -> CompactString {
        let host = self.host.strip_suffix('.').unwrap_or(self.host);
        let mut lower = CompactString::from(host);
        lower.make_ascii_lowercase();
        lower
    }
}

/// The host that a request names, read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host(Rc<Spellings>);

#[derive(Debug, PartialEq, Eq)]
struct Spellings {
    sent: CompactString,
    canonical: CompactString,
}

impl Host {
    /// As [`Authority::parse`].
    fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        let authority = Authority::parse(bytes)?;
        let sent = match authority.port {
            None => authority.host.into(),
            Some(_) => CompactString::from_utf8(bytes).map_err(|_| WireError::Host("bytes outside of ASCII"))?,
        };
        Ok(Self(Rc::new(Spellings { sent, canonical: authority.canonical_host() })))
    }

    /// Host and port as sent.
    pub(super) fn sent(&self) -> &str {
        &self.0.sent
    }

    /// [`Authority::canonical_host`].
    pub(super) fn canonical(&self) -> &str {
        &self.0.canonical
    }
}

/// The host that a connection named last: its next request nearly always names the same.
#[derive(Debug, Default)]
pub(super) struct LastHost(Option<Host>);

impl LastHost {
    /// As [`Authority::parse`].
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<Host, WireError> {
        match &self.0 {
            Some(host) if host.sent().as_bytes() == bytes => Ok(host.clone()),
            _ => Ok(self.0.insert(Host::parse(bytes)?).clone()),
        }
    }
}

/// What a byte is to the name of a host.
#[derive(Clone, Copy)]
enum Named {
    Label,
    Dot,
    Nothing,
}

static NAMED: [Named; 256] = {
    let mut table = [Named::Nothing; 256];
    let mut rest: &mut [Named] = &mut table;
    let mut byte = 0_u8;
    while let [slot, after @ ..] = rest {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            *slot = Named::Label;
        } else if byte == b'.' {
            *slot = Named::Dot;
        }
        byte = byte.wrapping_add(1);
        rest = after;
    }
    table
};

fn check_host(host: &str) -> Result<(), WireError> {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return match address.parse::<std::net::Ipv6Addr>() {
            Ok(_) => Ok(()),
            Err(_) => Err(WireError::Host("not an IPv6 address")),
        };
    }
    if host.is_empty() || host.len() > 255 {
        return Err(WireError::Host("empty or longer than 255 bytes"));
    }
    let mut label = 0;
    for byte in host.bytes() {
        match NAMED.get(usize::from(byte)) {
            Some(Named::Label) => label += 1,
            Some(Named::Dot) if label > 0 => label = 0,
            Some(Named::Dot) => return Err(WireError::Host("an empty label")),
            _ => return Err(WireError::Host("a character that host names do not have")),
        }
    }
    Ok(())
}

fn read_port(port: &str) -> Result<u16, WireError> {
    if port.is_empty() || port.len() > 5 || !port.bytes().all(|b| b.is_ascii_digit()) {
        return Err(WireError::Host("not a port"));
    }
    port.parse().map_err(|_| WireError::Host("not a port"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_a_host_and_perhaps_a_port() {
        assert_eq!(Authority::parse(b"a.example:8080"), Ok(Authority { host: "a.example", port: Some(8080) }));
        assert_eq!(Authority::parse(b"[::1]:1"), Ok(Authority { host: "[::1]", port: Some(1) }));
        assert_eq!(Authority::parse(b"A.Example.").unwrap().canonical_host(), "a.example");
        for wrong in [
            "", ":80", "u@h", "a:", "a:b", "a:99999", "a:+1", "a b", "a/b", "a,b", "[::1", "[::1]x", "[g]", "a..b",
            ".a", "a%41", "a:1:2", "é",
        ] {
            assert!(matches!(Authority::parse(wrong.as_bytes()), Err(WireError::Host(_))), "{wrong}");
        }
    }
}
