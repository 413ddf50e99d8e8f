//! `scopegate demo`: three legacy applications, the gateway before them, and what to try; keeps nothing when it ends.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls_pki_types::CertificateDer;

use crate::app::{self, Plan, Running};
use crate::config::{CertificateFiles, Settings};
use crate::demo::crm::Crm;
use crate::demo::data::{ACCOUNTS, PASSWORD, World};
use crate::demo::erp::Erp;
use crate::demo::legacy::{self, Application, Log};
use crate::demo::wms::Wms;
use crate::model::{Clock, SystemClock};
use crate::server::listen::Role;

/// The hosts of the demo, each with the address that its rule file names.
const APPLICATIONS: [(&str, &str); 3] =
    [("wms.localhost", "127.0.0.1:9101"), ("erp.localhost", "127.0.0.1:9102"), ("crm.localhost", "127.0.0.1:9103")];

/// The rule files, as they stand in `routes/demo`.
const RULES: [(&str, &str); 6] = [
    ("roles.yaml", include_str!("../../routes/demo/roles.yaml")),
    ("people.yaml", include_str!("../../routes/demo/people.yaml")),
    ("wms.yaml", include_str!("../../routes/demo/wms.yaml")),
    ("erp.yaml", include_str!("../../routes/demo/erp.yaml")),
    ("crm.yaml", include_str!("../../routes/demo/crm.yaml")),
    ("demo_test.yaml", include_str!("../../routes/demo/demo_test.yaml")),
];

/// Show the gateway at work before three small legacy applications inside of this process.
#[derive(Debug, clap::Args)]
pub struct DemoCommand {
    /// Port of HTTPS on the loopback address; another one is taken when it is in use.
    #[arg(long, default_value_t = 8443)]
    port: u16,
    /// Folder for certificates, rules and journal; a new one in the system's temporary folder when not given.
    #[arg(long)]
    folder: Option<PathBuf>,
}

/// A demo that runs.
pub struct Demo {
    /// The gateway.
    pub gateway: Running,
    /// What the WMS received.
    pub wms: Log,
    /// What the ERP received.
    pub erp: Log,
    /// What the CRM received.
    pub crm: Log,
    /// The authority that signed the gateway's certificate.
    pub authority: CertificateDer<'static>,
    /// Certificates, rules and journal.
    pub folder: PathBuf,
}

impl Demo {
    /// Starts the applications on free ports and the gateway on `https`, keeping everything in `folder`; `adjust` may
    /// change the settings first.
    ///
    /// # Errors
    /// When a port or a file cannot be had.
    pub fn open(folder: &Path, https: SocketAddr, adjust: impl FnOnce(&mut Settings)) -> anyhow::Result<Self> {
        Self::open_at(folder, https, Arc::new(SystemClock), adjust)
    }

    /// Does what [`Demo::open`] does, on a clock of the caller's.
    ///
    /// # Errors
    /// When a port or a file cannot be had.
    pub fn open_at(
        folder: &Path,
        https: SocketAddr,
        clock: Arc<dyn Clock>,
        adjust: impl FnOnce(&mut Settings),
    ) -> anyhow::Result<Self> {
        Self::open_on(folder, https, clock, World::default(), adjust)
    }

    /// Does what [`Demo::open_at`] does, with applications that hold `world` at the start.
    ///
    /// # Errors
    /// When a port or a file cannot be had.
    pub fn open_on(
        folder: &Path,
        https: SocketAddr,
        clock: Arc<dyn Clock>,
        world: World,
        adjust: impl FnOnce(&mut Settings),
    ) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
        let authority = write_certificates(folder)?;
        let (wms, erp, crm) = (Log::default(), Log::default(), Log::default());
        let applications: [(Arc<dyn Application>, &Log); 3] = [
            (Arc::new(Wms::new(world.stock, world.orders.clone())), &wms),
            (Arc::new(Erp::new(world.orders)), &erp),
            (Arc::new(Crm::new(world.customers)), &crm),
        ];
        let mut addresses = Vec::new();
        for (application, log) in applications {
            addresses.push(serve_beside(application, log.clone())?);
        }
        write_rules(&folder.join("routes"), &addresses)?;
        let mut settings = Settings { ..Settings::default() };
        settings.state = folder.join("state");
        settings.store = folder.join("state").join("store.sqlite");
        settings.journal.directory = folder.join("journal");
        settings.routes = folder.join("routes");
        settings.listeners.https = vec![https];
        settings.listeners.redirect = Vec::new();
        settings.listeners.admin = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
        settings.tls.certificates =
            vec![CertificateFiles { certificate: folder.join("gateway.crt"), key: folder.join("gateway.key") }];
        adjust(&mut settings);
        let gateway = app::start(Plan { clock, ..Plan::new(settings) })?;
        Ok(Self { gateway, wms, erp, crm, authority, folder: folder.to_owned() })
    }

    /// Where the gateway listens.
    ///
    /// # Errors
    /// When it does not.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        self.gateway.addresses(Role::Https).first().copied().context("the gateway does not listen")
    }
}

