"""What the measuring scripts share: where things are, their options, the packages from PyPI, building, and result files."""

import csv
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "target" / "compare"
PINNED = ["stim==1.16.0", "pymatching==2.4.0", "matplotlib==3.11.2"]


def add_options(parser, sections):
    """The options that every script with sections has."""
    parser.add_argument("--quick", action="store_true", help="fewer points, shots and rounds")
    parser.add_argument("--only", default=",".join(sections), help="sections, separated by commas: %(default)s")
    parser.add_argument("--report", action="store_true", help="measure nothing, only rewrite tables and figures")


def parse_options(parser, sections):
    args = parser.parse_args()
    args.only = args.only.split(",")
    unknown = sorted(set(args.only) - set(sections))
    if unknown:
        parser.error(f"no such section: {', '.join(unknown)}")
    return args


def add_core_option(parser):
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)), help="the core that everything runs on")


def enter_virtual_environment():
    """Runs the calling script again under the Python that has the pinned packages."""
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


def build(*packages):
    command = ["cargo", "build", "--release", "--locked"]
    for package in packages:
        command += ["--package", package]
    subprocess.run(command, cwd=ROOT, check=True)


def read_csv(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def read_results(folder):
    """The rows of every section, and how each was measured."""
    path = folder / "run.json"
    runs = json.loads(path.read_text()) if path.exists() else {}
    return {path.stem: read_csv(path) for path in folder.glob("*.csv")}, runs


def write_csv(path, rows):
    """Columns in the order in which they first appear; cells that a row lacks are empty."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=names, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def record(folder, section, about):
    """Writes to run.json how a section was measured."""
    path = folder / "run.json"
    entries = json.loads(path.read_text()) if path.exists() else {}
    entries[section] = about
    path.write_text(json.dumps(entries, indent=1) + "\n")
