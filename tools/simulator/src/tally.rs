//! What happened in runs, by name: it shows whether the simulator tries what it should.

use std::collections::BTreeMap;

use outrider_controller::ControllerCounters;
use outrider_node::NodeCounters;
use outrider_wire::Counters;

use crate::faults::Fault;

/// How often what happened, in one run or in many.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    pub(crate) faults: Vec<u64>,
    pub(crate) counts: BTreeMap<&'static str, u64>,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self { faults: vec![0; Fault::ALL.len()], counts: BTreeMap::new() }
    }

    pub(crate) fn count(&mut self, name: &'static str, more: u64) {
        *self.counts.entry(name).or_default() += more;
    }

    /// Adds those of another run.
    pub fn add(&mut self, other: &Self) {
        self.faults.resize(Fault::ALL.len(), 0);
        self.faults.iter_mut().zip(&other.faults).for_each(|(sum, more)| *sum += more);
        other.counts.iter().for_each(|(name, more)| self.count(name, *more));
    }

    /// How often a fault struck.
    pub fn of_fault(&self, fault: Fault) -> u64 {
        self.faults.get(fault as usize).copied().unwrap_or(0)
    }

    /// How often something else happened.
    pub fn of(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or(0)
    }

    /// Everything with its name: faults first.
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let faults = Fault::ALL.iter().map(|&fault| (fault.name(), self.of_fault(fault)));
        faults.chain(self.counts.iter().map(|(name, count)| (*name, *count)))
    }

    pub(crate) fn add_controller(&mut self, counters: &ControllerCounters) {
        self.count("cells", counters.cells);
        self.count("cells repeated", counters.repeated);
        self.count("stale commits", counters.stale);
        self.count("fences", counters.fences);
        self.count("assignments", counters.assignments);
        self.count("starvations", counters.starvations);
    }

    pub(crate) fn add_node(&mut self, counters: &NodeCounters) {
        self.count("resumptions", counters.resumptions);
        self.count("rounds taken by nodes", counters.rounds);
        self.count("cells decided in vain", counters.stale_cells);
        self.count("connections refused", counters.connections_refused);
        self.count("streams refused", counters.stream_failures.values().sum());
    }

    /// Adds what a session of the controller counted between two looks.
    pub(crate) fn add_session(&mut self, before: &Counters, after: &Counters) {
        self.count("duplicates dropped", after.duplicates - before.duplicates);
        self.count("broken payloads", after.broken_payloads - before.broken_payloads);
        self.count("repairs asked", after.repairs_asked - before.repairs_asked);
        self.count("repairs made", after.repairs_made - before.repairs_made);
    }
}
