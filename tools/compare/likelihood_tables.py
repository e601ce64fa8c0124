"""Writes the tables of docs/likelihood.md, each between its markers, from the files that the sections left."""

import numpy
import pandas

from pages import Page, named, percent, short, table, targets, target, times, words
from predecoder_tables import PUBLISHED
from results import pick, read_results, sides
from tables import provenance
from window_tables import ratios as window_ratios

PEER = "PyMatching correlated"
POINT = ("p", "basis", "d")
Z_95 = 1.959964
# At most so many of correlated matching's failures.
RATE_LIMITS = {"0.006": {5: 0.80, 7: 0.70, 9: 0.64, 11: 0.56, 13: 0.50}, "0.003": {5: 0.70, 7: 0.62, 9: 0.57, 11: 0.55}}
TIME_LIMIT = 1.5
SHARE_LIMIT = 0.85
TESSERACT_TIME_LIMIT = 0.01
# Of the failures of the largest published network with correlated matching.
PAPER_NETWORK = "model 6 + correlated"
PAPER_LIMITS = {5: 0.9, 9: 0.6, 13: 0.6}
TENSOR_NETWORK = "tensor_network_contraction"
WINDOW_EXCESS = 0.02
DEEP_LIMIT = 0.46
LEVELS = ("first gap", "mean gap", "sum", "fall-back")
HARDWARE_EXCESS = 0.01
HARDWARE_LIMITS_US = {"google_sycamore_x_d3_r5": 100, "google_sycamore_x_d5_r5": 500, "google_sycamore_x_d5_r11": 1500}
# Options of the trellis that meet both.
HARDWARE_TRELLIS = "trellis, cutoffs 1e-3 and 1e-4"


def rewrite(document, folder):
    data, runs = read_results(folder)
    page = Page(document)
    for section, lines_of in TABLES.items():
        lines = [words("caveats.missing")]
        if section in data:
            folder_given = " --data FOLDER" if section == "hardware" else ""
            source = provenance(f"likelihood.py --only {section}{folder_given}", runs[section], "network")
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


def tesseract_table(rows):
    ours, trellis, brief, long = sides(rows, "decoder", "likelihood", "trellis", "tesseract, short beam",
                                       "tesseract, long beam", on=("p", "d"))  # fmt: skip
    changed = [f"+{gain}, -{loss}" for gain, loss in zip(long.only_ours, long.only_likelihood)]
    settled = [f"{settled} of {timed}: {differ}"
               for settled, timed, differ in zip(long.settled, long.timed, long.differ)]  # fmt: skip
    return table(*named(ours, "p", "d", "shots"), ("tesseract, short beam", brief.failures),
                 ("long beam", long.failures), ("likelihood", ours.failures), ("gained, lost", changed),
                 ("trellis", trellis.failures), ("short beam us", brief.us), ("long beam us", long.us),
                 ("likelihood us", ours.us), ("trellis us", trellis.us),
                 ("settled shots, other answers", settled))  # fmt: skip


def hardware_table(rows):
    experiments = rows.experiment.unique()
    each = [pick(rows, experiment=name) for name in experiments]
    # Those with the data have no times.
    is_ours = each[0].us.notna()
    names = [name if ours else f"Google's {name.replace('_', ' ')}" for name, ours in zip(each[0].decoder, is_ours)]
    columns = [("decoder", names)]
    for name, side in zip(experiments, each):
        title = name.removeprefix("google_sycamore_x_").replace("_", " ")
        columns += [(f"{title}: failures of {side.shots.iloc[0]}", side.failures.tolist()),
                    ("gained, lost", [f"+{gain}, -{loss}" if gain + loss else "-"
                                      for gain, loss in zip(side.only_peer, side.only_ours)]),
                    ("us", [short(us) if not pandas.isna(us) else "" for us in side.us])]  # fmt: skip
    return table(*columns)


def calibration_table(rows):
    """A line for each point, decoder and what decided; in each bin the mistakes that were expected and those that were
    counted."""
    lines = []
    for (p, d, decoder, by), found in rows.groupby(["p", "d", "decoder", "by"], sort=False):
        whole = found[found.slope.notna()]
        cells = {f"{row.low} to {row.high}" if not pandas.isna(row.high) else f"{row.low} and more":
                 f"{short(row.expected)}, {row.mistakes}"
                 for row in found.itertuples() if pandas.isna(row.slope)}  # fmt: skip
        slope = "".join(f"{row.slope:.2f} ± {row.slope_error:.2f}" for row in whole.itertuples())
        shots = found.shots[found.slope.isna()].sum()
        lines.append({"p": p, "d": d, "decoder": decoder, "decided by": by, "shots": shots, **cells, "slope": slope})
    titles = sorted({title for line in lines for title in line}, key=place_of)
    return table(*((title, [line.get(title, "") for line in lines]) for title in titles))


