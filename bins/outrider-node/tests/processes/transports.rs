//! Every way to reach a node, and the files of its sockets.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;

use outrider_controller::Cluster;
use outrider_transport::Address;
use rustix::process::Signal;

use crate::support::{
    DEADLINE, History, NodeProcess, address, folder, patch, refused, stream, stream_until_all_decide,
    with_patience,
};

/// Two nodes that listen in this way, and what they were told.
fn two_nodes(kind: &str) -> (tempfile::TempDir, [NodeProcess; 2]) {
    let folder = folder();
    let nodes = ["a", "b"].map(|name| {
        let address = address(kind, folder.path(), name);
        NodeProcess::start(folder.path(), &format!("listen = ['{address}']"))
    });
    (folder, nodes)
}

fn streams_over(kind: &str) {
    let (_folder, nodes) = two_nodes(kind);
    let addresses = nodes.each_ref().map(NodeProcess::address);
    let mut cluster = Cluster::new(&addresses, &with_patience()).unwrap();
    stream_until_all_decide(&mut cluster, 2);
    let history = History::sample(1000, 1);
    assert_eq!(stream(&mut cluster, &history, |_, _| {}), history.answer);
    assert_eq!(cluster.controller().counters().disagreements, 0);
    cluster.shut_down(DEADLINE);
    for node in &nodes {
        node.wait_for_metric("cells_total", |count| count > 0.0);
        node.wait_for_metric("open_sessions", |count| count == 0.0);
    }
}

#[test]
fn two_nodes_over_unix_sockets_give_the_answer_of_one_decoder() {
    streams_over("unix");
}

#[test]
fn two_nodes_over_shared_memory_give_the_answer_of_one_decoder() {
    streams_over("ring");
}

#[test]
fn two_nodes_over_tcp_give_the_answer_of_one_decoder() {
    streams_over("tcp");
}

#[test]
fn ready_tells_addresses_and_patches() {
    let folder = folder();
    let socket = address("unix", folder.path(), "socket");
    let node = NodeProcess::start(folder.path(), &format!("listen = ['{socket}', 'tcp:localhost:0']"));
    let addresses = node.addresses();
    assert_eq!(addresses[0].to_string(), socket);
    let Address::Tcp(chosen) = &addresses[1] else { panic!("{addresses:?}") };
    assert!(!chosen.ends_with(":0"), "the port that was chosen");
    assert_ne!(node.metrics_address().port(), 0);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let widths = patch().widths();
    let expected = serde_json::json!([{
        "decoder": "mwpm@parallel",
        "model": hex(patch().model_digest()),
        "plan": hex(patch().plan_digest()),
        "widths": {"first": widths.first, "cycle": widths.cycle, "last": widths.last},
        "observables": 1,
    }]);
    assert_eq!(node.ready["patches"], expected);
    // The addresses are not only said.
    let mut cluster = Cluster::new(&addresses, &with_patience()).unwrap();
    let history = History::sample(60, 1);
    assert_eq!(stream(&mut cluster, &history, |_, _| {}), history.answer);
}

#[test]
fn a_socket_that_nobody_listens_at_is_replaced() {
    let folder = folder();
    let path = folder.path().join("socket");
    let config = format!("listen = ['unix:{}']\nsocket-mode = '620'", path.display());
    drop(UnixListener::bind(&path).unwrap());
    let mut node = NodeProcess::start(folder.path(), &config);
    let found = fs::metadata(&path).unwrap();
    assert!(found.file_type().is_socket());
    assert_eq!(found.permissions().mode() & 0o777, 0o620);
    // One that was killed leaves its socket to the next.
    node.kill();
    assert!(path.exists());
    let mut node = NodeProcess::start(folder.path(), &config);
    node.signal(Signal::TERM);
    assert_eq!(node.wait().code(), Some(0));
    assert!(!path.exists(), "the socket goes with the node");
}

#[test]
fn a_socket_is_for_its_owner_alone_unless_told_otherwise() {
    let folder = folder();
    let path = folder.path().join("socket");
    let _node = NodeProcess::start(folder.path(), &format!("listen = ['ring:{}']", path.display()));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_is_not_a_dead_socket_is_left_alone() {
    let folder = folder();
    let path = folder.path().join("socket");
    let config = format!("listen = ['unix:{}']", path.display());
    let node = NodeProcess::start(folder.path(), &config);
    refused(NodeProcess::command(folder.path(), &config), 1, &["socket", "somebody listens there already"]);
    let mut cluster = Cluster::new(&[node.address()], &with_patience()).unwrap();
    let history = History::sample(60, 1);
    assert_eq!(stream(&mut cluster, &history, |_, _| {}), history.answer);
    drop(node);

    let file = folder.path().join("file");
    fs::write(&file, "precious").unwrap();
    let config = format!("listen = ['unix:{}']", file.display());
    refused(NodeProcess::command(folder.path(), &config), 1, &["file"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
}

#[test]
fn plain_tcp_does_not_leave_the_host() {
    for address in ["tcp:0.0.0.0:0", "tcp:192.0.2.1:0"] {
        let config = format!("listen = ['{address}']");
        let fragments = [address, "not an address of this host alone: use tls: with certificates"];
        refused(NodeProcess::command(folder().path(), &config), 2, &fragments);
    }
}
