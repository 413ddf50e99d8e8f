//! The record of every decision: what it says, how it is written before anything is forwarded, and how it is verified and read.
//!
//! [`Ledger`] is the journal of one process, [`Journal`] that of one core. A decision is appended, and what it permits comes out again
//! as [`Recorded`] only after the `write(2)` that holds the record has returned. How the files lie: [`layout`]; how lines are
//! chained: [`chain`].

pub mod admin;
mod ahead;
pub mod chain;
pub mod checkpoint;
pub mod filter;
mod follow;
mod journal;
mod keeper;
pub mod layout;
mod ledger;
mod line;
mod medium;
pub mod propose;
pub mod query;
pub mod read;
pub mod record;
mod recover;
mod segment;
mod series;
mod settings;
pub mod show;
mod signer;
mod space;
mod stats;
pub mod tail;
mod track;
mod turn;
pub mod verify;

pub use admin::{AdminAction, AdminRecord};
pub use journal::{Journal, Pending, Recorded};
pub use ledger::{Ledger, key_path};
pub use line::unescape;
pub use medium::{AppendFile, Disk, Medium};
pub use record::{Completion, DecisionRecord, Filtered, OutcomeRecord, ShownDevice};
pub use recover::{Recovery, living};
pub use settings::{Durability, JournalError, JournalSettings};
pub use signer::PublicKey;
pub use space::Room;
pub use stats::JournalStats;
