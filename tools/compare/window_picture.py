"""Draws docs/real-time/windows.svg: the cells of three layouts, their buffers, ranks and artificial defects."""

import itertools

from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from figures import pyplot, save
from pages import words

ROUNDS = 54
DISTANCE = 9
ROWS = 3
SHOWN = 2
CELLS = [(first, first + DISTANCE) for first in range(0, ROUNDS, DISTANCE)]
FILLS = ["#8fb8de", "#f0c48a"]
BUFFER = {"facecolor": "#99999959", "edgecolor": "#555", "linestyle": "--"}
DEFECT = {"color": "#b00", "marker": "o", "markevery": [1], "linewidth": 2, "markersize": 5}


def draw(path):
    texts = {"text.color": "#222", "axes.labelcolor": "#222", "xtick.color": "#222", "axes.grid": False, "font.size": 10}
    with pyplot.rc_context(texts):
        heights = {"height_ratios": [1, 1, 1.6], "hspace": 0.4}
        figure, (forward, parallel, brick) = pyplot.subplots(3, 1, figsize=(7.4, 5.3), gridspec_kw=heights)
        for index, (first, end) in enumerate(CELLS):
            cell(forward, first, end, index % 2, f"rank {index}")
            cell(parallel, first, end, index % 2, f"rank {index % 2}")
        first, end = CELLS[SHOWN]
        buffers(forward, end)
        buffers(parallel, first - DISTANCE, end)
        bricks(brick)
        for axes, name in ((forward, "forward"), (parallel, "parallel A/B"), (brick, "brick")):
            axes.set(xlim=(-0.3, ROUNDS + 0.3), ylim=(-0.12, 1.12), yticks=[])
            axes.set_xticks([0, DISTANCE, ROUNDS], ["round 0", "d", "time"])
            axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=11)
            axes.tick_params(length=0)
            axes.spines[:].set_visible(False)
        brick.set_xticks([])
        brick.set_xlabel(words("windows-picture.ranks"), loc="left", labelpad=2)
        signs = [Rectangle((0, 0), 1, 1, **BUFFER), Line2D([0, 1], [0, 0], **DEFECT)]
        titles = [words(f"windows-picture.{name}") for name in ("buffer", "defect")]
        figure.legend(signs, titles, loc="lower center", ncols=2, frameon=False)
        figure.subplots_adjust(left=0.14, right=0.97, top=0.99, bottom=0.12)
        save(figure, path)


def cell(axes, first, end, colour, text, bottom=0.0, height=1.0):
    place = (first, bottom), end - first, height
    axes.add_patch(Rectangle(*place, facecolor=FILLS[colour], edgecolor="#333"))
    axes.text((first + end) / 2, bottom + height / 2, text, ha="center", va="center")


def buffers(axes, *firsts):
    """Of the cell that is shown, and the committed edge at its end."""
    for first in firsts:
        axes.add_patch(Rectangle((first, -0.08), DISTANCE, 1.16, **BUFFER))
    end = CELLS[SHOWN][1]
    axes.plot([end - 0.6, end + 0.6], [0.75, 0.75], **DEFECT)


def bricks(axes):
    """From the top; every second row begins half a cell earlier."""
    for index in range(ROWS):
        is_odd = index % 2
        ends = [0, *range(DISTANCE - is_odd * (DISTANCE // 2), ROUNDS, DISTANCE), ROUNDS]
        for place, (first, end) in enumerate(itertools.pairwise(ends)):
            cell(axes, first, end, is_odd, 2 * place + 1 - is_odd, 1 - (index + 1) / ROWS, 1 / ROWS)
