//! A node with an honest controller and a hostile one: whatever the hostile one says, the stream of the honest one ends
//! with the right answer, and its connection and session never break.

use outrider_node::{ConnectionId, Peer};
use outrider_wire::{Decoded, FrameType, SessionId, Token, decode_frame};

use crate::forge::Forger;
use crate::memory::{History, MICROSECOND, Memory};
use crate::script::Script;

/// The node numbers sessions from 1 on, and the honest one came first.
const HONEST_SESSION: SessionId = SessionId(1);
const STRANGER: Peer = Peer::User(2000);
const LONGEST_PAUSE: u64 = 10_000 * MICROSECOND;

pub(crate) fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let mut memory = Memory::new(1);
    let mut hostile = Hostile { forger: Forger::new(History::get().open.clone()), lines: Vec::new() };
    hostile.connect(&mut memory, &mut Script::new(&[]));
    while let Some(action) = script.next() {
        hostile.step(action, &mut memory, &mut script);
        memory.settle();
        memory.take_events();
        while memory.node.poll_event().is_some() {}
    }
    assert!(memory.finish(), "the honest stream does not end: {:?}", memory.controller);
    memory.take_events();
    memory.check_answer();
    assert_eq!(memory.controller.status(crate::memory::HONEST).counters.resumptions, 0);
    assert!(memory.controller.counters().fences == 0 && memory.node.counters().rounds >= 31);
}

struct Hostile {
    forger: Forger,
    /// Its connections; it speaks over the last one.
    lines: Vec<ConnectionId>,
}

impl Hostile {
    fn step(&mut self, action: u8, memory: &mut Memory, script: &mut Script<'_>) {
        match action % 16 {
            0..8 => {
                let frame = self.forger.frame(script);
                self.say(&frame, memory);
            }
            8 => self.say(script.some_bytes(), memory),
            9 => self.connect(memory, script),
            10 => {
                if let Some(line) = self.lines.pop() {
                    memory.node.disconnect(line, memory.now);
                }
            }
            11 => memory.pass(script.number().saturating_mul(MICROSECOND).min(LONGEST_PAUSE)),
            12 => memory.push(),
            13 => self.lines.extend(memory.node.connect(STRANGER, memory.now)),
            14 => {
                // Claims to be the honest controller.
                let mine = std::mem::replace(&mut self.forger.session, HONEST_SESSION);
                let token = std::mem::replace(&mut self.forger.token, Token([script.byte().max(2); 16]));
                let frame = self.forger.frame(script);
                self.say(&frame, memory);
                (self.forger.session, self.forger.token) = (mine, token);
            }
            _ => self.hear(memory),
        }
        // Those that were refused and have not been dropped count too.
        assert!(memory.node.connection_count() <= 16 && memory.node.session_count() <= 4);
    }

    fn say(&mut self, bytes: &[u8], memory: &mut Memory) {
        if let Some(&line) = self.lines.last() {
            memory.node.receive(line, bytes, memory.now);
        }
    }

    /// Takes what the node has to say; unless the script asks for that, it never reads.
    fn hear(&mut self, memory: &mut Memory) {
        let Some(&line) = self.lines.last() else { return };
        loop {
            let count = memory.node.transmit(line, &mut memory.out, memory.now);
            let mut bytes = &memory.out[..count];
            while let Ok(Decoded::Frame { header, .. }) = decode_frame(bytes, u32::MAX) {
                assert!(header.frame_type == FrameType::Refuse || header.session != HONEST_SESSION);
                if header.frame_type == FrameType::Welcome {
                    self.forger.session = header.session;
                    self.forger.token = Token([header.session.0 as u8; 16]);
                }
                bytes = &bytes[header.frame_bytes()..];
            }
            if count == 0 {
                break;
            }
        }
        if memory.node.is_over(line) {
            memory.node.disconnect(line, memory.now);
            self.lines.pop();
        }
    }

    /// A new session over a new connection, or the one before it.
    fn connect(&mut self, memory: &mut Memory, script: &mut Script<'_>) {
        let Ok(line) = memory.node.connect(STRANGER, memory.now) else { return };
        self.lines.push(line);
        if !script.bit() {
            self.forger.session = SessionId(0);
            self.forger.token = Token::NONE;
            self.forger.sequence = 0;
        }
        let hello = self.forger.frame_of(FrameType::Hello, script);
        self.say(&hello, memory);
        self.hear(memory);
    }
}
