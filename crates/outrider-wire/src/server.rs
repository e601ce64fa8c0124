//! The node's side of a session.

use crate::agreement::Agreement;
use crate::clock::Time;
use crate::commits::{Commit, Marks};
use crate::error::{Error, Scope};
use crate::fault::Fault;
use crate::flow::{Batch, Flow};
use crate::greeting::Welcome;
use crate::handshake::Greeted;
use crate::header::{FLAG_LAST, FLAG_LATE, FLAG_SKIP, FrameType, Header};
use crate::ids::{Epoch, Round, Sequence, SessionId, StreamId, Token};
use crate::input::Input;
use crate::link::{Link, Side};
use crate::options::Options;
use crate::rounds::Rounds;
use crate::session::Session;
use crate::streams::{Assign, Closed, Credit, Open};
use crate::table::{StreamState, Table};
use crate::weights::Weights;

/// A session as the node sees it. It begins with a [`Handshake`](crate::Handshake), which finds the session that a
/// connection is for.
pub type ServerSession = Session<ServerSide>;

/// What only the node's side of a session has.
#[derive(Debug)]
pub struct ServerSide {
    streams: Table<Stream>,
    state: SessionState,
}

/// What happened to a server.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ServerEvent<'a> {
    /// The client begins a stream: accept or refuse it.
    Open {
        /// The stream.
        stream: StreamId,
        /// What it is about.
        open: Open,
    },
    /// This node owns these cells and no others from here on. What it has begun in an older epoch is void.
    Assign {
        /// The stream.
        stream: StreamId,
        /// The new epoch.
        epoch: Epoch,
        /// The round with which the next rounds begin.
        round: Round,
        /// The cells.
        assign: Assign<'a>,
    },
    /// Rounds, in order.
    Rounds {
        /// The stream.
        stream: StreamId,
        /// The current epoch.
        epoch: Epoch,
        /// The round of the first layer.
        first_round: Round,
        /// Whether the last of these layers is the last of the stream.
        is_last: bool,
        /// When the client made the frame, by its clock.
        sent: Time,
        /// The layers.
        rounds: Rounds<'a>,
    },
    /// Marks of a cell that another node committed.
    Marks {
        /// The stream.
        stream: StreamId,
        /// The current epoch.
        epoch: Epoch,
        /// The round from which their layers count.
        round: Round,
        /// The marks.
        marks: Marks<'a>,
    },
    /// Weights, or some of their factors.
    Weights {
        /// The stream.
        stream: StreamId,
        /// The first round for whose cells they hold.
        round: Round,
        /// The weights.
        weights: Weights<'a>,
    },
    /// The client ends a stream, or without one the session: commit what is to be committed, then answer with
    /// [`ServerSession::closed`].
    Close {
        /// The stream.
        stream: Option<StreamId>,
    },
    /// The client has ended the session.
    PeerError(Fault<'a>),
    /// The connection is of no use any more: drop it. The client may resume the session.
    ConnectionLost(Error),
    /// The session has ended. An ERROR frame goes to the client if there is a connection.
    Failed(Error),
}

#[derive(Debug)]
struct Stream {
    state: StreamState,
    flow: Flow,
    parity_words: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SessionState {
    Open,
    /// The client has ended it.
    Closing,
    /// CLOSED is on its way, or has arrived.
    Closed,
}

impl ServerSession {
    /// Begins the session that a client asked for, under a number and a secret token that no other session
    /// has.
    pub fn accept(
        options: &Options,
        greeted: &Greeted,
        session: SessionId,
        token: Token,
        now: Time,
    ) -> Result<Self, Fault<'static>> {
        let agreement = greeted.agree(options, session)?;
        if !greeted.hello().token.is_none() {
            return Err(Fault::from(Error::UnknownSession));
        }
        if session.0 == 0 || token.is_none() {
            return Err(Fault::from(Error::BadArgument));
        }
        let mut link = Link::new(Side::Server, options, now)?;
        let input = Input::new(options.frame_bytes_max());
        establish(&mut link, agreement, token, greeted)?;
        Ok(Self { link, input, token, side: ServerSide { streams: Table::new(), state: SessionState::Open } })
    }

