"""What all figures share: matplotlib without a screen, and files that are the same whenever the rows are."""

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402

from sections import wilson  # noqa: E402

# Texts stay texts and the same figures give the same file.
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "outrider", "font.size": 9, "axes.grid": True,
                            "grid.alpha": 0.3, "legend.frameon": False})  # fmt: skip


GREY = "#767676"


def on_any_ground():
    """Greys that can be read on white and on black; for figures without a ground of their own, see `clear`."""
    greys = {name: GREY for name in ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")}
    return pyplot.rc_context({**greys, "grid.color": GREY, "font.size": 10, "font.family": "sans-serif"})


def clear(figure, *plots):
    """Takes away grounds and the lines above and to the right."""
    figure.patch.set_alpha(0)
    for plot in plots:
        plot.patch.set_alpha(0)
        plot.spines[["top", "right"]].set_visible(False)


def save(figure, path):
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    pyplot.close(figure)
    lines = path.read_text().splitlines()
    path.write_text("".join(f"{line.rstrip()}\n" for line in lines))


def with_intervals(failures, shots):
    """Rates, and the lengths of the bars below and above them."""
    middle = [count / of for count, of in zip(failures, shots)]
    ends = [[float(end) for end in wilson(count, of)] for count, of in zip(failures, shots)]
    below = [rate - low for rate, (low, _) in zip(middle, ends)]
    return middle, [below, [high - rate for rate, (_, high) in zip(middle, ends)]]
