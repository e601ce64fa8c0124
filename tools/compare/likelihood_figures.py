"""Draws docs/likelihood/cascade.svg: what each level of the cascade decides, takes and gains."""

from figures import clear, on_any_ground, pyplot, save
from results import pick, read_results, sides

STRENGTHS = ("0.006", "0.003")
# Colours that can be read on white and on black. Falling back is part of the sum here.
LEVELS = {"first gap": "#8b949e", "mean gap": "#2f81f7", "sum": "#c2408f"}
WIDTH = 0.8


def draw(folder):
    data, _ = read_results(folder)
    if "levels" in data:
        save(cascade(data["levels"]), folder / "cascade.svg")


def cascade(rows):
    rows = rows.replace({"level": {"fall-back": "sum"}})
    counts = ["shots", "mistakes", "correlated", "timed_us"]
    rows = rows.groupby(["p", "d", "level"], sort=False, as_index=False)[counts].sum()
    with on_any_ground():
        figure, plots = pyplot.subplots(2, 3, figsize=(10.4, 5.6), layout="constrained", sharex="row")
        for p, (shares, times, failures) in zip(STRENGTHS, plots):
            levels = dict(zip(LEVELS, sides(pick(rows, p=p), "level", *LEVELS, on=("d",))))
            distances = levels["sum"].d.tolist()
            draw_shares(shares, levels)
            stack(times, levels, "timed_us", 0.0, WIDTH)
            stack(failures, levels, "correlated", -0.21, 0.38)
            stack(failures, levels, "mistakes", 0.21, 0.38)
            shares.set(title=f"shots, p = {p}", ylabel="% of all", yscale="log")
            times.set(title=f"time, p = {p}", ylabel="%")
            failures.set(title=f"failures, p = {p}", ylabel="% of correlated matching's")
            for plot in (shares, times, failures):
                plot.set_xticks(range(len(distances)), distances)
                plot.set_axisbelow(True)
        for plot in plots[-1]:
            plot.set_xlabel("distance d, d rounds")
        figure.legend(*plots[0][1].get_legend_handles_labels(), loc="outside lower center", ncols=len(LEVELS))
        clear(figure, *plots.flat)
    return figure


def draw_shares(plot, levels):
    total = sum(side.shots for side in levels.values())
    for (name, side), marker in zip(levels.items(), "osD"):
        style = {"color": LEVELS[name], "marker": marker, "markersize": 4, "label": name}
        plot.plot(range(len(side)), (100 * side.shots / total).tolist(), **style)


def stack(plot, levels, column, offset, width):
    """Bars of a column, one level on the other; failures as shares of correlated matching's."""
    of = "timed_us" if column == "timed_us" else "correlated"
    total = sum(side[of] for side in levels.values())
    below = 0.0 * total
    for name, side in levels.items():
        # Of no failures there are no shares.
        height = (100 * side[column] / total).fillna(0.0)
        places = [place + offset for place in range(len(side))]
        plot.bar(places, height.tolist(), width, below.tolist(), color=LEVELS[name], label=name)
        below = below + height
