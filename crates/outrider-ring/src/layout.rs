use std::mem::offset_of;
use std::sync::atomic::{AtomicU32, AtomicU64};

/// The first word of a ring, in the byte order of the host: the letters `otr-ring`.
pub const MAGIC: u64 = u64::from_ne_bytes(*b"otr-ring");

/// The version of the layout.
pub const VERSION: u32 = 1;

/// The smallest capacity of a ring.
pub const CAPACITY_BYTES_MIN: u64 = 64;

/// The largest capacity of a ring: what a stranger's descriptor can make this process map.
pub const CAPACITY_BYTES_MAX: u64 = 1 << 26;

/// What stands before the data.
pub const HEADER_BYTES: u64 = size_of::<Header>() as u64;

/// The header as it lies in shared memory.
///
/// Every field is atomic: the other process may change any of them at any time, and every bit pattern is
/// valid.
#[repr(C, align(128))]
pub(crate) struct Header {
    pub(crate) magic: AtomicU64,
    pub(crate) version: AtomicU32,
    pub(crate) reserved: AtomicU32,
    pub(crate) capacity_bytes: AtomicU64,
    pub(crate) producer: Side<AtomicU64, AtomicU32>,
    pub(crate) consumer: Side<AtomicU64, AtomicU32>,
}

/// The part of the header that belongs to one end. What changes with every message has a line of its own.
#[repr(C, align(128))]
#[derive(Default)]
pub(crate) struct Side<P, F> {
    pub(crate) position: Line<P>,
    pub(crate) flags: Flags<F>,
}

/// A cache line.
#[repr(C, align(64))]
#[derive(Default)]
pub(crate) struct Line<T>(pub(crate) T);

#[repr(C)]
#[derive(Default)]
pub(crate) struct Flags<F> {
    /// Not 0 once the end has gone.
    pub(crate) closed: F,
    /// [`WAITING`] or [`BELL`] while the end asks to be roused.
    pub(crate) waiting: F,
    /// Not 0 once the end was given out.
    pub(crate) taken: F,
}

/// The end sleeps on the flag.
pub(crate) const WAITING: u32 = 1;

/// The end sleeps elsewhere, where its callers wake each other.
pub(crate) const BELL: u32 = 2;

// The table in the documentation of the crate.
const _: () = {
    assert!(offset_of!(Header, magic) == 0);
    assert!(offset_of!(Header, version) == 8);
    assert!(offset_of!(Header, capacity_bytes) == 16);
    assert!(offset_of!(Header, producer.position) == 128);
    assert!(offset_of!(Header, producer.flags.closed) == 192);
    assert!(offset_of!(Header, producer.flags.waiting) == 196);
    assert!(offset_of!(Header, producer.flags.taken) == 200);
    assert!(offset_of!(Header, consumer.position) == 256);
    assert!(offset_of!(Header, consumer.flags.closed) == 320);
    assert!(offset_of!(Header, consumer.flags.waiting) == 324);
    assert!(offset_of!(Header, consumer.flags.taken) == 328);
    assert!(HEADER_BYTES == 384);
};
