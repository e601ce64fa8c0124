"""The kernels of the C library against plain PyTorch, forward and backward."""

import pytest
import torch

from outrider_train import layers, network
from outrider_train.circuits import Shots, ShotStream


@pytest.mark.parametrize("width", [16, 32, 64])
def test_kernels_equal_plain_layers(batch, geometry, width):
    torch.manual_seed(0)
    relations = geometry.lattice.set_count * geometry.lattice.offsets
    inputs = {
        "base": torch.randn(batch.event_count, width),
        "rows": torch.randn(relations, width),
        "features": torch.randn(batch.event_count, width),
        "weights": torch.randn(relations, width, width),
    }
    probe = torch.randn(batch.event_count, width)

    def gradients(add_rows, add_messages):
        leaves = {name: value.clone().requires_grad_() for name, value in inputs.items()}
        summed = add_rows(leaves["base"] * 1, leaves["rows"], batch)
        out = add_messages(summed * 1, leaves["features"], leaves["weights"], batch)
        (out * probe).sum().backward()
        return [out.detach(), *(leaf.grad for leaf in leaves.values())]

    kernel = gradients(layers.add_rows, layers.add_messages)
    plain = gradients(layers.add_rows_plainly, layers.add_messages_plainly)
    for ours, theirs in zip(kernel, plain, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_whole_network_without_the_kernels(batch, make_network, monkeypatch):
    net = make_network()
    with_kernels = _gradients(net, batch)
    monkeypatch.setattr(network, "add_rows", layers.add_rows_plainly)
    monkeypatch.setattr(network, "add_messages", layers.add_messages_plainly)
    for ours, theirs in zip(with_kernels, _gradients(net, batch), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


def test_shots_without_events(circuit, batch, make_network):
    net = make_network()
    quiet = batch.maker.make(_silent(circuit, 3))
    assert quiet.event_count == 0
    net(quiet).sum().backward()
    assert all((p.grad == 0).all() for p in net.parameters())


def test_a_batch_ends_with_the_next(circuit, batch):
    batch.maker.make(_silent(circuit, 1))
    with pytest.raises(RuntimeError, match="another batch"):
        _ = batch.kernels


def _gradients(net, batch):
    net.zero_grad()
    log_odds = net(batch)
    (log_odds * torch.linspace(-1, 1, len(log_odds))).sum().backward()
    return [log_odds.detach(), *(p.grad for p in net.parameters())]


def _silent(circuit, count):
    shots = ShotStream(circuit, 1).read(0, count)
    return Shots(shots.detectors * 0, shots.observables * 0, shots.edges * 0)
