//! Frames that are well formed and mean harm.

use std::sync::Arc;

use outrider::{
    Circuit, CircuitFamily, Commit, Patch, PatchOptions, PlanOptions, StreamLearningOptions, SurfaceCode,
};
use outrider_node::{JobId, Node, NodeOptions, Peer, Times};
use outrider_wire::limits::FRAME_BYTES_MAX;
use outrider_wire::{
    Assign, CellId, CellRange, ClientEvent, ClientSession, Digest, Epoch, Error, Fault, FrameType, Header,
    Layer, List, Mark, Marks, Open, Options, Round, RoundsBatch, StreamId, Time, Weights, Widths,
    encode_frame,
};

const STREAM: StreamId = StreamId(1);
const EVERY_CELL: CellRange = CellRange { first: CellId(0), count: CellRange::ENDLESS, stride: 1 };

/// A client and its node, with an open stream.
struct Pair {
    client: ClientSession,
    node: Node,
    open: Open,
    /// Of the weights of its patch.
    factors: usize,
    /// What the client was told, as `Debug` shows it.
    told: Vec<String>,
}

impl Pair {
    fn new() -> Self {
        Self::with(NodeOptions::default())
    }

    fn with(options: NodeOptions) -> Self {
        Self::of(options, None)
    }

    /// Of a patch that learns.
    fn learning() -> Self {
        Self::of(NodeOptions::default(), Some(StreamLearningOptions { memory: 1024, every: 1024 }))
    }

    fn of(options: NodeOptions, learning: Option<StreamLearningOptions>) -> Self {
        let circuit = Circuit::uniform(CircuitFamily::Stim, 0.01);
        let model = SurfaceCode::memory(3, 30).circuit(circuit).build().unwrap().model().unwrap();
        let patch_options = PatchOptions { learning, ..PatchOptions::new(PlanOptions::parallel(3)) };
        let patch = Patch::new(&model, &patch_options).unwrap();
        let factors = patch.factor_count().unwrap_or(0);
        let widths = patch.widths();
        let widths = Widths { first: widths.first, cycle: widths.cycle, last: widths.last };
        let open = Open {
            model: Digest(*patch.model_digest()),
            plan: Digest(*patch.plan_digest()),
            observables: patch.plan().graph().observable_count(),
            widths,
        };
        let node = Node::new(vec![Arc::new(patch)], options, || [1; 16]);
        let client = ClientSession::new(&Options::default(), Time(0)).unwrap();
        let mut pair = Self { client, node, open, factors, told: Vec::new() };
        pair.client.connect(Time(0)).unwrap();
        pair.exchange();
        pair.open();
        pair
    }

    fn open(&mut self) {
        self.client.open(STREAM, &self.open, Time(0)).unwrap();
        self.exchange();
        self.told.clear();
    }

    /// Takes a job, if there is one, and forgets its cell.
    fn take_job(&mut self) -> Option<JobId> {
        self.node.next_job(Time(0)).map(|job| job.id)
    }

    /// Gives a job back that commits nothing. Returns whether the node took it.
    fn finish(&mut self, job: JobId) -> bool {
        let nothing = Commit { observables: &[0], marks: &[], edges: &[], event_count: 0 };
        let is_taken = self.node.finish(job, Times::default(), Ok(nothing), Time(0)).is_some();
        self.exchange();
        is_taken
    }

    fn assign(&mut self, round: u64) {
        self.assign_cells(round, EVERY_CELL);
    }

    fn assign_cells(&mut self, round: u64, cells: CellRange) {
        let cells = [cells];
        self.client
            .assign(STREAM, Epoch(1), Round(round), &Assign { cells: (&cells[..]).into() }, Time(0))
            .unwrap();
    }

    /// Sends one round without events.
    fn send(&mut self, round: u64, skips: bool, is_last: bool) {
        let bit_count = if is_last { self.open.widths.last } else { self.open.widths.of_round(Round(round)) };
        let bits = vec![0; bit_count.div_ceil(8) as usize];
        let layers = [Layer { bit_count, bits: &bits }];
        let batch = RoundsBatch { first_round: Round(round), layers: &layers, skips, is_last };
        self.client.send_rounds(STREAM, batch, Time(0)).unwrap();
        self.exchange();
    }

