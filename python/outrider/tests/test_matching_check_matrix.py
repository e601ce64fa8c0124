"""Matching: check matrices, side by side with PyMatching."""

import numpy as np
import pytest
import scipy.sparse
from side_by_side import same, state

import outrider

CHAIN = [[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]]
RING = [[1, 0, 1], [1, 1, 0], [0, 1, 1]]


def loaded(matrix, *args, **kwargs):
    """The four ways to load a matrix, which are one."""

    def build(package):
        matching = package.Matching()
        matching.load_from_check_matrix(matrix, *args, **kwargs)
        ways = [
            package.Matching(matrix, *args, **kwargs),
            package.Matching.from_check_matrix(matrix, *args, **kwargs),
        ]
        assert [state(way) for way in ways] == [state(matching)] * 2
        return state(matching)

    return build


@pytest.mark.parametrize(
    "form",
    [
        list,
        np.array,
        scipy.sparse.csc_matrix,
        scipy.sparse.csr_matrix,
        scipy.sparse.coo_matrix,
        scipy.sparse.lil_matrix,
        scipy.sparse.dok_matrix,
        scipy.sparse.csc_array,
        scipy.sparse.csr_array,
    ],
)
@pytest.mark.parametrize("matrix", [CHAIN, RING, [[1, 1]], [[0, 0, 1], [0, 0, 1]], [[0], [0]]])
def test_every_form_of_a_matrix_is_the_same_graph(form, matrix):
    assert same(loaded(form(matrix))) == state(outrider.Matching(matrix))


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint8, np.int64, np.float32, np.float64])
def test_every_type_of_ones_is_taken(dtype):
    same(loaded(np.array(CHAIN, dtype)))
    same(loaded(scipy.sparse.csc_matrix(np.array(CHAIN, dtype))))


def test_zeros_that_a_sparse_matrix_stores_are_zeros():
    entries, rows, starts = np.array([1, 0, 1]), np.array([0, 1, 2]), np.array([0, 3])
    edges, _, _ = same(loaded(scipy.sparse.csc_matrix((entries, rows, starts), shape=(3, 1))))
    assert edges[0][:2] == (0, 2)


@pytest.mark.parametrize("shape", [(0, 0), (2, 0), (0, 3)])
def test_a_matrix_may_be_empty(shape):
    same(loaded(np.zeros(shape)))


def test_a_row_is_a_matrix():
    same(loaded([1, 1, 0]))


@pytest.mark.parametrize(
    "matrix",
    [
        [[1, 2], [0, 1]],
        [[1, -1], [0, 1]],
        [[2.5, 0], [1, 1]],
        [[1], [1], [1]],
        scipy.sparse.csr_matrix([[1, 0], [1, 1], [1, 1], [0, 1]]),
        scipy.sparse.csc_matrix((np.array([1, 1, 1]), np.array([0, 0, 1]), np.array([0, 3])), shape=(2, 1)),
        np.zeros((2, 2, 2)),
        7,
    ],
    ids=repr,
)
def test_a_matrix_that_is_no_graph_is_a_value_error(matrix):
    assert isinstance(same(loaded(matrix)), ValueError)


@pytest.mark.parametrize("matrix", ["a matrix", [["b"]], [[1], [1, 0]], {1}, object()], ids=repr)
def test_what_is_no_matrix_is_a_type_error(matrix):
    with pytest.raises(TypeError, match="check_matrix: expected a matrix"):
        outrider.Matching(matrix)
    with pytest.raises(TypeError):
        outrider.Matching().load_from_check_matrix(matrix)


def test_no_matrix_is_a_value_error():
    assert isinstance(same(lambda package: package.Matching().load_from_check_matrix()), ValueError)


@pytest.mark.parametrize("name", ["weights", "spacelike_weights", "error_probabilities"])
@pytest.mark.parametrize(
    "value", [0.25, 0, [0.1, 0.2, 0.3, 0.4], (0.4, 0.3, 0.2, 0.1), np.arange(4) / 8], ids=repr
)
def test_a_number_for_all_columns_or_one_for_each(name, value):
    same(loaded(CHAIN, **{name: value}))
    same(loaded(CHAIN, repetitions=3, **{name: value}))


@pytest.mark.parametrize("name", ["weights", "error_probabilities"])
@pytest.mark.parametrize("value", [[0.1], [0.1] * 5, [[0.1] * 4], "b", [0.1, "b", 0.2, 0.3]], ids=repr)
def test_other_numbers_for_columns_are_refused(name, value):
    assert isinstance(same(loaded(CHAIN, **{name: value})), (TypeError, ValueError))


@pytest.mark.parametrize("name", ["timelike_weights", "measurement_error_probabilities"])
@pytest.mark.parametrize("value", [None, 0.125, [0.1, 0.2, 0.3], np.array([0.3, 0.2, 0.1])], ids=repr)
@pytest.mark.parametrize("repetitions", [None, 1, 2, 4])
@pytest.mark.parametrize("virtual", [False, True])
def test_rounds_are_joined_by_timelike_edges(name, value, repetitions, virtual):
    same(loaded(CHAIN, repetitions=repetitions, use_virtual_boundary_node=virtual, **{name: value}))
    same(loaded(RING, repetitions=repetitions, use_virtual_boundary_node=virtual, **{name: value}))


def test_the_older_name_of_measurement_error_probabilities():
    same(loaded(CHAIN, repetitions=2, measurement_error_probability=[0.1, 0.2, 0.3]))


