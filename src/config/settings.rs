//! The settings as the gateway uses them: immutable, checked, paths resolved; reads no file but through [`Settings::load`].

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use crate::identity::client_addr::ForwardingHeader;
use crate::rules::Language;

use super::error::SettingsError;
use super::raw::{Durability, MinimumVersion, RawSettings, SameSite, UnknownName};
use crate::diagnostics::Report;
use crate::telemetry::LogSettings;

/// Everything that `gateway.yaml` says, with defaults filled in. The meaning of each field is in [`RawSettings`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The settings file; empty when there is none.
    pub file: PathBuf,
    /// Name of this node in records and metrics.
    pub node: Arc<str>,
    /// Serving threads.
    pub workers: NonZeroUsize,
    /// Threads of the background runtime.
    pub background_threads: NonZeroUsize,
    /// Addresses to listen on.
    pub listeners: Listeners,
    /// Certificates and the handshake.
    pub tls: TlsSettings,
    /// Networks from which a PROXY protocol header is required.
    pub proxy_protocol: Vec<IpNet>,
    /// Whose forwarding header is believed.
    pub trusted_proxies: TrustedProxies,
    /// Folder of rules.
    pub routes: PathBuf,
    /// Folder for what the gateway keeps.
    pub state: PathBuf,
    /// File of the embedded store.
    pub store: PathBuf,
    /// The audit journal.
    pub journal: JournalSettings,
    /// Sessions of applications.
    pub session: SessionSettings,
    /// The device cookie.
    pub device_cookie: DeviceCookieSettings,
    /// What lookups have found.
    pub lookups: LookupSettings,
    /// Limits that refuse.
    pub limits: Limits,
    /// HTTP/2.
    pub http2: Http2Settings,
    /// Time that requests in flight have after a stop.
    pub drain: Duration,
    /// The gateway's own messages.
    pub log: LogSettings,
    /// Whom refusal pages tell people to ask.
    pub contact: Option<Arc<str>>,
    /// The language of refusal pages; `None` goes by `Accept-Language`.
    pub language: Option<Language>,
}

/// Addresses to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listeners {
    /// HTTPS.
    pub https: Vec<SocketAddr>,
    /// Plain HTTP that only redirects.
    pub redirect: Vec<SocketAddr>,
    /// Metrics, health, readiness.
    pub admin: Vec<SocketAddr>,
    /// Port of HTTPS as clients see it.
    pub public_port: u16,
    /// Length of the kernel's accept queue.
    pub backlog: u32,
}

/// Certificates and the handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// Certificates with their keys, in the order of the file.
    pub certificates: Vec<CertificateFiles>,
    /// A name of the default certificate; the first when absent.
    pub default: Option<String>,
    /// What is done about names that no certificate has.
    pub unknown_name: UnknownName,
    /// The oldest version spoken.
    pub minimum_version: MinimumVersion,
    /// Client certificates; `None` when they are off.
    pub client_certificates: Option<ClientCertificates>,
    /// Resumption.
    pub tickets: TicketSettings,
    /// Period of the poll that stands behind the file watch.
    pub watch_interval: Duration,
    /// The value of `Strict-Transport-Security`, where it is sent.
    pub strict_transport: Option<Arc<str>>,
}

/// One certificate chain with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// PEM file of the chain.
    pub certificate: PathBuf,
    /// PEM file of the key.
    pub key: PathBuf,
}

/// How client certificates are judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificates {
    /// Whether a client without one is refused.
    pub required: bool,
    /// PEM file of the authorities.
    pub authorities: PathBuf,
    /// PEM or DER file of revoked certificates.
    pub revoked: Option<PathBuf>,
}

/// Resumption of TLS sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketSettings {
    /// Whether tickets are given out.
    pub enabled: bool,
    /// Life of a ticket key.
    pub rotate: Duration,
    /// Remembered sessions of TLS 1.2.
    pub sessions: usize,
}

/// Whose forwarding header is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedProxies {
    /// Their networks.
    pub networks: Vec<IpNet>,
    /// The header that they set.
    pub header: ForwardingHeader,
}

/// The audit journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalSettings {
    /// Folder of the segments.
    pub directory: PathBuf,
    /// Bytes of a full segment.
    pub segment: u64,
    /// Bytes held back for a full disk.
    pub reserve: u64,
    /// What an ordinary request waits for.
    pub durability: Durability,
    /// Period of fdatasync, which comes sooner for strict requests and after 2 MiB.
    pub sync_interval: Duration,
    /// Period of signed checkpoints.
    pub checkpoint_interval: Duration,
}

