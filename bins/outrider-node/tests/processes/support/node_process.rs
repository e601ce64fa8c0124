//! A node as a process.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Instant;

use outrider_transport::Address;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{DEADLINE, wait_for};

/// The options of the patch that all tests stream.
const PATCH_OPTIONS: [&str; 4] = ["--distance", "3", "--p", "0.01"];

/// A running node. It is killed when the test ends.
pub(crate) struct NodeProcess {
    child: Child,
    /// What it said when it was ready.
    pub(crate) ready: Value,
    log: Arc<Log>,
}

#[derive(Default)]
struct Log {
    /// The lines, and whether there will be more.
    lines: Mutex<(Vec<String>, bool)>,
    changed: Condvar,
}

impl NodeProcess {
    /// Starts a node with a configuration, and waits until it is ready. Patch and metrics are added.
    pub(crate) fn start(folder: &Path, config: &str) -> Self {
        Self::spawn(Self::command(folder, config))
    }

    /// What [`start`](Self::start) starts.
    pub(crate) fn command(folder: &Path, config: &str) -> Command {
        fs::write(folder.join("node.toml"), config).expect("a configuration");
        let mut command = program(folder);
        command
            .args(["--config", "node.toml", "--metrics", "127.0.0.1:0", "--workers", "1"])
            .args(PATCH_OPTIONS);
        command
    }

    /// Starts a node, and waits until it is ready.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().expect("the program starts");
        let log = Arc::new(Log::default());
        if let Some(stderr) = child.stderr.take() {
            let log = Arc::clone(&log);
            thread::spawn(move || log.read(stderr));
        }
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let (tell, told) = channel();
        thread::spawn(move || {
            let mut line = String::new();
            let _ = stdout.read_line(&mut line).map(|_| tell.send(line));
            // Nothing else comes, but the pipe stays open.
            let _ = stdout.read(&mut [0]);
        });
        let line = first_line(&told, &log);
        let text = line.strip_prefix("READY ").unwrap_or_else(|| panic!("{line:?}, {:?}", log.lines()));
        let ready = serde_json::from_str(text).expect("an object");
        Self { child, ready, log }
    }

    /// Where it listens.
    pub(crate) fn addresses(&self) -> Vec<Address> {
        let texts = self.ready["addresses"].as_array().expect("a list");
        texts.iter().map(|text| text.as_str().expect("text").parse().expect("an address")).collect()
    }

    /// Its only address.
    pub(crate) fn address(&self) -> Address {
        self.addresses().remove(0)
    }

    /// Where its metrics are.
    pub(crate) fn metrics_address(&self) -> SocketAddr {
        self.ready["metrics"].as_str().expect("text").parse().expect("an address")
    }

    /// An answer of its HTTP server: status and body.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        self.try_get(path).expect("an answer")
    }

    /// The same, or nothing if it has ended meanwhile.
    pub(crate) fn try_get(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(self.metrics_address()).ok()?;
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: node\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        Some((status, body.to_owned()))
    }

    /// A metric, by name and labels without `outrider_`; zero if it has never been counted.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        value(&self.get("/metrics").1, name)
    }

    /// Waits until a metric has a value.
    pub(crate) fn wait_for_metric(&self, name: &str, is_fit: impl Fn(f64) -> bool) -> f64 {
        let mut last = 0.0;
        wait_for(name, || {
            last = self.metric(name);
            is_fit(last).then_some(last)
        })
    }

    /// Waits until an error was counted under its name, in one of the families of failures.
    pub(crate) fn wait_for_failure(&self, family: &str, error: &str, least: u32) {
        let name = format!("{family}_total{{error=\"{error}\"}}");
        self.wait_for_metric(&name, |count| count >= least.into());
    }

    /// Waits for a line of the log that holds all of these.
    pub(crate) fn wait_for_log(&self, fragments: &[&str]) -> Value {
        serde_json::from_str(&self.wait_for_line(fragments)).expect("a line of JSON")
    }

    /// Waits for a line on standard error that holds all of these.
    pub(crate) fn wait_for_line(&self, fragments: &[&str]) -> String {
        let line = self.log.wait(|line| fragments.iter().all(|fragment| line.contains(fragment)));
        line.unwrap_or_else(|| panic!("{fragments:?} not in {:#?}", self.log.lines()))
    }

    /// Whether a line on standard error holds this, so far.
    pub(crate) fn has_logged(&self, fragment: &str) -> bool {
        self.log.lines().iter().any(|line| line.contains(fragment))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("the process is there");
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Its memory.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let status = format!("/proc/{}/status", self.pid().as_raw_nonzero());
        let status = fs::read_to_string(status).expect("a running process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
        1024 * line.trim().strip_suffix(" kB").expect("its unit").parse::<u64>().expect("a number")
    }

    /// Waits until it has ended.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        wait_for("the end of a node", || self.child.try_wait().expect("a child"))
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("a child");
        self.child.wait().expect("a child");
    }

    /// Ends its standard input.
    pub(crate) fn close_stdin(&mut self) {
        self.child.stdin.take();
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Log {
    fn read(&self, from: impl Read) {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            self.lines.lock().expect("no panic").0.push(line);
            self.changed.notify_all();
        }
        self.lines.lock().expect("no panic").1 = true;
        self.changed.notify_all();
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("no panic").0.clone()
    }

    /// The first line that fits, as soon as there is one; nothing if there never will be.
    fn wait(&self, is_fit: impl Fn(&str) -> bool) -> Option<String> {
        let end = Instant::now() + DEADLINE;
        let mut lines = self.lines.lock().expect("no panic");
        loop {
            let found = lines.0.iter().find(|line| is_fit(line)).cloned();
            let left = end.saturating_duration_since(Instant::now());
            if found.is_some() || lines.1 || left.is_zero() {
                return found;
            }
            lines = self.changed.wait_timeout(lines, left).expect("no panic").0;
        }
    }
}

/// Runs the program to its end, which must be an error of one line with these fragments and this exit code.
pub(crate) fn refused(mut command: Command, code: i32, fragments: &[&str]) {
    let output = command.output().expect("the program starts");
    let stderr = String::from_utf8(output.stderr).expect("text");
    let lines: Vec<_> = stderr.lines().filter(|line| !line.starts_with('{')).collect();
    assert_eq!((output.status.code(), lines.len()), (Some(code), 1), "{fragments:?} in {stderr}");
    assert!(lines[0].starts_with("error: ") && output.stdout.is_empty(), "{stderr}");
    for fragment in fragments {
        assert!(lines[0].contains(fragment), "{fragment:?} is not in {stderr}");
    }
}

/// The program, in a folder, with pipes.
pub(crate) fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_outrider-node"));
    command.current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn first_line(told: &Receiver<String>, log: &Log) -> String {
    told.recv_timeout(DEADLINE).unwrap_or_else(|_| panic!("no node: {:?}", log.lines()))
}

/// The value of a metric in the text of all.
fn value(text: &str, name: &str) -> f64 {
    let name = format!("outrider_{name} ");
    let value = text.lines().find_map(|line| line.strip_prefix(&name));
    value.map_or(0.0, |value| value.parse().expect("a number"))
}
