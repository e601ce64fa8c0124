//! Everything around a decode: error models (`model/…`, bytes of text), graphs (`graph/…`, errors of the model; built, and
//! reweighted with as few different probabilities as the model has or with all of them different), sampling
//! (`sample/…`, shots; with edges, with labels), result formats (`shots/…`, bytes of file) and measurements
//! (`measurements/map`, their number; `measurements/convert`, shots).

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use outrider::{
    Basis, Circuit, CircuitFamily, DecoderKind, DetectorErrorModel, Error, Format, GraphOptions,
    InstructionKind, Isa, LabelOptions, LabelSampler, Layout, MatchingGraph, MeasurementMap, Sampler,
    SamplerOptions, ShotReader, ShotWriter, Shots, SurfaceCode,
};

criterion_group!(benches, models, sampling, formats, measurements);
criterion_main!(benches);

const DISTANCES: [u32; 3] = [5, 13, 21];
const PROBABILITY: f64 = 0.003;
const SHOTS: usize = 1024;
const SEED: u64 = 5;

fn models(criterion: &mut Criterion) {
    for distance in DISTANCES {
        let model = memory(distance).unwrap_or_else(|error| panic!("d={distance}: {error}"));
        let text = model.to_text();
        let mut group = criterion.benchmark_group("model");
        group.bench_function(BenchmarkId::new("trace", format_args!("d{distance}")), |bencher| {
            bencher.iter(|| memory(black_box(distance)));
        });
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(BenchmarkId::new("parse", format_args!("d{distance}")), |bencher| {
            bencher.iter(|| DetectorErrorModel::parse(black_box(&text)));
        });
        group.finish();
        let mut group = criterion.benchmark_group("graph");
        group.throughput(Throughput::Elements(model.error_count()));
        for kind in [DecoderKind::Mwpm, DecoderKind::MwpmCorrelated] {
            let options = kind.graph_options();
            for (name, reweightable) in [("", false), ("reweightable-", true)] {
                let options = GraphOptions { reweightable, ..options };
                let id = BenchmarkId::new(format!("{name}{kind}"), format_args!("d{distance}"));
                group.bench_function(id, |bencher| {
                    bencher.iter(|| MatchingGraph::new(black_box(&model), &options))
                });
            }
            let options = GraphOptions { reweightable: true, ..options };
            let graph = Arc::new(MatchingGraph::new(&model, &options).expect("a matchable model"));
            let same = probabilities(&model);
            let drifted: Vec<f64> =
                same.iter().enumerate().map(|(i, p)| p * (1.0 + i as f64 * 1e-7)).collect();
            for (name, numbers) in [("reweight", &same), ("reweight-distinct", &drifted)] {
                let id = BenchmarkId::new(format!("{name}-{kind}"), format_args!("d{distance}"));
                group.bench_function(id, |bencher| bencher.iter(|| graph.reweighted(black_box(numbers))));
            }
        }
    }
}

/// The probabilities of the flattened model's errors.
fn probabilities(model: &DetectorErrorModel) -> Vec<f64> {
    let mut walk = model.walk().expect("memory does not fail");
    let mut found = Vec::new();
    while let Some(instruction) = walk.step() {
        if let InstructionKind::Error { probability, .. } = instruction.kind {
            found.push(probability);
        }
    }
    found
}

fn measurements(criterion: &mut Criterion) {
    for distance in DISTANCES {
        let code = SurfaceCode::memory(distance, distance).build().expect("the circuit has this size");
        let text = code.circuit_text();
        let map = MeasurementMap::parse(&text).expect("a memory");
        let mut measured = Shots::zeroed(map.measurement_count(), SHOTS);
        measured.as_mut_bytes().fill(0x5A);
        let (mut detectors, mut observables) = map.batches();
        let mut group = criterion.benchmark_group("measurements");
        group.throughput(Throughput::Elements(map.measurement_count() as u64));
        group.bench_function(BenchmarkId::new("map", format_args!("d{distance}")), |bencher| {
            bencher.iter(|| MeasurementMap::parse(black_box(&text)));
        });
        group.throughput(Throughput::Elements(SHOTS as u64));
        group.bench_function(BenchmarkId::new("convert", format_args!("d{distance}")), |bencher| {
            bencher.iter(|| map.convert(&measured, None, &mut detectors, &mut observables));
        });
        group.finish();
    }
}

