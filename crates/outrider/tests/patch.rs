//! Patches: references that are long enough, and their digests.

use std::sync::Arc;

use outrider::{
    Axis, Basis, Circuit, CircuitFamily, DecoderKind, DecoderOptions, DetectorErrorModel, Isa,
    LikelihoodOptions, Network, Patch, PatchOptions, PatchPredecoder, PlanOptions, RowLayout, Rows, Rule,
    SurfaceCode, TrellisBudget,
};

const NETWORK: &[u8] = include_bytes!("../../../models/event-stim.safetensors");

fn memory(distance: u32, basis: Basis, family: CircuitFamily, rounds: u32) -> DetectorErrorModel {
    let circuit = Circuit::uniform(family, 0.002);
    SurfaceCode::memory(distance, rounds).basis(basis).circuit(circuit).build().unwrap().model().unwrap()
}

#[test]
fn a_memory_of_reference_rounds_serves_histories_of_any_length() {
    let rows = |layout| Some(Rows { width: 4, axis: Axis::X, pitch: 2.0, layout });
    for distance in [3, 5, 7] {
        let parallel = PlanOptions::parallel(distance);
        for plan in [
            parallel,
            PlanOptions::forward(distance),
            PlanOptions { spacing: 1, ..parallel },
            PlanOptions { buffer: 2, context: 9, ..parallel },
            PlanOptions { spacing: 3 * distance, cell_layers: 1, ..parallel },
            PlanOptions { spacing: 0, rows: rows(RowLayout::Chessboard), ..parallel },
            PlanOptions { spacing: 0, cell_layers: 2 * distance, rows: rows(RowLayout::Brick), ..parallel },
        ] {
            for (basis, family) in [
                (Basis::Z, CircuitFamily::Stim),
                (Basis::X, CircuitFamily::Stim),
                (Basis::X, CircuitFamily::Paper),
                (Basis::Z, CircuitFamily::PaperPublished),
            ] {
                let model = memory(distance, basis, family, plan.reference_rounds());
                let patch = Patch::new(&model, &PatchOptions::new(plan)).unwrap();
                assert!(patch.plan().layers_min().is_some(), "{distance} {plan:?} {basis:?} {family:?}");
            }
        }
    }
}

#[test]
fn digests_stay_what_they_are() {
    let text = "error(0.1) D0 L0\nerror(0.1) D0 D1\nerror(0.1) D1 D2\nerror(0.25) D2 D3\nerror(0.1) D3\n\
                detector(0, 0, 0) D0\ndetector(0, 0, 1) D1\ndetector(0, 0, 2) D2\ndetector(0, 0, 3) D3\n";
    let plan = PlanOptions { cell_layers: 2, spacing: 1, ..PlanOptions::parallel(2) };
    let decoder = DecoderOptions { kind: DecoderKind::UnionFind, ..DecoderOptions::default() };
    let patch = |text: &str| {
        let model = DetectorErrorModel::parse(text).unwrap();
        Patch::new(&model, &PatchOptions { decoder, ..PatchOptions::new(plan) }).unwrap()
    };
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    // SHA-256 of "outrider plan 2\ncommit 2 gap 1 buffer 2 context 0\ndecoder union-find 0\n".
    let open = patch(&format!("{text}error(0.1) D1\nerror(0.1) D2\n"));
    assert!(!open.plan().is_reordered());
    assert_eq!(hex(open.plan_digest()), "f66211152058a748f921c3a8c53a7d7c1948173505111efa8c6504307c3b81bf");
    // With the line "one after the other" before that of the decoder.
    let reordered = patch(text);
    assert!(reordered.plan().is_reordered(), "D2 reaches a boundary in time alone");
    assert_eq!(
        hex(reordered.model_digest()),
        "72140411983ae8b23b5232669e3ff39429ad80efaa459207be50178eb758971f"
    );
    assert_eq!(
        hex(reordered.plan_digest()),
        "fbcbb81dd02409224f3bd3b5676bcf50ce0c7053bd78166b9bafe056fcb79896"
    );
}

/// What decides is part of the digest, what only ratios show is not.
#[test]
fn digests_have_the_options_of_likelihood() {
    let model = memory(3, Basis::Z, CircuitFamily::Stim, 60);
    let digest = |kind, likelihood| {
        let decoder = DecoderOptions { kind, likelihood, ..DecoderOptions::default() };
        *Patch::new(&model, &PatchOptions { decoder, ..PatchOptions::new(PlanOptions::parallel(3)) })
            .unwrap()
            .plan_digest()
    };
    let usual = LikelihoodOptions::default();
    let of = |likelihood| digest(DecoderKind::Likelihood, likelihood);
    let budget = |cutoff, states_max| TrellisBudget { cutoff, states_max };
    let mut digests = [
        usual,
        LikelihoodOptions { sure_gap: 11.0, ..usual },
        LikelihoodOptions { sure_mean: 4.0, ..usual },
        LikelihoodOptions { likely_weight: 5.0, ..usual },
        LikelihoodOptions { iterations: 2, ..usual },
        LikelihoodOptions { budget: budget(1e-3, 500), ..usual },
        LikelihoodOptions { budget: budget(1e-12, 501), ..usual },
        LikelihoodOptions { gap_share: 0.5, ..usual },
        LikelihoodOptions { deep_ratio: 2.0, ..usual },
        LikelihoodOptions { deep_members: 4, ..usual },
        LikelihoodOptions { deep_budget: budget(1e-3, 2000), ..usual },
        LikelihoodOptions { deep_budget: budget(1e-12, 2001), ..usual },
    ]
    .map(of)
    .to_vec();
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), 12);
    let shown = LikelihoodOptions { gap_slope: 1.0, sum_slope: 1.0, isa: Isa::Portable, ..usual };
    assert_eq!(of(shown), of(usual));
    let deep = LikelihoodOptions { deep_ratio: 2.0, ..usual };
    assert_eq!(digest(DecoderKind::Mwpm, deep), digest(DecoderKind::Mwpm, usual));
}

#[test]
fn windows_give_a_pre_decoder_what_it_looks_at() {
    let plan = PlanOptions::parallel(3);
    let model = Arc::new(memory(3, Basis::Z, CircuitFamily::Stim, 60));
    let patch_of = |predecoder, context| {
        let plan = PlanOptions { context, ..plan };
        Patch::new(&model, &PatchOptions { predecoder, ..PatchOptions::new(plan) }).unwrap()
    };
    let network = || {
        Some(PatchPredecoder::network(Network::from_bytes(NETWORK).unwrap(), Isa::Auto, Arc::clone(&model)))
    };
    let plain = patch_of(None, 0);
    let with_network = patch_of(network(), 0);
    assert_eq!(plain.cut().context, 0);
    assert!(with_network.cut().context > 0);
    assert_eq!(patch_of(network(), 20).cut().context, 20, "more may be asked for");
    let mut digests = vec![*plain.plan_digest(), *with_network.plan_digest()];
    for rule in Rule::ALL {
        digests.push(
            *patch_of(Some(PatchPredecoder::rule(rule, Isa::Auto, Arc::clone(&model))), 0).plan_digest(),
        );
    }
    let rule = || PatchPredecoder::rule(Rule::Smith, Isa::Auto, Arc::clone(&model));
    for threshold in [0.5, 0.9] {
        digests.push(*patch_of(Some(rule().with_threshold(threshold)), 0).plan_digest());
    }
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), 4 + Rule::ALL.len());
    assert_eq!(plain.model_digest(), with_network.model_digest());
}
