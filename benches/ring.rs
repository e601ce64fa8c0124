//! The shared-memory ring, both ends spinning: `ring/<way>/<bytes of a message>`.
//!
//! `copy` pushes and pops on one thread: what the ring itself costs. `stream` receives what another thread
//! sends without pause, `round-trip` sends to a thread that sends back. These two need two idle cores, pinned
//! for steady numbers (`taskset -c 2,3 cargo bench --bench ring`); on one core, spinning threads measure the
//! scheduler.

use std::thread;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use outrider_ring::{Consumer, Error, Producer, Ring, Wait};

criterion_group!(benches, ring);
criterion_main!(benches);

const MESSAGE_BYTES: [usize; 2] = [64, 1024];
const CAPACITY_BYTES: u64 = 1 << 16;
const PATIENCE: Duration = Duration::from_secs(100);

fn ring(criterion: &mut Criterion) {
    for bytes in MESSAGE_BYTES {
        copy(criterion, bytes).unwrap_or_else(|error| panic!("copy, {bytes} bytes: {error}"));
        stream(criterion, bytes).unwrap_or_else(|error| panic!("stream, {bytes} bytes: {error}"));
        round_trip(criterion, bytes).unwrap_or_else(|error| panic!("round trip, {bytes} bytes: {error}"));
    }
}

fn copy(criterion: &mut Criterion, bytes: usize) -> Result<(), Error> {
    let (mut producer, mut consumer) = ends()?;
    let message = vec![1; bytes];
    bench(criterion, "copy", bytes, || {
        producer.try_push(&message)?;
        consumer.try_pop().map(|received| received.map_or(0, <[u8]>::len))
    });
    Ok(())
}

fn stream(criterion: &mut Criterion, bytes: usize) -> Result<(), Error> {
    let (mut producer, mut consumer) = ends()?;
    let message = vec![1; bytes];
    let sender = thread::spawn(move || while producer.push(&message, PATIENCE).is_ok() {});
    bench(criterion, "stream", bytes, || receive(&mut consumer));
    drop(consumer);
    sender.join().expect("the sender does not panic");
    Ok(())
}

fn round_trip(criterion: &mut Criterion, bytes: usize) -> Result<(), Error> {
    let (mut ask, mut asked) = ends()?;
    let (mut answer, mut answered) = ends()?;
    let echo = thread::spawn(move || {
        while let Ok(Some(message)) = asked.pop(PATIENCE) {
            if answer.push(message, PATIENCE).is_err() {
                break;
            }
        }
    });
    let message = vec![1; bytes];
    bench(criterion, "round-trip", bytes, || {
        ask.push(&message, PATIENCE)?;
        receive(&mut answered)
    });
    drop(ask);
    echo.join().expect("the echo does not panic");
    Ok(())
}

fn bench(
    criterion: &mut Criterion,
    way: &str,
    bytes: usize,
    mut exchange: impl FnMut() -> Result<usize, Error>,
) {
    let mut group = criterion.benchmark_group("ring");
    group.throughput(Throughput::Bytes(bytes as u64));
    group.bench_function(BenchmarkId::new(way, bytes), |bencher| {
        bencher.iter(|| assert_eq!(exchange().expect("the other thread lives"), bytes));
    });
}

fn receive(consumer: &mut Consumer) -> Result<usize, Error> {
    consumer.pop(PATIENCE).map(|received| received.map_or(0, <[u8]>::len))
}

fn ends() -> Result<(Producer, Consumer), Error> {
    let ring = Ring::create(CAPACITY_BYTES)?;
    Ok((ring.producer(Wait::Spin)?, ring.consumer(Wait::Spin)?))
}
