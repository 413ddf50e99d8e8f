//! From a listening socket to a connection that is ready to be served: admission, PROXY protocol, TLS. Speaks no HTTP.

use std::cell::Cell;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener as StdListener};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use ipnet::IpNet;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::drain::Drain;
use super::error::ServerError;
use super::handshake::{HandshakeFailure, shake};
use super::limit::{Admitted, ConnectionLimits};
use super::proxy_protocol;
use super::socket::Socket;
use super::tls::Tls;
use super::worker::WorkerIndex;
use crate::config::Settings;
use crate::model::{Clock, Reason, Timestamp};
use crate::telemetry::{CoreMetrics, Event, Level};
use crate::wire::connection::{ConnectionInfo, Protocol};
use crate::wire::link::Transport;

/// Pause after the system refused a further connection, for want of descriptors mostly.
const BREATH: Duration = Duration::from_millis(50);

/// Connections that are taken out of the queue of a socket before it is closed.
const MOST_QUEUED: usize = 16 * 1024;

/// What is done with a connection that is ready.
pub trait Serve: 'static {
    /// Serves a connection to its end.
    fn serve<IO>(&self, io: IO, connection: Rc<ConnectionInfo>) -> impl Future<Output = ()>
    where
        IO: Transport + 'static;
}

/// What connections of all workers are judged by.
#[derive(Clone, Debug)]
pub struct Admission {
    /// How many may be open.
    pub limits: Arc<ConnectionLimits>,
    /// From where a PROXY protocol header is required.
    pub proxy_protocol: Arc<[IpNet]>,
    /// Time for that header.
    pub proxy_header_time: Duration,
    /// Time for the TLS handshake.
    pub handshake_time: Duration,
    /// When to stop.
    pub drain: Drain,
}

impl Admission {
    /// As the settings have it.
    #[must_use]
    pub fn new(settings: &Settings, drain: Drain) -> Self {
        Self {
            limits: ConnectionLimits::new(settings.limits.connections, settings.limits.connections_per_client),
            proxy_protocol: settings.proxy_protocol.as_slice().into(),
            proxy_header_time: settings.limits.proxy_header_time,
            handshake_time: settings.limits.handshake_time,
            drain,
        }
    }
}

/// One worker's way from its listening sockets to what serves.
pub struct Accept<S, C> {
    /// What connections are judged by.
    pub admission: Admission,
    /// TLS; without it connections are served plain.
    pub tls: Option<Arc<Tls>>,
    /// What serves.
    pub serve: S,
    /// The counters of this worker.
    pub metrics: CoreMetrics,
    /// The time.
    pub clock: C,
    /// Which worker it is.
    pub worker: WorkerIndex,
}

struct Shared<S, C> {
    accept: Accept<S, C>,
    open: Cell<usize>,
    closed: Notify,
    count: Cell<u64>,
}

/// Counts a connection as open.
struct Opened<S, C>(Rc<Shared<S, C>>);

impl<S, C> Drop for Opened<S, C> {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get() - 1);
        self.0.closed.notify_one();
    }
}

impl<S: Serve, C: Clock> Accept<S, C> {
    /// Accepts on the sockets until the process drains, then waits until every connection has ended or the drain is
    /// over. Must run in a [`tokio::runtime::LocalRuntime`] (or a `LocalSet`); connections left over end with it.
    ///
    /// # Errors
    /// When a socket cannot be registered with the runtime.
    pub async fn run(self, sockets: Vec<StdListener>) -> Result<(), ServerError> {
        let shared = Rc::new(Shared { accept: self, open: Cell::new(0), closed: Notify::new(), count: Cell::new(0) });
        let mut loops = Vec::with_capacity(sockets.len());
        for socket in sockets {
            socket.set_nonblocking(true).map_err(ServerError::Inherit)?;
            let listener = TcpListener::from_std(socket).map_err(ServerError::Inherit)?;
            loops.push(tokio::task::spawn_local(accept(Rc::clone(&shared), listener)));
        }
        for task in loops {
            if task.await.is_err() {
                return Err(ServerError::Worker(io::Error::other("an accept loop panicked")));
            }
        }
        let drain = shared.accept.admission.drain.clone();
        drain.begun().await;
        let mut over = pin!(drain.over());
        while shared.open.get() > 0 {
            tokio::select! {
                () = shared.closed.notified() => {}
                () = &mut over => {
                    tracing::warn!(open = shared.open.get(), "closing connections that did not end in time");
                    break;
                }
            }
        }
        Ok(())
    }
}

async fn accept<S: Serve, C: Clock>(shared: Rc<Shared<S, C>>, listener: TcpListener) {
    let drain = shared.accept.admission.drain.clone();
    let mut begun = pin!(drain.begun());
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut begun => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => begin(&shared, stream, peer),
            Err(error) if of_the_client(&error) => {}
            Err(error) => {
                shared.accept.metrics.count(Event::RefusedAccept);
                tracing::warn!(%error, "cannot accept");
                sleep(BREATH).await;
            }
        }
    }
    // Closing a socket resets whoever waits in its queue: they are served first. A flood must not keep us here.
    for _ in 0..MOST_QUEUED {
        match at_once(&listener).await {
            Some(Ok((stream, peer))) => begin(&shared, stream, peer),
            Some(Err(error)) if of_the_client(&error) => {}
            _ => break,
        }
    }
}

