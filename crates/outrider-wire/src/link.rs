//! What client and server have in common: a numbered stream of frames in each direction that survives broken
//! payloads and broken connections, and the heartbeats by which a dead peer is noticed.
//!
//! Repair and resumption are one rule: the receiver names the next sequence number it needs, and the sender
//! goes on from there. A receiver keeps nothing that comes early, so its memory is bounded by one frame.
//! Control frames are flags here, made when they are sent; none of them can queue up.

use std::ops::Range;

use crate::agreement::Agreement;
use crate::clock::{SteadyClock, Time};
use crate::control::{Ack, Beat, Nak};
use crate::counters::Counters;
use crate::error::{Error, Scope};
use crate::fault::Fault;
use crate::frame::{Decoded, Payload, decode_frame, write_frame};
use crate::greeting::{Hello, Welcome};
use crate::header::{FrameType, Header};
use crate::ids::{Sequence, SessionId, StreamId};
use crate::input::Input;
use crate::limits::{ACKNOWLEDGE_FRAMES, REPAIRS_MAX, RETAINED_FRAMES_MAX};
use crate::options::Options;
use crate::outbox::Outbox;

/// Which half of the protocol this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// A handshake frame to be sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Greeting {
    Hello(SessionId, Hello),
    Welcome(Welcome),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Never connected.
    Idle,
    /// HELLO is on its way; WELCOME must come by then. An attempt does not prolong the life of a session.
    Greeting {
        until: Time,
        resume_until: Option<Time>,
    },
    Up,
    /// Without a connection; another must come by then.
    Down {
        until: Time,
    },
    Ended,
}

/// Control frames to be sent.
#[derive(Debug, Default)]
struct Pending {
    greeting: Option<Greeting>,
    fault: Option<Error>,
    pong: Option<u64>,
    nak: Option<Error>,
    ack: bool,
    ping: bool,
}

/// Deadlines, by the steady clock.
#[derive(Debug, Default)]
struct Timers {
    ping: Time,
    silence: Time,
    ack: Option<Time>,
    nak: Option<Time>,
}

#[derive(Debug)]
pub(crate) struct Link {
    side: Side,
    options: Options,
    clock: SteadyClock,
    /// When the session was made; its PINGs carry the time since then.
    made: Time,
    state: State,
    agreement: Option<Agreement>,
    outbox: Outbox,
    /// The sequence number wanted next.
    wanted: u64,
    /// Sequenced frames received since the last acknowledgement.
    unacknowledged: u32,
    pending: Pending,
    timers: Timers,
    /// How often the frame wanted next was asked for.
    repairs: u32,
    /// The frame that the other side asked for last, and how often.
    asked: (Sequence, u32),
    /// The end of the connection or session, until the caller has taken the event or has gone on.
    notice: Option<Error>,
    round_trip_ns: Option<u64>,
    counters: Counters,
}

