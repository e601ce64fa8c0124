"""Writes the tables of docs/likelihood.md, each between its markers, from the files that the sections left."""

import numpy

from pages import Page, named, short, table, targets, target, times, words
from results import pick, read_results, sides
from tables import provenance

PEER = "PyMatching correlated"
POINT = ("p", "basis", "d")
Z_95 = 1.959964
# At most so many of correlated matching's failures.
RATE_LIMITS = {"0.006": {5: 0.80, 7: 0.70, 9: 0.64, 11: 0.56, 13: 0.50}, "0.003": {5: 0.70, 7: 0.62, 9: 0.57, 11: 0.55}}
TIME_LIMIT = 1.5
SHARE_LIMIT = 0.85


def rewrite(document, folder):
    data, runs = read_results(folder)
    page = Page(document)
    for section, lines_of in TABLES.items():
        lines = [words("caveats.missing")]
        if section in data:
            source = provenance(f"likelihood.py --only {section}", runs[section], "network")
            lines = [*lines_of(data[section]), "", *source]
        page.put(f"likelihood-{section}", lines)
    page.put("likelihood-targets", targets(data, JUDGES, runs))
    page.save()


def pooled(rows):
    """Both bases together."""
    counts = ["shots", "failures", "only_ours", "only_correlated"]
    return rows.groupby(["p", "d", "decoder"], sort=False, as_index=False)[counts].sum()


def ratios(ours, peer):
    """Of failures, with their 95 % intervals. Only shots that one of the two gets wrong make them uncertain."""
    discordant = (ours.only_ours + ours.only_correlated).clip(lower=1).astype(float)
    ratio = ours.failures / peer.failures
    spread = numpy.exp(Z_95 * numpy.sqrt(discordant / (ours.failures * peer.failures).astype(float)))
    return [f"{middle:.3f} [{middle / factor:.3f}, {middle * factor:.3f}]" if above and below else "-"
            for middle, factor, above, below in zip(ratio, spread, ours.failures, peer.failures)]  # fmt: skip


def ler_table(rows):
    found = pooled(rows)
    peer, own, network, ours, alone = sides(
        found, "decoder", PEER, "correlated", "network", "likelihood", "likelihood alone", on=("p", "d"))  # fmt: skip
    changed = [f"+{gain}, -{loss}" for gain, loss in zip(ours.only_correlated, ours.only_ours)]
    return table(*named(ours, "p", "d", "shots"), (PEER, peer.failures), ("our correlated", own.failures),
                 ("network", network.failures), ("likelihood", ours.failures), ("gained, lost", changed),
                 ("over correlated [95 %]", ratios(ours, peer)), ("without a network", alone.failures),
                 ("over correlated [95 %]", ratios(alone, peer)))  # fmt: skip


def distance_table(rows):
    peer, plain, ours, alone, trellis = sides(
        rows, "decoder", PEER, "PyMatching plain", "likelihood", "likelihood alone", "trellis", on=POINT)  # fmt: skip
    return table(*named(ours, "p", "d", "shots"), ("PyMatching plain", plain.failures), (PEER, peer.failures),
                 ("likelihood", ours.failures), ("without a network", alone.failures), ("trellis", trellis.failures),
                 ("trellis over correlated [95 %]", ratios(trellis, peer)),
                 ("likelihood's share of the way", shares(peer, ours, trellis)))  # fmt: skip


def shares(peer, ours, trellis):
    """Of the way from correlated matching to the sum over all errors."""
    return [f"{100 * (a - b) / (a - c):.0f} %" if a > c else "-"
            for a, b, c in zip(peer.failures, ours.failures, trellis.failures)]  # fmt: skip


def time_table(rows):
    plain, own, network, ours, alone, peer = sides(
        rows, "decoder", "plain", "correlated", "network", "likelihood", "likelihood alone", PEER, on=("p", "d"))  # fmt: skip
    return table(*named(ours, "p", "d", "shots"), ("plain us", plain.cpu_us), ("correlated us", own.cpu_us),
                 ("network us", network.cpu_us), ("likelihood us", ours.cpu_us),
                 ("over our correlated", (ours.cpu_us / own.cpu_us).map(times)),
                 ("over PyMatching's", (ours.cpu_us / peer.cpu_us).map(times)),
                 ("without a network us", alone.cpu_us))  # fmt: skip


def tails_table(rows):
    decoders = ["plain", "correlated", "likelihood"]
    each = sides(rows, "decoder", *decoders, on=("p", "d"))
    cells = [side[["mean_us", "p50_us", "p99_us", "p999_us", "max_us"]].map(short).agg(" / ".join, axis=1)
             for side in each]  # fmt: skip
    titles = [f"{decoder}: mean / p50 / p99 / p99.9 / max us" for decoder in decoders]
    return table(*named(each[0], "p", "d", "shots"), *zip(titles, cells))


def judge_ler(rows):
    found = pooled(rows)
    for p, limits in RATE_LIMITS.items():
        peer, ours = sides(pick(found, p=p), "decoder", PEER, "likelihood", on=("d",))
        for d, limit in limits.items():
            if str(d) in ours.index:
                ratio = ours.failures[str(d)] / peer.failures[str(d)]
                yield target("likelihood-rate", bool(ratio <= limit), limits={"limit": f"{limit:.2f}", "d": d, "p": p},
                             ours=ours.failures[str(d)], theirs=peer.failures[str(d)], ratio=f"{ratio:.3f}")  # fmt: skip


def judge_distance(rows):
    peer, ours, trellis = sides(rows, "decoder", PEER, "likelihood", "trellis", on=POINT)
    for d in ("5", "7"):
        if (peer.d == d).any():
            a, b, c = (side.failures[side.d == d].sum() for side in (peer, ours, trellis))
            share = (a - b) / (a - c)
            yield target("likelihood-share", bool(share >= SHARE_LIMIT), limits={"d": d}, share=f"{100 * share:.0f} %",
                         correlated=a, ours=b, trellis=c)  # fmt: skip


def judge_time(rows):
    own, ours, peer = sides(rows, "decoder", "correlated", "likelihood", PEER, on=("p", "d"))
    far = ours.d.astype(int).between(9, 13)
    most = float((ours.cpu_us / own.cpu_us)[far].max())
    yield target("likelihood-time", most <= TIME_LIMIT, limits={"limit": TIME_LIMIT}, most=times(most))
    slowest = float((ours.cpu_us / peer.cpu_us).max())
    yield target("likelihood-peer", slowest < 1, most=times(slowest))


def judge_tails(rows):
    found = pick(rows, p="0.006", d="13", decoder="likelihood")
    if len(found):
        yield target("likelihood-tail", bool(found.p999_us.max() < 1500), tail=short(found.p999_us.max()))


TABLES = {"ler": ler_table, "distance": distance_table, "time": time_table, "tails": tails_table}
JUDGES = [("ler", judge_ler), ("distance", judge_distance), ("time", judge_time), ("tails", judge_tails)]
