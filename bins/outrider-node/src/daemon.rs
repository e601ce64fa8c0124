//! The daemon: options and configuration to a server and a log; signals to its orderly end.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use clap::Args;
use outrider::{Isa, Patch, Workers};
use outrider_options::option_values::WaitHow;
use outrider_options::{LoadedPatch, PatchArgs};
use outrider_stdio::{Stream, require_open};
use outrider_transport::Address;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use tokio::{runtime, select};

use crate::config::{Config, LogLevel};
use crate::event_loop::Ending;
use crate::failure::Failure;
use crate::listener::Listener;
use crate::log_limit::ALWAYS;
use crate::logging::{self, Log};
use crate::server::{Server, ServerError, ServerOptions};

/// Decide cells for controllers: a decoder node
///
/// Listens at the given addresses, receives the rounds of its patches, decides the cells that controllers assign to it,
/// and answers with commits (PROTOCOL.md). When it is ready it prints READY and a JSON object with its addresses and
/// patches on standard output. The log goes to standard error, one line of JSON for each event. SIGTERM and Ctrl-C
/// stop it in order: it decides the cells that can be decided and sends every client the names of the others. A second
/// signal stops it at once.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct DaemonArgs {
    /// Configuration in TOML, with the names of the options. Options override the file; [[patch]] entries of both are
    /// combined
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address to listen at: unix:PATH, ring:PATH (shared memory), tcp:HOST:PORT (this host only) or tls:HOST:PORT
    #[arg(long, value_name = "ADDRESS")]
    listen: Vec<Address>,
    /// Address that serves /metrics and /healthz
    #[arg(long, value_name = "HOST:PORT")]
    metrics: Option<String>,
    /// Threads that decode; 0 decodes on the thread of the connections [default: all cores but one]
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// How threads wait: spin, yield between checks, or block until woken [default: block]
    #[arg(long, value_name = "HOW", value_enum)]
    wait: Option<WaitHow>,
    /// Cores to pin the workers to, in turn
    #[arg(long, value_name = "CORE,..", value_delimiter = ',')]
    cores: Vec<usize>,
    /// Lowest level that is logged [default: info]
    #[arg(long, value_name = "LEVEL", value_enum)]
    log_level: Option<LogLevel>,
    /// File of the log, opened anew on SIGHUP [default: standard error]
    #[arg(long, value_name = "FILE")]
    log_file: Option<PathBuf>,
    /// Read everything, make every decoder, print what would be served, and end
    #[arg(long)]
    check: bool,
    /// Stop, as after SIGTERM, at the end of standard input
    #[arg(long)]
    exit_with_stdin: bool,
    /// Folder of the program that has started the node for itself: at the end of standard input that program is gone, the
    /// node ends at once, and the folder goes too
    #[arg(long, value_name = "FOLDER", hide = true, conflicts_with = "exit_with_stdin")]
    owner_folder: Option<PathBuf>,
    #[command(flatten)]
    patch: PatchArgs,
}

/// Descriptors of a node that are not those of connections that it serves: logs, listeners, callers, scrapers.
const OTHER_DESCRIPTORS: u64 = 1024;

/// Descriptors without which a node does not work: a few listeners, the log, and what threads wait at.
const OWN_DESCRIPTORS: u64 = 32;

/// How long a node that has to end at once may take to write its log.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How often the log states how many of its lines were left out, if any were.
const LEFT_OUT_EVERY: Duration = Duration::from_secs(1);

const AFTER_HELP: &str = "\
Exit codes: 0 stopped in order; 1 the machine failed, the time to shut down was over, or a second signal came; 2 the \
command, the configuration or a file that it names is wrong.

Examples:
  outrider-node --listen unix:node.sock --distance 5 --p 0.001
  outrider-node --config /etc/outrider/node.toml --check";

