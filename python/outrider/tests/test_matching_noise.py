"""Matching: random numbers and noise, side by side with PyMatching."""

import numpy as np
import pytest
from side_by_side import same

import outrider


def noisy(package, *edges, boundary=()):
    """A graph of edges (node, node or None, fault ids, probability)."""
    matching = package.Matching()
    for node1, node2, fault_ids, probability in edges:
        if node2 is None:
            matching.add_boundary_edge(node1, fault_ids, error_probability=probability)
        else:
            matching.add_edge(node1, node2, fault_ids, error_probability=probability)
    matching.set_boundary_nodes(set(boundary))
    return matching


CERTAIN = [
    [],
    [(0, 1, 0, 1), (1, 2, 1, 0), (2, 3, {0, 2}, 1)],
    [(0, None, 0, 1), (0, 1, 4, 1), (2, 2, 1, 1)],
    [(node, node + 1, node, node % 2) for node in range(9)],
]


@pytest.mark.parametrize("edges", CERTAIN)
@pytest.mark.parametrize("boundary", [[], [1], [0, 1], [2]])
def test_certain_errors_happen_and_impossible_ones_do_not(edges, boundary):
    same(lambda package: noisy(package, *edges, boundary=boundary).add_noise())


@pytest.mark.parametrize("probability", [None, -1, 1.25])
def test_there_is_no_noise_without_all_probabilities(probability):
    assert same(lambda package: noisy(package, (0, 1, 0, 0.5), (1, 2, 1, probability)).add_noise()) is None


@pytest.mark.parametrize("probabilities", [0.0, 1.0, [0, 0, 1, 0], [1, 0, 1, 1]])
@pytest.mark.parametrize("repetitions", [1, 2, 5])
@pytest.mark.parametrize("measurement", [None, 0.0, 1.0, [1, 0, 0]])
def test_noise_of_check_matrices(probabilities, repetitions, measurement):
    matrix = [[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]]
    same(
        lambda package: package.Matching(
            matrix,
            error_probabilities=probabilities,
            repetitions=repetitions,
            measurement_error_probabilities=measurement,
        ).add_noise()
    )


def test_errors_happen_as_often_as_they_should():
    outrider.set_seed(11)
    count, probability = 4000, 0.2
    line = noisy(outrider, *[(node, node + 1, node, probability) for node in range(count)])
    noise, syndrome = line.add_noise()
    assert (noise.dtype, noise.shape) == (np.uint8, (count,))
    assert (syndrome.dtype, syndrome.shape) == (np.uint8, (count + 1,))
    assert abs(noise.mean() - probability) < 5 * np.sqrt(probability * (1 - probability) / count)
    np.testing.assert_array_equal(syndrome[1:-1], noise[1:] ^ noise[:-1])
    assert (syndrome[0], syndrome[-1]) == (noise[0], noise[-1])


def test_a_seed_repeats_the_noise():
    matching = noisy(outrider, *[(node, node + 1, node, 0.5) for node in range(100)])

    def drawn():
        return outrider.rand_float(2, 3), matching.add_noise()[0].tolist(), matching.add_noise()[0].tolist()

    outrider.set_seed(5)
    first = drawn()
    outrider.set_seed(5)
    assert drawn() == first and first[1] != first[2]
    outrider.set_seed(6)
    assert drawn() != first
    outrider.randomize()
    assert drawn() != first


def test_random_numbers_fill_their_range():
    outrider.set_seed(1)
    numbers = [outrider.rand_float(-1.0, 3.0) for _ in range(2000)]
    assert all(type(number) is float and -1 <= number <= 3 for number in numbers)
    assert abs(np.mean(numbers) - 1) < 5 * 4 / np.sqrt(12 * 2000)


@pytest.mark.parametrize("seed", [-1, 0.5, "b", None], ids=repr)
def test_other_seeds_are_refused(seed):
    with pytest.raises((TypeError, ValueError)):
        outrider.set_seed(seed)
