//! From the settings file to [`Settings`]: every problem at once; opens none of the files that are named.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::error::SettingsError;
use super::raw::{ClientCertificateMode, RawHttp2, RawLimits, RawListeners, RawSettings, RawStrictTransport, RawTls};
use super::settings::{
    CertificateFiles, ClientCertificates, DeviceCookieSettings, Http2Settings, JournalSettings, Limits, Listeners,
    LookupSettings, SessionSettings, Settings, TicketSettings, TlsSettings, TrustedProxies,
};
use crate::diagnostics::yaml::Document;
use crate::diagnostics::{Mark, Report};
use crate::model::quantity::Size;
use crate::telemetry::LogSettings;
use crate::wire::limit::{MOST_FIELDS, MOST_HEAD_BYTES};

/// Reads and checks the text of a settings file.
pub(super) fn parse(text: &str, file: &Path) -> Result<Settings, SettingsError> {
    let mut report = Report::new();
    let Some(document) = Document::parse(&file.display().to_string(), text, &mut report) else {
        return Err(SettingsError::Invalid(report));
    };
    let Some(raw) = document.decode::<RawSettings>(&mut report) else { return Err(SettingsError::Invalid(report)) };
    let settings = compile(&raw, file, Some(&document), &mut report);
    report.sort();
    if report.has_errors() { Err(SettingsError::Invalid(report)) } else { Ok(settings) }
}

/// The settings as far as they can be had; what is wrong is reported at its place in the document.
pub(super) fn compile(raw: &RawSettings, file: &Path, document: Option<&Document>, report: &mut Report) -> Settings {
    let mut check = Check { folder: file.parent().unwrap_or(Path::new("")), document, report };
    let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let state = check.path(&raw.state);
    if document.is_some() && raw.tls.certificates.is_empty() {
        check.wrong("tls.certificates", "at least one certificate is needed".into());
    }
    Settings {
        file: file.to_owned(),
        node: raw.node.clone().unwrap_or_else(host_name).into(),
        workers: NonZeroUsize::new(raw.workers).unwrap_or(cores),
        background_threads: NonZeroUsize::new(raw.background_threads).unwrap_or(NonZeroUsize::MIN),
        listeners: check.listeners(&raw.listeners),
        tls: check.tls(&raw.tls),
        proxy_protocol: check.networks("proxy-protocol", &raw.proxy_protocol),
        trusted_proxies: TrustedProxies {
            networks: check.networks("trusted-proxies.networks", &raw.trusted_proxies.networks),
            header: raw.trusted_proxies.header,
        },
        routes: check.path(&raw.routes),
        store: raw.store.as_ref().map_or_else(|| state.join("scopegate.db"), |path| check.path(path)),
        journal: JournalSettings {
            directory: raw.journal.directory.as_ref().map_or_else(|| state.join("journal"), |path| check.path(path)),
            segment: check.at_least("journal.segment", raw.journal.segment.0, 1 << 16),
            reserve: raw.journal.reserve.0,
            durability: raw.journal.durability,
            sync_interval: check.time("journal.sync-interval", raw.journal.sync_interval.0),
            checkpoint_interval: check.time("journal.checkpoint-interval", raw.journal.checkpoint_interval.0),
        },
        state,
        session: SessionSettings {
            idle: check.time("session.idle", raw.session.idle.0),
            lifetime: check.time("session.lifetime", raw.session.lifetime.0),
            capacity: check.count("session.capacity", raw.session.capacity),
        },
        device_cookie: check.device_cookie(raw),
        lookups: LookupSettings { values: raw.lookups.values },
        limits: check.limits(&raw.limits),
        http2: check.http2(&raw.http2),
        drain: raw.drain.0,
        log: LogSettings { format: raw.log.format, level: raw.log.level.clone() },
        contact: raw.contact.as_deref().map(Into::into),
        language: raw.language,
    }
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

struct Check<'a> {
    folder: &'a Path,
    document: Option<&'a Document>,
    report: &'a mut Report,
}

