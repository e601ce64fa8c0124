"""Writes the tables of docs/pre-decoders.md, each between its markers, from the files that the sections left."""

import collections
import math

from pages import VERDICTS, Page, header, interval, row, short, target, targets, times
from tables import provenance
from workspace import read_results

# Total error rates of d rounds, X basis, p = 0.006, from figures of arXiv:2604.12841 and of its model cards; those of
# correlated matching and of models 5 and 6 are read off by eye.
PUBLISHED = {
    "plain matching": {5: 3.01e-2, 9: 2.74e-2, 13: 2.12e-2},
    "correlated matching": {5: 2.2e-2, 9: 1.3e-2, 13: 6.5e-3},
    "Fast (1) + plain": {5: 2.35e-2, 9: 2.20e-2, 13: 1.68e-2},
    "Accurate (4) + plain": {5: 2.09e-2, 9: 1.66e-2, 13: 1.20e-2},
    "model 5 + plain": {5: 2.0e-2, 9: 1.4e-2, 13: 1.0e-2},
    "model 6 + correlated": {5: 2.0e-2, 9: 9.5e-3, 13: 5.6e-3},
}
PUBLISHED_PREDECODERS = [name for name in PUBLISHED if not name.endswith("matching")]
TIME_LIMITS = {"0.001": 0.8, "0.003": 0.8, "0.006": 1.0}
TARGET_STRENGTHS = ("0.003", "0.006")
STRETCH = 0.8
# A point is undecided if the network's excess may be as much as this share of correlated matching's rate.
UNDECIDED = 0.5


def rewrite(document, folder):
    data, runs = read_results(folder)
    page = Page(document)
    for name, (file, section, table) in TABLES.items():
        lines = ["Not measured yet."]
        if file in data:
            source = provenance(f"predecoders.py --only {section}", runs[section], "network")
            lines = [*table(data[file]), "", *source]
        page.put(name, lines)
    page.put("targets", targets(data, JUDGES, runs))
    page.save()


def ler_table(rows):
    lines = header("p", "basis", "d", "shots", "PyMatching plain", "PyMatching correlated", "network soft [95 %]",
                   "only network fails", "only correlated fails", "difference [95 %]", "network is")  # fmt: skip
    for point, entries in by_point(rows):
        soft = entries["network soft"]
        rates = [rate(entries[f"PyMatching {kind}"]) for kind in ("plain", "correlated")]
        lines.append(row(*names(point), soft["shots"], *rates, interval(soft), soft["only_ours"],
                         soft["only_correlated"], difference(soft), verdict(entries)))  # fmt: skip
    return lines


def failures_table(rows):
    """Failures of every decoder."""
    decoders = list(dict.fromkeys(entry["decoder"] for entry in rows))
    lines = header("p", "basis", "d", "shots", *decoders)
    for point, entries in by_point(rows):
        counts = [entries[decoder]["failures"] for decoder in decoders]
        lines.append(row(*names(point), entries[decoders[0]]["shots"], *counts))
    return lines


def soft_table(rows):
    lines = header("p", "basis", "d", "soft fails", "hard fails", "only soft", "only hard", "soft over hard")
    for point, bins in grouped(rows, "p", "basis", "d"):
        soft, hard, only_soft, only_hard = (
            count(bins, condition)
            for condition in (
                lambda wrong: wrong["soft"], lambda wrong: wrong["hard"],
                lambda wrong: wrong["soft"] and not wrong["hard"], lambda wrong: wrong["hard"] and not wrong["soft"],
            )
        )  # fmt: skip
        lines.append(row(*names(point), soft, hard, only_soft, only_hard, quotient(soft, hard)))
    return lines


def overlap_table(rows):
    """Failures of both bases by the decoders that share them."""
    kinds = ("plain", "correlated", "soft")
    sets = [(1, 1, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1)]
    titles = [" + ".join(kind for kind, wrong in zip(kinds, members) if wrong) for members in sets]
    lines = header("p", "d", *titles)
    for point, bins in grouped(rows, "p", "d"):
        lines.append(row(*point, *(
            count(bins, lambda wrong: tuple(wrong[kind] for kind in kinds) == members) for members in sets
        )))  # fmt: skip
    return lines


def strings_table(rows):
    """How long the strings are, and how many consist of errors by half or less."""
    lines = header("p", "d", "decoder", "failures", "length d", "d + 1", "d + 2", "longer", "mean errors",
                   "errors at most half")  # fmt: skip
    for (p, d, decoder), entries in grouped(rows, "p", "d", "decoder"):
        total, lengths, errors, light = 0, collections.Counter(), 0, 0
        for entry in entries:
            length, flipped, failures = (int(entry[column]) for column in ("length", "errors", "failures"))
            total += failures
            lengths[min(length - int(d), 3)] += failures
            errors += flipped * failures
            light += failures * (2 * flipped <= length)
        shares = [percent(lengths[extra], total) for extra in range(4)]
        lines.append(row(p, d, decoder, total, *shares, short(errors / total), percent(light, total)))
    return lines


def time_table(rows):
    lines = header("p", "d", "shots", "network + matching us", "network us", "matching us", "our plain us", "PyMatching us",
                   "correlated us", "over PyMatching", "target", "met", "faster than correlated")  # fmt: skip
    for entry in rows:
        limit, over = TIME_LIMITS[entry["p"]], float(entry["over_plain"])
        network = float(entry["cpu_us"]) * float(entry["network_share"])
        lines.append(row(entry["p"], entry["d"], entry["shots"], short(entry["cpu_us"]), short(network),
                         short(float(entry["cpu_us"]) - network), short(entry["own_plain_us"]), short(entry["plain_us"]),
                         short(entry["correlated_us"]), times(over), times(limit), VERDICTS[over <= limit],
                         times(1 / float(entry["over_correlated"]))))  # fmt: skip
    return lines


