//! The journal of a controller: what another controller goes on from when this one has died.
//!
//! A journal is a header and records, each with its length and checksums: histories as they were opened and closed, rounds
//! as they were pushed, commits as they were taken. The controller gives the bytes, and its caller puts them where they
//! outlive it. Any number of whole records from the beginning on is a state that the controller had: what is missing
//! behind them is pushed and decided again, and comes out the same.
//!
//! ```text
//! file    = header record*
//! header  = "OTRJRNL\n" version:u32 identity:[u8; 32] crc32c:u32
//! record  = length:u32 crc32c(length):u32 crc32c(payload):u32 payload:[u8; length]
//! payload = 1 patch:u32 model:[u8; 32] plan:[u8; 32]                       a history is opened
//!         | 2 patch:u32 is_last:u8 detectors:u32 events:[u8; *]            a round is pushed
//!         | 3 patch:u32 cell:u64 layer:u64 parity_bytes:u32 parity:[u8; *] (layer:u32 index:u32)*
//!                                                                          a commit is taken
//!         | 4 patch:u32                                                    a history is closed
//!         | 5                                                              all is over
//! ```
//!
//! Numbers are little-endian. The length has a checksum of its own, so that a record that was not written to its end is
//! never taken for a damaged one, nor the other way round.

use std::io::{self, Read};

use crc_fast::crc32_iscsi;
use outrider::PlacedMark;
use outrider_wire::{CellId, Digest, Round};

use crate::ids::PatchId;

/// Version of the format.
const VERSION: u32 = 1;
const MAGIC: &[u8; 8] = b"OTRJRNL\n";
/// Bytes of a record before its payload.
const HEAD_BYTES: usize = 12;
const MARK_BYTES: usize = 8;
/// Bytes that a reader asks for at a time.
const READ_BYTES: usize = 1 << 16;
/// Most bytes of a payload: far more than a round or a commit takes that fits the protocol.
const PAYLOAD_BYTES_MAX: usize = 1 << 20;

const OPEN: u8 = 1;
const ROUND: u8 = 2;
const COMMIT: u8 = 3;
const CLOSE: u8 = 4;
const END: u8 = 5;

/// What a journal begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalHeader {
    /// What its histories are, as whoever pushes them defines it: a digest of their source, say.
    pub identity: Digest,
}

/// Something that happened to a controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JournalRecord<'a> {
    /// A history was opened.
    Open {
        /// Its number.
        patch: PatchId,
        /// The digest of its error model.
        model: Digest,
        /// The digest of everything else that answers depend on.
        plan: Digest,
    },
    /// A round was pushed.
    Round {
        /// Of this history.
        patch: PatchId,
        /// It is the last.
        is_last: bool,
        /// Its detectors.
        detector_count: u32,
        /// Their events, packed.
        events: &'a [u8],
    },
    /// A commit was taken, the first for its cell.
    Commit {
        /// Of this history.
        patch: PatchId,
        /// The cell.
        cell: CellId,
        /// From which the layers of the marks count.
        layer: Round,
        /// The observables that it flips, packed.
        parity: &'a [u8],
        /// What it leaves to other cells.
        marks: JournalMarks<'a>,
    },
    /// A history was closed.
    Close {
        /// Its number.
        patch: PatchId,
    },
    /// All is over, and nothing is left to go on with.
    End,
}

/// Marks of a commit.
#[derive(Debug, Clone, Copy)]
pub struct JournalMarks<'a>(Marks<'a>);

#[derive(Debug, Clone, Copy)]
enum Marks<'a> {
    Placed(&'a [PlacedMark]),
    /// As a record has them.
    Packed(&'a [u8]),
}

impl<'a> JournalMarks<'a> {
    /// The marks, one after the other.
    pub fn iter(&self) -> impl Iterator<Item = PlacedMark> + 'a {
        let (placed, packed) = match self.0 {
            Marks::Placed(placed) => (placed, &[][..]),
            Marks::Packed(packed) => (&[][..], packed),
        };
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |number, &byte| number << 8 | u32::from(byte));
        let unpacked = packed.chunks_exact(MARK_BYTES);
        let unpacked =
            unpacked.map(move |mark| PlacedMark { layer: number(&mark[..4]), index: number(&mark[4..]) });
        placed.iter().copied().chain(unpacked)
    }
}

