"""The programs behind one interface, and the circuits and shots that they are given."""

import dataclasses
import json
import pathlib
import subprocess
import tempfile
import time

import numpy
import pymatching
import stim
import tesseract_decoder

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
        return Shots.written(FILES / f"{self.name}.b8", detectors, observables)


class TwoPatches(Memory):
    """Two memories in one model, of the X and of the Z basis, with an observable each. The second stands beyond the
    columns of the first."""

    @property
    def name(self):
        return f"two_patches_d{self.d}_p{self.p}"

    def dem(self):
        path = FILES / f"{self.name}.dem"
        if not path.exists():
            both, detectors = stim.DetectorErrorModel(), 0
            for index, basis in enumerate(("x", "z")):
                model = stim.DetectorErrorModel.from_file(str(Memory(basis, self.d, self.p).dem())).flattened()
                for instruction in model:
                    both.append(moved(instruction, detectors, index, 4 * self.d * index))
                detectors += model.num_detectors
            path.write_text(str(both) + "\n")
        return path

    def sample(self, count, seed):
        sampler = stim.DetectorErrorModel.from_file(str(self.dem())).compile_sampler(seed=seed)
        detectors, observables, _ = sampler.sample(count, bit_packed=True)
        return Shots.written(FILES / f"{self.name}.b8", detectors, observables)


def moved(instruction, detectors, observables, columns):
    """An instruction of a model for detectors and observables of higher numbers, and for columns further on."""
    targets, numbers = [], instruction.args_copy()
    for target in instruction.targets_copy():
        if target.is_relative_detector_id():
            target = stim.target_relative_detector_id(target.val + detectors)
        elif target.is_logical_observable_id():
            target = stim.target_logical_observable_id(target.val + observables)
        targets.append(target)
    if instruction.type == "detector":
        numbers[0] += columns
    return stim.DemInstruction(instruction.type, numbers, targets)


@dataclasses.dataclass
class Shots:
    path: pathlib.Path
    detectors: numpy.ndarray
    observables: numpy.ndarray

    @classmethod
    def written(cls, path, detectors, observables):
        """With the events in a file too."""
        detectors = numpy.ascontiguousarray(detectors)
        detectors.tofile(path)
        return cls(path, detectors, numpy.ascontiguousarray(observables))

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
        """The first eight observables of every shot, the weights of matchings, and the time."""
        predictions, weights = FILES / "predictions.b8", FILES / "weights.f64"
        times = self.ask("predict", decoder, predictions, weights)
        return numpy.fromfile(predictions, dtype=numpy.uint8), numpy.fromfile(weights, dtype=numpy.float64), times

    def ratios(self, decoder):
        """The log-likelihood ratio of every shot's first observable, and a number for what decided it."""
        ratios, levels = FILES / "ratios.f64", FILES / "levels.u8"
        self.ask("ratios", decoder, ratios, levels)
        return numpy.fromfile(ratios, dtype=numpy.float64), numpy.fromfile(levels, dtype=numpy.uint8)

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


class Tesseract:
    """tesseract with one of the two settings that its documentation recommends, in this process."""

    BEAMS = {"short beam": (15, 16, 200_000), "long beam": (20, 21, 1_000_000)}

    def __init__(self, memory, beam):
        model = stim.DetectorErrorModel.from_file(str(memory.dem()))
        width, orders, queue = self.BEAMS[beam]
        self.detectors = model.num_detectors
        self.decoder = tesseract_decoder.tesseract.TesseractConfig(
            dem=model,
            pqlimit=queue,
            det_beam=width,
            beam_climbing=True,
            det_orders=tesseract_decoder.utils.build_det_orders(dem=model, num_det_orders=orders),
            no_revisit_dets=True,
        ).compile_decoder()

    def predict(self, detectors):
        """Whether the observable of each shot flips, and the CPU seconds that it took."""
        events = numpy.unpackbits(detectors, axis=1, bitorder="little", count=self.detectors).astype(bool)
        start = time.process_time()
        predictions = self.decoder.decode_batch(events)
        return predictions[:, 0].astype(numpy.uint8), time.process_time() - start


def timed(work):
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {"wall": wall, "cpu": cpu}
