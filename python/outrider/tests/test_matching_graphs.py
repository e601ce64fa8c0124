"""Matching: graphs of NetworkX and rustworkx in and out, side by side with PyMatching."""

import sys

import matplotlib
import networkx as nx
import numpy as np
import pytest
from side_by_side import made_of, same, state

import outrider

rx = pytest.importorskip("rustworkx")

SQUARE = [
    (0, 1, {"fault_ids": 4, "weight": 1.5, "error_probability": 0.1}),
    (2, 1, {"fault_ids": {0, 1}, "weight": -0.5}),
    (2, 3, {"error_probability": 0.25}),
    (3, 0, {"weight": 0.0, "fault_ids": -1}),
]


def networkx_graph(edges, boundary=(), nodes=(), kind=nx.Graph):
    graph = kind()
    graph.add_nodes_from(nodes)
    for node1, node2, attributes in edges:
        graph.add_edge(node1, node2, **attributes)
    for node in boundary:
        graph.nodes[node]["is_boundary"] = True
    return graph


def rustworkx_graph(count, edges, boundary=()):
    graph = rx.PyGraph()
    graph.add_nodes_from([{"is_boundary": True} if node in boundary else {} for node in range(count)])
    graph.add_edges_from([(node1, node2, dict(attributes)) for node1, node2, attributes in edges])
    return graph


def from_networkx(graph, **kwargs):
    def build(package):
        matching = package.Matching()
        matching.load_from_networkx(graph, **kwargs)
        assert state(matching) == state(package.Matching.from_networkx(graph, **kwargs))
        return state(matching)

    return build


def from_rustworkx(graph, **kwargs):
    def build(package):
        matching = package.Matching()
        matching.load_from_rustworkx(graph, **kwargs)
        return state(matching)

    return build


@pytest.mark.parametrize("boundary", [[], [3], [0, 2]])
def test_graphs_come_in_with_all_attributes(boundary):
    by_networkx = same(from_networkx(networkx_graph(SQUARE, boundary)))
    by_rustworkx = same(from_rustworkx(rustworkx_graph(4, SQUARE, boundary)))
    assert by_networkx[1:] == by_rustworkx[1:] and by_networkx[1] == set(boundary)
    same(lambda package: state(package.Matching(networkx_graph(SQUARE, boundary))))
    same(lambda package: state(package.Matching(rustworkx_graph(4, SQUARE, boundary))))


@pytest.mark.parametrize(
    "edges, nodes, boundary",
    [
        ([], [], []),
        ([(0, 1, {})], [5], []),
        ([(0, 7, {})], [], []),
        ([(0, 1, {})], [5], [5]),
        ([(1, 1, {"weight": 2}), (0, 1, {})], [], []),
        ([("0", "3", {})], [], []),
    ],
)
def test_nodes_without_edges_count(edges, nodes, boundary):
    same(from_networkx(networkx_graph(edges, boundary, nodes)))


def test_rustworkx_nodes_without_edges_count():
    same(from_rustworkx(rustworkx_graph(6, [(0, 2, {})], [5])))
    graph = rustworkx_graph(4, [(0, 1, {}), (2, 3, {})])
    graph.remove_node(1)
    same(from_rustworkx(graph))


@pytest.mark.parametrize("kind", [nx.MultiGraph, nx.DiGraph])
def test_parallel_edges_keep_the_lightest(kind):
    edges = [(0, 1, {"weight": 2, "fault_ids": 1}), (1, 0, {"weight": 0.5, "fault_ids": 0})]
    same(from_networkx(networkx_graph(edges, kind=kind)))
    same(from_rustworkx(rustworkx_graph(2, edges)))


@pytest.mark.parametrize(
    "fault_ids",
    [0, -1, np.int64(2), {0, 3}, set(), frozenset({1}), [2], (0, 1), np.array([1, 2])],
    ids=repr,
)
def test_fault_ids_of_a_graph_are_an_integer_or_several(fault_ids):
    same(from_networkx(networkx_graph([(0, 1, {"fault_ids": fault_ids})])))
    same(from_rustworkx(rustworkx_graph(2, [(0, 1, {"fault_ids": fault_ids})])))
    same(from_networkx(networkx_graph([(0, 1, {"qubit_id": fault_ids})])))


@pytest.mark.parametrize("fault_ids", ["both", [[1]], [[0], [2]], 1.0, {1.0}, {0, "b"}], ids=repr)
def test_other_fault_ids_of_a_graph_are_a_type_error(fault_ids):
    edges = [(0, 1, {"fault_ids": fault_ids})]
    assert isinstance(same(from_networkx(networkx_graph(edges))), TypeError)
    assert isinstance(same(from_rustworkx(rustworkx_graph(2, edges))), TypeError)


def test_fault_ids_by_both_names_are_a_value_error():
    edges = [(0, 1, {"fault_ids": 0, "qubit_id": 0})]
    assert isinstance(same(from_networkx(networkx_graph(edges))), ValueError)
    assert isinstance(same(from_rustworkx(rustworkx_graph(2, edges))), ValueError)


