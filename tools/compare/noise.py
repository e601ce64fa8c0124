#!/usr/bin/env python3
"""Measures what learning the noise buys, and writes docs/noise-learning.

    python3 tools/compare/noise.py                       everything: about two hours
    python3 tools/compare/noise.py --quick               everything, coarsely: about five minutes
    python3 tools/compare/noise.py --only sites,speed    some sections
    python3 tools/compare/noise.py --minutes 20          so long for each section that counts failures of simulated shots
    python3 tools/compare/noise.py --data FOLDER         with the shots of a device, which hardware and trellis need
    python3 tools/compare/noise.py --report              only rewrites tables from docs/noise-learning/*.csv

Needs Python 3 with venv, Cargo and, the first time, PyPI. docs/noise-learning.md describes the sections.
"""

import argparse
import pathlib

from workspace import ROOT, add_core_option, add_options, build, enter_virtual_environment, parse_options

SECTIONS = ["speed", "hardware", "sites", "distances", "parameters", "trellis"]
OF_DEVICE = ("hardware", "trellis")


def main():
    args = parse_arguments()
    enter_virtual_environment()
    import noise_tables

    folder = ROOT / "docs" / "noise-learning"
    if not args.report:
        build("outrider-cli")
        if "speed" in args.only:
            build("compare")
        import noise_sections

        for name in args.only:
            if name in OF_DEVICE and args.data is None:
                print(f"{name}: skipped, it needs --data")
                continue
            noise_sections.run(folder, name, args.data, args.quick, args.core, args.minutes, args.most)
    noise_tables.rewrite(ROOT / "docs" / "noise-learning.md", folder)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, SECTIONS)
    add_core_option(parser)
    parser.add_argument("--minutes", type=float, help="of sites, distances and parameters each, instead of their own time")
    parser.add_argument("--max", dest="most", type=float, metavar="MINUTES", default=60,
                        help="of one run of the section trellis, which is given up then: %(default)g")  # fmt: skip
    parser.add_argument("--data", type=path, help="folder with Google's experiments, see noise_hardware.py")
    args = parse_options(parser, SECTIONS)
    if not args.report and args.data is not None and not args.data.is_dir():
        parser.error(f"no such folder: {args.data}")
    return args


def path(word):
    return pathlib.Path(word).resolve()


if __name__ == "__main__":
    main()
