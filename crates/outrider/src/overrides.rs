use std::mem::offset_of;

use outrider_sys as sys;

/// The weight of one edge for one shot.
///
/// It replaces the graph's own. A negative weight forces the edge: its events and observables flip, and the
/// magnitude is the price of taking it back; that is exact. Magnitudes are clamped to the graph's largest
/// weight, odd ones rounded down to even.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct Override {
    /// The edge's index in the graph.
    pub edge: u32,
    /// Integer units, see [`MatchingGraph::quantize`](crate::MatchingGraph::quantize).
    pub weight: i32,
}

const _: () = {
    assert!(size_of::<Override>() == size_of::<sys::otr_override>());
    assert!(offset_of!(Override, edge) == offset_of!(sys::otr_override, edge));
    assert!(offset_of!(Override, weight) == offset_of!(sys::otr_override, weight));
};
