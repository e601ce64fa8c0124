//! The numbers of nodes and patches.

/// Most nodes of a controller.
pub(crate) const NODES_MAX: usize = 64;

/// A decoder node, by its place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub usize);

/// The history of a logical patch. Numbers are never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PatchId(pub u32);
