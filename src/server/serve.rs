//! Speaks HTTP on a connection that is ready: which version, for which service, and how its end is counted.

use std::rc::Rc;

use super::accept::Serve;
use crate::model::Reason;
use crate::telemetry::{CoreMetrics, Event};
use crate::wire::connection::{ConnectionInfo, Protocol};
use crate::wire::http2::{H2Settings, serve_http2};
use crate::wire::link::Transport;
use crate::wire::server::{ConnectionEnd, End, H1Settings, Service, serve_http1};
use crate::wire::stop::Stop;

/// Makes the service of a connection, which knows whom it serves.
pub trait ServiceFactory: 'static {
    /// What answers requests.
    type Service: Service;

    /// The service of one connection.
    fn service(&self, connection: Rc<ConnectionInfo>) -> Rc<Self::Service>;
}

/// Serves HTTP/1.1 and HTTP/2, as the handshake settled.
pub struct Http<F> {
    /// Makes the services.
    pub factory: F,
    /// Settings of HTTP/1.1.
    pub h1: H1Settings,
    /// Settings of HTTP/2.
    pub h2: H2Settings,
    /// Given when the process shall end.
    pub stop: Stop,
    /// The counters of this worker.
    pub metrics: CoreMetrics,
}

impl<F: ServiceFactory> Serve for Http<F> {
    async fn serve<IO: Transport + 'static>(&self, io: IO, connection: Rc<ConnectionInfo>) {
        let protocol = connection.tls.as_ref().map(|tls| tls.protocol).unwrap_or_default();
        let id = connection.id;
        let service = self.factory.service(connection);
        let ended = match protocol {
            Protocol::Http1 => serve_http1(io, &self.h1, service, self.stop.clone()).await,
            Protocol::Http2 => serve_http2(io, &self.h2, service, self.stop.clone()).await,
        };
        let ConnectionEnd { end, requests } = ended;
        tracing::trace!(connection = id, ?end, requests, "connection ended");
        if let Some(event) = cut(end) {
            self.metrics.count(event);
        }
    }
}

/// Ends that the gateway brought about, by what the client did or left undone.
fn cut(end: End) -> Option<Event> {
    match end {
        End::Refused(Reason::ClientTimeout) | End::ClientTimeout => Some(Event::CutSlow),
        End::Refused(_) | End::Protocol => Some(Event::CutProtocol),
        End::Flood => Some(Event::CutFlood),
        End::NoRequest => Some(Event::CutNoRequest),
        End::Idle => Some(Event::CutIdle),
        End::ClientClosed | End::Stopped | End::AsAnnounced | End::ClientGone | End::AnswerCut | End::Tunnelled => None,
    }
}
