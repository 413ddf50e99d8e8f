//! Keys that verify tokens (RFC 7517): read from files, or fetched in the background; never a private key.

use super::fetch::{Address, fetch};
use crate::model::Timestamp;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use parking_lot::RwLock;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// Keys of one issuer.
pub struct KeySet {
    keys: Vec<Key>,
    version: u64,
}

struct Key {
    id: Option<String>,
    algorithm: Option<String>,
    family: AlgorithmFamily,
    key: DecodingKey,
}

static VERSIONS: AtomicU64 = AtomicU64::new(1);

impl KeySet {
    fn new(keys: Vec<Key>) -> Self {
        Self { keys, version: VERSIONS.fetch_add(1, Ordering::Relaxed) }
    }

    /// Reads a JWKS document. Keys for encryption, shared secrets and unknown kinds are passed over.
    ///
    /// # Errors
    /// When it is none, or no key of it can be used. The message is for people.
    pub fn from_jwks(bytes: &[u8]) -> Result<Self, String> {
        #[derive(serde::Deserialize)]
        struct Document {
            keys: Vec<serde_json::Value>,
        }
        let document: Document =
            serde_json::from_slice(bytes).map_err(|error| format!("is not a JWKS document: {error}"))?;
        let keys: Vec<Key> = document.keys.into_iter().filter_map(usable).collect();
        if keys.is_empty() {
            return Err("holds no public key for signatures".into());
        }
        Ok(Self::new(keys))
    }

    /// Reads one public key in PEM.
    ///
    /// # Errors
    /// When it is none of the family. The message is for people.
    pub fn from_pem(bytes: &[u8], family: AlgorithmFamily) -> Result<Self, String> {
        let key = match family {
            AlgorithmFamily::Rsa => DecodingKey::from_rsa_pem(bytes),
            AlgorithmFamily::Ec => DecodingKey::from_ec_pem(bytes),
            AlgorithmFamily::Ed => DecodingKey::from_ed_pem(bytes),
            AlgorithmFamily::Hmac => return Err("a shared secret is not PEM".into()),
        };
        let key = key.map_err(|error| format!("is not a public key for these algorithms: {error}"))?;
        Ok(Self::new(vec![Key { id: None, algorithm: None, family, key }]))
    }

    /// A shared secret.
    ///
    /// # Errors
    /// When it is shorter than 32 bytes. The message is for people.
    pub fn from_secret(secret: &[u8]) -> Result<Self, String> {
        if secret.len() < 32 {
            return Err("holds fewer than 32 bytes, which can be guessed".into());
        }
        let key = DecodingKey::from_secret(secret);
        Ok(Self::new(vec![Key { id: None, algorithm: None, family: AlgorithmFamily::Hmac, key }]))
    }

    /// The keys that a token with this key id and algorithm may be signed with.
    pub(super) fn candidates(&self, id: Option<&str>, algorithm: Algorithm) -> impl Iterator<Item = &DecodingKey> {
        let name = format!("{algorithm:?}");
        let fits = move |key: &&Key| {
            key.family == algorithm.family()
                && key.algorithm.as_ref().is_none_or(|own| *own == name)
                // A key without id serves tokens with any.
                && (id.is_none() || key.id.is_none() || key.id.as_deref() == id)
        };
        self.keys.iter().filter(fits).map(|key| &key.key)
    }

    /// Differs between any two sets of this process.
    pub(super) const fn version(&self) -> u64 {
        self.version
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySet").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

fn usable(value: serde_json::Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    if matches!(jwk.common.public_key_use, Some(PublicKeyUse::Encryption | PublicKeyUse::Other(_))) {
        return None;
    }
    let family = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => AlgorithmFamily::Rsa,
        AlgorithmParameters::EllipticCurve(_) => AlgorithmFamily::Ec,
        AlgorithmParameters::OctetKeyPair(_) => AlgorithmFamily::Ed,
        _ => return None,
    };
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    let algorithm = jwk.common.key_algorithm.map(|algorithm| format!("{algorithm:?}"));
    Some(Key { id: jwk.common.key_id, algorithm, family, key })
}

/// Where the keys of an issuer are fetched.
#[derive(Clone, PartialEq, Eq)]
pub struct RemoteKeys {
    address: Address,
    refresh: Duration,
}

impl RemoteKeys {
    /// From the address, the PEM of the authorities to trust (`None`: the public ones) and how often to fetch.
    ///
    /// # Errors
    /// When the address is not `https://…` (plain `http` only to this machine itself). The message is for people.
    pub fn new(url: &str, authorities: Option<Vec<u8>>, refresh: Duration) -> Result<Self, String> {
        if refresh < Duration::from_secs(10) {
            return Err("`refresh` is less than ten seconds".into());
        }
        Ok(Self { address: Address::parse(url, authorities)?, refresh })
    }

