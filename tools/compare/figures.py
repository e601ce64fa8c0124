"""What all figures share: matplotlib without a screen, and files that are the same whenever the rows are."""

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402

from sections import wilson  # noqa: E402

# Texts stay texts and the same figures give the same file.
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "outrider", "font.size": 9, "axes.grid": True,
                            "grid.alpha": 0.3, "legend.frameon": False})  # fmt: skip


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
