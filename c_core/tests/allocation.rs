//! A decode allocates nothing once its decoder is warm.
//!
//! This executable defines `malloc` and its relatives, which the C code linked into it then calls; they count
//! and pass on to glibc. Elsewhere than on glibc there is nothing to pass on to, and the file is empty.
#![cfg(all(target_os = "linux", target_env = "gnu"))]

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::sync::Arc;

use outrider::{
    Basis, Circuit, CircuitFamily, Decoder, DecoderKind, DetectorErrorModel, GraphOptions, MatchingGraph,
    Override, Sampler, Shots, SurfaceCode,
};

#[test]
fn decoding_allocates_nothing_after_warm_up() {
    let model = memory(0.006);
    let shots = sample(&model, 3000);
    let quieter = sample(&memory(0.003), 3000);
    for kind in DecoderKind::ALL {
        let options = GraphOptions { correlations: kind.needs_correlations(), ..GraphOptions::default() };
        let graph = Arc::new(MatchingGraph::new(&model, &options).expect("a matchable model"));
        let before = allocations();
        let mut decoder = Decoder::new(graph, kind).expect("the graph suits the kind");
        assert!(allocations() > before, "{kind}: the counter sees no allocation at all");

        decode_all(&mut decoder, &shots);
        let before = allocations();
        decode_all(&mut decoder, &shots);
        decode_all(&mut decoder, &quieter);
        assert_eq!(allocations() - before, 0, "{kind}");
    }
}

/// Decodes every shot in each way there is.
fn decode_all(decoder: &mut Decoder, shots: &Shots) {
    let edge_count = decoder.graph().edge_count();
    let mut observables = [0];
    for (index, row) in shots.rows().enumerate() {
        decoder.decode(row, &[], &mut observables).expect("every shot matches");
        decoder.edges().expect("a shot was decoded");
        if decoder.kind() != DecoderKind::UnionFind {
            decoder.pairs().expect("a shot was decoded");
        }
        let overrides = [17, 4711, 31_337].map(|stride| Override {
            edge: ((index as u64 * stride) % u64::from(edge_count)) as u32,
            weight: (stride % 5) as i32 * 1000 - 2000,
        });
        decoder.decode(row, &overrides, &mut observables).expect("every shot matches");
    }
}

fn memory(p: f64) -> DetectorErrorModel {
    let circuit = Circuit::uniform(CircuitFamily::Stim, p);
    let code = SurfaceCode::memory(7, 7).basis(Basis::X).circuit(circuit).build().expect("valid options");
    code.model().expect("a small model")
}

fn sample(model: &DetectorErrorModel, count: usize) -> Shots {
    let mut sampler = Sampler::new(model, 11).expect("a small model");
    let (mut detectors, mut observables) = sampler.batches();
    sampler.sample(0, count, &mut detectors, &mut observables).expect("batches of the right width");
    detectors
}

thread_local! {
    /// Calls on this thread; constant and without a destructor, so that counting allocates nothing itself.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn allocations() -> u64 {
    ALLOCATIONS.get()
}

fn count() {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
}

unsafe extern "C" {
    fn __libc_malloc(bytes: usize) -> *mut c_void;
    fn __libc_calloc(count: usize, bytes: usize) -> *mut c_void;
    fn __libc_realloc(memory: *mut c_void, bytes: usize) -> *mut c_void;
    fn __libc_memalign(alignment: usize, bytes: usize) -> *mut c_void;
    fn __libc_free(memory: *mut c_void);
}

/// # Safety
/// As C's.
#[unsafe(no_mangle)]
unsafe extern "C" fn malloc(bytes: usize) -> *mut c_void {
    count();
    // SAFETY: the same contract.
    unsafe { __libc_malloc(bytes) }
}

/// # Safety
/// As C's.
#[unsafe(no_mangle)]
unsafe extern "C" fn calloc(members: usize, bytes: usize) -> *mut c_void {
    count();
    // SAFETY: the same contract.
    unsafe { __libc_calloc(members, bytes) }
}

/// # Safety
/// As C's.
#[unsafe(no_mangle)]
unsafe extern "C" fn realloc(memory: *mut c_void, bytes: usize) -> *mut c_void {
    count();
    // SAFETY: the same contract, and all memory here is glibc's.
    unsafe { __libc_realloc(memory, bytes) }
}

/// # Safety
/// As C's.
#[unsafe(no_mangle)]
unsafe extern "C" fn aligned_alloc(alignment: usize, bytes: usize) -> *mut c_void {
    count();
    // SAFETY: the same contract.
    unsafe { __libc_memalign(alignment, bytes) }
}

/// # Safety
/// As POSIX's.
#[unsafe(no_mangle)]
unsafe extern "C" fn posix_memalign(out: *mut *mut c_void, alignment: usize, bytes: usize) -> c_int {
    const ENOMEM: c_int = 12;
    count();
    // SAFETY: the same contract.
    let memory = unsafe { __libc_memalign(alignment, bytes) };
    if memory.is_null() {
        return ENOMEM;
    }
    // SAFETY: the caller vouches for `out`.
    unsafe { *out = memory };
    0
}

/// # Safety
/// As C's.
#[unsafe(no_mangle)]
unsafe extern "C" fn free(memory: *mut c_void) {
    // SAFETY: the same contract, and all memory here is glibc's.
    unsafe { __libc_free(memory) }
}
