//! A header set by a proxy in a named network; everyone else's copy is stripped and never read.

use super::{Claim, SourceKind, check_header};
use crate::diagnostics::yaml::OneOrMany;
use crate::identity::error::IdentityError;
use crate::identity::evidence::Evidence;
use crate::identity::fault::Faults;
use crate::identity::user_map::{RawUserMap, UserMap};
use crate::model::Reason;
use crate::request::folds_to;
use compact_str::CompactString;
use ipnet::IpNet;
use serde::Deserialize;
use std::net::IpAddr;

/// `trusted-header:`: a proxy in front has authenticated the person and names them in a header.
///
/// ```yaml
/// trusted-header: {name: X-Remote-User, from: [10.1.0.0/16]}
/// ```
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawTrustedHeader {
    /// The name of the header.
    pub name: String,
    /// The networks whose copy counts, by the address of the peer, for example `10.1.0.0/16`.
    pub from: OneOrMany<String>,
    /// How the names in the header become subjects.
    pub users: Option<RawUserMap>,
}

/// A compiled [`RawTrustedHeader`].
#[derive(Clone, Debug)]
pub(in crate::identity) struct TrustedHeader {
    pub(in crate::identity) name: CompactString,
    from: Vec<IpNet>,
    users: UserMap,
}

impl RawTrustedHeader {
    pub(in crate::identity) fn compile(&self, default: &UserMap, faults: &mut Faults) -> TrustedHeader {
        check_header(faults, "name", &self.name);
        if self.from.is_empty() {
            faults.push_at("from", "name the networks whose header counts");
        }
        let mut from = Vec::new();
        for network in self.from.iter() {
            match network.parse::<IpNet>().or_else(|_| network.parse::<IpAddr>().map(IpNet::from)) {
                Ok(network) if network.prefix_len() == 0 => {
                    faults.push_at("from", format!("`{network}` is everybody, who could then be anybody"));
                }
                Ok(network) => from.push(network),
                Err(_) => faults.push_at("from", format!("`{network}` is not a network, for example `10.1.0.0/16`")),
            }
        }
        let users = match &self.users {
            Some(users) => faults.within("users", |faults| users.compile(faults)),
            None => default.clone(),
        };
        TrustedHeader { name: self.name.as_str().into(), from, users }
    }
}

impl TrustedHeader {
    /// SECURITY: by the address that the transport gives, never by forwarding headers, which the client may write
    /// (test `a_header_from_elsewhere_is_nobody`). A second spelling of the name is refused, since the proxy in front
    /// may have let a client's through.
    pub(in crate::identity) fn identify(&self, evidence: &Evidence<'_>) -> Result<Option<Claim>, IdentityError> {
        let source = evidence.connection.source().to_canonical();
        if !self.from.iter().any(|network| network.contains(&source)) {
            return Ok(None);
        }
        let error = |detail: &str| IdentityError::of(SourceKind::TrustedHeader, Reason::InvalidCredential, detail);
        let Some(value) = evidence.single(&self.name, SourceKind::TrustedHeader)? else { return Ok(None) };
        let other = |name: &str| !name.eq_ignore_ascii_case(&self.name) && folds_to(name, &self.name);
        if evidence.head.fields().any(|(name, _)| other(name)) {
            return Err(error("the header came in a second spelling too"));
        }
        if value.is_empty() {
            return Ok(None);
        }
        let name = std::str::from_utf8(value).map_err(|_| error("the header is not UTF-8"))?;
        let subject = self.users.subject(name).ok_or_else(|| error("the header does not name a subject"))?;
        Ok(Some(Claim { source: SourceKind::TrustedHeader, subject, since: None }))
    }
}
