//! The settings file as it is written; its doc comments are the descriptions in the JSON Schema. Judges nothing.

use crate::identity::client_addr::ForwardingHeader;
use crate::rules::Language;
use std::net::SocketAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::quantity::{Size, Span};
use crate::telemetry::LogFormat;

macro_rules! raw {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty = $default:expr,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
        pub struct $name { $($(#[$field_meta])* pub $field: $type,)* }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }
    };
}

raw! {
    /// `gateway.yaml`: where the gateway listens, with which certificates, where it keeps its data, and its limits.
    /// Only `tls: {certificates: …}` must be given. Relative paths start at the folder of this file.
    RawSettings {
        /// Name of this node in records and metrics. Default: the host name.
        node: Option<String> = None,
        /// Serving threads, each with sockets, connections and journal of its own; 0 is one for each core.
        workers: usize = 0,
        /// Threads for work off the serving path: reload, store, health checks, administration.
        background_threads: usize = 2,
        /// Addresses to listen on.
        listeners: RawListeners = RawListeners::default(),
        /// Certificates and the handshake.
        tls: RawTls = RawTls::default(),
        /// Networks of load balancers that put a PROXY protocol header (version 1 or 2) before each connection. From
        /// them the header is required, from anybody else it is refused.
        proxy_protocol: Vec<String> = Vec::new(),
        /// Reverse proxies before this one whose forwarding header is believed.
        trusted_proxies: RawTrustedProxies = RawTrustedProxies::default(),
        /// Folder of rules, roles, people and policy tests.
        routes: PathBuf = "routes".into(),
        /// Folder for what the gateway keeps: keys, the store, the journal, the hand-over socket.
        state: PathBuf = "state".into(),
        /// File of the embedded store. Default: `scopegate.db` in the state folder.
        store: Option<PathBuf> = None,
        /// The audit journal.
        journal: RawJournal = RawJournal::default(),
        /// Sessions of applications that were bound to people.
        session: RawSession = RawSession::default(),
        /// The signed cookie by which a browser is known again.
        device_cookie: RawDeviceCookie = RawDeviceCookie::default(),
        /// Everything that is refused for being too much or too slow.
        limits: RawLimits = RawLimits::default(),
        /// HTTP/2.
        http2: RawHttp2 = RawHttp2::default(),
        /// How long requests in flight may go on after the gateway was told to stop.
        drain: Span = Span::seconds(30),
        /// What lookups have found.
        lookups: RawLookups = RawLookups::default(),
        /// Messages of the gateway about itself (not the audit journal).
        log: RawLog = RawLog::default(),
        /// Whom refusal pages tell people to ask, for example `it-help@example.test, extension 4711`.
        contact: Option<String> = None,
        /// The language of refusal pages; by `Accept-Language` where it is not given.
        language: Option<Language> = None,
    }
}

raw! {
    /// Addresses to listen on, as `address:port`.
    RawListeners {
        /// HTTPS, the service itself (HTTP/1.1 and HTTP/2).
        https: Vec<SocketAddr> = vec![SocketAddr::from(([0, 0, 0, 0], 443))],
        /// Plain HTTP that answers nothing but a redirect to HTTPS.
        redirect: Vec<SocketAddr> = Vec::new(),
        /// Metrics, health and readiness. Keep it inside: it answers without asking who asks. An empty list closes it.
        admin: Vec<SocketAddr> = vec![SocketAddr::from(([127, 0, 0, 1], 9464))],
        /// The port of HTTPS as clients see it, for redirects. Default: the port of the first HTTPS address.
        public_port: Option<u16> = None,
        /// Connections that the kernel may hold for each socket before they are accepted.
        backlog: u32 = 4096,
    }
}

raw! {
    /// Certificates and the handshake. TLS 1.2 and 1.3 are spoken, nothing older.
    RawTls {
        /// Certificates with their keys; which one serves is chosen by the name that the client asks for.
        certificates: Vec<RawCertificate> = Vec::new(),
        /// A name of the certificate that is used when the client asks for none. Default: the first certificate.
        default: Option<String> = None,
        /// What happens when the client asks for a name that no certificate has.
        unknown_name: UnknownName = UnknownName::Default,
        /// The oldest version that is spoken.
        minimum_version: MinimumVersion = MinimumVersion::Tls12,
        /// Whether clients are asked for a certificate.
        client_certificates: ClientCertificateMode = ClientCertificateMode::Off,
        /// PEM file of the authorities that client certificates must come from.
        client_ca: Option<PathBuf> = None,
        /// PEM or DER file of revoked client certificates (CRL).
        client_crl: Option<PathBuf> = None,
        /// Resumption of sessions.
        tickets: RawTickets = RawTickets::default(),
        /// How often files are looked at even when the system reported no change.
        watch_interval: Span = Span::seconds(30),
        /// `Strict-Transport-Security` in every answer: browsers come by HTTPS only from then on. An application's own such
        /// field is replaced. Off unless given, since browsers cannot be told otherwise before its time is over.
        strict_transport: Option<RawStrictTransport> = None,
    }
}

raw! {
    /// What `Strict-Transport-Security` says (RFC 6797).
    RawStrictTransport {
        /// How long browsers remember it.
        max_age: Span = Span::seconds(365 * 86_400),
        /// Whether it holds for every host below, too.
        subdomains: bool = false,
        /// Whether the host may be put on the lists that browsers ship.
        preload: bool = false,
    }
}

/// One certificate chain with its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawCertificate {
    /// PEM file: the certificate, then those that lead to its authority.
    pub certificate: PathBuf,
    /// PEM file of the private key.
    pub key: PathBuf,
}

raw! {
    /// Resumption of TLS sessions.
    RawTickets {
        /// Whether tickets are given out.
        enabled: bool = true,
        /// How long a ticket key is used for new tickets, from `1m` to `6h`; it is accepted for as long again.
        rotate: Span = Span::seconds(6 * 3600),
        /// Sessions of TLS 1.2 clients without tickets that are remembered.
        sessions: usize = 4096,
    }
}

/// What is done when the client asks for a name that no certificate has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownName {
    /// The default certificate is shown.
    #[default]
    Default,
    /// The handshake is refused.
    Refuse,
}

