use std::fmt;
use std::io;

use rustix::io::Errno;

/// What went wrong with a ring, its memory or its descriptor.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The message does not fit at present; the consumer has to make room first.
    #[error("the ring is full")]
    Full,
    /// The other end is gone for good, and nothing that it sent is left.
    #[error("the other end of the ring is closed")]
    Closed,
    /// A message that this ring can never hold.
    #[error("a message of {bytes} bytes does not fit the ring; the longest has {max}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The longest that fits.
        max: usize,
    },
    /// The other end broke the protocol. The ring has ended: every later call gives the same error.
    #[error("the other end broke the ring: {0}")]
    Corrupt(Corruption),
    /// This end of the ring was given out before.
    #[error("the {0} of the ring is taken")]
    Taken(End),
    /// A capacity that is no power of two from [`CAPACITY_BYTES_MIN`](crate::CAPACITY_BYTES_MIN) to
    /// [`CAPACITY_BYTES_MAX`](crate::CAPACITY_BYTES_MAX), or not the one that the size of the memory implies.
    #[error("a ring cannot have a capacity of {bytes} bytes")]
    Capacity {
        /// The capacity asked for or found.
        bytes: u64,
    },
    /// The descriptor is not anonymous memory whose size is sealed, so that accesses could fault.
    #[error("the descriptor is not memory of a sealed size")]
    Unsealed,
    /// The memory has a size that no ring has.
    #[error("memory of {bytes} bytes cannot hold a ring")]
    Size {
        /// The size found.
        bytes: u64,
    },
    /// The memory does not start as a ring does.
    #[error("the memory holds no ring: it starts with {found:#018x}")]
    Magic {
        /// The word found instead of [`MAGIC`](crate::MAGIC).
        found: u64,
    },
    /// A ring of another layout.
    #[error("the ring has layout version {found}; this program knows {}", crate::VERSION)]
    Version {
        /// The version found; this one is [`VERSION`](crate::VERSION).
        found: u32,
    },
    /// A message on the socket that does not carry exactly one descriptor.
    #[error("the message carries {count} descriptors instead of one")]
    Descriptors {
        /// How many came.
        count: usize,
    },
    /// The operating system refused.
    #[error("cannot {action}: {source}")]
    System {
        /// What was attempted, such as `map the ring`.
        action: &'static str,
        /// The answer.
        source: io::Error,
    },
}

/// One of the two ends of a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// The end that sends.
    Producer,
    /// The end that receives.
    Consumer,
}

/// What the other end left in shared memory that no correct end leaves there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Corruption {
    /// The producer claims more words than the ring holds.
    #[error("the producer is at word {found}, out of reach of the consumer at {read}")]
    Written {
        /// Its position.
        found: u64,
        /// The position of the consumer, which noticed it.
        read: u64,
    },
    /// The consumer claims to have read what was not written, or went backwards.
    #[error("the consumer is at word {found}, out of reach of the producer at {written}")]
    Read {
        /// Its position.
        found: u64,
        /// The position of the producer, which noticed it.
        written: u64,
    },
    /// A message longer than what was written of it, or than any may be.
    #[error("a message of {found} bytes was not written")]
    Length {
        /// The length found, in bytes.
        found: u64,
    },
}

impl Error {
    pub(crate) fn system(action: &'static str) -> impl Fn(Errno) -> Self {
        move |errno| Self::System { action, source: errno.into() }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        })
    }
}
