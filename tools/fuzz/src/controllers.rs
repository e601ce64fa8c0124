//! A controller with an honest node and a hostile one: unless the hostile one answers for cells that are its own, which
//! nobody can know to be wrong, the answer is the right one; and in any case there is one, however it stalls.

use outrider_controller::NodeId;
use outrider_wire::{FrameType, SessionId, Token};

use crate::forge::Forger;
use crate::memory::{HONEST, History, MICROSECOND, Memory};
use crate::script::Script;

const HOSTILE: NodeId = NodeId(1);
const LONGEST_PAUSE: u64 = 30_000 * MICROSECOND;

pub(crate) fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let mut memory = Memory::new(2);
    let mut forger = Forger::new(History::get().open.clone());
    forger.session = SessionId(9);
    forger.token = Token([9; 16]);
    let mut has_lied = false;
    connect(&mut memory, &mut forger, &mut Script::new(&[]));
    while let Some(action) = script.next() {
        step(action, &mut memory, &mut forger, &mut script);
        memory.settle();
        if action & 16 == 0 {
            memory.take_events();
        }
        has_lied |= lies(&mut memory);
    }
    memory.controller.disconnected(HOSTILE, memory.now);
    assert!(memory.finish(), "the patch stays unfinished: {:?}", memory.controller);
    memory.take_events();
    if has_lied | lies(&mut memory) {
        return;
    }
    memory.check_answer();
    assert_eq!(memory.controller.counters().disagreements, 0);
    assert_eq!(memory.controller.status(HONEST).counters.resumptions, 0);
}

fn step(action: u8, memory: &mut Memory, forger: &mut Forger, script: &mut Script<'_>) {
    match action % 16 {
        0..8 => {
            let frame = forger.frame(script);
            memory.controller.receive(HOSTILE, &frame, memory.now);
        }
        8 => memory.controller.receive(HOSTILE, script.some_bytes(), memory.now),
        9 => connect(memory, forger, script),
        10 => memory.controller.disconnected(HOSTILE, memory.now),
        11 => memory.pass(script.number().saturating_mul(MICROSECOND).min(LONGEST_PAUSE)),
        12 => memory.push(),
        13 => {
            // Takes the patch, with credit for all of it.
            let opened = forger.frame_of(FrameType::Opened, &mut Script::new(&[0, 0, 255, 0]));
            memory.controller.receive(HOSTILE, &opened, memory.now);
        }
        14 => {
            for _ in 0..script.byte() % 16 {
                memory.push();
                memory.settle();
            }
        }
        _ => while memory.controller.transmit(HOSTILE, &mut memory.out, memory.now) != 0 {},
    }
}

/// Greets over a new connection, if the controller wants one.
fn connect(memory: &mut Memory, forger: &mut Forger, script: &mut Script<'_>) {
    if memory.controller.is_over(HOSTILE) {
        memory.controller.disconnected(HOSTILE, memory.now);
    }
    if !memory.controller.wants_connection(HOSTILE, memory.now) {
        return;
    }
    memory.controller.dialling(HOSTILE);
    memory.controller.connected(HOSTILE, memory.now);
    if !script.bit() {
        forger.sequence = 0;
    }
    let welcome = forger.frame_of(FrameType::Welcome, script);
    memory.controller.receive(HOSTILE, &welcome, memory.now);
}

/// Whether the controller has taken answers of the hostile node.
fn lies(memory: &mut Memory) -> bool {
    let commits = std::iter::from_fn(|| memory.controller.poll_commit());
    commits.filter(|commit| commit.node == HOSTILE).count() > 0
}
