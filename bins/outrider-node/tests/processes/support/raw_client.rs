//! A client that says frame by frame what a test wants it to say.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use outrider_transport::Address;
use outrider_wire::limits::PAYLOAD_BYTES_MAX;
use outrider_wire::{
    Ack, Assign, CellId, CellRange, Credit, Decoded, Digest, Epoch, Error, Fault, FrameType, Header, Hello,
    Layer, List, Open, Payload, Round, Sequence, SessionId, StreamId, Token, Versions, Welcome, Widths,
    decode_frame, encode_frame,
};

use super::{DEADLINE, patch};

/// A connection to a node, and the session that it carries.
pub(crate) struct RawClient {
    socket: Socket,
    unread: Vec<u8>,
    pub(crate) session: SessionId,
    pub(crate) token: Token,
    /// Numbers of the next frame here and there.
    pub(crate) next: u64,
    pub(crate) wanted: u64,
}

enum Socket {
    Unix(UnixStream),
    Tcp(TcpStream),
}

/// A frame that came.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) header: Header,
    pub(crate) payload: Vec<u8>,
}

impl RawClient {
    /// Connects and says nothing.
    pub(crate) fn connect(address: &Address) -> Self {
        let socket = match address {
            Address::Unix(path) | Address::Ring(path) => {
                Socket::Unix(UnixStream::connect(path).expect("a node"))
            }
            Address::Tcp(address) | Address::Tls(address) => {
                Socket::Tcp(TcpStream::connect(&address[..]).expect("a node"))
            }
        };
        match &socket {
            Socket::Unix(socket) => socket.set_read_timeout(Some(DEADLINE)).expect("a timeout"),
            Socket::Tcp(socket) => socket.set_read_timeout(Some(DEADLINE)).expect("a timeout"),
        }
        Self { socket, unread: Vec::new(), session: SessionId(0), token: Token::NONE, next: 1, wanted: 1 }
    }

    /// Connects and begins a session.
    pub(crate) fn begin(address: &Address) -> Self {
        let mut client = Self::connect(address);
        client.greet(&Self::hello()).expect("a session");
        client
    }

    /// A HELLO that begins a session which need not be kept alive.
    pub(crate) fn hello() -> Hello {
        Hello {
            versions: Versions::SPOKEN,
            features: 0,
            features_required: 0,
            token: Token::NONE,
            wanted: Sequence(1),
            heartbeat_ns: 60_000_000_000,
            payload_bytes_max: 16_384,
        }
    }

    /// Says HELLO, and takes WELCOME or the frame that came instead.
    pub(crate) fn greet(&mut self, hello: &Hello) -> Result<Welcome, Told> {
        let header = Header { session: self.session, ..Header::new(FrameType::Hello) };
        self.write(&encode_frame(header, hello));
        let told = self.read().expect("an answer to HELLO");
        if told.header.frame_type != FrameType::Welcome {
            return Err(told);
        }
        let welcome = Welcome::decode(&told.payload).expect("a WELCOME");
        self.session = told.header.session;
        self.token = welcome.token;
        Ok(welcome)
    }

    /// The HELLO that resumes the session of another client.
    pub(crate) fn greet_again(&mut self, before: &Self) -> Result<Welcome, Told> {
        self.session = before.session;
        (self.next, self.wanted) = (before.next, before.wanted);
        self.greet(&Hello { token: before.token, wanted: Sequence(before.wanted), ..Self::hello() })
    }

    /// A frame of this session; one that is numbered gets the next number.
    pub(crate) fn frame(&mut self, header: Header, payload: &(impl Payload + ?Sized)) -> Vec<u8> {
        let sequence = if header.frame_type.is_sequenced() { self.next } else { 0 };
        self.next += u64::from(header.frame_type.is_sequenced());
        encode_frame(Header { version: 1, session: self.session, sequence, ..header }, payload)
    }

    /// Sends a frame of this session.
    pub(crate) fn send(&mut self, header: Header, payload: &(impl Payload + ?Sized)) {
        let frame = self.frame(header, payload);
        self.write(&frame);
    }

    /// Opens stream 1 and assigns all cells to the node. Returns the credit.
    pub(crate) fn open(&mut self) -> u64 {
        self.send_open(StreamId(1), &open_of(patch()));
        self.assign(1);
        let told = self.read_type(FrameType::Opened);
        Credit::decode(&told.payload).expect("a credit").rounds
    }

    pub(crate) fn send_open(&mut self, stream: StreamId, open: &Open) {
        self.send(Header { stream, ..Header::new(FrameType::Open) }, open);
    }

    /// Assigns all cells of stream 1, from round 0 on.
    pub(crate) fn assign(&mut self, epoch: u32) {
        let frame = self.assign_frame(epoch);
        self.write(&frame);
    }

