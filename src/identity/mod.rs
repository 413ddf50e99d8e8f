//! Who is asking: identity sources, the chain over them, sessions, devices and client addresses; never what they may do.

pub mod chain;
pub mod client_addr;
pub mod cookie;
pub mod credential;
pub mod device;
pub mod fault;
pub mod key;
pub mod one_or_many;
pub mod period;
pub mod recent;
pub mod session;
pub mod source;
pub mod user_map;
