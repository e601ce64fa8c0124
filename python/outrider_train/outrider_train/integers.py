"""From floats to integers: shifts, the tensors of a file, and the integer network itself.

The integer network is the formulas of outrider/event_network.h in NumPy. It is slow and serves as the twin of the C
library's, which it equals integer for integer.
"""

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from .errors import TrainingError
from .network import REFERENCE_PROBABILITY, EventNetwork
from .rounding import (
    FEATURE_MAX,
    LOG_ODDS_STEP,
    ROW_MAX,
    SHIFT_MAX,
    WEIGHT_MAX,
    head_step,
    head_sum_step,
    matrix_step,
    sum_step,
    to_units,
)

if TYPE_CHECKING:
    from .batches import Batch

# Rows may grow by this factor after their shift was chosen, noise included.
ROW_HEADROOM = 1.5
# |nu| that rows must allow for: mean edge probabilities within a factor of 3000 of the reference.
NU_MAX = 8.0


def choose_shifts(network: EventNetwork) -> list[int]:
    """Shifts of the first layer, the layers, the hidden layer and the head."""
    layers = [
        _best_shift(matrix_step, weight, relations)
        for weight, relations in zip(network.self_weight, network.relations, strict=True)
    ]
    return [
        embed_shift(network, ROW_HEADROOM),
        *layers,
        _best_shift(matrix_step, network.hidden_weight),
        _best_shift(head_step, network.head_weight),
    ]


def embed_shift(network: EventNetwork, headroom: float = 1.0) -> int:
    """The largest shift for which no sum of rows leaves 16 bits."""
    with torch.no_grad():
        sets = network.geometry.lattice.set_count
        bound = network.embed.abs().view(sets, -1, network.width).sum(1).amax(0)
        bound = bound + network.place.abs().amax(0) + network.phase.abs().amax(0)
        bound = bound + NU_MAX * network.noise_embed.abs()
        largest = headroom * float(bound.max())
    # Rounding adds at most half a unit for each row, and the shift itself a half of its divisor.
    rows = network.geometry.lattice.offsets + 4
    for shift in range(SHIFT_MAX, 0, -1):
        if largest / sum_step(shift) + rows / 2 + 2 ** (shift - 1) <= ROW_MAX:
            return shift
    raise TrainingError("the network's first layer is too large for 16 bits")


def file_tensors(network: EventNetwork) -> dict[str, np.ndarray]:
    """All tensors of a file but the float network's. Chooses shifts where training has not."""
    shifts = list(network.shifts or choose_shifts(network))
    shifts[0] = min(shifts[0], embed_shift(network))
    lattice = network.geometry.lattice
    kinds, sets, width = lattice.kinds, lattice.set_count, network.width
    embed, hidden, head = sum_step(shifts[0]), shifts[-2], shifts[-1]
    tensors = {
        **network.geometry.tensors(),
        "shifts": np.array(shifts, np.int32),
        "scalars": np.array([REFERENCE_PROBABILITY, LOG_ODDS_STEP, network.offset], np.float32),
        "embed": _integers(network.embed, embed, np.int16).reshape(sets, -1, width),
        "place": _integers(network.place, embed, np.int16).reshape(kinds, -1, width),
        "phase": _integers(network.phase, embed, np.int16).reshape(kinds, 2, -1, width),
        "noise.embed": _scaled(network.noise_embed, embed),
        "hidden.weight": _matrices(network.hidden_weight, matrix_step(hidden)),
        "hidden.bias": _integers(network.hidden_bias, sum_step(hidden), np.int32),
        "head.weight": _matrices(network.head_weight, head_step(head)),
        "head.bias": _integers(network.head_bias, head_sum_step(head), np.int32),
    }
    for layer, shift in enumerate(shifts[1:-2]):
        relations = _matrices(network.relations[layer], matrix_step(shift))
        tensors[f"layer.{layer}.self"] = _matrices(network.self_weight[layer], matrix_step(shift))
        tensors[f"layer.{layer}.relations"] = relations.reshape(sets, -1, width, width)
        tensors[f"layer.{layer}.bias"] = _integers(network.bias[layer], sum_step(shift), np.int32)
        tensors[f"layer.{layer}.noise"] = _scaled(network.noise[layer], sum_step(shift))
    return tensors


