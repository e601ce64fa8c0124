//! Every limit at N, where it holds, and at N + 1, where it is refused by name; and memory that does not
//! grow.

use outrider_wire::limits::{
    CELL_RANGES_MAX, CYCLE_LAYERS_MAX, LAYER_BITS_MAX, LAYERS_MAX, MARKS_MAX, OBSERVABLES_MAX,
    OPEN_CELLS_MAX, PAYLOAD_BYTES_MAX, RETAINED_FRAMES_MAX, TEXT_BYTES_MAX,
};
use outrider_wire::{
    Assign, CellId, CellRange, Closed, Commit, Decoded, Error, FLAGS_CRITICAL, Fault, FrameType, Header,
    Hops, Layer, Mark, Open, Options, Payload, Round, Rounds, RoundsBatch, StreamId, Time, Widths,
    decode_frame, encode_frame,
};

use crate::pair::{Pair, STREAM, forge, layers, model};

#[test]
fn a_payload_may_be_as_long_as_the_receiver_says() {
    let frame = |bytes: u32| encode_frame(Header::new(FrameType::Ack), &vec![0; bytes as usize][..]);
    for max in [1024, PAYLOAD_BYTES_MAX] {
        assert!(matches!(decode_frame(&frame(max), max), Ok(Decoded::Frame { .. })));
        let too_long = frame(max + 1);
        assert_eq!(decode_frame(&too_long[..64], max), Err(Error::PayloadTooLarge), "before it has arrived");
    }
}

