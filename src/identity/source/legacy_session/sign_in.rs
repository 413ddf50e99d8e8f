//! A request that signs in, and what an answer looks like that accepts it; whom it signed in is read in `confirm`.

use compact_str::CompactString;
use regex::Regex;
use serde::Deserialize;

use super::confirm::{Confirm, RawConfirm};
use super::doorway::{Doorway, RawWith, location};
use crate::diagnostics::yaml::OneOrMany;
use crate::identity::fault::Faults;
use crate::request::{Dialect, Location, RawLocation};

/// A request that signs in, and how the answer is judged.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawSignIn {
    /// The canonical path of the form's target, when it is posted.
    pub post: Option<String>,
    /// The canonical path, when old applications sign in by GET.
    pub get: Option<String>,
    /// The page with the form, linked from refusal pages. Default: the path of `post`, where forms commonly stand.
    pub page: Option<String>,
    /// Where the typed name stands. A request without it is no sign-in. The typed name is never the identity.
    pub user: RawLocation,
    /// Parameters that must have these values, where one target does several things.
    #[serde(default)]
    pub with: RawWith,
    /// What an answer looks like that accepts the sign-in. Everything listed must hold.
    pub succeeded: RawSucceeded,
    /// Where the application says whom it signed in.
    pub confirm: RawConfirm,
}

/// What an accepting answer looks like. Everything that is given must hold.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RawSucceeded {
    /// One of these statuses.
    pub status: OneOrMany<u16>,
    /// `Location` leads to a path that begins so (its scheme and host are cut off first).
    pub location: Option<String>,
    /// `Location`, as it came, matches this regular expression.
    pub location_regex: Option<String>,
    /// The body matches this regular expression.
    pub body: Option<String>,
    /// The body does not match this regular expression.
    pub not_body: Option<String>,
}

/// A compiled [`RawSignIn`].
#[derive(Clone, Debug)]
pub(in crate::identity) struct SignIn {
    pub(in crate::identity) page: Option<CompactString>,
    pub(in crate::identity) doorway: Doorway,
    pub(in crate::identity) user: Location,
    pub(in crate::identity) succeeded: Succeeded,
    pub(in crate::identity) confirm: Confirm,
    pub(in crate::identity) pattern: Option<Regex>,
}

/// A compiled [`RawSucceeded`].
#[derive(Clone, Debug)]
pub(in crate::identity) struct Succeeded {
    pub(in crate::identity) status: Vec<u16>,
    pub(in crate::identity) location: Option<String>,
    pub(in crate::identity) location_regex: Option<Regex>,
    pub(in crate::identity) body: Option<Regex>,
    pub(in crate::identity) not_body: Option<Regex>,
}

impl RawSignIn {
    pub(super) fn compile(&self, dialect: &Dialect, faults: &mut Faults) -> Option<SignIn> {
        let user = faults.within("user", |faults| location(&self.user, dialect, faults));
        let with = faults.within("with", |faults| self.with.compile(dialect, faults));
        let (method, path) = match (&self.post, &self.get) {
            (Some(path), None) => ("POST", path),
            (None, Some(path)) => ("GET", path),
            _ => {
                faults.push("give `post` or `get`: the path of the request that signs in");
                return None;
            }
        };
        let doorway = Doorway::compile(Some(method), path, with, dialect, faults);
        let succeeded = faults.within("succeeded", |faults| self.succeeded.compile(faults));
        let confirm = faults.within("confirm", |faults| self.confirm.compile(faults));
        let pattern = self.confirm.pattern.as_ref().and_then(|pattern| faults.regex("pattern", pattern));
        let page = self.page.as_ref().or(self.post.as_ref()).filter(|page| page.starts_with('/'));
        let page = page.map(CompactString::from);
        Some(SignIn { page, doorway: doorway?, user: user?, succeeded, confirm: confirm?, pattern })
    }
}

impl RawSucceeded {
    fn compile(&self, faults: &mut Faults) -> Succeeded {
        let mut regex = |key, pattern: &Option<String>| pattern.as_ref().and_then(|it| faults.regex(key, it));
        let compiled = Succeeded {
            status: self.status.to_vec(),
            location: self.location.clone(),
            location_regex: regex("location-regex", &self.location_regex),
            body: regex("body", &self.body),
            not_body: regex("not-body", &self.not_body),
        };
        let nothing = self.status.is_empty() && self.location.is_none() && self.location_regex.is_none();
        if nothing && self.body.is_none() && self.not_body.is_none() {
            faults.push("say what an accepting answer looks like: `status`, `location`, `body`, …");
        }
        compiled
    }
}
