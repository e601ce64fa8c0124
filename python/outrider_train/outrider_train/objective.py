"""What training minimises.

First the cross-entropy of the flips of all edges near events. That teaches marginals; but a shot fails by the
difference between the two logical classes. So then the gap: each shot is matched once per class, W_wrong and W_right
being the least weights, and softplus(W_right - W_wrong) is minimised. Its gradient by the weights is the difference
of the two answers' edges, so matching itself needs no derivative. Only shots with a small gap have any gradient to
speak of; they are few, and only they are run forward and back. Nearly all of them have a small gap under the
model's own weights too, which is cheap to know: the others are not even run forward. Some cross-entropy is kept.
"""

import numpy as np
import torch
from torch.nn import functional

from .batches import Batch, BatchMaker
from .circuits import Shots
from .network import EventNetwork


def flip_loss(log_odds: torch.Tensor, batch: Batch, first_shot: int = 0) -> torch.Tensor:
    """Cross-entropy of the edges from first_shot on, summed, in nats for each flip expected in one shot."""
    first = int(batch.shot_edges[first_shot])
    total = functional.binary_cross_entropy_with_logits(
        log_odds[first:], batch.label[first:], reduction="sum"
    )
    return total / batch.maker.circuit.flips_per_shot


class GapShots:
    """The shots of a batch whose gap is small, and which edges their gaps depend on.

    A gap counts as W_wrong - W_right: negative where the decoder fails.
    """

    def __init__(self, batch: Batch, log_odds: np.ndarray, observables: np.ndarray, limit: float):
        gaps, first, edges, signs = batch.gaps(log_odds, limit)
        flipped = (observables[:, 0] & 1).astype(bool)
        self.gaps = np.where(flipped, -gaps, gaps)
        counts = np.diff(first)
        self.chosen = np.flatnonzero((self.gaps < limit) & (counts > 0))
        entries = np.concatenate([np.arange(0), *(np.arange(first[s], first[s + 1]) for s in self.chosen)])
        self._shot = np.repeat(np.arange(len(self.chosen)), counts[self.chosen])
        self._edge = edges[entries].astype(np.int64)
        self._sign = np.where(flipped[self.chosen][self._shot], -signs[entries], signs[entries])

    def loss(self, log_odds: torch.Tensor, batch: Batch) -> torch.Tensor:
        """Sum of softplus(-gap) over the chosen shots, the first ones of `batch`."""
        device = log_odds.device
        edge_count = batch.maker.circuit.graph.num_edges
        count = int(batch.shot_edges[len(self.chosen)])
        shot = np.repeat(np.arange(len(self.chosen)), np.diff(batch.shot_edges[: len(self.chosen) + 1]))
        places = _find(shot * edge_count + batch.edge[:count], self._shot * edge_count + self._edge)
        elsewhere = np.where(places == count, batch.maker.elsewhere[self._edge], np.float32(0))
        known = torch.cat([log_odds[:count], log_odds.new_zeros(1)])[torch.from_numpy(places).to(device)]
        # A weight is a negative log-odds.
        signs = torch.from_numpy(-self._sign.astype(np.float32)).to(device)
        terms = (known + torch.from_numpy(elsewhere).to(device)) * signs
        gaps = terms.new_zeros(len(self.chosen)).index_add(0, torch.from_numpy(self._shot).to(device), terms)
        return functional.softplus(-gaps).sum()


def gap_losses(
    network: EventNetwork, maker: BatchMaker, shots: Shots, keep: np.ndarray, limit: float, screen: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Gap loss of the shots and flip loss of those numbered by `keep`, both summed over their shots.

    Shots whose gap under the model's own weights is `screen` or more have no gap loss.
    """
    kept = shots[keep]
    shots = shots[maker.screen(shots, screen)]
    batch = maker.make(shots, labels=False)
    with torch.no_grad():
        log_odds = network(batch).cpu().numpy()
    gap_shots = GapShots(batch, log_odds, shots.observables, limit)
    chosen = len(gap_shots.chosen)
    batch = maker.make(Shots.join([shots[gap_shots.chosen], kept]))
    log_odds = network(batch)
    return gap_shots.loss(log_odds, batch), flip_loss(log_odds, batch, chosen)


def _find(keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Where each wanted number is among the keys; len(keys) for those that are not."""
    order = np.argsort(keys)
    places = np.append(order, len(keys))[np.searchsorted(keys, wanted, sorter=order)]
    return np.where(np.append(keys, -1)[places] == wanted, places, len(keys))