#[test]
fn layers_have_limits() {
    let layer = |bit_count: u32| Layer { bit_count, bits: &ZEROS[..bit_count.div_ceil(8) as usize] };
    let decoded = |layers: &[Layer<'_>]| Rounds::decode(&payload(layers)).map(|rounds| rounds.count());
    assert_eq!(decoded(&vec![layer(8); LAYERS_MAX as usize]), Ok(LAYERS_MAX as usize));
    assert_eq!(decoded(&vec![layer(8); LAYERS_MAX as usize + 1]), Err(Error::MalformedPayload));
    assert_eq!(decoded(&[]), Err(Error::MalformedPayload));
    assert_eq!(decoded(&[layer(LAYER_BITS_MAX)]), Ok(1));
    assert_eq!(decoded(&[layer(LAYER_BITS_MAX + 1)]), Err(Error::MalformedPayload));
    assert_eq!(decoded(&[Layer { bit_count: 7, bits: &[0x7f] }]), Ok(1));
    assert_eq!(decoded(&[Layer { bit_count: 7, bits: &[0x80] }]), Err(Error::MalformedPayload));
    let mut pair = Pair::streaming(10);
    for bad in [&[Layer { bit_count: 4, bits: &[0x10] }][..], &[Layer { bit_count: 4, bits: &[] }], &[]] {
        let batch = RoundsBatch { first_round: Round(0), layers: bad, skips: false, is_last: false };
        assert_eq!(pair.client.send_rounds(STREAM, batch, Time(0)), Err(Error::BadArgument));
    }
}

#[test]
fn streams_have_limits() {
    let cycle = |count: u32, width: u32| Open {
        widths: Widths { first: 1, cycle: vec![width; count as usize], last: 1 },
        ..model()
    };
    let observables = |observables| Open { observables, ..model() };
    for (open, good) in [
        (cycle(1, 0), true),
        (cycle(CYCLE_LAYERS_MAX, LAYER_BITS_MAX), true),
        (cycle(0, 1), false),
        (cycle(CYCLE_LAYERS_MAX + 1, 1), false),
        (cycle(1, LAYER_BITS_MAX + 1), false),
        (observables(OBSERVABLES_MAX), true),
        (observables(OBSERVABLES_MAX + 1), false),
    ] {
        assert_eq!(Open::decode(&payload(&open)).is_ok(), good, "{open:?}");
        assert_eq!(Pair::new().client.open(STREAM, &open, Time(0)).is_ok(), good);
    }
    assert_eq!(Pair::new().client.open(StreamId(0), &model(), Time(0)), Err(Error::BadArgument));
}

#[test]
fn lists_have_limits() {
    let ranges = |count: u32| vec![CellRange { first: CellId(1), count: 2, stride: 3 }; count as usize];
    let assign =
        |ranges: &[CellRange]| Assign::decode(&payload(&Assign { cells: ranges.into() })).map(|_| ());
    assert_eq!(assign(&ranges(CELL_RANGES_MAX)), Ok(()));
    assert_eq!(assign(&ranges(CELL_RANGES_MAX + 1)), Err(Error::MalformedPayload));
    for (first, count, stride, good) in [
        (u64::MAX, 1, 1, true),
        (u64::MAX, 2, 1, false),
        (0, u64::MAX - 1, 2, false),
        (0, CellRange::ENDLESS, u64::MAX, true),
        (0, 0, 1, false),
        (0, 1, 0, false),
    ] {
        let range = CellRange { first: CellId(first), count, stride };
        assert_eq!(assign(&[range]).is_ok(), good, "{range:?}");
    }

    let commit = |words: u32, marks: u32| {
        let parity = vec![0; words as usize];
        let marks: Vec<Mark> = (0..marks).map(|index| Mark { layer: 0, index }).collect();
        let (parity, marks) = ((&parity[..]).into(), (&marks[..]).into());
        let commit = Commit { cell: CellId(0), hops: Hops::default(), parity, marks };
        Commit::decode(&payload(&commit)).map(|_| ())
    };
    assert_eq!(commit(OBSERVABLES_MAX / 64, MARKS_MAX), Ok(()));
    assert_eq!(commit(OBSERVABLES_MAX / 64 + 1, 0), Err(Error::MalformedPayload));
    assert_eq!(commit(0, MARKS_MAX + 1), Err(Error::MalformedPayload));

    let closed = |cells: u32, open_count: u64| {
        let cells = vec![CellId(1); cells as usize];
        Closed::decode(&payload(&Closed { code: 0, open_count, open_cells: (&cells[..]).into() })).map(|_| ())
    };
    assert_eq!(closed(OPEN_CELLS_MAX, u64::MAX), Ok(()));
    assert_eq!(closed(OPEN_CELLS_MAX + 1, u64::MAX), Err(Error::MalformedPayload));
    assert_eq!(closed(2, 1), Err(Error::MalformedPayload));
}

#[test]
fn ranges_hold_the_cells_they_say() {
    let range = CellRange { first: CellId(10), count: 3, stride: 4 };
    let cells: Vec<u64> = (0..40).filter(|&cell| range.contains(CellId(cell))).collect();
    assert_eq!(cells, [10, 14, 18]);
    let endless = CellRange { count: CellRange::ENDLESS, ..range };
    assert!(endless.contains(CellId(u64::MAX - 1)) && !endless.contains(CellId(u64::MAX)));
}

#[test]
fn texts_are_cut_at_their_limit_and_must_be_text() {
    let long = "ä".repeat(TEXT_BYTES_MAX as usize);
    let cut = payload(&Fault::new(Error::StreamRefused, &long));
    assert_eq!(Fault::decode(&cut).map(|fault| fault.text.len()), Ok(TEXT_BYTES_MAX as usize));
    let odd = format!("a{long}");
    let cut = payload(&Fault::new(Error::StreamRefused, &odd));
    assert_eq!(Fault::decode(&cut).map(|fault| fault.text.len()), Ok(TEXT_BYTES_MAX as usize - 1));
    let mut bytes = payload(&Fault::new(Error::StreamRefused, "ok"));
    bytes[72] = 0xff;
    assert_eq!(Fault::decode(&bytes), Err(Error::MalformedPayload));
    bytes[4..8].copy_from_slice(&(TEXT_BYTES_MAX + 1).to_le_bytes());
    bytes.resize(72 + TEXT_BYTES_MAX as usize + 1, b'a');
    assert_eq!(Fault::decode(&bytes), Err(Error::MalformedPayload));
}

#[test]
fn as_many_streams_as_agreed_on_may_be_open() {
    let options = Options { streams_max: 3, ..Options::default() };
    let mut pair = Pair::with(&options);
    for stream in 1..=3 {
        pair.open(StreamId(stream), 1);
    }
    assert_eq!(pair.client.open(StreamId(4), &model(), Time(0)), Err(Error::StreamsFull));
    pair.server_gets(&forge(Header::new(FrameType::Open), 7, &model(), |_| ()));
    assert_eq!(pair.at_server, ["Failed(StreamsFull)"]);
}

#[test]
fn what_is_not_acknowledged_is_kept_up_to_a_limit() {
    let frame_bytes = 64 + 8 + 4 + 1;
    let frames = 300;
    let opening = 2 * 64 + 88 + 32;
    let options = Options {
        retained_bytes: opening + frames * frame_bytes,
        payload_bytes_max: 1024,
        ..Options::default()
    };
    let mut pair = Pair::with(&options);
    pair.open(STREAM, 1 << 20);
    let kept = (0..).take_while(|&round| pair.send_round(round).is_ok()).count() as u64;
    assert!((frames as u64..=frames as u64 + 3).contains(&kept), "{kept}");
    assert_eq!(pair.send_round(kept), Err(Error::RetentionFull));
    pair.pump();
    pair.wait(options.acknowledge_ns * 2);
    pair.send_round(kept).expect("room again, and no round is missing");
    pair.pump();
    assert_eq!(pair.at_server.len() as u64, kept + 1);
}

#[test]
fn no_more_frames_are_kept_than_the_window_has_numbers() {
    let mut pair = Pair::with(&Options { retained_bytes: 8 << 20, ..Options::default() });
    pair.open(STREAM, 1 << 20);
    pair.wait(10_000_000);
    for round in 0..RETAINED_FRAMES_MAX as u64 {
        pair.send_round(round).expect("room in the window");
    }
    assert_eq!(pair.send_round(RETAINED_FRAMES_MAX as u64), Err(Error::RetentionFull));
}

#[test]
fn frames_longer_than_the_other_side_takes_are_not_sent() {
    let mut pair = Pair::with(&Options { payload_bytes_max: 1024, ..Options::default() });
    pair.open(STREAM, 1000);
    let many: Vec<Layer<'_>> = (0..300).map(|round| layers(round)[0]).collect();
    let batch = |layers| RoundsBatch { first_round: Round(0), layers, skips: false, is_last: false };
    assert_eq!(pair.client.send_rounds(STREAM, batch(&many[..204]), Time(0)), Err(Error::BadArgument));
    pair.client.send_rounds(STREAM, batch(&many[..203]), Time(0)).expect("1023 bytes");
    pair.pump();
    assert_eq!(pair.at_server.len(), 1);
}

#[test]
fn bytes_may_be_cut_anywhere() {
    let options = Options { payload_bytes_max: 1024, ..Options::default() };
    for piece in [1, 7, 63, 64, 1000, 5000] {
        let mut pair = Pair::with(&options);
        pair.open(STREAM, 2_000);
        let mut bytes = Vec::new();
        for frame in 0..20_u64 {
            let many: Vec<Layer<'_>> = (0..100).map(|layer| layers(100 * frame + layer)[0]).collect();
            let batch =
                RoundsBatch { first_round: Round(100 * frame), layers: &many, skips: false, is_last: false };
            pair.client.send_rounds(STREAM, batch, Time(0)).expect("credit is there");
            bytes.extend(pair.client_sends());
        }
        bytes.chunks(piece).for_each(|piece| pair.server_gets(piece));
        assert_eq!(pair.at_server.len(), 20, "pieces of {piece} bytes: {:?}", pair.at_server.last());
        assert!(pair.at_server.iter().all(|event| event.starts_with("Rounds")));
    }
}

/// A sender that offers more than there is room for is told how much was taken.
#[test]
fn input_is_taken_as_far_as_there_is_room() {
    let mut pair = Pair::streaming(1000);
    let flood = vec![0; 1 << 20];
    let taken = pair.server.receive(&flood, Time(0));
    assert_eq!(taken, 2 * (64 + Options::default().payload_bytes_max as usize));
    assert_eq!(pair.server.receive(&flood, Time(0)), 0);
}

#[test]
fn flags_are_refused_if_they_are_critical_and_not_known() {
    for bit in 0..32 {
        let header = Header { flags: 1 << bit, ..Header::new(FrameType::Ping) };
        match decode_frame(&encode_frame(header, &[0; 24][..]), 1024) {
            Ok(Decoded::Frame { header, .. }) => assert!(1 << bit & FLAGS_CRITICAL == 0 && header.flags == 0),
            decoded => assert!(1 << bit & FLAGS_CRITICAL != 0 && decoded == Err(Error::UnknownFlag)),
        }
    }
}

#[test]
fn header_fields_that_a_type_does_not_use_are_zero() {
    let base = |frame_type: FrameType| {
        let mut header = Header::new(frame_type);
        if frame_type.is_sequenced() {
            (header.sequence, header.stream) = (1, STREAM);
        }
        if matches!(frame_type, FrameType::Assign | FrameType::Rounds | FrameType::Marks | FrameType::Commit)
        {
            header.epoch = outrider_wire::Epoch(1);
        }
        header
    };
    let accepted = |header| decode_frame(&encode_frame(header, &[0u8; 0][..]), 1024).map(|_| ());
    for frame_type in FrameType::ALL {
        let good = base(frame_type);
        assert_eq!(accepted(good), Ok(()), "{frame_type:?}");
        let placed = good.epoch.0 != 0 || frame_type == FrameType::Weights;
        let for_session = matches!(frame_type, FrameType::Close | FrameType::Closed);
        let sequenced = frame_type.is_sequenced();
        let refused = [
            Some(Header { sequence: 1 - good.sequence, ..good }),
            Some(Header { epoch: outrider_wire::Epoch(1 - good.epoch.0), ..good }),
            (!placed).then_some(Header { round: Round(1), ..good }),
            (!for_session).then_some(Header { stream: if sequenced { StreamId(0) } else { STREAM }, ..good }),
        ];
        for header in refused.into_iter().flatten() {
            assert_eq!(accepted(header), Err(Error::WrongField), "{header:?}");
        }
    }
}

const ZEROS: [u8; 8193] = [0; 8193];

fn payload(payload: &(impl Payload + ?Sized)) -> Vec<u8> {
    let mut bytes = vec![0; payload.payload_bytes()];
    payload.write(&mut bytes);
    bytes
}
