//! The fuzz targets over corpora and seeded mutations of them, and frames that belong to nobody.

use outrider_wire::{Error, Fault, FrameType, Header, SessionId, encode_frame, fuzz};

use crate::golden::golden;
use crate::lossy_pipe::Random;
use crate::pair::{Pair, forge};

const MUTATIONS: u64 = 20_000;

#[test]
fn frames_of_any_bytes() {
    let golden: Vec<Vec<u8>> = golden().into_iter().map(|(_, bytes)| bytes).collect();
    fuzz::frames(&golden.concat());
    let mut corpus = golden.clone();
    corpus.push(golden.concat());
    mutate(&corpus, 1, |data| {
        fuzz::frames(data);
        fuzz::frames(&resealed(data));
    });
}

#[test]
fn handshakes_of_any_bytes() {
    let handshakes: Vec<Vec<u8>> = golden().into_iter().take(3).map(|(_, bytes)| bytes).collect();
    mutate(&handshakes, 2, |data| {
        fuzz::handshake(data);
        fuzz::handshake(&resealed(data));
    });
}

#[test]
fn sessions_with_a_hostile_peer() {
    let corpus = session_corpus();
    corpus.iter().for_each(|data| fuzz::session(data));
    mutate(&corpus, 3, fuzz::session);
}

#[test]
fn frames_of_another_session_version_or_state_end_this_session_alone() {
    let ping = |change: fn(&mut Header)| forge(Header::new(FrameType::Ping), 0, &[0; 24][..], change);
    let error = forge(Header::new(FrameType::Error), 0, &Fault::new(Error::ShuttingDown, ""), |_| ());
    let cases = [
        (ping(|header| header.session = SessionId(1)), "Failed(WrongSession)"),
        (ping(|header| header.version = 2), "Failed(WrongVersion)"),
        (ping(|header| header.frame_type = FrameType::Ack), "Failed(MalformedPayload)"),
        (ping(|header| header.flags = 1 << 9), "Failed(UnknownFlag)"),
        (unknown_type(), "Failed(UnknownType)"),
        (forge(Header::new(FrameType::Credit), 3, &[0; 8][..], |_| ()), "Failed(WrongDirection)"),
        (forge(Header::new(FrameType::Close), 3, &[0; 8][..], |_| ()), "Failed(MalformedPayload)"),
        (forge(Header::new(FrameType::Open), 3, &crate::pair::model(), |_| ()), "Failed(StreamExists)"),
        (error, "PeerError(Fault { code: 780, expected"),
    ];
    let mut bystander = Pair::streaming(1_000);
    for (round, (bytes, expected)) in cases.into_iter().enumerate() {
        let mut pair = Pair::streaming(10);
        pair.server_gets(&bytes);
        let [event] = &pair.at_server[..] else { panic!("{expected}: {:?}", pair.at_server) };
        assert!(event.starts_with(expected), "{event}");
        pair.server_gets(&bytes);
        assert_eq!(pair.at_server.len(), 1, "an ended session takes nothing more");
        pair.pump();
        assert!(pair.server.is_finished());
        assert_eq!(
            pair.client.is_finished(),
            expected.starts_with("Failed"),
            "who ends a session tells the other"
        );
        bystander.send_round(round as u64).expect("another session is as before");
        bystander.pump();
        assert_eq!(bystander.at_server.len(), round + 1);
    }
}

fn unknown_type() -> Vec<u8> {
    let mut bytes = encode_frame(Header { version: 1, ..Header::new(FrameType::Ping) }, &[0u8; 0][..]);
    bytes[6] = 200;
    resealed(&bytes)
}

