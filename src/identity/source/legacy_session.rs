//! The application's own sign-in, watched: its session cookies, and the requests that sign in and out.

pub(in crate::identity) mod confirm;
pub(in crate::identity) mod doorway;
pub(in crate::identity) mod sign_in;
pub(in crate::identity) mod sign_out;

use self::sign_in::{RawSignIn, SignIn};
use self::sign_out::{RawSignOut, SignOut};
use super::check_token;
use crate::diagnostics::yaml::OneOrMany;
use crate::identity::fault::Faults;
use crate::identity::user_map::{RawUserMap, UserMap};
use crate::model::quantity::Span;
use crate::request::{Dialect, ParamName};
use compact_str::CompactString;
use serde::Deserialize;
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
