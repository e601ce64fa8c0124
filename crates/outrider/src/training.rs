use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use outrider_sys as sys;

use crate::error::{Details, Error, LineMeaning, argument_error, check, check_length};
use crate::graph::MatchingGraph;
use crate::kernels::Isa;
use crate::model::{DetectorErrorModel, owned, view};
use crate::shots::Shots;

/// How an event network looks at the lattice of detectors.
///
/// Sites are detector coordinates divided by the pitch, turned and moved before where there is a plane. The kind of a site is `kind_rule . site` modulo the
/// number of kinds; a kind sees offsets with x and y exchanged if it is transposed, and uses one set of
/// weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Geometry {
    /// Rows for x and y: what is divided by the pitch is `plane . (x, y, 1)`; none for the coordinates themselves.
    pub plane: Option<[[i32; 3]; 2]>,
    /// Steps of the coordinates x, y and round; positive.
    pub pitch: [i32; 3],
    /// Which kind a site is.
    pub kind_rule: [i32; 3],
    /// For each kind, whether it sees x and y exchanged.
    pub transposed: Vec<bool>,
    /// For each kind, its set of weights.
    pub sets: Vec<u8>,
    /// Two events are near if the larger distance along x or y plus the one in rounds is at most this.
    pub radius: i32,
    /// For each set of weights, where the edges lead; as many for every set.
    pub slots: Vec<Vec<Slot>>,
}

/// Where an edge leads from a detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Slot {
    /// To the detector so many sites away along x, y and the rounds, in the own frame.
    Offset([i32; 3]),
    /// To the boundary.
    Boundary,
}

/// How a training is made.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TrainingOptions {
    /// Added to the weight of every edge without an end at an event, in [`Training::gaps`].
    pub offset: f64,
    /// The instruction set. Floats differ between them in the last bits.
    pub isa: Isa,
}

/// What training an event network needs: batches of shots as the network sees them, the layers that run over
/// pairs of near events with their gradients, and complementary gaps with theirs.
///
/// It works for one thread at a time and is not for decoding, which runs on integers.
///
/// ```
/// use std::sync::Arc;
/// use outrider::{DetectorErrorModel, Geometry, GraphOptions, MatchingGraph, Shots, Slot, Training};
///
/// let model = DetectorErrorModel::parse(
///     "error(0.1) D0 L0\nerror(0.1) D0 D1\nerror(0.1) D1\ndetector(0, 0, 0) D0\ndetector(2, 0, 0) D1",
/// )?;
/// let graph = Arc::new(MatchingGraph::new(&model, &GraphOptions::default())?);
/// let geometry = Geometry {
///     plane: None,
///     pitch: [2, 2, 1],
///     kind_rule: [0, 0, 0],
///     transposed: vec![false],
///     sets: vec![0],
///     radius: 1,
///     slots: vec![vec![Slot::Offset([1, 0, 0]), Slot::Offset([-1, 0, 0]), Slot::Boundary]],
/// };
/// let mut training = Training::new(graph, &model, &geometry)?;
///
/// let mut detectors = Shots::new(2);
/// detectors.push(&[0b11])?;
/// training.prepare(&detectors, None)?;
/// let batch = training.batch();
/// assert_eq!(batch.detector, [0, 1]);
/// assert_eq!((batch.target, batch.source), (&[1, 0][..], &[0, 1][..]));
/// assert_eq!(batch.edge.len(), 3);
///
/// let mut sums = vec![0.0; 2 * 16];
/// training.embed_forward(16, &vec![0.5; training.relations() * 16], &mut sums)?;
/// assert_eq!(sums, [0.5; 2 * 16]);
///
/// let priors = batch.prior.to_vec();
/// let gaps = training.gaps(&priors, f64::INFINITY)?;
/// assert!((gaps.gaps[0] - 9f64.ln()).abs() < 1e-6);
/// # Ok::<(), outrider::Error>(())
/// ```
pub struct Training {
    raw: NonNull<sys::otr_training>,
    graph: Arc<MatchingGraph>,
    slots: usize,
    /// The present batch, in the memory of `raw`; none before the first and after a failure.
    shots: Option<sys::otr_training_shots>,
}

