"""The lattice is found however coordinates are turned, scaled and moved, and networks are the same then."""

import re

import numpy as np
import outrider
import pytest
import torch

from outrider_train.batches import BatchMaker
from outrider_train.circuits import Circuit, ShotStream, build, parse
from outrider_train.errors import TrainingError
from outrider_train.export import export
from outrider_train.geometry import Geometry, Lattice, find_slots
from outrider_train.network import EventNetwork
from outrider_train.settings import Settings

MOVES = {
    "halved": lambda x, y, t: (x / 2, y / 2, t),
    "in tenths": lambda x, y, t: (x / 10, y / 10, t),
    "in thirds": lambda x, y, t: (x / 3, y / 3, t),
    "tripled": lambda x, y, t: (3 * x, 3 * y, t),
    "stretched": lambda x, y, t: (3 * x, 5 * y, t),
    "moved": lambda x, y, t: (x + 1, y - 7.5, t),
    "turned by 45 degrees, as Google's": lambda x, y, t: ((x - y) / 2 + 3, (x + y) / 2 + 4, t),
    "turned by 90 degrees": lambda x, y, t: (-y - 1, x - 1, t),
    "mirrored": lambda x, y, t: (1 - x, y, t),
    "exchanged": lambda x, y, t: (y + 1, x, t),
    "with rounds of two": lambda x, y, t: (x, y, 2 * t),
    "with half rounds": lambda x, y, t: (x / 2, y, t / 2 + 0.25),
}


@pytest.fixture(scope="module")
def text(circuit):
    """The model without places."""
    text = re.sub(r"detector\(.*\n", "", circuit.model.__getnewargs__()[0])
    return re.sub(r"shift_detectors\(.*?\)", "shift_detectors", text)


def moved(text: str, move) -> Circuit:
    places = build(parse("stim d=5 rounds=4 p=0.01 basis=x")[0]).coordinates
    lines = [
        f"detector({', '.join(f'{value:.12g}' for value in move(*place))}) D{number}"
        for number, place in enumerate(places)
    ]
    return Circuit("moved", outrider.Model("\n".join([*lines, text])))


def found(*circuits: Circuit, **settings) -> Geometry:
    return find_slots(Settings(**settings).lattice(list(circuits)), circuits)


def test_coordinates_of_stims_generator_stay_as_they_are(circuit):
    assert found(circuit).lattice == Lattice()
    sizes = [build(recipe) for recipe in parse("stim d=3,5,7 p=0.01 basis=x,z")]
    assert found(*sizes).lattice == Lattice()
    assert found(circuit, radius=2, untied=True).lattice == Lattice(sets=(0, 1), radius=2)


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_the_same_code_has_the_same_network(circuit, text, tmp_path, move):
    other = moved(text, move)
    own, there = found(circuit), found(other)
    assert there.slots == own.slots and there.lattice.kinds == 2
    makers = [BatchMaker(*pair, 2.5, torch.device("cpu")) for pair in ((circuit, own), (other, there))]
    shots = ShotStream(circuit, 1).read(0, 50)
    batches = [maker.make(shots) for maker in makers]
    assert np.array_equal(batches[0].edge, batches[1].edge)
    assert [len(batch.pairs[1]) for batch in batches] == [len(batches[0].pairs[1])] * 2
    network = EventNetwork(there, 16, 1, seed=3)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(6)))
    export(tmp_path / "x.safetensors", network, {})
    file = outrider.Predecoder.from_file(tmp_path / "x.safetensors", other.model, other.graph)
    _, edges, _ = file.log_odds(shots.detectors, bit_packed_shots=True)
    assert sorted(edges) == sorted(batches[1].edge)
    assert file.reach == pytest.approx(there.reach(1))


def test_the_reach_is_in_the_detectors_coordinates(circuit, text):
    own = found(circuit).reach(2)
    x, y, rounds = found(moved(text, MOVES["stretched"])).reach(2)
    assert (x, y, rounds) == (3 * own[0], 5 * own[1], own[2])
    # Along a diagonal both coordinates change, each by half as much.
    assert found(moved(text, MOVES["turned by 45 degrees, as Google's"])).reach(2) == own


def test_codes_with_one_kind_have_one_frame():
    text = "error(0.1) D0 L0\nerror(0.1) D0 D1\nerror(0.1) D1 D2\nerror(0.1) D2\n" + "\n".join(
        f"detector({3 * number + 1}, 5, 0) D{number}" for number in range(3)
    )
    chain = Circuit("chain", outrider.Model(text))
    lattice = found(chain).lattice
    assert lattice.transposed == (0,) and lattice.kind_rule == (0, 0, 0)
    with pytest.raises(TrainingError, match="--transposed has 2 numbers, and the models' lattice has 1 kinds"):
        found(chain, transposed=[0, 1])
    single = Circuit("single", outrider.Model("error(0.1) D0 L0\nerror(0.2) D0\ndetector(5, 5, 1) D0"))
    assert found(single).slots == ((0, 0, 0, 1),)


@pytest.mark.parametrize(
    "move, problem",
    [
        (lambda x, y, t: (x, y), "moved: detector D0 has no coordinates"),
        (lambda x, y, t: (x + (x == y == 4) / 4, y, t), r"detector D21 at \(4.25, 4, 1\) is not on a lattice with the"),
        (lambda x, y, t: (2, 2, t), r"detectors D0 and D1 have the same place, \(2, 2, 0\)"),
        (lambda x, y, t: (x, y, 1.1 * t**1.5), "detector D36 at time 3.11127 is not in step with the others"),
        (lambda x, y, t: (x * 2**0.5, y, t), "is no ratio of small whole numbers"),
        (lambda x, y, t: (x * 1e7, y * 1e7, t), "steps too odd for an event network"),
    ],
)
def test_models_without_a_lattice_are_refused(text, move, problem):
    with pytest.raises(TrainingError, match=problem) as refusal:
        found(moved(text, move))
    assert "\n" not in str(refusal.value)


def test_what_is_given_is_not_looked_for(text):
    turned = moved(text, MOVES["turned by 45 degrees, as Google's"])
    lattice = found(turned, pitch=[1, 1, 1], kind_rule=[1, 0, 0]).lattice
    assert lattice == Lattice((1, 1, 1), (1, 0, 0))
    with pytest.raises(TrainingError, match="set --pitch"):
        found(turned, kind_rule=[1, 1, 0])


def test_sites_are_those_of_the_plane(text):
    turned = moved(text, MOVES["in tenths"])
    lattice = found(turned).lattice
    geometry = Geometry.from_dict(found(turned).as_dict())
    assert geometry == found(turned) and lattice.plane is not None
    assert np.array_equal(geometry.tensors()["plane"], lattice.plane)
