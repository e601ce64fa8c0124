//! How many shots to sample at once.

use outrider::Sampler;

/// Bytes of packed rows that are sampled at a time: bounds the memory of models with millions of detectors.
const CHUNK_BYTES: usize = 1 << 24;

/// Shots to sample at a time, at most `most`: whole blocks of the sampler, so that no work is wasted, unless not even
/// one fits the memory set aside. Depends on nothing but the width of the rows.
pub(crate) fn chunk_shots(row_bytes: usize, most: usize) -> usize {
    let fitting = (CHUNK_BYTES / row_bytes.max(1)).clamp(1, most);
    if fitting < Sampler::BLOCK_SHOTS { fitting } else { fitting - fitting % Sampler::BLOCK_SHOTS }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_whole_blocks_that_fit() {
        for (row_bytes, most, expected) in [
            (0, 16384, 16384),
            (100, 16384, 16384),
            (4000, 16384, 4096),
            (10_000, 16384, 1536),
            (10_000, 1024, 1024),
            (65_536, 16384, 256),
            (65_537, 16384, 255),
            (usize::MAX, 16384, 1),
        ] {
            assert_eq!(chunk_shots(row_bytes, most), expected, "{row_bytes} bytes");
        }
    }
}
