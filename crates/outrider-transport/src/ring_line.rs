//! A ring in shared memory as a connection.
//!
//! The socket over which the descriptors came stays open. It ends when the other process is gone, and it is the bell: a
//! byte on it wakes an end that sleeps until one of its sockets becomes readable.

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use outrider_ring::{Duplex, Error, Wait};

/// A ring that is empty so often may have nobody at the other end.
const LOOKS_PER_SOCKET_LOOK: u32 = 256;
/// Bells taken at a time, and how often before others have their turn: the other end may ring without end.
const BELLS: usize = 64;
const BELL_READS_MAX: usize = 16;
/// Bytes of each of the two rings of a connection.
const RING_BYTES: u64 = 1 << 20;

/// Two rings, and the socket that ends when the other process is gone.
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
            Ok(()) => {
                if self.rings.producer.must_ring() {
                    self.ring_bell()?;
                }
                Ok(Some(bytes.len()))
            }
            Err(Error::Full) => Ok(None),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    /// Whether nothing is there, and the bell will be rung for what comes.
    pub(crate) fn may_sleep(&mut self) -> io::Result<bool> {
        // What has been rung so far was for what has been read; left there it would end the next sleep at once.
        if self.take_bells()? {
            // The next look that finds nothing is the one that finds this.
            self.looks = LOOKS_PER_SOCKET_LOOK - 1;
            return Ok(false);
        }
        self.rings.consumer.ask_for_bell().map_err(io::Error::other)
    }

    fn ring_bell(&mut self) -> io::Result<()> {
        match self.socket.write(&[0]) {
            // Enough was rung already that nobody took.
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            result => result.map(|_| ()),
        }
    }

    fn look_for_death(&mut self) -> io::Result<Option<usize>> {
        self.looks = (self.looks + 1) % LOOKS_PER_SOCKET_LOOK;
        let is_gone = self.looks == 0 && self.take_bells()?;
        Ok(is_gone.then_some(0))
    }

    /// Takes what was rung; whether the other process is gone.
    fn take_bells(&mut self) -> io::Result<bool> {
        let mut bells = [0; BELLS];
        for _ in 0..BELL_READS_MAX {
            match self.socket.read(&mut bells) {
                Ok(0) => return Ok(true),
                Ok(BELLS) => {}
                Ok(_) => return Ok(false),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_rings_without_end_holds_nobody_up() {
        let (here, mut there) = UnixStream::pair().unwrap();
        let sender = std::thread::spawn(move || RingLine::create(here).unwrap());
        let mut line = RingLine::accept(there.try_clone().unwrap(), Duration::from_secs(60)).unwrap();
        let peer = sender.join().unwrap();
        let (mut caller, rung) = (peer.socket.try_clone().unwrap(), 4 * BELLS * BELL_READS_MAX);
        caller.write_all(&vec![0; rung]).unwrap();
        assert!(!line.take_bells().unwrap());
        let mut left = vec![0; rung];
        assert_eq!(there.read(&mut left).unwrap(), rung - BELLS * BELL_READS_MAX);
    }
}
