//! Runs outrider and its rival on request: the scripts measure them beside PyMatching.
//!
//! A command is a line on standard input, its words separated by tabs; its answer is a JSON object on a line of
//! standard output. Decoders go by `program/kind`, see [`Engine::build`].
//!
//! - `model DEM`: the model of the commands below
//! - `shots B8 COUNT`: their shots, the first COUNT of the file
//! - `batch DECODER`: decodes all shots at once
//! - `predict DECODER PREDICTIONS WEIGHTS`: the same; writes a byte and a little-endian double per shot
//! - `single DECODER TIMES`: decodes shot by shot; writes the nanoseconds of each, 8 bytes little-endian
//! - `ratios DECODER RATIOS LEVELS`: likewise; writes the log-likelihood ratio of each, a little-endian double, and a byte
//!   for what decided, see [`Engine::ratio`]
//! - `predecode soft|hard PREDECODER`: asks the pre-decoder alone about all shots
//! - `left PREDECODER`: counts the events that it leaves when it is used hard
//! - `strings SHOTS SEED DECODER..`: samples the model; of each decoder's failures, how many leave a shortest logical
//!   string of so many edges, so many of them errors
//! - `learn`: rates of the model's errors from the shots, in closed form and not drawn to the model's own
//! - `build DECODER`: from the model's file to a decoder that has decoded a shot without events
//! - `sample SHOTS SEED`: samples the model
//! - `sample-edges SHOTS SEED`: likewise, with the edges of its graph that flip
//! - `memory`: bytes of this process and of the decoders that it has built

mod clock;
mod engine;
mod strings;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{BufRead, Read, Write};
use std::path::PathBuf;
use std::time::Instant;

use outrider::{
    DetectorErrorModel, GraphOptions, MatchingGraph, Moments, PredecoderUse, Rates, RatesMethod,
    RatesOptions, Sampler, SamplerOptions, Shots, Shrinkage,
};
use serde_json::{Value, json};
use stabilizer_qec::BitTable;

use clock::timed;
use engine::{Batch, Engine, predecoder};
use strings::{LogicalString, logical_string};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let mut session = Session::default();
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split('\t').collect();
        let answer = session.run(&words).unwrap_or_else(|error| json!({ "error": error.to_string() }));
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}

#[derive(Default)]
struct Session {
    model: PathBuf,
    engines: BTreeMap<String, Engine>,
    batch: Batch,
}

impl Session {
    fn run(&mut self, words: &[&str]) -> Result<Value> {
        match words {
            ["model", path] => {
                self.model = path.into();
                self.engines.clear();
                Ok(json!({}))
            }
            ["shots", path, count] => self.read_shots(path, count.parse()?),
            ["batch", decoder] => self.batch(decoder),
            ["predict", decoder, predictions, weights] => self.predict(decoder, predictions, weights),
            ["single", decoder, times] => self.single(decoder, times),
            ["ratios", decoder, ratios, levels] => self.ratios(decoder, ratios, levels),
            ["predecode", usage, source] => self.predecode(usage.parse()?, source),
            ["left", source] => self.left(source),
            ["strings", shots, seed, decoders @ ..] => self.strings(shots.parse()?, seed.parse()?, decoders),
            ["learn"] => self.learn(),
            ["build", decoder] => {
                let (engine, times) = timed(|| Engine::build(decoder, &self.model));
                engine.map(|_| times)
            }
            ["sample", shots, seed] => self.sample(shots.parse()?, seed.parse()?),
            ["sample-edges", shots, seed] => self.sample_edges(shots.parse()?, seed.parse()?),
            ["memory"] => self.memory(),
            _ => Err(format!("no such command: {}", words.join(" ")).into()),
        }
    }

    fn read_shots(&mut self, path: &str, count: usize) -> Result<Value> {
        let model = DetectorErrorModel::from_file(&self.model)?;
        let detectors = usize::try_from(model.detector_count())?;
        let mut shots = Shots::zeroed(detectors, count);
        File::open(path)?.read_exact(shots.as_mut_bytes())?;
        let table = BitTable::from_packed(count, detectors, shots.as_bytes().to_vec())?;
        let events: usize = (0..count).map(|row| shots.ones(row).count()).sum();
        self.batch = Batch { shots, table };
        Ok(json!({ "detectors": detectors, "events": events }))
    }

    /// The decoder, built when it is asked for first.
    fn engine(&mut self, decoder: &str) -> Result<(&mut Engine, &Batch)> {
        if !self.engines.contains_key(decoder) {
            self.engines.insert(decoder.to_owned(), Engine::build(decoder, &self.model)?);
        }
        let engine = self.engines.get_mut(decoder).ok_or("the decoder was just built")?;
        Ok((engine, &self.batch))
    }

    fn batch(&mut self, decoder: &str) -> Result<Value> {
        let (engine, batch) = self.engine(decoder)?;
        let (answers, times) = timed(|| engine.decode_batch(batch));
        answers.map(|_| times)
    }

    fn predict(&mut self, decoder: &str, predictions: &str, weights: &str) -> Result<Value> {
        let (engine, batch) = self.engine(decoder)?;
        let (answers, times) = timed(|| engine.decode_batch(batch));
        let answers = answers?;
        fs::write(predictions, engine.predictions(&answers))?;
        let bytes: Vec<u8> =
            engine.weights(&answers).iter().flat_map(|weight| weight.to_le_bytes()).collect();
        fs::write(weights, bytes)?;
        Ok(times)
    }

