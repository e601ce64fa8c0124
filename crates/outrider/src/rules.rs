use std::ptr;
use std::sync::Arc;

use outrider_sys as sys;

use crate::error::{Details, Error, LineMeaning};
use crate::graph::MatchingGraph;
use crate::kernels::Isa;
use crate::model::DetectorErrorModel;
use crate::names::named;
use crate::predecoder::Predecoder;

/// A pre-decoder that needs no training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// `clique`: clears pairs of adjacent events, and single events at the boundary, with no other event beside them.
    Clique,
    /// `smith`: pairs adjacent events greedily, lightest edge first.
    Smith,
    /// `min-sum`: message passing on the errors of the model; for soft use.
    MinSum,
}

/// How a rule is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RuleOptions {
    /// The rule.
    pub rule: Rule,
    /// The instruction set.
    pub isa: Isa,
    /// Passes of `smith`, iterations of `min-sum`: 1 to 1000.
    pub iterations: u32,
    /// `min-sum`: the messages of detectors are multiplied by this / 256; 1 to 256.
    pub normalization: u32,
}

impl Predecoder {
    /// A rule on `graph`, which was built from `model`.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use outrider::{DetectorErrorModel, GraphOptions, MatchingGraph, PredecoderUse, Predecoder, Rule, RuleOptions};
    ///
    /// let model = DetectorErrorModel::parse("error(0.1) D0 L0\nerror(0.1) D0 D1\nerror(0.1) D1 D2\nerror(0.1) D2")?;
    /// let graph = Arc::new(MatchingGraph::new(&model, &GraphOptions::default())?);
    /// let mut clique = Predecoder::rule(graph, &model, &RuleOptions::new(Rule::Clique))?;
    ///
    /// assert!(clique.apply(PredecoderUse::Hard, &[0, 1])?.events.is_empty()); // a pair of its own
    /// assert_eq!(clique.apply(PredecoderUse::Hard, &[0, 1, 2])?.events, [0, 1, 2]); // no trivial explanation
    /// # Ok::<(), outrider::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Argument`](crate::Status::Argument) for an option out of range or the model of another graph,
    /// [`Limit`](crate::Status::Limit), [`Unsupported`](crate::Status::Unsupported) for a missing instruction set.
    pub fn rule(
        graph: Arc<MatchingGraph>,
        model: &DetectorErrorModel,
        options: &RuleOptions,
    ) -> Result<Self, Error> {
        let raw_options = sys::otr_rule_options {
            kind: options.rule.to_raw(),
            isa: options.isa.to_raw(),
            iterations: options.iterations,
            normalization: options.normalization,
        };
        let (mut raw, mut details) = (ptr::null_mut(), Details::new());
        // SAFETY: graph, model and options are live, and the outputs are ours.
        let status = unsafe {
            sys::otr_rule_predecoder_create(
                &mut raw,
                graph.as_ptr(),
                model.as_ptr(),
                &raw_options,
                details.as_mut_ptr(),
            )
        };
        details.check(status, LineMeaning::Line).map_err(|error| options.isa.explain(error))?;
        // SAFETY: just made on this graph and used by nobody else; the header lets the model go.
        unsafe { Self::from_raw(raw, graph) }
    }
}

impl RuleOptions {
    /// The rule's own defaults.
    pub fn new(rule: Rule) -> Self {
        // SAFETY: takes any kind and returns plain numbers.
        let raw = unsafe { sys::otr_rule_options_default(rule.to_raw()) };
        Self { rule, isa: Isa::Auto, iterations: raw.iterations, normalization: raw.normalization }
    }
}

named!(Rule, "rule", otr_rule_kind;
    Clique "clique" OTR_RULE_CLIQUE,
    Smith "smith" OTR_RULE_SMITH,
    MinSum "min-sum" OTR_RULE_MIN_SUM,
);
