#!/usr/bin/env python3
"""Measures what windows cost in accuracy and writes docs/real-time.

    python3 tools/compare/windows.py           everything: about five minutes on two quiet cores
    python3 tools/compare/windows.py --quick   a tenth of the shots
    python3 tools/compare/windows.py --report  only rewrites the table from docs/real-time/windows.csv

Every shot is decoded in windows and whole, so that the difference is known better than either rate. Needs Python 3 and
Cargo. The rows are those of `outrider ler`, in sinter's CSV.
"""

import argparse
import collections
import csv
import json
import math
import os
import pathlib
import subprocess
import tempfile
import time

from origin import cpu_name, origin
from pages import Page, commit, header, prose, row, words
from workspace import ROOT, build

FOLDER = ROOT / "docs" / "real-time"
OUTRIDER = ROOT / "target" / "release" / "outrider"
DECODERS = "mwpm,mwpm-correlated"
TIME_LAYOUTS = ["parallel", "forward", "sandwich"]
# Distance and p, and shots of square patches and of wide ones.
POINTS = {
    (5, 0.003): (40_000, 10_000),
    (5, 0.006): (20_000, 8_000),
    (7, 0.003): (20_000, 4_000),
    (7, 0.006): (8_000, 2_000),
    (9, 0.003): (10_000, 1_000),
    (9, 0.006): (4_000, 500),
}
ROUNDS_PER_DISTANCE = 10
# The wide patch is so many distances long.
LENGTHS = 3
SEED = 20261124
Z_95 = 1.959964
NAMES = {"mwpm": "plain", "mwpm-correlated": "correlated"}


def main():
    args = parse_arguments()
    table, run = FOLDER / "windows.csv", FOLDER / "run.json"
    if not args.report:
        build("outrider-cli")
        FOLDER.mkdir(parents=True, exist_ok=True)
        table.unlink(missing_ok=True)
        started = time.monotonic()
        measure(table, args)
        run.write_text(json.dumps(describe(args, started), indent=1) + "\n")
    tasks = read(table)
    page = Page(ROOT / "docs" / "real-time.md")
    page.put("windows", [*accuracy_table(tasks), "", *provenance(json.loads(run.read_text()))])
    page.put("windows-pooled", pooled_table(tasks))
    page.save()


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the shots")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="the counts do not depend on them")
    parser.add_argument("--report", action="store_true", help="measure nothing, rewrite the table")
    return parser.parse_args()


def measure(table, args):
    for (d, p), shots in POINTS.items():
        square, wide = (count // 10 if args.quick else count for count in shots)
        rounds = ROUNDS_PER_DISTANCE * d
        with tempfile.TemporaryDirectory() as folder:
            # `ler` takes the task's metadata from the name of the file.
            model = pathlib.Path(folder) / f"d={d},p={p},r={rounds},size={LENGTHS * d}x{d}.dem"
            outrider("gen", "--size", f"{LENGTHS * d}x{d}", "--rounds", rounds, "--p", p, "--dem-out", model)
            for buffer in (0, (d + 1) // 2, d):
                own = ["--buffer", buffer, "--out", table, "--threads", args.threads]
                for layout in TIME_LAYOUTS:
                    ler(square, layout, *own, "--distance", d, "--p", p, "--rounds", rounds)
                ler(wide, "brick", *own, "--dem", model, "--commit", d, "--row-width", d)


def ler(shots, layout, *more):
    limits = ["--max-shots", shots, "--max-errors", 2**63, "--seed", SEED]
    outrider("ler", "--decoder", DECODERS, "--window", layout, "--paired", *limits, *more)


def outrider(*words):
    subprocess.run([OUTRIDER, *map(str, words)], check=True)


def read(table):
    """The counts of every task."""
    tasks = collections.defaultdict(collections.Counter)
    with open(table, newline="") as file:
        for line in csv.DictReader(file, skipinitialspace=True):
            about = json.loads(line["json_metadata"])
            decoder = line["decoder"].split("@")[0]
            key = (decoder, about["win"], about["d"], about["p"], about["buffer"])
            tasks[key].update(json.loads(line["custom_counts"]))
            tasks[key]["failures"] += int(line["errors"])
    return tasks


def pooled_table(tasks):
    """All points together, with buffers of d."""
    pooled = collections.defaultdict(collections.Counter)
    for (decoder, layout, d, _p, buffer), counts in tasks.items():
        if buffer == d:
            pooled[decoder, layout].update(counts)
    lines = header("decoder", "layout", "failures whole", "in windows", "only in windows", "only whole", "ratio [95 %]")
    for (decoder, layout), counts in sorted(pooled.items()):
        lines.append(row(NAMES[decoder], layout, whole(counts), counts["failures"], counts["only_windows"],
                         counts["only_whole"], ratio(counts)))  # fmt: skip
    return lines


def accuracy_table(tasks):
    lines = header("decoder", "layout", "d", "p", "shots", "failures whole", "ratio [95 %], b = 0", "b = (d+1)/2", "b = d",
                   "fail only in windows, only whole, b = d")  # fmt: skip
    for decoder, layout, d, p in sorted({key[:4] for key in tasks}):
        counts = [tasks[decoder, layout, d, p, buffer] for buffer in (0, (d + 1) // 2, d)]
        last = counts[-1]
        lines.append(row(NAMES[decoder], layout, d, f"{p:g}", last["paired_shots"], whole(last), *map(ratio, counts),
                         f"{last['only_windows']}, {last['only_whole']}"))  # fmt: skip
    return lines


def whole(counts):
    """Failures of whole histories."""
    return counts["failures"] - counts["only_windows"] + counts["only_whole"]


def ratio(counts):
    """Of failures in windows and whole. Only shots on which they differ make it uncertain; at least one may."""
    above, below = counts["failures"], whole(counts)
    if above == 0 or below == 0:
        return "-"
    discordant = counts["only_windows"] + counts["only_whole"]
    spread = math.exp(Z_95 * math.sqrt(max(discordant, 1) / (above * below)))
    return f"{above / below:.3f} [{above / below / spread:.3f}, {above / below * spread:.3f}]"


def describe(args, started):
    """When, where and of what it was measured."""
    about = origin()
    return {
        "date": about["date"],
        "commit": commit(about),
        "quick": args.quick,
        "minutes": round((time.monotonic() - started) / 60),
        "cpu": cpu_name(),
        "threads": args.threads,
    }


def provenance(run):
    command = "python3 tools/compare/windows.py" + (" --quick" if run["quick"] else "")
    return prose(words("provenance.windows", command=command, seed=SEED, **run))


if __name__ == "__main__":
    main()
