//! The controller's side of a session.

use crate::agreement::Agreement;
use crate::clock::Time;
use crate::commits::{Commit, Marks};
use crate::error::{Error, Scope};
use crate::fault::Fault;
use crate::flow::{Batch, Flow};
use crate::greeting::{Hello, Welcome};
use crate::header::{FLAG_LAST, FLAG_LATE, FLAG_SKIP, FrameType, HANDSHAKE_VERSION, Header};
use crate::ids::{Epoch, Round, Sequence, SessionId, StreamId, Token};
use crate::input::Input;
use crate::limits::LAYERS_MAX;
use crate::link::{Link, Side};
use crate::options::Options;
use crate::rounds::Layer;
use crate::session::Session;
use crate::streams::{Assign, Closed, Credit, Open};
use crate::table::{StreamState, Table};
use crate::weights::Weights;

/// A session as the controller sees it.
pub type ClientSession = Session<ClientSide>;

/// What only the controller's side of a session has.
#[derive(Debug)]
pub struct ClientSide {
    streams: Table<Stream>,
    /// A stream may have run out of credit of which the caller has had no event.
    starved: bool,
    /// The caller has closed the session.
    is_closing: bool,
}

/// What happened to a client.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum ClientEvent<'a> {
    /// The session has begun, or goes on over a new connection.
    Established {
        /// Whether it goes on.
        resumed: bool,
    },
    /// The node takes the stream.
    Opened {
        /// The stream.
        stream: StreamId,
        /// Rounds that may be sent.
        credit: u64,
    },
    /// A cell is decided.
    Commit {
        /// The stream.
        stream: StreamId,
        /// The epoch in which it was decided, which is the current one.
        epoch: Epoch,
        /// The round from which the layers of the marks count.
        round: Round,
        /// Whether it comes after its deadline.
        is_late: bool,
        /// When the node made the frame, by its clock.
        sent: Time,
        /// The answer.
        commit: Commit<'a>,
    },
    /// A cell was decided in an epoch that is over: not an answer.
    StaleCommit {
        /// The stream.
        stream: StreamId,
        /// The epoch that is over.
        epoch: Epoch,
        /// What was answered.
        commit: Commit<'a>,
    },
    /// More rounds may be sent.
    Credit {
        /// The stream.
        stream: StreamId,
        /// How many rounds may be sent now.
        credit: u64,
    },
    /// The credit is used up, or was too little for the rounds just offered. There is one such event until more is
    /// granted.
    OutOfCredit {
        /// The stream.
        stream: StreamId,
    },
    /// The node has ended the stream. Close it.
    StreamError {
        /// The stream.
        stream: StreamId,
        /// Why.
        fault: Fault<'a>,
    },
    /// The stream, or without one the session, has ended in good order.
    Closed {
        /// The stream.
        stream: Option<StreamId>,
        /// What was left open.
        closed: Closed<'a>,
    },
    /// The node does not begin or resume the session. It has ended.
    Refused(Fault<'a>),
    /// The node has ended the session.
    PeerError(Fault<'a>),
    /// The connection is of no use any more: drop it, and connect again.
    ConnectionLost(Error),
    /// The session has ended. An ERROR frame goes to the node if there is a connection.
    Failed(Error),
}

/// Rounds to be sent.
#[derive(Debug, Clone, Copy)]
pub struct RoundsBatch<'a> {
    /// The round of the first layer.
    pub first_round: Round,
    /// The layers; at least one.
    pub layers: &'a [Layer<'a>],
    /// Rounds before these are left out on purpose. Otherwise they follow the ones before without a gap.
    pub skips: bool,
    /// The last of these layers is the last of the stream.
    pub is_last: bool,
}

#[derive(Debug)]
struct Stream {
    state: StreamState,
    flow: Flow,
    parity_words: usize,
    starvation: Starvation,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Starvation {
    None,
    Unreported,
    Reported,
}

impl ClientSession {
    /// A session without a connection.
    pub fn new(options: &Options, now: Time) -> Result<Self, Error> {
        let link = Link::new(Side::Client, options, now)?;
        let input = Input::new(options.frame_bytes_max());
        let side = ClientSide { streams: Table::new(), starved: false, is_closing: false };
        Ok(Self { link, input, token: Token::NONE, side })
    }

