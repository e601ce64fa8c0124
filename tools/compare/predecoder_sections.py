"""The measurements of pre-decoders. Every section writes docs/pre-decoders/<section>.csv and its entry in run.json."""

import collections
import gc
import hashlib
import math
import os
import pathlib
import subprocess
import time

import numpy
import stim

from programs import TARGET, Memory, Native, PyMatching
from sections import SEED, describe, microseconds, ratio, say, shots_for, wilson
from workspace import ROOT, record, write_csv

DISTANCES = (5, 7, 9, 11, 13)
LER_POINTS = [Memory(basis, d, p) for p in (0.006, 0.003) for d in DISTANCES for basis in ("x", "z")]
# Beyond these no failures of interest would be seen.
LER_POINTS += [Memory(basis, d, 0.001) for d in (5, 7) for basis in ("x", "z")]
TIME_POINTS = [Memory("x", d, p) for p in (0.001, 0.003, 0.006) for d in (9, 11, 13, 15, 17)]
STRING_POINTS = [Memory("x", d, 0.006) for d in DISTANCES]
PLAIN, CORRELATED = "pymatching/mwpm", "pymatching/mwpm-correlated"
OWN = {"outrider plain": "outrider/mwpm", "outrider correlated": "outrider/mwpm-correlated"}
RULES = {
    f"{rule} {use}": f"outrider/mwpm/{use}/rule:{rule}"
    for rule, use in [("min-sum", "soft"), ("min-sum", "hard"), ("clique", "hard"), ("smith", "hard")]
}
# Every stride-th distance; the rest are seconds, rounds and counts to stop at.
FULL = {"stride": 1, "ler_s": 3000, "rules_s": 600, "failures": 1000, "published_s": 600, "rounds": 9,
        "run_s": 0.5, "tail_rounds": 5, "tail_s": 1.5, "strings_s": 300, "string_failures": 1000}  # fmt: skip
QUICK = {"stride": 2, "ler_s": 120, "rules_s": 40, "failures": 200, "published_s": 60, "rounds": 5,
         "run_s": 0.1, "tail_rounds": 3, "tail_s": 0.2, "strings_s": 30, "string_failures": 100}  # fmt: skip
STRING_CHUNK = 10_000


