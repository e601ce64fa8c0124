"""Matching: decoding, side by side with PyMatching."""

import copy
import pickle
import random

import numpy as np
import pytest
from side_by_side import made_of, same, state

import outrider


def chain(package):
    """Boundary - 0 - 1 - 2 - boundary."""
    edges = [(0, None, 0, 1.25), (0, 1, 1, 1.0), (1, 2, {2, 9}, 1.5), (2, None, {3}, 1.0)]
    return made_of(package, *edges)


SYNDROMES = [
    [1, 0, 0],
    (0, 1, 1),
    [True, False, True],
    range(3),
    np.array([1, 0, 1], bool),
    np.array([[1, 0, 1]]),
    np.array([[1], [0], [1]]),
    [[1, 1, 1]],
    [3, 0, 2],
    np.array([1, 1, 0], object),
    *[np.array([1, 1, 0], dtype) for dtype in "bBhHiIlLqQ?fd"],
    np.array([1, 1, 0, 0, 1, 1])[::2],
    np.array([[1, 0], [0, 1], [1, 1]])[:, 0],
]


@pytest.mark.parametrize("syndrome", SYNDROMES, ids=repr)
def test_syndromes_are_lists_and_arrays_of_any_integers(syndrome):
    def build(package):
        matching = chain(package)
        return (
            matching.decode(syndrome),
            matching.decode(syndrome, return_weight=True),
            sorted(sorted(edge) for edge in matching.decode_to_edges_array(syndrome).tolist()),
            matching.decode_to_matched_dets_array(syndrome),
            matching.decode_to_matched_dets_dict(syndrome),
        )

    prediction, *_ = same(build)
    assert prediction.dtype == np.uint8 and prediction.shape == (10,)


@pytest.mark.parametrize(
    "syndrome",
    [[], [1, 0], [1, 0, 0, 0], [[1, 0]], np.zeros((3, 1, 1)), 5, "abc", [0, 1, "b"], [float("nan"), 0, 0]],
    ids=repr,
)
def test_other_syndromes_are_a_value_error(syndrome):
    for call in [
        lambda package: chain(package).decode(syndrome),
        lambda package: chain(package).decode_to_edges_array(syndrome),
        lambda package: chain(package).decode_to_matched_dets_array(syndrome),
        lambda package: chain(package).decode_to_matched_dets_dict(syndrome),
    ]:
        assert isinstance(same(call), ValueError)


@pytest.mark.parametrize("syndrome", [None, {1, 0}, [1, 0, None], [1, 0, object()]], ids=repr)
def test_what_is_no_syndrome_is_refused(syndrome):
    with pytest.raises(ValueError, match="syndrome: expected"):
        chain(outrider).decode(syndrome)


@pytest.mark.parametrize(
    "shots",
    [
        [[1, 0, 0], [0, 1, 1]],
        np.array([[1, 0, 1]], bool),
        np.zeros((0, 3), np.uint8),
        np.array([[2, 0, 0]], np.uint8),
        np.array([[1.0, 0.0, 1.0]]),
        np.asfortranarray(np.eye(3, dtype=np.int32)),
        np.eye(6, dtype=np.int8)[::2, ::2],
    ],
    ids=repr,
)
def test_batches_are_lists_and_arrays_of_any_integers(shots):
    def build(package):
        matching = chain(package)
        return (
            matching.decode_batch(shots),
            matching.decode_batch(shots, return_weights=True),
            matching.decode_batch(shots, bit_packed_predictions=True),
        )

    same(build)


@pytest.mark.parametrize(
    "shots", [[1, 0, 0], [[1, 0]], [[1, 0, 0, 0]], np.zeros((1, 1, 3)), np.zeros((1, 0), np.uint8)], ids=repr
)
def test_other_batches_are_a_value_error(shots):
    assert isinstance(same(lambda package: chain(package).decode_batch(shots)), ValueError)


