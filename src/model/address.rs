//! The text of an IP address, written where bytes are written; knows no port and no name.

use std::io::Write;
use std::net::IpAddr;

/// Appends the address as [`std::fmt::Display`] has it, an IPv4 address without the formatting machinery: one is written into
/// every record and every forwarded head.
pub fn push_address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(four) => {
            out.reserve(15);
            for (at, octet) in four.octets().into_iter().enumerate() {
                if at > 0 {
                    out.push(b'.');
                }
                if octet >= 100 {
                    out.push(b'0' + octet / 100);
                }
                if octet >= 10 {
                    out.push(b'0' + octet / 10 % 10);
                }
                out.push(b'0' + octet % 10);
            }
        }
        IpAddr::V6(six) => {
            // Writing into a vector cannot fail.
            let _ = write!(out, "{six}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_as_it_displays() {
        for text in ["0.0.0.0", "9.10.99.100", "109.200.1.255", "127.0.0.1", "::1", "fe80::1:2", "::ffff:10.0.0.1"] {
            let address: IpAddr = text.parse().unwrap();
            let mut out = Vec::new();
            push_address(&mut out, address);
            assert_eq!(String::from_utf8(out).unwrap(), address.to_string());
        }
    }
}
