//! Decoder nodes as the target of a stream.
//!
//! Every history is a stream of its own for the nodes. To open it takes a round trip, during which its first rounds gather;
//! between processes of one host that is over before the first window is complete.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use outrider::{CellBook, LearnedNoise, Patch, clock_ns};
use outrider_controller::{
    Address, Cluster, ClusterError, ClusterOptions, Event, JournalRecord, NodeId, NodeState, PatchId,
    PatchState, PushError, TlsFiles,
};
use outrider_wire::{Hops, Time};

use crate::error::{Error, Result};
use crate::options::values;
use crate::report::latency_histogram::LatencyHistogram;
use crate::stream::journal_file::JournalFile;
use crate::stream::local_nodes::{LocalNodes, Transport};
use crate::stream::node_report::{Failover, NodeReport};
use crate::stream::target::{CellReport, Progress, Restored, Target, Way};

/// Where rounds go, if not to threads of this process.
#[derive(Args, Clone, Debug)]
pub(crate) struct NodesArgs {
    /// Decode on this many decoder nodes, started on this machine
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) nodes: Option<u8>,
    /// Connection to them: a Unix socket, shared memory, or TCP
    #[arg(long, value_name = "HOW", value_enum, default_value = "unix", requires = "nodes")]
    pub(crate) transport: Transport,
    /// Decode on the decoder node at this address; once for each node: unix:PATH, ring:PATH, tcp:HOST:PORT or
    /// tls:HOST:PORT
    #[arg(long, value_name = "ADDRESS", conflicts_with = "nodes")]
    pub(crate) to: Vec<Address>,
    /// Authorities that sign the certificates of nodes at tls: addresses
    #[arg(long, value_name = "FILE", requires_all = ["to", "tls_certificate", "tls_key"])]
    tls_authority: Option<PathBuf>,
    /// The certificate to present to them
    #[arg(long, value_name = "FILE", requires = "tls_authority")]
    tls_certificate: Option<PathBuf>,
    /// Its private key
    #[arg(long, value_name = "FILE", requires = "tls_authority")]
    tls_key: Option<PathBuf>,
    /// Time to wait while no node is left, in seconds, or with a unit: ns, us, ms, s [default: 10]
    #[arg(long, value_name = "TIME", value_parser = patience)]
    pub(crate) patience: Option<f64>,
    /// Kill the first local node after this many rounds, to measure the fail-over
    #[arg(long, value_name = "ROUNDS", requires = "nodes", conflicts_with = "find_rate")]
    pub(crate) kill_after: Option<u64>,
}

impl NodesArgs {
    /// Connects to the nodes that are named, or to those that were started for the purpose.
    pub(crate) fn connect(
        &self,
        patch: &Arc<Patch>,
        local: Option<LocalNodes>,
        journal: Option<JournalFile>,
    ) -> Result<NodeTarget> {
        let nodes = match local {
            Some(local) => WhichNodes::Local(local),
            None => WhichNodes::At(self.to.clone()),
        };
        let is_tls = |address: &&Address| matches!(address, Address::Tls(_));
        if let (Some(address), None) = (self.to.iter().find(is_tls), self.tls()) {
            let options = "--tls-authority, --tls-certificate and --tls-key";
            return Err(Error::Usage(format!("--to {address} needs {options}")));
        }
        let patience = Duration::from_secs_f64(self.patience.unwrap_or(PATIENCE_SECONDS));
        let mut nodes = NodeTarget::connect(patch, nodes, self.tls(), patience, journal)?;
        if let Some(rounds) = self.kill_after {
            nodes.kill_after(rounds);
        }
        Ok(nodes)
    }

    /// The files for TLS, if they are named.
    fn tls(&self) -> Option<TlsFiles> {
        Some(TlsFiles {
            authority: self.tls_authority.clone()?,
            certificate: self.tls_certificate.clone()?,
            key: self.tls_key.clone()?,
        })
    }
}

/// Which nodes.
pub(crate) enum WhichNodes {
    /// Those that this program has started.
    Local(LocalNodes),
    /// Those at these addresses.
    At(Vec<Address>),
}

/// Decoder nodes, behind a controller.
pub(crate) struct NodeTarget {
    cluster: Cluster,
    patch: Arc<Patch>,
    /// Nothing before the first.
    history: Option<PatchId>,
    /// Histories that are over.
    histories: u64,
    /// Nothing was pushed yet.
    is_fresh: bool,
    rounds_max: u64,
    observables: Vec<u8>,
    reports: VecDeque<CellReport>,
    nodes: Vec<NodeLog>,
    /// Losses of nodes whose cells are not all decided again.
    losses: Vec<Loss>,
    failovers: Vec<Failover>,
    alone_since: Option<Time>,
    patience: Duration,
    local: Option<LocalNodes>,
    /// Rounds until a node is killed, if one is to be.
    left_to_kill: Option<u64>,
    journal: Option<JournalFile>,
}

