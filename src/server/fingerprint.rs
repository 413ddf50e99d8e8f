//! The fingerprint of a TLS client from the bytes of its hello (JA4); trusts nothing in them and decides nothing.
//!
//! rustls does not expose the list of extensions, so the hello is read off the socket as it passes. A fingerprint is a
//! hint about the program, never proof: any client can send another program's hello.

use std::fmt::Write as _;

use aws_lc_rs::digest;
use compact_str::CompactString;
use smallvec::SmallVec;

/// The most that is kept of a hello that arrives in pieces; longer ones get no fingerprint.
const MOST: usize = 16 * 1024;

/// What the bytes seen so far amount to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// A whole hello, with its fingerprint.
    Hello(CompactString),
    /// The beginning of a hello.
    Partial,
    /// The beginning of a PROXY protocol header, where none belongs.
    ProxyHeader,
    /// Something else.
    Other,
}

/// Looks at the first bytes of a connection as they are read.
#[derive(Debug, Default)]
pub(super) struct Tap {
    kept: Vec<u8>,
}

impl Tap {
    /// Takes the next bytes. Mostly the first read holds the whole hello, and nothing is copied.
    pub(super) fn see(&mut self, bytes: &[u8]) -> Seen {
        if self.kept.is_empty() {
            let seen = look(bytes);
            if seen == Seen::Partial {
                self.kept.extend_from_slice(bytes);
            }
            return seen;
        }
        if self.kept.len() + bytes.len() > MOST {
            return Seen::Other;
        }
        self.kept.extend_from_slice(bytes);
        look(&self.kept)
    }
}

fn look(bytes: &[u8]) -> Seen {
    match bytes.first() {
        None => Seen::Partial,
        Some(22) => read(bytes),
        Some(b'P') if b"PROXY ".starts_with(bytes.get(..6).unwrap_or(bytes)) => Seen::ProxyHeader,
        Some(b'\r') if super::proxy_protocol::SIGNATURE.starts_with(bytes.get(..12).unwrap_or(bytes)) => {
            Seen::ProxyHeader
        }
        Some(_) => Seen::Other,
    }
}

/// Puts the handshake message together from its records (RFC 8446 section 5.1), mostly one.
fn read(bytes: &[u8]) -> Seen {
    let Some(first) = Reader(bytes).record() else { return Seen::Partial };
    if let Some(seen) = message(first) {
        return seen;
    }
    let mut whole = Vec::with_capacity(bytes.len());
    let mut reader = Reader(bytes);
    while let Some(fragment) = reader.record() {
        whole.extend_from_slice(fragment);
        if let Some(seen) = message(&whole) {
            return seen;
        }
    }
    Seen::Partial
}

fn message(bytes: &[u8]) -> Option<Seen> {
    let mut reader = Reader(bytes);
    if reader.u8()? != 1 {
        return Some(Seen::Other);
    }
    let length = usize::from(reader.u8()?) << 16 | usize::from(reader.u16()?);
    let body = reader.take(length)?;
    Some(ja4(body).map_or(Seen::Other, Seen::Hello))
}

/// RFC 8701: values that clients send to keep servers tolerant; they change with each connection.
fn grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

type Numbers = SmallVec<[u16; 32]>;

/// The JA4 fingerprint of the body of a `ClientHello` (RFC 8446 section 4.1.2).
fn ja4(hello: &[u8]) -> Option<CompactString> {
    let mut reader = Reader(hello);
    let mut version = reader.u16()?;
    reader.take(32)?;
    reader.short()?;
    let mut ciphers = numbers(reader.long()?);
    reader.short()?;
    let mut list = Reader(if reader.0.is_empty() { &[] } else { reader.long()? });

    let mut extensions = Numbers::new();
    let mut signatures = Numbers::new();
    let (mut named, mut protocol, mut count) = (false, &[] as &[u8], 0);
    while !list.0.is_empty() {
        let kind = list.u16()?;
        let mut data = Reader(list.long()?);
        if grease(kind) {
            continue;
        }
        count += 1;
        match kind {
            0 => named = true,
            16 => protocol = Reader(data.long()?).short()?,
            _ => extensions.push(kind),
        }
        match kind {
            13 => signatures = numbers(data.long()?),
            43 => version = numbers(data.short()?).into_iter().max()?,
            _ => {}
        }
    }
    let version = match version {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        _ => "00",
    };
    ciphers.sort_unstable();
    extensions.sort_unstable();

    let mut text = CompactString::default();
    let sni = if named { 'd' } else { 'i' };
    write!(text, "t{version}{sni}{:02}{:02}", ciphers.len().min(99), count.min(99)).ok()?;
    alpn(&mut text, protocol)?;
    write!(text, "_{}_", hash(&ciphers, &[])?).ok()?;
    write!(text, "{}", hash(&extensions, &signatures)?).ok()?;
    Some(text)
}

fn numbers(bytes: &[u8]) -> Numbers {
    let mut reader = Reader(bytes);
    std::iter::from_fn(|| reader.u16()).filter(|value| !grease(*value)).collect()
}

