"""Writes the tables about the accuracy of windows in docs/real-time.md from the rows of `outrider ler`, in sinter's CSV."""

import json

import numpy
import pandas

from pages import Page, named, prose, table, words

Z_95 = 1.959964
NAMES = {"mwpm": "plain", "mwpm-correlated": "correlated"}
TASK = ["decoder", "layout", "d", "p"]


def rewrite(document, path, run):
    tasks = read(path)
    page = Page(document)
    page.put("windows", [*accuracy_table(tasks), "", *provenance(run)])
    page.put("windows-pooled", pooled_table(tasks))
    page.save()


def read(path):
    """The counts of every task: failures in windows and whole, and of shots on which the two differ."""
    rows = pandas.read_csv(path, skipinitialspace=True)
    about, counts = (pandas.DataFrame(map(json.loads, rows[name])) for name in ("json_metadata", "custom_counts"))
    tasks = about.rename(columns={"win": "layout"})[["layout", "d", "p", "buffer"]]
    tasks["decoder"] = rows.decoder.str.split("@").str[0].map(NAMES)
    tasks["failures"] = rows.errors
    tasks = tasks.join(counts[["paired_shots", "only_windows", "only_whole"]].fillna(0).astype(int))
    tasks = tasks.groupby([*TASK, "buffer"], as_index=False).sum()
    tasks["whole"] = tasks.failures - tasks.only_windows + tasks.only_whole
    # In the order of the names of the program: plain matching first.
    return tasks.sort_values("decoder", key=lambda names: names == "correlated", kind="stable")


def pooled_table(tasks):
    """All points together, with buffers of d."""
    pooled = tasks[tasks.buffer == tasks.d].groupby(["decoder", "layout"], sort=False, as_index=False).sum(numeric_only=True)
    return table(*named(pooled, "decoder", "layout"), ("failures whole", pooled.whole), ("in windows", pooled.failures),
                 ("only in windows", pooled.only_windows), ("only whole", pooled.only_whole),
                 ("ratio [95 %]", ratios(pooled)))  # fmt: skip


def accuracy_table(tasks):
    none, half, full = (tasks[tasks.buffer == buffer] for buffer in (0, (tasks.d + 1) // 2, tasks.d))
    discordant = [f"{windows}, {whole}" for windows, whole in zip(full.only_windows, full.only_whole)]
    return table(*named(full, "decoder", "layout", "d"), ("p", full.p.map("{:g}".format)), ("shots", full.paired_shots),
                 ("failures whole", full.whole), ("ratio [95 %], b = 0", ratios(none)), ("b = (d+1)/2", ratios(half)),
                 ("b = d", ratios(full)), ("fail only in windows, only whole, b = d", discordant))  # fmt: skip


def ratios(tasks):
    """Of failures in windows and whole. Only shots on which they differ make it uncertain; at least one may."""
    discordant = (tasks.only_windows + tasks.only_whole).clip(lower=1)
    ratio = tasks.failures / tasks.whole
    spread = numpy.exp(Z_95 * numpy.sqrt(discordant / (tasks.failures * tasks.whole)))
    return [f"{middle:.3f} [{middle / factor:.3f}, {middle * factor:.3f}]" if above and below else "-"
            for middle, factor, above, below in zip(ratio, spread, tasks.failures, tasks.whole)]  # fmt: skip


def provenance(run):
    command = "python3 tools/compare/windows.py" + (" --quick" if run["quick"] else "")
    return prose(words("provenance.windows", command=command, **run))
