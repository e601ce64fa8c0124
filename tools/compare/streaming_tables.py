"""Writes the tables about real-time decoding, each between its markers, from the files that the sections left."""

import math

from pages import Page, commit, header, prose, row, short, software, target, targets, words
from workspace import read_results

NAMES_OF_HISTORIES = {"one": "one long", "short": "short"}
# What a worker may be busy at the most: the rest is for what comes in bunches.
BUSY_MAX = 0.7
# For the worked example: cores of a node, and those that serve its connections.
NODE_CORES, CONNECTION_CORES = 8, 1
PUBLISHED = (
    "CUDA-Q QEC's pipeline, GB200: network on the GPU, 16 PyMatching threads, 26 threads in all", "all at once", "whole", 16, 104,
    "yes", 192309, "335 to 352", "493 to 515", "1213 to 1249", "", "3757 to 3930", "", "", "",
)  # fmt: skip
ALL_QUANTILES = ("p50", "p90", "p99", "p999", "max")


def rewrite(documents, folder):
    """Rewrites the tables of the documents, a folder."""
    data, runs = read_results(folder)
    pages = {name: Page(documents / name) for name in (PERFORMANCE, REAL_TIME)}
    for name, (document, section, table) in TABLES.items():
        if section in data:
            pages[document].put(name, [*table(data[section]), "", *provenance(runs[section])])
    if data:
        pages[PERFORMANCE].put("streaming-targets", targets(data, JUDGES, runs))
    for page in pages.values():
        page.save()


def provenance(run):
    return prose(words("provenance.streaming", command=run["command"], date=run["date"], commit=commit(run),
                       machine=run["machine"], cores=run["cores"], load=run["load_average"], others=run["other_cores"],
                       software=software(run)))  # fmt: skip


def held_table(rows):
    lines = header("d", "workers", "waiting", "histories", "rounds", "runs held", "backlog p50", "p99", "can hold", "lag p50",
                   "p99", "p99.9", "reaction p50", "p90", "p99", "p99.9", "max")  # fmt: skip
    for entry in rows:
        reaction = quantiles(entry, "reaction", ALL_QUANTILES)
        shape = NAMES_OF_HISTORIES[entry["histories"]]
        lines.append(row(entry["d"], entry["workers"], waiting(entry), shape, entry["rounds"], runs_held(entry),
                         *(short(entry[f"backlog_{q}"]) for q in ("p50", "p99")), entry["rounds_max"],
                         *quantiles(entry, "lag", ("p50", "p99", "p999")),
                         *(reaction if entry["histories"] == "short" else [""] * len(reaction))))  # fmt: skip
    return lines


def rate_table(rows):
    lines = header("p", "d", "decoder", "one worker: us a round", "[least, most]", "rounds a second",
                   "two workers: us a round", "[least, most]", "rounds a second")  # fmt: skip
    for p, d, decoder in distinct(rows, "p", "d", "decoder"):
        cells = []
        for workers in ("1", "2"):
            entry = one(rows, p=p, d=d, decoder=decoder, workers=workers)
            spread = f"[{short(entry['low_us'])}, {short(entry['high_us'])}]"
            cells += [short(entry["round_time_us"]), spread, entry["rounds_per_second"]]
        lines.append(row(p, d, decoder, *cells))
    return lines


def window_table(rows):
    lines = header("waiting", "place", "us a window", "[95 %]", "over in process")
    for entry in rows:
        if entry["window_ns"]:
            ours = float(one(rows, place="in process", wait=entry["wait"], round_time_us="")["window_ns"])
            over = "" if entry["place"] == "in process" else short(thousandth(float(entry["window_ns"]) - ours))
            interval = f"[{short(thousandth(entry['window_low_ns']))}, {short(thousandth(entry['window_high_ns']))}]"
            lines.append(row(waiting(entry), entry["place"], short(thousandth(entry["window_ns"])), interval, over))
    return lines


