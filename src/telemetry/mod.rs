//! Every metric name with its typed labels, the counters behind them, and the set-up of logs; never decides anything.
//!
//! Counters of the request path live in a shard a core ([`CoreMetrics`]), written by that core alone and merged when
//! they are read. What happens seldom is counted in [`Metrics`] itself.

mod address;
mod core;
mod event;
mod exposition;
mod log;
mod lookup;
mod metrics;
pub mod name;
mod series;

pub use address::{AddressSeries, UpstreamFailure};
pub use core::{CoreMetrics, Open, RouteHandle};
pub use event::{Event, Level};
pub use log::{LogError, LogFormat, LogSettings, install_log};
pub use lookup::{LookupResult, LookupSeries};
pub use metrics::{HealthSeries, JournalSeries, Metrics, ReloadPart, RuleCounts};
pub(crate) use series::Tally;
pub use series::{Counter, Gauge};
