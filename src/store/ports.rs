//! The ports of the store: what the rest of the gateway asks of it; never how it is kept.

pub use crate::identity::session::port::{BindingChange, BindingStore, Made, Pending, Since, StoreError, Stored};

use crate::model::{SubjectId, Timestamp};

/// A freeze of a subject: they may do nothing until it is lifted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// Who is frozen.
    pub subject: SubjectId,
    /// Since when.
    pub since: Timestamp,
    /// By whom and why, for the record.
    pub note: String,
}

/// All freezes, with the number that grows whenever they change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Freezes {
    /// The freezes that hold.
    pub freezes: Vec<Freeze>,
    /// Grows with each change.
    pub sequence: u64,
}

/// Where freezes are kept.
pub trait FreezeStore: Send + Sync + 'static {
    /// The freezes that hold. `None` when nothing has changed since `known`.
    fn freezes(&self, known: Option<u64>) -> Pending<'_, Option<Freezes>>;

    /// Freezes a subject, durably; freezing again replaces the note. Gives the new sequence number.
    fn freeze(&self, freeze: Freeze) -> Pending<'_, u64>;

    /// Lifts a freeze, durably. Gives the new sequence number.
    fn thaw(&self, subject: SubjectId) -> Pending<'_, u64>;
}
