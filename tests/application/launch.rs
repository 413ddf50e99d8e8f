//! Starts the real application, and gateways before it; asserts nothing.
#![allow(dead_code)]

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use rcgen::{CertificateParams, KeyPair};
use rustls_pki_types::CertificateDer;
use scopegate::app::{self, Plan, Running};
use scopegate::audit::filter::Entry;
use scopegate::audit::query::{Order, Query, query};
use scopegate::audit::verify::{Trust, verify};
use scopegate::config::{CertificateFiles, Settings};
use scopegate::server::listen::Role;
use serde_json::Value;

/// The host of the shop, and the address that its rule file names.
pub const HOST: &str = "shop.localhost";
const WRITTEN: &str = "127.0.0.1:9201";
/// The password of every account of the shop.
pub const PASSWORD: &str = "demo-password";

/// The running shop with its data.
pub struct Shop {
    pub address: SocketAddr,
    data: tempfile::TempDir,
    // When this process ends, however it does, the pipe closes and the watching shell ends the server.
    _watch: Child,
}

fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The shop of this test binary: made ready on first use, with data of its own.
pub fn shop() -> &'static Shop {
    static SHOP: OnceLock<Shop> = OnceLock::new();
    SHOP.get_or_init(|| {
        let ready = checkout().join("target/shop");
        let application = checkout().join("tests/application");
        let status = Command::new(application.join("setup.sh")).arg(&ready).status().expect("bash runs setup.sh");
        assert!(status.success(), "the shop could not be made ready; what is missing stands above");
        let data = tempfile::tempdir().unwrap();
        std::fs::copy(ready.join("data/shop.sqlite3"), data.path().join("shop.sqlite3")).unwrap();
        let mut watch = Command::new("bash")
            .arg("-c")
            .arg("\"$@\" </dev/null & cat >/dev/null; kill $!; wait")
            .arg("watch")
            .arg(ready.join("environment/bin/python"))
            .args(["-m", "gunicorn", "--pythonpath"])
            .arg(&application)
            .args(["--bind", "127.0.0.1:0", "--worker-class", "gthread", "--threads", "8"])
            .arg("--worker-tmp-dir")
            .arg(data.path())
            .arg("django.core.wsgi:get_wsgi_application()")
            .env("SHOP_DATA", data.path())
            .env("SHOP_STATIC", ready.join("data/static"))
            .env("DJANGO_SETTINGS_MODULE", "shop.settings")
            .env("PYTHONPYCACHEPREFIX", ready.join("bytecode"))
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = Vec::new();
        let mut lines = BufReader::new(watch.stderr.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.by_ref().find_map(|line| {
            let address =
                line.split_once("Listening at: http://").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
            said.push(line);
            address
        });
        let address = address.unwrap_or_else(|| panic!("the shop did not start:\n{}", said.join("\n")));
        // What the server says later is read on, or it would stand still on a full pipe; its faults are told.
        std::thread::spawn(move || {
            lines.filter(|line| !line.contains("[INFO]")).for_each(|line| eprintln!("shop: {line}"))
        });
        Shop { address, data, _watch: watch }
    })
}

impl Shop {
    /// What the shop's database says: the columns of the rows that `query` finds, one row a line.
    pub fn asks(&self, query: &str) -> String {
        const ASK: &str = "import sqlite3, sys\nfor row in sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True).execute(sys.argv[2]): print(*row, sep=',')";
        let python = checkout().join("target/shop/environment/bin/python");
        let file = self.data.path().join("shop.sqlite3");
        let output = Command::new(python).arg("-c").arg(ASK).arg(file).arg(query).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// What the application received, in order.
    pub fn received(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.data.path().join("received.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// A gateway before the shop, with the rules of `routes/oscar`.
pub struct Gateway {
    pub running: Running,
    pub address: SocketAddr,
    pub certificate: CertificateDer<'static>,
    folder: tempfile::TempDir,
}

impl Gateway {
    /// Starts one on a free port.
    pub fn open(shop: &Shop) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let routes = at("routes");
        std::fs::create_dir(&routes).unwrap();
        for entry in std::fs::read_dir(checkout().join("routes/oscar")).unwrap() {
            let file = entry.unwrap().path();
            let text = std::fs::read_to_string(&file).unwrap().replace(WRITTEN, &shop.address.to_string());
            std::fs::write(routes.join(file.file_name().unwrap()), text).unwrap();
        }
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![HOST.to_owned()]).unwrap().self_signed(&key).unwrap();
        std::fs::write(at("gateway.crt"), certificate.pem()).unwrap();
        std::fs::write(at("gateway.key"), key.serialize_pem()).unwrap();
        let mut settings = Settings { ..Settings::default() };
        settings.state = at("state");
        settings.store = at("state/store.sqlite");
        settings.journal.directory = at("journal");
        settings.routes = routes;
        settings.workers = NonZeroUsize::MIN;
        settings.listeners.https = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
        settings.listeners.redirect = Vec::new();
        settings.listeners.admin = Vec::new();
        settings.tls.certificates = vec![CertificateFiles { certificate: at("gateway.crt"), key: at("gateway.key") }];
        let running = app::start(Plan::new(settings)).unwrap();
        let address = running.addresses(Role::Https)[0];
        Self { running, address, certificate: certificate.der().clone(), folder }
    }

    /// Ends it, verifies its journal, and gives the records of it, with every byte that was written.
    pub fn end(self) -> (Vec<Entry>, Vec<u8>) {
        self.running.stop().unwrap();
        let journal = self.folder.path().join("journal");
        let report = verify(&journal, &Trust::default()).unwrap();
        assert!(report.sound(), "{:?}", report.faults);
        let mut entries = Vec::new();
        let question = Query { order: Order::Oldest, ..Query::default() };
        query(&journal, &question, &mut |entry| {
            entries.push(entry);
            ControlFlow::Continue(())
        })
        .unwrap();
        let mut bytes = Vec::new();
        every_byte(&journal, &mut bytes);
        (entries, bytes)
    }
}

fn every_byte(folder: &Path, bytes: &mut Vec<u8>) {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() { every_byte(&path, bytes) } else { bytes.write_all(&std::fs::read(&path).unwrap()).unwrap() }
    }
}
