//! TLS towards applications: what is accepted, and that what is not never sees a request.

use super::application::{Application, Seen, Step, send, serve};
use super::{Bench, OK, change, compiled};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PublicKeyData as _};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::LocalSet;
use tokio_rustls::TlsAcceptor;

/// A certificate with its key and the hashes that pins are made of.
struct Identity {
    certificate: CertificateDer<'static>,
    key: KeyPair,
}

impl Identity {
    fn pin(&self) -> String {
        let hash = digest(&SHA256, &self.key.subject_public_key_info());
        format!("sha256/{}", base64::engine::general_purpose::STANDARD.encode(hash))
    }

    fn fingerprint(&self) -> String {
        let hash = digest(&SHA256, &self.certificate);
        format!("cert-sha256:{}", hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    }
}

struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    fn issue(&self, name: &str) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        std::fs::write(self.folder.path().join(format!("{name}.pem")), certificate.pem()).unwrap();
        std::fs::write(self.folder.path().join(format!("{name}.key")), key.serialize_pem()).unwrap();
        Identity { certificate: certificate.der().clone(), key }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

async fn start(identity: &Identity, clients: Option<&Authority>) -> Application {
    start_with(identity, clients, || vec![send(OK)]).await
}

/// Answers each request by `steps`.
async fn start_with(identity: &Identity, clients: Option<&Authority>, steps: fn() -> Vec<Step>) -> Application {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_file(authority.file("ca.pem")).unwrap()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = PrivateKeyDer::from_pem_slice(identity.key.serialize_pem().as_bytes()).unwrap();
    let config = builder.with_single_cert(vec![identity.certificate.clone()], key).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen: Rc<RefCell<Vec<Seen>>> = Rc::default();
    let (acceptor, record) = (TlsAcceptor::from(Arc::new(config)), Rc::clone(&seen));
    tokio::task::spawn_local(async move {
        for connection in 0.. {
            let (socket, _) = listener.accept().await.unwrap();
            if let Ok(stream) = acceptor.accept(socket).await {
                let script = Rc::new(move |_, _| steps());
                tokio::task::spawn_local(serve(stream, connection, script, Rc::clone(&record)));
            }
        }
    });
    Application { address, seen }
}

/// How a change fares, and how many requests the application saw.
async fn outcome(application: &Application, tls: &str) -> (Result<(u16, String), String>, usize) {
    let spec = compiled(&format!("{{url: 'https://{}', tls: {{{tls}}}, connect-timeout: 5s}}", application.address));
    let result = Bench::new().ask(&spec, change("/a")).await;
    (result, application.count())
}

fn accepted() -> (Result<(u16, String), String>, usize) {
    (Ok((200, "ok".to_owned())), 1)
}

fn refused() -> (Result<(u16, String), String>, usize) {
    (Err("upstream-unreachable".to_owned()), 0)
}

#[tokio::test]
async fn a_certificate_of_the_own_authority_with_the_right_name_is_accepted() {
    let test = async {
        let authority = Authority::new();
        let application = start(&authority.issue("erp.lan"), None).await;
        let ca = authority.file("ca.pem");
        assert_eq!(outcome(&application, &format!("ca: {}, name: erp.lan", ca.display())).await, accepted());
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn a_certificate_that_no_authority_vouches_for_is_refused() {
    let test = async {
        let (authority, other) = (Authority::new(), Authority::new());
        let application = start(&authority.issue("erp.lan"), None).await;
        assert_eq!(outcome(&application, "name: erp.lan").await, refused());
        let ca = other.file("ca.pem");
        assert_eq!(outcome(&application, &format!("ca: {}, name: erp.lan", ca.display())).await, refused());
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let test = async {
        let authority = Authority::new();
        let identity = authority.issue("erp.lan");
        let application = start(&identity, None).await;
        let ca = format!("ca: {}", authority.file("ca.pem").display());
        assert_eq!(outcome(&application, &format!("{ca}, name: wms.lan")).await, refused());
        // without a name it is the host of the address
        assert_eq!(outcome(&application, &ca).await, refused());
        // a name that is written out counts beside a pin too
        assert_eq!(outcome(&application, &format!("pin: {}, name: wms.lan", identity.pin())).await, refused());
        assert_eq!(outcome(&application, &format!("pin: {}, name: erp.lan", identity.pin())).await, accepted());
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn another_key_than_the_pinned_one_is_refused() {
    let test = async {
        let authority = Authority::new();
        let (identity, other) = (authority.issue("erp.lan"), authority.issue("other.lan"));
        let application = start(&identity, None).await;
        let ca = format!("ca: {}, name: erp.lan", authority.file("ca.pem").display());
        for pin in [other.pin(), other.fingerprint()] {
            assert_eq!(outcome(&application, &format!("pin: {pin}")).await, refused());
            assert_eq!(outcome(&application, &format!("{ca}, pin: {pin}")).await, refused());
        }
        for (count, pin) in [(1, identity.pin()), (2, identity.fingerprint())] {
            let (result, seen) = outcome(&application, &format!("pin: ['{}', '{pin}']", other.pin())).await;
            assert_eq!((result.is_ok(), seen), (true, count));
        }
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn the_gateway_shows_its_certificate_to_the_application() {
    let test = async {
        let (authority, clients) = (Authority::new(), Authority::new());
        clients.issue("gateway");
        let application = start(&authority.issue("erp.lan"), Some(&clients)).await;
        let ca = format!("ca: {}, name: erp.lan", authority.file("ca.pem").display());
        let (cert, key) = (clients.file("gateway.pem"), clients.file("gateway.key"));
        let shown = format!("{ca}, client-cert: {}, client-key: {}", cert.display(), key.display());
        assert_eq!(outcome(&application, &shown).await, accepted());
        let (result, seen) = outcome(&application, &ca).await;
        assert!(result.is_err() && seen == 1, "{result:?}");
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test(start_paused = true)]
async fn an_application_that_speaks_no_tls_is_unreachable_and_a_silent_one_too_slow() {
    let test = async {
        let rubbish = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = rubbish.local_addr().unwrap();
        tokio::task::spawn_local(async move {
            let (mut socket, _) = rubbish.accept().await.unwrap();
            let _ = tokio::io::AsyncWriteExt::write_all(&mut socket, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            std::future::pending::<()>().await;
        });
        let rubbish = Application { address, seen: Rc::default() };
        assert_eq!(outcome(&rubbish, "").await, refused());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let silent = Application { address: listener.local_addr().unwrap(), seen: Rc::default() };
        assert_eq!(outcome(&silent, "").await, (Err("upstream-timeout".to_owned()), 0));
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn tls_that_cannot_be_set_up_is_told_when_rules_are_loaded() {
    let bench = Bench::new();
    for (tls, what) in [
        ("ca: /nowhere/ca.pem", "`/nowhere/ca.pem` cannot be read"),
        ("ca: /dev/null", "`/dev/null` holds no certificate"),
        ("client-cert: /nowhere/c.pem, client-key: /nowhere/k.pem", "`/nowhere/k.pem` cannot be read"),
    ] {
        let spec = compiled(&format!("{{url: 'https://erp.lan', tls: {{{tls}}}}}"));
        let faults = bench.shared.prepare([&spec]).err().unwrap();
        assert!(faults[0].1.to_string().contains(what), "{}", faults[0].1);
    }
}

#[tokio::test]
async fn an_idle_connection_with_tls_that_was_closed_is_not_used_again() {
    let test = async {
        let identity = Authority::new().issue("erp.lan");
        let application = start_with(&identity, None, || vec![send(OK), Step::Close]).await;
        let (bench, pin) = (Bench::new(), identity.pin());
        let spec = compiled(&format!("{{url: 'https://{}', tls: {{pin: '{pin}'}}}}", application.address));
        for _ in 0..2 {
            assert_eq!(bench.ask(&spec, change("/a")).await, Ok((200, "ok".to_owned())));
            // the application goes on to close, and the runtime looks at the sockets
            for _ in 0..64 {
                tokio::task::yield_now().await;
            }
        }
        assert_eq!(application.connections(), [0, 1]);
    };
    LocalSet::new().run_until(test).await;
}
