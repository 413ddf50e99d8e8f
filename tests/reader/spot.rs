//! Where rules look for a value: one route for every place and name, the same for every dialect that has it.

use crate::launch::Kind;

/// A route that binds the warehouse to one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    pub place: &'static str,
    pub name: &'static str,
    /// Whether it is typed as a list.
    pub list: bool,
}

impl Spot {
    /// The id of its route.
    pub fn id(&self) -> String {
        let name: String = self.name.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
        format!("{}.{name}{}", self.place, if self.list { "s" } else { "" })
    }

    /// The first segment of its path.
    pub fn first(&self) -> &'static str {
        match self.place {
            "path-info" => "echo.php",
            place => place,
        }
    }

    pub fn path(&self) -> String {
        match self.place {
            "path" | "path-info" => format!("/{}/{{w}}", self.first()),
            _ => format!("/{}/{}", self.place, self.id()),
        }
    }

    fn rule(&self) -> String {
        let Self { place, name, list } = self;
        let kind = if *list { ", type: {list: {of: text}}" } else { "" };
        let absent = if matches!(*place, "path" | "path-info" | "file-name") { "" } else { ", absent: fill" };
        let at = match *place {
            "json" => format!("json: /{name}"),
            "path" | "path-info" => "path: w".to_owned(),
            _ => format!("{place}: \"{name}\""),
        };
        format!(
            "  - id: {}\n    match: ANY {}\n    permission: stock:view\n    others: forward\n    scope: {{warehouse: {{{at}{kind}{absent}}}}}\n    body: {{accept: [form, multipart, json]}}\n",
            self.id(),
            self.path(),
        )
    }
}

const fn spot(place: &'static str, name: &'static str, list: bool) -> Spot {
    Spot { place, name, list }
}

/// What every reader has.
const COMMON: &[Spot] = &[
    spot("query", "w", false),
    spot("query", "user_name", false),
    spot("query", "w", true),
    spot("form", "w", false),
    spot("form", "user_name", false),
    spot("form", "w", true),
    spot("multipart", "w", false),
    spot("multipart", "user_name", false),
    spot("cookie", "w", false),
    spot("cookie", "user_name", false),
    spot("header", "x-warehouse", false),
    spot("file-name", "w", false),
    spot("path", "w", false),
];
const PARAM: &[Spot] = &[spot("param", "w", false), spot("param", "user_name", false)];
const JSON: &[Spot] = &[spot("json", "w", false)];
const BRACKETS: &[Spot] = &[
    spot("query", "ids[]", true),
    spot("query", "row[id]", false),
    spot("form", "ids[]", true),
    spot("form", "row[id]", false),
    spot("multipart", "row[id]", false),
];
const PATH_INFO: &[Spot] = &[spot("path-info", "w", false)];

/// The places that the reader has ways to ask for.
pub fn spots(kind: Kind) -> Vec<Spot> {
    let more: &[&[Spot]] = match kind {
        Kind::Php => &[COMMON, PARAM, JSON, BRACKETS, PATH_INFO],
        Kind::Servlet => &[COMMON, PARAM],
        Kind::Django => &[COMMON, JSON],
        Kind::Werkzeug | Kind::CgiPm => &[COMMON, PARAM, JSON],
        Kind::Node => &[COMMON, JSON, BRACKETS],
    };
    more.concat()
}

/// The places that all of them have, as rules for an application that nothing is known of may name them.
pub fn common() -> Vec<Spot> {
    [COMMON, PARAM, JSON].concat()
}

/// The routes as rules.
pub fn rules(spots: &[Spot]) -> String {
    spots.iter().map(Spot::rule).collect()
}
