use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::io::retry_on_intr;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

use crate::error::Error;

/// Sends a copy of a descriptor, with one byte that carries it, over a Unix socket.
///
/// # Errors
///
/// [`Error::System`] as the socket gives it.
pub fn send_descriptor(stream: &UnixStream, descriptor: impl AsFd) -> Result<(), Error> {
    let descriptors = [descriptor.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    retry_on_intr(|| {
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(&descriptors));
        sendmsg(stream, &[IoSlice::new(&CARRIER)], &mut control, SendFlags::NOSIGNAL)
    })
    .map(|_| ())
    .map_err(Error::system("send a descriptor"))
}

/// Receives one descriptor that [`send_descriptor`] sent. It is closed on exec.
///
/// # Errors
///
/// [`Error::Closed`] if the other side hung up; [`Error::Descriptors`] if there is not exactly one;
/// [`Error::System`] as the socket gives it, its read timeout included.
pub fn receive_descriptor(stream: &UnixStream) -> Result<OwnedFd, Error> {
    let mut carrier = CARRIER;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = retry_on_intr(|| {
        recvmsg(stream, &mut [IoSliceMut::new(&mut carrier)], &mut control, RecvFlags::CMSG_CLOEXEC)
    })
    .map_err(Error::system("receive a descriptor"))?;
    if received.bytes == 0 {
        return Err(Error::Closed);
    }
    let mut first = None;
    let mut count = 0;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            for descriptor in descriptors {
                first.get_or_insert(descriptor);
                count += 1;
            }
        }
    }
    first.filter(|_| count == 1).ok_or(Error::Descriptors { count })
}

/// A descriptor travels with at least one byte.
const CARRIER: [u8; 1] = *b"R";
