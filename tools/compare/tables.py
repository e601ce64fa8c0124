"""Writes the tables of docs/performance.md, and README's excerpt, each between its markers, from the files that the
sections left."""

import csv
import json
import math
import re


def rewrite(document, readme, folder):
    data = {path.stem: read(path) for path in folder.glob("*.csv")}
    runs = json.loads((folder / "run.json").read_text())
    text = document.read_text()
    for name, (section, table) in TABLES.items():
        if section in data:
            lines = [*table(data[section]), "", provenance(f"run.py --only {section}", runs[section], "stabilizer_qec")]
            text = between_markers(text, name, lines)
    text = between_markers(text, "targets", [*targets(data), "", *caveats(runs)])
    document.write_text(text)
    if "speed" in data:
        lines = [*excerpt(data), "", provenance("run.py --only speed", runs["speed"], "stabilizer_qec")]
        readme.write_text(between_markers(readme.read_text(), "excerpt", lines))


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def between_markers(text, name, lines):
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    body = "\n".join(lines) + "\n"
    text, count = pattern.subn(lambda match: match[1] + body + match[2], text)
    if count != 1:
        raise ValueError(f"the document has {count} places for the table {name}")
    return text


def provenance(words, run, subject):
    command = f"python3 tools/compare/{words}" + (" --quick" if run["quick"] else "")
    if run.get("minutes") is not None:
        command += f" --minutes {run['minutes']:g}"
    changes = "" if run["clean"] else " with local changes"
    return (
        f"`{command}`, {run['date']}, commit {run['commit']}{changes}; {run['cpu']}, one core of {run['cpus']}, "
        f"load average {run['load_average']}; PyMatching {run['pymatching']}, Stim {run['stim']}, "
        f"{subject} {run[subject]}, {run['rustc'].rsplit(' (', 1)[0]}, {run['cc']}."
    )


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


def targets(data):
    lines = header("target", "measured", "met")
    for section, judge in JUDGES:
        if section in data:
            lines += [row(target, measured, "yes" if met else "**no**") for target, measured, met in judge(data[section])]
    return lines


def excerpt(data):
    """Speed at one noise strength, and the targets that were missed."""
    rows = data["speed"]
    lines = header("d", "events per shot", "plain us", "PyMatching us", "ratio", "correlated us", "PyMatching us", "ratio",
                   "union-find us")  # fmt: skip
    for point in points(rows):
        if point[0] == "0.003":
            cells = []
            for kind in ("mwpm", "mwpm-correlated"):
                ours, theirs = (one(rows, point, program, kind) for program in ("outrider", "pymatching"))
                cells += [short(ours["cpu_us"]), short(theirs["cpu_us"]), times(ours["pymatching_ratio"])]
            union_find = one(rows, point, "outrider", "union-find")
            lines.append(row(point[1], short(union_find["events_per_shot"]), *cells, short(union_find["cpu_us"])))
    means = [f"**{times(mean(ratios_of(rows, kind)))}**" for kind in ("mwpm", "mwpm-correlated")]
    lines.append(row("all p", "", "", "", means[0], "", "", means[1], ""))
    for section, judge in JUDGES:
        if section in data:
            lines += [f"\nMissed: {target}; measured: {measured}." for target, measured, met in judge(data[section]) if not met]
    return lines


def caveats(runs):
    """What a reader of the figures must know about how they were taken."""
    coarse = sorted(section for section, run in runs.items() if run["quick"])
    busy = sorted(section for section, run in runs.items() if run["load_average"] > QUIET_LOAD)
    if coarse:
        yield f"Coarse figures, taken with `--quick`: {', '.join(coarse)}."
    if busy:
        yield f"Taken beside other jobs, load average above {QUIET_LOAD}, so absolute times are too long: {', '.join(busy)}."


