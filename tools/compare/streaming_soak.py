#!/usr/bin/env python3
"""A long stream in this process and one through two decoder nodes: no round is lost, and no process grows.

    python3 tools/compare/streaming_soak.py                    10^8 rounds each way
    python3 tools/compare/streaming_soak.py --rounds 2000000   a short one

Prints a line for each way; the exit code is 1 if rounds were lost or memory grew. Needs target/release/outrider.
`streaming.py --only soak` does the same and keeps the rows.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

from streaming_runs import OUTRIDER, Meanwhile, command_line

# Memory that a process may touch for the first time in the second half of its run, pages of its allocator and of its stacks.
# In 10^8 rounds, a byte leaked every hundred rounds would be twice as much. Pages of the program itself do not count: they
# are read from its file when something is done for the first time, as writing the report is at the end.
GROWTH_MAX_KIB = 256
# Seconds between two looks at memory, and looks at a short run.
LOOK_S = 1.0
LOOKS_MIN = 40
HISTORY_ROUNDS = 1000
# Rounds of all short histories: what they could leak, they leak once for each, so a tenth is enough of a long soak. Of a short
# one it is not: the first half of its time must be longer than the start of a process, a tenth of a second.
SHORT_SHARE = 10
SHORT_ROUNDS_MIN = 2_000_000
# A memory that two cores decode at a million rounds a second or so, and through two nodes at a tenth of that.
MEMORY = ["--distance", 5, "--p", 0.001, "--round-time", 0]
NODES = ["--nodes", 2, "--wait", "block"]
WAYS = {
    "one history, this process": ([], False),
    "short histories, this process": ([], True),
    "one history, two nodes": (NODES, False),
    "short histories, two nodes": (NODES, True),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10**8, help="of one history: %(default)s; short ones have a tenth")
    parser.add_argument("--program", default=OUTRIDER, help="%(default)s")
    arguments = parser.parse_args()
    rows = soak(arguments.rounds, arguments.program)
    sys.exit(0 if all(row["kept"] == "yes" for row in rows) else 1)


def soak(rounds, program=OUTRIDER):
    """A row for each way."""
    rows = []
    for way, (options, short) in WAYS.items():
        length, repeat = rounds, 1
        if short:
            length = HISTORY_ROUNDS
            repeat = max(rounds // SHORT_SHARE, SHORT_ROUNDS_MIN) // HISTORY_ROUNDS
        words = [*MEMORY, *options, "--rounds", length, "--repeat", repeat]
        rows.append(watch(way, program, ["stream", *map(str, words)]))
        row = rows[-1]
        print("soak", *(f"{name}={row[name]}" for name in list(row)[:10]), flush=True)
    return rows


def watch(way, program, words):
    meanwhile = Meanwhile()
    with tempfile.TemporaryDirectory() as folder, meanwhile:
        report = pathlib.Path(folder) / "run.json"
        process = subprocess.Popen([program, *words, "--json", report], stdout=subprocess.DEVNULL)
        looks = look_until_it_ends(process)
        if process.wait():
            raise RuntimeError(f"{command_line('outrider', *words)} failed")
        run = json.loads(report.read_text())
    halves = [second_half(seen) for seen in looks.values()]
    growth = max(max(kib) - kib[0] for kib in halves)
    kept = run["lost_rounds"] == 0 and growth <= GROWTH_MAX_KIB
    return {
        "way": way, "rounds": run["rounds"], "histories": run["histories"], "seconds": round(run["seconds"], 1),
        "processes": len(looks), "looks": min(map(len, looks.values())), "lost_rounds": run["lost_rounds"],
        "rss_kib": max(kib[0] for kib in halves), "growth_kib": growth, "kept": "yes" if kept else "no",
        "command": command_line("outrider", *words), **meanwhile.columns(),
    }  # fmt: skip


def look_until_it_ends(process):
    """The memory of a process and of those that it has started: pairs of seconds and KiB."""
    looks = {}
    began = time.monotonic()
    while process.poll() is None:
        for pid in [process.pid, *children(process.pid)]:
            kib = resident_kib(pid)
            if kib:
                looks.setdefault(pid, []).append((time.monotonic() - began, kib))
        # Short runs are looked at more often.
        time.sleep(min(LOOK_S, (time.monotonic() - began + 0.1) / LOOKS_MIN))
    return looks


def children(pid):
    try:
        return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def resident_kib(pid):
    """What a process owns, alone or shared with another, but no pages of files; 0 of a process that has ended."""
    try:
        lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(("RssAnon:", "RssShmem:")))


def second_half(looks):
    """What was seen from half of the time on."""
    end, _ = looks[-1]
    return [kib for seconds, kib in looks if seconds >= end / 2]


if __name__ == "__main__":
    main()
