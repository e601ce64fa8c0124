"""Writes the first figures of README.md: a sentence with numbers and docs/performance/overview.svg, from the files of
the sections `speed` and `ler`."""

import collections

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402

from pages import Page, prose, words  # noqa: E402
from predecoder_figures import save  # noqa: E402
from sections import wilson  # noqa: E402
from tables import mean, points, ratios_of  # noqa: E402
from workspace import read_results  # noqa: E402

STRENGTH = "0.003"
KINDS = {"mwpm": "plain", "mwpm-correlated": "correlated"}
# Colours and greys that can be read on white and on black.
PROGRAMS = {"PyMatching": "#d97706", "outrider": "#2f81f7"}
LINES = {"mwpm": ("o", "-"), "mwpm-correlated": ("s", "--")}
GREY = "#767676"


def rewrite(readme, folder):
    data, runs = read_results(folder)
    if "speed" in data and "ler" in data:
        page = Page(readme)
        page.put("headline", prose(headline(data["speed"], data["ler"], runs["speed"])))
        page.save()
        save(overview(data["speed"], data["ler"]), folder / "overview.svg")


def headline(speed, ler, run):
    distances, strengths = ([float(value) for value in values] for values in zip(*((d, p) for p, d in points(speed))))
    failures = {}
    for kind, name in KINDS.items():
        rows = [entry for entry in ler if entry["decoder"] == kind]
        for side, column in ((f"{name}_failures", "failures"), (f"{name}_peer", "peer_failures")):
            failures[side] = f"{sum(int(entry[column]) for entry in rows):,}"
    shots = sum(int(entry["shots"]) for entry in ler if entry["decoder"] == "mwpm")
    return words(
        "headline.text", plain=f"{mean(ratios_of(speed, 'mwpm')):.1f}", pymatching=run["pymatching"],
        correlated=f"{mean(ratios_of(speed, 'mwpm-correlated')):.1f}", points=len(points(speed)),
        d_min=f"{min(distances):g}", d_max=f"{max(distances):g}", p_min=min(strengths), p_max=max(strengths),
        ler_d_min=min(int(entry["d"]) for entry in ler), ler_d_max=max(int(entry["d"]) for entry in ler),
        ler_p=" and ".join(sorted({entry["p"] for entry in ler})), shots=f"{shots / 1e6:.1f}", **failures,
    )  # fmt: skip


def overview(speed, ler):
    """Time of a shot and error rate over the distance, both programs, plain and correlated."""
    greys = {name: GREY for name in ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")}
    with pyplot.rc_context({**greys, "grid.color": GREY, "font.size": 10, "font.family": "sans-serif"}):
        figure, (times, rates) = pyplot.subplots(1, 2, figsize=(8.4, 3.6), layout="constrained")
        for program, colour in PROGRAMS.items():
            for kind, (marker, line) in LINES.items():
                style = {"color": colour, "marker": marker, "linestyle": line, "label": f"{program} {KINDS[kind]}"}
                # The error rates coincide: large hollow marks around small full ones show both.
                style |= {"markersize": 9, "fillstyle": "none"} if program == "PyMatching" else {"markersize": 4}
                times.plot(*times_of(speed, program.lower(), kind), **style)
                draw_rates(rates, ler, program, kind, style)
        for plot, label in ((times, "microseconds a shot"), (rates, "logical error rate of a shot")):
            plot.set(yscale="log", xlabel="distance d, d rounds", ylabel=label)
            plot.patch.set_alpha(0)
            plot.spines[["top", "right"]].set_visible(False)
        times.set(title=f"Time, p = {STRENGTH}", xticks=[5, 9, 13, 17, 21])
        rates.set(title=f"Error rate, p = {STRENGTH}", xticks=[5, 7, 9, 11, 13])
        times.legend()
        figure.patch.set_alpha(0)
    return figure


def times_of(speed, program, kind):
    rows = [entry for entry in speed if (entry["p"], entry["program"], entry["decoder"]) == (STRENGTH, program, kind)]
    return [int(entry["d"]) for entry in rows], [float(entry["cpu_us"]) for entry in rows]


def draw_rates(plot, ler, program, kind, style):
    """Both bases together, with 95 % intervals."""
    column = "peer_failures" if program == "PyMatching" else "failures"
    counts = collections.defaultdict(lambda: [0, 0])
    for entry in ler:
        if (entry["p"], entry["decoder"]) == (STRENGTH, kind):
            for place, name in enumerate((column, "shots")):
                counts[int(entry["d"])][place] += int(entry[name])
    middle = [failures / shots for failures, shots in counts.values()]
    ends = [[float(end) for end in wilson(failures, shots)] for failures, shots in counts.values()]
    bars = [[rate - low for rate, (low, _) in zip(middle, ends)], [high - rate for rate, (_, high) in zip(middle, ends)]]
    plot.errorbar(list(counts), middle, bars, capsize=2, elinewidth=0.8, **style)
