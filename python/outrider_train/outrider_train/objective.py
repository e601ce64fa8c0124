"""What training minimises.

First the cross-entropy of the flips of all edges near events. That teaches marginals; but a shot fails by the
difference between the two logical classes. So then the gap: each shot is matched once per class, W_wrong and W_right
being the least weights, and softplus(W_right - W_wrong) is minimised. Its gradient by the weights is the difference
of the two answers' edges, so matching itself needs no derivative. Only shots with a small gap have any gradient to
speak of; they are few, and only they are run forward and back. Nearly all of them have a small gap under the
model's own weights too, which is cheap to know: the others are not even run forward. Some cross-entropy is kept.

Recorded shots have no flips, so the cross-entropy is kept on sampled ones beside them.

Whether an observable was flipped is a noisy label for a shot with a small gap. Taught shots have a teacher's
probability of it instead, and the gap's is to be the same (taught_losses).
"""

import numpy as np
import torch
from torch.nn import functional

from .batches import Batch, BatchMaker
from .circuits import Shots
from .network import EventNetwork
from .taught import Rows


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

    def loss(self, log_odds: torch.Tensor, batch: Batch, scale: float) -> torch.Tensor:
        """Sum of softplus(-scale gap) over the chosen shots, the first ones of `batch`."""
        gaps = _sum_gaps(log_odds, batch, len(self.chosen), self._shot, self._edge, self._sign)
        return functional.softplus(-scale * gaps).sum()


def gap_losses(
    network: EventNetwork,
    maker: BatchMaker,
    shots: Shots,
    kept: Shots,
    limit: float,
    screen: float,
    scale: float = 1.0,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Gap loss of the shots and flip loss of those to keep, both summed over their shots.

    Shots whose gap under the model's own weights is `screen` or more have no gap loss. The gap times `scale` is the
    log-likelihood ratio.
    """
    shots = shots[maker.screen(shots, screen)]
    batch = maker.make(shots, labels=False)
    with torch.no_grad():
        log_odds = network(batch).cpu().numpy()
    gap_shots = GapShots(batch, log_odds, shots.observables, limit)
    chosen = len(gap_shots.chosen)
    batch = maker.make(Shots.join([shots[gap_shots.chosen], kept]))
    log_odds = network(batch)
    return gap_shots.loss(log_odds, batch, scale), flip_loss(log_odds, batch, chosen)


def judge(
    network: EventNetwork, batch: Batch, observables: np.ndarray, limit: float, scale: float
) -> tuple[float, int]:
    """Gap loss of a batch, summed, and how many of its shots the decoder fails. Gaps count up to the limit."""
    with torch.no_grad():
        gaps, *_ = batch.gaps(network(batch).numpy(force=True), limit)
    flipped = (observables[:, 0] & 1).astype(bool)
    loss = np.logaddexp(0, scale * np.where(flipped, gaps, -gaps)).sum()
    return float(loss), int(((gaps < 0) != flipped).sum())


def taught_losses(
    network: EventNetwork, maker: BatchMaker, taught: Rows, kept: Shots, targets: np.ndarray, limit: float, scale: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Gap loss of taught shots and flip loss of others, both summed over their shots.

    The gap times `scale` is the network's log-likelihood ratio of the observable not flipped. The loss is the
    divergence of the probabilities that it gives from `targets`, in nats: 0 if they agree. Shots whose gap is `limit`
    or more have none.
    """
    count = len(taught)
    unknown = np.zeros((count, kept.edges.shape[1]), np.uint8)
    shots = Shots(taught.detectors, taught.flipped[:, None], unknown)
    batch = maker.make(Shots.join([shots, kept]))
    log_odds = network(batch)
    _, first, edges, signs = batch.gaps(log_odds.numpy(force=True), limit)
    counts = np.diff(first)[:count]
    entries = slice(0, int(first[count]))
    shot = np.repeat(np.arange(count), counts)
    gaps = _sum_gaps(log_odds, batch, count, shot, edges[entries].astype(np.int64), signs[entries])
    listed = torch.from_numpy(np.flatnonzero(counts)).to(log_odds.device)
    ratios = scale * gaps[listed]
    target = torch.from_numpy(targets).to(log_odds.device)[listed]
    entropy = torch.special.entr(target) + torch.special.entr(1 - target)
    loss = functional.binary_cross_entropy_with_logits(ratios, target, reduction="sum") - entropy.sum()
    return loss, flip_loss(log_odds, batch, count)


def _sum_gaps(
    log_odds: torch.Tensor, batch: Batch, shots: int, shot: np.ndarray, edge: np.ndarray, sign: np.ndarray
) -> torch.Tensor:
    """Gaps of the first shots of a batch, from the edges that they depend on."""
    device = log_odds.device
    edge_count = batch.maker.circuit.graph.num_edges
    count = int(batch.shot_edges[shots])
    own = np.repeat(np.arange(shots), np.diff(batch.shot_edges[: shots + 1]))
    places = _find(own * edge_count + batch.edge[:count], shot * edge_count + edge)
    elsewhere = np.where(places == count, batch.maker.elsewhere[edge], np.float32(0))
    known = torch.cat([log_odds[:count], log_odds.new_zeros(1)])[torch.from_numpy(places).to(device)]
    # A weight is a negative log-odds.
    signs = torch.from_numpy(-sign.astype(np.float32)).to(device)
    terms = (known + torch.from_numpy(elsewhere).to(device)) * signs
    return terms.new_zeros(shots).index_add(0, torch.from_numpy(shot).to(device), terms)


def _find(keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Where each wanted number is among the keys; len(keys) for those that are not."""
    order = np.argsort(keys)
    places = np.append(order, len(keys))[np.searchsorted(keys, wanted, sorter=order)]
    return np.where(np.append(keys, -1)[places] == wanted, places, len(keys))
