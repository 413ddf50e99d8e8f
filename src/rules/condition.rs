//! Conditions under which a permission counts: calendar, network, device, parameters; compiled, and pure to evaluate.

use super::decimal::Decimal;
use super::role::PermissionId;
use crate::model::{Device, DeviceKind, Timestamp};
use crate::request::Location;
use compact_str::CompactString;
use ipnet::IpNet;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use std::net::IpAddr;
use std::sync::Arc;

/// One element of `when:`; all of them must hold.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)] // a route has few, and a box would cost a look-up each
pub enum Condition {
    /// The time lies within a calendar.
    Time(Arc<Calendar>),
    /// The client's address lies in one of these networks.
    Network(Vec<IpNet>),
    /// The device is known (or is not), and of one of these kinds; an empty list allows every kind.
    Device {
        /// Whether the device must (`true`) or must not be known from before.
        known: Option<bool>,
        /// The kinds allowed.
        kinds: Vec<DeviceKind>,
    },
    /// Every value of a parameter passes a test.
    Param {
        /// Where the parameter stands.
        location: Location,
        /// What its values are held against.
        test: ParamTest,
        /// Whether the condition holds where the parameter is absent.
        absent: bool,
    },
    /// A condition that counts only for one permission of the route's selector.
    On {
        /// The permission.
        permission: PermissionId,
        /// The condition.
        condition: Box<Condition>,
    },
}

/// Days and hours in one time zone.
#[derive(Clone, Debug)]
pub struct Calendar {
    /// The zone in which days and hours are meant.
    pub zone: TimeZone,
    /// Its name, as records show it.
    pub zone_name: CompactString,
    /// The days of the week, Monday first; a period that passes midnight belongs to the day on which it began.
    pub days: [bool; 7],
    /// The hours: from (inclusive) to (exclusive). Where `to` is not later than `from`, the period passes midnight.
    pub hours: Option<(Time, Time)>,
    /// Days on which it never holds, such as holidays, sorted.
    pub except: Vec<Date>,
    /// Days on which it holds whatever day of the week they are, such as make-up working days, sorted.
    pub also: Vec<Date>,
}

/// Why a condition could not be evaluated. It refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// The value is not a number that can be compared.
    #[error("`{0}` is not a plain decimal number")]
    NotANumber(CompactString),
    /// The instant cannot be put into the time zone.
    #[error("the time cannot be read in this zone")]
    Time,
}

impl ConditionError {
    /// The same with the value as it may be shown.
    #[must_use]
    pub fn about(self, shown: CompactString) -> Self {
        match self {
            Self::NotANumber(_) => Self::NotANumber(shown),
            Self::Time => Self::Time,
        }
    }
}

impl Calendar {
    /// Whether the instant lies within.
    ///
    /// # Errors
    /// For an instant that the calendar of the zone cannot hold.
    pub fn contains(&self, now: Timestamp) -> Result<bool, ConditionError> {
        let local = jiff::Timestamp::from_microsecond(now.as_micros())
            .map_err(|_| ConditionError::Time)?
            .to_zoned(self.zone.clone())
            .datetime();
        let (today, time) = (local.date(), local.time());
        let Some((from, to)) = self.hours else { return Ok(self.has_day(today)) };
        if from < to {
            return Ok(from <= time && time < to && self.has_day(today));
        }
        if time >= from {
            return Ok(self.has_day(today));
        }
        let yesterday = today.yesterday().map_err(|_| ConditionError::Time)?;
        Ok(time < to && self.has_day(yesterday))
    }

    fn has_day(&self, day: Date) -> bool {
        if self.except.binary_search(&day).is_ok() {
            return false;
        }
        let weekday = day.weekday().to_monday_zero_offset();
        let listed = usize::try_from(weekday).ok().and_then(|at| self.days.get(at)).copied().unwrap_or(false);
        listed || self.also.binary_search(&day).is_ok()
    }

    /// The place of a weekday in [`Calendar::days`].
    #[must_use]
    pub fn place(day: Weekday) -> usize {
        usize::try_from(day.to_monday_zero_offset()).unwrap_or(0)
    }
}

/// What one value of a parameter is held against.
#[derive(Clone, Debug)]
pub enum ParamTest {
    /// A number between the bounds, each with whether it is itself allowed.
    Number {
        /// The lower bound, and whether it is allowed.
        low: Option<(Decimal, bool)>,
        /// The upper bound, and whether it is allowed.
        high: Option<(Decimal, bool)>,
    },
    /// One of these texts.
    OneOf(Vec<CompactString>),
    /// None of these texts.
    NoneOf(Vec<CompactString>),
    /// A text that begins so.
    StartsWith(CompactString),
    /// A text that the whole expression matches.
    Matches(regex::Regex),
}