def judge_speed(rows):
    plain, correlated = ratios_of(rows, "mwpm"), ratios_of(rows, "mwpm-correlated")
    prices = prices_of(rows, "outrider")
    checked = [entry for entry in rows if entry["equal_weights"]]
    equal, shots = (sum(int(entry[column]) for entry in checked) for column in ("equal_weights", "shots"))
    yield "plain at least 2x PyMatching, geometric mean", times(mean(plain)), mean(plain) >= 2
    yield "plain nowhere below 1.3x PyMatching", f"{times(min(plain))} at the least", min(plain) >= 1.3
    yield ("correlated at most 1.8x our own plain",
           f"{short(mean(prices))} geometric mean, {short(max(prices))} at most", max(prices) <= 1.8)  # fmt: skip
    yield ("correlated at least 3.5x PyMatching's correlated",
           f"{times(mean(correlated))} geometric mean, {times(min(correlated))} at the least",
           mean(correlated) >= 3.5)  # fmt: skip
    yield "plain weights equal to PyMatching's on every shot", f"{equal} of {shots}", equal == shots


def judge_tails(rows):
    ratios = [float(one(rows, point, "pymatching", "mwpm")["p999_us"])
              / float(one(rows, point, "outrider", "mwpm")["p999_us"]) for point in points(rows)]  # fmt: skip
    yield ("plain p99.9 of a shot below PyMatching's",
           f"below at {sum(ratio > 1 for ratio in ratios)} of {len(ratios)} points, "
           f"{times(min(ratios))} at the least", min(ratios) > 1)  # fmt: skip


def judge_build(rows):
    for kind in ("mwpm", "mwpm-correlated"):
        ratios = [float(entry["pymatching_ratio"]) for entry in rows
                  if entry["program"] == "outrider" and entry["decoder"] == kind]  # fmt: skip
        yield f"building {kind} at d=21 faster than PyMatching", f"{times(min(ratios))} at the least", min(ratios) > 1


def judge_sampling(rows):
    ratios = [float(entry["outrider_ratio"]) for entry in rows if entry["program"].startswith("stim")]
    yield "sampling at d=13 at least at Stim's rate", f"{times(min(ratios))} at the least", min(ratios) >= 1


def judge_memory(rows):
    large = max(float(entry["peak_bytes"]) for entry in rows if entry["graph_bytes"]) / 1e6
    short_stream, long_stream = (entry for entry in rows if not entry["graph_bytes"])
    before, after = (float(entry["peak_bytes"]) / 1e6 for entry in (short_stream, long_stream))
    yield "a d=31, 31-round decoder below 200 MB", f"{short(large)} MB, the whole process", large < 200
    yield ("10 million shots in constant memory",
           f"{short(after)} MB, {long_stream['what']}; {short(before)} MB, {short_stream['what']}",
           after < 1.5 * before)  # fmt: skip


def judge_ler(rows):
    for kind in ("mwpm", "mwpm-correlated"):
        entries = [entry for entry in rows if entry["decoder"] == kind]
        ours, theirs = (sum(int(entry[column]) for entry in entries) for column in ("only_ours", "only_peer"))
        # A fair coin for every shot that only one of the two fails, two standard deviations.
        met = ours - theirs <= 2 * math.sqrt(ours + theirs)
        yield (f"failures of {kind} not more than PyMatching's on the same shots",
               f"only outrider fails {ours}, only PyMatching fails {theirs}", met)  # fmt: skip


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


def interval(entry, prefix):
    rate = int(entry[f"{prefix}failures"]) / int(entry["shots"])
    return f"{rate:.2e} [{float(entry[f'{prefix}low']):.2e}, {float(entry[f'{prefix}high']):.2e}]"


def short(value):
    """Three significant digits, no exponent."""
    value = float(value)
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def times(value):
    return f"{float(value):.2f}x"


def header(*names):
    return [row(*names), "|" + "---|" * len(names)]


def row(*cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


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
# The run itself, and a little.
QUIET_LOAD = 1.5
JUDGES = [
    ("speed", judge_speed),
    ("tails", judge_tails),
    ("build", judge_build),
    ("sampling", judge_sampling),
    ("memory", judge_memory),
    ("ler", judge_ler),
]
