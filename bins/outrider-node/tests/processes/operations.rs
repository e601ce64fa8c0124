//! What operators do and see: configurations, metrics, health, logs on bad disks, descriptors that run out.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use outrider_controller::Cluster;
use outrider_wire::Error;
use outrider_wire::limits::PAYLOAD_BYTES_MAX;
use rustix::process::Signal;

use crate::support::{
    DEADLINE, History, Honest, NodeProcess, RawClient, address, fault, folder, program, refused, stream,
    wait_for, with_patience,
};

/// Scrapers that are in no hurry.
const SCRAPERS: usize = 100;
/// Bytes of a pipe that nobody reads.
const PIPE_BYTES: usize = 1 << 16;

fn config(folder: &Path) -> String {
    format!("listen = ['{}']", address("unix", folder, "socket"))
}

#[test]
fn a_wrong_configuration_is_one_line_and_nothing_is_bound() {
    let cases: [(&str, &[&str]); 23] = [
        ("colour = 'red'", &["node.toml:2: ", "unknown field `colour`"]),
        ("\nworkers = 'two'", &["node.toml:3: ", "invalid type: string"]),
        ("workers = -1", &["node.toml:2: "]),
        ("cores = [", &["node.toml:2: "]),
        ("wait = 'nap'", &["node.toml:2: ", "nap"]),
        ("socket-mode = '999'", &["node.toml:2: ", "socket-mode"]),
        ("drain-seconds = -1", &["drain-seconds"]),
        ("[log]\nlevel = 'loud'", &["node.toml:3: ", "loud"]),
        ("[limits]\nstreams = 0", &["node.toml: limits.streams"]),
        ("cores = [1000000]", &["core 1000000"]),
        ("[[patch]]\ndistance = 3\np = 0.01\n[[patch]]\ndem = 'missing.dem'", &["node.toml: [[patch]] 2: "]),
        ("[limits]\nconnections = 0", &["node.toml:3: "]),
        ("[limits]\nheartbeats = 5", &["node.toml:3: ", "unknown field `heartbeats`"]),
        ("[[patch]]\ndem = 'missing.dem'", &["missing.dem"]),
        ("[[patch]]\ndem = 'bad.dem'", &["bad.dem:2"]),
        ("[[patch]]\ndistance = 3", &["--p"]),
        ("[[patch]]\ndistance = 3\np = 2.0", &["--p"]),
        ("[[patch]]\ndistance = 3\np = 0.01\ncommit = 0", &["commit"]),
        ("[[patch]]\ndem = 'flat.dem'", &["--spacing"]),
        (
            "[[patch]]\ndem = 'flat.dem'\nwindow = 'forward'\ncommit = 3\nbuffer = 3",
            &["flat.dem: detector D0"],
        ),
        ("[[patch]]\ndistance = 3\np = 0.01\npredecoder = 'missing.safetensors'", &["missing.safetensors"]),
        ("[tls]\nauthority = 'missing.pem'\ncertificate = 'a'\nkey = 'b'", &["missing.pem"]),
        ("[tls]\nauthority = 'bad.dem'\ncertificate = 'bad.dem'\nkey = 'bad.dem'", &["bad.dem"]),
    ];
    let folder = folder();
    fs::write(folder.path().join("bad.dem"), "error(0.1) D0 D1\nnonsense\n").unwrap();
    fs::write(folder.path().join("flat.dem"), "error(0.1) D0 D1\n").unwrap();
    for (text, fragments) in cases {
        let config = format!("{}\n{text}", config(folder.path()));
        let mut check = NodeProcess::command(folder.path(), &config);
        check.arg("--check");
        refused(check, 2, fragments);
        refused(NodeProcess::command(folder.path(), &config), 2, fragments);
        assert!(!folder.path().join("socket").exists(), "{text}");
    }
}

