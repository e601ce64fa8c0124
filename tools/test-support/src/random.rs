/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): the same numbers from the same seed in every run, on every machine.
/// Traces and golden files depend on them.
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    /// 64 random bits.
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number below `bound`, which is not zero.
    pub fn below(&mut self, bound: usize) -> usize {
        self.below_u64(bound as u64) as usize
    }

    /// A number below `bound`, which is not zero.
    pub fn below_u64(&mut self, bound: u64) -> u64 {
        self.word() % bound
    }

    /// Yes, once in `count` times.
    pub fn one_in(&mut self, count: u64) -> bool {
        self.below_u64(count) == 0
    }

    /// Random bytes.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.word().to_le_bytes()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of two seeds, from the reference implementation of Sebastiano Vigna.
    #[test]
    fn numbers_are_those_of_splitmix64() {
        let mut random = Random(0);
        assert_eq!([random.word(), random.word()], [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]);
        let mut random = Random(1_234_567);
        assert_eq!(random.word(), 6_457_827_717_110_365_317);
    }

    #[test]
    fn bytes_are_those_of_words() {
        let (mut random, mut words) = (Random(5), Random(5));
        let mut bytes = [0; 11];
        random.fill(&mut bytes);
        assert_eq!(bytes[..8], words.word().to_le_bytes());
        assert_eq!(bytes[8..], words.word().to_le_bytes()[..3]);
        assert_eq!(random.0, words.0);
    }
}