fn alpn(text: &mut CompactString, protocol: &[u8]) -> Option<()> {
    let (Some(first), Some(last)) = (protocol.first(), protocol.last()) else {
        text.push_str("00");
        return Some(());
    };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        text.push(char::from(*first));
        text.push(char::from(*last));
    } else {
        write!(text, "{:x}{:x}", first >> 4, last & 15).ok()?;
    }
    Some(())
}

/// The first twelve digits of SHA-256 over the values in hexadecimal, twelve zeros where there are none.
fn hash(sorted: &[u16], in_order: &[u16]) -> Option<CompactString> {
    if sorted.is_empty() && in_order.is_empty() {
        return Some("000000000000".into());
    }
    let mut text = SmallVec::<[u8; 512]>::new();
    push(&mut text, sorted);
    if !in_order.is_empty() {
        text.push(b'_');
        push(&mut text, in_order);
    }
    let mut digits = CompactString::default();
    for byte in digest::digest(&digest::SHA256, &text).as_ref().get(..6)? {
        write!(digits, "{byte:02x}").ok()?;
    }
    Some(digits)
}

fn push(text: &mut SmallVec<[u8; 512]>, values: &[u16]) {
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            text.push(b',');
        }
        let digits = [12, 8, 4, 0].into_iter().filter_map(|shift| char::from_digit(u32::from(value >> shift & 15), 16));
        text.extend(digits.map(|digit| digit as u8));
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    /// A vector with a length of one byte.
    fn short(&mut self) -> Option<&'a [u8]> {
        let length = self.u8()?;
        self.take(length.into())
    }

    /// A vector with a length of two bytes.
    fn long(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.take(length.into())
    }

    /// The fragment of a handshake record.
    fn record(&mut self) -> Option<&'a [u8]> {
        if self.u8()? != 22 {
            return None;
        }
        self.u16()?;
        self.long()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(width: usize, body: &[u8]) -> Vec<u8> {
        let length = body.len().to_be_bytes();
        [&length[8 - width..], body].concat()
    }

    fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
        [kind.to_be_bytes().to_vec(), vector(2, body)].concat()
    }

    fn list(values: &[u16]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_be_bytes()).collect()
    }

    /// The hello of the example in the description of JA4, whose fingerprint is published there.
    fn published() -> Vec<u8> {
        let ciphers = [
            0x0a0a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
            0x009d, 0x002f, 0x0035,
        ];
        let signatures = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601];
        let mut extensions =
            vec![extension(0x1a1a, &[]), extension(0, b"name"), extension(16, &vector(2, &vector(1, b"h2")))];
        for kind in [0x001b, 0x0033, 0x4469, 0x0017, 0x002d, 0x0005, 0x0023, 0x0012, 0xff01, 0x000b, 0x000a, 0x0015] {
            extensions.push(extension(kind, &[]));
        }
        extensions.push(extension(13, &vector(2, &list(&signatures))));
        extensions.push(extension(43, &vector(1, &list(&[0x2a2a, 0x0304, 0x0303]))));
        let body = [
            vec![3, 3],
            vec![7; 32],
            vector(1, &[]),
            vector(2, &list(&ciphers)),
            vector(1, &[0]),
            vector(2, &extensions.concat()),
        ]
        .concat();
        [vec![1], vector(3, &body)].concat()
    }

    fn record(fragment: &[u8]) -> Vec<u8> {
        [vec![22, 3, 1], vector(2, fragment)].concat()
    }

    #[test]
    fn the_published_example_has_its_published_fingerprint() {
        let seen = Tap::default().see(&record(&published()));
        assert_eq!(seen, Seen::Hello("t13d1516h2_8daaf6152771_e5627efa2ab1".into()));
    }

    #[test]
    fn a_hello_in_many_pieces_and_records_has_the_same_fingerprint() {
        let hello = published();
        let bytes: Vec<u8> = hello.chunks(50).flat_map(record).collect();
        let mut tap = Tap::default();
        let (last, begin) = bytes.split_last().unwrap();
        for byte in begin {
            assert_eq!(tap.see(&[*byte]), Seen::Partial);
        }
        assert_eq!(tap.see(&[*last]), Seen::Hello("t13d1516h2_8daaf6152771_e5627efa2ab1".into()));
    }

    #[test]
    fn no_cut_or_altered_hello_breaks_the_reader() {
        let bytes = record(&published());
        for cut in 0..bytes.len() {
            assert!(matches!(look(&bytes[..cut]), Seen::Partial | Seen::Other), "{cut}");
            let mut altered = bytes.clone();
            altered[cut] ^= 0xff;
            look(&altered);
        }
    }

    #[test]
    fn a_proxy_header_where_none_belongs_is_told_apart() {
        assert_eq!(look(b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"), Seen::ProxyHeader);
        assert_eq!(look(b"\r\n\r\n\0\r\nQUIT\n\x21"), Seen::ProxyHeader);
        assert_eq!(look(b"GET / HTTP/1.1\r\n"), Seen::Other);
    }
}
