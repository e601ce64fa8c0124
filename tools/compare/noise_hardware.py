"""Sections `hardware` and `trellis` of noise.py: shots of a real device, learned on one half and decoded on the other.

The data are those of "Suppressing quantum errors by scaling a surface code logical qubit", Google Quantum AI, Zenodo
6804040, CC BY 4.0. Below the folder there is one for each of EXPERIMENTS, with files as they are published:
detection_events.b8, obs_flips_actual.01, obs_flips_predicted_by_*.01, circuit_detector_error_model.dem,
pij_from_even_for_odd.dem and pij_from_odd_for_even.dem.
"""

import subprocess

import numpy

from hardware_section import EXPERIMENTS, GIVEN, MODELS, Experiment
from noise_runs import predictions, scores
from programs import FILES
from sections import say, wilson

MATCHING = "mwpm,mwpm-correlated,likelihood"
LEARNED = {
    "closed form": [],
    "closed form, tied": ["--tie", "time"],
    "regression": ["--method", "regression", "--shrink", 0.3],
    "regression, tied": ["--method", "regression", "--shrink", 0.3, "--tie", "time"],
}
SUMS = ["--coarse", "1e-3,300", "--fine", "1e-4,1000", "--unsure-ratio", 0.3]
BY_SUMS = ("regression, tied", "regression")


def hardware(effort, keep):
    """Matching and likelihood: the model of the circuit, Google's own from p_ij, and learned ones."""
    rows = []
    for name in EXPERIMENTS:
        experiment = Device(effort["data"] / name, effort["hardware_shots"])
        found = experiment.given()
        for decoder in MATCHING.split(","):
            found.append(experiment.pij(decoder, [], None))
        for kind, options in LEARNED.items():
            found += experiment.learned(kind, MATCHING, options, None)
        rows += experiment.once(found)
        keep(rows)
        say("hardware", experiment, found, "model", "decoder", "failures")


def trellis(effort, keep):
    """The sum over all errors with the same models. What takes longer than allowed has no failures."""
    rows = []
    for name in EXPERIMENTS:
        experiment = Device(effort["data"] / name, effort["hardware_shots"])
        found = []
        for kind in BY_SUMS:
            found += experiment.learned(kind, "trellis", [*SUMS, *LEARNED[kind]], effort["limit_s"])
            keep(rows + experiment.once(found))
        found.append(experiment.pij("trellis", SUMS, effort["limit_s"]))
        rows += experiment.once(found)
        keep(rows)
        say("trellis", experiment, found, "model", "decoder", "failures")


class Device(Experiment):
    """The first shots of an experiment, in files of their own."""

    def __init__(self, folder, shots):
        super().__init__(folder, shots)
        self.files = FILES / f"{self.name}.b8", FILES / f"{self.name}.01"
        numpy.ascontiguousarray(self.events).tofile(self.files[0])
        self.files[1].write_text("".join(f"{flip}\n" for flip in self.truth))

    def given(self):
        """Answers of others that come with the data."""
        return [self.row("Google's", peer, int((self.flips(f"obs_flips_predicted_by_{peer}")[: self.shots]
                                                != self.truth).sum())) for peer in GIVEN]  # fmt: skip

    def pij(self, decoder, options, limit_s):
        """Google's models of the other half's p_ij."""
        answers, spent = numpy.empty(self.shots, dtype=numpy.uint8), 0.0
        for half, model in enumerate(MODELS):
            events = FILES / "half.b8"
            numpy.ascontiguousarray(self.events[half::2]).tofile(events)
            try:
                answers[half::2], seconds = predictions(
                    self.folder / model, events, decoder, *options, limit_s=limit_s)  # fmt: skip
            except subprocess.TimeoutExpired:
                return self.row("p_ij", decoder, None)
            spent += seconds
        return self.row("p_ij", decoder, int((answers != self.truth).sum()), command_s=round(spent, 2))

    def learned(self, kind, decoders, options, limit_s):
        """The circuit's model, and what is learned with it as the prior."""
        prior = ["--dem", self.folder / "circuit_detector_error_model.dem"]
        try:
            found, spent = scores(*self.files, *prior, "--decoder", decoders, *options, limit_s=limit_s)
        except subprocess.TimeoutExpired:
            return [self.row(model, decoder, None) for decoder in decoders.split(",") for model in ("circuit", kind)]
        rows = []
        for score in found:
            rows.append(self.row("circuit", score["decoder"], score["prior_failures"]))
            low, high = score["ratio_interval"] or ("", "")
            rows.append(self.row(kind, score["decoder"], score["learned_failures"], only_this=score["only_learned"],
                                 only_circuit=score["only_prior"], ratio_low=low, ratio_high=high,
                                 command_s=round(spent["cpu"], 2)))  # fmt: skip
        return rows

    def row(self, model, decoder, failures, **more):
        low, high = ("", "") if failures is None else wilson(failures, self.shots)
        return {"experiment": self.name, "model": model, "decoder": decoder, "shots": self.shots,
                "failures": "" if failures is None else failures, "low": low, "high": high, **more}  # fmt: skip

    @staticmethod
    def once(rows):
        """The circuit's model is counted again with every learned one."""
        return list({(row["model"], row["decoder"]): row for row in rows}.values())
