//! Where a credential of the gateway's own is kept: outside of the rule files, read when it is needed, never shown.

use compact_str::CompactString;
use std::fmt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Where a secret is.
#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawSecret {
    /// A file that holds nothing else; relative to the folder of the rules.
    File(PathBuf),
    /// An environment variable of the gateway.
    Env(String),
}

/// Where a secret is; never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Secret {
    /// A file.
    File(PathBuf),
    /// An environment variable.
    Env(CompactString),
}

/// Why a secret cannot be had. Holds nothing of it.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("the secret file `{}` cannot be read: {cause}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The variable is not set, or is no text.
    #[error("the environment variable `{0}` is not set")]
    Env(CompactString),
    /// There is nothing in it, or something that is not one line of text.
    #[error("the secret in {0} is not one line of text")]
    Form(Secret),
}

/// The longest secret in bytes.
const LONGEST: usize = 16 * 1024;

impl RawSecret {
    /// The place, with files relative to `folder`.
    #[must_use]
    pub fn compile(&self, folder: &Path) -> Secret {
        match self {
            Self::File(file) => Secret::File(folder.join(file)),
            Self::Env(name) => Secret::Env(name.as_str().into()),
        }
    }
}

impl Secret {
    /// Reads it. Blocks: for a file that is far away, not for a core.
    ///
    /// # Errors
    /// When it is not there or is not one line of text.
    pub fn read(&self) -> Result<Zeroizing<String>, SecretError> {
        let text = match self {
            Self::File(file) => {
                let read = std::fs::read(file).map(Zeroizing::new);
                let bytes = read.map_err(|cause| SecretError::File { file: file.clone(), cause })?;
                let text = std::str::from_utf8(&bytes).map_err(|_| SecretError::Form(self.clone()))?;
                Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned())
            }
            Self::Env(name) => {
                let value = std::env::var(name.as_str()).map_err(|_| SecretError::Env(name.clone()))?;
                Zeroizing::new(value)
            }
        };
        if text.is_empty() || text.len() > LONGEST || text.chars().any(char::is_control) {
            return Err(SecretError::Form(self.clone()));
        }
        Ok(text)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => write!(f, "the file `{}`", file.display()),
            Self::Env(name) => write!(f, "the environment variable `{name}`"),
        }
    }
}
