//! The daemon: options and configuration to listeners, an engine, metrics and a log; signals to an orderly end.
//!
//! tokio serves listeners, scrapers and signals on this thread; the engine and its workers are threads of their own.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::thread;

use clap::Args;
use outrider::{Isa, WorkersOptions};
use outrider_transport::Address;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio_rustls::rustls::ServerConfig;

use crate::config::{Config, LogLevel, WaitHow};
use crate::engine::{self, Ending, EngineHandle, EngineOptions, Order};
use crate::http;
use crate::listener::{Admission, Listener};
use crate::logging::{self, Log};
use crate::metrics::{Metrics, Snapshot};
use crate::patch_args::{LoadedPatch, PatchArgs, PatchError};

/// Decide cells for controllers: a decoder node
///
/// Listens where it is told, takes rounds of the patches that it was given, decides the cells that controllers assign
/// to it, and answers with commits (PROTOCOL.md). When it is ready it prints a line on standard output: READY, and an
/// object with its addresses and patches. Its log goes to standard error, a line of JSON for each event. SIGTERM and
/// Ctrl-C let it decide what can be decided and tell every client what cannot; a second one ends it at once.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct DaemonArgs {
    /// Configuration in TOML, with the same names as the options; options stand above it, but patches add up
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen: unix:PATH, ring:PATH (shared memory), tcp:HOST:PORT (this host only) or tls:HOST:PORT
    #[arg(long, value_name = "ADDRESS")]
    listen: Vec<Address>,
    /// Where to serve /metrics and /healthz
    #[arg(long, value_name = "HOST:PORT")]
    metrics: Option<String>,
    /// Threads that decode; 0 to decode on the thread of the connections [default: the cores but one]
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// How threads wait: spin, yield between looks, or block until woken [default: block]
    #[arg(long, value_name = "HOW", value_enum)]
    wait: Option<WaitHow>,
    /// Cores that the workers are pinned to, in turn
    #[arg(long, value_name = "CORE,..", value_delimiter = ',')]
    cores: Vec<usize>,
    /// What the log tells [default: info]
    #[arg(long, value_name = "LEVEL", value_enum)]
    log_level: Option<LogLevel>,
    /// File of the log [default: standard error]
    #[arg(long, value_name = "FILE")]
    log_file: Option<PathBuf>,
    /// Read everything, make every decoder, tell what would be served, and end
    #[arg(long)]
    check: bool,
    /// End, as after SIGTERM, when standard input does
    #[arg(long)]
    exit_with_stdin: bool,
    #[command(flatten)]
    patch: PatchArgs,
}

const AFTER_HELP: &str = "\
Exit codes: 0 every client was told how its cells stand; 1 the machine failed, or the time to shut down was over; 2 the \
command, the configuration or a file that it names is wrong.

Examples:
  outrider-node --listen unix:node.sock --distance 5 --p 0.001
  outrider-node --config /etc/outrider/node.toml --check";

/// Why a node did not come up, or did not end in order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The command, the configuration or a file that it names is wrong.
    Input(String),
    /// The machine failed.
    Machine(String),
}

impl Failure {
    /// The exit code of a program that fails so.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Input(_) => ExitCode::from(2),
            Self::Machine(_) => ExitCode::from(1),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Input(message) | Self::Machine(message)) = self;
        f.write_str(message)
    }
}

impl std::error::Error for Failure {}

impl From<outrider::Error> for Failure {
    fn from(error: outrider::Error) -> Self {
        if error.is_bad_input() { Self::Input(error.to_string()) } else { Self::Machine(error.to_string()) }
    }
}

impl From<PatchError> for Failure {
    fn from(error: PatchError) -> Self {
        match error {
            PatchError::Core(error) => error.into(),
            error => Self::Input(error.to_string()),
        }
    }
}

