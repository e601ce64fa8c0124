"""The measurements. Every section writes docs/performance/<section>.csv and its entry in run.json."""

import gc
import math
import os
import pathlib
import platform
import statistics
import subprocess
import time

import numpy
import pymatching
import stim

from origin import cpu_name, origin
from programs import TARGET, Memory, Native, PyMatching, timed
from workspace import ROOT, record, write_csv

OUT = ROOT / "docs" / "performance"
SPEED_POINTS = [Memory("x", d, p) for p in (0.001, 0.003, 0.005) for d in (5, 9, 13, 17, 21)]
LER_POINTS = [Memory(basis, d, p) for p in (0.006, 0.003) for d in (5, 7, 9, 11, 13) for basis in ("x", "z")]
PAIRS = {
    "mwpm": ["outrider/mwpm", "pymatching/mwpm", "stabilizer_qec/mwpm"],
    "mwpm-correlated": [
        "outrider/mwpm-correlated", "pymatching/mwpm-correlated", "stabilizer_qec/mwpm-correlated",
    ],
}  # fmt: skip
SEED = 20260
FULL = {"rounds": 9, "run_s": 0.5, "tail_rounds": 5, "tail_s": 2.0, "build_rounds": 9, "ler_s": 840, "failures": 400}
QUICK = {"rounds": 7, "run_s": 0.12, "tail_rounds": 3, "tail_s": 0.3, "build_rounds": 5, "ler_s": 60, "failures": 100}


def run(names, quick, core):
    """Measures the sections on one core."""
    os.sched_setaffinity(0, {core})
    OUT.mkdir(parents=True, exist_ok=True)
    gc.disable()
    effort = QUICK if quick else FULL
    for name in names:
        start = time.time()
        rows = {
            "speed": speed, "tails": tails, "build": build, "sampling": sampling, "memory": memory, "ler": ler,
        }[name](effort)  # fmt: skip
        write_csv(OUT / f"{name}.csv", rows)
        record(OUT, name, describe(quick, core, time.time() - start, stabilizer_qec="2.2.0"))


def describe(quick, core, seconds, **more):
    """When, where and of what a section was measured."""
    return {
        **origin(),
        "quick": quick,
        "seconds": round(seconds),
        "cpu": cpu_name(),
        "cpus": os.cpu_count(),
        "core": core,
        "load_average": round(os.getloadavg()[1], 2),
        "python": platform.python_version(),
        "stim": stim.__version__,
        "pymatching": pymatching.__version__,
        "numpy": numpy.__version__,
        **more,
    }


def speed(effort):
    """Batches: the programs take turns on the same shots."""
    rows = []
    with Native() as native:
        for point in SPEED_POINTS:
            python = PyMatching(point)
            shots = shots_for(point, python, "pymatching/mwpm-correlated", effort["run_s"], (200, 200_000))
            events = native.open(point, shots)["events"]
            native.ask("batch", "outrider/union-find")
            check = compare_weights(native, python, shots)
            decoders = [*PAIRS["mwpm"], "outrider/union-find", *PAIRS["mwpm-correlated"]]
            turns = take_turns(native, python, shots, decoders, effort["rounds"])
            for decoder in decoders:
                program, kind = decoder.split("/")
                peer = "pymatching/mwpm" + ("-correlated" if kind == "mwpm-correlated" else "")
                rows.append({
                    "p": point.p, "d": point.d, "shots": len(shots), "events_per_shot": round(events / len(shots), 3),
                    "program": program, "decoder": kind,
                    "cpu_us": microseconds(turns[decoder], "cpu", len(shots)),
                    "wall_us": microseconds(turns[decoder], "wall", len(shots)),
                    "pymatching_ratio": ratio(turns[peer], turns[decoder], "cpu"),
                    "pymatching_ratio_wall": ratio(turns[peer], turns[decoder], "wall"),
                    "over_own_plain": ratio(turns[decoder], turns[f"{program}/mwpm"], "cpu"),
                    **(check if decoder == "outrider/mwpm" else {"equal_weights": "", "largest_difference": ""}),
                })  # fmt: skip
            say("speed", point, rows[-7:], "decoder", "program", "cpu_us", "pymatching_ratio")
    return rows


