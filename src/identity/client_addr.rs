//! Where a request comes from: the peer, or what trusted proxies say, read from right to left; never a decision on it.

use ipnet::IpNet;
use smallvec::{SmallVec, smallvec};
use std::net::{IpAddr, SocketAddr};

/// How many hops a forwarding chain may have.
const MAX_HOPS: usize = 16;

/// The address that counts as the client's, and how it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientAddr {
    /// The address.
    pub ip: IpAddr,
    /// For the record: the hops from the client towards the gateway, the last being the peer of the connection.
    /// Holds one address where nobody forwarded.
    pub chain: SmallVec<[IpAddr; 2]>,
}

/// Which forwarding header the trusted proxies write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardingHeader {
    /// Whichever is there; both at once are refused, since a proxy that writes one lets the other through.
    #[default]
    Either,
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// `X-Forwarded-For`.
    XForwardedFor,
}

/// A trusted proxy sent a forwarding header that does not mean one thing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForwardingError {
    /// A trusted proxy wrote both headers.
    #[error("both `Forwarded` and `X-Forwarded-For` came from a trusted proxy")]
    Both,
    /// A hop that had to be read is not an address.
    #[error("`{0}` in a forwarding header is not an address")]
    NotAnAddress(String),
    /// The chain is longer than allowed.
    #[error("a forwarding header names more than {MAX_HOPS} hops")]
    TooLong,
}

impl ForwardingError {
    /// The reason of the refusal.
    #[must_use]
    pub const fn reason(&self) -> crate::model::Reason {
        crate::model::Reason::MalformedHead
    }
}

impl ClientAddr {
    /// Derives the address. `peer` is the transport's source: the peer of the connection, or what a trusted load
    /// balancer declared by PROXY protocol. The values are those of the fields in their order.
    ///
    /// Headers count only where `peer` is in `trusted`; then hops are read from right to left while they are trusted,
    /// and the first that is not is the client. What stands left of it was written by the client and is not read.
    ///
    /// # Errors
    /// When a hop that had to be read is no address, or both headers came where either may.
    pub fn derive<'a>(
        peer: IpAddr,
        trusted: &[IpNet],
        header: ForwardingHeader,
        forwarded: impl Iterator<Item = &'a [u8]>,
        x_forwarded_for: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Self, ForwardingError> {
        let peer = peer.to_canonical();
        let alone = Self { ip: peer, chain: smallvec![peer] };
        if !is_trusted(peer, trusted) {
            // SECURITY: an untrusted peer's headers are not even parsed (test `strangers_cannot_name_an_address`).
            return Ok(alone);
        }
        let (mut forwarded, mut listed) = (forwarded.peekable(), x_forwarded_for.peekable());
        let hops = match (header, forwarded.peek().is_some(), listed.peek().is_some()) {
            (ForwardingHeader::Either, true, true) => return Err(ForwardingError::Both),
            (ForwardingHeader::Forwarded, true, _) | (ForwardingHeader::Either, true, false) => {
                elements(forwarded).map(forwarded_for).collect::<Vec<_>>()
            }
            (ForwardingHeader::XForwardedFor, _, true) | (ForwardingHeader::Either, false, true) => {
                listed.flat_map(|field| field.split(|&byte| byte == b',')).map(Some).collect()
            }
            _ => return Ok(alone),
        };
        let mut chain: SmallVec<[IpAddr; 2]> = smallvec![peer];
        let mut ip = peer;
        for hop in hops.into_iter().rev() {
            if chain.len() > MAX_HOPS {
                return Err(ForwardingError::TooLong);
            }
            let text = hop.map(|hop| String::from_utf8_lossy(hop.trim_ascii()).into_owned()).unwrap_or_default();
            let hop = parse_hop(&text).ok_or(ForwardingError::NotAnAddress(text))?;
            chain.push(hop);
            ip = hop;
            if !is_trusted(hop, trusted) {
                break;
            }
        }
        chain.reverse();
        Ok(Self { ip, chain })
    }
}

fn is_trusted(ip: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&ip))
}

/// The elements of `Forwarded` over several fields; a comma within quotes separates nothing. A client that opens a
/// quote to swallow what the proxy appends gets an element that is no address.
fn elements<'a>(fields: impl Iterator<Item = &'a [u8]>) -> impl Iterator<Item = &'a [u8]> {
    fields.flat_map(|field| {
        let mut quoted = false;
        field.split(move |&byte| {
            quoted ^= byte == b'"';
            byte == b',' && !quoted
        })
    })
}

