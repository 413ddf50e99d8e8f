//! Signed tokens (RFC 7519): algorithms pinned, issuer, audience and expiry required; never fetches keys on a core.

use super::{Claim, SourceKind, check_token};
use crate::diagnostics::yaml::OneOrMany;
use crate::identity::error::IdentityError;
use crate::identity::fault::Faults;
use crate::identity::jwks::{KeyRing, KeySet, RemoteKeys};
use crate::identity::recent::Recent;
use crate::identity::user_map::RawUserMap;
use crate::identity::user_map::UserMap;
use crate::model::quantity::Span;
use crate::model::{Reason, SubjectId, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, AlgorithmFamily};
use serde::Deserialize;
use serde_json::Value;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// `jwt:`: a token signed by an issuer whose keys are known.
///
/// ```yaml
/// jwt:
///   keys: {url: "https://sso.example.com/keys", refresh: 10m}
///   algorithms: [RS256]
///   issuer: https://sso.example.com
///   audience: wms
///   users: {strip-suffix: "@corp.example"}
/// ```
///
/// `exp`, `iss` and `aud` are required; `nbf` counts where it stands.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawJwt {
    /// Where the public keys come from.
    pub keys: RawKeys,
    /// The algorithms that are taken, for example `RS256`. A token with any other is refused.
    pub algorithms: OneOrMany<String>,
    /// The value that `iss` must have.
    pub issuer: String,
    /// One of the values that `aud` must have or hold.
    pub audience: OneOrMany<String>,
    /// The claim that names the subject. Default `sub`.
    pub subject: Option<String>,
    /// How far clocks may differ. Default 30 seconds.
    pub leeway: Option<Span>,
    /// The cookie that carries the token, instead of `Authorization: Bearer`.
    pub cookie: Option<String>,
    /// Whether the token also reaches the application. Default no.
    #[serde(default)]
    pub forward: bool,
    /// How the names of the issuer become subjects.
    pub users: Option<RawUserMap>,
}

/// Where the keys of an issuer come from: exactly one of `file`, `pem`, `secret`, `url`.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RawKeys {
    /// A JWKS file (RFC 7517), relative to the folder of the rules.
    pub file: Option<String>,
    /// A PEM file with one public key, relative to the folder of the rules.
    pub pem: Option<String>,
    /// A file with a shared secret of at least 32 bytes, for the algorithms `HS256`, `HS384`, `HS512` only.
    pub secret: Option<String>,
    /// The address of a JWKS, fetched in the background.
    pub url: Option<String>,
    /// For `url`: a PEM file with the certification authorities to trust instead of the public ones.
    pub ca: Option<String>,
    /// For `url`: how often it is fetched. Default 10 minutes.
    pub refresh: Option<Span>,
}

/// A compiled [`RawJwt`].
#[derive(Clone, Debug)]
pub(in crate::identity) struct Tokens {
    /// Unique for each compiled source, so that what one verified is never taken for another's.
    id: u64,
    keys: Keys,
    algorithms: Vec<Algorithm>,
    issuer: String,
    audience: Vec<String>,
    subject: String,
    leeway: u64,
    pub(in crate::identity) cookie: Option<String>,
    pub(in crate::identity) forward: bool,
    users: UserMap,
}

#[derive(Clone, Debug)]
enum Keys {
    Fixed(Arc<KeySet>),
    Remote(Arc<RemoteKeys>),
}

/// What a token whose signature verified says; its times are judged at each use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::identity) struct Verified {
    subject: SubjectId,
    expires: i64,
    not_before: Option<i64>,
    authenticated: Option<i64>,
}

/// The longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 16 * 1024;

impl RawJwt {
    pub(in crate::identity) fn compile(
        &self,
        default: &UserMap,
        read: &dyn Fn(&str) -> std::io::Result<Vec<u8>>,
        faults: &mut Faults,
    ) -> Option<Tokens> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let algorithms = self.algorithms(faults);
        for (key, value) in [("issuer", &self.issuer)] {
            if value.is_empty() {
                faults.push_at(key, "is empty");
            }
        }
        if self.audience.is_empty() || self.audience.iter().any(String::is_empty) {
            faults.push_at("audience", "name the audience: a token for somebody else must not be taken");
        }
        if let Some(cookie) = &self.cookie {
            check_token(faults, "cookie", cookie);
        }
        let users = match &self.users {
            Some(users) => faults.within("users", |faults| users.compile(faults)),
            None => default.clone(),
        };
        let family = algorithms.first().map(|algorithm| algorithm.family());
        let keys = faults.within("keys", |faults| self.keys.compile(family, read, faults));
        let leeway = self.leeway.map_or(Duration::from_secs(30), |leeway| leeway.0);
        if leeway > Duration::from_secs(300) {
            faults.push_at("leeway", "is more than five minutes: set the clocks right instead");
        }
        Some(Tokens {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            keys: keys?,
            algorithms,
            issuer: self.issuer.clone(),
            audience: self.audience.to_vec(),
            subject: self.subject.clone().unwrap_or_else(|| "sub".into()),
            leeway: leeway.as_secs(),
            cookie: self.cookie.clone(),
            forward: self.forward,
            users,
        })
    }

    fn algorithms(&self, faults: &mut Faults) -> Vec<Algorithm> {
        let mut algorithms = Vec::new();
        if self.algorithms.is_empty() {
            faults.push_at("algorithms", "name the algorithms that are taken, for example `RS256`");
        }
        for name in self.algorithms.iter() {
            match name.parse::<Algorithm>() {
                Ok(algorithm) => algorithms.push(algorithm),
                Err(_) => faults.push_at(
                    "algorithms",
                    format!("`{name}` is not one of RS256/384/512, PS256/384/512, ES256/384, EdDSA, HS256/384/512"),
                ),
            }
        }
        // A public key taken for a shared secret would let everybody sign.
        if algorithms.iter().any(|algorithm| Some(algorithm.family()) != algorithms.first().map(|first| first.family()))
        {
            faults.push_at("algorithms", "are of different kinds: one source has keys of one kind");
        }
        algorithms
    }
}