def compare_weights(native, python, shots):
    """Shots whose total weight is PyMatching's to one part in a million; the largest difference."""
    ours, theirs = native.predict("outrider/mwpm")[1], python.weights(shots)
    difference = numpy.abs(ours - theirs)
    return {
        "equal_weights": int(numpy.sum(difference <= 1e-6 * numpy.maximum(1.0, theirs))),
        "largest_difference": f"{difference.max():.3g}",
    }


def tails(effort):
    """Single shots, each in several rounds: its time is the smallest, so that interruptions do not count."""
    rows = []
    with Native() as native:
        for point in SPEED_POINTS:
            python = PyMatching(point)
            for kind, (ours, theirs, _) in PAIRS.items():
                shots = shots_for(point, python, theirs, effort["tail_s"], (1000, 20_000))
                native.open(point, shots)
                native.single(ours)
                empty = shots.without_events(2000)
                times = {ours: [], theirs: []}
                empty_times = []
                for _ in range(effort["tail_rounds"]):
                    times[ours].append(native.single(ours))
                    empty_times.append(python.single(theirs, empty))
                    times[theirs].append(python.single(theirs, shots))
                overhead = float(numpy.median(numpy.min(empty_times, axis=0)))
                for decoder, part in ((ours, 0.0), (theirs, overhead)):
                    each = numpy.min(times[decoder], axis=0) - part
                    quantiles = numpy.quantile(each, [0.5, 0.99, 0.999], method="inverted_cdf") * 1e6
                    p50, p99, p999 = (round(float(value), 3) for value in quantiles)
                    rows.append({
                        "p": point.p, "d": point.d, "shots": len(shots), "program": decoder.split("/")[0],
                        "decoder": kind, "p50_us": p50, "p99_us": p99, "p999_us": p999,
                        "subtracted_us": round(part * 1e6, 3),
                    })  # fmt: skip
                say("tails", point, rows[-2:], "decoder", "program", "p50_us", "p99_us", "p999_us")
    return rows


def build(effort):
    """From the file of a model to a decoder that has answered an empty shot."""
    rows = []
    with Native() as native:
        for point in [Memory("x", 21, p) for p in (0.001, 0.005)]:
            for kind, decoders in PAIRS.items():
                turns = {decoder: [] for decoder in decoders}
                for _ in range(effort["build_rounds"]):
                    for decoder in decoders:
                        program = PyMatching() if decoder.startswith("pymatching/") else native
                        turns[decoder].append(program.build(decoder, point.dem()))
                for decoder in decoders:
                    rows.append({
                        "p": point.p, "d": point.d, "dem_bytes": point.dem().stat().st_size,
                        "program": decoder.split("/")[0], "decoder": kind,
                        "cpu_ms": round(1e3 * statistics.median(turn["cpu"] for turn in turns[decoder]), 2),
                        "wall_ms": round(1e3 * statistics.median(turn["wall"] for turn in turns[decoder]), 2),
                        "pymatching_ratio": ratio(turns[f"pymatching/{kind}"], turns[decoder], "cpu"),
                    })  # fmt: skip
                say("build", point, rows[-3:], "decoder", "program", "cpu_ms", "pymatching_ratio")
    return rows


