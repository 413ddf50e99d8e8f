//! Lower-case hexadecimal digits, eight at a time; reads none.

/// The eight digits of a number.
///
/// The nibbles are spread over the bytes of a word and turned into digits there: what is above nine skips from `9` to `a`.
#[must_use]
pub const fn hex_digits(number: u32) -> [u8; 8] {
    let mut word = number as u64;
    word = ((word & 0xffff_0000) << 16) | (word & 0xffff);
    word = ((word << 8) & 0x00ff_0000_00ff_0000) | (word & 0x0000_00ff_0000_00ff);
    word = ((word << 4) & 0x0f00_0f00_0f00_0f00) | (word & 0x000f_000f_000f_000f);
    let letters = ((word + 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101;
    (word + 0x3030_3030_3030_3030 + letters * 39).to_be_bytes()
}

/// Appends the digits of `bytes`.
pub fn push_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    let (words, rest) = bytes.as_chunks::<4>();
    for word in words {
        out.extend_from_slice(&hex_digits(u32::from_be_bytes(*word)));
    }
    for &byte in rest {
        let [.., high, low] = hex_digits(byte.into());
        out.extend_from_slice(&[high, low]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_the_formatter() {
        for number in [0, 9, 10, 0x0123_4567, 0x89ab_cdef, 0xf0e1_d2c3, u32::MAX] {
            assert_eq!(std::str::from_utf8(&hex_digits(number)).unwrap(), format!("{number:08x}"));
        }
        let bytes: Vec<u8> = (0..=255).collect();
        for length in 0..bytes.len() {
            let mut out = Vec::new();
            push_hex(&mut out, &bytes[..length]);
            let told: String = bytes[..length].iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(String::from_utf8(out).unwrap(), told);
        }
    }
}
