"""The event network on floats, the one that is trained.

Features live at detection events only. An event i with near events j, relation r(i, j) the offset in i's frame:

    h_i  = clip(sum_j embed[r] + place + phase + noise_embed nu)
    h_i <- clip(h_i + self h_i + bias + noise nu + sum_j relations[r] h_j)      for each layer
    h_i <- clip(h_i + hidden h_i + bias)
    o_i  = head h_i + bias                                                       one number for each slot

clip is to 0 .. 127/4. nu is the logarithm of the mean edge probability, relative to a reference. The log-odds of an
edge are the model's plus what its ends say; the head starts at zero, so an untrained network is plain matching.
With `shifts` set all numbers are rounded to those of the integer network (rounding.py), otherwise none is.
"""

import math

import torch
from torch import nn

from .batches import Batch
from .errors import TrainingError
from .geometry import PHASES, PLACES, Geometry
from .layers import add_messages, add_rows
from .rounding import (
    LOG_ODDS_STEP,
    WEIGHT_MAX,
    head_step,
    head_sum_step,
    matrix_step,
    rectified,
    rounded,
    sum_step,
)

# Edges without an event end: this many nats are added to their weights.
DEFAULT_OFFSET = 2.5
# A power of two, so that files hold it exactly.
REFERENCE_PROBABILITY = 2.0**-8
WIDTHS = (16, 32, 48, 64)
LAYERS_MAX = 8


class EventNetwork(nn.Module):
    """Weights are stored as features @ weights uses them: (in, out)."""

    def __init__(
        self,
        geometry: Geometry,
        width: int = 16,
        layers: int = 3,
        offset: float = DEFAULT_OFFSET,
        seed: int = 0,
    ):
        super().__init__()
        if width not in WIDTHS or not 0 <= layers <= LAYERS_MAX:
            raise TrainingError(
                f"{layers} layers of width {width}; there are 0 to {LAYERS_MAX} of width {', '.join(map(str, WIDTHS))}"
            )
        self.geometry = geometry
        self.width = width
        self.offset = offset
        self.shifts: list[int] | None = None
        lattice, slots = geometry.lattice, len(geometry.slots)
        sets, relations = lattice.set_count, lattice.set_count * lattice.offsets
        generator = torch.Generator().manual_seed(seed)

        def normal(scale: float, *shape: int) -> nn.Parameter:
            return nn.Parameter(scale * torch.randn(*shape, generator=generator))

        self.embed = normal(0.3, relations, width)
        self.place = normal(0.3, lattice.kinds * PLACES, width)
        self.phase = normal(0.3, lattice.kinds * PHASES, width)
        self.noise_embed = normal(0.1, width)
        messages = 0.25 / math.sqrt(width)
        own = 0.6 / math.sqrt(width)
        self.self_weight = nn.ParameterList(normal(own, sets, width, width) for _ in range(layers))
        self.relations = nn.ParameterList(normal(messages, relations, width, width) for _ in range(layers))
        self.bias = nn.ParameterList(nn.Parameter(torch.zeros(sets, width)) for _ in range(layers))
        self.noise = nn.ParameterList(nn.Parameter(torch.zeros(width)) for _ in range(layers))
        self.hidden_weight = normal(own, sets, width, width)
        self.hidden_bias = nn.Parameter(torch.zeros(sets, width))
        self.head_weight = nn.Parameter(torch.zeros(sets, width, slots))
        self.head_bias = nn.Parameter(torch.zeros(sets, slots))

    @property
    def layers(self) -> int:
        return len(self.relations)

    def outputs(self, batch: Batch) -> torch.Tensor:
        """What every event says of its slots, in nats: events x slots."""
        whole = self.shifts is not None
        nu = batch.maker.log_noise - math.log(REFERENCE_PROBABILITY)
        step = sum_step(self.shifts[0]) if whole else 0.0
        embed, place, phase = (_whole(table, step) for table in (self.embed, self.place, self.phase))
        base = place[batch.place] + phase[batch.phase] + _noise(self.noise_embed, nu, step)
        h = rectified(add_rows(base, embed, batch), whole)
        for layer in range(self.layers):
            shift = self.shifts[1 + layer] if whole else None
            base = self._own(h, self.self_weight[layer], self.bias[layer], batch, shift)
            base = base + _noise(self.noise[layer], nu, sum_step(shift) if whole else 0.0) + h
            weights = self.relations[layer]
            if whole:
                weights = rounded(weights, matrix_step(shift), WEIGHT_MAX)
            h = rectified(add_messages(base, h, weights, batch), whole)
        shift = self.shifts[-2] if whole else None
        h = rectified(h + self._own(h, self.hidden_weight, self.hidden_bias, batch, shift), whole)
        if not whole:
            return _by_set(h, self.head_weight, self.head_bias, batch)
        shift = self.shifts[-1]
        weight = rounded(self.head_weight, head_step(shift), WEIGHT_MAX)
        bias = rounded(self.head_bias, head_sum_step(shift))
        return rounded(_by_set(h, weight, bias, batch), LOG_ODDS_STEP)

    def forward(self, batch: Batch) -> torch.Tensor:
        """Log-odds of every edge of the batch."""
        outputs = self.outputs(batch).flatten()
        return edge_log_odds(outputs, batch)

    def _own(
        self, h: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, batch: Batch, shift: int | None
    ) -> torch.Tensor:
        if shift is not None:
            weight = rounded(weight, matrix_step(shift), WEIGHT_MAX)
            bias = rounded(bias, sum_step(shift))
        return _by_set(h, weight, bias, batch)


def edge_log_odds(outputs: torch.Tensor, batch: Batch) -> torch.Tensor:
    """The log-odds of the batch's edges, from the outputs of all events and slots in a row."""
    padded = torch.cat([outputs, outputs.new_zeros(1)])
    return batch.prior + padded.index_select(0, batch.output1) + padded.index_select(0, batch.output2)


def _whole(values: torch.Tensor, step: float) -> torch.Tensor:
    return rounded(values, step) if step else values


def _noise(values: torch.Tensor, nu: float, step: float) -> torch.Tensor:
    """values * nu; in doubles where it is rounded, as the integer network does."""
    return rounded(values.double() * nu, step).float() if step else values * nu


def _by_set(h: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, batch: Batch) -> torch.Tensor:
    """h @ weight + bias, with each event's own set of weights."""
    if len(weight) == 1:
        return torch.addmm(bias[0], h, weight[0])
    out = bias[batch.set]
    for number in range(len(weight)):
        events = torch.nonzero(batch.set == number).flatten()
        out = out.index_add(0, events, h[events] @ weight[number])
    return out
