"""Training, step by step.

Two phases: cross-entropy of edge flips, then the gap (objective.py). Each is so many steps of Adam with a warm-up and
a cosine decay; weights are averaged. Where there are recorded shots, a third phase goes on with their gaps, pass after
pass. After each the averaged weights are judged by the shots held out; the best are kept, and the phase ends after some
passes without better ones. For the last part of the steps numbers are rounded as the integer network's.

A run repeats bit for bit on one machine: shots are numbered, the circuit of a step follows from seed and step. With a
budget in minutes the first steps of a phase are timed to choose their number; it goes into the checkpoint, and no
checkpoint is written before it is known. A budget of just as many steps is the same run.
"""

import copy
import math
import time
from dataclasses import asdict, dataclass

import numpy as np
import torch

from .batches import Batch, BatchMaker
from .circuits import Shots, ShotStream, build, derive_seed
from .errors import TrainingError
from .geometry import Geometry, find_slots
from .initial import Initial
from .integers import choose_shifts
from .network import EventNetwork
from .objective import flip_loss, gap_losses, judge, taught_losses
from .ranks import Ranks
from .recorded import read_recorded
from .scales import measure_scales
from .settings import Settings
from .taught import TaughtShots

FLIPS, GAP, RECORDED = 0, 1, 2
PHASES = ("flips", "gap", "recorded")
# Steps that choose the number of steps from a budget in minutes, and the least number chosen.
TIMED_STEPS = 60
STEPS_MIN = 100
# Steps in which the learning rate grows, and what is left of it at the end.
WARM_UP_STEPS = (200, 100, 50)
FINAL_RATE = 0.02
# The averaged weights reach back over one in so many of the steps that a phase has made.
AVERAGE_SHARES = (10, 10, 3)
GRADIENT_MAX = (2.5, 1.0, 1.0)
SHOTS_PER_STEP_MIN = 8
# Shots judged at a time.
JUDGED_SHOTS = 2048
ADAM_BETAS = (0.9, 0.98)


@dataclass(frozen=True)
class Verdict:
    """What the shots held out say of the weights after so many passes over the others: mean gap loss and failures."""

    passes: int
    loss: float
    failures: int


