use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use outrider_sys as sys;

use crate::error::{Details, Error, LineMeaning, check, check_length};
use crate::model::{DetectorErrorModel, owned, view};

/// The matching graph of a model: detectors as nodes, error components with one or two detectors as edges.
///
/// Parallel edges are merged and weights are `ln((1-p)/p)`, as in PyMatching. Inside, weights are even
/// integers; [`natural`](Self::natural) and [`quantize`](Self::quantize) convert. Graphs are immutable: put
/// one in an [`Arc`](std::sync::Arc) and give it to as many decoders and threads as you like.
///
/// ```
/// use outrider::{DetectorErrorModel, GraphOptions, MatchingGraph};
///
/// let model = DetectorErrorModel::parse("error(0.1) D0 L0\nerror(0.2) D0 D1\nerror(0.3) D1")?;
/// let graph = MatchingGraph::new(&model, &GraphOptions::default())?;
/// assert_eq!((graph.node_count(), graph.edge_count(), graph.observable_count()), (2, 3, 1));
///
/// let edge = graph.edge(graph.find_edge(0, Some(1)).expect("D0 and D1 share an error"))?;
/// assert_eq!((edge.node1, edge.node2), (0, Some(1)));
/// assert!((graph.natural(edge.weight.into()) - (0.8f64 / 0.2).ln()).abs() < 1e-6);
/// # Ok::<(), outrider::Error>(())
/// ```
pub struct MatchingGraph {
    raw: NonNull<sys::otr_graph>,
    /// The graph whose topology it borrows, if it is not its own.
    lender: Option<Arc<Self>>,
}

/// How a graph is built.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct GraphOptions {
    /// Also build the implied weights that correlated matching needs. Components without detectors inside a decomposed
    /// error are then refused.
    pub correlations: bool,
    /// Skip and count components with three or more detectors instead of refusing them.
    pub ignore_undecomposable: bool,
    /// Keep what each error adds to, for [`MatchingGraph::reweighted`].
    pub reweightable: bool,
    /// Keep the errors whole too, for sums over them: [`Likelihood`](crate::Likelihood). Such a graph takes no other
    /// probabilities.
    pub errors: bool,
    /// Where errors with the same detectors flip different observables, keep those of the first one, as PyMatching
    /// does, instead of the likelier ones.
    pub first_observables: bool,
    /// Distinct magnitudes of integer weights; 0 for the default (and largest) 2^24 - 1.
    pub levels: u32,
    /// Natural weights of single shots up to this can be held, and more where the graph's own are larger, see
    /// [`MatchingGraph::weight_limit`]: the larger, the coarser. 0 for the default, 64.
    pub weight_range: f64,
}

impl GraphOptions {
    fn to_raw(self) -> sys::otr_graph_options {
        sys::otr_graph_options {
            correlations: self.correlations,
            ignore_undecomposable: self.ignore_undecomposable,
            reweightable: self.reweightable,
            errors: self.errors,
            first_observables: self.first_observables,
            levels: self.levels,
            weight_range: self.weight_range,
        }
    }
}

/// An edge with a weight of its own, for [`MatchingGraph::from_edges`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WeightedEdge<'a> {
    /// A node.
    pub node1: u32,
    /// Another node, or `None` for the boundary.
    pub node2: Option<u32>,
    /// In natural units: any number, or infinite for an edge that does not exist, and minus infinite for one that is
    /// in every answer.
    pub weight: f64,
    /// The probability, from 0 to 1, for what asks for it; `None` for the one that the weight stands for.
    pub probability: Option<f64>,
    /// What the edge flips; one that is given twice cancels.
    pub observables: &'a [u32],
}

/// An edge, as a view into its graph.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edge<'a> {
    /// A detector.
    pub node1: u32,
    /// A detector above `node1`, or `None` for the boundary.
    pub node2: Option<u32>,
    /// The merged probability, above 0 and at most 1.
    pub probability: f64,
    /// The integer weight: even, negative for probabilities above 1/2.
    pub weight: i32,
    /// The observables that the edge flips, ascending.
    pub observables: &'a [u32],
}

