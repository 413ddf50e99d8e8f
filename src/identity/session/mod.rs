//! Sessions of applications and the subjects they are bound to; never the cookie values themselves.

mod binding;
pub mod port;

pub use binding::{Binding, SessionKey};
