"""Makes taught shots: samples, keeps the unsure ones, asks the teacher.

A shot is unsure if its complementary gap, under the network's weights if there is one, is below a limit. The teacher
is a sum over errors of the model: the likelihood decoder's over likely ones, or the trellis' over all. Its ratio is
what the gap should be; it has far less noise than whether the observable was flipped.

What is made follows from the options alone, block by block of numbered shots: going on with a file gives what one
run would have given. Circuits take turns so that the kept shots of each are in proportion to its weight.
"""

import dataclasses
import hashlib
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import outrider

from .circuits import Circuit, Recipe, ShotStream, build, derive_seed, parse
from .errors import TrainingError
from .taught import Rows, TaughtFile

TEACHERS = ("likelihood", "trellis")
# Shots sampled at a time.
BLOCK_SHOTS = 1024
# Sure shots in a row from the first one on, after which a circuit is given up.
SURE_SHOTS_MAX = 2**24
# A shot is always summed up if the gap is below the limit, however sure two gaps are together.
NEVER = 1e9


@dataclass(frozen=True)
class Lesson:
    """The options that what is made follows from."""

    data: list[str] = field(default_factory=list)
    dem: list[str] = field(default_factory=list)
    network: str | None = None
    teacher: str = "likelihood"
    unsure: float = 12.0
    seed: int = 0

    def recipes(self) -> list[Recipe]:
        """Every circuit to make shots of."""
        files = [Recipe("dem", file=file) for file in self.dem]
        return [recipe for text in self.data for recipe in parse(text)] + files


class Teacher:
    """Taught shots of one circuit."""

    def __init__(self, circuit: Circuit, lesson: Lesson):
        self._unsure = lesson.unsure
        model = circuit.model
        try:
            if model.num_observables != 1:
                raise ValueError(f"{model.num_observables} observables; taught shots have one")
            network = None
            if lesson.network:
                network = outrider.Predecoder.from_file(lesson.network, model, circuit.graph)
            # Ratios as they decide: the scale of gaps beside them is an option of training.
            self._sum = outrider.Likelihood(
                model, predecoder=network, sure_gap=lesson.unsure, sure_mean=NEVER, gap_slope=1, sum_slope=1
            )
            self._trellis = outrider.Trellis(model) if lesson.teacher == "trellis" else None
        except (ValueError, OSError) as error:
            raise TrainingError(f"{circuit.name}: {error}") from None
        self._stream = ShotStream(circuit, derive_seed("taught shots", lesson.seed, circuit.name))

    def rows(self, first: int) -> Rows:
        """The unsure ones of the block of shots that begins with number `first`."""
        shots = self._stream.read(first, BLOCK_SHOTS)
        ratios = self._ratios(self._sum, shots.detectors)
        # The ratio of a sure shot is the limit, but for rounding to a unit of weight.
        kept = np.flatnonzero(abs(abs(ratios) - self._unsure) > 1e-2)
        if self._trellis and len(kept):
            ratios[kept] = self._ratios(self._trellis, shots.detectors[kept])
        flipped = shots.observables[kept, 0] & 1
        return Rows(shots.detectors[kept], flipped, ratios[kept].astype(np.float32))

    @staticmethod
    def _ratios(decoder: "outrider.Likelihood | outrider.Trellis", detectors: np.ndarray) -> np.ndarray:
        _, ratios = decoder.decode_batch(detectors, bit_packed_shots=True, return_ratios=True)
        return ratios[:, 0]


class Teaching:
    """A file in the making."""

    def __init__(self, lesson: Lesson, origin: dict, begun: TaughtFile | None = None):
        self.recipes = lesson.recipes()
        self.circuits = [build(recipe) for recipe in self.recipes]
        digest = _digest(lesson.network)
        if begun and begun.recipes != self.recipes:
            raise TrainingError("the circuits are not those of the file")
        if begun and begun.card["network_sha256"] != digest:
            raise TrainingError(f"{lesson.network}: not the network that the file was begun with")
        self._teachers = [Teacher(circuit, lesson) for circuit in self.circuits]
        self._parts = [[Rows.none(circuit)] for circuit in self.circuits]
        self.kept = [0] * len(self.circuits)
        self.sampled = [0] * len(self.circuits)
        self.card = origin | dataclasses.asdict(lesson) | {"network_sha256": digest}
        if begun:
            self.card = dict(begun.card)
            self.sampled = list(begun.card["sampled"])
            self._parts = [[rows] for rows in begun.rows]
            self.kept = [len(rows) for rows in begun.rows]

    def advance(self) -> None:
        """One block, of the circuit that has fewest shots for its weight."""
        shares = [kept / recipe.weight for kept, recipe in zip(self.kept, self.recipes, strict=True)]
        index = int(np.argmin(shares))
        rows = self._teachers[index].rows(self.sampled[index])
        if self.kept[index] + len(rows) == 0 and self.sampled[index] >= SURE_SHOTS_MAX:
            raise TrainingError(f"{self.circuits[index].name}: none of {self.sampled[index]} shots is unsure")
        self._parts[index].append(rows)
        self.kept[index] += len(rows)
        self.sampled[index] += BLOCK_SHOTS

    def file(self) -> TaughtFile:
        """What there is so far."""
        self._parts = [[Rows.join(parts)] for parts in self._parts]
        rows = [parts[0] for parts in self._parts]
        return TaughtFile(self.card | {"sampled": self.sampled}, self.recipes, rows)


@dataclass(frozen=True)
class Budget:
    """When to stop: after so many kept shots or minutes, or when asked."""

    shots: float
    minutes: float
    save_minutes: float = 5.0
    report_seconds: float = 20.0


def teach(teaching: Teaching, out: Path, budget: Budget, asked: threading.Event) -> None:
    """Makes shots until the budget is spent, and writes them now and then, and at the end."""
    begin = reported = saved = time.monotonic()
    while sum(teaching.kept) < budget.shots and not asked.is_set():
        teaching.advance()
        now = time.monotonic()
        if now - begin >= budget.minutes * 60:
            break
        if now - reported >= budget.report_seconds:
            print(f"{now - begin:7.0f} s  {_summary(teaching)}", flush=True)
            reported = now
        if now - saved >= budget.save_minutes * 60:
            teaching.file().write(out)
            saved = time.monotonic()
    teaching.file().write(out)
    print(f"wrote {out}: {_summary(teaching)}", flush=True)


def _summary(teaching: Teaching) -> str:
    return f"{sum(teaching.kept)} shots taught of {sum(teaching.sampled)} sampled"


def _digest(path: str | None) -> str | None:
    if path is None:
        return None
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise TrainingError(f"{path}: {error.strerror}") from None
