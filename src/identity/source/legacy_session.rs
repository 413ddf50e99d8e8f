//! The application's own sign-in, watched: which requests sign in and out, and how the application confirms whom.

use crate::identity::one_or_many::OneOrMany;
use crate::identity::period::Period;
use crate::identity::user_map::RawUserMap;
use serde::Deserialize;
use std::collections::BTreeMap;

/// `legacy-session:`: the application keeps its own accounts and sessions; the gateway watches its sign-in.
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
    /// A binding ends when nothing was asked in it for so long. Default 30 minutes.
    pub idle: Option<Period>,
    /// A binding ends so long after sign-in in any case. Default 12 hours.
    pub lifetime: Option<Period>,
    /// How long the old value is still honoured after the application gave a new one, for requests under way.
    /// Default 10 seconds.
    pub rotation_grace: Option<Period>,
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
    /// Where the typed name stands. A request without it is no sign-in. The typed name is never the identity.
    pub user: RawTypedUser,
    /// Parameters that must have these values, where one target does several things.
    #[serde(default)]
    pub with: RawWith,
    /// What an answer looks like that accepts the sign-in. Everything listed must hold.
    pub succeeded: RawSucceeded,
    /// Where the application says whom it signed in.
    pub confirm: RawConfirm,
}

/// Where the typed name stands: exactly one of these.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RawTypedUser {
    /// The name of a form field.
    pub form: Option<String>,
    /// A JSON pointer (RFC 6901) into a JSON body.
    pub json: Option<String>,
    /// The name of a query parameter.
    pub query: Option<String>,
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
