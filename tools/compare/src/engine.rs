//! The decoders of both programs behind one interface.

use std::collections::BTreeSet;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use outrider::{
    Decoder, DecoderKind, DecoderOptions, DetectorErrorModel, GraphOptions, Likelihood, LikelihoodLevel,
    LikelihoodOptions, MatchingGraph, Network, NetworkOptions, Predecoder, RuleOptions, Shots, Trellis,
    TrellisBudget, TrellisOptions,
};
use serde_json::{Value, json};
use stabilizer_qec::{BitTable, Matching, Prediction};

use crate::Result;

/// A decoder.
pub(crate) enum Engine {
    Outrider(Decoder),
    Likelihood(Box<Likelihood>),
    Trellis(Box<Trellis>),
    StabilizerQec(Box<Matching>),
}

/// The same shots for either program.
pub(crate) struct Batch {
    pub(crate) shots: Shots,
    pub(crate) table: BitTable,
}

/// The answers of a batch as the program gives them.
pub(crate) enum Answers {
    Outrider { observables: Shots, weights: Vec<i64> },
    StabilizerQec(Vec<Prediction>),
}

impl Engine {
    /// Builds `outrider/KIND`, `outrider/KIND/soft|hard/PREDECODER`, `outrider/likelihood`,
    /// `outrider/likelihood/soft/PREDECODER`, `outrider/trellis`, `outrider/trellis/BUDGETS` or `stabilizer_qec/KIND` from
    /// a model's file, up to the answer to an empty shot: a program may put off a part of its work until then.
    pub(crate) fn build(name: &str, model: &Path) -> Result<Self> {
        let (program, kind) = name.split_once('/').ok_or("a decoder is program/kind")?;
        match program {
            "outrider" if kind.starts_with("trellis") => {
                let options = match kind.strip_prefix("trellis/") {
                    Some(budgets) => trellis_options(budgets)?,
                    None => TrellisOptions::default(),
                };
                let model = DetectorErrorModel::from_file(model)?;
                Ok(Self::Trellis(Box::new(Trellis::with_options(&model, &options)?)))
            }
            "outrider" if kind.starts_with("likelihood") => {
                let model = DetectorErrorModel::from_file(model)?;
                let likelihood = match kind.strip_prefix("likelihood/soft/") {
                    Some(source) => {
                        let options = DecoderKind::Likelihood.graph_options();
                        let predecoder = predecoder(source, &model, &options)?;
                        Likelihood::with_predecoder(predecoder, &LikelihoodOptions::default())?
                    }
                    None => Likelihood::from_model(&model)?,
                };
                Ok(Self::Likelihood(Box::new(likelihood)))
            }
            "outrider" => {
                let mut decoder = outrider_decoder(kind, &DetectorErrorModel::from_file(model)?)?;
                decoder.decode_events(&[], &[], &mut [0])?;
                Ok(Self::Outrider(decoder))
            }
            "stabilizer_qec" => {
                let model = fs::read_to_string(model)?.parse()?;
                let matching = match kind {
                    "mwpm" => Matching::new(&model)?,
                    "mwpm-correlated" => Matching::with_correlations(&model)?,
                    _ => return Err(format!("stabilizer_qec is not run as {kind}").into()),
                };
                black_box(matching.decode(&[])?);
                Ok(Self::StabilizerQec(Box::new(matching)))
            }
            _ => Err(format!("no such program: {program}").into()),
        }
    }

