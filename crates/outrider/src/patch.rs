use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::bulk_noise::BulkNoise;
use crate::decoder::{DecoderKind, DecoderOptions};
use crate::error::{Error, Place, Status, argument_error};
use crate::graph::{GraphOptions, MatchingGraph};
use crate::likelihood_options::LikelihoodOptions;
use crate::model::{DetectorErrorModel, InstructionKind, Target, TargetKind};
use crate::plan::{Axis, Plan, PlanOptions, RowLayout};
use crate::predecoder::Predecoder;
use crate::stream_learning_options::StreamLearningOptions;
use crate::window::{Window, WindowDecoder};

/// All that must be the same wherever a cell of a logical patch is decided: its error model, how its history is cut, and
/// how windows are decoded. Two patches with equal digests give equal answers, bit for bit.
///
/// ```
/// use outrider::{Circuit, CircuitFamily, Patch, PatchOptions, PlanOptions, SurfaceCode};
///
/// let circuit = Circuit::uniform(CircuitFamily::Stim, 0.001);
/// let model = SurfaceCode::memory(3, 40).circuit(circuit).build()?.model()?;
/// let parallel = Patch::new(&model, &PatchOptions::new(PlanOptions::parallel(3)))?;
/// let forward = Patch::new(&model, &PatchOptions::new(PlanOptions::forward(3)))?;
/// assert_eq!(parallel.model_digest(), forward.model_digest());
/// assert_ne!(parallel.plan_digest(), forward.plan_digest());
/// # Ok::<(), outrider::Error>(())
/// ```
pub struct Patch {
    plan: Arc<Plan>,
    cut: PlanOptions,
    decoder: DecoderOptions,
    predecoder: Option<PatchPredecoder>,
    learning: Option<(StreamLearningOptions, Arc<BulkNoise>)>,
    model_digest: [u8; 32],
    plan_digest: [u8; 32],
}

/// The first line of what [`Patch::plan_digest`] hashes. Its number rises whenever decoders of the same plan and options
/// begin to answer otherwise.
const PLAN_DIGEST_VERSION: &str = "outrider plan 2";

/// How a [`Patch`] is cut and decoded.
#[derive(Debug, Clone)]
pub struct PatchOptions {
    /// How its history is cut.
    pub plan: PlanOptions,
    /// The decoder of every window.
    pub decoder: DecoderOptions,
    /// What works before it, if anything does.
    pub predecoder: Option<PatchPredecoder>,
    /// How its noise is learned from its rounds, if it is; see [`StreamLearning`](crate::StreamLearning).
    pub learning: Option<StreamLearningOptions>,
}

/// The pre-decoder of a [`Patch`].
#[derive(Clone)]
pub struct PatchPredecoder {
    /// Makes one on the graph of the patch.
    pub make: MakePredecoder,
    /// Tells pre-decoders apart whose answers differ: a hash of the network and its settings.
    pub digest: [u8; 32],
}

/// Makes a pre-decoder on a graph.
pub type MakePredecoder = Arc<dyn Fn(&Arc<MatchingGraph>) -> Result<Predecoder, Error> + Send + Sync>;

/// How many detectors each layer of a history has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerWidths {
    /// Of layer 0.
    pub first: u32,
    /// Of layer r > 0 at index (r - 1) % length; never empty.
    pub cycle: Vec<u32>,
    /// Of the last layer, wherever it is.
    pub last: u32,
}

impl LayerWidths {
    /// Of the widest layer.
    pub fn widest(&self) -> u32 {
        self.cycle.iter().copied().chain([self.first, self.last]).max().unwrap_or(0)
    }
}

impl PatchOptions {
    /// Windows of exact matching, without a pre-decoder.
    pub fn new(plan: PlanOptions) -> Self {
        Self { plan, decoder: DecoderOptions::default(), predecoder: None, learning: None }
    }
}

