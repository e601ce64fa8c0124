"""The measurements of real-time decoding. Every section writes docs/streaming/<section>.csv and its entry in run.json."""

import math
import pathlib
import statistics
import tempfile
import time

from streaming_runs import (
    CORES, OUTRIDER, Meanwhile, Task, bench, describe, mark_crowded, run_quietly, stream, take_turns,
)  # fmt: skip
from streaming_soak import soak
from workspace import ROOT, record, write_csv

P = 0.001
NETWORK = ROOT / "models" / "event-stim.safetensors"
DECODERS = {
    "plain": [],
    "correlated": ["--decoder", "mwpm-correlated"],
    "network + plain": ["--predecoder", NETWORK],
}
FULL = {
    "turns": 5, "held_rounds": 1_000_000, "held_histories": 20_000, "distances": (5, 7, 9, 13), "strengths": (0.001, 0.003),
    "rate_turns": 3, "rate_rounds": 500_000, "work_turns": 3, "work_s": 0.2, "node_histories": 2_000, "kills": 100, "sifl_steps": 5_000,
    "pipeline_s": 20.0, "pace_step": 1.25, "pipeline_decoders": tuple(DECODERS), "soak_rounds": 10**8,
    "bench": ["--warm-up-time", "1", "--measurement-time", "3"],
}  # fmt: skip
QUICK = {
    "turns": 1, "held_rounds": 100_000, "held_histories": 1_000, "distances": (5,), "strengths": (0.001,),
    "rate_turns": 1, "rate_rounds": 50_000, "work_turns": 1, "work_s": 0.05, "node_histories": 200, "kills": 5, "sifl_steps": 200,
    "pipeline_s": 0.2, "pace_step": 2, "pipeline_decoders": ("plain",), "soak_rounds": 10**6,
    "bench": ["--warm-up-time", "0.05", "--measurement-time", "0.1", "--sample-size", "10"],
}  # fmt: skip


def run(folder, names, quick):
    """Measures the sections; whether the soaks kept what they promise."""
    folder.mkdir(parents=True, exist_ok=True)
    effort = QUICK if quick else FULL
    kept = True
    for name in names:
        start, meanwhile = time.monotonic(), Meanwhile()
        with meanwhile:
            rows = RUNNERS[name](effort)
        write_csv(folder / f"{name}.csv", rows)
        record(folder, name, describe(name, quick, time.monotonic() - start, meanwhile))
        kept &= all(row.get("kept") != "no" for row in rows)
    return kept


def held(effort):
    """A round each microsecond: one long history for whether it is held, many short ones for the reaction."""
    shapes = {
        "one": ["--rounds", effort["held_rounds"]],
        "short": ["--rounds", 50, "--repeat", effort["held_histories"]],
    }
    tasks = []
    for d, workers in ((5, 1), (7, 1), (7, 2)):
        for wait in ("yield", "spin"):
            if wait == "spin" and 1 + workers > CORES:
                # It takes as long as the time slices of the scheduler, and tells nothing else.
                continue
            for shape, words in shapes.items():
                options = ["--workers", workers, "--wait", wait, *words]
                what = {"d": d, "p": P, "workers": workers, "wait": wait, "histories": shape}
                what |= {"threads": 1 + workers, "crowded": ""}
                tasks.append((what, stream("--distance", d, "--p", P, "--round-time", 1, *options)))
    take_turns([task for _, task in tasks], effort["turns"])
    return [say("held", task.row(what, {**paces(task), **latencies(task)})) for what, task in tasks]


