//! What happened in a run, event by event: always hashed, told on request.

use outrider_wire::{HEADER_BYTES, Header};
use sha2::{Digest, Sha256};

use crate::clock::WorldTime;
use crate::frames::frames;

/// Who an event happened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    World,
    Controller,
    Node(usize),
}

/// All that happened, as one hash, and as lines if they are wanted.
pub(crate) struct Trace {
    hash: Sha256,
    lines: Option<Vec<String>>,
    events: u64,
}

impl Trace {
    pub(crate) fn new(keeps_lines: bool) -> Self {
        Self { hash: Sha256::new(), lines: keeps_lines.then(Vec::new), events: 0 }
    }

    /// Something happened: `what` in words, `about` which of them, with these bytes.
    pub(crate) fn note(&mut self, now: WorldTime, who: Who, what: &str, about: u64, bytes: &[u8]) {
        self.events += 1;
        let place = match who {
            Who::World => 0,
            Who::Controller => 1,
            Who::Node(node) => 2 + node as u64,
        };
        for number in [now.0, place, about, bytes.len() as u64] {
            self.hash.update(number.to_le_bytes());
        }
        self.hash.update(what);
        self.hash.update(bytes);
        if let Some(lines) = &mut self.lines {
            let frames: String = frames(bytes).map(say_frame).collect();
            lines.push(format!("{:12.3} us  {who:?}: {what} {about}{frames}", now.0 as f64 / 1e3));
        }
    }

    /// Something that was said in words.
    pub(crate) fn say(&mut self, now: WorldTime, who: Who, text: &str) {
        self.note(now, who, text, 0, &[]);
    }

    pub(crate) fn events(&self) -> u64 {
        self.events
    }

    pub(crate) fn finish(self) -> ([u8; 32], Vec<String>) {
        (self.hash.finalize().into(), self.lines.unwrap_or_default())
    }
}

fn say_frame(frame: &[u8]) -> String {
    let header = frame.first_chunk::<HEADER_BYTES>().map(|header| Header::decode(header, u32::MAX));
    let Some(Ok(header)) = header else { return " | broken".to_owned() };
    let Header { frame_type, sequence, stream, epoch, round, flags, .. } = header;
    let mut text = format!(" | {frame_type:?} session {}", header.session.0);
    for (name, value) in [
        ("sequence", sequence),
        ("stream", stream.0.into()),
        ("epoch", epoch.0.into()),
        ("round", round.0),
        ("flags", flags.into()),
    ] {
        if value > 0 {
            text += &format!(" {name} {value}");
        }
    }
    text
}