def events_table(rows):
    lines = header("p", "d", "events per shot", "left by the network", "fewer", "share of time in the network")
    for entry in rows:
        before, after = float(entry["events_per_shot"]), float(entry["left_per_shot"])
        lines.append(row(entry["p"], entry["d"], short(before), short(after), quotient(before, after) + "x",
                         f"{100 * float(entry['network_share']):.0f} %"))  # fmt: skip
    return lines


def tails_table(rows):
    decoders = ["network soft", "PyMatching plain", "PyMatching correlated"]
    columns = ["mean_us", "p50_us", "p99_us", "p999_us"]
    titles = [f"{decoder}: mean / p50 / p99 / p99.9" for decoder in decoders]
    lines = header("p", "d", "shots", *titles, "subtracted")
    for point, entries in grouped(rows, "p", "d"):
        found = {entry["decoder"]: entry for entry in entries}
        cells = [" / ".join(short(found[decoder][column]) for column in columns) for decoder in decoders]
        lines.append(row(*point, entries[0]["shots"], *cells, short(found["PyMatching plain"]["subtracted_us"])))
    return lines


def published_table(rows):
    measured = ["PyMatching plain", "PyMatching correlated", "network soft", "network hard"]
    lines = header("d", "shots", *(f"{name} (here)" for name in measured), *(f"{name} (published)" for name in PUBLISHED))
    for (_, _, d), entries in by_point(rows):
        points = [f"{curve[int(d)]:.2e}" if int(d) in curve else "" for curve in PUBLISHED.values()]
        lines.append(row(d, entries[measured[0]]["shots"], *(interval(entries[name]) for name in measured), *points))
    return lines


def judge_ler(rows):
    for p in TARGET_STRENGTHS:
        points = [entries for (strength, _, _), entries in by_point(rows) if strength == p]
        soft = [entries["network soft"] for entries in points]
        tally = {name: 0 for name in ("better", "equal", "worse", "undecided")}
        tally |= collections.Counter(map(verdict, points))
        ours, theirs = (sum(int(entry[column]) for entry in soft) for column in ("only_ours", "only_correlated"))
        is_met = tally["worse"] == 0 and ours - theirs <= 2 * math.sqrt(ours + theirs)
        if is_met and tally["undecided"]:
            is_met = f"undecided at {tally['undecided']} points"
        yield target("network-rate", is_met, limits={"p": p, "distances": distances(soft)}, **tally,
                     points=len(points), ours=ours, theirs=theirs)  # fmt: skip
    high = [entry for entry in rows if entry["p"] == "0.006" and int(entry["d"]) >= 7]
    ours, theirs = (
        sum(int(entry["failures"]) for entry in high if entry["decoder"] == decoder)
        for decoder in ("network soft", "PyMatching correlated")
    )
    yield target("network-stretch", ours <= STRETCH * theirs, limits={"limit": STRETCH, "distances": distances(high)},
                 ours=ours, theirs=theirs, ratio=quotient(ours, theirs))  # fmt: skip


def judge_time(rows):
    for p, limit in TIME_LIMITS.items():
        entries = [entry for entry in rows if entry["p"] == p]
        over = {entry["d"]: float(entry["over_plain"]) for entry in entries}
        worst = max(over, key=over.get)
        within = sum(value <= limit for value in over.values())
        yield target("network-time", within == len(over), limits={"p": p, "limit": limit, "distances": distances(entries)},
                     within=within, points=len(over), most=times(over[worst]), d=worst)  # fmt: skip


def judge_published(rows):
    below, compared = 0, []
    for (_, _, d), entries in by_point(rows):
        points = [PUBLISHED[name][int(d)] for name in PUBLISHED_PREDECODERS if int(d) in PUBLISHED[name]]
        if points:
            compared.append(entries["network soft"])
            below += float(entries["network soft"]["high"]) < min(points)
    yield target("published", below == len(compared), limits={"distances": distances(compared)},
                 below=below, points=len(compared))  # fmt: skip


def distances(entries):
    """Those that were measured."""
    return "d = " + ", ".join(map(str, sorted({int(entry["d"]) for entry in entries})))


def grouped(rows, *columns):
    groups = collections.defaultdict(list)
    for entry in rows:
        groups[tuple(entry[column] for column in columns)].append(entry)
    return groups.items()


def by_point(rows):
    """The entries of every point by decoder."""
    for point, entries in grouped(rows, "p", "basis", "d"):
        yield point, {entry["decoder"]: entry for entry in entries}


def names(point):
    p, basis, d = point
    return p, basis.upper(), d


def count(bins, condition):
    """Shots of an overlap's bins whose set of wrong decoders meets a condition."""
    kinds = ("plain", "correlated", "soft", "hard")
    return sum(int(entry["shots"]) for entry in bins if condition({kind: int(entry[kind]) for kind in kinds}))


def rate(entry):
    return f"{int(entry['failures']) / int(entry['shots']):.2e}"


def difference(entry):
    centre, low, high = (float(entry[f"difference{end}"]) for end in ("", "_low", "_high"))
    return f"{centre:+.1e} [{low:+.1e}, {high:+.1e}]"


def verdict(entries):
    """Of the network, soft, against correlated PyMatching at a point."""
    low, high = (float(entries["network soft"][f"difference_{end}"]) for end in ("low", "high"))
    if high < 0:
        return "better"
    if low > 0:
        return "worse"
    peer = entries["PyMatching correlated"]
    return "undecided" if high > UNDECIDED * int(peer["failures"]) / int(peer["shots"]) else "equal"


def quotient(above, below):
    return short(above / below) if below else "-"


def percent(part, total):
    return f"{100 * part / total:.0f} %"


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
