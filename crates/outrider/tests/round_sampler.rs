//! Histories sampled layer by layer: the same however they are split, with the rates of the sampler of whole shots.

use outrider::{
    Circuit, CircuitFamily, DetectorErrorModel, RoundSampler, Sampler, SamplerOptions, Status, SurfaceCode,
};

fn memory(distance: u32, rounds: u32, noise: f64) -> DetectorErrorModel {
    let circuit = Circuit::uniform(CircuitFamily::Stim, noise);
    let surface = SurfaceCode::memory(distance, rounds).circuit(circuit).build().expect("a memory");
    surface.model().expect("a model")
}

fn sampler(model: &DetectorErrorModel) -> RoundSampler {
    RoundSampler::new(model, &SamplerOptions { seed: 5, ..SamplerOptions::default() }).expect("layers")
}

/// Every `period` layers other errors; the first and last layers have errors of their own.
fn cyclic(period: u32, layers: u32) -> DetectorErrorModel {
    let mut text = String::new();
    for layer in 0..layers {
        let (a, b) = (2 * layer, 2 * layer + 1);
        let p = 0.3 * f64::from(layer % period + 1) / f64::from(period);
        text += &format!("detector(0, 0, {layer}) D{a}\ndetector(2, 0, {layer}) D{b}\n");
        text +=
            &format!("error(0.02) D{a}\nerror(0.03) D{b} L0\nerror(0.1) D{a} D{b}\nerror(0.75) D{b} L1\n");
        if layer + 1 < layers {
            text += &format!("error({p}) D{a} D{} L1\n", a + 2);
        }
        if layer + 3 < layers {
            text += &format!("error(1e-3) D{b} D{}\n", b + 6);
        }
    }
    DetectorErrorModel::parse(&text).expect("a model")
}

type Layer = (Vec<u8>, u32, bool);

/// The layers that are left, and the observables that flipped.
fn rest(sampler: &mut RoundSampler) -> (Vec<Layer>, Vec<u8>) {
    let (mut layers, mut flips) = (Vec::new(), Vec::new());
    while let Some(layer) = sampler.next() {
        layers.push((layer.events.to_vec(), layer.detector_count, layer.is_last));
        flips = layer.observables.to_vec();
    }
    (layers, flips)
}

#[test]
fn a_layer_is_the_same_wherever_sampling_begins() {
    for (model, length) in [(memory(3, 12, 0.01), 1000), (cyclic(3, 20), 500), (cyclic(1, 20), 20)] {
        let mut whole = sampler(&model);
        whole.seek(7, 0, Some(length)).expect("a length");
        let (layers, flips) = rest(&mut whole);
        assert_eq!(layers.len() as u64, length);
        assert!(layers.iter().enumerate().all(|(at, layer)| layer.2 == (at as u64 + 1 == length)));
        let mut other = sampler(&model);
        for begin in [0, 1, 5, 63, 64, 65, 130, 200, length - 2, length - 1] {
            if begin < length {
                other.seek(7, begin, Some(length)).expect("a place");
                assert_eq!(rest(&mut other).0, layers[begin as usize..], "from layer {begin}");
            }
        }
        // Observables add up, wherever a history is cut.
        let cut = length / 3;
        other.seek(7, 0, Some(length)).expect("a place");
        let mut head = Vec::new();
        for _ in 0..cut {
            head = other.next().expect("a layer").observables.to_vec();
        }
        other.seek(7, cut, Some(length)).expect("a place");
        let tail = rest(&mut other).1;
        assert_eq!(head.iter().zip(&tail).map(|(a, b)| a ^ b).collect::<Vec<_>>(), flips);
        // Another history is another one.
        other.seek(8, 0, Some(length)).expect("a place");
        assert_ne!(rest(&mut other).0, layers);
    }
}

#[test]
fn the_end_may_be_chosen_while_the_history_runs() {
    for (model, given) in [(memory(3, 12, 0.01), 100), (memory(3, 12, 0.01), 0), (cyclic(3, 20), 77)] {
        let mut sampler = sampler(&model);
        let mut begin = Vec::new();
        for _ in 0..given {
            let layer = sampler.next().expect("a layer");
            assert!(!layer.is_last);
            begin.push((layer.events.to_vec(), layer.detector_count, false));
        }
        let end = sampler.earliest_end();
        assert!(end > given && end < given + 30);
        assert_eq!(sampler.end(end - 1).expect_err("too short").status(), Some(Status::Argument));
        sampler.end(end).expect("the earliest end");
        assert_eq!(sampler.end(end).expect_err("known").status(), Some(Status::Argument));
        let (layers, flips) = rest(&mut sampler);
        begin.extend(layers);
        sampler.seek(0, 0, Some(end)).expect("a length");
        assert_eq!(rest(&mut sampler), (begin, flips));
    }
}

