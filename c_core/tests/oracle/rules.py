"""Measures the rules without training on surface-code memories against PyMatching, on the same shots.

    python c_core/tests/oracle/rules.py [--distance D...] [--p P...] [--shots N] [--rule NAME[:ITERATIONS]...]

Needs stim and pymatching. Stim's rotated memory circuit, basis X, rounds = distance, all four noise arguments = p. Prints
failures with their 95 % Wilson interval, events left to match, and microseconds a shot (through ctypes, so coarse) of
rule and plain matching together; checks that soft and hard use of the nearest-neighbour rules agree up to ties.
"""

import argparse
import ctypes
import math
import time

import numpy as np
import pymatching
import stim

from decoding import AUTO, LIB, MWPM, DecoderOptions, Graph, Model
from otr_ctypes import Error, check

HANDLE = ctypes.c_void_p
RULES = {"clique": 0, "smith": 1, "min-sum": 2}
NEAREST_NEIGHBOUR = ("clique", "smith")
USES = ("soft", "hard")  # otr_predecoder_use


class Result(ctypes.Structure):
    """otr_result"""

    _fields_ = [("weight", ctypes.c_int64), ("event_count", ctypes.c_uint32), ("matched_count", ctypes.c_uint32)]


class Options(ctypes.Structure):
    """otr_rule_options"""

    _fields_ = [("kind", ctypes.c_int), ("isa", ctypes.c_int)]
    _fields_ += [(name, ctypes.c_uint32) for name in ("iterations", "normalization")]


LIB.otr_rule_options_default.restype = Options
LIB.otr_rule_predecoder_create.argtypes = [ctypes.POINTER(HANDLE), HANDLE, HANDLE, HANDLE, HANDLE]
LIB.otr_predecoder_destroy.restype = None
LIB.otr_predecoder_destroy.argtypes = [HANDLE]
LIB.otr_decoder_decode_events.argtypes = [HANDLE, HANDLE, ctypes.c_size_t, HANDLE, ctypes.c_size_t, HANDLE, HANDLE]


class Rule:
    """otr_predecoder of a rule, given as NAME or NAME:ITERATIONS"""

    def __init__(self, text, graph, model):
        name, _, iterations = text.partition(":")
        self.name, self.handle, error = name, HANDLE(), Error()
        options = LIB.otr_rule_options_default(RULES[name])
        if iterations:
            options.iterations = int(iterations)
        where = ctypes.byref(self.handle), graph.handle, model.handle, ctypes.byref(options), ctypes.byref(error)
        check(LIB.otr_rule_predecoder_create(*where), error)

    def __del__(self):
        LIB.otr_predecoder_destroy(self.handle)


def wilson(failures, shots):
    """95 % interval of a rate."""
    z, rate = 1.96, failures / shots
    middle = (rate + z * z / (2 * shots)) / (1 + z * z / shots)
    half = z / (1 + z * z / shots) * math.sqrt(rate * (1 - rate) / shots + z * z / (4 * shots * shots))
    return max(middle - half, 0), middle + half


def run_rule(rule, use, graph, shots):
    """Predictions, events left for matching, and microseconds a shot."""
    options = DecoderOptions(kind=MWPM, isa=AUTO, predecoder=rule.handle, predecoder_use=use)
    decoder, flips, result = HANDLE(), ctypes.c_uint8(), Result()
    assert LIB.otr_decoder_create(ctypes.byref(decoder), graph.handle, ctypes.byref(options)) == 0
    where = None, 0, ctypes.byref(flips), ctypes.byref(result)
    predictions, left = [], []
    begin = time.perf_counter()
    for events in shots:
        assert LIB.otr_decoder_decode_events(decoder, events.ctypes.data, len(events), *where) == 0
        predictions.append(flips.value & 1)
        left.append(result.matched_count)
    spent = time.perf_counter() - begin
    LIB.otr_decoder_destroy(decoder)
    return np.array(predictions), left, 1e6 * spent / len(shots)


def report(name, wrong, left, spent):
    low, high = wilson(wrong.sum(), len(wrong))
    print(
        f"  {name:24} {wrong.sum():6} failures, {wrong.mean():.3e} ({low:.3e} to {high:.3e})"
        f"  {np.mean(left):8.2f} events {spent:9.1f} us"
    )


def measure(distance, p, count, rules, seed):
    circuit = stim.Circuit.generated(
        "surface_code:rotated_memory_x",
        distance=distance,
        rounds=distance,
        after_clifford_depolarization=p,
        before_round_data_depolarization=p,
        before_measure_flip_probability=p,
        after_reset_flip_probability=p,
    )
    dem = circuit.detector_error_model(decompose_errors=True)
    detectors, observables = circuit.compile_detector_sampler(seed=seed).sample(count, separate_observables=True)
    truth = observables[:, 0]
    shots = [np.flatnonzero(row).astype(np.uint32) for row in detectors]
    print(f"d={distance} p={p} {count} shots, {np.mean([len(s) for s in shots]):.2f} events a shot, seed {seed}")
    for name, correlated in (("PyMatching plain", False), ("PyMatching correlated", True)):
        matching = pymatching.Matching.from_detector_error_model(dem, enable_correlations=correlated)
        begin = time.perf_counter()
        guesses = matching.decode_batch(detectors, enable_correlations=correlated)[:, 0]
        report(name, guesses != truth, [len(shot) for shot in shots], 1e6 * (time.perf_counter() - begin) / count)
    model = Model(str(dem))
    graph = Graph(model, 0)
    for text in rules:
        rule, predictions = Rule(text, graph, model), []
        for use, name in enumerate(USES):
            guesses, left, spent = run_rule(rule, use, graph, shots)
            predictions.append(guesses)
            report(f"{text} {name}", guesses != truth, left, spent)
        if rule.name in NEAREST_NEIGHBOUR:
            differ = np.mean(predictions[0] != predictions[1])
            assert differ < 0.001, f"soft and hard use of {text} differ in {differ:.2%} of the shots"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--distance", type=int, nargs="+", default=[7])
    parser.add_argument("--p", type=float, nargs="+", default=[0.006])
    parser.add_argument("--shots", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rule", nargs="+", default=["clique", "smith", "min-sum"])
    arguments = parser.parse_args()
    for distance in arguments.distance:
        for p in arguments.p:
            measure(distance, p, arguments.shots, arguments.rule, arguments.seed)


if __name__ == "__main__":
    main()
