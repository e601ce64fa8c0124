"""Writes the tables of docs/performance.md, each between its markers, from the files that the sections left."""

import math

from pages import Page, commit, header, interval, prose, row, short, software, target, targets, times, words
from workspace import read_results


def rewrite(document, folder):
    data, runs = read_results(folder)
    page = Page(document)
    for name, (section, table) in TABLES.items():
        if section in data:
            source = provenance(f"run.py --only {section}", runs[section], "stabilizer_qec")
            page.put(name, [*table(data[section]), "", *source])
    page.put("targets", targets(data, JUDGES, runs))
    page.save()


def provenance(script, run, subject):
    """How a section was measured on one core."""
    command = f"python3 tools/compare/{script}" + (" --quick" if run["quick"] else "")
    if run.get("minutes") is not None:
        command += f" --minutes {run['minutes']:g}"
    return prose(words("provenance.one_core", command=command, date=run["date"], commit=commit(run), cpu=run["cpu"],
                       cpus=run["cpus"], load=run["load_average"], pymatching=run["pymatching"], stim=run["stim"],
                       subject=f"{subject} {run[subject]}", software=software(run)))  # fmt: skip


def speed_table(kind):
    peers = ["pymatching", "stabilizer_qec"]

    def table(rows):
        lines = header("p", "d", "shots", "events per shot", "outrider us", "PyMatching us", "stabilizer_qec us",
                       "against PyMatching", "against stabilizer_qec")  # fmt: skip
        for point in points(rows):
            ours, *theirs = (one(rows, point, program, kind) for program in ["outrider", *peers])
            lines.append(row(*point, ours["shots"], short(ours["events_per_shot"]), short(ours["cpu_us"]),
                             *(short(peer["cpu_us"]) for peer in theirs),
                             times(ours["pymatching_ratio"]),
                             times(float(ours["pymatching_ratio"]) / float(theirs[1]["pymatching_ratio"]))))  # fmt: skip
        ratios = ratios_of(rows, kind)
        rival = [a / b for a, b in zip(ratios, ratios_of(rows, kind, "stabilizer_qec"))]
        lines.append(row("geometric mean", *[""] * 6, *(f"**{times(mean(values))}**" for values in (ratios, rival))))
        lines.append(row("smallest", *[""] * 6, times(min(ratios)), times(min(rival))))
        return lines

    return table


def price_table(rows):
    lines = header("p", "d", "outrider", "PyMatching", "stabilizer_qec", "union-find us", "union-find over plain")
    for point in points(rows):
        prices = [short(one(rows, point, program, "mwpm-correlated")["over_own_plain"])
                  for program in ("outrider", "pymatching", "stabilizer_qec")]  # fmt: skip
        union_find = one(rows, point, "outrider", "union-find")
        lines.append(row(*point, *prices, short(union_find["cpu_us"]), short(union_find["over_own_plain"])))
    means = [mean(prices_of(rows, program)) for program in ("outrider", "pymatching", "stabilizer_qec")]
    lines.append(row("geometric mean", "", *(f"**{short(value)}**" for value in means), "", ""))
    return lines


def weights_table(rows):
    plain = [entry for entry in rows if entry["equal_weights"]]
    lines = header("p", "d", "shots", "equal to one part in a million", "largest difference of a shot")
    lines += [row(entry["p"], entry["d"], entry["shots"], entry["equal_weights"], entry["largest_difference"])
              for entry in plain]  # fmt: skip
    return lines


def tails_table(rows):
    lines = header("p", "d", "shots", "decoder", "outrider p50", "p99", "p99.9", "PyMatching p50", "p99", "p99.9",
                   "subtracted from PyMatching", "p99.9 ratio")  # fmt: skip
    for point in points(rows):
        for kind in ("mwpm", "mwpm-correlated"):
            ours, theirs = (one(rows, point, program, kind) for program in ("outrider", "pymatching"))
            quantiles = [short(side[column]) for side in (ours, theirs) for column in ("p50_us", "p99_us", "p999_us")]
            lines.append(row(*point, ours["shots"], kind, *quantiles, short(theirs["subtracted_us"]),
                             times(float(theirs["p999_us"]) / float(ours["p999_us"]))))  # fmt: skip
    return lines


def build_table(rows):
    lines = header("p", "d", "decoder", "outrider ms", "PyMatching ms", "stabilizer_qec ms", "against PyMatching")
    for point in points(rows):
        for kind in ("mwpm", "mwpm-correlated"):
            sides = [one(rows, point, program, kind) for program in ("outrider", "pymatching", "stabilizer_qec")]
            lines.append(row(*point, kind, *(short(side["cpu_ms"]) for side in sides),
                             times(sides[0]["pymatching_ratio"])))  # fmt: skip
    return lines


def sampling_table(rows):
    lines = header("p", "d", "shots", "program", "us per shot", "million shots per second", "outrider against it")
    lines += [row(entry["p"], entry["d"], entry["shots"], entry["program"], short(entry["cpu_us"]),
                  short(1 / float(entry["cpu_us"])), times(entry["outrider_ratio"])) for entry in rows]  # fmt: skip
    return lines


def memory_table(rows):
    lines = header("what", "graph MB", "decoder MB", "peak of the process MB", "seconds")
    megabytes = [[short(float(entry[column]) / 1e6) if entry[column] else ""
                  for column in ("graph_bytes", "decoder_bytes", "peak_bytes")] for entry in rows]  # fmt: skip
    lines += [row(entry["what"], *sizes, entry["seconds"]) for entry, sizes in zip(rows, megabytes)]
    return lines


