"""PyMatching's class Matching on outrider's decoders: `import outrider as pymatching`.

What differs from PyMatching 2.4, and on purpose:

- Ties: of answers that weigh the same, either package may choose another one. The weight is the same, but for
  correlated decoding, where the choice in the first pass changes weights in the second.
- Orders: decode_to_edges_array ascends, the lower end first and the boundary last; edges() of a model has
  the lower end first.
- Random numbers: one seed gives other numbers.
- repr() names outrider.
- Models: a detector twice in one error cancels, as in Stim; errors that cancel to p = 0 are no edge. Certain
  errors are decoded: they are in every answer and weigh 0. Weights of check matrices have no bound.
- What PyMatching takes for something else is refused: events that are fractions, numbers that are NaN,
  unknown keyword arguments, repetitions below 1. An event is any integer but 0, also 256.
- The largest fault id counts for num_fault_ids also where its edge took the place of another.
- After a model was loaded with correlations, changes of its edges or boundary end correlated decoding.
- More is taken: any iterable of fault ids or boundary nodes, matrices as tuples, outrider.Model, and
  edge_reweights as in PyMatching's development version. Objects can be copied and pickled.
- Files: what cannot be read is an OSError and a ValueError, what is no model an IndexError and a ValueError.
"""

import copy
import os
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from outrider import _foreign, _noise
from outrider._check_matrix import table_of_check_matrix
from outrider._decoding import Decoding
from outrider._edges import (
    BOUNDARY,
    UNKNOWN,
    EdgeTable,
    edge_weight,
    fault_id_count,
    fault_id_set,
    known_probability,
    node_index,
    table_of_graph,
)
from outrider._outrider import MatchingGraph, Model

_CHANGED = "edges or boundary nodes were changed after the model was loaded"


