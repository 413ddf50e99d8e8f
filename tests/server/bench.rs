//! What the tests of the listener share: certificates, a running listener with a mirror behind it, and a client.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, SanType,
};
use rustls::client::WantsClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{CipherSuite, ClientConfig, ClientConnection, ConfigBuilder, RootCertStore, StreamOwned};
use scopegate::config::{CertificateFiles, Settings};
use scopegate::model::SystemClock;
use scopegate::server::accept::{Accept, Admission, Serve};
use scopegate::server::drain::Drain;
use scopegate::server::listen::{Inherited, Role, Sockets};
use scopegate::server::tls::Tls;
use scopegate::server::worker::{self, Running, Workers};
use scopegate::telemetry::Metrics;
use scopegate::wire::connection::{ConnectionInfo, Protocol};
use scopegate::wire::link::Transport;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;

/// Time after which a test that waits has failed.
pub const LONG: Duration = Duration::from_secs(30);

/// An authority that signs certificates.
pub struct Authority(pub CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate and key for names, PEM.
    pub fn issue(&self, common: &str, names: &[&str]) -> (String, String) {
        let mut params = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
        params.distinguished_name.push(DnType::CommonName, common);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.subject_alt_names.push(SanType::Rfc822Name(format!("{common}@example.test").try_into().unwrap()));
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// Writes a certificate and key into a folder.
    pub fn write(&self, folder: &Path, file: &str, names: &[&str]) -> CertificateFiles {
        let (certificate, key) = self.issue(file, names);
        let files = CertificateFiles {
            certificate: folder.join(format!("{file}.pem")),
            key: folder.join(format!("{file}.key")),
        };
        std::fs::write(&files.certificate, certificate).unwrap();
        std::fs::write(&files.key, key).unwrap();
        files
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }
}

/// Answers each line with what is known of the connection. With a gate, each answer waits for a permit.
#[derive(Clone)]
pub struct Mirror {
    pub name: &'static str,
    pub gate: Option<Arc<Semaphore>>,
    pub asked: std::sync::mpsc::Sender<()>,
}

impl Serve for Mirror {
    async fn serve<IO>(&self, io: IO, connection: Rc<ConnectionInfo>)
    where
        IO: Transport + 'static,
    {
        let mut io = tokio::io::BufReader::new(io);
        let mut line = String::new();
        while io.read_line(&mut line).await.unwrap_or(0) > 0 {
            let _ = self.asked.send(());
            if let Some(gate) = &self.gate {
                gate.acquire().await.unwrap().forget();
            }
            let told = tell(self.name, &connection);
            if io.write_all(told.as_bytes()).await.is_err() || io.flush().await.is_err() {
                return;
            }
            line.clear();
        }
    }
}

fn tell(name: &str, connection: &ConnectionInfo) -> String {
    let tls = connection.tls.as_ref().unwrap();
    let client = tls.client_certificate.as_ref();
    format!(
        "name={name} source={} sni={} version={} cipher={} protocol={} resumed={} client={} mail={} print={} covers={}\n",
        connection.source(),
        tls.server_name.as_deref().unwrap_or("-"),
        tls.version,
        tls.cipher,
        if tls.protocol == Protocol::Http2 { "h2" } else { "http/1.1" },
        tls.resumed,
        client.and_then(|client| client.common_name.as_deref()).unwrap_or("-"),
        client.and_then(|client| client.emails.first()).map_or("-", String::as_str),
        tls.fingerprint.as_deref().unwrap_or("-"),
        tls.certificate.names().collect::<Vec<_>>().join(","),
    )
}

/// A running listener.
pub struct Bench {
    pub address: SocketAddr,
    pub tls: Arc<Tls>,
    pub drain: Drain,
    pub metrics: Arc<Metrics>,
    pub sockets: Arc<Sockets>,
    pub running: Running,
    pub asked: std::sync::mpsc::Receiver<()>,
}

impl Bench {
    pub fn start(settings: Settings) -> Self {
        Self::start_as("only", settings, Inherited::new(), None)
    }

    pub fn start_as(
        name: &'static str,
        settings: Settings,
        inherited: Inherited,
        gate: Option<Arc<Semaphore>>,
    ) -> Self {
        let tls = Tls::load(&settings.tls).unwrap();
        let drain = Drain::new(settings.drain);
        let metrics = Metrics::new(10);
        let sockets = Arc::new(Sockets::open(&settings.listeners, settings.workers, inherited).unwrap());
        let admission = Admission::new(&settings, drain.clone());
        let (sender, asked) = std::sync::mpsc::channel();
        let address = sockets.addresses(Role::Https)[0];
        let workers = Workers { count: settings.workers, blocking_threads: NonZeroUsize::MIN };
        let running = worker::run(workers, {
            let (tls, metrics, sockets) = (Arc::clone(&tls), Arc::clone(&metrics), Arc::clone(&sockets));
            move |index| {
                let accept = Accept {
                    admission: admission.clone(),
                    tls: Some(Arc::clone(&tls)),
                    serve: Mirror { name, gate: gate.clone(), asked: sender.clone() },
                    metrics: metrics.core(),
                    clock: SystemClock,
                    worker: index,
                };
                let mine = sockets.of_worker(Role::Https, index, workers.count).unwrap();
                async move { accept.run(mine).await.unwrap() }
            }
        })
        .unwrap();
        Self { address, tls, drain, metrics, sockets, running, asked }
    }

    /// Ends the listener, waits for it, and gives what it has counted: nothing is counted any more afterwards.
    pub fn end(self) -> Counted {
        self.drain.end();
        self.running.join();
        Counted(String::from_utf8(self.metrics.render()).unwrap())
    }
}

/// The metrics of a listener that has ended.
pub struct Counted(String);

impl Counted {
    /// The value of a series.
    pub fn of(&self, series: &str) -> &str {
        let found = self.0.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        found.unwrap_or_else(|| panic!("{series} missing in\n{}", self.0))
    }
}

/// Settings for a listener on a port of the system's choice, with one certificate of `authority` in `folder`.
pub fn settings(folder: &TempDir, authority: &Authority) -> Settings {
    let mut settings = Settings::default();
    settings.listeners.https = vec!["127.0.0.1:0".parse().unwrap()];
    settings.listeners.admin.clear();
    settings.workers = NonZeroUsize::new(2).unwrap();
    settings.state = folder.path().to_owned();
    settings.tls.certificates = vec![authority.write(folder.path(), "first", &["first.example.test"])];
    settings
}

fn trusting(authority: &Authority, provider: CryptoProvider) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.0.der().clone()).unwrap();
    ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
}

