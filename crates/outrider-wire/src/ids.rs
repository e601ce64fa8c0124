//! The numbers and hashes by which the two sides name things.

use std::fmt;
use std::ops::{Add, Sub};

/// A session: one controller on one node. The node chooses the number, never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// A stream: one logical patch, or the part of it that a node sees. The controller chooses the number, never
/// zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u32);

/// A cell of the plan of a stream. Two of them differ by a number of cells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellId(pub u64);

/// A round of a stream, and the layer of its detectors; the first is 0. Two of them differ by a number of rounds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Round(pub u64);

/// The fence of a stream: grows with every assignment of cells; zero before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u32);

/// The place of a frame among the sequenced frames of its direction; the first is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u64);

/// What a client shows to resume its session. The node draws it at random.
#[derive(Clone, Copy)]
pub struct Token(pub [u8; 16]);

/// A SHA-256 hash of a model or plan. The protocol only compares it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

/// Numbers that follow each other without holes: two of them differ by a count.
macro_rules! consecutive {
    ($name:ident) => {
        impl $name {
            /// The one so many later, if there is one.
            pub fn checked_add(self, count: u64) -> Option<Self> {
                self.0.checked_add(count).map(Self)
            }

            /// How many there are from an earlier one to this one; nothing if that is a later one.
            pub fn checked_sub(self, earlier: Self) -> Option<u64> {
                self.0.checked_sub(earlier.0)
            }

            /// This one and all that follow.
            pub fn onwards(self) -> impl Iterator<Item = Self> {
                (self.0..).map(Self)
            }

            /// This one and those that follow, without `end`.
            pub fn until(self, end: Self) -> impl Iterator<Item = Self> {
                (self.0..end.0).map(Self)
            }
        }

        impl Add<u64> for $name {
            type Output = Self;

            fn add(self, count: u64) -> Self {
                Self(self.0 + count)
            }
        }

        impl Sub for $name {
            type Output = u64;

            fn sub(self, earlier: Self) -> u64 {
                self.0 - earlier.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

consecutive!(CellId);
consecutive!(Round);

impl Token {
    /// The token of a client that has no session.
    pub const NONE: Self = Self([0; 16]);

    /// Compares in a time that does not depend on where the tokens differ.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).fold(0, |differences, (a, b)| differences | (a ^ b)) == 0
    }

    /// Whether this is [`Token::NONE`].
    pub fn is_none(&self) -> bool {
        self.matches(&Self::NONE)
    }
}

impl fmt::Debug for Token {
    /// A secret: never its value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_none() { "Token(none)" } else { "Token(secret)" })
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