impl Link {
    pub(crate) fn new(side: Side, options: &Options, now: Time) -> Result<Self, Error> {
        options.check()?;
        Ok(Self {
            side,
            options: options.clone(),
            clock: SteadyClock::new(now),
            made: now,
            state: State::Idle,
            agreement: None,
            outbox: Outbox::new(options.retained_bytes),
            wanted: 1,
            unacknowledged: 0,
            pending: Pending::default(),
            timers: Timers::default(),
            repairs: 0,
            asked: (Sequence(0), 0),
            notice: None,
            round_trip_ns: None,
            counters: Counters::default(),
        })
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn agreement(&self) -> Option<&Agreement> {
        self.agreement.as_ref()
    }

    pub(crate) fn counters(&self) -> Counters {
        Counters { clock_steps_back: self.clock.steps_back(), ..self.counters }
    }

    pub(crate) fn count_stale_commit(&mut self) {
        self.counters.stale_commits += 1;
    }

    pub(crate) fn round_trip_ns(&self) -> Option<u64> {
        self.round_trip_ns
    }

    /// The sequence number wanted next.
    pub(crate) fn wanted(&self) -> Sequence {
        Sequence(self.wanted)
    }

    /// The lowest sequence number that the other side has not acknowledged.
    pub(crate) fn unacknowledged(&self) -> Sequence {
        Sequence(self.outbox.first())
    }

    pub(crate) fn is_connected(&self) -> bool {
        matches!(self.state, State::Greeting { .. } | State::Up)
    }

    pub(crate) fn is_greeting(&self) -> bool {
        matches!(self.state, State::Greeting { .. })
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// Whether everything has been sent, and acknowledged unless the session has ended.
    pub(crate) fn is_drained(&self) -> bool {
        match self.state {
            State::Ended => self.pending.fault.is_none() && !self.pending.ack,
            _ => self.outbox.is_empty(),
        }
    }

    pub(crate) fn observe(&mut self, now: Time) {
        self.clock.observe(now);
    }

    /// What ended since the last call, if anything did.
    pub(crate) fn take_notice(&mut self) -> Option<Error> {
        self.notice.take()
    }
}

/// Connections.
impl Link {
    /// A client's new connection.
    pub(crate) fn greet(&mut self, session: SessionId, hello: Hello) {
        self.pending = Pending { greeting: Some(Greeting::Hello(session, hello)), ..Pending::default() };
        self.notice = None;
        let resume_until = match self.state {
            State::Down { until } => self.agreement.map(|_| until),
            State::Greeting { resume_until, .. } => resume_until,
            State::Idle | State::Up | State::Ended => None,
        };
        self.state = State::Greeting { until: self.clock.after(self.options.handshake_ns), resume_until };
    }

    /// The connection stands, and the other side needs the frames from `peer_wanted` on. Nothing changes on
    /// an error.
    pub(crate) fn establish(
        &mut self,
        agreement: Agreement,
        peer_wanted: Sequence,
        welcome: Option<Welcome>,
    ) -> Result<(), Error> {
        self.outbox.rewind(peer_wanted).map_err(|_| Error::ResumeImpossible)?;
        if self.agreement.replace(agreement).is_some() {
            self.counters.resumptions += 1;
        }
        self.pending = Pending { greeting: welcome.map(Greeting::Welcome), ..Pending::default() };
        self.timers = Timers { ping: self.clock.after(agreement.heartbeat_ns), ..Timers::default() };
        (self.unacknowledged, self.repairs, self.asked) = (0, 0, (Sequence(0), 0));
        self.notice = None;
        self.state = State::Up;
        self.restart_silence(&agreement);
        Ok(())
    }

    /// The connection has ended, and with it the chance to send a last frame.
    pub(crate) fn connection_lost(&mut self) {
        if self.is_connected() {
            self.fail(Error::ConnectionLost);
        } else {
            self.pending = Pending::default();
        }
    }

    /// Ends what the error ends.
    pub(crate) fn fail(&mut self, error: Error) {
        if self.has_ended() {
            return;
        }
        self.notice = Some(error);
        match error.scope() {
            Scope::Connection | Scope::Frame => {
                self.pending = Pending::default();
                let until = match self.state {
                    State::Greeting { resume_until: Some(until), .. } => until,
                    _ => self.clock.after(self.options.resume_ns),
                };
                self.state = State::Down { until };
            }
            _ => {
                let was_up = self.state == State::Up;
                self.end();
                self.pending.fault = was_up.then_some(error);
            }
        }
    }

    /// Ends the session without a notice.
    pub(crate) fn end(&mut self) {
        self.state = State::Ended;
        self.pending = Pending::default();
    }

    /// Ends the session with a last acknowledgement.
    pub(crate) fn end_acknowledged(&mut self) {
        self.end();
        self.pending.ack = true;
    }

    pub(crate) fn next_timer(&self) -> Option<Time> {
        let deadline = match self.state {
            State::Idle | State::Ended => return None,
            State::Greeting { until, .. } | State::Down { until } => until,
            State::Up => [self.timers.ack, self.timers.nak]
                .into_iter()
                .flatten()
                .fold(self.timers.ping.min(self.timers.silence), Time::min),
        };
        Some(self.clock.caller_time(deadline))
    }

    pub(crate) fn on_timer(&mut self) {
        let now = self.clock.time();
        match self.state {
            State::Greeting { until, .. } if now >= until => self.fail(Error::HandshakeTimeout),
            State::Down { until } if now >= until => self.fail(Error::ResumeExpired),
            State::Up if now >= self.timers.silence => self.fail(Error::PeerSilent),
            State::Up => self.on_timer_up(now),
            _ => {}
        }
    }

    fn on_timer_up(&mut self, now: Time) {
        if self.timers.ack.is_some_and(|deadline| now >= deadline) {
            self.acknowledge();
        }
        if self.timers.nak.is_some_and(|deadline| now >= deadline) {
            self.ask_again(Error::SequenceGap);
        }
        if now >= self.timers.ping {
            self.pending.ping = true;
            self.timers.ping = self.clock.after(self.heartbeat_ns());
        }
    }

    /// How long the session has been there.
    fn age_ns(&self) -> u64 {
        self.clock.time().since(self.made)
    }

    fn heartbeat_ns(&self) -> u64 {
        self.agreement.map_or(self.options.heartbeat_ns, |agreement| agreement.heartbeat_ns)
    }
}

/// Receiving.
impl Link {
    /// The next frame that is for the session rather than for the link, and where its payload stands.
    pub(crate) fn arrive(&mut self, input: &mut Input) -> Option<(Header, Range<usize>)> {
        while self.is_connected() && !input.unread().is_empty() {
            match self.take_frame(input) {
                Ok(Taken::Session(header, payload)) => return Some((header, payload)),
                Ok(Taken::Link) => {}
                Ok(Taken::Incomplete) => return None,
                Err(error) => self.fail(error),
            }
        }
        None
    }

    fn take_frame(&mut self, input: &mut Input) -> Result<Taken, Error> {
        let (header, payload) = match decode_frame(input.unread(), self.options.payload_bytes_max)? {
            Decoded::Incomplete { .. } => return Ok(Taken::Incomplete),
            Decoded::Frame { header, payload } => (header, payload),
            Decoded::BrokenPayload { header } => {
                input.take(&header);
                self.counters.broken_payloads += 1;
                self.check_header(&header)?;
                return self.broken(&header);
            }
        };
        self.check_header(&header)?;
        self.counters.frames += 1;
        if let Some(agreement) = self.agreement {
            self.restart_silence(&agreement);
        }
        let is_for_session = match header.frame_type {
            FrameType::Hello | FrameType::Welcome | FrameType::Refuse | FrameType::Error => true,
            FrameType::Ack => self.acknowledged(Ack::decode(payload)?.wanted).map(|()| false)?,
            FrameType::Nak => self.asked_again(&Nak::decode(payload)?).map(|()| false)?,
            FrameType::Ping | FrameType::Pong => {
                self.beat(header.frame_type, &Beat::decode(payload)?).map(|()| false)?
            }
            _ => self.in_order(header.sequence)?,
        };
        let payload = input.take(&header);
        Ok(if is_for_session { Taken::Session(header, payload) } else { Taken::Link })
    }

    /// Whether the frame belongs to this session, in this state and direction.
    fn check_header(&self, header: &Header) -> Result<(), Error> {
        let frame_type = header.frame_type;
        if self.is_greeting() {
            let answers = matches!(frame_type, FrameType::Welcome | FrameType::Refuse);
            return if answers { Ok(()) } else { Err(Error::HandshakeMisplaced) };
        }
        let Some(agreement) = self.agreement else { return Err(Error::OutOfState) };
        if frame_type.is_handshake() {
            Err(Error::HandshakeMisplaced)
        } else if header.version != agreement.version {
            Err(Error::WrongVersion)
        } else if header.session != agreement.session {
            Err(Error::WrongSession)
        } else if frame_type.is_sequenced() && frame_type.is_from_client() != (self.side == Side::Server) {
            Err(Error::WrongDirection)
        } else {
            Ok(())
        }
    }

    /// A broken control frame is made good by the next one of its kind; a handshake begins anew.
    fn broken(&mut self, header: &Header) -> Result<Taken, Error> {
        if header.frame_type.is_handshake() {
            return Err(Error::BadPayloadChecksum);
        }
        if header.frame_type.is_sequenced() && header.sequence >= self.wanted {
            self.check_window(header.sequence)?;
            if header.sequence == self.wanted || self.timers.nak.is_none() {
                self.ask_again(Error::BadPayloadChecksum);
            }
        }
        Ok(Taken::Link)
    }

    fn in_order(&mut self, sequence: u64) -> Result<bool, Error> {
        if sequence < self.wanted {
            self.counters.duplicates += 1;
            self.acknowledge_soon();
            return Ok(false);
        }
        self.check_window(sequence)?;
        if sequence > self.wanted {
            self.counters.early += 1;
            self.missing();
            return Ok(false);
        }
        self.wanted += 1;
        self.repairs = 0;
        self.timers.nak = None;
        self.pending.nak = None;
        self.unacknowledged += 1;
        if self.unacknowledged >= ACKNOWLEDGE_FRAMES {
            self.acknowledge();
        } else {
            self.acknowledge_soon();
        }
        Ok(true)
    }

    fn check_window(&self, sequence: u64) -> Result<(), Error> {
        let ahead = sequence.saturating_sub(self.wanted);
        if ahead < RETAINED_FRAMES_MAX as u64 { Ok(()) } else { Err(Error::SequenceBeyondWindow) }
    }

    fn acknowledge_soon(&mut self) {
        let deadline = self.clock.after(self.options.acknowledge_ns);
        self.timers.ack.get_or_insert(deadline);
    }

    fn acknowledge(&mut self) {
        self.pending.ack = true;
        self.timers.ack = None;
        self.unacknowledged = 0;
    }

    /// Frames before one that came are missing. One request is enough until its answer is overdue.
    fn missing(&mut self) {
        if self.timers.nak.is_none() {
            self.ask_again(Error::SequenceGap);
        }
    }

    fn ask_again(&mut self, reason: Error) {
        self.repairs += 1;
        if self.repairs > REPAIRS_MAX {
            self.fail(Error::RepairFailed);
            return;
        }
        self.counters.repairs_asked += 1;
        self.pending.nak = Some(reason);
        self.timers.nak = Some(self.clock.after(self.heartbeat_ns()));
    }

    fn acknowledged(&mut self, wanted: Sequence) -> Result<(), Error> {
        self.outbox.release(wanted)
    }

    fn asked_again(&mut self, nak: &Nak) -> Result<(), Error> {
        self.outbox.rewind(nak.wanted)?;
        let times = if self.asked.0 == nak.wanted { self.asked.1 + 1 } else { 1 };
        self.asked = (nak.wanted, times);
        self.counters.repairs_made += 1;
        if times > REPAIRS_MAX { Err(Error::RepairFailed) } else { Ok(()) }
    }

    fn beat(&mut self, frame_type: FrameType, beat: &Beat) -> Result<(), Error> {
        self.acknowledged(beat.wanted)?;
        if beat.next.0 > self.wanted {
            self.check_window(beat.next.0 - 1)?;
            self.missing();
        }
        if frame_type == FrameType::Ping {
            self.pending.pong = Some(beat.echo);
        } else {
            self.round_trip_ns = self.age_ns().checked_sub(beat.echo);
        }
        Ok(())
    }

    fn restart_silence(&mut self, agreement: &Agreement) {
        let patience = agreement.heartbeat_ns.saturating_mul(self.options.silent_heartbeats.into());
        self.timers.silence = self.clock.after(patience);
    }
}

/// Sending.
impl Link {
    /// Numbers a frame and keeps it until it is acknowledged. Works without a connection too.
    pub(crate) fn send(
        &mut self,
        mut header: Header,
        stream: Option<StreamId>,
        payload: &(impl Payload + ?Sized),
    ) -> Result<Sequence, Error> {
        let (Some(agreement), false) = (&self.agreement, self.has_ended()) else {
            return Err(Error::NotEstablished);
        };
        if payload.payload_bytes() > agreement.payload_bytes_max as usize {
            return Err(Error::BadArgument);
        }
        header.version = agreement.version;
        header.session = agreement.session;
        header.stream = stream.unwrap_or(StreamId(0));
        header.send_time = self.clock.shown();
        self.outbox.push(header, payload)
    }

    /// Fills `out` with as many whole frames as there are and fit; returns their bytes.
    pub(crate) fn transmit(&mut self, out: &mut [u8]) -> usize {
        let mut written = 0;
        while let Some(bytes) = self.transmit_frame(&mut out[written..]) {
            written += bytes;
        }
        if written != 0 && self.state == State::Up {
            self.timers.ping = self.clock.after(self.heartbeat_ns());
        }
        written
    }

    fn transmit_frame(&mut self, out: &mut [u8]) -> Option<usize> {
        if let Some(greeting) = self.pending.greeting {
            let bytes = self.put_greeting(greeting, out)?;
            self.pending.greeting = None;
            Some(bytes)
        } else if let Some(error) = self.pending.fault {
            let text = error.to_string();
            let bytes = self.put(FrameType::Error, &Fault::new(error, &text), out)?;
            self.pending.fault = None;
            Some(bytes)
        } else if let Some(echo) = self.pending.pong {
            let bytes = self.put(FrameType::Pong, &self.beat_now(echo), out)?;
            self.pending.pong = None;
            Some(bytes)
        } else if let Some(reason) = self.pending.nak {
            let nak = Nak { wanted: self.wanted(), code: reason.code().into() };
            let bytes = self.put(FrameType::Nak, &nak, out)?;
            self.pending.nak = None;
            Some(bytes)
        } else if self.pending.ack {
            let bytes = self.put(FrameType::Ack, &Ack { wanted: self.wanted() }, out)?;
            self.pending.ack = false;
            Some(bytes)
        } else if self.pending.ping {
            let bytes = self.put(FrameType::Ping, &self.beat_now(self.age_ns()), out)?;
            self.pending.ping = false;
            Some(bytes)
        } else if self.state == State::Up {
            self.outbox.send(out)
        } else {
            None
        }
    }

    fn beat_now(&self, echo: u64) -> Beat {
        Beat { echo, wanted: self.wanted(), next: self.outbox.cursor() }
    }

    fn put_greeting(&self, greeting: Greeting, out: &mut [u8]) -> Option<usize> {
        let send_time = self.clock.shown();
        match greeting {
            Greeting::Hello(session, hello) => {
                write_frame(Header { session, send_time, ..Header::new(FrameType::Hello) }, &hello, out)
            }
            Greeting::Welcome(welcome) => {
                let session = self.agreement?.session;
                write_frame(Header { session, send_time, ..Header::new(FrameType::Welcome) }, &welcome, out)
            }
        }
    }

    fn put(&self, frame_type: FrameType, payload: &impl Payload, out: &mut [u8]) -> Option<usize> {
        let Agreement { session, version, .. } = self.agreement?;
        let send_time = self.clock.shown();
        write_frame(Header { session, version, send_time, ..Header::new(frame_type) }, payload, out)
    }
}

/// What became of the bytes at the front of the input.
enum Taken {
    Session(Header, Range<usize>),
    Link,
    Incomplete,
}
