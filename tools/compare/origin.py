"""When, where and of what something is measured."""

import datetime
import pathlib
import platform
import subprocess

from workspace import ROOT

# What figures depend on.
SOURCES = ("c_core", "crates", "bins", "benches", "tools", "build.rs", "Cargo.toml", "Cargo.lock")


def origin():
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": output("git", "rev-parse", "--short=12", "HEAD"),
        "clean": output("git", "status", "--porcelain", "--", *SOURCES) == "",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "rustc": output("rustc", "--version"),
        "cc": output("cc", "--version").splitlines()[0],
    }


def commit(run):
    return run["commit"] + ("" if run["clean"] else " with local changes")


def software(run):
    return f"{run['rustc'].rsplit(' (', 1)[0]}, {run['cc']}"


def cpu_name():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def output(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
