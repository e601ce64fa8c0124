//! Workers: many patches at once, what is made in advance, and what goes wrong on a thread.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use outrider::{
    CellBook, Circuit, CircuitFamily, DecoderOptions, DetectorErrorModel, Error, Patch, PatchKey,
    PatchOptions, PatchPredecoder, PlanOptions, Predecoder, PredecoderUse, Rule, RuleOptions, Status,
    SurfaceCode, Times, Wait, Workers, WorkersOptions, clock_ns,
};

const LAYERS: u64 = 150;

fn model(distance: u32) -> DetectorErrorModel {
    let circuit = Circuit::uniform(CircuitFamily::Stim, 0.004);
    SurfaceCode::memory(distance, 40).circuit(circuit).build().unwrap().model().unwrap()
}

fn patch(distance: u32, plan: PlanOptions) -> Arc<Patch> {
    Arc::new(Patch::new(&model(distance), &PatchOptions::new(plan)).unwrap())
}

fn options(count: usize, wait: Wait) -> WorkersOptions {
    WorkersOptions { count, wait, ..WorkersOptions::default() }
}

/// A patch whose pre-decoders count how many of them are made, and are not made any more once `fails` is set.
fn counting_patch(made: &Arc<AtomicUsize>, fails: &Arc<AtomicBool>) -> Arc<Patch> {
    let model = Arc::new(model(3));
    let (own, made, fails) = (Arc::clone(&model), Arc::clone(made), Arc::clone(fails));
    let make = Arc::new(move |graph: &Arc<_>| {
        assert!(!fails.load(Ordering::Relaxed), "told to fail");
        made.fetch_add(1, Ordering::Relaxed);
        Predecoder::rule(Arc::clone(graph), &own, &RuleOptions::new(Rule::Clique))
    });
    let options = PatchOptions {
        decoder: DecoderOptions { predecoder_use: PredecoderUse::Soft, ..DecoderOptions::default() },
        predecoder: Some(PatchPredecoder { make, digest: [0; 32] }),
        ..PatchOptions::new(PlanOptions { context: 2, ..PlanOptions::parallel(3) })
    };
    Arc::new(Patch::new(&model, &options).unwrap())
}

/// A history of a patch, with an event every few detectors.
struct Run {
    key: PatchKey,
    books: CellBook,
    pushed: u64,
    layers: u64,
}

impl Run {
    fn new(patch: &Patch, key: PatchKey, layers: u64) -> Self {
        let plan = Arc::clone(patch.plan());
        let books = CellBook::new(Arc::clone(&plan), CellBook::layers_needed(&plan)).unwrap();
        Self { key, books, pushed: 0, layers }
    }

    /// Pushes layers and gives cells, as far as there is room.
    fn go_on(&mut self, workers: &mut Workers, tag: u64) {
        while self.books.state().room > 0 && self.pushed < self.layers {
            let last = (self.pushed + 1 == self.layers).then_some(self.layers);
            let bits = self.books.plan().layer_detectors(self.pushed, last);
            let mut layer = vec![0; bits.div_ceil(8) as usize];
            let noisy = (self.pushed * 7 % 11) as usize;
            if noisy < bits as usize {
                layer[noisy / 8] |= 1 << (noisy % 8);
            }
            self.books.push(&layer, bits, last.is_some()).unwrap();
            self.pushed += 1;
        }
        while workers.has_room() {
            let Some(cell) = self.books.next() else { break };
            let input = self.books.input(cell.number).unwrap();
            assert!(workers.give(self.key, tag, &cell, input.events, input.marks));
        }
    }

    fn is_finished(&self) -> bool {
        self.books.state().is_finished
    }
}

/// Decides histories of all patches at once, and tells the observables and what the time stamps were.
fn decide(workers: &mut Workers, runs: &mut [Run]) -> (Vec<Vec<u8>>, Vec<Times>) {
    let mut times = Vec::new();
    while !runs.iter().all(Run::is_finished) {
        for (tag, run) in runs.iter_mut().enumerate() {
            run.go_on(workers, tag as u64);
        }
        while let Some(finished) = workers.finished() {
            times.push(finished.times);
            let commit = finished.result.unwrap();
            runs[finished.tag as usize].books.commit(finished.cell.number, &commit).unwrap();
        }
    }
    (runs.iter().map(|run| run.books.state().observables.to_vec()).collect(), times)
}

