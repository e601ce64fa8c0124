//! Orderly ends, and what happens when they take too long.

use std::process::Command;

use outrider_controller::{Cluster, Event, Leave, NodeId};
use outrider_wire::{Closed, Commit, Credit, Error, FrameType};
use rustix::process::Signal;

use crate::support::{
    History, NodeProcess, RawClient, address, events, events_until, fault, folder, stream,
    stream_until_all_decide, with_patience,
};

/// The least that a session may keep, and more than a commit or a grant takes.
const RETAINED_BYTES: usize = 16_384 + 64;
const ROOM_FOR_A_FRAME: usize = 200;
/// Rounds that complete some windows and leave others open.
const ROUNDS: usize = 20;

fn config(folder: &std::path::Path) -> String {
    format!("listen = ['{}']", address("unix", folder, "socket"))
}

/// A client with commits and open cells.
fn half_way(node: &NodeProcess) -> RawClient {
    let mut client = RawClient::begin(&node.address());
    let credit = client.open();
    assert!(credit >= ROUNDS as u64);
    client.rounds(0, 0, &History::sample(100, 1).layers[..ROUNDS]);
    client.read_type(FrameType::Commit);
    client
}

#[test]
fn every_client_is_told_of_its_open_cells() {
    let folder = folder();
    let mut node = NodeProcess::start(folder.path(), &config(folder.path()));
    let mut clients = [half_way(&node), half_way(&node)];
    node.signal(Signal::TERM);
    for client in &mut clients {
        let mut committed = vec![0];
        let told = loop {
            let told = client.read().expect("CLOSED");
            match told.header.frame_type {
                FrameType::Commit => committed.push(Commit::decode(&told.payload).unwrap().cell.0),
                FrameType::Closed => break told,
                _ => {}
            }
        };
        let closed = Closed::decode(&told.payload).unwrap();
        assert_eq!(told.header.stream.0, 0);
        assert_eq!(closed.code, u32::from(Error::ShuttingDown.code()));
        let cells: Vec<_> = closed.open_cells.iter().map(|cell| cell.0).collect();
        assert!(closed.open_count > 0 && cells.len() as u64 == closed.open_count, "{closed:?}");
        assert!(cells.iter().all(|cell| !committed.contains(cell)), "{committed:?} and {cells:?}");
        let session = format!("\"session\":{},", client.session.0);
        let line = node.wait_for_log(&["cells left open", &session]);
        assert_eq!(line["cells"], format!("{cells:?}"));
        assert_eq!(line["count"], closed.open_count);
        client.leave();
    }
    assert_eq!(node.wait().code(), Some(0));
}

#[test]
fn another_node_takes_over_from_one_that_ends() {
    for signal in [Signal::TERM, Signal::INT] {
        let folder = folder();
        let mut nodes = ["a", "b"].map(|name| {
            let address = address("unix", folder.path(), name);
            NodeProcess::start(folder.path(), &format!("listen = ['{address}']"))
        });
        let addresses = nodes.each_ref().map(NodeProcess::address);
        let mut cluster = Cluster::new(&addresses, &with_patience()).unwrap();
        stream_until_all_decide(&mut cluster, 2);
        events(&mut cluster);
        let history = History::sample(600, 3);
        let is_fence = |event: &Event| matches!(event, Event::Fenced { .. });
        let mut happened = Vec::new();
        let answer = stream(&mut cluster, &history, |round, cluster| match round {
            200 => nodes[0].signal(signal),
            // The stream must not be over before the node has come to its signal.
            _ if round + 1 == history.layers.len() => happened = events_until(cluster, is_fence),
            _ => {}
        });
        assert_eq!(answer, history.answer);
        happened.extend(events(&mut cluster));
        let fences: Vec<_> = happened.into_iter().filter(is_fence).collect();
        assert_eq!(fences, [Event::Fenced { node: NodeId(0), why: Leave::ShuttingDown }]);
        assert_eq!(cluster.controller().counters().disagreements, 0);
        assert_eq!(nodes[0].wait().code(), Some(0));
    }
}

#[test]
fn a_node_without_clients_ends_at_once() {
    let folder = folder();
    let mut node = NodeProcess::start(folder.path(), &config(folder.path()));
    // One that has not said who it is has nothing to be told.
    let _silent = RawClient::connect(&node.address());
    node.wait_for_metric("open_connections", |count| count == 1.0);
    node.signal(Signal::TERM);
    assert_eq!(node.wait().code(), Some(0));
}

#[test]
fn the_end_of_standard_input_ends_a_node_if_it_shall() {
    let folder = folder();
    let mut command: Command = NodeProcess::command(folder.path(), &config(folder.path()));
    command.arg("--exit-with-stdin");
    let mut node = NodeProcess::spawn(command);
    assert_eq!(node.get("/healthz"), (200, "ok\n".to_owned()));
    node.close_stdin();
    assert_eq!(node.wait().code(), Some(0));
}

