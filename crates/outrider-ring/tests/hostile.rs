//! Descriptors that hold no ring, and processes that write what no correct end writes.
#![cfg(target_os = "linux")] // as the crate

use std::fs::File;
use std::io::{IoSlice, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use outrider_ring::{
    CAPACITY_BYTES_MAX, Consumer, Corruption, Error, HEADER_BYTES, MAGIC, Producer, Ring, VERSION, Wait,
    receive_descriptor, send_descriptor,
};
use outrider_test_support::Random;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

const WRITTEN: u64 = 128;
const PRODUCER_CLOSED: u64 = 192;
const READ: u64 = 256;
const CONSUMER_WAITING: u64 = 324;
const CAPACITY: u64 = 64;

#[test]
fn memory_that_may_shrink_is_refused() -> Result<(), Error> {
    let all = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
    for missing in [all, SealFlags::SHRINK, SealFlags::GROW, SealFlags::SEAL] {
        let descriptor = ring_memory(HEADER_BYTES + CAPACITY, all - missing);
        assert!(matches!(Ring::open(descriptor), Err(Error::Unsealed)), "without {missing:?}");
    }
    Ring::open(ring_memory(HEADER_BYTES + CAPACITY, all)).map(|_| ())
}

#[test]
fn what_is_not_anonymous_memory_is_refused() {
    let (socket, _other) = UnixStream::pair().expect("a pair of sockets");
    let file = File::open(std::env::current_exe().expect("this program")).expect("this program");
    for descriptor in [OwnedFd::from(socket), file.into()] {
        assert!(matches!(Ring::open(descriptor), Err(Error::Unsealed)));
    }
}

#[test]
fn memory_that_cannot_be_written_is_refused() {
    let all = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL | SealFlags::WRITE;
    let outcome = Ring::open(ring_memory(HEADER_BYTES + CAPACITY, all));
    assert!(matches!(outcome, Err(Error::System { action: "map the ring", .. })));
}

/// Huge pages may be missing when they are touched, which ends the process.
#[test]
fn huge_pages_are_refused() {
    let flags = MemfdFlags::ALLOW_SEALING | MemfdFlags::HUGETLB | MemfdFlags::HUGE_2MB;
    match memfd_create(c"huge", flags) {
        Ok(descriptor) => {
            fcntl_add_seals(&descriptor, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)
                .expect("seals");
            assert!(matches!(Ring::open(descriptor), Err(Error::Unsealed)));
        }
        Err(errno) => println!("skipped: no huge pages here ({errno})"),
    }
}

#[test]
fn memory_of_a_wrong_size_is_refused() {
    let sizes = [0, 1, HEADER_BYTES, HEADER_BYTES + 32, HEADER_BYTES + 65, HEADER_BYTES + 96];
    for size in sizes.into_iter().chain([HEADER_BYTES + CAPACITY_BYTES_MAX * 2, 1 << 40]) {
        let outcome = Ring::open(ring_memory(size, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL));
        assert!(matches!(outcome, Err(Error::Size { bytes }) if bytes == size), "{size} bytes");
    }
}

#[test]
fn a_wrong_header_is_refused() -> Result<(), Error> {
    let (ring, memory) = ring_and_memory(CAPACITY)?;
    let reopen = || Ring::open(ring.as_fd().try_clone_to_owned().expect("a copy"));
    poke(&memory, 0, MAGIC ^ 1);
    assert!(matches!(reopen(), Err(Error::Magic { found }) if found == MAGIC ^ 1));
    poke(&memory, 0, MAGIC);
    for version in [0, VERSION + 1, u32::MAX] {
        memory.write_all_at(&version.to_ne_bytes(), 8).expect("writable");
        assert!(matches!(reopen(), Err(Error::Version { found }) if found == version));
    }
    memory.write_all_at(&VERSION.to_ne_bytes(), 8).expect("writable");
    for capacity in [0, CAPACITY / 2, CAPACITY * 2, 65, 1 << 63, u64::MAX] {
        poke(&memory, 16, capacity);
        assert!(matches!(reopen(), Err(Error::Capacity { bytes }) if bytes == capacity));
    }
    poke(&memory, 16, CAPACITY);
    reopen().map(|_| ())
}

#[test]
fn a_capacity_that_changes_later_changes_nothing() -> Result<(), Error> {
    let (mut producer, mut consumer, memory) = ends(CAPACITY)?;
    poke(&memory, 16, u64::MAX);
    assert_eq!(producer.message_bytes_max(), 56);
    producer.try_push(&[3; 56])?;
    assert_eq!(consumer.try_pop()?, Some(&[3; 56][..]));
    Ok(())
}

#[test]
fn a_producer_beyond_the_ring_ends_it() -> Result<(), Error> {
    for (found, fits) in [(8, true), (9, false), (1 << 32, false), (u64::MAX, false)] {
        let (_producer, mut consumer, memory) = ends(CAPACITY)?;
        poke(&memory, WRITTEN, found);
        if fits {
            assert_eq!(consumer.try_pop()?, Some(&[][..]));
            continue;
        }
        let corruption = Corruption::Written { found, read: 0 };
        assert!(matches!(consumer.try_pop(), Err(Error::Corrupt(c)) if c == corruption), "{found}");
        poke(&memory, WRITTEN, 0);
        assert!(matches!(consumer.pop(Duration::MAX), Err(Error::Corrupt(c)) if c == corruption), "for good");
    }
    Ok(())
}

#[test]
fn a_producer_that_goes_back_ends_the_ring() -> Result<(), Error> {
    let (mut producer, mut consumer, memory) = ends(CAPACITY)?;
    producer.try_push(&[1; 8])?;
    assert!(consumer.try_pop()?.is_some());
    poke(&memory, WRITTEN, 1);
    let corruption = Corruption::Written { found: 1, read: 2 };
    assert!(matches!(consumer.try_pop(), Err(Error::Corrupt(c)) if c == corruption));
    Ok(())
}

#[test]
fn a_consumer_out_of_reach_ends_the_ring() -> Result<(), Error> {
    for found in [9, 1 << 32, u64::MAX] {
        let (mut producer, _consumer, memory) = ends(CAPACITY)?;
        producer.try_push(&[1; 56])?;
        poke(&memory, READ, found);
        let corruption = Corruption::Read { found, written: 8 };
        assert!(matches!(producer.try_push(&[]), Err(Error::Corrupt(c)) if c == corruption), "{found}");
        poke(&memory, READ, 8);
        assert!(matches!(producer.push(&[], Duration::MAX), Err(Error::Corrupt(c)) if c == corruption));
    }
    Ok(())
}

#[test]
fn a_consumer_that_goes_back_ends_the_ring() -> Result<(), Error> {
    let (mut producer, mut consumer, memory) = ends(CAPACITY)?;
    producer.try_push(&[1; 56])?;
    assert!(consumer.try_pop()?.is_some());
    producer.try_push(&[1; 56])?;
    poke(&memory, READ, 7);
    let corruption = Corruption::Read { found: 7, written: 16 };
    assert!(matches!(producer.try_push(&[]), Err(Error::Corrupt(c)) if c == corruption));
    Ok(())
}

#[test]
fn a_length_beyond_what_was_written_ends_the_ring() -> Result<(), Error> {
    // Three words were written, which hold up to 16 bytes.
    for (found, fits) in
        [(16, true), (17, false), (56, false), (57, false), (1 << 32, false), (u64::MAX, false)]
    {
        let (mut producer, mut consumer, memory) = ends(CAPACITY)?;
        producer.try_push(&[5; 16])?;
        poke(&memory, HEADER_BYTES, found);
        if fits {
            assert_eq!(consumer.try_pop()?, Some(&[5; 16][..]));
            continue;
        }
        for _ in 0..2 {
            let corruption = Corruption::Length { found };
            assert!(matches!(consumer.try_pop(), Err(Error::Corrupt(c)) if c == corruption), "{found}");
        }
    }
    Ok(())
}

#[test]
fn a_peer_that_takes_back_every_request_to_be_woken_delays_only_to_the_timeout() -> Result<(), Error> {
    let ring = Ring::create(CAPACITY)?;
    let memory = File::from(ring.as_fd().try_clone_to_owned().expect("a copy"));
    let mut consumer = ring.consumer(Wait::Block)?;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Relaxed) {
                memory.write_all_at(&0_u32.to_ne_bytes(), CONSUMER_WAITING).expect("writable");
            }
        });
        let outcome = consumer.pop(Duration::from_millis(20)).map(|message| message.map(<[u8]>::len));
        done.store(true, Relaxed);
        assert!(matches!(outcome, Ok(None)));
    });
    Ok(())
}