impl RawKeys {
    fn compile(
        &self,
        family: Option<AlgorithmFamily>,
        read: &dyn Fn(&str) -> std::io::Result<Vec<u8>>,
        faults: &mut Faults,
    ) -> Option<Keys> {
        let given = [&self.file, &self.pem, &self.secret, &self.url];
        if given.iter().filter(|place| place.is_some()).count() != 1 {
            faults.push("give exactly one of `file`, `pem`, `secret`, `url`");
            return None;
        }
        if self.url.is_none() && (self.ca.is_some() || self.refresh.is_some()) {
            faults.push("`ca` and `refresh` go with `url` only");
        }
        if self.secret.is_some() != (family == Some(AlgorithmFamily::Hmac)) {
            faults.push("`secret` goes with the algorithms HS256, HS384 and HS512, and they with it");
            return None;
        }
        let mut content = |key: &str, name: &str| match read(name) {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                faults.push_at(key, format!("`{name}` cannot be read: {error}"));
                None
            }
        };
        let (key, built) = if let Some(name) = &self.file {
            ("file", KeySet::from_jwks(&content("file", name)?))
        } else if let Some(name) = &self.pem {
            ("pem", KeySet::from_pem(&content("pem", name)?, family?))
        } else if let Some(name) = &self.secret {
            ("secret", KeySet::from_secret(content("secret", name)?.trim_ascii()))
        } else {
            let ca = match &self.ca {
                Some(name) => Some(content("ca", name)?),
                None => None,
            };
            let refresh = self.refresh.map_or(Duration::from_secs(600), |refresh| refresh.0);
            return match RemoteKeys::new(self.url.as_deref()?, ca, refresh) {
                Ok(remote) => Some(Keys::Remote(Arc::new(remote))),
                Err(message) => {
                    faults.push_at("url", message);
                    None
                }
            };
        };
        match built {
            Ok(keys) => Some(Keys::Fixed(Arc::new(keys))),
            Err(message) => {
                faults.push_at(key, message);
                None
            }
        }
    }
}

impl Tokens {
    /// The keys that have to be fetched.
    pub(in crate::identity) fn remote(&self) -> Option<&Arc<RemoteKeys>> {
        match &self.keys {
            Keys::Fixed(_) => None,
            Keys::Remote(remote) => Some(remote),
        }
    }

    /// Verifies a token in compact form (RFC 7515 section 3.1). `recent` keeps what verified on this core.
    pub(in crate::identity) fn identify(
        &self,
        token: &[u8],
        ring: &KeyRing,
        recent: &Recent<Rc<Verified>>,
        now: Timestamp,
    ) -> Result<Claim, IdentityError> {
        let error = |reason, detail: &str| IdentityError::of(SourceKind::Jwt, reason, detail);
        if token.len() > MAX_TOKEN {
            return Err(error(Reason::InvalidCredential, "the token is too long"));
        }
        let keys = match &self.keys {
            Keys::Fixed(keys) => Arc::clone(keys),
            Keys::Remote(remote) => ring
                .current(remote, now)
                .ok_or_else(|| error(Reason::IdentityUnavailable, "the keys of the issuer could not be fetched"))?,
        };
        let (source, set) = (self.id.to_be_bytes(), keys.version().to_be_bytes());
        let remembered = [&source[..], &set[..], token].concat();
        let verified = match recent.get(&remembered) {
            Some(verified) => verified,
            None => {
                let verified = Rc::new(self.verify(token, &keys).map_err(|why| {
                    if let (Keys::Remote(remote), UNKNOWN_KEY) = (&self.keys, why) {
                        ring.miss(remote);
                    }
                    error(Reason::InvalidCredential, why)
                })?);
                // Only what verified is kept: it is the issuer's, not a stranger's, to fill this.
                recent.insert(&remembered, Rc::clone(&verified));
                verified
            }
        };
        let (seconds, leeway) = (now.as_seconds(), i64::try_from(self.leeway).unwrap_or(i64::MAX));
        if seconds >= verified.expires.saturating_add(leeway) {
            return Err(error(Reason::InvalidCredential, "the token has expired").about(verified.subject.clone()));
        }
        if verified.not_before.is_some_and(|begin| seconds < begin.saturating_sub(leeway)) {
            return Err(error(Reason::InvalidCredential, "the token is not valid yet").about(verified.subject.clone()));
        }
        let since = verified.authenticated.map(|at| Timestamp::from_micros(at.saturating_mul(1_000_000)));
        Ok(Claim { source: SourceKind::Jwt, subject: verified.subject.clone(), since })
    }

