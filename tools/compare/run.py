#!/usr/bin/env python3
"""Measures outrider beside PyMatching and stabilizer_qec and writes docs/performance.

    python3 tools/compare/run.py                  everything: about half an hour
    python3 tools/compare/run.py --quick          everything, coarsely: about four minutes
    python3 tools/compare/run.py --only speed,ler some sections
    python3 tools/compare/run.py --report         only rewrites tables and figure from docs/performance/*.csv

Needs Python 3 with venv, Cargo and, the first time, PyPI: the pinned packages go to a virtual environment under target/.
docs/performance.md describes the sections and how they measure.
"""

import argparse

from workspace import ROOT, add_core_option, add_options, build, enter_virtual_environment, parse_options

SECTIONS = ["speed", "tails", "build", "sampling", "memory", "ler"]


def main():
    args = parse_arguments()
    enter_virtual_environment()
    import headline
    import tables

    folder = ROOT / "docs" / "performance"
    if not args.report:
        build("compare", "outrider-cli")
        import sections

        sections.run(args.only, args.quick, args.core)
    tables.rewrite(ROOT / "docs" / "performance.md", folder)
    headline.rewrite(ROOT / "README.md", folder)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, SECTIONS)
    add_core_option(parser)
    return parse_options(parser, SECTIONS)


if __name__ == "__main__":
    main()