@pytest.mark.parametrize("name", ["timelike_weights", "measurement_error_probabilities"])
@pytest.mark.parametrize("value", [[0.1, 0.2, 0.3, 0.4], [0.1], "b"], ids=repr)
def test_other_numbers_for_rows_are_a_value_error(name, value):
    assert isinstance(same(loaded(CHAIN, repetitions=2, **{name: value})), ValueError)


@pytest.mark.parametrize("repetitions", [-1, 2.0, "b"], ids=repr)
def test_repetitions_are_a_number_of_rounds(repetitions):
    with pytest.raises((TypeError, ValueError), match="repetitions: expected"):
        outrider.Matching(CHAIN, repetitions=repetitions)


@pytest.mark.parametrize(
    "names",
    [
        {"weights": 2, "spacelike_weights": 2},
        {"measurement_error_probabilities": 0.1, "measurement_error_probability": 0.1, "repetitions": 2},
    ],
    ids=repr,
)
def test_one_argument_by_two_names_is_a_value_error(names):
    assert isinstance(same(loaded(CHAIN, **names)), ValueError)


def test_the_matrix_goes_by_its_older_name_too():
    same(lambda package: state(package.Matching(H=CHAIN, weights=2)))

    def load(package):
        matching = package.Matching()
        matching.load_from_check_matrix(H=RING)
        return state(matching)

    same(load)


@pytest.mark.parametrize(
    "strategy", ["disallow", "independent", "smallest-weight", "keep-original", "replace"]
)
@pytest.mark.parametrize("virtual", [False, True])
@pytest.mark.parametrize("repetitions", [1, 3])
def test_equal_columns_merge_as_asked(strategy, virtual, repetitions):
    same(
        loaded(
            [[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]],
            [2.0, 1.0, 0.5, 2.5, 0.25],
            [0.1, 0.2, 0.05, 0.07, 0.3],
            repetitions=repetitions,
            merge_strategy=strategy,
            use_virtual_boundary_node=virtual,
            faults_matrix=np.ones((1, 5), int),
        )
    )


@pytest.mark.parametrize(
    "faults",
    [
        [[1, 0, 0, 1]],
        [[0, 0, 0, 0], [1, 1, 0, 1], [1, 0, 1, 1]],
        scipy.sparse.csr_matrix([[1, 0, 0, 1], [0, 1, 1, 1]]),
        scipy.sparse.csc_matrix((0, 4), dtype=np.uint8),
        np.array([[True, False, True, False]]),
        [1, 1, 0, 0],
    ],
    ids=repr,
)
def test_a_faults_matrix_gives_the_fault_ids_of_columns(faults):
    same(loaded(CHAIN, faults_matrix=faults))
    same(loaded(CHAIN, faults_matrix=faults, use_virtual_boundary_node=True, repetitions=2))


@pytest.mark.parametrize("faults", [[[1, 0, 0]], [[2, 0, 0, 0]]], ids=repr)
def test_another_faults_matrix_is_a_value_error(faults):
    assert isinstance(same(loaded(CHAIN, faults_matrix=faults)), ValueError)


def test_a_faults_matrix_of_other_things_is_a_type_error():
    with pytest.raises(TypeError, match="faults_matrix"):
        outrider.Matching(CHAIN, faults_matrix=["b", 1, 0, 0])


def test_loading_replaces_all_that_was_there():
    def build(package):
        matching = package.Matching(CHAIN, repetitions=3)
        matching.ensure_num_fault_ids(20)
        matching.set_boundary_nodes({0, 1})
        matching.load_from_check_matrix(RING, weights=3)
        return state(matching), matching.decode([1, 1, 0], return_weight=True)

    same(build)


def test_syndromes_of_several_rounds_have_a_column_for_each():
    rng = np.random.default_rng(3)
    weights, timelike = rng.uniform(0.5, 2, 4), rng.uniform(0.5, 2, 3)
    for syndrome in rng.integers(0, 2, (30, 3, 4)):

        def build(package, virtual, syndrome=syndrome):
            matching = package.Matching(
                CHAIN, weights, repetitions=4, timelike_weights=timelike, use_virtual_boundary_node=virtual
            )
            flat = syndrome.T.ravel()
            return matching.decode(syndrome, return_weight=True), matching.decode(flat, return_weight=True)

        for virtual in [False, True]:
            by_round, flat = same(lambda package, virtual=virtual: build(package, virtual))
            assert (by_round[0] == flat[0]).all() and by_round[1] == flat[1]


@pytest.mark.parametrize("boundary_by", ["node", "virtual", "none"])
def test_a_repetition_code_is_decoded(boundary_by):
    size = 25
    ring = (np.eye(size, dtype=int) + np.roll(np.eye(size, dtype=int), 1, axis=0)) % 2
    matrix = ring if boundary_by == "none" else ring[:-1]
    rng = np.random.default_rng(5)
    weights = rng.uniform(0.1, 3, size)
    syndromes = (rng.random((40, size)) < 0.3) @ matrix.T % 2

    def build(package):
        virtual = boundary_by == "virtual"
        matching = package.Matching(matrix, weights, use_virtual_boundary_node=virtual)
        return matching.decode_batch(syndromes, return_weights=True)

    corrections, weight = same(build)
    assert (corrections @ matrix.T % 2 == syndromes).all()
    np.testing.assert_allclose(corrections @ weights, weight, rtol=1e-5)