    /// Decodes all shots on one thread.
    pub(crate) fn decode_batch(&mut self, batch: &Batch) -> Result<Answers> {
        match self {
            Self::Outrider(decoder) => {
                let mut observables = Shots::new(decoder.graph().observable_count() as usize);
                let mut weights = vec![0; batch.shots.len()];
                decoder.decode_batch(&batch.shots, &mut observables, Some(&mut weights))?;
                Ok(Answers::Outrider { observables, weights })
            }
            Self::Likelihood(likelihood) => {
                let count = likelihood.ratios().len();
                let mut observables = Shots::new(count);
                likelihood.decode_batch(&batch.shots, &mut observables, None)?;
                Ok(Answers::Outrider { observables, weights: Vec::new() })
            }
            Self::Trellis(trellis) => {
                let mut observables = Shots::zeroed(trellis.ratios().len(), batch.shots.len());
                for (index, row) in batch.shots.rows().enumerate() {
                    trellis.decode(row, observables.row_mut(index))?;
                }
                Ok(Answers::Outrider { observables, weights: Vec::new() })
            }
            Self::StabilizerQec(matching) => {
                Ok(Answers::StabilizerQec(matching.decode_batch(&batch.table, 1)?))
            }
        }
    }

    /// Decodes one shot of packed bits.
    pub(crate) fn decode(&mut self, detectors: &[u8], observables: &mut [u8]) -> Result<()> {
        match self {
            Self::Outrider(decoder) => {
                decoder.decode(detectors, &[], observables)?;
                Ok(())
            }
            Self::Likelihood(likelihood) => {
                likelihood.decode(detectors, observables)?;
                Ok(())
            }
            Self::Trellis(trellis) => {
                trellis.decode(detectors, observables)?;
                Ok(())
            }
            // Its public call allocates the scratch of a whole decoder for every shot.
            Self::StabilizerQec(_) => Err("stabilizer_qec has no call for single shots worth timing".into()),
        }
    }

    /// Decodes one shot of packed bits. Returns the log-likelihood ratio of its first observable, and what decided: of the
    /// cascade 0 for the first gap, 1 for the mean of both, 2 for the sum, 3 where the sum fell back to the mean; of a
    /// trellis 0 for the coarse budget, 1 for the fine one.
    pub(crate) fn ratio(&mut self, detectors: &[u8]) -> Result<(f64, u8)> {
        match self {
            Self::Likelihood(likelihood) => {
                let mut observables = vec![0; likelihood.ratios().len().div_ceil(8)];
                let shot = likelihood.decode(detectors, &mut observables)?;
                let level = match shot.level {
                    LikelihoodLevel::Gap => 0,
                    LikelihoodLevel::MeanGap => 1,
                    LikelihoodLevel::Sum | LikelihoodLevel::Deep => 2 + u8::from(shot.is_fallback),
                };
                Ok((likelihood.ratios()[0], level))
            }
            Self::Trellis(trellis) => {
                let mut observables = vec![0; trellis.ratios().len().div_ceil(8)];
                let shot = trellis.decode(detectors, &mut observables)?;
                Ok((trellis.ratios()[0], shot.is_fine.into()))
            }
            Self::Outrider(_) | Self::StabilizerQec(_) => Err("the decoder has no ratios".into()),
        }
    }

    /// The shots whose predicted observables are others.
    pub(crate) fn failures(&mut self, batch: &Batch, observables: &Shots) -> Result<Vec<usize>> {
        let answers = self.decode_batch(batch)?;
        let predictions = self.predictions(&answers);
        Ok((0..batch.shots.len()).filter(|&row| predictions[row] != observables.row(row)[0]).collect())
    }

    /// The edges of the answer to one shot of packed bits.
    pub(crate) fn edges(&mut self, detectors: &[u8]) -> Result<BTreeSet<u32>> {
        match self {
            Self::Outrider(decoder) => {
                let mut observables = vec![0; decoder.graph().observable_bytes()];
                decoder.decode(detectors, &[], &mut observables)?;
                Ok(decoder.edges()?.iter().copied().collect())
            }
            _ => Err("the decoder has no edges".into()),
        }
    }

    /// The first eight observables of every shot.
    pub(crate) fn predictions(&self, answers: &Answers) -> Vec<u8> {
        match answers {
            Answers::Outrider { observables, .. } => observables.rows().map(|row| row[0]).collect(),
            Answers::StabilizerQec(predictions) => {
                predictions.iter().map(|prediction| prediction.observables.to_le_bytes()[0]).collect()
            }
        }
    }

