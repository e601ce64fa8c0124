"""The measurements of noise.py. Every section writes docs/noise-learning/<section>.csv and its entry in run.json."""

import gc
import os
import time

import noise_hardware
import noise_simulated
from noise_speed import speed
from sections import describe
from workspace import record, write_csv

# The first points of sections that count failures; the rest are seconds, shots, draws of the noise in each basis, and failures to stop at.
FULL = {"points": None, "speed_shots": 1_000_000, "sites_s": 900, "distances_s": 5400, "parameters_s": 1800, "draws": 1, "failures": 4000,
        "hardware_shots": 50_000}  # fmt: skip
QUICK = {"points": 1, "speed_shots": 20_000, "sites_s": 60, "distances_s": 120, "parameters_s": 60, "draws": 1, "failures": 200,
         "hardware_shots": 5000}  # fmt: skip
COUNTED = ("sites", "distances", "parameters")
SECTIONS = {
    "speed": speed, "hardware": noise_hardware.hardware, "sites": noise_simulated.sites,
    "distances": noise_simulated.distances, "parameters": noise_simulated.parameters, "trellis": noise_hardware.trellis,
}  # fmt: skip


def run(folder, name, data, quick, core, minutes, most):
    """Measures a section on one core. Rows are written as they come, so that one may stop it and keep what it has."""
    effort = {**(QUICK if quick else FULL), "data": data, "limit_s": 60 * most}
    if minutes is not None:
        effort |= {f"{section}_s": 60 * minutes for section in COUNTED}
    if name not in COUNTED:
        minutes = None
    os.sched_setaffinity(0, {core})
    folder.mkdir(parents=True, exist_ok=True)
    gc.disable()
    start = time.time()

    def keep(rows, part=name):
        write_csv(folder / f"{part}.csv", rows)
        about = describe(quick, core, time.time() - start, minutes=minutes, draws=effort["draws"])
        if name == "trellis":
            about["most_minutes"] = most
        record(folder, name, about)

    SECTIONS[name](effort, keep)