@pytest.mark.parametrize("shots", [[[1], [6]], np.array([[7]], np.uint8), np.array([[3], [0]])], ids=repr)
@pytest.mark.parametrize("packed", [False, True])
def test_packed_batches(shots, packed):
    same(
        lambda package: chain(package).decode_batch(
            shots, bit_packed_shots=True, bit_packed_predictions=packed, return_weights=True
        )
    )


@pytest.mark.parametrize("shots", [[[8]], [[1, 0]], np.zeros((1, 0), np.uint8), [3]], ids=repr)
def test_other_packed_batches_are_a_value_error(shots):
    decode = lambda package: chain(package).decode_batch(np.array(shots, np.uint8), bit_packed_shots=True)
    assert isinstance(same(decode), ValueError)
    with pytest.raises(ValueError, match="shots: expected"):
        chain(outrider).decode_batch(["abc"], bit_packed_shots=True)
    with pytest.raises(ValueError, match="shots: expected bytes"):
        chain(outrider).decode_batch([[256]], bit_packed_shots=True)


def test_packed_bits_are_those_of_unpacked_ones():
    rng = np.random.default_rng(2)
    edges = [(node, node + 1, {node, 3 * node}, rng.uniform(1, 2)) for node in range(20)]
    shots = rng.integers(0, 2, (50, 21), np.uint8)
    shots[:, 20] ^= shots.sum(axis=1, dtype=np.uint8) % 2
    packed = np.packbits(shots, axis=1, bitorder="little")

    def build(package):
        matching = made_of(package, *edges)
        plain = matching.decode_batch(shots)
        both = matching.decode_batch(packed, bit_packed_shots=True, bit_packed_predictions=True)
        assert (np.packbits(plain, axis=1, bitorder="little") == both).all()
        assert all((matching.decode(row) == plain[index]).all() for index, row in enumerate(shots))
        return plain, both

    same(build)


@pytest.mark.parametrize(
    "edges, syndrome",
    [
        ([(0, 1, 0, 1.0), (1, 2, 1, 1.0)], [1, 0, 0]),
        ([(0, 1, 0, 1.0), (2, 3, 1, 1.0)], [1, 0, 1, 0]),
        ([(0, 2, 0, 1.0)], [1, 1, 1]),
        ([(0, 1, 0, -3.0)], [1, 0]),
        ([(0, None, 0, 1.0), (1, 1, 1, -2.0)], [0, 1]),
    ],
)
def test_a_syndrome_without_an_answer_is_a_value_error(edges, syndrome):
    for call in [
        lambda package: made_of(package, *edges).decode(syndrome),
        lambda package: made_of(package, *edges).decode_batch([syndrome]),
        lambda package: made_of(package, *edges).decode_to_edges_array(syndrome),
        lambda package: made_of(package, *edges).decode_to_matched_dets_array(syndrome),
    ]:
        assert isinstance(same(call), ValueError)


def test_a_graph_without_nodes_or_edges_has_empty_answers():
    same(lambda package: package.Matching().decode([]))
    same(lambda package: package.Matching().decode_batch(np.zeros((2, 0), np.uint8)))
    same(lambda package: package.Matching([[0, 0], [0, 0]]).decode([0, 0], return_weight=True))
    same(lambda package: chain(package).decode_to_edges_array([0, 0, 0]))
    same(lambda package: chain(package).decode_to_matched_dets_array([0, 0, 0]))
    same(lambda package: chain(package).decode_to_matched_dets_dict([0, 0, 0]))


def test_a_ring_of_negative_weights_goes_the_long_way():
    ring = [(node, (node + 1) % 7, node, -2.0) for node in range(7)]
    prediction, weight = same(
        lambda package: made_of(package, *ring).decode([0, 0, 1, 1, 0, 0, 0], return_weight=True)
    )
    assert prediction.tolist() == [1, 1, 0, 1, 1, 1, 1] and weight == -12.0