/// The oldest version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MinimumVersion {
    /// TLS 1.2 (RFC 5246).
    #[default]
    #[serde(rename = "tls1.2")]
    Tls12,
    /// TLS 1.3 (RFC 8446).
    #[serde(rename = "tls1.3")]
    Tls13,
}

/// Whether clients are asked for a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClientCertificateMode {
    /// Never.
    #[default]
    Off,
    /// Asked for; a client without one is served, one whose certificate does not verify is refused.
    Optional,
    /// Asked for; a client without one is refused.
    Required,
}

raw! {
    /// Reverse proxies whose forwarding header is believed.
    RawTrustedProxies {
        /// Their networks, for example `10.1.0.0/16`. Nobody is trusted unless listed.
        networks: Vec<String> = Vec::new(),
        /// The header that they set.
        header: ForwardingHeader = ForwardingHeader::XForwardedFor,
    }
}

raw! {
    /// The audit journal: append-only segments, one chain for each worker.
    RawJournal {
        /// Folder of the segments. Default: `journal` in the state folder.
        directory: Option<PathBuf> = None,
        /// Size at which a segment is closed and the next one begun.
        segment: Size = Size::mib(256),
        /// Space that is held back: when the disk is full, ordinary requests go on until it is used up, strict ones are
        /// refused at once.
        reserve: Size = Size::mib(64),
        /// What an ordinary request waits for before it is forwarded; strict routes always wait for the disk.
        durability: Durability = Durability::Written,
        /// How often what was written is brought to the disk, when no strict request asks for it sooner and no 2 MiB wait
        /// for it.
        sync_interval: Span = Span::seconds(1),
        /// How often a signed checkpoint binds the heads of all chains.
        checkpoint_interval: Span = Span::seconds(60),
    }
}

/// What a request waits for before it is forwarded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    /// The record has been handed to the operating system: it survives the death of the gateway.
    #[default]
    Written,
    /// The record is on the disk: it survives loss of power.
    Synced,
}

raw! {
    /// Sessions of applications that were bound to people.
    RawSession {
        /// A binding ends when it was not used for so long, unless its application's rules say otherwise.
        idle: Span = Span::seconds(30 * 60),
        /// A binding ends so long after the sign-in, unless its application's rules say otherwise.
        lifetime: Span = Span::seconds(12 * 3600),
        /// Bindings kept in memory, all applications together; beyond it those that were unused for longest end.
        capacity: usize = 200_000,
    }
}

raw! {
    /// What lookups have found about the objects of applications.
    RawLookups {
        /// Values kept in memory, all applications together; beyond it the oldest go.
        values: usize = 100_000,
    }
}

raw! {
    /// The signed cookie by which a browser is known again.
    RawDeviceCookie {
        /// Whether it is set.
        enabled: bool = true,
        /// Its name, which begins with `__Host-scopegate`: browsers then keep it to this host and to HTTPS, and it never
        /// reaches an application.
        name: String = "__Host-scopegate-device".to_owned(),
        /// How long a browser keeps it.
        lifetime: Span = Span::seconds(400 * 86_400),
        /// Whether it is sent along from other sites.
        same_site: SameSite = SameSite::Lax,
    }
}

