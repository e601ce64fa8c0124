//! Training of event networks on rotated-surface-code memories, rounds = distance.
//!
//! `training/data/d<d>-p<p>`: sampling with truth and preparing the batch, throughput in shots;
//! `training/batch/d<d>-p<p>`: preparing alone, throughput in pairs of near events;
//! `training/<layer>/<isa>/<width>`: one layer, throughput in floating-point operations, so that Gelem/s are GFLOP/s;
//! `training/gaps/d<d>-p<p>`: both classes of every shot, throughput in shots.

use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use outrider::{
    Basis, Circuit, CircuitFamily, DetectorErrorModel, Error, Geometry, GraphOptions, Isa, MatchingGraph,
    Sampler, SamplerOptions, Shots, Slot, SurfaceCode, Training, TrainingOptions,
};

criterion_group!(benches, data, layers);
criterion_main!(benches);

const POINTS: [(u32, f64); 3] = [(7, 0.006), (13, 0.001), (13, 0.006)];
const LAYER_POINT: (u32, f64) = (9, 0.006);
const WIDTHS: [usize; 2] = [16, 32];
const SHOTS: usize = 512;
const RADIUS: i32 = 3;
/// Half of the edges of Stim's circuit; the others lead back.
const OFFSETS: [[i32; 3]; 6] = [[0, 0, 1], [1, 1, 0], [1, -1, 0], [-1, -1, 1], [-1, 1, 1], [-2, 0, 1]];

/// All that one circuit needs.
struct Source {
    model: DetectorErrorModel,
    graph: Arc<MatchingGraph>,
    sampler: Sampler,
    detectors: Shots,
    observables: Shots,
    edges: Shots,
}

impl Source {
    fn new((distance, p): (u32, f64)) -> Result<Self, Error> {
        let circuit = Circuit::uniform(CircuitFamily::Stim, p);
        let code = SurfaceCode::memory(distance, distance).basis(Basis::X).circuit(circuit);
        let model = code.build()?.model()?;
        let graph = Arc::new(MatchingGraph::new(&model, &GraphOptions::default())?);
        let sampler = Sampler::with_graph(&model, &graph, &SamplerOptions::default())?;
        let (detectors, observables) = sampler.batches();
        let edges = Shots::new(sampler.edge_count());
        let mut source = Self { model, graph, sampler, detectors, observables, edges };
        source.sample(0)?;
        Ok(source)
    }

    fn sample(&mut self, first: u64) -> Result<(), Error> {
        let Self { sampler, detectors, observables, edges, .. } = self;
        sampler.sample_with_edges(first, SHOTS, detectors, observables, edges)
    }

    fn training(&self, isa: Isa) -> Result<Training, Error> {
        let there_and_back = OFFSETS.into_iter().flat_map(|offset| [offset, offset.map(|step: i32| -step)]);
        let geometry = Geometry {
            plane: None,
            pitch: [2, 2, 1],
            kind_rule: [1, 1, 0],
            transposed: vec![false, true],
            sets: vec![0, 0],
            radius: RADIUS,
            slots: vec![there_and_back.map(Slot::Offset).chain([Slot::Boundary]).collect()],
        };
        let options = TrainingOptions { isa, ..TrainingOptions::default() };
        let mut training = Training::with_options(Arc::clone(&self.graph), &self.model, &geometry, &options)?;
        training.prepare(&self.detectors, Some(&self.edges))?;
        Ok(training)
    }
}

fn data(criterion: &mut Criterion) {
    for point in POINTS {
        data_of(criterion, point).unwrap_or_else(|error| panic!("{point:?}: {error}"));
    }
}

fn data_of(criterion: &mut Criterion, point: (u32, f64)) -> Result<(), Error> {
    let mut source = Source::new(point)?;
    let mut training = source.training(Isa::Auto)?;
    let name = format!("d{}-p{}", point.0, point.1);

    let mut group = criterion.benchmark_group("training/batch");
    group.throughput(Throughput::Elements(training.batch().target.len() as u64));
    group.bench_function(&name, |bencher| {
        bencher.iter(|| training.prepare(&source.detectors, Some(&source.edges)).expect("valid shots"));
    });
    group.finish();

    let mut group = criterion.benchmark_group("training/gaps");
    group.throughput(Throughput::Elements(SHOTS as u64));
    let priors = training.batch().prior.to_vec();
    group.bench_function(&name, |bencher| {
        bencher.iter(|| training.gaps(&priors, f64::INFINITY).expect("a patch has a gap").edges.len());
    });
    group.finish();

    let mut group = criterion.benchmark_group("training/data");
    group.throughput(Throughput::Elements(SHOTS as u64));
    let mut first = 0;
    group.bench_function(&name, |bencher| {
        bencher.iter(|| {
            source.sample(first).expect("batches of the right width");
            first += SHOTS as u64;
            training.prepare(&source.detectors, Some(&source.edges)).expect("valid shots");
        });
    });
    group.finish();
    Ok(())
}

fn layers(criterion: &mut Criterion) {
    layers_at(criterion, LAYER_POINT).unwrap_or_else(|error| panic!("{LAYER_POINT:?}: {error}"));
}

fn layers_at(criterion: &mut Criterion, point: (u32, f64)) -> Result<(), Error> {
    let source = Source::new(point)?;
    for isa in Isa::available() {
        let training = source.training(isa)?;
        let (events, relations) = (training.batch().detector.len(), training.relations());
        let pairs = training.batch().target.len();
        for width in WIDTHS {
            let rows = vec![0.25; relations * width];
            let mut by_row = rows.clone();
            let weights = vec![0.25; relations * width * width];
            let mut by_weight = weights.clone();
            let input = vec![0.25; events * width];
            let mut out = input.clone();
            let mut bench = |layer: &str, operations: usize, run: &mut dyn FnMut()| {
                let mut group = criterion.benchmark_group(format!("training/{layer}"));
                group.throughput(Throughput::Elements((pairs * operations) as u64));
                group.bench_function(BenchmarkId::new(isa.name(), width), |bencher| bencher.iter(&mut *run));
                group.finish();
            };
            bench("embed-forward", width, &mut || {
                training.embed_forward(width, &rows, &mut out).expect("matching lengths");
            });
            bench("embed-backward", width, &mut || {
                training.embed_backward(width, &input, &mut by_row).expect("matching lengths");
            });
            bench("message-forward", 2 * width * width, &mut || {
                training.message_forward(width, &weights, &input, &mut out).expect("matching lengths");
            });
            bench("message-backward", 4 * width * width, &mut || {
                training
                    .message_backward(width, &weights, &input, &input, &mut out, &mut by_weight)
                    .expect("matching lengths");
            });
        }
    }
    Ok(())
}
