//! What is known of the device that a request came from.

use compact_str::CompactString;

/// The kind of a device, from its user agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DeviceKind {
    /// A desktop or laptop computer.
    Desktop,
    /// A phone.
    Phone,
    /// A tablet.
    Tablet,
    /// A hand-held scanner or other special terminal.
    Terminal,
    /// A program: script, library, crawler.
    Program,
    /// Nothing could be told.
    #[default]
    Unknown,
}

impl DeviceKind {
    /// The name in records and conditions.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Desktop => "desktop",
            Self::Phone => "phone",
            Self::Tablet => "tablet",
            Self::Terminal => "terminal",
            Self::Program => "program",
            Self::Unknown => "unknown",
        }
    }
}

/// A device as the record shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// The stable identifier out of the signed device cookie; `None` where the client has sent none that verifies.
    pub id: Option<CompactString>,
    /// Whether `id` was known before this request (not issued by its answer).
    pub known: bool,
    /// Browser family and major version, for example `Chrome 141`.
    pub browser: CompactString,
    /// Operating system, for example `Windows 10`.
    pub system: CompactString,
    /// The kind.
    pub kind: DeviceKind,
    /// Fingerprint of the TLS client hello, where it can be had.
    pub tls: Option<CompactString>,
}