/// Honest use, with random damage in between: every outcome is a message or a named error, and corruption is
/// for good.
#[test]
fn random_damage_gives_named_errors() -> Result<(), Error> {
    let mut random = Random(3);
    let mut corrupted = 0;
    for _ in 0..3000 {
        let capacity = CAPACITY << random.below(3);
        let (mut producer, mut consumer, memory) = ends(capacity)?;
        for _ in 0..40 {
            if random.below(4) == 0 {
                damage(&memory, capacity, &mut random);
            }
            use_once(&mut producer, &mut consumer, &mut random);
        }
        let found = consumer.try_pop().map(|message| message.map(<[u8]>::len));
        if let Err(Error::Corrupt(first)) = found {
            corrupted += 1;
            assert!(matches!(consumer.try_pop(), Err(Error::Corrupt(again)) if again == first));
        }
    }
    assert!(
        (300..3000).contains(&corrupted),
        "{corrupted} of 3000 rings were found corrupt: the damage is not telling"
    );
    Ok(())
}

/// The same while another thread damages without pause.
#[test]
fn damage_at_any_moment_gives_named_errors() -> Result<(), Error> {
    let mut random = Random(4);
    for round in 0..20 {
        let (mut producer, mut consumer, memory) = ends(CAPACITY)?;
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut random = Random(100 + round);
                while !done.load(Relaxed) {
                    damage(&memory, CAPACITY, &mut random);
                    thread::yield_now();
                }
            });
            for _ in 0..5000 {
                use_once(&mut producer, &mut consumer, &mut random);
            }
            done.store(true, Relaxed);
        });
    }
    Ok(())
}

