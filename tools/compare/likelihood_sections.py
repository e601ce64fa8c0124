"""The measurements of decoding by likelihood. Every section writes docs/likelihood/<section>.csv and its entry in
run.json."""

import gc
import os
import time

import numpy

from predecoder_sections import CORRELATED, column_counts, joint_failures, name_of, rarity, rate_row, thinned
from programs import Memory, Native, PyMatching
from sections import describe, microseconds, say, shots_for
from workspace import record, write_csv

LER_POINTS = [Memory(basis, d, p) for p in (0.006, 0.003) for d in (5, 7, 9, 11, 13) for basis in ("x", "z")]
DISTANCE_POINTS = [Memory("z", d, p) for p in (0.006, 0.003) for d in (3, 5, 7)]
TIME_POINTS = [Memory("z", d, p) for p in (0.003, 0.006) for d in (5, 7, 9, 11, 13, 15, 17)]
OWN = {"plain": "outrider/mwpm", "correlated": "outrider/mwpm-correlated"}
TRELLIS = {"trellis": "outrider/trellis"}
# Every stride-th distance; the rest are seconds, rounds and counts to stop at.
FULL = {"stride": 1, "ler_s": 2400, "distance_s": 900, "failures": 1000, "rounds": 7, "run_s": 0.5,
        "tail_rounds": 5, "tail_s": 2.0}  # fmt: skip
QUICK = {"stride": 2, "ler_s": 240, "distance_s": 120, "failures": 200, "rounds": 3, "run_s": 0.1,
         "tail_rounds": 3, "tail_s": 0.3}  # fmt: skip


def run(folder, name, network, quick, core, minutes):
    """Measures a section on one core."""
    effort = dict(QUICK if quick else FULL)
    if minutes is not None:
        effort |= {"ler_s": 60 * minutes, "distance_s": 60 * minutes}
    os.sched_setaffinity(0, {core})
    folder.mkdir(parents=True, exist_ok=True)
    gc.disable()
    start = time.time()
    with Native() as native:
        rows = {"ler": ler, "distance": distance, "time": times, "tails": tails}[name](native, network, effort)
    write_csv(folder / f"{name}.csv", rows)
    record(folder, name, describe(quick, core, time.time() - start, network=name_of(network), minutes=minutes))


def of_network(network):
    return {"network": f"outrider/mwpm/soft/{network}", "likelihood": f"outrider/likelihood/soft/{network}"}


ALONE = {"likelihood alone": "outrider/likelihood"}


def ler(native, network, effort):
    """Failures on the same shots, until correlated matching has failed often or time is up."""
    return count_failures(native, LER_POINTS, {**OWN, **of_network(network), **ALONE}, effort, "ler")


def distance(native, network, effort):
    """The same beside the sum over all errors, for small distances."""
    return count_failures(native, DISTANCE_POINTS, {**OWN, **of_network(network), **ALONE, **TRELLIS}, effort, "distance")


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
    decoders = {**OWN, "likelihood": of_network(network)["likelihood"]}
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