def place_of(title):
    """Of a column of the calibration: names, bins by their ends, the slope."""
    names = ["p", "d", "decoder", "decided by", "shots"]
    if title in names:
        return -1, names.index(title)
    return (1, 0) if title == "slope" else (0, int(title.split()[0]))


def levels_table(rows):
    """The share of shots of each level, and its mistakes beside those of correlated matching on the same shots."""
    each = sides(rows, "level", *LEVELS, on=("p", "d"))
    total = sum(side.shots for side in each)
    spent = sum(side.timed_us for side in each)
    columns = named(each[0], "p", "d") + [("shots", total)]
    for level, side in zip(LEVELS, each):
        failures = [f"{ours}, {theirs}" for ours, theirs in zip(side.mistakes, side.correlated)]
        columns += [(f"{level}: shots", [f"{short(100 * part / whole)} %" for part, whole in zip(side.shots, total)]),
                    ("time", [percent(part, whole) for part, whole in zip(side.timed_us, spent)]),
                    ("failures, correlated's", failures)]  # fmt: skip
    return table(*columns)


def paper_table(rows):
    peer, own, network, ours, rule, alone = sides(
        rows, "decoder", PEER, "correlated", "network", "likelihood", "likelihood, min-sum", "likelihood alone",
        on=("d",))  # fmt: skip
    published = ours.d.map({str(d): rate for d, rate in PUBLISHED[PAPER_NETWORK].items()})
    over = [f"{rate:.2f}" if not pandas.isna(rate) else "" for rate in ours.failures / ours.shots / published]
    theirs = published.map("{:.1e}".format, na_action="ignore")
    return table(*named(ours, "d", "shots"), (PEER, peer.failures), ("our correlated", own.failures),
                 ("network", network.failures), ("likelihood", ours.failures),
                 ("over correlated [95 %]", ratios(ours, peer)), ("with min-sum", rule.failures),
                 ("without a pre-decoder", alone.failures),
                 ("rate of a shot", [f"{rate:.2e}" for rate in ours.failures / ours.shots]),
                 (f"published, {PAPER_NETWORK}", theirs), ("over published", over))  # fmt: skip


def observables_table(rows):
    peer, own, network, ours, alone = sides(
        rows, "decoder", PEER, "correlated", "network", "likelihood", "likelihood alone", on=("p", "d"))  # fmt: skip
    return table(*named(ours, "p", "d", "shots"), (PEER, peer.failures), ("our correlated", own.failures),
                 ("network", network.failures), ("likelihood", ours.failures),
                 ("over correlated [95 %]", ratios(ours, peer)), ("without a network", alone.failures),
                 ("over correlated [95 %]", ratios(alone, peer)))  # fmt: skip


def windows_table(rows):
    """Of both bases; the gain is that of likelihood over correlated matching, whole and in windows."""
    found = pooled_windows(rows)
    own, ours, more = sides(found, "decoder", "correlated", "likelihood", "deep", on=("p", "d", "layout"))
    kept = (own.failures / own.shots - ours.failures / ours.shots) / (own.whole / own.shots - ours.whole / ours.shots)
    return table(*named(ours, "p", "d", "layout"),
                 ("shots", ours.shots), ("likelihood, whole", ours.whole), ("in windows", ours.failures),
                 ("only in windows, only whole", both(ours)), ("ratio [95 %]", window_ratios(ours)),
                 ("deep level: shots", more.shots), ("whole", more.whole), ("in windows", more.failures),
                 ("ratio [95 %]", window_ratios(more)),
                 ("correlated: shots", own.shots), ("whole", own.whole), ("in windows", own.failures),
                 ("gain kept", [f"{100 * share:.0f} %" for share in kept]))  # fmt: skip


def pooled_windows(rows):
    counts = ["shots", "failures", "only_windows", "only_whole"]
    found = rows.groupby(["p", "d", "layout", "decoder"], sort=False, as_index=False)[counts].sum()
    return found.assign(whole=found.failures - found.only_windows + found.only_whole)


