//! The pages of a node: `/metrics` for Prometheus, and `/healthz` for whoever asks whether it is well.

use std::sync::{Arc, Mutex, PoisonError};

use hyper::StatusCode;

use crate::http::{Page, Pages};
use crate::metrics::Metrics;
use crate::node_snapshot::{Health, Snapshot};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the pages are made of.
pub(crate) struct NodePages {
    pub(crate) metrics: Metrics,
    pub(crate) snapshot: Arc<Mutex<Snapshot>>,
}

impl Pages for NodePages {
    fn page(&self, path: &str) -> Page {
        match path {
            "/metrics" => {
                Page { status: StatusCode::OK, content_type: OPEN_METRICS, body: self.metrics.text() }
            }
            "/healthz" => {
                let health = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner).health();
                match health {
                    Health::Well => Page::plain(StatusCode::OK, "ok\n"),
                    Health::Draining => Page::plain(StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
                    Health::Stalled => Page::plain(StatusCode::SERVICE_UNAVAILABLE, "stalled\n"),
                }
            }
            _ => Page::plain(StatusCode::NOT_FOUND, "there are /metrics and /healthz\n"),
        }
    }
}