def test_one_negative_weight_among_positive_ones():
    square = [(0, 1, 0, 2.0), (1, 2, 1, -7.0), (2, 3, 2, 3.0), (3, 0, 3, 2.5)]
    for syndrome in [[0, 1, 1, 0], [0, 1, 0, 1], [1, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]]:
        same(
            lambda package, syndrome=syndrome: made_of(package, *square).decode(syndrome, return_weight=True)
        )


def test_whole_weights_are_exact():
    largest = 2**24 - 1

    def build(package):
        matching = made_of(package, (0, None, 0, 5.0), (0, 1, 1, -2.0), (1, 2, 2, 90.0), (2, 3, 3, 17.0))
        weights = [matching.decode([0, 0, 0, 1], return_weight=True)[1]]
        matching.add_edge(3, 4, weight=largest)
        weights.append(matching.decode([0, 0, 0, 0, 1], return_weight=True)[1])
        matching.add_edge(4, 5, weight=-largest)
        weights.append(matching.decode([0, 0, 0, 0, 0, 1], return_weight=True)[1])
        return weights

    assert build(outrider) == [110.0, 110.0 + largest, 110.0]
    same(build)


def test_self_loops_count_if_their_weight_is_negative():
    edges = [
        (0, None, 0, 1.0),
        (0, 1, 1, 2.0),
        (1, 1, {2, 0}, -30.0),
        (2, 2, 3, -70.0),
        (3, 3, 4, 6.0),
    ]

    def build(package):
        matching = made_of(package, *edges)
        batch = matching.decode_batch(
            [[0, 1, 0, 0], [0, 0, 0, 0]], return_weights=True, bit_packed_predictions=True
        )
        return matching.decode([0, 1, 0, 0], return_weight=True), batch

    (prediction, weight), _ = same(build)
    assert prediction.tolist() == [0, 1, 1, 1, 0] and weight == -97.0


def test_boundary_nodes_have_no_events():
    edges = [(node, node + 1, node, 1.0 + node / 8) for node in range(5)]
    for boundary in [{4, 5}, {0}, {0, 5}, {2}]:
        for syndrome in np.eye(6, dtype=np.uint8):

            def build(package, boundary=boundary, syndrome=syndrome):
                matching = made_of(package, *edges, boundary=boundary)
                batch = [syndrome, syndrome[::-1]]
                packed = np.packbits(batch, axis=1, bitorder="little")
                return (
                    matching.decode(syndrome, return_weight=True),
                    matching.decode(syndrome[: matching.num_detectors]),
                    matching.decode_batch(batch, return_weights=True),
                    matching.decode_batch(np.array(batch)[:, : matching.num_detectors]),
                    matching.decode_batch(packed, bit_packed_shots=True, return_weights=True),
                    matching.decode_to_matched_dets_array(syndrome),
                    sorted(sorted(edge) for edge in matching.decode_to_edges_array(syndrome).tolist()),
                )

            same(build)


def test_edges_to_the_boundary_count_once():
    def build(package):
        matching = made_of(package, (0, 1, 0, 3.5), (1, 2, 1, 2.5), boundary=[0, 2])
        first = matching.decode([0, 1, 0], return_weight=True)
        matching.add_boundary_edge(1, 70, 60.0)
        second = matching.decode([0, 1, 0], return_weight=True)
        matching.add_boundary_edge(1, 3, 0.5, merge_strategy="replace")
        return first, second, matching.decode([0, 1, 0])

    same(build)


def test_edges_to_the_boundary_count_once_if_negative():
    star = [(0, 1, 0, -2.0), (0, 2, 1, 4.0), (0, None, 2, -0.75), (0, 3, 3, -5.0), (0, 4, 4, -1.0)]
    for boundary in [{}, {1, 2, 3, 4}, {2, 4}]:
        for event in [0, 1]:

            def decode(package, boundary=boundary, event=event):
                matching = made_of(package, *star, boundary=boundary)
                return matching.decode([event, 0, 0, 0, 0], return_weight=True)

            same(decode)


