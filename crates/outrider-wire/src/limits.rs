//! Every limit of the protocol, in one place. `PROTOCOL.md` lists them with their reasons.

use crate::header::HEADER_BYTES;

/// Most payload bytes of a frame. A side may allow less, but never less than [`PAYLOAD_BYTES_MIN`].
pub const PAYLOAD_BYTES_MAX: u32 = 65_536;
/// Least payload bytes that each side must accept: room for every handshake, control and fault payload.
pub const PAYLOAD_BYTES_MIN: u32 = 1_024;
/// Most bytes of a frame.
pub const FRAME_BYTES_MAX: usize = HEADER_BYTES + PAYLOAD_BYTES_MAX as usize;

/// Most layers in a ROUNDS frame.
pub const LAYERS_MAX: u32 = 1_024;
/// Most detectors in a layer.
pub const LAYER_BITS_MAX: u32 = 65_536;
/// Most layers after which the widths of a stream repeat.
pub const CYCLE_LAYERS_MAX: u32 = 128;
/// Most observables of a stream, hence 64 parity words in a COMMIT frame.
pub const OBSERVABLES_MAX: u32 = 4_096;
/// Most marks in a COMMIT or MARKS frame.
pub const MARKS_MAX: u32 = 4_096;
/// Most factors of the weights of a stream, which come in as many WEIGHTS frames as they need.
pub const FACTORS_MAX: u32 = 1 << 20;
/// Most rounds that weights hold for.
pub const WEIGHTS_ROUNDS_MAX: u64 = 1 << 40;
/// Most ranges of cells in an ASSIGN frame.
pub const CELL_RANGES_MAX: u32 = 32;
/// Most open cells that a CLOSED frame names; it always gives their number.
pub const OPEN_CELLS_MAX: u32 = 64;
/// Most bytes of the text of a fault.
pub const TEXT_BYTES_MAX: u32 = 256;

/// Most streams open at a time in a session.
pub const STREAMS_MAX: u32 = 256;
/// Most sequenced frames that a side keeps until they are acknowledged, and so the window of sequence
/// numbers.
pub const RETAINED_FRAMES_MAX: usize = 4_096;
/// Most bytes of sequenced frames that a side keeps until they are acknowledged.
pub const RETAINED_BYTES_MAX: usize = 64 << 20;
/// A receiver acknowledges at the latest after this many sequenced frames.
pub const ACKNOWLEDGE_FRAMES: u32 = 32;
/// How often the same sequence number may be asked for again before the connection ends.
pub const REPAIRS_MAX: u32 = 8;

/// Shortest heartbeat.
pub const HEARTBEAT_NS_MIN: u64 = 100_000;
/// Longest heartbeat.
pub const HEARTBEAT_NS_MAX: u64 = 60_000_000_000;
/// Most heartbeats of silence that may be waited for.
pub const SILENT_HEARTBEATS_MAX: u32 = 100;
