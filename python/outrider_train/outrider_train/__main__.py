"""The command line of outrider_train."""

import argparse
import ctypes
import dataclasses
import os
import shlex
import sys
from pathlib import Path

import torch

from . import __version__, checkpoint
from .circuits import Recipe, build, parse
from .errors import TrainingError
from .evaluate import FixedShots, Row
from .export import export, make_card, read_float_weights
from .geometry import Geometry
from .network import EventNetwork
from .ranks import Ranks
from .run import Output, run
from .settings import DEFAULT_DATA, Settings
from .train import Trainer

DESCRIPTION = """\
Trains event networks, the learned pre-decoders of outrider. Shots are sampled as they are needed.

  train      trains a network and exports it
  export     makes a network file from a checkpoint
  evaluate   logical error rates of a network file beside plain and correlated matching

Ten minutes on one core give a useful network for Stim's circuit noise:

  python -m outrider_train train --minutes 10 --out network.safetensors

For an error model of one's own (a decomposed .dem with coordinates):

  python -m outrider_train train --minutes 10 --dem own.dem --out network.safetensors

Several processes share the work of each step:

  torchrun --nproc-per-node 4 -m outrider_train train --minutes 10 --out network.safetensors
"""


class _HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Says the defaults of options that have one."""

    def _get_help_string(self, action: argparse.Action) -> str:
        return action.help if action.default in (None, False) else super()._get_help_string(action)


DATA_HELP = """\
circuits: a family and NAME=VALUE pairs with lists, every combination a circuit. Families: stim, paper,
paper-published (d, p or noise-file, basis, rounds, orientation) and dem (file). rounds=d is the default. A
circuit of weight=2 is chosen twice as often, of gap-weight=2 counts twice in the gap's loss. Repeatable
"""


def main(words: list[str] | None = None) -> int:
    """Runs a command and returns the exit code."""
    words = sys.argv[1:] if words is None else words
    arguments = _parser().parse_args(words)
    arguments.command = shlex.join(["python", "-m", "outrider_train", *words])
    try:
        return arguments.run(arguments)
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m outrider_train",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_train(commands)
    _add_export(commands)
    _add_evaluate(commands)
    return parser


def _add_train(commands) -> None:
    settings = {f.name: f.default for f in dataclasses.fields(Settings)}
    parser = commands.add_parser("train", help="trains a network", formatter_class=_HelpFormatter)
    parser.set_defaults(run=_train)

    data = parser.add_argument_group("data")
    data.add_argument(
        "--data", action="append", metavar="SPEC", help=f"{DATA_HELP} (default: {DEFAULT_DATA[0]})"
    )
    data.add_argument(
        "--dem", action="append", metavar="FILE", help="an error model of one's own; repeatable"
    )
    data.add_argument("--seed", type=int, default=settings["seed"], help="of weights and shots")

    form = parser.add_argument_group("network")
    form.add_argument("--width", type=int, default=settings["width"], help="channels: 16, 32, 48 or 64")
    form.add_argument("--layers", type=int, default=settings["layers"], help="rounds of messages, 0 to 8")
    form.add_argument(
        "--radius", type=int, default=settings["radius"], help="of the neighbourhood, 1 to 4 sites"
    )
    form.add_argument(
        "--pitch", type=_integers, default="2,2,1", metavar="X,Y,T", help="coordinates of one site"
    )
    form.add_argument(
        "--kind-rule", type=_integers, default="1,1,0", metavar="X,Y,T", help="kind = rule . site mod kinds"
    )
    form.add_argument(
        "--transposed",
        type=_integers,
        default="0,1",
        metavar="LIST",
        help="for each kind, 1 to exchange x and y",
    )
    form.add_argument("--untied", action="store_true", help="weights of its own for each kind")
    form.add_argument(
        "--init", type=Path, metavar="FILE", help="starts from a network file's or checkpoint's weights"
    )

    budget = parser.add_argument_group("budget (one of them; the second phase has its share)")
    amount = budget.add_mutually_exclusive_group()
    amount.add_argument(
        "--minutes", type=_positive, help="of training; the number of steps is chosen by timing"
    )
    amount.add_argument("--shots", type=_positive, help="to train on")
    budget.add_argument("--gap-share", type=_share, default=settings["gap_share"], help="of the gap phase")

    steps = parser.add_argument_group("optimisation")
    for name, text in (
        ("rate", "learning rate"),
        ("gap_rate", "learning rate of the gap phase"),
        ("events", "detection events in a step"),
        ("gap_events", "detection events in a step of the gap phase"),
        ("gap_limit", "shots of smaller gap (nats) are learned from"),
        ("gap_weight", "weight of the gap's loss beside cross-entropy"),
        ("screen", "shots with a gap from so many nats on under the model's own weights have no gap loss"),
        ("screen_most", "shots sampled for each that is run forward, at most"),
        ("keep", "share of the shots that keep cross-entropy in the gap phase"),
        ("offset", "nats added to the weights of edges without an event"),
    ):
        steps.add_argument(_option(name), type=_positive, default=settings[name], help=text)
    steps.add_argument(
        "--gap-balance",
        type=_share,
        default=settings["gap_balance"],
        help="how far circuits that rarely fail count more in the gap's loss: 0 not at all, 1 in proportion",
    )
    steps.add_argument(
        "--quantise-from",
        type=_share,
        default=settings["quantise_from"],
        help="progress at which rounding begins",
    )
    steps.add_argument(
        "--average", type=_share, default=settings["average"], help="decay of the averaged weights"
    )

    out = parser.add_argument_group("output")
    out.add_argument("--out", type=Path, metavar="FILE", help="the network file")
    out.add_argument(
        "--checkpoint", type=Path, metavar="FILE", help="(default: the network file's name, .checkpoint)"
    )
    out.add_argument("--checkpoint-minutes", type=_positive, default=5.0, help="between two checkpoints")
    out.add_argument(
        "--resume", type=Path, metavar="FILE", help="goes on from a checkpoint, with its options"
    )
    out.add_argument(
        "--watch",
        action="append",
        metavar="SPEC",
        help="circuits to measure, as --data (default: one of those trained on)",
    )
    out.add_argument(
        "--watch-shots", type=int, default=settings["watch_shots"], help="of each circuit watched"
    )
    out.add_argument("--watch-every", type=_share, default=0.2, help="progress between two measurements")
    out.add_argument("--report-seconds", type=_positive, default=20.0, help="between two lines")
    out.add_argument(
        "--device", default="cpu", help="cpu (the C library's kernels), cuda, or another of PyTorch's"
    )


def _add_export(commands) -> None:
    parser = commands.add_parser("export", help="makes a network file from a checkpoint")
    parser.set_defaults(run=_export)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument(
        "--data", action="append", metavar="SPEC", help="circuits for the card's table, as in train"
    )
    parser.add_argument("--shots", type=int, default=20000, help="of each circuit")


def _add_evaluate(commands) -> None:
    parser = commands.add_parser("evaluate", help="logical error rates of a network file")
    parser.set_defaults(run=_evaluate)
    parser.add_argument("network", type=Path)
    parser.add_argument("--data", action="append", metavar="SPEC", help=DATA_HELP)
    parser.add_argument("--dem", action="append", metavar="FILE", help="an error model; repeatable")
    parser.add_argument("--shots", type=int, default=20000, help="of each circuit")


def _train(arguments: argparse.Namespace) -> int:
    _prepare(arguments.device)
    state = checkpoint.load(arguments.resume) if arguments.resume else None
    settings = Settings(**state["settings"]) if state else _settings(arguments)
    if settings.minutes is None and settings.shots is None:
        raise TrainingError("give --minutes or --shots")
    if not arguments.out:
        raise TrainingError("give --out FILE, the network file to write")
    initial = _initial(arguments.init) if arguments.init else None
    command = state["command"] if state else arguments.command
    ranks = Ranks(arguments.device)
    try:
        trainer = Trainer(settings, ranks, command, state, initial)
        output = Output(
            checkpoint=arguments.checkpoint or arguments.resume or arguments.out.with_suffix(".checkpoint"),
            checkpoint_minutes=arguments.checkpoint_minutes,
            report_seconds=arguments.report_seconds,
            watch_every=arguments.watch_every,
        )
        rows = run(trainer, output)
        if ranks.first:
            network = trainer.average.cpu()
            export(arguments.out, network, make_card(trainer.state(), network, rows))
            print(f"wrote {arguments.out}")
    finally:
        ranks.close()
    return 0


def _export(arguments: argparse.Namespace) -> int:
    _prepare("cpu")
    state = checkpoint.load(arguments.checkpoint)
    settings = state["settings"]
    network = EventNetwork(
        Geometry.from_dict(state["geometry"]), settings["width"], settings["layers"], settings["offset"]
    )
    network.load_state_dict(state["average"])
    network.shifts = state["shifts"]
    export(arguments.out, network, make_card(state, network, []))
    if arguments.data:
        rows = _measure(arguments.out, arguments)
        export(arguments.out, network, make_card(state, network, rows))
    return 0


def _evaluate(arguments: argparse.Namespace) -> int:
    _measure(arguments.network, arguments)
    return 0


def _measure(path: Path, arguments: argparse.Namespace) -> list[Row]:
    """Prints the table of a network file on the circuits asked for."""
    recipes = [recipe for text in arguments.data or [] for recipe in parse(text)]
    recipes += [Recipe("dem", file=file) for file in getattr(arguments, "dem", None) or []]
    if not recipes:
        raise TrainingError("give --data or --dem: the circuits to measure")
    print(Row.HEADER)
    rows = []
    for recipe in recipes:
        rows.append(FixedShots(build(recipe), arguments.shots).measure_file(path))
        print(rows[-1], flush=True)
    return rows


def _settings(arguments: argparse.Namespace) -> Settings:
    values = {field.name: getattr(arguments, field.name) for field in dataclasses.fields(Settings)}
    for name in ("data", "dem", "watch"):
        values[name] = values[name] or []
    return Settings(**values)


def _initial(path: Path) -> dict:
    if path.suffix == ".safetensors":
        return read_float_weights(path)
    return checkpoint.load(path)["average"]


def _prepare(device: str) -> None:
    """One thread, since torchrun gives each core a process; results that repeat; memory that is kept.

    glibc returns large blocks to the system at once, and a step would then spend most of its time on page faults.
    """
    torch.set_num_threads(1)
    if device != "cpu":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_M_MMAP_THRESHOLD, 1 << 25)
        mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)


# glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _integers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


if __name__ == "__main__":
    sys.exit(main())