#[test]
fn only_one_descriptor_at_a_time_is_accepted() -> Result<(), Error> {
    let (here, there) = UnixStream::pair().expect("a pair of sockets");
    (&here).write_all(b"x").expect("the socket takes a byte");
    assert!(matches!(receive_descriptor(&there), Err(Error::Descriptors { count: 0 })));
    for count in [2, 9] {
        let descriptors = vec![here.as_fd(); count];
        let mut space = vec![std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(9))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(&descriptors)));
        sendmsg(&here, &[IoSlice::new(b"x")], &mut control, SendFlags::empty())
            .expect("the socket takes them");
        assert!(matches!(receive_descriptor(&there), Err(Error::Descriptors { count: 2.. })));
    }
    send_descriptor(&here, Ring::create(CAPACITY)?)?;
    Ring::open(receive_descriptor(&there)?)?;
    drop(here);
    assert!(matches!(receive_descriptor(&there), Err(Error::Closed)));
    Ok(())
}

/// One push or pop, which must not panic nor stay.
fn use_once(producer: &mut Producer, consumer: &mut Consumer, random: &mut Random) {
    if random.below(2) == 0 {
        let message = [9; 200];
        let (head, tail) = (random.below(9), random.below(70));
        match producer.try_push_parts(&message[..head], &message[..tail]) {
            Ok(()) | Err(Error::Full | Error::Closed | Error::TooLong { .. }) => {}
            Err(Error::Corrupt(Corruption::Read { .. })) => {}
            Err(error) => panic!("the producer found: {error}"),
        }
        return;
    }
    let max = consumer.message_bytes_max();
    match consumer.try_pop() {
        Ok(Some(message)) => assert!(message.len() <= max),
        Ok(None) | Err(Error::Closed) => {}
        Err(Error::Corrupt(Corruption::Written { .. } | Corruption::Length { .. })) => {}
        Err(error) => panic!("the consumer found: {error}"),
    }
}

/// Writes a value, likely or not, to one of the fields or somewhere in the memory.
fn damage(memory: &File, capacity: u64, random: &mut Random) {
    let offset = match random.below(8) {
        0 | 1 => WRITTEN,
        2 | 3 => READ,
        4 if random.below(8) == 0 => PRODUCER_CLOSED,
        _ => random.below_u64((HEADER_BYTES + capacity) / 8 - 1) * 8 + random.below_u64(9),
    };
    let value = match random.below(4) {
        0 => random.word(),
        1 => u64::MAX - random.below_u64(3),
        _ => random.below_u64(capacity / 8 * 3),
    };
    poke(memory, offset, value);
}

fn poke(memory: &File, offset: u64, value: u64) {
    memory.write_all_at(&value.to_ne_bytes(), offset).expect("the memory is writable");
}

fn ends(capacity: u64) -> Result<(Producer, Consumer, File), Error> {
    let (ring, memory) = ring_and_memory(capacity)?;
    Ok((ring.producer(Wait::Spin)?, ring.consumer(Wait::Spin)?, memory))
}

/// A ring, and its memory as a file that can be written at will.
fn ring_and_memory(capacity: u64) -> Result<(Ring, File), Error> {
    let ring = Ring::create(capacity)?;
    let memory = File::from(ring.as_fd().try_clone_to_owned().expect("a copy"));
    Ok((ring, memory))
}

/// Sealed memory of any size with the header of a ring of 64 bytes, as far as it fits.
fn ring_memory(size: u64, seals: SealFlags) -> OwnedFd {
    let descriptor = memfd_create(c"test", MemfdFlags::ALLOW_SEALING).expect("memory");
    ftruncate(&descriptor, size).expect("memory");
    let memory = File::from(descriptor);
    if size >= HEADER_BYTES {
        poke(&memory, 0, MAGIC);
        poke(&memory, 8, u64::from(VERSION));
        poke(&memory, 16, CAPACITY);
    }
    fcntl_add_seals(&memory, seals).expect("seals");
    memory.into()
}
