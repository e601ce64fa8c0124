"""The command line of outrider_train."""

import argparse
import ctypes
import dataclasses
import math
import os
import shlex
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

from . import __version__, checkpoint, origin
from .circuits import Recipe, build, parse
from .errors import TrainingError
from .evaluate import FixedShots, Row
from .export import export, make_card
from .geometry import Geometry
from .initial import Initial
from .network import EventNetwork
from .ranks import Ranks
from .recorded import FOLDS, FORMATS
from .run import Output, run, stop_signals
from .settings import DEFAULT_DATA, Settings
from .taught import TaughtFile
from .teach import TEACHERS, Budget, Lesson, Teaching, teach
from .train import Trainer

DESCRIPTION = """\
Trains event networks, the learned pre-decoders of outrider. Shots are sampled as they are needed.

  train      trains a network and exports it
  teach      makes a file of unsure shots with a teacher's log-likelihood ratios, to train on
  export     makes a network file from a checkpoint
  evaluate   logical error rates of a network file beside plain and correlated matching

Ten minutes on one core give a useful network for Stim's circuit noise:

  python -m outrider_train train --minutes 10 --out network.safetensors

For an error model of one's own (a decomposed .dem with coordinates):

  python -m outrider_train train --minutes 10 --dem own.dem --out network.safetensors

Several processes share the work of each step:

  torchrun --nproc-per-node 4 -m outrider_train train --minutes 10 --out network.safetensors
"""

DATA_HELP = """\
circuits: a family and NAME=VALUE pairs with lists, every combination a circuit. Families: stim, paper,
paper-published (d, p or noise-file, basis, rounds, orientation) and dem (file). rounds=d is the default. A
circuit of weight=2 is chosen twice as often, of gap-weight=2 counts twice in the gap's loss. Repeatable
"""

SETTINGS = vars(Settings())
LESSON = vars(Lesson())
# What a run on taught shots has no use for, and what only such a run uses.
NOT_TAUGHT = ("data", "dem", "gap_limit", "gap_weight", "gap_balance", "screen", "screen_most")
ONLY_TAUGHT = ("targets", "taught_weight")
# What only a run on recorded shots uses, and what such a run needs.
RECORDED_NEEDS = ("obs", "shots_fold")
ONLY_RECORDED = (
    *RECORDED_NEEDS,
    *("shots_format", "obs_format", "held_out", "passes", "patience", "shots_rate", "shots_events", "shots_beside"),
)
# Limits of what options take.
SHOTS_MAX = 10**9
EVENTS_MAX = 10**7
PASSES_MAX = 10**4
SEED_MAX = 2**64 - 1
GAP_MAX = 600.0
NUMBER_MIN, NUMBER_MAX = 1e-9, 1e15


class _Parser(argparse.ArgumentParser):
    """Its errors are one line, as all others."""

    def error(self, message: str):
        raise TrainingError(message)


class _HelpFormatter(argparse.HelpFormatter):
    """Says the defaults of options that have one; those of settings are theirs."""

    def _get_help_string(self, action: argparse.Action) -> str:
        is_setting = action.default is argparse.SUPPRESS
        default = (LESSON | SETTINGS).get(action.dest) if is_setting else action.default
        if default is False or default in (None, []):
            return action.help
        text = ",".join(map(str, default)) if isinstance(default, list) else default
        return f"{action.help} (default: {text})"


def main(words: list[str] | None = None) -> int:
    """Runs a command and returns the exit code."""
    words = sys.argv[1:] if words is None else words
    try:
        arguments = _parser().parse_args(words)
        arguments.command = shlex.join(["python", "-m", "outrider_train", *words])
        return arguments.run(arguments)
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m outrider_train",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_train(commands)
    _add_teach(commands)
    _add_export(commands)
    _add_evaluate(commands)
    parser.epilog = "\n".join(command.format_help() for command in commands.choices.values())
    return parser


