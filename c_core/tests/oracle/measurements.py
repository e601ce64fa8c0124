"""Compares measurement maps with Stim: on random circuits of all its gates, and on its generated codes.

    python c_core/tests/oracle/measurements.py [--seed S] [--circuits N]

Needs stim. Prints the seed; the same seed gives the same circuits and shots. For every circuit:
  - detectors and observables of random measurements and sweep bits are those of Stim's converter, all at once and
    in the order in which they become known, also of runs without feedback and without a reference sample;
  - counts and coordinates are Stim's;
  - a parity that Stim's analysis calls non-deterministic is refused, and no other; without a reference sample, or if
    it is an observable and only detectors are wanted, it is not refused;
  - Pauli targets among the observables change no detector.
"""

import argparse
import ctypes
import itertools
import random
import re

import numpy as np
import stim

from otr_ctypes import Error, OutriderError, check, library
from random_circuits import feedback_circuit, gate_lines, is_random, random_circuit, random_lines

RANDOM = 25
UNSUPPORTED = 2
SHOTS = 33
BYTES = ctypes.POINTER(ctypes.c_uint8)


class Options(ctypes.Structure):
    """otr_measurement_options"""

    _fields_ = [
        ("steps_max", ctypes.c_uint64),
        ("detectors_only", ctypes.c_bool),
        ("ran_without_feedback", ctypes.c_bool),
        ("skip_reference_sample", ctypes.c_bool),
    ]


class Measured(ctypes.Structure):
    """otr_measured"""

    _fields_ = [
        ("measurements", BYTES),
        ("measurement_stride", ctypes.c_size_t),
        ("sweep", BYTES),
        ("sweep_stride", ctypes.c_size_t),
    ]


class Parities(ctypes.Structure):
    """otr_parities"""

    _fields_ = [
        ("detectors", BYTES),
        ("detector_stride", ctypes.c_size_t),
        ("observables", BYTES),
        ("observable_stride", ctypes.c_size_t),
    ]


LIB = library()
HANDLE, COUNT = ctypes.c_void_p, ctypes.c_uint64
COUNTS = ("measurement", "sweep", "detector", "observable")
for name in COUNTS:
    getattr(LIB, f"otr_measurement_map_{name}_count").restype = COUNT
    getattr(LIB, f"otr_measurement_map_{name}_count").argtypes = [HANDLE]
LIB.otr_measurement_map_create.argtypes = [
    ctypes.POINTER(HANDLE),
    ctypes.c_char_p,
    ctypes.c_size_t,
    ctypes.POINTER(Options),
    ctypes.POINTER(Error),
]
LIB.otr_measurement_options_default.restype = Options
LIB.otr_measurement_map_destroy.restype = None
LIB.otr_measurement_map_destroy.argtypes = [HANDLE]
LIB.otr_measurement_map_coordinates.argtypes = [
    HANDLE,
    COUNT,
    ctypes.POINTER(ctypes.POINTER(ctypes.c_double)),
    ctypes.POINTER(ctypes.c_size_t),
]
LIB.otr_measurement_map_apply.argtypes = [
    HANDLE,
    ctypes.POINTER(Measured),
    ctypes.c_size_t,
    ctypes.POINTER(Parities),
]
LIB.otr_measurement_map_order.restype = ctypes.POINTER(ctypes.c_uint32)
LIB.otr_measurement_map_order.argtypes = [HANDLE]
LIB.otr_measurement_map_known.restype = COUNT
LIB.otr_measurement_map_known.argtypes = [HANDLE, COUNT]
LIB.otr_measurement_map_apply_known.argtypes = [HANDLE, BYTES, BYTES, COUNT, COUNT, BYTES]


def pack(bits):
    """Rows of bits as packed bytes, at least one a row."""
    packed = np.packbits(bits, axis=1, bitorder="little")
    return np.ascontiguousarray(packed if packed.shape[1] else np.zeros((len(bits), 1), np.uint8))


def pointer(array):
    return array.ctypes.data_as(BYTES)


