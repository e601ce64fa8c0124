"""The number formats of an event network, and rounding to them that gradients pass through.

Features are 7-bit multiples of 1/4, answers multiples of 1/8 nat, matrices 8-bit integers. A layer's unit is a
power of two, given by a shift: the integer network divides the layer's sums by 2^shift with one shift to the right.
All of this is exact on floats as long as sums stay below 2^24 units, which they do in practice.
"""

import torch
from torch.autograd.function import FunctionCtx, once_differentiable

FEATURE_BITS = 2
FEATURE_STEP = 2.0**-FEATURE_BITS
FEATURE_MAX = 127
FEATURE_TOP = FEATURE_MAX * FEATURE_STEP
WEIGHT_MAX = 127
ROW_MAX = 32767
LOG_ODDS_BITS = 3
LOG_ODDS_STEP = 2.0**-LOG_ODDS_BITS
# Larger shifts would gain nothing and cost exactness on floats.
SHIFT_MAX = 12


def matrix_step(shift: int) -> float:
    """The unit of a layer's matrices."""
    return 2.0**-shift


def sum_step(shift: int) -> float:
    """The unit of a layer's sums: of its biases, and of the rows of the first layer."""
    return 2.0 ** -(shift + FEATURE_BITS)


def head_step(shift: int) -> float:
    """The unit of the head's matrix, whose sums are answers once shifted."""
    return 2.0 ** (FEATURE_BITS - LOG_ODDS_BITS - shift)


def head_sum_step(shift: int) -> float:
    """The unit of the head's biases."""
    return 2.0 ** -(shift + LOG_ODDS_BITS)


def to_units(values: torch.Tensor, step: float, limit: float = float("inf")) -> torch.Tensor:
    """The nearest whole numbers of steps, halves up, clipped to the limit."""
    return torch.floor(values / step + 0.5).clamp(-limit, limit)


def rounded(values: torch.Tensor, step: float, limit: float = float("inf")) -> torch.Tensor:
    """Values rounded to whole steps; the gradient passes through."""
    return _Rounded.apply(values, step, limit)


def rectified(sums: torch.Tensor, whole: bool) -> torch.Tensor:
    """Features from sums: clipped to their range, and rounded if `whole`."""
    return _RoundedFeature.apply(sums) if whole else sums.clamp(0, FEATURE_TOP)


class _Rounded(torch.autograd.Function):
    @staticmethod
    def forward(_ctx: FunctionCtx, values: torch.Tensor, step: float, limit: float) -> torch.Tensor:
        return to_units(values, step, limit) * step

    @staticmethod
    @once_differentiable
    def backward(_ctx: FunctionCtx, gradient: torch.Tensor):
        return gradient, None, None


class _RoundedFeature(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, sums: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward((sums >= 0) & (sums <= FEATURE_TOP))
        return torch.floor(sums / FEATURE_STEP + 0.5).clamp(0, FEATURE_MAX) * FEATURE_STEP

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: torch.Tensor):
        (inside,) = ctx.saved_tensors
        return gradient * inside
