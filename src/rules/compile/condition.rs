//! Elements of `when:` into conditions.

use super::location::Params;
use super::{Notes, permission};
use crate::diagnostics::suggest;
use crate::diagnostics::yaml::Spanned;
use crate::model::DeviceKind;
use crate::rules::condition::{Calendar, Condition, ParamTest};
use crate::rules::decimal::Decimal;
use crate::rules::raw::{RawAbsentParam, RawCondition, RawDevice, RawTime};
use crate::rules::role::PermissionId;
use crate::rules::set::Catalog;
use compact_str::CompactString;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use std::sync::Arc;

pub(super) fn condition(
    raw: &Spanned<RawCondition>,
    asked: &[PermissionId],
    catalog: &Catalog,
    params: &mut Params<'_>,
    notes: &mut Notes<'_>,
) -> Option<Condition> {
    let count = [raw.time.is_some(), raw.network.is_some(), raw.device.is_some(), raw.param.is_some()];
    if count.into_iter().filter(|given| *given).count() != 1 {
        notes
            .error(raw.mark, "a condition has exactly one of `time`, `network`, `device` and `param`")
            .help("write several conditions as several elements of the list; all of them must hold");
        return None;
    }
    if raw.param.is_none() && (tests(raw) > 0 || raw.absent.is_some()) {
        notes
            .error(raw.mark, "a test of a value without `param`")
            .help("write `{param: {form: amount}, at-most: 5000}`");
    }
    let condition = if let Some(time) = &raw.time {
        Condition::Time(Arc::new(calendar(time, notes)?))
    } else if let Some(networks) = &raw.network {
        let networks: Vec<_> = networks.iter().filter_map(|text| network(text, notes)).collect();
        Condition::Network(networks)
    } else if let Some(device) = &raw.device {
        self::device(device, notes)
    } else {
        let place = raw.param.as_ref()?;
        let location = params.place(&place.value, place.mark, notes)?;
        let absent = raw.absent == Some(RawAbsentParam::Allow);
        Condition::Param { location, test: test(raw, notes)?, absent }
    };
    let Some(on) = &raw.on else { return Some(condition) };
    let permission = permission(on, catalog, notes)?;
    if !asked.contains(&permission) {
        let known = asked.iter().filter_map(|id| catalog.permission(*id)).map(|known| known.name.as_str());
        notes
            .error(on.mark, format!("this route never asks for `{}`", on.value))
            .suggest(suggest(on, known))
            .help("`on` names one of the permissions of the route's `operation`");
    }
    Some(Condition::On { permission, condition: Box::new(condition) })
}

fn tests(raw: &RawCondition) -> usize {
    let numbers = [&raw.at_most, &raw.at_least, &raw.below, &raw.above];
    let texts = [raw.one_of.is_some(), raw.none_of.is_some(), raw.starts_with.is_some(), raw.matches.is_some()];
    numbers.into_iter().flatten().count() + texts.into_iter().filter(|given| *given).count()
}

fn test(raw: &Spanned<RawCondition>, notes: &mut Notes<'_>) -> Option<ParamTest> {
    let numbers = [&raw.at_most, &raw.at_least, &raw.below, &raw.above].into_iter().flatten().count();
    let low = raw.at_least.is_some() && raw.above.is_some();
    let high = raw.at_most.is_some() && raw.below.is_some();
    if tests(raw) == 0 || (numbers > 0 && numbers != tests(raw)) || (numbers == 0 && tests(raw) > 1) || low || high {
        notes.error(raw.mark, "a parameter is tested once").help(
            "write one of `at-most`, `below`, `at-least`, `above` (or one of each side), `one-of`, `none-of`, `starts-with`, `matches`",
        );
        return None;
    }
    let words = |list: &Vec<String>| list.iter().map(|word| CompactString::from(word.as_str())).collect();
    if let Some(list) = &raw.one_of {
        return Some(ParamTest::OneOf(words(&list.0)));
    }
    if let Some(list) = &raw.none_of {
        return Some(ParamTest::NoneOf(words(&list.0)));
    }
    if let Some(text) = &raw.starts_with {
        return Some(ParamTest::StartsWith(text.as_str().into()));
    }
    if let Some(pattern) = &raw.matches {
        let regex = regex::RegexBuilder::new(&format!(r"\A(?:{})\z", pattern.value)).size_limit(1 << 20).build();
        return match regex {
            Ok(regex) => Some(ParamTest::Matches(regex)),
            Err(error) => {
                let why = super::location::one_line(&error.to_string());
                notes.error(pattern.mark, format!("`{}` is not a regular expression: {why}", pattern.value));
                None
            }
        };
    }
    let high = bound(raw.at_most.as_ref(), raw.below.as_ref(), notes);
    let low = bound(raw.at_least.as_ref(), raw.above.as_ref(), notes);
    Some(ParamTest::Number { low: low?, high: high? })
}

/// The bound out of the spelling that allows it and the one that does not; `None` where it is no number.
#[allow(clippy::option_option)] // no bound is not a faulty bound
fn bound(
    allowed: Option<&Spanned<String>>,
    excluded: Option<&Spanned<String>>,
    notes: &mut Notes<'_>,
) -> Option<Option<(Decimal, bool)>> {
    let Some(text) = allowed.or(excluded) else { return Some(None) };
    let number = Decimal::parse(text);
    if number.is_none() {
        notes
            .error(text.mark, format!("`{}` is not a plain decimal number", text.value))
            .help("write digits with at most one point: `5000`, `-0.5`");
    }
    number.map(|number| Some((number, allowed.is_some())))
}

