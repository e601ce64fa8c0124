"""Check matrices as edges of a Matching."""

import operator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from outrider._edges import BOUNDARY, UNKNOWN, EdgeTable


class Columns:
    """The rows of the ones in each column of a matrix of zeros and ones."""

    def __init__(self, name: str, matrix: Any) -> None:
        self.name = name
        ones, self.shape = (
            _sparse_ones(name, matrix) if hasattr(matrix, "tocsc") else _dense_ones(name, matrix)
        )
        columns, rows = ones
        order = np.lexsort((rows, columns))
        columns, rows = columns[order], rows[order]
        if np.any((columns[1:] == columns[:-1]) & (rows[1:] == rows[:-1])):
            raise ValueError(f"{name}: an entry is given twice")
        offsets = np.searchsorted(columns, np.arange(self.shape[1] + 1)).tolist()
        rows = rows.tolist()
        self.rows: list[list[int]] = [rows[start:end] for start, end in zip(offsets, offsets[1:])]


def table_of_check_matrix(
    check_matrix: Any,
    *,
    weights: Any = None,
    error_probabilities: Any = None,
    repetitions: Any = None,
    timelike_weights: Any = None,
    measurement_error_probabilities: Any = None,
    faults_matrix: Any = None,
    merge_strategy: str = "smallest-weight",
    use_virtual_boundary_node: bool = False,
) -> EdgeTable:
    """Columns become edges of each repetition, rows edges from one repetition to the next."""
    checks = Columns("check_matrix", check_matrix)
    num_checks, num_columns = checks.shape
    for column, rows in enumerate(checks.rows):
        if len(rows) > 2:
            raise ValueError(f"check_matrix: column {column} has {len(rows)} ones, an edge has at most two")
    fault_ids, num_fault_ids = _fault_ids(faults_matrix, checks.shape)
    repeated = _repetitions(repetitions)
    weight = _numbers("weights", weights, num_columns, 1.0, TypeError)
    probability = _probabilities("error_probabilities", error_probabilities, num_columns, TypeError)

    table = EdgeTable(num_checks * repeated, num_fault_ids)
    boundary = BOUNDARY
    if not use_virtual_boundary_node and any(len(rows) == 1 for rows in checks.rows):
        boundary = num_checks * repeated
        table.set_boundary([boundary])
    for repetition in range(repeated):
        first = repetition * num_checks
        for column, rows in enumerate(checks.rows):
            if rows:
                other = first + rows[1] if len(rows) == 2 else boundary
                edge = (first + rows[0], other, fault_ids[column], weight[column], probability[column])
                table.add(*edge, merge_strategy)
    if repeated > 1:
        weight = _numbers("timelike_weights", timelike_weights, num_checks, 1.0, ValueError)
        name = "measurement_error_probabilities"
        probability = _probabilities(name, measurement_error_probabilities, num_checks, ValueError)
        for node in range(num_checks * (repeated - 1)):
            check = node % num_checks
            edge = (node, node + num_checks, frozenset(), weight[check], probability[check])
            table.add(*edge, merge_strategy)
    return table


def _sparse_ones(name: str, matrix: Any) -> tuple[tuple[NDArray, NDArray], tuple[int, int]]:
    columns = matrix.tocsc()
    entries = np.asarray(columns.data)
    _check_entries(name, entries)
    of_entry = np.repeat(np.arange(columns.shape[1]), np.diff(columns.indptr))
    kept = entries != 0
    return (of_entry[kept], np.asarray(columns.indices)[kept]), columns.shape


def _dense_ones(name: str, matrix: Any) -> tuple[tuple[NDArray, NDArray], tuple[int, int]]:
    try:
        array = np.asarray(matrix)
    except ValueError:
        raise TypeError(f"{name}: expected a matrix, found rows of different lengths") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name}: expected a matrix of zeros and ones, found {type(matrix).__name__}")
    array = np.atleast_2d(array)
    if array.ndim != 2:
        raise ValueError(f"{name}: expected two dimensions, found {array.ndim}")
    _check_entries(name, array)
    rows, columns = np.nonzero(array)
    return (columns, rows), (array.shape[0], array.shape[1])


def _check_entries(name: str, entries: NDArray) -> None:
    others = entries[(entries != 0) & (entries != 1)]
    if others.size:
        raise ValueError(f"{name}: expected zeros and ones, found {others.flat[0]}")


def _fault_ids(matrix: Any, shape: tuple[int, int]) -> tuple[list[frozenset[int]], int]:
    """Of each column, and how many there are."""
    if matrix is None:
        return [frozenset([column]) for column in range(shape[1])], shape[1]
    faults = Columns("faults_matrix", matrix)
    if faults.shape[1] != shape[1]:
        raise ValueError(
            f"faults_matrix: expected {shape[1]} columns as in the check matrix, found {faults.shape[1]}"
        )
    return [frozenset(rows) for rows in faults.rows], faults.shape[0]


def _repetitions(value: Any) -> int:
    if value is None:
        return 1
    try:
        repetitions = operator.index(value)
    except TypeError:
        raise TypeError(f"repetitions: expected an integer, found {value!r}") from None
    if repetitions < 1:
        raise ValueError(f"repetitions: expected at least 1, found {repetitions}")
    return repetitions


def _numbers(name: str, value: Any, count: int, default: float, wrong_type: type[Exception]) -> list[float]:
    """One number for each of `count`, from one for all or one for each."""
    array = np.asarray(default if value is None else value)
    if array.dtype.kind not in "biuf" and array.size:
        raise wrong_type(f"{name}: expected numbers, found {value!r}")
    if array.ndim == 0:
        array = np.full(count, array)
    if array.shape != (count,):
        raise ValueError(f"{name}: expected one number or {count}, found shape {array.shape}")
    numbers = array.astype(np.float64)
    if np.isnan(numbers).any():
        raise ValueError(f"{name}: expected numbers, found nan")
    return numbers.tolist()


def _probabilities(name: str, value: Any, count: int, wrong_type: type[Exception]) -> list[float]:
    numbers = _numbers(name, value, count, UNKNOWN, wrong_type)
    return [number if 0 <= number <= 1 else UNKNOWN for number in numbers]