    /// Goes on over a new connection. If this fails the session is as before, with its old connection if it
    /// has one.
    pub fn resume(&mut self, greeted: &Greeted, now: Time) -> Result<(), Fault<'static>> {
        self.link.observe(now);
        let Some(before) = self.link.agreement().copied().filter(|_| !self.link.has_ended()) else {
            return Err(Fault::from(Error::SessionEnded));
        };
        if greeted.session() != before.session {
            return Err(Fault::from(Error::UnknownSession));
        }
        if !greeted.hello().token.matches(&self.token) {
            return Err(Fault::from(Error::WrongToken));
        }
        let agreement = greeted.agree(self.link.options(), before.session)?;
        if agreement != before {
            return Err(Fault::new(Error::BadParameters, "not what was agreed on before"));
        }
        establish(&mut self.link, agreement, self.token, greeted)?;
        self.input.clear();
        Ok(())
    }

    /// What happened next.
    pub fn poll_event(&mut self) -> Option<ServerEvent<'_>> {
        if let Some(error) = self.link.take_notice() {
            return Some(ServerEvent::of_notice(error));
        }
        let (header, payload) = loop {
            let Some((header, payload)) = self.link.arrive(&mut self.input) else {
                return self.link.take_notice().map(ServerEvent::of_notice);
            };
            if !self.is_void(&header) {
                break (header, payload);
            }
        };
        let payload = self.input.payload(payload);
        match deliver(&mut self.link, &mut self.side.streams, &mut self.side.state, &header, payload) {
            Ok(event) => Some(event),
            Err(error) => {
                self.link.fail(error);
                self.link.take_notice().map(ServerEvent::of_notice)
            }
        }
    }

    /// Takes a stream, and grants its first rounds.
    pub fn accept_stream(&mut self, stream: StreamId, credit: u64, now: Time) -> Result<Sequence, Error> {
        self.link.observe(now);
        let open = self.side.streams.find(stream)?;
        if open.state != StreamState::Opening {
            return Err(Error::OutOfState);
        }
        let header = Header::new(FrameType::Opened);
        let sequence = self.link.send(header, Some(stream), &Credit { rounds: credit })?;
        open.flow.grant(credit)?;
        open.state = StreamState::Open;
        Ok(sequence)
    }

    /// Ends a stream, or does not take it. What the client still sends for it is dropped until it closes the
    /// stream.
    pub fn refuse_stream(
        &mut self,
        stream: StreamId,
        fault: &Fault<'_>,
        now: Time,
    ) -> Result<Sequence, Error> {
        self.link.observe(now);
        let open = self.side.streams.find(stream)?;
        if open.state == StreamState::Ended {
            return Err(Error::StreamEnded);
        }
        let sequence = self.link.send(Header::new(FrameType::StreamError), Some(stream), fault)?;
        if open.state != StreamState::Closing {
            open.state = StreamState::Ended;
        }
        Ok(sequence)
    }

    /// Grants so many rounds in all since the stream began.
    pub fn grant(&mut self, stream: StreamId, rounds: u64, now: Time) -> Result<Sequence, Error> {
        self.link.observe(now);
        let open = self.side.streams.find(stream)?;
        if open.state != StreamState::Open {
            return Err(Error::StreamEnded);
        }
        let header = Header::new(FrameType::Credit);
        open.flow.check_grant(rounds)?;
        let sequence = self.link.send(header, Some(stream), &Credit { rounds })?;
        open.flow.grant(rounds)?;
        Ok(sequence)
    }

    /// Publishes the answer for a cell that was decided in `epoch`; the layers of its marks count from
    /// `round`.
    ///
    /// [`Error::WrongEpoch`] means that the cell is not this node's any more: drop the answer.
    pub fn send_commit(
        &mut self,
        stream: StreamId,
        epoch: Epoch,
        round: Round,
        is_late: bool,
        commit: &Commit<'_>,
        now: Time,
    ) -> Result<Sequence, Error> {
        self.link.observe(now);
        let open = self.side.streams.find(stream)?;
        if matches!(open.state, StreamState::Opening | StreamState::Ended) {
            return Err(Error::StreamEnded);
        }
        open.flow.check_epoch(epoch)?;
        if !commit.is_valid() || commit.parity.len() != open.parity_words {
            return Err(Error::BadArgument);
        }
        let flags = if is_late { FLAG_LATE } else { 0 };
        let header = Header { flags, epoch, round, ..Header::new(FrameType::Commit) };
        self.link.send(header, Some(stream), commit)
    }

    /// Ends a stream that the client has closed, or the session, whether or not it has.
    pub fn closed(
        &mut self,
        stream: Option<StreamId>,
        closed: &Closed<'_>,
        now: Time,
    ) -> Result<Sequence, Error> {
        self.link.observe(now);
        let may_close = match stream {
            Some(id) => self.side.streams.find(id)?.state == StreamState::Closing,
            None => self.side.state != SessionState::Closed,
        };
        if !may_close {
            return Err(Error::OutOfState);
        }
        if !closed.is_valid() {
            return Err(Error::BadArgument);
        }
        let sequence = self.link.send(Header::new(FrameType::Closed), stream, closed)?;
        match stream {
            Some(id) => self.side.streams.remove(id),
            None => {
                self.side.state = SessionState::Closed;
                self.side.streams = Table::new();
            }
        }
        Ok(sequence)
    }

    /// Whether the session has ended and everything about that has been sent, and acknowledged where it can be.
    pub fn is_finished(&self) -> bool {
        let closing = self.link.has_ended() || self.side.state == SessionState::Closed;
        closing && self.link.is_drained()
    }

    /// Whether a frame was on its way when this side ended what it is about.
    fn is_void(&mut self, header: &Header) -> bool {
        let is_sequenced = header.frame_type.is_sequenced();
        let ended = |stream: &mut Stream| stream.state == StreamState::Ended;
        let stream_ended =
            header.frame_type != FrameType::Close && self.side.streams.find(header.stream).is_ok_and(ended);
        is_sequenced && (self.side.state == SessionState::Closed || stream_ended)
    }
}

