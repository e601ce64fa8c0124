//! Pre-decoders alone, without the matching after them, on rotated-surface-code memories, rounds = distance:
//! `predecode/<pre-decoder>/soft/d<d>-p<p>`, throughput in shots. Event networks, with random weights:
//! `predecode/event network/<width>x<layers>-<isa>/d<d>-p<p>`.

#[path = "../c_core/tests/support/event_network.rs"]
mod event_network;
#[path = "../c_core/tests/support/random.rs"]
#[allow(dead_code, reason = "only whole words are wanted here")]
mod random;

use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use event_network::{Colouring, NetworkFile, Shape};
use outrider::{
    Circuit, CircuitFamily, DetectorErrorModel, Error, EventNetwork, GraphOptions, Isa, MatchingGraph,
    Predecoder, PredecoderUse, Rule, RuleOptions, Sampler, SurfaceCode,
};

criterion_group!(benches, predecode);
criterion_main!(benches);

const DISTANCES: [u32; 2] = [7, 13];
const PROBABILITIES: [f64; 3] = [0.001, 0.003, 0.006];
const SHOTS: usize = 256;
const SEED: u64 = 5;
/// Widths and layers of event networks.
const NETWORKS: [(usize, usize); 3] = [(16, 1), (16, 3), (32, 3)];

fn predecode(criterion: &mut Criterion) {
    for distance in DISTANCES {
        for p in PROBABILITIES {
            predecode_memory(criterion, distance, p)
                .unwrap_or_else(|error| panic!("d={distance} p={p}: {error}"));
        }
    }
}

fn predecode_memory(criterion: &mut Criterion, distance: u32, p: f64) -> Result<(), Error> {
    let circuit = Circuit::uniform(CircuitFamily::Stim, p);
    let model = SurfaceCode::memory(distance, distance).circuit(circuit).build()?.model()?;
    let shots = sample(&model)?;
    let graph = Arc::new(MatchingGraph::new(&model, &GraphOptions::default())?);
    for rule in Rule::ALL {
        let mut predecoder = Predecoder::rule(Arc::clone(&graph), &model, &RuleOptions::new(rule))?;
        let mut group = criterion.benchmark_group(format!("predecode/{}", predecoder.name()));
        group.throughput(Throughput::Elements(SHOTS as u64));
        group.bench_function(BenchmarkId::new("soft", format_args!("d{distance}-p{p}")), |bencher| {
            bencher.iter(|| {
                for events in &shots {
                    predecoder.apply(PredecoderUse::Soft, events).expect("sampled events are valid");
                }
            });
        });
    }
    for (width, layers) in NETWORKS {
        let network = Arc::new(random_network(width, layers)?);
        for isa in Isa::available() {
            let mut predecoder =
                Predecoder::event_network(Arc::clone(&network), Arc::clone(&graph), &model, isa)?;
            let mut group = criterion.benchmark_group("predecode/event network");
            group.throughput(Throughput::Elements(SHOTS as u64));
            let name = format!("{width}x{layers}-{isa}");
            group.bench_function(BenchmarkId::new(name, format_args!("d{distance}-p{p}")), |bencher| {
                bencher.iter(|| {
                    for events in &shots {
                        predecoder.apply(PredecoderUse::Soft, events).expect("sampled events are valid");
                    }
                });
            });
        }
    }
    Ok(())
}

fn random_network(width: usize, layers: usize) -> Result<EventNetwork, Error> {
    let shape = Shape { width, layers, radius: 3, colouring: Colouring::Mirrored, weight: 20 };
    let mut random = random::Random(SEED);
    EventNetwork::from_bytes(&NetworkFile::random(&shape, &mut || random.word()).bytes())
}

/// The events of every shot.
fn sample(model: &DetectorErrorModel) -> Result<Vec<Vec<u32>>, Error> {
    let mut sampler = Sampler::new(model, SEED)?;
    let (mut detectors, mut observables) = sampler.batches();
    sampler.sample(0, SHOTS, &mut detectors, &mut observables)?;
    let events = |row: &[u8]| {
        (0..8 * row.len() as u32).filter(|&bit| row[bit as usize / 8] >> (bit % 8) & 1 == 1).collect()
    };
    Ok(detectors.rows().map(events).collect())
}