def integer_outputs(tensors: dict[str, np.ndarray], batch: "Batch") -> np.ndarray:
    """What the integer network says of each event's slots, in steps of its log-odds: int64, events x slots."""
    shifts = tensors["shifts"].tolist()
    sets, _, width = tensors["embed"].shape
    pairs, *ends = batch.pairs
    target, source = (events.numpy() for events in ends)
    own = batch.set.numpy()
    nu = batch.maker.log_noise - math.log(tensors["scalars"][0])

    def noise(name: str) -> np.ndarray:
        return np.rint(tensors[name].astype(np.float64) * nu).astype(np.int64)

    def per_set(weight: np.ndarray, h: np.ndarray) -> np.ndarray:
        out = np.empty((len(h), weight.shape[1]), np.int64)
        for number in range(sets):
            out[own == number] = h[own == number] @ weight[number].astype(np.int64).T
        return out

    def feature(sums: np.ndarray, shift: int) -> np.ndarray:
        return np.clip(_shifted(sums, shift), 0, FEATURE_MAX)

    sums = tensors["place"].reshape(-1, width)[batch.place.numpy()].astype(np.int64)
    sums = sums + tensors["phase"].reshape(-1, width)[batch.phase.numpy()] + noise("noise.embed")
    for relation, row in enumerate(tensors["embed"].reshape(-1, width)):
        # An event has one neighbour at an offset, so no target occurs twice.
        sums[target[pairs[relation] : pairs[relation + 1]]] += row
    h = feature(sums, shifts[0])
    for layer, shift in enumerate(shifts[1:-2]):
        name = f"layer.{layer}."
        sums = tensors[name + "bias"].astype(np.int64)[own] + noise(name + "noise") + (h << shift)
        sums += per_set(tensors[name + "self"], h)
        for relation, matrix in enumerate(tensors[name + "relations"].reshape(-1, width, width)):
            part = slice(pairs[relation], pairs[relation + 1])
            sums[target[part]] += h[source[part]] @ matrix.astype(np.int64).T
        h = feature(sums, shift)
    sums = tensors["hidden.bias"].astype(np.int64)[own] + (h << shifts[-2])
    h = feature(sums + per_set(tensors["hidden.weight"], h), shifts[-2])
    return _shifted(
        tensors["head.bias"].astype(np.int64)[own] + per_set(tensors["head.weight"], h), shifts[-1]
    )


def _shifted(sums: np.ndarray, shift: int) -> np.ndarray:
    """Divided by 2^shift and rounded, halves up."""
    return (sums + ((1 << shift) >> 1)) >> shift


def _best_shift(step_of, *weights: torch.Tensor) -> int:
    """The shift with the least squared error of rounding and clipping."""

    def error(shift: int) -> float:
        step = step_of(shift)
        return sum(float((to_units(w, step, WEIGHT_MAX) * step - w).square().sum()) for w in weights)

    with torch.no_grad():
        return min(range(SHIFT_MAX + 1), key=error)


def _integers(values: torch.Tensor, step: float, kind: type) -> np.ndarray:
    return to_units(values.detach(), step).numpy().astype(kind)


def _matrices(values: torch.Tensor, step: float) -> np.ndarray:
    """Matrices (in, out) as the file has them: int8, (out, in)."""
    units = to_units(values.detach(), step, WEIGHT_MAX).transpose(-1, -2)
    return units.contiguous().numpy().astype(np.int8)


def _scaled(values: torch.Tensor, step: float) -> np.ndarray:
    return (values.detach() / step).numpy().astype(np.float32)
