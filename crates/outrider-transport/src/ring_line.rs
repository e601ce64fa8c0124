//! A ring in shared memory as a connection.

use std::io::{self, ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use outrider_ring::{Duplex, Error, Wait};

/// A ring that is empty so often may have nobody at the other end.
const LOOKS_PER_SOCKET_LOOK: u32 = 256;
/// Bytes of each of the two rings of a connection.
const RING_BYTES: u64 = 1 << 20;

/// Two rings, and the socket that tells when the other process is gone.
#[derive(Debug)]
pub(crate) struct RingLine {
    rings: Duplex,
    pub(crate) socket: UnixStream,
    /// Looks in vain since the socket was last looked at, which costs more than a look at the ring.
    looks: u32,
}

impl RingLine {
    /// Makes the rings and sends them through the socket.
    pub(crate) fn create(socket: UnixStream) -> io::Result<Self> {
        let rings = Duplex::create(&socket, RING_BYTES, Wait::Spin).map_err(io::Error::other)?;
        Self::new(rings, socket)
    }

    /// Takes the rings that the other side made, for which it has so long.
    pub(crate) fn accept(socket: UnixStream, patience: Duration) -> io::Result<Self> {
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(patience))?;
        let rings = Duplex::accept(&socket, Wait::Spin).map_err(io::Error::other)?;
        Self::new(rings, socket)
    }

    fn new(rings: Duplex, socket: UnixStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self { rings, socket, looks: 0 })
    }

    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self.rings.consumer.try_pop() {
            Ok(Some(message)) => {
                let room = buffer.get_mut(..message.len()).ok_or(ErrorKind::InvalidData)?;
                room.copy_from_slice(message);
                Ok(Some(message.len()))
            }
            Ok(None) => self.look_for_death(),
            Err(Error::Closed) => Ok(Some(0)),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<Option<usize>> {
        match self.rings.producer.try_push(bytes) {
            Ok(()) => Ok(Some(bytes.len())),
            Err(Error::Full) => Ok(None),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    fn look_for_death(&mut self) -> io::Result<Option<usize>> {
        self.looks = (self.looks + 1) % LOOKS_PER_SOCKET_LOOK;
        if self.looks != 0 {
            return Ok(None);
        }
        match self.socket.read(&mut [0]) {
            Ok(0) => Ok(Some(0)),
            Ok(_) => Err(ErrorKind::InvalidData.into()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }
}
