//! A session whose other side is hostile, and whose own side and clock do what the script wants.
//!
//! Whatever comes: room is made for more, what is sent is whole frames, counters only grow, timers that ran are not due
//! at once again, and a session that has ended stays silent.

use outrider_wire::limits::{PAYLOAD_BYTES_MAX, PAYLOAD_BYTES_MIN};
use outrider_wire::{
    Assign, CellId, ClientEvent, ClientSession, Closed, Commit, Counters, Decoded, Epoch, Error, Fault,
    FrameType, Handshake, Hops, Layer, List, Marks, Options, Round, RoundsBatch, ServerEvent, ServerSession,
    SessionId, StreamId, Time, Token, decode_frame,
};

use crate::forge::{Forger, any_open};
use crate::script::Script;

const SESSION: SessionId = SessionId(5);
const TOKEN: Token = Token([1; 16]);
/// Room for every frame here.
pub(crate) const OUT_BYTES: usize = 4096;
/// A frame that ends what it is about and its answers, so many times that a drained session has nothing left to say.
const TRANSMISSIONS_MAX: usize = 64;
/// Timers that are due at once one after the other: acknowledgement, repair, heartbeat, silence, the end.
const TIMERS_MAX: usize = 8;

/// A node's side, at first with a stream that the client has opened.
pub(crate) fn run_server(data: &[u8]) {
    let mut script = Script::new(data);
    let mut forger = forger();
    let options = small();
    let hello = forger.frame_of(FrameType::Hello, &mut Script::new(&[]));
    let (_, greeted) = Handshake::new(&options, Time(0)).receive(&hello, Time(0)).expect("a good HELLO");
    let greeted = greeted.expect("a whole HELLO");
    let server =
        ServerSession::accept(&options, &greeted, SESSION, TOKEN, Time(0)).expect("both sides agree");
    forger.session = SESSION;
    forger.token = TOKEN;
    let mut watched = Watched::new(server);
    while let Some(action) = script.next() {
        watched.step(action, &mut forger, &mut script);
    }
}

/// A controller's side, from its first connection on.
pub(crate) fn run_client(data: &[u8]) {
    let mut script = Script::new(data);
    let mut forger = forger();
    forger.session = SESSION;
    forger.token = TOKEN;
    let mut client = ClientSession::new(&small(), Time(0)).expect("the options are good");
    client.connect(Time(0)).expect("the session is new");
    let mut watched = Watched::new(client);
    while let Some(action) = script.next() {
        watched.step(action, &mut forger, &mut script);
    }
}

/// Little memory, so that its limits are reached.
pub(crate) fn small() -> Options {
    Options { payload_bytes_max: PAYLOAD_BYTES_MIN, retained_bytes: OUT_BYTES, ..Options::default() }
}

fn forger() -> Forger {
    Forger::new(any_open())
}

/// What both sides have in common, as far as it matters here.
trait Session {
    fn receive(&mut self, bytes: &[u8], now: Time) -> usize;
    fn transmit(&mut self, out: &mut [u8], now: Time) -> usize;
    fn on_timer(&mut self, now: Time);
    fn next_timer(&self) -> Option<Time>;
    fn connection_lost(&mut self, now: Time);
    fn counters(&self) -> Counters;
    fn is_finished(&self) -> bool;

    /// Takes an event; tells whether it ended the session.
    fn take_event(&mut self) -> Option<bool>;

