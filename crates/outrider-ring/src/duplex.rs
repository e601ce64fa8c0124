use std::os::unix::net::UnixStream;

use crate::consumer::Consumer;
use crate::descriptor::{receive_descriptor, send_descriptor};
use crate::error::Error;
use crate::producer::Producer;
use crate::ring::Ring;
use crate::waiting::Wait;

/// Two rings, one for each direction. The two halves can go to different threads.
#[derive(Debug)]
pub struct Duplex {
    /// What this side sends.
    pub producer: Producer,
    /// What this side receives.
    pub consumer: Consumer,
}

impl Duplex {
    /// Makes both rings and sends their descriptors, first that of the ring this side sends on.
    ///
    /// # Errors
    ///
    /// As those of [`Ring::create`] and [`send_descriptor`].
    pub fn create(stream: &UnixStream, capacity_bytes: u64, wait: Wait) -> Result<Self, Error> {
        let (outgoing, incoming) = (Ring::create(capacity_bytes)?, Ring::create(capacity_bytes)?);
        let duplex = Self { producer: outgoing.producer(wait)?, consumer: incoming.consumer(wait)? };
        send_descriptor(stream, &outgoing)?;
        send_descriptor(stream, &incoming)?;
        Ok(duplex)
    }

    /// Receives what [`create`](Self::create) sent from the other side.
    ///
    /// # Errors
    ///
    /// As those of [`receive_descriptor`] and [`Ring::open`].
    pub fn accept(stream: &UnixStream, wait: Wait) -> Result<Self, Error> {
        let incoming = Ring::open(receive_descriptor(stream)?)?;
        let outgoing = Ring::open(receive_descriptor(stream)?)?;
        Ok(Self { producer: outgoing.producer(wait)?, consumer: incoming.consumer(wait)? })
    }
}