impl Check<'_> {
    fn wrong(&mut self, setting: &str, message: String) {
        let file = self.document.map_or_else(|| "".into(), |document| Arc::clone(&document.file));
        let path = setting.split(['.', '[', ']']).filter(|part| !part.is_empty());
        let mark = self.document.map_or(Mark::default(), |document| document.root.mark_at(path));
        self.report.error(&file, mark, format!("`{setting}`: {message}"));
    }

    fn path(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }

    fn time(&mut self, setting: &str, time: Duration) -> Duration {
        if time.is_zero() {
            self.wrong(setting, "must be longer than nothing".into());
        }
        time
    }

    fn count(&mut self, setting: &str, count: usize) -> usize {
        if count == 0 {
            self.wrong(setting, "must be at least 1".into());
        }
        count
    }

    fn at_least(&mut self, setting: &str, size: u64, least: u64) -> u64 {
        if size < least {
            self.wrong(setting, format!("must be at least `{}`", Size(least)));
        }
        size
    }

    fn size(&mut self, setting: &str, size: Size, least: u64) -> usize {
        self.at_least(setting, size.0, least);
        size.to_usize()
    }

    fn networks(&mut self, setting: &str, texts: &[String]) -> Vec<IpNet> {
        let mut networks = Vec::with_capacity(texts.len());
        for (index, text) in texts.iter().enumerate() {
            let read = text.parse::<IpNet>().ok().or_else(|| text.parse::<std::net::IpAddr>().ok().map(IpNet::from));
            match read {
                Some(network) if network.trunc() == network => networks.push(network),
                Some(network) => self.wrong(
                    &format!("{setting}[{index}]"),
                    format!("`{text}` has bits set beyond its prefix; did you mean `{}`?", network.trunc()),
                ),
                None => self.wrong(
                    &format!("{setting}[{index}]"),
                    format!("`{text}` is no network; write for example `10.1.0.0/16`"),
                ),
            }
        }
        networks
    }

    fn listeners(&mut self, raw: &RawListeners) -> Listeners {
        if raw.https.is_empty() {
            self.wrong("listeners.https", "at least one address is needed".into());
        }
        let mut seen = std::collections::BTreeSet::new();
        for (name, addresses) in [("https", &raw.https), ("redirect", &raw.redirect), ("admin", &raw.admin)] {
            for (index, address) in addresses.iter().enumerate() {
                if address.port() != 0 && !seen.insert(*address) {
                    self.wrong(&format!("listeners.{name}[{index}]"), format!("`{address}` is listed twice"));
                }
            }
        }
        if raw.backlog == 0 || raw.backlog > i32::MAX.unsigned_abs() {
            self.wrong("listeners.backlog", format!("must lie between 1 and {}", i32::MAX));
        }
        Listeners {
            https: raw.https.clone(),
            redirect: raw.redirect.clone(),
            admin: raw.admin.clone(),
            public_port: raw.public_port.or_else(|| raw.https.first().map(|a| a.port())).unwrap_or(443),
            backlog: raw.backlog,
        }
    }

    fn tls(&mut self, raw: &RawTls) -> TlsSettings {
        let client_certificates = match (raw.client_certificates, &raw.client_ca) {
            (ClientCertificateMode::Off, None) => None,
            (ClientCertificateMode::Off, Some(_)) => {
                // A CA that nothing is checked against would look like protection and be none.
                self.wrong("tls.client-ca", "is given, but `client-certificates` is `off`".into());
                None
            }
            (_, None) => {
                self.wrong("tls.client-ca", "is needed where `client-certificates` is not `off`".into());
                None
            }
            (mode, Some(authorities)) => Some(ClientCertificates {
                required: mode == ClientCertificateMode::Required,
                authorities: self.path(authorities),
                revoked: raw.client_crl.as_deref().map(|path| self.path(path)),
            }),
        };
        TlsSettings {
            certificates: raw
                .certificates
                .iter()
                .map(|pair| CertificateFiles { certificate: self.path(&pair.certificate), key: self.path(&pair.key) })
                .collect(),
            default: raw.default.as_deref().map(str::to_ascii_lowercase),
            unknown_name: raw.unknown_name,
            minimum_version: raw.minimum_version,
            client_certificates,
            tickets: TicketSettings {
                enabled: raw.tickets.enabled,
                rotate: self.rotation(raw.tickets.rotate.0),
                sessions: raw.tickets.sessions,
            },
            watch_interval: self.time("tls.watch-interval", raw.watch_interval.0),
            strict_transport: raw.strict_transport.as_ref().map(strict_transport),
        }
    }

    /// RFC 8446 section 4.6.1 bounds a ticket's life to seven days; a key that leaks should betray far less.
    fn rotation(&mut self, rotate: Duration) -> Duration {
        if !(Duration::from_secs(60)..=Duration::from_secs(6 * 3600)).contains(&rotate) {
            self.wrong("tls.tickets.rotate", "must lie between `1m` and `6h`".into());
        }
        rotate
    }

    fn device_cookie(&mut self, raw: &RawSettings) -> DeviceCookieSettings {
        let cookie = &raw.device_cookie;
        // RFC 6265 section 4.1.1: a cookie name is a token.
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if cookie.name.is_empty() || !cookie.name.bytes().all(token) {
            self.wrong("device-cookie.name", format!("`{}` cannot be the name of a cookie", cookie.name));
        }
        if !cookie.name.starts_with("__Host-scopegate") {
            self.wrong(
                "device-cookie.name",
                format!("`{}` does not begin with `__Host-scopegate`: it would reach applications", cookie.name),
            );
        }
        DeviceCookieSettings {
            enabled: cookie.enabled,
            name: cookie.name.as_str().into(),
            lifetime: self.time("device-cookie.lifetime", cookie.lifetime.0),
            same_site: cookie.same_site,
        }
    }

    fn limits(&mut self, raw: &RawLimits) -> Limits {
        if raw.target.0 > raw.head.0 {
            self.wrong("limits.target", "is larger than `limits.head`, which holds it".into());
        }
        if raw.fields > MOST_FIELDS {
            self.wrong("limits.fields", format!("must be at most {MOST_FIELDS}"));
        }
        if raw.head.0 > 64 * 1024 {
            self.wrong("limits.head", "must be at most `64KiB`".into());
        }
        Limits {
            head: self.size("limits.head", raw.head, 1024).min(MOST_HEAD_BYTES),
            fields: self.count("limits.fields", raw.fields).min(MOST_FIELDS),
            target: self.size("limits.target", raw.target, 64),
            parameters: self.count("limits.parameters", raw.parameters),
            body: self.size("limits.body", raw.body, 1),
            depth: self.count("limits.depth", raw.depth),
            parts: self.count("limits.parts", raw.parts),
            discard: raw.discard.to_usize(),
            rate: u32::try_from(raw.rate.0).unwrap_or(u32::MAX),
            proxy_header_time: self.time("limits.proxy-header-time", raw.proxy_header_time.0),
            handshake_time: self.time("limits.handshake-time", raw.handshake_time.0),
            first_byte_time: self.time("limits.first-byte-time", raw.first_byte_time.0),
            head_time: self.time("limits.head-time", raw.head_time.0),
            body_time: self.time("limits.body-time", raw.body_time.0),
            answer_time: self.time("limits.answer-time", raw.answer_time.0),
            idle_time: self.time("limits.idle-time", raw.idle_time.0),
            upstream_connect_time: self.time("limits.upstream-connect-time", raw.upstream_connect_time.0),
            upstream_answer_time: self.time("limits.upstream-answer-time", raw.upstream_answer_time.0),
            upstream_idle_time: self.time("limits.upstream-idle-time", raw.upstream_idle_time.0),
            upstream_head: self.size("limits.upstream-head", raw.upstream_head, 1024),
            connections: self.count("limits.connections", raw.connections),
            connections_per_client: self.count("limits.connections-per-client", raw.connections_per_client),
            requests: self.count("limits.requests", raw.requests),
            requests_per_connection: self.count("limits.requests-per-connection", raw.requests_per_connection),
            websocket_message: self.size("limits.websocket-message", raw.websocket_message, 125),
            websocket_idle_time: self.time("limits.websocket-idle-time", raw.websocket_idle_time.0),
        }
    }

    fn http2(&mut self, raw: &RawHttp2) -> Http2Settings {
        if raw.streams == 0 {
            self.wrong("http2.streams", "must be at least 1".into());
        }
        if raw.control_frames < 16 {
            self.wrong("http2.control-frames", "must be at least 16".into());
        }
        Http2Settings {
            streams: raw.streams,
            stream_window: self.window("http2.stream-window", raw.stream_window),
            connection_window: self.window("http2.connection-window", raw.connection_window),
            send_buffer: self.size("http2.send-buffer", raw.send_buffer, 1024),
            resets: raw.resets,
            pending_resets: raw.pending_resets,
            control_frames: u64::from(raw.control_frames),
            ping_interval: self.time("http2.ping-interval", raw.ping_interval.0),
            ping_time: self.time("http2.ping-time", raw.ping_time.0),
        }
    }

    /// RFC 9113 section 6.9.1: a window holds at most 2^31-1 bytes; below the initial 65,535 it would only stall.
    fn window(&mut self, setting: &str, size: Size) -> u32 {
        let window = u32::try_from(size.0).unwrap_or(u32::MAX);
        if !(65_535..=i32::MAX.unsigned_abs()).contains(&window) {
            self.wrong(setting, "must lie between `64KiB` and 2 GiB".into());
        }
        window
    }
}

