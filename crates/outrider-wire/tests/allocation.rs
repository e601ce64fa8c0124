//! A session that has begun allocates nothing: neither for rounds and commits, nor for acknowledgements,
//! heartbeats and repairs.

use outrider_test_support::{CountingAllocator, allocations};
use outrider_wire::limits::FRAME_BYTES_MAX;
use outrider_wire::{
    Assign, CellId, CellRange, ClientEvent, ClientSession, Commit, Digest, Epoch, Handshake, Hops, Layer,
    Mark, Open, Options, Round, RoundsBatch, ServerEvent, ServerSession, SessionId, StreamId, Time, Token,
    Widths,
};

const STREAM: StreamId = StreamId(1);
const LAYERS: usize = 5;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

#[test]
fn a_session_that_has_begun_allocates_nothing() {
    let mut buffer = vec![0; FRAME_BYTES_MAX];
    let (mut client, mut server) = established(&mut buffer);
    let before = allocations();
    let (mut rounds, mut commits) = (0, 0);
    for turn in 0..20_000 {
        let now = turn * 50_000;
        let first_round = turn * LAYERS as u64;
        let layers = [Layer { bit_count: 24, bits: &[1, 2, 3] }; LAYERS];
        let batch =
            RoundsBatch { first_round: Round(first_round), layers: &layers, skips: false, is_last: false };
        client.send_rounds(STREAM, batch, Time(now)).expect("credit is there");
        client.on_timer(Time(now));
        server.on_timer(Time(now));
        let count = client.transmit(&mut buffer, Time(now));
        if turn % 1_000 == 7 {
            buffer[count - 1] ^= 1;
        }
        server.receive(&buffer[..count], Time(now));
        while let Some(event) = server.poll_event() {
            if let ServerEvent::Rounds { rounds: received, .. } = event {
                rounds += received.layers().count();
            }
        }
        let commit = Commit {
            cell: CellId(turn),
            hops: Hops::default(),
            parity: (&[1][..]).into(),
            marks: (&[Mark { layer: 0, index: 3 }][..]).into(),
        };
        server
            .send_commit(STREAM, Epoch(1), Round(first_round), false, &commit, Time(now))
            .expect("the stream is open");
        let count = server.transmit(&mut buffer, Time(now));
        client.receive(&buffer[..count], Time(now));
        while let Some(event) = client.poll_event() {
            commits += usize::from(matches!(event, ClientEvent::Commit { .. }));
        }
    }
    assert_eq!(allocations(), before);
    assert_eq!((rounds, commits), (20_000 * LAYERS, 20_000));
    assert_eq!(client.counters().repairs_made, 20);
}

fn established(buffer: &mut [u8]) -> (ClientSession, ServerSession) {
    let options = Options::default();
    let mut client = ClientSession::new(&options, Time(0)).expect("good options");
    client.connect(Time(0)).expect("a new session");
    let count = client.transmit(buffer, Time(0));
    let (_, greeted) =
        Handshake::new(&options, Time(0)).receive(&buffer[..count], Time(0)).expect("a good HELLO");
    let greeted = greeted.expect("a whole HELLO");
    let mut server = ServerSession::accept(&options, &greeted, SessionId(1), Token([1; 16]), Time(0))
        .expect("both sides agree");
    let count = server.transmit(buffer, Time(0));
    client.receive(&buffer[..count], Time(0));
    assert_eq!(client.poll_event(), Some(ClientEvent::Established { resumed: false }));
    let widths = Widths { first: 24, cycle: vec![24], last: 24 };
    let open = Open { model: Digest([1; 32]), plan: Digest([2; 32]), observables: 1, widths };
    client.open(STREAM, &open, Time(0)).expect("a new stream");
    let cells = [CellRange { first: CellId(0), count: CellRange::ENDLESS, stride: 1 }];
    client
        .assign(STREAM, Epoch(1), Round(0), &Assign { cells: (&cells[..]).into() }, Time(0))
        .expect("a new epoch");
    let count = client.transmit(buffer, Time(0));
    server.receive(&buffer[..count], Time(0));
    while server.poll_event().is_some() {}
    server.accept_stream(STREAM, u64::MAX, Time(0)).expect("the stream waits for that");
    let count = server.transmit(buffer, Time(0));
    client.receive(&buffer[..count], Time(0));
    assert_eq!(client.poll_event(), Some(ClientEvent::Opened { stream: STREAM, credit: u64::MAX }));
    (client, server)
}
