//! What an application file says of the application's addresses: the `upstream:` block, raw and compiled; no I/O.
//!
//! It stands above `rules`, which embeds it, and above `upstream`, which dials by it.

mod address;
mod error;
mod health;
mod raw;
mod rewrite;
mod spec;
mod tls;

pub use address::{Address, HostPolicy};
pub use error::SpecError;
pub use health::{EjectSpec, HealthSpec, StatusRange};
pub use raw::{RawBalance, RawEject, RawHealth, RawPool, RawRewrite, RawStatus, RawTls, RawUpstream};
pub use rewrite::{Inside, RewriteSpec};
pub use spec::{PoolSpec, UpstreamId, UpstreamSpec};
pub use tls::{Pin, TlsSpec};

pub(crate) use address::split_authority;
