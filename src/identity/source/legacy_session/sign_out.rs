//! A request that signs out.

use serde::Deserialize;

use super::doorway::{Doorway, RawWith};
use crate::diagnostics::yaml::OneOrMany;
use crate::identity::fault::Faults;
use crate::request::Dialect;

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

/// A compiled [`RawSignOut`].
#[derive(Clone, Debug)]
pub(in crate::identity) struct SignOut {
    pub(in crate::identity) doorways: Vec<Doorway>,
}

impl RawSignOut {
    pub(super) fn compile(&self, dialect: &Dialect, faults: &mut Faults) -> SignOut {
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