impl ServerEvent<'_> {
    fn of_notice(error: Error) -> Self {
        match error.scope() {
            Scope::Connection | Scope::Frame => Self::ConnectionLost(error),
            _ => Self::Failed(error),
        }
    }
}

fn establish(
    link: &mut Link,
    agreement: Agreement,
    token: Token,
    greeted: &Greeted,
) -> Result<(), Fault<'static>> {
    let options = link.options();
    let welcome = Welcome {
        version: agreement.version,
        features: agreement.features,
        token,
        wanted: link.wanted(),
        heartbeat_ns: agreement.heartbeat_ns,
        payload_bytes_max: options.payload_bytes_max,
        streams_max: options.streams_max,
    };
    Ok(link.establish(agreement, greeted.hello().wanted, Some(welcome))?)
}

/// Turns a frame for the session into an event.
fn deliver<'a>(
    link: &mut Link,
    streams: &mut Table<Stream>,
    state: &mut SessionState,
    header: &Header,
    payload: &'a [u8],
) -> Result<ServerEvent<'a>, Error> {
    if header.frame_type == FrameType::Error {
        let fault = Fault::decode(payload)?;
        link.end();
        return Ok(ServerEvent::PeerError(fault));
    }
    if *state == SessionState::Closing {
        return Err(Error::OutOfState);
    }
    let id = header.stream;
    match header.frame_type {
        FrameType::Open => {
            let open = Open::decode(payload)?;
            let place = streams.check_insert(id, link.options().streams_max)?;
            let (flow, parity_words) = (Flow::new(open.widths.clone()), open.parity_words());
            streams.insert(place, id, Stream { state: StreamState::Opening, flow, parity_words });
            Ok(ServerEvent::Open { stream: id, open })
        }
        FrameType::Assign => {
            let assign = Assign::decode(payload)?;
            live(streams, id)?.flow.assign(header.epoch, header.round)?;
            Ok(ServerEvent::Assign { stream: id, epoch: header.epoch, round: header.round, assign })
        }
        FrameType::Rounds => rounds(live(streams, id)?, header, payload),
        FrameType::Marks => {
            live(streams, id)?.flow.check_epoch(header.epoch)?;
            let marks = Marks::decode(payload)?;
            Ok(ServerEvent::Marks { stream: id, epoch: header.epoch, round: header.round, marks })
        }
        FrameType::Weights => {
            live(streams, id)?;
            let weights = Weights::decode(payload)?;
            match header.round.0.checked_add(weights.rounds) {
                Some(_) => Ok(ServerEvent::Weights { stream: id, round: header.round, weights }),
                None => Err(Error::MalformedPayload),
            }
        }
        FrameType::Close => close(streams, state, id, payload),
        _ => Err(Error::OutOfState),
    }
}

fn rounds<'a>(stream: &mut Stream, header: &Header, payload: &'a [u8]) -> Result<ServerEvent<'a>, Error> {
    let rounds = Rounds::decode(payload)?;
    stream.flow.check_epoch(header.epoch)?;
    let batch = Batch {
        first_round: header.round,
        count: rounds.count(),
        skips: header.has(FLAG_SKIP),
        is_last: header.has(FLAG_LAST),
    };
    let position = stream.flow.check_rounds(batch, rounds.layers())?;
    stream.flow.advance(position);
    Ok(ServerEvent::Rounds {
        stream: header.stream,
        epoch: header.epoch,
        first_round: header.round,
        is_last: batch.is_last,
        sent: header.send_time,
        rounds,
    })
}

fn close<'a>(
    streams: &mut Table<Stream>,
    state: &mut SessionState,
    id: StreamId,
    payload: &[u8],
) -> Result<ServerEvent<'a>, Error> {
    if !payload.is_empty() {
        return Err(Error::MalformedPayload);
    }
    if id.0 == 0 {
        *state = SessionState::Closing;
        return Ok(ServerEvent::Close { stream: None });
    }
    let stream = streams.find(id)?;
    if stream.state == StreamState::Closing {
        return Err(Error::OutOfState);
    }
    stream.state = StreamState::Closing;
    Ok(ServerEvent::Close { stream: Some(id) })
}

/// A stream that the client has not closed.
fn live(streams: &mut Table<Stream>, id: StreamId) -> Result<&mut Stream, Error> {
    let stream = streams.find(id)?;
    if stream.state == StreamState::Closing { Err(Error::OutOfState) } else { Ok(stream) }
}
