"""Runs: they repeat, resume exactly, and are the same for any number of processes."""

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import safetensors
import safetensors.numpy
import torch

from outrider_train import checkpoint, origin
from outrider_train.__main__ import main
from outrider_train.errors import TrainingError
from outrider_train.export import export, read
from outrider_train.initial import Initial
from outrider_train.network import EventNetwork
from outrider_train.ranks import Ranks
from outrider_train.settings import Settings
from outrider_train.train import GAP, TIMED_STEPS, Trainer

SMALL = {
    "data": ["stim d=3 p=0.01,0.02 basis=x,z"],
    "radius": 1,
    "layers": 1,
    "sampled_shots": 6000,
    "gap_share": 0.5,
    "events": 500,
    "gap_events": 1000,
    "quantise_from": 0.7,
}


OPTIONS = [
    *("--data", "stim d=3 p=0.01 basis=x,z", "--radius", "1", "--layers", "1", "--sampled-shots", "4000"),
    *("--events", "500", "--gap-events", "1000", "--watch-shots", "2000", "--report-seconds", "0.001"),
]


def start(state=None, **changes) -> Trainer:
    settings = Settings(**SMALL | changes)
    ranks = Ranks("cpu")
    return Trainer(settings, ranks, origin.describe("a command", ranks), state)


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
    trainer = start(sampled_shots=None, minutes=1.0)
    finish(trainer, TIMED_STEPS)
    assert not trainer.resumable
    assert trainer.progress == 0
    trainer.set_plan(0.25)
    assert trainer.plan == [120, None, 0] and trainer.resumable
    finish(trainer, 60)
    assert trainer.phase == GAP and not trainer.resumable
    finish(trainer, TIMED_STEPS)
    trainer.set_plan(0.25)
    finish(trainer)
    repeated = start(sampled_shots=None, steps=trainer.plan[:2])
    finish(repeated)
    assert same(trainer.average.state_dict(), repeated.average.state_dict())


def test_a_share_of_nothing_is_passed_over():
    assert start(gap_share=0.0).plan[GAP] == 0
    assert start(gap_share=1.0).phase == GAP
    trainer = start(gap_share=0.0, sampled_shots=600)
    finish(trainer)
    assert trainer.done and trainer.progress == 1


def test_a_checkpoint_of_other_models_is_refused():
    state = start().state()
    with pytest.raises(TrainingError, match="not those of the checkpoint"):
        start(state, radius=2)
    state["origin"]["processes"] = 2
    with pytest.raises(TrainingError, match="began with processes 2, now it is 1"):
        start(state)


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
    early = [*OPTIONS, "--out", str(tmp_path / "early.safetensors")]
    early[early.index("--sampled-shots")] = "--minutes"
    assert main(["train", *early]) == 2
    assert "stopped before the first checkpoint" in capsys.readouterr().err
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
    assert card["data"] == [OPTIONS[1]] and (card["device"], card["processes"]) == ("cpu", 1)
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
    data = ("--data", f"stim d=3 p=0.01 basis={basis}", "--shots", 2000)
    table = command("export", tmp_path / "network.checkpoint", "--out", again, *data)
    assert table == measured
    same_tensors, same_card = read(again)
    assert all((same_tensors[name] == value).all() for name, value in tensors.items())
    assert same_card.keys() == card.keys() and same_card["commit"] == card["commit"]
    assert len(same_card["logical_error_rates"]) == 1 and not list(tmp_path.glob(".*"))
    command("train", *OPTIONS, "--init", network, "--out", tmp_path / "more.safetensors")
    _, later_card = read(tmp_path / "more.safetensors")
    assert card["earlier"] == []
    assert [run["command"] for run in later_card["earlier"]] == [card["command"]]
    command("train", "--resume", tmp_path / "network.checkpoint", "--out", again)


