//! A client and a server in one memory, and forged frames between them.

use outrider_wire::limits::FRAME_BYTES_MAX;
use outrider_wire::{
    Assign, CellId, CellRange, ClientSession, Decoded, Digest, Epoch, FrameType, Greeted, Handshake, Header,
    Layer, Open, Options, Payload, Round, RoundsBatch, ServerSession, SessionId, StreamId, Time, Token,
    Widths, decode_frame, encode_frame,
};

pub(crate) const SESSION: SessionId = SessionId(0x1122_3344_5566_7788);
pub(crate) const TOKEN: Token = Token([0xa5; 16]);
pub(crate) const STREAM: StreamId = StreamId(7);
pub(crate) const EVERY_CELL: CellRange = CellRange { first: CellId(0), count: CellRange::ENDLESS, stride: 1 };

/// Events are kept as what `Debug` shows of them.
pub(crate) struct Pair {
    pub(crate) client: ClientSession,
    pub(crate) server: ServerSession,
    pub(crate) now: Time,
    pub(crate) at_client: Vec<String>,
    pub(crate) at_server: Vec<String>,
}

impl Pair {
    /// An established session.
    pub(crate) fn new() -> Self {
        Self::with(&Options::default())
    }

    pub(crate) fn with(options: &Options) -> Self {
        let mut client = ClientSession::new(options, Time(0)).expect("the options are good");
        client.connect(Time(0)).expect("the session is new");
        let greeted = greet(options, &transmit_client(&mut client, Time(0)));
        let server =
            ServerSession::accept(options, &greeted, SESSION, TOKEN, Time(0)).expect("both sides agree");
        let mut pair = Self { client, server, now: Time(0), at_client: Vec::new(), at_server: Vec::new() };
        pair.pump();
        assert_eq!(pair.at_client, ["Established { resumed: false }"]);
        pair.at_client.clear();
        pair
    }

    /// An established session with an open stream, of which the server owns every cell.
    pub(crate) fn streaming(credit: u64) -> Self {
        let mut pair = Self::new();
        pair.open(STREAM, credit);
        pair
    }

    /// Sends OPEN and ASSIGN (2 frames), answered by OPENED (1 frame).
    pub(crate) fn open(&mut self, stream: StreamId, credit: u64) {
        self.client.open(stream, &model(), self.now).expect("the stream is new");
        let every_cell = Assign { cells: (&[EVERY_CELL][..]).into() };
        self.client.assign(stream, Epoch(1), Round(0), &every_cell, self.now).expect("the epoch is new");
        self.pump();
        self.server.accept_stream(stream, credit, self.now).expect("the stream waits for that");
        self.pump();
        self.at_client.clear();
        self.at_server.clear();
    }

    pub(crate) fn send_round(&mut self, round: u64) -> Result<(), outrider_wire::Error> {
        let (layers, now) = (layers(round), self.now);
        let batch = RoundsBatch { first_round: Round(round), layers: &layers, skips: false, is_last: false };
        self.client.send_rounds(STREAM, batch, now).map(|_| ())
    }

    pub(crate) fn client_sends(&mut self) -> Vec<u8> {
        transmit_client(&mut self.client, self.now)
    }

    pub(crate) fn server_sends(&mut self) -> Vec<u8> {
        transmit_server(&mut self.server, self.now)
    }

    pub(crate) fn client_gets(&mut self, mut bytes: &[u8]) {
        loop {
            bytes = &bytes[self.client.receive(bytes, self.now)..];
            while let Some(event) = self.client.poll_event() {
                self.at_client.push(format!("{event:?}"));
            }
            if bytes.is_empty() {
                return;
            }
        }
    }

    pub(crate) fn server_gets(&mut self, mut bytes: &[u8]) {
        loop {
            bytes = &bytes[self.server.receive(bytes, self.now)..];
            while let Some(event) = self.server.poll_event() {
                self.at_server.push(format!("{event:?}"));
            }
            if bytes.is_empty() {
                return;
            }
        }
    }

    /// Lets everything arrive that is to be sent.
    pub(crate) fn pump(&mut self) {
        loop {
            let (there, back) = (self.client_sends(), self.server_sends());
            if there.is_empty() && back.is_empty() {
                return;
            }
            self.server_gets(&there);
            self.client_gets(&back);
        }
    }

    /// Lets time pass, in steps, and everything arrive.
    pub(crate) fn wait(&mut self, duration: u64) {
        for _ in 0..100 {
            self.now = self.now.after(duration / 100);
            self.client.on_timer(self.now);
            self.server.on_timer(self.now);
            self.pump();
        }
    }

    pub(crate) fn reconnect(&mut self, options: &Options) {
        self.client.connect(self.now).expect("the session lives");
        let greeted = greet(options, &self.client_sends());
        self.server.resume(&greeted, self.now).expect("the session can be resumed");
        self.pump();
    }
}

/// A frame of the session, well formed unless `change` makes it something else.
pub(crate) fn forge(
    mut header: Header,
    sequence: u64,
    payload: &(impl Payload + ?Sized),
    change: impl FnOnce(&mut Header),
) -> Vec<u8> {
    header.version = 1;
    header.session = SESSION;
    header.sequence = sequence;
    if sequence != 0 {
        header.stream = STREAM;
    }
    change(&mut header);
    encode_frame(header, payload)
}

pub(crate) fn greet(options: &Options, bytes: &[u8]) -> Greeted {
    let (count, greeted) = Handshake::new(options, Time(0)).receive(bytes, Time(0)).expect("a good HELLO");
    assert_eq!(count, bytes.len());
    greeted.expect("a whole HELLO")
}

/// Layers of 4, then 8 and 6 in turn, and 4 detectors.
pub(crate) fn model() -> Open {
    Open {
        model: Digest([0x11; 32]),
        plan: Digest([0x22; 32]),
        observables: 65,
        widths: Widths { first: 4, cycle: vec![8, 6], last: 4 },
    }
}

/// One layer of the model, as it is in that round.
pub(crate) fn layers(round: u64) -> [Layer<'static>; 1] {
    [Layer { bit_count: model().widths.of_round(Round(round)), bits: &[0b1010] }]
}

pub(crate) fn transmit_client(client: &mut ClientSession, now: Time) -> Vec<u8> {
    let mut bytes = vec![0; FRAME_BYTES_MAX];
    let count = client.transmit(&mut bytes, now);
    bytes.truncate(count);
    bytes
}

pub(crate) fn transmit_server(server: &mut ServerSession, now: Time) -> Vec<u8> {
    let mut bytes = vec![0; FRAME_BYTES_MAX];
    let count = server.transmit(&mut bytes, now);
    bytes.truncate(count);
    bytes
}

pub(crate) fn types_of(mut bytes: &[u8]) -> Vec<FrameType> {
    let mut types = Vec::new();
    while let Ok(Decoded::Frame { header, .. }) = decode_frame(bytes, 65_536) {
        types.push(header.frame_type);
        bytes = &bytes[header.frame_bytes()..];
    }
    types
}
