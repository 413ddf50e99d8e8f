//! Where the application says whom it signed in; the name that was typed never is the answer.

use regex::Regex;
use serde::Deserialize;

use crate::identity::fault::Faults;
use crate::identity::source::check_token;

/// Where the application says whom it signed in: exactly one of these.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RawConfirm {
    /// A field of the answer's head.
    pub header: Option<String>,
    /// A cookie that the answer sets.
    pub cookie: Option<String>,
    /// A JSON pointer (RFC 6901) into the answer's body.
    pub json: Option<String>,
    /// A regular expression over the answer's body; its first group is the name.
    pub body: Option<String>,
    /// A page that is read right afterwards in the new session.
    pub probe: Option<RawProbe>,
    /// A regular expression over the value that was found; its first group is the name.
    pub pattern: Option<String>,
}

/// A page that tells who is signed in.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawProbe {
    /// Path and query of the page, as they are sent.
    pub get: String,
    /// A JSON pointer into the page.
    pub json: Option<String>,
    /// A regular expression over the page; its first group is the name.
    pub body: Option<String>,
}

/// A compiled [`RawConfirm`].
#[derive(Clone, Debug)]
pub(in crate::identity) enum Confirm {
    /// A field of the answer's head.
    Header(String),
    /// A cookie that the answer sets.
    Cookie(String),
    /// Something in the answer's body.
    Page(InPage),
    /// Something in a page read afterwards.
    Probe {
        /// Path and query.
        target: String,
        /// Where in the page.
        name: InPage,
    },
}

/// Where in a page a name stands.
#[derive(Clone, Debug)]
pub(in crate::identity) enum InPage {
    /// By JSON pointer.
    Json(String),
    /// The first group of a regular expression.
    Text(Regex),
}

impl RawConfirm {
    pub(super) fn compile(&self, faults: &mut Faults) -> Option<Confirm> {
        let given = [
            self.header.is_some(),
            self.cookie.is_some(),
            self.json.is_some(),
            self.body.is_some(),
            self.probe.is_some(),
        ];
        if given.into_iter().filter(|&given| given).count() != 1 {
            // The typed name is no confirmation: the application may have read another.
            faults.push("give exactly one of `header`, `cookie`, `json`, `body`, `probe`: where the application says whom it signed in");
            return None;
        }
        if let Some(name) = self.header.as_ref().or(self.cookie.as_ref()) {
            check_token(faults, if self.header.is_some() { "header" } else { "cookie" }, name);
        }
        if let Some(probe) = &self.probe {
            return faults.within("probe", |faults| {
                let name = in_page(probe.json.as_ref(), probe.body.as_ref(), faults)?;
                if !probe.get.starts_with('/')
                    || probe.get.bytes().any(|byte| !(0x21..0x7f).contains(&byte) || byte == b'#')
                {
                    faults.push_at("get", format!("`{}` is not a path with query as it is sent", probe.get));
                }
                Some(Confirm::Probe { target: probe.get.clone(), name })
            });
        }
        match (&self.header, &self.cookie) {
            (Some(name), _) => Some(Confirm::Header(name.clone())),
            (_, Some(name)) => Some(Confirm::Cookie(name.clone())),
            _ => in_page(self.json.as_ref(), self.body.as_ref(), faults).map(Confirm::Page),
        }
    }
}

fn in_page(json: Option<&String>, body: Option<&String>, faults: &mut Faults) -> Option<InPage> {
    match (json, body) {
        (Some(pointer), None) if pointer.starts_with('/') => Some(InPage::Json(pointer.clone())),
        (Some(pointer), None) => {
            faults.push_at("json", format!("`{pointer}` is not a JSON pointer: it begins with `/`"));
            None
        }
        (None, Some(pattern)) => {
            let regex = faults.regex("body", pattern)?;
            if regex.captures_len() < 2 {
                faults.push_at("body", "has no group: put the name in parentheses");
            }
            Some(InPage::Text(regex))
        }
        _ => {
            faults.push("give either `json` or `body`: where in the page the name stands");
            None
        }
    }
}
