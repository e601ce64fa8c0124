#!/usr/bin/env python3
"""Measures what windows cost in accuracy and writes docs/real-time.

    python3 tools/compare/windows.py           everything: about five minutes on two quiet cores
    python3 tools/compare/windows.py --quick   a tenth of the shots
    python3 tools/compare/windows.py --report  only rewrites tables and picture from docs/real-time/windows.csv

Every shot is decoded in windows and whole, so that the difference is known better than either rate. Needs Python
3.11 with venv, Cargo and, the first time, PyPI. The rows are those of `outrider ler`, in sinter's CSV.
"""

import argparse
import json
import os
import pathlib
import subprocess
import tempfile
import time

from origin import commit, cpu_name, origin
from workspace import ROOT, build, enter_virtual_environment

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


def main():
    args = parse_arguments()
    enter_virtual_environment()
    import window_picture
    import window_tables

    table, run = FOLDER / "windows.csv", FOLDER / "run.json"
    if not args.report:
        build("outrider-cli")
        FOLDER.mkdir(parents=True, exist_ok=True)
        table.unlink(missing_ok=True)
        started = time.monotonic()
        measure(table, args)
        run.write_text(json.dumps(describe(args, started), indent=1) + "\n")
    window_tables.rewrite(ROOT / "docs" / "real-time.md", table, {"seed": SEED, **json.loads(run.read_text())})
    window_picture.draw(FOLDER / "windows.svg")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the shots")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="the counts do not depend on them")
    parser.add_argument("--report", action="store_true", help="measure nothing, rewrite tables and picture")
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
        "seed": SEED,
    }


if __name__ == "__main__":
    main()
