//! A gateway before one reader or all of them, one person who may see every warehouse, and a client that keeps its connection.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use scopegate::app::{self, Plan, Running};
use scopegate::config::{CertificateFiles, Settings};
use scopegate::server::listen::Role;
use serde_json::Value;

use crate::launch::Kind;

pub const HOST: &str = "reader.test";
/// The key of the person.
pub const KEY: &str = "k-5d02e9b7a1";

pub struct World {
    gateway: Running,
    address: SocketAddr,
    tls: Arc<rustls::ClientConfig>,
    folder: tempfile::TempDir,
}

impl World {
    /// A gateway before `upstream`, which is read as `dialect` says.
    pub fn new(upstream: SocketAddr, dialect: &str, rules: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        write_rules(&at("routes"), upstream, dialect, rules);
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![HOST.to_owned()]).unwrap().self_signed(&key).unwrap();
        std::fs::write(at("gateway.crt"), certificate.pem()).unwrap();
        std::fs::write(at("gateway.key"), key.serialize_pem()).unwrap();
        let mut settings = Settings::default();
        settings.state = at("state");
        settings.store = at("state/store.sqlite");
        settings.journal.directory = at("journal");
        settings.routes = at("routes");
        settings.workers = std::num::NonZeroUsize::MIN;
        settings.listeners.https = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
        settings.listeners.redirect = Vec::new();
        settings.listeners.admin = Vec::new();
        settings.tls.certificates = vec![CertificateFiles { certificate: at("gateway.crt"), key: at("gateway.key") }];
        let gateway = app::start(Plan::new(settings)).unwrap();
        let address = gateway.addresses(Role::Https)[0];
        Self { gateway, address, tls: trusting(certificate.der().clone()), folder }
    }

    pub fn client(&self) -> Client {
        Client { address: self.address, tls: Arc::clone(&self.tls), stream: None }
    }

    /// Every decision on record by its request, once the gateway has ended.
    pub fn end(self) -> HashMap<String, Value> {
        self.gateway.stop().unwrap();
        let mut decisions = HashMap::new();
        let mut folders = vec![self.folder.path().join("journal")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().flatten() {
                match entry.path() {
                    path if path.is_dir() => folders.push(path),
                    path if path.extension().is_some_and(|extension| extension == "jsonl") => {
                        let text = std::fs::read_to_string(path).unwrap();
                        let records = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
                        for record in records.filter(|record| record["kind"] == "decision") {
                            decisions.insert(record["request"].as_str().unwrap().to_owned(), record);
                        }
                    }
                    _ => {}
                }
            }
        }
        decisions
    }
}

fn write_rules(folder: &Path, upstream: SocketAddr, dialect: &str, rules: &str) {
    std::fs::create_dir_all(folder).unwrap();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, KEY.as_bytes());
    let hash: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let roles = "dimensions: {warehouse: {}}\npermissions: {\"stock:view\": {effect: none}}\nroles: {lead: {permissions: [\"stock:view\"]}}\n";
    let people = format!(
        "people:\n  lead:\n    api-keys: [{{sha256: \"{hash}\"}}]\n    assignments: [{{role: lead, scope: {{warehouse: all}}}}]\n"
    );
    let app = format!(
        "app: reader\nhosts: [{HOST}]\nupstream: {{url: \"http://{upstream}\"}}\ndialect: {dialect}\nidentity: {{api-key: {{header: X-Api-Key}}}}\nroutes:\n{rules}"
    );
    for (name, text) in [("roles.yaml", roles), ("people.yaml", &people), ("reader.yaml", &app)] {
        std::fs::write(folder.join(name), text).unwrap();
    }
}

fn trusting(certificate: CertificateDer<'static>) -> Arc<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(config.with_root_certificates(roots).with_no_client_auth())
}

/// An answer, of the gateway or of a reader.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub reason: Option<String>,
    pub closes: bool,
    pub body: Vec<u8>,
}

