//! Making a connection to an address, TLS included, within its time; never sends anything of a request.

use super::error::UpstreamError;
use super::tls::Tls;
use crate::endpoint::Address;
use crate::wire::link::Transport;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A connection to an application, with or without TLS.
#[derive(Debug)]
pub enum Link {
    /// Without.
    Plain(TcpStream),
    /// With.
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

/// Connects to `address`; `within` bounds the look-up of its name, the connection and the handshake together.
pub(super) async fn connect(address: &Address, tls: Option<&Tls>, within: Duration) -> Result<Link, UpstreamError> {
    match tokio::time::timeout(within, dial(address, tls)).await {
        Ok(link) => link,
        Err(_) => Err(UpstreamError::Timeout { address: address.clone(), stage: "connect" }),
    }
}

async fn dial(address: &Address, tls: Option<&Tls>) -> Result<Link, UpstreamError> {
    let unreachable = |cause| UpstreamError::Unreachable { address: address.clone(), cause };
    let socket = TcpStream::connect((address.host.as_str(), address.port)).await.map_err(unreachable)?;
    socket.set_nodelay(true).map_err(unreachable)?;
    match tls {
        None => Ok(Link::Plain(socket)),
        Some(tls) => {
            let stream = tls.connector.connect(tls.name_for(address)?, socket).await;
            let stream = stream.map_err(|cause| UpstreamError::Handshake { address: address.clone(), cause })?;
            Ok(Link::Tls(Box::new(stream)))
        }
    }
}

macro_rules! each {
    ($link:expr, $stream:ident => $call:expr) => {
        match $link.get_mut() {
            Link::Plain($stream) => $call,
            Link::Tls($stream) => $call,
        }
    };
}

impl Transport for Link {
    fn reset(&mut self) {
        match self {
            Self::Plain(stream) => stream.reset(),
            Self::Tls(stream) => stream.reset(),
        }
    }

    fn may_have_news(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.may_have_news(),
            // a record that was read may hold more than was asked for
            Self::Tls(_) => true,
        }
    }
}

impl AsyncRead for Link {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for Link {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        each!(self, stream => Pin::new(stream).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self, stream => Pin::new(stream).poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}