class Map:
    """otr_measurement_map"""

    def __init__(self, text, **changes):
        self.handle = HANDLE()
        error, options = Error(), LIB.otr_measurement_options_default()
        for name, value in changes.items():
            setattr(options, name, value)
        data, made = text.encode(), ctypes.byref(self.handle)
        check(LIB.otr_measurement_map_create(made, data, len(data), options, ctypes.byref(error)), error)
        for name in COUNTS:
            setattr(self, name, getattr(LIB, f"otr_measurement_map_{name}_count")(self.handle))

    def __del__(self):
        LIB.otr_measurement_map_destroy(self.handle)

    def coordinates(self, detector):
        values, count = ctypes.POINTER(ctypes.c_double)(), ctypes.c_size_t()
        assert LIB.otr_measurement_map_coordinates(self.handle, detector, ctypes.byref(values), ctypes.byref(count)) == 0
        return values[: count.value]

    def convert(self, measurements, sweep):
        """Detectors and observables of rows of bits."""
        packed, packed_sweep = pack(measurements), pack(sweep)
        detectors = np.full((len(packed), self.detector // 8 + 1), 255, np.uint8)
        observables = np.full((len(packed), self.observable // 8 + 1), 255, np.uint8)
        taken = Measured(pointer(packed), packed.shape[1], pointer(packed_sweep), packed_sweep.shape[1])
        given = Parities(pointer(detectors), detectors.shape[1], pointer(observables), observables.shape[1])
        assert LIB.otr_measurement_map_apply(self.handle, ctypes.byref(taken), len(packed), ctypes.byref(given)) == 0
        unpack = lambda rows, count: np.unpackbits(rows, axis=1, bitorder="little")[:, :count].astype(bool)
        return unpack(detectors, self.detector), unpack(observables, self.observable)

    def stream(self, measurements, sweep, rng):
        """Detectors of one shot whose measurements come in pieces; what has not come yet reads as 1."""
        detectors = np.zeros(self.detector // 8 + 1, np.uint8)
        packed_sweep = pack(sweep[None])
        known = came = 0
        while known < self.detector:
            came = min(self.measurement, came + rng.randrange(4))
            so_far = measurements.copy()
            so_far[came:] = True
            packed = pack(so_far[None])
            now = LIB.otr_measurement_map_known(self.handle, came)
            status = LIB.otr_measurement_map_apply_known(
                self.handle, pointer(packed), pointer(packed_sweep), known, now - known, pointer(detectors)
            )
            assert status == 0 and now >= known
            known = now
        return np.unpackbits(detectors, bitorder="little")[: self.detector].astype(bool)


MODES = [
    {"ran_without_feedback": without, "skip_reference_sample": skip}
    for without, skip in itertools.product([False, True], repeat=2)
]


def stim_answers(text, measurements, sweep, mode):
    """Stim's detectors and observables."""
    # Stim does not rewrite feedback of these two gates.
    text = re.sub(r"([XY])CZ (\d+) (rec\[-\d+\])", r"C\1 \3 \2", text)
    circuit = stim.Circuit(text)
    if mode["ran_without_feedback"]:
        circuit = circuit.with_inlined_feedback()
    converter = circuit.compile_m2d_converter(skip_reference_sample=mode["skip_reference_sample"])
    return converter.convert(measurements=measurements, sweep_bits=sweep, separate_observables=True)


def with_paulis(text, rng):
    """The circuit with Pauli targets of observables here and there."""
    lines = text.split("\n")
    for _ in range(rng.randint(1, 3)):
        paulis = [f"{rng.choice(['', '!'])}{rng.choice('XYZxyz')}{rng.randrange(9)}" for _ in range(rng.randint(1, 3))]
        lines.insert(rng.randrange(len(lines) + 1), f"OBSERVABLE_INCLUDE({rng.randrange(4)}) {' '.join(paulis)}")
    return "\n".join(lines)


def compare(text, rng, label):
    """Answers whether feedback has a part in the circuit's detectors or observables."""
    circuit = stim.Circuit(text)
    ours = Map(text)
    counts = (circuit.num_measurements, circuit.num_sweep_bits, circuit.num_detectors, circuit.num_observables)
    assert tuple(getattr(ours, name) for name in COUNTS) == counts, label
    numbers = np.random.default_rng(rng.randrange(2**32))
    measurements = numbers.random((SHOTS, counts[0])) < 0.5
    sweep = numbers.random((SHOTS, counts[1])) < 0.5
    measurements[0], sweep[0] = False, False
    paulis, answers = with_paulis(text, rng), []
    for mode in MODES:
        ours = Map(text, **mode)
        expected = stim_answers(text, measurements, sweep, mode)
        for kind, mine, theirs in zip(("detectors", "observables"), ours.convert(measurements, sweep), expected):
            where = np.argwhere(mine != theirs)[:3].tolist()
            assert not where, f"{label}, {mode}: {kind} {where} differ in\n{text}"
        assert np.array_equal(ours.stream(measurements[-1], sweep[-1], rng), expected[0][-1]), (label, mode)
        detectors = Map(paulis, detectors_only=True, **mode)
        assert detectors.observable == 0, label
        assert np.array_equal(detectors.convert(measurements, sweep)[0], expected[0]), f"{label}, {mode}:\n{paulis}"
        answers.append(np.concatenate(expected, axis=1))
    check_error(UNSUPPORTED, paulis)
    for detector, coordinates in circuit.get_detector_coordinates().items():
        assert ours.coordinates(detector) == coordinates, f"{label}: D{detector}"
    return not np.array_equal(answers[0], answers[2])


def check_error(status, text, **options):
    try:
        Map(text, **options)
    except OutriderError as error:
        assert error.args[0] == status, f"{error} for\n{text}"
    else:
        raise AssertionError(f"accepted\n{text}")


def check_refusal(rng, makers):
    """A parity of results chosen blindly; answers whether it was random."""
    lines = random_lines(rng, makers, rng.randint(1, 15))
    measured = stim.Circuit("\n".join(lines)).num_measurements
    records = rng.sample(range(1, measured + 1), rng.randint(0, min(3, measured)))
    name = rng.choice(["DETECTOR", "OBSERVABLE_INCLUDE(0)"])
    text = "\n".join([*lines, f"{name} {' '.join(f'rec[-{k}]' for k in records)}"])
    expected = is_random(text)
    if expected:
        check_error(RANDOM, text)
    circuit = stim.Circuit(text)
    numbers = np.random.default_rng(rng.randrange(2**32))
    measurements = numbers.random((SHOTS, measured)) < 0.5
    # Past a reset, Stim's sweep bits flip random parities in its own way.
    sweep = numbers.random((SHOTS, circuit.num_sweep_bits)) < 0.5 * (not expected)
    for mode in MODES:
        if name != "DETECTOR":
            assert Map(text, detectors_only=True, **mode).detector == 0
        # Stim rewrites no circuit that has a random parity.
        if expected and (mode["ran_without_feedback"] or not mode["skip_reference_sample"]):
            continue
        theirs = stim_answers(text, measurements, sweep, mode)
        for mine, other in zip(Map(text, **mode).convert(measurements, sweep), theirs):
            assert np.array_equal(mine, other), f"{mode}:\n{text}"
    return expected


def generated_codes():
    for code in ("surface_code:rotated_memory_x", "surface_code:rotated_memory_z", "surface_code:unrotated_memory_x"):
        for distance, rounds in ((2, 1), (3, 2), (3, 40), (5, 5), (7, 11)):
            yield stim.Circuit.generated(code, distance=distance, rounds=rounds, after_clifford_depolarization=0.01)
    yield stim.Circuit.generated("color_code:memory_xyz", distance=5, rounds=7)
    yield stim.Circuit.generated("repetition_code:memory", distance=9, rounds=200)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--circuits", type=int, default=400)
    options = parser.parse_args()
    print(f"seed {options.seed}")
    rng = random.Random(options.seed)
    makers = gate_lines()
    codes = list(generated_codes())
    for circuit in codes:
        compare(str(circuit), rng, "generated")
    for index in range(options.circuits):
        compare(random_circuit(rng, makers), rng, f"circuit {index}")
    fed = sum(compare(feedback_circuit(rng), rng, f"feedback {index}") for index in range(options.circuits))
    refused = sum(check_refusal(rng, makers) for _ in range(options.circuits))
    assert 0 < refused < options.circuits and fed > 0, (refused, fed)
    print(
        f"{len(codes)} codes, {2 * options.circuits} random circuits, {fed} of them with feedback that matters, "
        f"{refused} random parities refused: all as Stim"
    )


if __name__ == "__main__":
    main()
