"""The random numbers of Matching.add_noise, for all objects of a process."""

import operator
import threading

import numpy as np
from numpy.typing import NDArray

_lock = threading.Lock()
_generator = np.random.default_rng()


def set_seed(seed: int) -> None:
    """Makes rand_float and Matching.add_noise repeat the numbers of this seed, which is not negative.

    >>> import outrider
    >>> outrider.set_seed(7)
    """
    global _generator
    number = operator.index(seed)
    if number < 0:
        raise ValueError(f"seed: expected an integer that is not negative, found {number}")
    with _lock:
        _generator = np.random.default_rng(number)


def randomize() -> None:
    """Makes rand_float and Matching.add_noise go on with numbers that cannot be foreseen.

    >>> import outrider
    >>> outrider.randomize()
    """
    global _generator
    with _lock:
        _generator = np.random.default_rng()


def rand_float(start: float, end: float, /) -> float:
    """A number drawn uniformly between two others."""
    with _lock:
        return float(_generator.uniform(start, end))


def happens(probabilities: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each of independent errors happens."""
    with _lock:
        return _generator.random(len(probabilities)) < probabilities
