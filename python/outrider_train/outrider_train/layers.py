"""The two sparse layers of an event network: sums of rows and of messages over the pairs of near events.

On a CPU they are the C library's kernels, on any other device plain PyTorch. Both add into their first argument.
"""

import numpy as np
import torch
from torch.autograd.function import FunctionCtx, once_differentiable

from .batches import Batch


def add_rows(base: torch.Tensor, rows: torch.Tensor, batch: Batch) -> torch.Tensor:
    """base[i] += sum over near j of rows[relation(i, j)]; rows: relations x width."""
    if base.device.type == "cpu":
        return _Rows.apply(base, rows, batch)
    return add_rows_plainly(base, rows, batch)


def add_messages(
    base: torch.Tensor, features: torch.Tensor, weights: torch.Tensor, batch: Batch
) -> torch.Tensor:
    """base[i] += sum over near j of features[j] @ weights[relation(i, j)]; weights: relations x in x out."""
    if base.device.type == "cpu":
        return _Messages.apply(base, features, weights, batch)
    return add_messages_plainly(base, features, weights, batch)


def add_rows_plainly(base: torch.Tensor, rows: torch.Tensor, batch: Batch) -> torch.Tensor:
    """add_rows without the C library."""
    first, target, _ = batch.pairs
    counts = torch.from_numpy(np.diff(first)).to(base.device)
    relations = torch.repeat_interleave(counts, output_size=len(target))
    return base.index_add(0, target, rows[relations])


def add_messages_plainly(
    base: torch.Tensor, features: torch.Tensor, weights: torch.Tensor, batch: Batch
) -> torch.Tensor:
    """add_messages without the C library: one product for each relation, all padded to the longest."""
    first, target, source = batch.pairs
    counts = np.diff(first)
    longest = int(counts.max(initial=0))
    if longest == 0:
        return base
    columns = np.arange(len(target)) - np.repeat(first[:-1], counts)
    cells = torch.from_numpy(np.repeat(np.arange(len(counts)) * longest, counts) + columns).to(base.device)
    width = features.shape[1]
    padded = features.new_zeros(len(counts) * longest, width).index_copy(0, cells, features[source])
    messages = torch.bmm(padded.view(len(counts), longest, width), weights).view(-1, weights.shape[2])
    return base.index_add(0, target, messages[cells])


class _Rows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, base: torch.Tensor, rows: torch.Tensor, batch: Batch) -> torch.Tensor:
        ctx.mark_dirty(base)
        ctx.batch, ctx.row_count = batch, len(rows)
        batch.kernels.embed_forward(rows.detach().numpy(), base.detach().numpy())
        return base

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: torch.Tensor):
        gradient = gradient.contiguous()
        rows = torch.empty(ctx.row_count, gradient.shape[1])
        ctx.batch.kernels.embed_backward(gradient.numpy(), rows.numpy())
        return gradient, rows, None


class _Messages(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: FunctionCtx, base: torch.Tensor, features: torch.Tensor, weights: torch.Tensor, batch: Batch
    ) -> torch.Tensor:
        ctx.mark_dirty(base)
        features, weights = features.contiguous(), weights.contiguous()
        ctx.save_for_backward(features, weights)
        ctx.batch = batch
        batch.kernels.message_forward(
            weights.detach().numpy(), features.detach().numpy(), base.detach().numpy()
        )
        return base

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: torch.Tensor):
        features, weights = ctx.saved_tensors
        gradient = gradient.contiguous()
        by_feature, by_weight = torch.zeros_like(features), torch.empty_like(weights)
        ctx.batch.kernels.message_backward(
            weights.numpy(), features.numpy(), gradient.numpy(), by_feature.numpy(), by_weight.numpy()
        )
        return gradient, by_feature, by_weight, None
