//! The decision point: what a request may do, the sealed permits that carry it out, explanations and policy tests.
//!
//! Pure: rules, people, time and request come in, judgements go out. It never
//! reads a clock, a file or a socket, and it never answers a request.

pub mod approach;
mod awaiting;
mod binding;
pub mod claim;
mod condition;
pub mod decide;
pub mod detail;
pub mod explain;
mod fields;
pub mod forward;
pub mod handle;
pub mod inquiry;
pub mod judgement;
pub mod obligation;
mod operation;
mod pass;
mod reach;
mod reachable;
pub mod rights;
mod scope;
pub mod suite;
pub mod trace;

pub use awaiting::{Awaiting, Completed, hold};
pub use claim::{Claim, Origin, Tested};
pub use decide::{Asker, Judged, Question, decide, decide_traced};
pub use detail::Detail;
pub use handle::{Wanted, forgotten, wanted};
pub use judgement::{Awaited, Bound, Change, ChangeKind, Deciding, Judgement};
pub use obligation::Obligation;
pub use trace::{Relevance, Silent, Step, Trace};

pub use fields::{ForwardParts, Told};
pub use forward::{
    BodyPlan, Credential, Forwardable, Head, Observed, ObservedBody, Parcel, Permit, SideRequest, is_observed, observe,
    seal,
};