def both(side):
    return [f"{windows}, {whole}" for windows, whole in zip(side.only_windows, side.only_whole)]


def deep_table(rows):
    counts = rows.assign(spent=rows.us * rows.shots)
    counts = counts.groupby(["p", "d", "decoder"], sort=False, as_index=False)[["shots", "failures", "spent"]].sum()
    own, ours, more = sides(counts, "decoder", "correlated", "likelihood", "deep", on=("p", "d"))
    return table(*named(ours, "p", "d", "shots"), ("our correlated", own.failures), ("likelihood", ours.failures),
                 ("with the deep level", more.failures),
                 ("over correlated", (ours.failures / own.failures).map("{:.3f}".format)),
                 ("deep over correlated", (more.failures / own.failures).map("{:.3f}".format)),
                 ("time of the deep level", (more.spent / ours.spent).map(times)))  # fmt: skip


def judge_windows(rows):
    found = pooled_windows(rows)
    found = found[(found.decoder == "likelihood") & found.d.isin(["5", "7"])]
    for d, side in found.groupby("d"):
        failures, whole = side.failures.sum(), side.whole.sum()
        yield target("likelihood-windows", bool(failures <= (1 + WINDOW_EXCESS) * whole), limits={"d": d},
                     windows=failures, whole=whole, ratio=f"{failures / whole:.3f}")  # fmt: skip


def judge_deep(rows):
    (own,), (more,) = ([side.failures.sum()] for name in ("correlated", "deep")
                       for side in [pick(rows, d="13", decoder=name)])  # fmt: skip
    if own:
        yield target("likelihood-deep", bool(more <= DEEP_LIMIT * own), ours=more, theirs=own, ratio=f"{more / own:.3f}")


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


def judge_tesseract(rows):
    ours, *peers = sides(rows, "decoder", "likelihood", "tesseract, short beam", "tesseract, long beam", on=("p", "d"))
    for point in ours.index:
        theirs = [peer.failures[point] for peer in peers]
        yield target("likelihood-tesseract", bool(ours.failures[point] <= min(theirs)), limits=dict(zip("pd", point)),
                     ours=ours.failures[point], brief=theirs[0], long=theirs[1])  # fmt: skip
    most = max(float((ours.us / peer.us).max()) for peer in peers)
    yield target("likelihood-tesseract-time", most <= TESSERACT_TIME_LIMIT, most=f"{100 * most:.2g} %")


def judge_hardware(rows):
    for experiment, limit in HARDWARE_LIMITS_US.items():
        (peer,), (ours,) = (pick(rows, experiment=experiment, decoder=name).itertuples()
                            for name in (TENSOR_NETWORK, HARDWARE_TRELLIS))  # fmt: skip
        is_met = ours.failures <= (1 + HARDWARE_EXCESS) * peer.failures and ours.us <= limit
        name = experiment.removeprefix("google_sycamore_x_").replace("_", " ")
        yield target("likelihood-hardware", bool(is_met), limits={"experiment": name, "limit": limit / 1000},
                     ours=ours.failures, theirs=peer.failures, us=short(ours.us))  # fmt: skip


def judge_paper(rows):
    ours = pick(rows, decoder="likelihood").set_index("d")
    for d, limit in PAPER_LIMITS.items():
        if str(d) in ours.index:
            rate, published = ours.failures[str(d)] / ours.shots[str(d)], PUBLISHED[PAPER_NETWORK][str(d)]
            yield target("likelihood-paper", bool(rate <= limit * published), limits={"d": d, "limit": limit},
                         rate=f"{rate:.2e}", published=f"{published:.1e}", ratio=f"{rate / published:.2f}")  # fmt: skip


TABLES = {
    "ler": ler_table, "distance": distance_table, "deep": deep_table, "windows": windows_table, "levels": levels_table, "tesseract": tesseract_table,
    "paper": paper_table, "observables": observables_table, "hardware": hardware_table, "time": time_table,
    "tails": tails_table, "calibration": calibration_table,
}  # fmt: skip
JUDGES = [
    ("ler", judge_ler), ("distance", judge_distance), ("deep", judge_deep), ("windows", judge_windows),
    ("tesseract", judge_tesseract), ("paper", judge_paper),
    ("hardware", judge_hardware), ("time", judge_time), ("tails", judge_tails),
]  # fmt: skip