def test_edges_between_boundary_nodes_never_count():
    edges = [(0, 1, 0, 1.0), (1, 2, 1, -5.0), (2, 2, 2, -3.0), (2, None, 3, -4.0)]
    prediction, weight = same(
        lambda package: made_of(package, *edges, boundary=[1, 2]).decode([1, 0, 0], return_weight=True)
    )
    assert prediction.tolist() == [1, 0, 0, 0] and weight == 1.0


def test_matched_events_of_a_line():
    line = [(0, None, 0, 1.0), *[(node, node + 1, 0, 1.0) for node in range(30)], (30, None, 0, 1.0)]
    syndrome = np.zeros(31, np.uint8)
    syndrome[[3, 14, 17, 29]] = 1

    def build(package):
        matching = made_of(package, *line)
        return matching.decode_to_matched_dets_array(syndrome), matching.decode_to_matched_dets_dict(syndrome)

    pairs, partners = same(build)
    assert pairs.tolist() == [[3, -1], [14, 17], [29, -1]]
    assert partners == {3: None, 14: 17, 17: 14, 29: None}


def test_there_are_no_matched_events_with_negative_weights():
    for call in [
        lambda package: made_of(package, (0, 1, 0, -1.0)).decode_to_matched_dets_array([1, 1]),
        lambda package: made_of(package, (0, 1, 0, -1.0)).decode_to_matched_dets_dict([0, 0]),
    ]:
        assert isinstance(same(call), ValueError)


def test_edges_of_an_answer_lead_from_event_to_event():
    line = [(0, None, 0, 1.0), *[(node, node + 1, 0, 1.0 + node / 64) for node in range(12)]]
    syndrome = [0, 1, 0, 0, 1, 0, 1, 1, 0, 0, 0, 1, 0]

    def build(package):
        edges = made_of(package, *line).decode_to_edges_array(syndrome)
        assert edges.dtype == np.int64
        return sorted(sorted(edge) for edge in edges.tolist())

    assert [4, 5] in same(build)


def test_more_fault_ids_than_a_word_has_bits():
    edges = [(node, node + 1, {2 * node, 150 - node}, 1.0 + node / 256) for node in range(70)]
    syndrome = np.zeros(71, np.uint8)
    syndrome[[2, 33, 34, 66]] = 1

    def build(package):
        matching = made_of(package, *edges)
        packed = matching.decode_batch([syndrome], bit_packed_predictions=True)
        return matching.decode(syndrome, return_weight=True), packed

    prediction, _ = same(build)
    assert prediction[0].shape == (151,)


def test_fault_ids_of_two_edges_cancel():
    edges = [(0, 1, {0, 1}, 1.0), (1, 2, {1, 2}, 1.0)]
    assert same(lambda package: made_of(package, *edges).decode([1, 0, 1])).tolist() == [1, 0, 1]


def random_graph(rng):
    """Edges of all kinds, and boundary nodes, without ties."""
    nodes = rng.randint(2, 9)
    edges = {}
    for _ in range(rng.randint(1, 3 * nodes)):
        node1, node2 = rng.randrange(nodes), rng.choice([None, *range(nodes)])
        key = (node1, -1) if node2 is None else tuple(sorted((node1, node2)))
        weight = rng.uniform(-1, 6) if rng.random() < 0.4 else rng.uniform(0, 4)
        fault_ids = {rng.randrange(12) for _ in range(rng.randint(0, 3))}
        edges.setdefault(key, (node1, node2, fault_ids, weight))
    boundary = rng.sample(range(nodes), rng.choice([0, 0, 1, 2]))
    return list(edges.values()), boundary


