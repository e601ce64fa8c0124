//! The frame codec and a session in memory: `wire/<part>/d=<distance>`, with throughput. A frame holds d
//! layers of d x d - 1 detectors; the goal is to decode one within 100 ns.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use outrider_wire::limits::{FRAME_BYTES_MAX, PAYLOAD_BYTES_MAX};
use outrider_wire::{
    Assign, CellId, CellRange, ClientSession, Decoded, Digest, Epoch, FrameType, Handshake, Header, Layer,
    Open, Options, Round, Rounds, RoundsBatch, ServerEvent, ServerSession, SessionId, StreamId, Time, Token,
    Widths, decode_frame, encode_frame, write_frame,
};

criterion_group!(benches, encode, decode, session);
criterion_main!(benches);

const DISTANCES: [u32; 4] = [5, 7, 13, 21];
const STREAM: StreamId = StreamId(1);

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wire/encode");
    let mut out = vec![0; FRAME_BYTES_MAX];
    for distance in DISTANCES {
        let bits = bits(distance);
        let layers = layers(distance, &bits);
        group.throughput(Throughput::Elements(distance.into()));
        group.bench_function(BenchmarkId::from_parameter(format!("d={distance}")), |bencher| {
            bencher.iter(|| write_frame(black_box(header()), black_box(&layers[..]), &mut out));
        });
    }
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wire/decode");
    for distance in DISTANCES {
        let bits = bits(distance);
        let frame = encode_frame(header(), &layers(distance, &bits)[..]);
        group.throughput(Throughput::Elements(distance.into()));
        group.bench_function(BenchmarkId::from_parameter(format!("d={distance}")), |bencher| {
            bencher.iter(|| match decode_frame(black_box(&frame), PAYLOAD_BYTES_MAX) {
                Ok(Decoded::Frame { payload, .. }) => Rounds::decode(payload).map(|rounds| rounds.count()),
                decoded => panic!("{decoded:?}"),
            });
        });
    }
}

/// A frame of rounds from the caller of the client to the caller of the server, its share of acknowledgements
/// included.
fn session(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wire/session");
    for distance in DISTANCES {
        let (bits, mut out) = (bits(distance), vec![0; FRAME_BYTES_MAX]);
        let layers = layers(distance, &bits);
        let (mut client, mut server) = established(distance, &mut out);
        let mut first_round = 0;
        group.throughput(Throughput::Elements(distance.into()));
        group.bench_function(BenchmarkId::from_parameter(format!("d={distance}")), |bencher| {
            bencher.iter(|| {
                let batch = RoundsBatch {
                    first_round: Round(first_round),
                    layers: &layers,
                    skips: false,
                    is_last: false,
                };
                client.send_rounds(STREAM, batch, Time(0)).expect("credit is there");
                first_round += layers.len() as u64;
                let count = client.transmit(&mut out, Time(0));
                server.receive(&out[..count], Time(0));
                while let Some(event) = server.poll_event() {
                    assert!(matches!(event, ServerEvent::Rounds { .. }));
                }
                let count = server.transmit(&mut out, Time(0));
                client.receive(&out[..count], Time(0));
                while client.poll_event().is_some() {}
            });
        });
    }
}

fn established(distance: u32, out: &mut [u8]) -> (ClientSession, ServerSession) {
    let options = Options::default();
    let mut client = ClientSession::new(&options, Time(0)).expect("good options");
    client.connect(Time(0)).expect("a new session");
    let count = client.transmit(out, Time(0));
    let (_, greeted) =
        Handshake::new(&options, Time(0)).receive(&out[..count], Time(0)).expect("a good HELLO");
    let greeted = greeted.expect("a whole HELLO");
    let mut server = ServerSession::accept(&options, &greeted, SessionId(1), Token([1; 16]), Time(0))
        .expect("both sides agree");
    let count = server.transmit(out, Time(0));
    client.receive(&out[..count], Time(0));
    while client.poll_event().is_some() {}
    let width = distance * distance - 1;
    let widths = Widths { first: width, cycle: vec![width], last: width };
    let open = Open { model: Digest([1; 32]), plan: Digest([2; 32]), observables: 1, widths };
    client.open(STREAM, &open, Time(0)).expect("a new stream");
    let cells = [CellRange { first: CellId(0), count: CellRange::ENDLESS, stride: 1 }];
    client
        .assign(STREAM, Epoch(1), Round(0), &Assign { cells: (&cells[..]).into() }, Time(0))
        .expect("a new epoch");
    let count = client.transmit(out, Time(0));
    server.receive(&out[..count], Time(0));
    while server.poll_event().is_some() {}
    server.accept_stream(STREAM, u64::MAX, Time(0)).expect("the stream waits for that");
    let count = server.transmit(out, Time(0));
    client.receive(&out[..count], Time(0));
    while client.poll_event().is_some() {}
    (client, server)
}

fn header() -> Header {
    Header { epoch: Epoch(1), stream: STREAM, sequence: 1, ..Header::new(FrameType::Rounds) }
}

fn layers(distance: u32, bits: &[u8]) -> Vec<Layer<'_>> {
    vec![Layer { bit_count: distance * distance - 1, bits }; distance as usize]
}

fn bits(distance: u32) -> Vec<u8> {
    vec![0b0010_0001; ((distance * distance - 1) / 8) as usize]
}