#[test]
fn a_command_that_cannot_be_is_one_line() {
    let folder = folder();
    let patch = "--distance 3 --p 0.01";
    let cases: [(&str, &[&str]); 11] = [
        ("--listen unix:socket --decoder union-find", &["--decoder", "--distance or --dem"]),
        ("--listen unix:socket", &["no patch"]),
        (&format!("{patch} "), &["no address", "--listen"]),
        (&format!("{patch} --listen socket"), &["'socket' is no address"]),
        (&format!("{patch} --listen tcp:192.0.2.1:7118 --check"), &["tcp:192.0.2.1:7118", "use tls:"]),
        (&format!("{patch} --listen tls:127.0.0.1:0"), &["need certificates"]),
        (&format!("{patch} --listen unix:socket --config missing.toml"), &["missing.toml"]),
        (&format!("{patch} --listen unix:socket --log-file missing/log"), &["missing/log"]),
        (&format!("{patch} --listen unix:socket --metrics nonsense"), &["metrics nonsense"]),
        (&format!("{patch} --listen unix:socket --metrics nonsense --check"), &["metrics nonsense"]),
        (&format!("{patch} --listen unix:socket --cores 1000000"), &["core"]),
    ];
    for (line, fragments) in cases {
        let mut command = program(folder.path());
        command.args(line.split_whitespace());
        refused(command, 2, fragments);
        assert!(!folder.path().join("socket").exists(), "{line}");
    }
}

#[test]
fn a_check_tells_what_would_be_served_and_binds_nothing() {
    let folder = folder();
    let config = format!(
        "{}\n[[patch]]\ndistance = 3\np = 0.002\nwindow = 'forward'\ndecoder = 'union-find'",
        config(folder.path())
    );
    let mut command = NodeProcess::command(folder.path(), &config);
    let output = command.arg("--check").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let object: serde_json::Value = serde_json::from_str(text.strip_prefix("CHECKED ").unwrap()).unwrap();
    let decoders: Vec<_> =
        object["patches"].as_array().unwrap().iter().map(|patch| &patch["decoder"]).collect();
    assert_eq!(decoders, ["union-find@forward", "mwpm@parallel"]);
    assert!(!folder.path().join("socket").exists());
}

#[test]
fn a_port_that_is_taken_is_one_line() {
    let folder = folder();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let holder = TcpListener::bind(&taken);
    let mut command = program(folder.path());
    command.args(["--distance", "3", "--p", "0.01", "--listen", "unix:socket", "--metrics", &taken]);
    refused(command, 1, &["metrics", &taken]);
    assert!(!folder.path().join("socket").exists(), "the socket goes too");
    let mut command = program(folder.path());
    command.args(["--distance", "3", "--p", "0.01", "--listen", &format!("tcp:{taken}")]);
    refused(command, 1, &["tcp:", &taken]);
    drop(holder);
}

#[test]
fn scrapers_that_never_read_hold_up_nobody() {
    let folder = folder();
    let node = NodeProcess::start(folder.path(), &config(folder.path()));
    let honest = Honest::start(&node.address());
    let slow: Vec<_> = (0..SCRAPERS)
        .map(|number| {
            let mut stream = TcpStream::connect(node.metrics_address()).unwrap();
            if number % 2 == 0 {
                // It may have had to make room for others already.
                let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: node\r\n\r\n");
            }
            stream
        })
        .collect();
    assert_eq!(node.get("/healthz"), (200, "ok\n".to_owned()));
    node.wait_for_metric("open_sessions", |count| count == 1.0);
    honest.finish();
    drop(slow);
}

