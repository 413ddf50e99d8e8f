//! What an application file says of the application's addresses: the `upstream:` block, raw and compiled; no I/O.
//!
//! It stands above `rules`, which embeds it, and above `upstream`, which dials by it.

mod raw;
mod spec;

pub use raw::{RawBalance, RawEject, RawHealth, RawPool, RawRewrite, RawStatus, RawTls, RawUpstream};
pub use spec::{
    Address, EjectSpec, HealthSpec, HostPolicy, Inside, Pin, PoolSpec, RewriteSpec, SpecError, StatusRange, TlsSpec,
    UpstreamId, UpstreamSpec,
};

pub(crate) use spec::split_authority;
