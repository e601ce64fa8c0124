//! Whatever decodes whole shots one by one, behind one interface.

use outrider::{Decoder, Error};

use crate::decoding::sum_decoder::SumDecoder;

/// What decodes single shots.
pub(crate) trait DecodeShot: Send {
    /// Bytes of packed observables.
    fn observable_bytes(&self) -> usize;
    /// Decodes packed events into packed observables. Gives the events that were left to match, if any are matched.
    fn decode_shot(&mut self, detectors: &[u8], observables: &mut [u8]) -> Result<Option<u32>, Error>;
}

impl DecodeShot for Decoder {
    fn observable_bytes(&self) -> usize {
        self.graph().observable_bytes()
    }

    fn decode_shot(&mut self, detectors: &[u8], observables: &mut [u8]) -> Result<Option<u32>, Error> {
        Ok(Some(self.decode(detectors, &[], observables)?.matched_count))
    }
}

impl DecodeShot for SumDecoder {
    fn observable_bytes(&self) -> usize {
        self.ratios().len().div_ceil(8)
    }

    fn decode_shot(&mut self, detectors: &[u8], observables: &mut [u8]) -> Result<Option<u32>, Error> {
        self.decode(detectors, observables)?;
        Ok(None)
    }
}
