"""The sum over likely errors: beside the sum over all of them, matching, and the program."""

import pathlib
import subprocess

import numpy as np
import pytest

import outrider

from conftest import memory

SHOTS = 2000
CHAIN = "error(0.1) D0 L0\nerror(0.1) D0 D1\nerror(0.1) D1"
NETWORK = pathlib.Path(__file__).parents[3] / "models" / "event-stim.safetensors"


@pytest.fixture(scope="module")
def model():
    return outrider.Model(memory(3, 0.01).detector_error_model(decompose_errors=True))


@pytest.fixture(scope="module")
def shots(model):
    return outrider.Sampler(model, seed=12).sample(SHOTS)


def predecoders(model):
    graph = outrider.MatchingGraph(model)
    rule = outrider.Predecoder.rule("min-sum", model, graph)
    return [None, rule, outrider.Predecoder.from_file(NETWORK, model, graph)]


def test_answers_are_nearly_those_of_the_sum_over_all_errors(model, shots):
    detectors, observables = shots
    best = outrider.Trellis(model).decode_batch(detectors)
    graph = outrider.MatchingGraph(model, correlations=True)
    matched = (outrider.Decoder(graph, "mwpm-correlated").decode_batch(detectors) != observables).sum()
    for predecoder in predecoders(model):
        likelihood = outrider.Likelihood(model, predecoder=predecoder)
        predictions, ratios = likelihood.decode_batch(detectors, return_ratios=True)
        assert predictions.dtype == np.bool_ and ratios.dtype == np.float64
        assert predictions.shape == ratios.shape == (SHOTS, 1)
        assert ((ratios < 0) == predictions).all() and (np.abs(ratios) < 16).all()
        assert (predictions != best).sum() < SHOTS / 40
        assert 0 < (predictions != observables).sum() <= 1.05 * matched


def test_edges_explain_every_shot(model, shots):
    detectors, _ = shots
    likelihood = outrider.Likelihood(model, predecoder=predecoders(model)[2])
    offsets, nodes = likelihood.decode_to_edge_nodes(detectors)
    assert offsets.shape == (SHOTS + 1,) and nodes.shape == (offsets[-1], 2)
    for shot in range(SHOTS):
        ends = nodes[offsets[shot] : offsets[shot + 1]].ravel()
        flipped = np.bincount(ends[ends >= 0], minlength=detectors.shape[1]) % 2
        assert (flipped == detectors[shot]).all()
    packed = np.packbits(detectors, axis=1, bitorder="little")
    assert (likelihood.decode_to_edge_nodes(packed, bit_packed_shots=True)[1] == nodes).all()


def test_a_deep_level_changes_unsure_shots_only(model, shots):
    detectors, _ = shots
    usual, deep = (
        outrider.Likelihood(model, sum_slope=1, deep_ratio=ratio).decode_batch(detectors, return_ratios=True)[1]
        for ratio in (0, 1)
    )
    assert (usual == deep)[np.abs(usual) >= 1].all() and (usual != deep).any()
    with pytest.raises(ValueError, match="deep"):
        outrider.Likelihood(model, deep_ratio=-1)


def test_one_shot_and_packed_shots_have_the_same_answers(model, shots):
    detectors, _ = shots
    for predecoder in predecoders(model):
        likelihood = outrider.Likelihood(model, predecoder=predecoder)
        predictions, ratios = likelihood.decode_batch(detectors, return_ratios=True)
        packed = np.packbits(detectors, axis=1, bitorder="little")
        again = likelihood.decode_batch(packed, bit_packed_shots=True, bit_packed_predictions=True)
        assert again.dtype == np.uint8 and (again[:, 0] == predictions[:, 0]).all()
        for shot in range(50):
            prediction, shot_ratios = likelihood.decode_shot(detectors[shot])
            assert prediction.dtype == np.uint8 and prediction.tolist() == predictions[shot].tolist()
            assert shot_ratios.tolist() == ratios[shot].tolist()
        portable = outrider.Likelihood(model, predecoder=predecoder, isa="portable")
        assert (portable.decode_batch(detectors, return_ratios=True)[1] == ratios).all()