    /// SECURITY: the algorithm must be one of those pinned before a key is even looked for; `alg: none` and a public
    /// key used as a shared secret cannot get that far (test `tokens_that_must_not_be_taken`).
    fn verify(&self, token: &[u8], keys: &KeySet) -> Result<Verified, &'static str> {
        const MALFORMED: &str = "not a signed token";
        let text = std::str::from_utf8(token).map_err(|_| MALFORMED)?;
        let (message, signature) = text.rsplit_once('.').ok_or(MALFORMED)?;
        let (header, payload) = message.split_once('.').filter(|(_, rest)| !rest.contains('.')).ok_or(MALFORMED)?;
        let header = object(header).ok_or(MALFORMED)?;
        // An extension that must be understood is not (RFC 7515 section 4.1.11).
        if header.contains_key("crit") {
            return Err("the token has critical extensions");
        }
        let algorithm = header.get("alg").and_then(Value::as_str).and_then(|name| name.parse::<Algorithm>().ok());
        let algorithm =
            algorithm.filter(|it| self.algorithms.contains(it)).ok_or("the algorithm is not one of those pinned")?;
        let kid = match header.get("kid") {
            None => None,
            Some(kid) => Some(kid.as_str().ok_or(MALFORMED)?),
        };
        let mut candidates = keys.candidates(kid, algorithm).peekable();
        if candidates.peek().is_none() {
            return Err(UNKNOWN_KEY);
        }
        let verifies = |key| jsonwebtoken::crypto::verify(signature, message.as_bytes(), key, algorithm);
        if !candidates.any(|key| verifies(key).unwrap_or(false)) {
            return Err("the signature does not verify");
        }
        self.read_claims(&object(payload).ok_or(MALFORMED)?)
    }

    fn read_claims(&self, claims: &serde_json::Map<String, Value>) -> Result<Verified, &'static str> {
        if claims.get("iss").and_then(Value::as_str) != Some(self.issuer.as_str()) {
            return Err("the token is of another issuer, or names none");
        }
        let meant = |value: &Value| value.as_str().is_some_and(|name| self.audience.iter().any(|own| own == name));
        let for_us = match claims.get("aud") {
            Some(Value::Array(several)) => several.iter().any(meant),
            Some(one) => meant(one),
            None => false,
        };
        if !for_us {
            return Err("the token is for another audience, or names none");
        }
        let expires = claims.get("exp").and_then(seconds).ok_or("the token never expires")?;
        let not_before = match claims.get("nbf") {
            None => None,
            Some(value) => Some(seconds(value).ok_or("`nbf` is not a time")?),
        };
        let name = match self.subject.strip_prefix('/') {
            None => claims.get(&self.subject).and_then(Value::as_str),
            Some(_) => claims.get_pointer(&self.subject),
        };
        let subject = name.and_then(|name| self.users.subject(name)).ok_or("the token names no subject")?;
        let authenticated = claims.get("auth_time").and_then(seconds);
        Ok(Verified { subject, expires, not_before, authenticated })
    }
}

const UNKNOWN_KEY: &str = "the token is signed with an unknown key";

/// Looks into an object by JSON pointer (RFC 6901).
trait Pointer {
    fn get_pointer(&self, pointer: &str) -> Option<&str>;
}

impl Pointer for serde_json::Map<String, Value> {
    fn get_pointer(&self, pointer: &str) -> Option<&str> {
        let (first, rest) = match pointer.strip_prefix('/')?.split_once('/') {
            Some((first, rest)) => (first, format!("/{rest}")),
            None => (pointer.strip_prefix('/')?, String::new()),
        };
        self.get(&first.replace("~1", "/").replace("~0", "~"))?.pointer(&rest)?.as_str()
    }
}

fn object(part: &str) -> Option<serde_json::Map<String, Value>> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

/// A NumericDate (RFC 7519 section 2) in whole seconds; fractions are cut off.
fn seconds(value: &Value) -> Option<i64> {
    let number = value.as_number()?;
    if let Some(whole) = number.as_i64() {
        return Some(whole);
    }
    let float = number.as_f64().filter(|it| it.is_finite() && it.abs() < 1e15)?;
    #[allow(clippy::cast_possible_truncation, reason = "bounded just above")]
    Some(float.floor() as i64)
}
