//! `masked-searchable`: a route masks fields and takes a parameter that may search, sort or group by them: the order of rows, and which
//! are found, would tell what the mask hides.

use super::Lint;
use crate::diagnostics::Place;
use crate::request::{Location, ParamType};
use crate::rules::route::{Others, ParamRule, Route};

/// What applications call parameters that search, sort and group, without `-` and `_`.
const CALLED: [&str; 26] = [
    "filter",
    "filters",
    "find",
    "group",
    "groupby",
    "having",
    "keyword",
    "keywords",
    "like",
    "match",
    "order",
    "orderby",
    "ordering",
    "q",
    "query",
    "search",
    "searchtext",
    "sidx",
    "sort",
    "sortby",
    "sortcolumn",
    "sortfield",
    "sortname",
    "term",
    "text",
    "where",
];

impl Lint<'_> {
    /// Warns of it.
    pub(super) fn masked_searchable(&mut self, route: &Route, place: &Place) {
        let Some(answer) = route.answer.as_ref().filter(|answer| answer.masks_fields) else { return };
        if route.others == Others::Forward {
            let message = format!(
                "`{}` masks fields, but forwards parameters that it does not name: one of them may search or sort by what is masked",
                route.id
            );
            let help = "take `others: forward` away and name the parameters under `params`";
            self.warn("masked-searchable", place, message, help);
            return;
        }
        let is_key = |location: &Location| answer.keys.iter().any(|key| key.location == *location);
        let is_bound = |location: &Location| route.ends().any(|end| end.handle.places().any(|place| place == location));
        let asks = |param: &&ParamRule| {
            let name = param.location.name().to_ascii_lowercase().replace(['-', '_'], "");
            let plain = matches!(param.kind, Some(ParamType::Int | ParamType::Date | ParamType::Decimal));
            CALLED.contains(&name.as_str()) && !plain && !is_key(&param.location) && !is_bound(&param.location)
        };
        let Some(param) = route.params.iter().find(asks) else { return };
        let message = format!(
            "`{}` masks fields, and `{}` may search or sort by them: whoever does not see them learns them by it",
            route.id, param.location
        );
        let help = "name it at the mask: `named-by` where its value names a field, `searched-by` where it looks for what stands in it";
        self.warn("masked-searchable", place, message, help);
    }
}