#[test]
fn patches_share_workers_and_do_not_disturb_each_other() {
    let patches = [
        patch(3, PlanOptions::parallel(3)),
        patch(5, PlanOptions::forward(5)),
        patch(3, PlanOptions::forward(2)),
    ];
    let alone: Vec<_> = patches
        .iter()
        .map(|patch| {
            let mut workers = Workers::new(&WorkersOptions::default()).unwrap();
            let key = workers.add(Arc::clone(patch)).unwrap();
            decide(&mut workers, &mut [Run::new(patch, key, LAYERS)]).0.remove(0)
        })
        .collect();
    for (count, wait) in [(0, Wait::Block), (1, Wait::Spin), (2, Wait::SpinThenYield), (3, Wait::Block)] {
        let mut workers = Workers::new(&options(count, wait)).unwrap();
        let before = clock_ns();
        let mut runs: Vec<_> = patches
            .iter()
            .map(|patch| Run::new(patch, workers.add(Arc::clone(patch)).unwrap(), LAYERS))
            .collect();
        let (together, times) = decide(&mut workers, &mut runs);
        assert_eq!(together, alone, "{count} {wait:?}");
        for Times { dispatched_ns, started_ns, ended_ns } in times {
            assert!(before <= dispatched_ns && dispatched_ns <= started_ns && started_ns <= ended_ns);
            assert!(ended_ns <= clock_ns());
        }
    }
}

#[test]
fn everything_is_made_in_advance_wherever_a_history_ends() {
    let (made, fails) = (Arc::default(), Arc::default());
    let patch = counting_patch(&made, &fails);
    let mut workers = Workers::new(&options(1, Wait::default())).unwrap();
    let key = workers.add(Arc::clone(&patch)).unwrap();
    let in_advance = made.load(Ordering::Relaxed);
    assert!(in_advance < 40, "{in_advance} decoders for a stride of six layers");
    let shortest = patch.plan().layers_min().unwrap();
    for layers in shortest..shortest + 3 * u64::from(patch.plan().stride()) {
        decide(&mut workers, &mut [Run::new(&patch, key, layers)]);
    }
    assert_eq!(made.load(Ordering::Relaxed), in_advance);
}

#[test]
fn a_worker_that_panics_fails_its_cell_and_goes_on() {
    let (made, fails): (_, Arc<AtomicBool>) = (Arc::default(), Arc::default());
    let patch = counting_patch(&made, &fails);
    // A cell that does not come up in this plan, so that a decoder has to be made for it.
    let other = PlanOptions { context: 2, buffer: 2, ..PlanOptions::parallel(3) };
    let foreign = Patch::new(&model(3), &PatchOptions::new(other)).unwrap().plan().cell(4, None).unwrap();
    let cell = patch.plan().cell(4, None).unwrap();
    for count in [0, 1] {
        let mut workers = Workers::new(&options(count, Wait::Block)).unwrap();
        let key = workers.add(Arc::clone(&patch)).unwrap();
        let healthy = workers.add(Arc::clone(&patch)).unwrap();
        fails.store(true, Ordering::Relaxed);
        let expected = [
            (key, &foreign, Some("told to fail")),
            (key, &cell, Some("panicked before")),
            (healthy, &cell, None),
        ];
        for (tag, (key, cell, message)) in expected.into_iter().enumerate() {
            assert!(workers.give(key, tag as u64, cell, &[], &[]));
            match (wait(&mut workers, tag as u64), message) {
                (Ok(()), None) => {}
                (Err(Error::Panic { message: found }), Some(message)) if found.contains(message) => {}
                other => panic!("{other:?}"),
            }
        }
        fails.store(false, Ordering::Relaxed);
    }
}

/// Waits for the next finished cell, which is that of this tag.
fn wait(workers: &mut Workers, tag: u64) -> Result<(), Error> {
    loop {
        if let Some(finished) = workers.finished() {
            assert_eq!(finished.tag, tag);
            return finished.result.map(|_| ());
        }
        thread::yield_now();
    }
}

