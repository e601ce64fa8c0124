"""What the ratios of sums over errors are worth: sections `calibration` and `levels` of likelihood.py."""

import math
import time

import numpy

from predecoder_sections import chunks, thinned
from programs import Memory
from sections import say

CALIBRATION_POINTS = [Memory("z", d, p) for p in (0.006, 0.003) for d in (5, 7, 9)]
LEVEL_POINTS = [Memory("z", d, p) for p in (0.006, 0.003) for d in (5, 7, 9, 11, 13)]
# The trellis would take too long for the larger ones.
TRELLIS_DISTANCE_MAX = 7
# Of `levels`, each by itself.
TIMED_SHOTS = 5000
# Ends of bins, natural units.
BINS = [0, 1, 2, 3, 4, 6, 8, 12]
LEVELS = {0: "first gap", 1: "mean gap", 2: "sum", 3: "fall-back"}


def likelihood_of(predecoder):
    return f"outrider/likelihood/soft/{predecoder}"


def calibration(native, network, effort):
    """Ratios against mistakes, by what decided."""
    rows, points, end = [], thinned(CALIBRATION_POINTS, effort), time.time() + effort["calibration_s"]
    for index, point in enumerate(points):
        decoders = {"likelihood": likelihood_of(network)}
        if point.d <= TRELLIS_DISTANCE_MAX:
            decoders["trellis"] = "outrider/trellis"
        deadline = time.time() + max(1.0, end - time.time()) / (len(points) - index)
        for place, (name, decoder) in enumerate(decoders.items()):
            until = time.time() + max(0.5, deadline - time.time()) / (len(decoders) - place)
            found = calibration_rows(point, name, *judged(native, point, decoder, until))
            say("calibration", point, found, "decoder", "by", "low", "shots", "expected", "mistakes", "slope")
            rows += found
    return rows


def judged(native, point, decoder, deadline):
    """Of every shot until the deadline the ratio of the answer, what decided it, and whether it was a mistake."""
    columns = []
    for shots in chunks(native, point, deadline):
        ratios, levels = native.ratios(decoder)
        columns.append((abs(ratios), levels, (ratios < 0) != shots.observables[:, 0]))
    return [numpy.concatenate(column) for column in zip(*columns)]


def calibration_rows(point, decoder, ratios, levels, mistakes):
    """By what decided a row of every bin, and one of all bins, which has the slope. Ratios beyond the bins have one row,
    and so have wide first gaps, whose ratio is the least that they can be."""
    kinds = {"sum": levels >= 2, "mean gap": levels == 1, "first gap": levels == 0}
    if decoder == "trellis":
        kinds = {"sum": levels >= 0}
    is_binned, rows = ratios < BINS[-1], []
    for by, kind in kinds.items():
        bins = [(low, high, (ratios >= low) & (ratios < high)) for low, high in zip(BINS, BINS[1:])]
        bins += [(0, BINS[-1], is_binned), (BINS[-1], "", ~is_binned)]
        for low, high, inside in [(BINS[-1], "", ratios > 0)] if by == "first gap" else bins:
            here = kind & inside
            if here.any():
                has_slope = (low, high) == (0, BINS[-1])
                slope, spread = slope_of(ratios[here], mistakes[here]) if has_slope else ("", "")
                rows.append({
                    "p": point.p, "d": point.d, "decoder": decoder, "by": by, "low": low, "high": high,
                    "shots": int(here.sum()),
                    "expected": round(float((1 / (1 + numpy.exp(ratios[here]))).sum()), 3),
                    "mistakes": int(mistakes[here].sum()), "slope": slope, "slope_error": spread,
                })  # fmt: skip
    return rows


def slope_of(ratios, mistakes):
    """The k for which mistakes are likeliest if each has the probability 1 / (1 + e^(k r)), and its standard error: a
    logistic regression through the origin, by Newton's method."""
    slope = 0.5
    for _ in range(100):
        wrong = 1 / (1 + numpy.exp(slope * ratios))
        information = float((ratios**2 * wrong * (1 - wrong)).sum())
        step = float((ratios * (wrong - mistakes)).sum()) / information
        slope += max(-0.5, min(0.5, step))
        if abs(step) < 1e-9:
            break
    return round(slope, 4), round(1 / math.sqrt(information), 4)


def levels(native, network, effort):
    """What each level of the cascade decides, what it gains on correlated matching, and the time of its shots."""
    rows, points, end = [], thinned(LEVEL_POINTS, effort), time.time() + effort["levels_s"]
    for index, point in enumerate(points):
        deadline = time.time() + max(1.0, end - time.time()) / (len(points) - index)
        columns, spent = [], None
        for shots in chunks(native, point, deadline, TIMED_SHOTS):
            truth = shots.observables[:, 0]
            peer = native.predict("outrider/mwpm-correlated")[0] != truth
            ratios, decided = native.ratios(likelihood_of(network))
            if spent is None:
                # The first shots are decoded already, so nothing is allocated any more.
                turns = [native.single(likelihood_of(network)) for _ in range(effort["tail_rounds"])]
                spent = numpy.min(turns, axis=0) * 1e6
            columns.append((decided, (ratios < 0) != truth, peer))
        decided, mistakes, peer = (numpy.concatenate(column) for column in zip(*columns))
        for number, name in LEVELS.items():
            here, timed = decided == number, spent[decided[: len(spent)] == number]
            rows.append({
                "p": point.p, "d": point.d, "level": name, "shots": int(here.sum()),
                "mistakes": int(mistakes[here].sum()), "correlated": int(peer[here].sum()),
                "us": round(float(timed.mean()), 2) if len(timed) else "",
                "timed": len(timed), "timed_us": round(float(timed.sum()), 1),
            })  # fmt: skip
        say("levels", point, rows[-len(LEVELS) :], "level", "shots", "mistakes", "correlated", "us")
    return rows
