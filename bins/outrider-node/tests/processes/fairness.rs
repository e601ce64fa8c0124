//! Clients that keep every rule and send as many cheap frames as the node takes.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::{self, JoinHandle};

use outrider_transport::Address;
use outrider_wire::{Beat, CellId, Epoch, FrameType, Header, List, Marks, Sequence, StreamId};

use crate::support::{Honest, NodeProcess, RawClient, address, folder};

/// Most frames that a node takes of a connection before it looks at its workers.
const SHARE_FRAMES: f64 = 64.0;
/// Frames that are sent in one piece.
const BURST: usize = 1_000;
/// Frames after which the node has seen enough of them.
const FRAMES: f64 = 200_000.0;

#[derive(Debug, Clone, Copy)]
enum Flood {
    /// Marks of cells far ahead, without any mark.
    Marks,
    Pings,
    /// All cells anew, again and again.
    Assignments,
}

impl Flood {
    fn burst(self, client: &mut RawClient, epoch: &mut u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        for place in 0..BURST {
            let frame = match self {
                Self::Marks => {
                    let marks = Marks { cell: CellId(1_000_000 + place as u64), marks: List::from(&[][..]) };
                    let (stream, epoch) = (StreamId(1), Epoch(1));
                    client.frame(Header { stream, epoch, ..Header::new(FrameType::Marks) }, &marks)
                }
                Self::Pings => {
                    let beat = Beat { echo: 0, wanted: Sequence(1), next: Sequence(1) };
                    client.frame(Header::new(FrameType::Ping), &beat)
                }
                Self::Assignments => {
                    *epoch += 1;
                    client.assign_frame(*epoch)
                }
            };
            bytes.extend(frame);
        }
        bytes
    }

    /// Sends until it is over. What the node answers is not read: it has to live with that too.
    fn start(self, node: &Address, is_over: &Arc<AtomicBool>) -> JoinHandle<()> {
        let mut client = RawClient::begin(node);
        client.open();
        let (is_over, mut epoch) = (Arc::clone(is_over), 1);
        thread::spawn(move || {
            while !is_over.load(Relaxed) {
                let burst = self.burst(&mut client, &mut epoch);
                client.write(&burst);
            }
        })
    }
}

#[test]
fn whoever_sends_cheap_frames_without_end_keeps_no_worker_waiting() {
    let folder = folder();
    let listen = address("unix", folder.path(), "socket");
    let node = NodeProcess::start(folder.path(), &format!("listen = ['{listen}']"));
    let honest = Honest::start(&node.address());
    let is_over = Arc::new(AtomicBool::new(false));
    let floods = [Flood::Marks, Flood::Marks, Flood::Pings, Flood::Assignments];
    let floods = floods.map(|flood| flood.start(&node.address(), &is_over));
    let before = node.metric("cells_total");
    node.wait_for_metric("frames_total", |frames| frames >= FRAMES);
    node.wait_for_metric("cells_total", |cells| cells > before);
    is_over.store(true, Relaxed);
    for flood in floods {
        flood.join().expect("a client that keeps every rule");
    }
    assert_eq!(node.metric("open_sessions"), 5.0);
    let most = node.metric("frames_between_feeds_max");
    assert!((1.0..=SHARE_FRAMES).contains(&most), "{most} frames between two looks at the workers");
    honest.finish();
}
