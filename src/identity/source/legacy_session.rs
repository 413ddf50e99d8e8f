//! The application's own sign-in, watched: which requests sign in and out, and how the application confirms whom.

use super::check_token;
use crate::diagnostics::yaml::OneOrMany;
use crate::identity::fault::Faults;
use crate::identity::user_map::{RawUserMap, UserMap};
use crate::model::quantity::Span;
use crate::request::{
    CanonicalTarget, Dialect, Location, ParamName, ParamValues, RawLocation, RequestView, TargetLimits,
};
use compact_str::CompactString;
use regex::Regex;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// `legacy-session:`: the application keeps its own accounts and sessions; the gateway watches its sign-in.
///
/// ```yaml
/// legacy-session:
///   session: {cookie: JSESSIONID, idle: 30m, lifetime: 12h, hide: true, device: same}
///   sign-in:
///     post: /login.do
///     user: {form: username}                       # a request without it is no sign-in
///     succeeded: {status: 302, location: /main.do} # what an accepting answer looks like
///     confirm: {probe: {get: /profile.do, body: '<b id="me">([^<]+)</b>'}}
///   sign-out: {any: /logout.do}
/// ```
///
/// What counts is whom the application confirms, never the name that was typed.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawLegacySession {
    /// The cookie that carries the application's session, and how long a binding lasts.
    pub session: RawSession,
    /// The requests that sign in. Several where the application has several forms.
    pub sign_in: OneOrMany<RawSignIn>,
    /// The requests that sign out.
    #[serde(default)]
    pub sign_out: OneOrMany<RawSignOut>,
    /// How the application's user names become subjects.
    pub users: Option<RawUserMap>,
}

/// The application's session.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawSession {
    /// The name of the cookie, or the names where several carry a session each.
    pub cookie: OneOrMany<String>,
    /// A binding ends when nothing was asked in it for so long. Default: `session: idle` of the settings.
    pub idle: Option<Span>,
    /// A binding ends so long after sign-in in any case. Default: `session: lifetime` of the settings.
    pub lifetime: Option<Span>,
    /// How long the old value is still honoured after the application gave a new one, for requests under way.
    /// Default 10 seconds.
    pub rotation_grace: Option<Span>,
    /// Whether the application's cookie is hidden: the client then only ever sees a sealed cookie of the gateway.
    #[serde(default)]
    pub hide: bool,
    /// Whether a session may be used from another device than the one that signed in.
    #[serde(default)]
    pub device: RawDeviceRule,
}

/// Whether a session is bound to the device that signed in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawDeviceRule {
    /// Any device may use it.
    #[default]
    Any,
    /// Only the device that signed in, told by the signed device cookie.
    Same,
}

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

/// Parameters with the values that they must have.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RawWith {
    /// Query parameters.
    pub query: BTreeMap<String, String>,
    /// Form fields.
    pub form: BTreeMap<String, String>,
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

/// A request that signs out.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RawSignOut {
    /// Canonical paths, whatever the method.
    pub any: OneOrMany<String>,
    /// Canonical paths for GET.
    pub get: OneOrMany<String>,
    /// Canonical paths for POST.
    pub post: OneOrMany<String>,
    /// Parameters that must have these values, where one target does several things.
    pub with: RawWith,
}

/// A compiled [`RawLegacySession`].
#[derive(Clone, Debug)]
pub(in crate::identity) struct LegacySession {
    pub(in crate::identity) cookies: Vec<SessionCookie>,
    /// `None` leaves it to the settings of the table; `lifetime` too.
    pub(in crate::identity) idle: Option<Duration>,
    pub(in crate::identity) lifetime: Option<Duration>,
    pub(in crate::identity) rotation_grace: Duration,
    pub(in crate::identity) hide: bool,
    pub(in crate::identity) same_device: bool,
    pub(in crate::identity) sign_ins: Vec<SignIn>,
    pub(in crate::identity) sign_outs: Vec<SignOut>,
    pub(in crate::identity) users: UserMap,
}

