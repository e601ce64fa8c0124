"""Writes the tables about real-time decoding, each between its markers, from the files that the sections left."""

import math
import pathlib
import tomllib

import numpy
import pandas

from origin import commit, software
from pages import Page, named, prose, short, table, target, targets, words
from results import groups, pick, read_results, sides

PUBLISHED = tomllib.loads(pathlib.Path(__file__).with_name("published.toml").read_text())["pipeline"]
NAMES_OF_HISTORIES = {"one": "one long", "short": "short"}
# What a worker may be busy at the most: the rest is for what comes in bunches.
BUSY_MAX = 0.7
# For the worked example: cores of a node, and those that serve its connections.
NODE_CORES, CONNECTION_CORES = 8, 1
QUANTILES = {"p50": "p50", "p90": "p90", "p99": "p99", "p99.9": "p999", "max": "max"}
# By so much sleeping threads on a shared machine may wake up late, one after the other.
MEASURE_US = 1000


def rewrite(documents, folder):
    """Rewrites the tables of the documents, a folder."""
    data, runs = read_results(folder)
    pages = {name: Page(documents / name) for name in (PERFORMANCE, REAL_TIME)}
    for name, (document, section, lines) in TABLES.items():
        if section in data:
            pages[document].put(name, [*lines(data[section]), "", *provenance(runs[section])])
    if data:
        pages[PERFORMANCE].put("streaming-targets", targets(data, JUDGES, runs))
    for page in pages.values():
        page.save()


def provenance(run):
    return prose(words("provenance.streaming", command=run["command"], date=run["date"], commit=commit(run),
                       machine=run["machine"], cores=run["cores"], load=run["load_average"], others=run["other_cores"],
                       software=software(run)))  # fmt: skip


def held_table(rows):
    reaction = [(title, values.where(rows.histories == "short")) for title, values in quantiles(rows, "reaction")]
    return table(*named(rows, "d", "workers"), ("waiting", waiting(rows)),
                 ("histories", rows.histories.map(NAMES_OF_HISTORIES)), ("rounds", rows.rounds),
                 ("runs held", runs_held(rows)), ("backlog p50", rows.backlog_p50), ("p99", rows.backlog_p99),
                 ("can hold", rows.rounds_max), *quantiles(rows, "lag", "p50", "p99", "p99.9"), *reaction)  # fmt: skip


def rate_table(rows):
    columns = []
    by_workers = sides(rows, "workers", 1, 2, on=("p", "d", "decoder"))
    for title, side in zip(("one worker: us a round", "two workers: us a round"), by_workers):
        columns += [(title, side.round_time_us), ("[least, most]", spans(side.low_us, side.high_us)),
                    ("rounds a second", side.rounds_per_second)]  # fmt: skip
    return table(*named(by_workers[0], "p", "d", "decoder"), *columns)


def window_table(rows):
    rows = rows.dropna(subset="window_ns")
    us, low, high = (rows[f"window_{name}"] / 1e3 for name in ("ns", "low_ns", "high_ns"))
    is_own = rows.place == "in process"
    own = rows.wait.map(pick(rows, place="in process").set_index("wait").window_ns) / 1e3
    return table(("waiting", waiting(rows)), *named(rows, "place"), ("us a window", us), ("[95 %]", spans(low, high)),
                 ("over in process", (us - own).mask(is_own)))  # fmt: skip


def nodes_table(rows):
    rows = rows.dropna(subset="round_time_us")
    return table(("waiting", waiting(rows)), ("us a round", rows.round_time_us), *named(rows, "place"),
                 ("runs held", runs_held(rows)), ("waited for room", rows.waited_for_room),
                 *quantiles(rows, "lag", "p50", "p99"), *quantiles(rows, "network", "p50", "p99"),
                 *quantiles(rows, "reaction", "p50", "p90", "p99", "p99.9"))  # fmt: skip


def failover_table(rows):
    lines = []
    for (transport, round_time), runs in groups(rows, "transport", "round_time_us"):
        sums = runs[["lost_rounds", "compared", "mismatches"]].sum()
        killed = runs.dropna(subset="detection_us")
        figures = {
            "noticed": killed.detection_us,
            "recovered": killed.total_us - killed.detection_us,
            "added": added_us(killed, "lag_max_us"),
            "undisturbed": added_us(killed, "undisturbed_lag_max_us"),
        }
        for name, figure in figures.items():
            cells = [quantile(figure, q) / 1e3 for q in (0.5, 0.9, 0.99, 1.0)]
            lines.append((transport, round_time, len(killed), *sums, words(f"failover.{name}"), *cells))
    titles = ("transport", "us a round", "kills", "lost rounds", "answers compared", "that differ", "ms", "p50", "p90", "p99",
              "max")  # fmt: skip
    return table(*zip(titles, zip(*lines)))


