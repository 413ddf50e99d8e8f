//! A body read to its end, within a bound; what is longer, or breaks off, is none.

use crate::wire::body::AnswerBody;
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use std::pin::Pin;

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// It is larger than what is looked into.
    #[error("the answer is larger than what is looked into")]
    TooLarge,
    /// It broke off.
    #[error("the answer broke off")]
    Broken,
}

/// A whole body of at most `cap` bytes.
///
/// # Errors
/// When it is larger, or broke off.
pub async fn whole(mut body: AnswerBody, cap: usize) -> Result<Bytes, Unread> {
    if let AnswerBody::Full(bytes) = body {
        return if bytes.len() > cap { Err(Unread::TooLarge) } else { Ok(bytes) };
    }
    let mut read = BytesMut::new();
    while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
        if read.len() + data.len() > cap {
            return Err(Unread::TooLarge);
        }
        read.extend_from_slice(&data);
    }
    Ok(read.freeze())
}
