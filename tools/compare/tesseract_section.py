"""Section `tesseract` of likelihood.py: failures and time beside tesseract's, on the same shots."""

import time

import numpy

from likelihood_ratios import likelihood_of
from predecoder_sections import chunks
from programs import Memory, Tesseract
from sections import SEED, say

# Points, and their shares of the time.
POINTS = {Memory("z", 5, 0.006): 1, Memory("z", 7, 0.006): 5, Memory("z", 5, 0.003): 1, Memory("z", 7, 0.003): 3}
# These are decoded by all, and timed.
FIRST = 200
# Natural units: the trellis settles a shot if the other class is as unlikely as this.
SETTLED = 4.0


def tesseract(native, network, effort):
    """It takes so long that beyond the first shots it decodes only those that the trellis does not settle. On the others
    its answer is taken to be the trellis': among the first shots, and in c_core/tests/oracle/tesseract.py, it is."""
    rows, end, left = [], time.time() + effort["tesseract_s"], sum(POINTS.values())
    ours = {"likelihood": likelihood_of(network), "trellis": "outrider/trellis"}
    for point, share in POINTS.items():
        deadline = time.time() + max(1.0, end - time.time()) * share / left
        left -= share
        found = compared(native, point, ours, deadline)
        say("tesseract", point, found, "decoder", "shots", "failures", "only_ours", "only_likelihood", "us", "differ")
        rows += found
    return rows


def compared(native, point, ours, deadline):
    """Rows of one point."""
    peers = {f"tesseract, {beam}": Tesseract(point, beam) for beam in Tesseract.BEAMS}
    counts, times, differ = Counts([*ours, *peers]), {}, {}
    shots = point.sample(FIRST, SEED - 1)
    native.open(point, shots)
    answers, is_settled = ask(native, ours)
    settled_count = int(is_settled.sum())
    for name, peer in peers.items():
        answers[name], times[name] = peer.predict(shots.detectors)
        differ[name] = int((answers[name] != answers["trellis"])[is_settled].sum())
    for name, decoder in ours.items():
        times[name] = min(native.decode(decoder, shots)["cpu"] for _ in range(5))
    counts.add(answers, shots)
    for shots in chunks(native, point, deadline, 500, 20_000):
        answers, is_settled = ask(native, ours)
        for name, peer in peers.items():
            answers[name] = answers["trellis"].copy()
            answers[name][~is_settled], _ = peer.predict(shots.detectors[~is_settled])
        counts.add(answers, shots)
    return [
        {
            "p": point.p, "d": point.d, "decoder": name, "shots": counts.shots,
            **dict(zip(("failures", "only_ours", "only_likelihood"), map(int, counted))),
            "us": round(times[name] / FIRST * 1e6, 3), "timed": FIRST, "settled": settled_count,
            "differ": differ.get(name, ""),
        }
        for name, counted in counts.failures.items()
    ]  # fmt: skip


def ask(native, ours):
    """The answers of our decoders, and the shots that the trellis settles."""
    answers = {name: native.predict(decoder)[0] for name, decoder in ours.items()}
    return answers, abs(native.ratios(ours["trellis"])[0]) > SETTLED


class Counts:
    """Of each decoder its failures, those that likelihood has not, and those that only likelihood has."""

    def __init__(self, names):
        self.shots, self.failures = 0, {name: numpy.zeros(3, dtype=int) for name in names}

    def add(self, answers, shots):
        self.shots += len(shots)
        likelihood = answers["likelihood"] != shots.observables[:, 0]
        for name, answer in answers.items():
            wrong = answer != shots.observables[:, 0]
            self.failures[name] += [wrong.sum(), (wrong & ~likelihood).sum(), (likelihood & ~wrong).sum()]
