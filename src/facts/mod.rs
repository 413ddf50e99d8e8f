//! Live facts that decisions rest on: people with the freezes laid over them; never rules, and never a decision.

mod attribute;
mod directory;
mod freeze;

pub use attribute::{Attributes, Change, Changed, Object, Ticket, Whose};
pub use directory::{Directory, Snapshot};
pub use freeze::MemoryFreezes;