def sampling(effort):
    """The same number of shots of one memory: outrider's sampler, also with flipped edges; Stim's samplers of the model,
    to an array and to files, and of the circuit."""
    rows = []
    with Native() as native:
        for point in [Memory("x", 13, p) for p in (0.001, 0.003, 0.005)]:
            native.ask("model", point.dem())
            model = stim.DetectorErrorModel.from_file(str(point.dem()))

            def outrider(count, turn):
                return native.ask("sample", count, turn)

            def outrider_edges(count, turn):
                return native.ask("sample-edges", count, turn)

            def stim_circuit(count, turn):
                sampler = point.circuit().compile_detector_sampler(seed=turn)
                return timed(lambda: sampler.sample(count, separate_observables=True, bit_packed=True))

            def stim_array(count, turn):
                sampler = model.compile_sampler(seed=turn)
                return timed(lambda: sampler.sample(count, bit_packed=True))

            def stim_files(count, turn):
                sampler, nowhere = model.compile_sampler(seed=turn), os.devnull
                files = {"det_out_file": nowhere, "obs_out_file": nowhere}
                return timed(lambda: sampler.sample_write(count, **files, det_out_format="b8", obs_out_format="b8"))

            programs = {
                "outrider": outrider, "outrider with edges": outrider_edges, "stim sample": stim_array,
                "stim sample_write": stim_files, "stim circuit": stim_circuit,
            }  # fmt: skip
            count = 4096 * max(1, round(effort["run_s"] * 20_000 / stim_array(20_480, 0)["cpu"] / 4096))
            turns = {name: [] for name in programs}
            for turn in range(effort["rounds"]):
                for name, sample in programs.items():
                    turns[name].append(sample(count, turn))
            for name in programs:
                rows.append({
                    "p": point.p, "d": point.d, "shots": count, "program": name,
                    "cpu_us": microseconds(turns[name], "cpu", count),
                    "wall_us": microseconds(turns[name], "wall", count),
                    "outrider_ratio": ratio(turns[name], turns["outrider"], "cpu"),
                })  # fmt: skip
            say("sampling", point, rows[-len(programs):], "program", "cpu_us", "outrider_ratio")
    return rows


def memory(_effort):
    """A large decoder in a fresh process, and long streams through the program."""
    point = Memory("x", 31, 0.003)
    shots = point.sample(100, SEED)
    rows = []
    for kind in ("mwpm", "mwpm-correlated", "union-find"):
        with Native() as native:
            native.open(point, shots)
            native.decode(f"outrider/{kind}", shots)
            answer = native.ask("memory")
            held = answer["decoders"][f"outrider/{kind}"]
            rows.append({
                "what": f"d={point.d}, {point.d} rounds, {kind}", "graph_bytes": held["graph"],
                "decoder_bytes": held["decoder"], "peak_bytes": answer["peak_bytes"], "seconds": "",
            })  # fmt: skip
    for count in (1_000_000, 10_000_000):
        peak, seconds = stream(Memory("x", 3, 0.003), count)
        rows.append({
            "what": f"d=3 stream of {count} shots, mwpm", "graph_bytes": "", "decoder_bytes": "",
            "peak_bytes": peak, "seconds": round(seconds, 2),
        })  # fmt: skip
    for row in rows:
        print("memory", *row.values(), flush=True)
    return rows


def stream(point, count):
    """Peak memory in bytes and seconds of `outrider decode` behind a pipe."""
    outrider, dem = TARGET / "outrider", point.dem()
    start = time.perf_counter()
    sample = [outrider, "sample", "--dem", dem, "--shots", str(count), "--seed", "1", "--out", "-", "--out-format", "b8"]
    source = subprocess.Popen(sample, stdout=subprocess.PIPE)
    decode = subprocess.Popen([outrider, "decode", "--dem", dem, "--out", os.devnull], stdin=source.stdout)
    source.stdout.close()
    peak = 0
    while decode.poll() is None:
        peak = max(peak, peak_of(decode.pid))
        time.sleep(0.02)
    if decode.returncode or source.wait():
        raise RuntimeError("the stream of shots failed")
    return peak, time.perf_counter() - start


def peak_of(pid):
    """The high-water mark of a process so far. A child's rusage would count its parent's memory at the fork."""
    try:
        lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return max((1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), default=0)


