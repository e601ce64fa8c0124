//! Frames of a hostile peer: well formed as a rule, so that they get far, and wrong in any way that the script wants.

use outrider_wire::{
    Ack, Assign, Beat, CellId, CellRange, Closed, Commit, Credit, Digest, Epoch, Error, Fault, FrameType,
    Header, Hello, Hops, Layer, List, Mark, Marks, Nak, Open, Payload, Round, Sequence, SessionId, StreamId,
    Token, Versions, Weights, Welcome, Widths, encode_frame,
};

use crate::script::Script;

/// What is wrong with a frame, a bit each.
const ODD_SEQUENCE: u8 = 1 << 0;
const ODD_SESSION: u8 = 1 << 1;
const ODD_VERSION: u8 = 1 << 2;
const ODD_PAYLOAD: u8 = 1 << 3;
const ODD_FIELDS: u8 = 1 << 4;
const BROKEN_PAYLOAD: u8 = 1 << 5;
const BROKEN_HEADER: u8 = 1 << 6;
const CUT: u8 = 1 << 7;

const FLAGS: [u32; 4] = [0, 1, 2, 3];
const LAYERS_MAX: u8 = 32;
const ITEMS_MAX: u8 = 6;

/// A peer that forges frames.
pub(crate) struct Forger {
    pub(crate) session: SessionId,
    pub(crate) token: Token,
    /// The last number of its numbered frames.
    pub(crate) sequence: u64,
    /// What it says streams are about.
    pub(crate) open: Open,
    /// The first stream that it speaks of.
    pub(crate) stream: u32,
}

impl Forger {
    pub(crate) fn new(open: Open) -> Self {
        Self { session: SessionId(0), token: Token::NONE, sequence: 0, open, stream: 1 }
    }

    /// The next frame of the script.
    pub(crate) fn frame(&mut self, script: &mut Script<'_>) -> Vec<u8> {
        let frame_type = FrameType::ALL[usize::from(script.byte()) % FrameType::ALL.len()];
        self.frame_of(frame_type, script)
    }

    /// A frame of a type.
    pub(crate) fn frame_of(&mut self, frame_type: FrameType, script: &mut Script<'_>) -> Vec<u8> {
        let odd = script.byte();
        let mut header = Header::new(frame_type);
        let is_greeting = matches!(frame_type, FrameType::Hello | FrameType::Welcome | FrameType::Refuse);
        header.version = u16::from(!is_greeting);
        header.session = self.session;
        if frame_type.is_sequenced() {
            let stream = self.stream + u32::from(script.byte() % 3);
            let is_of_session = matches!(frame_type, FrameType::Close | FrameType::Closed) && script.bit();
            header.stream = StreamId(if is_of_session { 0 } else { stream });
            if odd & ODD_SEQUENCE == 0 {
                self.sequence += 1;
                header.sequence = self.sequence;
            } else {
                header.sequence = script.number();
            }
        }
        let is_placed = [FrameType::Assign, FrameType::Rounds, FrameType::Marks, FrameType::Commit];
        if is_placed.contains(&frame_type) {
            header.epoch = Epoch(script.byte().into());
            header.round = Round(script.number());
        }
        if frame_type == FrameType::Weights {
            header.round = Round(script.number());
        }
        if frame_type == FrameType::Rounds {
            header.flags = FLAGS[usize::from(script.byte()) % FLAGS.len()];
        }
        if odd & ODD_SESSION != 0 {
            header.session = SessionId(script.number());
        }
        if odd & ODD_VERSION != 0 {
            header.version = script.number() as u16;
        }
        if odd & ODD_FIELDS != 0 {
            header.flags = script.number() as u32;
            header.stream = StreamId(script.number() as u32);
            header.epoch = Epoch(script.number() as u32);
        }
        let payload = match odd & ODD_PAYLOAD {
            0 => self.payload(&header, script),
            _ => script.some_bytes().to_vec(),
        };
        let mut frame = encode_frame(header, &payload[..]);
        if let (true, Some(last)) = (odd & BROKEN_PAYLOAD != 0, frame.last_mut()) {
            *last ^= 1;
        }
        if odd & BROKEN_HEADER != 0 {
            frame[usize::from(script.byte() % 64)] ^= 1 << (script.byte() % 8);
        }
        if odd & CUT != 0 {
            frame.truncate(script.byte().into());
        }
        frame
    }

