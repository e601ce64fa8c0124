//! The protocol under a model checker: every order of events that the memory model allows to small rings.
//!
//! The words of messages are plain cells here, so that the checker finds every access that the positions do
//! not put in order. Each ordering is then weakened in turn, and each time the checker must find the fault
//! that follows.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::{self, Relaxed, SeqCst};
use std::time::Duration;

use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicU32, AtomicU64, fence};
use loom::sync::{Condvar, Mutex};
use loom::thread;

use crate::error::{End, Error};
use crate::layout::{Flags, Line, Side, WAITING};
use crate::protocol::{Reader, Writer};
use crate::shared::{Atomic, Shared, Word};
use crate::waiting::Wait;

#[test]
fn messages_arrive_in_order_and_words_never_race() {
    check(None, overwriting);
    check(None, catching_up);
}

#[test]
fn a_message_wakes_the_consumer() {
    check(None, message_wakes);
}

#[test]
fn a_message_rings_the_bell() {
    check(None, message_rings);
}

#[test]
fn room_wakes_the_producer() {
    check(None, room_wakes);
}

#[test]
fn what_was_sent_before_closing_arrives() {
    check(None, closing);
}

#[test]
fn closing_wakes_the_consumer() {
    check(None, producer_leaves);
}

#[test]
fn closing_wakes_the_producer() {
    check(None, consumer_leaves);
}

/// The release of closing is not among them: the fence after each message would do in its place.
#[test]
fn weakened_orderings_are_found_out() {
    let weakened: [(Weakness, Scenario); 10] = [
        (Weakness::Store(Place::Position(End::Producer)), overwriting),
        (Weakness::Load(Place::Position(End::Producer)), overwriting),
        (Weakness::Store(Place::Position(End::Consumer)), overwriting),
        (Weakness::Load(Place::Position(End::Consumer)), overwriting),
        (Weakness::Load(Place::Closed(End::Producer)), closing),
        (Weakness::Fence, message_wakes),
        (Weakness::Fence, message_rings),
        (Weakness::Fence, room_wakes),
        (Weakness::Fence, producer_leaves),
        (Weakness::Fence, consumer_leaves),
    ];
    for (weakness, scenario) in weakened {
        let outcome = catch_unwind(AssertUnwindSafe(|| check(Some(weakness), scenario)));
        assert!(outcome.is_err(), "the model does not see {weakness:?}");
    }
}

type Scenario = fn(Option<Weakness>);

/// The ring holds one message, so that the second overwrites the first.
fn overwriting(weakness: Option<Weakness>) {
    exchange_two(2, weakness);
}

/// The ring holds both messages, so that one look of the consumer may find two.
fn catching_up(weakness: Option<Weakness>) {
    exchange_two(4, weakness);
}

fn exchange_two(capacity: usize, weakness: Option<Weakness>) {
    let (mut writer, mut reader) = ends(capacity, weakness);
    let producer = thread::spawn(move || {
        for value in 1..=2_u64 {
            while let Err(Error::Full) = writer.try_push(&value.to_ne_bytes(), &[]) {
                thread::yield_now();
            }
        }
    });
    for value in 1..=2_u64 {
        let message = loop {
            if let Some(message) = reader.try_pop().expect("no error") {
                break message.to_vec();
            }
            thread::yield_now();
        };
        assert_eq!(message, value.to_ne_bytes());
    }
    producer.join().expect("the producer ends");
}

/// The producer stays, so that only its message can wake the consumer.
fn message_wakes(weakness: Option<Weakness>) {
    let (mut writer, mut reader) = ends(1, weakness);
    let producer = thread::spawn(move || {
        writer.try_push(&[], &[]).expect("the ring is empty");
        writer
    });
    assert_eq!(reader.pop(Wait::Block, Duration::MAX).expect("no error"), Some(&[][..]));
    producer.join().expect("the producer ends");
}

