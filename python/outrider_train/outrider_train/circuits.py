"""The circuits to train on, and their shots.

A specification is words: a family and NAME=VALUE pairs, lists separated by commas, every combination a circuit:

    stim d=5,7,9 p=0.003,0.006 basis=x,z rounds=d weight=2
    paper d=7 noise-file=noise.json orientation=O1,O2
    dem file=own.dem

Shots are sampled by the C library. They depend on the seed and their number only, so nothing is stored: where a run
stands is one number for each circuit.
"""

import functools
import hashlib
import itertools
import json
import math
import shlex
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import outrider

from .errors import TrainingError

FAMILIES = ("stim", "paper", "paper-published")
# Shots that the sampler makes together.
BLOCK_SHOTS = 256
CIRCUITS_MAX = 4096


@dataclass(frozen=True)
class Recipe:
    """How to make one circuit, how often to train on it, and how much its gap's loss counts."""

    family: str
    distance: int = 0
    rounds: int = 0
    p: float = 0.0
    basis: str = "z"
    orientation: str = "O1"
    file: str = ""
    weight: float = 1.0
    gap_weight: float = 1.0

    @property
    def name(self) -> str:
        """For tables."""
        if self.family == "dem":
            return self.file
        noise = self.file or f"p={self.p:g}"
        words = [self.family, f"d={self.distance}", f"r={self.rounds}", noise, self.basis]
        return " ".join(words + [self.orientation] * (self.orientation != "O1"))


