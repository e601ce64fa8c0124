//! What two correct ends may rely on: contents, order, limits, waiting, closing.
#![cfg(target_os = "linux")] // as the crate

mod support;

use std::thread;
use std::time::Duration;

use outrider_ring::{CAPACITY_BYTES_MAX, CAPACITY_BYTES_MIN, Consumer, End, Error, Producer, Ring, Wait};
use outrider_test_support::Random;
use support::PATIENCE;

#[test]
fn every_length_arrives_at_every_place_in_every_division() -> Result<(), Error> {
    let mut random = Random(1);
    for length in 0..=56 {
        let mut bytes = vec![0; length];
        for split in 0..=length {
            let (mut producer, mut consumer) = ring(64)?;
            // A step of an odd number of words visits all eight places.
            for _ in 0..8 {
                random.fill(&mut bytes);
                producer.try_push_parts(&bytes[..split], &bytes[split..])?;
                assert_eq!(consumer.try_pop()?, Some(&bytes[..]));
                let words = 1 + length.div_ceil(8);
                if words % 2 == 0 {
                    producer.try_push(&[])?;
                    assert_eq!(consumer.try_pop()?, Some(&[][..]));
                }
            }
        }
    }
    Ok(())
}

#[test]
fn a_ring_holds_its_capacity_and_not_a_word_more() -> Result<(), Error> {
    for count in [1, 2, 4] {
        let (mut producer, mut consumer) = ring(64)?;
        let message = vec![7; 64 / count - 8];
        for _ in 0..3 {
            for _ in 0..count {
                producer.try_push(&message)?;
            }
            assert!(matches!(producer.try_push(&[]), Err(Error::Full)));
            for _ in 0..count {
                assert_eq!(consumer.try_pop()?, Some(&message[..]));
            }
            assert_eq!(consumer.try_pop()?, None);
        }
    }
    Ok(())
}

#[test]
fn the_longest_message_fits_and_one_byte_more_is_refused() -> Result<(), Error> {
    for capacity in [CAPACITY_BYTES_MIN, 4096] {
        let (mut producer, mut consumer) = ring(capacity)?;
        let max = capacity as usize - 8;
        assert_eq!((producer.message_bytes_max(), consumer.message_bytes_max()), (max, max));
        let message = vec![1; max + 1];
        for outcome in [producer.try_push(&message), producer.try_push_parts(&message[..9], &message[9..])] {
            assert!(matches!(outcome, Err(Error::TooLong { bytes, max: m }) if (bytes, m) == (max + 1, max)));
        }
        producer.try_push(&message[..max])?;
        assert_eq!(consumer.try_pop()?, Some(&message[..max]));
    }
    Ok(())
}

#[test]
fn a_capacity_is_a_power_of_two_within_limits() {
    for capacity in [CAPACITY_BYTES_MIN, CAPACITY_BYTES_MAX] {
        assert!(Ring::create(capacity).is_ok());
    }
    for capacity in
        [0, 1, CAPACITY_BYTES_MIN / 2, 65, 96, CAPACITY_BYTES_MAX + 1, CAPACITY_BYTES_MAX * 2, u64::MAX]
    {
        assert!(matches!(Ring::create(capacity), Err(Error::Capacity { bytes }) if bytes == capacity));
    }
}

#[test]
fn each_end_is_given_out_once() -> Result<(), Error> {
    let ring = Ring::create(64)?;
    let (producer, consumer) = (ring.producer(Wait::Spin)?, ring.consumer(Wait::Spin)?);
    assert!(matches!(ring.producer(Wait::Spin), Err(Error::Taken(End::Producer))));
    drop((producer, consumer));
    assert!(matches!(ring.consumer(Wait::Spin), Err(Error::Taken(End::Consumer))));
    Ok(())
}

#[test]
fn ends_outlive_their_ring() -> Result<(), Error> {
    let (mut producer, mut consumer) = ring(64)?;
    producer.try_push(b"still here")?;
    assert_eq!(consumer.try_pop()?, Some(&b"still here"[..]));
    Ok(())
}

#[test]
fn a_consumer_that_leaves_stops_the_producer() -> Result<(), Error> {
    let (mut producer, consumer) = ring(64)?;
    producer.try_push(b"unread")?;
    drop(consumer);
    assert!(matches!(producer.try_push(b"more"), Err(Error::Closed)));
    assert!(matches!(producer.push(b"more", PATIENCE), Err(Error::Closed)));
    Ok(())
}

#[test]
fn what_a_producer_sent_before_leaving_is_received() -> Result<(), Error> {
    let (mut producer, mut consumer) = ring(64)?;
    producer.try_push(b"first")?;
    producer.try_push(b"last")?;
    drop(producer);
    assert_eq!(consumer.try_pop()?, Some(&b"first"[..]));
    assert_eq!(consumer.pop(PATIENCE)?, Some(&b"last"[..]));
    assert!(matches!(consumer.try_pop(), Err(Error::Closed)));
    assert!(matches!(consumer.pop(PATIENCE), Err(Error::Closed)));
    Ok(())
}

