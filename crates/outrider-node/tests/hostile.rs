//! Frames that are well formed and mean harm.

use std::sync::Arc;

use outrider::{Circuit, CircuitFamily, Patch, PatchOptions, PlanOptions, SurfaceCode};
use outrider_node::{Node, NodeOptions};
use outrider_wire::limits::FRAME_BYTES_MAX;
use outrider_wire::{
    Assign, CellId, CellRange, ClientEvent, ClientSession, Digest, Epoch, Error, Layer, Open, Options,
    RoundsBatch, StreamId, Widths,
};

const STREAM: StreamId = StreamId(1);
const EVERY_CELL: CellRange = CellRange { first: CellId(0), count: CellRange::ENDLESS, stride: 1 };

/// A client and its node, with an open stream.
struct Pair {
    client: ClientSession,
    node: Node,
    widths: Widths,
    /// What the client was told, as `Debug` shows it.
    told: Vec<String>,
}

impl Pair {
    fn new() -> Self {
        let circuit = Circuit::uniform(CircuitFamily::Stim, 0.01);
        let model = SurfaceCode::memory(3, 30).circuit(circuit).build().unwrap().model().unwrap();
        let patch = Patch::new(&model, &PatchOptions::new(PlanOptions::parallel(3))).unwrap();
        let widths = patch.widths();
        let widths = Widths { first: widths.first, cycle: widths.cycle, last: widths.last };
        let open = Open {
            model: Digest(*patch.model_digest()),
            plan: Digest(*patch.plan_digest()),
            observables: patch.plan().graph().observable_count(),
            widths: widths.clone(),
        };
        let node = Node::new(vec![Arc::new(patch)], NodeOptions::default(), || [1; 16]);
        let client = ClientSession::new(&Options::default(), 0).unwrap();
        let mut pair = Self { client, node, widths, told: Vec::new() };
        pair.client.connect(0).unwrap();
        pair.exchange();
        pair.client.open(STREAM, &open, 0).unwrap();
        pair.exchange();
        pair.told.clear();
        pair
    }

    fn assign(&mut self, round: u64) {
        let cells = [EVERY_CELL];
        self.client.assign(STREAM, Epoch(1), round, &Assign { cells: (&cells[..]).into() }, 0).unwrap();
    }

    /// Sends one round without events.
    fn send(&mut self, round: u64, skips: bool, is_last: bool) {
        let bit_count = if is_last { self.widths.last } else { self.widths.of_round(round) };
        let bits = vec![0; bit_count.div_ceil(8) as usize];
        let layers = [Layer { bit_count, bits: &bits }];
        let batch = RoundsBatch { first_round: round, layers: &layers, skips, is_last };
        self.client.send_rounds(STREAM, batch, 0).unwrap();
        self.exchange();
    }

    fn exchange(&mut self) {
        let line = self.node.next_busy(None).unwrap_or_else(|| self.node.connect(0).unwrap());
        let mut bytes = vec![0; FRAME_BYTES_MAX];
        loop {
            let there = self.client.transmit(&mut bytes, 0);
            self.node.receive(line, &bytes[..there], 0);
            let back = self.node.transmit(line, &mut bytes, 0);
            self.client.receive(&bytes[..back], 0);
            while let Some(event) = self.client.poll_event() {
                match event {
                    ClientEvent::StreamError { fault, .. } => {
                        self.told.push(format!("{:?}: {}", fault.error(), fault.text));
                    }
                    other => self.told.push(format!("{other:?}")),
                }
            }
            if there + back == 0 {
                return;
            }
        }
    }
}

/// Cells enter when their first round comes, so each of them costs a round that was paid with credit.
#[test]
fn a_round_far_ahead_does_not_make_cells_enter_whose_rounds_were_left_out() {
    let refusal = format!("{:?}: a round that cell 0 needs was left out", Some(Error::StreamRefused));
    for far in [1 << 20, 1 << 40] {
        for is_last in [false, true] {
            let mut pair = Pair::new();
            pair.assign(0);
            pair.send(far, true, is_last);
            assert_eq!(pair.told, [refusal.as_str()]);
            assert_eq!(pair.node.stream_count(), 0);
        }
        let mut pair = Pair::new();
        pair.assign(far);
        pair.send(far, false, false);
        assert_eq!(pair.told, [refusal.as_str()]);
    }
}
