"""Writes the tables of docs/pre-decoders.md, each between its markers, from the files that the sections left."""

import math
import pathlib
import tomllib

import numpy
import pandas

from pages import (
    Page, intervals, named, percent, quotient, short, table, target, targets, times, verdict, words,
)  # fmt: skip
from results import distances, groups, pick, read_results, sides
from tables import provenance

PUBLISHED = tomllib.loads(pathlib.Path(__file__).with_name("published.toml").read_text())["error-rates"]
PUBLISHED_PREDECODERS = [name for name in PUBLISHED if not name.endswith("matching")]
TIME_LIMITS = {"0.001": 0.8, "0.003": 0.8, "0.006": 1.0}
TARGET_STRENGTHS = ("0.003", "0.006")
STRETCH = 0.8
# A point is undecided if the network's excess may be as much as this share of correlated matching's rate.
UNDECIDED = 0.5
VERDICTS = ("better", "equal", "worse", "undecided")
POINT = ("p", "basis", "d")
PEERS = ("PyMatching plain", "PyMatching correlated")


def rewrite(document, folder):
    data, runs = read_results(folder)
    page = Page(document)
    for name, (file, section, lines_of) in TABLES.items():
        lines = [words("caveats.missing")]
        if file in data:
            source = provenance(f"predecoders.py --only {section}", runs[section], "network")
            lines = [*lines_of(data[file]), "", *source]
        page.put(name, lines)
    page.put("targets", targets(data, JUDGES, runs))
    page.save()


def ler_table(rows):
    soft, *peers = sides(rows, "decoder", "network soft", *PEERS, on=POINT)
    rates = [(peer.failures / peer.shots).map("{:.2e}".format) for peer in peers]
    differences = [f"{centre:+.1e} [{low:+.1e}, {high:+.1e}]"
                   for centre, low, high in zip(soft.difference, soft.difference_low, soft.difference_high)]  # fmt: skip
    return table(*point_of(soft), *named(soft, "shots"), *zip(PEERS, rates), ("network soft [95 %]", intervals(soft)),
                 ("only network fails", soft.only_ours), ("only correlated fails", soft.only_correlated),
                 ("difference [95 %]", differences), ("network is", comparisons(rows)))  # fmt: skip


def failures_table(rows):
    """Failures of every decoder."""
    decoders = rows.decoder.unique()
    each = sides(rows, "decoder", *decoders, on=POINT)
    counts = [side.failures for side in each]
    return table(*point_of(each[0]), *named(each[0], "shots"), *zip(decoders, counts))


def soft_table(rows):
    soft, hard = rows.soft == 1, rows.hard == 1
    counts = shots_where(rows, POINT, soft=soft, hard=hard, only_soft=soft & ~hard, only_hard=hard & ~soft)
    return table(*point_of(counts), ("soft fails", counts.soft), ("hard fails", counts.hard),
                 ("only soft", counts.only_soft), ("only hard", counts.only_hard),
                 ("soft over hard", map(quotient, counts.soft, counts.hard)))  # fmt: skip


