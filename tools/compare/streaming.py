#!/usr/bin/env python3
"""Measures decoding in real time and writes docs/streaming.

    python3 tools/compare/streaming.py                   everything: about fifty minutes on two quiet cores
    python3 tools/compare/streaming.py --quick           everything, coarsely: about two and a half minutes
    python3 tools/compare/streaming.py --only held,rate  some sections
    python3 tools/compare/streaming.py --report          only rewrites the tables from docs/streaming/*.csv

Needs Python 3.11 with venv, Cargo and, the first time, PyPI: the pinned packages go to a virtual environment under
target/. docs/performance.md describes the sections and how they measure, under "Streaming". The exit
code is 1 if a soak lost rounds or grew.
"""

import argparse
import sys

from workspace import ROOT, add_options, build, enter_virtual_environment, parse_options

SECTIONS = ["held", "rate", "work", "nodes", "failover", "sifl", "pipeline", "codec", "soak"]


def main():
    args = parse_arguments()
    enter_virtual_environment()
    import streaming_tables

    folder = ROOT / "docs" / "streaming"
    kept = True
    if not args.report:
        build("outrider-cli")
        import streaming_sections

        kept = streaming_sections.run(folder, args.only, args.quick)
    streaming_tables.rewrite(ROOT / "docs", folder)
    sys.exit(0 if kept else 1)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, SECTIONS)
    return parse_options(parser, SECTIONS)


if __name__ == "__main__":
    main()
