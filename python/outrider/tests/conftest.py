"""Circuits and models that several tests use."""

import random

import pytest
import stim


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


@pytest.fixture(scope="session")
def dem() -> stim.DetectorErrorModel:
    """A d=5 memory without ties."""
    return without_ties(memory(5, 0.008).detector_error_model(decompose_errors=True), seed=3)
