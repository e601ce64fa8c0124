//! Pages over HTTP, on an address of their own. What they show is given by [`Pages`].

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::task_limit::TaskLimit;

/// Readers served at a time.
const READERS_MAX: usize = 16;
/// How long a reader may take, its reading included.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait after a connection could not be taken.
const PAUSE: Duration = Duration::from_millis(100);

/// What is served.
pub(crate) trait Pages: Send + Sync + 'static {
    /// The page at a path; one with status 404 where there is none.
    fn page(&self, path: &str) -> Page;
}

/// An answer.
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
}

impl Page {
    /// A page of plain text.
    pub(crate) fn plain(status: StatusCode, body: &str) -> Self {
        Self { status, content_type: "text/plain", body: body.to_owned() }
    }
}

/// Answers readers for ever.
pub(crate) async fn serve(listener: TcpListener, pages: impl Pages) {
    let pages = Arc::new(pages);
    let mut readers = TaskLimit::new(READERS_MAX);
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot take a scraper");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let pages = Arc::clone(&pages);
        readers.admit(async move {
            let service = service_fn(|request| {
                let response = answer(&request, &*pages);
                async move { Ok::<_, Infallible>(response) }
            });
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(PATIENCE).keep_alive(false);
            // What goes wrong here concerns the reader alone.
            let _ = timeout(PATIENCE, http.serve_connection(TokioIo::new(stream), service)).await;
        });
        // Those who have come get their turn before they have to make room.
        yield_now().await;
    }
}

fn answer(request: &Request<Incoming>, pages: &impl Pages) -> Response<Full<Bytes>> {
    let Page { status, content_type, body } = match request.method() {
        &Method::GET | &Method::HEAD => pages.page(request.uri().path()),
        _ => Page::plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n"),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
