//! The PROXY protocol header, versions 1 and 2, read strictly; whom to believe is decided by the caller.

use proxy_header::{Error, ParseConfig, Protocol, ProxyHeader};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::wire::connection::Proxied;

/// The first twelve bytes of version 2.
pub(super) const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The longest header that is read; version 2 would allow 64 KiB, real ones stay far below.
const MOST: usize = 4096;

/// Why a header was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyHeaderError {
    /// Not a header as the specification has it.
    #[error("no valid PROXY protocol header")]
    Malformed,
    /// For UDP or a Unix socket.
    #[error("a PROXY protocol header that is not about TCP")]
    NotTcp,
    /// Longer than 4 KiB.
    #[error("a PROXY protocol header that is too long")]
    TooLong,
    /// The connection ended before the header did.
    #[error("the connection ended within the PROXY protocol header")]
    Ended,
}

/// Reads the header from the beginning of a connection. Gives the addresses in it (none where the load balancer speaks
/// for itself) and the bytes after it that have been read already.
///
/// # Errors
/// When there is no header, or it is not strictly one of the two versions, or does not speak about TCP.
pub async fn read(io: &mut (impl AsyncRead + Unpin)) -> Result<(Option<Proxied>, Vec<u8>), ProxyHeaderError> {
    let mut buffer = Vec::with_capacity(512);
    loop {
        if io.read_buf(&mut buffer).await.unwrap_or(0) == 0 {
            return Err(ProxyHeaderError::Ended);
        }
        if let Some((proxied, length)) = parse(&buffer)? {
            buffer.drain(..length);
            return Ok((proxied, buffer));
        }
        if buffer.len() >= MOST {
            return Err(ProxyHeaderError::TooLong);
        }
    }
}

/// `None` where more bytes are needed.
fn parse(bytes: &[u8]) -> Result<Option<(Option<Proxied>, usize)>, ProxyHeaderError> {
    let early = |start: &[u8]| !start.starts_with(bytes.get(..start.len()).unwrap_or(bytes));
    match bytes.first() {
        // Garbage is refused at its first wrong byte, not when enough of it has come.
        Some(b'P') if early(b"PROXY ") => return Err(ProxyHeaderError::Malformed),
        Some(b'\r') if early(SIGNATURE) => return Err(ProxyHeaderError::Malformed),
        _ => {}
    }
    let (header, length) = match ProxyHeader::parse(bytes, ParseConfig::default()) {
        Ok(parsed) => parsed,
        Err(Error::BufferTooShort) if complete(bytes) => return Err(ProxyHeaderError::Malformed),
        Err(Error::BufferTooShort) => return Ok(None),
        Err(_) => return Err(ProxyHeaderError::Malformed),
    };
    let raw = bytes.get(..length).unwrap_or_default();
    if raw.first() == Some(&b'P') {
        strict_v1(raw)?
    } else {
        strict_v2(raw, &header)?
    }
    let proxied = match header.proxied_address() {
        Some(address) if address.protocol == Protocol::Stream => {
            let canonical = |addr: std::net::SocketAddr| (addr.ip().to_canonical(), addr.port()).into();
            Some(Proxied { source: canonical(address.source), destination: canonical(address.destination) })
        }
        Some(_) => return Err(ProxyHeaderError::NotTcp),
        None => None,
    };
    Ok(Some((proxied, length)))
}

/// Whether the header has ended, so that waiting for more of it would only wait for the deadline.
fn complete(bytes: &[u8]) -> bool {
    match bytes.first() {
        Some(b'P') => bytes.contains(&b'\n'),
        _ => bytes
            .get(14..16)
            .and_then(|length| length.try_into().ok())
            .is_some_and(|length| bytes.len() >= 16 + usize::from(u16::from_be_bytes(length))),
    }
}

/// What the parser lets pass in version 1: other bytes after `UNKNOWN`, signs and leading zeros in ports.
fn strict_v1(line: &[u8]) -> Result<(), ProxyHeaderError> {
    let text = std::str::from_utf8(line).ok().and_then(|text| text.strip_suffix("\r\n"));
    let words: Vec<&str> = text.ok_or(ProxyHeaderError::Malformed)?.split(' ').collect();
    let port = |port: &str| port.parse::<u16>().is_ok_and(|number| number.to_string() == port);
    let fine = match words.as_slice() {
        ["PROXY", "UNKNOWN", ..] => true,
        ["PROXY", _, _, _, source, destination] => port(source) && port(destination),
        _ => false,
    };
    if fine { Ok(()) } else { Err(ProxyHeaderError::Malformed) }
}

/// What the parser leaves to its caller in version 2: the other families, the extensions, and their checksum.
fn strict_v2(raw: &[u8], header: &ProxyHeader<'_>) -> Result<(), ProxyHeaderError> {
    let local = raw.get(12) == Some(&0x20);
    // An unspecified family with the command PROXY means: use the connection's own addresses.
    if !local && !matches!(raw.get(13), Some(0x00 | 0x11 | 0x21)) {
        return Err(ProxyHeaderError::NotTcp);
    }
    if header.tlvs().any(|tlv| tlv.is_err()) {
        return Err(ProxyHeaderError::Malformed);
    }
    match header.crc32c() {
        Some(given) if given != checksum(raw, header).ok_or(ProxyHeaderError::Malformed)? => {
            Err(ProxyHeaderError::Malformed)
        }
        _ => Ok(()),
    }
}