/// State of a node that the controller does not have.
struct NodeLog {
    decode: LatencyHistogram,
    /// It has taken a history, and has not been fenced since.
    has_joined: bool,
    /// Why it lost its cells last.
    why_left: Option<String>,
}

/// Cells that a lost node leaves open.
struct Loss {
    node: NodeId,
    why: String,
    /// Something came from it for the last time.
    heard: Time,
    fenced: Time,
    /// When all cells before this one are committed, nothing waits any more that waited when it was fenced.
    until_cell: u64,
}

impl NodeTarget {
    /// Connects to nodes, unless there is a journal, which is to be [restored](Target::restored) first. `patience` is how
    /// long there may be none.
    pub(crate) fn connect(
        patch: &Arc<Patch>,
        nodes: WhichNodes,
        tls: Option<TlsFiles>,
        patience: Duration,
        journal: Option<JournalFile>,
    ) -> Result<Self> {
        let (addresses, local) = match nodes {
            WhichNodes::Local(local) => (local.addresses().to_vec(), Some(local)),
            WhichNodes::At(addresses) => (addresses, None),
        };
        let options = ClusterOptions { tls, ..ClusterOptions::default() };
        let mut cluster = Cluster::new(&addresses, &options).map_err(refused_cluster)?;
        if journal.as_ref().is_some_and(|journal| !journal.is_unread()) {
            cluster.keep_journal();
        }
        let nodes = addresses.iter().map(|_| NodeLog::new()).collect::<Result<_>>()?;
        let mut nodes = Self {
            cluster,
            patch: Arc::clone(patch),
            history: None,
            histories: 0,
            is_fresh: true,
            rounds_max: CellBook::remote_room(patch.plan()),
            observables: vec![0; patch.plan().graph().observable_bytes()],
            reports: VecDeque::new(),
            nodes,
            losses: Vec::new(),
            failovers: Vec::new(),
            alone_since: None,
            patience,
            local,
            left_to_kill: None,
            journal,
        };
        if nodes.journal.as_ref().is_none_or(|journal| !journal.is_unread()) {
            nodes.begin()?;
        }
        Ok(nodes)
    }

    /// Begins the first history, unless it was restored, and gathers the nodes.
    fn begin(&mut self) -> Result<()> {
        if self.history.is_none() {
            let history = self.cluster.open(&self.patch);
            self.history = Some(history.map_err(|error| Error::Usage(format!("--window: {error}")))?);
        }
        self.gather()
    }