/// Serves a legacy application on a thread of its own, for as long as the process lives.
fn serve_beside(application: Arc<dyn Application>, log: Log) -> anyhow::Result<SocketAddr> {
    let (told, address) = std::sync::mpsc::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("legacy".into()).spawn(move || {
        runtime.block_on(async {
            // The receiver waits below for as long as this can fail.
            let _ = told.send(legacy::serve(application, log).await);
            std::future::pending::<()>().await;
        });
    })?;
    Ok(address.recv()??)
}

fn write_rules(folder: &Path, addresses: &[SocketAddr]) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (name, text) in RULES {
        let mut text = text.to_owned();
        for ((_, written), actual) in APPLICATIONS.iter().zip(addresses) {
            text = text.replace(written, &actual.to_string());
        }
        std::fs::write(folder.join(name), text)?;
    }
    Ok(())
}

fn write_certificates(folder: &Path) -> anyhow::Result<CertificateDer<'static>> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.distinguished_name.push(DnType::CommonName, "scopegate demo authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let authority_key = KeyPair::generate()?;
    let signed = authority.self_signed(&authority_key)?;
    let issuer = Issuer::new(authority, authority_key);
    let names: Vec<String> = APPLICATIONS.iter().map(|(host, _)| (*host).to_owned()).collect();
    let mut leaf = CertificateParams::new(names)?;
    leaf.distinguished_name.push(DnType::CommonName, "scopegate demo");
    let key = KeyPair::generate()?;
    let certificate = leaf.signed_by(&key, &issuer)?;
    std::fs::write(folder.join("authority.crt"), signed.pem())?;
    std::fs::write(folder.join("gateway.crt"), certificate.pem())?;
    super::certificate::write(&folder.join("gateway.key"), &key.serialize_pem(), 0o600, true)?;
    Ok(signed.der().clone())
}

impl DemoCommand {
    /// Runs the demo until it is interrupted.
    ///
    /// # Errors
    /// When it cannot start.
    pub fn run(self, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
        let temporary = std::env::temp_dir().join(format!("scopegate-demo-{}", std::process::id()));
        let keep = self.folder.is_some();
        let folder = self.folder.unwrap_or(temporary);
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let free = TcpListener::bind(wanted).is_ok();
        let https = if free { wanted } else { SocketAddr::from((Ipv4Addr::LOCALHOST, 0)) };
        let demo = Demo::open(&folder, https, |_| {})?;
        explain(out, &demo)?;
        let outcome = demo.gateway.obey_signals();
        if !keep {
            // What cannot be removed is the system's to clean up.
            let _ = std::fs::remove_dir_all(&folder);
        }
        outcome.map(|()| ExitCode::SUCCESS)
    }
}

fn explain(out: &mut dyn Write, demo: &Demo) -> anyhow::Result<()> {
    let port = demo.address()?.port();
    let folder = demo.folder.display();
    let program = std::env::current_exe().map_or_else(|_| "scopegate".into(), |path| path.display().to_string());
    let admin = demo.gateway.addresses(Role::Admin).first().map(ToString::to_string).unwrap_or_default();
    writeln!(out, "scopegate stands before three legacy applications that let everybody do everything:\n")?;
    for (host, what) in APPLICATIONS.map(|(host, _)| host).iter().zip([
        "a warehouse system in servlet style",
        "an ERP in PHP style with GBK pages",
        "a CRM with a JSON API",
    ]) {
        writeln!(out, "  https://{host}:{port}/   {what}")?;
    }
    writeln!(out, "\nSign in to any of them; the password is `{PASSWORD}` for everybody:\n")?;
    for (name, what) in ACCOUNTS {
        writeln!(out, "  {name:<14} {what}")?;
    }
    let curl = format!(
        "curl -s --resolve '*:{port}:127.0.0.1' --cacert {folder}/authority.crt -b {folder}/jar -c {folder}/jar"
    );
    let wms = format!("https://wms.localhost:{port}/wms");
    writeln!(
        out,
        "\nFive commands to try, after signing in as the keeper of warehouse HF:\n\n\
         \x20 {curl} -o /dev/null -d 'username=keeper.hf&password={PASSWORD}' {wms}/login.do\n\n\
         1. allowed:\n  {curl} '{wms}/stock/list.do?warehouse=HF'\n\
         2. filled in: without a warehouse the WMS would show all of them, the keeper sees HF:\n  {curl} {wms}/stock/list.do\n\
         3. refused, no such right: old applications delete by GET:\n  {curl} '{wms}/order/card.do?id=10001&warehouse=HF&action=confirm_delete'\n\
         4. refused, wrong warehouse:\n  {curl} '{wms}/stock/list.do?warehouse=SH'\n\
         5. the record of these decisions, as it lies on the disk:\n  curl -s $(find {folder}/journal -name '*.jsonl' -path '*core-*' | sed 's|^|file://|')\n\n\
         The same for people: {program} audit query --journal {folder}/journal --limit 10\n\n\
         The rules are in {folder}/routes: change one while this runs. Metrics: http://{admin}/metrics\n\
         In a browser, trust {folder}/authority.crt or accept the warning. Ctrl-C ends the demo."
    )?;
    out.flush()?;
    Ok(())
}
