//! The texts of errors.
#![cfg(target_os = "linux")] // as the crate

use std::error::Error as _;
use std::io;

use outrider_ring::{Corruption, End, Error};

#[test]
fn errors_name_what_happened_and_the_numbers_involved() {
    let broken = [
        (
            Corruption::Written { found: 90, read: 7 },
            "the producer is at word 90, out of reach of the consumer at 7",
        ),
        (
            Corruption::Read { found: 90, written: 7 },
            "the consumer is at word 90, out of reach of the producer at 7",
        ),
        (Corruption::Length { found: 90 }, "a message of 90 bytes was not written"),
    ];
    for (corruption, text) in broken {
        assert_eq!(corruption.to_string(), text);
        assert_eq!(Error::Corrupt(corruption).to_string(), format!("the other end broke the ring: {text}"));
        assert!(Error::Corrupt(corruption).source().is_none());
    }
    let texts = [
        (Error::Full, "the ring is full"),
        (Error::Closed, "the other end of the ring is closed"),
        (
            Error::TooLong { bytes: 9, max: 8 },
            "a message of 9 bytes does not fit the ring; the longest has 8",
        ),
        (Error::Taken(End::Producer), "the producer of the ring is taken"),
        (Error::Taken(End::Consumer), "the consumer of the ring is taken"),
        (Error::Capacity { bytes: 9 }, "a ring cannot have a capacity of 9 bytes"),
        (Error::Unsealed, "the descriptor is not memory of a sealed size"),
        (Error::Size { bytes: 9 }, "memory of 9 bytes cannot hold a ring"),
        (Error::Magic { found: 9 }, "the memory holds no ring: it starts with 0x0000000000000009"),
        (Error::Version { found: 9 }, "the ring has layout version 9; this program knows 1"),
        (Error::Descriptors { count: 2 }, "the message carries 2 descriptors instead of one"),
    ];
    for (error, text) in texts {
        assert_eq!(error.to_string(), text);
        assert!(error.source().is_none());
    }
    let source = io::Error::from(io::ErrorKind::OutOfMemory);
    let system = Error::System { action: "map the ring", source };
    assert_eq!(system.to_string(), "cannot map the ring: out of memory");
    assert_eq!(system.source().map(ToString::to_string), Some("out of memory".to_owned()));
}
