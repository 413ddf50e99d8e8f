//! The compiled `upstream:` block: every value checked, every default filled in; immutable, compared by content.

use super::raw::{RawBalance, RawEject, RawHealth, RawPool, RawRewrite, RawStatus, RawTls, RawUpstream};
use crate::model::quantity::Span;
use base64::Engine as _;
use compact_str::CompactString;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is wrong with an `upstream:` block, and where in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SpecError {
    /// The field within the block, for example `tls.pin`; the lists' elements are counted from zero: `urls.1`.
    pub field: String,
    /// What is wrong with it, in lower case, the user's words in backticks.
    pub message: String,
}

/// What tells two upstreams apart: a hash over the application's name and the whole content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UpstreamId(pub u64);

/// An upstream, ready to be dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamSpec {
    /// Pools and health are kept under it, so that they survive a reload that changes nothing here.
    pub id: UpstreamId,
    /// The application, as metrics and records name it.
    pub app: CompactString,
    /// Never empty.
    pub addresses: Vec<Address>,
    /// The `Host` that the application is sent.
    pub host: HostPolicy,
    /// Until a connection is made, TLS included. This and the other optional values come from the gateway's settings where the rules do not say.
    pub connect_timeout: Option<Duration>,
    /// From the end of the request to the end of the answer's head.
    pub answer_timeout: Option<Duration>,
    /// How long a connection may lie unused.
    pub idle_timeout: Duration,
    /// How long a body may stand still.
    pub body_timeout: Option<Duration>,
    /// How long a tunnel may stay silent.
    pub tunnel_timeout: Option<Duration>,
    /// The largest head of an answer, in bytes.
    pub answer_head: Option<usize>,
    /// Further attempts.
    pub retries: u8,
    /// Idle connections.
    pub pool: PoolSpec,
    /// Present exactly where the addresses are `https`.
    pub tls: Option<TlsSpec>,
    /// Active checks.
    pub health: Option<HealthSpec>,
    /// Passive ejection; `None` where it is switched off.
    pub eject: Option<EjectSpec>,
    /// The choice among addresses.
    pub balance: RawBalance,
    /// Changes to answers.
    pub rewrite: RewriteSpec,
}

/// One address of an application.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// Whether TLS is spoken.
    pub tls: bool,
    /// A name, an IPv4 address, or an IPv6 address without brackets; lower case.
    pub host: CompactString,
    /// The port.
    pub port: u16,
}

impl Address {
    /// Reads `http://host[:port]` or `https://host[:port]`; a single `/` may follow.
    ///
    /// # Errors
    /// Where the text is anything else; the message names what is in the way.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (tls, rest) = match text.split_once("://") {
            Some(("http", rest)) => (false, rest),
            Some(("https", rest)) => (true, rest),
            _ => return Err(format!("`{text}` is not an address: write `http://host:port` or `https://host:port`")),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if let Some(stray) = authority.chars().find(|c| matches!(c, '/' | '?' | '#' | '@' | '\\') || c.is_whitespace())
        {
            return Err(format!("`{text}` contains `{stray}`: an address has a host and a port, and nothing else"));
        }
        let (host, port) = split_authority(authority).ok_or_else(|| format!("`{text}` has no valid host and port"))?;
        Ok(Self { tls, host: host.to_ascii_lowercase().into(), port: port.unwrap_or(if tls { 443 } else { 80 }) })
    }

    /// The whole address: `http://host:port`.
    #[must_use]
    pub fn text(&self) -> CompactString {
        let mut text = CompactString::const_new(if self.tls { "https://" } else { "http://" });
        let six = self.host.contains(':');
        text.push_str(if six { "[" } else { "" });
        text.push_str(&self.host);
        text.push_str(if six { "]:" } else { ":" });
        text.push_str(itoa::Buffer::new().format(self.port));
        text
    }

    /// The address as a `Host` field spells it: the port only where it is not the scheme's own.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = Bracketed(&self.host);
        if self.port == if self.tls { 443 } else { 80 } { format!("{host}") } else { format!("{host}:{}", self.port) }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

