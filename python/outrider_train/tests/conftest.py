"""Small circuits, and networks that are not trained but not trivial either."""

from collections.abc import Callable

import pytest
import torch

from outrider_train.batches import Batch, BatchMaker
from outrider_train.circuits import Circuit, ShotStream, build, parse
from outrider_train.geometry import Geometry, Lattice, find_slots
from outrider_train.network import EventNetwork

torch.set_num_threads(1)

TIED = Lattice(radius=2)
UNTIED = Lattice(sets=(0, 1), radius=2)


@pytest.fixture(scope="session")
def circuit() -> Circuit:
    return build(parse("stim d=5 rounds=4 p=0.01 basis=x")[0])


@pytest.fixture(params=[TIED, UNTIED], ids=["tied", "untied"])
def geometry(request: pytest.FixtureRequest, circuit: Circuit) -> Geometry:
    return find_slots(request.param, [circuit])


@pytest.fixture
def batch(circuit: Circuit, geometry: Geometry) -> Batch:
    maker = BatchMaker(circuit, geometry, 2.5, torch.device("cpu"))
    return maker.make(ShotStream(circuit, 1).read(0, 40))


@pytest.fixture
def make_network(geometry: Geometry) -> Callable[..., EventNetwork]:
    """Makes networks whose answers depend on everything."""

    def make(width: int = 16, layers: int = 2) -> EventNetwork:
        network = EventNetwork(geometry, width, layers, seed=5)
        generator = torch.Generator().manual_seed(6)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
            network.head_weight.mul_(160 / width)
        return network

    return make