impl DaemonArgs {
    /// Runs a node until it has to end.
    ///
    /// # Errors
    /// See [`Failure`].
    pub fn run(&self) -> Result<(), Failure> {
        if let Some(folder) = self.owner_folder.clone() {
            end_with_owner(folder).map_err(|error| Failure::Machine(format!("standard input: {error}")))?;
        }
        require_open(Stream::Output)?;
        if self.exit_with_stdin {
            require_open(Stream::Input)?;
        }
        let config = self.config()?;
        let patches = self.load(&config.patches)?;
        if patches.is_empty() {
            return Err(Failure::Input(
                "no patch: give --distance and --p, --dem, or [[patch]] in --config".to_owned(),
            ));
        }
        if config.listen.is_empty() {
            return Err(Failure::Input("no address: give --listen".to_owned()));
        }
        if config.tls.is_none() && config.listen.iter().any(|address| matches!(address, Address::Tls(_))) {
            return Err(Failure::Input("tls: addresses need certificates: [tls] in --config".to_owned()));
        }
        let options =
            config.server_options().map_err(|failure| failure.within(self.config.as_deref(), ""))?;
        let described = Vec::from_iter(patches.iter().map(describe));
        let patches: Vec<_> = patches.into_iter().map(|loaded| loaded.patch).collect();
        if self.check {
            check(&patches, &options)?;
            return print_line("CHECKED", &options.listen, None, &described);
        }
        let log = logging::begin(config.log.file.as_deref(), config.log.level.into()).map_err(|error| {
            let file = config.log.file.as_deref().unwrap_or_else(|| Path::new("standard error"));
            Failure::Input(format!("log {}: {error}", file.display()))
        })?;
        let mut options = ServerOptions { dropped_lines: Some(log.dropped_lines()), ..options };
        options.node.connections_max = raise_descriptor_limit(options.node.connections_max);
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::Machine(format!("tokio: {error}")))?;
        let outcome = runtime.block_on(self.serve(patches, &options, &described, &log));
        // Callers that have not sent the descriptors of a ring yet are waited for by threads.
        runtime.shutdown_background();
        outcome
    }

    fn load(&self, patches: &[PatchArgs]) -> Result<Vec<LoadedPatch>, Failure> {
        // Those of the file come first.
        let from_file = patches.len() - usize::from(self.names_patch());
        let load = |(at, patch): (usize, &PatchArgs)| {
            let file = self.config.as_deref().filter(|_| at < from_file);
            let named = |error| Failure::from(error).within(file, &format!("[[patch]] {}: ", at + 1));
            patch.load(Isa::Auto).map_err(named)
        };
        patches.iter().enumerate().map(load).collect()
    }

    fn names_patch(&self) -> bool {
        self.patch.dem.is_some() || self.patch.distance.is_some()
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
        if self.names_patch() {
            config.patches.push(self.patch.clone());
        } else if let Some(option) = self.patch.chosen_option() {
            return Err(Failure::Input(format!("--{option} needs --distance or --dem")));
        }
        Ok(config)
    }

    async fn serve(
        &self,
        patches: Vec<Arc<Patch>>,
        options: &ServerOptions,
        described: &[Value],
        log: &Log,
    ) -> Result<(), Failure> {
        let signals = Signals::new(self.exit_with_stdin)?;
        look_after(log)?;
        let server = Server::start(patches, options).await?;
        let addresses: Vec<_> = server.addresses().iter().map(Address::to_string).collect();
        tracing::info!(addresses = addresses.join(" "), "ready");
        print_line("READY", server.addresses(), server.metrics(), described)?;
        match signals.wait(server).await? {
            Ending::Drained => {
                tracing::info!("open cells reported to every client; ending");
                Ok(())
            }
            Ending::Abandoned => {
                let why =
                    "the time to shut down was over before the open cells were reported to every client";
                tracing::error!(why);
                Err(Failure::Machine(why.to_owned()))
            }
        }
    }
}

/// Opens the file of the log anew on SIGHUP, and states how many lines are left out, for as long as the node runs.
fn look_after(log: &Log) -> Result<(), Failure> {
    if let Some(reopening) = log.reopening() {
        let mut hangup = signal(SignalKind::hangup()).map_err(no_signals)?;
        tokio::spawn(async move {
            while hangup.recv().await.is_some() {
                reopening.ask();
                tracing::info!(target: ALWAYS, "SIGHUP: log file opened anew");
            }
        });
    }
    let left_out = log.left_out();
    tokio::spawn(async move {
        let mut before = 0;
        loop {
            sleep(LEFT_OUT_EVERY).await;
            let lines = left_out.count() - before;
            if lines > 0 {
                before += lines;
                tracing::warn!(target: ALWAYS, lines, "lines of the log were left out");
            }
        }
    });
    Ok(())
}

fn no_signals(error: io::Error) -> Failure {
    Failure::Machine(format!("signal handler: {error}"))
}