impl<'a> From<&'a [PlacedMark]> for JournalMarks<'a> {
    fn from(marks: &'a [PlacedMark]) -> Self {
        Self(Marks::Placed(marks))
    }
}

impl PartialEq for JournalMarks<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for JournalMarks<'_> {}

impl JournalHeader {
    /// Its size.
    pub const BYTES: usize = 48;

    /// As a journal begins.
    pub fn encode(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..44].copy_from_slice(&self.identity.0);
        let checksum = crc32_iscsi(&bytes[..44]);
        bytes[44..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8; Self::BYTES]) -> Result<Self, JournalError> {
        let mut reader = Bytes(bytes);
        let (magic, version) = (reader.array::<8>(), reader.u32());
        let (identity, checksum) = (reader.array::<32>(), reader.u32());
        if magic != Some(*MAGIC) {
            return Err(JournalError::NotAJournal);
        }
        if let Some(found) = version.filter(|&version| version != VERSION) {
            return Err(JournalError::Version { found });
        }
        match identity {
            Some(identity) if checksum == Some(crc32_iscsi(&bytes[..44])) => {
                Ok(Self { identity: Digest(identity) })
            }
            _ => Err(JournalError::Damaged { offset: 0, what: "the header" }),
        }
    }
}

impl<'a> JournalRecord<'a> {
    /// Appends it to a journal.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let begin = out.len();
        out.extend_from_slice(&[0; HEAD_BYTES]);
        self.put(out);
        let payload = begin + HEAD_BYTES;
        // A round or commit has far fewer bytes than 2^32.
        let length = ((out.len() - payload) as u32).to_le_bytes();
        let checksums = [crc32_iscsi(&length), crc32_iscsi(&out[payload..])];
        out[begin..begin + 4].copy_from_slice(&length);
        out[begin + 4..begin + 8].copy_from_slice(&checksums[0].to_le_bytes());
        out[begin + 8..payload].copy_from_slice(&checksums[1].to_le_bytes());
    }

    /// Appends its payload.
    fn put(&self, out: &mut Vec<u8>) {
        let mut begin = |kind: u8, patch: PatchId| {
            out.push(kind);
            out.extend_from_slice(&patch.0.to_le_bytes());
        };
        match self {
            Self::Open { patch, model, plan } => {
                begin(OPEN, *patch);
                out.extend_from_slice(&model.0);
                out.extend_from_slice(&plan.0);
            }
            Self::Round { patch, is_last, detector_count, events } => {
                begin(ROUND, *patch);
                out.push((*is_last).into());
                out.extend_from_slice(&detector_count.to_le_bytes());
                out.extend_from_slice(events);
            }
            Self::Commit { patch, cell, layer, parity, marks } => {
                begin(COMMIT, *patch);
                out.extend_from_slice(&cell.0.to_le_bytes());
                out.extend_from_slice(&layer.0.to_le_bytes());
                out.extend_from_slice(&(parity.len() as u32).to_le_bytes());
                out.extend_from_slice(parity);
                for PlacedMark { layer, index } in marks.iter() {
                    out.extend_from_slice(&layer.to_le_bytes());
                    out.extend_from_slice(&index.to_le_bytes());
                }
            }
            Self::Close { patch } => begin(CLOSE, *patch),
            Self::End => out.push(END),
        }
    }

    /// Takes a payload apart; nothing if it is none.
    fn take(payload: &'a [u8]) -> Option<Self> {
        let mut reader = Bytes(payload);
        let [kind] = reader.array()?;
        if kind == END {
            return reader.0.is_empty().then_some(Self::End);
        }
        let patch = PatchId(reader.u32()?);
        let record = match kind {
            OPEN => Self::Open { patch, model: Digest(reader.array()?), plan: Digest(reader.array()?) },
            ROUND => {
                let is_last = match reader.array()? {
                    [is_last @ 0..=1] => is_last == 1,
                    _ => return None,
                };
                let detector_count = reader.u32()?;
                let events = reader.slice(detector_count.div_ceil(8) as usize)?;
                Self::Round { patch, is_last, detector_count, events }
            }
            COMMIT => {
                let (cell, layer) = (CellId(reader.u64()?), Round(reader.u64()?));
                let count = reader.u32()?;
                let parity = reader.slice(count as usize)?;
                let marks = reader.slice(reader.0.len() / MARK_BYTES * MARK_BYTES)?;
                Self::Commit { patch, cell, layer, parity, marks: JournalMarks(Marks::Packed(marks)) }
            }
            CLOSE => Self::Close { patch },
            _ => return None,
        };
        reader.0.is_empty().then_some(record)
    }
}

