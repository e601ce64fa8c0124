//! Running the built program and looking at what it says.

// Each test file is a crate of its own and uses some of this.
#![allow(dead_code, unreachable_pub)]

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

/// What a run of the program left.
#[derive(Debug)]
pub struct Run {
    pub arguments: Vec<OsString>,
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Run {
    /// Standard output as text, after checking that the run succeeded.
    pub fn text(&self) -> &str {
        assert_eq!(self.code, Some(0), "{self:?}");
        std::str::from_utf8(&self.stdout).expect("text on standard output")
    }

    /// Checks that the run was refused with `code` and one line of error that holds every fragment.
    pub fn refused(&self, code: i32, fragments: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        let lines: Vec<&str> = self.stderr.lines().collect();
        assert_eq!(lines.len(), 1, "{self:?}");
        assert!(lines[0].starts_with("error: "), "{self:?}");
        for fragment in fragments {
            assert!(lines[0].contains(fragment), "{fragment:?} is not in {self:?}");
        }
    }
}

pub fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_outrider"))
}

/// Runs the program in `folder` with nothing on standard input.
pub fn outrider<S: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = S>) -> Run {
    outrider_with_input(folder, arguments, b"")
}

/// Runs the program in `folder` with `input` on standard input.
pub fn outrider_with_input<S: AsRef<OsStr>>(
    folder: &Path,
    arguments: impl IntoIterator<Item = S>,
    input: &[u8],
) -> Run {
    let arguments: Vec<OsString> =
        arguments.into_iter().map(|argument| argument.as_ref().to_owned()).collect();
    let mut child = program()
        .current_dir(folder)
        .args(&arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    // The program may stop reading early; that is not the test's concern.
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("the program ends");
    feeder.join().expect("the feeder ends");
    Run {
        arguments,
        code: output.status.code(),
        stdout: output.stdout,
        stderr: String::from_utf8(output.stderr).expect("text on standard error"),
    }
}

/// A command line written as one string with spaces.
pub fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// A file of the golden case: 2,000 shots at distance 3, decoded by PyMatching.
pub fn golden(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../c_core/tests/golden/shots-decoded");
    root.join("x_d3_r3_p010").join(name).to_string_lossy().into_owned()
}

pub const GOLDEN_DETECTORS: usize = 24;
pub const GOLDEN_SHOTS: usize = 2000;

/// A folder that goes away with the test.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// Names of the files in a folder, hidden ones too, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Writes a file into a folder.
pub fn put(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    fs::write(folder.join(name), bytes).expect("a file is written");
}

/// Reads a file of a folder.
pub fn get(folder: &Path, name: &str) -> Vec<u8> {
    fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Reads a text file of a folder.
pub fn get_text(folder: &Path, name: &str) -> String {
    String::from_utf8(get(folder, name)).expect("text")
}

pub fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("JSON")
}

/// A node of the program's own that ends with the test.
pub struct Node {
    process: Child,
    stdin: Option<ChildStdin>,
    pub ready: serde_json::Value,
}

impl Node {
    pub fn start(folder: &Path, options: &str) -> Self {
        let mut process = program()
            .current_dir(folder)
            .args(words(&format!("node --exit-with-stdin --log-level error {options}")))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the node starts");
        let (stdin, mut line) = (process.stdin.take(), String::new());
        let output = process.stdout.take().expect("a pipe");
        BufReader::new(output).read_line(&mut line).expect("a line");
        let ready = json(line.strip_prefix("READY ").expect("a node that is ready"));
        Self { process, stdin, ready }
    }

    /// Lets it end, and checks that nobody was left untold.
    pub fn end(mut self) {
        drop(self.stdin.take());
        assert_eq!(self.process.wait().expect("the node ends").code(), Some(0));
    }

    /// Ends it at once, as nobody is left to be told.
    pub fn kill(mut self) {
        self.process.kill().expect("a process");
        self.process.wait().expect("its end");
    }
}

/// Kills a stream as soon as its journal is so long, if it is not over by then.
pub fn kill_at(folder: &Path, line: &str, journal: &Path, bytes: u64) {
    let mut child =
        program().current_dir(folder).args(words(line)).stdout(Stdio::null()).spawn().expect("it starts");
    while std::fs::metadata(journal).map_or(0, |metadata| metadata.len()) < bytes {
        assert!(child.try_wait().expect("a process").is_none(), "{line}: it is over before {bytes} bytes");
        std::thread::yield_now();
    }
    child.kill().expect("a process");
    child.wait().expect("its end");
}