def added_us(rows, name):
    """How much longer the latest cell of a history took than nine of ten take."""
    return rows[name] - rows.undisturbed_lag_p90_us


def sifl_table(rows):
    return table(("d", rows.d), ("us a round", rows.round_time_us), ("rounds of a step at least", rows.rounds_min),
                 ("in the mean", rows.rounds_mean), ("at most", rows.rounds_most),
                 ("runs that diverged", of_runs(rows.diverged, rows)), ("us a round of the loop", rows.us_per_round),
                 *quantiles(rows, "reaction"))  # fmt: skip


def pipeline_table(rows):
    rows = pandas.concat([rows.astype(object), pandas.DataFrame([PUBLISHED])])
    # What is behind falls behind for as long as it is measured.
    is_behind, behind = rows.held == "no", words("pipeline.behind")
    reaction = [(title, values.mask(is_behind, behind)) for title, values in quantiles(rows, "reaction")]
    return table(("decoder", rows.decoder), ("rounds come", rows.arrival), ("cut", rows.layout), ("workers", rows.workers),
                 ("us from history to history", rows.history_time_us), *named(rows, "held", "histories"), *reaction,
                 ("busy us a history", rows.busy_us_per_history), ("lost rounds", rows.lost_rounds),
                 ("logical errors", rows.logical_errors))  # fmt: skip


def codec_table(rows):
    return table(("bench", "`" + rows.bench + "`"), ("ns", rows.ns), ("[95 %]", spans(rows.low_ns, rows.high_ns)),
                 ("rounds", rows.per), ("ns a round", rows.ns / rows.per))  # fmt: skip


def soak_table(rows):
    return table(*named(rows, "way", "rounds", "histories"), ("seconds", rows.seconds.astype(str)),
                 ("processes", rows.processes), ("looks at memory", rows.looks),
                 ("MB at half", rows.rss_kib * 1024 / 1e6), ("KiB more later", rows.growth_kib),
                 ("lost rounds", rows.lost_rounds), ("kept", rows.kept))  # fmt: skip


def work_table(rows):
    is_square = rows["size"] == rows.d + "x" + rows.d
    on = ("p", "d", "decoder")
    whole, *windows = sides(rows[is_square], "layout", "whole", "forward", "parallel", "sandwich", on=on)
    wide, bricks = sides(rows[~is_square], "layout", "whole", "brick", on=on)
    return table(*named(whole, "p", "d", "decoder"), ("whole: us a round", whole.us_per_round),
                 *zip(("forward", "parallel", "sandwich"), map(with_factor, windows)),
                 ("workers for 1 us, parallel", windows[1].us_per_round.map(workers_for)),
                 ("3 d x d whole", wide.us_per_round), ("in bricks", with_factor(bricks)))  # fmt: skip


def work_example(rows):
    """How many workers and nodes the hardest memory that was measured needs."""
    p, d = max((float(p), int(d)) for p, d in zip(rows.p, rows.d))
    cost = pick(rows, p=f"{p:g}", d=str(d), decoder="correlated", layout="parallel").us_per_round.iloc[0]
    workers = workers_for(cost)
    nodes = math.ceil(workers / (NODE_CORES - CONNECTION_CORES))
    return prose(words("work-example.text", d=d, p=f"{p:g}", cost=short(cost), busy=BUSY_MAX,
                       workers=plural(workers, "worker"), node_cores=NODE_CORES, nodes=plural(nodes, "node"),
                       spare_nodes=plural(nodes + 1, "node"), lag=3 * d))  # fmt: skip


def workers_for(us_per_round):
    """Workers that keep up with a round each microsecond."""
    return math.ceil(us_per_round / BUSY_MAX)


