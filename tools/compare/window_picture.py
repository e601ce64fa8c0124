#!/usr/bin/env python3
"""Draws docs/real-time/windows.svg: the cells of three layouts, their buffers, ranks and artificial defects."""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROUND = 11  # pixels
HEIGHT = 70
LEFT = 96
ROUNDS = 54
DISTANCE = 9
FILLS = ["#8fb8de", "#f0c48a"]
STYLE = """<style>text{font:13px sans-serif;fill:#222}.small{font-size:11px}
.cell{stroke:#333;stroke-width:1}.buffer{fill:#999;fill-opacity:.35;stroke:#555;stroke-dasharray:4 3}</style>"""


def main():
    parts = [*strip(40, "forward", forward()), *strip(170, "parallel A/B", parallel()), *bricks(300), *legend(480)]
    width, height = LEFT + ROUNDS * ROUND + 16, 530
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
    frame = f'<rect width="{width}" height="{height}" fill="white"/>'
    path = ROOT / "docs" / "real-time" / "windows.svg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([head, STYLE, frame, *parts, "</svg>"]) + "\n")


def forward():
    """Cells as first round, end, rank and colour, and the one whose window is shown."""
    return [(first, first + DISTANCE, index, index % 2) for index, first in enumerate(range(0, ROUNDS, DISTANCE))], [2]


def parallel():
    return [(first, first + DISTANCE, index % 2, index % 2) for index, first in enumerate(range(0, ROUNDS, DISTANCE))], [2]


def strip(top, name, layout):
    cells, shown = layout
    yield text(8, top + 40, name)
    for first, end, rank, colour in cells:
        yield cell(first, end, top, HEIGHT, FILLS[colour])
        yield text(x((first + end) / 2) - 20, top + 40, f"rank {rank}")
    for number in shown:
        first, end, rank, _ = cells[number]
        if name != "forward":
            yield buffer(first - DISTANCE, first, top, HEIGHT)
        yield buffer(end, end + DISTANCE, top, HEIGHT)
        yield from defect(end, top + 18)
    yield text(x(0), top + HEIGHT + 16, "round 0", "small")
    yield text(x(DISTANCE) - 4, top + HEIGHT + 16, "d", "small")
    yield text(x(ROUNDS) - 26, top + HEIGHT + 16, "time", "small")


def bricks(top):
    yield text(8, top + 70, "brick")
    rows, height = 3, 48
    for row in range(rows):
        shift = DISTANCE // 2 if row % 2 else 0
        index, first = 0, 0
        while first < ROUNDS:
            end = min((index + 1) * DISTANCE - shift, ROUNDS)
            rank = 2 * index + (1 - row % 2)
            yield cell(first, end, top + row * height, height, FILLS[row % 2])
            yield text(x((first + end) / 2) - 6, top + row * height + 29, rank)
            index, first = index + 1, end
    yield text(x(0), top + rows * height + 16, "numbers are ranks: cells are decided in the order of their first rounds", "small")


def legend(top):
    yield f'<rect class="buffer" x="{LEFT}" y="{top}" width="36" height="18"/>'
    yield text(LEFT + 44, top + 14, "buffer of the third cell: seen, not decided", "small")
    yield from defect(31.5, top + 9)
    yield text(x(33), top + 14, "committed edge, artificial defect", "small")


def defect(end, y):
    yield f'<line x1="{x(end - 0.6)}" y1="{y}" x2="{x(end + 0.6)}" y2="{y}" stroke="#b00" stroke-width="2"/>'
    yield f'<circle cx="{x(end + 0.6)}" cy="{y}" r="4" fill="#b00"/>'


def cell(first, end, top, height, fill):
    return f'<rect class="cell" x="{x(first)}" y="{top}" width="{(end - first) * ROUND}" height="{height}" fill="{fill}"/>'


def buffer(first, end, top, height):
    return f'<rect class="buffer" x="{x(first)}" y="{top - 6}" width="{(end - first) * ROUND}" height="{height + 12}"/>'


def text(left, top, words, kind=""):
    return f'<text x="{left:g}" y="{top:g}"{f" class={chr(34)}{kind}{chr(34)}" if kind else ""}>{words}</text>'


def x(rounds):
    return LEFT + rounds * ROUND


if __name__ == "__main__":
    main()