impl ParamTest {
    /// Whether one value passes.
    ///
    /// # Errors
    /// When a number is asked for and the value is not a plain decimal one.
    pub fn holds(&self, value: &str) -> Result<bool, ConditionError> {
        match self {
            Self::Number { low, high } => {
                let number = Decimal::parse(value).ok_or_else(|| ConditionError::NotANumber(value.into()))?;
                let above = |(bound, itself): &(Decimal, bool)| number > *bound || (*itself && number == *bound);
                let below = |(bound, itself): &(Decimal, bool)| number < *bound || (*itself && number == *bound);
                Ok(low.as_ref().is_none_or(above) && high.as_ref().is_none_or(below))
            }
            Self::OneOf(texts) => Ok(texts.iter().any(|text| text == value)),
            Self::NoneOf(texts) => Ok(!texts.iter().any(|text| text == value)),
            Self::StartsWith(text) => Ok(value.starts_with(text.as_str())),
            Self::Matches(regex) => Ok(regex.is_match(value)),
        }
    }
}

/// Whether the client's address lies in one of the networks; an IPv4 address mapped into IPv6 counts as IPv4.
#[must_use]
pub fn network_holds(networks: &[IpNet], client: IpAddr) -> bool {
    let client = client.to_canonical();
    networks.iter().any(|network| network.contains(&client))
}

/// Whether the device is as asked for; no device at all is an unknown one of unknown kind.
#[must_use]
pub fn device_holds(known: Option<bool>, kinds: &[DeviceKind], device: Option<&Device>) -> bool {
    let (is_known, kind) = device.map_or((false, DeviceKind::Unknown), |device| (device.known, device.kind));
    known.is_none_or(|known| known == is_known) && (kinds.is_empty() || kinds.contains(&kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse::<jiff::Timestamp>().unwrap().into()
    }

    fn shanghai(hours: Option<(i8, i8)>) -> Calendar {
        Calendar {
            zone: TimeZone::get("Asia/Shanghai").unwrap(),
            zone_name: "Asia/Shanghai".into(),
            days: [true, true, true, true, true, false, false],
            hours: hours.map(|(from, to)| (Time::constant(from, 0, 0, 0), Time::constant(to, 0, 0, 0))),
            except: vec![Date::constant(2026, 10, 1)],
            also: vec![Date::constant(2026, 10, 10)],
        }
    }

    #[test]
    fn hours_are_read_in_the_zone_of_the_rule() {
        let office = shanghai(Some((8, 18)));
        // Friday 2026-11-20, 07:59:59, 08:00, 17:59:59 and 18:00 in Shanghai
        for (instant, within) in [
            ("2026-11-19T23:59:59Z", false),
            ("2026-11-20T00:00:00Z", true),
            ("2026-11-20T09:59:59Z", true),
            ("2026-11-20T10:00:00Z", false),
            ("2026-11-21T02:00:00Z", false),
        ] {
            assert_eq!(office.contains(at(instant)), Ok(within), "{instant}");
        }
    }

    #[test]
    fn a_night_shift_belongs_to_the_day_on_which_it_began() {
        let night = shanghai(Some((22, 6)));
        // Saturday 03:00 in Shanghai belongs to Friday's shift, Monday 03:00 to Sunday's, which there is none of
        assert_eq!(night.contains(at("2026-11-20T19:00:00Z")), Ok(true));
        assert_eq!(night.contains(at("2026-11-22T19:00:00Z")), Ok(false));
    }

    #[test]
    fn holidays_and_make_up_days_count_before_the_weekday() {
        let days = shanghai(None);
        assert_eq!(days.contains(at("2026-10-01T04:00:00Z")), Ok(false), "a Thursday, but a holiday");
        assert_eq!(days.contains(at("2026-10-10T04:00:00Z")), Ok(true), "a Saturday, but worked");
    }

    #[test]
    fn a_number_that_cannot_be_read_is_an_error_and_not_false() {
        let test = ParamTest::Number { low: None, high: Decimal::parse("5000").map(|bound| (bound, true)) };
        assert_eq!(test.holds("5000.00"), Ok(true));
        assert_eq!(test.holds("5000.01"), Ok(false));
        assert_eq!(test.holds("5e3"), Err(ConditionError::NotANumber("5e3".into())));
    }

    #[test]
    fn a_mapped_address_counts_as_the_one_it_maps() {
        let office = ["10.0.0.0/8".parse().unwrap()];
        assert!(network_holds(&office, "::ffff:10.1.2.3".parse().unwrap()));
        assert!(!network_holds(&office, "11.1.2.3".parse().unwrap()));
    }
}
