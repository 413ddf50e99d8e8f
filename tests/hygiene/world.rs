//! A gateway before one application that records the bytes it receives; one person with an API key who may do everything.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::CertificateDer;
use scopegate::app::{self, Plan, Running};
use scopegate::config::{CertificateFiles, Settings};
use scopegate::server::listen::Role;

use crate::browser::{Browser, Seen, parse};

/// The key of `keeper.hf`.
pub const KEY: &str = "k-3f9a5c17d2";

/// One request as the application received it.
#[derive(Clone, Debug)]
pub struct Received {
    /// The head, byte by byte.
    pub head: String,
    /// What came of the body.
    pub body: Vec<u8>,
    /// Whether the body came to its end.
    pub whole: bool,
}

impl Received {
    pub fn line(&self) -> &str {
        self.head.lines().next().unwrap()
    }

    pub fn values(&self, name: &str) -> Vec<&str> {
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        fields.filter(|(sent, _)| sent.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }
}

#[derive(Clone, Default)]
pub struct Application(Arc<Mutex<Vec<Received>>>, Arc<Mutex<Vec<u8>>>, Arc<Mutex<Option<String>>>);

impl Application {
    fn serve(&self) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let log = self.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let log = log.clone();
                std::thread::spawn(move || while log.answer(&stream).is_some() {});
            }
        });
        address
    }

    fn answer(&self, stream: &TcpStream) -> Option<()> {
        let mut reader = BufReader::with_capacity(1, stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let mut line = Vec::new();
            if reader.read_until(b'\n', &mut line).ok()? == 0 {
                return None;
            }
            head += &String::from_utf8_lossy(&line);
        }
        let mut received = Received { head, body: Vec::new(), whole: true };
        if let [length] = received.values("content-length")[..] {
            let length: usize = length.parse().unwrap();
            received.whole = read_exactly(&mut reader, length, &mut received.body).is_some();
        } else if received.values("transfer-encoding") == ["chunked"] {
            received.whole = read_chunks(&mut reader, &mut received.body).is_some();
        }
        let key = received.values("sec-websocket-key").first().map(|key| (*key).to_owned());
        let whole = received.whole;
        self.0.lock().unwrap().push(received);
        let mut out = stream;
        match key {
            _ if !whole => None,
            Some(key) => {
                let accept = scopegate::upstream::accept_of(key.as_bytes());
                write!(
                    out,
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
                )
                .ok()?;
                let mut buffer = [0; 1024];
                loop {
                    match reader.read(&mut buffer).ok()? {
                        0 => return None,
                        read => {
                            self.1.lock().unwrap().extend_from_slice(&buffer[..read]);
                            out.write_all(&buffer[..read]).ok()?;
                        }
                    }
                }
            }
            None if let Some(answer) = self.2.lock().unwrap().take() => out.write_all(answer.as_bytes()).ok(),
            None => out.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").ok(),
        }
    }

    /// The next request is answered with these bytes.
    pub fn says(&self, answer: String) {
        *self.2.lock().unwrap() = Some(answer);
    }

    /// Everything that came through tunnels.
    pub fn tunnelled(&self) -> Vec<u8> {
        self.1.lock().unwrap().clone()
    }

    /// Everything received since the last look.
    pub fn take(&self) -> Vec<Received> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

fn read_exactly(reader: &mut impl Read, mut left: usize, body: &mut Vec<u8>) -> Option<()> {
    let mut buffer = [0; 4096];
    while left > 0 {
        let most = left.min(buffer.len());
        let read = reader.read(&mut buffer[..most]).ok().filter(|read| *read > 0)?;
        body.extend_from_slice(&buffer[..read]);
        left -= read;
    }
    Some(())
}

fn read_chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> Option<()> {
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let size = usize::from_str_radix(line.trim(), 16).ok()?;
        read_exactly(reader, size, body)?;
        read_exactly(reader, 2, &mut Vec::new())?;
        if size == 0 {
            return Some(());
        }
    }
}

pub struct World {
    pub gateway: Option<Running>,
    pub application: Application,
    pub address: SocketAddr,
    authority: CertificateDer<'static>,
    folder: tempfile::TempDir,
}

impl World {
    /// A gateway with these routes (and whatever else stands at the top of an application's file).
    pub fn new(rules: &str) -> Self {
        Self::with(rules, |_| {})
    }

