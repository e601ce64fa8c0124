//! A client and a server over a bad network, from a seed: every round and every answer arrives once and in
//! order.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use outrider_test_support::Random;
use outrider_wire::{
    Assign, CellId, ClientEvent, ClientSession, Closed, Commit, Counters, Epoch, Error, Handshake, Hops,
    Layer, Options, Round, RoundsBatch, ServerEvent, ServerSession, Time,
};

use crate::pair::{EVERY_CELL, SESSION, STREAM, TOKEN, layers, model, transmit_client, transmit_server};

const SEEDS: u64 = 200;
const ROUNDS: u64 = 120;
const ROUNDS_PER_CELL: u64 = 5;
const CREDIT: u64 = 12;
const TICK_NS: u64 = 50_000;
const TICKS_MAX: u64 = 400_000;

#[test]
fn everything_arrives_once_and_in_order() {
    let mut totals = Totals::default();
    for seed in 0..SEEDS {
        let (_, result) = run(seed);
        totals.add(&result);
    }
    let Totals { resumptions, repairs, duplicates, broken, steps_back } = totals;
    assert!(resumptions > 2 * SEEDS && duplicates > 2 * SEEDS, "{totals:?}");
    assert!(repairs > SEEDS / 2 && broken > SEEDS / 4 && steps_back > SEEDS / 2, "{totals:?}");
}

#[test]
fn a_seed_reproduces_its_run() {
    let traces: Vec<u64> = (0..5).map(|seed| run(seed).0).collect();
    assert_eq!(traces, (0..5).map(|seed| run(seed).0).collect::<Vec<_>>());
    assert!((1..5).all(|seed| traces[seed] != traces[0]));
}

#[derive(Debug, Default)]
struct Totals {
    resumptions: u64,
    repairs: u64,
    duplicates: u64,
    broken: u64,
    steps_back: u64,
}

impl Totals {
    fn add(&mut self, counters: &[Counters; 2]) {
        for counters in counters {
            self.resumptions += counters.resumptions;
            self.repairs += counters.repairs_made;
            self.duplicates += counters.duplicates;
            self.broken += counters.broken_payloads;
            self.steps_back += counters.clock_steps_back;
        }
    }
}

/// One direction of a connection: keeps order, takes its time.
#[derive(Default)]
struct Pipe {
    flights: VecDeque<(Time, Vec<u8>)>,
}

struct Network {
    random: Random,
    now: Time,
    /// What the client's clock is behind.
    client_lag: u64,
    to_server: Pipe,
    to_client: Pipe,
    /// When the client tries again, if it has no connection.
    reconnect_at: Option<Time>,
    handshake: Option<Handshake>,
    trace: DefaultHasher,
}

struct Run {
    network: Network,
    client: ClientSession,
    server: Option<ServerSession>,
    rounds_sent: u64,
    rounds_seen: u64,
    cells_seen: u64,
    is_open: bool,
    is_closing: bool,
    is_done: bool,
    commits_due: VecDeque<u64>,
}

fn run(seed: u64) -> (u64, [Counters; 2]) {
    let mut run = Run::new(seed);
    let done = (0..TICKS_MAX).any(|_| run.tick());
    assert!(done, "seed {seed}: stuck at {} rounds and {} cells", run.rounds_seen, run.cells_seen);
    assert_eq!((run.rounds_seen, run.cells_seen), (ROUNDS, ROUNDS / ROUNDS_PER_CELL), "seed {seed}");
    let server = run.server.expect("there was a session");
    (run.network.trace.finish(), [run.client.counters(), server.counters()])
}

fn options() -> Options {
    Options {
        heartbeat_ns: 1_000_000,
        acknowledge_ns: 200_000,
        handshake_ns: 20_000_000,
        ..Options::default()
    }
}

impl Run {
    fn new(seed: u64) -> Self {
        let network = Network {
            random: Random(seed),
            now: Time(1_000_000_000),
            client_lag: 0,
            to_server: Pipe::default(),
            to_client: Pipe::default(),
            reconnect_at: Some(Time(0)),
            handshake: None,
            trace: DefaultHasher::new(),
        };
        let client = ClientSession::new(&options(), network.client_now()).expect("good options");
        Self {
            network,
            client,
            server: None,
            rounds_sent: 0,
            rounds_seen: 0,
            cells_seen: 0,
            is_open: false,
            is_closing: false,
            is_done: false,
            commits_due: VecDeque::new(),
        }
    }

