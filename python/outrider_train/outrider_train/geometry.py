"""The geometry of an event network: the lattice of its detectors and the edges that its slots name.

Coordinates divided by the pitch are sites, after x and y were turned and moved by the plane, if there is one. A site's
kind follows from a parity rule; each kind sees offsets in its own frame, with x and y exchanged if it is transposed,
and uses one set of weights. A slot is an offset to another detector, or the boundary; the slots are those that the
edges of the training models need.
"""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from .errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .circuits import Circuit

# Limits of the file format.
SLOTS_MAX = 32
SLOT_OFFSET_MAX = 8
RADIUS_MAX = 4
KINDS_MAX = 8
INTEGER_MAX = 2**31 - 1
# Classes of a place on the patch and of a round, for each kind.
PLACES = 49
PHASES = 14
# Of a site: coordinates need not be exact in binary. The C library's.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Lattice:
    """Which detectors there are and how they look at each other."""

    pitch: tuple[int, int, int] = (2, 2, 1)
    kind_rule: tuple[int, int, int] = (1, 1, 0)
    transposed: tuple[int, ...] = (0, 1)
    sets: tuple[int, ...] = (0, 0)
    radius: int = 3
    # Rows for x and y: what is divided by the pitch is plane . (x, y, 1).
    plane: tuple[tuple[int, int, int], tuple[int, int, int]] | None = None

    def __post_init__(self):
        if not 1 <= len(self.transposed) <= KINDS_MAX:
            raise TrainingError(f"{len(self.transposed)} kinds of detectors; there are 1 to {KINDS_MAX}")
        if not 1 <= self.radius <= RADIUS_MAX:
            raise TrainingError(f"radius {self.radius}; there are 1 to {RADIUS_MAX}")
        if not set(self.transposed) <= {0, 1}:
            raise TrainingError(f"transposed {_listed(self.transposed)}: expected 0 or 1 for each kind")
        if len(self.pitch) != 3 or not 1 <= min(self.pitch) <= max(self.pitch) <= INTEGER_MAX:
            raise TrainingError(f"pitch {_listed(self.pitch)}: expected three positive numbers of 32 bits")
        if len(self.kind_rule) != 3 or max(map(abs, self.kind_rule)) > INTEGER_MAX:
            raise TrainingError(f"kind rule {_listed(self.kind_rule)}: expected three numbers of 32 bits")

    @property
    def kinds(self) -> int:
        return len(self.transposed)

    @property
    def set_count(self) -> int:
        return max(self.sets) + 1

    @property
    def offsets(self) -> int:
        """Offsets within the radius."""
        return len(neighbourhood(self.radius))


@dataclass(frozen=True)
class Geometry:
    """A lattice with slots: rows (dx, dy, dt, is_boundary), the same for every set of weights."""

    lattice: Lattice
    slots: tuple[tuple[int, int, int, int], ...]

    def as_dict(self) -> dict:
        """As plain numbers and lists, for checkpoints."""
        return asdict(self)

    @staticmethod
    def from_dict(values: dict) -> "Geometry":
        """The inverse of as_dict."""
        lattice = {name: _as_tuples(value) for name, value in values["lattice"].items()}
        return Geometry(Lattice(**lattice), _as_tuples(values["slots"]))

    def tensors(self) -> dict[str, np.ndarray]:
        """As a network file has it."""
        lattice = self.lattice
        plane = {} if lattice.plane is None else {"plane": np.array(lattice.plane, np.int32)}
        return plane | {
            "lattice": np.array(
                [*lattice.pitch, *lattice.kind_rule, lattice.kinds, lattice.radius], np.int32
            ),
            "frames": np.stack([lattice.transposed, lattice.sets], axis=1).astype(np.int32),
            "slots": np.array([self.slots] * lattice.set_count, np.int32),
        }

    def reach(self, layers: int) -> tuple[int, int, int]:
        """How far an answer looks along x, y and the rounds, in detector coordinates."""
        steps = (layers + 1) * self.lattice.radius
        side = steps + max(max(abs(dx), abs(dy)) for dx, dy, _, _ in self.slots)
        rounds = steps + max(abs(dt) for _, _, dt, _ in self.slots)
        wide, high, long = self.lattice.pitch
        (a, b, _), (c, d, _) = self.lattice.plane or ((1, 0, 0), (0, 1, 0))
        scale = abs(a * d - b * c)
        x, y = abs(d) * wide + abs(b) * high, abs(c) * wide + abs(a) * high
        return side * x / scale, side * y / scale, rounds * long


