//! The sealed values that may be forwarded, owning the bytes that are sent; nothing outside of `policy` can make one.

use crate::endpoint::{Address, UpstreamSpec};
use crate::model::Effect;
use bytes::Bytes;
use compact_str::CompactString;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// A request head as it is sent to the application: request line, fields, empty line.
#[derive(Debug)]
pub struct Head {
    bytes: Vec<u8>,
    /// Where the value of `Host` stands, if it is that of the address which is dialled.
    host: Option<Range<usize>>,
}

impl Head {
    /// The head for `address`: only where the upstream block says `host: address` does it depend on it.
    #[must_use]
    pub fn bytes_for(&self, address: &Address) -> Cow<'_, [u8]> {
        let parts =
            self.host.clone().and_then(|host| Some((self.bytes.get(..host.start)?, self.bytes.get(host.end..)?)));
        match parts {
            None => Cow::Borrowed(&self.bytes),
            Some((before, after)) => Cow::Owned([before, address.authority().as_bytes(), after].concat()),
        }
    }

    /// The head as it was assembled, for records and tests; the `Host` is that of the first address.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The body that belongs to a head.
#[derive(Debug)]
pub enum BodyPlan {
    /// There is none.
    None,
    /// These bytes, which were judged; the head carries their length.
    Judged(Bytes),
    /// What the client sends, unread by any rule. The head carries this framing.
    Streamed {
        /// The declared length in bytes; `None` for chunked coding.
        length: Option<u64>,
    },
}

mod sealed {
    /// Keeps [`super::Forwardable`] to the types of this file.
    pub trait Sealed {}
}

/// What the forwarder takes: [`Permit`], [`Observed`] or [`SideRequest`], and nothing else.
pub trait Forwardable: sealed::Sealed {
    /// The parts that are sent.
    fn parcel(&self) -> &Parcel;
}

/// The parts that a sealed value owns. Readable by everybody, made and changed by nobody else.
#[derive(Debug)]
pub struct Parcel {
    upstream: Arc<UpstreamSpec>,
    method: CompactString,
    head: Head,
    body: BodyPlan,
    effect: Effect,
    upgrade: bool,
}

impl Parcel {
    /// The upstream that the permit is bound to.
    #[must_use]
    pub fn upstream(&self) -> &Arc<UpstreamSpec> {
        &self.upstream
    }

    /// The method that is sent.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The head that is sent.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The body that goes with the head.
    #[must_use]
    pub fn body(&self) -> &BodyPlan {
        &self.body
    }

    /// Whether sending it twice could matter.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// Whether the head asks for an upgrade, so that a 101 is solicited.
    #[must_use]
    pub fn upgrade(&self) -> bool {
        self.upgrade
    }
}

/// A request that was permitted, as it will be sent. Made only by [`super::seal`]; not `Clone`.
#[derive(Debug)]
pub struct Permit(Parcel);

/// A request that observe mode sends on as it came, although it would have been refused. Not `Clone`.
#[derive(Debug)]
pub struct Observed(Parcel);

/// A request of the gateway's own: a probe after a sign-in, a health check. Always a GET without a body. Not `Clone`.
#[derive(Debug)]
pub struct SideRequest(Parcel);

macro_rules! forwardable {
    ($($name:ident),*) => {$(
        impl sealed::Sealed for $name {}
        impl Forwardable for $name {
            fn parcel(&self) -> &Parcel {
                &self.0
            }
        }
    )*};
}
forwardable!(Permit, Observed, SideRequest);
