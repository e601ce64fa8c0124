//! The payload of ROUNDS: consecutive layers of detection events, packed as everywhere in this project: bit k
//! of a layer is bit k % 8 of byte k / 8.

use crate::bytes::{Reader, Writer};
use crate::error::Error;
use crate::frame::Payload;
use crate::limits::{LAYER_BITS_MAX, LAYERS_MAX};

/// The detection events of one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layer<'a> {
    /// How many detectors the layer has.
    pub bit_count: u32,
    /// Their events, in `bit_count.div_ceil(8)` bytes; unused bits are zero.
    pub bits: &'a [u8],
}

/// The layers of a ROUNDS frame, read in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rounds<'a> {
    count: usize,
    layers: Reader<'a>,
}

impl<'a> Rounds<'a> {
    /// Reads the payload of a ROUNDS frame.
    pub fn decode(payload: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(payload);
        let count = reader.count(LAYERS_MAX)?;
        reader.reserved()?;
        let rounds = Self { count, layers: reader };
        // Most layers are as wide as the one before. Where that is guessed, nobody waits for the width to be read.
        let mut before = Layer { bit_count: 0, bits: &[] };
        for _ in 0..count {
            let bit_count = reader.u32()?;
            let bits = if bit_count == before.bit_count {
                reader.bytes(before.bits.len())?
            } else {
                reader.bytes(byte_count(bit_count))?
            };
            let layer = Layer { bit_count, bits };
            if !layer.is_valid() {
                return Err(Error::MalformedPayload);
            }
            before = layer;
        }
        reader.end()?;
        if count == 0 { Err(Error::MalformedPayload) } else { Ok(rounds) }
    }

    /// How many layers there are; at least one.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The layers, in order.
    pub fn layers(&self) -> impl Iterator<Item = Layer<'a>> + use<'a> {
        let mut reader = self.layers;
        // They were all read once when the payload was decoded.
        (0..self.count).map_while(move |_| take_layer(&mut reader).ok())
    }
}

impl Layer<'_> {
    pub(crate) fn is_valid(&self) -> bool {
        let unused = self.bit_count % 8;
        let padded = unused != 0 && self.bits.last().is_some_and(|last| last >> unused != 0);
        self.bit_count <= LAYER_BITS_MAX && self.bits.len() == byte_count(self.bit_count) && !padded
    }
}

/// What a sender gives.
impl Payload for [Layer<'_>] {
    fn payload_bytes(&self) -> usize {
        8 + self.iter().map(|layer| 4 + layer.bits.len()).sum::<usize>()
    }

    fn write(&self, payload: &mut [u8]) {
        let mut writer = Writer::new(payload);
        writer.u32(self.len() as u32);
        writer.u32(0);
        for layer in self {
            writer.u32(layer.bit_count);
            writer.bytes(layer.bits);
        }
    }
}

fn take_layer<'a>(reader: &mut Reader<'a>) -> Result<Layer<'a>, Error> {
    let bit_count = reader.u32()?;
    Ok(Layer { bit_count, bits: reader.bytes(byte_count(bit_count))? })
}

fn byte_count(bit_count: u32) -> usize {
    bit_count.div_ceil(8) as usize
}