/// One correlation rule: using the edge asked for lowers `edge` to at most `weight`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Implied {
    /// The other edge.
    pub edge: u32,
    /// Integer units, at least 0.
    pub weight: i32,
}

impl MatchingGraph {
    /// Flattens `model` and builds its graph.
    ///
    /// # Errors
    /// [`Undecomposable`](crate::Status::Undecomposable) or [`Probability`](crate::Status::Probability) with
    /// the line of the model, [`Limit`](crate::Status::Limit) for too many detectors, errors or observables.
    pub fn new(model: &DetectorErrorModel, options: &GraphOptions) -> Result<Self, Error> {
        let raw_options = options.to_raw();
        let mut raw = ptr::null_mut();
        let mut details = Details::new();
        // SAFETY: all pointers are live; C keeps none of them after the call.
        let status =
            unsafe { sys::otr_graph_create(&mut raw, model.as_ptr(), &raw_options, details.as_mut_ptr()) };
        details.check(status, LineMeaning::Line)?;
        Ok(Self { raw: owned(raw)?, lender: None })
    }

    /// The graph of edges with weights of their own, at most one between two nodes.
    ///
    /// Whole weights below 2^29 are exact. Edges are numbered by their nodes, not as given:
    /// [`find_edge`](Self::find_edge). Of the options it takes `levels` and `weight_range`.
    ///
    /// ```
    /// use outrider::{GraphOptions, MatchingGraph, WeightedEdge};
    ///
    /// let chain = [(0, None, 3.0), (0, Some(1), 1.5), (1, None, 2.0)].map(|(node1, node2, weight)| {
    ///     WeightedEdge { node1, node2, weight, probability: None, observables: &[] }
    /// });
    /// let graph = MatchingGraph::from_edges(2, 0, &chain, &GraphOptions::default())?;
    /// assert_eq!(graph.edge_count(), 3);
    /// # Ok::<(), outrider::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Index`](crate::Status::Index) for a node or observable that is none, or an edge from a node to itself;
    /// [`Argument`](crate::Status::Argument) for two edges between the same nodes or a weight that is no number;
    /// [`Probability`](crate::Status::Probability), [`Limit`](crate::Status::Limit);
    /// [`Unsupported`](crate::Status::Unsupported) if the options ask for correlations or reweighting.
    pub fn from_edges(
        node_count: u32,
        observable_count: u32,
        edges: &[WeightedEdge<'_>],
        options: &GraphOptions,
    ) -> Result<Self, Error> {
        let node1: Vec<u32> = edges.iter().map(|edge| edge.node1).collect();
        let node2: Vec<u32> = edges.iter().map(|edge| edge.node2.unwrap_or(sys::OTR_BOUNDARY)).collect();
        let weights: Vec<f64> = edges.iter().map(|edge| edge.weight).collect();
        let implied = |edge: &WeightedEdge<'_>| 1.0 / (1.0 + edge.weight.exp());
        let probabilities: Vec<f64> =
            edges.iter().map(|edge| edge.probability.unwrap_or_else(|| implied(edge))).collect();
        let mut offsets = vec![0];
        offsets.extend(edges.iter().scan(0, |total, edge| {
            *total += edge.observables.len();
            Some(*total)
        }));
        let observables: Vec<u32> = edges.iter().flat_map(|edge| edge.observables).copied().collect();
        let raw_edges = sys::otr_graph_edges {
            node_count,
            observable_count,
            edge_count: edges.len(),
            node1: node1.as_ptr(),
            node2: node2.as_ptr(),
            weights: weights.as_ptr(),
            probabilities: probabilities.as_ptr(),
            observable_begin: offsets.as_ptr(),
            observables: observables.as_ptr(),
        };
        let raw_options = options.to_raw();
        let mut raw = ptr::null_mut();
        let mut details = Details::new();
        // SAFETY: all arrays have an entry for each edge, or one offset more; C keeps none of them after the call.
        let status = unsafe {
            sys::otr_graph_create_from_edges(&mut raw, &raw_edges, &raw_options, details.as_mut_ptr())
        };
        details.check(status, LineMeaning::Line)?;
        Ok(Self { raw: owned(raw)?, lender: None })
    }

    /// The graph with other numbers: what [`new`](Self::new) makes of the model when its errors have these
    /// probabilities, to the last bit, in much less time.
    ///
    /// There is one probability for each error of the flattened model, in its order. Which errors can happen belongs to
    /// the topology: a probability is 0 if and only if it was when the graph was built.
    ///
    /// The new graph shares the topology with the one that [`new`](Self::new) made, and keeps that one alive.
    /// [`Decoder::reweight`](crate::Decoder::reweight) gives it to a decoder.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use outrider::{DetectorErrorModel, GraphOptions, MatchingGraph};
    ///
    /// let model = DetectorErrorModel::parse("error(0.1) D0 L0\nerror(0.2) D0 D1\nerror(0.3) D1")?;
    /// let options = GraphOptions { reweightable: true, ..GraphOptions::default() };
    /// let graph = Arc::new(MatchingGraph::new(&model, &options)?);
    ///
    /// let drifted = graph.reweighted(&[0.1, 0.25, 0.3])?;
    /// assert_eq!(drifted.edge(0)?.probability, 0.25);
    /// assert!(drifted.edge(0)?.weight < graph.edge(0)?.weight);
    /// # Ok::<(), outrider::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Unsupported`](crate::Status::Unsupported) if the graph was built without
    /// [`reweightable`](GraphOptions::reweightable), [`Argument`](crate::Status::Argument) for another number of
    /// errors, [`Probability`](crate::Status::Probability) for probabilities that are none, that correlated matching does
    /// not take, or that give other edges.
    pub fn reweighted(self: &Arc<Self>, probabilities: &[f64]) -> Result<Self, Error> {
        let mut raw = ptr::null_mut();
        let mut details = Details::new();
        // SAFETY: the probabilities are valid for their count. The lender is kept alive beside the graph.
        let status = unsafe {
            sys::otr_graph_reweighted(
                &mut raw,
                self.as_ptr(),
                probabilities.as_ptr(),
                probabilities.len() as u64,
                details.as_mut_ptr(),
            )
        };
        details.check(status, LineMeaning::Line)?;
        Ok(Self { raw: owned(raw)?, lender: Some(Arc::clone(self.lender())) })
    }

    /// As [`reweighted`](Self::reweighted), with a probability above 0 for each edge, for any graph without
    /// correlations.
    ///
    /// # Errors
    /// [`Unsupported`](crate::Status::Unsupported) for a graph with correlations, which follow from errors and not from
    /// edges; [`Error::Length`], [`Probability`](crate::Status::Probability).
    pub fn reweighted_edges(self: &Arc<Self>, probabilities: &[f64]) -> Result<Self, Error> {
        check_length("probabilities", self.edge_count() as usize, probabilities.len())?;
        let mut raw = ptr::null_mut();
        let mut details = Details::new();
        // SAFETY: there is a probability for each edge. The lender is kept alive beside the graph.
        let status = unsafe {
            sys::otr_graph_reweighted_edges(
                &mut raw,
                self.as_ptr(),
                probabilities.as_ptr(),
                self.edge_count(),
                details.as_mut_ptr(),
            )
        };
        details.check(status, LineMeaning::Line)?;
        Ok(Self { raw: owned(raw)?, lender: Some(Arc::clone(self.lender())) })
    }

    /// The graph that the topology is of.
    fn lender(self: &Arc<Self>) -> &Arc<Self> {
        self.lender.as_ref().unwrap_or(self)
    }

    /// Errors that [`reweighted`](Self::reweighted) wants probabilities of; 0 unless
    /// [`reweightable`](GraphOptions::reweightable).
    pub fn error_count(&self) -> u64 {
        // SAFETY: `raw` is a live graph.
        unsafe { sys::otr_graph_error_count(self.as_ptr()) }
    }

    /// Nodes, equal to the detectors of the model.
    pub fn node_count(&self) -> u32 {
        // SAFETY: `raw` is a live graph.
        unsafe { sys::otr_graph_node_count(self.as_ptr()) }
    }

    /// Edges after merging.
    pub fn edge_count(&self) -> u32 {
        // SAFETY: `raw` is a live graph.
        unsafe { sys::otr_graph_edge_count(self.as_ptr()) }
    }

    /// Observables of the model.
    pub fn observable_count(&self) -> u32 {
        // SAFETY: `raw` is a live graph.
        unsafe { sys::otr_graph_observable_count(self.as_ptr()) }
    }

    /// Whether the graph has the implied weights that correlated matching needs.
    pub fn has_correlations(&self) -> bool {
        // SAFETY: `raw` is a live graph.
        unsafe { sys::otr_graph_has_correlations(self.as_ptr()) }
    }

    /// Whether the graph keeps its errors whole.
    pub fn has_errors(&self) -> bool {
        // SAFETY: `raw` is a live graph.
        unsafe { sys::otr_graph_has_errors(self.as_ptr()) }
    }

    /// Edges of errors that flip different observables.
    pub fn conflict_count(&self) -> u64 {
        // SAFETY: `raw` is a live graph.
        unsafe { sys::otr_graph_conflict_count(self.as_ptr()) }
    }

    /// Components with three or more detectors that were skipped.
    pub fn ignored_count(&self) -> u64 {
        // SAFETY: `raw` is a live graph.
        unsafe { sys::otr_graph_ignored_count(self.as_ptr()) }
    }

    /// Components without detectors, which no decoder can see.
    pub fn undetectable_count(&self) -> u64 {
        // SAFETY: `raw` is a live graph.
        unsafe { sys::otr_graph_undetectable_count(self.as_ptr()) }
    }

    /// Integer units per natural unit of weight.
    pub fn scale(&self) -> f64 {
        // SAFETY: `raw` is a live graph.
        unsafe { sys::otr_graph_scale(self.as_ptr()) }
    }

    /// An integer weight in natural units: for a decoded shot, the sum of `ln((1-p)/p)` over its edges.
    /// [`i64::MAX`], the weight of a class that has no edge set, is infinite.
    pub fn natural(&self, weight: i64) -> f64 {
        if weight == i64::MAX { f64::INFINITY } else { weight as f64 / self.scale() }
    }

    /// An integer weight of an edge in natural units, infinite where it is.
    pub fn natural_edge_weight(&self, weight: i32) -> f64 {
        match weight.unsigned_abs() {
            sys::OTR_WEIGHT_INFINITE => f64::INFINITY.copysign(weight.into()),
            _ => self.natural(weight.into()),
        }
    }

    /// The largest finite natural weight that can be held.
    pub fn weight_limit(&self) -> f64 {
        // SAFETY: `raw` is a live graph.
        unsafe { sys::otr_graph_weight_limit(self.as_ptr()) }
    }

    /// The nearest even integer weight for a natural one, ties away from zero, infinite for an infinite one. This is
    /// how the graph itself rounds.
    ///
    /// # Errors
    /// [`Limit`](crate::Status::Limit) for a finite weight above [`weight_limit`](Self::weight_limit),
    /// [`Argument`](crate::Status::Argument) for NaN.
    pub fn quantize(&self, natural_weight: f64) -> Result<i32, Error> {
        let mut weight = 0;
        // SAFETY: `raw` is a live graph.
        let status = unsafe { sys::otr_graph_quantize(self.as_ptr(), natural_weight, &mut weight) };
        check(status)?;
        Ok(weight)
    }

    /// The edge with this index.
    ///
    /// # Errors
    /// [`Index`](crate::Status::Index) unless `edge` is below [`edge_count`](Self::edge_count).
    pub fn edge(&self, edge: u32) -> Result<Edge<'_>, Error> {
        let mut raw = sys::otr_edge {
            node1: 0,
            node2: 0,
            probability: 0.0,
            weight: 0,
            observable_count: 0,
            observables: ptr::null(),
        };
        // SAFETY: `raw` is written only on success.
        check(unsafe { sys::otr_graph_edge(self.as_ptr(), edge, &mut raw) })?;
        Ok(Edge {
            node1: raw.node1,
            node2: (raw.node2 != sys::OTR_BOUNDARY).then_some(raw.node2),
            probability: raw.probability,
            weight: raw.weight,
            // SAFETY: the header lets the observables live as long as the graph, which the result borrows.
            observables: unsafe { view(raw.observables, raw.observable_count as usize) },
        })
    }