def rate(effort):
    """The shortest round time that is held."""
    tasks = []
    for p in effort["strengths"]:
        for d in effort["distances"]:
            for decoder, options in DECODERS.items():
                for workers in (1, 2):
                    memory = ["--distance", d, "--p", p, "--rounds", effort["rate_rounds"] // d]
                    what = {"d": d, "p": p, "decoder": decoder, "workers": workers}
                    tasks.append((what, stream(*memory, *options, "--workers", workers, "--find-rate")))
    take_turns([task for _, task in tasks], effort["rate_turns"])
    rows = []
    for what, task in tasks:
        times = [report["find_rate"]["round_time_us"] for report in task.reports]
        figures = {
            "round_time_us": task.median("find_rate", "round_time_us"), "low_us": round(min(times), 3),
            "high_us": round(max(times), 3), "rounds_per_second": round(task.median("find_rate", "rounds_per_second")),
            "tries": sum(len(report["find_rate"]["tries"]) for report in task.reports),
            "lag_p50_us": task.median("commit_lag_us", "p50"), "lag_p99_us": task.median("commit_lag_us", "p99"),
            "samples": task.total("commit_lag_us", "samples"),
        }  # fmt: skip
        rows.append(say("rate", task.row(what, figures)))
    return rows


def work(effort):
    """Time in the decoder for a round, in windows and on whole histories of 10 d rounds: the same shots, one thread."""
    rows = []
    for p in effort["strengths"]:
        for d in effort["distances"]:
            cut = ["--commit", d, "--buffer", d]
            rows += work_of_memory(f"{d}x{d}", d, p, {
                "forward": ["--window", "forward", *cut],
                "parallel": ["--window", "parallel", "--spacing", d, *cut],
                "sandwich": ["--window", "sandwich", *cut],
            }, effort)  # fmt: skip
            rows += work_of_memory(f"{3 * d}x{d}", d, p, {"brick": ["--window", "brick", "--row-width", d, *cut]}, effort)
    return rows


def work_of_memory(size, d, p, layouts, effort):
    rounds = 10 * d
    rows = []
    with tempfile.TemporaryDirectory() as name:
        dem, shots = (pathlib.Path(name) / file for file in ("model.dem", "shots.b8"))
        run_quietly(OUTRIDER, "gen", "--size", size, "--rounds", rounds, "--p", p, "--dem-out", dem)
        sample(dem, TRIAL_SHOTS, shots)
        for decoder, with_decoder in DECODERS.items():
            whole = ["bench", "--dem", dem, "--in", shots, "--rounds", rounds, *with_decoder]
            trial = Task(*whole)
            trial.run()
            count = math.ceil(effort["work_s"] * 1e6 / trial.median("mean_us"))
            count = max(TRIAL_SHOTS, min(count, WORK_ROUNDS_MAX // rounds))
            sample(dem, count, shots)
            tasks = {"whole": Task(*whole, "--shots", count)}
            flat_out = ["--dem", dem, "--shots", shots, "--round-time", 0, "--workers", 0, *with_decoder]
            tasks |= {layout: stream(*flat_out, *words) for layout, words in layouts.items()}
            take_turns(tasks.values(), effort["work_turns"])
            for layout, task in tasks.items():
                each = [us_per_round(report) for report in task.reports]
                factors = [us / us_per_round(report) for us, report in zip(each, tasks["whole"].reports)]
                window = task.reports[0].get("window", {"commit": "", "spacing": "", "buffer": "", "context": ""})
                what = {"size": size, "d": d, "p": p, "decoder": decoder, "layout": layout, **window}
                rows.append(say("work", task.row(what, {
                    "rounds": rounds, "shots": count, "us_per_round": round(statistics.median(each), 4),
                    "low_us": round(min(each), 4), "high_us": round(max(each), 4),
                    "factor": round(statistics.median(factors), 3),
                })))  # fmt: skip
    return rows


TRIAL_SHOTS = 200
# A round costs a stream more than a simple decoder, so this bounds the time.
WORK_ROUNDS_MAX = 1_000_000


def us_per_round(report):
    """Of `bench`, or of all cells of a stream."""
    if "us_per_round" in report:
        return report["us_per_round"]
    return report["hops_us"]["decode"]["mean"] * report["cells"] / (report["rounds"] or 1)


def sample(dem, count, path):
    run_quietly(OUTRIDER, "sample", "--dem", dem, "--shots", count, "--seed", 1, "--out", path, "--out-format", "b8")


def nodes(effort):
    """Short histories through one node and in this process: as many threads, one that decodes and one that takes rounds."""
    places = {"in process": ["--workers", 1]}
    places |= {name: ["--nodes", 1, "--transport", name, "--workers", 0] for name in ("ring", "unix", "tcp")}
    tasks = []
    for wait in ("spin", "yield", "block"):
        for round_time in (1, 10):
            for place, options in places.items():
                memory = ["--distance", 5, "--p", P, "--rounds", 50, "--repeat", effort["node_histories"]]
                what = {"place": place, "wait": wait, "round_time_us": round_time, "threads": 2, "crowded": ""}
                tasks.append((what, stream(*memory, "--round-time", round_time, "--wait", wait, *options)))
    take_turns([task for _, task in tasks], effort["turns"])
    rows = []
    for what, task in tasks:
        network = {}
        if "network" in task.reports[0]["hops_us"]:
            network = {f"network_{q}_us": task.median("hops_us", "network", q) for q in ("p50", "p99")}
            network["starved"] = sum(node["credit_stops"] for report in task.reports for node in report["nodes"])
        rows.append(say("nodes", task.row(what, {**paces(task), **latencies(task), **network})))
    for row in bench(["loopback"], effort["bench"]):
        _, place, wait = row.pop("bench").split("/")
        what = {"place": place.replace("-", " "), "wait": wait, "round_time_us": "", "threads": 2, "crowded": ""}
        window = {f"window_{name}": row.pop(name) for name in ("ns", "low_ns", "high_ns")}
        rows.append(say("nodes", mark_crowded({**what, **window, **row})))
    return rows


def failover(effort):
    """kill -9 of one of two nodes while rounds come, each time after another round, and each history without that too."""
    rows = []
    for transport in ("unix", "ring"):
        # In the time until the loss is noticed, fewer rounds come than can be held, and many more.
        for round_time, rounds in ((200, 2_000), (20, 10_000)):
            words = ["--distance", 5, "--p", P, "--rounds", rounds, "--round-time", round_time]
            words += ["--nodes", 2, "--transport", transport, "--wait", "block"]
            undisturbed = stream(*words)
            undisturbed.run()
            for kill in range(effort["kills"]):
                after = rounds // 10 + kill * rounds * 8 // 10 // effort["kills"]
                task = stream(*words, "--seed", kill, "--kill-after", after, "--verify")
                task.run()
                spared = stream(*words, "--seed", kill)
                spared.run()
                report = task.reports[0]
                # None if the history was over before the loss was noticed.
                loss = (report["failover_us"] or [{"detection": "", "total": ""}])[0]
                rows.append(task.row({"transport": transport, "round_time_us": round_time, "killed_after": after}, {
                    "detection_us": loss["detection"], "total_us": loss["total"],
                    "lost_rounds": report["lost_rounds"], "mismatches": report["batch_mismatches"],
                    "compared": report["answers_compared"], "lag_max_us": report["commit_lag_us"]["max"],
                    "undisturbed_lag_p90_us": undisturbed.median("commit_lag_us", "p90"),
                    "undisturbed_lag_max_us": spared.reports[0]["commit_lag_us"]["max"],
                    "waited_for_room": report["credit_stops"], "samples": report["commit_lag_us"]["samples"],
                }))  # fmt: skip
            say("failover", rows[-1])
    return rows


def sifl(effort):
    """The closed loop: as many rounds in a step as come until the correction of the step before has landed."""
    tasks = []
    for d in (5, 7):
        for round_time in (1, 2, 10):
            words = ["--distance", d, "--p", P, "--round-time", round_time, "--sifl", effort["sifl_steps"]]
            tasks.append(({"d": d, "p": P, "round_time_us": round_time, "workers": 1}, stream(*words, "--workers", 1)))
    take_turns([task for _, task in tasks], effort["turns"])
    rows = []
    for what, task in tasks:
        figures = {
            "steps": task.total("sifl", "steps"), "diverged": task.count("sifl", "diverged"),
            "rounds_min": task.reports[0]["sifl"]["rounds_min"], "rounds_mean": task.median("sifl", "rounds_mean"),
            "rounds_most": task.largest("sifl", "rounds_most"),
            "us_per_round": round(statistics.median(map(step_time_per_round, task.reports)), 3),
            **{f"reaction_{q}_us": task.median("reaction_us", q) for q in ("p50", "p90", "p99", "p999")},
            "reaction_max_us": task.largest("reaction_us", "max"), "samples": task.total("reaction_us", "samples"),
        }  # fmt: skip
        rows.append(say("sifl", task.row(what, figures)))
    return rows


def step_time_per_round(report):
    """Of the loop, in the mean: a round time if no step had to wait for the correction before."""
    # The readout at the end of each step is a layer too.
    layers = report["rounds"] + report["sifl"]["steps"]
    return report["seconds"] * 1e6 / layers


def pipeline(effort):
    """Histories of d = 13 and 104 rounds, one each 104 us, for 20 s; and how far apart they may come if that is too often."""
    arrivals = {
        "round by round": (["--round-time", 1], {"parallel": (PARALLEL, (1, 2))}),
        # A request with a whole history, as the published pipeline gets them; a window is then of no use to one worker.
        "all at once": (["--round-time", 0.001], {
            "whole": (["--window", "forward", "--commit", 105, "--buffer", 0, "--reference-rounds", 104], (1,)),
            "parallel": (PARALLEL, (1, 2)),
        }),
    }  # fmt: skip
    rows = []
    for decoder in effort["pipeline_decoders"]:
        for arrival, (pace, layouts) in arrivals.items():
            for layout, (cut, numbers) in layouts.items():
                for workers in numbers:
                    words = ["--distance", 13, "--p", 0.003, "--rounds", 104, "--workers", workers, *pace, *cut]
                    words += DECODERS[decoder]
                    what = {"decoder": decoder, "arrival": arrival, "layout": layout, "workers": workers}
                    rows += [say("pipeline", {**what, **row}) for row in paces_held(words, effort)]
    return rows


def paces_held(words, effort):
    """The published pace, and if that is not held, the fastest of slower ones that is."""
    history_us = PUBLISHED_PACE_US
    first = row = pipeline_row(words, history_us, effort["pipeline_s"])
    while row["held"] == "no" and history_us < SLOWEST_PACE_US:
        history_us = round(history_us * effort["pace_step"])
        row = pipeline_row(words, history_us, effort["pipeline_s"])
    return [first] if row is first else [first, row]


PARALLEL = ["--window", "parallel"]
PUBLISHED_PACE_US, SLOWEST_PACE_US = 104, 10_000
# What does not hold a pace for so many histories need not be tried for longer.
TRIAL_HISTORIES = 1000


def pipeline_row(words, history_us, seconds):
    histories = math.ceil(seconds * 1e6 / history_us)
    for histories in (min(TRIAL_HISTORIES, histories), histories):
        task = stream(*words, "--history-time", history_us, "--repeat", histories)
        task.run()
        report = task.reports[0]
        if not report["held"]:
            break
    figures = {
        "history_time_us": history_us, "histories": report["histories"], "held": "yes" if report["held"] else "no",
        "busy_us_per_history": round(report["seconds"] * 1e6 / report["histories"], 2),
        "logical_errors": report["logical_errors"],
        **{f"reaction_{q}_us": report["reaction_us"][q] for q in ("p50", "p90", "p99", "p999", "max")},
        "decode_p50_us": report["hops_us"]["decode"]["p50"], "lost_rounds": report["lost_rounds"],
        "samples": report["reaction_us"]["samples"],
    }  # fmt: skip
    return task.row({}, figures)


def codec(effort):
    """Frames, sessions, the ring, measurements to detection events, and streams without a pace."""
    return [say("codec", row) for row in bench(["wire", "ring", "streaming"], effort["bench"])]


def long_soak(effort):
    return soak(effort["soak_rounds"])


def paces(task):
    """How a pace was kept."""
    return {
        "rounds": task.total("rounds"), "held": task.count("held"), "lost_rounds": task.total("lost_rounds"),
        "waited_for_room": task.total("credit_stops"), "backlog_p50": task.median("backlog_rounds", "p50"),
        "backlog_p99": task.median("backlog_rounds", "p99"), "backlog_max": task.largest("backlog_rounds", "max"),
        "rounds_max": task.reports[0]["rounds_max"],
    }  # fmt: skip


def latencies(task):
    """Medians of the quantiles over the runs, and the largest of the maxima."""
    figures = {}
    for name, path in {"reaction": ["reaction_us"], "lag": ["commit_lag_us"]}.items():
        figures |= {f"{name}_{q}_us": task.median(*path, q) for q in ("p50", "p90", "p99", "p999")}
        figures |= {f"{name}_max_us": task.largest(*path, "max"), f"{name}_samples": task.total(*path, "samples")}
    for hop in ("ingest", "queue", "decode"):
        figures |= {f"{hop}_{q}_us": task.median("hops_us", hop, q) for q in ("p50", "p99")}
    return figures


def say(section, row):
    """Tells the first columns of a row while the others are measured."""
    print(section, *(f"{name}={value}" for name, value in list(row.items())[:SAID] if value != ""), flush=True)
    return row


SAID = 14
RUNNERS = {
    "held": held, "rate": rate, "work": work, "nodes": nodes, "failover": failover, "sifl": sifl, "pipeline": pipeline,
    "codec": codec, "soak": long_soak,
}  # fmt: skip
