"""Noise learned from detection events: exactness, beside correlation-analysis, what it finds, bad input."""

import concurrent.futures
import importlib.util
import pathlib

import correlation
import numpy as np
import pytest
import stim
from conftest import memory, without_ties

import outrider

EXAMPLE = pathlib.Path(__file__).parents[1] / "examples" / "learn_noise.py"
SHOTS = 20_000


@pytest.fixture(scope="module")
def prior():
    """Errors of one to four detectors, whole."""
    return memory(3, 0.008).detector_error_model()


@pytest.fixture(scope="module")
def truth(prior):
    return without_ties(prior, seed=5)


@pytest.fixture(scope="module")
def shots(truth):
    return truth.compile_sampler(seed=4).sample(SHOTS)[0]


@pytest.fixture(scope="module")
def true_rates(truth, shots):
    return outrider.learn(truth, shots).rates.prior


def errors_of(model):
    return [instruction for instruction in model.flattened() if instruction.type == "error"]


def detectors_of(error):
    return {target.val for target in error.targets_copy() if target.is_relative_detector_id()}


def packed(shots):
    return np.packbits(shots, axis=1, bitorder="little")


def test_counts_are_those_of_numpy(prior, shots):
    moments = outrider.Moments(prior, with_outside=True)
    moments.add(shots)
    sets = moments.sets
    assert len(sets) == moments.num_sets == len(set(sets)) and max(map(len, sets)) == 4
    parities = np.array([shots[:, detectors].sum(axis=1).astype(int) % 2 for detectors in sets])
    assert moments.counts.dtype == np.uint64 and (moments.counts == parities.sum(axis=1)).all()
    assert moments.shots == moments.effective_shots == SHOTS
    assert moments.means() == pytest.approx(1 - 2 * parities.mean(axis=1), abs=1e-15)
    assert moments.find(sets[-1][::-1]) == len(sets) - 1 and moments.find((0, 0)) is None


def test_counts_do_not_depend_on_how_shots_come(prior, shots):
    whole = outrider.Moments(prior)
    whole.add(shots)
    portable = outrider.Moments(stim.DetectorErrorModel(str(prior)), isa="portable")
    portable.add(shots.view(np.uint8)[::-1])

    def part(first):
        moments = outrider.Moments(prior)
        moments.add(packed(shots[first : first + 5001]), bit_packed_shots=True)
        return moments

    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        merged, *others = threads.map(part, range(0, SHOTS, 5001))
    for other in others:
        merged.merge(other)
    for moments in [portable, merged]:
        assert (moments.counts == whole.counts).all() and moments.shots == SHOTS
    merged.clear()
    assert merged.shots == 0 and (merged.means() == 1).all()


def test_counts_fade():
    moments = outrider.Moments.for_sets(2, [(1, 0), [0], (0, 1)], fade_shift=1, block_shots=100)
    assert moments.sets == [(0,), (0, 1)]
    for event in [1, 0, 0]:
        moments.add(np.full((100, 2), [event, 0], np.uint8))
    assert moments.shots / 2**16 == pytest.approx(175, abs=0.01)
    assert moments.means() == pytest.approx(1 - 2 * 25 / 175, abs=1e-4)
    assert "2**-16" in repr(moments)


@pytest.mark.parametrize("method", ["closed-form", "regression"])
@pytest.mark.parametrize("tie", ["none", "time"])
def test_expected_moments_give_the_truth(prior, truth, true_rates, method, tie):
    moments = outrider.Moments(prior)
    options = {"method": method, "tie": tie, "tie_spread": 100 if tie == "time" else "auto"}
    if method == "closed-form" and tie == "none":
        options["shrink"] = "none"
    learned = outrider.learn(
        prior, moments=moments, means=moments.expected(truth), num_shots=1e15, **options
    )
    accuracy = 1e-12 if method == "closed-form" and tie == "none" else 1e-6
    assert learned.rates.rate == pytest.approx(true_rates, abs=accuracy)
    assert learned.kept == learned.not_positive == learned.floored == 0
    assert learned.chi_square < 1e-3 or tie == "time"
    found = stim.DetectorErrorModel(str(learned.model))
    assert [e.targets_copy() for e in found.flattened()] == [e.targets_copy() for e in prior.flattened()]
    of_found, of_truth = (np.array([e.args_copy()[0] for e in errors_of(model)]) for model in [found, truth])
    # Errors that differ in observables alone share their sum as in the prior.
    supports = [detectors_of(error) for error in errors_of(prior)]
    alone = [supports.count(support) == 1 for support in supports]
    assert sum(alone) > 0.8 * len(alone)
    assert of_found[alone] == pytest.approx(of_truth[alone], abs=accuracy)


