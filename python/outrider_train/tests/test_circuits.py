"""Specifications, shots and geometry."""

import numpy as np
import outrider
import pytest

from outrider_train.circuits import Circuit, Shots, ShotStream, build, derive_seed, parse
from outrider_train.errors import TrainingError
from outrider_train.geometry import Geometry, Lattice, find_slots, neighbourhood


def test_specifications_multiply():
    recipes = parse("stim d=3,5 p=0.001,0.002 basis=x,z rounds=d weight=2")
    assert len(recipes) == 8
    assert {(r.distance, r.rounds) for r in recipes} == {(3, 3), (5, 5)}
    assert {r.weight for r in recipes} == {2.0}
    assert parse("dem file='a b,c.dem'")[0].file == "a b,c.dem"
    assert parse("paper d=3 p=0.01 orientation=O2")[0].name == "paper d=3 r=3 p=0.01 z O2"


@pytest.mark.parametrize(
    "text, problem",
    [
        ("", "expected stim"),
        ("toric d=3", "expected stim"),
        ("stim d=3", "p= is missing"),
        ("stim p=0.1", "d= is missing"),
        ("stim d=3 p=x", "could not convert"),
        ("stim d=3 p=0.1 colour=red", "colour=red"),
        ("stim d=3 p=0.1 noise-file=a", "exclude each other"),
        ("stim d=3 p=0.1 weight=-1", "not positive"),
        ("dem", "file= is missing"),
        ("stim d=3 'p=0.1", "quotation"),
    ],
)
def test_bad_specifications(text, problem):
    with pytest.raises(TrainingError, match=problem):
        parse(text)


@pytest.mark.parametrize("text", ["stim d=2 p=2", "dem file=no/such/file.dem", "stim d=3 noise-file=no.json"])
def test_circuits_that_cannot_be_made(text):
    with pytest.raises(TrainingError, match="^[^\n]+$"):
        build(parse(text)[0])


def test_shots_are_numbered(circuit):
    whole = ShotStream(circuit, 3).read(0, 700)
    stream = ShotStream(circuit, 3)
    parts = Shots.join([stream.read(first, 100) for first in range(0, 700, 100)])
    for name in ("detectors", "observables", "edges"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name))
    assert not np.array_equal(whole.detectors, ShotStream(circuit, 4).read(0, 700).detectors)
    assert derive_seed("a", 1) == derive_seed("a", 1) != derive_seed("a", 2)


def test_expected_events(circuit):
    detectors = ShotStream(circuit, 5).read(0, 4000).detectors
    mean = np.unpackbits(detectors, axis=1).sum() / 4000
    assert abs(mean - circuit.events_per_shot) < 0.03 * mean


def test_slots_of_stims_circuit():
    circuits = [build(recipe) for recipe in parse("stim d=3,7 p=0.001 basis=x,z")]
    geometry = find_slots(Lattice(), circuits)
    assert len(geometry.slots) == 13
    assert geometry.slots[-1] == (0, 0, 0, 1)
    assert Geometry.from_dict(geometry.as_dict()) == geometry
    assert len(neighbourhood(3)) == 118


@pytest.mark.parametrize(
    "text, problem",
    [
        ("error(0.1) D0 L0", "D0 has no coordinates"),
        ("error(0.1) D0 D1\ndetector(0,0,0) D0\ndetector(2,1,0) D1", "D1 at .2, 1, 0. is not on a lattice"),
        ("error(0.1) D0 D1\ndetector(0,0,0) D0\ndetector(40,0,0) D1", "longer than 8 sites"),
        ("detector(0,0,0) D0", "no edges"),
        ("error(1) D0\ndetector(0,0,0) D0", "always flips"),
    ],
)
def test_models_without_a_lattice(text, problem):
    with pytest.raises(TrainingError, match=problem):
        find_slots(Lattice(), [Circuit("own", outrider.Model(text))])
