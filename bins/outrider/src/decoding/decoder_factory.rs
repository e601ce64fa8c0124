//! From a model to decoders: one graph, and one network, shared by the decoders of all threads.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, Once, PoisonError};

use outrider::{
    Decoder, DecoderKind, DecoderOptions, DetectorErrorModel, GraphOptions, HistoryDecoder, Isa, Likelihood,
    LikelihoodOptions, MatchingGraph, Predecoder, PredecoderUse, Status, SurfaceCode, TimeAxis, Trellis,
    TrellisOptions, WindowDecoder,
};
use outrider_options::{TimedModel, Windowing, decoder_label, order_note};

use crate::decoding::predecoder_factory::PredecoderFactory;
use crate::decoding::shot_decoder::DecodeShot;
use crate::decoding::stages::{Gaps, Stages};
use crate::decoding::sum_decoder::SumDecoder;
use crate::decoding::windowed_decoder::Windows;
use crate::error::{Error, Result};
use crate::options::decoder::DecoderChoice;
use crate::options::graph::GraphArgs;
use crate::options::sums::SumArgs;

/// A graph and how to decode on it; a sum over all errors takes the graph for its numbers only.
pub(crate) struct DecoderFactory<'a> {
    model: &'a DetectorErrorModel,
    path: Option<&'a Path>,
    graph: Arc<MatchingGraph>,
    graph_options: GraphOptions,
    options: DecoderOptions,
    choice: DecoderChoice,
    /// The model with the rounds that options give.
    in_rounds: Option<DetectorErrorModel>,
    predecoding: Option<&'a PredecoderFactory>,
    surface: Option<&'a SurfaceCode>,
    windows: Option<Windows>,
    sums: SumArgs,
}

impl<'a> DecoderFactory<'a> {
    /// Builds the graph; `path` names the model in errors.
    pub(crate) fn new(
        model: &'a DetectorErrorModel,
        path: Option<&'a Path>,
        options: DecoderOptions,
        graph_args: GraphArgs,
    ) -> Result<Self> {
        Self::of(DecoderChoice::Graph(options.kind), model, path, options, graph_args)
    }

    /// The same for a choice of decoder, which takes the place of the kind in `options`.
    pub(crate) fn of(
        choice: DecoderChoice,
        model: &'a DetectorErrorModel,
        path: Option<&'a Path>,
        options: DecoderOptions,
        graph_args: GraphArgs,
    ) -> Result<Self> {
        require_isa(options.isa)?;
        let kind = match choice {
            DecoderChoice::Graph(kind) => kind,
            DecoderChoice::Trellis | DecoderChoice::Likelihood => DecoderKind::default(),
        };
        let options = DecoderOptions { kind, ..options };
        if options.certify && (choice.is_sum() || kind == DecoderKind::UnionFind) {
            return Err(Error::Usage(format!("--certify needs a matching decoder; {choice} proves nothing")));
        }
        let is_trellis = choice == DecoderChoice::Trellis;
        let GraphArgs { ignore_undecomposable, first_observables, weight_range } = graph_args;
        let graph_options = GraphOptions {
            correlations: choice.needs_correlations(),
            errors: choice == DecoderChoice::Likelihood,
            ignore_undecomposable: ignore_undecomposable || is_trellis,
            first_observables,
            weight_range: weight_range.unwrap_or_default(),
            ..GraphOptions::default()
        };
        let graph =
            MatchingGraph::new(model, &graph_options).map_err(|error| Error::from(error).with_path(path))?;
        let graph = Arc::new(graph);
        if !is_trellis {
            note_conflicts(&graph, path, first_observables);
        }
        Ok(Self {
            model,
            path,
            graph,
            graph_options,
            options,
            choice,
            in_rounds: None,
            predecoding: None,
            surface: None,
            windows: None,
            sums: SumArgs::default(),
        })
    }

    /// The same with these options of sums over errors, if that is what is decoded with.
    pub(crate) fn summed(self, sums: SumArgs) -> Self {
        Self { sums, ..self }
    }

    /// The same with a pre-decoder before every decoder; `surface` is what the model is of, where that is known.
    pub(crate) fn predecoded(
        mut self,
        predecoding: Option<&'a PredecoderFactory>,
        surface: Option<&'a SurfaceCode>,
    ) -> Self {
        debug_assert!(
            self.choice != DecoderChoice::Trellis || predecoding.is_none(),
            "refused with the options"
        );
        self.surface = surface;
        self.options.predecoder_use =
            predecoding.map_or_else(PredecoderUse::default, PredecoderFactory::usage);
        self.predecoding = predecoding;
        self
    }

