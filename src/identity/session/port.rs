//! The port through which bindings are kept: what a store must promise; never how it does so.

use super::{Binding, SessionKey};
use crate::model::{SubjectId, Timestamp};
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

/// One change of the bindings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindingChange {
    /// The session is bound (anew).
    Put(SessionKey, Binding),
    /// The session is bound no more.
    Remove(SessionKey),
}

/// Everything that a store holds, as of `sequence`.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    /// The bindings.
    pub bindings: Vec<(SessionKey, Binding)>,
    /// The sequence number of the last change contained.
    pub sequence: u64,
}

/// Where bindings are kept so that they survive a restart and are shared by two processes during a hand-over.
pub trait BindingStore: Send + Sync + 'static {
    /// All bindings.
    fn load(&self) -> Pending<'_, Stored>;

    /// Makes `changes` durable, all or none, and only then completes.
    fn commit(&self, changes: Vec<BindingChange>) -> Pending<'_, ()>;

    /// Changes after `sequence` in order, by anyone, with the sequence number of the last one.
    /// `None` when the store no longer knows them all: load everything.
    fn changes_since(&self, sequence: u64) -> Pending<'_, Option<(Vec<BindingChange>, u64)>>;

    /// One binding as it stands now.
    fn find(&self, key: SessionKey) -> Pending<'_, Option<Binding>>;

    /// Notes when sessions were last used. Need not be durable at once.
    fn touch(&self, seen: Vec<(SessionKey, Timestamp)>) -> Pending<'_, ()>;

    /// Whether another process works on this store just now (a hand-over), so that a miss must be read through.
    fn shared(&self) -> bool;
}

/// A freeze or its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// Who is frozen.
    pub subject: SubjectId,
    /// Since when.
    pub since: Timestamp,
    /// By whom and why, for the record.
    pub note: String,
}