#[test]
fn closed_standard_streams_are_refused_where_they_are_needed() {
    let folder = folder();
    let node = env!("CARGO_BIN_EXE_outrider-node");
    let run = |line: &str| {
        let script = format!("'{node}' --listen unix:socket --distance 3 --p 0.001 {line}");
        let output = Command::new("sh").args(["-c", &script]).current_dir(&folder).output().expect("a shell");
        (output.status.code(), String::from_utf8(output.stderr).expect("text on standard error"))
    };
    let refused = |stream: &str| (Some(2), format!("error: {stream}: it is closed\n"));
    assert_eq!(run(">&-"), refused("standard output"));
    assert_eq!(run("--check >&-"), refused("standard output"));
    assert_eq!(run("--exit-with-stdin <&-"), refused("standard input"));
    assert_eq!(run("--check <&- >/dev/null"), (Some(0), String::new()));
    assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), 0);
}

#[test]
fn a_client_that_was_away_comes_back_to_be_told() {
    let folder = folder();
    let config = format!("drain-seconds = 3600\nlimits.resume-seconds = 3600\n{}", config(folder.path()));
    let mut node = NodeProcess::start(folder.path(), &config);
    let mut before = half_way(&node);
    before.write(&[0; 64]);
    before.read_to_end();
    node.wait_for_log(&["session without a connection"]);
    node.signal(Signal::TERM);
    node.wait_for_log(&["cells left open"]);
    // Nobody else begins a session now.
    let told = RawClient::connect(&node.address()).greet(&RawClient::hello()).expect_err("a refusal");
    assert_eq!(fault(&told).error(), Some(Error::ShuttingDown));
    let mut client = RawClient::connect(&node.address());
    client.greet_again(&before).expect("the session");
    let told = client.read_type(FrameType::Closed);
    let closed = Closed::decode(&told.payload).unwrap();
    assert_eq!(closed.code, u32::from(Error::ShuttingDown.code()));
    assert!(closed.open_count > 0);
    client.leave();
    assert_eq!(node.wait().code(), Some(0));
}

#[test]
fn a_second_signal_ends_a_node_that_waits_for_a_client() {
    let folder = folder();
    let config = format!("drain-seconds = 3600\n{}", config(folder.path()));
    let mut node = NodeProcess::start(folder.path(), &config);
    let _client = half_way(&node);
    node.signal(Signal::TERM);
    node.wait_for_log(&["SIGTERM: shutting down"]);
    node.wait_for_log(&["cells left open"]);
    node.wait_for_metric("draining", |is_draining| is_draining == 1.0);
    assert_eq!(node.get("/healthz"), (503, "draining\n".to_owned()));
    node.signal(Signal::TERM);
    assert_eq!(node.wait().code(), Some(1));
    node.wait_for_line(&["error: ended by a second SIGTERM"]);
}

/// It acknowledges nothing, so the node has no room for its commits, nor for the word that it shuts down.
#[test]
fn cells_that_nobody_was_told_of_are_in_the_log() {
    let folder = folder();
    let limits = format!("limits.retained-bytes = {RETAINED_BYTES}");
    let config = format!("drain-seconds = 3600\n{limits}\n{}", config(folder.path()));
    let mut node = NodeProcess::start(folder.path(), &config);
    let layers = History::sample(3000, 1).layers;
    let mut client = RawClient::begin(&node.address());
    let mut credit = client.open() as usize;
    let (mut sent, mut told_bytes) = (credit / 2, 0);
    client.rounds(0, 0, &layers[..sent]);
    while told_bytes + ROOM_FOR_A_FRAME < RETAINED_BYTES {
        let told = client.read().expect("commits and credit");
        told_bytes += told.header.frame_bytes();
        if told.header.frame_type == FrameType::Credit {
            // Half of the room is held back, so that there are cells to be decided in the end.
            let granted = Credit::decode(&told.payload).unwrap().rounds as usize;
            let next = sent + granted - credit;
            client.rounds(sent as u64, 0, &layers[sent..next]);
            (credit, sent) = (granted, next);
        }
    }
    client.rounds(sent as u64, 0, &layers[sent..credit]);
    node.wait_for_metric("rounds_total", |count| count == credit as f64);
    node.signal(Signal::TERM);
    node.wait_for_metric("draining", |is_draining| is_draining == 1.0);
    assert!(!node.has_logged("cells left open"));
    node.signal(Signal::TERM);
    assert_eq!(node.wait().code(), Some(1));
    node.wait_for_log(&["cells left open"]);
}

#[test]
fn a_client_that_does_not_listen_holds_a_node_up_for_so_long() {
    let folder = folder();
    let config = format!("drain-seconds = 0.1\n{}", config(folder.path()));
    let mut node = NodeProcess::start(folder.path(), &config);
    let _client = half_way(&node);
    node.signal(Signal::TERM);
    assert_eq!(node.wait().code(), Some(1));
    node.wait_for_log(&["cells left open"]);
    node.wait_for_line(&[
        "error: the time to shut down was over before the open cells were reported to every client",
    ]);
}
