"""Checkpoints: everything that a run needs to go on bit for bit, in one file.

A file appears under its name only once it is complete and on the disk, so a run that dies while it writes leaves the
last good one.
"""

import io
import os
import tempfile
from pathlib import Path

import torch

from .errors import TrainingError

FORMAT = "outrider-train-checkpoint"
VERSION = 1


def write_file(path: Path, data: bytes) -> None:
    """Replaces the file by one with these contents, all or nothing."""
    path = path.absolute()
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise TrainingError(f"{path}: {error.strerror}") from None


def save(path: Path, state: dict) -> None:
    """Writes a checkpoint."""
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, "version": VERSION, **state}, buffer)
    write_file(path, buffer.getvalue())


def load(path: Path) -> dict:
    """Reads a checkpoint."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TrainingError(f"{path}: {error.strerror}") from None
    try:
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception:
        raise TrainingError(f"{path}: truncated, or not a checkpoint") from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise TrainingError(f"{path}: not a checkpoint of outrider_train")
    if state["version"] != VERSION:
        raise TrainingError(
            f"{path}: version {state['version']} of checkpoints; this program reads {VERSION}"
        )
    return state