    /// One step of time; whether the session has ended in good order.
    fn tick(&mut self) -> bool {
        self.network.now = self.network.now.after(TICK_NS);
        if self.network.random.one_in(200) {
            self.network.client_lag += self.network.random.below_u64(50_000_000);
        }
        if self.network.random.one_in(400) {
            self.break_connection();
        }
        let (now, client_now) = (self.network.now, self.network.client_now());
        if !self.is_done && self.network.reconnect_at.is_some_and(|at| at <= now) {
            self.network.reconnect_at = None;
            self.network.handshake = Some(Handshake::new(&options(), now));
            self.client.connect(client_now).expect("the session lives");
        }
        self.arrive();
        if self.client.next_timer().is_some_and(|at| at <= client_now) {
            self.client.on_timer(client_now);
        }
        if let Some(server) = &mut self.server {
            server.on_timer(now);
        }
        self.send();
        self.client_events();
        self.server_events();
        let bytes = transmit_client(&mut self.client, client_now);
        self.network.fly(bytes, true);
        if let Some(server) = &mut self.server
            && self.network.handshake.is_none()
        {
            let bytes = transmit_server(server, now);
            self.network.fly(bytes, false);
        }
        self.is_done
    }

    fn break_connection(&mut self) {
        let client_now = self.network.client_now();
        self.network.drop_connection();
        self.client.connection_lost(client_now);
        if let Some(server) = &mut self.server {
            server.connection_lost(self.network.now);
        }
    }

    fn arrive(&mut self) {
        let (now, client_now) = (self.network.now, self.network.client_now());
        while let Some(bytes) = self.network.to_client.landed(now) {
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                rest = &rest[self.client.receive(rest, client_now)..];
                self.client_events();
            }
        }
        while let Some(bytes) = self.network.to_server.landed(now) {
            let mut rest = &bytes[..];
            if let Some(handshake) = &mut self.network.handshake {
                let Ok((count, greeted)) = handshake.receive(rest, now) else {
                    return self.break_connection();
                };
                rest = &rest[count..];
                let Some(greeted) = greeted else { continue };
                self.network.handshake = None;
                let outcome = match &mut self.server {
                    Some(server) if greeted.session().0 != 0 => server.resume(&greeted, now).map(|()| None),
                    _ => ServerSession::accept(&options(), &greeted, SESSION, TOKEN, now).map(Some),
                };
                if let Some(server) = outcome.expect("number and token are right") {
                    self.server = Some(server);
                }
            }
            while let Some(server) = self.server.as_mut().filter(|_| !rest.is_empty()) {
                rest = &rest[server.receive(rest, now)..];
                self.server_events();
            }
        }
    }

    /// What the application of the client does.
    fn send(&mut self) {
        let now = self.network.client_now();
        if self.client.agreement().is_none() || self.is_closing {
            return;
        }
        if !self.is_open {
            self.client.open(STREAM, &model(), now).expect("the stream is new");
            let cells = Assign { cells: (&[EVERY_CELL][..]).into() };
            self.client.assign(STREAM, Epoch(1), Round(0), &cells, now).expect("the epoch is new");
            self.is_open = true;
        }
        while self.rounds_sent < ROUNDS {
            let round = self.rounds_sent;
            let (bits, is_last) = (bits_of(round), round + 1 == ROUNDS);
            let bit_count = if is_last { model().widths.last } else { layers(round)[0].bit_count };
            let layers = [Layer { bit_count, bits: &bits }];
            let batch = RoundsBatch { first_round: Round(round), layers: &layers, skips: false, is_last };
            match self.client.send_rounds(STREAM, batch, now) {
                Ok(_) => self.rounds_sent += 1,
                Err(Error::OutOfCredit) => break,
                Err(error) => panic!("{error}"),
            }
        }
        if self.cells_seen == ROUNDS / ROUNDS_PER_CELL {
            self.client.close(None, now).expect("the session lives");
            self.is_closing = true;
        }
    }

    fn client_events(&mut self) {
        let mut is_lost = false;
        while let Some(event) = self.client.poll_event() {
            (self.network.now, format!("{event:?}")).hash(&mut self.network.trace);
            match event {
                ClientEvent::Commit { commit, .. } => {
                    assert_eq!(commit, answer(&[self.cells_seen, 0]));
                    self.cells_seen += 1;
                }
                ClientEvent::ConnectionLost(_) => is_lost = true,
                ClientEvent::Closed { stream: None, .. } => self.is_done = true,
                ClientEvent::Failed(error) => panic!("the client failed: {error}"),
                ClientEvent::PeerError(fault) => panic!("the server failed: {fault:?}"),
                ClientEvent::Refused(fault) => panic!("refused: {fault:?}"),
                _ => {}
            }
        }
        if is_lost {
            self.break_connection();
        }
    }

    /// What the node does: it answers every fifth round, and grants as many rounds as it has seen.
    fn server_events(&mut self) {
        let Some(server) = &mut self.server else { return };
        let (now, mut is_lost, mut opened, mut closed) = (self.network.now, false, false, false);
        while let Some(event) = server.poll_event() {
            (now, format!("{event:?}")).hash(&mut self.network.trace);
            match event {
                ServerEvent::Open { stream, .. } => opened = stream == STREAM,
                ServerEvent::Rounds { first_round, rounds, is_last, .. } => {
                    assert_eq!(
                        (first_round, is_last),
                        (Round(self.rounds_seen), self.rounds_seen + 1 == ROUNDS)
                    );
                    assert!(rounds.layers().all(|layer| layer.bits == bits_of(first_round.0)));
                    self.rounds_seen += 1;
                    if self.rounds_seen.is_multiple_of(ROUNDS_PER_CELL) {
                        self.commits_due.push_back(first_round.0 / ROUNDS_PER_CELL);
                    }
                }
                ServerEvent::ConnectionLost(_) => is_lost = true,
                ServerEvent::Close { stream: None } => closed = true,
                ServerEvent::Failed(error) => panic!("the server failed: {error}"),
                ServerEvent::PeerError(fault) => panic!("the client failed: {fault:?}"),
                _ => {}
            }
        }
        if opened {
            server.accept_stream(STREAM, CREDIT, now).expect("the stream waits for that");
        }
        while let Some(cell) = self.commits_due.pop_front() {
            let parity = [cell, 0];
            let commit = answer(&parity);
            server.send_commit(STREAM, Epoch(1), Round(0), false, &commit, now).expect("the stream is open");
            let granted = (cell + 1) * ROUNDS_PER_CELL + CREDIT;
            server.grant(STREAM, granted, now).expect("more than before");
        }
        if closed {
            let report = Closed { code: 0, open_count: 0, open_cells: (&[][..]).into() };
            server.closed(None, &report, now).expect("the client asked");
        }
        if is_lost {
            self.break_connection();
        }
    }
}