/// Sessions of applications that were bound to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionSettings {
    /// End after disuse.
    pub idle: Duration,
    /// End after the sign-in.
    pub lifetime: Duration,
    /// Bindings in memory.
    pub capacity: usize,
}

/// The device cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceCookieSettings {
    /// Whether it is set.
    pub enabled: bool,
    /// Its name.
    pub name: Arc<str>,
    /// How long a browser keeps it.
    pub lifetime: Duration,
    /// Its `SameSite` attribute.
    pub same_site: SameSite,
}

/// Limits that refuse; sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A request's head.
    pub head: usize,
    /// Fields of a head.
    pub fields: usize,
    /// The request target.
    pub target: usize,
    /// Parameters of a request.
    pub parameters: usize,
    /// A body that a rule reads.
    pub body: usize,
    /// Depth of a judged body.
    pub depth: usize,
    /// Parts of a judged multipart body.
    pub parts: usize,
    /// What is read and dropped of a refused request's body.
    pub discard: usize,
    /// The average rate below which a body is too slow, in bytes a second.
    pub rate: u32,
    /// For the PROXY protocol header.
    pub proxy_header_time: Duration,
    /// For the TLS handshake.
    pub handshake_time: Duration,
    /// Until the first byte of the first request.
    pub first_byte_time: Duration,
    /// From the first byte of a head to its end.
    pub head_time: Duration,
    /// Between pieces of a request's body.
    pub body_time: Duration,
    /// Between pieces of an answer taken by the client.
    pub answer_time: Duration,
    /// Between requests.
    pub idle_time: Duration,
    /// To connect to an application.
    pub upstream_connect_time: Duration,
    /// Until an application begins its answer.
    pub upstream_answer_time: Duration,
    /// Between pieces of an application's answer.
    pub upstream_idle_time: Duration,
    /// An application's answer head.
    pub upstream_head: usize,
    /// Open connections, all together.
    pub connections: usize,
    /// Open connections of one client address.
    pub connections_per_client: usize,
    /// Requests being served.
    pub requests: usize,
    /// Requests on one connection.
    pub requests_per_connection: usize,
    /// One WebSocket message.
    pub websocket_message: usize,
    /// Idle tunnel.
    pub websocket_idle_time: Duration,
}

/// HTTP/2; sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Http2Settings {
    /// Open streams of a connection.
    pub streams: u32,
    /// Receive window of a stream.
    pub stream_window: u32,
    /// Receive window of a connection.
    pub connection_window: u32,
    /// Send buffer of a stream.
    pub send_buffer: usize,
    /// Resets after dispatch that end the connection.
    pub resets: u32,
    /// Resets before dispatch, and ours.
    pub pending_resets: usize,
    /// Frames that ask for nothing that are too many.
    pub control_frames: u64,
    /// Period of pings.
    pub ping_interval: Duration,
    /// Time for the answer to a ping.
    pub ping_time: Duration,
}

impl Settings {
    /// Reads and checks a settings file; relative paths in it start at its folder.
    ///
    /// # Errors
    /// When the file cannot be read, or with everything that is wrong in it.
    pub fn load(file: &Path) -> Result<Self, SettingsError> {
        let text =
            std::fs::read_to_string(file).map_err(|error| SettingsError::Read { file: file.to_owned(), error })?;
        Self::parse(&text, file)
    }

    /// Checks the text of a settings file that stands (or would stand) at `file`.
    ///
    /// # Errors
    /// Everything that is wrong in it, sorted by place.
    pub fn parse(text: &str, file: &Path) -> Result<Self, SettingsError> {
        super::compile::parse(text, file)
    }

    /// The path of the socket over which a new process asks this one for its listening sockets.
    #[must_use]
    pub fn hand_over_socket(&self) -> PathBuf {
        self.state.join("hand-over.sock")
    }
}

impl Default for Settings {
    /// Every default, without a certificate: for tests and for the demo, which fill in what they need.
    fn default() -> Self {
        super::compile::compile(&RawSettings::default(), Path::new(""), None, &mut Report::new())
    }
}

/// What lookups have found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookupSettings {
    /// Values kept in memory, all applications together.
    pub values: usize,
}
