//! Everything that a gateway needs around it: an application, certificates, rules, settings, a folder for its state.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::CertificateDer;
use scopegate::audit::filter::{Entry, Filter, Wanted};
use scopegate::audit::query::{Order, Query, query};

use crate::application::Application;
use crate::client::Client;
use crate::gateway::{Gateway, PROGRAM};

/// The host of the application.
pub const HOST: &str = "wms.test";

/// Who works there.
pub const KEEPER: &str = "keeper.one";

/// The two rule sets of a site; what each does shows in what the application receives and in what the client gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Set {
    /// The keeper has HF; `/only-a` is allowed, streams are.
    A,
    /// The keeper has SH; `/only-b` is allowed, streams are not (but long lists are).
    B,
}

impl Set {
    pub const fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }

    pub const fn warehouse(self) -> &'static str {
        match self {
            Self::A => "HF",
            Self::B => "SH",
        }
    }
}

pub struct Site {
    folder: tempfile::TempDir,
    pub address: SocketAddr,
    pub admin: SocketAddr,
    pub authority: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    pub application: Application,
    starts: AtomicU32,
    certificates: AtomicU32,
}

/// Loopback addresses are plenty: each site has its own, so that its ports are free.
fn own_address() -> Ipv4Addr {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let count = u8::try_from(COUNT.fetch_add(1, Ordering::Relaxed)).unwrap();
    Ipv4Addr::new(127, 100 + count, high, low.max(1))
}

