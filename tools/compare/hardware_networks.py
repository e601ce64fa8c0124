#!/usr/bin/env python3
"""Trains networks for a real device and counts failures on shots that they have never seen.

    python3 tools/compare/hardware_networks.py --data FOLDER
    python3 tools/compare/hardware_networks.py --data FOLDER --only d3     one patch
    python3 tools/compare/hardware_networks.py --data FOLDER --minutes 2   less training

FOLDER has Google's experiments as hardware_section.py describes them. The even shots are decoded by networks that were
trained on the model of the odd ones, and then on the odd ones themselves with their observables; the odd shots the
other way round. Experiments on the same patch share a network. Networks, their logs and the CPU time that they took are
kept in --out, and are not made again while they are there; the training kit comes from this tree. Needs a Python with
PyTorch and outrider, as python/outrider_train/README.md installs them.
"""

import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys

import numpy
import outrider

ROOT = pathlib.Path(__file__).resolve().parents[2]
KIT = ROOT / "python" / "outrider_train"
FIRST = ROOT / "models" / "event-stim-taught.safetensors"
PATCHES = {
    "d5": ("google_sycamore_x_d5_r5", "google_sycamore_x_d5_r11"),
    "d3": ("google_sycamore_x_d3_r5",),
}
# What a half of the shots is trained on, and what it scores.
FOLDS = {"even": "odd", "odd": "even"}
GIVEN = ("belief_matching", "tensor_network_contraction")
# Minutes on the model, and channels, by patch.
MINUTES = {"d5": 9.0, "d3": 3.0}
WIDTH = {"d5": "32", "d3": "16"}
MODEL_OPTIONS = ("--gap-share", "0.8", "--watch-shots", "20000")
SHOTS_OPTIONS = ("--steps", "0,0", "--held-out", "0.1", "--patience", "4", "--watch-shots", "2000")


def main():
    args = parse_arguments()
    args.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for patch in args.only:
        for trained, scored in FOLDS.items():
            experiments = [args.data / name for name in PATCHES[patch]]
            rows += measure(patch, experiments, trained, scored, args)
    names = list(rows[0])
    print("\n| " + " | ".join(names) + " |\n|" + "---|" * len(names))
    for row in rows + sums(rows):
        print("| " + " | ".join(map(str, row.values())) + " |")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="folder with the experiments")
    parser.add_argument("--only", default=",".join(PATCHES), help="patches, separated by commas: %(default)s")
    parser.add_argument("--minutes", type=float, help="of training on each model, instead of its own time")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "target" / "hardware-networks", help="%(default)s")
    args = parser.parse_args()
    args.only = args.only.split(",")
    unknown = sorted(set(args.only) - set(PATCHES))
    if unknown:
        parser.error(f"no such patch: {', '.join(unknown)}")
    missing = [name for patch in args.only for name in PATCHES[patch] if not (args.data / name).is_dir()]
    if missing:
        parser.error(f"{args.data} lacks {', '.join(missing)}")
    return args


def measure(patch, experiments, trained, scored, args):
    """Rows of a patch's experiments: failures of one half of their shots."""
    models = [folder / f"pij_from_{trained}_for_{scored}.dem" for folder in experiments]
    from_model, from_shots = (args.out / f"{patch}_{stage}_{trained}.safetensors" for stage in ("model", "shots"))
    dems = [word for model in models for word in ("--dem", model)]
    minutes = args.minutes or MINUTES[patch]
    form = ("--width", WIDTH[patch])
    spent = [train(from_model, *dems, *form, "--init", FIRST, "--minutes", minutes, *MODEL_OPTIONS)]
    files = [
        word
        for folder in experiments
        for word in ("--shots", folder / "detection_events.b8", "--obs", folder / "obs_flips_actual.01")
    ]
    fold = ("--shots-fold", trained)
    spent.append(train(from_shots, *dems, *form, "--init", from_model, *files, *fold, *SHOTS_OPTIONS))
    rows = []
    for folder, model in zip(experiments, models, strict=True):
        half = slice(list(FOLDS).index(scored), None, 2)
        decoders = (decoder(model), decoder(model, from_model), decoder(model, from_shots))
        truth = flips(folder / "obs_flips_actual.01")[half]
        width = outrider.Model.from_file(model).num_detectors
        events = outrider.read_shots(folder / "detection_events.b8", num_detectors=width)
        answers = [one.decode_batch(events[half], bit_packed_shots=True)[:, 0] for one in decoders]
        answers += [flips(folder / f"obs_flips_predicted_by_{name}.01")[half] for name in GIVEN]
        failures = [int((answer != truth).sum()) for answer in answers]
        names = ("plain", "network of the model", "and of shots", "belief matching", "tensor network")
        about = {"experiment": folder.name, "scored": scored, "shots": len(truth)}
        cpu = {"CPU minutes, model": round(spent[0], 1), "CPU minutes, shots": round(spent[1], 1)}
        rows.append(about | dict(zip(names, failures, strict=True)) | cpu)
    return rows


def sums(rows):
    """Both halves of each experiment together."""
    found = {}
    for row in rows:
        both = dict.fromkeys(row, 0) | {"experiment": row["experiment"], "scored": "both"}
        whole = found.setdefault(row["experiment"], both)
        for name, value in row.items():
            if name not in ("experiment", "scored"):
                whole[name] = round(whole[name] + value, 1)
    return list(found.values())


def decoder(model, network=None):
    """Plain matching, after a network if there is one."""
    model = outrider.Model.from_file(model)
    graph = outrider.MatchingGraph(model)
    predecoder = outrider.Predecoder.from_file(network, model, graph) if network else None
    return outrider.Decoder(graph, predecoder=predecoder)


def flips(path):
    return outrider.read_shots(path, "01", num_observables=1)[:, 0]


def train(out, *options):
    """Makes a network, unless it is there; the CPU minutes that it took."""
    about = out.with_suffix(".json")
    if not out.exists():
        command = [sys.executable, "-m", "outrider_train", "train", *map(str, options), "--out", str(out)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with open(out.with_suffix(".log"), "w") as log:
            environment = os.environ | {"PYTHONPATH": str(KIT)}
            subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, env=environment, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        about.write_text(json.dumps({"command": command, "cpu_minutes": seconds / 60}))
    return json.loads(about.read_text())["cpu_minutes"]


if __name__ == "__main__":
    main()
