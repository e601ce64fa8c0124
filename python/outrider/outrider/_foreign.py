"""Objects of packages that may be missing: Stim, NetworkX, rustworkx, Matplotlib.

Only what draws or returns their objects imports them; who passes an object of theirs has done that already.
"""

import importlib
import os
import sys
from types import ModuleType
from typing import Any

from outrider._edges import (
    BOUNDARY,
    EdgeTable,
    edge_weight,
    fault_id_set,
    known_probability,
    node_index,
)
from outrider._outrider import Model


class UnreadableFile(OSError, ValueError):
    """A file that cannot be read; PyMatching raises ValueError."""


class NoModel(IndexError, ValueError):
    """A file that is no detector error model; PyMatching raises IndexError."""


def is_instance(value: Any, package: str, *names: str) -> bool:
    """Whether a value is of one of these classes of a package, which need not be there."""
    module = sys.modules.get(package)
    return module is not None and isinstance(value, tuple(getattr(module, name) for name in names))


def needed(package: str, what: str) -> ModuleType:
    """A package, or an error that names it."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ImportError(f"{what} needs the package {package.split('.')[0]}: {error}") from error


def model_of(model: Any) -> Model:
    """A detector error model that a caller passed."""
    if isinstance(model, Model):
        return model
    if is_instance(model, "stim", "DetectorErrorModel"):
        return Model(model)
    raise TypeError(f"model: expected a stim.DetectorErrorModel, found {type(model).__name__}")


def model_of_circuit(circuit: Any) -> Model:
    """The model of a circuit that a caller passed."""
    if is_instance(circuit, "stim", "Circuit"):
        return Model(circuit)
    raise TypeError(f"circuit: expected a stim.Circuit, found {type(circuit).__name__}")


def model_of_file(path: Any) -> Model:
    """The model of a .dem file."""
    name = os.fspath(path)
    try:
        return Model.from_file(name)
    except OSError as error:
        raise UnreadableFile(str(error)) from None
    except ValueError as error:
        raise NoModel(str(error)) from None


def model_of_circuit_file(path: Any) -> Model:
    """The model of a file with a Stim circuit."""
    name = os.fspath(path)
    stim = needed("stim", "reading circuits")
    try:
        with open(name, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        raise UnreadableFile(f"{name}: cannot read: {error.strerror}") from None
    try:
        return Model(stim.Circuit(text))
    except (ValueError, IndexError) as error:
        raise NoModel(f"{name}: {str(error).splitlines()[0]}") from None


def table_of_networkx(graph: Any, min_num_fault_ids: int) -> EdgeTable:
    """Of a networkx.Graph, or of the undirected edges of another class."""
    if not is_instance(graph, "networkx", "Graph"):
        raise TypeError(f"graph: expected a networkx.Graph, found {type(graph).__name__}")
    nodes = [(node, data) for node, data in graph.nodes(data=True)]
    return _table(nodes, graph.edges(data=True), min_num_fault_ids)


def table_of_rustworkx(graph: Any, min_num_fault_ids: int) -> EdgeTable:
    """Of a rustworkx.PyGraph whose nodes and edges carry dicts, or None."""
    if not is_instance(graph, "rustworkx", "PyGraph"):
        raise TypeError(f"graph: expected a rustworkx.PyGraph, found {type(graph).__name__}")
    nodes = list(zip(graph.node_indices(), graph.nodes()))
    return _table(nodes, graph.weighted_edge_list(), min_num_fault_ids)


def networkx_of(table: EdgeTable) -> Any:
    """Nodes are the ends of edges; the virtual boundary is a node of its own, if an edge ends there."""
    graph = needed("networkx", "to_networkx").Graph()
    boundary = table.get_num_nodes()
    for place, (node1, node2) in enumerate(table.ends):
        graph.add_edge(node1, boundary if node2 == BOUNDARY else node2, **table.data(place))
    for node in graph:
        graph.nodes[node]["is_boundary"] = node == boundary or node in table.boundary
    return graph


def rustworkx_of(table: EdgeTable) -> Any:
    """All nodes; the virtual boundary is one after them, if an edge ends there."""
    graph = needed("rustworkx", "to_rustworkx").PyGraph()
    boundary = table.get_num_nodes()
    graph.add_nodes_from([{"is_boundary": node in table.boundary} for node in range(boundary)])
    if any(node2 == BOUNDARY for _, node2 in table.ends):
        graph.add_node({"is_boundary": True})
    edges = [
        (node1, boundary if node2 == BOUNDARY else node2, table.data(place))
        for place, (node1, node2) in enumerate(table.ends)
    ]
    graph.add_edges_from(edges)
    return graph


def draw(table: EdgeTable) -> None:
    """Draws detectors, boundary, fault ids and weights into the current axes."""
    networkx = needed("networkx", "draw")
    axes = needed("matplotlib.pyplot", "draw").gca()
    graph = networkx_of(table)
    positions = networkx.spring_layout(graph, weight=None, seed=0)
    colours = ["tab:red" if graph.nodes[node]["is_boundary"] else "tab:blue" for node in graph]
    networkx.draw_networkx_nodes(graph, positions, ax=axes, node_color=colours, node_size=250)
    networkx.draw_networkx_edges(graph, positions, ax=axes)
    networkx.draw_networkx_labels(graph, positions, ax=axes, font_color="white", font_size=8)
    for node1, node2, data in graph.edges(data=True):
        x, y = (positions[node1] + positions[node2]) / 2
        label = f"{sorted(data['fault_ids'])} {data['weight']:.3g}"
        vertical = "bottom" if node1 == node2 else "center"
        axes.text(x, y, label, fontsize=7, horizontalalignment="center", verticalalignment=vertical)
    axes.set_axis_off()


def _table(nodes: list[tuple[Any, Any]], edges: Any, min_num_fault_ids: int) -> EdgeTable:
    table = EdgeTable(len(nodes), min_num_fault_ids)
    table.set_boundary(int(node) for node, data in nodes if (data or {}).get("is_boundary", False))
    for node1, node2, data in edges:
        attributes = data or {}
        if "fault_ids" in attributes and "qubit_id" in attributes:
            raise ValueError(f"edge ({node1}, {node2}) has both fault_ids and qubit_id")
        fault_ids = fault_id_set(attributes.get("fault_ids", attributes.get("qubit_id")))
        ends = node_index(int(node1)), node_index(int(node2))
        weight = edge_weight(*ends, attributes.get("weight", 1.0))
        if weight is not None:
            probability = known_probability(attributes.get("error_probability"))
            table.add(*ends, fault_ids, weight, probability, "smallest-weight")
    return table