    fn payload(&self, header: &Header, script: &mut Script<'_>) -> Vec<u8> {
        match header.frame_type {
            FrameType::Hello => bytes_of(&self.hello(script)),
            FrameType::Welcome => bytes_of(&Welcome {
                version: 1,
                features: script.byte().into(),
                token: self.token,
                wanted: Sequence(1 + u64::from(script.byte())),
                heartbeat_ns: heartbeat(script),
                payload_bytes_max: 1024 + 256 * u32::from(script.byte()),
                streams_max: script.byte().into(),
            }),
            FrameType::Refuse | FrameType::Error | FrameType::StreamError => {
                let code = u16::from_le_bytes([script.byte(), script.byte()]);
                let error = Error::from_code(code.into()).unwrap_or(Error::ShuttingDown);
                bytes_of(&Fault::new(error, "no"))
            }
            FrameType::Ack => bytes_of(&Ack { wanted: Sequence(script.number()) }),
            FrameType::Nak => bytes_of(&Nak { wanted: Sequence(script.number()), code: 0x104 }),
            FrameType::Ping | FrameType::Pong => bytes_of(&Beat {
                echo: script.number(),
                wanted: Sequence(script.number()),
                next: Sequence(script.number()),
            }),
            FrameType::Open => bytes_of(&self.open(script)),
            FrameType::Assign => bytes_of(&Assign { cells: List::from(&ranges(script)[..]) }),
            FrameType::Rounds => self.rounds(header, script),
            FrameType::Marks => {
                let cell = CellId(script.number());
                bytes_of(&Marks { cell, marks: List::from(&marks(script)[..]) })
            }
            FrameType::Weights => {
                let factors: Vec<u64> = (0..script.byte() % 4).map(|_| script.number()).collect();
                bytes_of(&Weights {
                    version: script.byte().into(),
                    rounds: script.number(),
                    total: script.byte().into(),
                    first: (script.byte() % 4).into(),
                    factors: List::from(&factors[..]),
                })
            }
            FrameType::Close => Vec::new(),
            FrameType::Opened | FrameType::Credit => bytes_of(&Credit { rounds: script.number() }),
            FrameType::Commit => {
                let words = self.open.observables.div_ceil(u64::BITS);
                let parity: Vec<_> = (0..words).map(|_| script.number()).collect();
                let cell = CellId(script.number());
                let (parity, hops) = (List::from(&parity[..]), Hops::default());
                bytes_of(&Commit { cell, hops, parity, marks: List::from(&marks(script)[..]) })
            }
            FrameType::Closed => {
                let (code, open_count) = (script.byte().into(), script.number());
                bytes_of(&Closed { code, open_count, open_cells: List::from(&[][..]) })
            }
        }
    }

    fn hello(&self, script: &mut Script<'_>) -> Hello {
        Hello {
            versions: Versions { min: 1, max: 1 + u16::from(script.byte()) },
            features: script.byte().into(),
            features_required: (script.byte() / 192).into(),
            token: self.token,
            wanted: Sequence(1 + u64::from(script.byte())),
            heartbeat_ns: heartbeat(script),
            payload_bytes_max: 1024 + 256 * u32::from(script.byte()),
        }
    }

    fn open(&self, script: &mut Script<'_>) -> Open {
        let mut open = self.open.clone();
        match script.byte() {
            192..208 => open.model = Digest([7; 32]),
            208..224 => open.plan = Digest([7; 32]),
            224..240 => open.observables = script.number() as u32,
            240.. => open.widths.cycle = vec![script.number() as u32; usize::from(script.byte())],
            _ => {}
        }
        open
    }

    /// As many bits as the layers must have, unless the script wants another width.
    fn rounds(&self, header: &Header, script: &mut Script<'_>) -> Vec<u8> {
        let count = 1 + script.byte() % LAYERS_MAX;
        let odd_width = script.byte();
        let widths: Vec<u32> = (0..count)
            .map(|at| match at + 1 == count {
                true if odd_width >= 240 => odd_width.into(),
                true if header.flags & 1 != 0 => self.open.widths.last,
                _ => self.open.widths.of_round(Round(header.round.0.saturating_add(at.into()))),
            })
            .collect();
        let bits: Vec<Vec<u8>> = widths.iter().map(|&width| layer_bits(width, script)).collect();
        let layer = |(&bit_count, bits)| Layer { bit_count, bits };
        let layers: Vec<Layer<'_>> = widths.iter().zip(bits.iter().map(Vec::as_slice)).map(layer).collect();
        bytes_of(&layers[..])
    }
}

/// Widths of a stream that belongs to no model.
pub(crate) fn any_open() -> Open {
    Open {
        model: Digest([0x11; 32]),
        plan: Digest([0x22; 32]),
        observables: 65,
        widths: Widths { first: 4, cycle: vec![8, 6], last: 4 },
    }
}

fn bytes_of(payload: &(impl Payload + ?Sized)) -> Vec<u8> {
    let mut bytes = vec![0; payload.payload_bytes()];
    payload.write(&mut bytes);
    bytes
}

fn heartbeat(script: &mut Script<'_>) -> u64 {
    100_000 * (1 + u64::from(script.byte()))
}

fn ranges(script: &mut Script<'_>) -> Vec<CellRange> {
    let count = script.byte() % ITEMS_MAX;
    (0..count)
        .map(|_| {
            let (first, count, stride) = (CellId(script.number()), script.number(), script.number());
            CellRange { first, count: if count == 0 { CellRange::ENDLESS } else { count }, stride }
        })
        .collect()
}

/// Ascending, for others are refused before anybody looks at them.
fn marks(script: &mut Script<'_>) -> Vec<Mark> {
    let count = script.byte() % ITEMS_MAX;
    let mut marks: Vec<_> =
        (0..count).map(|_| Mark { layer: script.number() as u32, index: script.number() as u32 }).collect();
    marks.sort_unstable();
    marks.dedup();
    marks
}

fn layer_bits(width: u32, script: &mut Script<'_>) -> Vec<u8> {
    let mut bits = vec![0; width.div_ceil(8) as usize];
    for (byte, from) in bits.iter_mut().zip(script.bytes(width.div_ceil(8) as usize)) {
        *byte = *from;
    }
    if let (Some(last), used @ 1..) = (bits.last_mut(), width % 8) {
        *last &= (1 << used) - 1;
    }
    bits
}
