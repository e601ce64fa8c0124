//! The bytes of a fuzzer, read as what to do next.

pub(crate) struct Script<'a> {
    rest: &'a [u8],
}

impl<'a> Script<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next byte, unless the script is over.
    pub(crate) fn next(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    /// The next byte; zero once the script is over.
    pub(crate) fn byte(&mut self) -> u8 {
        self.next().unwrap_or(0)
    }

    pub(crate) fn bit(&mut self) -> bool {
        self.byte() & 1 != 0
    }

    /// A number of any size: most bytes stand for themselves, the others for what lies around the powers of two.
    pub(crate) fn number(&mut self) -> u64 {
        let byte = self.byte();
        match byte {
            0..192 => byte.into(),
            _ => {
                let power = 1_u64 << (byte - 192);
                power.wrapping_sub(self.byte().into())
            }
        }
    }

    /// Up to so many bytes, and fewer where the script ends.
    pub(crate) fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (bytes, rest) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = rest;
        bytes
    }

    /// Bytes with their count before them.
    pub(crate) fn some_bytes(&mut self) -> &'a [u8] {
        let count = self.byte();
        self.bytes(count.into())
    }
}
