use crate::error::{Error, argument_error};

/// How the noise of a stream is learned while it is decoded; see [`StreamLearning`](crate::StreamLearning).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamLearningOptions {
    /// Rounds after which a round counts 1/e of what a new one does:
    /// [`MEMORY_MIN`](Self::MEMORY_MIN) to [`MEMORY_MAX`](Self::MEMORY_MAX).
    pub memory: u64,
    /// Rounds that weights hold for: [`EVERY_MIN`](Self::EVERY_MIN) to [`EVERY_MAX`](Self::EVERY_MAX).
    pub every: u64,
}

impl StreamLearningOptions {
    /// Rounds that weights hold for by default.
    pub const EVERY_DEFAULT: u64 = 32_768;
    /// Least rounds that weights hold for.
    pub const EVERY_MIN: u64 = 1024;
    /// Most rounds that weights hold for.
    pub const EVERY_MAX: u64 = 1 << 40;
    /// Least rounds of memory.
    pub const MEMORY_MIN: u64 = 1024;
    /// Most rounds of memory.
    pub const MEMORY_MAX: u64 = 1 << 32;

    /// # Errors
    /// [`Argument`](crate::Status::Argument) for options out of range.
    pub(crate) fn check(self) -> Result<(), Error> {
        let check = |what, rounds: u64, least, most| match (least..=most).contains(&rounds) {
            true => Ok(()),
            false => Err(argument_error(&format!("{what} {rounds} rounds; it is {least} to {most}"))),
        };
        check("a memory of", self.memory, Self::MEMORY_MIN, Self::MEMORY_MAX)?;
        check("weights that hold for", self.every, Self::EVERY_MIN, Self::EVERY_MAX)
    }
}
