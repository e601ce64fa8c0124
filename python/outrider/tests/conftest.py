"""Circuits, models and networks that several tests use."""

import json
import os
import pathlib
import random
import shutil
import sysconfig
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import stim

import outrider


def memory(distance: int, p: float, basis: str = "x") -> stim.Circuit:
    """A memory of as many rounds as its distance."""
    return stim.Circuit.generated(
        f"surface_code:rotated_memory_{basis}",
        distance=distance,
        rounds=distance,
        after_clifford_depolarization=p,
        before_round_data_depolarization=p,
        before_measure_flip_probability=p,
        after_reset_flip_probability=p,
    )


def without_ties(model: stim.DetectorErrorModel, seed: int) -> stim.DetectorErrorModel:
    """Changes every probability a little, so that no two matchings weigh the same."""
    rng = random.Random(seed)
    changed = stim.DetectorErrorModel()
    for instruction in model.flattened():
        if instruction.type == "error":
            p = instruction.args_copy()[0] * rng.uniform(0.5, 1.5)
            changed.append("error", p, instruction.targets_copy())
        else:
            changed.append(instruction)
    return changed


def renumbered(
    model: outrider.Model,
    order: Sequence[int],
    moved: Callable[..., Sequence[float]] = lambda *coordinates: coordinates,
) -> outrider.Model:
    """The model with order[k] for detector k, and coordinates by a rule of x, y and time."""
    changed = stim.DetectorErrorModel()
    for instruction in stim.DetectorErrorModel(str(model)).flattened():
        targets = [
            stim.target_relative_detector_id(order[target.val]) if target.is_relative_detector_id() else target
            for target in instruction.targets_copy()
        ]
        arguments = instruction.args_copy()
        arguments = moved(*arguments) if instruction.type == "detector" else arguments
        changed.append(instruction.type, arguments, targets)
    return outrider.Model(changed)


@pytest.fixture(scope="session")
def dem() -> stim.DetectorErrorModel:
    """A d=5 memory without ties."""
    return without_ties(memory(5, 0.008).detector_error_model(decompose_errors=True), seed=3)


@pytest.fixture(scope="session")
def outrider_program() -> str:
    """The program: that of the environment variable OUTRIDER_PROGRAM, or the one that came with the wheel."""
    program = os.environ.get("OUTRIDER_PROGRAM")
    program = program or shutil.which("outrider", path=sysconfig.get_path("scripts"))
    assert program, "there is no program: install a wheel of build_backend.py, or set OUTRIDER_PROGRAM"
    return program


@pytest.fixture(scope="session")
def network(tmp_path_factory) -> pathlib.Path:
    """An event network for Stim's circuits, random but not far from the priors."""
    path = tmp_path_factory.mktemp("network") / "network.safetensors"
    path.write_bytes(safetensors(event_network(seed=5), {"format": "outrider-event-network", "version": "1"}))
    return path


def event_network(seed: int) -> dict[str, np.ndarray]:
    """The tensors that c_core/include/outrider/event_network.h lists."""
    rng = np.random.default_rng(seed)
    width, radius, kinds, sets = 16, 1, 1, 1
    offsets = [(-2, 0, 1), (0, -2, 1), (-1, -1, 1), (-1, 1, 0), (-1, 1, 1), (1, -1, 1), (0, 0, 1), (1, 1, 0)]
    slots = [(sign * x, sign * y, sign * t, 0) for x, y, t in offsets for sign in (1, -1)] + [(0, 0, 0, 1)]
    near = 10  # eight neighbours of the same round, one before and one after

    def weights(high: int, dtype: type, *shape: int) -> np.ndarray:
        return rng.integers(-high, high + 1, shape).astype(dtype)

    return {
        "lattice": np.array([2, 2, 1, 0, 0, 0, kinds, radius], np.int32),
        "frames": np.zeros((kinds, 2), np.int32),
        "slots": np.array([slots], np.int32),
        "shifts": np.array([0, 6, 6, 6], np.int32),
        "scalars": np.array([0.005, 0.125, 1.0], np.float32),
        "embed": weights(40, np.int16, sets, near, width),
        "place": weights(40, np.int16, kinds, 49, width),
        "phase": weights(40, np.int16, kinds, 2, 7, width),
        "noise.embed": np.ones(width, np.float32),
        "layer.0.self": weights(20, np.int8, sets, width, width),
        "layer.0.relations": weights(20, np.int8, sets, near, width, width),
        "layer.0.bias": weights(500, np.int32, sets, width),
        "layer.0.noise": np.ones(width, np.float32),
        "hidden.weight": weights(20, np.int8, sets, width, width),
        "hidden.bias": weights(500, np.int32, sets, width),
        "head.weight": weights(3, np.int8, sets, len(slots), width),
        "head.bias": weights(200, np.int32, sets, len(slots)),
    }


def safetensors(tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> bytes:
    """The bytes of a file."""
    names = {"int8": "I8", "int16": "I16", "int32": "I32", "float32": "F32"}
    header: dict = {"__metadata__": metadata}
    end = 0
    for name, tensor in tensors.items():
        start, end = end, end + tensor.nbytes
        kind = names[tensor.dtype.name]
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(tensor.tobytes() for tensor in tensors.values())
