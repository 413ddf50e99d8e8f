//! What identity needs to know of people: their keys, password hashes and whether they may act; never their rights.

mod password;

pub use password::{PasswordError, PasswordSettings, PasswordVerifier};

use crate::model::SubjectId;
use std::sync::Arc;

/// Whether a subject may act at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SubjectStatus {
    /// They may.
    Active,
    /// They are frozen.
    Frozen,
    /// Nobody of this name is known.
    Unknown,
}

/// The people data as identity needs it. Implemented by `facts::Directory`'s snapshot, and by tests.
pub trait CredentialSource: Send + Sync {
    /// The holder of the API key with this SHA-256.
    fn by_api_key_hash(&self, hash: &[u8; 32]) -> Option<SubjectId>;

    /// The subject who signs in by this user name, with the argon2id hash (PHC string) of their password.
    fn password_hash(&self, user: &str) -> Option<(SubjectId, Arc<str>)>;

    /// Whether the subject may act. When accounts begin and end is the decision's matter.
    fn status(&self, subject: &SubjectId) -> SubjectStatus;
}