/// What Prometheus needs: the type of every family, counters that end in _total, ascending bins, an end.
#[test]
fn metrics_are_in_the_format_of_openmetrics() {
    let folder = folder();
    let node = NodeProcess::start(folder.path(), &config(folder.path()));
    let mut client = RawClient::connect(&node.address());
    client.write(&[0; PAYLOAD_BYTES_MAX as usize]);
    client.read_to_end();
    node.wait_for_failure("connection_losses", "BadMagic", 1);
    let mut cluster = Cluster::new(&[node.address()], &with_patience()).unwrap();
    let history = History::sample(100, 1);
    assert_eq!(stream(&mut cluster, &history, |_, _| {}), history.answer);
    node.wait_for_metric("cell_seconds_count", |count| count > 0.0);
    let text = node.get("/metrics").1;
    assert!(text.ends_with("# EOF\n"));
    let (mut family, mut kind) = ("", "");
    // The bins of a histogram and their counts, and how many there are in all.
    let (mut bins, mut total) = (Vec::<(f64, f64)>::new(), 0.0);
    let mut histograms = 0;
    for line in text.lines() {
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["#", "HELP", ..] | ["#", "EOF"] => {
                if kind == "histogram" {
                    assert!(bins.is_sorted() && bins.last() == Some(&(f64::INFINITY, total)), "{bins:?}");
                    histograms += 1;
                }
                bins.clear();
                (family, kind) = (words.get(2).unwrap_or(&""), "");
            }
            ["#", "TYPE", name, of] if name == family => kind = of,
            ["#", "UNIT", name, unit] if name == family => assert!(name.ends_with(unit), "{line}"),
            [sample, value] => {
                let suffix = sample.strip_prefix(family).unwrap_or_else(|| panic!("{line} under {family}"));
                let value: f64 = value.parse().unwrap();
                let name = suffix.split('{').next().unwrap();
                match (kind, name) {
                    ("counter", "_total") | ("gauge", "") | ("histogram", "_sum") => {}
                    ("histogram", "_count") => total = value,
                    ("histogram", "_bucket") => {
                        let end = suffix.split('"').nth(1).unwrap();
                        bins.push((if end == "+Inf" { f64::INFINITY } else { end.parse().unwrap() }, value));
                    }
                    _ => panic!("{line} under {family}"),
                }
            }
            _ => panic!("{line}"),
        }
    }
    assert_eq!(histograms, 4);
}

/// Streams through a node, and makes it write lines.
fn works_without_log(node: &NodeProcess) {
    let honest = Honest::start(&node.address());
    for _ in 0..10 {
        let mut client = RawClient::connect(&node.address());
        let _ = client.try_write(&[0; 64]);
        client.read_to_end();
    }
    node.wait_for_failure("connection_losses", "BadMagic", 10);
    honest.finish();
}

#[test]
fn a_full_disk_costs_lines_of_the_log_and_nothing_else() {
    let folder = folder();
    let mut command = NodeProcess::command(folder.path(), &config(folder.path()));
    command.args(["--log-file", "/dev/full"]);
    let mut node = NodeProcess::spawn(command);
    works_without_log(&node);
    node.wait_for_metric("log_lines_dropped_total", |count| count >= 10.0);
    node.signal(Signal::TERM);
    assert_eq!(node.wait().code(), Some(0));
}

#[test]
fn a_log_that_nobody_reads_any_more_costs_nothing_else() {
    let folder = folder();
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = NodeProcess::command(folder.path(), &config(folder.path()));
    command.stderr(writer);
    drop(reader);
    let mut node = NodeProcess::spawn(command);
    works_without_log(&node);
    node.wait_for_metric("log_lines_dropped_total", |count| count >= 10.0);
    node.signal(Signal::TERM);
    assert_eq!(node.wait().code(), Some(0));
}

#[test]
fn a_log_that_is_stuck_costs_nothing_else() {
    let folder = folder();
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&[b' '; PIPE_BYTES]).unwrap();
    let mut command = NodeProcess::command(folder.path(), &config(folder.path()));
    command.stderr(writer);
    let mut node = NodeProcess::spawn(command);
    works_without_log(&node);
    node.signal(Signal::TERM);
    assert_eq!(node.wait().code(), Some(0));
    drop(reader);
}

#[test]
fn a_log_goes_to_the_end_of_its_file() {
    let folder = folder();
    let path = folder.path().join("log");
    fs::write(&path, "before\n").unwrap();
    let config = format!("{}\n[log]\nfile = 'log'\nlevel = 'debug'", config(folder.path()));
    let mut node = NodeProcess::start(folder.path(), &config);
    node.signal(Signal::TERM);
    assert_eq!(node.wait().code(), Some(0));
    let text = fs::read_to_string(&path).unwrap();
    let messages: Vec<_> = text
        .lines()
        .skip(1)
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["message"].as_str().unwrap().to_owned()
        })
        .collect();
    assert!(text.starts_with("before\n"));
    assert_eq!(messages, ["ready", "SIGTERM: shutting down", "open cells reported to every client; ending"]);
}

