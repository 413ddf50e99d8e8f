//! A gateway before one application that answers as a test says and remembers what it received; three keepers with API keys.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::CertificateDer;
use scopegate::app::{self, Plan, Running};
use scopegate::config::{CertificateFiles, Settings};
use scopegate::model::{Clock, Timestamp};
use scopegate::server::listen::Role;
use serde_json::Value;

use crate::browser::{Browser, Seen};

pub const HOST: &str = "wms.test";

/// Who there is, and in which warehouses.
const PEOPLE: [(&str, &str); 4] =
    [("keeper.hf", "HF"), ("keeper.sh", "SH"), ("keeper.east", "[HF, SH]"), ("lead", "all")];

/// One request as the application received it.
#[derive(Clone, Debug)]
pub struct Received {
    pub head: String,
    pub body: String,
}

impl Received {
    /// Method and target.
    pub fn line(&self) -> &str {
        self.head.lines().next().unwrap().trim_end_matches(" HTTP/1.1")
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        fields.filter(|(sent, _)| sent.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

/// What the application does with a request, on its connection; with nothing, that is over.
pub type Script = dyn Fn(&Received, &TcpStream) -> Option<()> + Send + Sync;

/// An answer with a content type and a body.
pub fn answer(status: &str, content_type: &str, body: &str) -> Option<String> {
    let length = body.len();
    Some(format!("HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n{body}"))
}

pub fn json(body: &str) -> Option<String> {
    answer("200 OK", "application/json", body)
}

pub fn page(body: &str) -> Option<String> {
    answer("200 OK", "text/html; charset=utf-8", body)
}

/// The warehouse of an order in JSON, and `ok` for everything else.
pub fn orders(received: &Received) -> Option<String> {
    match received.line().strip_prefix("GET /api/order/") {
        Some("5") => json(r#"{"id": 5, "warehouse": "HF", "channel": "web"}"#),
        Some("6") => json(r#"{"id": 6, "warehouse": "SH", "channel": "web"}"#),
        Some(_) => answer("404 Not Found", "application/json", "{}"),
        None => page("ok"),
    }
}

/// A gate that stands shut until it is opened.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    pub fn pass(&self) {
        drop(self.0.1.wait_while(self.0.0.lock().unwrap(), |open| !*open).unwrap());
    }
}

#[derive(Clone)]
pub struct Application {
    received: Arc<(Mutex<VecDeque<Received>>, Condvar)>,
    script: Arc<Script>,
}

impl Application {
    fn serve(&self) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let own = self.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let own = own.clone();
                std::thread::spawn(move || while own.answer(&stream).is_some() {});
            }
        });
        address
    }

    fn answer(&self, stream: &TcpStream) -> Option<()> {
        let mut reader = BufReader::with_capacity(1, stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let mut received = Received { head, body: String::new() };
        if let Some(length) = received.field("content-length") {
            let mut body = vec![0; length.parse().unwrap()];
            reader.read_exact(&mut body).ok()?;
            received.body = String::from_utf8(body).unwrap();
        }
        self.received.0.lock().unwrap().push_back(received.clone());
        self.received.1.notify_all();
        (self.script)(&received, stream)
    }

    /// The lines of everything received since the last look.
    pub fn lines(&self) -> Vec<String> {
        self.take().iter().map(|received| received.line().to_owned()).collect()
    }

    /// Everything received since the last look.
    pub fn take(&self) -> Vec<Received> {
        self.received.0.lock().unwrap().drain(..).collect()
    }

    /// Returns when a request with this line has come in.
    pub fn await_line(&self, line: &str) {
        let here = |all: &mut VecDeque<Received>| !all.iter().any(|received| received.line() == line);
        drop(self.received.1.wait_while(self.received.0.lock().unwrap(), here).unwrap());
    }
}

/// A clock that stands where it is put.
pub struct Hands(std::sync::atomic::AtomicI64);

impl Hands {
    pub fn forward(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, std::sync::atomic::Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(std::sync::atomic::Ordering::SeqCst))
    }
}

pub struct World {
    pub gateway: Option<Running>,
    pub application: Application,
    pub clock: Arc<Hands>,
    pub folder: tempfile::TempDir,
    pub address: SocketAddr,
    authority: CertificateDer<'static>,
}

impl World {
    /// A gateway with these lookups and routes before an application that answers so.
    pub fn new<A: Into<Vec<u8>>>(rules: &str, script: impl Fn(&Received) -> Option<A> + Send + Sync + 'static) -> Self {
        Self::with(rules, script, |_| {})
    }

    /// The same, with further files in the folder of the rules.
    pub fn with<A: Into<Vec<u8>>>(
        rules: &str,
        script: impl Fn(&Received) -> Option<A> + Send + Sync + 'static,
        prepare: impl FnOnce(&Path),
    ) -> Self {
        let say = move |received: &Received, mut stream: &TcpStream| match script(received) {
            Some(text) => stream.write_all(&text.into()).ok(),
            // No answer: the connection stays silent until the gateway closes it.
            None => stream.read(&mut [0]).ok().and(None),
        };
        Self::talking(rules, say, |folder, _| prepare(folder))
    }

