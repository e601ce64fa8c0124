#!/usr/bin/env python3
"""Measures decoding by likelihood beside matching and the sum over all errors, and writes docs/likelihood.

    python3 tools/compare/likelihood.py                  everything: about an hour
    python3 tools/compare/likelihood.py --quick          everything, coarsely: about ten minutes
    python3 tools/compare/likelihood.py --only ler,time  some sections
    python3 tools/compare/likelihood.py --minutes 20     so long for each section that counts failures
    python3 tools/compare/likelihood.py --report         only rewrites tables from docs/likelihood/*.csv

Needs Python 3 with venv, Cargo and, the first time, PyPI. docs/likelihood.md describes the sections.
"""

import argparse
import pathlib

from workspace import ROOT, add_core_option, add_options, build, enter_virtual_environment, parse_options

SECTIONS = ["ler", "distance", "time", "tails"]


def main():
    args = parse_arguments()
    enter_virtual_environment()
    import likelihood_tables

    folder = ROOT / "docs" / "likelihood"
    if not args.report:
        build("compare", "outrider-cli")
        import likelihood_sections

        for name in args.only:
            likelihood_sections.run(folder, name, args.network, args.quick, args.core, args.minutes)
    likelihood_tables.rewrite(ROOT / "docs" / "likelihood.md", folder)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, SECTIONS)
    add_core_option(parser)
    parser.add_argument("--minutes", type=float, help="of each section that counts failures, instead of its own time")
    parser.add_argument("--network", default=ROOT / "models" / "event-stim.safetensors",
                        type=lambda word: pathlib.Path(word).resolve(), help="network: %(default)s")  # fmt: skip
    args = parse_options(parser, SECTIONS)
    if not args.report and not args.network.is_file():
        parser.error(f"no such network: {args.network}")
    return args


if __name__ == "__main__":
    main()
