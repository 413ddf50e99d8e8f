//! Speaking to the applications: pools, health, TLS, forwarding of what was judged; never decides anything.

pub use crate::endpoint as spec;
pub use crate::endpoint::{RawUpstream, UpstreamSpec};