def test_second_orders_are_those_of_correlation_analysis():
    circuit = stim.Circuit.generated(
        "repetition_code:memory",
        distance=5,
        rounds=5,
        after_clifford_depolarization=0.01,
        before_round_data_depolarization=0.01,
        before_measure_flip_probability=0.01,
        after_reset_flip_probability=0.01,
    )
    model = circuit.detector_error_model()
    shots = model.compile_sampler(seed=8).sample(SHOTS)[0]
    learned = outrider.learn(model, shots, shrink="none")
    edges = [frozenset(detectors) for detectors in learned.detectors]
    assert {len(edge) for edge in edges} == {1, 2}
    found = correlation.cal_2nd_order_correlations(shots, hyperedges=edges)
    assert learned.rates.rate == pytest.approx([found.get(edge) for edge in edges], abs=1e-9)


def test_high_orders_are_those_of_correlation_analysis(prior, truth, shots, true_rates):
    learned = outrider.learn(prior, shots, shrink="none")
    edges = [frozenset(detectors) for detectors in learned.detectors]
    assert {len(edge) for edge in edges} == {1, 2, 3, 4}
    found = correlation.cal_high_order_correlations(shots, edges)
    theirs = np.array([found.get(edge) for edge in edges])
    # Errors within larger ones are averaged there over parities of more detectors: another estimate.
    largest = np.array([not any(edge < other for other in edges) for edge in edges])
    assert largest.sum() > 60
    assert learned.rates.rate[largest] == pytest.approx(theirs[largest], abs=1e-9)
    z = (learned.rates.rate - theirs)[~largest] / learned.rates.error[~largest]
    assert np.sqrt(np.mean(z**2)) < 0.5
    z = (learned.rates.rate - true_rates) / learned.rates.error
    assert 0.8 < np.sqrt(np.mean(z**2)) < 1.2


@pytest.mark.parametrize(
    "options",
    [{}, {"method": "regression"}, {"tie": "time"}, {"tie": "time", "tie_spread": 0}, {"shrink": 0.3}],
    ids=repr,
)
def test_what_is_learned_is_nearer_to_the_truth(prior, shots, true_rates, options):
    doubled = outrider.Model(with_factor(prior, 2))
    learned = outrider.learn(doubled, shots, **options)

    def distance(rates):
        return np.sqrt(np.mean((rates - true_rates) ** 2))

    assert distance(learned.rates.rate) < 0.25 * distance(learned.rates.prior)
    assert learned.scale == pytest.approx(0.5, abs=0.05) and learned.shots == SHOTS
    assert learned.spread.shape == (4,)
    assert (learned.spread_within_groups is None) == ("tie" not in options or "tie_spread" in options)
    again = outrider.learn(doubled, packed(shots), bit_packed_shots=True, isa="portable", **options)
    assert (again.rates == learned.rates).all() and str(again.model) == str(learned.model)


def with_factor(model, factor):
    changed = stim.DetectorErrorModel()
    for instruction in model.flattened():
        if instruction.type == "error":
            changed.append("error", instruction.args_copy()[0] * factor, instruction.targets_copy())
        else:
            changed.append(instruction)
    return changed


def test_groups_share_a_factor(prior, shots):
    sizes = np.array([len(detectors_of(error)) for error in errors_of(prior)])
    groups = np.where(sizes == 1, -1, 10 * sizes)
    learned = outrider.learn(prior, shots, tie=groups, tie_spread=0)
    assert sorted(learned.group_factors) == [20, 30, 40]
    assert list(learned.group_factors.values()) == pytest.approx([1, 1, 1], abs=0.2)
    ratios = learned.rates.attenuation / -np.log1p(-2 * learned.rates.prior)
    for size in [2, 3, 4]:
        of_size = [len(detectors) == size for detectors in learned.detectors]
        assert ratios[of_size] == pytest.approx(learned.group_factors[10 * size], rel=1e-9)
    assert outrider.learn(prior, shots).group_factors == {}


def test_priors_may_be_text_paths_circuits_and_objects(prior, shots, tmp_path):
    (tmp_path / "prior.dem").write_text(str(prior))
    whole = outrider.learn(prior, shots)
    for form in [str(prior), tmp_path / "prior.dem", outrider.Model(prior)]:
        learned = outrider.learn(form, moments=whole.moments)
        assert (learned.rates == whole.rates).all() and learned.moments is whole.moments
    of_circuit = outrider.learn(memory(3, 0.008), shots)
    assert of_circuit.detectors == whole.detectors and of_circuit.observables == whole.observables
    assert of_circuit.rates.rate == pytest.approx(whole.rates.rate, abs=1e-9)