/// The `SameSite` attribute of a cookie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SameSite {
    /// Sent along when a person follows a link here.
    #[default]
    Lax,
    /// Sent only from our own pages.
    Strict,
    /// Always sent.
    None,
}

raw! {
    /// Everything that is refused for being too much or too slow.
    RawLimits {
        /// Bytes of a request's head, request line and all fields together.
        head: Size = Size::kib(32),
        /// Fields of a request's head.
        fields: usize = 100,
        /// Bytes of the request target.
        target: Size = Size::kib(8),
        /// Parameters of a request, query, form and cookies together.
        parameters: usize = 1000,
        /// Bytes of a body that a rule reads, unless the rule says otherwise. Bodies that no rule reads are bounded by their
        /// rules alone.
        body: Size = Size::mib(1),
        /// Depth to which a body that a rule reads may be nested.
        depth: usize = 32,
        /// Parts of a multipart body that a rule reads.
        parts: usize = 100,
        /// Bytes of a refused request's body that are read and dropped before the connection is closed.
        discard: Size = Size::kib(64),
        /// Bytes a second that a body must make on average over the time spent waiting for it, in either direction; less
        /// is refused as too slow. `0B` for no such bound.
        rate: Size = Size(240),
        /// Time for the PROXY protocol header.
        proxy_header_time: Span = Span::seconds(5),
        /// Time for the TLS handshake.
        handshake_time: Span = Span::seconds(10),
        /// Time until the first byte of the first request on a connection.
        first_byte_time: Span = Span::seconds(15),
        /// Time from the first byte of a head to its end.
        head_time: Span = Span::seconds(10),
        /// Time in which at least some bytes of a request's body must arrive.
        body_time: Span = Span::seconds(30),
        /// Time in which the client must take at least some bytes of an answer.
        answer_time: Span = Span::seconds(60),
        /// Time that a connection may stand idle between requests.
        idle_time: Span = Span::seconds(75),
        /// Time to connect to an application, unless its rules say otherwise.
        upstream_connect_time: Span = Span::seconds(5),
        /// Time until an application begins its answer, unless its rules say otherwise.
        upstream_answer_time: Span = Span::seconds(60),
        /// Time in which at least some bytes of an application's answer must arrive, unless its rules say otherwise.
        upstream_idle_time: Span = Span::seconds(60),
        /// Bytes of an application's answer head.
        upstream_head: Size = Size::kib(60),
        /// Open connections, all clients together.
        connections: usize = 20_000,
        /// Open connections of one client address (of one /64 for IPv6).
        connections_per_client: usize = 512,
        /// Requests being served at one time.
        requests: usize = 10_000,
        /// Requests on one connection before it is closed.
        requests_per_connection: usize = 100_000,
        /// Bytes of one WebSocket message, in either direction, as it is sent (compressed, where it is).
        websocket_message: Size = Size::mib(1),
        /// Time that a WebSocket or other tunnel may stand idle.
        websocket_idle_time: Span = Span::seconds(300),
    }
}

raw! {
    /// HTTP/2.
    RawHttp2 {
        /// Streams that a client may have open on one connection.
        streams: u32 = 100,
        /// Bytes of a request's body that are taken before they are asked for, for each stream.
        stream_window: Size = Size::kib(256),
        /// The same for all streams of a connection together.
        connection_window: Size = Size::mib(1),
        /// Bytes of answers that are buffered for each stream.
        send_buffer: Size = Size::kib(64),
        /// Streams that a client may reset after their request was dispatched; more end the connection.
        resets: u32 = 100,
        /// Streams reset before they were dispatched, and streams that we reset for a fault of the client.
        pending_resets: usize = 20,
        /// Frames that ask for nothing (pings, settings, priorities, window updates, empty data, continuations) that a client
        /// may send at once. A tenth of them is forgiven each second, and every request and answer allows some more; what is
        /// beyond ends the connection.
        control_frames: u32 = 1000,
        /// An idle connection is pinged this often.
        ping_interval: Span = Span::seconds(30),
        /// Time for the answer to a ping.
        ping_time: Span = Span::seconds(15),
    }
}

raw! {
    /// Messages of the gateway about itself.
    RawLog {
        /// How messages are written.
        format: LogFormat = LogFormat::Auto,
        /// What is worth a message: `error`, `warn`, `info`, `debug`, `trace`, or filters such as `info,scopegate::server=debug`.
        level: String = "info".to_owned(),
    }
}