/// RFC 6797 section 6.1; an age of nothing makes browsers forget.
fn strict_transport(raw: &RawStrictTransport) -> Arc<str> {
    let mut value = format!("max-age={}", raw.max_age.0.as_secs());
    for (given, directive) in [(raw.subdomains, "; includeSubDomains"), (raw.preload, "; preload")] {
        if given {
            value.push_str(directive);
        }
    }
    value.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = "tls: {certificates: [{certificate: a.pem, key: a.key}]}";

    fn problems(text: &str) -> Vec<String> {
        match Settings::parse(text, Path::new("gateway.yaml")) {
            Err(error @ SettingsError::Invalid(_)) => error.to_string().lines().map(str::to_owned).collect(),
            other => panic!("accepted: {other:?}"),
        }
    }

    #[test]
    fn one_line_is_a_whole_settings_file() {
        let settings = Settings::parse(MINIMAL, Path::new("/etc/scopegate/gateway.yaml")).unwrap();
        assert_eq!(settings.tls.certificates[0].key, Path::new("/etc/scopegate/a.key"));
        assert_eq!(settings.journal.directory, Path::new("/etc/scopegate/state/journal"));
        assert_eq!(settings.limits, Settings::default().limits);
    }

    #[test]
    fn the_defaults_pass_their_own_checks() {
        let mut report = Report::new();
        compile(&RawSettings::default(), Path::new(""), None, &mut report);
        assert!(!report.has_errors(), "{report:?}");
    }

    #[test]
    fn strict_transport_is_off_unless_given_and_written_as_the_rfc_has_it() {
        let value = |more: &str| {
            let text = format!("tls: {{certificates: [{{certificate: a.pem, key: a.key}}]{more}}}");
            Settings::parse(&text, Path::new("gateway.yaml")).unwrap().tls.strict_transport
        };
        assert_eq!(value(""), None);
        assert_eq!(value(", strict-transport: {}").as_deref(), Some("max-age=31536000"));
        let all = value(", strict-transport: {max-age: 1h, subdomains: true, preload: true}");
        assert_eq!(all.as_deref(), Some("max-age=3600; includeSubDomains; preload"));
    }

    #[test]
    fn an_unknown_setting_is_named_with_its_place() {
        let found = problems("tls: {certificates: [{certificate: a.pem, key: a.key}]}\nlimits:\n  haed: 3KiB\n");
        assert_eq!(found.len(), 1);
        assert!(
            found[0].starts_with("gateway.yaml:3:3: error: unknown field `haed`; did you mean `head`?"),
            "{found:?}"
        );
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let found = problems(
            "proxy-protocol: [10.1.2.3/16, lan]\nlimits: {head-time: 0s, fields: 0}\nhttp2: {stream-window: 1KiB}\n",
        );
        for part in
            ["`tls.certificates`", "did you mean `10.1.0.0/16`", "`lan`", "head-time", "limits.fields", "stream-window"]
        {
            assert!(found.iter().any(|line| line.contains(part)), "{part} missing in {found:#?}");
        }
        assert!(found.iter().any(|line| line.starts_with("gateway.yaml:1:31: ") && line.contains("lan")), "{found:#?}");
    }

    #[test]
    fn an_authority_for_client_certificates_that_are_off_is_refused() {
        let found = problems("tls: {certificates: [{certificate: a, key: b}], client-ca: ca.pem}");
        assert!(found[0].contains("`off`"), "{found:?}");
    }

    #[test]
    fn the_schema_describes_every_setting() {
        fn walk(value: &serde_json::Value, path: &str, missing: &mut Vec<String>) {
            if let Some(properties) = value.get("properties").and_then(|p| p.as_object()) {
                for (name, property) in properties {
                    if property.get("description").is_none() {
                        missing.push(format!("{path}.{name}"));
                    }
                }
            }
            if let Some(object) = value.as_object() {
                object.iter().for_each(|(name, inner)| walk(inner, &format!("{path}.{name}"), missing));
            }
        }
        let schema = serde_json::to_value(schemars::schema_for!(RawSettings)).unwrap();
        let mut missing = Vec::new();
        walk(&schema, "", &mut missing);
        assert_eq!(missing, Vec::<String>::new());
    }
}
