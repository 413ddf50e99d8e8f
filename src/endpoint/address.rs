//! Where an application is, and the `Host` that it is sent; no I/O.

use std::fmt;

use compact_str::CompactString;

use super::error::Findings;
use super::raw::RawUpstream;

/// One address of an application.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// Whether TLS is spoken.
    pub tls: bool,
    /// A name, an IPv4 address, or an IPv6 address without brackets; lower case.
    pub host: CompactString,
    /// The port.
    pub port: u16,
    /// The whole address, as every record shows it.
    text: CompactString,
}

impl Address {
    /// The address of this host, as [`Self::host`] has it, and port.
    #[must_use]
    pub fn new(tls: bool, host: CompactString, port: u16) -> Self {
        let scheme = if tls { "https" } else { "http" };
        let text = compact_str::format_compact!("{scheme}://{}:{port}", Bracketed(&host));
        Self { tls, host, port, text }
    }

    /// Reads `http://host[:port]` or `https://host[:port]`; a single `/` may follow.
    ///
    /// # Errors
    /// Where the text is anything else; the message names what is in the way.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (tls, rest) = match text.split_once("://") {
            Some(("http", rest)) => (false, rest),
            Some(("https", rest)) => (true, rest),
            _ => return Err(format!("`{text}` is not an address: write `http://host:port` or `https://host:port`")),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if let Some(stray) = authority.chars().find(|c| matches!(c, '/' | '?' | '#' | '@' | '\\') || c.is_whitespace())
        {
            return Err(format!("`{text}` contains `{stray}`: an address has a host and a port, and nothing else"));
        }
        let (host, port) = split_authority(authority).ok_or_else(|| format!("`{text}` has no valid host and port"))?;
        Ok(Self::new(tls, host.to_ascii_lowercase().into(), port.unwrap_or(if tls { 443 } else { 80 })))
    }

    /// The whole address: `http://host:port`.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The address as a `Host` field spells it: the port only where it is not the scheme's own.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = Bracketed(&self.host);
        if self.port == if self.tls { 443 } else { 80 } { format!("{host}") } else { format!("{host}:{}", self.port) }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

struct Bracketed<'a>(&'a str);

impl fmt::Display for Bracketed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(':') { write!(f, "[{}]", self.0) } else { f.write_str(self.0) }
    }
}

/// Host and port of `host`, `host:port`, `[v6]`, `[v6]:port`; `None` where it is none of these.
pub(crate) fn split_authority(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        host.parse::<std::net::Ipv6Addr>().ok()?;
        (host, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
    } else {
        match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        }
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if host.is_empty() || (!text.starts_with('[') && !host.chars().all(plain)) {
        return None;
    }
    match port {
        None => Some((host, None)),
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => {
            Some((host, Some(port.parse().ok().filter(|&p| p > 0)?)))
        }
        Some(_) => None,
    }
}

/// The addresses of a block; empty where it gives none that can be read.
pub(super) fn addresses(raw: &RawUpstream, findings: &mut Findings) -> Vec<Address> {
    let listed: Vec<(String, &str)> = match (&raw.url, raw.urls.is_empty()) {
        (Some(url), true) => vec![("url".to_owned(), url.as_str())],
        (None, false) => raw.urls.iter().enumerate().map(|(i, url)| (format!("urls.{i}"), url.as_str())).collect(),
        (Some(_), false) => {
            findings.add("urls", "give either `url` or `urls`, not both");
            return Vec::new();
        }
        (None, true) => {
            findings.add("url", "`upstream` needs the address of the application: `url: http://host:port`");
            return Vec::new();
        }
    };
    let mut addresses: Vec<Address> = Vec::with_capacity(listed.len());
    for (field, text) in listed {
        match Address::parse(text) {
            Ok(address) if addresses.contains(&address) => findings.add(field, format!("`{text}` is listed twice")),
            Ok(address) if addresses.first().is_some_and(|first| first.tls != address.tls) => {
                findings.add(field, "the addresses of an application are all `http` or all `https`");
            }
            Ok(address) => addresses.push(address),
            Err(message) => findings.add(field, message),
        }
    }
    addresses
}

/// The `Host` that the application is sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPolicy {
    /// As the client sent it (it was checked against the application's hosts).
    Keep,
    /// Host and port of the address.
    Address,
    /// This one.
    Name(CompactString),
}

impl HostPolicy {
    /// `keep`, `address` or a name.
    pub(super) fn compile(text: Option<&str>, findings: &mut Findings) -> HostPolicy {
        match text {
            None | Some("keep") => HostPolicy::Keep,
            Some("address") => HostPolicy::Address,
            Some(name) => {
                if split_authority(name).is_none() {
                    findings.add("host", format!("`{name}` is neither `keep`, `address`, nor a host name"));
                }
                HostPolicy::Name(name.to_ascii_lowercase().into())
            }
        }
    }
}
