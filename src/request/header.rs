//! Names of header fields as servers fold them; never values.

/// One byte of a name as CGI-style servers see it: letters without case, `-`, `_`, `.` and `+` alike.
const fn fold(byte: u8) -> u8 {
    match byte {
        b'_' | b'.' | b'+' => b'-',
        _ => byte.to_ascii_lowercase(),
    }
}

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
        let length = if sent.len() <= LONGEST { sent.len() } else { 0 };
        for (slot, &byte) in bytes.iter_mut().zip(sent).take(length) {
            *slot = fold(byte);
        }
        Self { sent, bytes, length }
    }

    /// The folded bytes.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Whether the name is spelled with characters that only fold into `-`.
    pub(crate) fn has_alias(&self) -> bool {
        self.sent.iter().any(|byte| matches!(byte, b'_' | b'.' | b'+'))
    }
}