    /// The same, with an application that says on the connection what it likes, when it likes, and other settings.
    pub fn talking(
        rules: &str,
        script: impl Fn(&Received, &TcpStream) -> Option<()> + Send + Sync + 'static,
        prepare: impl FnOnce(&Path, &mut Settings),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let application = Application { received: Arc::default(), script: Arc::new(script) };
        let routes = folder.path().join("routes");
        write_rules(&routes, application.serve(), rules);
        let authority = write_certificates(folder.path());
        let mut settings = Settings::default();
        settings.state = folder.path().join("state");
        settings.store = folder.path().join("state/store.sqlite");
        settings.journal.directory = folder.path().join("journal");
        settings.routes.clone_from(&routes);
        settings.workers = std::num::NonZeroUsize::MIN;
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        settings.listeners.https = vec![any];
        settings.listeners.admin = vec![any];
        settings.tls.certificates = vec![CertificateFiles {
            certificate: folder.path().join("gateway.crt"),
            key: folder.path().join("gateway.key"),
        }];
        prepare(&routes, &mut settings);
        let clock = Arc::new(Hands(1_790_000_000_000_000.into()));
        let gateway = app::start(Plan { clock: clock.clone(), ..Plan::new(settings) }).unwrap();
        let address = gateway.addresses(Role::Https)[0];
        Self { gateway: Some(gateway), application, clock, folder, address, authority }
    }

    /// Somebody of whom nothing is known.
    pub fn anybody(&self) -> Browser {
        Browser::new(self.address, HOST, &self.authority)
    }

    /// One of the people, by API key.
    pub fn person(&self, name: &str) -> Browser {
        self.anybody().with("X-Api-Key", &key(name))
    }

    /// What a client needs to know of the certificates.
    pub fn config(&self) -> rustls::ClientConfig {
        self.anybody().tls()
    }

    /// The decision about a request that was refused.
    pub fn refusal(&self, seen: &Seen) -> Value {
        self.decision(seen.field("x-request-id").unwrap())
    }

    pub fn decision(&self, request: &str) -> Value {
        self.find("decision", request)
    }

    /// The last of this kind.
    fn find(&self, kind: &str, request: &str) -> Value {
        let found = self.about(request).into_iter().rfind(|record| record["kind"] == kind);
        found.unwrap_or_else(|| panic!("no {kind} about {request}"))
    }

    /// Everything on record about a request, in its order.
    pub fn about(&self, request: &str) -> Vec<Value> {
        self.records().into_iter().filter(|record| record["request"] == request).collect()
    }

    fn records(&self) -> Vec<Value> {
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

    /// Ends the gateway, so that everything is on record.
    pub fn end(&mut self) {
        self.gateway.take().unwrap().stop().unwrap();
    }

    /// The value of the metric line that begins so.
    pub fn metric(&self, name: &str) -> u64 {
        let text = String::from_utf8(self.gateway.as_ref().unwrap().metrics()).unwrap();
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

    /// Asserts that the request was refused for this reason, that the person was told that one, and what the application received.
    #[track_caller]
    pub fn refused(&self, seen: &Seen, reason: &str, told: &str, received: &[&str]) -> Value {
        let status = scopegate::model::Reason::parse(told).unwrap().status();
        assert_eq!((seen.status, seen.reason()), (status, Some(told)), "{}", seen.text());
        assert_eq!(self.application.lines(), received);
        let record = self.refusal(seen);
        assert_eq!((&record["decision"], &record["reason"]), (&"refuse".into(), &reason.into()), "{record:#}");
        record
    }

    /// Asserts that the request reached the application after these side requests; gives what it received.
    #[track_caller]
    pub fn permitted(&self, seen: &Seen, received: &[&str]) -> (Received, Value) {
        assert_eq!((seen.status, seen.reason()), (200, None), "{}", seen.text());
        let all = self.application.take();
        assert_eq!(all.iter().map(Received::line).collect::<Vec<_>>(), received);
        let last = all.last().unwrap().clone();
        let record = self.decision(last.field("x-request-id").unwrap());
        assert_eq!(record["decision"], "permit");
        (last, record)
    }
}

impl Drop for World {
    /// A gateway that was not ended is left to the end of the process: dropping it would wait for its background work.
    fn drop(&mut self) {
        std::mem::forget(self.gateway.take());
    }
}

fn key(name: &str) -> String {
    format!("key-of-{name}-3f9a5c17d2")
}

fn write_rules(folder: &Path, upstream: SocketAddr, rules: &str) {
    std::fs::create_dir_all(folder).unwrap();
    let roles = "
dimensions: {warehouse: {values: [HF, SH]}, channel: {values: [web, shop]}}
permissions: {portal:view: {effect: none}, order:view: {effect: none}, order:change: {}, order:move: {}}
roles: {keeper: {permissions: [portal:view, order:view, order:change, order:move]}}
";
    let mut people = "people:\n".to_owned();
    for (name, warehouse) in PEOPLE {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, key(name).as_bytes());
        let hash: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        people += &format!(
            "  {name}:\n    api-keys: [{{sha256: \"{hash}\"}}]\n    assignments: [{{role: keeper, scope: {{warehouse: {warehouse}, channel: all}}}}]\n"
        );
    }
    let identity = if rules.contains("identity:") { "" } else { "identity: {api-key: {header: X-Api-Key}}\n" };
    let app = format!("app: wms\nhosts: [{HOST}]\nupstream: {{url: \"http://{upstream}\"}}\n{identity}{rules}");
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
    let leaf = CertificateParams::new(vec![HOST.to_owned()]).unwrap().signed_by(&leaf_key, &issuer).unwrap();
    std::fs::write(folder.join("gateway.crt"), leaf.pem()).unwrap();
    std::fs::write(folder.join("gateway.key"), leaf_key.serialize_pem()).unwrap();
    signed.der().clone()
}