class PublishedMemory(Memory):
    """The form of the memory to which the curves of arXiv:2604.12841 correspond."""

    @property
    def name(self):
        return f"published_{super().name}"

    def circuit(self):
        command = [TARGET / "outrider", "gen", "--circuit", "paper-published", "--basis", self.basis]
        command += ["--distance", str(self.d), "--p", str(self.p)]
        return stim.Circuit(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def run(folder, name, network, quick, core, minutes):
    """Measures a section on one core."""
    effort = dict(QUICK if quick else FULL)
    if minutes is not None:
        effort |= {f"{counted}_s": 60 * minutes for counted in ("ler", "rules", "published", "strings")}
    os.sched_setaffinity(0, {core})
    folder.mkdir(parents=True, exist_ok=True)
    gc.disable()
    start = time.time()
    section = {
        "ler": ler, "rules": rules, "time": times, "tails": tails, "strings": strings, "published": published,
    }[name]  # fmt: skip
    with Native() as native:
        tables = section(native, network, effort)
    for table, rows in tables.items():
        write_csv(folder / f"{table}.csv", rows)
    about = describe(quick, core, time.time() - start, network=name_of(network), minutes=minutes)
    record(folder, name, about)


def name_of(network):
    """A file's name in the repository and the beginning of its hash."""
    if not isinstance(network, pathlib.Path):
        return network
    path = network.relative_to(ROOT) if network.is_relative_to(ROOT) else network.name
    return f"{path} (SHA-256 {hashlib.sha256(network.read_bytes()).hexdigest()[:12]})"


def thinned(points, effort):
    """The points at every stride-th distance."""
    kept = sorted({point.d for point in points})[:: effort["stride"]]
    return [point for point in points if point.d in kept]


def uses(network):
    return {f"network {use}": f"outrider/mwpm/{use}/{network}" for use in ("soft", "hard")}


def ler(native, network, effort):
    """Failures of all decoders on the same shots, until the network has failed often or time is up."""
    return count_failures(native, LER_POINTS, {**OWN, **uses(network)}, effort, "ler")


def rules(native, network, effort):
    """The same of the rules. Apart, since min-sum would take most of the time."""
    return {"rules": count_failures(native, LER_POINTS, {**uses(network), **RULES}, effort, "rules")["ler"]}


def published(native, network, effort):
    points = [PublishedMemory("x", d, 0.006) for d in DISTANCES]
    tables = count_failures(native, points, uses(network), effort, "published")
    return {"published": tables["ler"]}


def count_failures(native, points, decoders, effort, section):
    """Rows of failures, and rows of how many shots which of four decoders get wrong together."""
    rates, overlaps = {}, {}
    points, end = thinned(points, effort), time.time() + effort[f"{section}_s"]
    names = ["PyMatching plain", "PyMatching correlated", *decoders]
    # Points that fail often come first, and the rare ones get the time that they leave.
    for index, point in enumerate(sorted(points, key=rarity)):
        deadline = time.time() + max(1.0, end - time.time()) / (len(points) - index)
        shots, joint = joint_failures(
            native, point, decoders, deadline, effort["failures"], names.index("network soft")
        )
        rates[point] = [rate_row(point, name, shots, column_counts(joint, names.index(name))) for name in names]
        overlaps[point] = overlap_rows(point, joint, [0, 1, names.index("network soft"), names.index("network hard")])
        say(section, point, rates[point], "decoder", "shots", "failures", "only_ours", "only_correlated")
    return {
        table: [row for point in points for row in rows[point]]
        for table, rows in {"ler": rates, "overlap": overlaps}.items()
    }


def rarity(point, threshold=0.0075):
    """Grows as the error rate falls, roughly."""
    return (point.d + 1) / 2 * math.log(threshold / point.p)


def joint_failures(native, point, decoders, deadline, wanted, watched):
    """How many shots there were, and how many of them each set of decoders got wrong together, as a tuple of bools:
    PyMatching's plain and correlated matching, then the decoders. It ends at the deadline, or when the decoder of the
    tuple's place `watched` has failed as often as wanted."""
    python, joint, shot_count = PyMatching(point), collections.Counter(), 0
    for shots in chunks(native, point, deadline):
        truth = shots.observables[:, 0]
        predictions = [python.predict(peer, shots) for peer in (PLAIN, CORRELATED)]
        predictions += [native.predict(decoder)[0] for decoder in decoders.values()]
        wrong = numpy.array([prediction != truth for prediction in predictions]).T
        joint.update(map(tuple, wrong[wrong.any(axis=1)].tolist()))
        shot_count += len(shots)
        if column_counts(joint, watched)["failures"] >= wanted:
            break
    return shot_count, joint


def chunks(native, point, deadline, first=1000, most=200_000):
    """Shots of a point, which the program has too, in chunks that grow as far as the deadline allows. At least one."""
    chunk, seed = first, SEED
    while True:
        start = time.time()
        shots = point.sample(chunk, seed)
        native.open(point, shots) if seed == SEED else native.ask("shots", shots.path, chunk)
        yield shots
        now = time.time()
        if now + (now - start) > deadline:
            return
        chunk = min(most, max(first, int(chunk * min(4.0, (deadline - now) / (now - start) / 2))))
        seed += 1


def column_counts(joint, column):
    """Failures of a decoder, and how often only it or only its peer fails."""
    def count(condition):
        return sum(shots for wrong, shots in joint.items() if condition(wrong))

    counts = {"failures": count(lambda wrong: wrong[column])}
    for peer, name in enumerate(["plain", "correlated"]):
        suffix = "" if name == "correlated" else "_plain"
        counts[f"only_ours{suffix}"] = count(lambda wrong: wrong[column] and not wrong[peer])
        counts[f"only_{name}"] = count(lambda wrong: wrong[peer] and not wrong[column])
    return counts


def rate_row(point, decoder, shots, counts):
    low, high = wilson(counts["failures"], shots)
    difference, down, up = paired(counts["only_ours"], counts["only_correlated"], shots)
    return {
        "p": point.p, "basis": point.basis, "d": point.d, "decoder": decoder, "shots": shots,
        "failures": counts["failures"], "low": low, "high": high,
        "only_ours": counts["only_ours"], "only_correlated": counts["only_correlated"],
        "difference": difference, "difference_low": down, "difference_high": up,
        "only_ours_plain": counts["only_ours_plain"], "only_plain": counts["only_plain"],
    }  # fmt: skip


def paired(only_ours, only_peer, shots, z=1.959964):
    """The difference of two rates on the same shots and its 95 % interval, with half a shot added to each of the four
    counts (Agresti and Min 2005)."""
    ours, peer, total = only_ours + 0.5, only_peer + 0.5, shots + 2
    half = z * math.sqrt(ours + peer - (ours - peer) ** 2 / total) / total
    centre = (ours - peer) / total
    return f"{(only_ours - only_peer) / shots:.3e}", f"{centre - half:.3e}", f"{centre + half:.3e}"


def overlap_rows(point, joint, columns):
    bins = collections.Counter()
    for wrong, shots in joint.items():
        bins[tuple(wrong[column] for column in columns)] += shots
    return [
        {
            "p": point.p, "basis": point.basis, "d": point.d,
            **dict(zip(["plain", "correlated", "soft", "hard"], map(int, wrong))), "shots": shots,
        }
        for wrong, shots in sorted(bins.items(), reverse=True) if any(wrong)
    ]  # fmt: skip


def times(native, network, effort):
    """Batches: the decoders take turns on the same shots."""
    rows = []
    soft = f"outrider/mwpm/soft/{network}"
    for point in thinned(TIME_POINTS, effort):
        python = PyMatching(point)
        shots = shots_for(point, python, CORRELATED, effort["run_s"], (200, 200_000))
        native.open(point, shots)
        events = native.ask("left", network)
        calls = {
            "ours": lambda: native.decode(soft, shots),
            "network": lambda: native.ask("predecode", "soft", network),
            "own plain": lambda: native.decode("outrider/mwpm", shots),
            "plain": lambda: python.decode(PLAIN, shots),
            "correlated": lambda: python.decode(CORRELATED, shots),
        }
        turns = {name: [] for name in calls}
        for turn in range(effort["rounds"] + 1):
            for name, call in calls.items():
                spent = call()
                if turn > 0:
                    turns[name].append(spent)
        cost = {name: microseconds(taken, "cpu", len(shots)) for name, taken in turns.items()}
        rows.append({
            "p": point.p, "d": point.d, "shots": len(shots), "events_per_shot": round(events["events"] / len(shots), 3),
            "left_per_shot": round(events["left"] / len(shots), 3), "cpu_us": cost["ours"],
            "wall_us": microseconds(turns["ours"], "wall", len(shots)), "network_us": cost["network"],
            "network_share": ratio(turns["network"], turns["ours"], "cpu"), "own_plain_us": cost["own plain"],
            "plain_us": cost["plain"], "correlated_us": cost["correlated"],
            "over_plain": ratio(turns["ours"], turns["plain"], "cpu"),
            "over_correlated": ratio(turns["ours"], turns["correlated"], "cpu"),
        })  # fmt: skip
        say("time", point, rows[-1:], "cpu_us", "network_share", "plain_us", "correlated_us", "over_plain")
    return {"time": rows}


def tails(native, network, effort):
    """Single shots, each in several rounds: its time is the smallest, so that interruptions do not count."""
    rows = []
    soft = f"outrider/mwpm/soft/{network}"
    named = {soft: "network soft", PLAIN: "PyMatching plain", CORRELATED: "PyMatching correlated"}
    for point in thinned(TIME_POINTS, effort):
        python = PyMatching(point)
        shots = shots_for(point, python, CORRELATED, effort["tail_s"], (1000, 20_000))
        native.open(point, shots)
        native.single(soft)
        empty = shots.without_events(2000)
        taken, overheads = {soft: [], PLAIN: [], CORRELATED: []}, {PLAIN: [], CORRELATED: []}
        for _ in range(effort["tail_rounds"]):
            taken[soft].append(native.single(soft))
            for peer in (PLAIN, CORRELATED):
                overheads[peer].append(python.single(peer, empty))
                taken[peer].append(python.single(peer, shots))
        for decoder, name in named.items():
            part = float(numpy.median(numpy.min(overheads[decoder], axis=0))) if decoder in overheads else 0.0
            each = (numpy.min(taken[decoder], axis=0) - part) * 1e6
            quantiles = numpy.quantile(each, [0.5, 0.99, 0.999], method="inverted_cdf")
            mean, p50, p99, p999 = (round(float(value), 3) for value in (each.mean(), *quantiles))
            rows.append({
                "p": point.p, "d": point.d, "shots": len(shots), "decoder": name, "mean_us": mean,
                "p50_us": p50, "p99_us": p99, "p999_us": p999, "subtracted_us": round(part * 1e6, 3),
            })  # fmt: skip
        say("tails", point, rows[-3:], "decoder", "mean_us", "p50_us", "p99_us", "p999_us")
    return {"tails": rows}


def strings(native, network, effort):
    """The shortest logical string of errors and correction together, for every failure."""
    rows = []
    decoders = {**OWN, **uses(network)}
    points, end = thinned(STRING_POINTS, effort), time.time() + effort["strings_s"]
    for index, point in enumerate(points):
        deadline = time.time() + max(1.0, end - time.time()) / (len(points) - index)
        native.ask("model", point.dem())
        found, shots = {name: collections.Counter() for name in decoders}, 0
        while shots == 0 or (time.time() < deadline and found["network soft"].total() < effort["string_failures"]):
            answers = native.ask("strings", STRING_CHUNK, SEED + shots // STRING_CHUNK, *decoders.values())["strings"]
            for name, answer in zip(decoders, answers):
                found[name].update({(length, errors): count for length, errors, count in answer})
            shots += STRING_CHUNK
        rows += [
            {"p": point.p, "basis": point.basis, "d": point.d, "shots": shots, "decoder": name, "length": length,
             "errors": errors, "failures": count}
            for name, counts in found.items() for (length, errors), count in sorted(counts.items())
        ]  # fmt: skip
        print("strings", point.name, shots, {name: counts.total() for name, counts in found.items()}, flush=True)
    return {"strings": rows}