    /// How far the history at hand is.
    fn state(&self) -> Result<PatchState<'_>> {
        self.history.and_then(|history| self.cluster.state(history)).ok_or_else(lost_history)
    }

    /// Kills the first local node after so many rounds.
    pub(crate) fn kill_after(&mut self, rounds: u64) {
        self.left_to_kill = Some(rounds);
    }

    /// Waits until every node has taken the history or could not be reached, and one has taken it.
    fn gather(&mut self) -> Result<()> {
        let is_settled = |nodes: &Self| {
            let mut logs = nodes.nodes.iter().enumerate();
            logs.all(|(at, log)| log.has_joined || nodes.cluster.failure(NodeId(at)).is_some())
        };
        loop {
            self.go_on()?;
            if is_settled(self) && self.nodes.iter().any(|log| log.has_joined) {
                return Ok(());
            }
            self.cluster.wait(NAP);
        }
    }

    /// Does what there is to do, and gives up if there has been no node for too long.
    fn go_on(&mut self) -> Result<()> {
        self.cluster.poll();
        let now = Time(clock_ns());
        self.take_events(now)?;
        self.take_commits();
        if let Some(journal) = &mut self.journal {
            journal.keep_up(now, |records| self.cluster.take_journal(records))?;
        }
        let state = self.state()?;
        let (cells, is_finished) = (state.cells, state.is_finished);
        if is_finished || state.members > 0 || self.is_any_up() {
            self.alone_since = None;
        } else if now.since(*self.alone_since.get_or_insert(now)) > self.patience.as_nanos() as u64 {
            return Err(self.nobody_left());
        }
        if !self.losses.is_empty() {
            self.settle_losses(cells, is_finished, now);
        }
        Ok(())
    }

    fn is_any_up(&self) -> bool {
        let mut states = (0..self.nodes.len()).map(|at| self.cluster.controller().status(NodeId(at)).state);
        states.any(|state| matches!(state, NodeState::Up | NodeState::Down))
    }

    fn take_events(&mut self, now: Time) -> Result<()> {
        while let Some(event) = self.cluster.poll_event() {
            match event {
                Event::Joined { node, .. } => self.nodes[node.0].has_joined = true,
                Event::Refused { node, why, .. } => {
                    // What a member refuses is not the patch, but to go on.
                    let is_member = self.nodes[node.0].has_joined;
                    let message =
                        if is_member { why } else { format!("the node does not take the patch: {why}") };
                    return Err(Error::input(self.cluster.address(node), message));
                }
                Event::Disagreement { cell, node, .. } => {
                    let message = format!("cell {cell} decided otherwise than by another node");
                    return Err(Error::machine(self.cluster.address(node), message));
                }
                Event::Fenced { node, why } => self.note_loss(node, why.to_string(), now),
                _ => {}
            }
        }
        Ok(())
    }

    fn note_loss(&mut self, node: NodeId, why: String, now: Time) {
        let log = &mut self.nodes[node.0];
        log.why_left = Some(why.clone());
        if !std::mem::take(&mut log.has_joined) {
            return;
        }
        let heard = self.cluster.controller().status(node).heard.unwrap_or(now);
        let until_cell = self.state().map_or(0, |state| self.waiting_cells(&state));
        self.losses.push(Loss { node, why, heard, fenced: now, until_cell });
    }

    /// The cells before this one are committed or could be decided, for all their rounds are there.
    fn waiting_cells(&self, state: &PatchState<'_>) -> u64 {
        let plan = self.patch.plan();
        let length = state.has_ended.then_some(state.rounds);
        let is_complete = |&number: &u64| {
            plan.cell(number, length).is_ok_and(|cell| state.has_ended || cell.ready_layers <= state.rounds)
        };
        let waiting = (state.cells..).take_while(is_complete).last();
        waiting.map_or(state.cells, |last| last + 1)
    }

    fn settle_losses(&mut self, cells: u64, is_finished: bool, now: Time) {
        let cluster = &self.cluster;
        self.failovers.extend(
            self.losses.extract_if(.., |loss| is_finished || cells >= loss.until_cell).map(|loss| Failover {
                node: cluster.address(loss.node).to_string(),
                why: loss.why,
                detection: loss.fenced.since(loss.heard) as f64 / 1e3,
                total: now.since(loss.heard) as f64 / 1e3,
            }),
        );
    }

    fn take_commits(&mut self) {
        while let Some(commit) = self.cluster.poll_commit() {
            let Hops { decode_start, decode_end, .. } = commit.hops;
            self.nodes[commit.node.0].decode.span(decode_start, decode_end);
            let way = Way::Node { pushed: commit.pushed, hops: commit.hops };
            self.reports.push_back(CellReport { number: commit.cell.0, merged: commit.merged, way });
        }
    }

    fn nobody_left(&self) -> Error {
        let seconds = self.patience.as_secs_f64();
        let why = (0..self.nodes.len()).map(|at| {
            let (node, log) = (NodeId(at), &self.nodes[at]);
            match (self.cluster.failure(node), &log.why_left) {
                (Some(failure), _) => failure.to_owned(),
                (None, Some(why)) => format!("{}: {why}", self.cluster.address(node)),
                (None, None) => format!("{}: no answer", self.cluster.address(node)),
            }
        });
        let why = why.collect::<Vec<_>>().join("; ");
        Error::machine(format!("no node for {seconds} s"), format!("{why}; {}", self.committed()))
    }

    /// What has been committed, in words.
    fn committed(&self) -> String {
        let state = self.state();
        let Some(state) = state.ok().filter(|state| self.histories + state.cells > 0) else {
            return "nothing was committed".to_owned();
        };
        let is_flipped = |&at: &usize| state.observables[at / 64] >> (at % 64) & 1 == 1;
        let flipped = (0..64 * state.observables.len()).filter(is_flipped).map(|at| format!(" L{at}"));
        let flipped = flipped.collect::<String>();
        format!(
            "committed: {} histories, and of the next {} of {} rounds pushed, in {} cells, which flip{}",
            self.histories,
            state.committed.0.min(state.rounds),
            state.rounds,
            state.cells,
            if flipped.is_empty() { " no observable" } else { &flipped },
        )
    }
}

impl Target for NodeTarget {
    fn restored(&mut self) -> Result<Option<Restored>> {
        let Some(journal) = self.journal.as_mut().filter(|journal| journal.is_unread()) else {
            return Ok(None);
        };
        let (cluster, patches) = (&mut self.cluster, std::slice::from_ref(&self.patch));
        let (history, observables) = (&mut self.history, &mut self.observables);
        let restored = journal.next(|record| {
            if let Some(state) = history.and_then(|history| cluster.state(history)) {
                pack(state.observables, observables);
            }
            cluster.restore(&record, patches)?;
            Ok(match record {
                JournalRecord::Open { patch, .. } => {
                    *history = Some(patch);
                    Restored::Begun
                }
                JournalRecord::Round { is_last, detector_count, events, .. } => {
                    Restored::Round { events: events.to_vec(), detector_count, is_last }
                }
                JournalRecord::Commit { cell, .. } => Restored::Cell(cell.0),
                JournalRecord::Close { .. } | JournalRecord::End => {
                    *history = None;
                    Restored::Over(observables.clone())
                }
            })
        })?;
        match restored {
            None => {
                self.is_fresh = self.history.is_none();
                self.cluster.keep_journal();
                self.begin()?;
            }
            Some(Restored::Over(_)) => self.histories += 1,
            Some(_) => {}
        }
        Ok(restored)
    }

