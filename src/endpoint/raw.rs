//! The `upstream:` block as YAML spells it; nothing here is checked but its shape.

use crate::diagnostics::yaml::OneOrMany;
use crate::model::quantity::{Size, Span};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Where the application is and how it is spoken to.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawUpstream {
    /// The address of the application: `http://host:port` or `https://host:port`, without a path.
    #[serde(default)]
    pub url: Option<String>,
    /// Several addresses of the same application.
    #[serde(default)]
    pub urls: Vec<String>,
    /// The `Host` that the application is sent: `keep` (as the client sent it; the default), `address` (that of the URL), or a name.
    #[serde(default)]
    pub host: Option<String>,
    /// How long a connection may take to be made, TLS included (default: `limits: upstream-connect-time` of the settings).
    #[serde(default)]
    pub connect_timeout: Option<Span>,
    /// How long the head of the answer may take once the request was sent (default: `limits: upstream-answer-time`).
    #[serde(default)]
    pub answer_timeout: Option<Span>,
    /// How long a connection may lie unused in the pool (default 30s); keep it below what the application keeps idle connections for.
    #[serde(default)]
    pub idle_timeout: Option<Span>,
    /// How long a body may stand still, in either direction (default: `limits: upstream-idle-time`).
    #[serde(default)]
    pub body_timeout: Option<Span>,
    /// How long an upgraded connection may stay silent (default: `limits: websocket-idle-time`).
    #[serde(default)]
    pub tunnel_timeout: Option<Span>,
    /// The largest head of an answer (default: `limits: upstream-head`).
    #[serde(default)]
    pub answer_head: Option<Size>,
    /// How many further attempts are made where nothing was sent, or where the operation changes nothing (default 1).
    #[serde(default)]
    pub retries: Option<u8>,
    /// Connections kept for later requests.
    #[serde(default)]
    pub pool: Option<RawPool>,
    /// TLS towards the application; only for `https` addresses.
    #[serde(default)]
    pub tls: Option<RawTls>,
    /// Asking the application whether it is well.
    #[serde(default)]
    pub health: Option<RawHealth>,
    /// Leaving an address alone after failures.
    #[serde(default)]
    pub eject: Option<RawEject>,
    /// How one of several addresses is chosen.
    #[serde(default)]
    pub balance: RawBalance,
    /// What is changed in answers because the outside name differs.
    #[serde(default)]
    pub rewrite: Option<RawRewrite>,
}

/// Connections kept for later requests.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawPool {
    /// The most idle connections that a core keeps for an address (default 512).
    #[serde(default)]
    pub idle_per_core: Option<usize>,
    /// How old a connection may become (default 10m).
    #[serde(default)]
    pub lifetime: Option<Span>,
}

/// TLS towards the application.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawTls {
    /// A PEM file of the authorities that may vouch for the application; without it the public ones do.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// The name that the certificate must carry; without it the host of the URL.
    #[serde(default)]
    pub name: Option<String>,
    /// `sha256/<base64>` of the public key, or `cert-sha256:<hex>` of the certificate. Without `ca`, a pin stands in place of the authorities.
    #[serde(default)]
    pub pin: Option<OneOrMany<String>>,
    /// A PEM file with the certificate (and chain) that the gateway shows.
    #[serde(default)]
    pub client_cert: Option<PathBuf>,
    /// A PEM file with its private key.
    #[serde(default)]
    pub client_key: Option<PathBuf>,
}

/// A status, or a class of them such as `2xx`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RawStatus {
    /// One status.
    Code(u16),
    /// A class: `2xx`.
    Class(String),
}

/// Asking the application whether it is well.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawHealth {
    /// The path that is read, beginning with `/`.
    pub path: String,
    /// How often (default 10s).
    #[serde(default)]
    pub interval: Option<Span>,
    /// The statuses that mean well (default `[2xx, 3xx]`).
    #[serde(default)]
    pub expect: Option<OneOrMany<RawStatus>>,
    /// How long the answer may take (default 2s).
    #[serde(default)]
    pub timeout: Option<Span>,
    /// How many failures in a row take an address out (default 3).
    #[serde(default)]
    pub fall: Option<u32>,
    /// How many successes in a row bring it back (default 2).
    #[serde(default)]
    pub rise: Option<u32>,
    /// The `Host` that is sent (default: the name under `host`, else that of the address).
    #[serde(default)]
    pub host: Option<String>,
}

/// Leaving an address alone after failures.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawEject {
    /// How many failures in a row (default 5); 0 switches it off.
    #[serde(default)]
    pub failures: Option<u32>,
    /// For how long (default 10s); then one request tries it.
    #[serde(default, rename = "for")]
    pub lasting: Option<Span>,
    /// The largest part of the addresses that may be left alone at once (default 0.5).
    #[serde(default)]
    pub max_fraction: Option<f64>,
}

/// How one of several addresses is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawBalance {
    /// One after the other.
    #[default]
    RoundRobin,
    /// The one with the fewest requests in flight.
    LeastBusy,
}

/// What is changed in answers because the outside name differs.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawRewrite {
    /// Absolute redirects to the inside name are made to lead to the outside one (default true).
    #[serde(default)]
    pub location: Option<bool>,
    /// Further names that the application calls itself by: `http://erp.lan:8080` or `erp.lan`.
    #[serde(default)]
    pub inside: Vec<String>,
    /// From the `Domain` of the application's cookies to that outside; an empty one removes it.
    #[serde(default)]
    pub cookie_domain: BTreeMap<String, String>,
    /// From the beginning of the `Path` of the application's cookies to that outside.
    #[serde(default)]
    pub cookie_path: BTreeMap<String, String>,
    /// Cookies get `Secure` where the outside is `https` (default true).
    #[serde(default)]
    pub secure: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_field_is_refused() {
        let error = serde_yaml::from_str::<RawUpstream>("url: http://a\nretrys: 2").unwrap_err().to_string();
        assert!(error.contains("unknown field `retrys`"), "{error}");
    }
}