def test_what_cannot_be_learned_is_said():
    model = "error(0.1) D0 D1 D2 D3 D4\nerror(0.1) D5\nerror(0.1) D6 L0\nerror(0.3) D6"
    shots = np.zeros((1000, 7), bool)
    shots[:20, 6] = True
    learned = outrider.learn(model, shots, shrink="none")
    assert learned.detectors == [(0, 1, 2, 3, 4), (5,), (6,)]
    assert learned.observables == [[()], [()], [(), (0,)]]
    rates = learned.rates
    assert (rates.kept.tolist(), rates.floored.tolist()) == ([True, False, False], [False, True, False])
    assert (learned.kept, learned.not_positive, learned.floored) == (1, 1, 1)
    assert rates.rate[0] == rates.prior[0] and np.isinf(rates.error[0]) and rates.rate[2] == pytest.approx(0.02)
    assert "3 classes of errors from 1000 shots" in repr(learned)


def test_pairs_beyond_the_model_are_found(prior, shots):
    clean = outrider.learn(prior, shots).residuals(level=1e-4)
    assert not clean.pairs.significant.any() and clean.misfit == []
    moved = shots.copy()
    moved[: SHOTS // 100, [0, -1]] ^= True
    moments = outrider.Moments.for_pairs(prior)
    assert moments.num_sets == 24 * 25 // 2
    moments.add(moved)
    residuals = outrider.Residuals(prior, moments, level=1e-4)
    worst = residuals.pairs[0]
    assert (worst.first, worst.second, worst.inside, worst.significant) == (0, 23, False, True)
    assert worst.excess == pytest.approx(0.01, abs=5 * worst.excess_error) and worst.z > 5
    assert outrider.Moments.for_pairs(prior, rounds_apart=0).num_sets < moments.num_sets
    moments.clear()
    moments.add(np.random.default_rng(1).integers(0, 2, (2000, 24), np.uint8))
    wrong = outrider.Residuals(prior, moments)
    assert "half" in wrong.misfit and "rates" in wrong.misfit and wrong.detectors.significant.all()
    assert repr(wrong).startswith("<outrider.Residuals: ")


def test_drift_and_bursts_are_found(shots):
    calm = outrider.Drift(shots, window=500)
    assert not calm.has_drift and calm.num_windows == SHOTS // 500
    rng = np.random.default_rng(6)
    drifting = shots.copy()
    drifting[:, 3] ^= rng.random(SHOTS) < np.linspace(0, 0.1, SHOTS)
    drift = outrider.Drift(packed(drifting), window=500, num_detectors=24, bit_packed_shots=True)
    assert drift.has_drift and drift.events["change"] > 0.03
    first = drift.detectors[0]
    assert (first.detector, first.significant) == (3, True) and first.change == pytest.approx(0.08, abs=0.03)
    assert repr(drift).startswith(f"<outrider.Drift: {SHOTS // 500} windows, ")

    hit = shots.copy()
    hit[7100:7300] ^= rng.random((200, 24)) < 0.3
    windows = outrider.find_bursts(hit, window=100)
    assert windows.first_shot[windows.burst].tolist() == [7100, 7200] and windows.judged.all()
    assert hit[~np.repeat(windows.burst, windows.shots)].shape == (SHOTS - 200, 24)
    assert not outrider.find_bursts(packed(shots), window=100, num_detectors=24, bit_packed_shots=True).burst.any()


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"shots": np.zeros((9, 23), bool)}, r"shots: expected bool or uint8 of shape \(shots, 24\), found bool"),
        ({"shots": np.zeros((9, 24))}, "found float64"),
        ({"shots": np.full((9, 24), np.nan)}, "found float64"),
        ({"shots": [[0] * 24]}, "found an object of type list"),
        ({"shots": np.zeros((9, 4), "u1"), "bit_packed_shots": True}, r"of shape \(shots, 3\)"),
        ({"shots": np.zeros((0, 24), bool)}, "shots: there are none to learn from"),
        ({"shots": None}, "shots, moments: expected one of them"),
        ({"moments": outrider.Moments("error(0.1) D0")}, "shots, moments: expected one of them"),
        (
            {"shots": None, "moments": outrider.Moments("error(0.1) D0")},
            "moments: expected those of 24 detectors, found 1",
        ),
        ({"num_shots": 9}, "means, num_shots: expected both of them or none"),
        ({"means": [np.nan] * 1, "num_shots": 9}, "means: expected"),
        ({"means": "x", "num_shots": 9}, "means: expected 1-D real numbers"),
        ({"method": "other"}, "unknown method 'other'"),
        ({"shrink": 0}, "shrink: expected 'auto', 'none', or a number above 0, at most 100, found 0"),
        ({"shrink": np.nan}, "shrink: expected .* found nan"),
        ({"tie_spread": "none"}, "tie_spread: expected 'auto', 0, or a number above 0"),
        ({"floor": np.nan}, "floor: expected a number from 0 to 1, found NaN"),
        ({"floor": 1.5}, "floor: expected"),
        ({"tie": "rounds"}, "tie: expected 'none', 'time' or a group for each error, found 'rounds'"),
        ({"tie": [0, 1]}, r"tie: expected a group for each of \d+ errors, found 2"),
        ({"tie": np.zeros(3)}, "tie: expected 1-D integers"),
        ({"prior": "error(0.5) D23"}, "below probability 1/2, and one is 0.5"),
        ({"prior": "error(0.1) D23\nDETECTOR"}, "line 2"),
        ({"isa": "z80"}, "unknown instruction set 'z80'"),
    ],
    ids=repr,
)
def test_bad_input_is_a_value_error(prior, options, fault):
    options = {"prior": prior, "shots": np.zeros((9, 24), bool), **options}
    with pytest.raises(ValueError, match=fault) as error:
        outrider.learn(**options)
    assert "\n" not in str(error.value)


