//! Both ends of a ring while somebody writes into its memory: every outcome is a message or a named error, and damage
//! is for good. Until the first damage, what comes out is what went in.

use std::collections::VecDeque;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;

use outrider_ring::{CAPACITY_BYTES_MIN, Consumer, Corruption, Error, HEADER_BYTES, Producer, Ring, Wait};

use crate::script::Script;

const POSITIONS: [u64; 2] = [128, 256];
const FIRST_BYTES: usize = 40;

pub(crate) fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let capacity = CAPACITY_BYTES_MIN << (script.byte() % 3);
    let ring = Ring::create(capacity).expect("there is memory for a small ring");
    let memory = File::from(ring.as_fd().try_clone_to_owned().expect("there are descriptors left"));
    let mut ends = Ends {
        producer: ring.producer(Wait::Spin).expect("this end is free"),
        consumer: ring.consumer(Wait::Spin).expect("this end is free"),
        inside: Some(VecDeque::new()),
        corruption: None,
    };
    while let Some(action) = script.next() {
        match action % 8 {
            0 | 1 => ends.push(&mut script),
            2 | 3 => ends.pop(),
            4 => reopen(&ring),
            place => {
                let offset = match place {
                    5 | 6 => POSITIONS[usize::from(place - 5)],
                    _ => u64::from(u16::from_le_bytes([script.byte(), script.byte()]))
                        .min(HEADER_BYTES + capacity - 8),
                };
                let value = script.number();
                memory.write_all_at(&value.to_ne_bytes(), offset).expect("the memory is writable");
                ends.inside = None;
            }
        }
    }
}

struct Ends {
    producer: Producer,
    consumer: Consumer,
    /// What was sent and not received, until something is damaged.
    inside: Option<VecDeque<Vec<u8>>>,
    /// What the consumer has found.
    corruption: Option<Corruption>,
}

impl Ends {
    fn push(&mut self, script: &mut Script<'_>) {
        let (message, at) = (script.some_bytes(), usize::from(script.byte()));
        let (head, tail) = message.split_at(at.min(FIRST_BYTES).min(message.len()));
        match self.producer.try_push_parts(head, tail) {
            Ok(()) => {
                assert!(message.len() <= self.producer.message_bytes_max());
                if let Some(inside) = &mut self.inside {
                    inside.push_back(message.to_vec());
                }
            }
            Err(Error::TooLong { bytes, max }) => assert!(bytes == message.len() && bytes > max),
            Err(Error::Full) => assert_ne!(self.inside, Some(VecDeque::new()), "the empty ring is full"),
            Err(Error::Closed | Error::Corrupt(Corruption::Read { .. })) => assert!(self.inside.is_none()),
            Err(error) => panic!("the producer found: {error}"),
        }
    }

    fn pop(&mut self) {
        let most = self.consumer.message_bytes_max();
        let expected = self.inside.as_mut().map(VecDeque::pop_front);
        match self.consumer.try_pop() {
            Ok(message) => {
                assert!(message.is_none_or(|message| message.len() <= most));
                assert!(self.corruption.is_none(), "damage is for good");
                if let Some(expected) = expected {
                    assert_eq!(message, expected.as_deref());
                }
            }
            Err(Error::Closed) => assert!(expected.is_none() && self.corruption.is_none()),
            Err(Error::Corrupt(found)) => {
                assert!(expected.is_none(), "nothing was damaged");
                assert!(matches!(found, Corruption::Written { .. } | Corruption::Length { .. }));
                assert_eq!(*self.corruption.get_or_insert(found), found, "damage is for good");
            }
            Err(error) => panic!("the consumer found: {error}"),
        }
    }
}

/// As a process does that was given the descriptor.
fn reopen(ring: &Ring) {
    let descriptor = ring.as_fd().try_clone_to_owned().expect("there are descriptors left");
    match Ring::open(descriptor) {
        Ok(again) => match again.producer(Wait::Spin) {
            // Somebody has taken back that this end is taken.
            Ok(mut other) => drop(other.try_push(&[])),
            Err(error) => assert!(matches!(error, Error::Taken(_) | Error::Corrupt(_)), "{error}"),
        },
        Err(Error::Magic { .. } | Error::Version { .. } | Error::Capacity { .. }) => {}
        Err(error) => panic!("the ring is refused: {error}"),
    }
}