@pytest.mark.parametrize(
    "words, problem",
    [
        (["train", "--out", "x"], "give --minutes, --sampled-shots or --steps"),
        (["train", "--sampled-shots", "1"], "required: --out"),
        (["train", "--sampled-shots", "1", "--steps", "1,1", "--out", "x"], "not allowed with"),
        (["train", "--steps", "0,0", "--out", "x"], "--steps 0,0 needs --shots"),
        (["train", "--steps", "1,-1", "--out", "x"], "'1,-1' is not FLIPS,GAP"),
        (["train", "--steps", "9,9", "--gap-share", "0", "--out", "x"], "leaves out a phase"),
        (["train", *OPTIONS, "--out", "no/folder/x"], "no/folder/x: No such file"),
        (["train", *OPTIONS, "--out", "."], ".: Is a directory"),
        (["train", *OPTIONS, "--out", "x", "--checkpoint", "no/folder/x"], "no/folder/x: No such file"),
        (["train", *OPTIONS, "--out", "x", "--watch-shots", "0"], "'0' is not a whole number from 1"),
        (["train", *OPTIONS, "--out", "x", "--seed", "-1"], "'-1' is not a whole number from 0"),
        (["train", *OPTIONS, "--out", "x", "--pitch", "2,2"], "pitch 2,2: expected three"),
        (["train", *OPTIONS, "--out", "x", "--pitch", "2,,2"], "not a list of whole numbers"),
        (["train", *OPTIONS, "--out", "x", "--kind-rule", "1,1"], "kind rule 1,1: expected three"),
        (["train", *OPTIONS, "--out", "x", "--transposed", "0,2"], "transposed 0,2: expected 0 or 1"),
        (["train", "--data", "stim d=3 p=0.01 rounds=-1", "--sampled-shots", "1", "--out", "x"], "out of range"),
        (["train", "--resume", "x", "--width", "32", "--out", "x"], "--width cannot be given"),
        (["train", "--resume", "x", "--init", "y", "--out", "x"], "--init cannot be given"),
        (["train", *OPTIONS, "--taught", "x", "--out", "x"], "--data is of no use with --taught"),
        (["train", "--taught", "x", "--screen", "9", "--sampled-shots", "1", "--out", "x"], "--screen is of no use with"),
        (["train", *OPTIONS, "--targets", "labels", "--out", "x"], "--targets needs --taught"),
        (["train", *OPTIONS, "--gap-scale", "1", "--out", "x"], "--gap-scale needs --taught"),
        (["train", "--resume", "x", "--taught", "y", "--out", "x"], "--taught cannot be given"),
        (["train", "--taught", "none", "--sampled-shots", "1", "--out", "x"], "none: No such file"),
        (["train", "--taught", __file__, "--sampled-shots", "1", "--out", "x"], "not a safetensors file"),
        (["teach", "--shots", "1", "--out", "x"], "give --data or --dem"),
        (["teach", "--data", "stim d=3 p=0.01", "--out", "x"], "give --shots or --minutes"),
        (["teach", "--data", "stim d=3 p=0.01", "--shots", "1", "--out", "no/folder/x"], "no/folder/x: No such"),
        (["teach", "--data", "stim d=3 p=0.01", "--shots", "1", "--unsure", "0", "--out", "x"], "'0' is not a number"),
        (["teach", "--data", "stim d=3 p=0.01", "--shots", "1", "--network", "none", "--out", "x"], "none: No such"),
        (["teach", "--resume", "x", "--seed", "1", "--shots", "1", "--out", "x"], "--seed cannot be given"),
        (["teach", "--resume", "none", "--shots", "1", "--out", "x"], "none: No such file"),
        (["evaluate", "none", "--data", "stim d=3 p=0.01", "--shots", "0"], "'0' is not a whole number"),
        (["export", "none", "--out", "no/folder/x"], "No such file"),
        (["train", *OPTIONS, "--out", "x", "--device", "abacus"], "--device abacus"),
        (["train", *OPTIONS, "--out", "x", "--width", "20"], "width 20"),
        (["train", *OPTIONS, "--out", "x", "--radius", "9"], "radius 9"),
        (["train", *OPTIONS, "--out", "x", "--pitch", "3,3,1"], "not on a lattice of pitch 3,3,1"),
        (["train", "--dem", "none.dem", "--sampled-shots", "1", "--out", "x"], "none.dem"),
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


def refusal(capsys, *words: object) -> str:
    assert main(list(map(str, words))) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("error: ") and errors.count("\n") == 1
    return errors


@pytest.mark.parametrize(
    "model, problem",
    [
        ("error(0.1) D0 L0\nerror(0.1) D1 L1", "no undetected error flips the observable; train it with --gap-share 0"),
    ],
)
def test_models_that_cannot_be_trained_on_are_refused_at_once(tmp_path, capsys, model, problem):
    own = tmp_path / "own.dem"
    own.write_text(f"{model}\ndetector(0,0,0) D0\ndetector(2,2,0) D1\n")
    options = ("--dem", own, "--minutes", 1e6, "--out", tmp_path / "x", "--watch-shots", 1)
    assert problem in refusal(capsys, "train", *options)


@pytest.mark.parametrize(
    "change, problem",
    [
        ({"version": None}, "version None of checkpoints"),
        ({"version": 1}, "version 1 of checkpoints; expected 4"),
        ({"settings": None}, "a damaged checkpoint"),
        ({"settings": {"colour": "red"}}, "unexpected keyword argument 'colour'"),
        ({"average": {}}, "a damaged checkpoint"),
        ({"geometry": {}}, "a damaged checkpoint: KeyError: 'lattice'"),
    ],
)
def test_odd_checkpoints_are_refused(tmp_path, capsys, change, problem):
    path = tmp_path / "odd"
    checkpoint.save(path, start().state() | change)
    out = ("--out", tmp_path / "x")
    assert problem in refusal(capsys, "train", "--resume", path, *out)
    if "version" not in change:
        assert "a damaged checkpoint" in refusal(capsys, "export", path, *out)


def test_checkpoints_of_version_1_can_be_exported(tmp_path):
    path, network = tmp_path / "old", tmp_path / "network.safetensors"
    state = start().state() | {"version": 1, "command": "an old command"}
    del state["origin"]
    checkpoint.save(path, state)
    assert main(["export", str(path), "--out", str(network)]) == 0
    assert read(network)[1]["command"] == "an old command"


def test_networks_for_other_edges_do_not_start_one(tmp_path, capsys):
    trainer = start()
    network, saved = tmp_path / "network.safetensors", tmp_path / "saved"
    export(network, trainer.average, {})
    checkpoint.save(saved, trainer.state())
    options = ("train", *OPTIONS, "--out", tmp_path / "x", "--init")
    for words in (("--kind-rule", "0,1,0"), ("--pitch", "1,1,1", "--transposed", "0,0")):
        for file in (network, saved):
            assert "made for other edges or another lattice" in refusal(capsys, *options, file, *words)


def test_a_smaller_network_starts_a_larger_one(tmp_path, make_network, batch, capsys):
    path = tmp_path / "small.safetensors"
    small = make_network(16, 2)
    export(path, small, {})
    initial = Initial.read(path)
    for width, layers in ((16, 2), (32, 2), (16, 3), (48, 4)):
        network = EventNetwork(small.geometry, width, layers, seed=7)
        initial.load_into(network)
        assert torch.allclose(network(batch), small(batch), atol=1e-4)
        network(batch).sum().backward()
        assert all(parameter.grad.any() for parameter in network.parameters())
    for width, layers in ((16, 1), (32, 1)):
        with pytest.raises(TrainingError, match="has width 16 and 2 layers, more than"):
            initial.load_into(EventNetwork(small.geometry, width, layers))


def test_weights_without_a_form_start_none(tmp_path, make_network):
    network = make_network(16, 2)
    path = tmp_path / "network.safetensors"
    export(path, network, {})
    initial = Initial.read(path)
    for name, problem in (("noise_embed", "noise_embed"), ("head_bias", "Missing key"), ("bias.1", "Missing key")):
        weights = {key: value for key, value in initial.weights.items() if key != name}
        with pytest.raises(TrainingError, match=f"has another form: .*{problem}"):
            replace(initial, weights=weights).load_into(network)


def test_a_card_that_is_not_json_is_refused(tmp_path, capsys):
    path = tmp_path / "network.safetensors"
    tensors = {"lattice": np.zeros(8, np.int32)}
    metadata = {"format": "outrider-event-network", "version": "1", "card": "{"}
    path.write_bytes(safetensors.numpy.save(tensors, metadata))
    assert "its card is not JSON" in refusal(
        capsys, "train", *OPTIONS, "--out", tmp_path / "x", "--init", path
    )


def test_the_commit_is_of_a_tree_that_has_the_file(tmp_path):
    def git(*words: str) -> None:
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a", *words], cwd=tmp_path, check=True)

    file = tmp_path / "module.py"
    file.touch()
    assert origin.commit_of(file) is None
    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "--message", "another's")
    assert origin.commit_of(file) is None
    git("add", file.name)
    git("commit", "--quiet", "--message", "with the file")
    assert re.fullmatch("[0-9a-f]{40}", origin.commit_of(file))


def test_the_help_shows_all_options(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert "--gap-share" in text and "(default: found)" in text and "torchrun" in text