    /// A new connection is there: begin the session over it, or resume it.
    pub fn connect(&mut self, now: Time) -> Result<(), Error> {
        self.link.observe(now);
        if self.link.has_ended() {
            return Err(Error::SessionEnded);
        }
        self.input.clear();
        let options = self.link.options();
        let hello = Hello {
            versions: options.versions,
            features: options.features,
            features_required: options.features_required,
            token: self.token,
            wanted: self.link.wanted(),
            heartbeat_ns: options.heartbeat_ns,
            payload_bytes_max: options.payload_bytes_max,
        };
        let session = self.link.agreement().map_or(SessionId(0), |agreement| agreement.session);
        self.link.greet(session, hello);
        Ok(())
    }

    /// What happened next.
    pub fn poll_event(&mut self) -> Option<ClientEvent<'_>> {
        if let Some(stream) = self.take_starved() {
            return Some(ClientEvent::OutOfCredit { stream });
        }
        if let Some(error) = self.link.take_notice() {
            return Some(ClientEvent::of_notice(error));
        }
        let Some((header, payload)) = self.link.arrive(&mut self.input) else {
            return self.link.take_notice().map(ClientEvent::of_notice);
        };
        let payload = self.input.payload(payload);
        match deliver(&mut self.link, &mut self.side.streams, &mut self.token, &header, payload) {
            Ok(event) => Some(event),
            Err(error) => {
                self.link.fail(error);
                self.link.take_notice().map(ClientEvent::of_notice)
            }
        }
    }

    /// Begins a stream. Its number may be that of a stream that has been closed.
    pub fn open(&mut self, stream: StreamId, open: &Open, now: Time) -> Result<Sequence, Error> {
        self.link.observe(now);
        let streams_max = self.link.agreement().ok_or(Error::NotEstablished)?.streams_max;
        if self.side.is_closing {
            return Err(Error::SessionEnded);
        }
        if !open.is_valid() || stream.0 == 0 {
            return Err(Error::BadArgument);
        }
        let place = self.side.streams.check_insert(stream, streams_max)?;
        let sequence = self.link.send(Header::new(FrameType::Open), Some(stream), open)?;
        let (flow, parity_words) = (Flow::new(open.widths.clone()), open.parity_words());
        let (state, starvation) = (StreamState::Opening, Starvation::None);
        self.side.streams.insert(place, stream, Stream { state, flow, parity_words, starvation });
        Ok(sequence)
    }

    /// Assigns cells of the stream to the node, which owns these and no others from here on; its rounds begin at
    /// `round`. The epoch is above the one before.
    pub fn assign(
        &mut self,
        stream: StreamId,
        epoch: Epoch,
        round: Round,
        assign: &Assign<'_>,
        now: Time,
    ) -> Result<Sequence, Error> {
        self.link.observe(now);
        let flow = &mut live(&mut self.side.streams, stream)?.flow;
        flow.check_assign(epoch)?;
        if !assign.is_valid() {
            return Err(Error::BadArgument);
        }
        let header = Header { epoch, round, ..Header::new(FrameType::Assign) };
        let sequence = self.link.send(header, Some(stream), assign)?;
        flow.assign(epoch, round)?;
        Ok(sequence)
    }

    /// Sends rounds in the current epoch. Nothing is sent if the credit does not cover all of them.
    ///
    /// An acknowledgement means that they have arrived, not that they are committed. The caller keeps them until
    /// they are.
    pub fn send_rounds(
        &mut self,
        stream: StreamId,
        batch: RoundsBatch<'_>,
        now: Time,
    ) -> Result<Sequence, Error> {
        self.link.observe(now);
        let RoundsBatch { first_round, layers, skips, is_last } = batch;
        let Stream { flow, starvation, .. } = live(&mut self.side.streams, stream)?;
        let count_fits = (1..=LAYERS_MAX as usize).contains(&layers.len());
        if !count_fits || !layers.iter().all(Layer::is_valid) {
            return Err(Error::BadArgument);
        }
        flow.check_assigned()?;
        let batch = Batch { first_round, count: layers.len(), skips, is_last };
        let position = match flow.check_rounds(batch, layers.iter().copied()) {
            Ok(position) => position,
            Err(Error::CreditExceeded) => {
                self.side.starved |= starvation.begin();
                return Err(Error::OutOfCredit);
            }
            Err(error) => return Err(error),
        };
        let flags = if skips { FLAG_SKIP } else { 0 } | if is_last { FLAG_LAST } else { 0 };
        let header =
            Header { flags, epoch: flow.epoch(), round: first_round, ..Header::new(FrameType::Rounds) };
        let sequence = self.link.send(header, Some(stream), layers)?;
        flow.advance(position);
        if flow.credit() == 0 && !is_last {
            self.side.starved |= starvation.begin();
        }
        Ok(sequence)
    }

