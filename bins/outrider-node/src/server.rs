//! A node that listens: its event loop, its listeners, its metrics. For programs that want one inside.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use outrider::{Patch, WorkersOptions};
use outrider_node::NodeOptions;
use outrider_transport::{Address, TlsFiles};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::event_loop::{self, Ending, EventLoopHandle, EventLoopOptions, Order};
use crate::http;
use crate::listener::{Admission, Listener};
use crate::logging::DroppedLines;
use crate::metrics::Metrics;
use crate::node_pages::NodePages;
use crate::node_snapshot::Snapshot;

/// How a [`Server`] works.
#[derive(Clone)]
pub struct ServerOptions {
    /// Limits, and what it wants of sessions.
    pub node: NodeOptions,
    /// The threads that decide cells. Their way of waiting is that of the connections' thread too.
    pub workers: WorkersOptions,
    /// Where it listens.
    pub listen: Vec<Address>,
    /// Who may connect through Unix sockets.
    pub admission: Admission,
    /// What it shows, and whom it trusts, on `tls:` addresses.
    pub tls: Option<TlsFiles>,
    /// Where `/metrics` and `/healthz` are served, `HOST:PORT`.
    pub metrics: Option<String>,
    /// How long it goes on deciding what can be decided when it is told to end.
    pub drain: Duration,
    /// Tells how many lines of a log were dropped, for the metrics.
    pub dropped_lines: Option<DroppedLines>,
}

/// Why a server did not come up, or has ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// Decoders or threads could not be made.
    #[error(transparent)]
    Core(outrider::Error),
    /// Certificates or key are missing or not to be understood.
    #[error(transparent)]
    Tls(io::Error),
    /// It cannot listen there.
    #[error("{0}: {1}")]
    Listen(String, io::Error),
    /// A thread of it has panicked, which is a bug.
    #[error("a thread of the node has panicked")]
    Failed,
}

/// A decoder node that serves controllers until it is told to end.
///
/// It lives in a tokio runtime, which takes its callers and scrapers; everything else is done by threads of its own.
///
/// ```no_run
/// use std::sync::Arc;
/// use outrider::{Circuit, CircuitFamily, Patch, PatchOptions, PlanOptions, SurfaceCode};
/// use outrider_noded::{Server, ServerOptions};
///
/// # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
/// let circuit = Circuit::uniform(CircuitFamily::Stim, 0.001);
/// let model = SurfaceCode::memory(3, 40).circuit(circuit).build()?.model()?;
/// let patch = Arc::new(Patch::new(&model, &PatchOptions::new(PlanOptions::parallel(3)))?);
///
/// let listen = vec!["unix:/run/outrider/node.sock".parse()?];
/// let server = Server::start(vec![patch], &ServerOptions { listen, ..ServerOptions::default() }).await?;
/// tokio::signal::ctrl_c().await?;
/// server.shut_down();
/// server.ended().await?;
/// # Ok(())
/// # }
/// ```
pub struct Server {
    event_loop: EventLoopHandle,
    ended: oneshot::Receiver<thread::Result<Ending>>,
    addresses: Vec<Address>,
    metrics: Option<SocketAddr>,
    tasks: Vec<JoinHandle<()>>,
}

impl Default for ServerOptions {
    /// One worker, which sleeps until it is woken; listens nowhere; admits its own user.
    fn default() -> Self {
        Self {
            node: NodeOptions::default(),
            workers: WorkersOptions { count: 1, wait: outrider::Wait::Block, cores: Vec::new() },
            listen: Vec::new(),
            admission: Admission { uids: vec![rustix::process::geteuid().as_raw()], mode: 0o600 },
            tls: None,
            metrics: None,
            drain: Duration::from_secs(5),
            dropped_lines: None,
        }
    }
}

impl Server {
    /// Binds all addresses and makes all decoders. Callers that come before the last is made are served then.
    ///
    /// # Errors
    /// See [`ServerError`]; nothing is left running then.
    pub async fn start(patches: Vec<Arc<Patch>>, options: &ServerOptions) -> Result<Self, ServerError> {
        let tls = options.tls.as_ref().map(TlsFiles::server_config).transpose().map_err(ServerError::Tls)?;
        let mut listeners = Vec::new();
        for address in &options.listen {
            let listener = Listener::bind(address, &options.admission, tls.as_ref()).await;
            listeners.push(listener.map_err(|error| ServerError::Listen(address.to_string(), error))?);
        }
        let scrapers = match &options.metrics {
            Some(address) => {
                let named = |error| ServerError::Listen(format!("metrics {address}"), error);
                Some(TcpListener::bind(address).await.map_err(named)?)
            }
            None => None,
        };
        let loop_options = EventLoopOptions {
            node: options.node.clone(),
            workers: options.workers.clone(),
            drain_ns: u64::try_from(options.drain.as_nanos()).unwrap_or(u64::MAX),
        };
        let snapshot = Arc::new(Mutex::new(Snapshot::default()));
        let (event_loop, thread) = event_loop::start(patches, loop_options, random, Arc::clone(&snapshot))
            .map_err(ServerError::Core)?;
        let (tell, ended) = oneshot::channel();
        thread::spawn(move || drop(tell.send(thread.join())));
        let addresses = listeners.iter().map(|listener| listener.address.clone()).collect();
        let metrics = scrapers.as_ref().and_then(|scrapers| scrapers.local_addr().ok());
        let mut tasks: Vec<_> =
            listeners.into_iter().map(|listener| tokio::spawn(listener.serve(event_loop.clone()))).collect();
        if let Some(scrapers) = scrapers {
            let metrics = Metrics::new(Arc::clone(&snapshot), options.dropped_lines.clone());
            tasks.push(tokio::spawn(http::serve(scrapers, NodePages { metrics, snapshot })));
        }
        Ok(Self { event_loop, ended, addresses, metrics, tasks })
    }

    /// Where it listens, with the ports that were chosen for it.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Where its metrics are served.
    pub fn metrics(&self) -> Option<SocketAddr> {
        self.metrics
    }

    /// Tells it to end: it begins no more sessions, decides what can be decided, and tells every client what cannot.
    pub fn shut_down(&self) {
        self.handle().shut_down();
    }

    /// What tells it to end while it is waited for.
    pub fn handle(&self) -> ServerHandle {
        ServerHandle(self.event_loop.clone())
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// [`ServerError::Failed`].
    pub async fn ended(mut self) -> Result<Ending, ServerError> {
        let ending = (&mut self.ended).await;
        // The files of its sockets go with them.
        for task in &mut self.tasks {
            task.abort();
            let _ = task.await;
        }
        match ending {
            Ok(Ok(ending)) => Ok(ending),
            _ => Err(ServerError::Failed),
        }
    }
}

/// Tells a [`Server`] to end.
#[derive(Clone)]
pub struct ServerHandle(EventLoopHandle);

impl ServerHandle {
    /// As [`Server::shut_down`].
    pub fn shut_down(&self) {
        self.0.give(Order::ShutDown);
    }

    /// Ends it at once. What is open is only in its log.
    pub fn abandon(&self) {
        self.0.give(Order::Abandon);
    }
}

impl fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHandle").finish_non_exhaustive()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("addresses", &self.addresses)
            .field("metrics", &self.metrics)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ServerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerOptions")
            .field("node", &self.node)
            .field("workers", &self.workers)
            .field("listen", &self.listen)
            .finish_non_exhaustive()
    }
}

/// Bytes that nobody can guess.
fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("once it has come up, a machine has random bytes at any time");
    bytes
}
