//! A connection that is read and written without blocking, whatever it runs over.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, ServerConnection, StreamOwned};

use crate::address::Address;
use crate::ring_line::RingLine;

/// How long a connection may take to come about.
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);

/// A line between a controller and a node, at either end.
#[derive(Debug)]
pub struct Connection(Line);

#[derive(Debug)]
enum Line {
    Unix(UnixStream),
    Tcp(TcpStream),
    TlsClient(Box<StreamOwned<ClientConnection, TcpStream>>),
    TlsServer(Box<StreamOwned<ServerConnection, TcpStream>>),
    Ring(Box<RingLine>),
}

impl Connection {
    /// Connects, for as long as it takes up to a time. `tls` is for addresses that ask for it.
    ///
    /// # Errors
    /// What the operating system answers; plain TCP to another host; a ring [elsewhere than on
    /// Linux](Address::check_system).
    pub fn dial(address: &Address, tls: Option<&Arc<ClientConfig>>) -> io::Result<Self> {
        address.check_system()?;
        match address {
            Address::Unix(path) => Self::unix(UnixStream::connect(path)?),
            Address::Ring(path) => {
                Ok(Self(Line::Ring(Box::new(RingLine::create(UnixStream::connect(path)?)?))))
            }
            Address::Tcp(host_port) => Self::tcp(connect_tcp(host_port, |ip| ip.is_loopback())?),
            Address::Tls(host_port) => {
                let config = tls.ok_or_else(|| io::Error::other("no certificates were given"))?;
                let name = ServerName::try_from(address.host().to_owned()).map_err(io::Error::other)?;
                let client = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
                let socket = connect_tcp(host_port, |_| true)?;
                prepare(&socket)?;
                Ok(Self(Line::TlsClient(Box::new(StreamOwned::new(client, socket)))))
            }
        }
    }

    /// The connection over a Unix socket.
    ///
    /// # Errors
    /// A socket that cannot be read without blocking.
    pub fn unix(socket: UnixStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self(Line::Unix(socket)))
    }

    /// The connection over a TCP socket.
    ///
    /// # Errors
    /// As [`unix`](Self::unix).
    pub fn tcp(socket: TcpStream) -> io::Result<Self> {
        prepare(&socket)?;
        Ok(Self(Line::Tcp(socket)))
    }

    /// The connection over TLS that was accepted, its handshake done or not.
    ///
    /// # Errors
    /// As [`unix`](Self::unix).
    pub fn tls(tls: ServerConnection, socket: TcpStream) -> io::Result<Self> {
        prepare(&socket)?;
        Ok(Self(Line::TlsServer(Box::new(StreamOwned::new(tls, socket)))))
    }

    /// The connection over the shared memory that whoever connected to a socket sends through it. Blocks until that has
    /// come, up to a time.
    ///
    /// # Errors
    /// Whatever came was no ring, with an `outrider_ring::Error` inside; a system other than Linux.
    pub fn accept_ring(socket: UnixStream, patience: Duration) -> io::Result<Self> {
        Ok(Self(Line::Ring(Box::new(RingLine::accept(socket, patience)?))))
    }

    /// Reads what is there: `None` if nothing is, 0 at the end. The buffer has room for two frames, so that a message of
    /// a ring fits it.
    ///
    /// # Errors
    /// The connection is of no more use.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match &mut self.0 {
            Line::Unix(socket) => unless_blocked(socket.read(buffer)),
            Line::Tcp(socket) => unless_blocked(socket.read(buffer)),
            Line::TlsClient(stream) => unless_blocked(stream.read(buffer)),
            Line::TlsServer(stream) => unless_blocked(stream.read(buffer)),
            Line::Ring(line) => line.read(buffer),
        }
    }

    /// Writes what there is room for, and returns how many bytes that was.
    ///
    /// # Errors
    /// The connection is of no more use.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &mut self.0 {
            Line::Unix(socket) => unless_blocked(socket.write(bytes)),
            Line::Tcp(socket) => unless_blocked(socket.write(bytes)),
            Line::TlsClient(stream) => unless_blocked(stream.write(bytes)),
            Line::TlsServer(stream) => unless_blocked(stream.write(bytes)),
            Line::Ring(line) => line.write(bytes),
        };
        written.map(Option::unwrap_or_default)
    }

    /// Gets what was written on its way, which is work for TLS alone.
    ///
    /// # Errors
    /// The connection is of no more use.
    pub fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Line::TlsClient(stream) => unless_blocked(stream.flush().map(|()| 0)).map(|_| ()),
            Line::TlsServer(stream) => unless_blocked(stream.flush().map(|()| 0)).map(|_| ()),
            _ => Ok(()),
        }
    }

    /// To be called before sleeping until [`socket`](Self::socket) becomes readable: whether there is nothing to read now.
    ///
    /// # Errors
    /// The connection is of no more use.
    pub fn may_sleep(&mut self) -> io::Result<bool> {
        match &mut self.0 {
            Line::Ring(line) => line.may_sleep(),
            _ => Ok(true),
        }
    }

    /// What becomes readable when there is something to read; of a ring only if nothing was there when it was
    /// [asked](Self::may_sleep).
    pub fn socket(&self) -> BorrowedFd<'_> {
        match &self.0 {
            Line::Unix(socket) => socket.as_fd(),
            Line::Ring(line) => line.socket(),
            Line::Tcp(socket) => socket.as_fd(),
            Line::TlsClient(stream) => stream.sock.as_fd(),
            Line::TlsServer(stream) => stream.sock.as_fd(),
        }
    }

    /// Whether it runs through shared memory, and has to be looked at again and again or asked for a wake-up.
    pub fn is_ring(&self) -> bool {
        matches!(self.0, Line::Ring(..))
    }
}

/// Connects to the first address of the host that may be used and answers.
fn connect_tcp(host_port: &str, may_use: impl Fn(IpAddr) -> bool) -> io::Result<TcpStream> {
    let mut failure = io::Error::other("not an address of this host: TLS is needed");
    for address in host_port.to_socket_addrs()?.filter(|address| may_use(address.ip())) {
        match TcpStream::connect_timeout(&address, DIAL_TIMEOUT) {
            Ok(socket) => return Ok(socket),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn prepare(socket: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    socket.set_nonblocking(true)
}

fn unless_blocked(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(count) => Ok(Some(count)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(None),
        Err(error) => Err(error),
    }
}
