//! Policy tests as compiled: who asks what at which instant, and what must come out; never runs them.

use super::dimension::DimensionId;
use super::people::People;
use super::role::{PermissionId, RoleId};
use crate::diagnostics::Place;
use crate::lookup::Facts;
use crate::model::{Device, Outcome, Reason, SubjectId, Timestamp};
use compact_str::CompactString;
use std::net::IpAddr;
use std::sync::Arc;

/// The tests of one `*_test.yaml`.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The file.
    pub file: Arc<str>,
    /// Everybody, as the file has them.
    pub people: Arc<People>,
    /// The tests in their order; those of a table after the others.
    pub cases: Vec<Case>,
}

/// One test.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// Where it is written.
    pub place: Place,
    /// The instant at which the clock stands still.
    pub now: Timestamp,
    /// Who asks; `None` for somebody who is not signed in.
    pub who: Option<SubjectId>,
    /// What is asked.
    pub request: CaseRequest,
    /// The client's address.
    pub from: IpAddr,
    /// The client's device.
    pub device: Option<Device>,
    /// What lookups find.
    pub facts: Facts,
    /// What must come out.
    pub expect: Expect,
}

/// A request as a client would send it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseRequest {
    /// The method.
    pub method: CompactString,
    /// Whether it comes over TLS.
    pub secure: bool,
    /// The host, with a port where one is given.
    pub host: String,
    /// Path and query as sent.
    pub target: String,
    /// Header fields without `Host`; `Content-Type` and `Content-Length` are among them where there is a body.
    pub fields: Vec<(String, String)>,
    /// The body; empty where there is none.
    pub body: Vec<u8>,
}

/// What must come out; `None` may be anything.
#[derive(Clone, Debug, Default)]
pub struct Expect {
    /// The outcome.
    pub outcome: Option<Outcome>,
    /// The reason.
    pub reason: Option<Reason>,
    /// The id of the route.
    pub route: Option<CompactString>,
    /// The permission asked for.
    pub permission: Option<PermissionId>,
    /// The role that decided.
    pub role: Option<RoleId>,
    /// What the application receives.
    pub forwarded: Option<Forwarded>,
    /// The dimensions by which rows may be left out of the answer.
    pub rows_by: Option<Vec<DimensionId>>,
    /// The permissions that the person lacks, so that fields of the answer are masked.
    pub masked_unless: Option<Vec<PermissionId>>,
}

/// What the application receives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forwarded {
    /// Path and query.
    pub target: Option<String>,
    /// Parameters of the query with their values.
    pub query: Vec<(String, Vec<String>)>,
    /// Fields of a form in the body with their values.
    pub form: Vec<(String, Vec<String>)>,
    /// Values in a JSON body, by pointer.
    pub json: Vec<(String, Vec<String>)>,
    /// Names of parameters of query or form that must not be there.
    pub absent: Vec<String>,
}
