"""Sections `sites`, `distances` and `parameters` of noise.py: shots of known noise that is not the prior's."""

import collections
import dataclasses
import itertools
import json
import math
import time

import numpy
import stim

from noise_runs import Tally, count, generate, learn, sample
from programs import FILES
from sections import say

BASES = ("x", "z")
SPREAD = 0.5
# Learning shots of each draw, and fresh ones: far apart.
SEED = 20261201
SEEDS_OF_DRAW = 1_000_000

BY_SITES = {
    "closed form": [],
    "closed form, tied": ["--tie", "time"],
    "regression": ["--method", "regression"],
}
BY_PARAMETERS = ["--tie", "class", "--tie-spread", 0, "--method", "regression"]


@dataclasses.dataclass(frozen=True)
class Sites:
    """Stim's rotated memory, where every mechanism of a place has a factor of its own."""

    d: int
    p: float
    spread: float = SPREAD
    numbers: tuple = (1000, 10_000, 100_000)

    @property
    def name(self):
        return f"sites_d{self.d}_p{self.p}_s{self.spread}"

    def cells(self):
        return {"p": self.p, "d": self.d, "spread": self.spread}

    def memory(self, basis):
        return ["--distance", self.d, "--p", self.p, "--basis", basis]

    def models(self, basis, draw):
        """The prior and the truth."""
        prior = generate(f"prior_{basis}", *self.memory(basis))
        truth = FILES / "truth.dem"
        random = numpy.random.default_rng([SEED, self.d, round(1e4 * self.p), round(10 * self.spread), draw])
        truth.write_text(str(perturbed(stim.DetectorErrorModel.from_file(str(prior)), self.spread, random)) + "\n")
        return prior, truth

    def variants(self, basis, prior):
        """How models are learned."""
        kinds = {kind: ["--dem", prior, *options] for kind, options in BY_SITES.items()}
        return {**kinds, "parameters": [*self.memory(basis), *BY_PARAMETERS]}


@dataclasses.dataclass(frozen=True)
class Parameters(Sites):
    """The paper's circuit with its 25 parameters, alike everywhere, but not those of the prior."""

    spread: float = 0.0
    numbers: tuple = (10_000, 100_000)

    @property
    def name(self):
        return f"parameters_d{self.d}_p{self.p}"

    def cells(self):
        return {"p": self.p, "d": self.d}

    def memory(self, basis):
        return ["--circuit", "paper", *super().memory(basis)]

    def models(self, basis, draw):
        prior = generate(f"prior_{basis}", *self.memory(basis))
        path = FILES / "noise.json"
        path.write_text(json.dumps(random_noise(self.p, numpy.random.default_rng([SEED, draw]))))
        truth = generate("truth", "--circuit", "paper", "--distance", self.d, "--basis", basis, "--noise-file", path)
        return prior, truth

    def variants(self, basis, prior):
        return {"parameters": [*self.memory(basis), *BY_PARAMETERS], "closed form": ["--dem", prior]}


MANY = (1000, 3000, 10_000, 30_000, 100_000)
SITES = [Sites(5, 0.006, numbers=MANY), Sites(5, 0.003, numbers=MANY), Sites(5, 0.006, spread=0.8)]
# Learning takes long at d = 13.
FEW = (1000, 100_000)
DISTANCES = [Sites(9, 0.006), Sites(9, 0.003), Sites(13, 0.006, numbers=FEW), Sites(13, 0.003, numbers=FEW)]
PARAMETERS = [Parameters(9, 0.006), Parameters(9, 0.003), Parameters(13, 0.006), Parameters(21, 0.006),
              Parameters(13, 0.003), Parameters(21, 0.003)]  # fmt: skip


def sites(effort, keep):
    measure("sites", SITES, effort, keep)


def distances(effort, keep):
    measure("distances", DISTANCES, effort, keep)


def parameters(effort, keep):
    measure("parameters", PARAMETERS, effort, keep)


