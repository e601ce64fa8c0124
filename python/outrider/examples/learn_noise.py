# %% [markdown]
# # Learning noise from detection events
#
# A decoder weighs errors by their probabilities. Here the device is a simulated patch whose qubits differ: its noise is
# learned from detection events alone, and held-out shots are decoded with it. Then two detectors that fire together,
# and should not, are found.
#
#     python learn_noise.py
#
# Needs NumPy and outrider; with Matplotlib it draws a figure, learn_noise.png. An editor that knows cells, `# %%`, runs
# it as a notebook.

# %%
import argparse
import importlib.util

import numpy as np

import outrider

DISTANCE, ROUNDS, P = 5, 5, 0.006
SPREAD = 1.0  # of the logarithm of rates from place to place
LEARNED_FROM, HELD_OUT = 100_000, 50_000


def errors_of(model):
    """The lines of a model without repeats; for each error its line and its detectors."""
    lines, errors, shift = str(model).splitlines(), [], 0
    for number, line in enumerate(lines):
        words = line.split()
        if line.startswith("error("):
            errors.append((number, sorted({shift + int(word[1:]) for word in words if word.startswith("D")})))
        elif line.startswith("shift_detectors"):
            shift += int(words[-1])
    return lines, errors


def with_factors(model, factors):
    """The model with each error's probability times a factor."""
    lines, errors = errors_of(model)
    for (number, _), factor in zip(errors, factors, strict=True):
        probability, targets = lines[number].removeprefix("error(").split(")", 1)
        lines[number] = f"error({float(probability) * factor:.17g}){targets}"
    return outrider.Model("\n".join(lines))


def place_factors(model, rng):
    """A factor for each error: the geometric mean of those of the places where it has detectors."""
    coordinates = model.detector_coordinates()
    places, place = np.unique(coordinates[:, :2], axis=0, return_inverse=True)
    log_factors = rng.normal(0.0, SPREAD, len(places))[place.ravel()]
    return [np.exp(np.mean(log_factors[detectors])) for _, detectors in errors_of(model)[1]]


def mistakes(model, detectors, observables):
    """Wrong answers of correlated matching that has this model."""
    graph = outrider.MatchingGraph(model, correlations=True)
    predictions = outrider.Decoder(graph, "mwpm-correlated").decode_batch(detectors)
    return int((predictions != observables).any(axis=1).sum())


# %% [markdown]
# ## A patch whose noise depends on the place
#
# The prior is what one would take without knowing better: the same error rate everywhere. In truth some places are
# better and some worse. The prior has to list the errors that there are; their probabilities may be off.


# %%
def learn_places(seed=1):
    """Learns noise that depends on the place: what was learned, true rates, and mistakes by model."""
    prior = outrider.SurfaceCode(DISTANCE, ROUNDS, P).model()
    truth = with_factors(prior, place_factors(prior, np.random.default_rng(seed)))

    sampler = outrider.Sampler(truth, seed=seed)
    detectors, _ = sampler.sample(LEARNED_FROM)
    learned = outrider.learn(prior, detectors)

    # The rates of the truth, class by class: those that it has as a prior itself.
    true_rates = outrider.learn(truth, detectors).rates.prior

    held_out, observables = sampler.sample(HELD_OUT, first_shot=LEARNED_FROM)
    models = {"prior": prior, "learned": learned.model, "truth": truth}
    counts = {name: mistakes(model, held_out, observables) for name, model in models.items()}
    return learned, true_rates, counts


def show_places(learned, true_rates, counts):
    """Rates beside the truth, and mistakes of held-out shots."""
    rates = learned.rates
    print(learned)
    print(f"{'detectors':<24}{'prior':>10}{'learned':>20}{'truth':>10}")
    for index in np.argsort(-rates.attenuation)[:8]:
        name = " ".join(f"D{detector}" for detector in learned.detectors[index])
        value = f"{rates.rate[index]:.5f} +- {rates.error[index]:.5f}"
        print(f"{name:<24}{rates.prior[index]:>10.5f}{value:>20}{true_rates[index]:>10.5f}")

    off_before = np.sqrt(np.mean((np.log(rates.prior) - np.log(true_rates)) ** 2))
    positive = rates.rate > 0
    off_after = np.sqrt(np.mean((np.log(rates.rate[positive]) - np.log(true_rates[positive])) ** 2))
    covered = np.mean(np.abs(rates.rate - true_rates) < 2 * rates.error)
    print(f"rates are off by a factor of exp({off_before:.2f}) before, exp({off_after:.2f}) after")
    print(f"{100 * covered:.0f} % of true rates are within two standard errors")

    print(f"\n{HELD_OUT} held-out shots, correlated matching")
    for name, count in counts.items():
        print(f"{name:<10}{count:>6} mistakes")


def draw(learned, true_rates, path="learn_noise.png"):
    """Learned rates over true ones, with error bars."""
    from matplotlib import pyplot

    rates = learned.rates
    figure, axes = pyplot.subplots(figsize=(5, 5))
    axes.errorbar(true_rates, rates.rate, rates.error, fmt=".", alpha=0.3, label="learned")
    axes.plot(true_rates, rates.prior, ".", color="gray", alpha=0.3, label="prior")
    ends = [true_rates.min(), true_rates.max()]
    axes.plot(ends, ends, color="black", linewidth=0.8)
    axes.set(xscale="log", yscale="log", xlabel="true rate", ylabel="rate")
    axes.set_ylim(ends[0] / 3, ends[1] * 2)
    axes.legend()
    figure.savefig(path, dpi=150)
    print(f"drawn: {path}")


# %% [markdown]
# ## Crosstalk
#
# Two detectors that no error of the model joins should not be correlated. Here two of the middle round are: an error
# flips both at once. Among all pairs near each other it stands out, with its rate.


# %%
def find_crosstalk(rate=0.002, seed=2):
    """Plants an error beyond the model: the pair of detectors, and the pairs that are found."""
    model = outrider.SurfaceCode(DISTANCE, ROUNDS, P).model()
    moments = outrider.Moments(model, with_outside=True)
    joined = {pair for pair in outrider.Moments(model).sets if len(pair) == 2}
    outside = [pair for pair in moments.sets if len(pair) == 2 and pair not in joined]
    planted = outside[len(outside) // 2]
    truth = outrider.Model(f"error({rate}) D{planted[0]} D{planted[1]}\n{model}")

    detectors, _ = outrider.Sampler(truth, seed=seed).sample(LEARNED_FROM)
    pairs = outrider.learn(model, detectors).residuals(level=1e-3).pairs
    return planted, pairs[pairs.significant & ~pairs.inside]


def show_crosstalk(planted, found, rate=0.002):
    """The pairs found."""
    print(f"\nplanted: D{planted[0]} D{planted[1]}, rate {rate}")
    for pair in found:
        print(
            f"found:   D{pair.first} D{pair.second}, rate {pair.excess:.5f} +- {pair.excess_error:.5f}, "
            f"p = 1e{pair.log10_p:.0f}"
        )


# %%
if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Learns the noise of a simulated patch.")
    parser.add_argument("--no-figure", action="store_true", help="draw nothing")
    arguments, _ = parser.parse_known_args()  # A notebook passes arguments of its own.

    result = learn_places()
    show_places(*result)
    if not arguments.no_figure and importlib.util.find_spec("matplotlib"):
        draw(*result[:2])
    show_crosstalk(*find_crosstalk())
