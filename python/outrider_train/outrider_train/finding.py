"""Finds the lattice that the detectors of models stand on.

The lattice has a site at every place where a detector is. Its steps are the shortest way that often leads from one
place to another, and the shortest across. Where edges mostly join sites of one colour of a chessboard, the colours are
two kinds. There are eight ways to lay a square on the lattice and two to number the kinds; that with the fewest slots
is taken, and the greatest in order among equals. So the same code has the same slots however its coordinates are
turned, and networks that were trained for it go on (`--init`). Coordinates as Stim's generator has them are left as
they are.
"""

import itertools
import math
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from .errors import TrainingError
from .geometry import TOLERANCE, Lattice, checked_coordinates, circuit_slots, is_whole, place_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .circuits import Circuit

# Places in the middle whose ways to all others are compared.
MIDDLE_PLACES = 64
# Largest denominator of a coordinate, and largest number of a plane.
DENOMINATOR_MAX = 1000
PLANE_MAX = 2**20
# The ways to lay a square on the lattice: signs of x and y, after an exchange or not.
TURNS = [
    np.array(rows)
    for x, y in itertools.product((1, -1), repeat=2)
    for rows in (((x, 0), (0, y)), ((0, x), (y, 0)))
]


def find_lattice(
    circuits: "Sequence[Circuit]", transposed: "Sequence[int] | None", untied: bool, radius: int
) -> Lattice:
    """The lattice of all circuits. Kinds have frames and weights as asked for; in pairs of mirrored frames if not."""
    coordinates = [checked_coordinates(circuit) for circuit in circuits]
    for circuit, rows in zip(circuits, coordinates, strict=True):
        _check_places(circuit, rows)
    places = np.unique(np.concatenate(coordinates)[:, :2], axis=0)
    steps = _steps(places)
    times = np.concatenate(coordinates)[:, 2]
    pitch_t = math.gcd(*np.rint(times).astype(np.int64).tolist()) or 1 if is_whole(times).all() else 1
    if _is_as_stim(places, steps):
        pitch = (*Lattice.pitch[:2], pitch_t)
        return _lattice(Lattice().kinds, transposed, untied, radius, pitch, Lattice.kind_rule, None)
    inverse = _inverse(steps, circuits[0].name)
    origin = [_fraction(value, circuits[0].name) for value in _origin(places, inverse)]
    for circuit, rows in zip(circuits, coordinates, strict=True):
        _check_sites(circuit, rows, inverse, origin)
    kinds = 2 if _has_colours(circuits, coordinates, inverse, origin) else 1
    rule = (1, 1, 0) if kinds == 2 else (0, 0, 0)
    best = None
    for turn, shift in itertools.product(TURNS, range(kinds)):
        plane, pitch = _plane(turn, shift, inverse, origin, circuits[0].name)
        lattice = _lattice(kinds, transposed, untied, radius, (*pitch, pitch_t), rule, plane)
        slots = sorted(set().union(*(circuit_slots(lattice, circuit) for circuit in circuits)), key=_order)
        rank = (-len(slots), slots)
        if best is None or rank > best[0]:
            best = (rank, lattice)
    return best[1]


def _order(slot: tuple[int, int, int, int]) -> tuple[int, ...]:
    return slot[::-1]


def _lattice(kinds, transposed, untied, radius, pitch, rule, plane) -> Lattice:
    if transposed is None:
        transposed = range(kinds)
    if len(transposed) != kinds:
        raise TrainingError(f"--transposed has {len(transposed)} numbers, and the models' lattice has {kinds} kinds")
    sets = tuple(range(kinds)) if untied else (0,) * kinds
    return Lattice(tuple(pitch), tuple(rule), tuple(transposed), sets, radius, plane)


def _middle(places: np.ndarray) -> np.ndarray:
    order = np.argsort(np.square(places - places.mean(axis=0)).sum(axis=1), kind="stable")
    return places[order[:MIDDLE_PLACES]]


def _steps(places: np.ndarray) -> np.ndarray:
    """Rows: the shortest frequent way between two places, and the shortest across, as nearly upright as there is."""
    ways = (places[None, :, :] - _middle(places)[:, None, :]).reshape(-1, 2)
    ways = ways[np.hypot(*ways.T) > TOLERANCE]
    if len(ways) == 0:
        return np.eye(2)
    _, first, counts = np.unique(np.round(ways, 6), axis=0, return_index=True, return_counts=True)
    ways = ways[first[2 * counts >= counts.max()]]
    lengths = np.hypot(*ways.T)
    first = ways[np.lexsort((-ways[:, 1], -ways[:, 0], np.round(lengths, 6)))[0]]
    length = math.hypot(*first)
    upright = np.array([-first[1], first[0]])
    across = np.abs(ways @ upright) > 0.1 * length * lengths
    ways, lengths = ways[across], lengths[across]
    if len(ways) == 0:
        return np.stack([first, upright])
    slant = np.round(np.abs(ways @ first) / (length * lengths), 6)
    second = ways[np.lexsort((-(ways @ upright), slant, np.round(lengths, 6)))[0]]
    return np.stack([first, second])