/// Reads one answer; `None` where the connection ended before it.
pub fn read_answer(reader: &mut impl BufRead, to_head: bool) -> Option<Answer> {
    let mut line = String::new();
    let mut next = |reader: &mut dyn BufRead| {
        line.clear();
        let mut bytes = Vec::new();
        reader.read_until(b'\n', &mut bytes).ok().filter(|read| *read > 0)?;
        line.push_str(String::from_utf8_lossy(&bytes).trim_end());
        Some(line.clone())
    };
    let status: u16 = next(reader)?.split(' ').nth(1)?.parse().ok()?;
    let mut answer = Answer { status, reason: None, closes: false, body: Vec::new() };
    let (mut length, mut chunked) = (None, false);
    loop {
        let field = next(reader)?;
        let Some((name, value)) = field.split_once(':') else { break };
        match (name.to_ascii_lowercase().as_str(), value.trim()) {
            ("content-length", value) => length = value.parse::<u64>().ok(),
            ("transfer-encoding", "chunked") => chunked = true,
            ("connection", value) => answer.closes = value.eq_ignore_ascii_case("close"),
            ("x-scopegate-reason", value) => answer.reason = Some(value.to_owned()),
            _ => {}
        }
    }
    if to_head || matches!(status, 204 | 304) {
        return Some(answer);
    }
    if chunked {
        loop {
            let size = u64::from_str_radix(next(reader)?.trim(), 16).ok()?;
            reader.take(size).read_to_end(&mut answer.body).ok()?;
            next(reader)?;
            if size == 0 {
                return Some(answer);
            }
        }
    }
    match length {
        Some(length) => reader.take(length).read_to_end(&mut answer.body).ok()?,
        None => reader.read_to_end(&mut answer.body).ok()?,
    };
    answer.closes |= length.is_none();
    Some(answer)
}

type Stream = BufReader<rustls::StreamOwned<rustls::ClientConnection, TcpStream>>;

/// A client of the gateway.
pub struct Client {
    address: SocketAddr,
    tls: Arc<rustls::ClientConfig>,
    stream: Option<Stream>,
}

impl Client {
    fn connect(&self) -> Stream {
        let socket = TcpStream::connect(self.address).unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let name = ServerName::try_from(HOST).unwrap();
        let connection = rustls::ClientConnection::new(Arc::clone(&self.tls), name).unwrap();
        BufReader::new(rustls::StreamOwned::new(connection, socket))
    }

    /// Sends one request and reads its answer.
    pub fn send(&mut self, bytes: &[u8]) -> Answer {
        let mut stream = self.stream.take().unwrap_or_else(|| self.connect());
        // a gateway that has answered need not read the rest
        let _ = stream.get_mut().write_all(bytes);
        let to_head = bytes.starts_with(b"HEAD ");
        let answer =
            read_answer(&mut stream, to_head).unwrap_or_else(|| panic!("no answer to {}", bytes.escape_ascii()));
        if !answer.closes {
            self.stream = Some(stream);
        }
        answer
    }
}

/// A server that gives every request to all readers, byte by byte, and answers what each of them answered.
pub fn relay() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    for kind in Kind::ALL {
        kind.address();
    }
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || pass_on(&stream));
        }
    });
    address
}

fn pass_on(stream: &TcpStream) -> Option<()> {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream);
    let mut readers: [Option<BufReader<TcpStream>>; 6] = std::array::from_fn(|_| None);
    loop {
        let mut bytes = Vec::new();
        let mut length = 0;
        while !bytes.ends_with(b"\r\n\r\n") {
            let from = bytes.len();
            reader.read_until(b'\n', &mut bytes).ok().filter(|read| *read > 0)?;
            let line = String::from_utf8_lossy(&bytes[from..]).to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            assert!(!line.starts_with("transfer-encoding:"), "every body is judged, so its length is known");
        }
        reader.by_ref().take(length).read_to_end(&mut bytes).ok()?;
        let mut answers = Vec::new();
        for (kind, open) in Kind::ALL.into_iter().zip(&mut readers) {
            let answer = ask(kind, open, &bytes);
            let seen = serde_json::from_slice(&answer.body).ok().filter(|_| answer.status == 200);
            answers.push(seen.unwrap_or(Value::from(answer.status)));
        }
        let body = serde_json::to_vec(&Value::Array(answers)).unwrap();
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
        let body: &[u8] = if bytes.starts_with(b"HEAD ") { b"" } else { &body };
        (&*stream).write_all(&[head.as_bytes(), body].concat()).ok()?;
    }
}

/// Asks a reader directly. A connection that it has closed meanwhile is opened again.
pub fn ask(kind: Kind, open: &mut Option<BufReader<TcpStream>>, bytes: &[u8]) -> Answer {
    let to_head = bytes.starts_with(b"HEAD ");
    if let Some(mut stream) = open.take()
        && stream.get_mut().write_all(bytes).is_ok()
        && let Some(answer) = read_answer(&mut stream, to_head)
    {
        *open = (!answer.closes).then_some(stream);
        return answer;
    }
    let socket = TcpStream::connect(kind.address()).unwrap();
    socket.set_nodelay(true).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut stream = BufReader::new(socket);
    let _ = stream.get_mut().write_all(bytes);
    let answer =
        read_answer(&mut stream, to_head).unwrap_or_else(|| panic!("{kind:?} did not answer {}", bytes.escape_ascii()));
    *open = (!answer.closes).then_some(stream);
    answer
}