/// How often each detector fires with each observable, and each two neighbouring detectors fire together.
fn counts(rows: &[Vec<bool>], detectors: usize) -> Vec<u32> {
    let mut counts = Vec::new();
    for detector in 0..detectors {
        let others = [detector, (detector + 1) % detectors, (detector + 8) % detectors].into_iter();
        for other in others.chain(detectors..rows[0].len()) {
            counts.push(rows.iter().filter(|row| row[detector] && row[other]).count() as u32);
        }
    }
    counts
}

#[test]
fn rates_are_those_of_whole_shots() {
    const SHOTS: usize = 20_000;
    for model in [memory(3, 8, 0.02), cyclic(2, 12)] {
        let (detectors, observables) = (model.detector_count() as usize, model.observable_count() as usize);
        let bits = |bytes: &[u8], count: usize| -> Vec<bool> {
            (0..count).map(|bit| bytes[bit / 8] >> (bit % 8) & 1 == 1).collect()
        };
        let mut shots = Sampler::new(&model, 3).expect("a sampler");
        let (mut events, mut flips) = shots.batches();
        shots.sample(0, SHOTS, &mut events, &mut flips).expect("shots");
        let whole: Vec<Vec<bool>> = events
            .rows()
            .zip(flips.rows())
            .map(|(events, flips)| [bits(events, detectors), bits(flips, observables)].concat())
            .collect();
        let mut sampler = sampler(&model);
        let layered: Vec<Vec<bool>> = (0..SHOTS as u64)
            .map(|history| {
                sampler.seek(history, 0, Some(sampler.layer_count().into())).expect("the model's length");
                let (layers, flips) = rest(&mut sampler);
                let mut row: Vec<bool> =
                    layers.iter().flat_map(|layer| bits(&layer.0, layer.1 as usize)).collect();
                assert_eq!(row.len(), detectors);
                row.extend(bits(&flips, observables));
                row
            })
            .collect();
        for (place, (a, b)) in
            counts(&whole, detectors).into_iter().zip(counts(&layered, detectors)).enumerate()
        {
            let (a, b) = (f64::from(a), f64::from(b));
            assert!((a - b).abs() < 6.0 * (a + b + 1.0).sqrt(), "count {place}: {a} and {b}");
        }
    }
}

#[test]
fn rates_of_a_long_history_are_those_of_the_bulk() {
    let model = memory(3, 8, 0.02);
    let rate = |sampler: &mut RoundSampler, layers: std::ops::Range<u64>| {
        let mut events = 0;
        for _ in 0..layers.end {
            let layer = sampler.next().expect("a layer");
            events += layer.events.iter().map(|byte| byte.count_ones()).sum::<u32>();
        }
        f64::from(events) / (layers.end - layers.start) as f64
    };
    let mut sampler = sampler(&model);
    let long = rate(&mut sampler, 0..200_000);
    let mut middles = 0;
    for history in 0..40_000 {
        sampler.seek(history, 4, Some(9)).expect("a place");
        let layer = sampler.next().expect("a layer");
        middles += layer.events.iter().map(|byte| byte.count_ones()).sum::<u32>();
    }
    let middle = f64::from(middles) / 40_000.0;
    assert!((long - middle).abs() < 0.02 * long, "{long} and {middle} events a layer");
}

#[test]
fn models_without_layers_are_refused() {
    let refused = |text: &str| {
        let model = DetectorErrorModel::parse(text).expect("a model");
        RoundSampler::new(&model, &SamplerOptions::default()).expect_err(text).to_string()
    };
    assert!(refused("error(0.1) D0\n").contains("has no coordinates"));
    assert!(refused("detector(0, 0, 0) D0\nerror(0.1) D0\nerror(0.1) L0\n").contains("happens in no round"));
    let model = DetectorErrorModel::parse("detector(0, 0, 0) D0\nerror(0.5) D0\n").expect("a model");
    let mut single = sampler(&model);
    assert_eq!(single.period(), None);
    assert_eq!(single.seek(0, 0, Some(2)).expect_err("a length").status(), Some(Status::Argument));
    assert_eq!(single.seek(0, 1, None).expect_err("beyond").status(), Some(Status::Argument));
    assert_eq!(rest(&mut single).0.len(), 1);
}