impl Patch {
    /// A patch with this error model, which is that of a history to refer to; see [`Plan::new`]. The context of its
    /// windows is at least what the pre-decoder looks at.
    ///
    /// # Errors
    /// As [`MatchingGraph::new`] and [`Plan::new`], those of the pre-decoder, and [`Argument`](crate::Status::Argument)
    /// for one that looks at whole histories. With learning also [`Argument`](crate::Status::Argument) for options of it out
    /// of range and a model whose rounds do not repeat, and [`Unsupported`](crate::Status::Unsupported) for decoders,
    /// pre-decoders and models that take no other weights.
    pub fn new(model: &DetectorErrorModel, options: &PatchOptions) -> Result<Self, Error> {
        let graph_options =
            GraphOptions { reweightable: options.learning.is_some(), ..options.decoder.kind.graph_options() };
        let graph = Arc::new(MatchingGraph::new(model, &graph_options)?);
        let mut options = options.clone();
        if let Some(predecoder) = &options.predecoder {
            let reach = (predecoder.make)(&graph)?.reach().rounds.ceil();
            if reach > f64::from(u32::MAX) {
                return Err(argument_error("a pre-decoder for whole histories does not fit windows"));
            }
            options.plan.context = options.plan.context.max(reach as u32);
        }
        let plan = Arc::new(Plan::new(graph, model, &options.plan)?);
        let learning = match options.learning {
            Some(learning) => Some((learning, learned_noise(model, &plan, &options, learning)?)),
            None => None,
        };
        Ok(Self {
            cut: options.plan,
            decoder: options.decoder,
            learning,
            model_digest: model_digest(model),
            plan_digest: plan_digest(&options, &plan),
            plan,
            predecoder: options.predecoder,
        })
    }

    /// How its history is cut.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The options of the plan.
    pub fn cut(&self) -> &PlanOptions {
        &self.cut
    }

    /// Cells whose pattern of ranks repeats in the next ones: all of a stretch of time.
    pub fn stretch(&self) -> u64 {
        let in_time = if self.cut.spacing > 0 { 2 } else { 1 };
        in_time * u64::from(self.plan.row_count())
    }

    /// How many detectors each layer has.
    pub fn widths(&self) -> LayerWidths {
        let layers = u64::from(self.plan.layer_count());
        let width = |layer| self.plan.layer_detectors(layer, Some(layers));
        let mut cycle: Vec<u32> = (1..layers.saturating_sub(1)).map(width).collect();
        let repeats = |length: &usize| cycle.iter().zip(&cycle[*length..]).all(|(a, b)| a == b);
        let length = (1..cycle.len()).find(repeats).unwrap_or(cycle.len());
        cycle.truncate(length);
        if cycle.is_empty() {
            cycle.push(0);
        }
        LayerWidths { first: width(0), cycle, last: width(layers.saturating_sub(1)) }
    }

    /// A decoder for one of the plan's windows, or the same with [other weights](crate::LearnedWeights::window).
    ///
    /// # Errors
    /// As [`WindowDecoder::new`], and those of the pre-decoder.
    pub fn decoder(&self, window: Arc<Window>) -> Result<WindowDecoder, Error> {
        let make = self.predecoder.as_ref().map(|predecoder| &predecoder.make);
        let predecoder = make.map(|make| make(window.history())).transpose()?;
        WindowDecoder::new(window, predecoder, &self.decoder)
    }

    /// Lets one of its decoders decide from now on as one made for `window`, a window of the same shape.
    ///
    /// # Errors
    /// As [`WindowDecoder::reweight`].
    pub(crate) fn reweight(&self, decoder: &mut WindowDecoder, window: Arc<Window>) -> Result<(), Error> {
        decoder.reweight(window, self.decoder.weight_offset)
    }

    /// How its noise is learned, if it is.
    pub fn learning(&self) -> Option<StreamLearningOptions> {
        self.learning.as_ref().map(|(options, _)| *options)
    }

    /// [Factors](crate::LearnedWeights::factors) of its weights, if its noise is learned.
    pub fn factor_count(&self) -> Option<usize> {
        self.bulk_noise().map(|noise| noise.factor_count())
    }

    pub(crate) fn bulk_noise(&self) -> Option<&Arc<BulkNoise>> {
        self.learning.as_ref().map(|(_, noise)| noise)
    }

    /// SHA-256 of the error model's instructions, without tags.
    pub fn model_digest(&self) -> &[u8; 32] {
        &self.model_digest
    }

    /// SHA-256 of everything else that answers depend on.
    pub fn plan_digest(&self) -> &[u8; 32] {
        &self.plan_digest
    }
}

/// What is to be learned of a model, and whether its graph, decoder and pre-decoder take other weights.
fn learned_noise(
    model: &DetectorErrorModel,
    plan: &Plan,
    options: &PatchOptions,
    learning: StreamLearningOptions,
) -> Result<Arc<BulkNoise>, Error> {
    learning.check()?;
    if options.decoder.kind == DecoderKind::Likelihood {
        let message =
            "sums over errors keep their probabilities: nothing is learned for likelihood".to_owned();
        return Err(Error::Core { status: Status::Unsupported, place: Place::default(), message });
    }
    let noise = BulkNoise::new(model, plan)?;
    let graph = Arc::new(plan.graph().reweighted(&noise.probabilities(&vec![1.0; noise.factor_count()]))?);
    if let Some(predecoder) = &options.predecoder {
        (predecoder.make)(plan.graph())?.reweight(graph)?;
    }
    Ok(Arc::new(noise))
}

