//! Whether the standard streams were open when the program was started.
//!
//! A shell's `>&-` starts a program without standard output. Rust's runtime opens `/dev/null` in its place before `main`,
//! so that no file of the program gets the number of a standard stream: what is written there is lost, and the program
//! ends as if all were well. From `main` on this cannot be told from a parent that gave it `/dev/null` itself, which is
//! in order. So the three descriptors are looked at earlier, among the constructors of the executable.
//!
//! A program that calls [`require_open`] has the constructor. Linux and macOS run it; elsewhere every stream counts as
//! open.
//!
//! ```
//! use outrider_stdio::{Stream, require_open};
//!
//! assert_eq!(require_open(Stream::Output), Ok(()));
//! ```
#![deny(missing_docs)]

use std::io;
use std::sync::atomic::{AtomicU8, Ordering};

use rustix::io::Errno;

/// A standard stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Descriptor 0.
    Input,
    /// Descriptor 1.
    Output,
    /// Descriptor 2.
    Error,
}

/// A standard stream was closed when the program was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: it is closed", .0.name())]
pub struct Closed(pub Stream);

impl Stream {
    /// The stream of a descriptor's number.
    pub fn of_descriptor(number: u32) -> Option<Self> {
        [Self::Input, Self::Output, Self::Error].into_iter().find(|stream| *stream as u32 == number)
    }

    /// What errors call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "standard input",
            Self::Output => "standard output",
            Self::Error => "standard error",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl From<Closed> for io::Error {
    fn from(_: Closed) -> Self {
        Errno::BADF.into()
    }
}

/// Bits of the streams that were closed.
static CLOSED: AtomicU8 = AtomicU8::new(0);

/// Refuses a stream that was closed when the program was started.
///
/// # Errors
/// [`Closed`], which is the system's "bad file descriptor" as an [`io::Error`].
pub fn require_open(stream: Stream) -> Result<(), Closed> {
    if CLOSED.load(Ordering::Relaxed) & stream.bit() == 0 { Ok(()) } else { Err(Closed(stream)) }
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
mod before_main {
    //! The only code of the project that runs before `main`.

    use std::sync::atomic::Ordering;

    use rustix::fd::BorrowedFd;
    use rustix::io::{Errno, fcntl_getfd};
    use rustix::stdio::{stderr, stdin, stdout};

    use crate::{CLOSED, Stream};

    ctor::declarative::ctor! {
        // SAFETY: Rust's runtime is not there yet, and `look` needs none: it asks the system about three numbers and
        // writes an atomic. It neither allocates nor panics, and does not depend on other constructors.
        #[ctor(unsafe)]
        fn look() {
            let streams = [(Stream::Input, stdin()), (Stream::Output, stdout()), (Stream::Error, stderr())];
            CLOSED.store(streams.map(closed_bit).iter().sum(), Ordering::Relaxed);
        }
    }

    /// The bit of a stream whose number is no open descriptor.
    fn closed_bit((stream, descriptor): (Stream, BorrowedFd<'static>)) -> u8 {
        if fcntl_getfd(descriptor) == Err(Errno::BADF) { stream.bit() } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_have_the_numbers_of_the_system() {
        let names = [0, 1, 2].map(|number| Stream::of_descriptor(number).map(Stream::name));
        assert_eq!(names, [Some("standard input"), Some("standard output"), Some("standard error")]);
        assert_eq!(Stream::of_descriptor(3), None);
    }
}
