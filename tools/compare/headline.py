"""Writes the first figures of README.md: a sentence with numbers and docs/performance/overview.svg, from the files of
the sections `speed` and `ler`."""

from figures import pyplot, save, with_intervals
from pages import Page, prose, words
from results import distances, pick, read_results
from tables import failures_of, mean, ratios_of

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
    strengths, points = sorted(speed.p.unique(), key=float), speed[["p", "d"]].drop_duplicates()
    failures = {}
    for kind, name in KINDS.items():
        ours, theirs, *_ = failures_of(ler, kind)
        failures |= {f"{name}_failures": f"{ours:,}", f"{name}_peer": f"{theirs:,}"}
    shots = pick(ler, decoder="mwpm").shots.sum()
    return words(
        "headline.text", plain=f"{mean(ratios_of(speed, 'mwpm')):.1f}", pymatching=run["pymatching"],
        correlated=f"{mean(ratios_of(speed, 'mwpm-correlated')):.1f}", points=len(points),
        d_min=distances(speed)[0], d_max=distances(speed)[-1], p_min=strengths[0], p_max=strengths[-1],
        ler_d_min=distances(ler)[0], ler_d_max=distances(ler)[-1],
        ler_p=" and ".join(sorted(ler.p.unique())), shots=f"{shots / 1e6:.1f}", **failures,
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
    rows = pick(speed, p=STRENGTH, program=program, decoder=kind)
    return rows.d.astype(int).tolist(), rows.cpu_us.tolist()


def draw_rates(plot, ler, program, kind, style):
    """Both bases together, with 95 % intervals."""
    failures = "peer_failures" if program == "PyMatching" else "failures"
    counts = pick(ler, p=STRENGTH, decoder=kind).groupby("d", sort=False)[[failures, "shots"]].sum()
    middle, bars = with_intervals(counts[failures].tolist(), counts.shots.tolist())
    plot.errorbar(counts.index.astype(int).tolist(), middle, bars, capsize=2, elinewidth=0.8, **style)
