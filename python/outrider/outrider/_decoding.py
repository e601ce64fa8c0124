"""Shots of a Matching in, answers of its decoders out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outrider._edges import BOUNDARY, EdgeTable
from outrider._outrider import Decoder, MatchingGraph

Overrides = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


class Decoding:
    """A graph, the decoders on it, and what a caller's shots and answers have that theirs do not."""

    def __init__(
        self,
        graph: MatchingGraph,
        num_nodes: int,
        boundary: frozenset[int],
        flips: NDArray[np.uint8],
        offset: float,
        has_negative_weights: bool,
        why_uncorrelated: str | None,
    ) -> None:
        self.graph = graph
        self.decoder = Decoder(graph)
        self.num_nodes = num_nodes
        self.num_detectors = num_nodes - len(boundary)
        self.num_fault_ids = len(flips)
        self.offset = offset
        self.has_negative_weights = has_negative_weights
        self._why_uncorrelated = why_uncorrelated
        self._correlated: Decoder | None = None
        self._boundary = boundary
        self._nodes_of_graph = graph.num_detectors
        self._quiet = np.array(sorted(node for node in boundary if node < self._nodes_of_graph), np.int64)
        self._flips = flips if flips.any() else None
        # Whether answers are those of the decoder.
        self.plain = not offset and self._flips is None and graph.num_observables == len(flips)

    @classmethod
    def of_table(
        cls, table: EdgeTable, why_uncorrelated: str | None, weight_range: float = 0.0
    ) -> "Decoding":
        reduced = table.reduced(weight_range)
        return cls(
            reduced.graph,
            table.get_num_nodes(),
            table.boundary,
            reduced.flips,
            reduced.offset,
            reduced.has_negative_weights,
            why_uncorrelated,
        )

    @classmethod
    def of_model(cls, graph: MatchingGraph, num_fault_ids: int) -> "Decoding":
        why = None if graph.has_correlations else "the model was loaded without enable_correlations=True"
        has_negative_weights = bool((graph.edge_weights() < 0).any())
        flips = np.zeros(max(num_fault_ids, graph.num_observables), np.uint8)
        return cls(graph, graph.num_detectors, frozenset(), flips, 0.0, has_negative_weights, why)

    def chosen(self, correlated: bool) -> Decoder:
        """The decoder for a shot."""
        if not correlated:
            return self.decoder
        if self._why_uncorrelated is not None:
            raise ValueError(f"enable_correlations=True: {self._why_uncorrelated}")
        if self._correlated is None:
            kind = "mwpm-correlated" if self.graph.has_correlations else "mwpm"
            self._correlated = Decoder(self.graph, kind)
        return self._correlated

    def row(self, syndrome: Any) -> NDArray[Any]:
        """One shot for Decoder.decode_shot, without events of boundary nodes; no copy if it can be."""
        row = syndrome
        if type(row) is not np.ndarray or row.ndim != 1 or row.dtype.char not in "?B":
            row = _events("syndrome", syndrome)
            if row.ndim == 2 and row.size == self.num_detectors:
                row = row.T.ravel()
        if row.ndim != 1 or not self.num_detectors <= len(row) <= self.num_nodes:
            raise ValueError(f"syndrome: expected {self._lengths(1)} entries, found shape {row.shape}")
        return self._without_boundary(row) if self._boundary else row

    def rows(self, shots: Any, packed: bool) -> NDArray[Any]:
        """Shots for Decoder.decode_batch."""
        if packed:
            return self._packed_rows(shots)
        rows = _events("shots", shots)
        if rows.ndim != 2:
            raise ValueError(f"shots: expected two dimensions, found {rows.ndim}")
        if not self.num_detectors <= rows.shape[1] <= self.num_nodes:
            raise ValueError(f"shots: expected {self._lengths(1)} columns, found {rows.shape[1]}")
        return self._full(rows)

    def answer(self, prediction: NDArray[np.uint8], weight: float) -> tuple[NDArray[np.uint8], float]:
        """The caller's answer from the decoder's."""
        return self.predictions(prediction[None], False)[0], weight + self.offset

    def predictions(self, predictions: NDArray[Any], packed: bool) -> NDArray[np.uint8]:
        """The caller's predictions from the decoder's, whose fault ids may be fewer."""
        predictions = predictions.view(np.uint8)
        columns = (self.num_fault_ids + 7) // 8 if packed else self.num_fault_ids
        if predictions.shape[1] < columns:
            predictions = np.pad(predictions, [(0, 0), (0, columns - predictions.shape[1])])
        if self._flips is not None:
            predictions ^= np.packbits(self._flips, bitorder="little") if packed else self._flips
        return predictions

    def overrides(self, reweights: Sequence[Any]) -> tuple[Overrides, float]:
        """Overrides for shots that have rows (node, node, weight) or None; and the largest weight."""
        offsets = np.zeros(len(reweights) + 1, np.int64)
        edges: list[int] = []
        weights: list[float] = []
        of_graph = self.graph.edge_weights()
        for shot, rows in enumerate(reweights):
            for node1, node2, weight in _reweight_rows(rows):
                edge = self._edge(node1, node2)
                if (weight < 0) != (of_graph[edge] < 0):
                    raise ValueError(
                        f"edge_reweights: sign flip not allowed, edge ({node1}, {node2}) weighs "
                        f"{of_graph[edge]:g}, not {weight:g}"
                    )
                edges.append(edge)
                weights.append(weight)
            offsets[shot + 1] = len(edges)
        largest = max((abs(weight) for weight in weights if np.isfinite(weight)), default=0.0)
        return (offsets, np.array(edges, np.int64), np.array(weights, np.float64)), largest

    def _edge(self, node1: int, node2: int) -> int:
        ends = sorted(node for node in (node1, node2) if node != BOUNDARY and node not in self._boundary)
        in_range = ends and 0 <= ends[0] and ends[-1] < self._nodes_of_graph
        edge = self.graph.find_edge(*ends) if in_range else None
        if edge is None:
            raise ValueError(f"edge_reweights: there is no edge ({node1}, {node2})")
        return edge

    def _lengths(self, bits: int) -> str:
        least, most = (-(-count // bits) for count in (self.num_detectors, self.num_nodes))
        return f"{least}" if least == most else f"{least} to {most}"

    def _without_boundary(self, row: NDArray[Any]) -> NDArray[Any]:
        if len(row) > self._nodes_of_graph:
            row = row[: self._nodes_of_graph]
        if self._quiet.size:
            row = row.copy()
            row[self._quiet[self._quiet < len(row)]] = 0
        return row

    def _full(self, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Rows with a column for each node of the graph."""
        columns = self._nodes_of_graph
        if rows.shape[1] != columns or len(self._quiet):
            full = np.zeros((len(rows), columns), np.bool_)
            shared = min(columns, rows.shape[1])
            full[:, :shared] = rows[:, :shared]
            full[:, self._quiet] = False
            return full
        return rows

    def _packed_rows(self, shots: Any) -> NDArray[Any]:
        rows = np.asarray(shots)
        if rows.dtype.kind in "iu" and rows.dtype.char != "B":
            if ((rows < 0) | (rows > 255)).any():
                raise ValueError("shots: expected bytes, found other numbers")
            rows = rows.astype(np.uint8)
        if rows.dtype.char != "B" or rows.ndim != 2:
            raise ValueError(
                f"shots: expected bytes in two dimensions, found {rows.dtype} of shape {rows.shape}"
            )
        least, most = (-(-count // 8) for count in (self.num_detectors, self.num_nodes))
        if not least <= rows.shape[1] <= most:
            raise ValueError(f"shots: expected {self._lengths(8)} columns of bytes, found {rows.shape[1]}")
        if not self._boundary:
            return rows
        bits = np.unpackbits(rows, axis=1, bitorder="little")
        if bits[:, self.num_nodes :].any():
            raise ValueError(f"shots: a row has bits set past its {self.num_nodes} bits")
        return np.packbits(self._full(bits[:, : self.num_nodes].view(np.bool_)), axis=1, bitorder="little")


def _events(name: str, values: Any) -> NDArray[np.bool_]:
    """Numbers as events: every one but 0."""
    try:
        array = np.asarray(values)
    except ValueError:
        raise ValueError(f"{name}: expected rows of one length") from None
    if array.dtype.kind == "O" and all(hasattr(value, "__index__") for value in array.flat):
        return array != 0
    if array.dtype.kind == "f" and (array == np.floor(array)).all():
        return array != 0
    if array.dtype.kind not in "biu" and array.size:
        raise ValueError(f"{name}: expected integers or booleans, found {_excerpt(array)}")
    return array if array.dtype.kind == "b" else array != 0


def _excerpt(array: NDArray[Any]) -> str:
    wrong = [value for value in array.flat if not isinstance(value, float) or value != np.floor(value)]
    return repr(wrong[0]) if array.dtype.kind in "fO" and wrong else str(array.dtype)


def _reweight_rows(rows: Any) -> list[tuple[int, int, float]]:
    if rows is None:
        return []
    array = np.asarray(rows, np.float64)
    if array.size == 0:
        return []
    if array.ndim != 2 or array.shape[1] != 3:
        raise ValueError(
            f"edge_reweights: expected rows of two nodes and a weight, found shape {array.shape}"
        )
    if np.isnan(array).any() or (array[:, :2] != np.floor(array[:, :2])).any():
        raise ValueError("edge_reweights: expected rows of two nodes and a weight, found other numbers")
    return [(int(node1), int(node2), weight) for node1, node2, weight in array.tolist()]