    fn misfit(&mut self, why: &str) -> Error {
        self.journal.as_mut().map_or_else(lost_history, |journal| journal.misfit(why))
    }

    fn end(&mut self, is_over: bool) -> Result<()> {
        let Some(journal) = &mut self.journal else { return Ok(()) };
        journal.end(is_over, |records| self.cluster.take_journal(records))
    }

    fn restart(&mut self) -> Result<()> {
        if std::mem::take(&mut self.is_fresh) {
            return Ok(());
        }
        if let Some(history) = self.history {
            self.cluster.close(history);
        }
        self.histories += 1;
        let history = self.cluster.open(&self.patch);
        self.history = Some(history.map_err(|error| Error::machine("next history", error))?);
        Ok(())
    }

    fn push(&mut self, events: &[u8], detector_count: u32, is_last: bool) -> Result<()> {
        let history = self.history.ok_or_else(lost_history)?;
        self.cluster.push(history, events, detector_count, is_last).map_err(refused_round)?;
        if let (Some(left), Some(local)) = (&mut self.left_to_kill, &mut self.local) {
            *left = left.saturating_sub(1);
            if *left == 0 {
                local.kill(0);
                self.left_to_kill = None;
            }
        }
        Ok(())
    }

    fn poll(&mut self) -> Result<Progress<'_>> {
        self.go_on()?;
        let state = self.history.and_then(|history| self.cluster.state(history)).ok_or_else(lost_history)?;
        pack(state.observables, &mut self.observables);
        Ok(Progress {
            has_room: state.room > 0,
            committed: state.committed.0,
            cells: state.cells,
            observables: &self.observables,
            is_finished: state.is_finished,
        })
    }

    fn sleep(&mut self, most: Duration) {
        self.cluster.wait(most);
    }

    fn next_report(&mut self) -> Option<CellReport> {
        self.reports.pop_front()
    }

    fn rounds_max(&self) -> u64 {
        self.rounds_max
    }

    fn learned_noise(&self) -> Option<LearnedNoise> {
        self.cluster.controller().learned_noise(self.history?)
    }

    fn nodes(&self) -> Vec<NodeReport> {
        let report = |(at, log): (usize, &NodeLog)| {
            let status = self.cluster.controller().status(NodeId(at));
            NodeReport::new(self.cluster.address(NodeId(at)), &status, log.decode.quantiles())
        };
        self.nodes.iter().enumerate().map(report).collect()
    }

    fn failovers(&self) -> &[Failover] {
        &self.failovers
    }
}

impl Drop for NodeTarget {
    fn drop(&mut self) {
        if let Some(journal) = &mut self.journal {
            // If it fails, these rounds come from the source again.
            let _ = journal.write(|records| self.cluster.take_journal(records));
        }
        self.cluster.shut_down(GOODBYE);
    }
}

impl NodeLog {
    fn new() -> Result<Self> {
        Ok(Self { decode: LatencyHistogram::new()?, has_joined: false, why_left: None })
    }
}

/// Packs observables into as many bytes as they need.
fn pack(observables: &[u64], to: &mut [u8]) {
    let bytes = observables.iter().flat_map(|word| word.to_le_bytes());
    to.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
}

fn lost_history() -> Error {
    Error::machine("history", PushError::UnknownPatch)
}

fn refused_cluster(error: ClusterError) -> Error {
    match error {
        ClusterError::Tls(error) => Error::Usage(error.to_string()),
        error => Error::Usage(format!("--to: {error}")),
    }
}

fn refused_round(error: PushError) -> Error {
    match error {
        PushError::Plan(error) => Error::Core(error),
        error => Error::machine("round", error),
    }
}

/// By default.
const PATIENCE_SECONDS: f64 = 10.0;

/// Seconds to wait.
fn patience(text: &str) -> std::result::Result<f64, String> {
    let seconds = values::time(text, values::TimeUnit::Second, 0.0..=PATIENCE_MAX_SECONDS)?;
    if seconds > 0.0 { Ok(seconds) } else { Err("expected more than 0".to_owned()) }
}

const PATIENCE_MAX_SECONDS: f64 = 1e6;
/// How long nodes have to close in order.
const GOODBYE: Duration = Duration::from_millis(500);
/// Longest sleep while nodes are being reached.
const NAP: Duration = Duration::from_millis(1);
