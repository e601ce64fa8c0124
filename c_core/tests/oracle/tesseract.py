"""Compares sums over errors with tesseract, which looks for the most likely error, on surface codes and random models.

    python c_core/tests/oracle/tesseract.py [--seed S] [--models N] [--shots N]

Needs stim and tesseract-decoder. Prints the seed; the same seed gives the same models and shots.
  - Where the trellis is sure of a class, the most likely error is of that class: it can be of another one only if the
    two classes are about as likely.
  - Of the shots on which they differ the trellis is right on half at least, up to chance, as the best decoder is; the
    likelihood decoder, which is not quite it, on a third.
  - At d = 3 the log-likelihood ratio is about that of the most likely errors of the two classes.
"""

import argparse
import ctypes
import math
import random

import numpy as np
import stim
import tesseract_decoder
from likelihood import LIB, TrellisOptions, code_model, core_model_of, create, likelihood_of

# The least probability of a mistake that the trellis gives where its answer is not tesseract's. Of 900 such shots none had
# less than 0.22.
FAILURE_MIN = 0.01
# From the ratio of the most likely errors of the two classes to the ratio of the sums. Of 5400 none was over 3.5.
CLASS_DIFFERENCE_MAX = 6
# The probability that the trellis is reported though it is right.
CHANCE = 1e-9
# Shots whose most likely error of either class is looked for, which takes long.
CLASS_SHOTS = 200


class TrellisResult(ctypes.Structure):
    """otr_trellis_result"""

    _fields_ = [
        ("failure", ctypes.c_double),
        ("work", ctypes.c_uint64),
        ("is_fine", ctypes.c_bool),
        ("is_exact", ctypes.c_bool),
    ]


LIB.otr_trellis_options_default.restype = TrellisOptions


def memory_model(distance, p):
    """Of Stim's rotated memory with as many rounds as its distance, in uniform noise."""
    circuit = stim.Circuit.generated(
        "surface_code:rotated_memory_z",
        distance=distance,
        rounds=distance,
        after_clifford_depolarization=p,
        before_round_data_depolarization=p,
        before_measure_flip_probability=p,
        after_reset_flip_probability=p,
    )
    return circuit.detector_error_model(decompose_errors=True)


def random_model(rng):
    """Errors of one to four detectors that are near each other, and of up to two observables."""
    model, detectors = stim.DetectorErrorModel(), rng.randint(20, 40)
    for detector in range(detectors):
        near = range(detector, min(detector + 6, detectors))
        for size in (1, 2, 2, rng.randint(1, 4)):
            symptom = rng.sample(near, min(size, len(near)))
            targets = [stim.target_relative_detector_id(target) for target in symptom]
            targets += [stim.target_logical_observable_id(flip) for flip in range(2) if rng.random() < 0.3]
            model.append("error", 10 ** rng.uniform(-3, -1.7), targets)
    # No error may have flipped the last observable.
    model.append("logical_observable", [], [stim.target_logical_observable_id(1)])
    return model


def tesseract_of(model):
    """With the short beam that its documentation recommends."""
    return tesseract_decoder.tesseract.TesseractConfig(
        dem=model,
        pqlimit=200_000,
        det_beam=15,
        beam_climbing=True,
        det_orders=tesseract_decoder.utils.build_det_orders(dem=model, num_det_orders=16),
        no_revisit_dets=True,
    ).compile_decoder()


def decode(function, handle, events, observable_count, result=None):
    """Of every shot the answer, the ratio of the first observable, and what `result` has then."""
    answers, ratios, failures = [], [], []
    answer, ratio = ctypes.c_uint8(), (ctypes.c_double * observable_count)()
    for row in np.packbits(events, axis=1, bitorder="little"):
        status = function(handle, row.tobytes(), ctypes.byref(answer), ratio, result and ctypes.byref(result))
        assert status == 0, status
        answers.append(answer.value)
        ratios.append(ratio[0])
        failures.append(result and result.failure)
    answers = np.array(answers)[:, None] >> np.arange(observable_count) & 1
    return answers.astype(bool), np.array(ratios), np.array(failures)


