//! The patches that all runs are about, the decoders of their windows, and histories with the answers of one decoder.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use outrider::{
    Axis, Cell, CellBook, CellShape, Circuit, CircuitFamily, Commit, DecoderKind, DecoderOptions,
    DetectorErrorModel, Error, Patch, PatchOptions, PlanOptions, RoundSampler, RowLayout, Rows,
    SamplerOptions, SurfaceCode, WindowDecoder,
};

/// Errors are so frequent that answers are seldom empty.
const ERROR_RATE: f64 = 0.02;
/// The noise of a model that no history has.
const OTHER_ERROR_RATE: f64 = 0.01;
const SMALL: u32 = 3;
const WIDE: u32 = 5;
/// Sites of a row of the patch that is cut in space.
const ROW_WIDTH: u32 = 4;
/// Layers that a history may have beyond the least.
const LAYERS_MORE: u64 = 200;

/// A patch with its model.
pub(crate) struct Subject {
    pub(crate) patch: Arc<Patch>,
    model: DetectorErrorModel,
}

/// Patches that histories are of, and behind them those of nodes that are strangers.
pub(crate) struct Scene {
    pub(crate) subjects: Vec<Subject>,
    /// Patches from here on are of another model, or another plan.
    pub(crate) first_strange: usize,
}

impl Scene {
    pub(crate) fn get() -> &'static Self {
        static SCENE: OnceLock<Scene> = OnceLock::new();
        SCENE.get_or_init(|| Self::build().expect("small patches"))
    }

    fn build() -> Result<Self, Error> {
        let parallel = PlanOptions::parallel(SMALL);
        let rows = Rows { width: ROW_WIDTH, axis: Axis::X, pitch: 2.0, layout: RowLayout::Brick };
        let known = [
            parallel,
            PlanOptions::forward(SMALL),
            PlanOptions { spacing: 1, ..parallel },
            PlanOptions { rows: Some(rows), ..PlanOptions::forward(WIDE) },
        ];
        let mut subjects = Vec::new();
        for (decoder, plan) in [DecoderKind::Mwpm, DecoderKind::MwpmCorrelated]
            .into_iter()
            .flat_map(|kind| known.map(|plan| (kind, plan)))
        {
            let distance = if plan.rows.is_some() { WIDE } else { SMALL };
            subjects.push(Subject::new(distance, plan, decoder, ERROR_RATE)?);
        }
        let first_strange = subjects.len();
        subjects.push(Subject::new(SMALL, parallel, DecoderKind::Mwpm, OTHER_ERROR_RATE)?);
        let other_plan = PlanOptions { spacing: 2, ..parallel };
        subjects.push(Subject::new(SMALL, other_plan, DecoderKind::Mwpm, ERROR_RATE)?);
        Ok(Self { subjects, first_strange })
    }

    /// Decides a cell of a patch, given by its place. Decoders are made once a thread.
    pub(crate) fn decide<T>(
        &self,
        patch: usize,
        cell: &Cell,
        events: &[u32],
        marks: &[u32],
        take: impl FnOnce(Result<Commit<'_>, &Error>) -> T,
    ) -> T {
        thread_local! {
            static DECODERS: RefCell<BTreeMap<(usize, CellShape), WindowDecoder>> =
                const { RefCell::new(BTreeMap::new()) };
        }
        let subject = &self.subjects[patch].patch;
        DECODERS.with_borrow_mut(|decoders| {
            let decoder = decoders.entry((patch, cell.shape)).or_insert_with(|| {
                let window = subject.plan().window(cell).expect("a window for a cell of the plan");
                subject.decoder(Arc::new(window)).expect("a decoder for a small window")
            });
            match decoder.decode(events, marks, &[]) {
                Ok(commit) => take(Ok(commit)),
                Err(error) => take(Err(&error)),
            }
        })
    }
}

impl Subject {
    fn new(distance: u32, plan: PlanOptions, kind: DecoderKind, error_rate: f64) -> Result<Self, Error> {
        let circuit = Circuit::uniform(CircuitFamily::Stim, error_rate);
        let rounds = plan.reference_rounds();
        let model = SurfaceCode::memory(distance, rounds).circuit(circuit).build()?.model()?;
        let decoder = DecoderOptions { kind, ..DecoderOptions::default() };
        let patch = Arc::new(Patch::new(&model, &PatchOptions { decoder, ..PatchOptions::new(plan) })?);
        Ok(Self { patch, model })
    }

    /// The shortest history, and how long one may be here.
    pub(crate) fn lengths(&self) -> (u64, u64) {
        let least = self.patch.plan().layers_min().unwrap_or_else(|| self.patch.plan().layer_count().into());
        (least, least + LAYERS_MORE)
    }
}

/// A history, and the answer of one decoder in one process.
pub(crate) struct History {
    pub(crate) patch: usize,
    pub(crate) layers: Vec<Layer>,
    /// The observables that the first cells flip, by their number.
    pub(crate) prefixes: Vec<Vec<u64>>,
    /// Whether there is anything to decide in each cell.
    pub(crate) is_decided: Vec<bool>,
}

pub(crate) struct Layer {
    pub(crate) bits: Vec<u8>,
    pub(crate) width: u32,
}

impl History {
    pub(crate) fn sample(patch: usize, length: u64, seed: u64) -> Result<Self, Error> {
        let subject = &Scene::get().subjects[patch];
        let options = SamplerOptions { seed, ..SamplerOptions::default() };
        let mut sampler = RoundSampler::new(&subject.model, &options)?;
        sampler.seek(0, 0, Some(length))?;
        let mut layers = Vec::new();
        while let Some(layer) = sampler.next() {
            layers.push(Layer { bits: layer.events.to_vec(), width: layer.detector_count });
        }
        let mut history = Self { patch, layers, prefixes: Vec::new(), is_decided: Vec::new() };
        history.decide()?;
        Ok(history)
    }

    /// Decides all cells, one after the other.
    fn decide(&mut self) -> Result<(), Error> {
        let plan = Scene::get().subjects[self.patch].patch.plan();
        let length = self.layers.len() as u64;
        let count = plan.cell_count(length) as usize;
        let words = plan.graph().observable_count().div_ceil(u64::BITS) as usize;
        let mut flips = vec![vec![0; words]; count];
        self.is_decided = vec![false; count];
        let room = length.max(CellBook::layers_needed(plan));
        let mut books = CellBook::new(Arc::clone(plan), room)?;
        for (at, layer) in (1..).zip(&self.layers) {
            books.push(&layer.bits, layer.width, at == length)?;
        }
        while let Some(cell) = books.next() {
            let input = books.input(cell.number)?;
            let (events, marks) = (input.events.to_vec(), input.marks.to_vec());
            self.is_decided[cell.number as usize] = true;
            Scene::get().decide(self.patch, &cell, &events, &marks, |result| {
                let commit = result.expect("one decoder decides every cell");
                for (at, &byte) in commit.observables.iter().enumerate() {
                    flips[cell.number as usize][at / 8] |= u64::from(byte) << (at % 8 * 8);
                }
                books.commit(cell.number, &commit)
            })?;
        }
        let mut sum = vec![0; words];
        self.prefixes.push(sum.clone());
        for flips in flips {
            sum.iter_mut().zip(flips).for_each(|(word, flips)| *word ^= flips);
            self.prefixes.push(sum.clone());
        }
        Ok(())
    }
}