/// As [`message_wakes`], but the consumer sleeps elsewhere.
fn message_rings(weakness: Option<Weakness>) {
    let (mut writer, mut reader) = ends(1, weakness);
    let bell = Arc::new((Mutex::new(false), Condvar::new()));
    let hand = Arc::clone(&bell);
    let producer = thread::spawn(move || {
        writer.try_push(&[], &[]).expect("the ring is empty");
        if writer.must_ring() {
            *hand.0.lock().expect("no thread panics") = true;
            hand.1.notify_one();
        }
        writer
    });
    if reader.ask_for_bell().expect("no error") {
        let mut has_rung = bell.0.lock().expect("no thread panics");
        while !*has_rung {
            has_rung = bell.1.wait(has_rung).expect("no thread panics");
        }
    }
    assert_eq!(reader.try_pop().expect("no error"), Some(&[][..]));
    producer.join().expect("the producer ends");
}

/// The consumer stays, so that only the room it makes can wake the producer.
fn room_wakes(weakness: Option<Weakness>) {
    let (mut writer, mut reader) = ends(1, weakness);
    writer.try_push(&[], &[]).expect("the ring is empty");
    let consumer = thread::spawn(move || {
        assert_eq!(reader.try_pop().expect("no error"), Some(&[][..]));
        reader
    });
    writer.push(&[], &[], Wait::Block, Duration::MAX).expect("the consumer makes room");
    consumer.join().expect("the consumer ends");
}

fn closing(weakness: Option<Weakness>) {
    let (mut writer, mut reader) = ends(2, weakness);
    let producer = thread::spawn(move || writer.try_push(&[7], &[]).expect("the ring is empty"));
    let mut received = 0;
    loop {
        match reader.try_pop() {
            Ok(Some(message)) => {
                assert_eq!(message, [7]);
                received += 1;
            }
            Ok(None) => thread::yield_now(),
            Err(error) => {
                assert!(matches!(error, Error::Closed));
                break;
            }
        }
    }
    assert_eq!(received, 1);
    producer.join().expect("the producer ends");
}

fn producer_leaves(weakness: Option<Weakness>) {
    let (writer, mut reader) = ends(1, weakness);
    let producer = thread::spawn(move || drop(writer));
    assert!(matches!(reader.pop(Wait::Block, Duration::MAX), Err(Error::Closed)));
    producer.join().expect("the producer ends");
}

fn consumer_leaves(weakness: Option<Weakness>) {
    let (mut writer, reader) = ends(1, weakness);
    writer.try_push(&[], &[]).expect("the ring is empty");
    let consumer = thread::spawn(move || drop(reader));
    assert!(matches!(writer.push(&[], &[], Wait::Block, Duration::MAX), Err(Error::Closed)));
    consumer.join().expect("the consumer ends");
}

fn check(weakness: Option<Weakness>, scenario: Scenario) {
    loom::model(move || scenario(weakness));
}

fn ends(capacity: usize, weakness: Option<Weakness>) -> (Writer<Model>, Reader<Model>) {
    let model = Arc::new(Model::new(capacity, weakness));
    (Writer::new(Arc::clone(&model)).expect("not taken"), Reader::new(model).expect("not taken"))
}

/// What is left out of the protocol to see whether the checker notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weakness {
    Store(Place),
    Load(Place),
    Fence,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Position(End),
    Closed(End),
    Other,
}

struct Model {
    words: Vec<UnsafeCell<Word>>,
    producer: Side<Checked<AtomicU64>, Checked<AtomicU32>>,
    consumer: Side<Checked<AtomicU64>, Checked<AtomicU32>>,
    sleeping: Mutex<()>,
    producer_roused: Condvar,
    consumer_roused: Condvar,
    weakness: Option<Weakness>,
}

// SAFETY: the checker reports every access to the cells that is not ordered, before it is made.
unsafe impl Send for Model {}
// SAFETY: as above.
unsafe impl Sync for Model {}

