"""Make the cases of this folder (needs stim 1.16.0, pymatching 2.4.0 and numpy): python make_shots_decoded.py OUT_DIR"""
import pathlib
import sys

import numpy as np
import pymatching
import stim

CASES = [
    # name, task, distance, rounds, noise, shots, seed
    ("x_d3_r3_p010", "rotated_memory_x", 3, 3, 0.01, 2000, 20260),
    ("x_d5_r5_p005", "rotated_memory_x", 5, 5, 0.005, 2000, 20261),
    ("z_d7_r7_p004", "rotated_memory_z", 7, 7, 0.004, 2000, 20262),
]

for name, task, distance, rounds, p, shots, seed in CASES:
    folder = pathlib.Path(sys.argv[1]) / name
    folder.mkdir(parents=True)
    circuit = stim.Circuit.generated(
        f"surface_code:{task}", distance=distance, rounds=rounds,
        after_clifford_depolarization=p, before_round_data_depolarization=p,
        before_measure_flip_probability=p, after_reset_flip_probability=p)
    model = circuit.detector_error_model(decompose_errors=True)
    model.to_file(folder / "model.dem")
    detectors, observables = circuit.compile_detector_sampler(seed=seed).sample(shots, separate_observables=True)
    np.packbits(detectors, axis=1, bitorder="little").tofile(folder / "dets.b8")
    np.packbits(observables, axis=1, bitorder="little").tofile(folder / "obs.b8")
    for kind, correlated in (("plain", False), ("correlated", True)):
        matching = pymatching.Matching.from_detector_error_model(model, enable_correlations=correlated)
        answers = [matching.decode(row, return_weight=True, enable_correlations=correlated) for row in detectors]
        (folder / f"{kind}.01").write_text("".join(f"{flips[0]}\n" for flips, _ in answers))
        (folder / f"{kind}.weights").write_text("".join(f"{float(weight):.17g}\n" for _, weight in answers))