def _add_train(commands) -> None:
    # Settings that are not given are absent, so that --resume can tell.
    parser = commands.add_parser(
        "train",
        help="trains a network",
        formatter_class=_HelpFormatter,
        argument_default=argparse.SUPPRESS,
    )
    parser.set_defaults(run=_train)

    data = parser.add_argument_group("data")
    data.add_argument(
        "--data", action="append", metavar="SPEC", help=f"{DATA_HELP} (default: {DEFAULT_DATA[0]})"
    )
    data.add_argument(
        "--dem", action="append", metavar="FILE", help="an error model of one's own; repeatable"
    )
    data.add_argument(
        "--taught",
        action="append",
        metavar="FILE",
        help="taught shots (teach) for the gap phase, and their circuits, in place of --data and --dem; repeatable",
    )
    data.add_argument(
        "--shots",
        action="append",
        metavar="FILE",
        help="detection events of a device, to go on with once sampled shots are done; one file for each --dem",
    )
    data.add_argument("--obs", action="append", metavar="FILE", help="measured observable of each --shots file")
    data.add_argument("--shots-format", choices=FORMATS, help="of --shots")
    data.add_argument("--obs-format", choices=FORMATS, help="of --obs")
    data.add_argument(
        "--shots-fold", choices=tuple(FOLDS), help="the shots to learn from, by their numbers; the others may score"
    )
    data.add_argument("--held-out", type=_share, help="part of the fold that judges and is not trained on")
    data.add_argument("--seed", type=_number(int, 0, SEED_MAX), help="of weights and shots")

    form = parser.add_argument_group("network")
    form.add_argument("--width", type=int, help="channels: 16, 32, 48 or 64")
    form.add_argument("--layers", type=int, help="rounds of messages, 0 to 8")
    form.add_argument("--radius", type=int, help="of the neighbourhood, 1 to 4 sites")
    form.add_argument("--pitch", type=_integers, metavar="X,Y,T", help="coordinates of one site (default: found)")
    form.add_argument(
        "--kind-rule", type=_integers, metavar="X,Y,T", help="kind = rule . site mod kinds (default: found)"
    )
    form.add_argument(
        "--transposed",
        type=_integers,
        metavar="LIST",
        help="for each kind, 1 to exchange x and y (default: 0,1 for two kinds)",
    )
    form.add_argument("--untied", action="store_true", help="weights of its own for each kind")
    form.add_argument(
        "--init", type=Path, metavar="FILE", help="starts from a network file's or checkpoint's weights, which may be fewer"
    )

    budget = parser.add_argument_group("budget (one of them; the second phase has its share)")
    amount = budget.add_mutually_exclusive_group()
    amount.add_argument(
        "--minutes", type=_positive, help="of training; the number of steps is chosen by timing"
    )
    amount.add_argument("--sampled-shots", type=_positive, help="to train on")
    amount.add_argument(
        "--steps", type=_steps, metavar="FLIPS,GAP", help="of the two phases; a card's repeat its run"
    )
    budget.add_argument("--gap-share", type=_share, help="of the gap phase")
    passes = _number(int, 1, PASSES_MAX)
    budget.add_argument("--passes", type=passes, help="over recorded shots, at most, after these two phases")
    budget.add_argument("--patience", type=passes, help="passes without better weights that end the training")

    steps = parser.add_argument_group("optimisation")
    for name, text in (
        ("rate", "learning rate"),
        ("gap_rate", "learning rate of the gap phase"),
        ("gap_limit", "shots of smaller gap (nats) are learned from"),
        ("gap_weight", "weight of the gap's loss beside cross-entropy"),
        ("screen", "shots with a gap from so many nats on under the model's own weights have no gap loss"),
        ("screen_most", "shots sampled for each that is run forward, at most"),
        ("taught_weight", "weight of the taught shots' loss beside cross-entropy"),
        ("gap_scale", "log-likelihood ratio that a nat of gap stands for, of taught and recorded shots"),
        ("shots_rate", "learning rate on recorded shots"),
        ("shots_beside", "sampled shots beside each recorded one"),
        ("keep", "share of the shots that keep cross-entropy in the gap phase"),
        ("offset", "nats added to the weights of edges without an event"),
    ):
        steps.add_argument(_option(name), type=_positive, help=text)
    for name, text in (
        ("gap_balance", "how far circuits that rarely fail count more in the gap's loss: 1 in proportion"),
        ("quantise_from", "progress at which rounding begins"),
        ("average", "decay of the averaged weights"),
    ):
        steps.add_argument(_option(name), type=_share, help=text)
    whole = _number(int, 1, EVENTS_MAX)
    steps.add_argument("--events", type=whole, help="detection events in a step")
    steps.add_argument("--gap-events", type=whole, help="detection events in a step of the gap phase")
    steps.add_argument("--shots-events", type=whole, help="detection events in a step on recorded shots, about")

    steps.add_argument(
        "--targets",
        choices=("ratios", "labels"),
        help="of taught shots: the teacher's ratios, or for comparison whether the observable was flipped",
    )

    out = parser.add_argument_group("output")
    out.add_argument("--out", type=Path, required=True, metavar="FILE", help="the network file")
    out.add_argument(
        "--checkpoint",
        type=Path,
        default=None,
        metavar="FILE",
        help="(default: the network file's name, .checkpoint)",
    )
    out.add_argument("--checkpoint-minutes", type=_positive, default=5.0, help="between two checkpoints")
    out.add_argument(
        "--resume",
        type=Path,
        default=None,
        metavar="FILE",
        help="goes on from a checkpoint, with its options, device and number of processes",
    )
    out.add_argument(
        "--watch",
        action="append",
        metavar="SPEC",
        help="circuits to measure, as --data (default: one of those trained on)",
    )
    out.add_argument("--watch-shots", type=_number(int, 1, SHOTS_MAX), help="of each circuit watched")
    out.add_argument("--watch-every", type=_share, default=0.2, help="progress between two measurements")
    out.add_argument("--report-seconds", type=_positive, default=20.0, help="between two lines")
    out.add_argument(
        "--device", default="cpu", help="cpu (the C library's kernels), cuda, or another of PyTorch's"
    )