/// Why a journal cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// It does not begin as journals do.
    #[error("not a journal of a controller")]
    NotAJournal,
    /// It is of another version of the format.
    #[error("a journal of version {found}, where version {VERSION} is expected")]
    Version {
        /// Its version.
        found: u32,
    },
    /// Bytes have changed, with others behind them that cannot be trusted either.
    #[error("byte {offset}: {what} is damaged")]
    Damaged {
        /// Where the damaged record begins.
        offset: u64,
        /// What of it.
        what: &'static str,
    },
    /// It could not be read.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Reads a journal record by record.
///
/// Whoever wrote it may have died meanwhile, so that its last record is not whole, or has no contents yet where the
/// machine died: the journal then ends before that record. A damaged record with others behind it is an error.
#[derive(Debug)]
pub struct JournalReader<R> {
    input: R,
    header: JournalHeader,
    buffer: Vec<u8>,
    /// The record at hand begins here in the buffer, there in the journal, and was given with so many bytes.
    begin: usize,
    offset: u64,
    given: usize,
}

impl<R: Read> JournalReader<R> {
    /// Reads the header; nothing if the input ends before it does, as that of a journal that was not yet begun.
    ///
    /// # Errors
    /// See [`JournalError`].
    pub fn new(mut input: R) -> Result<Option<Self>, JournalError> {
        let mut bytes = Vec::new();
        input.by_ref().take(JournalHeader::BYTES as u64).read_to_end(&mut bytes)?;
        let Some(header) = bytes.first_chunk() else {
            let is_begun = MAGIC.starts_with(&bytes[..bytes.len().min(MAGIC.len())]);
            return if is_begun { Ok(None) } else { Err(JournalError::NotAJournal) };
        };
        let (header, offset) = (JournalHeader::decode(header)?, JournalHeader::BYTES as u64);
        Ok(Some(Self { input, header, buffer: Vec::new(), begin: 0, offset, given: 0 }))
    }

    /// The header.
    pub fn header(&self) -> JournalHeader {
        self.header
    }

