"""Matching: where it differs from PyMatching on purpose, entry by entry of the list in outrider.matching."""

import pickle

import numpy as np
import pymatching
import pytest
import stim
from conftest import memory
from side_by_side import made_of, state

import outrider

PACKAGES = [pymatching, outrider]


def test_ties_may_be_decided_otherwise_but_weigh_the_same():
    rng = np.random.default_rng(7)
    size = 8
    grid = [
        (x * size + y, x * size + y + 1, 2 * (x * size + y), 1.0)
        for x in range(size)
        for y in range(size - 1)
    ]
    grid += [
        (x * size + y, (x + 1) * size + y, 2 * (x * size + y) + 1, 1.0)
        for x in range(size - 1)
        for y in range(size)
    ]
    shots = rng.integers(0, 2, (200, size * size))
    shots[:, 0] ^= shots.sum(axis=1) % 2
    (theirs, expected), (ours, found) = [
        made_of(package, *grid).decode_batch(shots, return_weights=True) for package in PACKAGES
    ]
    assert (found == expected).all()
    assert (ours != theirs).any()


def test_ties_of_the_first_pass_change_weights_of_the_second():
    circuit = memory(7, 0.01)
    shots = circuit.compile_detector_sampler(seed=6).sample(200)
    (_, theirs), (_, ours) = [
        package.Matching(circuit, enable_correlations=True).decode_batch(
            shots, return_weights=True, enable_correlations=True
        )
        for package in PACKAGES
    ]
    assert not np.allclose(ours, theirs, rtol=1e-4)
    assert np.median(ours / theirs) == pytest.approx(1, abs=0.01)


def test_edges_of_an_answer_ascend():
    line = [(0, None, 0, 1.0), *[(node, node + 1, 0, 1.0) for node in range(9)]]
    theirs, ours = [
        made_of(package, *line).decode_to_edges_array([0, 0, 1, 0, 0, 0, 1, 1, 0, 0]) for package in PACKAGES
    ]
    assert ours.tolist() == [[0, 1], [0, -1], [1, 2], [6, 7]]
    assert (
        sorted(map(sorted, theirs.tolist())) == sorted(map(sorted, ours.tolist()))
        and theirs.tolist() != ours.tolist()
    )


def test_edges_of_a_model_have_the_lower_end_first():
    dem = stim.DetectorErrorModel("error(0.1) D2 D1\nerror(0.2) D0\nerror(0.3) D1 D0")
    theirs, ours = [[edge[:2] for edge in package.Matching(dem).edges()] for package in PACKAGES]
    assert theirs == [(2, 1), (0, None), (1, 0)]
    assert ours == [(1, 2), (0, None), (0, 1)]


def test_a_seed_gives_other_numbers():
    numbers = []
    for package in PACKAGES:
        package.set_seed(3)
        numbers.append(package.rand_float(0.0, 1.0))
    assert numbers[0] != numbers[1]


def test_repr_names_the_package():
    assert [repr(package.Matching()).split(".")[0] for package in PACKAGES] == ["<pymatching", "<outrider"]


def test_detectors_given_twice_cancel():
    dem = stim.DetectorErrorModel("error(0.1) D0 D0 L0\nerror(0.1) D0 D1 D1")
    theirs, ours = [package.Matching(dem).edges() for package in PACKAGES]
    assert [edge[:2] for edge in theirs] == [(0, 0)]
    assert [edge[:2] for edge in ours] == [(0, None)]


def test_certain_errors_are_decoded():
    dem = stim.DetectorErrorModel("error(1) D0 D1 L0\nerror(0.1) D0\nerror(0.1) D1 L1")
    assert outrider.Matching(dem).edges() == pymatching.Matching(dem).edges()
    with pytest.raises(ValueError):
        pymatching.Matching(dem).decode([1, 1])
    prediction, weight = outrider.Matching(dem).decode([1, 1], return_weight=True)
    assert prediction.tolist() == [1, 0] and weight == 0.0
    twice = stim.DetectorErrorModel("error(1) D0 D1\nerror(1) D0 D1 L0")
    assert (pymatching.Matching(twice).num_edges, outrider.Matching(twice).num_edges) == (1, 0)