struct Bracketed<'a>(&'a str);

impl fmt::Display for Bracketed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(':') { write!(f, "[{}]", self.0) } else { f.write_str(self.0) }
    }
}

/// Host and port of `host`, `host:port`, `[v6]`, `[v6]:port`; `None` where it is none of these.
pub(crate) fn split_authority(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        host.parse::<std::net::Ipv6Addr>().ok()?;
        (host, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
    } else {
        match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        }
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if host.is_empty() || (!text.starts_with('[') && !host.chars().all(plain)) {
        return None;
    }
    match port {
        None => Some((host, None)),
        Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => {
            Some((host, Some(port.parse().ok().filter(|&p| p > 0)?)))
        }
        Some(_) => None,
    }
}

/// The `Host` that the application is sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPolicy {
    /// As the client sent it (it was checked against the application's hosts).
    Keep,
    /// Host and port of the address.
    Address,
    /// This one.
    Name(CompactString),
}

/// Idle connections of a core for an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PoolSpec {
    /// The most that are kept.
    pub idle_per_core: usize,
    /// How old a connection may become.
    pub lifetime: Duration,
}

/// What must be shown by the application instead of, or beside, a chain to an authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pin {
    /// SHA-256 of the certificate's SubjectPublicKeyInfo (RFC 7469 section 2.4).
    PublicKey([u8; 32]),
    /// SHA-256 of the whole certificate.
    Certificate([u8; 32]),
}

impl Pin {
    fn parse(text: &str) -> Option<Self> {
        if let Some(base64) = text.strip_prefix("sha256/") {
            let bytes = base64::engine::general_purpose::STANDARD.decode(base64).ok()?;
            return Some(Self::PublicKey(bytes.try_into().ok()?));
        }
        let hex: Vec<u8> = text.strip_prefix("cert-sha256:")?.bytes().filter(|&b| b != b':').collect();
        let digits = hex.iter().map(|&b| char::from(b).to_digit(16)).collect::<Option<Vec<_>>>()?;
        let bytes: Vec<u8> = digits
            .chunks_exact(2)
            .filter_map(|pair| u8::try_from(pair.iter().fold(0, |value, digit| value * 16 + digit)).ok())
            .collect();
        (digits.len() == 64).then_some(Self::Certificate(bytes.try_into().ok()?))
    }
}

/// TLS towards the application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TlsSpec {
    /// The authorities' file; without it (and without a pin) the public ones.
    pub ca: Option<PathBuf>,
    /// The name that is verified and sent as SNI; without it the host of the address.
    pub name: Option<CompactString>,
    /// One of these must match, if there are any.
    pub pins: Vec<Pin>,
    /// Certificate chain and key that the gateway shows.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// Statuses from the first to the second, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StatusRange(pub u16, pub u16);

/// Active checks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HealthSpec {
    /// Begins with `/`; printable ASCII.
    pub path: CompactString,
    /// From the end of a check to the next.
    pub interval: Duration,
    /// The statuses that mean well.
    pub expect: Vec<StatusRange>,
    /// For connection and answer together.
    pub timeout: Duration,
    /// Failures in a row that take an address out.
    pub fall: u32,
    /// Successes in a row that bring it back.
    pub rise: u32,
    /// The `Host` that is sent; that of the address where none is given.
    pub host: Option<CompactString>,
}

/// Passive ejection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EjectSpec {
    /// Failures in a row.
    pub failures: u32,
    /// Until one request tries the address again.
    pub lasting: Duration,
    /// The largest part of the addresses that may be left alone at once.
    pub max_percent: u8,
}

/// A name that the application calls itself by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Inside {
    /// Lower case, without brackets.
    pub host: CompactString,
    /// Any port where `None`.
    pub port: Option<u16>,
}

