//! The key that signs checkpoints: made on first start, kept in a file of mode 0600; never leaves this module.

use super::settings::JournalError;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The head of an Ed25519 SubjectPublicKeyInfo (RFC 8410 section 4); the 32 bytes of the key follow.
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// What every signed message begins with, so that the signature means nothing elsewhere.
const DOMAIN: &[u8] = b"scopegate-checkpoint-1\n";

pub(super) struct Signer {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

/// A key that checkpoints are verified with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl Signer {
    /// Reads the key, or makes one where there is none. The public key is put beside it as `signing.pub`.
    pub(super) fn open(path: &Path) -> Result<Self, JournalError> {
        if !path.exists() {
            generate(path)?;
        }
        let wrong = |what| JournalError::Key { path: path.to_owned(), what };
        let text = zeroize::Zeroizing::new(std::fs::read_to_string(path).map_err(JournalError::open(path))?);
        let der = zeroize::Zeroizing::new(unwrap_pem(&text, "PRIVATE KEY").ok_or_else(|| wrong("not PKCS #8 in PEM"))?);
        let pair = Ed25519KeyPair::from_pkcs8(&der).map_err(|_| wrong("not an Ed25519 key"))?;
        let public = <[u8; 32]>::try_from(pair.public_key().as_ref()).map_err(|_| wrong("not an Ed25519 key"))?;
        let signer = Self { pair, public: PublicKey(public) };
        let beside = public_path(path);
        if !beside.exists() {
            std::fs::write(&beside, signer.public.to_pem()).map_err(JournalError::open(beside))?;
        }
        Ok(signer)
    }

    pub(super) fn public(&self) -> PublicKey {
        self.public
    }

    /// The signature of `message`, 128 hex digits.
    pub(super) fn sign(&self, message: &[u8]) -> String {
        hex(self.pair.sign(&[DOMAIN, message].concat()).as_ref())
    }
}

/// Where the public key of a private key lies.
pub(super) fn public_path(key: &Path) -> PathBuf {
    key.with_extension("pub")
}

impl PublicKey {
    /// Reads a public key in PEM, as `openssl pkey -pubout` writes it.
    ///
    /// # Errors
    /// When the file cannot be read or holds no Ed25519 key.
    pub fn read(path: &Path) -> Result<Self, JournalError> {
        let text = std::fs::read_to_string(path).map_err(JournalError::open(path))?;
        unwrap_pem(&text, "PUBLIC KEY")
            .and_then(|der| <[u8; 32]>::try_from(der.strip_prefix(SPKI.as_slice())?).ok())
            .map(Self)
            .ok_or_else(|| JournalError::Key { path: path.to_owned(), what: "not an Ed25519 public key in PEM" })
    }

    /// SubjectPublicKeyInfo in PEM.
    #[must_use]
    pub fn to_pem(self) -> String {
        wrap_pem(&[SPKI.as_slice(), &self.0].concat(), "PUBLIC KEY")
    }

    /// The key in hex: what to compare with what was written down elsewhere.
    #[must_use]
    pub fn fingerprint(self) -> String {
        hex(&self.0)
    }

    /// Whether `signature` (128 lower-case hex digits) is one of `message` by this key.
    #[must_use]
    pub fn verifies(self, message: &[u8], signature: &str) -> bool {
        let bytes: Option<Vec<u8>> = signature
            .as_bytes()
            .as_chunks::<2>()
            .0
            .iter()
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
            .collect();
        bytes.is_some_and(|bytes| {
            hex(&bytes) == signature
                && UnparsedPublicKey::new(&ED25519, self.0).verify(&[DOMAIN, message].concat(), &bytes).is_ok()
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Makes a key file. Of two processes that do so at once one wins, and both read the winner's.
fn generate(path: &Path) -> Result<(), JournalError> {
    let wrong = |what| JournalError::Key { path: path.to_owned(), what };
    let pair = Ed25519KeyPair::generate().map_err(|_| wrong("no key could be generated"))?;
    let der = pair.to_pkcs8v1().map_err(|_| wrong("no key could be generated"))?;
    let text = zeroize::Zeroizing::new(wrap_pem(der.as_ref(), "PRIVATE KEY"));
    let draft = path.with_extension(format!("new-{}", std::process::id()));
    let open = JournalError::open(&draft);
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    // A link, unlike a rename, never replaces what is there.
    let linked = written.and_then(|()| match std::fs::hard_link(&draft, path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    let removed = std::fs::remove_file(&draft);
    linked.and(removed).map_err(open)
}

fn wrap_pem(der: &[u8], label: &str) -> String {
    let coded = BASE64_STANDARD.encode(der);
    let lines: Vec<&str> = coded.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn unwrap_pem(text: &str, label: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (coded, _) = rest.split_once(&format!("-----END {label}-----"))?;
    BASE64_STANDARD.decode(coded.split_whitespace().collect::<String>()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_key_is_made_once_and_only_its_owner_can_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("signing.key");
        let first = Signer::open(&path).unwrap();
        let again = Signer::open(&path).unwrap();
        assert_eq!(first.public(), again.public());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(PublicKey::read(&public_path(&path)).unwrap(), first.public());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "no draft is left behind");
    }

    #[test]
    fn a_signature_holds_for_its_message_and_its_key_only() {
        let dir = tempfile::tempdir().unwrap();
        let one = Signer::open(&dir.path().join("one.key")).unwrap();
        let other = Signer::open(&dir.path().join("other.key")).unwrap();
        let signature = one.sign(b"message");
        assert!(one.public().verifies(b"message", &signature));
        assert!(!one.public().verifies(b"massage", &signature));
        assert!(!other.public().verifies(b"message", &signature));
        assert!(!one.public().verifies(b"message", &signature.to_uppercase()));
        assert!(!one.public().verifies(b"message", ""));
    }

    #[test]
    fn a_file_that_is_no_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("signing.key");
        std::fs::write(&path, "hello").unwrap();
        assert!(matches!(Signer::open(&path), Err(JournalError::Key { .. })));
    }
}
