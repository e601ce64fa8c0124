"""The sum over all errors: against every set of errors, and beside matching."""

import itertools
import math

import numpy as np
import pytest

import outrider

SHOTS = 2000


def test_ratios_are_those_of_all_sets_of_errors():
    # Probability, detectors, observables: hyperedges, a certain error, one without detectors.
    errors = [(0.1, {0, 1, 2}, {0}), (0.2, {0}, set()), (0.3, {1, 2}, set()), (1.0, {2}, {1}), (0.05, set(), {1})]
    lines = [
        f"error({p}) " + " ".join([f"D{d}" for d in sorted(detectors)] + [f"L{o}" for o in sorted(observables)])
        for p, detectors, observables in errors
    ]
    weights = {}
    for happened in itertools.product([False, True], repeat=len(errors)):
        probability, detectors, observables = 1.0, set(), set()
        for (p, flipped, observed), takes_place in zip(errors, happened, strict=True):
            probability *= p if takes_place else 1 - p
            if takes_place:
                detectors, observables = detectors ^ flipped, observables ^ observed
        shot = tuple(d in detectors for d in range(3))
        answer = tuple(o in observables for o in range(2))
        weights.setdefault(shot, {}).setdefault(answer, 0.0)
        weights[shot][answer] += probability
    trellis = outrider.Trellis(outrider.Model("\n".join(lines)), coarse=(0, 100))
    possible = {shot: answers for shot, answers in weights.items() if max(answers.values()) > 0}
    predictions, ratios = trellis.decode_batch(np.array(list(possible)), return_ratios=True)
    assert predictions.dtype == np.bool_ and ratios.dtype == np.float64
    assert ratios.shape == predictions.shape == (len(possible), 2)
    for answers, prediction, shot_ratios in zip(possible.values(), predictions, ratios, strict=True):
        assert answers[tuple(prediction.tolist())] == max(answers.values())
        for observable, ratio in enumerate(shot_ratios):
            share = [sum(w for a, w in answers.items() if a[observable] == flipped) for flipped in [False, True]]
            assert ratio == pytest.approx(math.log(share[0] / share[1]), abs=1e-6)


def test_fewer_mistakes_than_matching(dem):
    model = outrider.Model(dem)
    detectors, observables, _ = dem.compile_sampler(seed=11).sample(SHOTS)
    trellis = outrider.Trellis(model)
    predictions, ratios = trellis.decode_batch(detectors, return_ratios=True)
    matched = outrider.Decoder(outrider.MatchingGraph(model)).decode_batch(detectors)
    wrong = (predictions != observables).sum()
    assert 0 < wrong < (matched != observables).sum()
    assert ((ratios < 0) == predictions).all()
    expected = (1 / (1 + np.exp(np.abs(ratios)))).sum()
    assert abs(wrong - expected) < 4 * expected**0.5
    packed = np.packbits(detectors, axis=1, bitorder="little")
    again = trellis.decode_batch(packed, bit_packed_shots=True, bit_packed_predictions=True)
    assert (again[:, 0] == predictions[:, 0]).all()


def test_what_is_wrong_is_named():
    trellis = outrider.Trellis(outrider.Model("error(0.1) D0 D1 L0"))
    assert repr(trellis) == "<outrider.Trellis: 2 detectors, 1 observables>"
    with pytest.raises(ValueError, match="shot 2: no errors of the model explain the shot"):
        trellis.decode_batch(np.array([[True, True], [True, False]]))
    with pytest.raises(ValueError, match="3"):
        trellis.decode_batch(np.array([[True, True, False]]))
    with pytest.raises(ValueError, match="budget"):
        outrider.Trellis(outrider.Model("error(0.1) D0 L0"), coarse=(0.5, 10))
    with pytest.raises(ValueError, match="64"):
        outrider.Trellis(outrider.Model("error(0.1) D0 L64"))