def _add_teach(commands) -> None:
    parser = commands.add_parser(
        "teach",
        help="makes a file of unsure shots with a teacher's log-likelihood ratios",
        formatter_class=_HelpFormatter,
        argument_default=argparse.SUPPRESS,
    )
    parser.set_defaults(run=_teach)
    parser.add_argument(
        "--data",
        action="append",
        metavar="SPEC",
        help="circuits, as in train; of one of weight=2 twice as many shots are kept",
    )
    parser.add_argument("--dem", action="append", metavar="FILE", help="an error model; repeatable")
    parser.add_argument(
        "--network",
        metavar="FILE",
        help="a network file: its gaps choose the shots, and it helps the teacher (default: none)",
    )
    parser.add_argument(
        "--teacher",
        choices=TEACHERS,
        help="sums over likely errors, or over all (much slower; for small distances)",
    )
    parser.add_argument(
        "--unsure", type=_number(float, NUMBER_MIN, GAP_MAX), help="shots of smaller gap (nats) are kept"
    )
    parser.add_argument("--seed", type=_number(int, 0, SEED_MAX), help="of the shots")
    parser.add_argument("--shots", type=_positive, default=None, help="to keep, in all")
    parser.add_argument("--minutes", type=_positive, default=None, help="to spend at most, this time")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the file of taught shots")
    parser.add_argument(
        "--resume", type=Path, default=None, metavar="FILE", help="goes on from such a file, with its options"
    )
    parser.add_argument("--save-minutes", type=_positive, default=5.0, help="between two writes of the file")
    parser.add_argument("--report-seconds", type=_positive, default=20.0, help="between two lines")


def _add_export(commands) -> None:
    parser = commands.add_parser(
        "export", help="makes a network file from a checkpoint", formatter_class=_HelpFormatter
    )
    parser.set_defaults(run=_export)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    parser.add_argument(
        "--data", action="append", metavar="SPEC", help="circuits for the card's table, as in train"
    )
    parser.add_argument("--shots", type=_number(int, 1, SHOTS_MAX), default=20000, help="of each circuit")


def _add_evaluate(commands) -> None:
    parser = commands.add_parser(
        "evaluate", help="logical error rates of a network file", formatter_class=_HelpFormatter
    )
    parser.set_defaults(run=_evaluate)
    parser.add_argument("network", type=Path)
    parser.add_argument("--data", action="append", metavar="SPEC", help=DATA_HELP)
    parser.add_argument("--dem", action="append", metavar="FILE", help="an error model; repeatable")
    parser.add_argument("--shots", type=_number(int, 1, SHOTS_MAX), default=20000, help="of each circuit")


def _train(arguments: argparse.Namespace) -> int:
    _prepare(arguments.device)
    checkpoint.check_place(arguments.out)
    output = Output(
        checkpoint=arguments.checkpoint or arguments.resume or arguments.out.with_suffix(".checkpoint"),
        checkpoint_minutes=arguments.checkpoint_minutes,
        report_seconds=arguments.report_seconds,
        watch_every=arguments.watch_every,
    )
    checkpoint.check_place(output.checkpoint)
    ranks = Ranks(arguments.device)
    try:
        trainer = _resumed(arguments, ranks) if arguments.resume else _begun(arguments, ranks)
        rows = run(trainer, output)
        if ranks.first:
            network = trainer.average.cpu()
            export(arguments.out, network, make_card(trainer.state(), network, rows))
            print(f"wrote {arguments.out}")
    finally:
        ranks.close()
    return 0


