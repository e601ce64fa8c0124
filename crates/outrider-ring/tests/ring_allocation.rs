//! Nothing is allocated after the ends are made.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use outrider_ring::{Error, Ring, Wait};
use support::Random;

#[test]
fn messages_allocate_nothing() -> Result<(), Error> {
    for wait in [Wait::Spin, Wait::Yield, Wait::Block] {
        let ring = Ring::create(1 << 10)?;
        let (mut producer, mut consumer) = (ring.producer(wait)?, ring.consumer(wait)?);
        let timeout = Duration::from_micros(1);
        let mut random = Random::new(5);
        let before = ALLOCATIONS.get();
        for _ in 0..1000 {
            let message = [1; 1016];
            let message = &message[..random.below(1017) as usize];
            while producer
                .push_parts(&message[..message.len() / 2], &message[message.len() / 2..], timeout)
                .is_err()
            {
                assert!(consumer.pop(timeout)?.is_some());
            }
        }
        while consumer.pop(timeout)?.is_some() {}
        assert_eq!(ALLOCATIONS.get(), before);
    }
    Ok(())
}

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the same contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the same contract; `alloc` got the pointer from the same allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
