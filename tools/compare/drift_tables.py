"""Writes the table about drifting noise in docs/real-time.md from the lines of the example `drift`."""

import numpy
import pandas

from pages import Page, named, prose, table, words

Z_95 = 1.959964
DRIFTS = {
    "double": "all rates double",
    "spread": "each place and kind drifts by itself, 1/4 to 4 times",
    "spot": "a spot 5 times as noisy moves across the patch",
}
DECODERS = {"mwpm": "plain", "mwpm-correlated": "correlated"}
POINT = ["drift", "decoder", "distance", "p", "memory", "every", "rounds"]


def rewrite(document, path, run):
    page = Page(document)
    page.put("drift", [*drift_table(read(path)), "", *provenance(run)])
    page.save()


def read(path):
    """The counts of every point, of all seeds."""
    runs = pandas.read_csv(path)
    points = runs.drop(columns=["factor", "seed"]).groupby(POINT, sort=False, as_index=False).sum()
    return points.replace({"drift": DRIFTS, "decoder": DECODERS})


def drift_table(points):
    return table(*named(points, "drift", "decoder"), ("d", points.distance), ("p", points.p.map("{:g}".format)),
                 ("histories", points.histories), ("failures, true rates", points.true),
                 ("learned", points.learned), ("frozen", points.frozen),
                 ("learned / true [95 %]", ratios(points, "learned")),
                 ("frozen / true [95 %]", ratios(points, "frozen")))  # fmt: skip


def ratios(points, name):
    """Of failures to those with true rates. Only histories on which the two differ make it uncertain; at least one may."""
    discordant = (points[f"only_{name}"] + points[f"only_true_of_{name}"]).clip(lower=1)
    ratio = points[name] / points.true
    spread = numpy.exp(Z_95 * numpy.sqrt(discordant / (points[name] * points.true)))
    return [f"{middle:.3f} [{middle / factor:.3f}, {middle * factor:.3f}]" for middle, factor in zip(ratio, spread)]


def provenance(run):
    command = "python3 tools/compare/drift.py" + (" --quick" if run["quick"] else "")
    return prose(words("provenance.drift", command=command, **run))
