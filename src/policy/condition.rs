//! Whether the conditions of a rule hold, for requests and for streams that are judged again; where the values stand is the caller's.

use super::decide::Refusal;
use crate::model::{Device, Timestamp};
use crate::request::{Elements, Location};
use crate::rules::condition::{ConditionError, device_holds, network_holds};
use crate::rules::{Condition, PermissionId};
use compact_str::CompactString;
use std::net::IpAddr;

/// What conditions are evaluated against, beside parameters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment<'a> {
    pub(super) now: Timestamp,
    pub(super) client: IpAddr,
    pub(super) device: Option<&'a Device>,
}

/// What is inside of `condition`, and whether it counts for `permission` at all.
pub(super) fn within(condition: &Condition, permission: Option<PermissionId>) -> (&Condition, bool) {
    let (mut inner, mut applies) = (condition, true);
    while let Condition::On { permission: on, condition } = inner {
        applies &= permission == Some(*on);
        inner = condition;
    }
    (inner, applies)
}

/// Whether a condition that counts holds. `values` gives the single values of a parameter, none where it is absent, and `shown`
/// a value as it may be told.
///
/// # Errors
/// What `values` refuses; inside, why it could not be evaluated.
pub(super) fn holds<'v>(
    condition: &Condition,
    moment: &Moment<'_>,
    values: impl FnOnce(&Location) -> Result<Elements<'v>, Refusal>,
    shown: impl Fn(&Location, &str) -> CompactString,
) -> Result<Result<bool, ConditionError>, Refusal> {
    Ok(match condition {
        Condition::Time(calendar) => calendar.contains(moment.now),
        Condition::Network(networks) => Ok(network_holds(networks, moment.client)),
        Condition::Device { known, kinds } => Ok(device_holds(*known, kinds, moment.device)),
        Condition::Param { location, test, absent } => match values(location)? {
            values if values.is_empty() => Ok(*absent),
            values => values.iter().try_fold(true, |all, value| {
                let holds = test.holds(value).map_err(|error| error.about(shown(location, value)));
                Ok(holds? && all)
            }),
        },
        // INVARIANT: `within` has taken these apart.
        Condition::On { .. } => Ok(false),
    })
}
