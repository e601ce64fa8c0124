"""Draws the figures of docs/pre-decoders.md from the files that the sections left."""

import collections

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402

from predecoder_tables import grouped  # noqa: E402
from sections import wilson  # noqa: E402
from workspace import read_results  # noqa: E402

# Texts stay texts and the same figures give the same file.
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "outrider", "font.size": 9, "axes.grid": True,
                            "grid.alpha": 0.3, "legend.frameon": False})  # fmt: skip
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
        rows = data["ler"] + [entry for entry in data.get("rules", []) if entry["decoder"] == "min-sum soft"]
        save(error_rates(rows, "p", "d"), folder / "ler-by-distance.svg")
        save(error_rates(rows, "d", "p"), folder / "ler-by-strength.svg")
    if "time" in data:
        save(events(data["time"]), folder / "events.svg")
        save(time_split(data["time"]), folder / "time.svg")


def save(figure, path):
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    pyplot.close(figure)
    lines = path.read_text().splitlines()
    path.write_text("".join(f"{line.rstrip()}\n" for line in lines))


def error_rates(rows, panel, axis):
    """A panel for each value of one parameter, the other along the axis, both bases together."""
    rates = collections.defaultdict(lambda: [0, 0])
    for entry in rows:
        counts = rates[entry[panel], entry["decoder"], float(entry[axis])]
        counts[0] += int(entry["failures"])
        counts[1] += int(entry["shots"])
    panels = sorted({key[0] for key in rates}, key=float)
    figure, axes = panels_of(len(panels))
    for value, plot in zip(panels, axes):
        for decoder, (colour, marker) in CURVES.items():
            of_curve = [(key[2], *counts) for key, counts in sorted(rates.items()) if key[:2] == (value, decoder)]
            points = [(x, failures, shots) for x, failures, shots in of_curve if failures]
            middle = [failures / shots for _, failures, shots in points]
            ends = [[float(end) for end in wilson(failures, shots)] for _, failures, shots in points]
            bars = [
                [m - low for m, (low, _) in zip(middle, ends)],
                [high - m for m, (_, high) in zip(middle, ends)],
            ]
            style = {"color": colour, "marker": marker, "markersize": 4, "capsize": 2, "label": decoder}
            plot.errorbar([x for x, *_ in points], middle, bars, **style)
        ticks = sorted({x for at, _, x in rates if at == value})
        plot.set(yscale="log", xlabel=axis, title=f"{panel} = {value}", xticks=ticks)
    axes[0].set_ylabel("logical error rate of a shot")
    axes[0].legend()
    return figure


def events(rows):
    figure, axes = panels_of(1)
    for (p,), entries in grouped(rows, "p"):
        distances = [int(entry["d"]) for entry in entries]
        before = axes[0].plot(distances, [float(entry["events_per_shot"]) for entry in entries], "o-", label=f"p = {p}")
        left = [float(entry["left_per_shot"]) for entry in entries]
        axes[0].plot(distances, left, "o--", color=before[0].get_color(), label=f"p = {p}, left by the network")
    axes[0].set(yscale="log", xlabel="d", ylabel="events of a shot")
    axes[0].legend()
    return figure


def time_split(rows):
    strengths = grouped(rows, "p")
    figure, axes = panels_of(len(strengths))
    for ((p,), entries), plot in zip(strengths, axes):
        for place, entry in enumerate(entries):
            total, plain, correlated = (float(entry[column]) for column in ("cpu_us", "plain_us", "correlated_us"))
            network = total * float(entry["network_share"])
            bars = [
                (-0.27, 0, network, "tab:blue", "network"),
                (-0.27, network, total - network, "tab:cyan", "matching after it"),
                (0, 0, plain, "tab:gray", "PyMatching plain"),
                (0.27, 0, correlated, "black", "PyMatching correlated"),
            ]
            for offset, bottom, height, colour, label in bars:
                plot.bar(place + offset, height, 0.25, bottom, color=colour, label=None if place else label)
        plot.set(title=f"p = {p}", xlabel="d", xticks=range(len(entries)))
        plot.set_xticklabels([entry["d"] for entry in entries])
    axes[0].set_ylabel("microseconds of a shot")
    axes[0].legend()
    return figure


def panels_of(count):
    figure, axes = pyplot.subplots(1, count, figsize=(max(5, 3.2 * count), 3.6), squeeze=False, layout="constrained")
    return figure, axes[0]
