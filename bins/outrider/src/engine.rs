//! From a model to decoders: one graph, shared by the decoders of all threads.

use std::path::Path;
use std::sync::Arc;

use outrider::{
    Decoder, DecoderKind, DecoderOptions, DetectorErrorModel, Gap, GapOptions, GraphOptions, Isa,
    MatchingGraph,
};

use crate::error::{Error, Result};

/// A graph and how to decode on it.
pub(crate) struct Engine {
    graph: Arc<MatchingGraph>,
    options: DecoderOptions,
}

impl Engine {
    /// Builds the graph; `path` names the model in errors.
    pub(crate) fn new(
        model: &DetectorErrorModel,
        path: Option<&Path>,
        options: DecoderOptions,
        ignore_undecomposable: bool,
    ) -> Result<Self> {
        require_isa(options.isa)?;
        if options.certify && options.kind == DecoderKind::UnionFind {
            return Err(Error::Usage(
                "--certify needs a matching decoder; union-find proves nothing".to_owned(),
            ));
        }
        let correlations = options.kind.needs_correlations();
        let graph_options = GraphOptions { correlations, ignore_undecomposable, ..GraphOptions::default() };
        let graph = MatchingGraph::new(model, &graph_options).map_err(|error| match path {
            Some(path) => error.with_path(path),
            None => error,
        })?;
        Ok(Self { graph: Arc::new(graph), options })
    }

    /// The graph.
    pub(crate) fn graph(&self) -> &Arc<MatchingGraph> {
        &self.graph
    }

    /// The kind of decoder.
    pub(crate) fn kind(&self) -> DecoderKind {
        self.options.kind
    }

    /// The instruction set that the decoders run on.
    pub(crate) fn isa(&self) -> Isa {
        self.options.isa.resolved().unwrap_or(self.options.isa)
    }

    /// A decoder for one thread.
    pub(crate) fn decoder(&self) -> Result<Decoder> {
        Ok(Decoder::with_options(Arc::clone(&self.graph), &self.options)?)
    }

    /// Refuses a model without a complementary gap; `path` names it.
    pub(crate) fn require_gap(&self, path: &Path) -> Result<()> {
        Gap::new(&self.graph).map_err(|error| error.with_path(path))?;
        Ok(())
    }

    /// The complementary gap for one thread.
    pub(crate) fn gap(&self) -> Result<Gap> {
        let options = GapOptions { isa: self.options.isa, ..GapOptions::default() };
        Ok(Gap::with_options(&self.graph, &options)?)
    }
}

/// Refuses an instruction set that this machine lacks.
pub(crate) fn require_isa(isa: Isa) -> Result<()> {
    if isa.is_available() {
        return Ok(());
    }
    Err(Error::Usage(format!("--isa {isa}: this machine or build does not have it")))
}