#[test]
fn waiting_ends_with_its_timeout() -> Result<(), Error> {
    for wait in [Wait::Spin, Wait::Yield, Wait::Block] {
        for timeout in [Duration::ZERO, Duration::from_nanos(1), Duration::from_millis(2)] {
            let (mut producer, mut consumer) = ring_with(64, wait)?;
            assert_eq!(consumer.pop(timeout)?, None);
            producer.push(&[0; 56], timeout)?;
            assert!(matches!(producer.push(&[], timeout), Err(Error::Full)));
            assert_eq!(consumer.pop(timeout)?, Some(&[0; 56][..]));
        }
    }
    Ok(())
}

/// Through the smallest ring, so that both ends wait often.
#[test]
fn ends_on_two_threads_wait_for_each_other() -> Result<(), Error> {
    // Threads that spin on a shared core wait for the scheduler at each turn.
    for (wait, messages) in [(Wait::Spin, 20), (Wait::Yield, 1000), (Wait::Block, 20_000)] {
        let (mut producer, mut consumer) = ring_with(64, wait)?;
        let sender = thread::spawn(move || {
            let mut random = Random(2);
            (0..messages).try_for_each(|_| producer.push(&message(&mut random), PATIENCE))
        });
        let mut random = Random(2);
        for _ in 0..messages {
            assert_eq!(consumer.pop(PATIENCE)?, Some(&message(&mut random)[..]));
        }
        sender.join().expect("the sender ends")?;
        assert!(matches!(consumer.pop(PATIENCE), Err(Error::Closed)));
    }
    Ok(())
}

#[test]
fn a_round_trip_wakes_each_end_in_turn() -> Result<(), Error> {
    let (mut ask, mut asked) = ring_with(64, Wait::Block)?;
    let (mut answer, mut answered) = ring_with(64, Wait::Block)?;
    let echo = thread::spawn(move || {
        loop {
            match asked.pop(PATIENCE) {
                Ok(message) => answer.push(message.expect("the question comes in time"), PATIENCE)?,
                Err(Error::Closed) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    });
    for turn in 0..2000_u64 {
        ask.push(&turn.to_ne_bytes(), PATIENCE)?;
        assert_eq!(answered.pop(PATIENCE)?, Some(&turn.to_ne_bytes()[..]));
    }
    drop(ask);
    echo.join().expect("the echo ends")
}

#[test]
fn errors_say_what_is_wrong() {
    let (bytes, max) = (57, 56);
    assert_eq!(
        Error::TooLong { bytes, max }.to_string(),
        "a message of 57 bytes does not fit the ring; the longest has 56"
    );
    assert_eq!(Error::Taken(End::Producer).to_string(), "the producer of the ring is taken");
}

fn message(random: &mut Random) -> Vec<u8> {
    let mut bytes = vec![0; random.below(57)];
    random.fill(&mut bytes);
    bytes
}

fn ring(capacity_bytes: u64) -> Result<(Producer, Consumer), Error> {
    ring_with(capacity_bytes, Wait::Spin)
}

fn ring_with(capacity_bytes: u64, wait: Wait) -> Result<(Producer, Consumer), Error> {
    let ring = Ring::create(capacity_bytes)?;
    Ok((ring.producer(wait)?, ring.consumer(wait)?))
}

#[test]
fn the_bell_is_asked_for_once_and_rung_once() -> Result<(), Error> {
    let ring = Ring::create(64)?;
    let (mut producer, mut consumer) = (ring.producer(Wait::Spin)?, ring.consumer(Wait::Spin)?);
    producer.try_push(b"a")?;
    assert!(!producer.must_ring(), "nobody has asked");
    assert!(!consumer.ask_for_bell()?, "a message is there");
    assert_eq!(consumer.try_pop()?, Some(&b"a"[..]));
    producer.try_push(b"b")?;
    assert!(!producer.must_ring(), "the request was void");
    assert_eq!(consumer.try_pop()?, Some(&b"b"[..]));
    assert!(consumer.ask_for_bell()?);
    producer.try_push(b"c")?;
    producer.try_push(b"d")?;
    assert!(producer.must_ring());
    assert!(!producer.must_ring());
    drop(producer);
    assert!(!consumer.ask_for_bell()?, "messages are there");
    assert_eq!(consumer.try_pop()?, Some(&b"c"[..]));
    assert_eq!(consumer.try_pop()?, Some(&b"d"[..]));
    assert!(!consumer.ask_for_bell()?, "nobody would ring");
    Ok(())
}
