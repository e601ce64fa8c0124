"""Pre-decoders by themselves and in front of decoders."""

import numpy as np
import pytest

import outrider

SHOTS = 2000


@pytest.fixture(scope="module")
def model(dem):
    return outrider.Model(str(dem))


@pytest.fixture(scope="module")
def graph(model):
    return outrider.MatchingGraph(model, correlations=True)


@pytest.fixture(scope="module")
def shots(dem):
    """Detection events and flips of observables, by Stim."""
    return dem.compile_sampler(seed=4).sample(SHOTS)[:2]


@pytest.fixture(scope="module", params=["rule", "network"])
def soft(request, model, graph, network):
    """A pre-decoder with log-odds."""
    if request.param == "network":
        return outrider.Predecoder.from_file(network, model, graph)
    return outrider.Predecoder.rule("min-sum", model, graph, iterations=3)


@pytest.mark.parametrize("kind", ["mwpm", "mwpm-correlated", "union-find"])
def test_soft_use_is_decoding_under_its_log_odds(graph, shots, soft, kind):
    composed = outrider.Decoder(graph, kind, predecoder=soft, predecoder_use="soft")
    by_hand = outrider.Decoder(graph, kind, weight_offset=soft.weight_offset)
    overrides = soft.log_odds(shots[0])
    assert (
        overrides[0].shape == (SHOTS + 1,) and len(overrides[1]) == len(overrides[2]) == overrides[0][-1] > 0
    )
    found = composed.decode_batch(shots[0], return_weights=True)
    expected = by_hand.decode_batch(shots[0], overrides=overrides, return_weights=True)
    assert (found[0] == expected[0]).all() and (found[1] == expected[1]).all()


@pytest.mark.parametrize("name", ["clique", "smith", "network"])
def test_hard_use_is_decoding_what_is_left(model, graph, network, shots, name):
    if name == "network":
        predecoder = outrider.Predecoder.from_file(network, model, graph)
    else:
        predecoder = outrider.Predecoder.rule(name, model, graph)
    left, flips = predecoder.residual(shots[0])
    assert left.dtype == flips.dtype == np.bool_
    assert (left != shots[0]).any()
    assert name == "network" or not (left & ~shots[0]).any()
    found = outrider.Decoder(graph, predecoder=predecoder, predecoder_use="hard").decode_batch(shots[0])
    assert (found == flips ^ outrider.Decoder(graph).decode_batch(left)).all()
    packed_shots = np.packbits(shots[0], axis=1, bitorder="little")
    packed = predecoder.residual(packed_shots, bit_packed_shots=True, bit_packed=True)
    for found, plain in zip(packed, [left, flips], strict=True):
        assert (found == np.packbits(plain, axis=1, bitorder="little")).all()


def test_min_sum_helps(dem, model, graph):
    detectors, observables, _ = dem.compile_sampler(seed=11).sample(20 * SHOTS)
    predecoder = outrider.Predecoder.rule("min-sum", model, graph)
    mistakes = [
        np.count_nonzero((decoder.decode_batch(detectors) != observables).any(axis=1))
        for decoder in [outrider.Decoder(graph), outrider.Decoder(graph, predecoder=predecoder)]
    ]
    assert 0 < mistakes[1] < mistakes[0]


def test_reach_grows_with_iterations(model, graph):
    reach = [outrider.Predecoder.rule("min-sum", model, graph, iterations=n).reach for n in [1, 3]]
    assert all(0 < 3 * once == thrice for once, thrice in zip(*reach, strict=True))


def test_a_network_tells_its_name_and_reach(model, graph, network):
    predecoder = outrider.Predecoder.from_file(str(network), model, graph, isa="portable")
    assert repr(predecoder) == f"<outrider.Predecoder: event network on {graph.num_detectors} detectors>"
    # A layer and the embedding look one site each, an edge reaches two; a site is two units wide.
    assert predecoder.reach == (8, 8, 3)
    assert predecoder.weight_offset == pytest.approx(1.0, abs=1e-3)


def test_bad_networks(model, graph, network, tmp_path):
    with pytest.raises(FileNotFoundError, match="none.safetensors"):
        outrider.Predecoder.from_file(tmp_path / "none.safetensors", model, graph)
    short = tmp_path / "short.safetensors"
    short.write_bytes(network.read_bytes()[:1000])
    with pytest.raises(ValueError, match="short.safetensors"):
        outrider.Predecoder.from_file(short, model, graph)
    plain = outrider.Model("error(0.1) D0 L0\nerror(0.1) D0 D1\nerror(0.1) D1")
    with pytest.raises(ValueError, match="coordinates"):
        outrider.Predecoder.from_file(network, plain, outrider.MatchingGraph(plain))
    with pytest.raises(ValueError, match="threshold"):
        outrider.Predecoder.from_file(network, model, graph, threshold=0.0)


def test_bad_predecoders(model, graph):
    with pytest.raises(ValueError, match="unknown rule 'click', expected one of clique, "):
        outrider.Predecoder.rule("click", model, graph)
    with pytest.raises(ValueError, match="iterations"):
        outrider.Predecoder.rule("smith", model, graph, iterations=0)
    with pytest.raises(ValueError, match="a threshold of 1.5, which is not between 0 and 1"):
        outrider.Predecoder.rule("clique", model, graph, threshold=1.5)
    with pytest.raises(ValueError, match="model"):
        outrider.Predecoder.rule("min-sum", outrider.Model("error(0.1) D0"), graph)
    predecoder = outrider.Predecoder.rule("clique", model, graph)
    with pytest.raises(ValueError, match="^predecoder: it was made for another graph"):
        outrider.Decoder(outrider.MatchingGraph(model), predecoder=predecoder)
    with pytest.raises(ValueError, match="unknown use of a pre-decoder 'firm'"):
        outrider.Decoder(graph, predecoder=predecoder, predecoder_use="firm")
    with pytest.raises(ValueError, match='^predecoder_use is "hard", but there is no predecoder$'):
        outrider.Decoder(graph, predecoder_use="hard")
    for call in [predecoder.log_odds, predecoder.residual]:
        with pytest.raises(ValueError, match="^shots: expected bool or uint8 of shape"):
            call(np.zeros((1, 1), bool))
