//! A request that is watched, told by method, path and parameters.

use std::collections::BTreeMap;

use compact_str::CompactString;
use serde::Deserialize;

use crate::identity::fault::Faults;
use crate::request::{CanonicalTarget, Dialect, Location, ParamValues, RawLocation, RequestView, TargetLimits};

/// Parameters with the values that they must have.
#[derive(Clone, Debug, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RawWith {
    /// Query parameters.
    pub query: BTreeMap<String, String>,
    /// Form fields.
    pub form: BTreeMap<String, String>,
}

/// A request that is watched: method, path and parameters.
#[derive(Clone, Debug)]
pub(in crate::identity) struct Doorway {
    method: Option<&'static str>,
    path: Vec<CompactString>,
    with: Vec<(Location, String)>,
}

impl RawWith {
    pub(super) fn compile(&self, dialect: &Dialect, faults: &mut Faults) -> Vec<(Location, String)> {
        let query = self.query.iter().map(|(name, value)| (RawLocation::Query(name.clone()), value));
        let form = self.form.iter().map(|(name, value)| (RawLocation::Form(name.clone()), value));
        query.chain(form).filter_map(|(raw, value)| Some((location(&raw, dialect, faults)?, value.clone()))).collect()
    }
}

pub(super) fn location(raw: &RawLocation, dialect: &Dialect, faults: &mut Faults) -> Option<Location> {
    raw.compile(dialect, |_| None).map_err(|error| faults.push(error.to_string())).ok()
}

impl Doorway {
    pub(super) fn compile(
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
