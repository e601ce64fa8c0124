#!/usr/bin/env python3
"""Measures streams whose noise drifts, with weights that are learned on the way, and writes docs/real-time.

    python3 tools/compare/drift.py           everything: about a quarter of an hour on two quiet cores
    python3 tools/compare/drift.py --quick   one seed
    python3 tools/compare/drift.py --report  only rewrites the table from docs/real-time/drift.csv

Every history is decoded with the weights of the noise at the beginning (frozen), with learned ones, and with those of
the noise as it is at the moment (true), so that the differences are known better than the rates. Needs Python 3.11 with
venv, Cargo and, the first time, PyPI. crates/outrider/examples/drift.rs says what the drifts are.
"""

import argparse
import json
import subprocess
import time

from origin import commit, cpu_name, origin
from workspace import ROOT, enter_virtual_environment

FOLDER = ROOT / "docs" / "real-time"
DRIFT = ROOT / "target" / "release" / "examples" / "drift"
COLUMNS = [
    *("drift", "decoder", "distance", "p", "rounds", "histories", "memory", "every", "factor", "seed"),
    *("frozen", "learned", "true"),
    *("only_frozen", "only_true_of_frozen", "only_learned", "only_true_of_learned"),
]
POINTS = {"double": {"p": 0.003}, "spread": {"p": 0.0025}, "spot": {"p": 0.003, "factor": 5}}
SEEDS = {"mwpm": 4, "mwpm-correlated": 2}
MEMORY = 50_000
EVERY = 16_384


def main():
    args = parse_arguments()
    enter_virtual_environment()
    import drift_tables

    table, run = FOLDER / "drift.csv", FOLDER / "drift.json"
    if not args.report:
        subprocess.run(["cargo", "build", "--release", "-p", "outrider", "--example", "drift"], cwd=ROOT, check=True)
        started = time.monotonic()
        table.write_text(",".join(COLUMNS) + "\n" + "".join(measure(args.quick)))
        run.write_text(json.dumps(describe(args, started), indent=1) + "\n")
    drift_tables.rewrite(ROOT / "docs" / "real-time.md", table, json.loads(run.read_text()))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one seed")
    parser.add_argument("--report", action="store_true", help="measure nothing, rewrite the table")
    return parser.parse_args()


def measure(quick):
    for decoder, seeds in SEEDS.items():
        for drift, options in POINTS.items():
            for seed in range(1, 2 if quick else seeds + 1):
                more = {"decoder": decoder, "seed": seed, "memory": MEMORY, "every": EVERY, **options}
                words = [word for name, value in more.items() for word in (f"--{name}", str(value))]
                yield subprocess.run([DRIFT, drift, *words], check=True, capture_output=True, text=True).stdout


def describe(args, started):
    """When, where and of what it was measured."""
    about = origin()
    return {
        "date": about["date"],
        "commit": commit(about),
        "quick": args.quick,
        "minutes": round((time.monotonic() - started) / 60),
        "cpu": cpu_name(),
    }


if __name__ == "__main__":
    main()