    /// Where the record that was given last begins, or after the last one, where the whole records end.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next record; nothing after the last whole one.
    ///
    /// # Errors
    /// See [`JournalError`].
    #[allow(clippy::should_implement_trait, reason = "records are views of the reader")]
    pub fn next(&mut self) -> Result<Option<JournalRecord<'_>>, JournalError> {
        let given = std::mem::take(&mut self.given);
        self.begin += given;
        self.offset += given as u64;
        if self.begin >= READ_BYTES {
            self.buffer.drain(..self.begin);
            self.begin = 0;
        }
        self.fill(HEAD_BYTES)?;
        let Some(head) = self.buffer[self.begin..].first_chunk::<HEAD_BYTES>() else { return Ok(None) };
        let mut reader = Bytes(head);
        let (length, checksums) = (reader.array::<4>(), [reader.u32(), reader.u32()]);
        let Some(length) = length.filter(|length| checksums[0] == Some(crc32_iscsi(length))) else {
            return self.end_or_damage(HEAD_BYTES, "the length of a record");
        };
        let end = HEAD_BYTES + u32::from_le_bytes(length) as usize;
        if end > HEAD_BYTES + PAYLOAD_BYTES_MAX {
            return Err(JournalError::Damaged { offset: self.offset, what: "the length of a record" });
        }
        self.fill(end)?;
        let Some(payload) = self.buffer.get(self.begin + HEAD_BYTES..self.begin + end) else {
            return Ok(None);
        };
        if checksums[1] != Some(crc32_iscsi(payload)) {
            return self.end_or_damage(end, "a record");
        }
        self.given = end;
        let payload = &self.buffer[self.begin + HEAD_BYTES..self.begin + end];
        let offset = self.offset;
        JournalRecord::take(payload).map(Some).ok_or(JournalError::Damaged { offset, what: "a record" })
    }

    /// Reads on until there are so many bytes of the record at hand, or all.
    fn fill(&mut self, count: usize) -> io::Result<()> {
        while self.buffer.len() < self.begin + count {
            let missing = (self.begin + count - self.buffer.len()).max(READ_BYTES) as u64;
            if self.input.by_ref().take(missing).read_to_end(&mut self.buffer)? == 0 {
                break;
            }
        }
        Ok(())
    }

    /// The record at hand is not as it was written: the end, if nothing was ever written behind these bytes of it.
    fn end_or_damage(
        &mut self,
        count: usize,
        what: &'static str,
    ) -> Result<Option<JournalRecord<'_>>, JournalError> {
        let mut is_blank = self.buffer[self.begin + count..].iter().all(|&byte| byte == 0);
        let mut bytes = vec![0; READ_BYTES];
        while is_blank {
            match self.input.read(&mut bytes)? {
                0 => return Ok(None),
                count => is_blank = bytes[..count].iter().all(|&byte| byte == 0),
            }
        }
        Err(JournalError::Damaged { offset: self.offset, what })
    }
}

