//! The hot loops, per instruction set: `kernel/<slot>/<isa>/<size>`, with throughput.
//!
//! Buffers start at an odd address, as rows of shots do.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use outrider::{Isa, Kernels};

criterion_group!(benches, bit_indices, transpose, xor_words, count_bits, digits, random, scan_arcs);
criterion_main!(benches);

/// Detectors per shot: d = 5, 13 and 21 with as many rounds.
const SHOT_BITS: [usize; 3] = [120, 2184, 9240];
const WORDS: [usize; 3] = [16, 256, 4096];
/// Arcs of a node: a corner, the bulk of a surface code, and the most.
const ARCS: [u64; 3] = [4, 12, 64];
/// One set bit in this many: shots at p = 0.003.
const SPARSITY: u64 = 50;

fn bit_indices(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kernel/bit_indices");
    for (isa, kernels) in tables() {
        for bit_count in SHOT_BITS {
            let bits = sparse_bytes(bit_count.div_ceil(8) + 1);
            let mut indices = vec![0; bit_count + Kernels::BIT_INDICES_SLACK];
            group.throughput(Throughput::Bytes(bit_count.div_ceil(8) as u64));
            group.bench_function(BenchmarkId::new(isa.name(), bit_count), |bencher| {
                bencher.iter(|| kernels.bit_indices(black_box(&bits[1..]), bit_count, &mut indices));
            });
        }
    }
}

fn transpose(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kernel/transpose_64x64");
    group.throughput(Throughput::Bytes(512));
    for (isa, kernels) in tables() {
        let mut random = 1;
        let mut rows = std::array::from_fn(|_| next_random(&mut random));
        group.bench_function(BenchmarkId::new(isa.name(), 64), |bencher| {
            bencher.iter(|| kernels.transpose_64x64(black_box(&mut rows)));
        });
    }
}

fn xor_words(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kernel/xor_words");
    for (isa, kernels) in tables() {
        for count in WORDS {
            let source = words(count);
            let mut target = words(count);
            group.throughput(Throughput::Bytes(16 * count as u64));
            group.bench_function(BenchmarkId::new(isa.name(), count), |bencher| {
                bencher.iter(|| kernels.xor_words(black_box(&mut target), black_box(&source)));
            });
        }
    }
}

fn count_bits(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kernel/count_bits");
    for (isa, kernels) in tables() {
        for count in WORDS {
            let words = words(count);
            group.throughput(Throughput::Bytes(8 * count as u64));
            group.bench_function(BenchmarkId::new(isa.name(), count), |bencher| {
                bencher.iter(|| kernels.count_bits(black_box(&words)));
            });
        }
    }
}

fn digits(criterion: &mut Criterion) {
    for (isa, kernels) in tables() {
        for bit_count in SHOT_BITS {
            let mut bits = sparse_bytes(bit_count.div_ceil(8));
            let mut digits = vec![b'0'; bit_count + 1];
            let mut group = criterion.benchmark_group("kernel/bits_to_digits");
            group.throughput(Throughput::Bytes(bits.len() as u64));
            group.bench_function(BenchmarkId::new(isa.name(), bit_count), |bencher| {
                bencher.iter(|| kernels.bits_to_digits(black_box(&bits), &mut digits[1..]));
            });
            group.finish();
            let mut group = criterion.benchmark_group("kernel/digits_to_bits");
            group.throughput(Throughput::Bytes(bit_count as u64));
            group.bench_function(BenchmarkId::new(isa.name(), bit_count), |bencher| {
                bencher.iter(|| kernels.digits_to_bits(black_box(&digits[1..]), &mut bits));
            });
            group.finish();
        }
    }
}

fn random(criterion: &mut Criterion) {
    const LANES: usize = Kernels::RANDOM_LANES;
    for (isa, kernels) in tables() {
        let mut group = criterion.benchmark_group("kernel/random_words");
        group.throughput(Throughput::Elements(2 * LANES as u64));
        let mut words = [0; 2 * LANES];
        group.bench_function(BenchmarkId::new(isa.name(), 2 * LANES), |bencher| {
            bencher.iter(|| kernels.random_words(black_box(1), 2, 0, &mut words));
        });
        group.finish();
        let mut group = criterion.benchmark_group("kernel/geometric_skips");
        group.throughput(Throughput::Elements(LANES as u64));
        let mut uniform = [0; LANES];
        uniform.copy_from_slice(&words[..LANES]);
        let mut skips = [0; LANES];
        group.bench_function(BenchmarkId::new(isa.name(), LANES), |bencher| {
            bencher.iter(|| kernels.geometric_skips(black_box(&uniform), 500.0, &mut skips));
        });
        group.finish();
    }
}

fn scan_arcs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kernel/scan_arcs");
    for (isa, kernels) in tables() {
        for count in ARCS {
            let bits = words(WORDS[0]);
            let mut random = 1;
            let mut below = |bound: u64| (next_random(&mut random) % bound) as u32;
            let arcs: Vec<[u32; 2]> =
                (0..count).map(|_| [below(64 * bits.len() as u64), below(1000)]).collect();
            group.throughput(Throughput::Elements(count));
            group.bench_function(BenchmarkId::new(isa.name(), count), |bencher| {
                bencher.iter(|| kernels.scan_arcs(black_box(&arcs), black_box(&bits)));
            });
        }
    }
}

fn tables() -> impl Iterator<Item = (Isa, Kernels)> {
    Isa::available().filter_map(|isa| Some((isa, Kernels::new(isa)?)))
}

fn sparse_bytes(count: usize) -> Vec<u8> {
    let mut random = 1;
    let mut bit = || next_random(&mut random).is_multiple_of(SPARSITY);
    (0..count).map(|_| (0..8).fold(0, |byte, shift| byte | u8::from(bit()) << shift)).collect()
}

fn words(count: usize) -> Vec<u64> {
    let mut random = 1;
    (0..count).map(|_| next_random(&mut random)).collect()
}

/// SplitMix64.
fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
