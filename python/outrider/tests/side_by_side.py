"""The same calls on PyMatching and on outrider."""

import warnings

import numpy as np
import pymatching

import outrider


def same(build):
    """Whether build(package) gives equal values with both packages, or an error of PyMatching's type.

    Returns outrider's.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected, found = _outcome(build, pymatching), _outcome(build, outrider)
    assert _equal(expected, found), f"PyMatching: {expected!r}\noutrider: {found!r}"
    return found


def state(matching):
    """All that is known of a graph without decoding."""
    return (
        matching.edges(),
        matching.boundary,
        (matching.num_nodes, matching.num_detectors, matching.num_edges, matching.num_fault_ids),
    )


def made_of(package, *edges, boundary=()):
    """A graph of edges (node, node or None for the boundary, fault ids, weight)."""
    matching = package.Matching()
    for node1, node2, fault_ids, weight in edges:
        if node2 is None:
            matching.add_boundary_edge(node1, fault_ids, weight)
        else:
            matching.add_edge(node1, node2, fault_ids, weight)
    if boundary:
        matching.set_boundary_nodes(set(boundary))
    return matching


def _outcome(build, package):
    try:
        return build(package)
    except Exception as error:
        return error


def _equal(expected, found):
    if isinstance(expected, Exception):
        return isinstance(found, type(expected))
    if isinstance(expected, np.ndarray):
        alike = type(found) is np.ndarray and (found.dtype, found.shape) == (expected.dtype, expected.shape)
        return alike and np.allclose(expected, found, rtol=1e-6, atol=1e-6)
    if isinstance(expected, float):
        return isinstance(found, float) and np.isclose(expected, found, rtol=1e-6, atol=1e-6)
    if isinstance(expected, dict):
        keys = type(found) is dict and list(found) == list(expected)
        return keys and all(_equal(expected[key], found[key]) for key in expected)
    if isinstance(expected, (list, tuple)):
        alike = type(found) is type(expected) and len(found) == len(expected)
        return alike and all(map(_equal, expected, found))
    return type(found) is type(expected) and found == expected