def _origin(places: np.ndarray, inverse: list[list[Fraction]]) -> np.ndarray:
    """The place that most others are whole sites away from."""
    middle = _middle(places)
    fits = [is_whole(_sites(places, inverse, place)).all(axis=1).sum() for place in middle]
    return middle[int(np.argmax(fits))]


def _is_as_stim(places: np.ndarray, steps: np.ndarray) -> bool:
    """Whether places are even ones, as dense as stabilisers are."""
    pitch = np.array(Lattice.pitch[:2])
    return bool(is_whole(places / pitch).all()) and math.hypot(*steps[0]) <= math.hypot(*pitch) + TOLERANCE


def _fraction(value: float, name: str) -> Fraction:
    fraction = Fraction(float(value)).limit_denominator(DENOMINATOR_MAX)
    if abs(float(fraction) - value) > TOLERANCE:
        raise TrainingError(
            f"{name}: the coordinate {value:g} is no ratio of small whole numbers; an event network cannot have such "
            "a lattice"
        )
    return fraction


def _inverse(steps: np.ndarray, name: str) -> list[list[Fraction]]:
    """The matrix that makes sites of ways."""
    (a, b), (c, d) = ([_fraction(value, name) for value in step] for step in steps)
    determinant = a * d - b * c
    return [[d / determinant, -c / determinant], [-b / determinant, a / determinant]]


def _sites(rows: np.ndarray, inverse: list[list[Fraction]], origin: "Sequence[Fraction] | np.ndarray") -> np.ndarray:
    """x and y of the sites, not turned yet and perhaps not whole."""
    return (rows[:, :2] - np.array(origin, float)) @ np.array(inverse, float).T


def _check_sites(circuit: "Circuit", rows: np.ndarray, inverse: list[list[Fraction]], origin: list[Fraction]) -> None:
    off = np.flatnonzero(~is_whole(_sites(rows, inverse, origin)).all(axis=1))
    if len(off):
        raise TrainingError(
            f"{circuit.name}: detector D{off[0]} at {place_text(rows[off[0]])} is not on a lattice with the others; "
            "set --pitch and --kind-rule"
        )


def _check_places(circuit: "Circuit", rows: np.ndarray) -> None:
    _, first, same = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    again = np.flatnonzero(first[same] != np.arange(len(rows)))
    if len(again):
        raise TrainingError(
            f"{circuit.name}: detectors D{first[same][again[0]]} and D{again[0]} have the same place, "
            f"{place_text(rows[again[0]])}"
        )


def _has_colours(
    circuits: "Sequence[Circuit]", coordinates: list[np.ndarray], inverse: list[list[Fraction]], origin: list[Fraction]
) -> bool:
    """Whether there are two kinds, as on a chessboard: most edges between two places join one colour."""
    joined = total = 0
    for circuit, rows in zip(circuits, coordinates, strict=True):
        sites = np.rint(_sites(rows, inverse, origin)).astype(np.int64)
        ends = circuit.graph.edge_nodes()
        ends = ends[ends[:, 1] >= 0]
        ways = sites[ends[:, 1]] - sites[ends[:, 0]]
        ways = ways[(ways != 0).any(axis=1)]
        total += len(ways)
        joined += int((ways.sum(axis=1) % 2 == 0).sum())
    return 2 * joined > total


def _plane(
    turn: np.ndarray, shift: int, inverse: list[list[Fraction]], origin: list[Fraction], name: str
) -> tuple[tuple[tuple[int, int, int], ...], tuple[int, int]]:
    """The plane and the pitch of sites turned, and moved by `shift` along x."""
    plane, pitch = [], []
    for axis, move in ((0, shift), (1, 0)):
        row = [sum((int(turn[axis, k]) * inverse[k][j] for k in range(2)), Fraction(0)) for j in range(2)]
        row.append(move - row[0] * origin[0] - row[1] * origin[1])
        scale = math.lcm(*(value.denominator for value in row))
        plane.append(tuple(int(value * scale) for value in row))
        pitch.append(scale)
    if max(abs(value) for row in plane for value in (*row, *pitch)) > PLANE_MAX:
        raise TrainingError(f"{name}: the lattice of the detectors has steps too odd for an event network")
    return tuple(plane), tuple(pitch)