def test_means_that_are_none(prior):
    moments = outrider.Moments(prior)
    means = np.ones(moments.num_sets)
    for wrong, number in [(means * np.nan, 9), (means * 1.1, 9), (means, 0), (means, np.inf), (means, np.nan)]:
        with pytest.raises(ValueError, match="mean|shots"):
            outrider.learn(prior, moments=moments, means=wrong, num_shots=number)
    with pytest.raises(ValueError, match="no shots|moments"):
        outrider.learn(prior, moments=moments, means=means, num_shots=9).residuals()


def test_what_is_no_model(prior, shots):
    moments = outrider.Moments(prior)
    for call in [
        lambda: outrider.learn(7, shots),
        lambda: outrider.Moments(None),
        lambda: moments.expected(shots),
    ]:
        with pytest.raises(TypeError, match="expected text, a path, a stim.DetectorErrorModel or a stim.Circuit"):
            call()


def test_impossible_moments(prior, shots):
    moments = outrider.Moments(prior)
    for call, fault in [
        (lambda: moments.merge(moments), "not merged with themselves"),
        (lambda: moments.merge(outrider.Moments.for_sets(24, [[0]])), "other sets"),
        (lambda: moments.expected("error(0.1) D0"), "other detectors"),
        (lambda: moments.add(shots[:, 1:]), "found bool of shape"),
        (lambda: outrider.Moments(prior, fade_shift=17), "counts fade"),
        (lambda: outrider.Moments.for_sets(3, [[3]]), "set 0"),
        (lambda: outrider.Moments.for_sets(3, [[0], [1, 1]]), "set 1"),
        (lambda: outrider.Moments.for_sets(3, [[]]), "set 0"),
        (lambda: outrider.Drift(shots[:10]), "fewer than two"),
        (lambda: outrider.Drift(shots[0]), r"shape \(shots, detectors\)"),
        (lambda: outrider.Drift(packed(shots), bit_packed_shots=True), "num_detectors: needed"),
        (lambda: outrider.find_bursts(shots, window=0), "window: expected shots"),
        (lambda: outrider.find_bursts(shots, neighbours=3), "8 to 4096"),
    ]:
        with pytest.raises(ValueError, match=fault):
            call()


def test_the_example_finds_what_it_plants(capsys):
    spec = importlib.util.spec_from_file_location("learn_noise", EXAMPLE)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    learned, true_rates, counts = example.learn_places()
    example.show_places(learned, true_rates, counts)
    assert abs(counts["learned"] - counts["truth"]) < 0.5 * abs(counts["prior"] - counts["truth"])
    z = (learned.rates.rate - true_rates) / learned.rates.error
    assert np.mean(np.abs(z) < 2) > 0.9
    planted, found = example.find_crosstalk()
    example.show_crosstalk(planted, found)
    assert [(pair.first, pair.second) for pair in found] == [planted]
    printed = capsys.readouterr().out
    assert "mistakes" in printed and f"found:   D{planted[0]} D{planted[1]}" in printed