/// Bytes that are taken from the front.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn slice(&mut self, count: usize) -> Option<&'a [u8]> {
        self.0.split_off(..count)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.slice(N)?.first_chunk().copied()
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: JournalHeader = JournalHeader { identity: Digest([7; 32]) };
    const MARKS: [PlacedMark; 2] =
        [PlacedMark { layer: 1, index: 70_000 }, PlacedMark { layer: 9, index: 0 }];

    fn records() -> [JournalRecord<'static>; 6] {
        let patch = PatchId(3);
        let (parity, marks) = (&[1, 0, 9][..], JournalMarks::from(&MARKS[..]));
        [
            JournalRecord::Open { patch, model: Digest([1; 32]), plan: Digest([2; 32]) },
            JournalRecord::Round { patch, is_last: false, detector_count: 11, events: &[5, 1] },
            JournalRecord::Commit { patch, cell: CellId(1 << 40), layer: Round(77), parity, marks },
            JournalRecord::Round { patch, is_last: true, detector_count: 0, events: &[] },
            JournalRecord::Close { patch },
            JournalRecord::End,
        ]
    }

    /// A journal, and where its records end.
    fn journal() -> (Vec<u8>, Vec<usize>) {
        let mut bytes = HEADER.encode().to_vec();
        let mut ends = vec![bytes.len()];
        for record in records() {
            record.encode(&mut bytes);
            ends.push(bytes.len());
        }
        (bytes, ends)
    }

    /// The number of records that are those of [`records`], and where the reader stopped.
    fn read(bytes: &[u8]) -> Result<(usize, u64), JournalError> {
        let mut reader = JournalReader::new(bytes)?.expect("a header");
        assert_eq!(reader.header(), HEADER);
        let mut count = 0;
        while let Some(record) = reader.next()? {
            assert_eq!(record, records()[count]);
            count += 1;
        }
        Ok((count, reader.offset()))
    }

    #[test]
    fn records_come_back_as_they_were() {
        let (bytes, ends) = journal();
        assert_eq!(read(&bytes).expect("whole"), (ends.len() - 1, bytes.len() as u64));
    }

    #[test]
    fn a_tail_that_is_not_whole_is_cut_at_the_last_whole_record() {
        let (bytes, ends) = journal();
        for length in ends[0]..bytes.len() {
            let whole = ends.iter().rposition(|&end| end <= length).expect("the header");
            let expected = (whole, ends[whole] as u64);
            assert_eq!(read(&bytes[..length]).expect("a torn tail"), expected, "{length} bytes");
            // A file system may have grown the file before it wrote the contents.
            let blank: Vec<u8> = bytes[..length].iter().copied().chain([0; 100]).collect();
            let missing = ends.get(whole + 1).map_or(&[][..], |&end| &bytes[length..end]);
            if missing.iter().any(|&byte| byte != 0) {
                assert_eq!(read(&blank).expect("a blank tail"), expected, "{length} bytes and zeros");
            }
        }
        for length in 0..ends[0] {
            assert!(JournalReader::new(&bytes[..length]).expect("a torn header").is_none());
        }
    }

    #[test]
    fn a_damaged_record_with_others_behind_it_is_an_error_with_its_place() {
        let (bytes, ends) = journal();
        for at in ends[0]..ends[ends.len() - 2] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 16;
            let begin = ends.iter().rfind(|&&end| end <= at).expect("the header");
            let error = read(&damaged).expect_err("damage").to_string();
            assert!(error.starts_with(&format!("byte {begin}: ")), "{at}: {error}");
        }
        for at in 0..ends[0] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 16;
            let error = read(&damaged).expect_err("damage").to_string();
            let expected = match at {
                0..8 => "not a journal of a controller",
                8..12 => "a journal of version ",
                _ => "byte 0: the header is damaged",
            };
            assert!(error.starts_with(expected), "{at}: {error}");
        }
    }

    #[test]
    fn a_record_that_has_its_checksum_and_no_meaning_is_damaged() {
        for payload in [
            &[][..],
            &[9, 0, 0, 0, 0],
            &[CLOSE, 0, 0, 0],
            &[END, 0],
            &[ROUND, 1, 0, 0, 0, 0, 9, 0, 0, 0, 1],
            &[ROUND, 1, 0, 0, 0, 2, 0, 0, 0, 0],
        ] {
            let mut bytes = HEADER.encode().to_vec();
            let length = (payload.len() as u32).to_le_bytes();
            bytes.extend_from_slice(&length);
            bytes.extend_from_slice(&crc32_iscsi(&length).to_le_bytes());
            bytes.extend_from_slice(&crc32_iscsi(payload).to_le_bytes());
            bytes.extend_from_slice(payload);
            assert!(matches!(read(&bytes), Err(JournalError::Damaged { offset: 48, .. })), "{payload:?}");
        }
    }

    #[test]
    fn a_length_that_no_record_has_is_damage_and_takes_no_memory() {
        let mut bytes = HEADER.encode().to_vec();
        let length = (PAYLOAD_BYTES_MAX as u32 + 1).to_le_bytes();
        bytes.extend_from_slice(&length);
        bytes.extend_from_slice(&crc32_iscsi(&length).to_le_bytes());
        let mut reader =
            JournalReader::new(bytes.chain(io::repeat(1))).expect("a journal").expect("a header");
        let error = reader.next().expect_err("no record").to_string();
        assert_eq!(error, "byte 48: the length of a record is damaged");
        assert!(reader.buffer.capacity() < 4 * READ_BYTES);
    }

    #[test]
    fn files_of_others_are_no_journals() {
        for text in ["o", "shots 1000000\n", "OTRJ\n"] {
            let error = JournalReader::new(text.as_bytes()).expect_err("no journal");
            assert!(matches!(error, JournalError::NotAJournal), "{text}");
        }
    }

    #[test]
    fn long_journals_are_read_in_pieces() {
        const ROUNDS: u32 = 20_000;
        let mut bytes = HEADER.encode().to_vec();
        for round in 0..ROUNDS {
            let events = round.to_le_bytes();
            JournalRecord::Round { patch: PatchId(1), is_last: false, detector_count: 32, events: &events }
                .encode(&mut bytes);
        }
        let mut reader = JournalReader::new(&bytes[..]).expect("a journal").expect("a header");
        for round in 0..ROUNDS {
            let record = reader.next().expect("whole").expect("a round");
            assert!(matches!(record, JournalRecord::Round { events, .. } if events == round.to_le_bytes()));
        }
        assert!(reader.next().expect("whole").is_none());
        assert!(reader.buffer.capacity() < 4 * READ_BYTES);
    }
}
