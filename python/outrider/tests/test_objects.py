"""What models, graphs and decoders are made of and hand out: shots one by one, pairs, edges, pickles."""

import copy
import pickle

import numpy as np
import pytest
import stim
from conftest import memory, without_ties

import outrider

KINDS = ["mwpm", "mwpm-correlated", "union-find"]


@pytest.fixture(scope="module")
def graph(dem):
    return outrider.MatchingGraph(outrider.Model(dem), correlations=True)


@pytest.fixture(scope="module")
def shots(dem):
    return dem.compile_sampler(seed=6).sample(300)[0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_shot_alone_is_decoded_as_in_a_batch(graph, shots, kind):
    decoder = outrider.Decoder(graph, kind)
    predictions, weights = decoder.decode_batch(shots, return_weights=True)
    for row, expected, weight in zip(shots, predictions, weights, strict=True):
        for form in [row, row.view(np.uint8), 5 * row.astype(np.uint8), row.repeat(2)[::2]]:
            prediction, found = decoder.decode_shot(form)
            assert prediction.dtype == np.uint8 and type(found) is float
            assert (prediction == expected).all() and found == weight


def test_detectors_that_a_shot_leaves_out_have_no_event(graph, shots):
    decoder = outrider.Decoder(graph)
    short = shots[0].copy()
    short[50:] = False
    whole = decoder.decode_shot(short)
    assert decoder.decode_shot(short[:50])[1] == whole[1]
    assert decoder.decode_shot(np.zeros(0, np.uint8))[1] == 0.0


@pytest.mark.parametrize(
    "shot",
    [None, [1, 0], np.zeros(121, bool), np.zeros((1, 120), bool), np.zeros(120), np.zeros(120, "i8")],
    ids=repr,
)
def test_other_shots_are_a_value_error(graph, shot):
    with pytest.raises(ValueError, match=r"shot: expected bool or uint8 of shape \(n,\), n at most 120"):
        outrider.Decoder(graph).decode_shot(shot)


def test_edges_by_index_and_by_their_ends_are_the_same(graph, shots):
    decoder = outrider.Decoder(graph)
    offsets, edges = decoder.decode_to_edges(shots)
    node_offsets, nodes = decoder.decode_to_edge_nodes(shots)
    assert nodes.dtype == np.int64 and (node_offsets == offsets).all()
    assert (nodes == graph.edge_nodes()[edges]).all()
    packed = np.packbits(shots, axis=1, bitorder="little")
    assert (decoder.decode_to_edge_nodes(packed, bit_packed_shots=True)[1] == nodes).all()


def test_pairs_are_the_events(graph, shots):
    decoder = outrider.Decoder(graph)
    offsets, pairs = decoder.decode_to_pairs(shots)
    assert pairs.dtype == np.int64 and pairs.shape == (offsets[-1], 2)
    for shot, (start, end) in enumerate(zip(offsets, offsets[1:])):
        own = pairs[start:end]
        assert sorted(own[own >= 0]) == np.flatnonzero(shots[shot]).tolist()
        assert (np.diff(own[:, 0]) > 0).all() and ((own[:, 1] > own[:, 0]) | (own[:, 1] == -1)).all()
    with pytest.raises(ValueError, match="which matches no pairs"):
        outrider.Decoder(graph, "union-find").decode_to_pairs(shots)


def test_edges_in_the_order_of_the_model():
    model = outrider.Model(
        "error(0.1) D2 D3 ^ D0\nerror(0) D5\nerror(0.2) D1 D0 L0\nerror(0.1) D0 D0 D2 ^ D3 D2"
    )
    graph = outrider.MatchingGraph(model)
    assert graph.edge_nodes()[graph.edge_order()].tolist() == [[2, 3], [0, -1], [0, 1], [2, -1]]
    given = outrider.MatchingGraph.from_edges([(3, -1), (2, 1), (0, 3)], [1, 2, 3])
    assert given.edge_nodes()[given.edge_order()].tolist() == [[3, -1], [1, 2], [0, 3]]


def copies(thing):
    return [pickle.loads(pickle.dumps(thing)), copy.copy(thing), copy.deepcopy(thing)]


def test_models_can_be_pickled(dem):
    model = outrider.Model(dem)
    assert [str(again) for again in copies(model)] == [str(model)] * 3


@pytest.mark.parametrize(
    "options", [{"correlations": True}, {"levels": 1000, "weight_range": 500.0}, {}], ids=repr
)
def test_graphs_of_models_can_be_pickled(options):
    text = "error(0.1) D0 D1 L0\nerror(0.2) D0 D1 L1 ^ D2\nerror(0.3) D1"
    model = outrider.Model(text if options.get("correlations") else text + "\nerror(0.1) D0 D1 D2")
    ignored = not options.get("correlations")
    graph = outrider.MatchingGraph(model, ignore_undecomposable=ignored, first_observables=True, **options)
    for again in copies(graph):
        assert (again.num_ignored, again.has_correlations) == (graph.num_ignored, graph.has_correlations)
        assert (
            again.edge_weights() == graph.edge_weights()
        ).all() and again.weight_limit == graph.weight_limit
        assert all((a == b).all() for a, b in zip(again.edge_observables(), graph.edge_observables()))


@pytest.mark.parametrize("probabilities", [None, [0.25, 0.5, 0.125, 0.0]])
def test_graphs_of_edges_can_be_pickled(probabilities):
    edges, weights = [(1, 0), (-1, 1), (4, 2), (2, -1)], [0.1, -3.7, float("inf"), 250.0]
    observables = ([0, 1, 1, 3, 3], [5, 2, 0])
    graph = outrider.MatchingGraph.from_edges(
        edges,
        weights,
        observables,
        num_detectors=9,
        num_observables=8,
        probabilities=probabilities,
        levels=5000,
    )
    for again in copies(graph):
        assert (again.num_detectors, again.num_observables) == (9, 8)
        assert again.weight_limit == graph.weight_limit
        for name in ["edge_nodes", "edge_weights", "edge_probabilities", "edge_order"]:
            assert (getattr(again, name)() == getattr(graph, name)()).all()
        assert all((a == b).all() for a, b in zip(again.edge_observables(), graph.edge_observables()))


@pytest.mark.parametrize("kind", KINDS)
def test_decoders_can_be_pickled(graph, shots, kind):
    options = {"weight_offset": 0.25, "isa": "portable"}
    decoder = outrider.Decoder(graph, kind, certify=kind != "union-find", **options)
    expected = decoder.decode_batch(shots, return_weights=True)
    assert decoder.graph is graph
    for again in copies(decoder):
        assert again.kind == kind
        assert all((a == b).all() for a, b in zip(again.decode_batch(shots, return_weights=True), expected))


def test_a_decoder_with_a_predecoder_is_not_pickled(dem):
    model = outrider.Model(dem)
    graph = outrider.MatchingGraph(model)
    decoder = outrider.Decoder(graph, predecoder=outrider.Predecoder.rule("clique", model, graph))
    with pytest.raises(TypeError, match="a decoder with a pre-decoder cannot be pickled"):
        pickle.dumps(decoder)


def test_a_model_of_a_circuit_is_decomposed():
    circuit = memory(3, 0.01)
    by_circuit = outrider.Model(circuit)
    assert str(by_circuit) == str(outrider.Model(circuit.detector_error_model(decompose_errors=True)))
    assert outrider.MatchingGraph(by_circuit).num_ignored == 0
    with pytest.raises(ValueError):
        outrider.Model(stim.Circuit("R 0\nX_ERROR(0.1) 0\nMX 0\nDETECTOR rec[-1]"))


def test_probabilities_of_stim_arrive_to_the_last_bit():
    dem = without_ties(memory(3, 0.01).detector_error_model(decompose_errors=True), seed=2)
    again = stim.DetectorErrorModel(str(outrider.Model(dem)))
    assert [e.args_copy() for e in again if e.type == "error"] == [
        e.args_copy() for e in dem if e.type == "error"
    ]