    /// The weight of every shot's matching, in natural units.
    pub(crate) fn weights(&self, answers: &Answers) -> Vec<f64> {
        match (self, answers) {
            (Self::Outrider(decoder), Answers::Outrider { weights, .. }) => {
                weights.iter().map(|&weight| decoder.graph().natural(weight)).collect()
            }
            (_, Answers::StabilizerQec(predictions)) => {
                predictions.iter().map(|prediction| prediction.weight.unwrap_or(f64::NAN)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Bytes of graph and decoder, where the program tells.
    pub(crate) fn heap_bytes(&self) -> Value {
        match self {
            Self::Outrider(decoder) => {
                json!({ "graph": decoder.graph().heap_bytes(), "decoder": decoder.heap_bytes() })
            }
            Self::Likelihood(likelihood) => json!({ "decoder": likelihood.heap_bytes() }),
            Self::Trellis(trellis) => json!({ "decoder": trellis.heap_bytes() }),
            Self::StabilizerQec(_) => Value::Null,
        }
    }
}

/// `rule:NAME` or the network of a file, on the graph of `model`.
pub(crate) fn predecoder(
    source: &str,
    model: &DetectorErrorModel,
    options: &GraphOptions,
) -> Result<Predecoder> {
    let graph = Arc::new(MatchingGraph::new(model, options)?);
    Ok(match source.strip_prefix("rule:") {
        Some(rule) => Predecoder::rule(graph, model, &RuleOptions::new(rule.parse()?))?,
        None => {
            let network = Network::from_file(source)?;
            Predecoder::network(&network, graph, model, None, &NetworkOptions::default())?
        }
    })
}

/// `CUTOFF,STATES` or `CUTOFF,STATES,CUTOFF,STATES,UNSURE`: the coarse budget, and the fine one for ratios below UNSURE.
fn trellis_options(words: &str) -> Result<TrellisOptions> {
    let budget = |cutoff: &str, states: &str| -> Result<TrellisBudget> {
        Ok(TrellisBudget { cutoff: cutoff.parse()?, states_max: states.parse()? })
    };
    let defaults = TrellisOptions::default();
    match words.split(',').collect::<Vec<_>>()[..] {
        [cutoff, states] => {
            // The fine one is left for shots that nothing explains.
            Ok(TrellisOptions { coarse: budget(cutoff, states)?, unsure: 0.0, ..defaults })
        }
        [cutoff, states, fine_cutoff, fine_states, unsure] => Ok(TrellisOptions {
            coarse: budget(cutoff, states)?,
            fine: budget(fine_cutoff, fine_states)?,
            unsure: unsure.parse()?,
            ..defaults
        }),
        _ => Err("the budgets of a trellis are CUTOFF,STATES or CUTOFF,STATES,CUTOFF,STATES,UNSURE".into()),
    }
}

fn outrider_decoder(name: &str, model: &DetectorErrorModel) -> Result<Decoder> {
    let words: Vec<&str> = name.splitn(3, '/').collect();
    let kind: DecoderKind = words[0].parse()?;
    match words[1..] {
        [] => Ok(Decoder::from_model(model, kind)?),
        [usage, source] => {
            let options =
                DecoderOptions { kind, predecoder_use: usage.parse()?, ..DecoderOptions::default() };
            let correlations = kind == DecoderKind::MwpmCorrelated;
            let graph = GraphOptions { correlations, ..GraphOptions::default() };
            Ok(Decoder::with_predecoder(predecoder(source, model, &graph)?, &options)?)
        }
        _ => Err("a decoder behind a pre-decoder is outrider/KIND/soft|hard/PREDECODER".into()),
    }
}

impl Batch {
    /// The events of every shot.
    pub(crate) fn events(&self) -> Vec<Vec<u32>> {
        (0..self.shots.len()).map(|row| self.shots.ones(row).map(|event| event as u32).collect()).collect()
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self { shots: Shots::new(0), table: BitTable::zeros(0, 0) }
    }
}
