"""Section `hardware` of likelihood.py: shots of a real device, beside the answers of other decoders that come with them.

The data are those of "Suppressing quantum errors by scaling a surface code logical qubit", Google Quantum AI, Zenodo
6804040, CC BY 4.0. Below the folder there is one for each of EXPERIMENTS, with files as they are published:
detection_events.b8, obs_flips_actual.01, obs_flips_predicted_by_*.01, pij_from_even_for_odd.dem and
pij_from_odd_for_even.dem.
"""

import pathlib

import numpy

from programs import FILES
from sections import say, wilson

EXPERIMENTS = ("google_sycamore_x_d3_r5", "google_sycamore_x_d5_r5", "google_sycamore_x_d5_r11")
GIVEN = ("pymatching", "correlated_matching", "belief_matching", "tensor_network_contraction")
PEER = "tensor_network_contraction"
# The models of either half of the shots are estimated from the other one.
MODELS = ("pij_from_odd_for_even.dem", "pij_from_even_for_odd.dem")
OURS = {
    "plain": "outrider/mwpm",
    "correlated": "outrider/mwpm-correlated",
    "min-sum + correlated": "outrider/mwpm-correlated/soft/rule:min-sum",
    "likelihood, min-sum": "outrider/likelihood/soft/rule:min-sum",
    "trellis": "outrider/trellis",
    "trellis, cutoff 1e-3": "outrider/trellis/1e-3,1000",
    "trellis, cutoffs 1e-3 and 1e-4": "outrider/trellis/1e-3,300,1e-4,1000,0.3",
}


def hardware(native, _, effort):
    rows = []
    for name in EXPERIMENTS:
        experiment = Experiment(effort["data"] / name, effort["hardware_shots"])
        found = experiment.measure(native)
        say("hardware", experiment, found, "decoder", "failures", "only_ours", "only_peer", "us")
        rows += found
    return rows


class Experiment:
    """The first shots of an experiment, in two halves: even and odd ones."""

    def __init__(self, folder: pathlib.Path, shots):
        self.folder, self.name = folder, folder.name
        self.truth = self.flips("obs_flips_actual")[:shots]
        self.shots = len(self.truth)
        events = numpy.fromfile(folder / "detection_events.b8", dtype=numpy.uint8)
        self.events = events.reshape(len(self.flips("obs_flips_actual")), -1)[:shots]

    def flips(self, name):
        """Of the one observable, a line a shot."""
        return numpy.array((self.folder / f"{name}.01").read_text().split(), dtype=numpy.uint8)

    def measure(self, native):
        answers = {peer: (self.flips(f"obs_flips_predicted_by_{peer}")[: self.shots], None) for peer in GIVEN}
        for name, decoder in OURS.items():
            answers[name] = self.decode(native, decoder)
        wrong = {name: answer != self.truth for name, (answer, _) in answers.items()}
        rows = []
        for name, (_, seconds) in answers.items():
            low, high = wilson(int(wrong[name].sum()), self.shots)
            rows.append({
                "experiment": self.name, "decoder": name, "shots": self.shots, "failures": int(wrong[name].sum()),
                "low": low, "high": high, "only_ours": int((wrong[name] & ~wrong[PEER]).sum()),
                "only_peer": int((wrong[PEER] & ~wrong[name]).sum()),
                "us": "" if seconds is None else round(seconds / self.shots * 1e6, 2),
            })  # fmt: skip
        return rows

    def decode(self, native, decoder):
        """The answers to all shots, and the CPU seconds that they took."""
        answers, seconds = numpy.empty(self.shots, dtype=numpy.uint8), 0.0
        for half, model in enumerate(MODELS):
            path = FILES / f"{self.name}_{half}.b8"
            events = numpy.ascontiguousarray(self.events[half::2])
            events.tofile(path)
            native.ask("model", self.folder / model)
            native.ask("shots", path, len(events))
            answers[half::2], _, spent = native.predict(decoder)
            seconds += spent["cpu"]
        return answers, seconds