impl Site {
    /// A site with rule set A and these further lines of settings.
    pub fn new(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let own = own_address();
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        // OpenSSL takes a certificate for self-signed whose issuer is called as it is
        authority.distinguished_name.push(DnType::CommonName, "site authority");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        let signed = authority.self_signed(&key).unwrap();
        let site = Self {
            address: SocketAddr::from((own, 8443)),
            admin: SocketAddr::from((own, 9464)),
            authority: signed.der().clone(),
            issuer: Issuer::new(authority, key),
            application: Application::start(),
            starts: AtomicU32::new(0),
            certificates: AtomicU32::new(0),
            folder,
        };
        site.exchange_certificate();
        for set in [Set::A, Set::B] {
            site.write_rules(set, "");
        }
        site.choose(Set::A);
        site.write_settings(settings);
        site
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write_settings(&self, further: &str) {
        let (https, admin) = (self.address, self.admin);
        let text = format!(
            "node: n1\nworkers: 2\nlisteners: {{https: [\"{https}\"], admin: [\"{admin}\"]}}\n\
             tls: {{certificates: [{{certificate: tls/now/gateway.crt, key: tls/now/gateway.key}}], watch-interval: 1s}}\n\
             {further}\n"
        );
        std::fs::write(self.path("gateway.yaml"), text).unwrap();
    }

    /// Writes a rule set with `further` routes.
    pub fn write_rules(&self, set: Set, further: &str) {
        let dir = self.path(&format!("rules-{}", set.name()));
        std::fs::create_dir_all(&dir).unwrap();
        let (name, upstream) = (set.name(), self.application.address);
        let app = format!(
            r"
app: wms
hosts: [{HOST}]
upstream: {{url: 'http://{upstream}'}}
headers: {{user: X-Told-By-{name}}}
identity:
  legacy-session:
    session: {{cookie: SID}}
    sign-in:
      post: /login
      user: {{form: user}}
      succeeded: {{status: 302, location: /main}}
      confirm: {{probe: {{get: /whoami, body: 'user=([a-z.]+);'}}}}
    sign-out: {{any: /logout}}
routes:
  - {{id: sign-in, match: POST /login, public: true}}
  - {{id: sign-out, match: GET /logout, public: true}}
  - {{id: only-{name}, match: GET /only-{name}, permission: 'list:view', scope: {{warehouse: ignored}}, others: forward}}
  - id: list
    match: GET /list
    permission: list:view
    scope: {{warehouse: {{query: warehouse, absent: fill}}}}
    others: forward
  - id: change
    match: POST /change
    permission: list:change
    audit: strict
    scope: {{warehouse: {{form: warehouse, absent: fill}}}}
    params: {{n: {{at: {{form: n}}, type: text}}}}
  - {{id: stream, match: GET /stream, permission: 'stream:view', scope: {{warehouse: ignored}}, others: forward}}
  - {{id: export, match: GET /export/stream, permission: 'list:view', scope: {{warehouse: ignored}}, others: forward}}
{further}"
        );
        std::fs::write(dir.join("wms.yaml"), app).unwrap();
        let roles = r"
dimensions: {warehouse: {values: [HF, SH]}}
permissions:
  list:view: {effect: none}
  list:change: {}
  stream:view: {effect: none}
roles:
  keeper: {permissions: [list:view, list:change]}
  watcher: {permissions: [stream:view]}
";
        std::fs::write(dir.join("roles.yaml"), roles).unwrap();
        let warehouse = set.warehouse();
        let watcher = if set == Set::A { "      - {role: watcher, scope: {warehouse: all}}\n" } else { "" };
        let people = format!(
            "people:\n  {KEEPER}:\n    assignments:\n      - {{role: keeper, scope: {{warehouse: [{warehouse}]}}}}\n{watcher}"
        );
        std::fs::write(dir.join("people.yaml"), people).unwrap();
    }

    /// Points the rules folder somewhere else at one stroke, as a Kubernetes volume does.
    pub fn choose(&self, set: Set) {
        self.point("routes", &self.path(&format!("rules-{}", set.name())));
    }

    pub fn point(&self, name: &str, to: &Path) {
        let draft = self.path(&format!("{name}.draft"));
        std::os::unix::fs::symlink(to, &draft).unwrap();
        std::fs::rename(&draft, self.path(name)).unwrap();
    }

    /// Makes a new certificate and puts it where the gateway reads it, at one stroke.
    pub fn exchange_certificate(&self) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![HOST.to_owned(), "*.strange.test".to_owned()])
            .unwrap()
            .signed_by(&key, &self.issuer)
            .unwrap();
        self.exchange_pair(&certificate.pem(), &key.serialize_pem());
        certificate.der().clone()
    }

    pub fn exchange_pair(&self, certificate: &str, key: &str) {
        let number = self.certificates.fetch_add(1, Ordering::Relaxed);
        let dir = self.path(&format!("tls/{number}"));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("gateway.crt"), certificate).unwrap();
        std::fs::write(dir.join("gateway.key"), key).unwrap();
        self.point("tls/now", &dir);
    }

    /// The command that runs a gateway here.
    pub fn command(&self, further: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.arg("run").arg("--config").arg(self.path("gateway.yaml")).args(further);
        command
    }

    pub fn start(&self) -> Gateway {
        self.start_as(self.command(&[]))
    }

    pub fn start_as(&self, command: Command) -> Gateway {
        let number = self.starts.fetch_add(1, Ordering::Relaxed);
        Gateway::start(command, self.admin, self.path(&format!("log-{number}")))
    }

    pub fn client(&self) -> Client {
        Client::new(self.address, &self.authority)
    }

    /// A client that has signed in.
    pub fn keeper(&self) -> Client {
        let mut client = self.client();
        let answer = client.post("/login", &format!("user={KEEPER}&password=x")).unwrap();
        assert_eq!((answer.status, answer.field("location")), (302, Some("/main")), "{answer:?}");
        client
    }

    pub fn journal(&self) -> PathBuf {
        self.path("state/journal")
    }

    /// All records of one kind; decisions come with their outcomes.
    pub fn records(&self, wanted: Wanted) -> Vec<Entry> {
        let mut entries = Vec::new();
        let filter = Filter::new(Vec::new(), None, None);
        let question = Query { filter, wanted, order: Order::Oldest, limit: None };
        query(&self.journal(), &question, &mut |entry| {
            entries.push(entry);
            ControlFlow::Continue(())
        })
        .unwrap();
        entries
    }

    pub fn decisions(&self) -> Vec<Entry> {
        self.records(Wanted::Decisions)
    }

    /// Whether an event of administration is on record.
    pub fn administered(&self, action: &str) -> bool {
        self.records(Wanted::Administration).iter().any(|entry| entry.text("action").as_deref() == Some(action))
    }

    /// `scopegate audit verify`, which must find nothing.
    pub fn verify(&self) -> serde_json::Value {
        let mut command = Command::new(PROGRAM);
        let output =
            command.args(["audit", "verify", "--format", "json", "--journal"]).arg(self.journal()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_str(&text).unwrap()
    }

    /// Every request that the application received has its decision in the journal.
    pub fn everything_received_is_on_record(&self) {
        let decided: std::collections::HashSet<String> =
            self.decisions().iter().filter_map(|entry| Some(entry.text("request")?.into_owned())).collect();
        for received in self.application.received() {
            assert!(decided.contains(&received.request), "not on record: {received:?}");
        }
    }
}