def nodes_table(rows):
    lines = header("waiting", "us a round", "place", "runs held", "waited for room", "lag p50", "p99", "network p50", "p99",
                   "reaction p50", "p90", "p99", "p99.9")  # fmt: skip
    for entry in rows:
        if entry["round_time_us"]:
            lines.append(row(waiting(entry), entry["round_time_us"], entry["place"], runs_held(entry), entry["waited_for_room"],
                             *quantiles(entry, "lag", ("p50", "p99")), *quantiles(entry, "network", ("p50", "p99")),
                             *quantiles(entry, "reaction", ("p50", "p90", "p99", "p999"))))  # fmt: skip
    return lines


def failover_table(rows):
    lines = header("transport", "us a round", "kills", "lost rounds", "answers compared", "that differ", "ms", "p50", "p90",
                   "p99", "max")  # fmt: skip
    figures = {
        "until it was noticed": lambda entry: float(entry["detection_us"]),
        "from then until nothing waited that had": lambda entry: float(entry["total_us"]) - float(entry["detection_us"]),
        "added to the lag of the cell that was latest": lambda entry: added_us(entry, "lag_max_us"),
        "the same where nobody is killed": lambda entry: added_us(entry, "undisturbed_lag_max_us"),
    }
    for transport, round_time in distinct(rows, "transport", "round_time_us"):
        entries = [entry for entry in rows if (entry["transport"], entry["round_time_us"]) == (transport, round_time)]
        sums = [sum(int(entry[name]) for entry in entries) for name in ("lost_rounds", "compared", "mismatches")]
        for name, figure in figures.items():
            times = sorted(figure(entry) / 1e3 for entry in entries if entry["detection_us"])
            cells = [short(quantile(times, q)) for q in (0.5, 0.9, 0.99, 1.0)]
            lines.append(row(transport, round_time, len(times), *sums, name, *cells))
    return lines


def added_us(entry, name):
    """How much longer the latest cell of a history took than nine of ten take."""
    return float(entry[name]) - float(entry["undisturbed_lag_p90_us"])


def sifl_table(rows):
    lines = header("d", "us a round", "rounds of a step at least", "in the mean", "at most", "runs that diverged",
                   "us a round of the loop", "reaction p50", "p90", "p99", "p99.9", "max")  # fmt: skip
    for entry in rows:
        lines.append(row(entry["d"], entry["round_time_us"], entry["rounds_min"], short(entry["rounds_mean"]),
                         entry["rounds_most"], f"{entry['diverged']} of {entry['runs']}", short(entry["us_per_round"]),
                         *quantiles(entry, "reaction", ALL_QUANTILES)))  # fmt: skip
    return lines


def pipeline_table(rows):
    lines = header("decoder", "rounds come", "cut", "workers", "us from history to history", "held", "histories",
                   "reaction p50", "p90", "p99", "p99.9", "max", "busy us a history", "lost rounds", "logical errors")  # fmt: skip
    for entry in rows:
        # What is behind falls behind for as long as it is measured.
        is_held = entry["held"] == "yes"
        reaction = quantiles(entry, "reaction", ALL_QUANTILES) if is_held else ["grows"] * len(ALL_QUANTILES)
        lines.append(row(*(entry[name] for name in ("decoder", "arrival", "layout", "workers", "history_time_us", "held")),
                         entry["histories"], *reaction, short(entry["busy_us_per_history"]), entry["lost_rounds"],
                         entry["logical_errors"]))  # fmt: skip
    return [*lines, row(*PUBLISHED)]


def codec_table(rows):
    lines = header("bench", "ns", "[95 %]", "rounds", "ns a round")
    for entry in rows:
        per = int(entry["per"]) if entry["per"] else 0
        lines.append(row(f"`{entry['bench']}`", short(entry["ns"]), f"[{short(entry['low_ns'])}, {short(entry['high_ns'])}]",
                         per or "", short(float(entry["ns"]) / per) if per else ""))  # fmt: skip
    return lines


def soak_table(rows):
    lines = header("way", "rounds", "histories", "seconds", "processes", "looks at memory", "MB at half", "KiB more later",
                   "lost rounds", "kept")  # fmt: skip
    for entry in rows:
        megabytes = short(int(entry["rss_kib"]) * 1024 / 1e6)
        lines.append(row(*(entry[name] for name in ("way", "rounds", "histories", "seconds", "processes", "looks")), megabytes,
                         entry["growth_kib"], entry["lost_rounds"], entry["kept"]))  # fmt: skip
    return lines