/// The settings of a TLS client that offers only these cipher suites, in this order.
pub fn client_offering(authority: &Authority, suites: &[CipherSuite]) -> Arc<ClientConfig> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let known = |name: &CipherSuite| *provider.cipher_suites.iter().find(|suite| suite.suite() == *name).unwrap();
    let cipher_suites = suites.iter().map(known).collect();
    Arc::new(trusting(authority, CryptoProvider { cipher_suites, ..provider }).with_no_client_auth())
}

/// A TLS client's settings.
pub fn client(authority: &Authority, protocols: &[&str], certificate: Option<(String, String)>) -> Arc<ClientConfig> {
    let builder = trusting(authority, rustls::crypto::aws_lc_rs::default_provider());
    let mut config = match certificate {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => builder
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
            )
            .unwrap(),
    };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    Arc::new(config)
}

pub type Client = BufReader<StreamOwned<ClientConnection, TcpStream>>;

/// Connects from an address and sends `first` before the handshake.
pub fn tcp(to: SocketAddr, from: &str, first: &[u8]) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(from.parse::<IpAddr>().unwrap(), 0).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    let mut stream: TcpStream = socket.into();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream.write_all(first).unwrap();
    stream
}

/// Asks the mirror on a connection.
pub fn ask(client: &mut Client) -> std::io::Result<String> {
    client.get_mut().write_all(b"?\n")?;
    client.get_mut().flush()?;
    let mut line = String::new();
    client.read_line(&mut line)?;
    if line.is_empty() { Err(std::io::ErrorKind::UnexpectedEof.into()) } else { Ok(line) }
}

/// Shakes hands over a stream for a name.
pub fn shake(stream: TcpStream, config: &Arc<ClientConfig>, name: &str) -> Client {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    BufReader::new(StreamOwned::new(ClientConnection::new(Arc::clone(config), name).unwrap(), stream))
}

/// Connects, shakes hands for a name, and asks.
pub fn visit(bench: &Bench, config: &Arc<ClientConfig>, name: &str) -> std::io::Result<String> {
    ask(&mut shake(tcp(bench.address, "127.0.0.1", b""), config, name))
}

/// Whether the other side has closed, orderly or by a reset.
pub fn is_closed(stream: &mut impl Read) -> bool {
    let mut byte = [0];
    match stream.read(&mut byte) {
        Ok(count) => count == 0,
        Err(error) => !matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut),
    }
}

pub fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

pub fn path(folder: &TempDir, file: &str) -> PathBuf {
    folder.path().join(file)
}
