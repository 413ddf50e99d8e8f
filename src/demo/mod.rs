//! The embedded legacy applications of the demo and their data; they decide nothing and know nothing of the gateway.

pub mod crm;
pub mod data;
pub mod erp;
mod export;
pub mod legacy;
mod style;
pub mod wms;
