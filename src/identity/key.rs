//! The gateway's secret key in the state directory and the keys derived from it; never leaves the process.

use aws_lc_rs::hmac;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use zeroize::Zeroizing;

/// The file in the state directory that holds the key.
pub const FILE_NAME: &str = "identity.key";

/// The key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The state directory or the file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Others on this machine may read the key.
    #[error("{path}: mode {mode:o} lets others read the key; it must be 600")]
    Readable {
        /// The file.
        path: String,
        /// Its mode bits.
        mode: u32,
    },
    /// The file does not hold a key.
    #[error("{path}: holds no key of 32 bytes")]
    Malformed {
        /// The file.
        path: String,
    },
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random,
}

/// 32 random bytes from which every other key of this node is derived. Kept in the state directory, mode 600.
#[derive(Clone)]
pub struct MasterKey(hmac::Key);

impl MasterKey {
    /// A key of these bytes, for tests and for nodes that get it from elsewhere.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// Reads the key of the state directory `dir`; makes both when there is none. Two processes that start at once
    /// end up with the same key.
    ///
    /// # Errors
    /// When the file cannot be read or made, is not 32 bytes, or may be read by others.
    pub fn open(dir: &Path) -> Result<Self, KeyError> {
        let path = dir.join(FILE_NAME);
        let io = |source| KeyError::Io { path: path.display().to_string(), source };
        std::fs::create_dir_all(dir).map_err(io)?;
        if let Err(error) = std::fs::metadata(&path) {
            if error.kind() != ErrorKind::NotFound {
                return Err(io(error));
            }
            create(dir, &path)?;
        }
        let mut file = std::fs::File::open(&path).map_err(io)?;
        let mode = file.metadata().map_err(io)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyError::Readable { path: path.display().to_string(), mode });
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(33));
        Read::by_ref(&mut file).take(33).read_to_end(&mut bytes).map_err(io)?;
        let bytes: &[u8; 32] =
            bytes.as_slice().try_into().map_err(|_| KeyError::Malformed { path: path.display().to_string() })?;
        Ok(Self::from_bytes(bytes))
    }

    /// The key for one purpose. Different labels give independent keys.
    #[must_use]
    pub fn derive(&self, label: &str) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.derive_bytes(label).as_slice())
    }

    /// 32 bytes for one purpose.
    #[must_use]
    pub fn derive_bytes(&self, label: &str) -> Zeroizing<[u8; 32]> {
        let tag = hmac::sign(&self.0, label.as_bytes());
        let mut bytes = Zeroizing::new([0; 32]);
        for (to, from) in bytes.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        bytes
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey")
    }
}

/// Random bytes from the system.
///
/// # Errors
/// [`KeyError::Random`] when it gives none.
pub fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| KeyError::Random)?;
    Ok(bytes)
}

/// The keyed hash of `parts`, each preceded by its length so that no two lists hash alike.
#[must_use]
pub fn keyed_hash(key: &hmac::Key, parts: &[&[u8]]) -> [u8; 32] {
    let mut hashing = hmac::Context::with_key(key);
    for part in parts {
        hashing.update(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        hashing.update(part);
    }
    let tag = hashing.sign();
    let mut hash = [0; 32];
    for (to, from) in hash.iter_mut().zip(tag.as_ref()) {
        *to = *from;
    }
    hash
}

fn create(dir: &Path, path: &Path) -> Result<(), KeyError> {
    let bytes = Zeroizing::new(random::<32>()?);
    let suffix = u64::from_ne_bytes(random::<8>()?);
    let fresh = dir.join(format!("{FILE_NAME}.{suffix:016x}"));
    let io = |source| KeyError::Io { path: path.display().to_string(), source };
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh).map_err(io)?;
    file.write_all(bytes.as_slice()).and_then(|()| file.sync_all()).map_err(io)?;
    // INVARIANT: a link appears whole or not at all, and never replaces the key of a process that was faster.
    let linked = std::fs::hard_link(&fresh, path);
    let _ = std::fs::remove_file(&fresh);
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(io(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_only_the_owner_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let first = MasterKey::open(&dir.path().join("state")).unwrap();
        let second = MasterKey::open(&dir.path().join("state")).unwrap();
        assert_eq!(first.derive_bytes("session"), second.derive_bytes("session"));
        assert_ne!(first.derive_bytes("session"), first.derive_bytes("device"));
        let path = dir.path().join("state").join(FILE_NAME);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(dir.path().join("state")).unwrap().count(), 1, "no left-over");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(MasterKey::open(&dir.path().join("state")), Err(KeyError::Readable { mode: 0o640, .. })));
    }

    #[test]
    fn a_cut_off_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE_NAME);
        std::fs::write(&path, b"short").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(MasterKey::open(dir.path()), Err(KeyError::Malformed { .. })));
    }

    #[test]
    fn the_parts_of_a_keyed_hash_do_not_run_together() {
        let key = MasterKey::from_bytes(&[7; 32]).derive("test");
        assert_ne!(keyed_hash(&key, &[b"ab", b"c"]), keyed_hash(&key, &[b"a", b"bc"]));
    }
}
