//! PROTOCOL.md is normative: its tables say what the code does.

use outrider_wire::{Error, FrameType, HEADER_BYTES, MAGIC, limits};

const DOCUMENT: &str = include_str!("../../PROTOCOL.md");

#[test]
fn every_error_stands_there_with_its_value_and_scope() {
    let rows: Vec<[&str; 3]> = rows().filter(|row| row[0].starts_with("0x0")).collect();
    let expected: Vec<[String; 3]> = Error::ALL
        .iter()
        .map(|error| {
            [format!("0x{:04x}", error.code()), format!("{error:?}"), format!("{:?}", error.scope())]
        })
        .collect();
    assert_eq!(rows, expected);
    for error in Error::ALL {
        assert_eq!(Error::from_code(error.code().into()), Some(error));
    }
    assert_eq!(Error::from_code(0), None);
    assert_eq!(Error::from_code(0x0001_0101), None);
}

#[test]
fn every_limit_stands_there_with_its_value() {
    let expected: [(&str, u64); 21] = [
        ("PAYLOAD_BYTES_MAX", limits::PAYLOAD_BYTES_MAX.into()),
        ("PAYLOAD_BYTES_MIN", limits::PAYLOAD_BYTES_MIN.into()),
        ("LAYERS_MAX", limits::LAYERS_MAX.into()),
        ("LAYER_BITS_MAX", limits::LAYER_BITS_MAX.into()),
        ("CYCLE_LAYERS_MAX", limits::CYCLE_LAYERS_MAX.into()),
        ("OBSERVABLES_MAX", limits::OBSERVABLES_MAX.into()),
        ("MARKS_MAX", limits::MARKS_MAX.into()),
        ("CELL_RANGES_MAX", limits::CELL_RANGES_MAX.into()),
        ("FACTORS_MAX", limits::FACTORS_MAX.into()),
        ("WEIGHTS_ROUNDS_MAX", limits::WEIGHTS_ROUNDS_MAX),
        ("OPEN_CELLS_MAX", limits::OPEN_CELLS_MAX.into()),
        ("TEXT_BYTES_MAX", limits::TEXT_BYTES_MAX.into()),
        ("STREAMS_MAX", limits::STREAMS_MAX.into()),
        ("RETAINED_FRAMES_MAX", limits::RETAINED_FRAMES_MAX as u64),
        ("RETAINED_BYTES_MAX", limits::RETAINED_BYTES_MAX as u64),
        ("ACKNOWLEDGE_FRAMES", limits::ACKNOWLEDGE_FRAMES.into()),
        ("REPAIRS_MAX", limits::REPAIRS_MAX.into()),
        ("HEARTBEAT_NS_MIN", limits::HEARTBEAT_NS_MIN),
        ("HEARTBEAT_NS_MAX", limits::HEARTBEAT_NS_MAX),
        ("SILENT_HEARTBEATS_MAX", limits::SILENT_HEARTBEATS_MAX.into()),
        ("FRAME_BYTES_MAX", limits::FRAME_BYTES_MAX as u64),
    ];
    for (name, value) in expected {
        let row = rows().find(|row| row[0] == format!("`{name}`")).expect(name);
        assert_eq!(row[1].replace(',', "").parse(), Ok(value), "{name}");
    }
}

#[test]
fn every_type_of_frame_stands_there_with_its_value() {
    for frame_type in FrameType::ALL {
        let value = frame_type.code().to_string();
        let name = format!("{frame_type:?}").to_uppercase().replace("STREAMERROR", "STREAM_ERROR");
        assert!(rows().any(|row| row[0] == value && row[1] == name), "{value} {name}");
        assert_eq!(FrameType::from_code(frame_type.code().into()), Some(frame_type));
    }
}

#[test]
fn the_first_bytes_stand_there() {
    assert_eq!((HEADER_BYTES, MAGIC.to_le_bytes()), (64, *b"OTRW"));
    assert!(DOCUMENT.contains("`4f 54 52 57`"));
}

/// The first three cells of every row of every table.
fn rows() -> impl Iterator<Item = [&'static str; 3]> {
    DOCUMENT.lines().filter_map(|line| {
        let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
        Some([cells.next()?, cells.next()?, cells.next()?])
    })
}