def compare_classes(model, events, ratios):
    """Makes the observable a detector, so that tesseract finds the most likely error of each class."""
    last, split = model.num_detectors, stim.DetectorErrorModel()
    for instruction in model.flattened():
        if instruction.type == "error":
            targets = [
                stim.target_relative_detector_id(last) if target.is_logical_observable_id() else target
                for target in instruction.targets_copy()
            ]
            split.append("error", instruction.args_copy(), targets)
    decoder = tesseract_of(split)
    for row, ratio in zip(events[:CLASS_SHOTS], ratios):
        costs = [decoder.cost_from_errors(decoder.decode_to_errors(np.append(row, flip))) for flip in (False, True)]
        assert abs(costs[1] - costs[0] - ratio) < CLASS_DIFFERENCE_MAX, (costs, ratio)


def compare(model, events, flips, has_gap):
    """Decodes shots of a model. Returns for each decoder on how many it is right and tesseract wrong, and the reverse;
    and the ratios of the trellis."""
    likeliest, observable_count = tesseract_of(model).decode_batch(events), model.num_observables
    made = [core_model_of(model)]
    try:
        options = LIB.otr_trellis_options_default()
        made.append(create(LIB.otr_trellis_create, LIB.otr_trellis_destroy, made[0][0], options))
        answers, ratios, failures = decode(
            LIB.otr_trellis_decode, made[-1][0], events, observable_count, TrellisResult()
        )
        found = {"trellis": answers}
        if has_gap:
            made += likelihood_of(made[0][0])
            found["likelihood"] = decode(LIB.otr_likelihood_decode, made[-1][0], events, observable_count)[0]
    finally:
        for handle, destroy in reversed(made):
            destroy(handle)
    differ = (answers != likeliest).any(axis=1)
    assert (failures[differ] > FAILURE_MIN).all(), failures[differ].min()
    theirs = (likeliest == flips).all(axis=1)
    counts = {}
    for name, answers in found.items():
        ours = (answers == flips).all(axis=1)
        counts[name] = np.array([(ours & ~theirs).sum(), (theirs & ~ours).sum()])
    return counts, ratios


def tail(losses, trials, probability):
    """The probability of so many losses or more."""
    return sum(
        math.comb(trials, count) * probability**count * (1 - probability) ** (trials - count)
        for count in range(losses, trials + 1)
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    parser.add_argument("--models", type=int, default=2, help="random models, and memories of random noise")
    parser.add_argument("--shots", type=int, default=300, help="shots of a model at d = 5; of others five times as many")
    arguments = parser.parse_args()
    print(f"tesseract and Stim {stim.__version__}, --seed {arguments.seed}", flush=True)
    rng = random.Random(arguments.seed)
    models = [(memory_model(3, 0.01), True), (memory_model(5, 0.006), True)]
    models += [(code_model(rng, 3, 3), True) for _ in range(arguments.models)]
    models += [(random_model(rng), False) for _ in range(arguments.models)]
    total = {"trellis": np.zeros(2, dtype=int), "likelihood": np.zeros(2, dtype=int)}
    for model, has_gap in models:
        shot_count = arguments.shots * (1 if model.num_detectors > 100 else 5)
        events, flips, _ = model.compile_sampler(seed=rng.getrandbits(32)).sample(shot_count)
        counts, ratios = compare(model, events, flips, has_gap)
        for name, count in counts.items():
            total[name] += count
        if model.num_detectors == 24 and has_gap:
            compare_classes(model, events, ratios)
    for name, loss in (("trellis", 1 / 2), ("likelihood", 2 / 3)):
        won, lost = map(int, total[name])
        print(f"{name}: right on {won} shots where tesseract is wrong, wrong on {lost} where it is right")
        assert tail(lost, won + lost, loss) > CHANCE, (name, won, lost)


if __name__ == "__main__":
    main()
