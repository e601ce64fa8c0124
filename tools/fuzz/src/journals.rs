//! Journals of a controller: any bytes are one or give one named error. Whole records are written again as the same
//! bytes, however the file is read. A controller that takes them up, as far as they fit, comes to an answer with its
//! nodes; to the right one, if the journal is that of the right history.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::sync::{Arc, OnceLock};

use outrider_controller::{JournalError, JournalHeader, JournalReader, JournalRecord, PatchId};
use outrider_wire::Digest;

use crate::memory::{History, Memory};

/// Bytes of a record before its payload: its length, and checksums of that and of the payload.
const HEAD_BYTES: usize = 12;

/// The bytes as they are, and with checksums put right so that what is behind those is reached too.
pub(crate) fn run(data: &[u8]) {
    for data in [data, &resealed(data)] {
        let whole = read(data, data);
        assert_eq!(whole, read(data, Trickle(data)), "it depends on how many bytes are read at a time");
        take_up(data);
    }
}

/// Where a journal ends, and why it cannot be read on; nothing if there is none.
fn read(data: &[u8], input: impl Read) -> Option<(u64, Option<String>)> {
    let mut reader = match JournalReader::new(input) {
        Ok(reader) => reader?,
        Err(error) => return Some((0, Some(named(&error)))),
    };
    let mut again = reader.header().encode().to_vec();
    let error = loop {
        assert_eq!(again, data[..again.len()]);
        match reader.next() {
            Ok(Some(record)) => record.encode(&mut again),
            Ok(None) => break None,
            Err(error) => break Some(named(&error)),
        }
    };
    assert_eq!(reader.offset(), again.len() as u64);
    Some((reader.offset(), error))
}

fn named(error: &JournalError) -> String {
    assert!(!matches!(error, JournalError::Io(_)), "memory can be read");
    let text = error.to_string();
    assert_one_line(&text);
    text
}

fn assert_one_line(text: &str) {
    assert!(!text.is_empty() && !text.contains('\n'), "{text:?}");
}

/// Another controller goes on where the journal ends, or where a record does not fit.
fn take_up(data: &[u8]) {
    let Ok(Some(mut reader)) = JournalReader::new(data) else { return };
    let patches = [Arc::clone(&History::get().patch)];
    let mut memory = Memory::without_history(1);
    let mut taken: Option<Taken> = None;
    while let Ok(Some(record)) = reader.next() {
        if let Err(error) = memory.controller.restore(&record, &patches, memory.now) {
            assert_one_line(&error.to_string());
            break;
        }
        match record {
            JournalRecord::Open { patch, .. } => {
                // The node has room for few.
                if let Some(earlier) = taken.replace(Taken { patch, rounds: 0, is_right: true }) {
                    memory.controller.close(earlier.patch, memory.now);
                }
            }
            record => taken.iter_mut().for_each(|taken| taken.note(&record)),
        }
    }
    let Some(taken) = taken.filter(|taken| memory.controller.state(taken.patch).is_some()) else { return };
    memory.go_on(taken.patch);
    assert!(memory.finish(), "the history stays unfinished: {:?}", memory.controller);
    if taken.is_right {
        memory.check_answer();
    }
}

/// The history that was opened last.
struct Taken {
    patch: PatchId,
    rounds: usize,
    /// Its rounds and commits are those of the history that is known.
    is_right: bool,
}

impl Taken {
    fn note(&mut self, record: &JournalRecord<'_>) {
        self.is_right &= match *record {
            JournalRecord::Round { is_last, detector_count, events, .. } => {
                self.rounds += 1;
                History::get().round(self.rounds - 1) == Some((events, detector_count, is_last))
            }
            JournalRecord::Commit { cell, layer, parity, marks, .. } => {
                let commit = JournalRecord::Commit { patch: RIGHT_PATCH, cell, layer, parity, marks };
                let mut bytes = Vec::new();
                commit.encode(&mut bytes);
                right_commits().contains(&bytes)
            }
            _ => true,
        };
    }
}

const RIGHT_PATCH: PatchId = PatchId(1);

/// The records of all commits of the known history.
fn right_commits() -> &'static BTreeSet<Vec<u8>> {
    static COMMITS: OnceLock<BTreeSet<Vec<u8>>> = OnceLock::new();
    COMMITS.get_or_init(|| {
        let journal = journal_of(|memory| assert!(memory.finish()));
        let mut reader = JournalReader::new(&journal[..]).expect("a journal").expect("a header");
        let mut commits = BTreeSet::new();
        while let Some(record) = reader.next().expect("whole records") {
            if let JournalRecord::Commit { patch: RIGHT_PATCH, .. } = record {
                let mut bytes = Vec::new();
                record.encode(&mut bytes);
                commits.insert(bytes);
            }
        }
        commits
    })
}

/// The journal of the known history, of which so much is done.
fn journal_of(stream: impl FnOnce(&mut Memory)) -> Vec<u8> {
    let mut memory = Memory::without_history(1);
    memory.controller.keep_journal();
    memory.begin();
    stream(&mut memory);
    let (mut journal, mut records) =
        (JournalHeader { identity: Digest([0; 32]) }.encode().to_vec(), Vec::new());
    memory.controller.take_journal(&mut records);
    journal.append(&mut records);
    journal
}

/// The bytes with the magic of a journal, and every length and checksum as it should be.
fn resealed(data: &[u8]) -> Vec<u8> {
    let mut bytes = data.to_vec();
    let Some((header, mut rest)) = bytes.split_first_chunk_mut::<{ JournalHeader::BYTES }>() else {
        return bytes;
    };
    header[..12].copy_from_slice(&JournalHeader { identity: Digest([0; 32]) }.encode()[..12]);
    seal(header, JournalHeader::BYTES - 4);
    while let Some((head, behind)) = rest.split_first_chunk_mut::<HEAD_BYTES>() {
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let (payload, behind) = behind.split_at_mut(length.min(behind.len()));
        head[..4].copy_from_slice(&(payload.len() as u32).to_le_bytes());
        seal(&mut head[..8], 4);
        head[8..].copy_from_slice(&crc32c::crc32c(payload).to_le_bytes());
        rest = behind;
    }
    bytes
}

/// Puts the checksum of the first bytes behind them.
fn seal(bytes: &mut [u8], count: usize) {
    let checksum = crc32c::crc32c(&bytes[..count]);
    bytes[count..].copy_from_slice(&checksum.to_le_bytes());
}

/// A file of which every read gives a few bytes.
struct Trickle<'a>(&'a [u8]);

impl Read for Trickle<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = to.len().min(5);
        self.0.read(&mut to[..count])
    }
}