    /// Sends weights of a version that hold for 1024 rounds; `factors` of them from the first on, out of `total`.
    fn send_weights(&mut self, version: u64, round: u64, total: usize, first: usize, factors: &[f64]) {
        let factors: Vec<u64> = factors.iter().map(|factor| factor.to_bits()).collect();
        let (total, first) = (total as u32, first as u32);
        let weights = Weights { version, rounds: 1024, total, first, factors: (&factors[..]).into() };
        self.client.send_weights(STREAM, Round(round), &weights, Time(0)).unwrap();
        self.exchange();
    }

    fn exchange(&mut self) {
        let line = self
            .node
            .next_busy(None)
            .unwrap_or_else(|| self.node.connect(Peer::User(1000), Time(0)).unwrap());
        let mut bytes = vec![0; FRAME_BYTES_MAX];
        loop {
            let there = self.client.transmit(&mut bytes, Time(0));
            self.node.receive(line, &bytes[..there], Time(0));
            let back = self.node.transmit(line, &mut bytes, Time(0));
            self.client.receive(&bytes[..back], Time(0));
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

#[test]
fn cells_wait_for_their_weights() {
    let mut pair = Pair::learning();
    pair.assign(0);
    for round in 0..20 {
        pair.send(round, false, false);
    }
    assert!(pair.take_job().is_none());
    pair.send_weights(0, 0, 0, 0, &[]);
    assert!(pair.take_job().is_some());
    // Again, and the next in two parts, the first of which is sent anew.
    let ones = vec![1.0; pair.factors];
    pair.send_weights(0, 0, 0, 0, &[]);
    pair.send_weights(1, 1024, ones.len(), 0, &ones[..7]);
    pair.send_weights(1, 1024, ones.len(), 0, &ones[..9]);
    pair.send_weights(1, 1024, ones.len(), 9, &ones[9..]);
    assert_eq!(pair.told, [""; 0]);
}

#[test]
fn weights_that_cannot_be_end_their_stream() {
    let refused = |send: &dyn Fn(&mut Pair), why: &str| {
        let mut pair = Pair::learning();
        pair.assign(0);
        send(&mut pair);
        let refusal = format!("{:?}: weights: {why}", Some(Error::StreamRefused));
        assert_eq!(pair.told, [refusal]);
        assert_eq!(pair.node.stream_count(), 0);
    };
    let count = Pair::learning().factors;
    let ones = vec![1.0; count];
    let many = vec![1.0; count + 1];
    let wanted = format!("{} factors, where the patch has {count}", count + 1);
    refused(&|pair| pair.send_weights(2, 0, count + 1, 0, &many), &wanted);
    refused(&|pair| pair.send_weights(2, 0, count, 1, &ones[1..]), "factor 1 of version 2 is out of order");
    for wrong in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
        let mut factors = ones.clone();
        factors[count / 2] = wrong;
        let why = format!("a factor of {wrong} on a rate, which is none");
        refused(&|pair| pair.send_weights(2, 0, count, 0, &factors), &why);
    }
    let gap = "version 4 does not follow those before it";
    let twice = |pair: &mut Pair, version, round| {
        pair.send_weights(2, 0, 0, 0, &[]);
        pair.send_weights(version, round, 0, 0, &[]);
    };
    refused(&|pair| twice(pair, 4, 1024), gap);
    refused(&|pair| twice(pair, 3, 1025), "version 3 does not follow those before it");
    let short = |pair: &mut Pair| {
        for (version, round) in [(2, 0), (3, 1)] {
            let factors = List::from(&[][..]);
            let weights = Weights { version, rounds: 1, total: 0, first: 0, factors };
            pair.client.send_weights(STREAM, Round(round), &weights, Time(0)).unwrap();
        }
        pair.exchange();
    };
    refused(&short, "version 3 holds for 1 rounds only");
    let mut pair = Pair::new();
    pair.assign(0);
    pair.send_weights(2, 0, 0, 0, &[]);
    assert_eq!(pair.told, [format!("{:?}: weights: the patch does not learn", Some(Error::StreamRefused))]);
}

/// A number is free once its stream is closed, but workers may still be at the cells of that.
#[test]
fn a_stream_takes_nothing_of_one_that_had_its_number() {
    let mut pair = Pair::new();
    pair.assign(0);
    (0..9).for_each(|round| pair.send(round, false, false));
    let job = pair.take_job().expect("a cell that can be decided");
    pair.send(1 << 20, true, false);
    assert_eq!(pair.node.stream_count(), 0, "{:?}", pair.told);
    pair.client.close(Some(STREAM), Time(0)).unwrap();
    pair.exchange();
    pair.open();
    pair.assign(0);
    (0..9).for_each(|round| pair.send(round, false, false));
    assert!(!pair.finish(job));
    assert_eq!(pair.node.counters().stale_cells, 1);
    assert_eq!(pair.told, Vec::<String>::new());
    let job = pair.take_job().expect("the same cell of the new history");
    assert!(pair.finish(job));
    assert_eq!(pair.told.len(), 1, "{:?}", pair.told);
}

#[test]
fn an_end_after_missing_rounds_is_answered() {
    for whole_session in [false, true] {
        let mut pair = Pair::new();
        pair.assign(0);
        pair.send(0, false, false);
        (2..12).for_each(|round| pair.send(round, round == 2, false));
        assert_eq!(pair.told, Vec::<String>::new());
        pair.client.close((!whole_session).then_some(STREAM), Time(0)).unwrap();
        pair.exchange();
        let [why, closed] = &pair.told[..] else { panic!("{:?}", pair.told) };
        assert!(why.contains("a round that cell 0 needs was left out"), "{why}");
        assert!(closed.starts_with("Closed") && !closed.contains("open_count: 0"), "{closed}");
        assert_eq!(pair.node.stream_count(), 0);
    }
}

#[test]
fn an_end_is_answered_though_a_cell_fails_afterwards() {
    let mut pair = Pair::new();
    pair.assign(0);
    (0..9).for_each(|round| pair.send(round, false, false));
    let job = pair.take_job().expect("a cell that can be decided");
    pair.client.close(Some(STREAM), Time(0)).unwrap();
    pair.exchange();
    assert_eq!(pair.told, Vec::<String>::new());
    let failure = outrider::Error::Panic { message: "a bug".to_owned() };
    assert!(pair.node.finish(job, Times::default(), Err(&failure), Time(0)).is_none());
    pair.exchange();
    let [why, closed] = &pair.told[..] else { panic!("{:?}", pair.told) };
    assert!(why.contains("a bug") && closed.starts_with("Closed"), "{why} {closed}");
    assert_eq!(pair.node.stream_count(), 0);
}

#[test]
fn marks_that_no_history_can_have_are_not_kept() {
    let mut pair = Pair::new();
    // The marks are those of cells that others own.
    pair.assign_cells(0, CellRange { count: 1, ..EVERY_CELL });
    let places = (0..20).flat_map(|layer| (0..4).map(move |index| Mark { layer, index }));
    let marks = Vec::from_iter(places);
    let mut sent = 0;
    while pair.told.is_empty() {
        sent += 1;
        assert!(sent < 100, "they are kept for ever");
        let marks = Marks { cell: CellId(sent), marks: List::from(&marks[..]) };
        pair.client.send_marks(STREAM, Round(3 * sent), &marks, Time(0)).unwrap();
        pair.exchange();
    }
    assert!(pair.told[0].contains("more marks"), "{:?}", pair.told);
    assert!(sent > 4, "{sent}");
}

/// Each would be a time series of its own.
#[test]
fn codes_that_clients_make_up_are_counted_as_one() {
    let mut pair = Pair::new();
    for code in 0..3 {
        let session = pair.client.agreement().unwrap().session;
        let fault = Fault { code: 0x7000 + code, ..Fault::from(Error::BadArgument) };
        let error = encode_frame(Header { version: 1, session, ..Header::new(FrameType::Error) }, &fault);
        let line = pair.node.next_busy(None).unwrap();
        pair.node.receive(line, &error, Time(0));
        assert_eq!(pair.node.session_count(), 0);
        pair.node.disconnect(line, Time(0));
        pair.client = ClientSession::new(&Options::default(), Time(0)).unwrap();
        pair.client.connect(Time(0)).unwrap();
        pair.exchange();
    }
    let failures = Vec::from_iter(pair.node.counters().failures.clone());
    assert_eq!(failures, [(u16::MAX, 3)]);
}

#[test]
fn no_more_cells_of_a_session_are_out_than_may_be() {
    let mut pair = Pair::with(NodeOptions { jobs_per_session_max: 1, ..NodeOptions::default() });
    pair.assign(0);
    (0..30).for_each(|round| pair.send(round, false, false));
    let job = pair.take_job().expect("a cell that can be decided");
    assert_eq!(pair.take_job(), None);
    assert!(pair.finish(job));
    assert!(pair.take_job().is_some());
    assert_eq!(pair.take_job(), None);
    assert_eq!(pair.node.jobs_out(), 1);
}
