//! Where a node listens, as people write it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The address of a node.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// `unix:PATH`: a Unix socket.
    Unix(PathBuf),
    /// `ring:PATH`: shared memory on the same host, handed over through this Unix socket.
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
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || format!("'{}' is no address; expected {FORMS}", text.escape_debug());
        let (kind, rest) = text.split_once(':').ok_or_else(refused)?;
        let has_port =
            rest.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        match kind {
            "unix" if !rest.is_empty() => Ok(Self::Unix(rest.into())),
            "ring" if !rest.is_empty() => Ok(Self::Ring(rest.into())),
            "tcp" if has_port => Ok(Self::Tcp(rest.to_owned())),
            "tls" if has_port => Ok(Self::Tls(rest.to_owned())),
            _ => Err(refused()),
        }
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
        for text in
            ["unix:/run/node.sock", "ring:node.ring", "tcp:127.0.0.1:7117", "tls:[::1]:7118", "tls:a.b:1"]
        {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        for text in ["", "unix:", "tcp:127.0.0.1", "tcp::1", "tls:host:65536", "http:a:1", "/run/x"] {
            assert!(text.parse::<Address>().unwrap_err().contains("expected unix:PATH"), "{text}");
        }
        assert_eq!("tls:[::1]:7118".parse::<Address>().unwrap().host(), "::1");
    }
}
