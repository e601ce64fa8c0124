"""Section `tesseract` of likelihood.py: failures and time beside tesseract's, on the same shots."""

import time

import numpy

from likelihood_ratios import likelihood_of
from predecoder_sections import chunks
from programs import Memory, Tesseract
from sections import say

POINTS = [Memory("z", d, p) for p in (0.006, 0.003) for d in (5, 7)]
# These are decoded by all, and timed.
FIRST = 200
# Natural units: the trellis settles a shot if the other class is as unlikely as this.
SETTLED = 4.0


def tesseract(native, network, effort):
    """It takes so long that beyond the first shots it decodes only those that the trellis does not settle. On the others
    its answer is taken to be the trellis': among the first shots, and in c_core/tests/oracle/tesseract.py, it is."""
    rows, end = [], time.time() + effort["tesseract_s"]
    ours = {"likelihood": likelihood_of(network), "trellis": "outrider/trellis"}
    for index, point in enumerate(POINTS):
        deadline = time.time() + max(1.0, end - time.time()) / (len(POINTS) - index)
        found = compared(native, point, ours, deadline)
        say("tesseract", point, found, "decoder", "shots", "failures", "only_ours", "only_likelihood", "us", "differ")
        rows += found
    return rows


def compared(native, point, ours, deadline):
    """Rows of one point."""
    peers = {f"tesseract, {beam}": Tesseract(point, beam) for beam in Tesseract.BEAMS}
    shot_count, times, differ = 0, {}, {}
    counts = {name: numpy.zeros(3, dtype=int) for name in (*ours, *peers)}
    for shots in chunks(native, point, deadline, FIRST, 20_000):
        answers = {name: native.predict(decoder)[0] for name, decoder in ours.items()}
        is_settled = abs(native.ratios(ours["trellis"])[0]) > SETTLED
        if shot_count == 0:
            for name, peer in peers.items():
                answers[name], times[name] = peer.predict(shots.detectors)
                differ[name] = int((answers[name] != answers["trellis"])[is_settled].sum())
            for name, decoder in ours.items():
                times[name] = min(native.decode(decoder, shots)["cpu"] for _ in range(5))
            settled_count = int(is_settled.sum())
        else:
            for name, peer in peers.items():
                answers[name] = answers["trellis"].copy()
                answers[name][~is_settled], _ = peer.predict(shots.detectors[~is_settled])
        wrong = {name: answer != shots.observables[:, 0] for name, answer in answers.items()}
        likelihood = wrong["likelihood"]
        for name, mistakes in wrong.items():
            counts[name] += [mistakes.sum(), (mistakes & ~likelihood).sum(), (likelihood & ~mistakes).sum()]
        shot_count += len(shots)
    return [
        {
            "p": point.p, "d": point.d, "decoder": name, "shots": shot_count,
            **dict(zip(("failures", "only_ours", "only_likelihood"), map(int, counted))),
            "us": round(times[name] / FIRST * 1e6, 3), "timed": FIRST, "settled": settled_count,
            "differ": differ.get(name, ""),
        }
        for name, counted in counts.items()
    ]  # fmt: skip
