//! The port through which bindings are kept: what a store must promise; never how it does so.

use super::{Binding, SessionKey};
use crate::model::Timestamp;
use std::future::Future;
use std::pin::Pin;

/// A future of a port.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// The store could not do its duty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database refused or failed; the text holds no secrets.
    #[error("the store failed: {0}")]
    Failed(String),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

/// A change that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindingChange {
    /// The session is bound (anew).
    Put(SessionKey, Binding),
    /// The session is bound no more.
    Remove(SessionKey),
}

impl BindingChange {
    /// The session concerned.
    #[must_use]
    pub fn key(&self) -> SessionKey {
        match self {
            Self::Put(key, _) | Self::Remove(key) => *key,
        }
    }
}

/// A change that was made, with its place in the order of all changes of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The session concerned.
    pub key: SessionKey,
    /// What it is bound to since; `None`: nothing.
    pub binding: Option<Binding>,
    /// The sequence number of the change.
    pub sequence: u64,
}

/// What happened since some sequence number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Since {
    /// These changes, by anyone.
    Changes(Vec<Made>),
    /// More than the store still knows one by one: load everything.
    TooOld,
}

/// Everything that a store holds.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    /// The bindings.
    pub bindings: Vec<Made>,
    /// The sequence number of the last change contained.
    pub sequence: u64,
}

/// Where bindings are kept so that they survive a restart and are shared by two processes during a hand-over.
pub trait BindingStore: Send + Sync + 'static {
    /// All bindings.
    fn load(&self) -> Pending<'_, Stored>;

    /// Makes `changes` durable, all or none, and only then completes. Gives the sequence numbers of the changes, in
    /// their order.
    fn commit(&self, changes: Vec<BindingChange>) -> Pending<'_, Vec<u64>>;

    /// Changes after `sequence`, by anyone. A binding may be given as it is now rather than as it was then.
    fn changes_since(&self, sequence: u64) -> Pending<'_, Since>;

    /// One binding as it stands now; `None`: nothing is bound.
    fn find(&self, key: SessionKey) -> Pending<'_, Option<Made>>;

    /// Notes when sessions were last used. Is not a change.
    fn touch(&self, seen: Vec<(SessionKey, Timestamp)>) -> Pending<'_, ()>;

    /// Whether another process works on this store just now (a hand-over), so that a miss must be read through.
    fn shared(&self) -> bool;
}