def measure(section, points, effort, keep):
    """Points that fail often come first, each with half of the time that is left. What no time is left for is not
    measured."""
    points = points[: effort["points"]]
    rows, end = [], time.time() + effort[f"{section}_s"]
    for index, point in enumerate(points):
        now = time.time()
        if now >= end:
            print(section, point.name, "not measured, no time is left", flush=True)
            continue
        deadline = now + (end - now) / min(2, len(points) - index)
        tally = count_point(point, effort, deadline)
        found = tally.rows(**point.cells())
        rows += found
        keep(rows)
        say(section, point, found, "decoder", "model", "learned_from", "shots", "failures")


def count_point(point, effort, deadline):
    """Both bases, and in each several draws of the noise and of the shots that are learned from."""
    tally = Tally()
    draws = list(itertools.product(range(effort["draws"]), BASES))
    for index, (draw, basis) in enumerate(draws):
        until = time.time() + max(0.5, deadline - time.time()) / (len(draws) - index)
        prior, truth = point.models(basis, 2 * draw + BASES.index(basis))
        models = {("true", ""): truth, ("prior", ""): prior}
        seed = SEED + SEEDS_OF_DRAW * (index + 1)
        events, _ = sample(truth, max(point.numbers), seed, "learned")
        for number in point.numbers:
            first = first_shots(events, truth, number)
            for kind, options in point.variants(basis, prior).items():
                models[kind, number] = learn(f"model_{len(models)}", first, *options)
        failures = math.ceil(effort["failures"] * (index + 1) / len(draws))
        count(tally, models, truth, until, failures, seed + 1)
    return tally


def first_shots(events, model, number):
    """A file of the first shots."""
    width = -(-stim.DetectorErrorModel.from_file(str(model)).num_detectors // 8)
    path = FILES / "first.b8"
    with open(events, "rb") as file:
        path.write_bytes(file.read(number * width))
    return path


def perturbed(model, spread, random):
    """Every error has a log-normal factor: the same for errors that flip detectors of the same places, as far apart in
    time, but for those at the first and the last detector of a place, which have their own."""
    places, rounds = {}, collections.defaultdict(set)
    for detector, (x, y, t) in model.get_detector_coordinates().items():
        places[detector] = (x, y, t)
        rounds[x, y].add(t)
    ends = {place: (min(times), max(times)) for place, times in rounds.items()}
    factors, changed = {}, stim.DetectorErrorModel()
    for instruction in model.flattened():
        if instruction.type != "error":
            changed.append(instruction)
            continue
        targets = instruction.targets_copy()
        flipped = sorted(places[target.val] for target in targets if target.is_relative_detector_id())
        first = min(t for _, _, t in flipped)
        bulk = all(t not in ends[x, y] for x, y, t in flipped)
        observables = sorted(target.val for target in targets if target.is_logical_observable_id())
        key = tuple((x, y, t - first if bulk else t) for x, y, t in flipped), bulk, tuple(observables)
        if key not in factors:
            factors[key] = math.exp(spread * random.standard_normal())
        p = min(0.499, instruction.args_copy()[0] * factors[key])
        changed.append(stim.DemInstruction("error", [p], targets))
    return changed


def random_noise(p, random):
    """Uniform noise of strength p, each location's times a factor of 1/2 to 2, log-uniform, in a random split among its
    Pauli errors."""

    def location(share):
        return share * p * 2 ** random.uniform(-1, 1)

    noise = {f"p_{what}_{basis}": location(2 / 3) for what in ("prep", "meas") for basis in "XZ"}
    pairs = [a + b for a in "IXYZ" for b in "IXYZ"][1:]
    for name, paulis, share in (("idle_cnot", "XYZ", 1), ("idle_spam", "XYZ", 2), ("cnot", pairs, 1)):
        # Two depolarising steps are one while ancillas are measured and reset.
        total = location(share)
        for pauli, part in zip(paulis, random.dirichlet(numpy.ones(len(paulis)))):
            noise[f"p_{name}_{pauli}"] = total * part
    return noise
