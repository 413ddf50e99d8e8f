//! The name under which the client reached the application; taken from the judged request, never from the answer.

use crate::endpoint::split_authority;

/// The origin that the client used: scheme, host, port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outside<'a> {
    /// Whether the client speaks TLS, to the gateway or to a trusted proxy before it.
    pub https: bool,
    /// Host and port as the client sent them; they were checked against the application's hosts.
    pub authority: &'a str,
}

impl<'a> Outside<'a> {
    /// The host without its port and brackets.
    pub(super) fn host(&self) -> &'a str {
        split_authority(self.authority).map_or(self.authority, |(host, _)| host)
    }

    /// The port, that of the scheme where none was sent.
    pub(super) fn port(&self) -> u16 {
        let port = split_authority(self.authority).and_then(|(_, port)| port);
        port.unwrap_or(if self.https { 443 } else { 80 })
    }

    pub(super) const fn scheme(&self) -> &'static str {
        if self.https { "https" } else { "http" }
    }
}