def _begun(arguments: argparse.Namespace, ranks: Ranks) -> Trainer:
    settings = Settings(**{name: value for name, value in vars(arguments).items() if name in SETTINGS})
    if not (settings.minutes or settings.sampled_shots or settings.steps):
        raise TrainingError("give --minutes, --sampled-shots or --steps")
    if settings.steps and sum(settings.steps) == 0 and not settings.shots:
        raise TrainingError("--steps 0,0 needs --shots")
    if settings.steps and 0 in settings.shares() and 0 not in settings.steps:
        raise TrainingError(f"--gap-share {settings.gap_share:g} leaves out a phase of --steps")
    _refuse_together(arguments, "taught" in arguments)
    if "gap_scale" in arguments and not (settings.taught or settings.shots):
        raise TrainingError("--gap-scale needs --taught or --shots")
    for name in RECORDED_NEEDS if settings.shots else ONLY_RECORDED:
        if (name in arguments) != bool(settings.shots):
            first, second = ("shots", name) if settings.shots else (name, "shots")
            raise TrainingError(f"{_option(first)} needs {_option(second)}")
    if not (settings.data or settings.dem or settings.taught):
        settings = dataclasses.replace(settings, data=list(DEFAULT_DATA))
    initial = Initial.read(arguments.init) if "init" in arguments else None
    earlier = initial.stages if initial else []
    return Trainer(settings, ranks, origin.describe(arguments.command, ranks, earlier), initial=initial)


def _refuse_together(arguments: argparse.Namespace, is_taught: bool) -> None:
    for name in NOT_TAUGHT if is_taught else ONLY_TAUGHT:
        if name in arguments:
            raise TrainingError(f"{_option(name)} {'is of no use with' if is_taught else 'needs'} --taught")


def _teach(arguments: argparse.Namespace) -> int:
    _prepare("cpu")
    given = {name: value for name, value in vars(arguments).items() if name in LESSON}
    if not (arguments.shots or arguments.minutes):
        raise TrainingError("give --shots or --minutes")
    checkpoint.check_place(arguments.out)
    begun = None
    if arguments.resume:
        if given:
            raise TrainingError(f"{_option(next(iter(given)))} cannot be given with --resume, which keeps it")
        begun = TaughtFile.read(arguments.resume)
        given = {name: begun.card.get(name, value) for name, value in LESSON.items()}
    lesson = Lesson(**given)
    if not (lesson.data or lesson.dem):
        raise TrainingError("give --data or --dem: the circuits to make shots of")
    budget = Budget(
        arguments.shots or math.inf,
        arguments.minutes or math.inf,
        arguments.save_minutes,
        arguments.report_seconds,
    )
    about = {"command": arguments.command, "commit": origin.commit_of(Path(origin.__file__))}
    teaching = Teaching(lesson, about, begun)
    with stop_signals() as asked:
        teach(teaching, arguments.out, budget, asked)
    return 0


def _resumed(arguments: argparse.Namespace, ranks: Ranks) -> Trainer:
    refused = [name for name in vars(arguments) if name in SETTINGS or name == "init"]
    if refused:
        raise TrainingError(f"{_option(refused[0])} cannot be given with --resume, which keeps it")
    state = checkpoint.load(arguments.resume, checkpoint.VERSION)
    with checkpoint.damage_reported(arguments.resume):
        settings = Settings(**state["settings"])
        return Trainer(settings, ranks, origin.describe(arguments.command, ranks), state)


def _export(arguments: argparse.Namespace) -> int:
    _prepare("cpu")
    state = checkpoint.load(arguments.checkpoint)
    out = arguments.out
    checkpoint.check_place(out)
    with checkpoint.damage_reported(arguments.checkpoint):
        settings = state["settings"]
        geometry = Geometry.from_dict(state["geometry"])
        network = EventNetwork(geometry, settings["width"], settings["layers"], settings["offset"])
        network.load_state_dict(state["average"])
        network.shifts = state["shifts"]
        card = make_card(state, network, [])
    if arguments.data:
        with tempfile.TemporaryDirectory(dir=out.absolute().parent, prefix=f".{out.name}.") as folder:
            unmeasured = Path(folder) / out.name
            export(unmeasured, network, card)
            rows = _measure(unmeasured, arguments)
        card = make_card(state, network, rows)
    export(out, network, card)
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
    try:
        return [int(word) for word in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of whole numbers") from None


def _steps(text: str) -> list[int]:
    steps = _integers(text)
    if len(steps) != 2 or min(steps) < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not FLIPS,GAP, the steps of each phase")
    return steps


def _number(kind: type, least: float, most: float) -> Callable[[str], float]:
    """Reads numbers of a kind and range."""

    def read(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            what = "a whole number" if kind is int else "a number"
            raise argparse.ArgumentTypeError(f"{text!r} is not {what} from {least} to {most}")
        return value

    return read


_positive = _number(float, NUMBER_MIN, NUMBER_MAX)
_share = _number(float, 0, 1)


if __name__ == "__main__":
    sys.exit(main())
