"""Checkpoints: everything that a run needs to go on bit for bit, in one file.

A file appears under its name only once it is complete and on the disk, so a run that dies while it writes leaves the
last good one.
"""

import contextlib
import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from .errors import TrainingError

FORMAT = "outrider-train-checkpoint"
# Runs go on from this version only; a network can be taken from the older ones too.
VERSION = 4
OLDEST_VERSION = 1


def check_place(path: Path) -> None:
    """Refuses a path that write_file could not write."""
    if path.is_dir():
        raise TrainingError(f"{path}: Is a directory")
    try:
        with tempfile.TemporaryFile(dir=path.absolute().parent):
            pass
    except OSError as error:
        raise TrainingError(f"{path}: {error.strerror}") from None


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


def load(path: Path, oldest: int = OLDEST_VERSION) -> dict:
    """Reads a checkpoint of a version from `oldest` on."""
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
    version = state.get("version")
    if version not in range(oldest, VERSION + 1):
        expected = " or ".join(map(str, range(oldest, VERSION + 1)))
        raise TrainingError(f"{path}: version {version} of checkpoints; expected {expected}")
    return state


@contextlib.contextmanager
def damage_reported(path: Path) -> Iterator[None]:
    """Around what reads a checkpoint's contents: says in one line where they are not what they should be."""
    try:
        yield
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise TrainingError(f"{path}: a damaged checkpoint: {type(error).__name__}: {reason}") from None
