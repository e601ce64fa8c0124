"""Losses, and decoding by the gap."""

import numpy as np
import outrider
import torch

from outrider_train.batches import BatchMaker
from outrider_train.circuits import ShotStream
from outrider_train.evaluate import decode, wilson
from outrider_train.network import EventNetwork
from outrider_train.objective import GapShots, flip_loss, gap_losses


def test_an_untrained_network_is_plain_matching(circuit, geometry):
    maker = BatchMaker(circuit, geometry, 0.0, torch.device("cpu"))
    shots = ShotStream(circuit, 2).read(0, 500)
    batch = maker.make(shots)
    log_odds = EventNetwork(geometry)(batch).detach()
    assert torch.equal(log_odds, batch.prior)
    plain = outrider.Decoder(circuit.graph).decode_batch(shots.detectors, bit_packed_shots=True)
    gaps, *_ = batch.gaps(log_odds.numpy(), np.inf)
    clear = abs(gaps) > 1e-3  # answers of equal weight may differ
    assert clear.sum() > 400
    assert np.array_equal(gaps[clear] < 0, plain[clear, 0])
    soft = decode(outrider.Decoder(circuit.graph), shots, batch, log_odds)
    assert np.array_equal(soft[clear], plain[clear])


def test_labels_are_flips(circuit, batch):
    edges = np.unpackbits(
        ShotStream(circuit, 1).read(0, 40).edges, axis=1, count=circuit.graph.num_edges, bitorder="little"
    )
    shot = np.repeat(np.arange(40), np.diff(batch.shot_edges))
    assert np.array_equal(batch.label.numpy(), edges[shot, batch.edge])


def test_the_gap_loss_has_the_right_value_and_gradient(circuit, batch, make_network):
    shots = ShotStream(circuit, 1).read(0, 40)
    log_odds = make_network()(batch).detach().double().float()
    chosen_shots = GapShots(batch, log_odds.numpy(), shots.observables, 1e9)
    chosen = chosen_shots.chosen
    assert len(chosen) > 30
    small = batch.maker.make(shots[chosen])
    values = make_network()(small).detach().requires_grad_()
    loss = chosen_shots.loss(values, small, 0.7)
    expected = np.logaddexp(0, -0.7 * chosen_shots.gaps[chosen]).sum()
    assert abs(loss.item() - expected) < 1e-3 * expected
    loss.backward()
    # The gap is linear while no answer changes.
    gradient = values.grad.numpy()
    for place in np.flatnonzero(gradient)[::7]:
        moved = values.detach().numpy().copy()
        moved[place] += 0.01
        gaps, *_ = small.gaps(moved, 1e9)
        flipped = (shots.observables[chosen, 0] & 1).astype(bool)
        change = np.logaddexp(0, -0.7 * np.where(flipped, -gaps, gaps)).sum() - expected
        assert abs(change - 0.01 * gradient[place]) < 1e-3


def test_losses_add_up_over_parts(circuit, batch, make_network):
    maker, network = batch.maker, make_network()
    shots = ShotStream(circuit, 4).read(0, 60)
    whole = gap_losses(network, maker, shots, shots[::4], 4.0, 8.0)
    parts = [gap_losses(network, maker, shots[s : s + 20], shots[s : s + 20][::4], 4.0, 8.0) for s in (0, 20, 40)]
    for total, values in zip(whole, zip(*parts, strict=True), strict=True):
        torch.testing.assert_close(total, sum(values))
    flips = flip_loss(network(made := maker.make(shots)), made)
    halves = [flip_loss(network(made := maker.make(shots[s : s + 30])), made) for s in (0, 30)]
    torch.testing.assert_close(flips, sum(halves))


def test_wilson():
    low, high = wilson(10, 100)
    assert abs(low - 0.0552) < 1e-4 and abs(high - 0.1744) < 1e-4
    assert wilson(0, 10)[0] == 0
