"""Private names of PyMatching's compiled part that its tests import."""

from typing import Any

from outrider._check_matrix import table_of_check_matrix
from outrider._cli import cli as main
from outrider._edges import EdgeTable as MatchingGraph

__all__ = ["MatchingGraph", "main", "sparse_column_check_matrix_to_matching_graph"]


def sparse_column_check_matrix_to_matching_graph(
    check_matrix: Any,
    weights: Any,
    error_probabilities: Any,
    merge_strategy: str,
    use_virtual_boundary_node: bool,
    num_repetitions: int = 1,
    timelike_weights: Any = None,
    measurement_error_probabilities: Any = None,
    faults_matrix: Any = None,
) -> MatchingGraph:
    """The table of a matrix in compressed columns. ValueError for another format."""
    if getattr(check_matrix, "format", None) != "csc":
        raise ValueError("check_matrix: expected compressed columns")
    return table_of_check_matrix(
        check_matrix,
        weights=weights,
        error_probabilities=error_probabilities,
        repetitions=num_repetitions,
        timelike_weights=timelike_weights,
        measurement_error_probabilities=measurement_error_probabilities,
        faults_matrix=faults_matrix,
        merge_strategy=merge_strategy,
        use_virtual_boundary_node=use_virtual_boundary_node,
    )
