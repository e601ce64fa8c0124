//! Who is at the other end of a connection.

use std::fmt;
use std::net::IpAddr;

/// Whoever a transport finds at the other end of a connection. What sessions and greetings take of a node is counted by
/// peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
    /// A user of this host, by number: at a Unix socket or a ring.
    User(u32),
    /// The owner of a certificate, by its SHA-256.
    Certificate([u8; 32]),
    /// An address, where there is no certificate.
    Address(IpAddr),
}

impl fmt::Display for Peer {
    /// A certificate by the first eight bytes of its hash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(number) => write!(f, "user {number}"),
            Self::Certificate(digest) => {
                f.write_str("certificate ")?;
                digest.iter().take(8).try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::Address(address) => write!(f, "address {address}"),
        }
    }
}
