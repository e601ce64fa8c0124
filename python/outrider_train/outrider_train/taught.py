"""Taught shots: unsure ones with a teacher's log-likelihood ratio of the observable, in a file.

Training meets each several times, in an order that follows from the seed. A file is one .safetensors: for circuit
number i the tensors `detectors.i` (uint8, packed rows), `flipped.i` (uint8, the truth) and `ratios.i` (float32, of
the observable not flipped over flipped, natural units), and in the metadata a card of what made it.
"""

import dataclasses
import functools
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from .checkpoint import write_file
from .circuits import Circuit, Recipe, derive_seed
from .errors import TrainingError

FORMAT = "outrider-taught-shots"
VERSION = "1"
ARRAYS = ("detectors", "flipped", "ratios")


@dataclass(frozen=True)
class Rows:
    """Taught shots of one circuit."""

    detectors: np.ndarray
    flipped: np.ndarray
    ratios: np.ndarray

    def __getitem__(self, rows) -> "Rows":
        return Rows(*(getattr(self, name)[rows] for name in ARRAYS))

    def __len__(self) -> int:
        return len(self.ratios)

    @staticmethod
    def join(parts: "list[Rows]") -> "Rows":
        """The shots of all parts, in order."""
        return Rows(*(np.concatenate([getattr(part, name) for part in parts]) for name in ARRAYS))

    @staticmethod
    def none(circuit: Circuit) -> "Rows":
        """No shots."""
        width = (circuit.graph.num_detectors + 7) // 8
        return Rows(np.zeros((0, width), np.uint8), np.zeros(0, np.uint8), np.zeros(0, np.float32))

    def targets(self, of: str) -> np.ndarray:
        """The probability that the observable was not flipped: the teacher's (`ratios`), or the truth (`labels`)."""
        if of == "labels":
            return (1 - self.flipped).astype(np.float32)
        return (0.5 + 0.5 * np.tanh(self.ratios.astype(np.float64) / 2)).astype(np.float32)


@dataclass(frozen=True)
class TaughtFile:
    """What a file holds; `digest` is the SHA-256 of its bytes."""

    card: dict
    recipes: list[Recipe]
    rows: list[Rows]
    digest: str = ""

    def describe(self, path: Path) -> dict:
        """For checkpoints and cards."""
        names = ("command", "commit", "teacher", "network", "unsure", "seed", "sampled")
        shots = sum(map(len, self.rows))
        return {"file": str(path), "sha256": self.digest, "shots": shots} | {n: self.card[n] for n in names}

    def write(self, path: Path) -> None:
        """Replaces the file, all or nothing."""
        tensors = {
            f"{name}.{number}": np.ascontiguousarray(getattr(rows, name))
            for number, rows in enumerate(self.rows)
            for name in ARRAYS
        }
        card = self.card | {"recipes": [dataclasses.asdict(recipe) for recipe in self.recipes]}
        metadata = {"format": FORMAT, "version": VERSION, "card": json.dumps(card)}
        write_file(path, safetensors.numpy.save(tensors, metadata))

    @staticmethod
    def read(path: Path) -> "TaughtFile":
        """Reads a file and checks that its tensors belong together."""
        try:
            data = path.read_bytes()
            with safetensors.safe_open(path, "np") as file:
                metadata = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}
        except OSError as error:
            raise TrainingError(f"{path}: {error.strerror or error}") from None
        except Exception as error:
            raise TrainingError(f"{path}: not a safetensors file: {error}") from None
        if metadata.get("format") != FORMAT or metadata.get("version") != VERSION:
            raise TrainingError(f"{path}: not a file of taught shots of version {VERSION}")
        try:
            card = json.loads(metadata["card"])
            recipes = [Recipe(**recipe) for recipe in card.pop("recipes")]
            rows = [Rows(*(tensors[f"{name}.{i}"] for name in ARRAYS)) for i in range(len(recipes))]
            found = TaughtFile(card, recipes, rows, hashlib.sha256(data).hexdigest())
            found.describe(path)
        except (LookupError, TypeError, ValueError, RecursionError) as error:
            raise TrainingError(f"{path}: damaged: {type(error).__name__}: {error}") from None
        if not all(_fits(part) for part in rows):
            raise TrainingError(f"{path}: damaged: tensors of other types or sizes")
        return found


class TaughtShots:
    """The taught shots of several files, by circuit."""

    def __init__(self, paths: list[str], seed: int):
        self.described, parts, unsure = [], {}, []
        for path in map(Path, paths):
            file = TaughtFile.read(path)
            self.described.append(file.describe(path))
            unsure.append(float(file.card["unsure"]))
            for recipe, rows in zip(file.recipes, file.rows, strict=True):
                # A weight has done its work when the shots are made.
                parts.setdefault(dataclasses.replace(recipe, weight=1.0), []).append(rows)
        found = {recipe: Rows.join(rows) for recipe, rows in parts.items()}
        self.recipes = [recipe for recipe, rows in found.items() if len(rows)]
        if not self.recipes:
            raise TrainingError(f"{', '.join(paths)}: no taught shots")
        self.rows = [found[recipe] for recipe in self.recipes]
        self.unsure = max(unsure)
        self._seed = seed
        self._order = functools.lru_cache(maxsize=2 * len(self.rows))(self._new_order)

    def check(self, circuits: list[Circuit]) -> None:
        """Refuses shots of other models than the recipes now make."""
        for circuit, rows in zip(circuits, self.rows, strict=True):
            if rows.detectors.shape[1] != (circuit.graph.num_detectors + 7) // 8:
                raise TrainingError(f"{circuit.name}: the taught shots are of another model")

    def read(self, index: int, first: int, count: int) -> Rows:
        """Shots first to first + count - 1 of a circuit's endless row of shuffled turns."""
        total = len(self.rows[index])
        numbers = []
        while count:
            turn, skip = divmod(first, total)
            taken = min(count, total - skip)
            numbers.append(self._order(index, turn)[skip : skip + taken])
            first, count = first + taken, count - taken
        return self.rows[index][np.concatenate([np.zeros(0, np.int64), *numbers])]

    def _new_order(self, index: int, turn: int) -> np.ndarray:
        seed = derive_seed("taught", self._seed, index, turn)
        return np.random.default_rng(seed).permutation(len(self.rows[index]))


def _fits(rows: Rows) -> bool:
    kinds = [getattr(rows, name).dtype for name in ARRAYS]
    shapes = [getattr(rows, name).shape for name in ARRAYS]
    lengths = {shape[0] for shape in shapes if shape}
    return (
        kinds == [np.uint8, np.uint8, np.float32]
        and [len(shape) for shape in shapes] == [2, 1, 1]
        and len(lengths) == 1
        and not np.isnan(rows.ratios).any()
    )
