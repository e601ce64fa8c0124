#!/usr/bin/env python3
"""Measures pre-decoders beside PyMatching and writes docs/pre-decoders.

    python3 tools/compare/predecoders.py                  everything: about an hour and a half
    python3 tools/compare/predecoders.py --quick          everything, coarsely: about ten minutes
    python3 tools/compare/predecoders.py --only ler,time  some sections
    python3 tools/compare/predecoders.py --minutes 20     so long for each section that counts failures
    python3 tools/compare/predecoders.py --network FILE   another network
    python3 tools/compare/predecoders.py --report         only rewrites tables and figures from docs/pre-decoders/*.csv

Needs Python 3 with venv, Cargo and, the first time, PyPI: Stim, PyMatching and Matplotlib go to a virtual environment
under target/. docs/pre-decoders.md describes the sections and how they measure.
"""

import argparse
import pathlib

from workspace import ROOT, add_core_option, add_options, build, enter_virtual_environment, parse_options

SECTIONS = ["ler", "rules", "time", "tails", "strings", "published"]
MODELS = ROOT / "models"


def main():
    args = parse_arguments()
    enter_virtual_environment()
    import predecoder_figures
    import predecoder_tables

    folder = ROOT / "docs" / "pre-decoders"
    if not args.report:
        build("compare", "outrider-cli")
        import predecoder_sections

        networks = {"published": args.published_network}
        for name in args.only:
            network = networks.get(name, args.network)
            predecoder_sections.run(folder, name, network, args.quick, args.core, args.minutes)
    predecoder_tables.rewrite(ROOT / "docs" / "pre-decoders.md", folder)
    predecoder_figures.draw(folder)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, SECTIONS)
    add_core_option(parser)
    parser.add_argument("--minutes", type=float, help="of each section that counts failures, instead of its own time")
    parser.add_argument("--network", default=MODELS / "event-stim.safetensors", type=source,
                        help="network, or rule:NAME, of all sections but published: %(default)s")  # fmt: skip
    parser.add_argument("--published-network", default=MODELS / "event-paper.safetensors", type=source,
                        help="the same of the section published: %(default)s")  # fmt: skip
    args = parse_options(parser, SECTIONS)
    if not args.report:
        wanted = {args.published_network if name == "published" else args.network for name in args.only}
        missing = [str(network) for network in wanted if not is_there(network)]
        if missing:
            parser.error(f"no such network: {', '.join(sorted(missing))}")
    return args


def is_there(network):
    return isinstance(network, str) or network.is_file()


def source(word):
    return word if word.startswith("rule:") else pathlib.Path(word).resolve()


if __name__ == "__main__":
    main()