impl DaemonArgs {
    /// Runs a node until it is told to end.
    ///
    /// # Errors
    /// See [`Failure`].
    pub fn run(&self) -> Result<(), Failure> {
        let config = self.config()?;
        let patches: Vec<_> =
            config.patches.iter().map(|patch| patch.load(Isa::Auto)).collect::<Result<_, PatchError>>()?;
        if patches.is_empty() {
            return Err(Failure::Input(
                "no patch: name one by --distance and --p or --dem, or by [[patch]] in --config".to_owned(),
            ));
        }
        if config.listen.is_empty() {
            return Err(Failure::Input("nowhere to listen: name an address by --listen".to_owned()));
        }
        let tls = match config.tls_files() {
            Some(files) => Some(files.server_config().map_err(|error| Failure::Input(error.to_string()))?),
            None => None,
        };
        if tls.is_none() && config.listen.iter().any(|address| matches!(address, Address::Tls(_))) {
            return Err(Failure::Input("tls: addresses need certificates: [tls] in --config".to_owned()));
        }
        let options = EngineOptions {
            node: config.node_options()?,
            workers: WorkersOptions {
                count: config.workers,
                wait: config.wait.into(),
                cores: config.cores.clone(),
            },
            drain_ns: config.drain_ns()?,
        };
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::Machine(format!("tokio: {error}")))?;
        runtime.block_on(self.serve(&config, patches, options, tls))
    }

    fn config(&self) -> Result<Config, Failure> {
        let mut config = self.config.as_deref().map_or_else(|| Ok(Config::default()), Config::read)?;
        if !self.listen.is_empty() {
            config.listen.clone_from(&self.listen);
        }
        if !self.cores.is_empty() {
            config.cores.clone_from(&self.cores);
        }
        if let Some(metrics) = &self.metrics {
            config.metrics = Some(metrics.clone());
        }
        config.workers = self.workers.unwrap_or(config.workers);
        config.wait = self.wait.unwrap_or(config.wait);
        config.log.level = self.log_level.unwrap_or(config.log.level);
        if let Some(file) = &self.log_file {
            config.log.file = Some(file.clone());
        }
        if self.patch.dem.is_some() || self.patch.distance.is_some() {
            config.patches.push(self.patch.clone());
        }
        Ok(config)
    }

    async fn serve(
        &self,
        config: &Config,
        patches: Vec<LoadedPatch>,
        options: EngineOptions,
        tls: Option<Arc<ServerConfig>>,
    ) -> Result<(), Failure> {
        let described = Vec::from_iter(patches.iter().map(describe));
        let patches = patches.into_iter().map(|loaded| loaded.patch).collect();
        let snapshot = Arc::new(Mutex::new(Snapshot::default()));
        let (engine, thread) = engine::start(patches, options, random, Arc::clone(&snapshot))?;
        if self.check {
            engine.tell(Order::ShutDown);
            let _ = thread.join();
            return say("CHECKED", config.listen.iter().map(Address::to_string), None, &described);
        }
        let log = logging::begin(config.log.file.as_deref(), config.log.level.into());
        let log = log.map_err(|error| Failure::Machine(format!("log: {error}")))?;
        let listeners = self.listen(config, tls).await?;
        let addresses = Vec::from_iter(listeners.iter().map(|listener| listener.address.to_string()));
        let scrapers = match &config.metrics {
            Some(address) => Some(bind_metrics(address).await?),
            None => None,
        };
        let metrics_address = scrapers.as_ref().and_then(|scrapers| scrapers.local_addr().ok());
        let signals = Signals::new(self.exit_with_stdin)?;
        let tasks: Vec<_> =
            listeners.into_iter().map(|listener| tokio::spawn(listener.serve(engine.clone()))).collect();
        if let Some(scrapers) = scrapers {
            let metrics = Metrics::new(Arc::clone(&snapshot), log.dropped.clone());
            tokio::spawn(http::serve(scrapers, metrics, snapshot));
        }
        tracing::info!(addresses = addresses.join(" "), "ready");
        say("READY", addresses.into_iter(), metrics_address, &described)?;
        let ending = signals.wait(&engine, thread).await?;
        // The listeners' files go with them.
        for task in tasks {
            task.abort();
            let _ = task.await;
        }
        finish(ending, log)
    }

    async fn listen(
        &self,
        config: &Config,
        tls: Option<Arc<ServerConfig>>,
    ) -> Result<Vec<Listener>, Failure> {
        let mut uids = config.allow_uids.clone();
        uids.push(rustix::process::geteuid().as_raw());
        let admission = Admission { uids, mode: config.socket_mode };
        let mut listeners = Vec::new();
        for address in &config.listen {
            let listener = Listener::bind(address, &admission, tls.as_ref()).await;
            listeners.push(listener.map_err(|error| Failure::Machine(format!("{address}: {error}")))?);
        }
        Ok(listeners)
    }
}

