//! The body of a request while it is not known yet whether it is read or streamed; never both.

use std::cell::Cell;
use std::rc::Rc;

use bytes::Bytes;

use crate::policy::ObservedBody;
use crate::wire::body::RequestBody;
use crate::wire::error::WireError;

/// The body of a request.
pub(super) enum Incoming {
    /// It waits at the client.
    Waiting(RequestBody),
    /// It was read to be judged.
    Read(Bytes),
}

impl Incoming {
    /// A body that nobody has read.
    pub fn new(body: RequestBody) -> Self {
        Self::Waiting(body)
    }

    /// The whole body; read from the client the first time.
    ///
    /// # Errors
    /// When it is longer than `cap` bytes or broke off.
    pub async fn read(&mut self, cap: usize) -> Result<Bytes, WireError> {
        let read = match std::mem::replace(self, Self::Read(Bytes::new())) {
            Self::Waiting(body) => body.collect(cap).await?,
            Self::Read(bytes) if bytes.len() > cap => return Err(WireError::BodyTooLarge),
            Self::Read(bytes) => bytes,
        };
        *self = Self::Read(read.clone());
        Ok(read)
    }

    /// For observe mode: what was read is sent as it came.
    pub fn as_observed(&self) -> ObservedBody {
        match self {
            Self::Waiting(_) => ObservedBody::Unread,
            Self::Read(bytes) => ObservedBody::Read(bytes.clone()),
        }
    }

    /// What is left to stream, nothing once it was read: at most `cap` bytes. All bytes that come are told to what `seen` gives, which
    /// is not asked for where there is no body.
    pub fn into_stream(self, cap: Option<u64>, seen: impl FnOnce() -> Rc<Cell<u64>>) -> RequestBody {
        match self {
            Self::Waiting(RequestBody::Empty) => RequestBody::Empty,
            Self::Waiting(body) => body.metered(cap, &seen()),
            Self::Read(bytes) => {
                seen().set(bytes.len() as u64);
                RequestBody::Empty
            }
        }
    }
}
