"""What the measuring scripts share: where things are, their options, the packages from PyPI, building, and result files."""

import csv
import importlib.metadata
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "target" / "compare"
PINNED = ROOT / ".ci" / "requirements.txt"
# Of the packages that the checks pin.
NEEDED = ("stim", "pymatching", "tesseract-decoder", "numpy", "matplotlib", "pandas",
          "correlation-analysis")  # fmt: skip


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
    """Runs the calling script again under a Python that has the pinned packages, unless this one has them."""
    pinned = [line for line in PINNED.read_text().split() if line.split("==")[0] in NEEDED]
    if all(is_installed(*line.split("==")) for line in pinned):
        return
    home = WORK / "venv"
    python = home / "bin" / "python"
    stamp = home / "installed"
    if not stamp.exists() or stamp.read_text() != "\n".join(pinned):
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *pinned], check=True)
        stamp.write_text("\n".join(pinned))
    os.execv(python, [str(python), *sys.argv])


def is_installed(package, version):
    try:
        return importlib.metadata.version(package) == version
    except importlib.metadata.PackageNotFoundError:
        return False


def build(*packages):
    command = ["cargo", "build", "--release", "--locked"]
    for package in packages:
        command += ["--package", package]
    subprocess.run(command, cwd=ROOT, check=True)


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
