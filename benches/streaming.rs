//! A round on its way through a stream: `ingest/d<distance>`, from measurements to detection events;
//! `stream/d<distance>/<workers>`, from detection events to commits, as many rounds as go through. Pinned for steady
//! numbers, `taskset -c 2,3 cargo bench --bench streaming`; workers want a core each beside that which pushes.

use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use outrider::{
    Circuit, CircuitFamily, Error, MeasurementMap, MeasurementStream, Patch, PatchOptions, Plan, PlanOptions,
    Sampler, Stream, StreamOptions, SurfaceCode, WorkersOptions,
};

criterion_group!(benches, ingest, stream);
criterion_main!(benches);

const PROBABILITY: f64 = 0.001;
const WORKERS: [usize; 3] = [0, 1, 2];
/// Rounds that are sampled, and streamed over and over.
const ROUNDS: u32 = 1000;
const SEED: u64 = 3;

fn ingest(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ingest");
    group.throughput(Throughput::Elements(1));
    for distance in [5, 13] {
        let mut stream = measurement_stream(distance).unwrap_or_else(|error| panic!("d={distance}: {error}"));
        let count = distance * distance - 1;
        let round: Vec<u8> = (0..count.div_ceil(8)).map(|byte| (byte * 37) as u8).collect();
        group.bench_function(format!("d{distance}"), |bencher| {
            bencher.iter(|| {
                stream.push(&round, count, false).expect("no layer waits");
                while stream.next().is_some() {}
            });
        });
    }
}

fn measurement_stream(distance: u32) -> Result<MeasurementStream, Error> {
    let code = SurfaceCode::memory(distance, 10).build()?;
    MeasurementStream::new(&MeasurementMap::parse(&code.circuit_text())?)
}

fn stream(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stream");
    group.throughput(Throughput::Elements(1));
    for distance in [5, 7, 13] {
        let patch = patch(distance).unwrap_or_else(|error| panic!("d={distance}: {error}"));
        let layers = layers(distance, patch.plan()).unwrap_or_else(|error| panic!("d={distance}: {error}"));
        for count in WORKERS {
            let workers = WorkersOptions { count, ..WorkersOptions::default() };
            let options = StreamOptions { workers, ..StreamOptions::default() };
            let mut stream = Stream::new(Arc::clone(&patch), &options).expect("workers");
            let mut bulk = layers.iter().skip(1).cycle();
            let (first, bits) = &layers[0];
            stream.push(first, *bits, false).expect("room");
            group.bench_function(BenchmarkId::new(format!("d{distance}"), count), |bencher| {
                bencher.iter(|| {
                    let (events, bits) = bulk.next().expect("a cycle");
                    stream.push_when_room(events, *bits, false).expect("no cell fails");
                });
            });
        }
    }
}

fn circuit() -> Circuit {
    Circuit::uniform(CircuitFamily::Stim, PROBABILITY)
}

fn patch(distance: u32) -> Result<Arc<Patch>, Error> {
    let model = SurfaceCode::memory(distance, 8 * distance).circuit(circuit()).build()?.model()?;
    Ok(Arc::new(Patch::new(&model, &PatchOptions::new(PlanOptions::parallel(distance)))?))
}

/// A sampled history, packed layers with their widths, without the last one.
fn layers(distance: u32, plan: &Plan) -> Result<Vec<(Vec<u8>, u32)>, Error> {
    let model = SurfaceCode::memory(distance, ROUNDS).circuit(circuit()).build()?.model()?;
    let mut sampler = Sampler::new(&model, SEED)?;
    let (mut detectors, mut observables) = sampler.batches();
    sampler.sample(0, 1, &mut detectors, &mut observables)?;
    let row = detectors.row(0);
    let mut first = 0;
    let layer = |number: u32| {
        let bits = plan.layer_detectors(number.into(), None);
        let mut packed = vec![0; bits.div_ceil(8) as usize];
        for bit in 0..bits as usize {
            packed[bit / 8] |= (row[(first + bit) / 8] >> ((first + bit) % 8) & 1) << (bit % 8);
        }
        first += bits as usize;
        (packed, bits)
    };
    Ok((0..ROUNDS).map(layer).collect())
}