impl Model {
    fn new(capacity: usize, weakness: Option<Weakness>) -> Self {
        Self {
            words: (0..capacity).map(|_| UnsafeCell::new([0; 8])).collect(),
            producer: side(End::Producer, weakness),
            consumer: side(End::Consumer, weakness),
            sleeping: Mutex::new(()),
            producer_roused: Condvar::new(),
            consumer_roused: Condvar::new(),
            weakness,
        }
    }

    fn cell(&self, position: u64) -> &UnsafeCell<Word> {
        &self.words[position as usize % self.words.len()]
    }

    fn roused(&self, end: End) -> &Condvar {
        match end {
            End::Producer => &self.producer_roused,
            End::Consumer => &self.consumer_roused,
        }
    }
}

fn side(end: End, weakness: Option<Weakness>) -> Side<Checked<AtomicU64>, Checked<AtomicU32>> {
    let flag = |place| Checked { atomic: AtomicU32::new(0), place, weakness };
    Side {
        position: Line(Checked { atomic: AtomicU64::new(0), place: Place::Position(end), weakness }),
        flags: Flags {
            closed: flag(Place::Closed(end)),
            waiting: flag(Place::Other),
            taken: flag(Place::Other),
        },
    }
}

impl Shared for Model {
    type Position = Checked<AtomicU64>;
    type Flag = Checked<AtomicU32>;

    fn capacity(&self) -> u64 {
        self.words.len() as u64
    }

    fn side(&self, end: End) -> &Side<Self::Position, Self::Flag> {
        match end {
            End::Producer => &self.producer,
            End::Consumer => &self.consumer,
        }
    }

    fn load_words(&self, position: u64, words: &mut [Word]) {
        for (position, word) in (position..).zip(words) {
            // SAFETY: the checker has seen that no other thread writes the cell.
            *word = self.cell(position).with(|cell| unsafe { *cell });
        }
    }

    fn store_words(&self, position: u64, words: &[Word]) {
        for (position, word) in (position..).zip(words) {
            // SAFETY: the checker has seen that no other thread uses the cell.
            self.cell(position).with_mut(|cell| unsafe { *cell = *word });
        }
    }

    fn fence(&self) {
        if self.weakness != Some(Weakness::Fence) {
            fence(SeqCst);
        }
    }

    /// As the kernel does: looking at the mark and falling asleep are one step for whoever rouses.
    fn sleep(&self, end: End, _: Duration) -> Result<(), Error> {
        let guard = self.sleeping.lock().expect("no thread panics");
        if self.side(end).flags.waiting.load(Relaxed) == WAITING {
            drop(self.roused(end).wait(guard).expect("no thread panics"));
        }
        Ok(())
    }

    fn rouse(&self, end: End) {
        let _guard = self.sleeping.lock().expect("no thread panics");
        self.roused(end).notify_one();
    }
}

/// An atomic of the checker, at a place that may be weakened.
struct Checked<A> {
    atomic: A,
    place: Place,
    weakness: Option<Weakness>,
}

impl<A> Checked<A> {
    fn load_order(&self, order: Ordering) -> Ordering {
        if self.weakness == Some(Weakness::Load(self.place)) { Relaxed } else { order }
    }

    fn store_order(&self, order: Ordering) -> Ordering {
        if self.weakness == Some(Weakness::Store(self.place)) { Relaxed } else { order }
    }
}

impl Atomic<u64> for Checked<AtomicU64> {
    fn load(&self, order: Ordering) -> u64 {
        self.atomic.load(self.load_order(order))
    }

    fn store(&self, value: u64, order: Ordering) {
        self.atomic.store(value, self.store_order(order));
    }

    fn swap(&self, value: u64, order: Ordering) -> u64 {
        self.atomic.swap(value, order)
    }
}

impl Atomic<u32> for Checked<AtomicU32> {
    fn load(&self, order: Ordering) -> u32 {
        self.atomic.load(self.load_order(order))
    }

    fn store(&self, value: u32, order: Ordering) {
        self.atomic.store(value, self.store_order(order));
    }

    fn swap(&self, value: u32, order: Ordering) -> u32 {
        self.atomic.swap(value, order)
    }
}
