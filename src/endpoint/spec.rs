//! The compiled `upstream:` block: every value checked, every default filled in; immutable, compared by content.

use super::address::{Address, HostPolicy, addresses};
use super::error::{Findings, SpecError};
use super::health::{EjectSpec, HealthSpec};
use super::raw::{RawBalance, RawPool, RawUpstream};
use super::rewrite::RewriteSpec;
use super::tls::TlsSpec;
use compact_str::CompactString;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::time::Duration;

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

/// Idle connections of a core for an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PoolSpec {
    /// The most that are kept.
    pub idle_per_core: usize,
    /// How old a connection may become.
    pub lifetime: Duration,
}

impl PoolSpec {
    /// Checks every value and fills in the defaults.
    fn compile(raw: RawPool, findings: &mut Findings) -> PoolSpec {
        PoolSpec {
            idle_per_core: raw.idle_per_core.unwrap_or(512),
            lifetime: findings.span("pool.lifetime", raw.lifetime, 600),
        }
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
        let host = HostPolicy::compile(raw.host.as_deref(), &mut findings);
        let https = addresses.first().is_some_and(|address| address.tls);
        if raw.tls.is_some() && !addresses.is_empty() && !https {
            findings.add("tls", "`tls` has no meaning for `http` addresses");
        }
        let mut spec = Self {
            id: UpstreamId(0),
            app: app.into(),
            rewrite: RewriteSpec::compile(raw.rewrite.unwrap_or_default(), &addresses, &host, &mut findings),
            addresses,
            host,
            connect_timeout: findings.given("connect-timeout", raw.connect_timeout),
            answer_timeout: findings.given("answer-timeout", raw.answer_timeout),
            idle_timeout: findings.span("idle-timeout", raw.idle_timeout, 30),
            body_timeout: findings.given("body-timeout", raw.body_timeout),
            tunnel_timeout: findings.given("tunnel-timeout", raw.tunnel_timeout),
            answer_head: raw.answer_head.map(crate::model::quantity::Size::to_usize),
            retries: raw.retries.unwrap_or(1),
            pool: PoolSpec::compile(raw.pool.unwrap_or_default(), &mut findings),
            tls: https.then(|| TlsSpec::compile(raw.tls.unwrap_or_default(), folder, &mut findings)),
            health: raw.health.map(|raw| HealthSpec::compile(raw, &mut findings)),
            eject: EjectSpec::compile(raw.eject.unwrap_or_default(), &mut findings),
            balance: raw.balance,
        };
        if spec.answer_head.is_some_and(|bytes| bytes < 1024) {
            findings.add("answer-head", "`answer-head` must be at least 1KiB");
        }
        let found = findings.into_found();
        if !found.is_empty() {
            return Err(found);
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

#[cfg(test)]
mod tests {
    use super::super::health::StatusRange;
    use super::super::tls::Pin;
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
        // ten browsers with 32 requests at once each want 320 connections, and the next time again
        assert_eq!(spec.pool.idle_per_core, 512);
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
    fn the_same_content_has_the_same_id_and_another_has_not() {
        let id = |yaml: &str| compile(yaml).unwrap().id;
        assert_eq!(id("url: http://a"), id("{urls: ['http://a:80'], retries: 1}"));
        assert_ne!(id("url: http://a"), id("{url: http://a, retries: 2}"));
    }
}
