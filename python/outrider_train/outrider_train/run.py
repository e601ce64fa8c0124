"""A run from beginning to end: it reports, measures itself on fixed shots, writes checkpoints and stops when asked."""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import checkpoint
from .batches import BatchMaker
from .circuits import Circuit, build, parse
from .errors import TrainingError
from .evaluate import FixedShots, Row
from .network import EventNetwork
from .train import PHASES, RECORDED, TIMED_STEPS, Trainer, Verdict

# Of the timed steps the first ones are slower and do not count.
UNTIMED_STEPS = 10


class Watch:
    """Measures a run on fixed shots as it goes."""

    def __init__(self, trainer: Trainer):
        settings = trainer.settings
        circuits = [build(recipe) for text in settings.watch for recipe in parse(text)]
        self._shots = [
            FixedShots(circuit, settings.watch_shots)
            for circuit in circuits or [median_circuit(trainer.circuits)]
        ]
        self._makers = [
            BatchMaker(shots.circuit, trainer.geometry, settings.offset, trainer.ranks.device)
            for shots in self._shots
        ]

    def measure(self, network: EventNetwork) -> list[Row]:
        """A row for each circuit."""
        return [shots.measure(maker, network) for shots, maker in zip(self._shots, self._makers, strict=True)]


def median_circuit(circuits: list[Circuit]) -> Circuit:
    """The one with the median number of events."""
    return sorted(circuits, key=lambda circuit: circuit.events_per_shot)[len(circuits) // 2]


@dataclass(frozen=True)
class Output:
    """Where a run writes and how often it speaks; changes nothing of the result."""

    checkpoint: Path | None
    checkpoint_minutes: float = 5.0
    report_seconds: float = 20.0
    watch_every: float = 0.2


def run(trainer: Trainer, output: Output) -> list[Row]:
    """Trains to the end, or to a signal (SIGINT, SIGTERM), and measures the result."""
    ranks = trainer.ranks
    watch = Watch(trainer) if ranks.first else None
    if ranks.first:
        parameters = sum(p.numel() for p in trainer.network.parameters())
        print(
            f"{len(trainer.circuits)} circuits, {len(trainer.geometry.slots)} slots, {parameters} parameters"
        )
        if trainer.shots:
            print(f"resumed at step {trainer.step} of phase {PHASES[min(trainer.phase, RECORDED)]}")
        print(Row.HEADER, flush=True)
    reporter = _Reporter(trainer, output, watch)
    clock = _Clock(trainer)
    with stop_signals(ranks.size == 1) as asked:
        while not trainer.done and not asked.is_set():
            loss, count = trainer.advance()
            clock.tick()
            reporter.tick(loss, count)
    if not trainer.done:
        reporter.save()
        if not reporter.has_saved:
            raise TrainingError("stopped before the first checkpoint")
        raise TrainingError(f"stopped; --resume {output.checkpoint} goes on from the last checkpoint")
    rows = watch.measure(trainer.average) if watch else []
    if ranks.first:
        print("\n".join(map(str, rows)), flush=True)
    reporter.save()
    return rows


class _Clock:
    """Times the first steps of a phase whose number of steps is still open."""

    def __init__(self, trainer: Trainer):
        self._trainer = trainer
        self._start = 0.0

    def tick(self) -> None:
        trainer = self._trainer
        if trainer.done or trainer.plan[trainer.phase] is not None:
            return
        if trainer.step == UNTIMED_STEPS:
            self._start = time.perf_counter()
        elif trainer.step == TIMED_STEPS:
            elapsed = time.perf_counter() - self._start
            trainer.set_plan(elapsed / (TIMED_STEPS - UNTIMED_STEPS))


class _Reporter:
    """Prints lines, measures now and then, and writes checkpoints."""

    def __init__(self, trainer: Trainer, output: Output, watch: Watch | None):
        self._trainer, self._output, self._watch = trainer, output, watch
        self.has_saved = False
        self._begin = self._reported = self._saved = time.monotonic()
        self._losses, self._shots, self._data = [], 0, trainer.data_seconds
        self._watched = trainer.progress
        self._verdict = trainer.verdict

    def tick(self, loss: float, count: int) -> None:
        trainer, output = self._trainer, self._output
        if trainer.ranks.first and trainer.verdict != self._verdict:
            self._verdict = trainer.verdict
            print(_verdict_line(trainer.verdict, trainer.held_out, trainer.best), flush=True)
        if not trainer.ranks.first or trainer.done:
            return
        self._losses.append(loss)
        self._shots += count
        now = time.monotonic()
        if now - self._reported >= output.report_seconds:
            self._report(now)
        if trainer.progress - self._watched >= output.watch_every:
            self._watched = trainer.progress
            print("\n".join(map(str, self._watch.measure(trainer.average))), flush=True)
            self._restart(time.monotonic())
        if now - self._saved >= output.checkpoint_minutes * 60:
            self.save()

    def save(self) -> None:
        """Writes a checkpoint, if this moment has one."""
        trainer = self._trainer
        if trainer.ranks.first and self._output.checkpoint and trainer.resumable:
            checkpoint.save(self._output.checkpoint, trainer.state())
            self._saved = time.monotonic()
            self.has_saved = True

    def _report(self, now: float) -> None:
        trainer = self._trainer
        print(
            f"{now - self._begin:7.0f} s  {PHASES[trainer.phase]:<5} "
            f"step {trainer.step} of {trainer.plan[trainer.phase] or '?'}  "
            f"loss {np.mean(self._losses):.4f}  {self._shots / (now - self._reported):.0f} shots/s"
            f"  data {(trainer.data_seconds - self._data) / (now - self._reported):.0%}"
            f"{'  whole numbers' if trainer.network.shifts else ''}",
            flush=True,
        )
        self._restart(now)

    def _restart(self, now: float) -> None:
        """Of what a line tells."""
        self._reported, self._losses, self._shots = now, [], 0
        self._data = self._trainer.data_seconds


def _verdict_line(verdict: Verdict, shots: int, best: Verdict) -> str:
    return (
        f"recorded shots, pass {verdict.passes}: loss {verdict.loss:.5f} and {verdict.failures} failures of {shots} "
        f"held out{'' if verdict == best else f'; best after pass {best.passes}'}"
    )


@contextlib.contextmanager
def stop_signals(is_single: bool = True) -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set, so that a run ends between two steps. Several processes just end."""
    asked = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM) if is_single else ()
    before = {number: signal.signal(number, lambda *_: asked.set()) for number in numbers}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
