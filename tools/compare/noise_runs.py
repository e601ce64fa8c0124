"""The program as the sections of noise.py use it: models, shots, learning, and failures of several models on the same
shots."""

import collections
import json
import resource
import subprocess
import time

import numpy

from programs import FILES, TARGET
from sections import wilson

DECODERS = ("mwpm", "mwpm-correlated")
# Shots of the first chunk of a model's failures, and of one at most.
CHUNK = 2000
CHUNK_MAX = 200_000
# Neither is of use on shots of known, steady noise, and both would take time.
STEADY = ["--keep-bursts", "--correlations", "inside"]


def outrider(*words, limit_s=None):
    """Runs the program, and returns its seconds: of all its threads, and by the clock."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [TARGET / "outrider", *map(str, words)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=limit_s)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return {"cpu": cpu, "wall": time.perf_counter() - start}


def generate(name, *options):
    """The error model of a memory."""
    path = FILES / f"{name}.dem"
    outrider("gen", *options, "--dem-out", path)
    return path


def sample(model, shots, seed, name):
    """Files of detection events and of observables."""
    events, observables = FILES / f"{name}.b8", FILES / f"{name}-observables.b8"
    outrider("sample", "--dem", model, "--shots", shots, "--seed", seed, "--threads", 1,
             "--out", events, "--obs-out", observables)  # fmt: skip
    return events, observables


def learn(name, events, *options):
    """The learned model."""
    path = FILES / f"{name}.dem"
    outrider("learn", "--in", events, "--out", path, *STEADY, *options)
    return path


def scores(events, observables, *options, limit_s=None):
    """Of a cross-validation: a score of each decoder, and the seconds of the whole command."""
    report = FILES / "report.json"
    seconds = outrider("learn", "--in", events, "--obs", observables, "--cross-validate", "--report", report,
                       "--threads", 1, *options, limit_s=limit_s)  # fmt: skip
    return json.loads(report.read_text())["scores"], seconds


def predictions(model, events, decoder, *options, limit_s=None):
    """Of models with up to eight observables, a byte for each shot; and the seconds that decoding took."""
    answers = FILES / "answers.b8"
    seconds = outrider("decode", "--dem", model, "--in", events, "--decoder", decoder, "--threads", 1,
                       "--out", answers, *options, limit_s=limit_s)  # fmt: skip
    return numpy.fromfile(answers, dtype=numpy.uint8), seconds["cpu"]


class Tally:
    """Failures of several models on the same shots, for each decoder."""

    REFERENCES = ("true", "prior")

    def __init__(self):
        self.shots = 0
        self.failures = collections.Counter()
        self.only = collections.Counter()

    def add(self, models, true_model, shots, seed):
        """Decodes so many fresh shots of the true model with each model."""
        events, observables = sample(true_model, shots, seed, "fresh")
        truth = numpy.fromfile(observables, dtype=numpy.uint8)
        self.shots += shots
        for decoder in DECODERS:
            wrong = {key: predictions(model, events, decoder)[0] != truth for key, model in models.items()}
            references = {name: wrong[name, ""] for name in self.REFERENCES}
            for key, column in wrong.items():
                self.failures[decoder, key] += int(column.sum())
                for name, reference in references.items():
                    self.only[decoder, key, "this", name] += int((column & ~reference).sum())
                    self.only[decoder, key, name, "this"] += int((reference & ~column).sum())

    def rows(self, **point):
        """A row for each decoder and model."""
        rows = []
        for (decoder, key), failures in self.failures.items():
            low, high = wilson(failures, self.shots)
            row = {**point, "decoder": decoder, "model": key[0], "learned_from": key[1], "shots": self.shots,
                   "failures": failures, "low": low, "high": high}  # fmt: skip
            for name in self.REFERENCES:
                row[f"only_this_{name}"] = self.only[decoder, key, "this", name]
                row[f"only_{name}"] = self.only[decoder, key, name, "this"]
            rows.append(row)
        return rows


def count(tally, models, true_model, deadline, failures, seed):
    """Adds shots until the deadline, or until correlated matching with the true model has failed so often in all."""
    chunk = CHUNK
    while True:
        start = time.time()
        tally.add(models, true_model, chunk, seed)
        seed += 1
        now = time.time()
        if tally.failures["mwpm-correlated", ("true", "")] >= failures or now + (now - start) > deadline:
            return
        chunk = min(CHUNK_MAX, max(CHUNK, int(chunk * min(4.0, (deadline - now) / (now - start) / 1.5))))
