"""Writes the golden measurements (made with stim 1.16.0): python make_golden.py

NAME.shots has a line a shot: measurements, sweep bits, and Stim's detectors and observables for them, each as 0s and
1s, or - for none. NAME.without_feedback has, where feedback matters, the detectors and observables of the same
measurements if they come from runs without it. NAME.coordinates has a line for each of Stim's detectors. The circuits
random_* are random, with all of Stim's gates among them; hand_* were written by hand; sycamore is Google's (README.md).
Measurements are random bits, as the parities do not care; those of sycamore were measured.
"""

import pathlib
import random
import re
import sys

import numpy as np
import stim

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE / "../../oracle"))

from random_circuits import gate_lines, random_circuit

SHOTS = 12


def bits(row):
    return "".join("01"[int(bit)] for bit in row) or "-"


def surface_code_with_sweeps():
    """Stim's memory of distance 3, its data qubits flipped by sweep bits after their reset."""
    circuit = stim.Circuit.generated(
        "surface_code:rotated_memory_z", distance=3, rounds=4, after_clifford_depolarization=0.01
    )
    reset = next(op for op in circuit if op.name == "R")
    at = list(circuit).index(reset) + 1
    flips = " ".join(f"sweep[{k}] {target.value}" for k, target in enumerate(reset.targets_copy()))
    circuit.insert(at, stim.CircuitInstruction("TICK"))
    circuit.insert(at, stim.Circuit(f"CX {flips}"))
    return f"{circuit}\n"


def write_random_circuits():
    """Circuits until each gate has been in one."""
    rng, makers, made = random.Random(7), gate_lines(), 0
    missing = {stim.gate_data(line(rng).split("(")[0].split()[0]).name for line in makers}
    missing.discard("SHIFT_COORDS")  # flattened circuits have none
    while missing:
        text = random_circuit(rng, makers)
        circuit = stim.Circuit(text)
        gates = {operation.name for operation in circuit.flattened()}
        if gates & missing and circuit.num_detectors >= 4 and circuit.num_observables > 0 and circuit.num_sweep_bits > 0:
            (HERE / f"random_{made:02}.stim").write_text(f"{text}\n")
            missing -= gates
            made += 1


def write_answers(path):
    circuit = stim.Circuit.from_file(path)
    coordinates = circuit.get_detector_coordinates()
    lines = [" ".join([f"D{d}", *map(repr, coordinates[d])]) for d in range(circuit.num_detectors)]
    path.with_suffix(".coordinates").write_text("".join(f"{line}\n" for line in lines))
    if path.stem == "sycamore":
        return
    numbers = np.random.default_rng(11)
    measurements = numbers.random((SHOTS, circuit.num_measurements)) < 0.5
    sweep = numbers.random((SHOTS, circuit.num_sweep_bits)) < 0.5
    answers = convert(circuit, measurements, sweep)
    write_lines(path.with_suffix(".shots"), measurements, sweep, *answers)
    # Stim rewrites no feedback of these two gates.
    text = re.sub(r"([XY])CZ (\d+) (rec\[-\d+\])", r"C\1 \3 \2", str(circuit))
    rewritten = stim.Circuit(text).with_inlined_feedback()
    without = convert(rewritten, measurements, sweep)
    if any(not np.array_equal(*pair) for pair in zip(answers, without)):
        write_lines(path.with_suffix(".without_feedback"), *without)


def convert(circuit, measurements, sweep):
    return circuit.compile_m2d_converter().convert(
        measurements=measurements, sweep_bits=sweep, separate_observables=True
    )


def write_lines(path, *columns):
    path.write_text("".join(" ".join(map(bits, shot)) + "\n" for shot in zip(*columns)))


(HERE / "surface_code.stim").write_text(surface_code_with_sweeps())
write_random_circuits()
for circuit_path in sorted(HERE.glob("*.stim")):
    write_answers(circuit_path)
