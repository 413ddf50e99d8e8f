//! A session bound to a subject, under the keyed hash of its cookie; never the cookie value.

use crate::model::{SubjectId, Timestamp};
use compact_str::CompactString;
use std::fmt;

/// The keyed hash (HMAC-SHA-256) of an application's name and session cookie. Tells nothing of the cookie.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey(pub [u8; 32]);

impl SessionKey {
    /// The session as records show it: the first 16 hex digits of the key.
    #[must_use]
    pub fn short(&self) -> CompactString {
        let mut text = CompactString::default();
        for byte in self.0.iter().take(8) {
            for nibble in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
            }
        }
        text
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())
    }
}

/// A session bound to the subject whom the application confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The subject.
    pub subject: SubjectId,
    /// The application, by name.
    pub app: CompactString,
    /// The device that signed in.
    pub device: Option<CompactString>,
    /// When the subject signed in.
    pub created: Timestamp,
    /// When something was last asked in this session, to within the coalescing interval.
    pub last_seen: Timestamp,
    /// When the binding ends in any case.
    pub expires: Timestamp,
    /// After how many microseconds without a request the binding ends.
    pub idle_micros: u64,
}

impl Binding {
    /// Whether the binding still holds at `now`.
    #[must_use]
    pub fn live(&self, now: Timestamp) -> bool {
        now < self.expires && now.micros_since(self.last_seen) < self.idle_micros
    }
}