/// A cookie that carries a session.
#[derive(Clone, Debug)]
pub(in crate::identity) struct SessionCookie {
    /// The application's name for it.
    pub(in crate::identity) name: CompactString,
    /// The gateway's cookie in its place, where it is hidden.
    pub(in crate::identity) sealed: CompactString,
    /// The same name as a parameter: a session must not come by query.
    pub(in crate::identity) parameter: Option<ParamName>,
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

/// A compiled [`RawSignOut`].
#[derive(Clone, Debug)]
pub(in crate::identity) struct SignOut {
    pub(in crate::identity) doorways: Vec<Doorway>,
}

/// A request that is watched: method, path and parameters.
#[derive(Clone, Debug)]
pub(in crate::identity) struct Doorway {
    method: Option<&'static str>,
    path: Vec<CompactString>,
    with: Vec<(Location, String)>,
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

impl RawLegacySession {
    pub(in crate::identity) fn compile(
        &self,
        app: &str,
        dialect: &Dialect,
        default: &UserMap,
        faults: &mut Faults,
    ) -> LegacySession {
        let session = &self.session;
        let cookies = faults.within("session", |faults| session.compile(app, dialect, faults));
        if self.sign_in.is_empty() {
            faults.push_at("sign-in", "name the request that signs in");
        }
        let sign_ins = faults.within("sign-in", |faults| {
            let each = self.sign_in.iter().enumerate();
            each.filter_map(|(at, raw)| faults.within(at, |faults| raw.compile(dialect, faults))).collect()
        });
        let sign_outs = faults.within("sign-out", |faults| {
            let each = self.sign_out.iter().enumerate();
            each.map(|(at, raw)| faults.within(at, |faults| raw.compile(dialect, faults))).collect()
        });
        let users = match &self.users {
            Some(users) => faults.within("users", |faults| users.compile(faults)),
            None => default.clone(),
        };
        LegacySession {
            cookies,
            idle: session.idle.map(|given| given.0),
            lifetime: session.lifetime.map(|given| given.0),
            rotation_grace: session.rotation_grace.map_or(Duration::from_secs(10), |given| given.0),
            hide: session.hide,
            same_device: session.device == RawDeviceRule::Same,
            sign_ins,
            sign_outs,
            users,
        }
    }
}

impl RawSession {
    fn compile(&self, app: &str, dialect: &Dialect, faults: &mut Faults) -> Vec<SessionCookie> {
        if self.cookie.is_empty() {
            faults.push_at("cookie", "name the cookie that carries the session");
        }
        for (key, period) in [("idle", self.idle), ("lifetime", self.lifetime)] {
            if period.is_some_and(|period| period.0.is_zero()) {
                faults.push_at(key, "is zero: nobody could stay signed in");
            }
        }
        let app: String = app.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let named = self.cookie.iter().enumerate().map(|(at, name)| {
            check_token(faults, "cookie", name);
            if self.cookie.iter().take(at).any(|other| other.eq_ignore_ascii_case(name)) {
                faults.push_at("cookie", format!("`{name}` stands twice"));
            }
            let sealed = match at {
                0 => format!("__Host-scopegate-s-{app}"),
                _ => format!("__Host-scopegate-s-{app}-{at}"),
            };
            let parameter = ParamName::compile(name, dialect).ok();
            SessionCookie { name: name.as_str().into(), sealed: sealed.into(), parameter }
        });
        named.collect()
    }
}

impl RawWith {
    fn compile(&self, dialect: &Dialect, faults: &mut Faults) -> Vec<(Location, String)> {
        let query = self.query.iter().map(|(name, value)| (RawLocation::Query(name.clone()), value));
        let form = self.form.iter().map(|(name, value)| (RawLocation::Form(name.clone()), value));
        query.chain(form).filter_map(|(raw, value)| Some((location(&raw, dialect, faults)?, value.clone()))).collect()
    }
}

fn location(raw: &RawLocation, dialect: &Dialect, faults: &mut Faults) -> Option<Location> {
    raw.compile(dialect, |_| None).map_err(|error| faults.push(error.to_string())).ok()
}

impl RawSignIn {
    fn compile(&self, dialect: &Dialect, faults: &mut Faults) -> Option<SignIn> {
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

impl RawSignOut {
    fn compile(&self, dialect: &Dialect, faults: &mut Faults) -> SignOut {
        let with = faults.within("with", |faults| self.with.compile(dialect, faults));
        let mut doorways = Vec::new();
        for (method, paths) in [(None, &self.any), (Some("GET"), &self.get), (Some("POST"), &self.post)] {
            for path in paths.iter() {
                doorways.extend(Doorway::compile(method, path, with.clone(), dialect, faults));
            }
        }
        if self.any.is_empty() && self.get.is_empty() && self.post.is_empty() {
            faults.push("give `any`, `get` or `post`: the path of the request that signs out");
        }
        SignOut { doorways }
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

impl RawConfirm {
    fn compile(&self, faults: &mut Faults) -> Option<Confirm> {
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

impl Doorway {
    fn compile(
        method: Option<&'static str>,
        path: &str,
        with: Vec<(Location, String)>,
        dialect: &Dialect,
        faults: &mut Faults,
    ) -> Option<Self> {
        let key = method.map_or("any", |method| if method == "GET" { "get" } else { "post" });
        match CanonicalTarget::parse(path.as_bytes(), dialect, &TargetLimits::default()) {
            Ok(target) if target.query().is_empty() => {
                Some(Self { method, path: target.segments().iter().map(|part| part.key().into()).collect(), with })
            }
            Ok(_) => {
                faults.push_at(key, format!("`{path}` has a query: put its parameters under `with`"));
                None
            }
            Err(error) => {
                faults.push_at(key, error.to_string());
                None
            }
        }
    }

    /// Whether method and path are those of the request; says nothing of the parameters.
    pub(in crate::identity) fn leads(&self, view: &RequestView<'_>) -> bool {
        let segments = view.target().segments();
        self.method.is_none_or(|method| method == view.method())
            && segments.len() == self.path.len()
            && segments.iter().zip(&self.path).all(|(sent, own)| sent.key() == own.as_str())
    }

    /// Whether the parameters have the values that the rules ask for.
    pub(in crate::identity) fn opens(&self, view: &RequestView<'_>) -> bool {
        self.with.iter().all(|(location, wanted)| {
            matches!(view.values(location), Ok(ParamValues::One(value)) if value == wanted.as_str())
        })
    }

    /// The places that [`Doorway::opens`] reads.
    pub(in crate::identity) fn locations(&self) -> impl Iterator<Item = &Location> {
        self.with.iter().map(|(location, _)| location)
    }
}
