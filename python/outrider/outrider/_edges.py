"""The edges of a Matching as they were given, and the graph that is decoded instead of them."""

import dataclasses
import math
import operator
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outrider._outrider import MatchingGraph

# What stands for the virtual boundary where a node is expected.
BOUNDARY = -1
# Larger weights are not added, as in PyMatching.
WEIGHT_MAX = 2**24 - 1
# Nodes of a graph (OTR_GRAPH_NODES_MAX) and fault ids of one (OTR_GRAPH_OBSERVABLES_MAX).
_NODES_MAX = 1 << 26
_FAULT_IDS_MAX = 1 << 20
# What error_probability is where none was given.
UNKNOWN = -1.0
MERGE_STRATEGIES = ("disallow", "independent", "smallest-weight", "keep-original", "replace")


class EdgeTable:
    """Edges with fault ids, weights and probabilities, one between two nodes, and the boundary nodes."""

    def __init__(self, num_nodes: int = 0, num_fault_ids: int = 0) -> None:
        self.ends: list[tuple[int, int]] = []
        self.fault_ids: list[frozenset[int]] = []
        self.weights: list[float] = []
        self.probabilities: list[float] = []
        self.boundary: frozenset[int] = frozenset()
        self.num_fault_ids = fault_id_count(num_fault_ids)
        self._num_nodes = num_nodes
        self._places: dict[tuple[int, int], int] = {}

    def __len__(self) -> int:
        return len(self.ends)

    def get_num_nodes(self) -> int:
        """One more than the largest node of an edge or of the boundary."""
        return max(self._num_nodes, max(self.boundary, default=-1) + 1)

    def get_boundary(self) -> set[int]:
        """The nodes that are boundary."""
        return set(self.boundary)

    def get_edges(self) -> list[tuple[int, int | None, dict[str, Any]]]:
        """All edges in the order in which they were added."""
        return [
            (node1, None if node2 == BOUNDARY else node2, self.data(place))
            for place, (node1, node2) in enumerate(self.ends)
        ]

    def data(self, place: int) -> dict[str, Any]:
        """The attributes of one edge."""
        return {
            "fault_ids": set(self.fault_ids[place]),
            "weight": self.weights[place],
            "error_probability": self.probabilities[place],
        }

    def find(self, node1: int, node2: int) -> int | None:
        """The place of an edge in the order of adding."""
        return self._places.get(_key(operator.index(node1), operator.index(node2)))

    def set_boundary(self, nodes: Iterable[int]) -> None:
        self.boundary = frozenset(node_index(node) for node in nodes)

    def ensure_num_fault_ids(self, count: int) -> None:
        self.num_fault_ids = max(self.num_fault_ids, fault_id_count(count))

    def add(
        self,
        node1: int,
        node2: int,
        fault_ids: frozenset[int],
        weight: float,
        probability: float,
        merge_strategy: str,
    ) -> None:
        """Adds an edge or merges it with the one that is there; of the arguments only the last is checked."""
        if merge_strategy not in MERGE_STRATEGIES:
            raise ValueError(
                f"merge_strategy: expected one of {', '.join(MERGE_STRATEGIES)}, found {merge_strategy!r}"
            )
        place = self._places.get(_key(node1, node2))
        if place is None:
            self._places[_key(node1, node2)] = len(self.ends)
            self.ends.append((node1, node2))
            self.fault_ids.append(fault_ids)
            self.weights.append(weight)
            self.probabilities.append(probability)
            self._num_nodes = max(self._num_nodes, node1 + 1, node2 + 1)
        elif merge_strategy == "disallow":
            other = "the boundary" if node2 == BOUNDARY else f"node {node2}"
            raise ValueError(f"there is an edge between node {node1} and {other} already, see merge_strategy")
        elif merge_strategy == "independent":
            self.weights[place] = _merged_weight(self.weights[place], weight)
            self.probabilities[place] = _merged_probability(self.probabilities[place], probability)
            return
        elif merge_strategy == "keep-original":
            return
        elif merge_strategy == "replace" or weight < self.weights[place]:
            self.fault_ids[place] = fault_ids
            self.weights[place] = weight
            self.probabilities[place] = probability
        else:
            return
        if fault_ids:
            self.num_fault_ids = max(self.num_fault_ids, max(fault_ids) + 1)

    def reduced(self, weight_range: float = 0.0) -> "Reduced":
        """The graph without boundary nodes and self loops; weight_range as for MatchingGraph."""
        return _Reduction(self).finish(weight_range)


@dataclasses.dataclass
class Reduced:
    """A graph whose answers are those of a table once `flips` and `offset` are added."""

    graph: MatchingGraph
    # One entry for each fault id.
    flips: NDArray[np.uint8]
    offset: float
    has_negative_weights: bool


