//! The compiled, immutable rule set: tables that decisions are read from; never YAML, never I/O.

use super::dimension::{Dimension, DimensionId};
use super::role::{PermissionEntry, PermissionId, Role, RoleId};
use super::table::RouteTable;
use super::title::Title;
use crate::endpoint::UpstreamSpec;
use crate::identity::chain::IdentityChain;
use crate::lookup::{Lookup, LookupId};
use crate::model::Revision;
use crate::request::Dialect;
use crate::request::SecretNames;
use compact_str::CompactString;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// Everything that decisions are read from but people. One of these governs a request.
#[derive(Clone, Debug)]
pub struct RuleSet {
    /// The hash of the files it came from.
    pub revision: Revision,
    /// Permissions, roles and dimensions.
    pub catalog: Catalog,
    /// The applications, sorted by name.
    pub apps: Vec<Arc<App>>,
    /// What is secret to any of them: for requests of which it is not known whose they are.
    pub secrets: SecretNames,
    pub(super) hosts: FxHashMap<CompactString, u32>,
}

impl RuleSet {
    /// The application that serves this host: lower case, no port, no dot at the end. A name counts before `*.rest`,
    /// whose star stands for exactly one label.
    #[must_use]
    pub fn app_for_host(&self, host: &str) -> Option<&Arc<App>> {
        let at = self.hosts.get(host).or_else(|| {
            let (_, rest) = host.split_once('.')?;
            self.hosts.get(compact_str::format_compact!("*.{rest}").as_str())
        })?;
        self.apps.get(*at as usize)
    }

    /// The application of this name.
    #[must_use]
    pub fn app(&self, name: &str) -> Option<&Arc<App>> {
        self.apps.iter().find(|app| app.name == name)
    }
}

/// Interned names.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// Every permission by its number; nothing where one went and no other has its number yet.
    pub(super) permissions: Vec<Option<PermissionEntry>>,
    /// The numbers, sorted by name.
    pub(super) by_name: Vec<PermissionId>,
    /// Every role, in the order of the file.
    pub roles: Vec<Role>,
    /// Every dimension, in the order of the file.
    pub dimensions: Vec<Arc<Dimension>>,
    pub(super) permission_ids: FxHashMap<CompactString, PermissionId>,
    pub(super) role_ids: FxHashMap<CompactString, RoleId>,
    pub(super) dimension_ids: FxHashMap<CompactString, DimensionId>,
}

impl Catalog {
    /// The id of a permission.
    #[must_use]
    pub fn permission_id(&self, name: &str) -> Option<PermissionId> {
        self.permission_ids.get(name).copied()
    }

    /// The permission of this id.
    #[must_use]
    pub fn permission(&self, id: PermissionId) -> Option<&PermissionEntry> {
        self.permissions.get(id.0 as usize).and_then(Option::as_ref)
    }

    /// Every permission, sorted by name. The numbers are in no order: a reload leaves those that there were as they are.
    pub fn permissions(&self) -> impl Iterator<Item = (PermissionId, &PermissionEntry)> {
        self.by_name.iter().filter_map(|&id| Some((id, self.permission(id)?)))
    }

    /// The id of a role.
    #[must_use]
    pub fn role_id(&self, name: &str) -> Option<RoleId> {
        self.role_ids.get(name).copied()
    }

    /// The role of this id.
    #[must_use]
    pub fn role(&self, id: RoleId) -> Option<&Role> {
        self.roles.get(id.0 as usize)
    }

    /// The id of a dimension.
    #[must_use]
    pub fn dimension_id(&self, name: &str) -> Option<DimensionId> {
        self.dimension_ids.get(name).copied()
    }

    /// The dimension of this id.
    #[must_use]
    pub fn dimension(&self, id: DimensionId) -> Option<&Arc<Dimension>> {
        self.dimensions.get(usize::from(id.0))
    }
}

/// Whether refusals are enforced or only recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// They are enforced.
    #[default]
    Enforce,
    /// They are recorded and the request is forwarded unchanged.
    Observe,
}

/// One application behind the gateway.
#[derive(Clone, Debug)]
pub struct App {
    /// The name in records.
    pub name: CompactString,
    /// What people read.
    pub title: Title,
    /// The hosts it is served under, in lower case; `*.example.test` stands for one label.
    pub hosts: Vec<CompactString>,
    /// Where it is and how it is spoken to.
    pub upstream: Arc<UpstreamSpec>,
    /// How it reads requests.
    pub dialect: Dialect,
    /// How it is told who is asking.
    pub identity: IdentityChain,
    /// Its routes.
    pub routes: RouteTable,
    /// How attributes of its objects are found, sorted by name.
    pub lookups: Vec<Arc<Lookup>>,
    /// Whether refusals are enforced.
    pub mode: Mode,
    /// Whether some route is enforced whatever the application does.
    pub enforces_some: bool,
    /// The names of parameters whose values are kept out of records.
    pub secrets: SecretNames,
    /// The headers by which the application is told who is asking.
    pub headers: IdentityHeaders,
}

impl App {
    /// The lookup of this id.
    #[must_use]
    pub fn lookup(&self, id: LookupId) -> Option<&Arc<Lookup>> {
        self.lookups.get(usize::from(id.0))
    }
}

/// The headers by which the application is told who is asking; `None` sends none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityHeaders {
    /// The subject.
    pub user: Option<CompactString>,
    /// The roles that decided, separated by commas.
    pub roles: Option<CompactString>,
    /// The id of the request.
    pub request_id: Option<CompactString>,
}

impl Default for IdentityHeaders {
    fn default() -> Self {
        Self { user: None, roles: None, request_id: Some(CompactString::const_new("X-Request-Id")) }
    }
}