/// Gives the first frame good checksums, so that the rest is looked at.
fn resealed(data: &[u8]) -> Vec<u8> {
    let mut bytes = data.to_vec();
    if let Some(payload) = bytes.get(64..).filter(|payload| !payload.is_empty()) {
        let checksum = crc32c::crc32c(payload).to_le_bytes();
        let length = (payload.len() as u32).to_le_bytes();
        bytes[56..60].copy_from_slice(&checksum);
        bytes[28..32].copy_from_slice(&length);
    }
    if bytes.len() >= 64 {
        bytes[..4].copy_from_slice(b"OTRW");
        let checksum = crc32c::crc32c(&bytes[..60]).to_le_bytes();
        bytes[60..64].copy_from_slice(&checksum);
    }
    bytes
}

/// Runs the target on the corpus with bits flipped, bytes replaced, stretches removed, doubled and exchanged.
fn mutate(corpus: &[Vec<u8>], seed: u64, target: impl Fn(&[u8])) {
    let mut random = Random(seed);
    for _ in 0..MUTATIONS / corpus.len() as u64 {
        for original in corpus {
            let mut data = original.clone();
            for _ in 0..=random.below(4) {
                mutate_once(&mut data, corpus, &mut random);
            }
            target(&data);
        }
    }
}

fn mutate_once(data: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut Random) {
    if data.is_empty() {
        return;
    }
    let at = random.below(data.len() as u64) as usize;
    let end = (at + 1 + random.below(12) as usize).min(data.len());
    match random.below(6) {
        0 => data[at] ^= 1 << random.below(8),
        1 => data[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5) as usize],
        2 => drop(data.drain(at..end)),
        3 => data.extend_from_within(at..end),
        4 => data.truncate(at),
        _ => {
            let other = &corpus[random.below(corpus.len() as u64) as usize];
            let count = other.len().min(data.len() - at);
            data[at..at + count].copy_from_slice(&other[..count]);
        }
    }
}

/// What a well-behaved peer says, in the form of `fuzz::session`: the side that is attacked, then for each
/// frame the index of its type, flags, stream, epoch, step of the sequence, round, length, version, and the
/// payload.
fn session_corpus() -> Vec<Vec<u8>> {
    let frame = |head: [u8; 7], payload: &[u8]| {
        let [kind, flags, stream, epoch, step, round, version] = head;
        [&[kind, flags, stream, epoch, step, round, payload.len() as u8, version], payload].concat()
    };
    let layer = |bits: u8| [1, 0, 0, 0, 0, 0, 0, 0, bits, 0, 0, 0, 1];
    let rounds = [
        frame([10, 0, 1, 1, 2, 0, 0], &layer(4)),
        frame([10, 0, 1, 1, 1, 1, 0], &layer(8)),
        frame([10, 1, 1, 1, 1, 2, 0], &layer(4)),
    ];
    let defects = frame([11, 0, 1, 1, 2, 3, 0], &[9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let assign = frame([9, 0, 1, 2, 1, 0, 0], &[0; 8]);
    let close = frame([12, 0, 1, 0, 2, 0, 0], &[]);
    let ping = frame(
        [5, 0, 0, 0, 0, 0, 0],
        &[1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
    );
    let nak = frame([4, 0, 0, 0, 0, 0, 0], &[1, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0]);
    let opened = frame([13, 0, 1, 0, 0, 0, 0], &[9, 0, 0, 0, 0, 0, 0, 0]);
    let credit = frame([15, 0, 1, 0, 1, 0, 0], &[19, 0, 0, 0, 0, 0, 0, 0]);
    let commit = frame([14, 0, 1, 1, 1, 0, 0], &[[0; 40].as_slice(), &[1, 0, 0, 0], &[0; 12]].concat());
    let closed = frame([17, 0, 0, 0, 1, 0, 0], &[0; 16]);
    let to_server = |frames: &[&[u8]]| [&[0], &frames.concat()[..]].concat();
    let to_client = |frames: &[&[u8]]| [&[1], &frames.concat()[..]].concat();
    vec![
        to_server(&[&rounds[0], &rounds[1], &rounds[2], &ping]),
        to_server(&[&defects, &assign, &nak, &rounds[1]]),
        to_server(&[&close, &ping]),
        to_client(&[&opened, &credit, &commit, &ping]),
        to_client(&[&opened, &nak, &closed]),
    ]
}