class _Reduction:
    """Boundary nodes become the boundary; of parallel edges to it the lightest counts, the first of equals.

    A self loop of negative weight is in every answer; other edges that no event can need are left out.
    """

    def __init__(self, table: EdgeTable) -> None:
        self.table = table
        self.flips = np.zeros(table.num_fault_ids, np.uint8)
        self.offset = 0.0
        self.to_boundary: dict[int, int] = {}
        self.between: list[int] = []
        for place, ends in enumerate(table.ends):
            inner = [node for node in ends if node != BOUNDARY and node not in table.boundary]
            if len(inner) == 1:
                self._add_to_boundary(inner[0], place)
            elif len(inner) == 2 and inner[0] == inner[1]:
                self._add_loop(place)
            elif len(inner) == 2:
                self.between.append(place)

    def _add_to_boundary(self, node: int, place: int) -> None:
        other = self.to_boundary.setdefault(node, place)
        if self.table.weights[place] < self.table.weights[other]:
            self.to_boundary[node] = place

    def _add_loop(self, place: int) -> None:
        if self.table.weights[place] < 0:
            self.offset += self.table.weights[place]
            self.flips[list(self.table.fault_ids[place])] ^= 1

    def finish(self, weight_range: float) -> Reduced:
        table = self.table
        places = [*self.between, *self.to_boundary.values()]
        ends = [table.ends[place] for place in self.between]
        ends += [(node, BOUNDARY) for node in self.to_boundary]
        fault_ids = [sorted(table.fault_ids[place]) for place in places]
        weights = [table.weights[place] for place in places]
        offsets = np.zeros(len(places) + 1, np.int64)
        np.cumsum([len(ids) for ids in fault_ids], out=offsets[1:])
        inner = (node for node in range(table.get_num_nodes(), 0, -1) if node - 1 not in table.boundary)
        graph = MatchingGraph.from_edges(
            np.array(ends, np.int64).reshape(-1, 2),
            np.array(weights, np.float64),
            (offsets, np.array([fault_id for ids in fault_ids for fault_id in ids], np.int64)),
            num_detectors=next(inner, 0),
            num_observables=table.num_fault_ids,
            weight_range=weight_range,
        )
        has_negative_weights = self.offset < 0 or any(weight < 0 for weight in weights)
        return Reduced(graph, self.flips, self.offset, has_negative_weights)


def table_of_graph(graph: MatchingGraph) -> EdgeTable:
    """The edges of a model's graph in the order of the model, with weights that are not rounded."""
    table = EdgeTable(graph.num_detectors, graph.num_observables)
    offsets, observables = (array.tolist() for array in graph.edge_observables())
    nodes = graph.edge_nodes().tolist()
    probabilities = graph.edge_probabilities().tolist()
    for edge in graph.edge_order().tolist():
        fault_ids = frozenset(observables[offsets[edge] : offsets[edge + 1]])
        probability = probabilities[edge]
        node1, node2 = nodes[edge]
        table.add(node1, node2, fault_ids, log_odds(probability), probability, "disallow")
    return table


def log_odds(probability: float) -> float:
    """ln((1-p)/p) for p above 0."""
    return math.log((1 - probability) / probability) if probability < 1 else -math.inf


def node_index(node: Any) -> int:
    """A node that a caller gave."""
    try:
        index = operator.index(node)
    except TypeError:
        raise TypeError(f"node: expected an integer, found {node!r}") from None
    if not 0 <= index < _NODES_MAX:
        raise ValueError(f"node: expected an integer from 0 to {_NODES_MAX - 1}, found {index}")
    return index


def fault_id_count(count: Any) -> int:
    """A number of fault ids that a caller gave."""
    try:
        number = operator.index(count)
    except TypeError:
        raise TypeError(f"number of fault ids: expected an integer, found {count!r}") from None
    if not 0 <= number <= _FAULT_IDS_MAX:
        raise ValueError(
            f"number of fault ids: expected an integer from 0 to {_FAULT_IDS_MAX}, found {number}"
        )
    return number


def fault_id_set(fault_ids: Any) -> frozenset[int]:
    """Fault ids that a caller gave: None or -1 for none, an integer or several of them."""
    try:
        if fault_ids is None:
            return frozenset()
        if hasattr(fault_ids, "__index__") and np.ndim(fault_ids) == 0:
            number = operator.index(fault_ids)
            ids = frozenset() if number == -1 else frozenset([number])
        else:
            ids = frozenset(operator.index(fault_id) for fault_id in fault_ids)
    except TypeError:
        raise TypeError(f"fault_ids: expected an integer or a set of integers, found {fault_ids!r}") from None
    if ids and not 0 <= min(ids) <= max(ids) < _FAULT_IDS_MAX:
        raise ValueError(f"fault_ids: expected integers from 0 to {_FAULT_IDS_MAX - 1}, found {fault_ids!r}")
    return ids


def number(name: str, value: Any) -> float:
    """A real number that a caller gave."""
    try:
        if isinstance(value, str):
            raise TypeError
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name}: expected a number, found {value!r}") from None


def known_probability(value: Any) -> float:
    """A probability that a caller gave: None, or a number that is none, is unknown."""
    if value is None:
        return UNKNOWN
    probability = number("error_probability", value)
    return probability if 0 <= probability <= 1 else UNKNOWN


def edge_weight(node1: int, node2: int, value: Any) -> float | None:
    """A weight that a caller gave for an edge; None, after a warning, for one that is not added."""
    weight = number("weight", value)
    if math.isnan(weight):
        raise ValueError("weight: expected a number, found nan")
    if abs(weight) <= WEIGHT_MAX:
        return weight
    edge = f"({node1}, {None if node2 == BOUNDARY else node2})"
    warnings.warn(f"edge {edge} was not added: its weight {weight:g} is beyond {WEIGHT_MAX}", stacklevel=4)
    return None


def _key(node1: int, node2: int) -> tuple[int, int]:
    return (node1, node2) if node1 <= node2 else (node2, node1)


def _merged_probability(p: float, q: float) -> float:
    return p * (1 - q) + q * (1 - p) if p != UNKNOWN and q != UNKNOWN else UNKNOWN


def _merged_weight(v: float, w: float) -> float:
    """The log-odds of an odd number of two independent errors, from theirs."""
    least = math.copysign(min(abs(v), abs(w)), v * w)
    if math.isinf(v) or math.isinf(w):
        return least
    return least + math.log1p(math.exp(-abs(v + w))) - math.log1p(math.exp(-abs(v - w)))