fn finish(ending: Ending, log: Log) -> Result<(), Failure> {
    match ending {
        Ending::Drained => {
            tracing::info!("every client has been told; ending");
            drop(log);
            Ok(())
        }
        Ending::Abandoned => {
            tracing::error!("the time to shut down is over; ending");
            drop(log);
            Err(Failure::Machine("the time to shut down was over before every client was told".to_owned()))
        }
    }
}

/// What tells a daemon to end.
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    stdin: Option<oneshot::Receiver<()>>,
}

impl Signals {
    fn new(with_stdin: bool) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::Machine(format!("signal handler: {error}"));
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
            stdin: with_stdin.then(watch_stdin).transpose().map_err(failed)?,
        })
    }

    /// Waits for the first word to end, has the engine end, and waits for that, or for the second word.
    async fn wait(
        mut self,
        engine: &EngineHandle,
        thread: thread::JoinHandle<Ending>,
    ) -> Result<Ending, Failure> {
        let (tell, ended) = oneshot::channel();
        // Whoever waits for it ends before it only with the whole process.
        thread::spawn(move || drop(tell.send(thread.join())));
        let mut ended = std::pin::pin!(ended);
        let stdin = async {
            match self.stdin.take() {
                Some(end) => drop(end.await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => tracing::info!("SIGTERM: shutting down"),
            _ = self.interrupt.recv() => tracing::info!("SIGINT: shutting down"),
            () = stdin => tracing::info!("standard input has ended: shutting down"),
            _ = &mut ended => return Err(Failure::Machine("the engine has failed".to_owned())),
        }
        engine.tell(Order::ShutDown);
        tokio::select! {
            ending = &mut ended => match ending {
                Ok(Ok(ending)) => Ok(ending),
                _ => Err(Failure::Machine("the engine has failed".to_owned())),
            },
            _ = self.terminate.recv() => Err(Failure::Machine("ended by a second SIGTERM".to_owned())),
            _ = self.interrupt.recv() => Err(Failure::Machine("ended by a second SIGINT".to_owned())),
        }
    }
}

/// Watches standard input on a thread, because reading it cannot be given up.
fn watch_stdin() -> io::Result<oneshot::Receiver<()>> {
    let (tell, end) = oneshot::channel();
    thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        let mut buffer = [0; 64];
        while io::stdin().read(&mut buffer).is_ok_and(|count| count > 0) {}
        drop(tell);
    })?;
    Ok(end)
}

async fn bind_metrics(address: &str) -> Result<TcpListener, Failure> {
    let named = |error| Failure::Machine(format!("metrics {address}: {error}"));
    TcpListener::bind(address).await.map_err(named)
}

/// What controllers have to know of a patch.
fn describe(loaded: &LoadedPatch) -> Value {
    let patch = &loaded.patch;
    let widths = patch.widths();
    json!({
        "decoder": loaded.label,
        "model": hex(patch.model_digest()),
        "plan": hex(patch.plan_digest()),
        "widths": { "first": widths.first, "cycle": widths.cycle, "last": widths.last },
        "observables": patch.plan().graph().observable_count(),
    })
}

/// Prints the one line on standard output.
fn say(
    word: &str,
    addresses: impl Iterator<Item = String>,
    metrics: Option<SocketAddr>,
    patches: &[Value],
) -> Result<(), Failure> {
    let object = json!({
        "addresses": addresses.collect::<Vec<_>>(),
        "metrics": metrics.map(|address| address.to_string()),
        "patches": patches,
    });
    let mut out = io::stdout().lock();
    let written = writeln!(out, "{word} {object}").and_then(|()| out.flush());
    written.map_err(|error| Failure::Machine(format!("standard output: {error}")))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes that nobody can guess.
fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    let mut filled = 0;
    while filled < bytes.len() {
        // Once the machine has come up this neither blocks nor fails.
        filled +=
            rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty()).unwrap_or(0);
    }
    bytes
}