def work_table(rows):
    lines = header("p", "d", "decoder", "whole: us a round", "forward", "parallel", "sandwich", "workers for 1 us, parallel",
                   "3 d x d whole", "in bricks")  # fmt: skip
    for p, d, decoder in distinct(rows, "p", "d", "decoder"):
        square, wide = (
            {entry["layout"]: entry for entry in rows
             if (entry["p"], entry["d"], entry["decoder"], entry["size"]) == (p, d, decoder, size)}
            for size in (f"{d}x{d}", f"{3 * int(d)}x{d}")
        )  # fmt: skip
        windows = (with_factor(square[layout]) for layout in ("forward", "parallel", "sandwich"))
        lines.append(row(p, d, decoder, short(square["whole"]["us_per_round"]), *windows, workers_for(square["parallel"]),
                         short(wide["whole"]["us_per_round"]), with_factor(wide["brick"])))  # fmt: skip
    return lines


def work_example(rows):
    """How many workers and nodes the hardest memory that was measured needs."""
    p, d = max((float(entry["p"]), int(entry["d"])) for entry in rows)
    entry = next(entry for entry in rows if (float(entry["p"]), int(entry["d"])) == (p, d)
                 and (entry["decoder"], entry["layout"]) == ("correlated", "parallel"))  # fmt: skip
    workers = workers_for(entry)
    nodes = math.ceil(workers / (NODE_CORES - CONNECTION_CORES))
    return prose(words("work-example.text", d=d, p=f"{p:g}", cost=short(entry["us_per_round"]), busy=BUSY_MAX,
                       workers=plural(workers, "worker"), node_cores=NODE_CORES, nodes=plural(nodes, "node"),
                       spare_nodes=plural(nodes + 1, "node"), lag=3 * d))  # fmt: skip


def with_factor(entry):
    return f"{short(entry['us_per_round'])} ({short(entry['factor'])}x)"


def workers_for(entry):
    """Workers that keep up with a round each microsecond."""
    return math.ceil(float(entry["us_per_round"]) / BUSY_MAX)


def judge_held(rows):
    for d, workers, word in (("5", "1", "one worker"), ("7", "2", "two workers")):
        entries = [entry for entry in rows if (entry["d"], entry["workers"]) == (d, workers)]
        best = min((entry for entry in entries if entry["histories"] == "one"),
                   key=lambda entry: (int(entry["runs"]) - int(entry["held"]), float(entry["lag_p99_us"])))  # fmt: skip
        yield target("held", best["held"] == best["runs"], limits={"d": d, "workers": word}, held=runs_held(best),
                     rounds=int(best["rounds"]) // int(best["runs"]), waiting=waiting(best),
                     p50=short(best["lag_p50_us"]), p99=short(best["lag_p99_us"]))  # fmt: skip
        if d == "5":
            best = min((entry for entry in entries if entry["histories"] == "short"),
                       key=lambda entry: float(entry["reaction_p99_us"]))  # fmt: skip
            p50, p99, p999 = quantiles(best, "reaction", ("p50", "p99", "p999"))
            yield target("reaction", float(best["reaction_p99_us"]) < 20, p50=p50, p99=p99, p999=p999,
                         histories=best["reaction_samples"], waiting=waiting(best))  # fmt: skip


def judge_rate(rows):
    for decoder in ("plain", "correlated"):
        entries = [entry for entry in rows if (entry["d"], entry["p"], entry["decoder"]) == ("13", "0.001", decoder)]
        if not entries:
            yield target("rate-missing", False, limits={"decoder": decoder})
            continue
        best = min(entries, key=lambda entry: float(entry["round_time_us"]))
        yield target("rate", None, limits={"decoder": decoder}, round_time=short(best["round_time_us"]),
                     workers=best["workers"])  # fmt: skip


def judge_nodes(rows):
    windows = {entry["place"]: entry for entry in rows if entry["window_ns"] and entry["wait"] == "spin"}
    over = thousandth(float(windows["ring"]["window_ns"]) - float(windows["in process"]["window_ns"]))
    yield target("node-window", over < 2, over=short(over), waiting=waiting(windows["ring"]))
    ours, theirs = (one(rows, place=place, wait="spin", round_time_us="10") for place in ("in process", "unix"))
    over = float(theirs["lag_p99_us"]) - float(ours["lag_p99_us"])
    yield target("node-tail", over < 50, over=short(over), waiting=waiting(theirs))