/// The value of `for` in an element of `Forwarded`; `None` when it is missing or repeated.
fn forwarded_for(element: &[u8]) -> Option<&[u8]> {
    let mut found = None;
    for pair in element.split(|&byte| byte == b';') {
        let (name, value) = pair.split_at_checked(memchr::memchr(b'=', pair)?)?;
        if name.trim_ascii().eq_ignore_ascii_case(b"for") {
            let value = value.get(1..)?.trim_ascii();
            let bare = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
            if found.replace(bare).is_some() {
                return None;
            }
        }
    }
    found
}

/// An address, `[v6]`, `v4:port` or `[v6]:port`. Obfuscated names and `unknown` (RFC 7239) are no addresses.
fn parse_hop(text: &str) -> Option<IpAddr> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(ip.to_canonical());
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address.ip().to_canonical());
    }
    text.strip_prefix('[')?
        .strip_suffix(']')?
        .parse::<std::net::Ipv6Addr>()
        .ok()
        .map(|ip| IpAddr::V6(ip).to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn derive(peer: &str, header: ForwardingHeader, f: &[&str], x: &[&str]) -> Result<ClientAddr, ForwardingError> {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let (f, x) = (f.iter().map(|v| v.as_bytes()), x.iter().map(|v| v.as_bytes()));
        ClientAddr::derive(peer.parse().unwrap(), &trusted, header, f, x)
    }

    fn client(peer: &str, f: &[&str], x: &[&str]) -> String {
        derive(peer, ForwardingHeader::Either, f, x).unwrap().ip.to_string()
    }

    #[test]
    fn strangers_cannot_name_an_address() {
        assert_eq!(client("192.0.2.9", &[], &["10.1.1.1"]), "192.0.2.9");
        assert_eq!(client("192.0.2.9", &["for=10.1.1.1"], &["garbage"]), "192.0.2.9");
        assert_eq!(client("::ffff:192.0.2.9", &[], &["10.1.1.1"]), "192.0.2.9");
    }

    #[test]
    fn the_first_untrusted_hop_from_the_right_is_the_client() {
        assert_eq!(client("10.0.0.1", &[], &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &[], &["1.1.1.1, 198.51.100.7, 10.0.0.2"]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &[], &["not an address, 198.51.100.7", "10.0.0.2"]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &[], &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
        assert_eq!(client("::ffff:10.0.0.1", &[], &["198.51.100.7:4711"]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &["for=1.1.1.1, FOR=\"[2001:db8::1]:80\";proto=https"], &[]), "2001:db8::1");
        let derived = derive("10.0.0.1", ForwardingHeader::Either, &[], &["9.9.9.9, 198.51.100.7, 10.0.0.2"]).unwrap();
        let chain: Vec<String> = derived.chain.iter().map(ToString::to_string).collect();
        assert_eq!(chain, ["198.51.100.7", "10.0.0.2", "10.0.0.1"]);
    }

    #[test]
    fn garbage_that_must_be_read_is_refused() {
        for x in ["unknown", "", "198.51.100.7, ", "198.51.100.7x", "1.2.3", "_hidden", "198.51.100.7:99999"] {
            let result = derive("10.0.0.1", ForwardingHeader::Either, &[], &[x]);
            assert!(matches!(result, Err(ForwardingError::NotAnAddress(_))), "{x}");
        }
        for f in ["for=unknown", "proto=https", "for=1.1.1.1;for=2.2.2.2", "for"] {
            assert!(derive("10.0.0.1", ForwardingHeader::Either, &[f], &[]).is_err(), "{f}");
        }
        let both = derive("10.0.0.1", ForwardingHeader::Either, &["for=1.1.1.1"], &["2.2.2.2"]);
        assert_eq!(both, Err(ForwardingError::Both));
        let long = vec!["10.0.0.2"; 40].join(", ");
        assert_eq!(derive("10.0.0.1", ForwardingHeader::Either, &[], &[&long]), Err(ForwardingError::TooLong));
    }

    #[test]
    fn only_the_declared_header_counts() {
        let derived = derive("10.0.0.1", ForwardingHeader::XForwardedFor, &["for=1.1.1.1"], &["2.2.2.2"]).unwrap();
        assert_eq!(derived.ip.to_string(), "2.2.2.2");
        let derived = derive("10.0.0.1", ForwardingHeader::Forwarded, &[], &["2.2.2.2"]).unwrap();
        assert_eq!(derived.ip.to_string(), "10.0.0.1");
    }

    proptest! {
        #[test]
        fn a_stranger_is_always_their_own_address(x in "[ -~]{0,60}", f in "[ -~]{0,60}") {
            prop_assert_eq!(client("203.0.113.5", &[&f], &[&x]), "203.0.113.5");
        }

        #[test]
        fn what_the_client_wrote_never_changes_what_the_proxy_saw(forged in "[ -+--~]{0,60}") {
            let x = format!("{forged}, 198.51.100.7");
            prop_assert_eq!(client("10.0.0.1", &[], &[&x]), "198.51.100.7");
        }
    }
}
