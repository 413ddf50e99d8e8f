//! Names of header fields as servers fold them; never values.

use crate::model::every;

/// One byte of a name as CGI-style servers see it: letters without case, `-`, `_`, `.` and `+` alike.
const fn fold(byte: u8) -> u8 {
    match FOLDED.split_at_checked(byte as usize) {
        Some((_, [folded, ..])) => *folded,
        _ => byte,
    }
}

static FOLDED: [u8; 256] = {
    let mut table = [0; 256];
    let mut rest: &mut [u8] = &mut table;
    let mut byte = 0_u8;
    while let [slot, after @ ..] = rest {
        *slot = match byte {
            b'_' | b'.' | b'+' => b'-',
            _ => byte.to_ascii_lowercase(),
        };
        byte = byte.wrapping_add(1);
        rest = after;
    }
    table
};

/// Whether servers that fold names may take `sent` for `name`.
#[must_use]
pub fn folds_to(sent: impl AsRef<[u8]>, name: &str) -> bool {
    folds_alike(sent.as_ref(), name.as_bytes())
}

/// Whether servers that fold names may take one for the other.
pub(crate) fn folds_alike(sent: &[u8], name: &[u8]) -> bool {
    sent.len() == name.len() && sent.iter().zip(name).all(|(&a, &b)| fold(a) == fold(b))
}

/// Names longer than this are none that the gateway knows.
const LONGEST: usize = 48;

/// A folded name for comparing with known ones, without allocating.
pub(crate) struct FoldedName<'a> {
    sent: &'a [u8],
    bytes: [u8; LONGEST],
    length: usize,
}

impl<'a> FoldedName<'a> {
    /// Folds a name; one that is too long to be known folds to nothing.
    pub(crate) fn new(sent: &'a [u8]) -> Self {
        let mut bytes = [0; LONGEST];
        let Some(room) = bytes.get_mut(..sent.len()) else { return Self { sent, bytes, length: 0 } };
        room.iter_mut().zip(sent).for_each(|(slot, &byte)| *slot = fold(byte));
        Self { sent, bytes, length: sent.len() }
    }

    /// The folded bytes.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Whether the name is spelled with characters that only fold into `-`.
    pub(crate) fn has_alias(&self) -> bool {
        !every(self.sent, |byte| (byte != b'_') & (byte != b'.') & (byte != b'+'))
    }
}

/// Tells at once of most names that they fold to none of a set: by length, first and last byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct NameSieve([u64; 8]);

impl NameSieve {
    /// Lets these names through.
    pub(crate) const fn of(mut names: &[&[u8]]) -> Self {
        let mut sieve = Self([0; 8]);
        while let [name, more @ ..] = names {
            sieve.insert(name);
            names = more;
        }
        sieve
    }

    /// Lets another name through.
    pub(crate) const fn insert(&mut self, name: &[u8]) {
        let (word, bit) = Self::place(name);
        if let Some((_, [word, ..])) = self.0.split_at_mut_checked(word) {
            *word |= bit;
        }
    }

    /// Whether the name may fold to one of the set; where not, it certainly does not.
    pub(crate) const fn may_hold(&self, name: &[u8]) -> bool {
        let (word, bit) = Self::place(name);
        matches!(self.0.split_at_checked(word), Some((_, [word, ..])) if *word & bit != 0)
    }

    /// Where names that fold alike stand.
    const fn place(name: &[u8]) -> (usize, u64) {
        let (first, last) = match name {
            [first, .., last] => (fold(*first), fold(*last)),
            [one] => (fold(*one), 0),
            [] => (0, 0),
        };
        let at = (name.len() * 37) ^ (first as usize * 11) ^ (last as usize * 5);
        ((at >> 6) & 7, 1 << (at & 63))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whatever_folds_to_a_name_of_the_set_passes_the_sieve(
            names in prop::collection::vec("[aA_.+-]{0,4}|[a-zA-Z0-9_.+-]{1,60}", 1..6), sent in "[aA_.+-]{0,4}"
        ) {
            let names: Vec<&[u8]> = names.iter().map(|name| name.as_bytes()).collect();
            let sieve = NameSieve::of(&names);
            let spelled = |name: &&[u8]| {
                name.iter().map(|&byte| if fold(byte) == b'-' { b'.' } else { byte.to_ascii_uppercase() }).collect::<Vec<_>>()
            };
            prop_assert!(names.iter().all(|name| sieve.may_hold(name) && sieve.may_hold(&spelled(name))));
            let folds = names.iter().any(|name| folds_alike(sent.as_bytes(), name));
            prop_assert!(!folds || sieve.may_hold(sent.as_bytes()));
        }

        #[test]
        fn a_folded_name_has_every_byte_folded(sent in "[ -~]{0,60}") {
            let folded: Vec<u8> = sent.bytes().map(fold).collect();
            let name = FoldedName::new(sent.as_bytes());
            prop_assert_eq!(name.as_bytes(), if sent.len() <= LONGEST { &folded[..] } else { &[] });
            prop_assert_eq!(name.has_alias(), sent.contains(['_', '.', '+']));
        }
    }
}
