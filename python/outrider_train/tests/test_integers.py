"""Rounding, and the integer twin of a network."""

import numpy as np
import pytest
import torch

from outrider_train.errors import TrainingError
from outrider_train.integers import choose_shifts, embed_shift, file_tensors, integer_outputs
from outrider_train.rounding import LOG_ODDS_STEP, ROW_MAX, rounded, to_units


@pytest.mark.parametrize("width, layers", [(16, 0), (16, 3), (32, 1)])
def test_a_rounded_network_is_the_integer_network(batch, make_network, width, layers):
    network = make_network(width, layers)
    network.shifts = choose_shifts(network)
    floats = network.outputs(batch).detach().numpy() / LOG_ODDS_STEP
    integers = integer_outputs(file_tensors(network), batch)
    assert len(np.unique(integers)) > 20
    assert np.array_equal(floats, integers)


def test_rounding_changes_little(batch, make_network):
    network = make_network()
    exact = network.outputs(batch).detach()
    network.shifts = choose_shifts(network)
    assert (network.outputs(batch) - exact).abs().mean() < 0.5 * exact.abs().mean()


def test_gradients_pass_through_rounding():
    values = torch.tensor([0.3, -0.7, 9.0], requires_grad=True)
    out = rounded(values, 0.5, 10)
    assert out.tolist() == [0.5, -0.5, 5.0]
    out.sum().backward()
    assert values.grad.tolist() == [1, 1, 1]


def test_halves_round_up():
    assert to_units(torch.tensor([-1.5, -0.5, 0.5, 1.5]), 1.0).tolist() == [-1, 0, 1, 2]


def test_rows_fit_16_bits(make_network):
    network = make_network()
    with torch.no_grad():
        network.embed[:, 3] = 2.0
    tensors = file_tensors(network)
    bound = sum(np.abs(tensors[name].astype(int)).reshape(-1, 16).sum(0)[3] for name in ("embed",))
    assert ROW_MAX / 4 < bound < ROW_MAX
    with torch.no_grad():
        network.embed[:, 3] = 2000.0
    with pytest.raises(TrainingError, match="too large for 16 bits"):
        embed_shift(network)
