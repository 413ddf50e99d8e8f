//! `gateway.yaml`: read into [`RawSettings`], checked and compiled into [`Settings`]; opens no socket and reads no rule.

mod compile;
mod error;
mod raw;
mod settings;
pub mod watch;
mod wire;

pub use error::SettingsError;
pub use raw::{
    ClientCertificateMode, Durability, MinimumVersion, RawCertificate, RawDeviceCookie, RawHttp2, RawJournal,
    RawLimits, RawListeners, RawLog, RawSession, RawSettings, RawStrictTransport, RawTickets, RawTls,
    RawTrustedProxies, SameSite, UnknownName,
};
pub use settings::{
    CertificateFiles, ClientCertificates, DeviceCookieSettings, Http2Settings, JournalSettings, Limits, Listeners,
    LookupSettings, SessionSettings, Settings, TicketSettings, TlsSettings, TrustedProxies,
};
