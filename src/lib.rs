//! scopegate: a reverse-proxy enforcement gateway.
//!
//! The order of the modules below is the dependency order: a module imports only those above it
//! (`tests/architecture.rs` reads this file and enforces it).
#![deny(missing_docs)]

pub mod model;

pub mod diagnostics;

pub mod telemetry;

pub mod wire;

pub mod request;

pub mod endpoint;

pub mod identity;

pub mod filter;

pub mod lookup;

pub mod rules;

pub mod policy;

pub mod audit;

pub mod store;

pub mod facts;

pub mod upstream;

pub mod config;

pub mod gateway;

pub mod server;

pub mod demo;

pub mod app;

pub mod cli;