    /// Tries to go on over a new connection.
    fn resume(&mut self, forger: &mut Forger, script: &mut Script<'_>, now: Time) -> Result<(), Error>;

    /// Does what its owner might want.
    fn act(&mut self, script: &mut Script<'_>, now: Time);
}

struct Watched<S> {
    session: S,
    now: Time,
    has_ended: bool,
    counters: Counters,
    out: Vec<u8>,
    /// What has come and was not offered yet.
    pending: Vec<u8>,
}

impl<S: Session> Watched<S> {
    fn new(session: S) -> Self {
        let counters = session.counters();
        let out = vec![0; OUT_BYTES];
        Self { session, now: Time(0), has_ended: false, counters, out, pending: Vec::new() }
    }

    fn step(&mut self, action: u8, forger: &mut Forger, script: &mut Script<'_>) {
        match action % 16 {
            0..8 => {
                self.pending.extend(forger.frame(script));
                if action & 16 == 0 {
                    self.hear(usize::MAX);
                }
            }
            8 => {
                self.pending.extend_from_slice(script.some_bytes());
                self.hear(1 + usize::from(script.byte()));
            }
            9 => {
                self.now = Time(self.now.0.wrapping_add(script.number()));
                self.session.on_timer(self.now);
            }
            10 => self.session.connection_lost(self.now),
            11 => {
                let resumed = self.session.resume(forger, script, self.now);
                assert!(resumed.is_err() || !self.has_ended, "an ended session goes on");
                self.pending.clear();
            }
            12 => self.say(usize::from(script.byte())),
            _ => self.session.act(script, self.now),
        }
        self.take_events();
        if action & 32 == 0 {
            self.say(OUT_BYTES);
        }
        self.check();
    }

    /// Offers what has come, in pieces.
    fn hear(&mut self, piece: usize) {
        let bytes = std::mem::take(&mut self.pending);
        for mut bytes in bytes.chunks(piece.min(bytes.len()).max(1)) {
            while !bytes.is_empty() {
                let count = self.session.receive(bytes, self.now);
                assert!(0 < count && count <= bytes.len(), "there is room once all events are taken");
                bytes = &bytes[count..];
                self.take_events();
            }
        }
    }

    fn take_events(&mut self) {
        while let Some(is_end) = self.session.take_event() {
            assert!(!self.has_ended, "an event after the end");
            self.has_ended = is_end;
        }
    }

    /// Sends all there is, with room for so many bytes at a time.
    fn say(&mut self, room: usize) {
        for _ in 0..TRANSMISSIONS_MAX {
            let count = self.session.transmit(&mut self.out[..room], self.now);
            let mut sent = &self.out[..count];
            while !sent.is_empty() {
                let Ok(Decoded::Frame { header, .. }) = decode_frame(sent, PAYLOAD_BYTES_MAX) else {
                    panic!("what is sent is no frame");
                };
                sent = &sent[header.frame_bytes()..];
            }
            if count == 0 {
                return;
            }
        }
        panic!("it talks without end");
    }

    fn check(&mut self) {
        let counters = self.session.counters();
        assert!(has_grown(&self.counters, &counters), "{:?} became {counters:?}", self.counters);
        self.counters = counters;
        assert!(!self.has_ended || self.session.next_timer().is_none(), "a timer after the end");
        let mut timers = 0;
        while self.session.next_timer().is_some_and(|due| due <= self.now) {
            assert!(timers < TIMERS_MAX, "a timer that ran is due again");
            timers += 1;
            self.session.on_timer(self.now);
            self.take_events();
        }
        let is_finished = self.session.is_finished();
        self.session.on_timer(self.now);
        assert!(!is_finished || self.session.is_finished(), "what is finished goes on");
    }
}

fn has_grown(before: &Counters, after: &Counters) -> bool {
    let all = |counters: &Counters| {
        [
            counters.frames,
            counters.duplicates,
            counters.broken_payloads,
            counters.early,
            counters.repairs_asked,
            counters.repairs_made,
            counters.resumptions,
            counters.clock_steps_back,
            counters.stale_commits,
        ]
    };
    all(before).iter().zip(all(after)).all(|(before, after)| *before <= after)
}

impl Session for ServerSession {
    fn receive(&mut self, bytes: &[u8], now: Time) -> usize {
        self.receive(bytes, now)
    }

    fn transmit(&mut self, out: &mut [u8], now: Time) -> usize {
        self.transmit(out, now)
    }

    fn on_timer(&mut self, now: Time) {
        self.on_timer(now);
    }

    fn next_timer(&self) -> Option<Time> {
        self.next_timer()
    }

    fn connection_lost(&mut self, now: Time) {
        self.connection_lost(now);
    }

    fn counters(&self) -> Counters {
        self.counters()
    }

    fn is_finished(&self) -> bool {
        self.is_finished()
    }

    fn take_event(&mut self) -> Option<bool> {
        self.poll_event().map(|event| matches!(event, ServerEvent::PeerError(_) | ServerEvent::Failed(_)))
    }

    fn resume(&mut self, forger: &mut Forger, script: &mut Script<'_>, now: Time) -> Result<(), Error> {
        let hello = forger.frame_of(FrameType::Hello, script);
        let greeted = Handshake::new(&small(), now).receive(&hello, now)?.1;
        let greeted = greeted.ok_or(Error::HandshakeMisplaced)?;
        let token = greeted.hello().token;
        let resumed = self.resume(&greeted, now);
        assert!(resumed.is_err() || token.matches(&TOKEN), "resumed without the token");
        resumed.map_err(|fault| fault.error().unwrap_or(Error::BadArgument))
    }

    fn act(&mut self, script: &mut Script<'_>, now: Time) {
        let stream = StreamId(script.byte().into());
        let _ = match script.byte() % 6 {
            0 | 1 => self.accept_stream(stream, script.number(), now),
            2 => self.grant(stream, script.number(), now),
            3 => self.refuse_stream(stream, &Fault::new(Error::StreamRefused, "no"), now),
            4 => {
                let parity = [script.number(), 1];
                let (cell, hops) = (CellId(script.number()), Hops::default());
                let (parity, marks) = (List::from(&parity[..]), List::from(&[][..]));
                let commit = Commit { cell, hops, parity, marks };
                self.send_commit(stream, Epoch(script.byte().into()), Round(0), script.bit(), &commit, now)
            }
            _ => {
                let closed = Closed { code: 0, open_count: 0, open_cells: List::from(&[][..]) };
                self.closed((stream.0 != 0).then_some(stream), &closed, now)
            }
        };
    }
}

impl Session for ClientSession {
    fn receive(&mut self, bytes: &[u8], now: Time) -> usize {
        self.receive(bytes, now)
    }

    fn transmit(&mut self, out: &mut [u8], now: Time) -> usize {
        self.transmit(out, now)
    }

    fn on_timer(&mut self, now: Time) {
        self.on_timer(now);
    }

    fn next_timer(&self) -> Option<Time> {
        self.next_timer()
    }

    fn connection_lost(&mut self, now: Time) {
        self.connection_lost(now);
    }

    fn counters(&self) -> Counters {
        self.counters()
    }

    fn is_finished(&self) -> bool {
        self.is_finished()
    }

    fn take_event(&mut self) -> Option<bool> {
        self.poll_event().map(|event| {
            matches!(
                event,
                ClientEvent::Refused(_)
                    | ClientEvent::PeerError(_)
                    | ClientEvent::Failed(_)
                    | ClientEvent::Closed { stream: None, .. }
            )
        })
    }

    fn resume(&mut self, _: &mut Forger, _: &mut Script<'_>, now: Time) -> Result<(), Error> {
        self.connect(now)
    }

    fn act(&mut self, script: &mut Script<'_>, now: Time) {
        let stream = StreamId(script.byte().into());
        let _ = match script.byte() % 6 {
            0 | 1 => self.open(stream, &any_open(), now),
            2 => {
                let assign = Assign { cells: List::from(&[][..]) };
                self.assign(stream, Epoch(script.byte().into()), Round(script.number()), &assign, now)
            }
            3 => {
                let first_round = script.number();
                let width = any_open().widths.of_round(Round(first_round));
                let layers = [Layer { bit_count: width, bits: &[0b1010] }];
                let (skips, is_last) = (script.bit(), script.bit());
                let batch = RoundsBatch { first_round: Round(first_round), layers: &layers, skips, is_last };
                self.send_rounds(stream, batch, now)
            }
            4 => {
                let marks = Marks { cell: CellId(script.number()), marks: List::from(&[][..]) };
                self.send_marks(stream, Round(script.number()), &marks, now)
            }
            _ => self.close((stream.0 != 0).then_some(stream), now),
        };
    }
}
