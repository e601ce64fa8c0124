"""Matching: adding, merging and asking for edges, side by side with PyMatching."""

import numpy as np
import pytest
from side_by_side import made_of, same, state

import outrider

STRATEGIES = ["disallow", "independent", "smallest-weight", "keep-original", "replace"]


def added(*args, **kwargs):
    """A call that adds one edge to an empty graph."""

    def build(package):
        matching = package.Matching()
        matching.add_edge(*args, **kwargs)
        return state(matching)

    return build


def test_a_new_graph_is_empty():
    assert same(lambda package: state(package.Matching())) == ([], set(), (0, 0, 0, 0))


def test_edges_keep_the_order_ends_and_numbers_they_were_added_with():
    def build(package):
        matching = package.Matching()
        matching.add_edge(3, 1, weight=0.25, error_probability=0.45)
        matching.add_edge(1, 0, fault_ids=2, weight=-0.75)
        matching.add_boundary_edge(0, {4, 1}, 8.5, 0.02)
        matching.add_edge(7, 7)
        return state(matching)

    edges, _, counts = same(build)
    assert [edge[:2] for edge in edges] == [(3, 1), (1, 0), (0, None), (7, 7)]
    assert counts == (8, 8, 4, 5)


@pytest.mark.parametrize(
    "fault_ids",
    [None, 0, 6, -1, True, np.int64(3), np.uint8(3), set(), {2}, {0, 9}, frozenset({5})],
    ids=repr,
)
def test_fault_ids_are_an_integer_or_several(fault_ids):
    same(added(0, 1, fault_ids=fault_ids))
    same(added(0, 1, fault_ids))


@pytest.mark.parametrize("fault_ids", ["b", 1.0, {1.0}, {"b"}, [[1]], [[1], [2]], {None}], ids=repr)
def test_other_fault_ids_are_a_type_error(fault_ids):
    assert isinstance(same(added(0, 1, fault_ids=fault_ids)), TypeError)


def test_fault_ids_go_by_their_older_name_too():
    edges, _, _ = same(added(0, 1, qubit_id={3, 4}))
    assert edges[0][2]["fault_ids"] == {3, 4}
    assert isinstance(same(added(0, 1, qubit_id=3, fault_ids=3)), ValueError)


@pytest.mark.parametrize("nodes", [(0, 1), (5, 2), (np.int64(4), np.uint8(3)), (True, 0)], ids=repr)
def test_nodes_are_integers(nodes):
    same(added(*nodes))


@pytest.mark.parametrize("nodes", [(-1, 0), (0, -1), (0.0, 1), ("b", 0), (None, 0), (1, None)], ids=repr)
def test_other_nodes_are_refused(nodes):
    assert isinstance(same(added(*nodes)), (TypeError, ValueError))
    assert isinstance(same(lambda package: package.Matching().add_boundary_edge(-1)), ValueError)


@pytest.mark.parametrize(
    "weight", [0, 0.0, -3, 1e-30, 2**24 - 1, 1 - 2**24, True, np.float32(1.5), np.array(2.0)], ids=repr
)
def test_weights_are_numbers(weight):
    same(added(0, 1, weight=weight))


@pytest.mark.parametrize("weight", [None, "b", [1.0, 2.0], {}], ids=repr)
def test_other_weights_are_a_type_error(weight):
    assert isinstance(same(added(0, 1, weight=weight)), TypeError)


@pytest.mark.parametrize("weight", [2**24, -(2**24), 3e11, float("inf"), -float("inf")])
@pytest.mark.parametrize("node2", [9, None])
def test_an_edge_of_huge_weight_is_left_out_with_a_warning(weight, node2):
    edges, _, counts = same(lambda package: state(made_of(package, (0, 1, 0, 2), (8, node2, 7, weight))))
    assert len(edges) == 1 and counts == (2, 2, 1, 1)
    with pytest.warns(UserWarning, match=rf"edge \(8, {node2}\) was not added") as warned:
        made_of(outrider, (8, node2, 7, weight))
    assert warned[0].filename.endswith("side_by_side.py")


@pytest.mark.parametrize("probability", [None, 0, 0.0, 0.3, 1, -0.2, -1, 1.5, 7], ids=repr)
def test_what_is_no_probability_is_unknown(probability):
    same(added(0, 1, error_probability=probability))


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    "first, second",
    [
        ((3.0, 0.05), (1.25, 0.22)),
        ((1.25, 0.22), (3.0, 0.05)),
        ((2.0, None), (1.5, 0.1)),
        ((2.0, 0.1), (1.5, None)),
        ((-2.0, 0.9), (1.5, 0.2)),
        ((-2.0, 0.9), (-0.5, 0.6)),
        ((1.5, 0.2), (1.5, 0.3)),
        ((0.0, 0.5), (1.5, 0.2)),
        ((40.0, 0.0), (60.0, 1.0)),
    ],
)
@pytest.mark.parametrize("ends", [(2, 5), (2, 2), (2, None)])
def test_parallel_edges_merge_as_asked(strategy, first, second, ends):
    def build(package):
        matching = package.Matching()
        for fault_id, (weight, probability) in [(3, first), (1, second)]:
            if ends[1] is None:
                matching.add_boundary_edge(ends[0], fault_id, weight, probability, merge_strategy=strategy)
            else:
                nodes = ends if fault_id == 3 else ends[::-1]
                matching.add_edge(*nodes, fault_id, weight, probability, merge_strategy=strategy)
        return state(matching)

    same(build)


