"""Recorded shots: detection events of a device, with the observables that were measured.

Shots are numbered from 0 in each file. The fold says which are learned from: those of even or of odd numbers, or all;
the others are dropped as soon as a file is read, so that they can score. A part of the fold is held out: it decides
when training ends and is not trained on either.
"""

import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import outrider

from .circuits import Circuit, Shots, derive_seed
from .errors import TrainingError

FOLDS = {"even": slice(0, None, 2), "odd": slice(1, None, 2), "all": slice(None)}
FORMATS = ("01", "b8", "r8", "ptb64", "hits", "dets")


class RecordedFile:
    """The fold's shots of one file: a part `held_out` by chance, the others in an endless row of shuffled turns."""

    def __init__(
        self,
        circuit: Circuit,
        paths: tuple[str, str],
        formats: tuple[str, str],
        fold: str,
        held_out: float,
        seed: object,
    ):
        if circuit.model.num_observables != 1:
            raise TrainingError(f"{circuit.name}: {circuit.model.num_observables} observables; recorded shots have one")
        detectors = _read(paths[0], formats[0], num_detectors=circuit.model.num_detectors)
        observables = _read(paths[1], formats[1], num_observables=1)
        if len(detectors) != len(observables):
            raise TrainingError(
                f"{paths[0]}: {len(detectors)} shots, and {paths[1]} has the observables of {len(observables)}"
            )
        own = FOLDS[fold]
        edges = np.zeros((len(detectors[own]), (circuit.graph.num_edges + 7) // 8), np.uint8)
        # Which edges flipped is not known: none are set.
        shots = Shots(detectors[own].copy(), observables[own].copy(), edges)
        order = np.random.default_rng(derive_seed("held out", seed)).permutation(len(shots))
        count = round(held_out * len(order))
        if not 0 < count < len(order):
            raise TrainingError(
                f"{paths[0]}: {len(order)} shots in fold {fold}, {count} of them held out; training needs some of each"
            )
        self.held_out = shots[np.sort(order[:count])]
        self._shots = shots[np.sort(order[count:])]
        self._seed = seed
        self._order = functools.lru_cache(maxsize=2)(self._new_order)
        self.described = {
            "model": circuit.name,
            "shots": _describe(paths[0]),
            "observables": _describe(paths[1]),
            "fold": fold,
            "trained": len(self._shots),
            "held_out": count,
        }

    def __len__(self) -> int:
        """Shots of one turn."""
        return len(self._shots)

    def read(self, first: int, count: int) -> Shots:
        """Shots first to first + count - 1 of the row."""
        numbers = [np.zeros(0, np.int64)]
        while count:
            turn, skip = divmod(first, len(self))
            taken = min(count, len(self) - skip)
            numbers.append(self._order(turn)[skip : skip + taken])
            first, count = first + taken, count - taken
        return self._shots[np.concatenate(numbers)]

    def _new_order(self, turn: int) -> np.ndarray:
        return np.random.default_rng(derive_seed("recorded", self._seed, turn)).permutation(len(self))


def read_recorded(
    circuits: Sequence[Circuit],
    shots: Sequence[str],
    obs: Sequence[str],
    formats: tuple[str, str],
    fold: str,
    held_out: float,
    seed: int,
) -> list[RecordedFile]:
    """The shots of each circuit, in order; none without files."""
    if not shots:
        return []
    if len(shots) != len(obs):
        raise TrainingError(f"{len(shots)} files of --shots and {len(obs)} of --obs; each needs the other")
    if len(shots) != len(circuits):
        raise TrainingError(f"{len(shots)} files of --shots and {len(circuits)} models; each needs the other")
    return [
        RecordedFile(circuit, tuple(paths), formats, fold, held_out, (seed, number))
        for number, (circuit, *paths) in enumerate(zip(circuits, shots, obs, strict=True))
    ]


def _read(path: str, format: str, **bits: int) -> np.ndarray:
    try:
        return outrider.read_shots(path, format, **bits)
    except (ValueError, OSError) as error:
        raise TrainingError(str(error)) from None


def _describe(path: str) -> dict:
    return {"file": path, "sha256": hashlib.sha256(Path(path).read_bytes()).hexdigest()}