fn network(text: &Spanned<String>, notes: &mut Notes<'_>) -> Option<ipnet::IpNet> {
    let parsed = text.parse::<ipnet::IpNet>().ok().or_else(|| text.parse::<std::net::IpAddr>().ok().map(Into::into));
    match parsed {
        Some(network) if network.trunc() == network => Some(network),
        Some(network) => {
            notes
                .error(text.mark, format!("`{}` has bits behind its prefix", text.value))
                .suggest(Some(&network.trunc().to_string()));
            None
        }
        None => {
            notes
                .error(text.mark, format!("`{}` is not a network", text.value))
                .help("write `10.0.0.0/8` or `2001:db8::/32`");
            None
        }
    }
}

fn device(raw: &Spanned<RawDevice>, notes: &mut Notes<'_>) -> Condition {
    let kinds: Vec<DeviceKind> = raw.kind.iter().filter_map(|text| device_kind(text, notes)).collect();
    if raw.known.is_none() && raw.kind.is_empty() {
        notes.error(raw.mark, "nothing is asked of the device").help("write `known: true`, or `kind: [desktop]`");
    }
    Condition::Device { known: raw.known, kinds }
}

pub(super) fn device_kind(text: &Spanned<String>, notes: &mut Notes<'_>) -> Option<DeviceKind> {
    use DeviceKind::{Desktop, Phone, Program, Tablet, Terminal, Unknown};
    let all = [Desktop, Phone, Tablet, Terminal, Program, Unknown];
    let found = all.into_iter().find(|kind| kind.as_str() == text.as_str());
    if found.is_none() {
        notes
            .error(text.mark, format!("`{}` is not a kind of device", text.value))
            .suggest(suggest(text, all.map(DeviceKind::as_str)))
            .help("write `desktop`, `phone`, `tablet`, `terminal`, `program` or `unknown`");
    }
    found
}

fn calendar(raw: &RawTime, notes: &mut Notes<'_>) -> Option<Calendar> {
    let zone = TimeZone::get(&raw.zone).ok();
    if zone.is_none() {
        let known: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
        notes
            .error(raw.zone.mark, format!("unknown time zone `{}`", raw.zone.value))
            .suggest(suggest(&raw.zone, known.iter().map(String::as_str)))
            .help("write a name of the IANA database, for example `Asia/Shanghai`");
    }
    let mut days = [raw.days.is_none(); 7];
    for text in raw.days.iter().flat_map(|days| days.iter()) {
        mark_days(text, &mut days, notes);
    }
    let (from, to) = (raw.from.as_ref().map(|text| time(text, notes)), raw.to.as_ref().map(|text| time(text, notes)));
    let hours = match (from, to) {
        (None, None) => None,
        (Some(from), Some(to)) => {
            let (from, to) = (from?, to?);
            if let Some(text) = raw.to.as_ref().filter(|_| from == to) {
                notes.error(text.mark, "`from` and `to` are the same time").help("leave both out for the whole day");
            }
            Some((from, to))
        }
        _ => {
            let text = raw.from.as_ref().or(raw.to.as_ref())?;
            notes.error(text.mark, "`from` and `to` go together").help("write both, or neither for the whole day");
            return None;
        }
    };
    let mut dates = |list: &[Spanned<String>]| {
        let mut dates: Vec<Date> = list.iter().filter_map(|text| date(text, notes)).collect();
        dates.sort_unstable();
        dates
    };
    let (except, also) = (dates(&raw.except), dates(&raw.also));
    Some(Calendar { zone: zone?, zone_name: raw.zone.as_str().into(), days, hours, except, also })
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// `mon`, or `mon-fri`; `fri-mon` goes over the end of the week.
fn mark_days(text: &Spanned<String>, days: &mut [bool; 7], notes: &mut Notes<'_>) {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let place = |day: &str| DAYS.iter().position(|known| *known == day);
    let (Some(first), Some(last)) = (place(first), place(last)) else {
        let wrong = if place(first).is_none() { first } else { last };
        let short: String = wrong.to_lowercase().chars().take(3).collect();
        notes
            .error(text.mark, format!("`{wrong}` is not a day of the week"))
            .suggest(DAYS.iter().copied().find(|day| *day == short))
            .help("write `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`, or a range such as `mon-fri`");
        return;
    };
    let mut at = first;
    loop {
        if let Some(day) = days.get_mut(at) {
            *day = true;
        }
        if at == last {
            return;
        }
        at = (at + 1) % 7;
    }
}

fn time(text: &Spanned<String>, notes: &mut Notes<'_>) -> Option<Time> {
    let shape = text.len() == 5 && text.as_bytes().get(2) == Some(&b':');
    let parsed = text.parse::<Time>().ok().filter(|_| shape);
    if parsed.is_none() {
        notes
            .error(text.mark, format!("`{}` is not a time of day", text.value))
            .help("write hours and minutes in quotes: `\"08:00\"`; midnight is `\"00:00\"`");
    }
    parsed
}

fn date(text: &Spanned<String>, notes: &mut Notes<'_>) -> Option<Date> {
    let parsed = text.parse::<Date>().ok().filter(|_| text.len() == 10);
    if parsed.is_none() {
        notes.error(text.mark, format!("`{}` is not a date", text.value)).help("write `2026-10-01`");
    }
    parsed
}
