//! Two real processes: this program starts itself again as the other side, with the socket as its standard
//! input.
#![cfg(target_os = "linux")] // as the crate

mod support;

use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use outrider_ring::{Duplex, Error, Wait};
use outrider_test_support::Random;
use support::{PATIENCE, checksum};

const MESSAGES: u64 = 1_000_000;
const CAPACITY: u64 = 1 << 14;
const ROLE: &str = "OUTRIDER_RING_TEST_ROLE";

/// Every message is checked on the other side, and its checksum comes back.
#[test]
fn a_million_messages_of_random_lengths_arrive_intact() -> Result<(), Error> {
    let (stream, mut child) = start("checks");
    let Duplex { mut producer, mut consumer } = Duplex::create(&stream, CAPACITY, Wait::Block)?;
    let sender = thread::spawn(move || {
        let mut messages = Messages::new();
        (0..MESSAGES).try_for_each(|_| {
            let message = messages.next();
            let (head, tail) = message.split_at(message.len() / 3);
            producer.push_parts(head, tail, PATIENCE)
        })
    });
    let mut messages = Messages::new();
    for number in 0..MESSAGES {
        let expected = checksum(messages.next()).to_ne_bytes();
        assert_eq!(consumer.pop(PATIENCE)?, Some(&expected[..]), "answer to message {number}");
    }
    sender.join().expect("the sender ends")?;
    assert!(matches!(consumer.pop(PATIENCE), Err(Error::Closed)));
    assert!(child.wait().expect("the child ends").success());
    Ok(())
}

#[test]
fn the_death_of_the_other_process_shows_on_the_socket() -> Result<(), Error> {
    let (mut stream, mut child) = start("waits to be killed");
    let mut duplex = Duplex::create(&stream, CAPACITY, Wait::Block)?;
    assert_eq!(duplex.consumer.pop(PATIENCE)?, Some(&b"alive"[..]));
    child.kill().expect("the child runs");
    child.wait().expect("the child ends");
    assert_eq!(stream.read(&mut [0]).expect("the socket ends in order"), 0);
    // The dead close nothing, and make nobody wait for ever.
    assert_eq!(duplex.consumer.pop(Duration::from_millis(1))?, None);
    Ok(())
}

/// The other side, if this process was started as it.
#[test]
fn other_side() -> Result<(), Error> {
    let Ok(role) = std::env::var(ROLE) else { return Ok(()) };
    let stream: OwnedFd = io::stdin().as_fd().try_clone_to_owned().expect("the socket");
    let Duplex { mut producer, mut consumer } = Duplex::accept(&stream.into(), Wait::Block)?;
    if role == "waits to be killed" {
        producer.push(b"alive", PATIENCE)?;
        assert_eq!(consumer.pop(PATIENCE)?, None);
        return Ok(());
    }
    let mut messages = Messages::new();
    loop {
        let message = match consumer.pop(PATIENCE) {
            Err(Error::Closed) => return Ok(()),
            message => message?.expect("a message comes in time"),
        };
        assert_eq!(message, messages.next());
        producer.push(&checksum(message).to_ne_bytes(), PATIENCE)?;
    }
}

fn start(role: &str) -> (UnixStream, Child) {
    let (here, there) = UnixStream::pair().expect("a pair of sockets");
    let child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "other_side", "--nocapture"])
        .env(ROLE, role)
        .stdin(OwnedFd::from(there))
        .stdout(Stdio::null())
        .spawn()
        .expect("this program starts");
    (here, child)
}

/// The same messages on both sides.
struct Messages {
    random: Random,
    bytes: [u8; 300],
}

impl Messages {
    fn new() -> Self {
        Self { random: Random(7), bytes: [0; 300] }
    }

    fn next(&mut self) -> &[u8] {
        let length = self.random.below(self.bytes.len() + 1);
        self.random.fill(&mut self.bytes[..length]);
        &self.bytes[..length]
    }
}