def neighbourhood(radius: int) -> list[tuple[int, int, int]]:
    """The offsets (dx, dy, dt) within the radius, in the order of their numbers."""
    span = range(-radius, radius + 1)
    return [
        (dx, dy, dt)
        for dt in span
        for dy in span
        for dx in span
        if (dx, dy, dt) != (0, 0, 0) and max(abs(dx), abs(dy)) + abs(dt) <= radius
    ]


def find_slots(lattice: Lattice, circuits: "Iterable[Circuit]") -> Geometry:
    """The geometry whose slots name every edge of all circuits, from either end."""
    found = set()
    for circuit in circuits:
        found |= circuit_slots(lattice, circuit)
    slots = sorted(found, key=lambda slot: (slot[3], slot[2], slot[1], slot[0]))
    if len(slots) > SLOTS_MAX:
        raise TrainingError(
            f"the edges have {len(slots)} offsets, more than the {SLOTS_MAX} that a network can have"
        )
    return Geometry(lattice, tuple(slots))


def circuit_slots(lattice: Lattice, circuit: "Circuit") -> set[tuple[int, int, int, int]]:
    """The slots of one circuit."""
    sites = find_sites(lattice, circuit)
    kinds = sites @ np.array(lattice.kind_rule) % lattice.kinds
    transposed = np.array(lattice.transposed, bool)[kinds]
    nodes = circuit.graph.edge_nodes()
    inner = nodes[nodes[:, 1] >= 0]
    found = {(0, 0, 0, 1)} if len(inner) < len(nodes) else set()
    for ends in (inner, inner[:, ::-1]):
        offsets = sites[ends[:, 1]] - sites[ends[:, 0]]
        own = np.where(transposed[ends[:, 0], None], offsets[:, [1, 0, 2]], offsets)
        far = np.flatnonzero(abs(own).max(axis=1, initial=0) > SLOT_OFFSET_MAX)
        if len(far):
            a, b = ends[far[0]]
            raise TrainingError(f"{circuit.name}: the edge D{a}-D{b} is longer than {SLOT_OFFSET_MAX} sites")
        found |= {(*row, 0) for row in np.unique(own, axis=0).tolist()}
    return found


def find_sites(lattice: Lattice, circuit: "Circuit") -> np.ndarray:
    """Whole coordinates of each detector, int64 of shape (detectors, 3)."""
    coordinates = checked_coordinates(circuit)
    places = coordinates[:, :2]
    if lattice.plane is not None:
        plane = np.array(lattice.plane, float)
        places = places @ plane[:, :2].T + plane[:, 2]
    scaled = places / np.array(lattice.pitch[:2])
    times = find_times(circuit.name, coordinates[:, 2], lattice.pitch[2])
    off = np.flatnonzero(~is_whole(scaled).all(axis=1))
    if len(off):
        raise TrainingError(
            f"{circuit.name}: detector D{off[0]} at {place_text(coordinates[off[0]])} is not on a lattice of pitch "
            f"{_listed(lattice.pitch)}; set --pitch"
        )
    return np.column_stack([np.rint(scaled).astype(np.int64), times])


def checked_coordinates(circuit: "Circuit") -> np.ndarray:
    """x, y and round of each detector."""
    coordinates = circuit.coordinates
    lacking = np.flatnonzero(~np.isfinite(coordinates).all(axis=1))
    if len(lacking):
        raise TrainingError(
            f"{circuit.name}: detector D{lacking[0]} has no coordinates (x, y, round); an event network needs "
            "them, plain decoding does not"
        )
    return coordinates


def find_times(name: str, times: np.ndarray, pitch: int) -> np.ndarray:
    """The rounds' sites: times divided by the pitch, or numbers of equal steps if some times are not whole."""
    scaled = times / pitch
    if not is_whole(times).all():
        steps = np.diff(np.unique(times))
        scaled = (times - times.min()) / min(steps[steps > TOLERANCE], default=1)
    off = np.flatnonzero(~is_whole(scaled))
    if len(off):
        raise TrainingError(
            f"{name}: detector D{off[0]} at time {times[off[0]]:g} is not in step with the others; set --pitch"
        )
    return np.rint(scaled).astype(np.int64)


def is_whole(values: np.ndarray) -> np.ndarray:
    """Where values are whole numbers, nearly."""
    return abs(values - np.rint(values)) <= TOLERANCE


def place_text(coordinates: np.ndarray) -> str:
    """For messages."""
    return f"({', '.join(f'{value:g}' for value in coordinates)})"


def _as_tuples(value: object) -> object:
    return tuple(map(_as_tuples, value)) if isinstance(value, list | tuple) else value


def _listed(numbers: "Iterable[int]") -> str:
    return ",".join(map(str, numbers))