    /// Passes on the marks of a cell that another node committed; their layers count from
    /// `round`.
    pub fn send_marks(
        &mut self,
        stream: StreamId,
        round: Round,
        marks: &Marks<'_>,
        now: Time,
    ) -> Result<Sequence, Error> {
        self.link.observe(now);
        let flow = &live(&mut self.side.streams, stream)?.flow;
        flow.check_assigned()?;
        if !marks.is_valid() {
            return Err(Error::BadArgument);
        }
        let header = Header { epoch: flow.epoch(), round, ..Header::new(FrameType::Marks) };
        self.link.send(header, Some(stream), marks)
    }

    /// Sends weights, or some of their factors, for cells that begin in `round` or in one of the rounds after it. They hold
    /// whatever the epoch is.
    pub fn send_weights(
        &mut self,
        stream: StreamId,
        round: Round,
        weights: &Weights<'_>,
        now: Time,
    ) -> Result<Sequence, Error> {
        self.link.observe(now);
        live(&mut self.side.streams, stream)?;
        if !weights.is_valid() || round.0.checked_add(weights.rounds).is_none() {
            return Err(Error::BadArgument);
        }
        let header = Header { round, ..Header::new(FrameType::Weights) };
        self.link.send(header, Some(stream), weights)
    }

    /// Asks the node to end a stream, or without one the session. It may commit some more first.
    pub fn close(&mut self, stream: Option<StreamId>, now: Time) -> Result<Sequence, Error> {
        self.link.observe(now);
        if self.side.is_closing {
            return Err(Error::SessionEnded);
        }
        if let Some(id) = stream
            && self.side.streams.find(id)?.state == StreamState::Closing
        {
            return Err(Error::StreamEnded);
        }
        let nothing: &[u8] = &[];
        let sequence = self.link.send(Header::new(FrameType::Close), stream, nothing)?;
        self.side.is_closing = stream.is_none();
        for (id, open) in self.side.streams.iter_mut() {
            if stream.is_none_or(|stream| stream == id) {
                open.state = StreamState::Closing;
            }
        }
        Ok(sequence)
    }

    /// How many rounds may be sent on a stream now.
    pub fn credit(&mut self, stream: StreamId) -> Result<u64, Error> {
        self.side.streams.find(stream).map(|stream| stream.flow.credit())
    }

    /// Whether the session has ended. There may be last words to send.
    pub fn has_ended(&self) -> bool {
        self.link.has_ended()
    }

    /// Whether the session has ended and everything about that has been sent.
    pub fn is_finished(&self) -> bool {
        self.link.has_ended() && self.link.is_drained()
    }

    fn take_starved(&mut self) -> Option<StreamId> {
        if !self.side.starved || self.link.has_ended() {
            return None;
        }
        let unreported =
            self.side.streams.iter_mut().find(|(_, stream)| stream.starvation == Starvation::Unreported);
        self.side.starved = unreported.is_some();
        unreported.map(|(id, stream)| {
            stream.starvation = Starvation::Reported;
            id
        })
    }
}

impl ClientEvent<'_> {
    fn of_notice(error: Error) -> Self {
        match error.scope() {
            Scope::Connection | Scope::Frame => Self::ConnectionLost(error),
            _ => Self::Failed(error),
        }
    }
}

impl Starvation {
    /// Whether the caller is owed an event.
    fn begin(&mut self) -> bool {
        if *self == Self::None {
            *self = Self::Unreported;
        }
        *self == Self::Unreported
    }
}

/// A stream on which the client may still send.
fn live(streams: &mut Table<Stream>, id: StreamId) -> Result<&mut Stream, Error> {
    let stream = streams.find(id)?;
    match stream.state {
        StreamState::Opening | StreamState::Open => Ok(stream),
        StreamState::Ended | StreamState::Closing => Err(Error::StreamEnded),
    }
}