    fn single(&mut self, decoder: &str, times: &str) -> Result<Value> {
        let (engine, batch) = self.engine(decoder)?;
        let mut elapsed = Vec::with_capacity(8 * batch.shots.len());
        let mut observables = [0];
        for row in batch.shots.rows() {
            let start = Instant::now();
            engine.decode(row, &mut observables)?;
            elapsed.extend(u64::try_from(start.elapsed().as_nanos())?.to_le_bytes());
        }
        fs::write(times, elapsed)?;
        Ok(json!({}))
    }

    fn ratios(&mut self, decoder: &str, ratios: &str, levels: &str) -> Result<Value> {
        let (engine, batch) = self.engine(decoder)?;
        let (mut numbers, mut bytes) = (Vec::with_capacity(8 * batch.shots.len()), Vec::new());
        for row in batch.shots.rows() {
            let (ratio, level) = engine.ratio(row)?;
            numbers.extend(ratio.to_le_bytes());
            bytes.push(level);
        }
        fs::write(ratios, numbers)?;
        fs::write(levels, bytes)?;
        Ok(json!({}))
    }

    fn predecode(&self, usage: PredecoderUse, source: &str) -> Result<Value> {
        let mut predecoder =
            predecoder(source, &DetectorErrorModel::from_file(&self.model)?, &GraphOptions::default())?;
        let events = self.batch.events();
        let mut ask_all = || -> Result<()> {
            for events in &events {
                black_box(predecoder.apply(usage, events)?);
            }
            Ok(())
        };
        ask_all()?;
        let (done, times) = timed(ask_all);
        done.map(|()| times)
    }

    fn left(&self, source: &str) -> Result<Value> {
        let mut predecoder =
            predecoder(source, &DetectorErrorModel::from_file(&self.model)?, &GraphOptions::default())?;
        let (mut before, mut after) = (0, 0);
        for events in self.batch.events() {
            before += events.len();
            after += predecoder.apply(PredecoderUse::Hard, &events)?.events.len();
        }
        Ok(json!({ "events": before, "left": after }))
    }

    fn strings(&self, count: usize, seed: u64, decoders: &[&str]) -> Result<Value> {
        let (graph, mut sampler) = self.sampler_with_edges(seed)?;
        let (mut detectors, mut observables) = sampler.batches();
        let mut edges = Shots::new(sampler.edge_count());
        sampler.sample_with_edges(0, count, &mut detectors, &mut observables, &mut edges)?;
        let batch = Batch { shots: detectors, ..Batch::default() };
        let mut answers = Vec::new();
        for name in decoders {
            let mut engine = Engine::build(name, &self.model)?;
            let mut found: BTreeMap<LogicalString, u64> = BTreeMap::new();
            for row in engine.failures(&batch, &observables)? {
                let chosen = engine.edges(batch.shots.row(row))?;
                let flipped: BTreeSet<u32> = edges.ones(row).map(|edge| edge as u32).collect();
                let string = logical_string(&graph, &flipped, &chosen).ok_or("a failure without a string")?;
                *found.entry(string).or_default() += 1;
            }
            answers.push(json!(
                found
                    .iter()
                    .map(|(string, count)| [string.length as u64, string.errors as u64, *count])
                    .collect::<Vec<_>>()
            ));
        }
        Ok(json!({ "strings": answers }))
    }

    fn learn(&self) -> Result<Value> {
        let model = DetectorErrorModel::from_file(&self.model)?;
        let options = RatesOptions {
            method: RatesMethod::ClosedForm,
            shrinkage: Shrinkage::None,
            ..RatesOptions::default()
        };
        let (learned, times) = timed(|| -> Result<Rates> {
            let mut moments = Moments::for_model(&model)?;
            moments.add(&self.batch.shots)?;
            let mut rates = Rates::with_options(&model, &moments, &options)?;
            rates.fit(&moments)?;
            Ok(rates)
        });
        learned.map(|_| times)
    }

    fn sample(&self, count: usize, seed: u64) -> Result<Value> {
        let mut sampler = Sampler::new(&DetectorErrorModel::from_file(&self.model)?, seed)?;
        let (mut detectors, mut observables) = sampler.batches();
        let (done, times) = timed(|| sampler.sample(0, count, &mut detectors, &mut observables));
        done?;
        Ok(times)
    }

    fn sampler_with_edges(&self, seed: u64) -> Result<(MatchingGraph, Sampler)> {
        let model = DetectorErrorModel::from_file(&self.model)?;
        let graph = MatchingGraph::new(&model, &GraphOptions::default())?;
        let options = SamplerOptions { seed, ..SamplerOptions::default() };
        let sampler = Sampler::with_graph(&model, &graph, &options)?;
        Ok((graph, sampler))
    }

    fn sample_edges(&self, count: usize, seed: u64) -> Result<Value> {
        let (_, mut sampler) = self.sampler_with_edges(seed)?;
        let (mut detectors, mut observables) = sampler.batches();
        let mut edges = Shots::new(sampler.edge_count());
        let (done, times) =
            timed(|| sampler.sample_with_edges(0, count, &mut detectors, &mut observables, &mut edges));
        done?;
        Ok(times)
    }

    fn memory(&self) -> Result<Value> {
        let status = fs::read_to_string("/proc/self/status")?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no peak of memory")?;
        let peak_kib: u64 = peak.trim().trim_end_matches(" kB").parse()?;
        let decoders: BTreeMap<&String, Value> =
            self.engines.iter().map(|(name, engine)| (name, engine.heap_bytes())).collect();
        Ok(json!({ "peak_bytes": peak_kib * 1024, "decoders": decoders }))
    }
}