    /// The same, with time read as `time` gives it and decoding in windows if the history is cut.
    pub(crate) fn windowed(mut self, windowing: Option<&Windowing>, time: TimeAxis) -> Result<Self> {
        if time != TimeAxis::default() {
            if windowing.is_none() && self.predecoding.is_none() {
                return Err(Error::Usage(
                    "--time-axis, --time-unit and --time-offset need --window or --predecoder".to_owned(),
                ));
            }
            let in_rounds = self.model.in_rounds(&time).map_err(|error| self.misplaced(error))?;
            self.in_rounds = Some(in_rounds);
        }
        let Some(windowing) = windowing else { return Ok(self) };
        if self.options.certify {
            return Err(Error::Usage(
                "--certify proves answers on whole histories, not in windows".to_owned(),
            ));
        }
        if self.predecoding.is_some_and(|predecoding| !predecoding.has_edges()) {
            return Err(Error::Usage(
                "--window: a dense network used hard gives no edges, which windows need".to_owned(),
            ));
        }
        let timed = TimedModel::new(self.model, &time).map_err(|error| self.misplaced(error))?;
        if let Some(note) = &timed.note {
            note_once(self.path, note);
        }
        let rewritten = timed.rewritten.clone();
        let model = rewritten.as_deref().unwrap_or(self.model);
        let graph = match timed.order {
            Some(_) => Arc::new(
                MatchingGraph::new(model, &self.graph_options).map_err(|error| self.misplaced(error))?,
            ),
            None => Arc::clone(&self.graph),
        };
        let predecoder = self.predecoder_on(&graph, model)?;
        let reach = predecoder.map_or(0.0, |predecoder| predecoder.reach().rounds);
        let windows = Windows::new(&graph, model, timed, windowing, reach);
        let windows = windows.map_err(|error| error.with_path(self.path))?;
        if let Some(note) = order_note(windows.plan()) {
            note_once(self.path, &note);
        }
        self.windows = Some(windows);
        Ok(self)
    }

    fn misplaced(&self, error: outrider::Error) -> Error {
        Error::from(error).with_path(self.path)
    }

    /// The model.
    pub(crate) fn model(&self) -> &'a DetectorErrorModel {
        self.model
    }

    /// The graph.
    pub(crate) fn graph(&self) -> &Arc<MatchingGraph> {
        &self.graph
    }

    /// What is decoded with.
    pub(crate) fn choice(&self) -> DecoderChoice {
        self.choice
    }

    /// The pre-decoder, if there is one.
    pub(crate) fn predecoding(&self) -> Option<&PredecoderFactory> {
        self.predecoding
    }

    /// What tables call it: the decoder, and before it the pre-decoder.
    pub(crate) fn name(&self) -> String {
        name(self.choice(), self.predecoding, None)
    }

    /// The instruction set that the decoders run on.
    pub(crate) fn isa(&self) -> Isa {
        self.options.isa.resolved().unwrap_or(self.options.isa)
    }

    /// A decoder for one thread, with its pre-decoder.
    pub(crate) fn decoder(&self) -> Result<Decoder> {
        Ok(match self.predecoder()? {
            Some(predecoder) => Decoder::with_predecoder(predecoder, &self.options)?,
            None => Decoder::with_options(Arc::clone(&self.graph), &self.options)?,
        })
    }

    /// A sum over errors for one thread, with its pre-decoder, if that is what is decoded with.
    pub(crate) fn sum_decoder(&self) -> Result<Option<SumDecoder>> {
        Ok(match self.choice {
            DecoderChoice::Graph(_) => None,
            DecoderChoice::Trellis => {
                let options = TrellisOptions { isa: self.options.isa, ..self.sums.trellis() };
                let trellis = Trellis::with_options(self.model, &options);
                Some(SumDecoder::Trellis(trellis.map_err(|error| self.misplaced(error))?))
            }
            DecoderChoice::Likelihood => Some(SumDecoder::Likelihood(self.likelihood()?)),
        })
    }

    /// What decodes whole shots one by one: a sum over errors, or a decoder with its pre-decoder.
    pub(crate) fn shot_decoder(&self) -> Result<Box<dyn DecodeShot>> {
        Ok(match self.sum_decoder()? {
            Some(decoder) => Box::new(decoder),
            None => Box::new(self.decoder()?),
        })
    }

    fn likelihood(&self) -> Result<Likelihood> {
        let options = LikelihoodOptions { isa: self.options.isa, ..self.sums.likelihood.options() };
        let likelihood = match self.predecoder()? {
            Some(predecoder) => Likelihood::with_predecoder(predecoder, &options),
            None => Likelihood::with_options(Arc::clone(&self.graph), &options),
        };
        likelihood.map_err(|error| self.without_gap(error, "decodes any model"))
    }

    /// A decoder for one thread that decides a history in windows, if it is cut.
    pub(crate) fn windowed_decoder(&self) -> Result<Option<HistoryDecoder>> {
        let Some(windows) = &self.windows else { return Ok(None) };
        let model = windows.timed().rewritten.as_deref().unwrap_or(self.model);
        let options = match self.choice {
            DecoderChoice::Likelihood => DecoderOptions {
                kind: DecoderKind::Likelihood,
                likelihood: self.sums.likelihood.options(),
                ..self.options
            },
            _ => self.options,
        };
        let make = |window| {
            let predecoder = self.predecoder_on(windows.plan().graph(), model)?;
            Ok(WindowDecoder::new(window, predecoder, &options)?)
        };
        windows.decoder(make).map(Some)
    }

    /// A plain matching decoder for one thread, whatever this factory's own is.
    pub(crate) fn plain_decoder(&self) -> Result<Decoder> {
        let options = DecoderOptions { isa: self.options.isa, ..DecoderOptions::default() };
        Ok(Decoder::with_options(Arc::clone(&self.graph), &options)?)
    }

    /// Pre-decoder and decoder apart, for one thread; nothing without a pre-decoder.
    pub(crate) fn stages(&self) -> Result<Option<Stages>> {
        let Some(predecoder) = self.predecoder()? else { return Ok(None) };
        Ok(Some(Stages::new(predecoder, &self.options)?))
    }

    /// Refuses a model with an observable that has no complementary gap.
    pub(crate) fn require_gaps(&self) -> Result<()> {
        Gaps::new(&self.graph, None, &self.options, None)
            .map_err(|error| self.without_gap(error, "gives ratios for any model"))?;
        Ok(())
    }

    /// Why there is no complementary gap, and what needs none.
    fn without_gap(&self, error: outrider::Error, what_trellis_does: &str) -> Error {
        if error.status() != Some(Status::Unsupported) {
            return self.misplaced(error);
        }
        let message = format!("{error}; --decoder {} {what_trellis_does}", DecoderChoice::Trellis);
        Error::input(self.place().display(), message)
    }

    /// What errors about the model name.
    fn place(&self) -> &Path {
        self.path.unwrap_or_else(|| Path::new("generated model"))
    }

    /// The complementary gaps of one thread, up to a limit in natural units.
    pub(crate) fn gaps(&self, limit: Option<f64>) -> Result<Gaps> {
        Ok(Gaps::new(&self.graph, self.predecoder()?, &self.options, limit)?)
    }

    /// The pre-decoder of one thread, if there is one.
    pub(crate) fn predecoder(&self) -> Result<Option<Predecoder>> {
        self.predecoder_on(&self.graph, self.in_rounds.as_ref().unwrap_or(self.model))
    }

    fn predecoder_on(
        &self,
        graph: &Arc<MatchingGraph>,
        model: &DetectorErrorModel,
    ) -> Result<Option<Predecoder>> {
        let Some(predecoding) = self.predecoding else { return Ok(None) };
        let predecoder = predecoding.make(graph, model, self.surface, self.options.isa);
        Ok(Some(predecoder.map_err(|error| self.refused(predecoding, error))?))
    }

    /// Why a pre-decoder cannot be made for this model.
    fn refused(&self, predecoding: &PredecoderFactory, error: Error) -> Error {
        match error {
            Error::Core(error)
                if matches!(error.status(), Some(Status::Format | Status::Argument | Status::Limit)) =>
            {
                Error::input(self.place().display(), format!("{predecoding}: {error}"))
            }
            error => error.with_path(self.path),
        }
    }
}

