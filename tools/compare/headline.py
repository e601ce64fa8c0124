"""Writes the first figures of README.md: a sentence with numbers and docs/performance/overview.svg, from the files of
the sections `speed` and `ler` of run.py, and of `time` and `ler` of likelihood.py."""

from figures import clear, on_any_ground, pyplot, save, with_intervals
from pages import Page, prose, words
from results import distances, pick, read_results
from tables import failures_of, mean, ratios_of
from workspace import ROOT

STRENGTH = "0.003"
KINDS = {"mwpm": "plain", "mwpm-correlated": "correlated"}
LIKELIHOOD = ROOT / "docs" / "likelihood"
# Colours that can be read on white and on black.
PROGRAMS = {"PyMatching": "#d97706", "outrider": "#2f81f7"}
LINES = {"mwpm": ("o", "-"), "mwpm-correlated": ("s", "--")}
LIKELIHOOD_STYLE = {"color": "#c2408f", "marker": "D", "markersize": 4, "label": "outrider likelihood"}


def rewrite(readme, folder):
    data, runs = read_results(folder)
    if "speed" in data and "ler" in data:
        page = Page(readme)
        page.put("headline", prose(headline(data["speed"], data["ler"], runs["speed"])))
        page.save()
    draw(folder)


def draw(folder):
    data, _ = read_results(folder)
    likelihood, _ = read_results(LIKELIHOOD)
    if "speed" in data and "ler" in data:
        save(overview(data["speed"], data["ler"], likelihood), folder / "overview.svg")


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


def overview(speed, ler, likelihood):
    """Time of a shot and error rate over the distance: both programs, plain and correlated, and decoding by likelihood."""
    with on_any_ground():
        figure, (times, rates) = pyplot.subplots(1, 2, figsize=(8.4, 3.6), layout="constrained")
        for program, colour in PROGRAMS.items():
            for kind, (marker, line) in LINES.items():
                style = {"color": colour, "marker": marker, "linestyle": line, "label": f"{program} {KINDS[kind]}"}
                # The error rates coincide: large hollow marks around small full ones show both.
                style |= {"markersize": 9, "fillstyle": "none"} if program == "PyMatching" else {"markersize": 4}
                times.plot(*times_of(pick(speed, program=program.lower(), decoder=kind)), **style)
                failures = "peer_failures" if program == "PyMatching" else "failures"
                draw_rates(rates, pick(ler, decoder=kind), failures, style)
        if "time" in likelihood and "ler" in likelihood:
            times.plot(*times_of(pick(likelihood["time"], decoder="likelihood")), **LIKELIHOOD_STYLE)
            draw_rates(rates, pick(likelihood["ler"], decoder="likelihood"), "failures", LIKELIHOOD_STYLE)
        for plot, label in ((times, "microseconds a shot"), (rates, "logical error rate of a shot")):
            plot.set(yscale="log", xlabel="distance d, d rounds", ylabel=label)
        times.set(title=f"Time, p = {STRENGTH}", xticks=[5, 9, 13, 17, 21], ylim=(0.15, None))
        rates.set(title=f"Error rate, p = {STRENGTH}", xticks=[5, 7, 9, 11, 13])
        times.legend(loc="lower right", fontsize=9)
        clear(figure, times, rates)
    return figure


def times_of(rows):
    rows = pick(rows, p=STRENGTH)
    return rows.d.astype(int).tolist(), rows.cpu_us.tolist()


def draw_rates(plot, rows, failures, style):
    """Both bases together, with 95 % intervals."""
    counts = pick(rows, p=STRENGTH).groupby("d", sort=False)[[failures, "shots"]].sum()
    middle, bars = with_intervals(counts[failures].tolist(), counts.shots.tolist())
    plot.errorbar(counts.index.astype(int).tolist(), middle, bars, capsize=2, elinewidth=0.8, **style)
