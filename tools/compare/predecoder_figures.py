"""Draws the figures of docs/pre-decoders.md from the files that the sections left."""

import pandas

from figures import pyplot, save, with_intervals
from results import groups, pick, read_results

CURVES = {
    "PyMatching plain": ("tab:gray", "o"),
    "PyMatching correlated": ("black", "s"),
    "min-sum soft": ("tab:green", "v"),
    "network hard": ("tab:orange", "^"),
    "network soft": ("tab:blue", "D"),
}


def draw(folder):
    data, _ = read_results(folder)
    if "ler" in data:
        # The rules have shots of their own.
        rules = [pick(data["rules"], decoder="min-sum soft")] if "rules" in data else []
        rows = pandas.concat([data["ler"], *rules])
        save(error_rates(rows, "p", "d"), folder / "ler-by-distance.svg")
        save(error_rates(rows, "d", "p"), folder / "ler-by-strength.svg")
    if "time" in data:
        save(events(data["time"]), folder / "events.svg")
        save(time_split(data["time"]), folder / "time.svg")


def error_rates(rows, panel, axis):
    """A panel for each value of one parameter, the other along the axis, both bases together."""
    rates = rows.groupby([panel, "decoder", axis])[["failures", "shots"]].sum().reset_index()
    rates[axis] = rates[axis].astype(float)
    panels = sorted(rates[panel].unique(), key=float)
    figure, axes = panels_of(len(panels))
    for value, plot in zip(panels, axes):
        for decoder, (colour, marker) in CURVES.items():
            seen = pick(rates, **{panel: value, "decoder": decoder}).query("failures > 0").sort_values(axis)
            middle, bars = with_intervals(seen.failures.tolist(), seen.shots.tolist())
            style = {"color": colour, "marker": marker, "markersize": 4, "capsize": 2, "label": decoder}
            plot.errorbar(seen[axis].tolist(), middle, bars, **style)
        ticks = sorted(pick(rates, **{panel: value})[axis].unique())
        plot.set(yscale="log", xlabel=axis, title=f"{panel} = {value}", xticks=ticks)
    axes[0].set_ylabel("logical error rate of a shot")
    axes[0].legend()
    return figure


def events(rows):
    figure, axes = panels_of(1)
    for (p,), seen in groups(rows, "p"):
        distances = seen.d.astype(int).tolist()
        before = axes[0].plot(distances, seen.events_per_shot.tolist(), "o-", label=f"p = {p}")
        axes[0].plot(distances, seen.left_per_shot.tolist(), "o--", color=before[0].get_color(), label=f"p = {p}, left by the network")
    axes[0].set(yscale="log", xlabel="d", ylabel="events of a shot")
    axes[0].legend()
    return figure


def time_split(rows):
    strengths = groups(rows, "p")
    figure, axes = panels_of(len(strengths))
    for ((p,), seen), plot in zip(strengths, axes):
        for place, entry in enumerate(seen.itertuples()):
            total, plain, correlated = entry.cpu_us, entry.plain_us, entry.correlated_us
            network = total * entry.network_share
            bars = [
                (-0.27, 0, network, "tab:blue", "network"),
                (-0.27, network, total - network, "tab:cyan", "matching after it"),
                (0, 0, plain, "tab:gray", "PyMatching plain"),
                (0.27, 0, correlated, "black", "PyMatching correlated"),
            ]
            for offset, bottom, height, colour, label in bars:
                plot.bar(place + offset, height, 0.25, bottom, color=colour, label=None if place else label)
        plot.set(title=f"p = {p}", xlabel="d", xticks=range(len(seen)))
        plot.set_xticklabels(seen.d)
    axes[0].set_ylabel("microseconds of a shot")
    axes[0].legend()
    return figure


def panels_of(count):
    figure, axes = pyplot.subplots(1, count, figsize=(max(5, 3.2 * count), 3.6), squeeze=False, layout="constrained")
    return figure, axes[0]
