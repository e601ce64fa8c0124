//! `/metrics` and `/healthz` over HTTP, on an address of their own.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::metrics::Metrics;
use crate::node_snapshot::{Health, Snapshot};
use crate::task_limit::TaskLimit;

/// Scrapers served at a time.
const SCRAPERS_MAX: usize = 16;
/// How long a scraper may take, its reading included.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait after a connection could not be taken.
const PAUSE: Duration = Duration::from_millis(100);

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers scrapers for ever.
pub(crate) async fn serve(listener: TcpListener, metrics: Metrics, snapshot: Arc<Mutex<Snapshot>>) {
    let metrics = Arc::new(metrics);
    let mut scrapers = TaskLimit::new(SCRAPERS_MAX);
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot take a scraper");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let (metrics, snapshot) = (Arc::clone(&metrics), Arc::clone(&snapshot));
        scrapers.admit(async move {
            let service = service_fn(|request| {
                let response = answer(&request, &metrics, &snapshot);
                async move { Ok::<_, Infallible>(response) }
            });
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).keep_alive(false);
            // What goes wrong here concerns the scraper alone.
            let _ = timeout(PATIENCE, http.serve_connection(TokioIo::new(stream), service)).await;
        });
        // Those who have come get their turn before they have to make room.
        yield_now().await;
    }
}

fn answer(
    request: &Request<Incoming>,
    metrics: &Metrics,
    snapshot: &Mutex<Snapshot>,
) -> Response<Full<Bytes>> {
    let (status, kind, body) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => (StatusCode::OK, OPEN_METRICS, metrics.text()),
        (&Method::GET | &Method::HEAD, "/healthz") => {
            let health = snapshot.lock().unwrap_or_else(PoisonError::into_inner).health();
            let (status, word) = match health {
                Health::Well => (StatusCode::OK, "ok\n"),
                Health::Draining => (StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
                Health::Stalled => (StatusCode::SERVICE_UNAVAILABLE, "stalled\n"),
            };
            (status, "text/plain", word.to_owned())
        }
        (&Method::GET | &Method::HEAD, _) => {
            (StatusCode::NOT_FOUND, "text/plain", "there are /metrics and /healthz\n".to_owned())
        }
        _ => (StatusCode::METHOD_NOT_ALLOWED, "text/plain", "only GET and HEAD\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    response
}
