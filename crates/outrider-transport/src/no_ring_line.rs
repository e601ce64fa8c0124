//! What stands for `ring_line.rs` where there are no rings: a type without values, and the error in place of one.

use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::address::no_rings;

#[derive(Debug)]
pub(crate) enum RingLine {}

impl RingLine {
    pub(crate) fn create(_: UnixStream) -> io::Result<Self> {
        Err(no_rings())
    }

    pub(crate) fn accept(_: UnixStream, _: Duration) -> io::Result<Self> {
        Err(no_rings())
    }

    pub(crate) fn read(&mut self, _: &mut [u8]) -> io::Result<Option<usize>> {
        match *self {}
    }

    pub(crate) fn write(&mut self, _: &[u8]) -> io::Result<Option<usize>> {
        match *self {}
    }

    pub(crate) fn may_sleep(&mut self) -> io::Result<bool> {
        match *self {}
    }

    pub(crate) fn socket(&self) -> BorrowedFd<'_> {
        match *self {}
    }
}
