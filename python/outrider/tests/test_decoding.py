"""Decoding against PyMatching, and each form of a batch against the others."""

import _thread
import signal
import threading

import numpy as np
import pymatching
import pytest
import stim

import outrider

SHOTS = 3000
KINDS = ["mwpm", "mwpm-correlated", "union-find"]


@pytest.fixture(scope="module")
def shots(dem):
    """Detection events and flips of observables, by Stim."""
    return dem.compile_sampler(seed=5).sample(SHOTS)[:2]


@pytest.fixture(scope="module")
def graph(dem):
    return outrider.MatchingGraph(outrider.Model(str(dem)), correlations=True)


@pytest.mark.parametrize("correlated", [False, True])
def test_predictions_and_weights_are_pymatchings(dem, graph, shots, correlated):
    matching = pymatching.Matching.from_detector_error_model(dem, enable_correlations=correlated)
    expected, expected_weights = matching.decode_batch(
        shots[0], return_weights=True, enable_correlations=correlated
    )
    decoder = outrider.Decoder(graph, "mwpm-correlated" if correlated else "mwpm")
    predictions, weights = decoder.decode_batch(shots[0], return_weights=True)
    assert predictions.dtype == np.bool_ and weights.dtype == np.float64
    assert (predictions == expected).all()
    # Both round the weights of edges to integers.
    np.testing.assert_allclose(weights, expected_weights, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_packed_and_unpacked_arrays_mean_the_same(graph, shots, kind):
    decoder = outrider.Decoder(graph, kind)
    plain = decoder.decode_batch(shots[0])
    packed_shots = np.packbits(shots[0], axis=1, bitorder="little")
    padded = np.ones((SHOTS, 40), np.uint8)
    padded[:, ::2][:, : packed_shots.shape[1]] = packed_shots
    forms = [
        decoder.decode_batch(shots[0].astype(np.uint8)),
        decoder.decode_batch(np.asfortranarray(shots[0])),
        decoder.decode_batch(shots[0][::-1])[::-1],
        np.concatenate([decoder.decode_batch(np.broadcast_to(row, (2, len(row))))[1:] for row in shots[0]]),
        decoder.decode_batch(packed_shots, bit_packed_shots=True),
        decoder.decode_batch(padded[:, : 2 * packed_shots.shape[1] : 2], bit_packed_shots=True),
    ]
    for form in forms:
        assert (form == plain).all()
    packed = decoder.decode_batch(shots[0], bit_packed_predictions=True)
    assert packed.dtype == np.uint8
    assert (packed == np.packbits(plain, axis=1, bitorder="little")).all()


def test_mistakes_are_as_few_as_decoders_make(graph, shots):
    mistakes = {}
    for kind in KINDS:
        predictions = outrider.Decoder(graph, kind).decode_batch(shots[0])
        mistakes[kind] = np.count_nonzero((predictions != shots[1]).any(axis=1))
    assert 0 < mistakes["mwpm-correlated"] < mistakes["mwpm"] < SHOTS / 10
    assert 0 < mistakes["union-find"] < SHOTS / 10


@pytest.mark.parametrize("kind", KINDS)
def test_edges_explain_the_shot(graph, shots, kind):
    decoder = outrider.Decoder(graph, kind)
    predictions, weights = decoder.decode_batch(shots[0], return_weights=True)
    offsets, edges = decoder.decode_to_edges(shots[0])
    assert offsets.shape == (SHOTS + 1,) and offsets[-1] == len(edges)
    nodes = graph.edge_nodes()
    observable_offsets, observables = graph.edge_observables()
    for shot in range(0, SHOTS, 17):
        answer = edges[offsets[shot] : offsets[shot + 1]]
        assert (np.diff(answer.astype(np.int64)) > 0).all()
        events = np.zeros(graph.num_detectors, bool)
        flips = np.zeros(graph.num_observables, bool)
        for edge in answer:
            for node in nodes[edge]:
                if node >= 0:
                    events[node] ^= True
            flips[observables[observable_offsets[edge] : observable_offsets[edge + 1]]] ^= True
        assert (events == shots[0][shot]).all()
        assert (flips == predictions[shot]).all()
        if kind == "mwpm":
            assert weights[shot] == pytest.approx(graph.edge_weights()[answer].sum(), abs=1e-6)


def test_graph_is_pymatchings(dem, graph):
    matching = pymatching.Matching.from_detector_error_model(dem)
    nodes, weights, probabilities = graph.edge_nodes(), graph.edge_weights(), graph.edge_probabilities()
    expected = {(a, -1 if b is None else b): data for a, b, data in matching.edges()}
    assert len(expected) == graph.num_edges == len(nodes)
    for (node1, node2), weight, probability in zip(nodes.tolist(), weights, probabilities, strict=True):
        assert weight == pytest.approx(expected[node1, node2]["weight"], abs=1e-5)
        assert probability == pytest.approx(expected[node1, node2]["error_probability"])
    assert [graph.find_edge(a, None if b < 0 else b) for a, b in nodes.tolist()] == list(
        range(graph.num_edges)
    )
    assert graph.find_edge(0, graph.num_detectors) is None


def test_overrides_are_weights_of_one_shot():
    # A chain D0 - D1 with both ends on the boundary; the left boundary edge flips the observable.
    model = outrider.Model("error(0.1) D0 L0\nerror(0.2) D0 D1\nerror(0.1) D1")
    graph = outrider.MatchingGraph(model)
    decoder = outrider.Decoder(graph)
    left, middle, right = graph.find_edge(0), graph.find_edge(0, 1), graph.find_edge(1)
    shots = np.array([[1, 0], [1, 0], [0, 0], [0, 0]], np.uint8)
    overrides = ([0, 0, 1, 2, 5], [left, left, middle, left, right], [9.0, -1.5, -2.0, -3.0, -4.0])
    predictions, weights = decoder.decode_batch(shots, overrides=overrides, return_weights=True)
    own = graph.edge_weights()
    # As it is; around through the middle; the forced edge taken back; all forced, none taken back.
    assert predictions[:, 0].tolist() == [True, False, False, True]
    expected = [own[left], own[middle] + own[right], 0.0, -9.0]
    np.testing.assert_allclose(weights, expected, atol=1e-5)
    offsets, edges = decoder.decode_to_edges(shots, overrides=overrides)
    assert [edges[a:b].tolist() for a, b in zip(offsets, offsets[1:])] == [
        [left],
        sorted([middle, right]),
        [],
        sorted([left, middle, right]),
    ]


def test_offset_weighs_on_edges_without_overrides():
    graph = outrider.MatchingGraph(outrider.Model("error(0.1) D0 L0\nerror(0.2) D0 D1\nerror(0.1) D1"))
    left = graph.find_edge(0)
    decoder = outrider.Decoder(graph, weight_offset=0.5)
    shot = np.array([[1, 0]], np.uint8)
    for overrides, expected in [(None, np.log(9) + 0.5), (([0, 1], [left], [1.25]), 1.25)]:
        weights = decoder.decode_batch(shot, overrides=overrides, return_weights=True)[1]
        np.testing.assert_allclose(weights, [expected], atol=1e-5)


def test_overrides_equal_another_model(dem, graph, shots):
    """All weights replaced by those of another model give that model's answers."""
    text = str(dem)
    other = outrider.MatchingGraph(
        outrider.Model(text.replace("error(0.00", "error(0.01")), correlations=True
    )
    assert (other.edge_nodes() == graph.edge_nodes()).all()
    rows = shots[0][:200]
    count = graph.num_edges
    overrides = (
        np.arange(len(rows) + 1) * count,
        np.tile(np.arange(count, dtype=np.uint32), len(rows)),
        np.tile(other.edge_weights(), len(rows)),
    )
    weights = outrider.Decoder(graph).decode_batch(rows, overrides=overrides, return_weights=True)[1]
    expected = outrider.Decoder(other).decode_batch(rows, return_weights=True)[1]
    np.testing.assert_allclose(weights, expected, rtol=1e-5, atol=1e-4)


def test_threads_with_a_decoder_each(graph, shots):
    expected = outrider.Decoder(graph).decode_batch(shots[0])
    answers = [None] * 4

    def work(index):
        answers[index] = outrider.Decoder(graph).decode_batch(shots[0])

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(answers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for answer in answers:
        assert (answer == expected).all()


def test_one_decoder_in_several_threads(graph, shots):
    decoder = outrider.Decoder(graph)
    expected = decoder.decode_to_edges(shots[0])
    answers = [None] * 4

    def work(index):
        answers[index] = decoder.decode_to_edges(shots[0])

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(answers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for answer in answers:
        assert all((found == wanted).all() for found, wanted in zip(answer, expected, strict=True))


def test_interrupts_end_a_call():
    # The last shot has no perfect matching: a call that got there would say so.
    decoder = outrider.Decoder(outrider.MatchingGraph(outrider.Model("error(0.1) D0 D1 L0")))
    shots = np.zeros((20_000_000, 1), np.uint8)
    shots[-1] = 1
    # A shell ignores interrupts for what it runs in the background.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            threading.Thread(target=_thread.interrupt_main).start()
            decoder.decode_batch(shots, bit_packed_shots=True)
    finally:
        signal.signal(signal.SIGINT, before)


def test_empty_batches_and_models():
    decoder = outrider.Decoder(outrider.MatchingGraph(outrider.Model("error(0.1) D0 L0")))
    predictions, weights = decoder.decode_batch(np.zeros((0, 1), bool), return_weights=True)
    assert predictions.shape == (0, 1) and weights.shape == (0,)
    nothing = outrider.Decoder(outrider.MatchingGraph(outrider.Model("")))
    assert nothing.decode_batch(np.zeros((3, 0), np.uint8), bit_packed_shots=True).shape == (3, 0)


def test_certified_answers(graph, shots):
    certified = outrider.Decoder(graph, certify=True).decode_batch(shots[0][:100])
    assert (certified == outrider.Decoder(graph).decode_batch(shots[0][:100])).all()
    with pytest.raises(ValueError, match="union-find cannot certify"):
        outrider.Decoder(graph, "union-find", certify=True)


@pytest.mark.parametrize(
    ("array", "packed", "fault"),
    [
        (
            np.zeros((2, 3), bool),
            False,
            r"expected bool or uint8 of shape \(shots, 2\), found bool of shape \(2, 3\)",
        ),
        (np.zeros(2, bool), False, r"found bool of shape \(2\)"),
        (np.zeros((1, 2), np.int64), False, r"found int64 of shape \(1, 2\)"),
        (np.zeros((1, 1), bool), True, r"expected uint8, bit-packed, of shape \(shots, 1\), found bool"),
        (np.array([[0, 2]], np.uint8), False, "row 0 has values other than 0 and 1"),
        (np.packbits([[0, 0], [0, 1]], axis=1), True, r"row 1 has bits set past its 2 bits.*bitorder='little'"),
        (np.array([[3], [7]], np.uint8), True, "row 1 has bits set past its 2 bits, in its last byte 0x07"),
        ([[0, 1]], False, "found an object of type list"),
        (None, False, "found an object of type NoneType"),
    ],
)
def test_bad_shots(array, packed, fault):
    decoder = outrider.Decoder(outrider.MatchingGraph(outrider.Model("error(0.1) D0 D1\nerror(0.1) D1 L0")))
    for call in [decoder.decode_batch, decoder.decode_to_edges]:
        with pytest.raises(ValueError, match=f"^shots: .*{fault}"):
            call(array, bit_packed_shots=packed)


@pytest.mark.parametrize(
    ("overrides", "fault"),
    [
        (([0, 1],), "a tuple of the arrays"),
        (7, "a tuple of the arrays"),
        (([0.5, 1.0], [0], [1.0]), "integers as offsets"),
        (([[0, 1]], [0], [1.0]), "integers as offsets"),
        (([0, 1], ["a"], [1.0]), "integers as edges"),
        (([0, 1], [0], [1j]), "real numbers as weights"),
        (([0, 1], [0], [1.0, 2.0]), "as many edges as weights"),
        (([0], [], []), "2 offsets for 1 shots"),
        (([0, 2], [0], [1.0]), "rising from 0 to 1"),
        (([1, 1], [0], [1.0]), "rising from 0 to 1"),
        (([0, 1], [-1], [1.0]), "edges of the graph, found -1"),
        (([0, 1], [2**32], [1.0]), "edges of the graph, found 4294967296"),
        (([0, 1], [0], [np.nan]), "found nan"),
    ],
)
def test_bad_overrides(overrides, fault):
    decoder = outrider.Decoder(outrider.MatchingGraph(outrider.Model("error(0.1) D0 L0")))
    with pytest.raises(ValueError, match=f"^overrides: expected .*{fault}"):
        decoder.decode_batch(np.ones((1, 1), bool), overrides=overrides)


def test_errors_name_the_shot():
    decoder = outrider.Decoder(outrider.MatchingGraph(outrider.Model("error(0.1) D0 D1 L0")))
    shots = np.zeros((5000, 2), bool)
    shots[3000, 0] = True
    with pytest.raises(ValueError, match="^shot 3001: .*odd"):
        decoder.decode_batch(shots)
    with pytest.raises(
        ValueError, match="^shot 1: an override lies outside the graph of 2 detectors and 1 edges"
    ):
        decoder.decode_batch(shots[:1], overrides=([0, 1], [1], [1.0]))
    assert not decoder.decode_batch(shots[:3000]).any()


def test_bad_models_and_kinds(tmp_path):
    with pytest.raises(ValueError, match="^line 2, column 7: .*probability"):
        outrider.Model("error(0.1) D0\nerror(2) D0")
    with pytest.raises(FileNotFoundError, match="none.dem"):
        outrider.Model.from_file(tmp_path / "none.dem")
    (tmp_path / "bad.dem").write_text("hello")
    with pytest.raises(ValueError, match="bad.dem:1:"):
        outrider.Model.from_file(tmp_path / "bad.dem")
    triple = outrider.Model("error(0.1) D0 D1 D2\nerror(0.1) D0")
    with pytest.raises(ValueError, match="^line 1: .*3 detectors"):
        outrider.MatchingGraph(triple)
    graph = outrider.MatchingGraph(triple, ignore_undecomposable=True)
    assert (graph.num_ignored, graph.num_edges) == (1, 1)
    with pytest.raises(ValueError, match="unknown decoder 'mwpn', expected one of mwpm, "):
        outrider.Decoder(graph, "mwpn")
    with pytest.raises(ValueError, match="mwpm-correlated needs a graph built with correlations"):
        outrider.Decoder(graph, "mwpm-correlated")
    with pytest.raises(ValueError, match="unknown instruction set 'sse'"):
        outrider.Decoder(graph, isa="sse")


def test_models_keep_stims_meaning(dem, tmp_path):
    dem.to_file(tmp_path / "m.dem")
    model = outrider.Model.from_file(str(tmp_path / "m.dem"))
    assert (model.num_detectors, model.num_observables) == (dem.num_detectors, dem.num_observables)
    assert model.num_errors == dem.num_errors
    assert stim.DetectorErrorModel(str(model)).approx_equals(dem, atol=1e-12)
