//! Decoder nodes that the program starts for itself: processes of its own, with sockets in a folder that goes away.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use outrider_controller::Address;
use outrider_options::PatchArgs;
use outrider_options::option_values::WaitHow;
use serde_json::Value;
use tempfile::TempDir;

use crate::error::{Error, Result};

/// What local nodes are.
#[derive(Clone, Debug)]
pub(crate) struct LocalNodesOptions {
    pub(crate) count: usize,
    pub(crate) transport: Transport,
    pub(crate) patch: PatchArgs,
    /// Threads that decode, on each.
    pub(crate) workers: usize,
    pub(crate) wait: WaitHow,
}

/// Ways to reach a node on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Transport {
    /// A Unix socket.
    Unix,
    /// Shared memory, on Linux.
    Ring,
    /// TCP.
    Tcp,
}

/// Node processes. They end when this does, and when this process dies.
pub(crate) struct LocalNodes {
    nodes: Vec<LocalNode>,
    addresses: Vec<Address>,
    /// Goes after the nodes, which have their sockets in it, and with them if this process is killed.
    folder: TempDir,
}

struct LocalNode {
    /// Its standard input is open: the node ends at once when it is closed.
    process: Child,
    log: PathBuf,
}

impl LocalNodes {
    /// Starts nodes and waits until they are ready.
    pub(crate) fn start(options: &LocalNodesOptions) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("outrider-").tempdir();
        let folder = folder.map_err(|error| Error::machine("temporary folder", error))?;
        let mut local = Self { nodes: Vec::new(), addresses: Vec::new(), folder };
        let mut outputs = Vec::new();
        for number in 0..options.count {
            let (node, output) = local.spawn(number, options)?;
            local.nodes.push(node);
            outputs.push(output);
        }
        for (number, output) in outputs.into_iter().enumerate() {
            let address = local.nodes[number].wait_until_ready(number, output)?;
            local.addresses.push(address);
        }
        Ok(local)
    }

    /// Where they listen.
    pub(crate) fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Kills one.
    pub(crate) fn kill(&mut self, number: usize) {
        // One that has ended already is as dead.
        let _ = self.nodes[number].process.kill();
    }

    fn spawn(&self, number: usize, options: &LocalNodesOptions) -> Result<(LocalNode, ChildStdout)> {
        let failed = |error: std::io::Error| Error::machine(format!("local node {number}"), error);
        let path = |name: &str| self.folder.path().join(format!("{number}.{name}"));
        let address = match options.transport {
            Transport::Unix => Address::Unix(path("socket")),
            Transport::Ring => Address::Ring(path("socket")),
            Transport::Tcp => Address::Tcp("127.0.0.1:0".to_owned()),
        };
        address.check_system().map_err(failed)?;
        let log = path("log");
        let mut process = Command::new(std::env::current_exe().map_err(failed)?)
            .args(["node", "--log-level", "error", "--wait", options.wait.name()])
            .arg("--owner-folder")
            .arg(self.folder.path())
            .args(["--listen", &address.to_string(), "--workers", &options.workers.to_string()])
            .args(options.patch.to_arguments()?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).map_err(failed)?)
            // Ctrl-C is for the program, which still needs its nodes then.
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let output = process.stdout.take();
        let output = output.ok_or_else(|| Error::machine(format!("local node {number}"), "no output"))?;
        Ok((LocalNode { process, log }, output))
    }
}

impl LocalNode {
    /// Reads the line that the node prints when it listens, and returns where.
    fn wait_until_ready(&self, number: usize, output: ChildStdout) -> Result<Address> {
        let mut line = String::new();
        // A node that has died has closed its output.
        let _ = BufReader::new(output.take(READY_BYTES_MAX)).read_line(&mut line);
        let ready = line.strip_prefix("READY ").and_then(|json| serde_json::from_str::<Value>(json).ok());
        let address = ready.as_ref().and_then(|ready| ready["addresses"][0].as_str()?.parse().ok());
        address.ok_or_else(|| {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            let words = log.lines().last().unwrap_or("it did not come up").trim_start_matches("error: ");
            Error::machine(format!("local node {number}"), words)
        })
    }
}

impl Drop for LocalNodes {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            drop(node.process.stdin.take());
        }
        let end = Instant::now() + PATIENCE;
        for node in &mut self.nodes {
            while matches!(node.process.try_wait(), Ok(None)) && Instant::now() < end {
                thread::sleep(NAP);
            }
            // Nothing happens to one that has ended, and nobody can be told of one that cannot be killed.
            let _ = node.process.kill();
            let _ = node.process.wait();
        }
    }
}

/// Longest line of a node that is ready.
const READY_BYTES_MAX: u64 = 1 << 20;
/// How long nodes have for their end.
const PATIENCE: Duration = Duration::from_secs(2);
const NAP: Duration = Duration::from_millis(1);