/// Hashes a byte and numbers of 8 bytes for each instruction and target; probabilities and coordinates by their bits.
fn model_digest(model: &DetectorErrorModel) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut bytes = Vec::new();
    for instruction in model.instructions() {
        bytes.clear();
        let mut put = |name: u8, number: u64| {
            bytes.push(name);
            bytes.extend_from_slice(&number.to_le_bytes());
        };
        let (arguments, targets): (&[f64], &[Target]) = match instruction.kind {
            InstructionKind::Error { ref probability, targets } => {
                put(b'e', targets.len() as u64);
                (std::slice::from_ref(probability), targets)
            }
            InstructionKind::Detector { coordinates, targets } => {
                put(b'd', targets.len() as u64);
                (coordinates, targets)
            }
            InstructionKind::Observable { targets } => {
                put(b'o', targets.len() as u64);
                (&[], targets)
            }
            InstructionKind::ShiftDetectors { coordinates, detectors } => {
                put(b's', detectors);
                (coordinates, &[])
            }
            InstructionKind::Repeat { iterations, body_count } => {
                put(b'r', iterations);
                put(b'b', body_count);
                (&[], &[])
            }
        };
        put(b'a', arguments.len() as u64);
        for argument in arguments {
            put(b'=', argument.to_bits());
        }
        for target in targets {
            match target.kind() {
                TargetKind::Detector(index) => put(b'D', index),
                TargetKind::Observable(index) => put(b'L', index),
                TargetKind::Separator => put(b'^', 0),
            }
        }
        hash.update(&bytes);
    }
    hash.finalize().into()
}

/// Hashes a line per option. What cannot change an answer, such as the instruction set, is left out. The words of the
/// lines are part of the digest and stay as they are, whatever the options are called.
fn plan_digest(options: &PatchOptions, plan: &Plan) -> [u8; 32] {
    let PlanOptions { cell_layers, spacing, buffer, rows, context } = options.plan;
    let DecoderOptions { kind, predecoder_use, weight_offset, isa: _, certify: _, likelihood } =
        options.decoder;
    let mut hash = Sha256::new();
    let mut line = |text: String| hash.update(text + "\n");
    line(PLAN_DIGEST_VERSION.to_owned());
    line(format!("commit {cell_layers} gap {spacing} buffer {buffer} context {context}"));
    if let Some(rows) = rows {
        let axis = match rows.axis {
            Axis::X => "x",
            Axis::Y => "y",
        };
        let layout = match rows.layout {
            RowLayout::Chessboard => "chessboard",
            RowLayout::Brick => "brick",
        };
        line(format!("rows {} {axis} {:016x} {layout}", rows.width, rows.pitch.to_bits()));
    }
    if plan.is_reordered() {
        line("one after the other".to_owned());
    }
    line(format!("decoder {} {weight_offset}", kind.name()));
    if kind == DecoderKind::Likelihood {
        line(likelihood_line(&likelihood));
    }
    if let Some(predecoder) = &options.predecoder {
        line(format!("predecoder {}", predecoder_use.name()));
        hash.update(predecoder.digest);
    }
    if let Some(StreamLearningOptions { memory, every }) = options.learning {
        hash.update(format!("learn {memory} every {every} by 1\n"));
    }
    hash.finalize().into()
}

/// What decides: all but what ratios are given out times.
fn likelihood_line(options: &LikelihoodOptions) -> String {
    let LikelihoodOptions {
        sure_gap,
        sure_mean,
        likely_weight,
        iterations,
        budget,
        gap_share,
        deep_ratio,
        deep_members,
        deep_budget,
        isa: _,
        gap_slope: _,
        sum_slope: _,
    } = *options;
    let numbers = [
        sure_gap,
        sure_mean,
        likely_weight,
        gap_share,
        deep_ratio,
        budget.cutoff,
        deep_budget.cutoff,
        budget.states_max.into(),
        deep_budget.states_max.into(),
        iterations.into(),
        deep_members.into(),
    ];
    numbers.iter().fold("sums".to_owned(), |line, number: &f64| format!("{line} {:016x}", number.to_bits()))
}

impl fmt::Debug for Patch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patch")
            .field("plan", &self.plan)
            .field("decoder", &self.decoder)
            .field("predecoder", &self.predecoder)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for PatchPredecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PatchPredecoder").field("digest", &self.digest).finish_non_exhaustive()
    }
}