/// The name in tables of a decoder after a pre-decoder, in windows.
pub(crate) fn name(
    choice: DecoderChoice,
    predecoding: Option<&PredecoderFactory>,
    windowing: Option<&Windowing>,
) -> String {
    let predecoder = predecoding.map(|predecoding| (predecoding.to_string(), predecoding.usage()));
    let predecoder = predecoder.as_ref().map(|(name, usage)| (name.as_str(), *usage));
    decoder_label(choice.name(), predecoder, windowing)
}

/// Refuses an instruction set that this machine lacks.
pub(crate) fn require_isa(isa: Isa) -> Result<()> {
    if isa.is_available() {
        return Ok(());
    }
    Err(Error::Usage(format!("--isa {isa}: this machine or build does not have it")))
}

/// One line on standard error, once, about a model.
pub(crate) fn note_once(path: Option<&Path>, note: &str) {
    static NOTED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let name = path.map_or_else(String::new, |path| format!("{}: ", path.display()));
    let line = format!("note: {name}{note}");
    let mut noted = NOTED.lock().unwrap_or_else(PoisonError::into_inner);
    if !noted.contains(&line) {
        anstream::eprintln!("{line}");
        noted.insert(line);
    }
}

/// One line on standard error, once, about errors that cannot all be right.
fn note_conflicts(graph: &MatchingGraph, path: Option<&Path>, first_observables: bool) {
    static NOTED: Once = Once::new();
    let count = graph.conflict_count();
    if count == 0 {
        return;
    }
    let edges = if count == 1 { "1 edge is" } else { "edges are" };
    let number = if count == 1 { String::new() } else { format!("{count} ") };
    let kept = if first_observables { "first" } else { "likelier" };
    let name = path.map_or_else(String::new, |path| format!("{}: ", path.display()));
    NOTED.call_once(|| {
        anstream::eprintln!(
            "note: {name}{number}{edges} of errors that flip different observables; those of the {kept} ones are kept"
        );
    });
}
