"""Writes and reads random rows in all six result formats, against Stim in both directions.

    python c_core/tests/oracle/formats.py [--seed S] [--cases N]

Needs stim. Prints the seed. Our bytes must be Stim's bytes, and each must read the other's rows.
"""

import argparse
import ctypes
import pathlib
import random
import tempfile

import numpy as np
import stim

from otr_ctypes import Error, check, library

FORMATS = ("01", "b8", "r8", "ptb64", "hits", "dets")
ISAS = range(4)
OK, UNSUPPORTED = 0, 2


class Layout(ctypes.Structure):
    """otr_shot_layout"""

    _fields_ = [(name, ctypes.c_uint64) for name in ("measurements", "detectors", "observables")]

    def bits(self):
        return self.measurements + self.detectors + self.observables

    def stim_arguments(self):
        return {f"num_{name}": getattr(self, name) for name, _ in self._fields_}


LIB = library()
HANDLE, SIZE, COUNT = ctypes.c_void_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t)
for name in ("otr_shot_reader_destroy", "otr_shot_writer_destroy"):
    getattr(LIB, name).restype = None
    getattr(LIB, name).argtypes = [HANDLE]
for name in ("otr_shot_reader_create", "otr_shot_writer_create"):
    getattr(LIB, name).argtypes = [ctypes.POINTER(HANDLE), ctypes.c_int, ctypes.POINTER(Layout), ctypes.c_int]
LIB.otr_shot_reader_read.argtypes = [HANDLE, ctypes.c_char_p, SIZE, COUNT, HANDLE, SIZE, SIZE, COUNT]
LIB.otr_shot_reader_read.argtypes += [ctypes.POINTER(Error)]
LIB.otr_shot_reader_finish.argtypes = [HANDLE, HANDLE, SIZE, COUNT, ctypes.POINTER(Error)]
LIB.otr_shot_writer_write.argtypes = [HANDLE, HANDLE, SIZE, SIZE, ctypes.POINTER(HANDLE), COUNT]
LIB.otr_shot_writer_finish.argtypes = [HANDLE, ctypes.POINTER(Error)]


def available_isas():
    layout = Layout(1, 0, 0)
    for isa in ISAS:
        reader = HANDLE()
        status = LIB.otr_shot_reader_create(ctypes.byref(reader), 0, ctypes.byref(layout), isa)
        assert status in (OK, UNSUPPORTED)
        if status == OK:
            LIB.otr_shot_reader_destroy(reader)
            yield isa


def read(data, form, layout, isa, rng):
    """The rows of a file, read in pieces."""
    reader, error, stride = HANDLE(), Error(), (layout.bits() + 7) // 8
    assert LIB.otr_shot_reader_create(ctypes.byref(reader), form, ctypes.byref(layout), isa) == OK
    rows, at, full = [], 0, False
    while full or at < len(data):
        piece, room = data[at : at + rng.randint(1, 5000)], rng.randint(1, 100)
        block = np.zeros((room, stride), dtype=np.uint8)
        used, count = SIZE(), SIZE()
        outputs = block.ctypes.data, stride, room, ctypes.byref(count), ctypes.byref(error)
        check(LIB.otr_shot_reader_read(reader, piece, len(piece), ctypes.byref(used), *outputs), error)
        rows.append(block[: count.value])
        at, full = at + used.value, count.value == room
    last, count = np.zeros((1, stride), dtype=np.uint8), SIZE()
    finish = LIB.otr_shot_reader_finish
    check(finish(reader, last.ctypes.data, stride, ctypes.byref(count), ctypes.byref(error)), error)
    LIB.otr_shot_reader_destroy(reader)
    return np.vstack([*rows, last[: count.value]])


def write(rows, form, layout, isa, rng):
    """The bytes of a file, written in groups of rows."""
    writer, error, out, at = HANDLE(), Error(), b"", 0
    assert LIB.otr_shot_writer_create(ctypes.byref(writer), form, ctypes.byref(layout), isa) == OK
    while at < len(rows):
        group = np.ascontiguousarray(rows[at : at + rng.randint(1, 100)])
        data, size = HANDLE(), SIZE()
        view = ctypes.byref(data), ctypes.byref(size)
        assert LIB.otr_shot_writer_write(writer, group.ctypes.data, group.shape[1], len(group), *view) == OK
        out += ctypes.string_at(data, size.value) if size.value else b""
        at += len(group)
    check(LIB.otr_shot_writer_finish(writer, ctypes.byref(error)), error)
    LIB.otr_shot_writer_destroy(writer)
    return out


def random_layout(rng):
    """Measurements, or detectors with or without observables, of any width."""
    bits = rng.choice([1, 7, 8, 9, 63, 64, 65, 255, 256, 257, 511, 1000]) + rng.randint(0, 3)
    if rng.random() < 0.3:
        return Layout(bits, 0, 0)
    return Layout(0, bits, rng.choice([0, 1, 2, 70]))


def compare(rng, isa, path):
    layout = random_layout(rng)
    shots = 64 * rng.randint(1, 4)
    density = rng.choice([0, 0.001, 0.02, 0.5, 1])
    bits = np.random.default_rng(rng.getrandbits(32)).random((shots, layout.bits())) < density
    rows = np.packbits(bits, axis=1, bitorder="little")
    for form, name in enumerate(FORMATS):
        label = f"{name}, {layout.stim_arguments()}, {shots} shots, isa {isa}"
        stim.write_shot_data_file(data=bits, path=path, format=name, **layout.stim_arguments())
        theirs = pathlib.Path(path).read_bytes()
        ours = write(rows, form, layout, isa, rng)
        assert ours == theirs, f"{label}: other bytes than Stim's"
        assert np.array_equal(read(theirs, form, layout, isa, rng), rows), f"{label}: Stim's file reads differently"
        pathlib.Path(path).write_bytes(ours)
        again = stim.read_shot_data_file(path=path, format=name, **layout.stim_arguments())
        assert np.array_equal(again, bits), f"{label}: Stim reads our file differently"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    parser.add_argument("--cases", type=int, default=150)
    arguments = parser.parse_args()
    print(f"Stim {stim.__version__}, --seed {arguments.seed}", flush=True)
    isas = list(available_isas())
    with tempfile.TemporaryDirectory() as folder:
        for case in range(arguments.cases):
            rng = random.Random(f"{arguments.seed} {case}")
            compare(rng, isas[case % len(isas)], f"{folder}/shots")
    print(f"{arguments.cases} random files in {len(FORMATS)} formats equal Stim's, {len(isas)} instruction sets")


if __name__ == "__main__":
    main()
