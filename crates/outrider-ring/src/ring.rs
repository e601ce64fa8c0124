use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use rustix::fs::{
    FallocateFlags, FsWord, MemfdFlags, SealFlags, fallocate, fcntl_add_seals, fcntl_get_seals, fstat,
    fstatfs, memfd_create,
};

use crate::consumer::Consumer;
use crate::error::Error;
use crate::layout::{CAPACITY_BYTES_MAX, CAPACITY_BYTES_MIN, HEADER_BYTES, MAGIC, VERSION};
use crate::mapping::Mapping;
use crate::producer::Producer;
use crate::protocol::{Reader, Writer};
use crate::waiting::Wait;

/// The memory of a ring, from which each process takes its end.
///
/// The ends keep the memory; the ring itself, and with it the descriptor, can go once they are taken.
pub struct Ring {
    descriptor: OwnedFd,
    mapping: Arc<Mapping>,
}

impl Ring {
    /// Makes an empty ring whose messages take up to `capacity_bytes`, each with 8 bytes for its length and
    /// padding to a multiple of 8.
    ///
    /// # Errors
    ///
    /// [`Error::Capacity`] unless it is a power of two between the limits; [`Error::System`] where memory is
    /// short.
    pub fn create(capacity_bytes: u64) -> Result<Self, Error> {
        check_capacity(capacity_bytes)?;
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let descriptor =
            memfd_create(c"outrider-ring", flags).map_err(Error::system("create shared memory"))?;
        // Rather than only setting the size: memory that is short is an error here, not a fault later.
        fallocate(&descriptor, FallocateFlags::empty(), 0, HEADER_BYTES + capacity_bytes)
            .map_err(Error::system("allocate shared memory"))?;
        fcntl_add_seals(&descriptor, seals()).map_err(Error::system("seal shared memory"))?;
        let mapping = Mapping::new(descriptor.as_fd(), capacity_bytes)?;
        let header = mapping.header();
        header.magic.store(MAGIC, Relaxed);
        header.version.store(VERSION, Relaxed);
        header.capacity_bytes.store(capacity_bytes, Relaxed);
        Ok(Self { descriptor, mapping: Arc::new(mapping) })
    }

    /// Opens a ring that another process made, trusting nothing about it.
    ///
    /// # Errors
    ///
    /// [`Error::Unsealed`], [`Error::Size`], [`Error::Magic`], [`Error::Version`] or [`Error::Capacity`] if
    /// it is no ring of this layout in memory that can neither shrink nor grow.
    pub fn open(descriptor: OwnedFd) -> Result<Self, Error> {
        let capacity_bytes = check_memory(descriptor.as_fd())?;
        let mapping = Mapping::new(descriptor.as_fd(), capacity_bytes)?;
        let header = mapping.header();
        let magic = header.magic.load(Relaxed);
        if magic != MAGIC {
            return Err(Error::Magic { found: magic });
        }
        let version = header.version.load(Relaxed);
        if version != VERSION {
            return Err(Error::Version { found: version });
        }
        let stated = header.capacity_bytes.load(Relaxed);
        if stated != capacity_bytes {
            return Err(Error::Capacity { bytes: stated });
        }
        Ok(Self { descriptor, mapping: Arc::new(mapping) })
    }

    /// Takes the end that sends.
    ///
    /// # Errors
    ///
    /// [`Error::Taken`] if any process has taken it before.
    pub fn producer(&self, wait: Wait) -> Result<Producer, Error> {
        Ok(Producer::new(Writer::new(Arc::clone(&self.mapping))?, wait))
    }

    /// Takes the end that receives. It holds a buffer of its own for the longest message.
    ///
    /// # Errors
    ///
    /// [`Error::Taken`] if any process has taken it before.
    pub fn consumer(&self, wait: Wait) -> Result<Consumer, Error> {
        Ok(Consumer::new(Reader::new(Arc::clone(&self.mapping))?, wait))
    }
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring").field("descriptor", &self.descriptor).finish_non_exhaustive()
    }
}

/// Checks that accesses to the memory cannot fault, and gives the capacity that its size implies.
fn check_memory(descriptor: BorrowedFd<'_>) -> Result<u64, Error> {
    // For files without seals this is an error.
    let found = fcntl_get_seals(descriptor).unwrap_or(SealFlags::empty());
    let file_system = fstatfs(descriptor).map_err(Error::system("examine the descriptor"))?.f_type;
    if !found.contains(seals()) || file_system != TMPFS_MAGIC {
        return Err(Error::Unsealed);
    }
    let size = fstat(descriptor).map_err(Error::system("examine the descriptor"))?.st_size as u64;
    let capacity_bytes = size.checked_sub(HEADER_BYTES).ok_or(Error::Size { bytes: size })?;
    check_capacity(capacity_bytes).map_err(|_| Error::Size { bytes: size })?;
    Ok(capacity_bytes)
}

fn check_capacity(bytes: u64) -> Result<(), Error> {
    if bytes.is_power_of_two() && (CAPACITY_BYTES_MIN..=CAPACITY_BYTES_MAX).contains(&bytes) {
        Ok(())
    } else {
        Err(Error::Capacity { bytes })
    }
}

/// The size is what it is, for ever.
fn seals() -> SealFlags {
    SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL
}

/// Where anonymous memory lies, unless it is of huge pages: those can be missing when they are touched.
const TMPFS_MAGIC: FsWord = 0x0102_1994;