    /// For how long fetched keys are used when they cannot be fetched again.
    fn kept(&self) -> Duration {
        (self.refresh * 10).max(Duration::from_secs(24 * 3600))
    }
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeys").field("url", &self.address.url()).finish_non_exhaustive()
    }
}

/// The fetched keys of all issuers. Shared by all cores; fetches only in the background.
#[derive(Default)]
pub struct KeyRing {
    wanted: RwLock<HashMap<String, Wanted>>,
    changed: Notify,
}

struct Wanted {
    remote: Arc<RemoteKeys>,
    keys: Option<(Arc<KeySet>, Timestamp)>,
    tried: Option<Timestamp>,
    missed: bool,
}

/// An unknown key makes the ring fetch again, but no more often than this.
const AGAIN: Duration = Duration::from_secs(30);
/// After a failure it is tried again after this.
const RETRY: Duration = Duration::from_secs(10);

impl KeyRing {
    /// Fetches these keys from now on and no others; what was fetched of them stays. Called after each (re)load.
    pub fn want<'a>(&self, all: impl IntoIterator<Item = &'a Arc<RemoteKeys>>) {
        let mut wanted = self.wanted.write();
        let mut before = std::mem::take(&mut *wanted);
        for remote in all {
            let name = remote.address.url().to_owned();
            let same = before.remove(&name).filter(|known| known.remote.address == remote.address);
            let (keys, tried) = same.map_or((None, None), |known| (known.keys, known.tried));
            wanted.insert(name, Wanted { remote: Arc::clone(remote), keys, tried, missed: false });
        }
        drop(wanted);
        self.changed.notify_one();
    }

    /// The keys as last fetched; `None` when they never were, or too long ago.
    #[must_use]
    pub fn current(&self, remote: &RemoteKeys, now: Timestamp) -> Option<Arc<KeySet>> {
        let wanted = self.wanted.read();
        let (keys, at) = wanted.get(remote.address.url())?.keys.as_ref()?;
        (now < at.after(remote.kept())).then(|| Arc::clone(keys))
    }

    /// Notes that a token came with an unknown key: the issuer may have new ones.
    pub(super) fn miss(&self, remote: &RemoteKeys) {
        if let Some(wanted) = self.wanted.write().get_mut(remote.address.url()) {
            wanted.missed = true;
        }
        self.changed.notify_one();
    }

    /// Fetches what is due, once. Gives how long nothing will be due. Called by [`KeyRing::keep`].
    pub async fn fetch_due(&self, now: Timestamp) -> Duration {
        let due: Vec<Arc<RemoteKeys>> = {
            let wanted = self.wanted.read();
            wanted.values().filter(|it| it.due_in(now).is_zero()).map(|it| Arc::clone(&it.remote)).collect()
        };
        for remote in due {
            let fetched = match fetch(&remote.address).await {
                Ok(bytes) => KeySet::from_jwks(&bytes),
                Err(error) => Err(error.to_string()),
            };
            let mut wanted = self.wanted.write();
            let Some(entry) = wanted.get_mut(remote.address.url()) else { continue };
            entry.tried = Some(now);
            entry.missed = false;
            match fetched {
                Ok(keys) => entry.keys = Some((Arc::new(keys), now)),
                Err(error) => tracing::warn!(url = remote.address.url(), %error, "keys for tokens not fetched"),
            }
        }
        let wanted = self.wanted.read();
        wanted.values().map(|it| it.due_in(now)).min().unwrap_or(Duration::from_secs(3600))
    }

    /// Fetches keys until `stop` completes. Runs in the background.
    pub async fn keep(self: Arc<Self>, clock: Arc<dyn crate::model::Clock>, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        loop {
            let pause = self.fetch_due(clock.now()).await.max(Duration::from_secs(1));
            tokio::select! {
                () = &mut stop => return,
                () = tokio::time::sleep(pause) => {}
                () = self.changed.notified() => {}
            }
        }
    }
}

impl Wanted {
    fn due_in(&self, now: Timestamp) -> Duration {
        let Some(tried) = self.tried else { return Duration::ZERO };
        let pause = match &self.keys {
            _ if self.missed => AGAIN,
            Some((_, at)) if *at == tried => self.remote.refresh,
            _ => RETRY,
        };
        pause.saturating_sub(Duration::from_micros(now.micros_since(tried)))
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("issuers", &self.wanted.read().len()).finish_non_exhaustive()
    }
}