impl Network {
    fn client_now(&self) -> Time {
        Time((self.now.0 * 2).saturating_sub(self.client_lag))
    }

    fn drop_connection(&mut self) {
        self.to_server.flights.clear();
        self.to_client.flights.clear();
        self.handshake = None;
        self.reconnect_at = Some(self.now.after(self.random.below_u64(2_000_000)));
    }

    /// Sends bytes on their way: whole, damaged, twice, or not at all.
    fn fly(&mut self, mut bytes: Vec<u8>, there: bool) {
        if bytes.is_empty() || self.reconnect_at.is_some() {
            return;
        }
        let pipe = if there { &mut self.to_server } else { &mut self.to_client };
        let at = self.now.after(self.random.below_u64(300_000));
        match self.random.below_u64(40) {
            0 => {
                let bit = self.random.below_u64(8 * bytes.len() as u64) as usize;
                bytes[bit / 8] ^= 1 << (bit % 8);
                pipe.launch(at, bytes);
            }
            1 => {
                pipe.launch(at, bytes.clone());
                pipe.launch(at, bytes);
            }
            2 => {}
            _ => pipe.launch(at, bytes),
        }
    }
}

impl Pipe {
    fn launch(&mut self, at: Time, bytes: Vec<u8>) {
        let last = self.flights.back().map_or(Time(0), |(at, _)| *at);
        self.flights.push_back((at.max(last), bytes));
    }

    fn landed(&mut self, now: Time) -> Option<Vec<u8>> {
        if self.flights.front()?.0 > now {
            return None;
        }
        self.flights.pop_front().map(|(_, bytes)| bytes)
    }
}

fn bits_of(round: u64) -> [u8; 1] {
    [(Random(round).word() & 0b1111) as u8]
}

fn answer(parity: &[u64; 2]) -> Commit<'_> {
    let parity_list = (&parity[..]).into();
    Commit { cell: CellId(parity[0]), hops: Hops::default(), parity: parity_list, marks: (&[][..]).into() }
}
