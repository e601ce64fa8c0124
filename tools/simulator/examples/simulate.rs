//! Runs seeds of the simulator, on as many threads as there are processors.
fn main() {
    let mut args = std::env::args().skip(1).map(|a| a.parse::<u64>().unwrap());
    let (a, b) = (args.next().unwrap(), args.next().unwrap());
    let trace = args.next().is_some();
    let start = std::time::Instant::now();
    let mut tally = outrider_simulator::Tally::default();
    let mut events = 0;
    for seed in a..b {
        let outcome = outrider_simulator::run(seed, outrider_simulator::RunOptions { keeps_trace: trace, sabotage: None });
        tally.add(&outcome.tally);
        events += outcome.events;
        if trace { for line in outcome.trace { println!("{line}"); } }
        if let Some(f) = outcome.failure { println!("seed {seed}: {f}"); }
    }
    for (n, c) in tally.rows() { println!("{n}: {c}"); }
    println!("{:?} {} events", start.elapsed(), events);
}