class Matching:
    """A graph of edges between detectors, decoded by minimum-weight perfect matching; PyMatching's class.

    graph: a check matrix, dense or sparse; a networkx.Graph; a rustworkx.PyGraph; a stim.DetectorErrorModel,
        a stim.Circuit or an outrider.Model; None for no edges. The other arguments up to enable_correlations,
        and further keywords, are those of load_from_check_matrix.
    enable_correlations: also what correlated decoding of a model or circuit needs.

    help(outrider.matching) lists what differs from PyMatching.

        >>> import outrider
        >>> matching = outrider.Matching()
        >>> matching.add_boundary_edge(0, fault_ids=0, weight=2)
        >>> matching.add_edge(0, 1, fault_ids=1, weight=1)
        >>> matching.add_boundary_edge(1, fault_ids=2, weight=2)
        >>> matching
        <outrider.Matching object with 2 detectors, 0 boundary nodes, and 3 edges>
        >>> matching.decode([0, 1], return_weight=True)
        (array([0, 0, 1], dtype=uint8), 2.0)
        >>> outrider.Matching([[1, 1, 0], [0, 1, 1]]).decode([1, 1])
        array([0, 1, 0], dtype=uint8)
    """

    def __init__(
        self,
        graph: Any = None,
        weights: Any = None,
        error_probabilities: Any = None,
        repetitions: int | None = None,
        timelike_weights: Any = None,
        measurement_error_probabilities: Any = None,
        *,
        enable_correlations: bool = False,
        **kwargs: Any,
    ) -> None:
        self._table: EdgeTable | None = EdgeTable()
        self._model: MatchingGraph | None = None
        self._source: tuple[Model, bool] | None = None
        self._num_fault_ids = 0
        self._why_uncorrelated: str | None = None
        self._decoding: Decoding | None = None
        self._wide: Decoding | None = None
        if graph is None:
            graph = kwargs.pop("H", None)
        if graph is None:
            _refuse(kwargs)
        elif _foreign.is_instance(graph, "networkx", "Graph"):
            self.load_from_networkx(graph)
        elif _foreign.is_instance(graph, "rustworkx", "PyGraph"):
            self.load_from_rustworkx(graph)
        elif isinstance(graph, Model) or _foreign.is_instance(graph, "stim", "DetectorErrorModel"):
            self._load_model(_foreign.model_of(graph), enable_correlations)
        elif _foreign.is_instance(graph, "stim", "Circuit"):
            self._load_model(_foreign.model_of_circuit(graph), enable_correlations)
        else:
            self.load_from_check_matrix(
                graph,
                weights,
                error_probabilities,
                repetitions,
                timelike_weights,
                measurement_error_probabilities,
                **kwargs,
            )

    def add_edge(
        self,
        node1: int,
        node2: int,
        fault_ids: "int | Iterable[int] | None" = None,
        weight: float = 1.0,
        error_probability: float | None = None,
        *,
        merge_strategy: str = "disallow",
        **kwargs: Any,
    ) -> None:
        """Adds an edge between two nodes, which need not be there yet.

        fault_ids: what the edge flips, an index or several; None or -1 for nothing.
        weight: a number up to 2**24 - 1 in magnitude; beyond that the edge is not added, with a warning.
        error_probability: for add_noise only; None, or a number that is no probability, if it is unknown.
        merge_strategy: what becomes of an edge that is there between the same nodes. "disallow": ValueError.
            "independent": one edge with the log-odds of an odd number of errors; the fault ids stay.
            "smallest-weight": the lighter one stays, the first of equal ones. "keep-original", "replace".
        """
        self._add(
            node_index(node1), node_index(node2), fault_ids, weight, error_probability, merge_strategy, kwargs
        )

    def add_boundary_edge(
        self,
        node: int,
        fault_ids: "int | Iterable[int] | None" = None,
        weight: float = 1.0,
        error_probability: float | None = None,
        *,
        merge_strategy: str = "disallow",
        **kwargs: Any,
    ) -> None:
        """Adds an edge from a node to the virtual boundary, which is no node; arguments as for add_edge."""
        self._add(node_index(node), BOUNDARY, fault_ids, weight, error_probability, merge_strategy, kwargs)

    def set_boundary_nodes(self, nodes: Iterable[int]) -> None:
        """Makes these nodes, and no others, boundary: they have no events and all are one."""
        self._changing().set_boundary(nodes)

    @property
    def boundary(self) -> set[int]:
        """The boundary nodes; a copy."""
        return set() if self._table is None else self._table.get_boundary()

    @property
    def num_nodes(self) -> int:
        """Nodes with those of the boundary: the largest index + 1, or as many as the loaded graph has."""
        if self._model is not None:
            return self._model.num_detectors
        return self._edge_table().get_num_nodes()

    @property
    def num_detectors(self) -> int:
        """Nodes that are not boundary."""
        return self.num_nodes - len(self.boundary)

    @property
    def num_edges(self) -> int:
        """Edges, those to the boundary included."""
        return self._model.num_edges if self._model is not None else len(self._edge_table())

    @property
    def num_fault_ids(self) -> int:
        """The length of a prediction: the largest fault id + 1, or what ensure_num_fault_ids asked for."""
        if self._model is not None:
            return max(self._num_fault_ids, self._model.num_observables)
        return self._edge_table().num_fault_ids

    def ensure_num_fault_ids(self, min_num_fault_ids: int) -> None:
        """Makes predictions at least this long."""
        count = fault_id_count(min_num_fault_ids)
        self._decoding = self._wide = None
        self._num_fault_ids = max(self._num_fault_ids, count)
        if self._table is not None:
            self._table.ensure_num_fault_ids(count)

    def has_edge(self, node1: int, node2: int) -> bool:
        """Whether there is an edge between two nodes."""
        return min(node1, node2) >= 0 and self._edge_table().find(node1, node2) is not None

    def has_boundary_edge(self, node: int) -> bool:
        """Whether there is an edge from a node to the virtual boundary."""
        return node >= 0 and self._edge_table().find(node, BOUNDARY) is not None

    def get_edge_data(self, node1: int, node2: int) -> dict[str, Any]:
        """The fault_ids, weight and error_probability of an edge. ValueError if there is none."""
        place = self._edge_table().find(node1, node2) if min(node1, node2) >= 0 else None
        if place is None:
            raise ValueError(f"there is no edge between node {node1} and node {node2}")
        return self._edge_table().data(place)

    def get_boundary_edge_data(self, node: int) -> dict[str, Any]:
        """The same of an edge to the virtual boundary."""
        place = self._edge_table().find(node, BOUNDARY) if node >= 0 else None
        if place is None:
            raise ValueError(f"there is no edge between node {node} and the boundary")
        return self._edge_table().data(place)

    def edges(self) -> list[tuple[int, int | None, dict[str, Any]]]:
        """The edges in the order of adding: node, node or None for the virtual boundary, attributes.

        >>> matching = Matching([[1, 1]])
        >>> matching.edges()
        [(0, 1, {'fault_ids': {0}, 'weight': 1.0, 'error_probability': -1.0})]
        """
        return self._edge_table().get_edges()

    def decode(
        self,
        z: ArrayLike,
        _legacy_num_neighbours: int | None = None,
        _legacy_return_weight: bool | None = None,
        *,
        return_weight: bool = False,
        enable_correlations: bool = False,
        edge_reweights: ArrayLike | None = None,
        **kwargs: Any,
    ) -> Any:
        """The fault ids that the lightest answer to a syndrome flips, uint8 of shape (num_fault_ids,).

        z: integers or booleans with an entry for each detector or node, those of boundary nodes without
            effect; or for num_detectors = checks * rounds of shape (checks, rounds).
        return_weight: also the weight of the answer, as a tuple.
        enable_correlations: in two passes, for models that were loaded with enable_correlations.
        edge_reweights: weights for this shot only, rows (node, node or -1, weight); no edge changes its sign.

        ValueError for other syndromes, and for one that has no answer.
        """
        if kwargs or _legacy_num_neighbours is not None or _legacy_return_weight is not None:
            return_weight = _legacy_arguments(_legacy_return_weight, kwargs) or return_weight
        decoding = self._decoding or self._prepared()
        if edge_reweights is None:
            row = decoding.row(z)
            prediction, weight = decoding.chosen(enable_correlations).decode_shot(row)
            if not decoding.plain:
                prediction, weight = decoding.answer(prediction, weight)
        else:
            rows = self._one_row(decoding, z)
            predictions, weights = self._batch(rows, False, False, enable_correlations, [edge_reweights])
            prediction, weight = predictions[0], float(weights[0])
        return (prediction, weight) if return_weight else prediction

    def decode_batch(
        self,
        shots: ArrayLike,
        *,
        return_weights: bool = False,
        bit_packed_shots: bool = False,
        bit_packed_predictions: bool = False,
        enable_correlations: bool = False,
        edge_reweights: "Sequence[ArrayLike | None] | None" = None,
    ) -> Any:
        """Decodes many syndromes, one a row, into predictions, one a row of uint8.

        bit_packed_shots, bit_packed_predictions: bit k of a row is bit k % 8 of its byte k // 8.
        return_weights: also the weights of the answers, float64, as a tuple.
        edge_reweights: for each shot None, or rows as for decode.
        """
        predictions, weights = self._batch(
            shots, bit_packed_shots, bit_packed_predictions, enable_correlations, edge_reweights
        )
        return (predictions, weights) if return_weights else predictions

    def decode_to_edges_array(
        self, syndrome: ArrayLike, *, enable_correlations: bool = False
    ) -> NDArray[np.int64]:
        """The edges of the lightest answer, shape (n, 2): a detector and one above it, or -1 for the boundary.

        Self loops are left out.
        """
        decoding = self._decoding or self._prepared()
        decoder = decoding.chosen(enable_correlations)
        return decoder.decode_to_edge_nodes(self._one_row(decoding, syndrome))[1]

    def decode_to_matched_dets_array(self, syndrome: ArrayLike) -> NDArray[np.int64]:
        """The events of a syndrome as they are matched, shape (n, 2), ascending, -1 for any boundary.

        ValueError for a graph with negative weights, which has no such pairs.
        """
        decoding = self._decoding or self._prepared()
        if decoding.has_negative_weights:
            raise ValueError("matched detectors: the graph has edges of negative weight")
        return decoding.decoder.decode_to_pairs(self._one_row(decoding, syndrome))[1]

    def decode_to_matched_dets_dict(self, syndrome: ArrayLike) -> dict[int, int | None]:
        """The partner of each event of a syndrome, None for a boundary; errors as for the array."""
        partners: dict[int, int | None] = {}
        for event1, event2 in self.decode_to_matched_dets_array(syndrome).tolist():
            partners[event1] = None if event2 == BOUNDARY else event2
            if event2 != BOUNDARY:
                partners[event2] = event1
        return partners

    def add_noise(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | None:
        """Lets each edge happen with its probability, and returns the fault ids and the nodes that this flips.

        They are uint8 of shapes (num_fault_ids,) and (num_nodes,), with 0 for boundary nodes. None if a
        probability is unknown.
        """
        table = self._edge_table()
        probabilities = np.array(table.probabilities, np.float64)
        if (probabilities == UNKNOWN).any():
            return None
        noise = np.zeros(self.num_fault_ids, np.uint8)
        syndrome = np.zeros(self.num_nodes + 1, np.uint8)
        for place in np.flatnonzero(_noise.happens(probabilities)).tolist():
            for node in table.ends[place]:
                syndrome[node] ^= 1
            for fault_id in table.fault_ids[place]:
                noise[fault_id] ^= 1
        syndrome[list(table.boundary)] = 0
        return noise, syndrome[:-1]

    def load_from_check_matrix(
        self,
        check_matrix: Any = None,
        weights: Any = None,
        error_probabilities: Any = None,
        repetitions: int | None = None,
        timelike_weights: Any = None,
        measurement_error_probabilities: Any = None,
        *,
        faults_matrix: Any = None,
        merge_strategy: str = "smallest-weight",
        use_virtual_boundary_node: bool = False,
        **kwargs: Any,
    ) -> None:
        """Takes the columns of a check matrix as edges, in place of all edges so far.

        check_matrix: zeros and ones with at most two ones a column: scipy.sparse, numpy or lists of rows.
        weights, error_probabilities: one number for all columns or one for each; weights are 1 without.
        repetitions: rounds of measurements; timelike edges join the same check of two of them.
        timelike_weights, measurement_error_probabilities: those of timelike edges, one number or one a row.
        faults_matrix: column k has the fault ids of edge k; without it that is k itself.
        merge_strategy: for columns with the same ones, see add_edge.
        use_virtual_boundary_node: columns with one 1 are boundary edges, and not edges to a boundary node.

        Older names are taken too: H, spacelike_weights, measurement_error_probability.
        """
        if check_matrix is None:
            check_matrix = kwargs.pop("H", None)
        if check_matrix is None:
            raise ValueError("check_matrix: expected a matrix, found None")
        weights = _renamed("weights", weights, "spacelike_weights", kwargs)
        measurement_error_probabilities = _renamed(
            "measurement_error_probabilities",
            measurement_error_probabilities,
            "measurement_error_probability",
            kwargs,
        )
        _refuse(kwargs)
        self._load(
            table_of_check_matrix(
                check_matrix,
                weights=weights,
                error_probabilities=error_probabilities,
                repetitions=repetitions,
                timelike_weights=timelike_weights,
                measurement_error_probabilities=measurement_error_probabilities,
                faults_matrix=faults_matrix,
                merge_strategy=merge_strategy,
                use_virtual_boundary_node=use_virtual_boundary_node,
            )
        )

    @staticmethod
    def from_check_matrix(
        check_matrix: Any,
        weights: Any = None,
        error_probabilities: Any = None,
        repetitions: int | None = None,
        timelike_weights: Any = None,
        measurement_error_probabilities: Any = None,
        *,
        faults_matrix: Any = None,
        merge_strategy: str = "smallest-weight",
        use_virtual_boundary_node: bool = False,
        **kwargs: Any,
    ) -> "Matching":
        """A new one of a check matrix, see load_from_check_matrix."""
        matching = Matching()
        matching.load_from_check_matrix(
            check_matrix,
            weights,
            error_probabilities,
            repetitions,
            timelike_weights,
            measurement_error_probabilities,
            faults_matrix=faults_matrix,
            merge_strategy=merge_strategy,
            use_virtual_boundary_node=use_virtual_boundary_node,
            **kwargs,
        )
        return matching

    def load_from_networkx(self, graph: Any, *, min_num_fault_ids: int | None = None) -> None:
        """Takes the edges of a networkx.Graph, in place of all edges so far; needs no attributes.

        Nodes are integers, with attribute is_boundary. Edges have attributes fault_ids, also called qubit_id,
        weight and error_probability. Parallel edges merge as "smallest-weight".
        """
        self._load(_foreign.table_of_networkx(graph, min_num_fault_ids or 0))

    @staticmethod
    def from_networkx(graph: Any, *, min_num_fault_ids: int | None = None) -> "Matching":
        """A new one of a networkx.Graph, see load_from_networkx."""
        matching = Matching()
        matching.load_from_networkx(graph, min_num_fault_ids=min_num_fault_ids)
        return matching

    def load_from_rustworkx(self, graph: Any, *, min_num_fault_ids: int | None = None) -> None:
        """Takes the edges of a rustworkx.PyGraph, whose nodes and edges carry dicts, as load_from_networkx."""
        self._load(_foreign.table_of_rustworkx(graph, min_num_fault_ids or 0))

    def load_from_retworkx(self, graph: Any, *, min_num_fault_ids: int | None = None) -> None:
        """The older name of load_from_rustworkx."""
        warnings.warn("load_from_retworkx is now load_from_rustworkx", DeprecationWarning, stacklevel=2)
        self.load_from_rustworkx(graph, min_num_fault_ids=min_num_fault_ids)

    @staticmethod
    def from_detector_error_model(model: Any, *, enable_correlations: bool = False) -> "Matching":
        """A new one of a stim.DetectorErrorModel or an outrider.Model.

        Errors of more than two detectors are left out; with enable_correlations they are a ValueError.
        """
        return Matching._of_model(_foreign.model_of(model), enable_correlations)

    @staticmethod
    def from_detector_error_model_file(
        dem_path: "str | os.PathLike[str]", *, enable_correlations: bool = False
    ) -> "Matching":
        """The same of a .dem file; needs no Stim."""
        return Matching._of_model(_foreign.model_of_file(dem_path), enable_correlations)

    @staticmethod
    def from_stim_circuit(circuit: Any, *, enable_correlations: bool = False) -> "Matching":
        """A new one of a stim.Circuit, whose errors are decomposed."""
        return Matching._of_model(_foreign.model_of_circuit(circuit), enable_correlations)

    @staticmethod
    def from_stim_circuit_file(
        stim_circuit_path: "str | os.PathLike[str]", *, enable_correlations: bool = False
    ) -> "Matching":
        """The same of a .stim file."""
        return Matching._of_model(_foreign.model_of_circuit_file(stim_circuit_path), enable_correlations)

    def to_networkx(self) -> Any:
        """A networkx.Graph of the edges; the virtual boundary is a boundary node of its own, num_nodes."""
        return _foreign.networkx_of(self._edge_table())

    def to_rustworkx(self) -> Any:
        """A rustworkx.PyGraph of the nodes and edges, as to_networkx."""
        return _foreign.rustworkx_of(self._edge_table())

    def to_retworkx(self) -> Any:
        """The older name of to_rustworkx."""
        warnings.warn("to_retworkx is now to_rustworkx", DeprecationWarning, stacklevel=2)
        return self.to_rustworkx()

    def draw(self) -> None:
        """Draws the graph into Matplotlib's current axes; needs networkx and matplotlib."""
        _foreign.draw(self._edge_table())

    def __repr__(self) -> str:
        boundary = len(self.boundary)
        counts = [
            _counted(self.num_nodes - boundary, "detector"),
            _counted(boundary, "boundary node"),
            f"and {_counted(self.num_edges, 'edge')}",
        ]
        return f"<outrider.Matching object with {', '.join(counts)}>"

    def __copy__(self) -> "Matching":
        return copy.deepcopy(self)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_decoding": None, "_wide": None}

    @property
    def _matching_graph(self) -> EdgeTable:
        """PyMatching's name for the table."""
        return self._edge_table()

    @staticmethod
    def _of_model(model: Model, correlations: bool) -> "Matching":
        matching = Matching()
        matching._load_model(model, correlations)
        return matching

    def _load(self, table: EdgeTable) -> None:
        self._table, self._model, self._source, self._num_fault_ids = table, None, None, 0
        self._why_uncorrelated = self._decoding = self._wide = None

    def _load_model(self, model: Model, correlations: bool) -> None:
        self._model, self._source = _graph_of(model, correlations, 0.0), (model, correlations)
        self._table, self._num_fault_ids = None, 0
        self._why_uncorrelated = self._decoding = self._wide = None

    def _edge_table(self) -> EdgeTable:
        if self._table is None:
            assert self._model is not None
            self._table = table_of_graph(self._model)
            self._table.ensure_num_fault_ids(self._num_fault_ids)
        return self._table

    def _changing(self) -> EdgeTable:
        """The table, which no longer is that of a model."""
        table = self._edge_table()
        if self._model is not None:
            self._why_uncorrelated, self._model, self._source = _CHANGED, None, None
        self._decoding = self._wide = None
        return table

    def _prepared(self) -> Decoding:
        self._decoding = self._new_decoding(0.0)
        return self._decoding

    def _new_decoding(self, weight_range: float) -> Decoding:
        if self._model is None:
            return Decoding.of_table(self._edge_table(), self._why_uncorrelated, weight_range)
        graph = self._model
        if weight_range > 0 and self._source is not None:
            graph = _graph_of(*self._source, weight_range)
        return Decoding.of_model(graph, self._num_fault_ids)

    def _add(
        self,
        node1: int,
        node2: int,
        fault_ids: Any,
        weight: Any,
        error_probability: Any,
        merge_strategy: str,
        kwargs: dict[str, Any],
    ) -> None:
        if "qubit_id" in kwargs:
            if fault_ids is not None:
                raise ValueError("both fault_ids and its older name qubit_id are given")
            fault_ids = kwargs.pop("qubit_id")
        _refuse(kwargs)
        ids = fault_id_set(fault_ids)
        probability = known_probability(error_probability)
        of_edge = edge_weight(node1, node2, weight)
        if of_edge is not None:
            self._changing().add(node1, node2, ids, of_edge, probability, merge_strategy)

    def _batch(
        self,
        shots: ArrayLike,
        packed_shots: bool,
        packed_predictions: bool,
        correlated: bool,
        reweights: "Sequence[ArrayLike | None] | None",
    ) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        decoding = self._decoding or self._prepared()
        rows = decoding.rows(shots, packed_shots)
        overrides = None
        if reweights is not None:
            if len(reweights) != len(rows):
                raise ValueError(
                    f"edge_reweights: expected {len(rows)}, one for each shot, found {len(reweights)}"
                )
            overrides, largest = decoding.overrides(reweights)
            if largest > decoding.graph.weight_limit:
                decoding = self._wide_decoding(largest)
                overrides, _ = decoding.overrides(reweights)
        predictions, weights = decoding.chosen(correlated).decode_batch(
            rows,
            overrides=overrides,
            bit_packed_shots=packed_shots,
            bit_packed_predictions=packed_predictions,
            return_weights=True,
        )
        return decoding.predictions(predictions, packed_predictions), weights + decoding.offset

    def _wide_decoding(self, largest: float) -> Decoding:
        """With room for a weight that the graph itself does not hold."""
        if self._wide is None or self._wide.graph.weight_limit < largest:
            self._wide = self._new_decoding(2 * largest)
        return self._wide

    @staticmethod
    def _one_row(decoding: Decoding, syndrome: ArrayLike) -> NDArray[Any]:
        row = decoding.row(syndrome)
        full = np.zeros((1, decoding.graph.num_detectors), np.bool_)
        full[0, : len(row)] = row
        return full


def _graph_of(model: Model, correlations: bool, weight_range: float) -> MatchingGraph:
    """As PyMatching does: what is no edge is left out, parallel errors keep the observables of the first."""
    return MatchingGraph(
        model,
        correlations=correlations,
        ignore_undecomposable=not correlations,
        first_observables=True,
        weight_range=weight_range,
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _refuse(kwargs: dict[str, Any]) -> None:
    """Keywords that mean nothing, but for one of PyMatching's first version that changes no answer."""
    unknown = [name for name in kwargs if name != "precompute_shortest_paths"]
    if unknown:
        raise TypeError(f"unexpected keyword argument {unknown[0]!r}")


def _renamed(name: str, value: Any, old_name: str, kwargs: dict[str, Any]) -> Any:
    """The value of an argument that may be given by its older name."""
    if old_name not in kwargs:
        return value
    if value is not None:
        raise ValueError(f"both {name} and its older name {old_name} are given")
    return kwargs.pop(old_name)


def _legacy_arguments(return_weight: bool | None, kwargs: dict[str, Any]) -> bool:
    """Those of PyMatching's first version. The number of neighbours says nothing here: all are looked at."""
    kwargs.pop("num_neighbours", None)
    _refuse(kwargs)
    text = "decode: the number of neighbours has no effect, and return_weight is a keyword"
    warnings.warn(text, DeprecationWarning, stacklevel=3)
    return bool(return_weight)