def ler(effort):
    """Failures of all decoders on the same shots, until the rarest kind has failed often or time is up."""
    rows = []
    end = time.time() + effort["ler_s"]
    with Native() as native:
        for index, point in enumerate(LER_POINTS):
            deadline = time.time() + max(1.0, end - time.time()) / (len(LER_POINTS) - index)
            rows += ler_point(native, point, deadline, effort["failures"])
            say("ler", point, rows[-3:], "decoder", "shots", "failures", "peer_failures", "only_ours", "only_peer")
    return rows


def ler_point(native, point, deadline, failures_wanted):
    peers = {"mwpm": "mwpm", "mwpm-correlated": "mwpm-correlated", "union-find": "mwpm"}
    python = PyMatching(point)
    totals = {kind: numpy.zeros(4, dtype=int) for kind in peers}
    shot_count, chunk, seed = 0, 1000, SEED
    while True:
        start = time.time()
        shots = point.sample(chunk, seed)
        native.open(point, shots) if shot_count == 0 else native.ask("shots", shots.path, chunk)
        truth = shots.observables[:, 0]
        wrong = {kind: python.predict(f"pymatching/{kind}", shots) != truth for kind in set(peers.values())}
        for kind, peer in peers.items():
            ours, theirs = native.predict(f"outrider/{kind}")[0] != truth, wrong[peer]
            totals[kind] += [ours.sum(), theirs.sum(), (ours & ~theirs).sum(), (theirs & ~ours).sum()]
        shot_count, seed = shot_count + chunk, seed + 1
        now = time.time()
        if min(total[0] for total in totals.values()) >= failures_wanted or now + (now - start) > deadline:
            break
        chunk = min(200_000, max(1000, int(chunk * min(4.0, (deadline - now) / (now - start) / 2))))
    return [
        {
            "p": point.p, "basis": point.basis, "d": point.d, "decoder": kind, "shots": shot_count,
            "failures": int(total[0]), "low": wilson(total[0], shot_count)[0], "high": wilson(total[0], shot_count)[1],
            "peer": f"pymatching/{peers[kind]}", "peer_failures": int(total[1]),
            "peer_low": wilson(total[1], shot_count)[0], "peer_high": wilson(total[1], shot_count)[1],
            "only_ours": int(total[2]), "only_peer": int(total[3]),
        }
        for kind, total in totals.items()
    ]  # fmt: skip


def shots_for(point, python, decoder, seconds, bounds):
    """As many shots as keep the decoder busy for that long."""
    python.decode(decoder, point.sample(10, SEED))
    trial = point.sample(bounds[0], SEED)
    each = python.decode(decoder, trial)["cpu"] / len(trial)
    count = min(bounds[1], max(bounds[0], int(seconds / each)))
    return point.sample(count, SEED)


def take_turns(native, python, shots, decoders, rounds):
    """Times of every decoder, round by round, after one round of warm-up."""
    turns = {decoder: [] for decoder in decoders}
    for turn in range(rounds + 1):
        for decoder in decoders:
            program = python if decoder.startswith("pymatching/") else native
            times = program.decode(decoder, shots)
            if turn > 0:
                turns[decoder].append(times)
    return turns


def ratio(above, below, clock):
    """Median of the ratios within the rounds."""
    return round(statistics.median(a[clock] / b[clock] for a, b in zip(above, below)), 3)


def microseconds(turns, clock, shots):
    return round(1e6 * statistics.median(turn[clock] for turn in turns) / shots, 4)


def wilson(failures, shots, z=1.959964):
    """95 % confidence interval of a rate."""
    rate, spread = failures / shots, z * z / shots
    centre = (rate + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(rate * (1 - rate) / shots + spread / (4 * shots))
    return f"{max(0.0, centre - half):.3e}", f"{centre + half:.3e}"


def say(section, point, rows, *columns):
    for row in rows:
        print(section, point.name, *(f"{column}={row[column]}" for column in columns), flush=True)
