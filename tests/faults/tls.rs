//! TLS towards an application that is not what it should be: nothing is sent to it, and what breaks off does not look complete.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;

use super::asking::{Got, http1, http2};
use crate::world::World;

/// How an application behind TLS ends its answer.
#[derive(Clone, Copy)]
enum Ends {
    /// With its framing.
    Framed,
    /// With the connection, said so by TLS.
    Closed,
    /// With the connection, cut by whoever stands between.
    Cut,
}

struct Authority(Issuer<'static, KeyPair>, String);

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    Authority(Issuer::new(params, key), pem)
}

/// An application with a certificate for this name, valid or long expired, and the requests that it got.
fn start(
    authority: &Authority,
    name: &str,
    expired: bool,
    ends: Ends,
) -> (SocketAddr, Arc<std::sync::Mutex<Vec<String>>>) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    if expired {
        params.not_before = rcgen::date_time_ymd(2019, 1, 1);
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    }
    let certificate = params.signed_by(&key, &authority.0).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap(),
        )
        .unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let seen: Arc<std::sync::Mutex<Vec<String>>> = Arc::default();
    let (config, log) = (Arc::new(config), Arc::clone(&seen));
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let (config, log) = (Arc::clone(&config), Arc::clone(&log));
            std::thread::spawn(move || serve(socket, config, &log, ends));
        }
    });
    (address, seen)
}

fn serve(socket: TcpStream, config: Arc<ServerConfig>, log: &std::sync::Mutex<Vec<String>>, ends: Ends) -> Option<()> {
    let mut stream = rustls::StreamOwned::new(rustls::ServerConnection::new(config).unwrap(), socket);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    log.lock().unwrap().push(String::from_utf8_lossy(&head).into_owned());
    let length = if matches!(ends, Ends::Framed) { "Content-Length: 4\r\n" } else { "" };
    stream.write_all(format!("HTTP/1.1 200 OK\r\nConnection: close\r\n{length}\r\nsafe").as_bytes()).ok()?;
    if !matches!(ends, Ends::Cut) {
        stream.conn.send_close_notify();
    }
    stream.flush().ok()
}

/// What both versions get, with these settings of `tls:`.
fn asked(address: SocketAddr, scheme: &str, tls: &str) -> [Got; 2] {
    let routes = "routes: [{id: a, match: GET /a, public: true}]\n";
    let world = World::with(routes, |settings| {
        let app = format!(
            "app: wms\nhosts: [wms.test]\nupstream: {{url: '{scheme}://{address}', retries: 0{tls}}}\n{routes}"
        );
        std::fs::write(settings.routes.join("wms.yaml"), app).unwrap();
    });
    let browser = world.anybody();
    [http1(&browser, "GET", "/a"), http2(&browser, "GET", "/a")]
}

fn refused(got: &[Got; 2], reason: &str) {
    for one in got {
        assert!(one.whole && one.status == 502 && one.reason.as_deref() == Some(reason), "{one:?}");
    }
}

#[test]
fn an_application_whose_certificate_is_not_its_own_is_sent_nothing() {
    let (ours, theirs) = (authority(), authority());
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, &ours.1).unwrap();
    let tls = format!(", tls: {{ca: '{}', name: app.test}}", ca.display());
    for (what, authority, name, expired, tls) in [
        ("expired", &ours, "app.test", true, tls.clone()),
        ("another name", &ours, "other.test", false, tls.clone()),
        ("another authority", &theirs, "app.test", false, tls.clone()),
        (
            "another pin",
            &ours,
            "app.test",
            false,
            format!(", tls: {{name: app.test, pin: 'cert-sha256:{}'}}", "00".repeat(32)),
        ),
    ] {
        let (address, seen) = start(authority, name, expired, Ends::Framed);
        refused(&asked(address, "https", &tls), "upstream-unreachable");
        assert!(seen.lock().unwrap().is_empty(), "{what}");
    }
    let (address, seen) = start(&ours, "app.test", false, Ends::Framed);
    assert!(asked(address, "https", &tls).iter().all(|got| got.whole && got.body == b"safe"));
    assert_eq!(seen.lock().unwrap().len(), 2);
    // TLS where none is spoken
    refused(&asked(address, "http", ""), "upstream-protocol");
}

#[test]
fn an_answer_that_ends_with_its_connection_is_whole_only_where_tls_says_so() {
    let ours = authority();
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, &ours.1).unwrap();
    let tls = format!(", tls: {{ca: '{}', name: app.test}}", ca.display());
    let (closed, _) = start(&ours, "app.test", false, Ends::Closed);
    assert!(asked(closed, "https", &tls).iter().all(|got| got.whole && got.body == b"safe"));
    let (cut, _) = start(&ours, "app.test", false, Ends::Cut);
    assert!(asked(cut, "https", &tls).iter().all(|got| !got.whole), "a truncated answer looked complete");
}
