"""Section `speed` of noise.py: estimates and time beside the package correlation-analysis, on the same shots."""

import gc
import importlib.metadata
import json
import time

import correlation
import numpy
import stim

from noise_runs import STEADY, outrider
from programs import FILES, Memory, Native
from sections import say

POINT = Memory("z", 9, 0.003)
SEED = 20261201
OPTIONS = ["--method", "closed-form", "--shrink", "none"]
TURNS = 3


def speed(effort, keep):
    """All errors, and those of one basis alone, which flip at most two detectors."""
    timings, estimates = [], []
    model = stim.DetectorErrorModel.from_file(str(POINT.dem()))
    shots = effort["speed_shots"]
    packed = POINT.circuit().compile_detector_sampler(seed=SEED).sample(shots, bit_packed=True)
    events = numpy.unpackbits(packed, axis=1, bitorder="little", count=model.num_detectors).astype(bool)
    del packed
    for name, model, events, peer in (
        ("all errors", model, events, correlation.cal_high_order_correlations),
        ("one basis", *one_basis(model, events), correlation.cal_2nd_order_correlations),
    ):
        row, ours = our_run(name, model, events)
        theirs = their_run(row, model, events, peer)
        timings.append(row)
        estimates += compare(name, ours, theirs)
        keep(timings)
        keep(estimates, "estimates")
        say("speed", POINT, [row], *row)
        say("estimates", POINT, [row for row in estimates if row["model"] == name], "detectors", "alone", "classes",
            "largest_difference")  # fmt: skip
        gc.collect()


def our_run(name, model, events):
    """The times of the estimate alone and of the program's whole command, least of several, and its rates."""
    dem, shots, report = (FILES / f"speed{ending}" for ending in (".dem", ".b8", ".json"))
    dem.write_text(str(model) + "\n")
    numpy.packbits(events, axis=1, bitorder="little").tofile(shots)
    files = ["--dem", dem, "--in", shots, "--out", FILES / "learned.dem"]
    commands = [outrider("learn", *files, *STEADY, *OPTIONS) for _ in range(TURNS)]
    with Native() as native:
        native.ask("model", dem)
        native.ask("shots", shots, len(events))
        alone = [native.ask("learn") for _ in range(TURNS)]
    outrider("learn", *files, *STEADY, *OPTIONS, "--report", report)
    rates = json.loads(report.read_text())["rates"]
    row = {"model": name, "p": POINT.p, "d": POINT.d, "shots": len(events), "detectors": events.shape[1],
           "classes": len(rates)}  # fmt: skip
    for clock in ("cpu", "wall"):
        row[f"estimate_{clock}_s"] = round(min(turn[clock] for turn in alone), 4)
        row[f"command_{clock}_s"] = round(min(turn[clock] for turn in commands), 4)
    return row, {frozenset(rate["detectors"]): rate for rate in rates}


def their_run(row, model, events, peer):
    """The estimates of correlation-analysis; adds its times to the row."""
    start = time.process_time()
    hyperedges = correlation.TannerGraph(model).hyperedges
    graph = time.process_time() - start
    start, clock = time.process_time(), time.perf_counter()
    result = peer(events, hyperedges=hyperedges)
    row |= {"peer": importlib.metadata.version("correlation-analysis"), "peer_function": peer.__name__,
            "peer_graph_s": round(graph, 2), "peer_cpu_s": round(time.process_time() - start, 2),
            "peer_wall_s": round(time.perf_counter() - clock, 2)}  # fmt: skip
    return {hyperedge: result.get(hyperedge) for hyperedge in hyperedges}


def compare(name, ours, theirs):
    """By the number of detectors, and by whether an error of the model flips more than these."""
    inside = {subset for larger in ours for subset in proper_subsets(larger)}
    groups = {}
    for detectors, rate in ours.items():
        key = len(detectors), detectors not in inside
        groups.setdefault(key, []).append((rate["rate"] - theirs[detectors], rate["error"]))
    return [
        {"model": name, "detectors": size, "alone": "yes" if alone else "no", "classes": len(found),
         "largest_difference": f"{max(abs(difference) for difference, _ in found):.1e}",
         "rms_difference": f"{numpy.sqrt(numpy.mean([difference**2 for difference, _ in found])):.1e}",
         "mean_error": f"{numpy.mean([error for _, error in found]):.1e}"}
        for (size, alone), found in sorted(groups.items())
    ]  # fmt: skip


def proper_subsets(detectors):
    members = sorted(detectors)
    for bits in range(1, 2 ** len(members) - 1):
        yield frozenset(member for index, member in enumerate(members) if bits >> index & 1)


def one_basis(model, events):
    """Of the detectors at places that have one in the first round: those of the memory's own basis."""
    coordinates = model.get_detector_coordinates()
    start = min(t for _, _, t in coordinates.values())
    places = {(x, y) for x, y, t in coordinates.values() if t == start}
    kept = [detector for detector, (x, y, _) in sorted(coordinates.items()) if (x, y) in places]
    numbers = {detector: number for number, detector in enumerate(kept)}
    rates = {}
    for instruction in model.flattened():
        if instruction.type == "error":
            targets = [target.val for target in instruction.targets_copy() if target.is_relative_detector_id()]
            flipped = frozenset(numbers[target] for target in targets if target in numbers)
            if flipped:
                p, q = instruction.args_copy()[0], rates.get(flipped, 0.0)
                rates[flipped] = p + q - 2 * p * q
    smaller = stim.DetectorErrorModel()
    for flipped, p in sorted(rates.items(), key=lambda rate: sorted(rate[0])):
        smaller.append("error", p, [stim.target_relative_detector_id(number) for number in sorted(flipped)])
    for detector in kept:
        smaller.append("detector", coordinates[detector], [stim.target_relative_detector_id(numbers[detector])])
    return smaller, numpy.ascontiguousarray(events[:, kept])