/// Changes to answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RewriteSpec {
    /// Whether absolute redirects to an inside name are made to lead outside.
    pub location: bool,
    /// The addresses, the name under `host`, and what the rule lists.
    pub inside: Vec<Inside>,
    /// From a cookie's `Domain` (lower case, without leading dot) to that outside; `None` removes it.
    pub cookie_domain: Vec<(CompactString, Option<CompactString>)>,
    /// From the beginning of a cookie's `Path` to that outside; the longest first.
    pub cookie_path: Vec<(CompactString, CompactString)>,
    /// Whether cookies get `Secure` where the outside is `https`.
    pub secure: bool,
}

/// Gathers errors while a block is compiled.
#[derive(Default)]
struct Findings(Vec<SpecError>);

impl Findings {
    fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(SpecError { field: field.into(), message: message.into() });
    }

    /// A duration that is not zero, if one is given.
    fn given(&mut self, field: &str, span: Option<Span>) -> Option<Duration> {
        span.map(|span| self.span(field, Some(span), 0))
    }

    /// A duration that is not zero; `otherwise` seconds where none is given.
    fn span(&mut self, field: &str, span: Option<Span>, otherwise: u64) -> Duration {
        let duration = span.map_or(Duration::from_secs(otherwise), Span::duration);
        if duration.is_zero() {
            self.add(field, format!("`{field}` must be longer than nothing"));
        }
        duration
    }
}

impl UpstreamSpec {
    /// Compiles the block of the application `app`; relative file names are taken from `folder`.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once. Files are not opened here.
    pub fn compile(raw: RawUpstream, app: &str, folder: &Path) -> Result<Self, Vec<SpecError>> {
        let mut findings = Findings::default();
        let addresses = addresses(&raw, &mut findings);
        let host = host(raw.host.as_deref(), &mut findings);
        let https = addresses.first().is_some_and(|address| address.tls);
        if raw.tls.is_some() && !addresses.is_empty() && !https {
            findings.add("tls", "`tls` has no meaning for `http` addresses");
        }
        let mut spec = Self {
            id: UpstreamId(0),
            app: app.into(),
            rewrite: rewrite(raw.rewrite.unwrap_or_default(), &addresses, &host, &mut findings),
            addresses,
            host,
            connect_timeout: findings.given("connect-timeout", raw.connect_timeout),
            answer_timeout: findings.given("answer-timeout", raw.answer_timeout),
            idle_timeout: findings.span("idle-timeout", raw.idle_timeout, 30),
            body_timeout: findings.given("body-timeout", raw.body_timeout),
            tunnel_timeout: findings.given("tunnel-timeout", raw.tunnel_timeout),
            answer_head: raw.answer_head.map(crate::model::quantity::Size::to_usize),
            retries: raw.retries.unwrap_or(1),
            pool: pool(raw.pool.unwrap_or_default(), &mut findings),
            tls: https.then(|| tls(raw.tls.unwrap_or_default(), folder, &mut findings)),
            health: raw.health.map(|raw| health(raw, &mut findings)),
            eject: eject(raw.eject.unwrap_or_default(), &mut findings),
            balance: raw.balance,
        };
        if spec.answer_head.is_some_and(|bytes| bytes < 1024) {
            findings.add("answer-head", "`answer-head` must be at least 1KiB");
        }
        if !findings.0.is_empty() {
            return Err(findings.0);
        }
        spec.id = spec.content_id();
        Ok(spec)
    }

    fn content_id(&self) -> UpstreamId {
        let mut hasher = DefaultHasher::new();
        (&self.app, &self.addresses, &self.host, self.connect_timeout, self.answer_timeout).hash(&mut hasher);
        (self.idle_timeout, self.body_timeout, self.tunnel_timeout, self.answer_head, self.retries).hash(&mut hasher);
        (self.pool, &self.tls, &self.health, self.eject, self.balance, &self.rewrite).hash(&mut hasher);
        UpstreamId(hasher.finish())
    }
}