/// Takes as many descriptors as may be had: every connection needs one. Returns how many connections they are enough for,
/// so that some make room for others before there are none left.
fn raise_descriptor_limit(connections_max: usize) -> usize {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // macOS refuses to have no limit, which is the maximum there, and gives a number.
    let needed = Some(connections_max as u64 + OTHER_DESCRIPTORS);
    for current in [maximum, needed] {
        // If both are refused there are those that there were.
        if setrlimit(Resource::Nofile, Rlimit { current, maximum }).is_ok() {
            break;
        }
    }
    let Some(descriptors) = getrlimit(Resource::Nofile).current else { return connections_max };
    let enough_for = descriptors.saturating_sub((descriptors / 8).max(OWN_DESCRIPTORS)).max(1);
    if enough_for >= connections_max as u64 {
        return connections_max;
    }
    let connections = enough_for as usize;
    tracing::warn!(
        descriptors,
        connections,
        wanted = connections_max,
        "too few descriptors for all connections"
    );
    connections
}

/// Makes what a server would make, but for its sockets.
fn check(patches: &[Arc<Patch>], options: &ServerOptions) -> Result<(), Failure> {
    if let Some(tls) = &options.tls {
        tls.server_config().map_err(ServerError::Tls)?;
    }
    for address in &options.listen {
        Listener::check(address).map_err(|error| ServerError::Listen(address.to_string(), error))?;
    }
    if let Some(address) = &options.metrics {
        let named = |error| ServerError::Listen(format!("metrics {address}"), error);
        address.to_socket_addrs().map_err(named)?;
    }
    let mut workers = Workers::new(&options.workers)?;
    for patch in patches {
        workers.add(Arc::clone(patch))?;
    }
    Ok(())
}

/// What ends a daemon.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    stdin: Option<oneshot::Receiver<()>>,
}

impl Signals {
    fn new(with_stdin: bool) -> Result<Self, Failure> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(no_signals)?,
            interrupt: signal(SignalKind::interrupt()).map_err(no_signals)?,
            stdin: with_stdin.then(watch_stdin).transpose().map_err(no_signals)?,
        })
    }

    /// Waits for the first signal, stops the server, and waits for its end, or for the second signal.
    async fn wait(mut self, server: Server) -> Result<Ending, Failure> {
        let stdin = async {
            match self.stdin.take() {
                Some(end) => drop(end.await),
                None => std::future::pending().await,
            }
        };
        let handle = server.handle();
        let mut ended = pin!(server.ended());
        select! {
            _ = self.terminate.recv() => tracing::info!("SIGTERM: shutting down"),
            _ = self.interrupt.recv() => tracing::info!("SIGINT: shutting down"),
            () = stdin => tracing::info!("standard input has ended: shutting down"),
            ending = &mut ended => return Ok(ending?),
        }
        handle.shut_down();
        let second = select! {
            ending = &mut ended => return Ok(ending?),
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        };
        handle.abandon();
        // The log should be complete, but a node that hangs must end too.
        let _ = timeout(LAST_WORDS, ended).await;
        Err(Failure::Machine(format!("ended by a second {second}")))
    }
}

/// Watches standard input on a thread, because reading it cannot be given up.
fn watch_stdin() -> io::Result<oneshot::Receiver<()>> {
    let (open, end) = oneshot::channel();
    at_end_of_stdin(move || drop(open))?;
    Ok(end)
}

/// Ends the process with the one that has started it, whatever either is about: nobody is left to be told of open cells.
fn end_with_owner(folder: PathBuf) -> io::Result<()> {
    at_end_of_stdin(move || {
        remove_owner_folder(&folder);
        process::exit(0);
    })
}

fn at_end_of_stdin(then: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        let mut buffer = [0; 64];
        while io::stdin().read(&mut buffer).is_ok_and(|count| count > 0) {}
        then();
    })?;
    Ok(())
}

/// Removes the sockets and logs of all nodes in a folder, and the folder if it is empty then. Other nodes do the same
/// meanwhile; what one cannot remove another has.
fn remove_owner_folder(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        if path.extension().is_some_and(|suffix| suffix == "socket" || suffix == "log") {
            let _ = fs::remove_file(path);
        }
    }
    let _ = fs::remove_dir(folder);
}

/// What READY has of a patch.
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
fn print_line(
    word: &str,
    addresses: &[Address],
    metrics: Option<SocketAddr>,
    patches: &[Value],
) -> Result<(), Failure> {
    let object = json!({
        "addresses": addresses.iter().map(Address::to_string).collect::<Vec<_>>(),
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
