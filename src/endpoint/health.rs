//! Whether an address of an application is used: active checks, and ejection after failures.

use std::time::Duration;

use compact_str::CompactString;

use super::address::split_authority;
use super::error::Findings;
use super::raw::{RawEject, RawHealth, RawStatus};

/// Statuses from the first to the second, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StatusRange(pub u16, pub u16);

/// Active checks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HealthSpec {
    /// Begins with `/`; printable ASCII.
    pub path: CompactString,
    /// From the end of a check to the next.
    pub interval: Duration,
    /// The statuses that mean well.
    pub expect: Vec<StatusRange>,
    /// For connection and answer together.
    pub timeout: Duration,
    /// Failures in a row that take an address out.
    pub fall: u32,
    /// Successes in a row that bring it back.
    pub rise: u32,
    /// The `Host` that is sent; that of the address where none is given.
    pub host: Option<CompactString>,
}

impl HealthSpec {
    /// Checks every value and fills in the defaults.
    pub(super) fn compile(raw: RawHealth, findings: &mut Findings) -> HealthSpec {
        if !raw.path.starts_with('/') || !raw.path.bytes().all(|b| b.is_ascii_graphic() && b != b'#') {
            findings
                .add("health.path", format!("`{}` is not a path: it begins with `/` and is printable ASCII", raw.path));
        }
        if let Some(name) = raw.host.as_deref().filter(|name| split_authority(name).is_none()) {
            findings.add("health.host", format!("`{name}` is not a host name"));
        }
        let mut expect = Vec::new();
        for status in raw.expect.map_or_else(
            || vec![RawStatus::Class("2xx".to_owned()), RawStatus::Class("3xx".to_owned())],
            |expect| expect.0,
        ) {
            match &status {
                RawStatus::Code(code @ 100..=599) => expect.push(StatusRange(*code, *code)),
                RawStatus::Class(class) => match class.strip_suffix("xx").and_then(|digit| digit.parse::<u16>().ok()) {
                    Some(digit @ 2..=5) => expect.push(StatusRange(digit * 100, digit * 100 + 99)),
                    _ => findings.add("health.expect", format!("`{class}` is not a status class such as `2xx`")),
                },
                RawStatus::Code(code) => findings.add("health.expect", format!("`{code}` is not a status")),
            }
        }
        let (fall, rise) = (raw.fall.unwrap_or(3), raw.rise.unwrap_or(2));
        if fall == 0 || rise == 0 {
            findings.add(if fall == 0 { "health.fall" } else { "health.rise" }, "`fall` and `rise` are at least 1");
        }
        HealthSpec {
            path: raw.path.into(),
            interval: findings.span("health.interval", raw.interval, 10),
            expect,
            timeout: findings.span("health.timeout", raw.timeout, 2),
            fall,
            rise,
            host: raw.host.map(|host| host.to_ascii_lowercase().into()),
        }
    }
}

/// Passive ejection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EjectSpec {
    /// Failures in a row.
    pub failures: u32,
    /// Until one request tries the address again.
    pub lasting: Duration,
    /// The largest part of the addresses that may be left alone at once.
    pub max_percent: u8,
}

impl EjectSpec {
    /// `None` where it is switched off.
    pub(super) fn compile(raw: RawEject, findings: &mut Findings) -> Option<EjectSpec> {
        let fraction = raw.max_fraction.unwrap_or(0.5);
        if !(0.0..=1.0).contains(&fraction) {
            findings.add("eject.max-fraction", format!("`{fraction}` is not between 0 and 1"));
        }
        let lasting = findings.span("eject.for", raw.lasting, 10);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped to 0..=100
        let max_percent = (fraction.clamp(0.0, 1.0) * 100.0).round() as u8;
        let failures = raw.failures.unwrap_or(5);
        (failures > 0).then_some(EjectSpec { failures, lasting, max_percent })
    }
}
