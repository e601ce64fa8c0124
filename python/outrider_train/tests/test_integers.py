"""Rounding, and the integer twin of a network."""

import numpy as np
import outrider
import pytest
import torch

from outrider_train.circuits import ShotStream
from outrider_train.errors import TrainingError
from outrider_train.export import export, read
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


@pytest.mark.parametrize("width, layers", [(16, 0), (16, 3), (32, 1), (48, 2), (64, 1)])
def test_the_c_library_gives_the_same_integers(circuit, batch, make_network, tmp_path, width, layers):
    path = tmp_path / "network.safetensors"
    network = make_network(width, layers)
    export(path, network, {})
    outputs = np.append(integer_outputs(read(path)[0], batch).ravel(), 0)
    steps = outputs[batch.output1.numpy()] + outputs[batch.output2.numpy()]

    predecoder = outrider.Predecoder.from_file(path, circuit.model, circuit.graph)
    shots = ShotStream(circuit, 1).read(0, 40).detectors
    offsets, edges, weights = predecoder.log_odds(shots, bit_packed_shots=True)
    found = (circuit.graph.edge_weights()[edges] - weights) / LOG_ODDS_STEP
    # A step is a whole number of the graph's own units of weight, nearly an eighth.
    assert abs(found - np.rint(found)).max() < 0.01
    assert np.array_equal(offsets, batch.shot_edges)
    ours, theirs = (
        np.lexsort((numbers, np.repeat(np.arange(40), np.diff(offsets)))) for numbers in (batch.edge, edges)
    )
    assert np.array_equal(batch.edge[ours], edges[theirs])
    assert np.array_equal(steps[ours], np.rint(found[theirs]))
    assert len(np.unique(steps)) > 40
    assert predecoder.weight_offset == pytest.approx(network.offset, abs=1e-5)
    assert predecoder.reach == network.geometry.reach(layers)


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