@pytest.mark.parametrize(
    "attributes", [{"weight": "b"}, {"weight": None}, {"error_probability": "b"}], ids=repr
)
def test_attributes_that_are_no_numbers_are_a_type_error(attributes):
    assert isinstance(same(from_networkx(networkx_graph([(0, 1, attributes)]))), TypeError)


def test_an_edge_of_huge_weight_is_left_out_with_a_warning():
    graph = networkx_graph([(0, 1, {"weight": 1e9}), (1, 2, {})])
    same(from_networkx(graph))
    with pytest.warns(UserWarning, match="was not added"):
        outrider.Matching(graph)


@pytest.mark.parametrize("count", [None, 0, 3, 9])
def test_predictions_can_be_made_longer(count):
    same(from_networkx(networkx_graph(SQUARE), min_num_fault_ids=count))
    same(from_rustworkx(rustworkx_graph(4, SQUARE), min_num_fault_ids=count))


def test_loading_replaces_all_that_was_there():
    def build(package):
        matching = package.Matching(networkx_graph(SQUARE, [3]))
        matching.load_from_networkx(networkx_graph([(0, 1, {"fault_ids": 0})]))
        first = state(matching)
        matching.load_from_rustworkx(rustworkx_graph(3, [(2, 1, {})], [0]))
        return first, state(matching), matching.decode([0, 1, 1], return_weight=True)

    same(build)


@pytest.mark.parametrize("value", ["graph", 3, None, object()], ids=repr)
def test_what_is_no_graph_is_a_type_error(value):
    assert isinstance(same(lambda package: package.Matching().load_from_networkx(value)), TypeError)
    assert isinstance(same(lambda package: package.Matching().load_from_rustworkx(value)), TypeError)
    assert isinstance(same(lambda package: package.Matching.from_networkx(rx.PyGraph())), TypeError)


GRAPHS = [
    [],
    [(0, 1, 0, 1.0)],
    [(1, 3, {0, 2}, 1.5), (3, None, 1, -2.0), (0, None, 4, 0.25)],
    [(2, 2, 0, 1.0), (0, 2, 1, 0.5)],
]


@pytest.mark.parametrize("edges", GRAPHS)
@pytest.mark.parametrize("boundary", [[], [3], [0, 3], [9]])
def test_graphs_go_out_with_all_attributes(edges, boundary):
    def networkx_out(package):
        graph = made_of(package, *edges, boundary=boundary).to_networkx()
        assert type(graph) is nx.Graph
        return list(graph.nodes(data=True)), list(graph.edges(data=True))

    def rustworkx_out(package):
        graph = made_of(package, *edges, boundary=boundary).to_rustworkx()
        assert type(graph) is rx.PyGraph
        return list(graph.nodes()), list(graph.weighted_edge_list())

    same(networkx_out)
    same(rustworkx_out)


def test_a_graph_that_went_out_comes_in_as_the_same():
    matching = made_of(outrider, *GRAPHS[3], (0, 1, 5, 2.0), (1, 3, set(), 0.5), boundary=[3])
    again = outrider.Matching(matching.to_rustworkx())
    assert state(again) == state(matching)
    again.load_from_networkx(matching.to_networkx())
    ends_and_data = [[({*edge[:2]}, edge[2]) for edge in one.edges()] for one in [again, matching]]
    assert all(edge in ends_and_data[1] for edge in ends_and_data[0]) and len(again.edges()) == 4


def test_older_names_of_rustworkx_are_deprecated():
    def build(package):
        matching = package.Matching()
        with pytest.deprecated_call():
            matching.load_from_retworkx(rustworkx_graph(4, SQUARE), min_num_fault_ids=8)
        with pytest.deprecated_call():
            graph = matching.to_retworkx()
        return state(matching), list(graph.weighted_edge_list())

    same(build)


@pytest.mark.parametrize("edges", GRAPHS)
def test_a_graph_can_be_drawn(edges):
    matplotlib.use("agg")
    pyplot = pytest.importorskip("matplotlib.pyplot")
    figure = pyplot.figure()
    assert made_of(outrider, *edges).draw() is None
    texts = {text.get_text() for text in figure.axes[0].texts}
    pyplot.close(figure)
    labels = {f"{sorted({ids} if isinstance(ids, int) else ids)} {weight:.3g}" for _, _, ids, weight in edges}
    assert labels <= texts


@pytest.mark.parametrize(
    "package, call",
    [
        ("networkx", lambda matching: matching.to_networkx()),
        ("rustworkx", lambda matching: matching.to_rustworkx()),
        ("matplotlib", lambda matching: matching.draw()),
    ],
)
def test_a_missing_package_is_named(package, call, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=f"needs the package {package}"):
        call(made_of(outrider, (0, 1, 0, 1.0)))