/// CRC-32C (RFC 9260 appendix A) of the header with the checksum's own four bytes taken as zero.
fn checksum(raw: &[u8], header: &ProxyHeader<'_>) -> Option<u32> {
    let addresses: usize = match raw.get(13)? {
        0x11 | 0x12 => 12,
        0x21 | 0x22 => 36,
        0x31 | 0x32 => 216,
        _ => 0,
    };
    let mut at = 16 + addresses;
    for tlv in header.tlvs() {
        if matches!(tlv, Ok(proxy_header::Tlv::Crc32c(_))) {
            break;
        }
        let length = raw.get(at + 1..at + 3)?;
        at += 3 + usize::from(u16::from_be_bytes(length.try_into().ok()?));
    }
    let zeroed = at + 3..at + 7;
    let mut crc = u32::MAX;
    for (index, byte) in raw.iter().enumerate() {
        crc ^= u32::from(if zeroed.contains(&index) { 0 } else { *byte });
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    Some(!crc)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[command, family], &length, rest].concat()
    }

    const ADDRESSES: [u8; 12] = [192, 0, 2, 7, 192, 0, 2, 1, 0x1f, 0x90, 1, 187];

    fn source(bytes: &[u8]) -> Option<String> {
        parse(bytes).unwrap().unwrap().0.map(|proxied| proxied.source.to_string())
    }

    #[test]
    fn both_versions_give_the_source() {
        assert_eq!(source(b"PROXY TCP4 192.0.2.7 192.0.2.1 8080 443\r\nrest").unwrap(), "192.0.2.7:8080");
        assert_eq!(source(b"PROXY TCP6 2001:db8::7 2001:db8::1 8080 443\r\n").unwrap(), "[2001:db8::7]:8080");
        assert_eq!(source(b"PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 8080 443\r\n").unwrap(), "192.0.2.7:8080");
        assert_eq!(source(&v2(0x21, 0x11, &ADDRESSES)).unwrap(), "192.0.2.7:8080");
    }

    #[test]
    fn a_load_balancer_that_speaks_for_itself_gives_no_source() {
        for bytes in [b"PROXY UNKNOWN\r\n".to_vec(), v2(0x20, 0x00, &[]), v2(0x20, 0x11, &ADDRESSES), v2(0x21, 0, &[])]
        {
            assert_eq!(source(&bytes), None);
        }
    }

    #[test]
    fn loose_spellings_are_refused() {
        for line in [
            "PROXY_TCP4 192.0.2.7 192.0.2.1 8080 443\r\n",
            "PROXY UNKNOWNING 1\r\n",
            "PROXY TCP4 192.0.2.7 192.0.2.1 +80 443\r\n",
            "PROXY TCP4 192.0.2.7 192.0.2.1 080 443\r\n",
            "PROXY TCP4 192.0.2.07 192.0.2.1 80 443\r\n",
            "PROXY TCP4 2001:db8::7 192.0.2.1 80 443\r\n",
            "PROXY TCP4  192.0.2.7 192.0.2.1 80 443\r\n",
            "PROXY TCP4 192.0.2.7 192.0.2.1 80 443\n\n",
            "PROXY UDP4 192.0.2.7 192.0.2.1 80 443\r\n",
            "proxy TCP4 192.0.2.7 192.0.2.1 80 443\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        ] {
            assert_eq!(parse(line.as_bytes()), Err(ProxyHeaderError::Malformed), "{line:?}");
        }
    }

    #[test]
    fn what_is_not_about_tcp_is_refused() {
        assert_eq!(parse(&v2(0x21, 0x12, &ADDRESSES)), Err(ProxyHeaderError::NotTcp));
        assert_eq!(parse(&v2(0x21, 0x31, &[0; 216])), Err(ProxyHeaderError::NotTcp));
        assert_eq!(parse(&v2(0x22, 0x11, &ADDRESSES)), Err(ProxyHeaderError::Malformed));
        assert_eq!(parse(&v2(0x21, 0x11, &ADDRESSES[..8])), Err(ProxyHeaderError::Malformed));
    }

    #[test]
    fn a_checksum_that_is_given_must_hold() {
        let mut bytes = v2(0x21, 0x11, &[&ADDRESSES[..], &[4, 0, 1, 0, 3, 0, 4, 0, 0, 0, 0]].concat());
        let header = ProxyHeader::parse(&bytes, ParseConfig::default()).unwrap().0.into_owned();
        let crc = checksum(&bytes, &header).unwrap().to_be_bytes();
        let at = bytes.len() - 4;
        bytes[at..].copy_from_slice(&crc);
        assert_eq!(source(&bytes).unwrap(), "192.0.2.7:8080");
        bytes[at] ^= 1;
        assert_eq!(parse(&bytes), Err(ProxyHeaderError::Malformed));
    }

    #[test]
    fn garbage_is_refused_at_its_first_wrong_byte() {
        assert_eq!(parse(b"PRO"), Ok(None));
        assert_eq!(parse(b"PRX"), Err(ProxyHeaderError::Malformed));
        assert_eq!(parse(b"\r\n\r\nX"), Err(ProxyHeaderError::Malformed));
        assert_eq!(parse(b"\x16\x03\x01"), Err(ProxyHeaderError::Malformed));
    }
}