fn addresses(raw: &RawUpstream, findings: &mut Findings) -> Vec<Address> {
    let listed: Vec<(String, &str)> = match (&raw.url, raw.urls.is_empty()) {
        (Some(url), true) => vec![("url".to_owned(), url.as_str())],
        (None, false) => raw.urls.iter().enumerate().map(|(i, url)| (format!("urls.{i}"), url.as_str())).collect(),
        (Some(_), false) => {
            findings.add("urls", "give either `url` or `urls`, not both");
            return Vec::new();
        }
        (None, true) => {
            findings.add("url", "`upstream` needs the address of the application: `url: http://host:port`");
            return Vec::new();
        }
    };
    let mut addresses: Vec<Address> = Vec::with_capacity(listed.len());
    for (field, text) in listed {
        match Address::parse(text) {
            Ok(address) if addresses.contains(&address) => findings.add(field, format!("`{text}` is listed twice")),
            Ok(address) if addresses.first().is_some_and(|first| first.tls != address.tls) => {
                findings.add(field, "the addresses of an application are all `http` or all `https`");
            }
            Ok(address) => addresses.push(address),
            Err(message) => findings.add(field, message),
        }
    }
    addresses
}

fn host(text: Option<&str>, findings: &mut Findings) -> HostPolicy {
    match text {
        None | Some("keep") => HostPolicy::Keep,
        Some("address") => HostPolicy::Address,
        Some(name) => {
            if split_authority(name).is_none() {
                findings.add("host", format!("`{name}` is neither `keep`, `address`, nor a host name"));
            }
            HostPolicy::Name(name.to_ascii_lowercase().into())
        }
    }
}

fn pool(raw: RawPool, findings: &mut Findings) -> PoolSpec {
    PoolSpec {
        idle_per_core: raw.idle_per_core.unwrap_or(64),
        lifetime: findings.span("pool.lifetime", raw.lifetime, 600),
    }
}

fn tls(raw: RawTls, folder: &Path, findings: &mut Findings) -> TlsSpec {
    if let Some(name) = raw.name.as_deref().filter(|name| rustls_pki_types::ServerName::try_from(*name).is_err()) {
        findings.add("tls.name", format!("`{name}` is not a name that a certificate can carry"));
    }
    let mut pins = Vec::new();
    for text in raw.pin.unwrap_or_default().0 {
        match Pin::parse(&text) {
            Some(pin) => pins.push(pin),
            None => findings.add(
                "tls.pin",
                format!("`{text}` is not a pin: write `sha256/<base64>` or `cert-sha256:<64 hex digits>`"),
            ),
        }
    }
    let client = match (raw.client_cert, raw.client_key) {
        (Some(cert), Some(key)) => Some((folder.join(cert), folder.join(key))),
        (None, None) => None,
        (Some(_), None) => {
            findings.add("tls.client-cert", "`client-cert` needs `client-key` beside it");
            None
        }
        (None, Some(_)) => {
            findings.add("tls.client-key", "`client-key` needs `client-cert` beside it");
            None
        }
    };
    TlsSpec { ca: raw.ca.map(|ca| folder.join(ca)), name: raw.name.map(Into::into), pins, client }
}

fn health(raw: RawHealth, findings: &mut Findings) -> HealthSpec {
    if !raw.path.starts_with('/') || !raw.path.bytes().all(|b| b.is_ascii_graphic() && b != b'#') {
        findings.add("health.path", format!("`{}` is not a path: it begins with `/` and is printable ASCII", raw.path));
    }
    if let Some(name) = raw.host.as_deref().filter(|name| split_authority(name).is_none()) {
        findings.add("health.host", format!("`{name}` is not a host name"));
    }
    let mut expect = Vec::new();
    for status in raw
        .expect
        .map_or_else(|| vec![RawStatus::Class("2xx".to_owned()), RawStatus::Class("3xx".to_owned())], |expect| expect.0)
    {
        match &status {
            RawStatus::Code(code @ 100..=599) => expect.push(StatusRange(*code, *code)),
            RawStatus::Class(class) => match class.strip_suffix("xx").and_then(|digit| digit.parse::<u16>().ok()) {
                Some(digit @ 2..=5) => expect.push(StatusRange(digit * 100, digit * 100 + 99)),
                _ => findings.add("health.expect", format!("`{class}` is not a status class such as `2xx`")),
            },
            RawStatus::Code(code) => findings.add("health.expect", format!("`{code}` is not a status")),
        }
    }
    let (fall, rise) = (raw.fall.unwrap_or(3), raw.rise.unwrap_or(2));
    if fall == 0 || rise == 0 {
        findings.add(if fall == 0 { "health.fall" } else { "health.rise" }, "`fall` and `rise` are at least 1");
    }
    HealthSpec {
        path: raw.path.into(),
        interval: findings.span("health.interval", raw.interval, 10),
        expect,
        timeout: findings.span("health.timeout", raw.timeout, 2),
        fall,
        rise,
        host: raw.host.map(|host| host.to_ascii_lowercase().into()),
    }
}

