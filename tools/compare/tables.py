"""Writes the tables of docs/performance.md, each between its markers, from the files that the sections left."""

import math

import numpy

from origin import commit, software
from pages import Page, intervals, named, prose, row, short, table, target, targets, times, words
from results import pick, read_results, sides

PROGRAMS = ("outrider", "pymatching", "stabilizer_qec")
KINDS = ("mwpm", "mwpm-correlated")
QUANTILES = {"p50": "p50_us", "p99": "p99_us", "p99.9": "p999_us"}


def rewrite(document, folder):
    data, runs = read_results(folder)
    page = Page(document)
    for name, (section, lines) in TABLES.items():
        if section in data:
            source = provenance(f"run.py --only {section}", runs[section], "stabilizer_qec")
            page.put(name, [*lines(data[section]), "", *source])
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
    def lines(rows):
        ours, theirs, rival = programs(rows, kind)
        ratios = [ours.pymatching_ratio, ours.pymatching_ratio / rival.pymatching_ratio]
        return [
            *table(*named(ours, "p", "d", "shots"), ("events per shot", ours.events_per_shot),
                   ("outrider us", ours.cpu_us), ("PyMatching us", theirs.cpu_us), ("stabilizer_qec us", rival.cpu_us),
                   ("against PyMatching", ratios[0].map(times)), ("against stabilizer_qec", ratios[1].map(times))),
            row("geometric mean", *[""] * 6, *(f"**{times(mean(values))}**" for values in ratios)),
            row("smallest", *[""] * 6, *(times(values.min()) for values in ratios)),
        ]  # fmt: skip

    return lines


def price_table(rows):
    sides = programs(rows, "mwpm-correlated")
    prices = [side.over_own_plain for side in sides]
    union_find = pick(rows, decoder="union-find")
    return [
        *table(*named(sides[0], "p", "d"), *zip(("outrider", "PyMatching", "stabilizer_qec"), prices),
               ("union-find us", union_find.cpu_us), ("union-find over plain", union_find.over_own_plain)),
        row("geometric mean", "", *(f"**{short(mean(values))}**" for values in prices), "", ""),
    ]  # fmt: skip


def weights_table(rows):
    plain = rows.dropna(subset="equal_weights")
    return table(*named(plain, "p", "d", "shots"), ("equal to one part in a million", plain.equal_weights),
                 ("largest difference of a shot", plain.largest_difference))  # fmt: skip


def tails_table(rows):
    ours, theirs = sides(rows, "program", "outrider", "pymatching", on=("p", "d", "decoder"))
    quantiles = [(f"{program} p50" if title == "p50" else title, side[name])
                 for program, side in (("outrider", ours), ("PyMatching", theirs))
                 for title, name in QUANTILES.items()]  # fmt: skip
    return table(*named(ours, "p", "d", "shots", "decoder"), *quantiles,
                 ("subtracted from PyMatching", theirs.subtracted_us),
                 ("p99.9 ratio", (theirs.p999_us / ours.p999_us).map(times)))  # fmt: skip


def build_table(rows):
    ours, theirs, rival = sides(rows, "program", *PROGRAMS, on=("p", "d", "decoder"))
    return table(*named(ours, "p", "d", "decoder"), ("outrider ms", ours.cpu_ms), ("PyMatching ms", theirs.cpu_ms),
                 ("stabilizer_qec ms", rival.cpu_ms), ("against PyMatching", ours.pymatching_ratio.map(times)))  # fmt: skip


def sampling_table(rows):
    return table(*named(rows, "p", "d", "shots", "program"), ("us per shot", rows.cpu_us),
                 ("million shots per second", 1 / rows.cpu_us),
                 ("outrider against it", rows.outrider_ratio.map(times)))  # fmt: skip


def memory_table(rows):
    sizes = {"graph MB": "graph_bytes", "decoder MB": "decoder_bytes", "peak of the process MB": "peak_bytes"}
    return table(*named(rows, "what"), *((title, rows[name] / 1e6) for title, name in sizes.items()),
                 *named(rows, "seconds"))  # fmt: skip


