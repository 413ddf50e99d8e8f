//! TLS towards clients: certificates and rules that change while running, and the handshake; knows nothing of HTTP.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use compact_str::CompactString;
use parking_lot::Mutex;
use rustls::crypto::aws_lc_rs::cipher_suite as suite;
use rustls::crypto::{CryptoProvider, GetRandomFailed};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{
    NoServerSessionStorage, ProducesTickets, ServerSessionMemoryCache, StoresServerSessions, WebPkiClientVerifier,
};
use rustls::ticketer::TicketRotator;
use rustls::{CipherSuite, ServerConfig, SupportedCipherSuite, SupportedProtocolVersion, version};
use tokio::sync::watch;

use super::certificate::{Entry, Store, read_authorities, read_revoked};
use super::error::TlsError;
use crate::config::watch::{Contents, FolderWatch};
use crate::config::{ClientCertificates, MinimumVersion, TicketSettings, TlsSettings};
use crate::model::Timestamp;

/// The protocols offered, the preferred first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// What a handshake uses from its first byte to its last.
#[derive(Debug)]
pub(super) struct Snapshot {
    config: Arc<ServerConfig>,
    /// The same for clients that would rather have ChaCha20: their order of cipher suites counts.
    portable: Arc<ServerConfig>,
    pub(super) store: Arc<Store>,
    pub(super) verifier: Option<Arc<dyn ClientCertVerifier>>,
}

impl Snapshot {
    /// The settings for a client that offers these cipher suites, in its order.
    ///
    /// Suites with AES-128 come first: its key schedule goes by SHA-256, for which processors have instructions, where that of AES-256
    /// goes by SHA-384, for which most have none. A client that begins with ChaCha20 has no instructions for AES (a telephone), and
    /// gets its way.
    pub(super) fn config(&self, offered: &[CipherSuite]) -> &Arc<ServerConfig> {
        let first = offered.iter().find(|suite| SUITES.iter().any(|known| known.suite() == **suite));
        match first.and_then(|suite| suite.as_str()) {
            Some(name) if name.contains("CHACHA20") => &self.portable,
            _ => &self.config,
        }
    }

    fn change(&mut self, how: impl Fn(&mut ServerConfig)) {
        [&mut self.config, &mut self.portable].into_iter().map(Arc::make_mut).for_each(how);
    }
}

/// The cipher suites, the preferred first.
static SUITES: [SupportedCipherSuite; 9] = [
    suite::TLS13_AES_128_GCM_SHA256,
    suite::TLS13_AES_256_GCM_SHA384,
    suite::TLS13_CHACHA20_POLY1305_SHA256,
    suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
];

/// The state of the certificates, for metrics, readiness and those who wait for a reload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsStatus {
    /// Counts the attempts to load, those that failed included.
    pub attempt: u64,
    /// Counts the times that something new was put to use.
    pub generation: u64,
    /// What was wrong at the last attempt; the parts named go on in their former state.
    pub problems: Vec<String>,
    /// The certificates in use.
    pub certificates: Vec<CertificateStatus>,
}

/// One certificate in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateStatus {
    /// Its file.
    pub file: PathBuf,
    /// The names that it is good for.
    pub names: Vec<CompactString>,
    /// End of validity.
    pub not_after: Timestamp,
}

/// TLS towards clients, shared by all workers.
#[derive(Debug)]
pub struct Tls {
    current: ArcSwap<Snapshot>,
    settings: Mutex<TlsSettings>,
    provider: Arc<CryptoProvider>,
    /// One for the life of the process: a reload that changed them would end every session's resumption.
    sessions: Arc<dyn StoresServerSessions>,
    ticketer: Option<Arc<dyn ProducesTickets>>,
    status: watch::Sender<TlsStatus>,
    /// Hash of the files as they were before they were first read.
    first: [u8; 32],
}

impl Tls {
    /// Loads every file that the settings name.
    ///
    /// # Errors
    /// At the first file that cannot be put to use: nothing is served half.
    pub fn load(settings: &TlsSettings) -> Result<Arc<Self>, TlsError> {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let provider = Arc::new(CryptoProvider { cipher_suites: SUITES.to_vec(), ..provider });
        let (sessions, ticketer) = resumption(&settings.tickets)?;
        let first = Contents::default().hash(&files(settings));
        let mut load = Load { provider: &provider, former: None, problems: Vec::new() };
        let mut snapshot = load.snapshot(settings)?;
        if let Some(error) = load.problems.into_iter().next() {
            return Err(error);
        }
        share(&mut snapshot, &sessions, ticketer.as_ref());
        let status = TlsStatus { attempt: 1, generation: 1, problems: Vec::new(), certificates: describe(&snapshot) };
        Ok(Arc::new(Self {
            current: ArcSwap::from_pointee(snapshot),
            settings: Mutex::new(settings.clone()),
            provider,
            sessions,
            ticketer,
            status: watch::Sender::new(status),
            first,
        }))
    }

