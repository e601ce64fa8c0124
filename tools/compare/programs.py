"""The three programs behind one interface, and the circuits and shots that they are given."""

import dataclasses
import json
import pathlib
import subprocess
import tempfile
import time

import numpy
import pymatching
import stim

from workspace import ROOT, WORK

TARGET = ROOT / "target" / "release"
# Models, shots and answers of this process, gone when it ends: two may measure at once.
WORK.mkdir(parents=True, exist_ok=True)
_FOLDER = tempfile.TemporaryDirectory(dir=WORK, prefix="run-")
FILES = pathlib.Path(_FOLDER.name)


@dataclasses.dataclass(frozen=True)
class Memory:
    """A rotated surface-code memory of Stim's generator with as many rounds as its distance."""

    basis: str
    d: int
    p: float

    @property
    def name(self):
        return f"{self.basis}_d{self.d}_p{self.p}"

    def circuit(self):
        return stim.Circuit.generated(
            f"surface_code:rotated_memory_{self.basis}",
            distance=self.d,
            rounds=self.d,
            after_clifford_depolarization=self.p,
            before_round_data_depolarization=self.p,
            before_measure_flip_probability=self.p,
            after_reset_flip_probability=self.p,
        )

    def dem(self):
        """The decomposed error model's file."""
        path = FILES / f"{self.name}.dem"
        if not path.exists():
            # Only the published circuit has errors of several outcomes.
            options = {"decompose_errors": True, "approximate_disjoint_errors": True}
            path.write_text(str(self.circuit().detector_error_model(**options)) + "\n")
        return path

    def sample(self, count, seed):
        """Packed detection events, written to a b8 file too, and the packed observables."""
        sampler = self.circuit().compile_detector_sampler(seed=seed)
        detectors, observables = sampler.sample(count, separate_observables=True, bit_packed=True)
        detectors, path = numpy.ascontiguousarray(detectors), FILES / f"{self.name}.b8"
        detectors.tofile(path)
        return Shots(path, detectors, numpy.ascontiguousarray(observables))


@dataclasses.dataclass
class Shots:
    path: pathlib.Path
    detectors: numpy.ndarray
    observables: numpy.ndarray

    def __len__(self):
        return len(self.detectors)

    def without_events(self, count):
        """As many shots, all without events; they are in no file."""
        return Shots(None, numpy.zeros((count, self.detectors.shape[1]), dtype=numpy.uint8), None)


class Native:
    """outrider and stabilizer_qec, run by the program `compare` in a process of its own."""

    def __init__(self):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([TARGET / "compare"], stdin=pipe, stdout=pipe, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def ask(self, *words):
        self.process.stdin.write("\t".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise RuntimeError(f"compare: {answer['error']}")
        return answer

    def open(self, memory, shots):
        self.ask("model", memory.dem())
        return self.ask("shots", shots.path, len(shots))

    def decode(self, decoder, shots):
        return self.ask("batch", decoder)

    def build(self, decoder, dem):
        self.ask("model", dem)
        return self.ask("build", decoder)

    def predict(self, decoder):
        predictions, weights = FILES / "predictions.b8", FILES / "weights.f64"
        self.ask("predict", decoder, predictions, weights)
        return numpy.fromfile(predictions, dtype=numpy.uint8), numpy.fromfile(weights, dtype=numpy.float64)

    def single(self, decoder):
        """Seconds of every shot by itself."""
        times = FILES / "times.u64"
        self.ask("single", decoder, times)
        return numpy.fromfile(times, dtype=numpy.uint64) * 1e-9


class PyMatching:
    """PyMatching, in this process."""

    def __init__(self, memory=None):
        if memory:
            self.decoders = {
                f"pymatching/{kind}": self.load(kind, memory.dem()) for kind in ["mwpm", "mwpm-correlated"]
            }

    @staticmethod
    def load(kind, dem):
        return pymatching.Matching.from_detector_error_model_file(
            str(dem), enable_correlations=kind == "mwpm-correlated"
        )

    def call(self, decoder):
        matching, correlated = self.decoders[decoder], decoder.endswith("-correlated")

        def decode_batch(detectors):
            return matching.decode_batch(
                detectors, bit_packed_shots=True, bit_packed_predictions=True, enable_correlations=correlated
            )

        return decode_batch

    def decode(self, decoder, shots):
        decode_batch = self.call(decoder)
        return timed(lambda: decode_batch(shots.detectors))

    def build(self, decoder, dem):
        """Up to the answer to an empty shot: PyMatching makes its matcher at the first one."""
        kind = decoder.split("/")[1]
        correlated = kind == "mwpm-correlated"
        empty = numpy.zeros((1, (stim.DetectorErrorModel.from_file(str(dem)).num_detectors + 7) // 8), dtype=numpy.uint8)

        def build():
            self.load(kind, dem).decode_batch(empty, bit_packed_shots=True, enable_correlations=correlated)

        return timed(build)

    def predict(self, decoder, shots):
        return self.call(decoder)(shots.detectors)[:, 0]

    def weights(self, shots):
        return self.decoders["pymatching/mwpm"].decode_batch(
            shots.detectors, bit_packed_shots=True, return_weights=True
        )[1]

    def single(self, decoder, shots):
        """Seconds of every shot by itself, through Python."""
        decode_batch, clock = self.call(decoder), time.perf_counter_ns
        times = numpy.empty(len(shots))
        for index, row in enumerate([shots.detectors[index : index + 1] for index in range(len(shots))]):
            start = clock()
            decode_batch(row)
            times[index] = clock() - start
        return times * 1e-9


def timed(work):
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {"wall": wall, "cpu": cpu}
