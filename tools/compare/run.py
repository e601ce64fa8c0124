#!/usr/bin/env python3
"""Measures outrider beside PyMatching and stabilizer_qec and writes docs/performance.

    python3 tools/compare/run.py                  everything: about half an hour
    python3 tools/compare/run.py --quick          everything, coarsely: about four minutes
    python3 tools/compare/run.py --only speed,ler some sections
    python3 tools/compare/run.py --report         only rewrites the tables from docs/performance/*.csv

Needs Python 3 with venv, Cargo and, the first time, PyPI: the PINNED packages go to a virtual environment under target/.
The sections and how they measure are described in docs/performance.md.
"""

import argparse
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "target" / "compare"
PINNED = ["stim==1.16.0", "pymatching==2.4.0", "matplotlib==3.11.2"]
SECTIONS = ["speed", "tails", "build", "sampling", "memory", "ler"]


def main():
    args = parse_arguments()
    enter_virtual_environment()
    import tables

    if not args.report:
        build_programs()
        import sections

        sections.run(args.only, args.quick, args.core)
    tables.rewrite(ROOT / "docs" / "performance.md", ROOT / "README.md", ROOT / "docs" / "performance")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer shots and rounds")
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections, separated by commas: %(default)s")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)), help="the core that everything runs on")
    parser.add_argument("--report", action="store_true", help="measure nothing, rewrite the tables")
    args = parser.parse_args()
    args.only = args.only.split(",")
    unknown = sorted(set(args.only) - set(SECTIONS))
    if unknown:
        parser.error(f"no such section: {', '.join(unknown)}")
    return args


def enter_virtual_environment():
    """Runs this script again by the Python that has the pinned packages."""
    home = WORK / "venv"
    python = home / "bin" / "python"
    if pathlib.Path(sys.prefix) == home:
        return
    stamp = home / "installed"
    if not stamp.exists() or stamp.read_text() != "\n".join(PINNED):
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PINNED], check=True)
        stamp.write_text("\n".join(PINNED))
    os.execv(python, [str(python), *sys.argv])


def build_programs():
    packages = ["--package", "compare", "--package", "outrider-cli"]
    subprocess.run(["cargo", "build", "--release", "--locked", *packages], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
