//! Nodes that die, stand still, and come back: nothing is lost, and no answer changes.

use outrider_controller::{Cluster, ClusterOptions, Event, Leave, NodeId};
use rustix::process::Signal;

use crate::support::{
    History, NodeProcess, address, events, folder, stream, stream_until_all_decide, with_patience,
};

const ROUNDS: u64 = 900;
/// Rounds before which a node goes, and comes back.
const GOES: usize = 300;
const COMES_BACK: usize = 600;

fn fences_of(cluster: &mut Cluster, node: NodeId) -> Vec<Leave> {
    let fenced = |event| match event {
        Event::Fenced { node: fenced, why } if fenced == node => Some(why),
        _ => None,
    };
    events(cluster).into_iter().filter_map(fenced).collect()
}

fn is_killed_and_comes_back(kind: &str) {
    let folder = folder();
    let config = |address: &str| format!("listen = ['{address}']");
    let mut nodes = ["a", "b"].map(|name| {
        // Other tests connect from and to 127.0.0.1, and could take the port of the one that is dead.
        let address = address(kind, folder.path(), name).replace("127.0.0.1", "127.0.0.2");
        NodeProcess::start(folder.path(), &config(&address))
    });
    let addresses = nodes.each_ref().map(NodeProcess::address);
    let mut cluster = Cluster::new(&addresses, &with_patience()).unwrap();
    stream_until_all_decide(&mut cluster, 2);
    events(&mut cluster);
    let history = History::sample(ROUNDS, 5);
    let answer = stream(&mut cluster, &history, |round, _| match round {
        GOES => nodes[0].kill(),
        COMES_BACK => nodes[0] = NodeProcess::start(folder.path(), &config(&addresses[0].to_string())),
        _ => {}
    });
    assert_eq!(answer, history.answer);
    let fences = fences_of(&mut cluster, NodeId(0));
    assert!(matches!(fences[..], [Leave::Unreachable(_)]), "{fences:?}");
    stream_until_all_decide(&mut cluster, 2);
    assert_eq!(cluster.controller().counters().disagreements, 0);
}

#[test]
fn a_node_that_is_killed_comes_back_over_a_unix_socket() {
    is_killed_and_comes_back("unix");
}

#[test]
fn a_node_that_is_killed_comes_back_over_shared_memory() {
    is_killed_and_comes_back("ring");
}

#[test]
fn a_node_that_is_killed_comes_back_over_tcp() {
    is_killed_and_comes_back("tcp");
}

#[test]
fn nodes_that_die_one_after_the_other_lose_nothing() {
    let folder = folder();
    let config = |name: &str| format!("listen = ['{}']", address("unix", folder.path(), name));
    let names = ["a", "b", "c"];
    let mut nodes = names.map(|name| NodeProcess::start(folder.path(), &config(name)));
    let addresses = nodes.each_ref().map(NodeProcess::address);
    let mut cluster = Cluster::new(&addresses, &with_patience()).unwrap();
    stream_until_all_decide(&mut cluster, 3);
    let history = History::sample(ROUNDS, 6);
    let answer = stream(&mut cluster, &history, |round, _| {
        if round > 0 && round % 50 == 0 {
            let next = round / 50 % names.len();
            nodes[next].kill();
            nodes[next] = NodeProcess::start(folder.path(), &config(names[next]));
        }
    });
    assert_eq!(answer, history.answer);
    assert_eq!(cluster.controller().counters().disagreements, 0);
}

/// A node that was stopped still believes that it owns its cells.
fn stands_still(kind: &str, options: &ClusterOptions) -> Vec<Leave> {
    let folder = folder();
    let nodes = ["a", "b"].map(|name| {
        let address = address(kind, folder.path(), name);
        NodeProcess::start(folder.path(), &format!("listen = ['{address}']\n[limits]\nheartbeat-ms = 100"))
    });
    let addresses = nodes.each_ref().map(NodeProcess::address);
    let mut cluster = Cluster::new(&addresses, options).unwrap();
    stream_until_all_decide(&mut cluster, 2);
    events(&mut cluster);
    let history = History::sample(ROUNDS, 8);
    let answer = stream(&mut cluster, &history, |round, _| match round {
        GOES => nodes[0].signal(Signal::STOP),
        COMES_BACK => nodes[0].signal(Signal::CONT),
        _ => {}
    });
    assert_eq!(answer, history.answer);
    let fences = fences_of(&mut cluster, NodeId(0));
    // It notices that it was left, and is as good as new.
    nodes[0].wait_for_log(&["session without a connection"]);
    stream_until_all_decide(&mut cluster, 2);
    assert_eq!(cluster.controller().counters().disagreements, 0);
    fences
}

#[test]
fn a_node_that_stands_still_is_fenced_for_its_silence_and_comes_back() {
    for kind in ["unix", "ring"] {
        let fences = stands_still(kind, &ClusterOptions::default());
        assert!(matches!(fences.first(), Some(Leave::Unreachable(_))), "{kind}: {fences:?}");
    }
}

#[test]
fn a_node_that_decides_nothing_is_fenced_and_comes_back() {
    let mut options = with_patience();
    options.controller.stall_ns = 500_000_000;
    let fences = stands_still("tcp", &options);
    assert!(matches!(fences.first(), Some(Leave::Stalled)), "{fences:?}");
}