def test_weights_of_check_matrices_have_no_bound():
    matrix, weights = [[1, 1, 0], [1, 0, 1]], [3e8, 1e9, 1.5e8]
    with pytest.raises(ValueError):
        pymatching.Matching(matrix, weights).decode([1, 1])
    assert outrider.Matching(matrix, weights).decode([1, 1], return_weight=True)[1] == pytest.approx(
        3e8, rel=1e-6
    )


@pytest.mark.parametrize(
    "call",
    [
        lambda package: made_of(package, (0, 1, 0, 1.0)).decode(np.array([0.5, 0.0])),
        lambda package: made_of(package, (0, 1, 0, 1.0)).decode_batch(np.array([[1.5, 1.5]])),
        lambda package: made_of(package, (0, 1, 0, float("nan"))),
        lambda package: package.Matching([[1, 1]], weights=float("nan")),
        lambda package: package.Matching([[1.01, 1], [0, 1]]),
        lambda package: package.Matching([[1, 1]], repetitions=0),
        lambda package: package.Matching([[1, 1]], weight=2.0),
        lambda package: made_of(package, (0, 1, 0, 1.0)).decode([1, 1], weights=True),
        lambda package: package.Matching().add_edge(0, 1, fault_id=3),
    ],
)
def test_what_pymatching_takes_for_something_else_is_refused(call):
    call(pymatching)
    with pytest.raises((TypeError, ValueError)) as refused:
        call(outrider)
    assert "\n" not in str(refused.value)


def test_an_event_is_any_integer_but_zero():
    theirs, ours = [made_of(package, (0, 1, 0, 1.0)).decode(np.array([256, 512])) for package in PACKAGES]
    assert (theirs.tolist(), ours.tolist()) == ([0], [1])
    with pytest.raises(OverflowError):
        made_of(pymatching, (0, 1, 0, 1.0)).decode([-1, 1])
    assert made_of(outrider, (0, 1, 0, 1.0)).decode([-1, 1]).tolist() == [1]


def test_the_largest_fault_id_counts_also_where_its_edge_replaced_another():
    counts = []
    for package in PACKAGES:
        matching = made_of(package, (0, 1, 0, 3.0))
        matching.add_edge(0, 1, 5, 1.0, merge_strategy="smallest-weight")
        counts.append(matching.num_fault_ids)
    assert counts == [1, 6]


def test_changes_end_correlated_decoding():
    dem = stim.DetectorErrorModel("error(0.1) D0 D1 ^ D2 D3\nerror(0.1) D0 D1\nerror(0.1) D2 D3")
    for package in PACKAGES:
        matching = package.Matching(dem, enable_correlations=True)
        matching.decode([1, 1, 0, 0], enable_correlations=True)
        matching.add_edge(3, 4)
        if package is pymatching:
            matching.decode([1, 1, 0, 0, 0], enable_correlations=True)
        else:
            with pytest.raises(ValueError, match="changed after the model was loaded"):
                matching.decode([1, 1, 0, 0, 0], enable_correlations=True)


def test_more_is_taken():
    matching = outrider.Matching()
    matching.add_edge(0, 1, fault_ids=[2, 3])
    matching.add_boundary_edge(1, qubit_id=5)
    matching.set_boundary_nodes([0])
    assert state(matching)[1] == {0} and matching.num_fault_ids == 6
    assert state(outrider.Matching(((1, 1), (0, 1)))) == state(outrider.Matching([[1, 1], [0, 1]]))
    with pytest.raises(TypeError):
        pickle.dumps(pymatching.Matching())
    assert repr(pickle.loads(pickle.dumps(outrider.Matching()))) == repr(outrider.Matching())
