"""Runs: they repeat, resume exactly, and are the same for any number of processes."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest
import safetensors
import torch

from outrider_train import checkpoint
from outrider_train.__main__ import main
from outrider_train.errors import TrainingError
from outrider_train.export import read
from outrider_train.ranks import Ranks
from outrider_train.settings import Settings
from outrider_train.train import GAP, TIMED_STEPS, Trainer

SMALL = {
    "data": ["stim d=3 p=0.01,0.02 basis=x,z"],
    "radius": 1,
    "layers": 1,
    "shots": 6000,
    "gap_share": 0.5,
    "events": 500,
    "gap_events": 1000,
    "quantise_from": 0.7,
}


OPTIONS = [
    *("--data", "stim d=3 p=0.01 basis=x,z", "--radius", "1", "--layers", "1", "--shots", "4000"),
    *("--events", "500", "--gap-events", "1000", "--watch-shots", "2000", "--report-seconds", "0.001"),
]


def start(state=None, **changes) -> Trainer:
    settings = Settings(**SMALL | changes)
    return Trainer(settings, Ranks("cpu"), "a command", state)


def finish(trainer: Trainer, steps: int = 10**9) -> list[float]:
    losses = []
    while not trainer.done and len(losses) < steps:
        losses.append(trainer.advance()[0])
    return losses


def same(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_a_run_repeats():
    first, second, other = start(), start(), start(seed=1)
    losses = finish(first)
    assert losses == finish(second)
    assert same(first.average.state_dict(), second.average.state_dict())
    assert losses != finish(other)
    assert abs(first.shots - 6000) < 600 and first.network.shifts


@pytest.mark.parametrize("at", [0.2, 0.72, 0.9], ids=["flips", "gap", "rounded"])
def test_a_resumed_run_is_the_same(tmp_path, at):
    whole = start()
    total = sum(whole.plan)
    losses = finish(whole)
    interrupted = start()
    stop = int(at * total)
    before = finish(interrupted, stop)
    checkpoint.save(tmp_path / "run", interrupted.state())
    resumed = start(checkpoint.load(tmp_path / "run"))
    assert (resumed.network.shifts is not None) == (at == 0.9)
    assert (resumed.phase == GAP) == (at > 0.7)
    assert before + finish(resumed) == losses
    for name in ("network", "average"):
        assert same(whole.state()[name], resumed.state()[name])


def test_minutes_choose_the_steps_once():
    trainer = start(shots=None, minutes=1.0)
    finish(trainer, TIMED_STEPS)
    assert not trainer.resumable
    assert trainer.progress == 0
    trainer.set_plan(0.25)
    assert trainer.plan == [120, None] and trainer.resumable
    finish(trainer, 60)
    assert trainer.phase == GAP and not trainer.resumable


def test_a_share_of_nothing_is_passed_over():
    assert start(gap_share=0.0).plan[GAP] == 0
    assert start(gap_share=1.0).phase == GAP
    trainer = start(gap_share=0.0, shots=600)
    finish(trainer)
    assert trainer.done and trainer.progress == 1


def test_a_checkpoint_of_other_models_is_refused():
    state = start().state()
    with pytest.raises(TrainingError, match="not those of the checkpoint"):
        start(state, radius=2)


def test_a_signal_ends_a_run_that_can_go_on(tmp_path, monkeypatch, capsys):
    whole, stopped = tmp_path / "whole.safetensors", tmp_path / "stopped.safetensors"
    assert main(["train", *OPTIONS, "--out", str(whole)]) == 0
    advance = Trainer.advance

    def interrupted(trainer):
        if trainer.step == 5:
            signal.raise_signal(signal.SIGTERM)
        return advance(trainer)

    monkeypatch.setattr(Trainer, "advance", interrupted)
    assert main(["train", *OPTIONS, "--out", str(stopped)]) == 2
    assert "goes on from the last checkpoint" in capsys.readouterr().err and not stopped.exists()
    monkeypatch.undo()
    assert main(["train", "--resume", str(stopped.with_suffix(".checkpoint")), "--out", str(stopped)]) == 0
    expected = read(whole)[0]
    assert all((value == expected[name]).all() for name, value in read(stopped)[0].items())


def test_good_checkpoints_survive_bad_ones(tmp_path):
    path = tmp_path / "run"
    trainer = start()
    checkpoint.save(path, trainer.state())
    good = path.read_bytes()
    with pytest.raises(AttributeError):
        checkpoint.save(path, {"cannot be written": lambda: None})
    assert path.read_bytes() == good
    assert os.listdir(tmp_path) == ["run"]
    for length in (0, 10, len(good) // 2, len(good) - 1):
        path.write_bytes(good[:length])
        with pytest.raises(TrainingError, match="truncated, or not a checkpoint"):
            checkpoint.load(path)
    torch.save({"something": "else"}, path)
    with pytest.raises(TrainingError, match="not a checkpoint of outrider_train"):
        checkpoint.load(path)
    with pytest.raises(TrainingError, match="No such file"):
        checkpoint.load(tmp_path / "none")
    with pytest.raises(TrainingError, match="No such file"):
        checkpoint.save(tmp_path / "no" / "folder", trainer.state())


def test_processes_share_the_work(tmp_path, capsys):
    main(["train", *OPTIONS, "--out", str(tmp_path / "one.safetensors")])
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", "-m"]
    several = subprocess.run(
        [*launcher, "outrider_train", "train", *OPTIONS, "--out", tmp_path / "two.safetensors"],
        capture_output=True,
        text=True,
    )
    assert several.returncode == 0, several.stderr
    losses = [
        [float(loss) for loss in re.findall(r" loss ([0-9.]+)", text)]
        for text in (capsys.readouterr().out, several.stdout)
    ]
    assert len(losses[0]) > 10
    # One line a step; sums of floats in another order differ in the last digits.
    assert losses[0] == pytest.approx(losses[1], abs=2e-3)


def test_the_program_from_training_to_evaluation(tmp_path, capsys):
    def command(*words: object) -> str:
        assert main(list(map(str, words))) == 0
        return capsys.readouterr().out

    network = tmp_path / "network.safetensors"
    text = command("train", *OPTIONS, "--out", network)
    assert "whole numbers" in text and "wrote" in text
    tensors, card = read(network)
    assert abs(card["shots"] - 4000) < 400 and card["command"].startswith("python -m outrider_train train")
    assert card["reach"] == {"x": 8, "y": 8, "rounds": 3}
    (row,) = card["logical_error_rates"]
    assert row["shots"] == 2000 and row["plain"] > 0
    assert tensors["embed"].dtype == "int16" and tensors["float.embed"].dtype == "float32"
    with safetensors.safe_open(network, "np") as file:
        assert json.loads(file.metadata()["card"]) == card

    basis = row["circuit"][-1]
    measured = command("evaluate", network, "--data", f"stim d=3 p=0.01 basis={basis}", "--shots", 2000)
    assert f" {row['plain']} " in measured
    again = tmp_path / "again.safetensors"
    command("export", tmp_path / "network.checkpoint", "--out", again)
    assert all((read(again)[0][name] == value).all() for name, value in tensors.items())
    command("train", *OPTIONS, "--init", network, "--out", tmp_path / "more.safetensors")
    command("train", "--resume", tmp_path / "network.checkpoint", "--out", again)


@pytest.mark.parametrize(
    "words, problem",
    [
        (["train", "--out", "x"], "give --minutes or --shots"),
        (["train", "--shots", "1"], "give --out"),
        (["train", *OPTIONS, "--out", "x", "--device", "abacus"], "--device abacus"),
        (["train", *OPTIONS, "--out", "x", "--width", "20"], "width 20"),
        (["train", *OPTIONS, "--out", "x", "--radius", "9"], "radius 9"),
        (["train", *OPTIONS, "--out", "x", "--pitch", "3,3,1"], "not on a lattice of pitch 3,3,1"),
        (["train", "--dem", "none.dem", "--shots", "1", "--out", "x"], "none.dem"),
        (["train", "--resume", "none", "--out", "x"], "none: No such file"),
        (["evaluate", "none", "--data", "stim d=3 p=0.01"], "none"),
        (["evaluate", __file__, "--data", "stim d=3 p=0.01"], "test_training.py"),
        (["train", *OPTIONS, "--out", "x", "--init", __file__], "truncated, or not a checkpoint"),
        (["train", *OPTIONS, "--out", "x", "--init", "no.safetensors"], "no.safetensors"),
    ],
)
def test_bad_input_is_one_line(words, problem, capsys):
    assert main(words) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("error: ") and problem in errors
    assert errors.count("\n") == 1
