//! Whole decodes of rotated-surface-code memories, rounds = distance: `decode/<kind>/<isa>/d<d>-p<p>`, throughput in
//! shots. `outrider bench` measures latencies and their tails instead.

use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use outrider::{
    Basis, Circuit, CircuitFamily, Decoder, DecoderKind, DecoderOptions, DetectorErrorModel, Error, Isa,
    MatchingGraph, Sampler, Shots, SurfaceCode,
};

criterion_group!(benches, decode);
criterion_main!(benches);

const DISTANCES: [u32; 3] = [5, 13, 21];
const PROBABILITIES: [f64; 3] = [0.001, 0.003, 0.005];
const SHOTS: usize = 256;
const SEED: u64 = 5;

fn decode(criterion: &mut Criterion) {
    for distance in DISTANCES {
        for p in PROBABILITIES {
            decode_memory(criterion, distance, p)
                .unwrap_or_else(|error| panic!("d={distance} p={p}: {error}"));
        }
    }
}

fn decode_memory(criterion: &mut Criterion, distance: u32, p: f64) -> Result<(), Error> {
    let circuit = Circuit::uniform(CircuitFamily::Stim, p);
    let model = SurfaceCode::memory(distance, distance).basis(Basis::X).circuit(circuit).build()?.model()?;
    let shots = sample(&model)?;
    for kind in DecoderKind::OF_SHOTS {
        let options = kind.graph_options();
        let graph = Arc::new(MatchingGraph::new(&model, &options)?);
        let mut group = criterion.benchmark_group(format!("decode/{kind}"));
        group.throughput(Throughput::Elements(SHOTS as u64));
        for isa in Isa::available() {
            let options = DecoderOptions { kind, isa, ..DecoderOptions::default() };
            let mut decoder = Decoder::with_options(Arc::clone(&graph), &options)?;
            let mut predictions = Shots::new(graph.observable_count() as usize);
            group.bench_function(BenchmarkId::new(isa.name(), format_args!("d{distance}-p{p}")), |bencher| {
                bencher.iter(|| {
                    decoder.decode_batch(&shots, &mut predictions, None).expect("every shot matches")
                });
            });
        }
    }
    Ok(())
}

fn sample(model: &DetectorErrorModel) -> Result<Shots, Error> {
    let mut sampler = Sampler::new(model, SEED)?;
    let (mut detectors, mut observables) = sampler.batches();
    sampler.sample(0, SHOTS, &mut detectors, &mut observables)?;
    Ok(detectors)
}
