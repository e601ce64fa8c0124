"""Writes the golden shot files with Stim (made with stim 1.16.0): python make_golden.py

Each case is one random table of bits in all six formats; b8 is the truth the tests compare with. Names:
<kind>_<measurements>_<detectors>_<observables>.<format>; ptb64 exists where the number of shots is a multiple of 64.
"""

import pathlib

import numpy as np
import stim

HERE = pathlib.Path(__file__).parent

# kind, measurements, detectors, observables, shots, density
CASES = [
    ("sparse", 0, 24, 0, 64, 0.05),
    ("appended", 0, 23, 2, 64, 0.2),
    ("dense", 9, 0, 0, 64, 0.9),
    ("runs", 0, 600, 0, 5, 0.004),
    ("wide", 0, 65, 0, 7, 0.5),
    ("single", 0, 1, 0, 9, 0.5),
    ("labels", 0, 0, 3, 64, 0.4),
]

for number, (kind, measurements, detectors, observables, shots, density) in enumerate(CASES):
    bits = measurements + detectors + observables
    data = np.random.default_rng(number).random((shots, bits)) < density
    if kind == "runs":
        data[0] = False  # 600 zeros
        data[1] = [index in (255, 511, 599) for index in range(bits)]
    counts = {"num_measurements": measurements} if measurements else {
        "num_detectors": detectors,
        "num_observables": observables,
    }
    for file_format in ["01", "b8", "r8", "hits", "dets"] + ["ptb64"] * (shots % 64 == 0):
        path = HERE / f"{kind}_{measurements}_{detectors}_{observables}.{file_format}"
        stim.write_shot_data_file(data=data, path=str(path), format=file_format, **counts)