def ler_table(rows):
    peers = rows.peer.str.split("/").str[1]
    named_failures = [str(failures) + ("" if peer == decoder else f" ({peer})")
                      for failures, peer, decoder in zip(rows.peer_failures, peers, rows.decoder)]  # fmt: skip
    lines = table(("p", rows.p), ("basis", rows.basis.str.upper()), *named(rows, "d", "decoder", "shots", "failures"),
                  ("rate [95 %]", intervals(rows)), ("PyMatching failures", named_failures),
                  ("rate [95 %]", intervals(rows, "peer_")), ("only outrider fails", rows.only_ours),
                  ("only PyMatching fails", rows.only_peer))  # fmt: skip
    for kind in (*KINDS, "union-find"):
        ours, theirs, only_ours, only_peer = failures_of(rows, kind)
        lines.append(row("all", "", "", kind, "", ours, "", theirs, "", only_ours, only_peer))
    return lines


def judge_speed(rows):
    plain, correlated = ratios_of(rows, "mwpm"), ratios_of(rows, "mwpm-correlated")
    prices = pick(rows, program="outrider", decoder="mwpm-correlated").over_own_plain
    equal, shots = rows.dropna(subset="equal_weights")[["equal_weights", "shots"]].sum()
    yield target("plain-mean", mean(plain) >= 2, mean=times(mean(plain)))
    yield target("plain-least", min(plain) >= 1.3, least=times(min(plain)))
    yield target("second-pass", max(prices) <= 1.8, mean=times(mean(prices)), most=times(max(prices)))
    yield target("correlated-mean", mean(correlated) >= 3.5, mean=times(mean(correlated)), least=times(min(correlated)))
    yield target("weights", equal == shots, equal=equal, shots=shots)


def judge_tails(rows):
    ours, theirs = sides(pick(rows, decoder="mwpm"), "program", "outrider", "pymatching")
    ratios = theirs.p999_us / ours.p999_us
    yield target("tails", min(ratios) > 1, below=sum(ratios > 1), points=len(ratios), least=times(min(ratios)))


def judge_build(rows):
    for kind in KINDS:
        ratios = ratios_of(rows, kind)
        yield target("build", min(ratios) > 1, limits={"kind": kind}, least=times(min(ratios)))


def judge_sampling(rows):
    ratios = rows[rows.program.str.startswith("stim")].outrider_ratio
    yield target("sampling", min(ratios) >= 1, least=times(min(ratios)))


def judge_memory(rows):
    is_stream = rows.graph_bytes.isna()
    large = rows[~is_stream].peak_bytes.max() / 1e6
    streams = rows[is_stream]
    before, after = streams.peak_bytes
    sizes = [words("targets.constant-memory.size", megabytes=short(size / 1e6), what=what)
             for size, what in zip(streams.peak_bytes, streams.what)]  # fmt: skip
    yield target("memory", large < 200, megabytes=short(large))
    yield target("constant-memory", after < 1.5 * before, sizes="; ".join(sizes))


def judge_ler(rows):
    for kind in KINDS:
        *_, ours, theirs = failures_of(rows, kind)
        # A fair coin for every shot that only one of the two gets wrong, two standard deviations.
        is_met = ours - theirs <= 2 * math.sqrt(ours + theirs)
        yield target("failures", is_met, limits={"kind": kind}, ours=ours, theirs=theirs)


def programs(rows, kind):
    """The rows of each program with this kind of decoder."""
    return sides(pick(rows, decoder=kind), "program", *PROGRAMS)


def ratios_of(rows, kind):
    return pick(rows, program="outrider", decoder=kind).pymatching_ratio


def failures_of(rows, kind):
    """At all points: ours, PyMatching's, and of shots that only one of the two gets wrong."""
    return pick(rows, decoder=kind)[["failures", "peer_failures", "only_ours", "only_peer"]].sum()


def mean(values):
    """Geometric mean."""
    return numpy.exp(numpy.log(values.astype(float)).mean())


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