def test_answers_are_those_of_the_program(outrider_program, tmp_path, model, shots):
    detectors, _ = shots
    (tmp_path / "m.dem").write_text(str(model))
    (tmp_path / "dets.b8").write_bytes(np.packbits(detectors, axis=1, bitorder="little").tobytes())
    files = ["--dem", "m.dem", "--in", "dets.b8", "--out", "guesses.01", "--gap-out", "gaps"]
    for name, predecoder in zip(["none", "rule:min-sum", NETWORK], predecoders(model), strict=True):
        arguments = ["--decoder", "likelihood", "--predecoder", name]
        subprocess.run([outrider_program, "decode", *files, *arguments], cwd=tmp_path, check=True)
        likelihood = outrider.Likelihood(model, predecoder=predecoder)
        predictions, ratios = likelihood.decode_batch(detectors, return_ratios=True)
        guesses = [[bit == "1" for bit in line] for line in (tmp_path / "guesses.01").read_text().split()]
        assert predictions.tolist() == guesses
        gaps = [float(line) for line in (tmp_path / "gaps").read_text().split()]
        assert np.abs(ratios)[:, 0].tolist() == gaps


def test_options_change_what_is_summed(model, shots):
    detectors = shots[0][:300]
    usual = outrider.Likelihood(model).decode_batch(detectors, return_ratios=True)[1]
    defaults = {"sure_gap": 12, "sure_mean": 5, "likely_weight": 4, "iterations": 1, "gap_share": 0.25,
                "gap_slope": 0.53, "sum_slope": 0.6, "deep_ratio": 0}  # fmt: skip
    again = outrider.Likelihood(model, **defaults)
    assert (again.decode_batch(detectors, return_ratios=True)[1] == usual).all()
    options = [{"sure_gap": 2}, {"sure_mean": 50}, {"likely_weight": 0}, {"gap_share": 0}, {"gap_slope": 1}, {"sum_slope": 1}]
    for option in options:
        other = outrider.Likelihood(model, **option).decode_batch(detectors, return_ratios=True)[1]
        assert (other != usual).any(), option
    limited = outrider.Likelihood(model, sure_gap=2, gap_slope=1).decode_batch(detectors, return_ratios=True)[1]
    assert np.quantile(np.abs(limited), 0.5) == pytest.approx(2, abs=1e-5)


def test_what_is_wrong_is_named():
    likelihood = outrider.Likelihood(outrider.Model(f"{CHAIN}\nerror(0.1) D2 D3"))
    assert repr(likelihood) == "<outrider.Likelihood: 4 detectors, 1 observables>"
    assert (likelihood.num_detectors, likelihood.num_observables) == (4, 1)
    odd = np.array([[True, False, False, False], [True, False, True, False]])
    with pytest.raises(ValueError, match="^shot 2: odd number"):
        likelihood.decode_batch(odd)
    with pytest.raises(ValueError, match="odd number"):
        likelihood.decode_shot(odd[1])
    with pytest.raises(ValueError, match="5"):
        likelihood.decode_batch(np.zeros((1, 5), bool))
    with pytest.raises(ValueError, match="at most 4"):
        likelihood.decode_shot(np.zeros(5, bool))
    many = np.zeros((10_000, 4), bool)
    many[9_000] = odd[1]
    with pytest.raises(ValueError, match="^shot 9001: "):
        likelihood.decode_batch(many)


def test_models_and_options_that_are_refused(network):
    ring = "error(0.1) D0 D1\nerror(0.2) D1 D2 L0\nerror(0.1) D0 D2"
    for text, fault in [
        (ring, "no complementary gap"),
        ("error(0.1) D0 D1 D2 L0", "line 1"),
        (f"{CHAIN}\nerror(0.1) D0 L64", "64"),
    ]:
        with pytest.raises(ValueError, match=fault):
            outrider.Likelihood(outrider.Model(text))
    model = outrider.Model(CHAIN)
    for option in [
        {"sure_gap": 0},
        {"sure_mean": -1},
        {"likely_weight": np.nan},
        {"iterations": 65},
        {"budget": (0.5, 10)},
        {"gap_share": 2},
        {"isa": "none"},
    ]:
        with pytest.raises(ValueError):
            outrider.Likelihood(model, **option)
    code = outrider.Model(memory(3, 0.01).detector_error_model(decompose_errors=True))
    predecoder = outrider.Predecoder.from_file(network, code, outrider.MatchingGraph(code))
    with pytest.raises(ValueError):
        outrider.Likelihood(model, predecoder=predecoder)
    undecomposed = outrider.Model(f"{CHAIN}\nerror(0.1) D0 D1 D2 L0\ndetector D2")
    likelihood = outrider.Likelihood(undecomposed, ignore_undecomposable=True)
    assert likelihood.decode_batch(np.zeros((1, 3), bool)).tolist() == [[False]]
