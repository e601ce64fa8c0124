//! Shots through readers and writers, in pieces of every size.

use std::io::Read;

use outrider::{Format, Layout, ShotReader, ShotWriter, Shots, Status};

const LAYOUTS: [Layout; 5] = [
    Layout { measurements: 0, detectors: 1, observables: 0 },
    Layout { measurements: 3, detectors: 0, observables: 0 },
    Layout { measurements: 0, detectors: 24, observables: 0 },
    Layout { measurements: 0, detectors: 71, observables: 2 },
    Layout { measurements: 0, detectors: 1500, observables: 1 },
];
/// A multiple of 64, as ptb64 needs.
const SHOTS: usize = 128;

#[test]
fn every_format_survives_every_split() {
    for layout in LAYOUTS {
        let shots = some_shots(layout.bits(), SHOTS);
        for format in Format::ALL {
            let file = encode(&shots, format, layout, SHOTS);
            assert!(encode(&shots, format, layout, 7) == file, "{format}: writing in pieces");
            for (piece, capacity) in [(1, 1), (1, 100), (13, 64), (4096, 7), (usize::MAX, 1000)] {
                let input = Trickle { rest: &file, piece };
                let mut reader = ShotReader::new(input, format, layout).expect("a valid layout");
                let (mut all, mut batch) = (reader.batch(), reader.batch());
                while reader.read(&mut batch, capacity).unwrap_or_else(|error| panic!("{format}: {error}"))
                    > 0
                {
                    assert!(batch.len() <= capacity);
                    batch.rows().for_each(|row| all.push(row).expect("the same width"));
                }
                assert!(all == shots, "{format} {layout:?}, {piece} bytes and {capacity} shots at a time");
                assert_eq!(reader.shots_read(), SHOTS as u64);
            }
        }
    }
}

#[test]
fn a_last_line_of_digits_needs_no_line_feed_and_one_of_numbers_does() {
    let mut reader =
        ShotReader::new(&b"011\n110"[..], Format::Text01, Layout::detectors(3)).expect("a valid layout");
    assert_eq!(reader.read_to_end().expect("all digits are there").as_bytes(), [0b110, 0b011]);
    for (format, text) in [(Format::Hits, "1,2\n0,1"), (Format::Dets, "shot D1 D2\nshot D0 D1")] {
        for detectors in [3, 20] {
            let layout = Layout::detectors(detectors);
            let mut reader = ShotReader::new(text.as_bytes(), format, layout).expect("a valid layout");
            let mut batch = reader.batch();
            let error = reader.read(&mut batch, 10).expect_err("the 1 may be a cut 12");
            assert_eq!((batch.len(), error.status()), (1, Some(Status::Truncated)), "{format}");
            assert!(error.to_string().starts_with("shot 2, column "), "{error}");
        }
    }
}

#[test]
fn an_empty_file_has_no_shots() {
    for format in Format::ALL {
        let mut reader = ShotReader::new(&b""[..], format, Layout::detectors(3)).expect("a valid layout");
        assert!(reader.read_to_end().expect("nothing is wrong").is_empty(), "{format}");
        assert!(encode(&Shots::new(3), format, Layout::detectors(3), 1).is_empty(), "{format}");
    }
}

#[test]
fn columns_and_beside_are_inverses() {
    for (left, right) in [(0, 5), (8, 8), (1, 9), (71, 2), (13, 0), (7, 100)] {
        let shots = some_shots(left + right, 20);
        let first = shots.columns(0..left).expect("within the row");
        let second = shots.columns(left..left + right).expect("within the row");
        for row in 0..shots.len() {
            let expected: Vec<usize> =
                shots.ones(row).filter(|&bit| bit >= left).map(|bit| bit - left).collect();
            assert_eq!(second.ones(row).collect::<Vec<_>>(), expected);
        }
        assert!(first.beside(&second).expect("as many rows") == shots, "{left} and {right}");
    }
}

#[test]
fn set_padding_bits_of_rows_are_refused() {
    let mut shots = Shots::new(3);
    shots.push(&[0b111]).expect("three bits");
    let error = shots.push(&[0b1010_0000]).expect_err("np.packbits without bitorder='little'");
    assert_eq!(error.status(), Some(Status::Format));
    assert_eq!(
        error.to_string(),
        "shot 2: bits past the row's 3 are set in its last byte, 0xA0: another bit order (np.packbits needs \
         bitorder='little'), or rows of another width"
    );
    assert_eq!((shots.len(), shots.as_bytes()), (1, &[0b111][..]), "the batch stays as it was");
    Shots::new(0).push(&[]).expect("a row without bits has no padding");
    let mut whole = Shots::new(8);
    whole.push(&[0xFF]).expect("one byte");
    assert_eq!(whole.as_bytes(), [0xFF]);
}

/// An input that gives a few bytes at a time.
struct Trickle<'a> {
    rest: &'a [u8],
    piece: usize,
}

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let piece = self.piece.min(buffer.len());
        self.rest.read(&mut buffer[..piece])
    }
}

fn encode(shots: &Shots, format: Format, layout: Layout, piece: usize) -> Vec<u8> {
    let mut writer = ShotWriter::new(Vec::new(), format, layout).expect("a valid layout");
    let mut batch = writer.batch();
    for first in (0..shots.len()).step_by(piece) {
        batch.clear();
        (first..shots.len().min(first + piece))
            .for_each(|row| batch.push(shots.row(row)).expect("the same width"));
        writer.write(&batch).expect("memory does not fail");
    }
    writer.finish().expect("a multiple of 64 shots")
}

/// Rows from empty to full, in no regular pattern.
fn some_shots(bits: usize, count: usize) -> Shots {
    let mut state = bits as u64 + 1;
    let mut shots = Shots::new(bits);
    let mut row = vec![0; shots.stride()];
    for shot in 0..count {
        for byte in &mut row {
            *byte = 0;
            for bit in 0..8 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *byte |= u8::from((state >> 33) as usize % count < shot) << bit;
            }
        }
        if let (Some(last), used @ 1..) = (row.last_mut(), bits % 8) {
            *last &= (1 << used) - 1;
        }
        shots.push(&row).expect("the same width");
    }
    shots
}
