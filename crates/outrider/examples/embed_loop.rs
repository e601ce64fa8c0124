//! A decoder inside a control loop, one shot at a time, with weights that change from shot to shot.
//!
//! The pretend processor heralds erasures: in every shot it names a few edges that were hit by an error with
//! probability 1/2. Telling the decoder so (weight ln((1-p)/p) = 0) costs one override per erasure.
//!
//!     cargo run --release --example embed_loop

use std::sync::Arc;

use outrider::{
    Circuit, CircuitFamily, Decoder, DecoderKind, GraphOptions, MatchingGraph, Override, Sampler, SurfaceCode,
};

const SHOTS: u64 = 20_000;
const ERASURES: usize = 24;

fn main() -> Result<(), outrider::Error> {
    let circuit = Circuit::uniform(CircuitFamily::Stim, 0.002);
    let model = SurfaceCode::memory(5, 5).circuit(circuit).build()?.model()?;
    let graph = Arc::new(MatchingGraph::new(&model, &GraphOptions::default())?);
    let mut decoder = Decoder::new(Arc::clone(&graph), DecoderKind::Mwpm)?;
    let mut processor = Processor { sampler: Sampler::new(&model, 1)?, random: 1 };

    let mut overrides = Vec::with_capacity(ERASURES);
    let mut prediction = vec![0; graph.observable_bytes()];
    let (mut mistakes_blind, mut mistakes_told) = (0, 0);
    for shot in 0..SHOTS {
        let (detectors, observables) = processor.measure(shot, &graph, &mut overrides)?;

        decoder.decode(&detectors, &[], &mut prediction)?;
        mistakes_blind += u64::from(prediction != observables);
        decoder.decode(&detectors, &overrides, &mut prediction)?;
        mistakes_told += u64::from(prediction != observables);
    }
    println!("{SHOTS} shots with {ERASURES} erasures each");
    println!("mistakes without heralds: {mistakes_blind}");
    println!("mistakes with heralds:    {mistakes_told}");
    Ok(())
}

/// Stands for the hardware: the sampler's noise, and erasures on top.
struct Processor {
    sampler: Sampler,
    random: u64,
}

impl Processor {
    /// The detectors and observables of a shot, and the heralded edges as overrides.
    fn measure(
        &mut self,
        shot: u64,
        graph: &MatchingGraph,
        heralds: &mut Vec<Override>,
    ) -> Result<(Vec<u8>, Vec<u8>), outrider::Error> {
        let (mut detectors, mut observables) = self.sampler.batches();
        self.sampler.sample(shot, 1, &mut detectors, &mut observables)?;
        let (mut detectors, mut observables) = (detectors.row(0).to_vec(), observables.row(0).to_vec());
        heralds.clear();
        for _ in 0..ERASURES {
            let random = self.next_random();
            let index = (random % u64::from(graph.edge_count())) as u32;
            heralds.push(Override { edge: index, weight: 0 });
            if random >> 63 == 1 {
                let edge = graph.edge(index)?;
                flip(&mut detectors, edge.node1);
                edge.node2.into_iter().for_each(|node| flip(&mut detectors, node));
                edge.observables.iter().for_each(|&observable| flip(&mut observables, observable));
            }
        }
        Ok((detectors, observables))
    }

    /// SplitMix64.
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

fn flip(bits: &mut [u8], index: u32) {
    bits[index as usize / 8] ^= 1 << (index % 8);
}
