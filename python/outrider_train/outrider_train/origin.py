"""Where a run comes from: command, code and processors. Checkpoints keep it from the start, cards show it."""

import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path

import torch

from . import __version__
from .ranks import Ranks


def describe(command: str, ranks: Ranks, earlier: Sequence[dict] = ()) -> dict:
    """Of a run that begins now, after the runs that made its initial weights."""
    return {
        "earlier": list(earlier),
        "command": command,
        "commit": commit_of(Path(__file__)),
        "versions": {
            "outrider_train": __version__,
            "torch": str(torch.__version__),
            "python": platform.python_version(),
        },
        "device": ranks.device.type,
        "processes": ranks.size,
    }


def commit_of(file: Path) -> str | None:
    """Of the working tree whose files this one is among; None for one that merely lies in a tree's folder."""
    try:
        if not _git(file, "ls-files", "--error-unmatch", file.name):
            return None
        return _git(file, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*") or None
    except OSError:
        return None


def _git(file: Path, *words: str) -> str:
    answer = subprocess.run(["git", *words], cwd=file.parent, capture_output=True, text=True)
    return answer.stdout.strip()
