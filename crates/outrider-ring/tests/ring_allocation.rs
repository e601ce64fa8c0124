//! Nothing is allocated after the ends are made.
#![cfg(target_os = "linux")] // as the crate

use std::time::Duration;

use outrider_ring::{Error, Ring, Wait};
use outrider_test_support::{CountingAllocator, Random, allocations};

#[test]
fn messages_allocate_nothing() -> Result<(), Error> {
    for wait in [Wait::Spin, Wait::Yield, Wait::Block] {
        let ring = Ring::create(1 << 10)?;
        let (mut producer, mut consumer) = (ring.producer(wait)?, ring.consumer(wait)?);
        let timeout = Duration::from_micros(1);
        let mut random = Random(5);
        let before = allocations();
        for _ in 0..1000 {
            let message = [1; 1016];
            let message = &message[..random.below(1017)];
            while producer
                .push_parts(&message[..message.len() / 2], &message[message.len() / 2..], timeout)
                .is_err()
            {
                assert!(consumer.pop(timeout)?.is_some());
            }
        }
        while consumer.pop(timeout)?.is_some() {}
        assert_eq!(allocations(), before);
    }
    Ok(())
}

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;
