//! Speaking to the applications: pools, health, TLS, forwarding of what was judged; never decides anything.

mod answer;
mod connect;
mod cookie;
mod core;
mod error;
mod forward;
mod health;
mod held;
mod location;
mod outside;
mod pool;
mod registry;
mod stream;
mod tls;
mod tunnel;
mod whole;

pub use crate::endpoint as spec;
pub use crate::endpoint::{RawUpstream, UpstreamSpec};
pub use answer::{present, turn_cookie};
pub use connect::Link;
pub use error::{TlsError, UpstreamError};
pub use forward::{Forwarder, UpstreamAnswer};
pub use held::{HeldAnswer, JudgedAnswer};
pub use outside::Outside;
pub use registry::{Defaults, Prepared, Upstreams};
pub use tunnel::{TunnelError, accept_of, judge_origin};
pub use whole::{Unread, whole};

#[cfg(test)]
mod tests;
