"""Network files: one .safetensors with the integers, the float weights (`float.*`) and a card.

The format is that of outrider/event_network.h.
"""

import json
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from .checkpoint import write_file
from .errors import TrainingError
from .evaluate import Row
from .integers import file_tensors
from .network import EventNetwork

FORMAT = "outrider-event-network"
VERSION, PLANE_VERSION = "1", "2"
FLOAT = "float."


def export(path: Path, network: EventNetwork, card: dict) -> None:
    """Writes a file."""
    tensors = file_tensors(network)
    for name, value in network.state_dict().items():
        tensors[FLOAT + name] = value.cpu().numpy()
    version = PLANE_VERSION if "plane" in tensors else VERSION
    metadata = {"format": FORMAT, "version": version, "card": json.dumps(card)}
    contiguous = {name: np.ascontiguousarray(value) for name, value in tensors.items()}
    write_file(path, safetensors.numpy.save(contiguous, metadata))


# What later cards keep of a run that another one began with.
STAGE = ("command", "commit", "seed", "shots", "steps", "data", "taught", "recorded", "best")


def stages(card: dict) -> list[dict]:
    """The runs that made a network, the first one first."""
    return card.get("earlier", []) + [{name: card[name] for name in STAGE if name in card}]


def describe_run(state: dict) -> dict:
    """What a checkpoint tells of its run."""
    settings = state["settings"]
    # Checkpoints of version 1 know no more of their origin than the command.
    origin = state["origin"] if "origin" in state else {"command": state["command"]}
    return {
        **origin,
        "seed": settings["seed"],
        "shots": state["shots"],
        "steps": {"flips": state["plan"][0], "gap": state["plan"][1]},
        "data": settings["data"] + [f"dem file={file}" for file in settings["dem"]],
        "taught": state.get("taught", []),
        "recorded": state.get("recorded", []),
        "best": state.get("best"),
    }


def make_card(state: dict, network: EventNetwork, rows: list[Row]) -> dict:
    """What is known of a network's training; `state` is its checkpoint's."""
    return describe_run(state) | {
        "parameters": sum(p.numel() for p in network.parameters()),
        "width": network.width,
        "layers": network.layers,
        "reach": dict(zip(("x", "y", "rounds"), network.geometry.reach(network.layers), strict=True)),
        "geometry": network.geometry.as_dict(),
        "logical_error_rates": [row.card() for row in rows],
    }


def read(path: Path) -> tuple[dict[str, np.ndarray], dict]:
    """All tensors of a file, and its card."""
    try:
        with safetensors.safe_open(path, "np") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except OSError as error:
        raise TrainingError(f"{path}: {error.strerror or error}") from None
    except Exception as error:
        raise TrainingError(f"{path}: not a safetensors file: {error}") from None
    if metadata.get("format") != FORMAT:
        raise TrainingError(f"{path}: not an event network: its metadata lack format {FORMAT!r}")
    if metadata.get("version") not in (VERSION, PLANE_VERSION):
        raise TrainingError(
            f"{path}: version {metadata.get('version')} of the format; this program reads {VERSION} and {PLANE_VERSION}"
        )
    try:
        card = json.loads(metadata.get("card", "{}"))
    except (ValueError, RecursionError):
        raise TrainingError(f"{path}: its card is not JSON") from None
    return tensors, card