def test_edges_that_lose_leave_no_trace():
    def build(package):
        matching = made_of(package, (0, 1, 0, 1.0))
        matching.add_edge(1, 0, 8, 3.0, merge_strategy="smallest-weight")
        matching.add_edge(1, 0, 9, 0.5, merge_strategy="keep-original")
        matching.add_edge(1, 0, 7, 0.5, merge_strategy="independent")
        return state(matching)

    assert same(build)[2] == (2, 2, 1, 1)


@pytest.mark.parametrize("ends", [(0, 1), (4, 5)])
def test_another_strategy_is_a_value_error(ends):
    def build(package):
        made_of(package, (0, 1, 0, 1.0)).add_edge(*ends, merge_strategy="largest")

    assert isinstance(same(build), ValueError)


def test_edges_are_found_by_their_ends():
    def build(package):
        matching = made_of(package, (3, 1, {2, 6}, 2.5), (4, None, 5, 0.5), (2, 2, 0, 1.0))
        pairs = [(1, 3), (3, 1), (2, 2), (4, 4), (0, 1), (90, 91)]
        return (
            [matching.has_edge(*pair) for pair in pairs],
            [matching.has_boundary_edge(node) for node in [4, 3, 0, 90]],
            matching.get_edge_data(1, 3),
            matching.get_edge_data(3, 1),
            matching.get_boundary_edge_data(4),
        )

    same(build)


@pytest.mark.parametrize("nodes", [(0, 2), (0, 70), (3, 3)])
def test_data_of_no_edge_is_a_value_error(nodes):
    def ask(package):
        return made_of(package, (0, 1, 0, 1.0)).get_edge_data(*nodes)

    assert isinstance(same(ask), ValueError)


@pytest.mark.parametrize("node", [1, 70])
def test_data_of_no_boundary_edge_is_a_value_error(node):
    def ask(package):
        return made_of(package, (0, 1, 0, 1.0)).get_boundary_edge_data(node)

    assert isinstance(same(ask), ValueError)


def test_what_is_handed_out_is_a_copy():
    matching = made_of(outrider, (0, 1, {0}, 1.0), boundary=[1])
    matching.edges()[0][2]["fault_ids"].add(5)
    matching.get_edge_data(0, 1)["weight"] = 7.0
    matching.boundary.add(0)
    assert state(matching) == state(made_of(outrider, (0, 1, {0}, 1.0), boundary=[1]))


@pytest.mark.parametrize("boundary", [{1}, {0, 2}, {2}, {9}, {np.int64(2)}, set()], ids=repr)
def test_boundary_nodes_are_set_anew_and_count_as_nodes(boundary):
    def build(package):
        matching = made_of(package, (0, 1, 0, 1.0), (1, 2, 1, 1.0), boundary=[0])
        matching.set_boundary_nodes(boundary)
        return state(matching)

    same(build)


@pytest.mark.parametrize("boundary", [{-1}, {"b"}, 5], ids=repr)
def test_other_boundary_nodes_are_refused(boundary):
    def build(package):
        package.Matching().set_boundary_nodes(boundary)

    with pytest.raises((TypeError, ValueError)):
        build(outrider)


def test_predictions_can_be_made_longer():
    def build(package):
        matching = made_of(package, (0, 1, 3, 1.0))
        lengths = []
        for count in [2, 9, 5]:
            matching.ensure_num_fault_ids(count)
            lengths.append((matching.num_fault_ids, matching.decode([1, 1]), matching.decode_batch([[1, 1]])))
        return lengths

    same(build)
    with pytest.raises((TypeError, ValueError)):
        outrider.Matching().ensure_num_fault_ids(-1)


@pytest.mark.parametrize(
    "edges, boundary, words",
    [
        ([], [], "0 detectors, 0 boundary nodes, and 0 edges"),
        ([(0, 1, 0, 1.0)], [1], "1 detector, 1 boundary node, and 1 edge"),
        ([(0, 1, 0, 1.0), (1, 2, 0, 1.0)], [0, 2], "1 detector, 2 boundary nodes, and 2 edges"),
        ([(0, None, 0, 1.0), (1, 2, 0, 1.0)], [], "3 detectors, 0 boundary nodes, and 2 edges"),
    ],
)
def test_repr_counts(edges, boundary, words):
    text = repr(made_of(outrider, *edges, boundary=boundary))
    assert text == f"<outrider.Matching object with {words}>"
    same(lambda package: repr(made_of(package, *edges, boundary=boundary)).split(".", 1)[1])