/// As `logrotate` does it.
#[test]
fn a_log_is_opened_anew_when_it_has_been_renamed() {
    let folder = folder();
    let (path, old) = (folder.path().join("log"), folder.path().join("log.1"));
    let mut command = NodeProcess::command(folder.path(), &config(folder.path()));
    command.args(["--log-file", "log"]);
    let mut node = NodeProcess::spawn(command);
    wait_for("the first line", || fs::read_to_string(&path).ok().filter(|text| text.contains("ready")));
    fs::rename(&path, &old).unwrap();
    node.signal(Signal::HUP);
    wait_for("the new file", || fs::read_to_string(&path).ok().filter(|text| text.ends_with('\n')));
    node.signal(Signal::TERM);
    assert_eq!(node.wait().code(), Some(0));
    let (new, old) = (fs::read_to_string(&path).unwrap(), fs::read_to_string(&old).unwrap());
    assert!(old.contains("ready") && !old.contains("SIGHUP") && !old.contains("SIGTERM"), "{old}");
    assert!(new.lines().next().is_some_and(|line| line.contains("SIGHUP")), "{new}");
    assert!(new.contains("SIGTERM: shutting down") && !new.contains("ready"), "{new}");
}

#[test]
fn a_storm_of_lines_does_not_fill_the_log() {
    let folder = folder();
    let mut command = NodeProcess::command(folder.path(), &config(folder.path()));
    command.args(["--log-file", "log"]);
    let node = NodeProcess::spawn(command);
    let honest = Honest::start(&node.address());
    wait_for("lines that are left out", || {
        for _ in 0..200 {
            let mut client = RawClient::connect(&node.address());
            let _ = client.try_write(&[0; 64]);
            client.read_to_end();
        }
        (node.metric("log_lines_dropped_total") > 0.0).then_some(())
    });
    let stated = |text: &String| text.contains("lines of the log were left out");
    wait_for("how many they are", || fs::read_to_string(folder.path().join("log")).ok().filter(stated));
    honest.finish();
}

/// A node that may have only so many descriptors, of which it has fewer at first.
fn with_descriptors(folder: &Path, soft: u32, hard: u32, more: &str) -> NodeProcess {
    let config = format!("{}\n{more}", config(folder));
    let node = NodeProcess::command(folder, &config);
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -Sn $2 && ulimit -Hn $1 && shift 2 && exec \"$@\"", "sh"])
        .args([hard.to_string(), soft.to_string()])
        .arg(node.get_program())
        .args(node.get_args())
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    NodeProcess::spawn(command)
}

#[test]
fn a_node_takes_all_the_descriptors_that_it_may_have() {
    const SOFT: u32 = 64;
    let folder = folder();
    let node = with_descriptors(folder.path(), SOFT, 1000, "limits.connections = 500");
    let idle: Vec<_> = (0..2 * SOFT).map(|_| RawClient::connect(&node.address())).collect();
    node.wait_for_metric("open_connections", |count| count == f64::from(2 * SOFT));
    drop(idle);
}

#[test]
fn a_node_without_descriptors_goes_on_with_those_that_it_has() {
    const HARD: u32 = 64;
    let folder = folder();
    let node = with_descriptors(folder.path(), HARD, HARD, "limits.handshake-seconds = 3600");
    node.wait_for_log(&["too few descriptors for all connections", "\"connections\":32", "\"wanted\":1024"]);
    let honest = Honest::start(&node.address());
    let mut idle: Vec<_> = (0..2 * HARD).map(|_| RawClient::connect(&node.address())).collect();
    // The first of them have made room for the last, and the next do for others.
    let told = idle[0].read().expect("a refusal");
    assert_eq!(fault(&told).error(), Some(Error::HandshakeTimeout));
    RawClient::begin(&node.address()).open();
    node.wait_for_metric("greetings_evicted_total", |count| count >= f64::from(HARD));
    honest.finish();
}

#[test]
fn unread_answers_end_in_time() {
    let folder = folder();
    let node = NodeProcess::start(folder.path(), &config(folder.path()));
    // A request that never ends.
    let mut stream = TcpStream::connect(node.metrics_address()).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: ").unwrap();
    let mut answer = Vec::new();
    let end = stream.read_to_end(&mut answer).map_err(|error| error.kind());
    assert!(matches!(end, Ok(_) | Err(ErrorKind::ConnectionReset)), "{end:?}");
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
}