    /// What [`assign`](Self::assign) sends.
    pub(crate) fn assign_frame(&mut self, epoch: u32) -> Vec<u8> {
        let all = [CellRange { first: CellId(0), count: CellRange::ENDLESS, stride: 1 }];
        let header = Header { stream: StreamId(1), epoch: Epoch(epoch), ..Header::new(FrameType::Assign) };
        self.frame(header, &Assign { cells: List::from(&all[..]) })
    }

    /// Sends rounds of stream 1 in epoch 1.
    pub(crate) fn rounds(&mut self, first_round: u64, flags: u32, layers: &[(Vec<u8>, u32)]) {
        let frame = self.rounds_frame(first_round, flags, layers);
        self.write(&frame);
    }

    /// What [`rounds`](Self::rounds) sends.
    pub(crate) fn rounds_frame(&mut self, round: u64, flags: u32, layers: &[(Vec<u8>, u32)]) -> Vec<u8> {
        let layers: Vec<_> = layers.iter().map(|(bits, count)| Layer { bit_count: *count, bits }).collect();
        let (stream, epoch) = (StreamId(1), Epoch(1));
        self.frame(
            Header { stream, epoch, round: Round(round), flags, ..Header::new(FrameType::Rounds) },
            &layers[..],
        )
    }

    /// Ends a stream, or with 0 the session.
    pub(crate) fn close(&mut self, stream: u32) {
        let frame = self.close_frame(stream);
        self.write(&frame);
    }

    /// What [`close`](Self::close) sends.
    pub(crate) fn close_frame(&mut self, stream: u32) -> Vec<u8> {
        let nothing: &[u8] = &[];
        self.frame(Header { stream: StreamId(stream), ..Header::new(FrameType::Close) }, nothing)
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.try_write(bytes).expect("the node listens");
    }

    pub(crate) fn try_write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.socket {
            Socket::Unix(socket) => socket.write_all(bytes),
            Socket::Tcp(socket) => socket.write_all(bytes),
        }
    }

    /// The next frame; nothing at the end of the connection.
    pub(crate) fn read(&mut self) -> Option<Told> {
        loop {
            if let Decoded::Frame { header, payload } =
                decode_frame(&self.unread, PAYLOAD_BYTES_MAX).expect("frames")
            {
                let told = Told { header, payload: payload.to_vec() };
                self.unread.drain(..header.frame_bytes());
                self.wanted += u64::from(header.frame_type.is_sequenced());
                return Some(told);
            }
            let mut bytes = [0; 4096];
            let count = match &mut self.socket {
                Socket::Unix(socket) => socket.read(&mut bytes),
                Socket::Tcp(socket) => socket.read(&mut bytes),
            };
            match count {
                Ok(0) => return None,
                Ok(count) => self.unread.extend(&bytes[..count]),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// The next frame of a type; others are skipped.
    pub(crate) fn read_type(&mut self, frame_type: FrameType) -> Told {
        loop {
            let told = self.read().unwrap_or_else(|| panic!("the connection ended before {frame_type:?}"));
            if told.header.frame_type == frame_type {
                return told;
            }
        }
    }

    /// Reads to the end of the connection.
    pub(crate) fn read_to_end(&mut self) -> Vec<Told> {
        std::iter::from_fn(|| self.read()).collect()
    }

    /// Acknowledges the CLOSED that ended the session, after which nothing of importance comes.
    pub(crate) fn leave(&mut self) {
        self.send(Header::new(FrameType::Ack), &Ack { wanted: Sequence(self.wanted) });
        assert!(self.read_to_end().iter().all(|told| !told.header.frame_type.is_sequenced()));
    }

    /// Reads the ERROR that ends the session.
    pub(crate) fn ended_by(&mut self, error: Error) {
        let told = self.read_type(FrameType::Error);
        assert_eq!(fault(&told).error(), Some(error));
        assert!(self.read().is_none(), "ERROR is the last frame");
    }
}

/// The payload of REFUSE, ERROR or STREAM_ERROR.
pub(crate) fn fault(told: &Told) -> Fault<'_> {
    Fault::decode(&told.payload).unwrap_or_else(|error| panic!("{error} in {told:?}"))
}

/// OPEN for a patch, as any client that has READY can say it.
pub(crate) fn open_of(patch: &outrider::Patch) -> Open {
    let outrider::LayerWidths { first, cycle, last } = patch.widths();
    Open {
        model: Digest(*patch.model_digest()),
        plan: Digest(*patch.plan_digest()),
        observables: patch.plan().graph().observable_count(),
        widths: Widths { first, cycle, last },
    }
}
