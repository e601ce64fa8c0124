//! Where a node listens, as people write it.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

/// The address of a node.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// `unix:PATH`: a Unix socket.
    Unix(PathBuf),
    /// `ring:PATH`: shared memory on the same host, handed over through this Unix socket. Linux only.
    Ring(PathBuf),
    /// `tcp:HOST:PORT`: TCP without encryption, within this host only. Port 0 is for listening on any that is free.
    Tcp(String),
    /// `tls:HOST:PORT`: TLS, on which both sides show certificates.
    Tls(String),
}

impl Address {
    /// The host of a TCP or TLS address; nothing for others.
    pub fn host(&self) -> &str {
        let (Self::Tcp(host_port) | Self::Tls(host_port)) = self else { return "" };
        let host = host_port.rsplit_once(':').map_or(&host_port[..], |(host, _)| host);
        host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
    }

    /// Whether this operating system has the kind of connection.
    ///
    /// # Errors
    /// [`Unsupported`](io::ErrorKind::Unsupported) for `ring:` addresses anywhere but on Linux.
    pub fn check_system(&self) -> io::Result<()> {
        match self {
            Self::Ring(_) if !HAS_RINGS => Err(no_rings()),
            _ => Ok(()),
        }
    }
}

/// Rings are of `memfd_create`, seals and futexes.
const HAS_RINGS: bool = cfg!(target_os = "linux");

pub(crate) fn no_rings() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "ring: transports need Linux")
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || format!("'{}' is no address; expected {FORMS}", text.escape_debug());
        let (kind, rest) = text.split_once(':').ok_or_else(refused)?;
        let has_port =
            rest.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        let address = match kind {
            "unix" if !rest.is_empty() => Self::Unix(rest.into()),
            "ring" if !rest.is_empty() => Self::Ring(rest.into()),
            "tcp" if has_port => Self::Tcp(rest.to_owned()),
            "tls" if has_port => Self::Tls(rest.to_owned()),
            _ => return Err(refused()),
        };
        address.check_system().map_err(|error| format!("'{}': {error}", text.escape_debug()))?;
        Ok(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Ring(path) => write!(f, "ring:{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp:{address}"),
            Self::Tls(address) => write!(f, "tls:{address}"),
        }
    }
}

const FORMS: &str = "unix:PATH, ring:PATH, tcp:HOST:PORT or tls:HOST:PORT";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_they_are_written() {
        for text in ["unix:/run/node.sock", "tcp:127.0.0.1:7117", "tls:[::1]:7118", "tls:a.b:1"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        for text in ["", "unix:", "tcp:127.0.0.1", "tcp::1", "tls:host:65536", "http:a:1", "/run/x"] {
            assert!(text.parse::<Address>().unwrap_err().contains("expected unix:PATH"), "{text}");
        }
        assert_eq!("tls:[::1]:7118".parse::<Address>().unwrap().host(), "::1");
    }

    #[test]
    fn rings_need_linux() {
        let (text, ring) = ("ring:node.ring", Address::Ring("node.ring".into()));
        assert_eq!(ring.to_string(), text);
        if cfg!(target_os = "linux") {
            ring.check_system().unwrap();
            assert_eq!(text.parse(), Ok(ring));
        } else {
            assert_eq!(ring.check_system().unwrap_err().kind(), io::ErrorKind::Unsupported);
            assert_eq!(text.parse::<Address>().unwrap_err(), "'ring:node.ring': ring: transports need Linux");
        }
    }
}
