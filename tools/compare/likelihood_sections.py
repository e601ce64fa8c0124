"""The measurements of decoding by likelihood. Every section writes docs/likelihood/<section>.csv and its entry in
run.json."""

import gc
import os
import time

import numpy

from hardware_section import hardware
from likelihood_programs import deep, windows
from likelihood_ratios import calibration, levels, likelihood_of
from predecoder_sections import (
    CORRELATED, PublishedMemory, column_counts, joint_failures, name_of, rarity, rate_row, thinned,
)  # fmt: skip
from programs import Memory, Native, PyMatching, TwoPatches
from sections import describe, microseconds, say, shots_for
from tesseract_section import tesseract
from workspace import record, write_csv

LER_POINTS = [Memory(basis, d, p) for p in (0.006, 0.003) for d in (5, 7, 9, 11, 13) for basis in ("x", "z")]
DISTANCE_POINTS = [Memory("z", d, p) for p in (0.006, 0.003) for d in (3, 5, 7)]
TIME_POINTS = [Memory("z", d, p) for p in (0.003, 0.006) for d in (5, 7, 9, 11, 13, 15, 17)]
PAPER_POINTS = [PublishedMemory("x", d, 0.006) for d in (5, 7, 9, 11, 13)]
OBSERVABLE_POINTS = [TwoPatches("xz", d, 0.006) for d in (3, 5, 7)]
OWN = {"plain": "outrider/mwpm", "correlated": "outrider/mwpm-correlated"}
ALONE = {"likelihood alone": "outrider/likelihood"}
TRELLIS = {"trellis": "outrider/trellis"}
# Every stride-th distance; the rest are seconds, rounds and counts to stop at.
FULL = {"stride": 1, "ler_s": 2400, "distance_s": 900, "tesseract_s": 1200, "calibration_s": 600, "levels_s": 600,
        "paper_s": 900, "observables_s": 300, "windows_s": 1800, "deep_s": 1200, "failures": 1000,
        "rounds": 7, "run_s": 0.5, "tail_rounds": 5, "tail_s": 2.0, "hardware_shots": 50_000}  # fmt: skip
QUICK = {"stride": 2, "ler_s": 240, "distance_s": 120, "tesseract_s": 120, "calibration_s": 60, "levels_s": 60,
         "paper_s": 120, "observables_s": 60, "windows_s": 180, "deep_s": 120, "failures": 200,
         "rounds": 3, "run_s": 0.1, "tail_rounds": 3, "tail_s": 0.3, "hardware_shots": 5000}  # fmt: skip
COUNTED = ("ler", "distance", "tesseract", "calibration", "levels", "paper", "observables", "windows", "deep")


def run(folder, name, network, data, quick, core, minutes):
    """Measures a section on one core. `data` is the folder of the section `hardware`."""
    effort = {**(QUICK if quick else FULL), "data": data}
    if minutes is not None:
        effort |= {f"{section}_s": 60 * minutes for section in COUNTED}
    os.sched_setaffinity(0, {core})
    folder.mkdir(parents=True, exist_ok=True)
    gc.disable()
    start = time.time()
    section = {
        "ler": ler, "distance": distance, "levels": levels, "tesseract": tesseract, "paper": paper,
        "observables": observables, "windows": windows, "deep": deep, "hardware": hardware, "time": times,
        "tails": tails, "calibration": calibration,
    }[name]  # fmt: skip
    with Native() as native:
        rows = section(native, network, effort)
    write_csv(folder / f"{name}.csv", rows)
    record(folder, name, describe(quick, core, time.time() - start, network=name_of(network), minutes=minutes))


def of_network(network):
    return {"network": f"outrider/mwpm/soft/{network}", "likelihood": likelihood_of(network)}


def ler(native, network, effort):
    """Failures on the same shots, until correlated matching has failed often or time is up."""
    return count_failures(native, LER_POINTS, {**OWN, **of_network(network), **ALONE}, effort, "ler")