    /// All edges, in the order of their indices.
    pub fn edges(&self) -> impl ExactSizeIterator<Item = Edge<'_>> {
        (0..self.edge_count() as usize)
            .map(|edge| self.edge(edge as u32).expect("the index is below the count"))
    }

    /// The index of the edge between two nodes, or between a node and the boundary (`None`).
    pub fn find_edge(&self, node1: u32, node2: Option<u32>) -> Option<u32> {
        if [Some(node1), node2].into_iter().flatten().any(|node| node >= self.node_count()) {
            return None;
        }
        let mut edge = 0;
        let node2 = node2.unwrap_or(sys::OTR_BOUNDARY);
        // SAFETY: `edge` is live and written only on success.
        let status = unsafe { sys::otr_graph_find_edge(self.as_ptr(), node1, node2, &mut edge) };
        check(status).ok().map(|()| edge)
    }

    /// The correlation rules of an edge, ascending by the other edge; none without correlations.
    ///
    /// # Errors
    /// [`Index`](crate::Status::Index) unless `edge` is below [`edge_count`](Self::edge_count).
    pub fn implied(&self, edge: u32) -> Result<impl ExactSizeIterator<Item = Implied> + '_, Error> {
        let mut rules = sys::otr_implied { edges: ptr::null(), weights: ptr::null(), count: 0 };
        // SAFETY: the output is live and written only on success.
        check(unsafe { sys::otr_graph_implied(self.as_ptr(), edge, &mut rules) })?;
        // SAFETY: the header lets both arrays live as long as the graph.
        let (edges, weights) = unsafe { (view(rules.edges, rules.count), view(rules.weights, rules.count)) };
        Ok(edges.iter().zip(weights).map(|(&edge, &weight)| Implied { edge, weight }))
    }

    /// Heap bytes held.
    pub fn heap_bytes(&self) -> usize {
        // SAFETY: `raw` is a live graph.
        unsafe { sys::otr_graph_bytes(self.as_ptr()) }
    }

    /// Bytes of one shot's packed detectors.
    pub fn detector_bytes(&self) -> usize {
        (self.node_count() as usize).div_ceil(8)
    }

    /// Bytes of one shot's packed observables.
    pub fn observable_bytes(&self) -> usize {
        (self.observable_count() as usize).div_ceil(8)
    }

    pub(crate) fn as_ptr(&self) -> *const sys::otr_graph {
        self.raw.as_ptr()
    }
}

impl Drop for MatchingGraph {
    fn drop(&mut self) {
        // SAFETY: this value owns `raw`; decoders and borrowers of the topology keep the graph alive through an `Arc`.
        unsafe { sys::otr_graph_destroy(self.raw.as_ptr()) }
    }
}

// SAFETY: graph.h: "The graph is immutable; threads and decoders may share it".
unsafe impl Send for MatchingGraph {}
// SAFETY: as above; every call on a shared graph only reads.
unsafe impl Sync for MatchingGraph {}

impl fmt::Debug for MatchingGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MatchingGraph")
            .field("nodes", &self.node_count())
            .field("edges", &self.edge_count())
            .field("observables", &self.observable_count())
            .field("correlations", &self.has_correlations())
            .finish()
    }
}
