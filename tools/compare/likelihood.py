#!/usr/bin/env python3
"""Measures decoding by likelihood beside matching and the sum over all errors, and writes docs/likelihood.

    python3 tools/compare/likelihood.py                  everything: about two hours
    python3 tools/compare/likelihood.py --quick          everything, coarsely: about twenty minutes
    python3 tools/compare/likelihood.py --only ler,time  some sections
    python3 tools/compare/likelihood.py --minutes 20     so long for each section that counts failures
    python3 tools/compare/likelihood.py --data FOLDER    with the shots of a device, which the section hardware needs
    python3 tools/compare/likelihood.py --report         only rewrites tables and figures from docs/likelihood/*.csv

Needs Python 3 with venv, Cargo and, the first time, PyPI. docs/likelihood.md describes the sections.
"""

import argparse
import pathlib

from workspace import ROOT, add_core_option, add_options, build, enter_virtual_environment, parse_options

SECTIONS = [
    "ler", "distance", "deep", "windows", "levels", "tesseract", "paper", "observables", "hardware", "time", "tails",
    "calibration",
]  # fmt: skip
MODELS = ROOT / "models"


def main():
    args = parse_arguments()
    enter_virtual_environment()
    import headline
    import likelihood_figures
    import likelihood_tables

    folder = ROOT / "docs" / "likelihood"
    if not args.report:
        build("compare", "outrider-cli")
        import likelihood_sections

        for name in args.only:
            if name == "hardware" and args.data is None:
                print("hardware: skipped, it needs --data")
                continue
            network = {"paper": args.paper_network, "hardware": "rule:min-sum"}.get(name, args.network)
            likelihood_sections.run(folder, name, network, args.data, args.quick, args.core, args.minutes)
    likelihood_tables.rewrite(ROOT / "docs" / "likelihood.md", folder)
    likelihood_figures.draw(folder)
    headline.draw(ROOT / "docs" / "performance")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, SECTIONS)
    add_core_option(parser)
    parser.add_argument("--minutes", type=float, help="of each section that counts failures, instead of its own time")
    parser.add_argument("--network", default=MODELS / "event-stim.safetensors", type=path,
                        help="network of all sections but paper: %(default)s")  # fmt: skip
    parser.add_argument("--paper-network", default=MODELS / "event-paper.safetensors", type=path,
                        help="the same of the section paper: %(default)s")  # fmt: skip
    parser.add_argument("--data", type=path, help="folder with Google's experiments, see hardware_section.py")
    args = parse_options(parser, SECTIONS)
    if not args.report:
        missing = [network for network in (args.network, args.paper_network) if not network.is_file()]
        if missing:
            parser.error(f"no such network: {missing[0]}")
        if args.data is not None and not args.data.is_dir():
            parser.error(f"no such folder: {args.data}")
    return args


def path(word):
    return pathlib.Path(word).resolve()


if __name__ == "__main__":
    main()