    pub fn with(rules: &str, adjust: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let application = Application::default();
        let upstream = application.serve();
        write_rules(&folder.path().join("routes"), upstream, rules);
        let authority = write_certificates(folder.path());
        let mut settings = Settings::default();
        settings.state = folder.path().join("state");
        settings.store = folder.path().join("state/store.sqlite");
        settings.journal.directory = folder.path().join("journal");
        settings.routes = folder.path().join("routes");
        settings.workers = std::num::NonZeroUsize::MIN;
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        settings.listeners.https = vec![any];
        settings.listeners.admin = vec![any];
        settings.tls.certificates = vec![CertificateFiles {
            certificate: folder.path().join("gateway.crt"),
            key: folder.path().join("gateway.key"),
        }];
        adjust(&mut settings);
        let gateway = app::start(Plan::new(settings)).unwrap();
        let address = gateway.addresses(Role::Https)[0];
        Self { gateway: Some(gateway), application, address, authority, folder }
    }

    /// The folder of the rules.
    pub fn rules(&self) -> std::path::PathBuf {
        self.folder.path().join("routes")
    }

    /// A client of the host, who is nobody.
    pub fn anybody(&self) -> Browser {
        Browser::new(self.address, "wms.test", &self.authority)
    }

    /// The person with the key.
    pub fn keeper(&self) -> Browser {
        self.anybody().with("X-Api-Key", KEY)
    }

    /// One raw request on a connection of its own, and the answer.
    pub fn raw(&self, request: &str) -> Seen {
        parse(&self.anybody().raw(request.as_bytes())).expect("an answer")
    }

    pub fn config(&self) -> rustls::ClientConfig {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.authority.clone()).unwrap();
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth()
    }

    pub fn metrics(&self) -> String {
        String::from_utf8(self.gateway.as_ref().unwrap().metrics()).unwrap()
    }

    /// The value of the first metric line that begins so.
    pub fn metric(&self, name: &str) -> u64 {
        let text = self.metrics();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name} in {text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// Returns when the metric has this value: a client may see an end a moment before it is counted.
    pub fn await_metric(&self, name: &str, value: u64) {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while self.metric(name) != value {
            assert!(std::time::Instant::now() < deadline, "{name} is {}, not {value}", self.metric(name));
            std::thread::yield_now();
        }
    }

    /// Everything on record, once the gateway has ended.
    pub fn end(mut self) -> Vec<serde_json::Value> {
        self.gateway.take().unwrap().stop().unwrap();
        let mut records = Vec::new();
        let mut folders = vec![self.folder.path().join("journal")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().flatten() {
                match entry.path() {
                    path if path.is_dir() => folders.push(path),
                    path if path.extension().is_some_and(|extension| extension == "jsonl") => {
                        let text = std::fs::read_to_string(path).unwrap();
                        records.extend(text.lines().filter_map(|line| serde_json::from_str(line).ok()));
                    }
                    _ => {}
                }
            }
        }
        records
    }
}

impl Drop for World {
    /// A gateway that was not ended is left to the end of the process: dropping it would wait for its background work.
    fn drop(&mut self) {
        std::mem::forget(self.gateway.take());
    }
}

fn write_rules(folder: &Path, upstream: SocketAddr, rules: &str) {
    std::fs::create_dir_all(folder).unwrap();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, KEY.as_bytes());
    let hash: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let roles = "permissions:\n  stock:view: {effect: none}\n  stock:change: {}\nroles:\n  keeper: {permissions: [stock:view, stock:change]}\n";
    let people =
        format!("people:\n  keeper.hf:\n    api-keys: [{{sha256: \"{hash}\"}}]\n    assignments: [{{role: keeper}}]\n");
    let identity = if rules.contains("identity:") { "" } else { "identity: {api-key: {header: X-Api-Key}}\n" };
    let app = format!("app: wms\nhosts: [wms.test]\nupstream: {{url: \"http://{upstream}\"}}\n{identity}{rules}");
    for (name, text) in [("roles.yaml", roles), ("people.yaml", &people), ("wms.yaml", &app)] {
        std::fs::write(folder.join(name), text).unwrap();
    }
}

fn write_certificates(folder: &Path) -> CertificateDer<'static> {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let key = KeyPair::generate().unwrap();
    let signed = authority.self_signed(&key).unwrap();
    let issuer = Issuer::new(authority, key);
    let leaf_key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["wms.test".to_owned()]).unwrap().signed_by(&leaf_key, &issuer).unwrap();
    std::fs::write(folder.join("gateway.crt"), leaf.pem()).unwrap();
    std::fs::write(folder.join("gateway.key"), leaf_key.serialize_pem()).unwrap();
    signed.der().clone()
}