fn eject(raw: RawEject, findings: &mut Findings) -> Option<EjectSpec> {
    let fraction = raw.max_fraction.unwrap_or(0.5);
    if !(0.0..=1.0).contains(&fraction) {
        findings.add("eject.max-fraction", format!("`{fraction}` is not between 0 and 1"));
    }
    let lasting = findings.span("eject.for", raw.lasting, 10);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped to 0..=100
    let max_percent = (fraction.clamp(0.0, 1.0) * 100.0).round() as u8;
    let failures = raw.failures.unwrap_or(5);
    (failures > 0).then_some(EjectSpec { failures, lasting, max_percent })
}

fn rewrite(raw: RawRewrite, addresses: &[Address], host: &HostPolicy, findings: &mut Findings) -> RewriteSpec {
    let mut inside: Vec<Inside> =
        addresses.iter().map(|address| Inside { host: address.host.clone(), port: Some(address.port) }).collect();
    if let HostPolicy::Name(name) = host
        && let Some((host, port)) = split_authority(name)
    {
        inside.push(Inside { host: host.into(), port });
    }
    for (i, text) in raw.inside.iter().enumerate() {
        let authority = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")).unwrap_or(text);
        match split_authority(authority.strip_suffix('/').unwrap_or(authority)) {
            Some((host, port)) => {
                // a scheme pins its own port; a bare name stands for any
                let scheme =
                    if text.starts_with("http://") { Some(80) } else { text.starts_with("https://").then_some(443) };
                inside.push(Inside { host: host.to_ascii_lowercase().into(), port: port.or(scheme) });
            }
            None => findings.add(format!("rewrite.inside.{i}"), format!("`{text}` is not a name of the application")),
        }
    }
    let safe = |text: &str| text.bytes().all(|b| b.is_ascii_graphic() && b != b';' && b != b',');
    let mut cookie_domain = Vec::new();
    for (from, to) in &raw.cookie_domain {
        if !safe(from) || !safe(to) {
            findings.add("rewrite.cookie-domain", format!("`{from}: {to}` are not domains"));
        }
        let bare = |text: &str| CompactString::from(text.trim_start_matches('.').to_ascii_lowercase());
        cookie_domain.push((bare(from), (!to.is_empty()).then(|| bare(to))));
    }
    let mut cookie_path = Vec::new();
    for (from, to) in &raw.cookie_path {
        if !from.starts_with('/') || !to.starts_with('/') || !safe(from) || !safe(to) {
            findings.add("rewrite.cookie-path", format!("`{from}: {to}` are not paths: both begin with `/`"));
        }
        cookie_path.push((CompactString::from(from.as_str()), CompactString::from(to.as_str())));
    }
    cookie_path.sort_by_key(|(from, _)| std::cmp::Reverse(from.len()));
    RewriteSpec {
        location: raw.location.unwrap_or(true),
        inside,
        cookie_domain,
        cookie_path,
        secure: raw.secure.unwrap_or(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(yaml: &str) -> Result<UpstreamSpec, Vec<SpecError>> {
        UpstreamSpec::compile(serde_yaml::from_str(yaml).unwrap(), "wms", Path::new("/etc/scopegate/routes"))
    }

    fn fields(yaml: &str) -> Vec<String> {
        compile(yaml).unwrap_err().into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn a_bare_address_gets_safe_defaults() {
        let spec = compile("url: http://127.0.0.1:9102").unwrap();
        assert_eq!(spec.addresses[0].to_string(), "http://127.0.0.1:9102");
        assert_eq!((spec.host, spec.retries, spec.tls.is_some()), (HostPolicy::Keep, 1, false));
        assert_eq!(spec.eject.unwrap().failures, 5);
        assert!(spec.rewrite.location && spec.rewrite.secure);
    }

    #[test]
    fn the_whole_block_is_read() {
        let spec = compile(
            "urls: [https://a.lan, 'https://[::1]:8443/']\nhost: erp.lan\nconnect-timeout: 250ms\nretries: 3\n\
             pool: {idle-per-core: 4, lifetime: 1m}\nbalance: least-busy\n\
             tls: {ca: ca.pem, name: erp.lan, pin: sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=, client-cert: c.pem, client-key: /k.pem}\n\
             health: {path: /healthz, expect: [200, 3xx], fall: 1}\neject: {failures: 2, for: 3s, max-fraction: 0.34}\n\
             rewrite: {inside: ['http://erp.lan'], cookie-domain: {.erp.lan: ''}, cookie-path: {/: /erp/, /app: /}}",
        )
        .unwrap();
        assert_eq!(spec.addresses[0].authority(), "a.lan");
        assert_eq!(spec.addresses[1].authority(), "[::1]:8443");
        let tls = spec.tls.unwrap();
        assert_eq!(tls.ca.unwrap(), Path::new("/etc/scopegate/routes/ca.pem"));
        assert_eq!(tls.client.unwrap().1, Path::new("/k.pem"));
        assert_eq!(tls.pins, [Pin::PublicKey([0; 32])]);
        assert_eq!(spec.health.unwrap().expect, [StatusRange(200, 200), StatusRange(300, 399)]);
        assert_eq!(spec.eject.unwrap().max_percent, 34);
        assert_eq!(spec.rewrite.cookie_path[0].0, "/app");
        assert_eq!(spec.rewrite.cookie_domain, [("erp.lan".into(), None)]);
    }

    #[test]
    fn every_error_is_told_at_once() {
        assert_eq!(
            fields(
                "urls: ['ftp://x', 'http://a/b', 'http://user@a', 'http://a:0', 'http://a:99999']\nhost: 'a b'\n\
                 connect-timeout: 0s\nhealth: {path: x, expect: 9xx, rise: 0}\neject: {max-fraction: 2}\n\
                 rewrite: {inside: ['a/b'], cookie-path: {x: /}, cookie-domain: {'a;b': ''}}\nanswer-head: 1"
            ),
            [
                "urls.0",
                "urls.1",
                "urls.2",
                "urls.3",
                "urls.4",
                "host",
                "rewrite.inside.0",
                "rewrite.cookie-domain",
                "rewrite.cookie-path",
                "connect-timeout",
                "health.path",
                "health.expect",
                "health.rise",
                "eject.max-fraction",
                "answer-head"
            ]
        );
        assert_eq!(fields("{}"), ["url"]);
        assert_eq!(fields("{url: 'http://a', urls: ['http://b']}"), ["urls"]);
        assert_eq!(fields("{urls: ['http://a', 'https://b', 'http://a:80']}"), ["urls.1", "urls.2"]);
        assert_eq!(fields("{url: 'http://a', tls: {ca: x}}"), ["tls"]);
        assert_eq!(fields("{url: 'https://a', tls: {pin: md5/x, client-key: x}}"), ["tls.pin", "tls.client-key"]);
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let error = serde_yaml::from_str::<RawUpstream>("url: http://a\nretrys: 2").unwrap_err().to_string();
        assert!(error.contains("unknown field `retrys`"), "{error}");
    }

    #[test]
    fn the_same_content_has_the_same_id_and_another_has_not() {
        let id = |yaml: &str| compile(yaml).unwrap().id;
        assert_eq!(id("url: http://a"), id("{urls: ['http://a:80'], retries: 1}"));
        assert_ne!(id("url: http://a"), id("{url: http://a, retries: 2}"));
    }
}
