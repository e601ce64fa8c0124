"""Compares measurement maps with Stim: on random circuits of all its gates, and on its generated codes.

    python c_core/tests/oracle/measurements.py [--seed S] [--circuits N]

Needs stim. Prints the seed; the same seed gives the same circuits and shots. For every circuit:
  - detectors and observables of random measurements and sweep bits are those of Stim's converter, all at once and
    in the order in which they become known;
  - counts and coordinates are Stim's;
  - a parity that Stim's analysis calls non-deterministic is refused, and no other.
"""

import argparse
import ctypes
import random

import numpy as np
import stim

from otr_ctypes import Error, OutriderError, check, library
from random_circuits import gate_lines, is_random, random_circuit, random_lines

RANDOM = 25
SHOTS = 33
BYTES = ctypes.POINTER(ctypes.c_uint8)


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
    ctypes.c_void_p,
    ctypes.POINTER(Error),
]
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

    def __init__(self, text):
        self.handle = HANDLE()
        error = Error()
        data = text.encode()
        check(LIB.otr_measurement_map_create(ctypes.byref(self.handle), data, len(data), None, ctypes.byref(error)), error)
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


def compare(text, rng, label):
    circuit = stim.Circuit(text)
    ours = Map(text)
    counts = (circuit.num_measurements, circuit.num_sweep_bits, circuit.num_detectors, circuit.num_observables)
    assert tuple(getattr(ours, name) for name in COUNTS) == counts, label
    numbers = np.random.default_rng(rng.randrange(2**32))
    measurements = numbers.random((SHOTS, counts[0])) < 0.5
    sweep = numbers.random((SHOTS, counts[1])) < 0.5
    measurements[0], sweep[0] = False, False
    expected = circuit.compile_m2d_converter().convert(
        measurements=measurements, sweep_bits=sweep, separate_observables=True
    )
    for kind, mine, theirs in zip(("detectors", "observables"), ours.convert(measurements, sweep), expected):
        assert np.array_equal(mine, theirs), f"{label}: {kind} {np.argwhere(mine != theirs)[:3].tolist()} differ in\n{text}"
    assert np.array_equal(ours.stream(measurements[-1], sweep[-1], rng), expected[0][-1]), label
    for detector, coordinates in circuit.get_detector_coordinates().items():
        assert ours.coordinates(detector) == coordinates, f"{label}: D{detector}"


def check_refusal(rng, makers):
    """A parity of results chosen blindly; answers whether it was random."""
    lines = random_lines(rng, makers, rng.randint(1, 15))
    measured = stim.Circuit("\n".join(lines)).num_measurements
    records = rng.sample(range(1, measured + 1), rng.randint(0, min(3, measured)))
    name = rng.choice(["DETECTOR", "OBSERVABLE_INCLUDE(0)"])
    text = "\n".join([*lines, f"{name} {' '.join(f'rec[-{k}]' for k in records)}"])
    expected = is_random(text)
    try:
        Map(text)
        assert not expected, f"accepted\n{text}"
    except OutriderError as error:
        assert expected and error.args[0] == RANDOM, f"{error} for\n{text}"
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
    refused = sum(check_refusal(rng, makers) for _ in range(options.circuits))
    assert 0 < refused < options.circuits, refused
    print(f"{len(codes)} codes, {options.circuits} random circuits, {refused} random parities refused: all as Stim")


if __name__ == "__main__":
    main()