    /// Loads everything again. What is broken stays as it was and is told in the status; the rest is put to use.
    /// Reads files: call it off the serving path.
    pub fn reload(&self) -> TlsStatus {
        let settings = self.settings.lock().clone();
        let former = self.current.load_full();
        let mut load = Load { provider: &self.provider, former: Some(&former), problems: Vec::new() };
        let loaded = load.snapshot(&settings);
        let mut problems: Vec<String> = load.problems.iter().map(ToString::to_string).collect();
        let mut certificates = None;
        match loaded {
            Ok(mut snapshot) => {
                share(&mut snapshot, &self.sessions, self.ticketer.as_ref());
                certificates = Some(describe(&snapshot));
                self.current.store(Arc::new(snapshot));
            }
            Err(error) => problems.push(error.to_string()),
        }
        for problem in &problems {
            tracing::error!(%problem, "certificates not reloaded, the former ones go on");
        }
        self.status.send_modify(|status| {
            status.attempt += 1;
            status.problems = problems;
            if let Some(certificates) = certificates {
                status.generation += 1;
                status.certificates = certificates;
            }
        });
        self.status.borrow().clone()
    }

    /// Takes new settings and loads what they name, as [`Self::reload`] does. Ticket settings stay as they were at start.
    pub fn apply(&self, settings: &TlsSettings) -> TlsStatus {
        *self.settings.lock() = settings.clone();
        self.reload()
    }

    /// The state of the certificates; the receiver is told of every attempt to load.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<TlsStatus> {
        self.status.subscribe()
    }

    /// Reloads whenever the content of a file has changed. Runs until dropped; spawn it on the background runtime.
    pub async fn watch(self: Arc<Self>) {
        let mut watched = self.watched();
        let mut watch = watch_folders(&watched.0, watched.1);
        let (mut seen, mut contents) = (self.first, Contents::default());
        loop {
            let hash = contents.hash(&watched.0);
            if hash != seen {
                seen = hash;
                let this = Arc::clone(&self);
                if tokio::task::spawn_blocking(move || this.reload()).await.is_err() {
                    tracing::error!("the reload of certificates failed");
                }
            }
            watch.changed().await;
            let now = self.watched();
            if now != watched {
                watched = now;
                watch = watch_folders(&watched.0, watched.1);
            }
        }
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    fn watched(&self) -> (Vec<PathBuf>, Duration) {
        let settings = self.settings.lock();
        (files(&settings), settings.watch_interval)
    }
}

fn files(settings: &TlsSettings) -> Vec<PathBuf> {
    let pairs = settings.certificates.iter().flat_map(|pair| [&pair.certificate, &pair.key]);
    let client = settings.client_certificates.iter();
    let client = client.flat_map(|client| std::iter::once(&client.authorities).chain(&client.revoked));
    pairs.chain(client).cloned().collect()
}

fn watch_folders(files: &[PathBuf], poll: Duration) -> FolderWatch {
    FolderWatch::new(files.iter().map(|file| file.parent().unwrap_or(Path::new(""))), poll)
}

fn describe(snapshot: &Snapshot) -> Vec<CertificateStatus> {
    let entries = snapshot.store.entries().iter();
    entries
        .map(|entry| CertificateStatus {
            file: entry.file.clone(),
            names: entry.names.names().map(CompactString::from).collect(),
            not_after: entry.not_after,
        })
        .collect()
}

type Resumption = (Arc<dyn StoresServerSessions>, Option<Arc<dyn ProducesTickets>>);

fn resumption(settings: &TicketSettings) -> Result<Resumption, TlsError> {
    let sessions: Arc<dyn StoresServerSessions> = match settings.sessions {
        0 => Arc::new(NoServerSessionStorage {}),
        count => ServerSessionMemoryCache::new(count),
    };
    let ticketer: Option<Arc<dyn ProducesTickets>> = if settings.enabled {
        let life = u32::try_from(settings.rotate.as_secs()).unwrap_or(u32::MAX).max(1);
        Some(Arc::new(TicketRotator::new(life, ticket_key)?))
    } else {
        None
    };
    Ok((sessions, ticketer))
}

