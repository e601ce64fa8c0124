#!/usr/bin/env python3
"""Measures decoding in real time and writes docs/streaming.

    python3 tools/compare/streaming.py                   everything: about fifty minutes on two quiet cores
    python3 tools/compare/streaming.py --quick           everything, coarsely: about two and a half minutes
    python3 tools/compare/streaming.py --only held,rate  some sections
    python3 tools/compare/streaming.py --report          only rewrites the tables from docs/streaming/*.csv

Needs Python 3 and Cargo. The sections and how they measure are described in docs/performance.md under "Streaming". The exit
code is 1 if a soak did not keep what it promises.
"""

import argparse
import sys

import streaming_tables
from streaming_runs import ROOT, build

SECTIONS = ["held", "rate", "work", "nodes", "failover", "sifl", "pipeline", "codec", "soak"]
DOCUMENTS = {name: ROOT / name for name in ("docs/performance.md", "docs/real-time.md", "README.md")}


def main():
    args = parse_arguments()
    folder = ROOT / "docs" / "streaming"
    kept = True
    if not args.report:
        build()
        import streaming_sections

        kept = streaming_sections.run(folder, args.only, args.quick)
    streaming_tables.rewrite(DOCUMENTS, folder)
    sys.exit(0 if kept else 1)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer points, runs and rounds")
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections, separated by commas: %(default)s")
    parser.add_argument("--report", action="store_true", help="measure nothing, rewrite the tables")
    args = parser.parse_args()
    args.only = args.only.split(",")
    unknown = sorted(set(args.only) - set(SECTIONS))
    if unknown:
        parser.error(f"no such section: {', '.join(unknown)}")
    return args


if __name__ == "__main__":
    main()
