//! Sessions of applications and the subjects they are bound to; never the cookie values themselves.

mod binding;
mod memory;
pub mod port;
mod seal;
mod table;

pub use binding::{Binding, SessionKey};
pub use memory::MemoryStore;
pub use seal::{Opened, Sealer};
pub use table::{Session, SessionSettings, SessionTable};
