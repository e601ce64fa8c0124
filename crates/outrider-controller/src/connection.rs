//! A connection to a node that is read and written without blocking, whatever it runs over.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use outrider_ring::Duplex;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::address::Address;
use crate::cluster::TlsFiles;

/// How long a connection may take to come about.
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);
/// A ring that is empty so often may have nobody at the other end.
const LOOKS_PER_SOCKET_LOOK: u32 = 256;
/// Bytes of each of the two rings of a connection.
const RING_BYTES: u64 = 1 << 20;

#[derive(Debug)]
pub(crate) enum Connection {
    Unix(UnixStream),
    Tcp(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
    Ring(Box<RingLine>),
}

/// Two rings, and the socket that tells when the other process is gone.
#[derive(Debug)]
pub(crate) struct RingLine {
    rings: Duplex,
    socket: UnixStream,
    /// Looks in vain since the socket was last looked at, which costs more than a look at the ring.
    looks: u32,
}

impl RingLine {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self.rings.consumer.try_pop() {
            Ok(Some(message)) => {
                let room = buffer.get_mut(..message.len()).ok_or(ErrorKind::InvalidData)?;
                room.copy_from_slice(message);
                Ok(Some(message.len()))
            }
            Ok(None) => self.look_for_death(),
            Err(outrider_ring::Error::Closed) => Ok(Some(0)),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    fn look_for_death(&mut self) -> io::Result<Option<usize>> {
        self.looks = (self.looks + 1) % LOOKS_PER_SOCKET_LOOK;
        if self.looks != 0 {
            return Ok(None);
        }
        match unless_blocked(self.socket.read(&mut [0]))? {
            Some(1..) => Err(ErrorKind::InvalidData.into()),
            other => Ok(other),
        }
    }
}

impl Connection {
    /// Connects, for as long as it takes up to a time.
    pub(crate) fn dial(address: &Address, tls: Option<&Arc<ClientConfig>>) -> io::Result<Self> {
        match address {
            Address::Unix(path) => {
                let socket = UnixStream::connect(path)?;
                socket.set_nonblocking(true)?;
                Ok(Self::Unix(socket))
            }
            Address::Ring(path) => {
                let socket = UnixStream::connect(path)?;
                let rings = Duplex::create(&socket, RING_BYTES, outrider_ring::Wait::Spin);
                socket.set_nonblocking(true)?;
                let rings = rings.map_err(io::Error::other)?;
                Ok(Self::Ring(Box::new(RingLine { rings, socket, looks: 0 })))
            }
            Address::Tcp(host_port) => connect_tcp(host_port, |ip| ip.is_loopback()).map(Self::Tcp),
            Address::Tls(host_port) => {
                let config = tls.ok_or_else(|| io::Error::other("no certificates were given"))?;
                let name =
                    ServerName::try_from(Address::host_of(host_port).to_owned()).map_err(io::Error::other)?;
                let client = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
                let socket = connect_tcp(host_port, |_| true)?;
                Ok(Self::Tls(Box::new(StreamOwned::new(client, socket))))
            }
        }
    }

    /// Reads what is there: `None` if nothing is, 0 at the end.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self {
            Self::Unix(socket) => unless_blocked(socket.read(buffer)),
            Self::Tcp(socket) => unless_blocked(socket.read(buffer)),
            Self::Tls(stream) => unless_blocked(stream.read(buffer)),
            Self::Ring(line) => line.read(buffer),
        }
    }

    /// Writes what there is room for.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match self {
            Self::Unix(socket) => unless_blocked(socket.write(bytes)),
            Self::Tcp(socket) => unless_blocked(socket.write(bytes)),
            Self::Tls(stream) => unless_blocked(stream.write(bytes)),
            Self::Ring(line) => match line.rings.producer.try_push(bytes) {
                Ok(()) => Ok(Some(bytes.len())),
                Err(outrider_ring::Error::Full) => Ok(None),
                Err(error) => Err(io::Error::other(error)),
            },
        };
        written.map(Option::unwrap_or_default)
    }

    /// Gets what was written on its way, which is work for TLS alone.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tls(stream) => unless_blocked(stream.flush().map(|()| 0)).map(|_| ()),
            _ => Ok(()),
        }
    }

    /// What becomes readable when there is something to read; for rings, only when the other process is gone.
    pub(crate) fn socket(&self) -> BorrowedFd<'_> {
        match self {
            Self::Unix(socket) => socket.as_fd(),
            Self::Ring(line) => line.socket.as_fd(),
            Self::Tcp(socket) => socket.as_fd(),
            Self::Tls(stream) => stream.sock.as_fd(),
        }
    }

    pub(crate) fn is_ring(&self) -> bool {
        matches!(self, Self::Ring(..))
    }
}

/// Connects to the first address of the host that may be used and answers.
fn connect_tcp(host_port: &str, may_use: impl Fn(std::net::IpAddr) -> bool) -> io::Result<TcpStream> {
    let mut failure = io::Error::other("not an address of this host: TLS is needed");
    for address in host_port.to_socket_addrs()?.filter(|address| may_use(address.ip())) {
        match TcpStream::connect_timeout(&address, DIAL_TIMEOUT) {
            Ok(socket) => {
                socket.set_nodelay(true)?;
                socket.set_nonblocking(true)?;
                return Ok(socket);
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn unless_blocked(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(count) => Ok(Some(count)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads certificates and key.
pub(crate) fn tls_config(files: &TlsFiles) -> io::Result<Arc<ClientConfig>> {
    let named = |path: &std::path::Path| {
        let path = path.display().to_string();
        move |error: rustls::pki_types::pem::Error| io::Error::other(format!("{path}: {error}"))
    };
    let certificates = |path: &std::path::Path| -> io::Result<Vec<CertificateDer<'static>>> {
        let list: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(named(path))?.collect();
        let list = list.map_err(named(path))?;
        if list.is_empty() {
            return Err(io::Error::other(format!("{}: no certificate in it", path.display())));
        }
        Ok(list)
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&files.authority)? {
        let named = |error| io::Error::other(format!("{}: {error}", files.authority.display()));
        roots.add(certificate).map_err(named)?;
    }
    let chain = certificates(&files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(named(&files.key))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .map_err(|error| io::Error::other(format!("{}: {error}", files.certificate.display())))?;
    Ok(Arc::new(config))
}
