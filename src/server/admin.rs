//! The administration listener: metrics, health and readiness, and nothing else. It never serves the way to applications.

use std::convert::Infallible;
use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::error::ServerError;

/// Connections served at a time, for each listener.
const CONNECTIONS: usize = 64;
/// Time for a request's head, and that a connection may stand idle.
const HEAD: Duration = Duration::from_secs(30);

/// What the administration listener tells.
pub trait Report: Send + Sync + 'static {
    /// The metrics in the text format of Prometheus.
    fn metrics(&self) -> Vec<u8>;

    /// Whether requests can be served now.
    ///
    /// # Errors
    /// Why not, one line each.
    fn ready(&self) -> Result<(), Vec<String>>;
}

/// Serves the administration listener on its sockets until dropped. Spawn it on the background runtime: it answers while
/// the gateway drains, so that readiness can fail.
///
/// # Errors
/// When a socket cannot be registered with the runtime.
pub async fn serve<R: Report>(sockets: Vec<StdListener>, report: Arc<R>) -> Result<(), ServerError> {
    let mut listeners = tokio::task::JoinSet::new();
    for socket in sockets {
        socket.set_nonblocking(true).map_err(ServerError::Inherit)?;
        let listener = TcpListener::from_std(socket).map_err(ServerError::Inherit)?;
        listeners.spawn(accept(listener, Arc::clone(&report)));
    }
    while listeners.join_next().await.is_some() {}
    Ok(())
}

async fn accept<R: Report>(listener: TcpListener, report: Arc<R>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let report = Arc::clone(&report);
                tokio::spawn(async move {
                    connection(stream, report).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept on the administration listener");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection<R: Report>(stream: TcpStream, report: Arc<R>) {
    let service = service_fn(move |request| {
        let answer = answer(&request, report.as_ref());
        async move { Ok::<_, Infallible>(answer) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "administration connection ended");
    }
}

#[expect(clippy::disallowed_methods, reason = "three fixed names of our own; nothing is judged or forwarded by them")]
fn answer(request: &Request<Incoming>, report: &impl Report) -> Response<Full<Bytes>> {
    const TEXT: &str = "text/plain; charset=utf-8";
    let (status, kind, body) = match request.uri().path() {
        _ if request.method() != Method::GET && request.method() != Method::HEAD => {
            (StatusCode::METHOD_NOT_ALLOWED, TEXT, b"only GET is answered here\n".to_vec())
        }
        "/metrics" => (StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", report.metrics()),
        "/healthz" => (StatusCode::OK, TEXT, b"alive\n".to_vec()),
        "/readyz" => match report.ready() {
            Ok(()) => (StatusCode::OK, TEXT, b"ready\n".to_vec()),
            Err(reasons) => (StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{}\n", reasons.join("\n")).into_bytes()),
        },
        _ => (StatusCode::NOT_FOUND, TEXT, b"here are /metrics, /healthz and /readyz\n".to_vec()),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
