"""Writes the golden circuits and models (made with stim 1.16.0): python make_golden.py

NAME.dem is Stim's analysis of NAME.stim, flattened. The circuits stim_* are Stim's own; the circuits paper_* were
written by this library, read against arXiv:2604.12841, and are kept as they were: only their models are made here.
"""

import pathlib

import stim

HERE = pathlib.Path(__file__).parent

# name, memory basis, distance, rounds, the four noise arguments in the generator's order
STIM_CASES = [
    ("stim_z_3_3", "z", 3, 3, (0.001, 0.002, 0.003, 0.004)),
    ("stim_x_2_1", "x", 2, 1, (0.01, 0.01, 0.01, 0.01)),
    ("stim_x_4_2", "x", 4, 2, (0.0, 0.01, 0.02, 0.0)),
    ("stim_z_3_9", "z", 3, 9, (0.005, 0.0, 0.0, 0.01)),
]
NOISE = (
    "after_clifford_depolarization",
    "before_round_data_depolarization",
    "before_measure_flip_probability",
    "after_reset_flip_probability",
)

for name, basis, distance, rounds, noise in STIM_CASES:
    circuit = stim.Circuit.generated(
        f"surface_code:rotated_memory_{basis}", distance=distance, rounds=rounds, **dict(zip(NOISE, noise))
    )
    (HERE / f"{name}.stim").write_text(f"{circuit}\n")

for path in sorted(HERE.glob("*.stim")):
    circuit = stim.Circuit.from_file(path)
    model = circuit.detector_error_model(decompose_errors=True, approximate_disjoint_errors=True)
    path.with_suffix(".dem").write_text(f"{model.flattened()}\n")
