"""What `outrider ler` counts of likelihood: in windows beside whole histories, and with the deep level. Sections
`windows` and `deep` of likelihood.py."""

import json
import pathlib
import subprocess
import tempfile
import time

import pandas

from programs import Memory
from sections import say
from workspace import ROOT

OUTRIDER = ROOT / "target" / "release" / "outrider"
ROUNDS_PER_DISTANCE = 5
WINDOW_POINTS = [Memory(basis, d, p) for p in (0.006, 0.003) for d in (5, 7, 9) for basis in ("x", "z")]
DEEP_POINTS = [Memory(basis, d, 0.006) for d in (5, 7, 9, 11, 13) for basis in ("x", "z")]
LAYOUTS = ("forward", "parallel")
DEEP_RATIO = 2
SEED = 20261130
# Shots of the first run of the program, and as many times that a later one adds at most.
BLOCK = 2048
BLOCKS_MAX = 64


def windows(native, network, effort):
    """Failures in windows of b = d and whole, on the same shots: by likelihood, with its deep level, and by correlated
    matching."""
    decoders = decoders_with(network)
    tasks = [(point, layout, name) for point in WINDOW_POINTS for layout in LAYOUTS for name in decoders]
    rows, end = [], time.time() + effort["windows_s"]
    for index, (point, layout, name) in enumerate(tasks):
        deadline = time.time() + max(1.0, end - time.time()) / (len(tasks) - index)
        rounds = ["--rounds", ROUNDS_PER_DISTANCE * point.d, "--window", layout, "--paired"]
        found = count(point, [*rounds, *decoders[name]], deadline, effort["failures"])
        rows.append({"p": point.p, "basis": point.basis, "d": point.d, "layout": layout, "decoder": name, **found})
        say("windows", point, rows[-1:], "layout", "decoder", *found)
    return rows


def deep(native, network, effort):
    """Failures and time of correlated matching, of likelihood and with its deep level, on the same shots."""
    decoders = decoders_with(network)
    rows, end = [], time.time() + effort["deep_s"]
    for index, point in enumerate(DEEP_POINTS):
        shots, limit = None, time.time() + max(1.0, end - time.time()) / (len(DEEP_POINTS) - index)
        # The dearest one first: the others then decode its shots.
        for place, name in enumerate(reversed(decoders)):
            share = limit - (limit - time.time()) / 2 if place == 0 else None
            found = count(point, decoders[name], share, effort["failures"], shots)
            shots = found["shots"]
            rows.append({"p": point.p, "basis": point.basis, "d": point.d, "decoder": name, **found})
        say("deep", point, rows[-len(decoders) :], "decoder", "shots", "failures", "us")
    return rows


def decoders_with(network):
    likelihood = ["--decoder", "likelihood", "--predecoder", network]
    return {"correlated": ["--decoder", "mwpm-correlated"], "likelihood": likelihood,
            "deep": [*likelihood, "--deep-ratio", DEEP_RATIO]}  # fmt: skip


def count(point, options, deadline, failures, shots=None):
    """What a campaign on one thread counts: until the deadline or so many failures, or of so many shots."""
    memory = ["--distance", point.d, "--p", point.p, "--basis", point.basis]
    wanted = shots or BLOCK
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "rows.csv"
        while True:
            limits = ["--max-shots", wanted, "--max-errors", 2**63, "--seed", SEED, "--threads", 1]
            words = ["ler", *memory, *options, *limits, "--out", path]
            subprocess.run([OUTRIDER, *map(str, words)], check=True, stdout=subprocess.DEVNULL)
            found = totals(path)
            if shots is not None or time.time() > deadline or found["failures"] >= failures:
                return found
            wanted += min(wanted, BLOCKS_MAX * BLOCK)


def totals(path):
    """Shots, failures and the time of a shot of all rows of a campaign, and what windows change."""
    rows = pandas.read_csv(path, skipinitialspace=True)
    shots, failures, seconds = (rows[name].sum() for name in ("shots", "errors", "seconds"))
    counts = [json.loads(text) for text in rows.custom_counts.fillna("{}")]
    changed = {name: sum(each[name] for each in counts) for name in ("only_windows", "only_whole") if name in counts[0]}
    return {"shots": int(shots), "failures": int(failures), **changed, "us": round(float(seconds / shots) * 1e6, 3)}