@pytest.mark.parametrize("seed", range(40))
def test_random_graphs(seed):
    rng = random.Random(seed)
    for _ in range(10):
        edges, boundary = random_graph(rng)
        graph = made_of(outrider, *edges, boundary=boundary)
        same(
            lambda package, edges=edges, boundary=boundary: state(made_of(package, *edges, boundary=boundary))
        )
        for _ in range(8):
            syndrome = [rng.randint(0, 1) for _ in range(graph.num_nodes)]

            def build(package, edges=edges, boundary=boundary, syndrome=syndrome):
                matching = made_of(package, *edges, boundary=boundary)
                prediction, weight = matching.decode(syndrome, return_weight=True)
                batch = matching.decode_batch([syndrome], return_weights=True)
                assert (batch[0][0] == prediction).all() and abs(batch[1][0] - weight) < 1e-6
                answer = matching.decode_to_edges_array(syndrome).tolist()
                return prediction, weight, sorted(sorted(edge) for edge in answer)

            same(build)


def test_weights_of_single_shots():
    """PyMatching has them in its development version only."""
    matching = made_of(
        outrider, (0, 1, 0, 2.0), (1, 2, 1, 3.0), (0, None, 2, 4.0), (2, 5, 3, 6.0), boundary=[5]
    )
    syndrome = [1, 0, 1, 0, 0]

    def decoded(reweights):
        prediction, weight = matching.decode(syndrome, return_weight=True, edge_reweights=reweights)
        return prediction.tolist(), weight

    plain = ([1, 1, 0, 0], 5.0)
    assert decoded(None) == decoded(np.zeros((0, 3))) == plain
    assert decoded(np.array([[1, 0, 4.0]])) == ([1, 1, 0, 0], 7.0)
    assert decoded(np.array([[0, 1, 8.0]])) == ([0, 0, 1, 1], 10.0)
    assert decoded([[2, 5, 1], [0, -1, 1], [2, 1, 3]]) == ([0, 0, 1, 1], 2.0)
    assert decoded([[2, 1, 500], [0, -1, 400], [5, 2, 300]]) == ([1, 1, 0, 0], 502.0)
    assert decoded([[2, 1, 9000], [0, -1, float("inf")]]) == ([1, 1, 0, 0], 9002.0)
    batch = matching.decode_batch([syndrome] * 3, return_weights=True, edge_reweights=[None, [[0, 1, 1]], []])
    assert batch[1].tolist() == [5.0, 4.0, 5.0]
    assert decoded(None) == plain


def test_negative_weights_of_single_shots():
    matching = made_of(outrider, (0, 1, 0, 5.0), (1, 2, 1, -3.0))
    weights = [
        matching.decode([1, 0, 1], return_weight=True, edge_reweights=reweights)[1]
        for reweights in [None, [[1, 2, -10.0]], None]
    ]
    assert weights == [2.0, -5.0, 2.0]


def test_weights_of_single_shots_of_a_model():
    model = outrider.Model("error(0.1) D0 D1 L0\nerror(0.2) D0\nerror(0.3) D1 L1")
    matching = outrider.Matching(model, enable_correlations=True)
    matching.ensure_num_fault_ids(3)
    for correlated in [False, True]:
        for weight in [0.25, 900.0]:
            prediction, found = matching.decode(
                [1, 1], return_weight=True, edge_reweights=[[0, 1, weight]], enable_correlations=correlated
            )
            expected = min(weight, np.log(4) + np.log(7 / 3))
            assert found == pytest.approx(expected, abs=1e-4)
            assert prediction.tolist() == ([1, 0, 0] if weight < 1 else [0, 1, 0])


