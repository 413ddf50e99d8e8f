//! What a request brings to tell who is asking; never a verdict.

use super::error::IdentityError;
use super::source::SourceKind;
use crate::model::{Device, Reason, Timestamp};
use crate::request::{CanonicalTarget, Dialect};
use crate::wire::connection::ConnectionInfo;
use crate::wire::head::RequestHead;
use std::net::IpAddr;

/// What a request brings to tell who is asking.
#[derive(Clone, Copy)]
pub struct Evidence<'a> {
    /// The head as it came.
    pub head: &'a RequestHead,
    /// The target; `None` where it could not be read, as observe mode allows.
    pub target: Option<&'a CanonicalTarget>,
    /// How the application reads requests.
    pub dialect: &'a Dialect,
    /// The connection.
    pub connection: &'a ConnectionInfo,
    /// The client's address as derived from the connection and trusted proxies.
    pub client: IpAddr,
    /// The device, with an identifier also where it is only being issued.
    pub device: &'a Device,
    /// The present instant.
    pub now: Timestamp,
}

impl<'a> Evidence<'a> {
    /// The value of a credential's field, which may stand only once.
    ///
    /// # Errors
    /// When it stands several times.
    pub(super) fn single(&self, name: &str, source: SourceKind) -> Result<Option<&'a [u8]>, IdentityError> {
        self.head.single(name).map_err(|_| {
            IdentityError::of(source, Reason::RepeatedHeader, &format!("the field `{name}` stands several times"))
        })
    }

    /// The values of the Cookie fields.
    pub(super) fn cookies(&self) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        self.head.values("cookie")
    }
}
