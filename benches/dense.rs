//! The dense network on integers: `dense/<model>/<isa>`, one shot at d = 13 over 13 rounds.
//!
//! Before that, unless benches are only tried out (`--test`), lines with multiplications per second and their share of
//! what the core can do at most, measured by a loop over registers of the instructions that each set's kernel is made of.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use criterion::{Criterion, Throughput, criterion_group};
use outrider::{
    Circuit, CircuitFamily, DenseNetwork, DenseOptions, GraphOptions, Isa, MatchingGraph, Predecoder,
    Sampler, SurfaceCode,
};

criterion_group!(benches, shots);

/// Distance and rounds.
const SIZE: u32 = 13;
/// The published models 1 and 4 by number and convolutions of width 128.
const MODELS: [(u32, usize); 2] = [(1, 4), (4, 6)];
/// Shots, and passes of the register loop, of which the fastest counts.
const REPEATS: usize = 8;

fn main() {
    if !std::env::args().any(|argument| argument == "--test") {
        print_rates();
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}

fn print_rates() {
    for isa in Isa::available() {
        let (mut predecoder, events, products) = case(MODELS[0].1, isa);
        let fastest = fastest(|| {
            black_box(predecoder.dense_logits(black_box(&events)).expect("good events"));
        });
        let rate = products as f64 / fastest * 1e-9;
        let share = peak::products_per_second(isa).map_or(String::new(), |peak| {
            format!(", {:.0} % of the peak {:.1}", 100.0 * rate / (peak * 1e-9), peak * 1e-9)
        });
        println!("model 1, d = {SIZE}, {isa}: {:.1} ms a shot, {rate:.1} GMAC/s{share}", fastest * 1e3);
    }
}

fn shots(criterion: &mut Criterion) {
    for (model, layers) in MODELS {
        let mut group = criterion.benchmark_group(format!("dense/model-{model}"));
        for isa in Isa::available().filter(|&isa| isa != Isa::Portable) {
            let (mut predecoder, events, products) = case(layers, isa);
            group.throughput(Throughput::Elements(products));
            group.sample_size(10).bench_function(isa.name(), |bencher| {
                bencher.iter(|| predecoder.dense_logits(black_box(&events)).expect("good events").len());
            });
        }
    }
}

fn fastest(mut shot: impl FnMut()) -> f64 {
    let time = |_| {
        let start = Instant::now();
        shot();
        start.elapsed().as_secs_f64()
    };
    (0..REPEATS).map(time).fold(f64::INFINITY, f64::min)
}

/// A pre-decoder of that many layers, the events of a shot, and the multiplications that it takes.
fn case(layers: usize, isa: Isa) -> (Predecoder, Vec<u32>, u64) {
    let circuit = Circuit::uniform(CircuitFamily::PaperPublished, 0.006);
    let code = SurfaceCode::memory(SIZE, SIZE).circuit(circuit).build().expect("valid options");
    let model = code.model().expect("a small model");
    let mut sampler = Sampler::new(&model, 1).expect("a small model");
    let (mut detectors, mut observables) = sampler.batches();
    sampler.sample(0, 1, &mut detectors, &mut observables).expect("batches of the right width");

    let mut network = DenseNetwork::from_bytes(&random_network(layers)).expect("a network");
    network.calibrate(&code, &detectors).expect("the code's shots");
    let products = network.info().products_per_voxel * u64::from(SIZE.pow(3));
    let graph = Arc::new(MatchingGraph::new(&model, &GraphOptions::default()).expect("a matchable model"));
    let options = DenseOptions { isa, ..DenseOptions::default() };
    let predecoder = Predecoder::dense(Arc::new(network), &code, graph, &options).expect("the code's graph");
    let events = detectors.ones(0).map(|event| event as u32).collect();
    (predecoder, events, products)
}

/// A file with random weights: the time does not depend on them.
fn random_network(layers: usize) -> Vec<u8> {
    let (mut header, mut data, mut random) = (String::new(), Vec::<u8>::new(), 1_u64);
    for layer in 0..layers {
        let outputs = if layer == layers - 1 { 4 } else { 128 };
        let inputs = if layer == 0 { 4 } else { 128 };
        for (part, shape) in [("weight", vec![outputs, inputs, 3, 3, 3]), ("bias", vec![outputs])] {
            let begin = data.len();
            for _ in 0..shape.iter().product::<usize>() {
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let weight = ((random >> 40) as f32 / (1 << 23) as f32 - 1.0) * 0.05;
                data.extend(weight.to_le_bytes());
            }
            let comma = if header.is_empty() { "" } else { "," };
            header += &format!(
                r#"{comma}"net.{}.{part}":{{"dtype":"F32","shape":{shape:?},"data_offsets":[{begin},{}]}}"#,
                3 * layer,
                data.len()
            );
        }
    }
    let header = format!("{{{header}}}");
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat()
}

/// Loops over registers: eight or twelve independent sums, so that no addition waits for another.
#[cfg(target_arch = "x86_64")]
mod peak {
    use super::{Instant, Isa, REPEATS};
    use std::arch::asm;

    const PASSES: u64 = 10_000_000;

    /// Multiplications of bytes, with their additions to 32-bit sums, that a core does per second at most; `None` where
    /// there is no such loop.
    pub(crate) fn products_per_second(isa: Isa) -> Option<f64> {
        // Instructions of each loop times the products of one.
        let (pass, products): (unsafe fn(), u64) = match isa {
            Isa::Avx2 => (avx2, 4 * 32),
            Isa::Avx512 => (avx512, 4 * 64),
            Isa::Avx512Vnni => (avx512vnni, 12 * 64),
            _ => return None,
        };
        let time = |_| {
            let start = Instant::now();
            // SAFETY: the caller lists the instruction sets of this machine, and each loop uses its own.
            unsafe { pass() };
            start.elapsed().as_secs_f64()
        };
        let fastest = (0..REPEATS).map(time).fold(f64::INFINITY, f64::min);
        Some((PASSES * products) as f64 / fastest)
    }

    /// A loop of `body` with its registers declared as overwritten.
    macro_rules! register_loop {
        ($($body:literal)*) => {
            // SAFETY: arithmetic on registers that are declared as overwritten, no memory, no stack.
            unsafe {
                asm!(
                    "2:",
                    $($body,)*
                    "dec {count}",
                    "jnz 2b",
                    count = inout(reg) PASSES => _,
                    out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _, out("xmm4") _, out("xmm5") _,
                    out("xmm6") _, out("xmm7") _, out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _,
                    out("xmm12") _, out("xmm13") _, out("xmm14") _, out("xmm15") _,
                    options(nomem, nostack)
                );
            }
        };
    }

    /// # Safety
    /// The machine has AVX2.
    unsafe fn avx2() {
        register_loop!(
            "vpmaddubsw ymm4, ymm15, ymm14" "vpmaddubsw ymm5, ymm15, ymm14"
            "vpmaddubsw ymm6, ymm15, ymm14" "vpmaddubsw ymm7, ymm15, ymm14"
            "vpmaddwd ymm4, ymm4, ymm13" "vpmaddwd ymm5, ymm5, ymm13"
            "vpmaddwd ymm6, ymm6, ymm13" "vpmaddwd ymm7, ymm7, ymm13"
            "vpaddd ymm0, ymm0, ymm4" "vpaddd ymm1, ymm1, ymm5"
            "vpaddd ymm2, ymm2, ymm6" "vpaddd ymm3, ymm3, ymm7"
        );
    }

    /// # Safety
    /// The machine has AVX-512 BW.
    unsafe fn avx512() {
        register_loop!(
            "vpmaddubsw zmm4, zmm15, zmm14" "vpmaddubsw zmm5, zmm15, zmm14"
            "vpmaddubsw zmm6, zmm15, zmm14" "vpmaddubsw zmm7, zmm15, zmm14"
            "vpmaddwd zmm4, zmm4, zmm13" "vpmaddwd zmm5, zmm5, zmm13"
            "vpmaddwd zmm6, zmm6, zmm13" "vpmaddwd zmm7, zmm7, zmm13"
            "vpaddd zmm0, zmm0, zmm4" "vpaddd zmm1, zmm1, zmm5"
            "vpaddd zmm2, zmm2, zmm6" "vpaddd zmm3, zmm3, zmm7"
        );
    }

    /// # Safety
    /// The machine has AVX-512 VNNI.
    unsafe fn avx512vnni() {
        register_loop!(
            "vpdpbusd zmm0, zmm15, zmm14" "vpdpbusd zmm1, zmm15, zmm14" "vpdpbusd zmm2, zmm15, zmm14"
            "vpdpbusd zmm3, zmm15, zmm14" "vpdpbusd zmm4, zmm15, zmm14" "vpdpbusd zmm5, zmm15, zmm14"
            "vpdpbusd zmm6, zmm15, zmm14" "vpdpbusd zmm7, zmm15, zmm14" "vpdpbusd zmm8, zmm15, zmm14"
            "vpdpbusd zmm9, zmm15, zmm14" "vpdpbusd zmm10, zmm15, zmm14" "vpdpbusd zmm11, zmm15, zmm14"
        );
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod peak {
    pub(crate) fn products_per_second(_isa: super::Isa) -> Option<f64> {
        None
    }
}
