use std::fmt;
use std::io;

use rustix::io::Errno;

/// What went wrong with a ring, its memory or its descriptor.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The message does not fit at present; the consumer has to make room first.
    Full,
    /// The other end is gone for good, and nothing that it sent is left.
    Closed,
    /// A message that this ring can never hold.
    TooLong {
        /// Its length.
        bytes: usize,
        /// The longest that fits.
        max: usize,
    },
    /// The other end broke the protocol. The ring has ended: every later call gives the same error.
    Corrupt(Corruption),
    /// This end of the ring was given out before.
    Taken(End),
    /// A capacity that is no power of two from [`CAPACITY_BYTES_MIN`](crate::CAPACITY_BYTES_MIN) to
    /// [`CAPACITY_BYTES_MAX`](crate::CAPACITY_BYTES_MAX), or not the one that the size of the memory tells.
    Capacity {
        /// The capacity asked for or found.
        bytes: u64,
    },
    /// The descriptor is not anonymous memory whose size is sealed, so that accesses could fault.
    Unsealed,
    /// The memory has a size that no ring has.
    Size {
        /// The size found.
        bytes: u64,
    },
    /// The memory does not start as a ring does.
    Magic {
        /// The word found instead of [`MAGIC`](crate::MAGIC).
        found: u64,
    },
    /// A ring of another layout.
    Version {
        /// The version found; this one is [`VERSION`](crate::VERSION).
        found: u32,
    },
    /// A message on the socket that does not carry exactly one descriptor.
    Descriptors {
        /// How many came.
        count: usize,
    },
    /// The operating system refused.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Corruption {
    /// The producer claims more words than the ring holds.
    Written {
        /// Its position.
        found: u64,
        /// The position of the consumer, which noticed it.
        read: u64,
    },
    /// The consumer claims to have read what was not written, or went backwards.
    Read {
        /// Its position.
        found: u64,
        /// The position of the producer, which noticed it.
        written: u64,
    },
    /// A message longer than what was written of it, or than any may be.
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

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => write!(f, "the ring is full"),
            Self::Closed => write!(f, "the other end of the ring is closed"),
            Self::TooLong { bytes, max } => {
                write!(f, "a message of {bytes} bytes does not fit the ring; the longest has {max}")
            }
            Self::Corrupt(corruption) => write!(f, "the other end broke the ring: {corruption}"),
            Self::Taken(end) => write!(f, "the {end} of the ring is taken"),
            Self::Capacity { bytes } => write!(f, "a ring cannot have a capacity of {bytes} bytes"),
            Self::Unsealed => write!(f, "the descriptor is not memory of a sealed size"),
            Self::Size { bytes } => write!(f, "memory of {bytes} bytes cannot hold a ring"),
            Self::Magic { found } => write!(f, "the memory holds no ring: it starts with {found:#018x}"),
            Self::Version { found } => {
                write!(f, "the ring has layout version {found}; this program knows {}", crate::VERSION)
            }
            Self::Descriptors { count } => {
                write!(f, "the message carries {count} descriptors instead of one")
            }
            Self::System { action, source } => write!(f, "cannot {action}: {source}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::System { source, .. } => Some(source),
            _ => None,
        }
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

impl fmt::Display for Corruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Written { found, read } => {
                write!(f, "the producer is at word {found}, out of reach of the consumer at {read}")
            }
            Self::Read { found, written } => {
                write!(f, "the consumer is at word {found}, out of reach of the producer at {written}")
            }
            Self::Length { found } => write!(f, "a message of {found} bytes was not written"),
        }
    }
}