#[test]
fn a_removed_patch_gets_no_more_answers() {
    let patch = patch(3, PlanOptions::parallel(3));
    let cell = patch.plan().cell(0, None).unwrap();
    for count in [0, 1] {
        let mut workers = Workers::new(&options(count, Wait::Block)).unwrap();
        let key = workers.add(Arc::clone(&patch)).unwrap();
        assert!(workers.give(key, 0, &cell, &[], &[]));
        workers.remove(key);
        assert!(workers.give(key, 1, &cell, &[], &[]));
        assert!(wait(&mut workers, 0).is_ok(), "it was given before");
        assert_eq!(wait(&mut workers, 1).map_err(|error| error.status()), Err(Some(Status::Argument)));
        assert_ne!(workers.add(Arc::clone(&patch)).unwrap(), key);
    }
}

#[test]
fn there_is_room_until_there_is_not() {
    let patch = patch(3, PlanOptions::parallel(3));
    let cell = patch.plan().cell(0, None).unwrap();
    let mut workers = Workers::new(&options(2, Wait::Block)).unwrap();
    let key = workers.add(patch).unwrap();
    // Slots are free again when cells are taken back, not when they are decided.
    let given = (0..100).take_while(|&tag| workers.give(key, tag, &cell, &[], &[])).count();
    assert!(given > 2 && given < 100 && !workers.has_room());
    let mut tags = BTreeMap::new();
    while tags.len() < given {
        match workers.finished() {
            Some(finished) => assert!(tags.insert(finished.tag, ()).is_none()),
            None => thread::yield_now(),
        }
    }
    assert!(workers.finished().is_none() && workers.has_room());
}

#[test]
fn workers_wake_whoever_waits() {
    let patch = patch(3, PlanOptions::parallel(3));
    let cell = patch.plan().cell(0, None).unwrap();
    for count in [0, 2] {
        let mut workers = Workers::new(&options(count, Wait::Block)).unwrap();
        let key = workers.add(Arc::clone(&patch)).unwrap();
        let waiting = thread::current();
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&calls);
        workers.set_waker(Arc::new(move || {
            counter.fetch_add(1, Ordering::Relaxed);
            waiting.unpark();
            panic!("a waker that panics stops nobody");
        }));
        for tag in 0..10 {
            assert!(workers.give(key, tag, &cell, &[], &[]));
            while workers.finished().is_none() {
                thread::park();
            }
        }
        drop(workers);
        assert_eq!(calls.load(Ordering::Relaxed), 10);
    }
}

#[test]
fn workers_that_cannot_be_had_are_refused() {
    let refusal = |options: &WorkersOptions| Workers::new(options).map_err(|error| error.status()).err();
    assert_eq!(refusal(&options(257, Wait::Block)), Some(Some(Status::Limit)));
    if cfg!(target_os = "linux") {
        for core in [1023, 1024, usize::MAX] {
            let cores = WorkersOptions { cores: vec![core], ..options(2, Wait::Block) };
            assert_eq!(refusal(&cores), Some(Some(Status::Argument)), "{core}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn workers_stay_on_their_cores() {
    let allowed = rustix::thread::sched_getaffinity(None).unwrap();
    let core = (0..rustix::thread::CpuSet::MAX_CPU).find(|&core| allowed.is_set(core)).unwrap();
    let patch = patch(3, PlanOptions::parallel(3));
    let cell = patch.plan().cell(0, None).unwrap();
    let mut workers = Workers::new(&WorkersOptions { cores: vec![core], ..options(2, Wait::Block) }).unwrap();
    let key = workers.add(patch).unwrap();
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&seen);
    workers.set_waker(Arc::new(move || {
        let own = rustix::thread::sched_getaffinity(None).unwrap();
        counter.fetch_add(usize::from(own.count() == 1 && own.is_set(core)), Ordering::Relaxed);
    }));
    for tag in 0..2 {
        assert!(workers.give(key, tag, &cell, &[], &[]));
    }
    drop(workers);
    assert_eq!(seen.load(Ordering::Relaxed), 2);
}