@pytest.mark.parametrize("seed", range(20))
def test_weights_of_single_shots_are_those_of_another_graph(seed):
    rng = random.Random(seed)
    for _ in range(10):
        edges, boundary = random_graph(rng)
        matching = made_of(outrider, *edges, boundary=boundary)
        graph_edges = inner_edges(edges, boundary)
        chosen = rng.sample(graph_edges, rng.randint(0, len(graph_edges)))
        factors = {edge[:2]: rng.choice([0.25, 0.75, 3.0, 40.0]) for edge in chosen}
        others = [(*edge[:3], edge[3] * factors.get(edge[:2], 1.0)) for edge in edges]
        reweights = [(u, -1 if v is None else v, weight) for u, v, _, weight in others if (u, v) in factors]
        reweighted = made_of(outrider, *others, boundary=boundary)
        for _ in range(5):
            syndrome = [rng.randint(0, 1) for _ in range(matching.num_nodes)]
            try:
                expected, weight = reweighted.decode(syndrome, return_weight=True)
            except ValueError:
                with pytest.raises(ValueError):
                    matching.decode(syndrome, edge_reweights=reweights)
                continue
            found, found_weight = matching.decode(syndrome, return_weight=True, edge_reweights=reweights)
            assert found_weight == pytest.approx(weight, abs=1e-4) and (found == expected).all()


def inner_edges(edges, boundary):
    """Those that are edges of their own in the graph that is decoded: no loops, one at most to the boundary."""
    ends = [{node for node in edge[:2] if node is not None and node not in boundary} for edge in edges]
    return [edge for edge, own in zip(edges, ends) if edge[0] != edge[1] and own and ends.count(own) == 1]


@pytest.mark.parametrize(
    "reweights, words",
    [
        ([[0, 1, -5.0]], "sign flip not allowed"),
        ([[1, 2, 3.0]], "sign flip not allowed"),
        ([[0, 2, 3.0]], "there is no edge"),
        ([[-1, -1, 3.0]], "there is no edge"),
        ([[0, 99, 3.0]], "there is no edge"),
        ([[0, 1]], "expected rows of two nodes and a weight"),
        ([[0, 1, float("nan")]], "expected rows of two nodes and a weight"),
        ([[0.5, 1, 2.0]], "expected rows of two nodes and a weight"),
    ],
)
def test_other_weights_of_single_shots_are_a_value_error(reweights, words):
    matching = made_of(outrider, (0, 1, 0, 2.0), (1, 2, 1, -3.0))
    with pytest.raises(ValueError, match=words):
        matching.decode([1, 0, 1], edge_reweights=np.array(reweights))
    with pytest.raises(ValueError, match="one for each shot"):
        matching.decode_batch([[1, 0, 1]], edge_reweights=[None, None])


def test_a_matching_can_be_copied_and_pickled():
    for matching in [
        made_of(outrider, (0, 1, {0, 4}, 1.5), (1, 2, 1, -1.0), (1, 1, 3, -2.0), boundary=[2]),
        outrider.Matching(
            outrider.Model("error(0.1) D0 D1 L0 ^ D2\nerror(0.2) D1"), enable_correlations=True
        ),
    ]:
        expected = matching.decode_batch([[1, 1, 0], [0, 1, 0]], return_weights=True)
        for again in [pickle.loads(pickle.dumps(matching)), copy.deepcopy(matching), copy.copy(matching)]:
            assert state(again) == state(matching)
            found = again.decode_batch([[1, 1, 0], [0, 1, 0]], return_weights=True)
            assert all((a == b).all() for a, b in zip(found, expected))
        for copied in [copy.copy, copy.deepcopy]:
            changed = copied(matching)
            changed.add_edge(0, 7)
            assert changed.num_nodes == 8 and matching.num_nodes == 3


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", ["num_neighbours", "_legacy_num_neighbours"])
def test_older_keywords_are_taken(name):
    same(lambda package: chain(package).decode([1, 0, 0], **{name: 3}))


def test_older_positions_are_deprecated():
    """PyMatching took them until version 2.3."""
    with pytest.deprecated_call():
        assert chain(outrider).decode([1, 0, 1], 30).tolist() == chain(outrider).decode([1, 0, 1]).tolist()
    with pytest.deprecated_call():
        _, weight = chain(outrider).decode([1, 0, 0], 30, True)
    assert weight == pytest.approx(1.25)
    with pytest.raises(TypeError, match="unexpected keyword argument 'return_weights'"):
        chain(outrider).decode([1, 0, 0], return_weights=True)
