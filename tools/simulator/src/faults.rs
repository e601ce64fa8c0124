//! What can go wrong, and how often it does in one run.

use crate::random::Random;

macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $fault:ident = $name:literal;)+) => {
        /// What can go wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Fault {
            $($(#[doc = $doc])+ $fault,)+
        }

        impl Fault {
            /// All of them, in order.
            pub const ALL: &[Self] = &[$(Self::$fault),+];

            /// What it is called in traces and tables.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$fault => $name,)+
                }
            }
        }
    };
}

faults! {
    /// A frame never arrives.
    Drop = "drop";
    /// A frame arrives twice.
    Duplicate = "duplicate";
    /// A frame arrives after the one behind it.
    Reorder = "reorder";
    /// A bit of a header is flipped.
    CorruptHeader = "corrupt header";
    /// A bit of a payload is flipped.
    CorruptPayload = "corrupt payload";
    /// Bytes of a frame are missing.
    Cut = "cut";
    /// A frame of long ago, maybe of an earlier connection, arrives once more.
    Replay = "replay";
    /// A commit of an epoch that is over has a wrong answer.
    PoisonStale = "poison stale";
    /// Bytes take much longer than others.
    Stall = "stall";
    /// A connection ends, and what is on its way is lost.
    Reset = "reset";
    /// Nothing reaches a node and nothing comes from it.
    Partition = "partition";
    /// The same, in one direction.
    OneWay = "one-way partition";
    /// A node dies, and its connections end.
    Kill = "kill";
    /// A machine dies, and its connections stay open.
    SilentKill = "silent kill";
    /// A node that was dead begins anew.
    Restart = "restart";
    /// A node shuts down in order.
    ShutDown = "shut down";
    /// A node stands still while time passes.
    Pause = "pause";
    /// A node takes long for a cell.
    Slow = "slow";
    /// The clock of a node is set.
    ClockJump = "clock jump";
    /// The controller stands still while time passes.
    ControllerPause = "controller pause";
    /// The clock of the controller is set.
    ControllerClockJump = "controller clock jump";
    /// The controller dies, and its connections end. Another one goes on from its journal.
    ControllerKill = "controller kill";
    /// The machine of the controller dies: its connections stay open, and what of the journal was not synced is lost.
    ControllerSilentKill = "controller silent kill";
    /// Another controller goes on from the journal of a dead one.
    ControllerRestart = "controller restart";
    /// A history is given up while it runs.
    Abandon = "abandon";
    /// A node has other models or plans than the controller.
    Stranger = "stranger";
}

impl Fault {
    /// Those that befall single frames.
    pub(crate) const OF_FRAMES: &[Self] = &[
        Self::Drop,
        Self::Duplicate,
        Self::Reorder,
        Self::CorruptHeader,
        Self::CorruptPayload,
        Self::Cut,
        Self::Replay,
        Self::Stall,
    ];
    /// Those that strike now and then.
    pub(crate) const OF_PROCESSES: &[Self] = &[
        Self::Reset,
        Self::Partition,
        Self::OneWay,
        Self::Kill,
        Self::SilentKill,
        Self::ShutDown,
        Self::Pause,
        Self::Slow,
        Self::ClockJump,
        Self::ControllerPause,
        Self::ControllerClockJump,
    ];
}

/// Which frames are harmed.
#[derive(Debug, Clone, Default)]
pub(crate) struct FrameFaults {
    /// One frame in so many suffers it.
    rates: Vec<(Fault, u64)>,
    has_healed: bool,
    /// Stale commits are poisoned.
    pub(crate) poisons: bool,
    /// What the network does that no checksum finds.
    pub(crate) sabotage: Option<Sabotage>,
}

/// What breaks a promise on purpose, so that the checks can be seen to find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// A node answers wrongly now and then.
    Liar,
    /// Stale commits come with a wrong answer and the current epoch: there is no fence.
    NoFence,
    /// The network flips bits of rounds and mends the checksums.
    Forger,
    /// Nothing arrives any more once all faults should be over.
    Deaf,
}

impl FrameFaults {
    /// Each of the faults with even chances, each at a rate of its own.
    pub(crate) fn draw(random: &mut Random) -> Self {
        let mut rates = Vec::new();
        for &fault in Fault::OF_FRAMES {
            if random.one_in(3) {
                rates.push((fault, random.scale(8, 512)));
            }
        }
        Self { rates, poisons: random.coin(), ..Self::default() }
    }

    /// What befalls the next frame.
    pub(crate) fn strike(&self, random: &mut Random) -> Option<Fault> {
        if self.has_healed && self.sabotage == Some(Sabotage::Deaf) {
            return Some(Fault::Drop);
        }
        self.rates.iter().find(|(_, one_in)| random.one_in(*one_in)).map(|(fault, _)| *fault)
    }

    /// From now on the network harms nothing.
    pub(crate) fn heal(&mut self) {
        self.rates.clear();
        self.has_healed = true;
    }
}
