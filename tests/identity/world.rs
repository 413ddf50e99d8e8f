//! A gateway's identity around one application, with requests and answers written as they go over the wire.

use bytes::Bytes;
use parking_lot::Mutex;
use scopegate::identity::chain::raw::{Compile, RawIdentity};
use scopegate::identity::chain::{Identified, IdentityChain};
use scopegate::identity::credential::{CredentialSource, PasswordSettings, PasswordVerifier, SubjectStatus};
use scopegate::identity::error::IdentityError;
use scopegate::identity::evidence::Evidence;
use scopegate::identity::fault::Fault;
use scopegate::identity::jwks::KeyRing;
use scopegate::identity::key::MasterKey;
use scopegate::identity::presented::Presented;
use scopegate::identity::session::{MemoryStore, SessionSettings, SessionTable};
use scopegate::identity::settle::{Exchange, Settlement};
use scopegate::identity::sign_in::{Judgement, Verdict};
use scopegate::identity::verifiers::Verifiers;
use scopegate::model::{Device, Reason, SubjectId, Timestamp};
use scopegate::request::{BodyLimits, CanonicalTarget, ContentTypes, Dialect, RequestView, TargetLimits};
use scopegate::wire::connection::{CertificateNames, ClientCertificate, ConnectionInfo, Protocol, TlsInfo};
use scopegate::wire::head::{RequestHead, ResponseHead};
use scopegate::wire::limit::HeadLimits;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// 2027-01-15T08:00:00Z.
pub const START: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

/// People who are known, with their credentials.
#[derive(Default)]
pub struct TestPeople {
    pub known: HashSet<String>,
    pub frozen: Mutex<HashSet<String>>,
    pub keys: HashMap<[u8; 32], SubjectId>,
    pub passwords: Mutex<HashMap<String, Arc<str>>>,
}

impl TestPeople {
    pub fn known(names: &[&str]) -> Self {
        Self { known: names.iter().map(|&name| name.to_owned()).collect(), ..Self::default() }
    }
}

impl CredentialSource for TestPeople {
    fn by_api_key_hash(&self, hash: &[u8; 32]) -> Option<SubjectId> {
        self.keys.get(hash).cloned()
    }

    fn password_hash(&self, user: &str) -> Option<(SubjectId, Arc<str>)> {
        Some((SubjectId::new(user), self.passwords.lock().get(user)?.clone()))
    }

    fn status(&self, subject: &SubjectId) -> SubjectStatus {
        match subject.as_str() {
            name if self.frozen.lock().contains(name) => SubjectStatus::Frozen,
            name if self.known.contains(name) => SubjectStatus::Active,
            _ => SubjectStatus::Unknown,
        }
    }
}

/// One application's identity, a table of sessions and a clock.
pub struct World {
    pub chain: IdentityChain,
    pub dialect: Dialect,
    pub people: TestPeople,
    pub sessions: Arc<SessionTable>,
    pub verifiers: Verifiers,
    pub ring: Arc<KeyRing>,
    pub store: Arc<MemoryStore>,
    pub connection: ConnectionInfo,
    pub device: Device,
    pub now: Timestamp,
}

pub fn compile(yaml: &str, dialect: &Dialect, files: &[(&str, &[u8])]) -> Result<IdentityChain, Vec<Fault>> {
    let tree: serde_json::Value = serde_yaml::from_str(yaml).expect("YAML");
    let raw: RawIdentity = serde_json::from_value(tree).expect("an identity section");
    let read = |name: &str| {
        let found = files.iter().find(|(own, _)| *own == name);
        found.map(|(_, bytes)| bytes.to_vec()).ok_or_else(|| std::io::ErrorKind::NotFound.into())
    };
    raw.compile(&Compile { app: "wms", dialect, read: &read })
}

pub fn faults(yaml: &str) -> Vec<String> {
    let found = compile(yaml, &Dialect::default(), &[]).expect_err("faults");
    found.iter().map(ToString::to_string).collect()
}

pub fn key() -> MasterKey {
    MasterKey::from_bytes(&[9; 32])
}

impl World {
    pub async fn new(yaml: &str) -> Self {
        Self::with(yaml, Dialect::default(), &[]).await
    }

    pub async fn with(yaml: &str, dialect: Dialect, files: &[(&str, &[u8])]) -> Self {
        let chain = compile(yaml, &dialect, files).expect("no faults");
        let store: Arc<MemoryStore> = Arc::default();
        let sessions = SessionTable::open(&key(), store.clone(), SessionSettings::default()).await.unwrap();
        let ring: Arc<KeyRing> = Arc::default();
        let passwords = Arc::new(PasswordVerifier::new(&key(), PasswordSettings::default()));
        let verifiers = Verifiers::new(sessions.clone(), passwords, ring.clone());
        let connection = ConnectionInfo {
            id: 1,
            peer: "192.0.2.7:40000".parse().unwrap(),
            local: "192.0.2.1:443".parse().unwrap(),
            proxied: None,
            tls: None,
            accepted: START,
        };
        let people = TestPeople::known(&["clerk", "engineer"]);
        let device = Device { id: Some("device-1".into()), known: true, ..Device::default() };
        Self { chain, dialect, people, sessions, verifiers, ring, store, connection, device, now: START }
    }

    /// The same world with an empty table of sessions that is set otherwise.
    pub async fn set(&mut self, settings: SessionSettings) {
        self.sessions = SessionTable::open(&key(), Arc::<MemoryStore>::default(), settings).await.unwrap();
        let passwords = Arc::new(PasswordVerifier::new(&key(), PasswordSettings::default()));
        self.verifiers = Verifiers::new(self.sessions.clone(), passwords, self.ring.clone());
    }