/// Turns a frame for the session into an event.
fn deliver<'a>(
    link: &mut Link,
    streams: &mut Table<Stream>,
    token: &mut Token,
    header: &Header,
    payload: &'a [u8],
) -> Result<ClientEvent<'a>, Error> {
    match header.frame_type {
        FrameType::Welcome => welcome(link, token, header, &Welcome::decode(payload)?),
        FrameType::Refuse => {
            let fault = Fault::decode(payload)?;
            link.end();
            Ok(ClientEvent::Refused(fault))
        }
        FrameType::Error => {
            let fault = Fault::decode(payload)?;
            link.end();
            Ok(ClientEvent::PeerError(fault))
        }
        FrameType::Opened => {
            let stream = streams.find(header.stream)?;
            if stream.state == StreamState::Opening {
                stream.state = StreamState::Open;
            }
            stream.flow.grant(Credit::decode(payload)?.rounds)?;
            stream.starvation = Starvation::None;
            Ok(ClientEvent::Opened { stream: header.stream, credit: stream.flow.credit() })
        }
        FrameType::Credit => {
            let stream = streams.find(header.stream)?;
            stream.flow.grant(Credit::decode(payload)?.rounds)?;
            stream.starvation = Starvation::None;
            Ok(ClientEvent::Credit { stream: header.stream, credit: stream.flow.credit() })
        }
        FrameType::Commit => commit(link, streams.find(header.stream)?, header, payload),
        FrameType::StreamError => {
            let stream = streams.find(header.stream)?;
            if stream.state != StreamState::Closing {
                stream.state = StreamState::Ended;
            }
            Ok(ClientEvent::StreamError { stream: header.stream, fault: Fault::decode(payload)? })
        }
        FrameType::Closed => closed(link, streams, header.stream, payload),
        _ => Err(Error::OutOfState),
    }
}

fn welcome<'a>(
    link: &mut Link,
    token: &mut Token,
    header: &Header,
    welcome: &Welcome,
) -> Result<ClientEvent<'a>, Error> {
    let options = link.options();
    let features_fit =
        welcome.features & !options.features == 0 && options.features_required & !welcome.features == 0;
    if header.version != HANDSHAKE_VERSION || header.session.0 == 0 {
        return Err(Error::BadParameters);
    }
    if !options.versions.contains(welcome.version) {
        return Err(Error::VersionMismatch);
    }
    if !features_fit {
        return Err(Error::FeatureMissing);
    }
    let agreement = Agreement {
        session: header.session,
        version: welcome.version,
        features: welcome.features,
        heartbeat_ns: welcome.heartbeat_ns.max(options.heartbeat_ns),
        payload_bytes_max: welcome.payload_bytes_max,
        streams_max: welcome.streams_max,
    };
    let resumed = link.agreement().is_some();
    if link.agreement().is_some_and(|before| *before != agreement) {
        return Err(Error::BadParameters);
    }
    link.establish(agreement, welcome.wanted, None)?;
    *token = welcome.token;
    Ok(ClientEvent::Established { resumed })
}

fn commit<'a>(
    link: &mut Link,
    stream: &Stream,
    header: &Header,
    payload: &'a [u8],
) -> Result<ClientEvent<'a>, Error> {
    let commit = Commit::decode(payload)?;
    let (id, epoch) = (header.stream, header.epoch);
    if commit.parity.len() != stream.parity_words {
        return Err(Error::WrongWidth);
    }
    if epoch > stream.flow.epoch() {
        return Err(Error::WrongEpoch);
    }
    if epoch < stream.flow.epoch() {
        link.count_stale_commit();
        return Ok(ClientEvent::StaleCommit { stream: id, epoch, commit });
    }
    Ok(ClientEvent::Commit {
        stream: id,
        epoch,
        round: header.round,
        is_late: header.has(FLAG_LATE),
        sent: header.send_time,
        commit,
    })
}

fn closed<'a>(
    link: &mut Link,
    streams: &mut Table<Stream>,
    id: StreamId,
    payload: &'a [u8],
) -> Result<ClientEvent<'a>, Error> {
    let closed = Closed::decode(payload)?;
    if id.0 == 0 {
        link.end_acknowledged();
        return Ok(ClientEvent::Closed { stream: None, closed });
    }
    if streams.find(id)?.state != StreamState::Closing {
        return Err(Error::OutOfState);
    }
    streams.remove(id);
    Ok(ClientEvent::Closed { stream: Some(id), closed })
}
