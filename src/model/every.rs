//! Looks at all bytes of a short text together; for what nearly always holds of all of them.

/// Whether `holds` of every byte.
///
/// No byte ends the look early, so that the compiler looks at sixteen at a time; the last sixteen are looked at again where fewer are
/// left. `holds` should be made of comparisons, without branches or tables.
#[inline]
pub fn every(bytes: &[u8], holds: impl Fn(u8) -> bool) -> bool {
    let all = |block: &[u8; 16]| block.iter().fold(true, |all, &byte| all & holds(byte));
    match (bytes.as_chunks::<16>().0, bytes.last_chunk::<16>()) {
        (blocks, Some(last)) => blocks.iter().all(all) && all(last),
        (_, None) => bytes.iter().fold(true, |all, &byte| all & holds(byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn one_byte_anywhere_counts(length in 0_usize..70, at in 0_usize..70) {
            let mut bytes = vec![b'a'; length];
            prop_assert!(every(&bytes, |byte| byte == b'a'));
            if let Some(byte) = bytes.get_mut(at) {
                *byte = b'b';
                prop_assert!(!every(&bytes, |byte| byte == b'a'));
            }
        }
    }
}