    pub fn pass(&mut self, seconds: u64) {
        self.now = self.now.after(Duration::from_secs(seconds));
    }

    pub fn show_certificate(&mut self, subject: &str, common_name: &str) {
        let certificate = ClientCertificate {
            der: Vec::new(),
            subject: subject.into(),
            common_name: Some(common_name.into()),
            issuer: "CN=ca".into(),
            serial: "01".into(),
            dns_names: Vec::new(),
            emails: Vec::new(),
            uris: Vec::new(),
            sha256: String::new(),
            not_after: START,
        };
        self.connection.tls = Some(TlsInfo {
            server_name: None,
            version: "TLSv1.3",
            cipher: "",
            protocol: Protocol::Http1,
            resumed: false,
            certificate: Arc::new(CertificateNames::default()),
            client_certificate: Some(Arc::new(certificate)),
            fingerprint: None,
        });
    }

    /// Reads a request as the gateway does, body included, and hands it over with what it presents.
    pub fn on_request<T>(
        &self,
        request: &str,
        work: impl AsyncFnOnce(&Evidence<'_>, &Presented, &RequestView<'_>) -> T,
    ) -> impl Future<Output = T> {
        let text = request.replace('\n', "\r\n");
        let (head, body) = text.split_once("\r\n\r\n").map_or((text.as_str(), ""), |parts| parts);
        let length = if body.is_empty() { String::new() } else { format!("\r\nContent-Length: {}", body.len()) };
        let head = format!("{head}\r\nHost: wms.example.test{length}\r\n\r\n");
        let (head, body) = (parse_request(&head), Bytes::copy_from_slice(body.as_bytes()));
        async move {
            let target = CanonicalTarget::parse(head.target(), &self.dialect, &TargetLimits::default()).unwrap();
            let mut view = RequestView::new(head.method(), head.fields(), !body.is_empty(), target, &self.dialect);
            let types = ContentTypes { form: true, json: true, ..ContentTypes::default() };
            view.read_body(&types, &BodyLimits::default(), &body).unwrap();
            let evidence = Evidence {
                head: &head,
                target: Some(view.target()),
                dialect: &self.dialect,
                connection: &self.connection,
                client: self.connection.source(),
                device: &self.device,
                now: self.now,
            };
            let presented = self.chain.present(&evidence, &self.verifiers);
            work(&evidence, &presented, &view).await
        }
    }

    /// Who is asking, on a route that is not public.
    pub async fn identify(&self, request: &str) -> Result<Identified, IdentityError> {
        self.on_request(request, async |evidence, presented, _| {
            self.chain.identify(evidence, presented, &self.people, &self.verifiers).await
        })
        .await
    }

    /// The subject, as text.
    pub async fn who(&self, request: &str) -> Option<String> {
        self.identify(request).await.expect("no refusal").subject.map(|subject| subject.to_string())
    }

    /// The reason of the refusal.
    pub async fn refusal(&self, request: &str) -> Reason {
        self.identify(request).await.expect_err("a refusal").reason
    }

    /// A request to a public route, so that the application answers: judges and settles what that does to sessions.
    pub async fn exchange(&self, request: &str, answer: &str) -> (Option<Verdict>, Settlement) {
        self.exchange_with(request, answer, None).await
    }

    /// Like [`World::exchange`], with the page that a probe gets.
    pub async fn exchange_with(
        &self,
        request: &str,
        answer: &str,
        probe: Option<&str>,
    ) -> (Option<Verdict>, Settlement) {
        let (answer, body) = parse_response(answer);
        let probe = probe.map(parse_response);
        let verdict = self
            .on_request(request, async |_, _, view| {
                let watch = self.chain.watch(view)?;
                let mut judgement = self.chain.judge(&watch, &answer, None, self.now);
                if judgement == Judgement::NeedsBody {
                    judgement = self.chain.judge(&watch, &answer, Some(Some(&body)), self.now);
                }
                Some(match judgement {
                    Judgement::Final(verdict) => verdict,
                    Judgement::NeedsBody => panic!("asked twice"),
                    Judgement::NeedsProbe(_) => match &probe {
                        Some((head, page)) => self.chain.judge_probe(&watch, head, Some(page)),
                        None => IdentityChain::probe_failed(),
                    },
                })
            })
            .await;
        let settlement = self
            .on_request(request, async |_, presented, _| {
                let exchange = Exchange {
                    presented,
                    device: self.device.id.as_ref(),
                    verdict: verdict.as_ref(),
                    before: &[],
                    answer: &answer,
                    probe: probe.as_ref().map(|(head, _)| head),
                    now: self.now,
                };
                self.chain.settle(&exchange, &self.sessions).unwrap()
            })
            .await;
        self.sessions.commit(settlement.changes.clone()).await.unwrap();
        (verdict, settlement)
    }
}

pub fn parse_request(text: &str) -> RequestHead {
    RequestHead::parse(text.as_bytes(), &HeadLimits::default()).expect("a request head").0
}

pub fn parse_response(text: &str) -> (ResponseHead, Vec<u8>) {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let head = format!("HTTP/1.1 {}\r\n\r\n", head.replace('\n', "\r\n"));
    let head = ResponseHead::parse(head.as_bytes(), &HeadLimits::default()).expect("an answer head").0;
    (head, body.as_bytes().to_vec())
}
