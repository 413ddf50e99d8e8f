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
pub fn folds_to(sent: &str, name: &str) -> bool {
    sent.len() == name.len() && sent.bytes().zip(name.bytes()).all(|(a, b)| fold(a) == fold(b))
}