@dataclass(frozen=True)
class Shots:
    """Packed rows of shots: uint8, bit k of a row in byte k // 8 at k % 8."""

    detectors: np.ndarray
    observables: np.ndarray
    edges: np.ndarray

    def __getitem__(self, rows) -> "Shots":
        return Shots(*(array[rows] for array in (self.detectors, self.observables, self.edges)))

    def __len__(self) -> int:
        return len(self.detectors)

    @staticmethod
    def join(parts: "list[Shots]") -> "Shots":
        """The shots of all parts, in order."""
        names = ("detectors", "observables", "edges")
        return Shots(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


class Circuit:
    """An error model with its matching graph."""

    def __init__(self, name: str, model: outrider.Model, weight: float = 1.0, gap_weight: float = 1.0):
        self.name = name
        self.model = model
        self.weight, self.gap_weight = weight, gap_weight
        try:
            self.graph = outrider.MatchingGraph(model)
        except ValueError as error:
            raise TrainingError(f"{name}: {error}") from None
        if self.graph.num_edges == 0:
            raise TrainingError(f"{name}: the model has no edges to learn")
        if self.probabilities.max() == 1:
            raise TrainingError(f"{name}: an edge of the model always flips; there is nothing to learn of it")

    @functools.cached_property
    def coordinates(self) -> np.ndarray:
        """x, y and round of each detector; NaN where the model gives none."""
        return self.model.detector_coordinates()[:, :3]

    @functools.cached_property
    def probabilities(self) -> np.ndarray:
        """Of each edge."""
        return self.graph.edge_probabilities()

    @property
    def flips_per_shot(self) -> float:
        """Expected number of edges that flip."""
        return float(self.probabilities.sum())

    @functools.cached_property
    def events_per_shot(self) -> float:
        """Expected number of detection events: detectors of odd parity under independent edges."""
        nodes = self.graph.edge_nodes()
        bias = np.log(np.maximum(1 - 2 * self.probabilities, 1e-12))
        inner = nodes[:, 1] >= 0
        ends = np.concatenate([nodes[:, 0], nodes[inner, 1]])
        parity = np.bincount(ends, np.concatenate([bias, bias[inner]]), self.graph.num_detectors)
        return float((0.5 - 0.5 * np.exp(parity)).sum())


class ShotStream:
    """Numbered shots of one circuit."""

    def __init__(self, circuit: Circuit, seed: int):
        self._sampler = outrider.Sampler(circuit.model, seed, graph=circuit.graph)
        self._block = functools.lru_cache(maxsize=1)(self._sample_block)

    def read(self, first: int, count: int) -> Shots:
        """Shots first to first + count - 1."""
        parts = []
        while count:
            block, skip = divmod(first, BLOCK_SHOTS)
            taken = min(count, BLOCK_SHOTS - skip)
            parts.append(self._block(block)[skip : skip + taken])
            first, count = first + taken, count - taken
        return parts[0] if len(parts) == 1 else Shots.join(parts)

    def _sample_block(self, block: int) -> Shots:
        rows = self._sampler.sample(
            BLOCK_SHOTS, first_shot=block * BLOCK_SHOTS, bit_packed=True, return_edges=True
        )
        return Shots(*rows)


def derive_seed(*words: object) -> int:
    """A sampler's seed from words that say what it is for."""
    return int.from_bytes(hashlib.sha256(repr(words).encode()).digest()[:8], "little")


def parse(specification: str) -> list[Recipe]:
    """All recipes of a specification."""
    try:
        words = shlex.split(specification)
    except ValueError as error:
        raise _bad(specification, str(error)) from None
    family, pairs = (words[0], words[1:]) if words else ("", [])
    if family not in (*FAMILIES, "dem"):
        raise _bad(specification, f"expected {', '.join(FAMILIES)} or dem first")
    names = ("file", *_WEIGHTS) if family == "dem" else _CIRCUIT_NAMES
    lists = dict(_pair(specification, pair, names) for pair in pairs)
    count = math.prod(map(len, lists.values()))
    if count > CIRCUITS_MAX:
        raise _bad(specification, f"{count} circuits, more than {CIRCUITS_MAX}")
    return [
        _recipe(specification, family, dict(zip(lists, values, strict=True)))
        for values in itertools.product(*lists.values())
    ]


def build(recipe: Recipe) -> Circuit:
    """Makes the circuit of a recipe."""
    try:
        return Circuit(recipe.name, _model(recipe), recipe.weight, recipe.gap_weight)
    except (ValueError, OSError, OverflowError) as error:
        raise TrainingError(f"{recipe.name}: {error}") from None


def _model(recipe: Recipe) -> outrider.Model:
    if recipe.family == "dem":
        return outrider.Model.from_file(recipe.file)
    noise = json.loads(Path(recipe.file).read_text(encoding="utf-8")) if recipe.file else recipe.p
    code = outrider.SurfaceCode(
        recipe.distance,
        recipe.rounds,
        noise,
        basis=recipe.basis,
        circuit=recipe.family,
        orientation=recipe.orientation,
    )
    return code.model()


_WEIGHTS = ("weight", "gap-weight")
_CIRCUIT_NAMES = ("d", "p", "basis", "rounds", "orientation", "noise-file", *_WEIGHTS)


def _pair(specification: str, pair: str, names: tuple[str, ...]) -> tuple[str, list[str]]:
    name, separator, value = pair.partition("=")
    if not separator or name not in names:
        raise _bad(specification, f"{pair!r} is not one of {', '.join(f'{name}=' for name in names)}")
    return name, [value] if name in ("file", "noise-file") else value.split(",")


def _recipe(specification: str, family: str, values: dict[str, str]) -> Recipe:
    required = ("file",) if family == "dem" else ("d", "p" if "noise-file" not in values else "noise-file")
    for name in required:
        if name not in values:
            raise _bad(specification, f"{name}= is missing")
    if "p" in values and "noise-file" in values:
        raise _bad(specification, "p= and noise-file= exclude each other")
    try:
        weights = [float(values.get(name, "1")) for name in _WEIGHTS]
        distance = int(values.get("d", "0"))
        rounds = values.get("rounds", "d")
        recipe = Recipe(
            family=family,
            distance=distance,
            rounds=distance if rounds == "d" else int(rounds),
            p=float(values.get("p", "0")),
            basis=values.get("basis", "z"),
            orientation=values.get("orientation", "O1"),
            file=values.get("file", "") or values.get("noise-file", ""),
            weight=weights[0],
            gap_weight=weights[1],
        )
    except ValueError as error:
        raise _bad(specification, str(error)) from None
    if not all(0 < weight < float("inf") for weight in weights):
        raise _bad(specification, "a weight is not positive")
    return recipe


def _bad(specification: str, problem: str) -> TrainingError:
    return TrainingError(f"--data {specification!r}: {problem}")