/// The shots of a batch. Events are numbered shot by shot, ascending by detector within a shot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrainingBatch<'a> {
    /// The first event of each shot, and the number of events.
    pub shot_events: &'a [u64],
    /// Of each event.
    pub detector: &'a [u32],
    /// The set of weights of each event.
    pub set: &'a [u32],
    /// Of each event, [`Training::PLACES`] times its kind plus its class on the patch.
    pub place: &'a [u32],
    /// Of each event, [`Training::PHASES`] times its kind plus its class in time.
    pub phase: &'a [u32],
    /// The first pair of each relation, and the number of pairs. A relation is a set of weights and an offset,
    /// counted by rounds, y and x.
    pub relation_pairs: &'a [u64],
    /// The event that receives, for each pair of near events.
    pub target: &'a [u32],
    /// The event that sends, at the relation's offset from the target.
    pub source: &'a [u32],
    /// The first edge of each shot, and the number of edges.
    pub shot_edges: &'a [u64],
    /// The edges of the graph with at least one end at an event.
    pub edge: &'a [u32],
    /// Event times slots plus slot, for one end of each edge.
    pub output1: &'a [u32],
    /// The same for the other end, or [`Training::NO_OUTPUT`] where that is no event.
    pub output2: &'a [u32],
    /// `ln(p/(1-p))` of each edge.
    pub prior: &'a [f32],
    /// 1 for each edge that flipped, else 0; none without truth.
    pub label: Option<&'a [f32]>,
}

/// The complementary gaps of a batch, see [`Training::gaps`].
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingGaps<'a> {
    /// For each shot, the weight of the class that flips the observable minus that of the other.
    pub gaps: Vec<f64>,
    /// The first difference of each shot, and the number of differences.
    pub shot_differences: Vec<u64>,
    /// The edges in exactly one class's answer.
    pub edges: &'a [u32],
    /// The gap's derivative by the edge's weight: 1 for the class that flips the observable, -1 for the other.
    pub signs: &'a [i8],
}

impl Training {
    /// Classes of a detector's place on the patch.
    pub const PLACES: usize = sys::OTR_GEOMETRY_PLACES as usize;
    /// Classes of a detector's place in time.
    pub const PHASES: usize = sys::OTR_GEOMETRY_PHASES as usize;
    /// In [`TrainingBatch::output2`]: the edge has no second event.
    pub const NO_OUTPUT: u32 = u32::MAX;

    /// With default options.
    ///
    /// # Errors
    /// As [`with_options`](Self::with_options).
    pub fn new(
        graph: Arc<MatchingGraph>,
        model: &DetectorErrorModel,
        geometry: &Geometry,
    ) -> Result<Self, Error> {
        Self::with_options(graph, model, geometry, &TrainingOptions::default())
    }

