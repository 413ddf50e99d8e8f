//! `scopegate certificate`: writes a self-signed certificate to try the gateway with; never one for production.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use rcgen::{CertificateParams, DnType, KeyPair};

/// Write a self-signed development certificate.
#[derive(Debug, clap::Args)]
pub struct CertificateCommand {
    /// Folder to write `<first name>.crt` and `<first name>.key` into.
    #[arg(long, default_value = "certs")]
    directory: PathBuf,
    /// Overwrite what is there.
    #[arg(long)]
    force: bool,
    /// Host names and addresses that the certificate is for.
    #[arg(required = true)]
    names: Vec<String>,
}

pub(super) fn write(path: &Path, text: &str, mode: u32, force: bool) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).mode(mode);
    if force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let mut file = options.open(path).with_context(|| format!("cannot write `{}`", path.display()))?;
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write `{}`", path.display()))
}

impl CertificateCommand {
    /// Writes both files and says where they are.
    ///
    /// # Errors
    /// When a name is not one, or a file exists already or cannot be written.
    pub fn run(self, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
        let first = self.names.first().context("a name is needed")?.clone();
        anyhow::ensure!(!first.contains(['/', '\\']), "`{first}` is not a host name");
        let mut params = CertificateParams::new(self.names).context("not a host name or address")?;
        params.distinguished_name.push(DnType::CommonName, first.as_str());
        let key = KeyPair::generate().context("no key could be made")?;
        let certificate = params.self_signed(&key).context("no certificate could be made")?;
        std::fs::create_dir_all(&self.directory)
            .with_context(|| format!("cannot make the folder `{}`", self.directory.display()))?;
        let stem = first.replace('*', "_");
        let (certificate_file, key_file) =
            (self.directory.join(format!("{stem}.crt")), self.directory.join(format!("{stem}.key")));
        write(&key_file, &key.serialize_pem(), 0o600, self.force)?;
        write(&certificate_file, &certificate.pem(), 0o644, self.force)?;
        writeln!(out, "certificate: {}\nkey: {}", certificate_file.display(), key_file.display())?;
        Ok(ExitCode::SUCCESS)
    }
}
