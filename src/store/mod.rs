//! What is kept across restarts and shared by processes: bindings of sessions and freezes; never decides anything.

pub mod ports;
pub mod sqlite;

pub use sqlite::SqliteStore;
