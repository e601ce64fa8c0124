use std::os::fd::BorrowedFd;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::Ordering::{self, Relaxed, SeqCst};
use std::sync::atomic::{AtomicU32, AtomicU64, fence};
use std::time::Duration;

use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use rustix::thread::futex;

use crate::error::{End, Error};
use crate::layout::{HEADER_BYTES, Header, Side, WAITING};
use crate::shared::{Atomic, Shared, WORD_BYTES, Word};

/// The memory of a ring, mapped.
///
/// Another process writes here at any time, and need not be a correct one. So all accesses are atomic, down
/// to the bytes of messages, and no reference to plain memory is ever made; what a process that shares no
/// types with this one does by plain stores reaches these atomics as some value.
pub(crate) struct Mapping {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the memory is process-wide and reached by atomics only, so any thread may use or unmap it.
unsafe impl Send for Mapping {}
// SAFETY: as above: shared use is use of atomics.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps a header and `capacity_bytes`, a power of two of at least a word, of memory that has this size
    /// for ever.
    pub(crate) fn new(memory: BorrowedFd<'_>, capacity_bytes: u64) -> Result<Self, Error> {
        let bytes = (HEADER_BYTES + capacity_bytes) as usize;
        // Populated, so that no message waits for a page.
        let flags = MapFlags::SHARED | MapFlags::POPULATE;
        // SAFETY: the address is the kernel's choice, so that no existing mapping changes. That the file may
        // be written by others is met by atomics, as stated above; it cannot shrink, as the caller made sure.
        let start =
            unsafe { mmap(ptr::null_mut(), bytes, ProtFlags::READ | ProtFlags::WRITE, flags, memory, 0) }
                .map_err(Error::system("map the ring"))?;
        let start = NonNull::new(start.cast()).ok_or(Errno::FAULT).map_err(Error::system("map the ring"))?;
        Ok(Self { start, bytes })
    }

    pub(crate) fn header(&self) -> &Header {
        // SAFETY: the mapping starts on a page, holds at least a header, and lives as long as `self`. A
        // header is made of atomics, for which every bit pattern is valid and which others may change.
        unsafe { self.start.cast::<Header>().as_ref() }
    }

    fn words(&self) -> &[AtomicU64] {
        let count = self.bytes / WORD_BYTES - HEADER_BYTES as usize / WORD_BYTES;
        // SAFETY: `count` words follow the header within the mapping, on an address divisible by 128; atomics
        // as above.
        unsafe { slice::from_raw_parts(self.start.add(HEADER_BYTES as usize).cast().as_ptr(), count) }
    }

    /// The `count` words from `position` on, up to the end of the ring and from its start.
    fn span(&self, position: u64, count: usize) -> [&[AtomicU64]; 2] {
        let words = self.words();
        let (before, after) = words.split_at(position as usize & (words.len() - 1));
        let first = &after[..count.min(after.len())];
        [first, &before[..count - first.len()]]
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: exactly what `new` mapped; no reference into it outlives `self`.
        let unmapped = unsafe { munmap(self.start.as_ptr().cast(), self.bytes) };
        debug_assert!(unmapped.is_ok());
    }
}

impl Shared for Mapping {
    type Position = AtomicU64;
    type Flag = AtomicU32;

    fn capacity(&self) -> u64 {
        self.words().len() as u64
    }

    fn side(&self, end: End) -> &Side<AtomicU64, AtomicU32> {
        match end {
            End::Producer => &self.header().producer,
            End::Consumer => &self.header().consumer,
        }
    }

    fn load_words(&self, position: u64, words: &mut [Word]) {
        let [first, second] = self.span(position, words.len());
        let (from_first, from_second) = words.split_at_mut(first.len());
        load(first, from_first);
        load(second, from_second);
    }

    fn store_words(&self, position: u64, words: &[Word]) {
        let [first, second] = self.span(position, words.len());
        let (for_first, for_second) = words.split_at(first.len());
        store(first, for_first);
        store(second, for_second);
    }

    fn fence(&self) {
        fence(SeqCst);
    }

    fn sleep(&self, end: End, timeout: Duration) -> Result<(), Error> {
        let timeout = futex::Timespec::try_from(timeout.min(SLEEP_MAX)).ok();
        match futex::wait(&self.side(end).flags.waiting, SHARED_FUTEX, WAITING, timeout.as_ref()) {
            Ok(()) | Err(Errno::AGAIN | Errno::INTR | Errno::TIMEDOUT) => Ok(()),
            Err(errno) => Err(Error::system("wait for the other end of the ring")(errno)),
        }
    }

    fn rouse(&self, end: End) {
        // Fails where the other process uses the word as another kind of futex; then it is not woken.
        let _ = futex::wake(&self.side(end).flags.waiting, SHARED_FUTEX, 1);
    }
}

fn load(from: &[AtomicU64], to: &mut [Word]) {
    for (from, to) in from.iter().zip(to) {
        *to = from.load(Relaxed).to_ne_bytes();
    }
}

fn store(to: &[AtomicU64], from: &[Word]) {
    for (to, from) in to.iter().zip(from) {
        to.store(u64::from_ne_bytes(*from), Relaxed);
    }
}

impl Atomic<u64> for AtomicU64 {
    fn load(&self, order: Ordering) -> u64 {
        self.load(order)
    }

    fn store(&self, value: u64, order: Ordering) {
        self.store(value, order);
    }

    fn swap(&self, value: u64, order: Ordering) -> u64 {
        self.swap(value, order)
    }
}

impl Atomic<u32> for AtomicU32 {
    fn load(&self, order: Ordering) -> u32 {
        self.load(order)
    }

    fn store(&self, value: u32, order: Ordering) {
        self.store(value, order);
    }

    fn swap(&self, value: u32, order: Ordering) -> u32 {
        self.swap(value, order)
    }
}

/// Waiters of two processes: the opposite of `FUTEX_PRIVATE_FLAG`.
const SHARED_FUTEX: futex::Flags = futex::Flags::empty();

/// Fits every kernel's idea of a time; a longer wait sleeps again.
const SLEEP_MAX: Duration = Duration::from_secs(3600);