def judge_failover(rows):
    killed = [entry for entry in rows if entry["detection_us"]]
    lost, differ, compared = (sum(int(entry[name]) for entry in rows) for name in ("lost_rounds", "mismatches", "compared"))
    yield target("kill", lost == 0 and differ == 0, kills=len(killed), lost=lost, differ=differ, compared=compared)
    late, anyway = (sum(added_us(entry, name) > float(entry["total_us"]) + MEASURE_US for entry in killed)
                    for name in ("lag_max_us", "undisturbed_lag_max_us"))  # fmt: skip
    added = sorted(added_us(entry, "lag_max_us") / 1e3 for entry in killed)
    yield target("kill-wait", late == 0, late=late, kills=len(killed), anyway=anyway, p50=short(quantile(added, 0.5)),
                 p99=short(quantile(added, 0.99)))  # fmt: skip


# By so much sleeping threads on a shared machine may wake up late, one after the other.
MEASURE_US = 1000


def judge_codec(rows):
    decode, ingest = ([entry for entry in rows if entry["bench"].startswith(name)] for name in ("wire/decode", "ingest"))
    worst = max(ingest, key=lambda entry: float(entry["ns"]))
    yield target("ingest", float(worst["ns"]) < 200, ns=short(worst["ns"]), bench=worst["bench"])
    frames = sorted((float(entry["ns"]), int(entry["per"])) for entry in decode)
    each = ", ".join(f"{short(ns)} ns with {per} rounds of d = {per}" for ns, per in frames)
    yield target("frame", frames[-1][0] < 100, times=each)


def judge_soak(rows):
    longest = max(rows, key=lambda entry: int(entry["rounds"]))
    growth = max(int(entry["growth_kib"]) for entry in rows)
    is_met = int(longest["rounds"]) >= 10**8 and all(entry["kept"] == "yes" for entry in rows)
    yield target("soak", is_met, rounds=longest["rounds"], growth=growth,
                 lost=sum(int(entry["lost_rounds"]) for entry in rows))  # fmt: skip


def runs_held(entry):
    return f"{entry['held']} of {entry['runs']}"


def quantiles(entry, name, which):
    """Cells with quantiles in microseconds, empty where there are none."""
    values = (entry[f"{name}_{q}_us"] for q in which)
    return [short(value) if value else "" for value in values]


def waiting(entry):
    """How threads waited; a star marks rows with more of them than cores."""
    return entry["wait"] + ("*" if entry.get("crowded") else "")


def plural(count, noun):
    return f"{count} {noun}" + ("" if count == 1 else "s")


def distinct(rows, *names):
    return list(dict.fromkeys(tuple(entry[name] for name in names) for entry in rows))


def one(rows, **what):
    return next(entry for entry in rows if all(entry[name] == value for name, value in what.items()))


def quantile(ordered, q):
    """The smallest that so many are not above."""
    return ordered[max(0, math.ceil(q * len(ordered)) - 1)]


def thousandth(value):
    return float(value) / 1e3


PERFORMANCE, REAL_TIME = "performance.md", "real-time.md"
TABLES = {
    "held": (PERFORMANCE, "held", held_table),
    "rate": (PERFORMANCE, "rate", rate_table),
    "node-windows": (PERFORMANCE, "nodes", window_table),
    "nodes": (PERFORMANCE, "nodes", nodes_table),
    "failover": (PERFORMANCE, "failover", failover_table),
    "sifl": (PERFORMANCE, "sifl", sifl_table),
    "pipeline": (PERFORMANCE, "pipeline", pipeline_table),
    "codec": (PERFORMANCE, "codec", codec_table),
    "soak": (PERFORMANCE, "soak", soak_table),
    "work": (REAL_TIME, "work", work_table),
    "work-example": (REAL_TIME, "work", work_example),
}
JUDGES = [
    ("held", judge_held),
    ("rate", judge_rate),
    ("nodes", judge_nodes),
    ("failover", judge_failover),
    ("codec", judge_codec),
    ("soak", judge_soak),
]