fn ticket_key() -> Result<Box<dyn ProducesTickets>, GetRandomFailed> {
    let ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().map_err(|_| GetRandomFailed)?;
    Ok(Box::new(TicketKey(ticketer)))
}

#[derive(Debug)]
struct TicketKey(Arc<dyn ProducesTickets>);

impl ProducesTickets for TicketKey {
    fn enabled(&self) -> bool {
        self.0.enabled()
    }

    fn lifetime(&self) -> u32 {
        self.0.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.0.encrypt(plain)
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.0.decrypt(cipher)
    }
}

fn share(
    snapshot: &mut Snapshot,
    sessions: &Arc<dyn StoresServerSessions>,
    ticketer: Option<&Arc<dyn ProducesTickets>>,
) {
    snapshot.change(|config| {
        config.session_storage = Arc::clone(sessions);
        if let Some(ticketer) = ticketer {
            config.ticketer = Arc::clone(ticketer);
            // One ticket is enough for the next connection; a client that wants several at once asks (RFC 9149).
            config.send_tls13_tickets = 1;
            config.max_tls13_tickets = 4;
        } else {
            config.send_tls13_tickets = 0;
        }
    });
}

/// One attempt to load, which falls back on the former state part by part.
struct Load<'a> {
    provider: &'a Arc<CryptoProvider>,
    former: Option<&'a Arc<Snapshot>>,
    problems: Vec<TlsError>,
}

impl Load<'_> {
    fn snapshot(&mut self, settings: &TlsSettings) -> Result<Snapshot, TlsError> {
        let mut entries = Vec::with_capacity(settings.certificates.len());
        for files in &settings.certificates {
            match Entry::load(files, self.provider) {
                Ok(entry) => entries.push(Arc::new(entry)),
                Err(error) => {
                    let former = self.former.and_then(|former| {
                        former.store.entries().iter().find(|entry| entry.file == files.certificate).cloned()
                    });
                    entries.extend(former);
                    self.problems.push(error);
                }
            }
        }
        let store = Arc::new(Store::new(entries, settings.default.as_deref(), settings.unknown_name)?);
        let verifier = match &settings.client_certificates {
            None => None,
            Some(client) => match self.verifier(client) {
                Ok(verifier) => Some(verifier),
                // SECURITY: without the former rules the whole attempt fails; client certificates are never silently
                // switched off. Test: `a_broken_client_authority_keeps_the_former_rules`.
                Err(error) => match self.former.and_then(|former| former.verifier.clone()) {
                    Some(former) => {
                        self.problems.push(error);
                        Some(former)
                    }
                    None => return Err(error),
                },
            },
        };
        let builder = ServerConfig::builder_with_provider(Arc::clone(self.provider))
            .with_protocol_versions(versions(settings.minimum_version))?;
        let builder = match &verifier {
            Some(verifier) => builder.with_client_cert_verifier(Arc::clone(verifier)),
            None => builder.with_no_client_auth(),
        };
        let resolver: Arc<Store> = Arc::clone(&store);
        let mut config = builder.with_cert_resolver(resolver);
        config.alpn_protocols = PROTOCOLS.iter().map(|protocol| protocol.to_vec()).collect();
        // Early data can be replayed by anybody who saw it.
        config.max_early_data_size = 0;
        let portable = Arc::new(config.clone());
        config.ignore_client_order = true;
        Ok(Snapshot { config: Arc::new(config), portable, store, verifier })
    }

    fn verifier(&self, client: &ClientCertificates) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
        let roots = Arc::new(read_authorities(&client.authorities)?);
        let mut builder = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(self.provider));
        if let Some(file) = &client.revoked {
            builder = builder.with_crls(read_revoked(file)?).enforce_revocation_expiration();
        }
        if !client.required {
            builder = builder.allow_unauthenticated();
        }
        builder.build().map_err(|error| TlsError::Verifier { file: client.authorities.clone(), error })
    }
}

static FROM_TLS12: [&SupportedProtocolVersion; 2] = [&version::TLS13, &version::TLS12];
static FROM_TLS13: [&SupportedProtocolVersion; 1] = [&version::TLS13];

fn versions(minimum: MinimumVersion) -> &'static [&'static SupportedProtocolVersion] {
    match minimum {
        MinimumVersion::Tls12 => &FROM_TLS12,
        MinimumVersion::Tls13 => &FROM_TLS13,
    }
}
