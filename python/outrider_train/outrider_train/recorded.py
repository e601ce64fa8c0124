"""Recorded shots: detection events of a device, with the observables that were measured.

Shots are numbered from 0 through all files. The fold says which are learned from: those of even or of odd numbers, or
all; the others are dropped as soon as a file is read, so that they can score. A part of the fold is held out: it
decides when training ends and is not trained on either.
"""

import functools
import hashlib
from pathlib import Path

import numpy as np
import outrider

from .circuits import Circuit, Shots, derive_seed
from .errors import TrainingError

FOLDS = {"even": (0, 2), "odd": (1, 2), "all": (0, 1)}
FORMATS = ("01", "b8", "r8", "ptb64", "hits", "dets")


class RecordedShots:
    """The fold's shots of one circuit: `held_out`, and the others in an endless row of shuffled turns."""

    def __init__(
        self,
        circuit: Circuit,
        shots: list[str],
        shots_format: str,
        obs: list[str],
        obs_format: str,
        fold: str,
        held_out: float,
        seed: int,
    ):
        if len(shots) != len(obs):
            raise TrainingError(f"{len(shots)} files of --shots and {len(obs)} of --obs; each has its own")
        if circuit.model.num_observables != 1:
            raise TrainingError(f"{circuit.name}: {circuit.model.num_observables} observables; recorded shots have one")
        self._edge_bytes = (circuit.graph.num_edges + 7) // 8
        first, parts, files = 0, [], []
        for path, truth in zip(shots, obs, strict=True):
            detectors = _read(path, shots_format, num_detectors=circuit.model.num_detectors)
            flipped = _read(truth, obs_format, num_observables=1)
            if len(detectors) != len(flipped):
                raise TrainingError(f"{path}: {len(detectors)} shots, and {truth} has observables of {len(flipped)}")
            start, step = FOLDS[fold]
            own = slice((start - first) % step, None, step)
            parts.append((detectors[own].copy(), flipped[own].copy()))
            first += len(detectors)
            files += [{"file": name, "sha256": _digest(name)} for name in (path, truth)]
        detectors, flipped = (np.concatenate(rows) for rows in zip(*parts, strict=True))
        order = np.random.default_rng(derive_seed("held out", seed)).permutation(len(detectors))
        count = round(held_out * len(detectors))
        if not 0 < count < len(detectors):
            raise TrainingError(
                f"--shots: fold {fold} has {len(detectors)} shots, {count} of them held out; training needs some of each"
            )
        held, trained = np.sort(order[:count]), np.sort(order[count:])
        self.held_out = self._rows(detectors[held], flipped[held])
        self._trained = detectors[trained], flipped[trained]
        self._seed = seed
        self._order = functools.lru_cache(maxsize=2)(self._new_order)
        self.described = {
            "files": files,
            "fold": fold,
            "shots": len(trained),
            "held_out": count,
        }

    def __len__(self) -> int:
        """Shots of one turn."""
        return len(self._trained[0])

    def read(self, first: int, count: int) -> Shots:
        """Shots first to first + count - 1 of the row. Which edges flipped is not known: none are set."""
        numbers = [np.zeros(0, np.int64)]
        while count:
            turn, skip = divmod(first, len(self))
            taken = min(count, len(self) - skip)
            numbers.append(self._order(turn)[skip : skip + taken])
            first, count = first + taken, count - taken
        rows = np.concatenate(numbers)
        return self._rows(*(array[rows] for array in self._trained))

    def _rows(self, detectors: np.ndarray, flipped: np.ndarray) -> Shots:
        return Shots(detectors, flipped, np.zeros((len(detectors), self._edge_bytes), np.uint8))

    def _new_order(self, turn: int) -> np.ndarray:
        return np.random.default_rng(derive_seed("recorded", self._seed, turn)).permutation(len(self))


def _read(path: str, format: str, **bits: int) -> np.ndarray:
    try:
        return outrider.read_shots(path, format, **bits)
    except (ValueError, OSError) as error:
        raise TrainingError(str(error)) from None


def _digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