def distance(native, network, effort):
    """The same beside the sum over all errors, for small distances."""
    decoders = {**OWN, **of_network(network), **ALONE, **TRELLIS}
    return count_failures(native, DISTANCE_POINTS, decoders, effort, "distance")


def paper(native, network, effort):
    """The same on the published circuit, with the network that was trained for it and with a rule."""
    decoders = {"correlated": OWN["correlated"], **of_network(network), **ALONE,
                "likelihood, min-sum": likelihood_of("rule:min-sum")}  # fmt: skip
    return count_failures(native, PAPER_POINTS, decoders, effort, "paper")


def observables(native, network, effort):
    """The same on two patches in one model: an answer is right if both observables are."""
    return count_failures(native, OBSERVABLE_POINTS, {**OWN, **of_network(network), **ALONE}, effort, "observables")


def count_failures(native, points, decoders, effort, section):
    rows, points, end = {}, thinned(points, effort), time.time() + effort[f"{section}_s"]
    names = ["PyMatching plain", "PyMatching correlated", *decoders]
    # Points that fail often come first, and the rare ones get the time that they leave.
    for index, point in enumerate(sorted(points, key=rarity)):
        deadline = time.time() + max(1.0, end - time.time()) / (len(points) - index)
        shots, joint = joint_failures(
            native, point, decoders, deadline, effort["failures"], names.index("PyMatching correlated")
        )
        rows[point] = [rate_row(point, name, shots, column_counts(joint, names.index(name))) for name in names]
        say(section, point, rows[point], "decoder", "shots", "failures", "only_ours", "only_correlated")
    return [row for point in points for row in rows[point]]


def times(native, network, effort):
    """Batches: the decoders take turns on the same shots."""
    rows = []
    decoders = {**OWN, **of_network(network), **ALONE}
    for point in thinned(TIME_POINTS, effort):
        python = PyMatching(point)
        shots = shots_for(point, python, CORRELATED, effort["run_s"], (1000, 200_000))
        native.open(point, shots)
        calls = {name: lambda decoder=decoder: native.decode(decoder, shots) for name, decoder in decoders.items()}
        calls["PyMatching correlated"] = lambda: python.decode(CORRELATED, shots)
        turns = {name: [] for name in calls}
        for turn in range(effort["rounds"] + 1):
            for name, call in calls.items():
                spent = call()
                if turn > 0:
                    turns[name].append(spent)
        cost = {name: microseconds(taken, "cpu", len(shots)) for name, taken in turns.items()}
        rows += [
            {"p": point.p, "d": point.d, "shots": len(shots), "decoder": name, "cpu_us": us} for name, us in cost.items()
        ]
        say("time", point, rows[-len(cost) :], "decoder", "cpu_us")
    return rows


def tails(native, network, effort):
    """Single shots, each in several rounds: its time is the smallest, so that interruptions do not count."""
    rows = []
    decoders = {**OWN, "likelihood": likelihood_of(network)}
    for point in thinned(TIME_POINTS, effort):
        python = PyMatching(point)
        shots = shots_for(point, python, CORRELATED, effort["tail_s"], (2000, 20_000))
        native.open(point, shots)
        for name, decoder in decoders.items():
            native.single(decoder)
            each = numpy.min([native.single(decoder) for _ in range(effort["tail_rounds"])], axis=0) * 1e6
            quantiles = numpy.quantile(each, [0.5, 0.99, 0.999, 1], method="inverted_cdf")
            mean, p50, p99, p999, most = (round(float(value), 3) for value in (each.mean(), *quantiles))
            rows.append({
                "p": point.p, "d": point.d, "shots": len(shots), "decoder": name, "mean_us": mean,
                "p50_us": p50, "p99_us": p99, "p999_us": p999, "max_us": most,
            })  # fmt: skip
        say("tails", point, rows[-len(decoders) :], "decoder", "mean_us", "p50_us", "p99_us", "p999_us")
    return rows