async fn at_once(listener: &TcpListener) -> Option<io::Result<(TcpStream, SocketAddr)>> {
    std::future::poll_fn(|cx| match listener.poll_accept(cx) {
        Poll::Ready(accepted) => Poll::Ready(Some(accepted)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// Errors of one connection that ended before it was accepted (accept(2)).
fn of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}

fn begin<S: Serve, C: Clock>(shared: &Rc<Shared<S, C>>, stream: TcpStream, peer: SocketAddr) {
    let accepted = shared.accept.clock.now();
    let Ok(admitted) = shared.accept.admission.limits.admit() else {
        shared.accept.metrics.count(Event::RefusedLimit);
        return;
    };
    shared.open.set(shared.open.get() + 1);
    let opened = Opened(Rc::clone(shared));
    tokio::task::spawn_local(async move {
        connection(&opened.0.accept, &opened.0.count, stream, peer, accepted, admitted).await;
        drop(opened);
    });
}

async fn connection<S: Serve, C: Clock>(
    accept: &Accept<S, C>,
    count: &Cell<u64>,
    stream: TcpStream,
    peer: SocketAddr,
    accepted: Timestamp,
    mut admitted: Admitted,
) {
    let peer = canonical(peer);
    let Ok(local) = stream.local_addr().map(canonical) else { return };
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let mut socket = Socket::new(stream);
    let proxied = if accept.is_load_balancer(peer.ip()) {
        let header = proxy_protocol::read(socket.stream());
        match timeout(accept.admission.proxy_header_time, header).await {
            Ok(Ok((proxied, rest))) => {
                socket.put_back(rest);
                proxied
            }
            outcome => {
                let error = outcome.ok().and_then(Result::err);
                tracing::debug!(%peer, ?error, "no PROXY protocol header from a load balancer");
                accept.metrics.count(Event::RefusedProxyProtocol);
                return;
            }
        }
    } else {
        None
    };
    // A load balancer that speaks for itself (its health checks) is not one client among others.
    if proxied.is_some() || !accept.is_load_balancer(peer.ip()) {
        let client = proxied.map_or(peer, |proxied| proxied.source).ip();
        if let Err(reason) = admitted.count_for(client) {
            tracing::debug!(%client, %reason, "connection refused");
            accept.metrics.count(if reason == Reason::TooManyConnections {
                Event::RefusedClientLimit
            } else {
                Event::RefusedLimit
            });
            return;
        }
    }
    count.set(count.get() + 1);
    let id = u64::try_from(accept.worker.0).unwrap_or(0) << 48 | count.get();
    let mut info = ConnectionInfo { id, peer, local, proxied, tls: None, accepted };
    let Some(tls) = &accept.tls else {
        accept.metrics.count(Event::Redirect);
        accept.serve.serve(socket, Rc::new(info)).await;
        return;
    };
    let snapshot = tls.snapshot();
    let shaken = timeout(accept.admission.handshake_time, shake(&snapshot, socket)).await;
    let stream = match shaken.unwrap_or(Err(HandshakeFailure::Timeout)) {
        Ok((stream, settled)) => {
            accept.metrics.count(if settled.version == "TLSv1.3" { Event::Tls13 } else { Event::Tls12 });
            if settled.resumed {
                accept.metrics.count(Event::TlsResumed);
            }
            info.tls = Some(settled);
            stream
        }
        Err(failure) => {
            tracing::debug!(%peer, failure = failure.as_str(), "handshake failed");
            accept.metrics.count(event(failure));
            return;
        }
    };
    drop(snapshot);
    let (event, level) = match info.tls.as_ref().map(|tls| tls.protocol) {
        Some(Protocol::Http2) => (Event::Http2, Level::Http2),
        _ => (Event::Http1, Level::Http1),
    };
    accept.metrics.count(event);
    let _open = accept.metrics.open(level);
    accept.serve.serve(stream, Rc::new(info)).await;
}

impl<S, C> Accept<S, C> {
    fn is_load_balancer(&self, peer: IpAddr) -> bool {
        self.admission.proxy_protocol.iter().any(|network| network.contains(&peer))
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn event(failure: HandshakeFailure) -> Event {
    match failure {
        HandshakeFailure::Timeout => Event::TlsTimeout,
        HandshakeFailure::Closed => Event::TlsClosed,
        HandshakeFailure::NotTls | HandshakeFailure::Version | HandshakeFailure::Protocol | HandshakeFailure::Other => {
            Event::TlsProtocol
        }
        HandshakeFailure::ProxyHeader => Event::RefusedProxyProtocol,
        HandshakeFailure::UnknownName => Event::TlsName,
        HandshakeFailure::ClientCertificate => Event::TlsClientCertificate,
    }
}