fn sampling(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sample");
    group.throughput(Throughput::Elements(SHOTS as u64));
    for distance in DISTANCES {
        let model = memory(distance).unwrap_or_else(|error| panic!("d={distance}: {error}"));
        for isa in Isa::available() {
            let options = SamplerOptions { seed: SEED, isa };
            let mut sampler = Sampler::with_options(&model, &options).expect("the isa is available");
            let (mut detectors, mut observables) = sampler.batches();
            group.bench_function(BenchmarkId::new(isa.name(), format_args!("d{distance}")), |bencher| {
                bencher.iter(|| sampler.sample(0, SHOTS, &mut detectors, &mut observables));
            });
        }
        let graph = MatchingGraph::new(&model, &GraphOptions::default()).expect("a matchable model");
        let options = SamplerOptions { seed: SEED, ..SamplerOptions::default() };
        let mut sampler = Sampler::with_graph(&model, &graph, &options).expect("the model's own graph");
        let (mut detectors, mut observables) = sampler.batches();
        let mut edges = Shots::new(sampler.edge_count());
        group.bench_function(BenchmarkId::new("edges", format_args!("d{distance}")), |bencher| {
            bencher
                .iter(|| sampler.sample_with_edges(0, SHOTS, &mut detectors, &mut observables, &mut edges));
        });
        let circuit = Circuit::uniform(CircuitFamily::Paper, PROBABILITY);
        let code = SurfaceCode::memory(distance, distance).basis(Basis::X).circuit(circuit).build();
        let code = code.expect("the circuit has this size");
        for (name, equivalence) in [("labels-plain", false), ("labels", true)] {
            let options = LabelOptions { seed: SEED, equivalence, ..LabelOptions::default() };
            let mut sampler = LabelSampler::new(&code, &options).expect("a small code");
            let mut batch = sampler.batch();
            group.bench_function(BenchmarkId::new(name, format_args!("d{distance}")), |bencher| {
                bencher.iter(|| sampler.sample(0, SHOTS, &mut batch));
            });
        }
    }
}

fn formats(criterion: &mut Criterion) {
    let distance = 13;
    let shots = memory(distance).and_then(|model| sample(&model)).unwrap_or_else(|error| panic!("{error}"));
    let layout = Layout::detectors(shots.bits());
    for format in Format::ALL {
        let file = write(&shots, format, layout).expect("memory does not fail");
        let mut group = criterion.benchmark_group("shots");
        group.throughput(Throughput::Bytes(file.len() as u64));
        let id = |way: &str| BenchmarkId::new(way, format_args!("{format}-d{distance}"));
        group.bench_function(id("write"), |bencher| bencher.iter(|| write(&shots, format, layout)));
        let mut batch = Shots::new(shots.bits());
        group.bench_function(id("read"), |bencher| {
            bencher.iter(|| {
                let mut reader = ShotReader::new(black_box(file.as_slice()), format, layout)?;
                reader.read(&mut batch, SHOTS)
            });
        });
    }
}

fn memory(distance: u32) -> Result<DetectorErrorModel, Error> {
    let circuit = Circuit::uniform(CircuitFamily::Stim, PROBABILITY);
    SurfaceCode::memory(distance, distance).basis(Basis::X).circuit(circuit).build()?.model()
}

fn sample(model: &DetectorErrorModel) -> Result<Shots, Error> {
    let mut sampler = Sampler::new(model, SEED)?;
    let (mut detectors, mut observables) = sampler.batches();
    sampler.sample(0, SHOTS, &mut detectors, &mut observables)?;
    Ok(detectors)
}

fn write(shots: &Shots, format: Format, layout: Layout) -> Result<Vec<u8>, Error> {
    let mut writer = ShotWriter::new(Vec::new(), format, layout)?;
    writer.write(shots)?;
    writer.finish()
}
