"""The C core for oracle scripts: built as a shared library with one compiler call per instruction set, loaded by ctypes.

    from otr_ctypes import library, check, text_of

    python c_core/tests/oracle/otr_ctypes.py DIRECTORY    builds it once for several scripts and prints its path
"""

import ctypes
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

CORE = Path(__file__).resolve().parents[2]

_FLAGS = ["-std=c11", "-O2", "-fPIC", "-ffp-contract=off", f"-I{CORE / 'include'}", f"-I{CORE / 'src'}"]
# Suffix of files -> architecture and flags.
_INSTRUCTION_SETS = {
    suffix: (architecture, flags)
    for suffix, architecture, *flags in map(str.split, (CORE / "instruction_sets.txt").read_text().splitlines())
    if suffix != "#"
}


class Error(ctypes.Structure):
    """otr_error"""

    _fields_ = [
        ("status", ctypes.c_int),
        ("column", ctypes.c_uint32),
        ("line", ctypes.c_uint64),
        ("message", ctypes.c_char * 232),
    ]


class GraphOptions(ctypes.Structure):
    """otr_graph_options"""

    _fields_ = [
        ("correlations", ctypes.c_bool),
        ("ignore_undecomposable", ctypes.c_bool),
        ("reweightable", ctypes.c_bool),
        ("errors", ctypes.c_bool),
        ("first_observables", ctypes.c_bool),
        ("levels", ctypes.c_uint32),
        ("weight_range", ctypes.c_double),
    ]


STIM_NOISE = (
    "after_clifford_depolarization",
    "before_round_data_depolarization",
    "before_measure_flip_probability",
    "after_reset_flip_probability",
)


class NoiseStim(ctypes.Structure):
    """otr_noise_stim"""

    _fields_ = [(name, ctypes.c_double) for name in STIM_NOISE]


class NoisePaper(ctypes.Structure):
    """otr_noise_paper"""

    _fields_ = [
        ("prep_x", ctypes.c_double),
        ("prep_z", ctypes.c_double),
        ("meas_x", ctypes.c_double),
        ("meas_z", ctypes.c_double),
        ("idle_cnot", ctypes.c_double * 3),
        ("idle_spam", ctypes.c_double * 3),
        ("cnot", ctypes.c_double * 15),
    ]


class SurfaceOptions(ctypes.Structure):
    """otr_surface_options"""

    _fields_ = [
        ("family", ctypes.c_int),
        ("basis", ctypes.c_int),
        ("width", ctypes.c_uint32),
        ("height", ctypes.c_uint32),
        ("rounds", ctypes.c_uint32),
        ("orientation", ctypes.c_int),
        ("noise_stim", NoiseStim),
        ("noise_paper", NoisePaper),
    ]


class OutriderError(Exception):
    """A call of the library failed; the arguments are its status and message."""


def _build(directory):
    """Compiles every C file of the core and returns the path of the shared library."""
    compiler = os.environ.get("CC", "gcc")
    objects = []
    for source in sorted((CORE / "src").rglob("*.c")):
        sets = (s for suffix, s in _INSTRUCTION_SETS.items() if source.stem.endswith(suffix))
        architecture, flags = next(sets, (platform.machine(), []))
        if architecture == platform.machine():
            objects.append(os.path.join(directory, f"{source.stem}.o"))
            subprocess.run([compiler, *_FLAGS, *flags, "-c", source, "-o", objects[-1]], check=True)
    path = os.path.join(directory, "liboutrider.so")
    subprocess.run([compiler, "-shared", "-o", path, *objects, "-lm"], check=True)
    return path


def library():
    """The loaded library. OUTRIDER_LIBRARY names one that is built already."""
    ready = os.environ.get("OUTRIDER_LIBRARY")
    if ready:
        return _declare(ctypes.CDLL(ready))
    with tempfile.TemporaryDirectory() as directory:
        return _declare(ctypes.CDLL(_build(directory)))


def _declare(lib):
    for name in ("otr_surface_circuit_text", "otr_model_text"):
        getattr(lib, name).restype = ctypes.c_size_t
        getattr(lib, name).argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
    for name in ("otr_surface_destroy", "otr_model_destroy", "otr_graph_destroy"):
        getattr(lib, name).restype = None
        getattr(lib, name).argtypes = [ctypes.c_void_p]
    for name in ("otr_surface_detector_count", "otr_model_detector_count", "otr_model_error_count"):
        getattr(lib, name).restype = ctypes.c_uint64
        getattr(lib, name).argtypes = [ctypes.c_void_p]
    handle, error = ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(Error)
    lib.otr_model_parse.argtypes = [handle, ctypes.c_char_p, ctypes.c_size_t, error]
    lib.otr_graph_create.argtypes = [handle, ctypes.c_void_p, ctypes.POINTER(GraphOptions), error]
    lib.otr_graph_options_default.restype = GraphOptions
    return lib


def check(status, error):
    """Raises OutriderError unless the status is OTR_OK."""
    if status != 0:
        raise OutriderError(status, error.message.decode())


def text_of(function, handle):
    """The text that an snprintf-like function of the library writes."""
    size = function(handle, None, 0)
    buffer = ctypes.create_string_buffer(size + 1)
    function(handle, buffer, size + 1)
    return buffer.value.decode()


if __name__ == "__main__":
    print(_build(sys.argv[1]))