def overlap_table(rows):
    """Failures of both bases by the decoders that share them."""
    kinds = ["plain", "correlated", "soft"]
    sets = [(1, 1, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
    titles = [" + ".join(kind for kind, wrong in zip(kinds, members) if wrong) for members in sets]
    masks = {title: (rows[kinds] == list(members)).all(axis=1) for title, members in zip(titles, sets)}
    counts = shots_where(rows, ("p", "d"), **masks)
    return table(*named(counts, "p", "d", *titles))


def shots_where(rows, names, **masks):
    """Of every group of an overlap's bins, the shots whose set of wrong decoders meets each condition."""
    counts = pandas.DataFrame({name: rows.shots.where(mask, 0) for name, mask in masks.items()})
    return counts.groupby([rows[name] for name in names], sort=False).sum().reset_index()


def strings_table(rows):
    """How long the strings are, and how many consist of errors by half or less."""
    lines = []
    for (p, d, decoder), found in groups(rows, "p", "d", "decoder"):
        total = found.failures.sum()
        longer = (found.length - int(d)).clip(upper=3)
        shares = [percent(found.failures[longer == extra].sum(), total) for extra in range(4)]
        mean = (found.errors * found.failures).sum() / total
        light = found.failures[2 * found.errors <= found.length].sum()
        lines.append((p, d, decoder, total, *shares, mean, percent(light, total)))
    titles = ("p", "d", "decoder", "failures", "length d", "d + 1", "d + 2", "longer", "mean errors", "errors at most half")
    return table(*zip(titles, zip(*lines)))


def time_table(rows):
    network = rows.cpu_us * rows.network_share
    limits = rows.p.map(TIME_LIMITS)
    return table(*named(rows, "p", "d", "shots"), ("network + matching us", rows.cpu_us), ("network us", network),
                 ("matching us", rows.cpu_us - network), ("our plain us", rows.own_plain_us),
                 ("PyMatching us", rows.plain_us), ("correlated us", rows.correlated_us),
                 ("over PyMatching", rows.over_plain.map(times)), ("target", limits.map(times)),
                 ("met", (rows.over_plain <= limits).map(verdict)),
                 ("faster than correlated", (1 / rows.over_correlated).map(times)))  # fmt: skip


def events_table(rows):
    fewer = (rows.events_per_shot / rows.left_per_shot).map(short)
    return table(*named(rows, "p", "d"), ("events per shot", rows.events_per_shot),
                 ("left by the network", rows.left_per_shot), ("fewer", fewer + "x"),
                 ("share of time in the network", [percent(share, 1) for share in rows.network_share]))  # fmt: skip


def tails_table(rows):
    decoders = ["network soft", *PEERS]
    each = sides(rows, "decoder", *decoders)
    cells = [side[["mean_us", "p50_us", "p99_us", "p999_us"]].map(short).agg(" / ".join, axis=1) for side in each]
    titles = [f"{decoder}: mean / p50 / p99 / p99.9" for decoder in decoders]
    return table(*named(each[0], "p", "d", "shots"), *zip(titles, cells), ("subtracted", each[1].subtracted_us))


def published_table(rows):
    measured = [*PEERS, "network soft", "network hard"]
    each = sides(rows, "decoder", *measured, on=POINT)
    here = [(f"{name} (here)", intervals(side)) for name, side in zip(measured, each)]
    there = [(f"{name} (published)", each[0].d.map(curve).map("{:.2e}".format, na_action="ignore"))
             for name, curve in PUBLISHED.items()]  # fmt: skip
    return table(*named(each[0], "d", "shots"), *here, *there)


def judge_ler(rows):
    for p in TARGET_STRENGTHS:
        points = pick(rows, p=p)
        soft = pick(points, decoder="network soft")
        tally = dict.fromkeys(VERDICTS, 0) | comparisons(points).value_counts().to_dict()
        ours, theirs = soft.only_ours.sum(), soft.only_correlated.sum()
        is_met = tally["worse"] == 0 and bool(ours - theirs <= 2 * math.sqrt(ours + theirs))
        if is_met and tally["undecided"]:
            is_met = words("targets.network-rate.open", **tally)
        yield target("network-rate", is_met, limits={"p": p, "distances": listed(soft)}, **tally, points=len(soft),
                     ours=ours, theirs=theirs)  # fmt: skip
    high = pick(rows, p="0.006")
    high = high[high.d.astype(int) >= 7]
    ours, theirs = (pick(high, decoder=name).failures.sum() for name in ("network soft", "PyMatching correlated"))
    yield target("network-stretch", bool(ours <= STRETCH * theirs), limits={"limit": STRETCH, "distances": listed(high)},
                 ours=ours, theirs=theirs, ratio=quotient(ours, theirs))  # fmt: skip


def judge_time(rows):
    for p, limit in TIME_LIMITS.items():
        points = pick(rows, p=p)
        worst, within = points.loc[points.over_plain.idxmax()], (points.over_plain <= limit).sum()
        yield target("network-time", within == len(points), limits={"p": p, "limit": limit, "distances": listed(points)},
                     within=within, points=len(points), most=times(worst.over_plain), d=worst.d)  # fmt: skip


def judge_published(rows):
    best = pandas.DataFrame({name: PUBLISHED[name] for name in PUBLISHED_PREDECODERS}).min(axis=1)
    soft = pick(rows, decoder="network soft")
    compared = soft[soft.d.isin(best.index)]
    below = sum(compared.high < compared.d.map(best))
    yield target("published", below == len(compared), limits={"distances": listed(compared)}, below=below,
                 points=len(compared))  # fmt: skip


def listed(rows):
    """The distances that were measured."""
    return "d = " + ", ".join(map(str, distances(rows)))


def point_of(rows):
    return ("p", rows.p), ("basis", rows.basis.str.upper()), ("d", rows.d)


def comparisons(rows):
    """Of the network, soft, with correlated PyMatching at every point."""
    soft, peer = sides(rows, "decoder", "network soft", "PyMatching correlated", on=POINT)
    low, high = soft.difference_low, soft.difference_high
    is_open = high > UNDECIDED * peer.failures / peer.shots
    named = numpy.select([high < 0, low > 0, is_open], ["better", "worse", "undecided"], "equal")
    return pandas.Series(named, soft.index)


# The file and the section that it is from.
TABLES = {
    "ler": ("ler", "ler", ler_table),
    "failures": ("ler", "ler", failures_table),
    "rules": ("rules", "rules", failures_table),
    "soft": ("overlap", "ler", soft_table),
    "overlap": ("overlap", "ler", overlap_table),
    "strings": ("strings", "strings", strings_table),
    "time": ("time", "time", time_table),
    "events": ("time", "time", events_table),
    "tails": ("tails", "tails", tails_table),
    "published": ("published", "published", published_table),
}
JUDGES = [("ler", judge_ler), ("time", judge_time), ("published", judge_published)]
