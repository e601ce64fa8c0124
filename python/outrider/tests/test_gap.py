"""The complementary gap against the decoder, on the same graph and on one that fixes the class."""

import numpy as np
import pytest
import stim

import outrider

SHOTS = 1000


@pytest.fixture(scope="module")
def graph(dem):
    return outrider.MatchingGraph(outrider.Model(str(dem)))


def test_lighter_class_is_the_decoders_answer(dem, graph):
    detectors = dem.compile_sampler(seed=8).sample(SHOTS)[0]
    gap = outrider.Gap(graph)
    weights = gap.weights(detectors)
    assert weights.shape == (SHOTS, 2) and weights.dtype == np.float64
    predictions, least = outrider.Decoder(graph).decode_batch(detectors, return_weights=True)
    np.testing.assert_allclose(weights.min(axis=1), least, atol=1e-9)
    assert ((weights[:, 1] < weights[:, 0]) == predictions[:, 0]).all()
    packed = np.packbits(detectors, axis=1, bitorder="little")
    assert (gap.weights(packed, bit_packed_shots=True) == weights).all()


def test_heavier_class_is_the_answer_with_the_class_fixed(dem, graph):
    """A detector that watches the observable fixes the class; matching then gives that class's weight."""
    watched = stim.DetectorErrorModel()
    fixed = dem.num_detectors
    for instruction in dem:
        if instruction.type == "error":
            targets = [
                stim.target_relative_detector_id(fixed) if target.is_logical_observable_id() else target
                for target in instruction.targets_copy()
            ]
            watched.append("error", instruction.args_copy()[0], targets)
    decoder = outrider.Decoder(outrider.MatchingGraph(outrider.Model(str(watched))))
    detectors = dem.compile_sampler(seed=9).sample(SHOTS)[0]
    weights = outrider.Gap(graph).weights(detectors)
    for observable in [0, 1]:
        column = np.full((SHOTS, 1), bool(observable))
        expected = decoder.decode_batch(np.hstack([detectors, column]), return_weights=True)[1]
        np.testing.assert_allclose(weights[:, observable], expected, atol=1e-4)


def test_surer_answers_are_more_often_right(dem, graph):
    detectors, observables, _ = dem.compile_sampler(seed=10).sample(20 * SHOTS)
    weights = outrider.Gap(graph).weights(detectors)
    wrong = (weights[:, 1] < weights[:, 0]) != observables[:, 0]
    gaps = np.abs(weights[:, 1] - weights[:, 0])
    sure = gaps > np.median(gaps)
    assert wrong[sure].sum() * 10 < wrong[~sure].sum()


def test_overrides_and_offset():
    # One event between the boundaries: left flips the observable, right goes by way of D1.
    graph = outrider.MatchingGraph(outrider.Model("error(0.1) D0 L0\nerror(0.2) D0 D1\nerror(0.1) D1"))
    left, around = np.log(9), np.log(4) + np.log(9)
    event = np.array([[1, 0]], np.uint8)
    forced = ([0, 1], [graph.find_edge(0)], [-1.5])
    for offset, overrides, expected in [
        (0.0, None, [around, left]),
        (0.5, None, [around + 1.0, left + 0.5]),
        (0.0, forced, [around, -1.5]),
        (0.5, forced, [around + 1.0, -1.5]),
    ]:
        weights = outrider.Gap(graph, weight_offset=offset).weights(event, overrides=overrides)
        np.testing.assert_allclose(weights, [expected], atol=1e-5)


@pytest.mark.parametrize(
    "text",
    [
        "error(0.1) D0 L0\nerror(0.1) D0 L1",
        "error(0.1) D0",
        "error(0.1) D0 D1\nerror(0.2) D1 D2 L0\nerror(0.1) D0 D2",
    ],
)
def test_graphs_without_a_gap(text):
    with pytest.raises(ValueError, match="no complementary gap"):
        outrider.Gap(outrider.MatchingGraph(outrider.Model(text)))


def test_limits(dem, graph):
    """A limit is kept, and one that no weight reaches is none, not a smaller one."""
    detectors = dem.compile_sampler(seed=11).sample(SHOTS)[0]
    weights = outrider.Gap(graph).weights(detectors)
    lighter, excess = weights.min(axis=1), np.ptp(weights, axis=1)
    assert (excess > 2.0).any()
    limited = outrider.Gap(graph, limit=2.0).weights(detectors)
    np.testing.assert_allclose(limited.min(axis=1), lighter, atol=1e-9)
    np.testing.assert_allclose(np.ptp(limited, axis=1), np.minimum(excess, 2.0), atol=1e-5)
    for limit in [1e9, 1e300, np.inf]:
        assert (outrider.Gap(graph, limit=limit).weights(detectors) == weights).all()
    # A row of five edges: integer weights end at four times the largest in the graph.
    errors = ["error(1e-9) D0 L0", *(f"error(1e-9) D{i} D{i + 1}" for i in range(3)), "error(1e-9) D3"]
    row = outrider.MatchingGraph(outrider.Model("\n".join(errors)))
    weights = outrider.Gap(row, limit=1e4).weights(np.zeros((1, 4), bool))
    np.testing.assert_allclose(weights, [[0.0, 5 * np.log(1e9)]], rtol=1e-6)
    assert np.ptp(outrider.Gap(graph, limit=1e-300).weights(detectors), axis=1).max() < 1e-5


@pytest.mark.parametrize("limit", [0.0, -1.0, np.nan, -np.inf])
def test_bad_limits(graph, limit):
    with pytest.raises(ValueError, match="^limit is .*, not positive$"):
        outrider.Gap(graph, limit=limit)


@pytest.mark.parametrize("offset", [np.nan, np.inf, -np.inf])
def test_bad_offsets(graph, offset):
    for kind in [outrider.Gap, outrider.Decoder]:
        with pytest.raises(ValueError, match="^weight_offset is .*, not finite$"):
            kind(graph, weight_offset=offset)


def test_bad_shots(graph):
    gap = outrider.Gap(graph)
    with pytest.raises(ValueError, match="^shots: expected bool or uint8 of shape"):
        gap.weights(np.zeros((1, 3), bool))
    with pytest.raises(ValueError, match="^overrides: expected 2 offsets"):
        gap.weights(np.zeros((1, graph.num_detectors), bool), overrides=([0], [], []))