def ler_table(rows):
    lines = header("p", "basis", "d", "decoder", "shots", "failures", "rate [95 %]", "PyMatching failures",
                   "rate [95 %]", "only outrider fails", "only PyMatching fails")  # fmt: skip
    for entry in rows:
        rates = [interval(entry, prefix) for prefix in ("", "peer_")]
        peer = entry["peer"].split("/")[1]
        named = entry["peer_failures"] + ("" if peer == entry["decoder"] else f" ({peer})")
        lines.append(row(entry["p"], entry["basis"].upper(), entry["d"], entry["decoder"], entry["shots"],
                         entry["failures"], rates[0], named, rates[1], entry["only_ours"], entry["only_peer"]))  # fmt: skip
    for kind in ("mwpm", "mwpm-correlated", "union-find"):
        sums = [sum(int(entry[column]) for entry in rows if entry["decoder"] == kind)
                for column in ("failures", "peer_failures", "only_ours", "only_peer")]  # fmt: skip
        lines.append(row("all", "", "", kind, "", sums[0], "", sums[1], "", sums[2], sums[3]))
    return lines


def judge_speed(rows):
    plain, correlated = ratios_of(rows, "mwpm"), ratios_of(rows, "mwpm-correlated")
    prices = prices_of(rows, "outrider")
    checked = [entry for entry in rows if entry["equal_weights"]]
    equal, shots = (sum(int(entry[column]) for entry in checked) for column in ("equal_weights", "shots"))
    yield target("plain-mean", mean(plain) >= 2, mean=times(mean(plain)))
    yield target("plain-least", min(plain) >= 1.3, least=times(min(plain)))
    yield target("second-pass", max(prices) <= 1.8, mean=times(mean(prices)), most=times(max(prices)))
    yield target("correlated-mean", mean(correlated) >= 3.5, mean=times(mean(correlated)), least=times(min(correlated)))
    yield target("weights", equal == shots, equal=equal, shots=shots)


def judge_tails(rows):
    ratios = [float(one(rows, point, "pymatching", "mwpm")["p999_us"])
              / float(one(rows, point, "outrider", "mwpm")["p999_us"]) for point in points(rows)]  # fmt: skip
    below = sum(ratio > 1 for ratio in ratios)
    yield target("tails", min(ratios) > 1, below=below, points=len(ratios), least=times(min(ratios)))


def judge_build(rows):
    for kind in ("mwpm", "mwpm-correlated"):
        ratios = [float(entry["pymatching_ratio"]) for entry in rows
                  if entry["program"] == "outrider" and entry["decoder"] == kind]  # fmt: skip
        yield target("build", min(ratios) > 1, limits={"kind": kind}, least=times(min(ratios)))


def judge_sampling(rows):
    ratios = [float(entry["outrider_ratio"]) for entry in rows if entry["program"].startswith("stim")]
    yield target("sampling", min(ratios) >= 1, least=times(min(ratios)))


def judge_memory(rows):
    large = max(float(entry["peak_bytes"]) for entry in rows if entry["graph_bytes"]) / 1e6
    streams = {entry["what"]: float(entry["peak_bytes"]) / 1e6 for entry in rows if not entry["graph_bytes"]}
    before, after = streams.values()
    sizes = "; ".join(f"{short(size)} MB for the {what}" for what, size in streams.items())
    yield target("memory", large < 200, megabytes=short(large))
    yield target("constant-memory", after < 1.5 * before, sizes=sizes)


def judge_ler(rows):
    for kind in ("mwpm", "mwpm-correlated"):
        entries = [entry for entry in rows if entry["decoder"] == kind]
        ours, theirs = (sum(int(entry[column]) for entry in entries) for column in ("only_ours", "only_peer"))
        # A fair coin for every shot that only one of the two gets wrong, two standard deviations.
        is_met = ours - theirs <= 2 * math.sqrt(ours + theirs)
        yield target("failures", is_met, limits={"kind": kind}, ours=ours, theirs=theirs)


def points(rows):
    return list(dict.fromkeys((entry["p"], entry["d"]) for entry in rows))


def one(rows, point, program, kind):
    found = [entry for entry in rows if (entry["p"], entry["d"]) == point
             and entry["program"] == program and entry["decoder"] == kind]  # fmt: skip
    return found[0]


def ratios_of(rows, kind, program="outrider"):
    return [float(one(rows, point, program, kind)["pymatching_ratio"]) for point in points(rows)]


def prices_of(rows, program):
    return [float(one(rows, point, program, "mwpm-correlated")["over_own_plain"]) for point in points(rows)]


def mean(values):
    """Geometric mean."""
    return math.exp(sum(map(math.log, values)) / len(values))


TABLES = {
    "speed": ("speed", speed_table("mwpm")),
    "correlated": ("speed", speed_table("mwpm-correlated")),
    "price": ("speed", price_table),
    "weights": ("speed", weights_table),
    "tails": ("tails", tails_table),
    "build": ("build", build_table),
    "sampling": ("sampling", sampling_table),
    "memory": ("memory", memory_table),
    "ler": ("ler", ler_table),
}
JUDGES = [
    ("speed", judge_speed),
    ("tails", judge_tails),
    ("build", judge_build),
    ("sampling", judge_sampling),
    ("memory", judge_memory),
    ("ler", judge_ler),
]
