//! The strict HTTP codec, both directions, and the HTTP/2 adapter; knows bytes, framing and deadlines, nothing about rules.
//!
//! Heads are parsed by `httparse` and then judged by what is stricter here: line ends, hosts, framing, targets. Whatever is
//! accepted means to hyper's parser the same (`tests/fuzz` proves it); whatever is not, reaches [`server::Service::reject`].

pub mod body;
pub mod chunk;
pub mod client;
pub mod connection;
mod deferred;
pub mod error;
mod finish;
mod flood;
pub mod framing;
mod h1;
pub mod head;
pub mod host;
pub mod http2;
pub mod limit;
pub mod link;
mod message;
mod pace;
mod parse;
pub mod server;
pub mod stop;
pub mod tunnel;
mod upstream_body;
pub mod writer;
