"""Runs of the program and of benches, and what else the machine did meanwhile."""

import json
import os
import pathlib
import re
import resource
import statistics
import subprocess
import tempfile
import time

from origin import cpu_name, origin
from workspace import ROOT

OUTRIDER = ROOT / "target" / "release" / "outrider"
CORES = len(os.sched_getaffinity(0))


class Meanwhile:
    """What other jobs did during some runs: `with meanwhile:` around each of them."""

    def __init__(self):
        self.seconds, self.others = 0.0, 0.0

    def __enter__(self):
        self.start = time.monotonic(), busy_seconds() - own_seconds()

    def __exit__(self, *_):
        start, others = self.start
        self.seconds += time.monotonic() - start
        self.others += max(0.0, busy_seconds() - own_seconds() - others)

    def columns(self):
        """Where it was, and how quiet: `other_cores` are cores that others, or the host, had in the mean."""
        return {
            "machine": cpu_name(), "cores": CORES, "load_average": round(os.getloadavg()[0], 2),
            "other_cores": round(self.others / max(self.seconds, 1e-9), 2),
        }  # fmt: skip


class Task:
    """A command of the program that is run several times, and the object that each run wrote with --json."""

    def __init__(self, *words):
        self.words = [str(word) for word in words]
        self.reports = []
        self.meanwhile = Meanwhile()

    def run(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "run.json"
            with self.meanwhile:
                run_quietly(OUTRIDER, *self.words, "--json", path)
            self.reports.append(json.loads(path.read_text()))

    def median(self, *path):
        return round(statistics.median(at(report, path) for report in self.reports), 3)

    def largest(self, *path):
        return round(max(at(report, path) for report in self.reports), 3)

    def count(self, *path):
        """Runs in which this is true."""
        return sum(bool(at(report, path)) for report in self.reports)

    def total(self, *path):
        return sum(at(report, path) for report in self.reports)

    def row(self, what, figures):
        row = {**what, **figures, "runs": len(self.reports), "command": self.command(), **self.meanwhile.columns()}
        return mark_crowded(row)

    def command(self):
        return command_line("outrider", *self.words)


def take_turns(tasks, turns):
    """Runs every task once, then every task again, and so on, so that a slow spell of the machine strikes them all."""
    for _ in range(turns):
        for task in tasks:
            task.run()


def stream(*words):
    return Task("stream", *words)


def at(report, path):
    for name in path:
        report = report[name]
    return report


def mark_crowded(row):
    """Threads that spin on fewer cores than there are of them, those that others have left out, measure the scheduler."""
    if row.get("wait") == "spin" and row["threads"] > CORES - row["other_cores"] + CROWDED_SHARE:
        row["crowded"] = "yes"
    return row


# Of a core: what others may have of it.
CROWDED_SHARE = 0.1


def bench(names, options):
    """Runs criterion benches; their medians in nanoseconds with 95 % intervals, and what others did meanwhile."""
    began, meanwhile = time.time(), Meanwhile()
    command = ["cargo", "bench", "--locked", *(word for name in names for word in ("--bench", name)), "--", *options]
    with meanwhile:
        run_quietly(*command)
    rows = []
    for path in sorted((ROOT / "target" / "criterion").glob("**/new/benchmark.json")):
        if path.stat().st_mtime < began:
            continue
        about = json.loads(path.read_text())
        median = json.loads((path.parent / "estimates.json").read_text())["median"]
        interval = median["confidence_interval"]
        rows.append({
            "bench": about["full_id"], "ns": round(median["point_estimate"], 2), "low_ns": round(interval["lower_bound"], 2),
            "high_ns": round(interval["upper_bound"], 2), "per": (about["throughput"] or {}).get("Elements", ""),
            "samples": len(json.loads((path.parent / "sample.json").read_text())["times"]),
            "command": command_line(*command), **meanwhile.columns(),
        })  # fmt: skip
    return rows


def run_quietly(*command):
    """Runs a program; what it wrote is shown only if it fails."""
    done = subprocess.run([str(word) for word in command], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command_line(*command)}\n{done.stdout}{done.stderr}")


def describe(section, quick, seconds, meanwhile):
    """When, where and of what a section was measured."""
    return {
        **origin(),
        "quick": quick,
        "seconds": round(seconds),
        "command": f"python3 tools/compare/streaming.py --only {section}" + (" --quick" if quick else ""),
        **meanwhile.columns(),
    }


def command_line(*words):
    """As one would type it here, without temporary folders."""
    line = " ".join(str(word) for word in words).replace(f"{ROOT}/", "")
    return re.sub(rf"{re.escape(tempfile.gettempdir())}/[^/ ]+/", "", line)


def own_seconds():
    """Processor time of this process and of what it started and has seen end."""
    return usage_seconds(resource.RUSAGE_SELF) + usage_seconds(resource.RUSAGE_CHILDREN)


def usage_seconds(whose):
    usage = resource.getrusage(whose)
    return usage.ru_utime + usage.ru_stime


def busy_seconds():
    """Time of all cores that was not idle, what the host took away included."""
    line = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0]
    user, nice, system, _idle, _iowait, irq, softirq, steal, *_ = map(int, line.split()[1:])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
