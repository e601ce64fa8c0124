//! One graph, many threads: the answers do not depend on how shots are split.

use std::sync::Arc;
use std::thread;

use outrider::{
    Circuit, CircuitFamily, Decoder, DecoderKind, DecoderOptions, DetectorErrorModel, Isa, MatchingGraph,
    Sampler, SamplerOptions, Shots, SurfaceCode,
};

const SHOTS: usize = 1500;
const SEED: u64 = 9;

#[test]
fn threads_over_one_graph_agree_with_one_thread() {
    let model = memory();
    for kind in DecoderKind::OF_SHOTS {
        let options = kind.graph_options();
        let graph = Arc::new(MatchingGraph::new(&model, &options).expect("a matchable model"));
        let whole = sample_and_decode(&model, &graph, kind, Isa::Portable, 0, SHOTS);
        for part_shots in [1, 100, 499] {
            let parts: Vec<_> = thread::scope(|scope| {
                let threads: Vec<_> = (0..SHOTS.div_ceil(part_shots).min(16))
                    .map(|part| {
                        let (model, graph) = (&model, &graph);
                        let first = part * part_shots;
                        let count = part_shots.min(SHOTS - first);
                        scope.spawn(move || sample_and_decode(model, graph, kind, Isa::Auto, first, count))
                    })
                    .collect();
                threads.into_iter().map(|thread| thread.join().expect("no thread panics")).collect()
            });
            for (part, (observables, weights)) in parts.into_iter().enumerate() {
                let first = part * part_shots;
                assert_eq!(
                    weights,
                    whole.1[first..][..weights.len()],
                    "{kind}, {part_shots} shots per thread"
                );
                for (row, bits) in observables.rows().enumerate() {
                    assert_eq!(bits, whole.0.row(first + row), "{kind}, shot {}", first + row);
                }
            }
        }
    }
}

#[test]
fn a_decoder_moves_between_threads() {
    let model = memory();
    let mut decoder = Decoder::from_model(&model, DecoderKind::Mwpm).expect("a matchable model");
    let graph = Arc::clone(decoder.graph());
    let row = vec![0; graph.detector_bytes()];
    let mut decoder = thread::spawn(move || {
        decoder.decode_events(&[0, 1], &[], &mut [0]).expect("every shot matches");
        decoder
    })
    .join()
    .expect("no thread panics");
    drop(graph);
    let result = decoder.decode(&row, &[], &mut [0]).expect("nothing to match");
    assert_eq!((result.weight, result.event_count), (0, 0));
}

fn sample_and_decode(
    model: &DetectorErrorModel,
    graph: &Arc<MatchingGraph>,
    kind: DecoderKind,
    isa: Isa,
    first: usize,
    count: usize,
) -> (Shots, Vec<i64>) {
    let options = SamplerOptions { seed: SEED, isa };
    let mut sampler = Sampler::with_options(model, &options).expect("the isa is available");
    let (mut detectors, mut observables) = sampler.batches();
    sampler.sample(first as u64, count, &mut detectors, &mut observables).expect("the right widths");
    let options = DecoderOptions { kind, isa, ..DecoderOptions::default() };
    let mut decoder = Decoder::with_options(Arc::clone(graph), &options).expect("the graph suits the kind");
    let mut weights = vec![0; count];
    decoder.decode_batch(&detectors, &mut observables, Some(&mut weights)).expect("every shot matches");
    (observables, weights)
}

fn memory() -> DetectorErrorModel {
    let circuit = Circuit::uniform(CircuitFamily::Paper, 0.006);
    let code = SurfaceCode::memory(5, 5).circuit(circuit).build().expect("valid options");
    code.model().expect("a small model")
}