def judge_held(rows):
    for d, workers in (("5", 1), ("7", 2)):
        entries = waited(pick(rows, d=d, workers=workers))
        long = pick(entries, histories="one")
        best = long.assign(missed=long.runs - long.held).sort_values(["missed", "lag_p99_us"], kind="stable").iloc[0]
        yield target("held", best.held == best.runs, limits={"d": d, "workers": words(f"targets.held.workers-{workers}")},
                     held=f"{best.held} of {best.runs}", rounds=best.rounds // best.runs, waiting=best.waiting,
                     p50=short(best.lag_p50_us), p99=short(best.lag_p99_us))  # fmt: skip
        if d == "5":
            best = least(pick(entries, histories="short"), "reaction_p99_us")
            yield target("reaction", best.reaction_p99_us < 20, p50=short(best.reaction_p50_us),
                         p99=short(best.reaction_p99_us), p999=short(best.reaction_p999_us),
                         histories=best.reaction_samples, waiting=best.waiting)  # fmt: skip


def judge_rate(rows):
    for decoder in ("plain", "correlated"):
        entries = pick(rows, d="13", p="0.001", decoder=decoder)
        if entries.empty:
            yield target("rate-missing", False, limits={"decoder": decoder})
            continue
        best = least(entries, "round_time_us")
        yield target("rate", None, limits={"decoder": decoder}, round_time=short(best.round_time_us), workers=best.workers)


def judge_nodes(rows):
    spun = waited(pick(rows, wait="spin"))
    windows = spun.dropna(subset="window_ns").set_index("place")
    over = (windows.window_ns["ring"] - windows.window_ns["in process"]) / 1e3
    yield target("node-window", over < 2, over=short(over), waiting=windows.waiting["ring"])
    tails = pick(spun, round_time_us=10).set_index("place")
    over = tails.lag_p99_us["unix"] - tails.lag_p99_us["in process"]
    yield target("node-tail", over < 50, over=short(over), waiting=tails.waiting["unix"])


def judge_failover(rows):
    killed = rows.dropna(subset="detection_us")
    lost, differ, compared = rows[["lost_rounds", "mismatches", "compared"]].sum()
    yield target("kill", lost == 0 and differ == 0, kills=len(killed), lost=lost, differ=differ, compared=compared)
    late, anyway = (sum(added_us(killed, name) > killed.total_us + MEASURE_US)
                    for name in ("lag_max_us", "undisturbed_lag_max_us"))  # fmt: skip
    p50, p99 = (short(quantile(added_us(killed, "lag_max_us"), q) / 1e3) for q in (0.5, 0.99))
    yield target("kill-wait", late == 0, late=late, kills=len(killed), anyway=anyway, p50=p50, p99=p99)


def judge_codec(rows):
    frames, ingest = (rows[rows.bench.str.startswith(name)] for name in ("wire/decode", "ingest"))
    worst = ingest.loc[ingest.ns.idxmax()]
    yield target("ingest", worst.ns < 200, ns=short(worst.ns), bench=worst.bench)
    frames = frames.sort_values("ns")
    each = [words("targets.frame.time", ns=short(ns), per=per) for ns, per in zip(frames.ns, frames.per)]
    yield target("frame", frames.ns.max() < 100, times=", ".join(each))


def judge_soak(rows):
    is_met = rows.rounds.max() >= 10**8 and (rows.kept == "yes").all()
    yield target("soak", bool(is_met), rounds=rows.rounds.max(), growth=rows.growth_kib.max(), lost=rows.lost_rounds.sum())


def quantiles(rows, name, *titles):
    """Columns with quantiles in microseconds; the first title begins with the name."""
    columns = [(title, rows[f"{name}_{QUANTILES[title]}_us"]) for title in titles or QUANTILES]
    return [(f"{name} {columns[0][0]}", columns[0][1]), *columns[1:]]


def runs_held(rows):
    return of_runs(rows.held, rows)


def of_runs(counts, rows):
    return [f"{count} of {runs}" for count, runs in zip(counts, rows.runs)]


def spans(low, high):
    return [f"[{short(least)}, {short(most)}]" for least, most in zip(low, high)]


def with_factor(rows):
    return [f"{short(us)} ({short(factor)}x)" for us, factor in zip(rows.us_per_round, rows.factor)]


def waiting(rows):
    """How threads waited; a star marks rows with more of them than cores."""
    return rows.wait + numpy.where(rows.crowded.notna(), "*", "")


def waited(rows):
    return rows.assign(waiting=waiting(rows))


def least(rows, name):
    return rows.loc[rows[name].idxmin()]


def plural(count, noun):
    return f"{count} {noun}" + ("" if count == 1 else "s")


def quantile(values, q):
    """The smallest that so many are not above."""
    return numpy.quantile(values.astype(float), q, method="inverted_cdf")


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