class Trainer:
    """A run that begins, or goes on from a checkpoint's `state`. `origin` is that of origin.py."""

    def __init__(
        self,
        settings: Settings,
        ranks: Ranks,
        origin: dict,
        state: dict | None = None,
        initial: Initial | None = None,
    ):
        self.settings = settings
        self.ranks = ranks
        self.origin = origin
        self.taught = TaughtShots(settings.taught, settings.seed) if settings.taught else None
        recipes = self.taught.recipes if self.taught else settings.recipes()
        self.circuits = [build(recipe) for recipe in recipes]
        if self.taught:
            self.taught.check(self.circuits)
        self.recorded = read_recorded(
            self.circuits,
            settings.shots,
            settings.obs,
            (settings.shots_format, settings.obs_format),
            settings.shots_fold,
            settings.held_out,
            settings.seed,
        )
        self.geometry = find_slots(settings.lattice(self.circuits), self.circuits)
        if state:
            self._check(state)
        self._makers = [
            BatchMaker(circuit, self.geometry, settings.offset, ranks.device) for circuit in self.circuits
        ]
        seed = settings.seed
        self._streams = [
            ShotStream(circuit, derive_seed("training", seed, index, circuit.name))
            for index, circuit in enumerate(self.circuits)
        ]
        is_screened = settings.shares()[GAP] > 0 and not self.taught
        self._scales = [measure_scales(maker, settings) for maker in self._makers] if is_screened else []
        self._chances = [self._chances_in(phase) for phase in range(len(PHASES))]
        self.network = EventNetwork(self.geometry, settings.width, settings.layers, settings.offset, seed).to(
            ranks.device
        )
        if initial:
            initial.load_into(self.network)
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        self.plan: list[int | None] = [self._planned(phase) for phase in range(len(PHASES))]
        self.phase, self.step = FLIPS, 0
        self.cursors = [0] * len(self.circuits)
        self.taught_cursors = [0] * len(self.circuits)
        self.recorded_cursors = [0] * len(self.circuits)
        # By the shots held out: the last weights, the best ones, and these.
        self.verdict: Verdict | None = None
        self.best: Verdict | None = None
        self._best_weights: dict | None = None
        self.shots = 0
        self.data_seconds = 0.0  # spent on sampling and preparing, in this process
        self._begin(FLIPS)
        if state:
            self._restore(state)

    @property
    def done(self) -> bool:
        """Whether every phase has made all its steps."""
        return self.phase == len(PHASES)

    @property
    def resumable(self) -> bool:
        """Whether a checkpoint of this moment would repeat the run exactly."""
        return self.done or self.plan[self.phase] is not None

    @property
    def progress(self) -> float:
        """From 0 to 1, over the phases of sampled shots."""
        if self.done or self.phase == RECORDED:
            return 1.0
        share = self.settings.shares()
        return (self.phase == GAP) * share[FLIPS] + share[self.phase] * self._fraction()

    def advance(self) -> tuple[float, int]:
        """One step, as mean loss and shots; begins the next phase after the last of one."""
        self._round_from_here()
        if self.phase == RECORDED and self.verdict is None:
            self._judge(0)
        index = self._next_circuit()
        count = self._shots_per_step(index, self.phase)
        part = self.ranks.part(count)
        if self.phase == RECORDED:
            loss = self._recorded_loss(index, count, part)
        elif self.taught and self.phase == GAP:
            loss = self._taught_loss(index, count, part)
        else:
            loss = self._sampled_loss(index, count, part)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        loss = self._add_gradients(loss)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), GRADIENT_MAX[self.phase])
        for group in self._optimiser.param_groups:
            group["lr"] = self._rate()
        self._optimiser.step()
        self._average_weights()
        self.step += 1
        self.shots += count
        is_last = self.step == self.plan[self.phase]
        if self.phase == RECORDED and self.step % self._steps_per_pass() == 0:
            passes = self.step // self._steps_per_pass()
            self._judge(passes)
            is_last = is_last or passes - self.best.passes >= self.settings.patience
            if is_last:
                self.average.load_state_dict(self._best_weights)
        if is_last:
            self._begin(self.phase + 1)
        return loss, count

    @property
    def held_out(self) -> int:
        """Recorded shots that judge."""
        return sum(len(file.held_out) for file in self.recorded)

    def set_plan(self, seconds_per_step: float) -> None:
        """Chooses the steps of the present phase from the budget in minutes."""
        share = self.settings.shares()[self.phase]
        steps = self.settings.minutes * 60 * share / self.ranks.agree(seconds_per_step)
        self.plan[self.phase] = max(STEPS_MIN, int(steps))

    def state(self) -> dict:
        """For a checkpoint."""
        return {
            "settings": asdict(self.settings),
            "origin": self.origin,
            "geometry": self.geometry.as_dict(),
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "shifts": self.network.shifts,
            "phase": self.phase,
            "step": self.step,
            "plan": self.plan,
            "cursors": self.cursors,
            "taught": self.taught.described if self.taught else [],
            "taught_cursors": self.taught_cursors,
            "recorded": [file.described for file in self.recorded],
            "recorded_cursors": self.recorded_cursors,
            "best": asdict(self.best) if self.best else None,
            "verdict": asdict(self.verdict) if self.verdict else None,
            "best_weights": self._best_weights,
            "shots": self.shots,
        }

    def _check(self, state: dict) -> None:
        """Refuses a checkpoint that this run does not go on from exactly."""
        if Geometry.from_dict(state["geometry"]) != self.geometry:
            raise TrainingError("the training models are not those of the checkpoint")
        for before, now in zip(state["taught"], self.taught.described if self.taught else [], strict=True):
            if before["sha256"] != now["sha256"]:
                raise TrainingError(f"--resume: {now['file']} has changed since the run began")
        for before, now in zip(state["recorded"], (file.described for file in self.recorded), strict=True):
            for name in ("shots", "observables"):
                if before[name]["sha256"] != now[name]["sha256"]:
                    raise TrainingError(f"--resume: {now[name]['file']} has changed since the run began")
        for name in ("device", "processes"):
            before, now = state["origin"][name], self.origin[name]
            if before != now:
                raise TrainingError(f"--resume: the run began with {name} {before}, now it is {now}")

    def _restore(self, state: dict) -> None:
        self.origin = state["origin"]
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.network.shifts = self.average.shifts = state["shifts"]
        self.phase, self.step = state["phase"], state["step"]
        self.plan, self.cursors, self.shots = state["plan"], state["cursors"], state["shots"]
        self.taught_cursors = state["taught_cursors"]
        self.recorded_cursors = state["recorded_cursors"]
        if state["verdict"]:
            self.verdict = Verdict(**state["verdict"])
            self.best = Verdict(**state["best"])
            self._best_weights = state["best_weights"]
        self._optimiser = self._new_optimiser()
        self._optimiser.load_state_dict(state["optimiser"])

    def _begin(self, phase: int) -> None:
        """Begins a phase with the averaged weights; passes over phases without steps."""
        while phase < len(PHASES) and self.plan[phase] == 0:
            phase += 1
        self.phase, self.step = phase, 0
        self.network.load_state_dict(self.average.state_dict())
        self._optimiser = self._new_optimiser()

    def _planned(self, phase: int) -> int | None:
        """Steps of a phase, at most; None where a budget in minutes leaves them open."""
        if phase == RECORDED:
            return self.settings.passes * self._steps_per_pass()
        if self.settings.steps:
            return self.settings.steps[phase]
        share = self.settings.shares()[phase]
        if share == 0:
            return 0
        if self.settings.sampled_shots is None:
            return None
        counts = [self._shots_per_step(index, phase) for index in range(len(self.circuits))]
        return math.ceil(self.settings.sampled_shots * share / float(self._chances[phase] @ counts))

    def _chances_in(self, phase: int) -> np.ndarray:
        """Of each circuit in a step. Taught and recorded shots come up equally often, whatever their circuit."""
        own = self.taught.rows if phase == GAP and self.taught else self.recorded if phase == RECORDED else []
        if own:
            weights = [len(rows) / self._shots_per_step(i, phase) for i, rows in enumerate(own)]
        else:
            weights = [circuit.weight for circuit in self.circuits]
        return np.array(weights) / sum(weights)

    def _next_circuit(self) -> int:
        random = np.random.default_rng([self.settings.seed, self.phase, self.step])
        return int(random.choice(len(self.circuits), p=self._chances[self.phase]))

    def _shots_per_step(self, index: int, phase: int) -> int:
        settings = self.settings
        events = (settings.events, settings.gap_events, settings.shots_events)[phase]
        count = int(events / max(self.circuits[index].events_per_shot, 1e-3))
        count = max(count, SHOTS_PER_STEP_MIN, self.ranks.size)
        return count * self._scales[index].factor if phase == GAP and not self.taught else count

    def _sampled_loss(self, index: int, count: int, part: range) -> torch.Tensor:
        """This process's part of the mean loss of a step of `count` sampled shots."""
        start = time.perf_counter()
        shots = self._streams[index].read(self.cursors[index] + part.start, len(part))
        batch = self._makers[index].make(shots) if self.phase == FLIPS else None
        self.data_seconds += time.perf_counter() - start
        self.cursors[index] += count
        return self._loss(index, shots, batch, count, part.start)

    def _taught_loss(self, index: int, count: int, part: range) -> torch.Tensor:
        """Of a step of `count` taught shots, and sampled ones that keep the cross-entropy of flips."""
        settings, cursor = self.settings, self.taught_cursors[index]
        kept = max(self.ranks.size, round(count * settings.keep))
        own = self.ranks.part(kept)
        start = time.perf_counter()
        taught = self.taught.read(index, cursor + part.start, len(part))
        shots = self._streams[index].read(self.cursors[index] + own.start, len(own))
        self.data_seconds += time.perf_counter() - start
        self.taught_cursors[index] += count
        self.cursors[index] += kept
        targets = taught.targets(settings.targets)
        gap, flips = taught_losses(
            self.network, self._makers[index], taught, shots, targets, self.taught.unsure, settings.gap_scale
        )
        gap_weight = settings.taught_weight * self.circuits[index].gap_weight
        return gap_weight * gap / count + flips / kept

    def _recorded_loss(self, index: int, count: int, part: range) -> torch.Tensor:
        """Of a step of `count` recorded shots, and sampled ones beside them, which keep the cross-entropy of flips."""
        settings, cursor = self.settings, self.recorded_cursors[index]
        beside = max(self.ranks.size, round(count * settings.shots_beside))
        own = self.ranks.part(beside)
        start = time.perf_counter()
        recorded = self.recorded[index].read(cursor + part.start, len(part))
        shots = self._streams[index].read(self.cursors[index] + own.start, len(own))
        self.data_seconds += time.perf_counter() - start
        self.recorded_cursors[index] += count
        self.cursors[index] += beside
        limit, screen = (nats / settings.gap_scale for nats in (settings.gap_limit, settings.screen))
        both = Shots.join([recorded, shots])
        gap, flips = gap_losses(self.network, self._makers[index], both, shots, limit, screen, settings.gap_scale)
        gap_weight = settings.gap_weight * self.circuits[index].gap_weight
        return gap_weight * gap / (count + beside) + flips / beside

    def _steps_per_pass(self) -> int:
        counts = [len(file) / self._shots_per_step(index, RECORDED) for index, file in enumerate(self.recorded)]
        return math.ceil(sum(counts))

    def _judge(self, passes: int) -> None:
        """Judges the averaged weights by the shots held out, and keeps them if they are the best."""
        settings, loss, failures = self.settings, 0.0, 0
        for maker, file in zip(self._makers, self.recorded, strict=True):
            for first in range(0, len(file.held_out), JUDGED_SHOTS):
                shots = file.held_out[first : first + JUDGED_SHOTS]
                batch = maker.make(shots, labels=False)
                limit = settings.gap_limit / settings.gap_scale
                more = judge(self.average, batch, shots.observables, limit, settings.gap_scale)
                loss, failures = loss + more[0], failures + more[1]
        self.verdict = Verdict(passes, self.ranks.agree(loss / self.held_out), failures)
        if self.best is None or self.verdict.loss < self.best.loss:
            self.best, self._best_weights = self.verdict, copy.deepcopy(self.average.state_dict())

    def _loss(
        self, index: int, shots: Shots, batch: Batch | None, count: int, first: int
    ) -> torch.Tensor:
        """This process's part of the mean loss of sampled shots, prepared or not."""
        if batch is not None:
            return flip_loss(self.network(batch), batch) / count
        settings, scales = self.settings, self._scales[index]
        every = max(1, round(scales.factor / settings.keep))
        keep = np.arange(-first % every, len(shots), every)
        kept = shots[keep]
        gap, flips = gap_losses(self.network, self._makers[index], shots, kept, settings.gap_limit, settings.screen)
        gap_weight = settings.gap_weight * self.circuits[index].gap_weight * scales.weight
        return gap_weight * gap / count + flips / math.ceil(count / every)

    def _add_gradients(self, loss: torch.Tensor) -> float:
        """Adds up gradients and loss over all processes."""
        if self.ranks.size > 1:
            parameters = list(self.network.parameters())
            flat = torch.cat([p.grad.flatten() for p in parameters] + [loss.detach().reshape(1)])
            *parts, loss = self.ranks.add(flat).split([p.numel() for p in parameters] + [1])
            for parameter, part in zip(parameters, parts, strict=True):
                parameter.grad.copy_(part.view_as(parameter))
        return float(loss.detach())

    def _fraction(self) -> float:
        """Of the present phase. Steps that a budget in minutes would time count as none under any budget."""
        plan = self.plan[self.phase]
        if plan is None:
            return 0.0
        timed = TIMED_STEPS if plan >= STEPS_MIN else 0
        return max(0, self.step - timed) / (plan - timed)

    def _rate(self) -> float:
        settings = self.settings
        rate = (settings.rate, settings.gap_rate, settings.shots_rate)[self.phase]
        warm = min(1.0, (self.step + 1) / WARM_UP_STEPS[self.phase])
        decay = 0.5 * (1 + math.cos(math.pi * self._fraction()))
        return rate * warm * (decay * (1 - FINAL_RATE) + FINAL_RATE)

    def _average_weights(self) -> None:
        decay = min(self.settings.average, 1 - 1 / (1 + self.step / AVERAGE_SHARES[self.phase]))
        with torch.no_grad():
            for average, weight in zip(self.average.parameters(), self.network.parameters(), strict=True):
                average.lerp_(weight, 1 - decay)

    def _round_from_here(self) -> None:
        if self.network.shifts is None and self.progress >= self.settings.quantise_from:
            self.network.shifts = self.average.shifts = choose_shifts(self.network)

    def _new_optimiser(self) -> torch.optim.Adam:
        return torch.optim.Adam(self.network.parameters(), lr=0.0, betas=ADAM_BETAS, fused=True)
