"""Histories decoded while their rounds arrive."""

import numpy as np
import pytest
from conftest import renumbered

import outrider

WINDOWS = outrider.Windows("parallel", commit=3, spacing=3, buffer=3)


@pytest.fixture(scope="module")
def model():
    return outrider.SurfaceCode(3, 40, 0.006).model()


def pushed(stream, shot):
    """Pushes a history of the model's length; how many rounds were decided after each."""
    decided = []
    for round in range(stream.num_rounds):
        stream.push(shot[stream.round_detectors(round)], is_last=round == stream.num_rounds - 1)
        decided.append(stream.poll()[0])
    return decided


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("kind", ["mwpm", "mwpm-correlated", "union-find", "likelihood"])
def test_answers_are_those_of_whole_batches_in_windows(model, kind, workers):
    shots = outrider.Sampler(model, seed=7).sample(60)[0]
    expected = outrider.WindowedDecoder(model, WINDOWS, kind).decode_batch(shots)
    stream = outrider.Stream(model, WINDOWS, kind, workers=workers)
    assert (stream.kind, stream.workers, stream.num_observables) == (kind, workers, 1)
    for number, (shot, prediction) in enumerate(zip(shots, expected, strict=True)):
        if number:
            stream.restart()
        decided = pushed(stream, shot)
        found = stream.finish()
        assert found.dtype == bool and (found == prediction).all()
        assert stream.poll()[0] == stream.num_rounds == 41
        assert sorted(decided) == decided
        if workers == 0:
            assert decided[-2] > 41 - 15


def test_detectors_in_any_order(model):
    reversed_model = renumbered(model, range(model.num_detectors)[::-1])
    shots = outrider.Sampler(reversed_model, seed=8).sample(20)[0]
    stream = outrider.Stream(reversed_model, WINDOWS)
    expected = outrider.WindowedDecoder(reversed_model, WINDOWS).decode_batch(shots)
    numbers = np.concatenate([stream.round_detectors(round) for round in range(stream.num_rounds)])
    assert sorted(numbers) == list(range(model.num_detectors)) and numbers[0] > numbers[-1]
    for number, (shot, prediction) in enumerate(zip(shots, expected, strict=True)):
        if number:
            stream.restart()
        pushed(stream, shot)
        assert (stream.finish() == prediction).all()


def test_histories_of_any_length(model):
    stream = outrider.Stream(model, WINDOWS)
    assert stream.min_rounds < 40
    middle, end = len(stream.round_detectors(5)), len(stream.round_detectors(40))
    for round in range(3000):
        stream.push(np.zeros(middle if round else len(stream.round_detectors(0)), np.uint8))
    stream.push(np.zeros(end, bool), is_last=True)
    assert not stream.finish().any()
    assert stream.poll()[0] == 3001


def test_wrong_rounds(model):
    stream = outrider.Stream(model, WINDOWS)
    size = len(stream.round_detectors(0))
    for events, message in [
        (np.zeros((1, size), bool), r"events: expected bool or uint8 of shape \(n,\), found bool of shape"),
        ([0] * size, "events: expected bool or uint8"),
        (np.zeros(size), "events: expected bool or uint8"),
        (np.full(size, 2, np.uint8), "values other than 0 and 1"),
        (np.zeros(size + 1, bool), str(size)),
    ]:
        with pytest.raises(ValueError, match=message):
            stream.push(events)
    with pytest.raises(ValueError, match="the last layer has not been pushed"):
        stream.finish()
    with pytest.raises(ValueError, match="the history has not been finished"):
        stream.restart()
    with pytest.raises(IndexError, match="round 41 of 41"):
        stream.round_detectors(41)
