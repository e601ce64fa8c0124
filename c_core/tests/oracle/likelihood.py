"""Compares sums over errors with a table of the probabilities of all symptoms, on surface codes of random noise.

    python c_core/tests/oracle/likelihood.py [--seed S] [--models N] [--shots N]

Needs stim. Prints the seed; the same seed gives the same models and shots. For every model, which Stim makes:
  - the table has a probability for every set of events and observables, one error after the other is taken into it;
  - a trellis that drops nothing has the ratio of the table, with tables of its own and without;
  - the likelihood decoder fails nearly as rarely as the best decoder, as counted over all shots by the table.
"""

import argparse
import ctypes
import math
import random

import numpy as np
import stim

from otr_ctypes import Error, check, library

HANDLE = ctypes.c_void_p
# A table has 2^bits entries.
BITS_MAX = 18
RATIO_MAX = 600
TABLE_BITS_MAX = 14
# Of the best decoder's failures, those of the likelihood decoder may be more by this share.
FAILURES_MORE = 0.08


class Budget(ctypes.Structure):
    """otr_trellis_budget"""

    _fields_ = [("cutoff", ctypes.c_double), ("states_max", ctypes.c_uint32)]


class TrellisOptions(ctypes.Structure):
    """otr_trellis_options"""

    _fields_ = [
        ("isa", ctypes.c_int),
        ("iterations", ctypes.c_uint32),
        ("coarse", Budget),
        ("fine", Budget),
        ("table_bits", ctypes.c_uint32),
        ("unsure", ctypes.c_double),
    ]


LIB = library()
for name in ("otr_trellis_destroy", "otr_likelihood_destroy"):
    getattr(LIB, name).restype = None
    getattr(LIB, name).argtypes = [HANDLE]
LIB.otr_trellis_create.argtypes = [
    ctypes.POINTER(HANDLE),
    HANDLE,
    ctypes.POINTER(TrellisOptions),
    ctypes.POINTER(Error),
]
# Options are the library's own.
LIB.otr_likelihood_create.argtypes = [ctypes.POINTER(HANDLE), HANDLE, HANDLE, ctypes.POINTER(Error)]
for name in ("otr_trellis_decode", "otr_likelihood_decode"):
    getattr(LIB, name).argtypes = [HANDLE, ctypes.c_char_p, HANDLE, ctypes.POINTER(ctypes.c_double), HANDLE]


def create(function, destroy, *arguments):
    """A handle that a creating function of the library makes, and what destroys it."""
    handle, error = HANDLE(), Error()
    check(function(ctypes.byref(handle), *arguments, ctypes.byref(error)), error)
    return handle, destroy


def core_model_of(model):
    """The library's model of Stim's."""
    text = str(model).encode()
    return create(LIB.otr_model_parse, LIB.otr_model_destroy, text, len(text))


def likelihood_of(core_model):
    """The graph with correlations and whole errors, and the likelihood decoder over it, last."""
    options = LIB.otr_graph_options_default()
    options.correlations = True
    options.errors = True
    graph = create(LIB.otr_graph_create, LIB.otr_graph_destroy, core_model, options)
    return [graph, create(LIB.otr_likelihood_create, LIB.otr_likelihood_destroy, graph[0], None)]


def code_model(rng, distance, rounds):
    """The model of a small memory; its noise is of one sort or of several."""
    noise = {
        name: rng.choice([0.0, 0.5, 1.0, 2.0]) * 10 ** rng.uniform(-2.5, -1.3)
        for name in (
            "after_clifford_depolarization",
            "before_round_data_depolarization",
            "before_measure_flip_probability",
            "after_reset_flip_probability",
        )
    }
    noise["before_round_data_depolarization"] += 0.003
    task = rng.choice(["surface_code:rotated_memory_x", "surface_code:rotated_memory_z"])
    circuit = stim.Circuit.generated(task, distance=distance, rounds=rounds, **noise)
    return circuit.detector_error_model(decompose_errors=True)


def table_of(model):
    """The probability of every symptom; detectors are the lower bits of its number, observables those above."""
    bits = model.num_detectors + model.num_observables
    assert bits <= BITS_MAX, bits
    numbers = np.arange(1 << bits)
    table = np.zeros(1 << bits)
    table[0] = 1
    for instruction in model.flattened():
        if instruction.type != "error":
            continue
        flips = 0
        for target in instruction.targets_copy():
            if target.is_relative_detector_id():
                flips ^= 1 << target.val
            elif target.is_logical_observable_id():
                flips ^= 1 << (model.num_detectors + target.val)
        p = instruction.args_copy()[0]
        table = (1 - p) * table + p * table[numbers ^ flips]
    # By observable, then by events.
    return table.reshape(1 << model.num_observables, -1)


def ratio_of(function, handle, events, detectors):
    """The log-likelihood ratio of the one observable."""
    ratio = ctypes.c_double()
    row = int(events).to_bytes((detectors + 7) // 8, "little")
    status = function(handle, row, None, ctypes.byref(ratio), None)
    assert status == 0, (status, events)
    return ratio.value


def compare_trellis(model, handle, table, shots):
    """Every ratio is the table's, within what adding up in another order changes."""
    detectors = model.num_detectors
    for events in shots:
        unflipped, flipped = table[:, events]
        expected = math.copysign(RATIO_MAX, unflipped - flipped)
        if unflipped > 0 and flipped > 0:
            expected = math.log(unflipped / flipped)
        found = ratio_of(LIB.otr_trellis_decode, handle, events, detectors)
        assert abs(found - expected) < 1e-7, (events, found, expected)


def failures_of(function, handle, model, table):
    """The probability that a decoder is wrong, counted over all shots."""
    total = 0.0
    for events in range(table.shape[1]):
        if table[:, events].sum() > 0:
            flips = ratio_of(function, handle, events, model.num_detectors) < 0
            total += table[0 if flips else 1, events]
    return total


def compare(rng, shot_count):
    """Compares one model. Returns the failures of the best decoder and of the likelihood decoder if they are counted."""
    model = code_model(rng, 3, rng.choice([1, 1, 2]))
    table = table_of(model)
    made = [core_model_of(model)]
    core_model = made[0][0]
    try:
        everything = Budget(0, 1 << 17)
        possible = np.flatnonzero(table.sum(axis=0) > 1e-13)
        chosen = rng.sample(list(possible), min(shot_count, len(possible)))
        for table_bits in (0, TABLE_BITS_MAX):
            options = TrellisOptions(0, 0, everything, everything, table_bits, 0)
            made.append(create(LIB.otr_trellis_create, LIB.otr_trellis_destroy, core_model, options))
            compare_trellis(model, made[-1][0], table, chosen)
        if model.num_detectors > 8:
            return None
        made += likelihood_of(core_model)
        return table.min(axis=0).sum(), failures_of(LIB.otr_likelihood_decode, made[-1][0], model, table)
    finally:
        for handle, destroy in reversed(made):
            destroy(handle)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    parser.add_argument("--models", type=int, default=30)
    parser.add_argument("--shots", type=int, default=200, help="shots of each model")
    arguments = parser.parse_args()
    print(f"Stim {stim.__version__}, --seed {arguments.seed}", flush=True)
    best = likely = 0.0
    for number in range(arguments.models):
        found = compare(random.Random(f"{arguments.seed} {number}"), arguments.shots)
        if found is not None:
            best += found[0]
            likely += found[1]
    print(f"failures of the best decoder: {best:.5f}, of the likelihood decoder: {likely:.5f}")
    assert best <= likely <= best * (1 + FAILURES_MORE), (best, likely)


if __name__ == "__main__":
    main()
