"""The rows that the sections left, as frames of pandas."""

import json

import pandas

# Parameters are labels: tables show them as they were given.
LABELS = ("p", "d", "size", "largest_difference")
POINT = ("p", "d")


def read_results(folder):
    """The rows of every section, and how each was measured."""
    path = folder / "run.json"
    runs = json.loads(path.read_text()) if path.exists() else {}
    return {path.stem: read(path) for path in folder.glob("*.csv")}, runs


def read(path):
    """Whole numbers stay whole where others of their column are missing."""
    return pandas.read_csv(path, dtype=dict.fromkeys(LABELS, "string"), dtype_backend="numpy_nullable")


def pick(rows, **what):
    """The rows with these values."""
    for name, value in what.items():
        rows = rows[rows[name] == value]
    return rows


def sides(rows, column, *values, on=POINT):
    """The rows of each value of a column, by the same index, so that they can be compared."""
    return [pick(rows, **{column: value}).set_index(list(on), drop=False) for value in values]


def groups(rows, *names):
    """Pairs of the values of these columns and the rows that have them, in the order of the file."""
    return rows.groupby(list(names), sort=False)


def distances(rows):
    """Those that were measured, ascending."""
    return sorted(rows.d.astype(int).unique().tolist())
