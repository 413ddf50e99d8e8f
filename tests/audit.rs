//! The journal as a whole: what is released when, faults of the disk, recovery, hand-over, tampering, questions.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::field_reassign_with_default,
    reason = "what stops here fails by stopping"
)]

#[path = "audit/bench.rs"]
mod bench;
#[path = "audit/disk.rs"]
mod disk;
#[path = "audit/fault.rs"]
mod fault;
#[path = "audit/question.rs"]
mod question;
#[path = "audit/recovery.rs"]
mod recovery;
#[path = "audit/release.rs"]
mod release;
#[path = "audit/tampering.rs"]
mod tampering;
