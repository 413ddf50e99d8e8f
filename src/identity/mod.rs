//! Who is asking: identity sources, the chain over them, sessions, devices and client addresses; never what they may do.

pub mod chain;
pub mod client_addr;
pub mod cookie;
pub mod credential;
pub mod device;
pub mod error;
pub mod evidence;
pub mod fault;
mod fetch;
pub mod jwks;
pub mod key;
pub mod presented;
pub mod recent;
pub mod session;
pub mod settle;
pub mod sign_in;
pub mod source;
pub mod user_map;
pub mod verifiers;