    /// For the graph of `model`, which gives the coordinates.
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) and [`Error::Length`] for a geometry out of its ranges,
    /// [`Format`](crate::Status::Format) for a detector without coordinates or off the lattice, and for an
    /// edge that has no slot; [`Limit`](crate::Status::Limit),
    /// [`Unsupported`](crate::Status::Unsupported) for a missing instruction set.
    pub fn with_options(
        graph: Arc<MatchingGraph>,
        model: &DetectorErrorModel,
        geometry: &Geometry,
        options: &TrainingOptions,
    ) -> Result<Self, Error> {
        let slots = geometry.slots.first().map_or(0, Vec::len);
        check_length("sets, one for each kind", geometry.transposed.len(), geometry.sets.len())?;
        for set in &geometry.slots {
            check_length("slots, as many for every set", slots, set.len())?;
        }
        let transposed: Vec<u8> = geometry.transposed.iter().copied().map(u8::from).collect();
        let raw_slots: Vec<_> = geometry.slots.iter().flatten().map(|slot| slot.to_raw()).collect();
        let raw_geometry = sys::otr_event_geometry {
            pitch: geometry.pitch,
            kind: geometry.kind_rule,
            kinds: saturated(transposed.len()),
            radius: geometry.radius,
            transposed: transposed.as_ptr(),
            set: geometry.sets.as_ptr(),
            sets: saturated(geometry.slots.len()),
            slots: saturated(slots),
            slot: raw_slots.as_ptr(),
            plane: geometry.plane.as_ref().map_or(ptr::null(), |plane| plane.as_ptr()),
        };
        let mut raw = ptr::null_mut();
        let mut details = Details::new();
        // SAFETY: all pointers are live and the arrays as long as the counts beside them; C keeps only the
        // graph, which `Self` keeps alive.
        let status = unsafe {
            sys::otr_training_create(
                &mut raw,
                graph.as_ptr(),
                model.as_ptr(),
                &raw_geometry,
                options.offset,
                options.isa.to_raw(),
                details.as_mut_ptr(),
            )
        };
        details.check(status, LineMeaning::Line).map_err(|error| options.isa.explain(error))?;
        Ok(Self { raw: owned(raw)?, graph, slots, shots: None })
    }

    /// The graph.
    pub fn graph(&self) -> &Arc<MatchingGraph> {
        &self.graph
    }

    /// Slots of each set of weights.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Offsets within the radius times sets of weights.
    pub fn relations(&self) -> usize {
        // SAFETY: the training is live and only read.
        unsafe { sys::otr_training_relations(self.raw.as_ptr()) as usize }
    }

    /// The logarithm of the mean edge probability.
    pub fn log_noise(&self) -> f64 {
        // SAFETY: the training is live and only read.
        unsafe { sys::otr_training_log_noise(self.raw.as_ptr()) }
    }

    /// Makes `detectors` the present batch, with the edges that flipped as truth.
    ///
    /// # Errors
    /// [`Error::Length`] for rows of another width or another number of rows,
    /// [`Limit`](crate::Status::Limit) for too many shots, events or pairs; there is then no batch.
    pub fn prepare(&mut self, detectors: &Shots, edges: Option<&Shots>) -> Result<(), Error> {
        let (node_count, edge_count) = (self.graph.node_count() as usize, self.graph.edge_count() as usize);
        check_length("width of the detectors, in bits", node_count, detectors.bits())?;
        if let Some(edges) = edges {
            check_length("width of the edges, in bits", edge_count, edges.bits())?;
            check_length("rows of edges", detectors.len(), edges.len())?;
        }
        // SAFETY: C's struct of counts and pointers may be zero.
        let mut shots: sys::otr_training_shots = unsafe { std::mem::zeroed() };
        self.shots = None;
        // SAFETY: the batches have `detectors.len()` rows of their strides and the widths that C reads, as
        // just checked; the training is used by nobody else (&mut).
        check(unsafe {
            sys::otr_training_batch(
                self.raw.as_ptr(),
                detectors.as_bytes().as_ptr(),
                detectors.stride(),
                edges.map_or(ptr::null(), |edges| edges.as_bytes().as_ptr()),
                edges.map_or(0, Shots::stride),
                detectors.len(),
                &mut shots,
            )
        })?;
        self.shots = Some(shots);
        Ok(())
    }

    /// The present batch; an empty one if there is none.
    pub fn batch(&self) -> TrainingBatch<'_> {
        let Some(raw) = &self.shots else {
            return TrainingBatch::EMPTY;
        };
        // SAFETY: training.h pairs each pointer with its count and lets the arrays live until the next batch,
        // which needs the training that the result borrows.
        unsafe {
            TrainingBatch {
                shot_events: view(raw.shot_events, raw.shot_count + 1),
                detector: view(raw.detector, raw.event_count),
                set: view(raw.set, raw.event_count),
                place: view(raw.place, raw.event_count),
                phase: view(raw.phase, raw.event_count),
                relation_pairs: view(raw.relation_pairs, self.relations() + 1),
                target: view(raw.target, raw.pair_count),
                source: view(raw.source, raw.pair_count),
                shot_edges: view(raw.shot_edges, raw.shot_count + 1),
                edge: view(raw.edge, raw.edge_count),
                output1: view(raw.output1, raw.edge_count),
                output2: view(raw.output2, raw.edge_count),
                prior: view(raw.prior, raw.edge_count),
                label: (!raw.label.is_null()).then(|| view(raw.label, raw.edge_count)),
            }
        }
    }

    /// Adds to each event's row of `out` the rows of its pairs' relations.
    ///
    /// A width is 16, 32, 48 or 64 floats; `rows` has one for each relation, `out` for each event.
    ///
    /// # Errors
    /// [`Error::Length`]; [`Argument`](crate::Status::Argument) for another width or without a batch.
    pub fn embed_forward(&self, width: usize, rows: &[f32], out: &mut [f32]) -> Result<(), Error> {
        let raw_width = self.check_width(width)?;
        self.check_rows(rows.len(), width)?;
        self.check_events("out, in floats", out.len(), width)?;
        // SAFETY: both slices have the lengths that C takes them to have, as just checked.
        check(unsafe {
            sys::otr_training_embed_forward(self.raw.as_ptr(), raw_width, rows.as_ptr(), out.as_mut_ptr())
        })
    }

    /// Writes the gradient by each row, from the one by each event.
    ///
    /// # Errors
    /// As [`embed_forward`](Self::embed_forward).
    pub fn embed_backward(
        &self,
        width: usize,
        gradient: &[f32],
        row_gradient: &mut [f32],
    ) -> Result<(), Error> {
        let raw_width = self.check_width(width)?;
        self.check_events("gradient, in floats", gradient.len(), width)?;
        self.check_rows(row_gradient.len(), width)?;
        // SAFETY: as in `embed_forward`.
        check(unsafe {
            sys::otr_training_embed_backward(
                self.raw.as_ptr(),
                raw_width,
                gradient.as_ptr(),
                row_gradient.as_mut_ptr(),
            )
        })
    }

    /// Adds to each event's row of `out` the rows of `input` that its pairs send, each multiplied by its
    /// relation's matrix: `weights` has a matrix for each relation, a row of it for each float of the input.
    ///
    /// # Errors
    /// As [`embed_forward`](Self::embed_forward).
    pub fn message_forward(
        &self,
        width: usize,
        weights: &[f32],
        input: &[f32],
        out: &mut [f32],
    ) -> Result<(), Error> {
        let raw_width = self.check_width(width)?;
        self.check_weights(weights.len(), width)?;
        self.check_events("input, in floats", input.len(), width)?;
        self.check_events("out, in floats", out.len(), width)?;
        // SAFETY: as in `embed_forward`.
        check(unsafe {
            sys::otr_training_message_forward(
                self.raw.as_ptr(),
                raw_width,
                weights.as_ptr(),
                input.as_ptr(),
                out.as_mut_ptr(),
            )
        })
    }

    /// Adds the gradient by each event's input and writes the one by each matrix, from the one by each event's
    /// output.
    ///
    /// # Errors
    /// As [`embed_forward`](Self::embed_forward).
    pub fn message_backward(
        &self,
        width: usize,
        weights: &[f32],
        input: &[f32],
        gradient: &[f32],
        input_gradient: &mut [f32],
        weight_gradient: &mut [f32],
    ) -> Result<(), Error> {
        let raw_width = self.check_width(width)?;
        self.check_weights(weights.len(), width)?;
        self.check_events("input, in floats", input.len(), width)?;
        self.check_events("gradient, in floats", gradient.len(), width)?;
        self.check_events("input gradient, in floats", input_gradient.len(), width)?;
        self.check_weights(weight_gradient.len(), width)?;
        // SAFETY: as in `embed_forward`.
        check(unsafe {
            sys::otr_training_message_backward(
                self.raw.as_ptr(),
                raw_width,
                weights.as_ptr(),
                input.as_ptr(),
                gradient.as_ptr(),
                input_gradient.as_mut_ptr(),
                weight_gradient.as_mut_ptr(),
            )
        })
    }

    /// The complementary gap of every shot of the batch under the log-odds `ln(p/(1-p))` of the batch's edges;
    /// the weights of other edges are the graph's plus the offset. Gaps are within `limit` either way;
    /// differences are listed for those strictly within. The search ends at the limit, so a small one makes it
    /// much faster.
    ///
    /// # Errors
    /// [`Error::Length`]; [`Unsupported`](crate::Status::Unsupported) with the reason if the graph has no gap,
    /// [`Argument`](crate::Status::Argument) for NaN, without a batch, and for a limit that is not positive,
    /// [`OddParity`](crate::Status::OddParity) for a shot that no edges explain.
    pub fn gaps(&mut self, log_odds: &[f32], limit: f64) -> Result<TrainingGaps<'_>, Error> {
        let batch = self.batch();
        check_length("log-odds, one for each edge", batch.edge.len(), log_odds.len())?;
        let shot_count = batch.shot_events.len() - 1;
        let (mut gaps, mut shot_differences) = (vec![0.0; shot_count], vec![0; shot_count + 1]);
        let (mut edges, mut signs) = (ptr::null(), ptr::null());
        let mut details = Details::new();
        // SAFETY: the slices have the lengths that C takes them to have; the training is used by nobody else
        // (&mut).
        let status = unsafe {
            sys::otr_training_gaps(
                self.raw.as_ptr(),
                log_odds.as_ptr(),
                limit,
                gaps.as_mut_ptr(),
                shot_differences.as_mut_ptr(),
                &mut edges,
                &mut signs,
                details.as_mut_ptr(),
            )
        };
        details.check(status, LineMeaning::Shot)?;
        let count = shot_differences[shot_count] as usize;
        // SAFETY: training.h: both lists have as many entries as the last offset says and live until the next
        // call, which needs the training that the result borrows.
        let (edges, signs) = unsafe { (view(edges, count), view(signs, count)) };
        Ok(TrainingGaps { gaps, shot_differences, edges, signs })
    }

    /// The numbers of the shots whose gap under the model's own weights is below `limit`. Hardly any other shot has
    /// a small gap under a network's weights. The present batch stays.
    ///
    /// # Errors
    /// [`Error::Length`] for rows of another width, [`Argument`](crate::Status::Argument) for a limit that is not
    /// positive; otherwise as [`gaps`](Self::gaps).
    pub fn screen(&mut self, detectors: &Shots, limit: f64) -> Result<Vec<u32>, Error> {
        check_length("width of the detectors, in bits", self.graph.node_count() as usize, detectors.bits())?;
        let (mut shots, mut count) = (vec![0; detectors.len()], 0);
        let mut details = Details::new();
        // SAFETY: the rows have their stride and the width that C reads, as just checked, and there is room for
        // the number of every row; the training is used by nobody else (&mut).
        let status = unsafe {
            sys::otr_training_screen(
                self.raw.as_ptr(),
                detectors.as_bytes().as_ptr(),
                detectors.stride(),
                detectors.len(),
                limit,
                shots.as_mut_ptr(),
                &mut count,
                details.as_mut_ptr(),
            )
        };
        details.check(status, LineMeaning::Shot)?;
        shots.truncate(count);
        Ok(shots)
    }

    fn check_width(&self, width: usize) -> Result<u32, Error> {
        if self.shots.is_none() {
            return Err(argument_error("no batch was prepared"));
        }
        match width {
            16 | 32 | 48 | 64 => Ok(width as u32),
            _ => Err(argument_error("a width is 16, 32, 48 or 64")),
        }
    }

    fn check_rows(&self, found: usize, width: usize) -> Result<(), Error> {
        check_length("rows of the relations, in floats", self.relations() * width, found)
    }

    fn check_weights(&self, found: usize, width: usize) -> Result<(), Error> {
        check_length("weights of the relations, in floats", self.relations() * width * width, found)
    }

    fn check_events(&self, what: &'static str, found: usize, width: usize) -> Result<(), Error> {
        check_length(what, self.batch().detector.len() * width, found)
    }
}

impl Drop for Training {
    fn drop(&mut self) {
        // SAFETY: this value owns `raw`, and the graph it borrows is still alive.
        unsafe { sys::otr_training_destroy(self.raw.as_ptr()) }
    }
}

// SAFETY: training.h asks for one thread at a time, the library keeps no thread-local state, and the batch
// points into memory of the training alone. Not `Sync`: it has scratch memory.
unsafe impl Send for Training {}

impl fmt::Debug for Training {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Training")
            .field("graph", &self.graph)
            .field("relations", &self.relations())
            .field("slots", &self.slots)
            .finish()
    }
}

impl TrainingBatch<'_> {
    const EMPTY: Self = Self {
        shot_events: &[0],
        detector: &[],
        set: &[],
        place: &[],
        phase: &[],
        relation_pairs: &[],
        target: &[],
        source: &[],
        shot_edges: &[0],
        edge: &[],
        output1: &[],
        output2: &[],
        prior: &[],
        label: None,
    };
}

impl Slot {
    fn to_raw(self) -> sys::otr_event_slot {
        match self {
            Self::Offset([dx, dy, dt]) => sys::otr_event_slot { dx, dy, dt, boundary: 0 },
            Self::Boundary => sys::otr_event_slot { dx: 0, dy: 0, dt: 0, boundary: 1 },
        }
    }
}

/// A count as C takes it; it refuses those that are too large.
fn saturated(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
