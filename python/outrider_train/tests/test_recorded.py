"""Recorded shots: only the fold is learned from, the shots held out judge, runs resume exactly."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import outrider
import pytest
import torch

from outrider_train import checkpoint
from outrider_train.__main__ import main
from outrider_train.circuits import Circuit, ShotStream, build, parse
from outrider_train.errors import TrainingError
from outrider_train.export import read
from outrider_train.objective import judge
from outrider_train.recorded import RecordedFile, read_recorded
from outrider_train.train import RECORDED, Trainer
from test_training import finish, refusal, same, start

DATA = "stim d=3 p=0.02 basis=x"
COUNT = 3001
SHORT = {"data": [DATA], "sampled_shots": None, "steps": [3, 6], "shots_events": 500, "passes": 4}


@pytest.fixture(scope="module")
def small() -> Circuit:
    return build(parse(DATA)[0])


def write(folder: Path, detectors: np.ndarray, flipped: np.ndarray, name: str = "dets") -> tuple[str, str]:
    shots, obs = folder / f"{name}.b8", folder / f"{name}.01"
    shots.write_bytes(detectors.tobytes())
    obs.write_text("".join(f"{bit}\n" for bit in flipped))
    return str(shots), str(obs)


@pytest.fixture(scope="module")
def shots(small):
    rows = ShotStream(small, 77).read(0, COUNT)
    return rows.detectors, rows.observables[:, 0] & 1


@pytest.fixture(scope="module")
def paths(tmp_path_factory, shots):
    return write(tmp_path_factory.mktemp("recorded"), *shots)


def recorded(paths: tuple[str, str], fold: str = "even", **changes) -> dict:
    return SHORT | {"shots": [paths[0]], "obs": [paths[1]], "shots_fold": fold} | changes


def rows_of(file: RecordedFile) -> list[tuple[bytes, int]]:
    whole = file.read(0, len(file))
    parts = [(part.detectors, part.observables) for part in (whole, file.held_out)]
    return [
        (row.tobytes(), int(bit))
        for detectors, bits in parts
        for row, bit in zip(detectors, bits[:, 0], strict=True)
    ]


@pytest.mark.parametrize("fold, own", [("even", slice(0, None, 2)), ("odd", slice(1, None, 2)), ("all", slice(None))])
def test_only_the_fold_is_read_and_a_part_is_held_out(small, paths, shots, fold, own):
    (file,) = read_recorded([small], [paths[0]], [paths[1]], ("b8", "01"), fold, 0.25, 3)
    detectors, flipped = (array[own] for array in shots)
    expected = [(row.tobytes(), int(bit)) for row, bit in zip(detectors, flipped, strict=True)]
    assert sorted(rows_of(file)) == sorted(expected)
    assert len(file.held_out) == round(len(expected) / 4) == len(expected) - len(file)
    turns = file.read(len(file) - 5, 10)
    assert np.array_equal(turns.detectors[:5], file.read(len(file) - 5, 5).detectors)
    assert not np.array_equal(file.read(0, len(file)).detectors, file.read(len(file), len(file)).detectors)
    assert not file.read(0, 9).edges.any()


def test_the_other_folds_shots_change_nothing(tmp_path, paths, shots):
    detectors, flipped = (array.copy() for array in shots)
    detectors[1::2], flipped[1::2] = detectors[1::2][::-1] ^ 1, 1 - flipped[1::2]
    others = write(tmp_path, detectors, flipped)
    trainers = [start(**recorded(path)) for path in (paths, others)]
    assert finish(trainers[0]) == finish(trainers[1])
    assert same(trainers[0].average.state_dict(), trainers[1].average.state_dict())
    assert trainers[0].best == trainers[1].best
    # But its own shots do.
    odd = start(**recorded(others, "odd"))
    finish(odd)
    assert odd.verdict != trainers[0].verdict


def test_recorded_shots_are_learned_from(monkeypatch, paths):
    seen = []
    read_rows = RecordedFile.read
    monkeypatch.setattr(
        RecordedFile, "read", lambda file, *span: (seen.append(span), read_rows(file, *span))[1]
    )
    trainer = start(**recorded(paths))
    finish(trainer, 9)
    assert trainer.phase == RECORDED and not seen and trainer.verdict is None
    before = trainer.average.state_dict()["head_bias"].clone()
    trainer.advance()
    assert trainer.verdict.passes == 0 and seen and not torch.equal(before, trainer.average.state_dict()["head_bias"])
    finish(trainer)
    total = sum(count for _, count in seen)
    assert len(seen) == trainer.plan[RECORDED] and total >= 4 * len(trainer.recorded[0])
    assert [first for first, _ in seen] == [sum(count for _, count in seen[:i]) for i in range(len(seen))]


def held_out_loss(trainer: Trainer) -> float:
    held, settings = trainer.recorded[0].held_out, trainer.settings
    batch = trainer._makers[0].make(held, labels=False)
    limit = settings.gap_limit / settings.gap_scale
    return judge(trainer.average, batch, held.observables, limit, settings.gap_scale)[0] / len(held)


def test_the_best_weights_are_kept(paths):
    trainer = start(**recorded(paths, shots_rate=20.0, patience=2))
    finish(trainer)
    # So large a rate only spoils the weights; the last ones before are kept.
    assert trainer.best.passes == 0 and trainer.verdict.passes == 2
    assert trainer.verdict.loss > trainer.best.loss == pytest.approx(held_out_loss(trainer), rel=1e-5)
    good = start(**recorded(paths, passes=1, patience=1))
    finish(good)
    assert good.best.loss == pytest.approx(held_out_loss(good), rel=1e-5)


def test_a_resumed_run_is_the_same(tmp_path, paths):
    whole = start(**recorded(paths))
    losses = finish(whole)
    for steps in (5, 9, 14, len(losses) - 1, len(losses)):
        interrupted = start(**recorded(paths))
        before = finish(interrupted, steps)
        checkpoint.save(tmp_path / "run", interrupted.state())
        resumed = start(checkpoint.load(tmp_path / "run"), **recorded(paths))
        assert before + finish(resumed) == losses
        assert same(whole.average.state_dict(), resumed.average.state_dict()) and resumed.best == whole.best


def test_other_recorded_shots_do_not_go_on_with_a_run(tmp_path, paths, shots):
    state = start(**recorded(paths)).state()
    other = write(tmp_path, shots[0], 1 - shots[1])
    with pytest.raises(TrainingError, match="dets.01 has changed since the run began"):
        start(state, **recorded(other))


def test_several_models_have_shots_each(tmp_path, paths, small):
    larger = build(parse(f"{DATA} rounds=4")[0])
    rows = ShotStream(larger, 5).read(0, 400)
    more = write(tmp_path, rows.detectors, rows.observables[:, 0] & 1, "more")
    files = {"shots": [paths[0], more[0]], "obs": [paths[1], more[1]]}
    trainer = start(**recorded(paths, data=[DATA, f"{DATA} rounds=4"]) | files)
    finish(trainer)
    assert trainer.held_out == round(0.2 * 1501) + 40
    assert all(cursor > 0 for cursor in trainer.recorded_cursors)
    with pytest.raises(TrainingError, match="1 files of --shots and 2 models"):
        start(**recorded(paths, data=[DATA, f"{DATA} rounds=4"]))
    with pytest.raises(TrainingError, match="2 files of --shots and 1 of --obs"):
        start(**recorded(paths) | {"shots": files["shots"]})


def test_the_program_from_recorded_shots_to_a_card(tmp_path, paths, small, shots):
    network = tmp_path / "network.safetensors"
    form = ["--data", DATA, "--radius", "1", "--layers", "1", "--watch-shots", "50", "--steps", "2,2"]
    words = ["train", *form, "--shots", paths[0], "--obs", paths[1], "--shots-fold", "odd"]
    assert main([*words, "--passes", "2", "--out", str(network)]) == 0
    card = read(network)[1]
    (source,) = card["recorded"]
    assert source["fold"] == "odd" and (source["trained"], source["held_out"]) == (1200, 300)
    assert source["shots"] == {"file": paths[0], "sha256": hashlib.sha256(Path(paths[0]).read_bytes()).hexdigest()}
    assert card["best"]["passes"] <= 2 and card["steps"] == {"flips": 2, "gap": 2}
    predecoder = outrider.Predecoder.from_file(network, small.model, small.graph)
    decoder = outrider.Decoder(small.graph, predecoder=predecoder)
    wrong = decoder.decode_batch(shots[0][::2], bit_packed_shots=True)[:, 0] != shots[1][::2]
    assert wrong.mean() < 0.2

    later = tmp_path / "later.safetensors"
    assert main([*words, "--steps", "0,0", "--init", str(network), "--out", str(later)]) == 0
    (stage,) = read(later)[1]["earlier"]
    assert stage["recorded"] == [source]


def _torn(folder: Path, name: str, data: bytes) -> str:
    (folder / name).write_bytes(data)
    return str(folder / name)


BAD: dict[str, tuple[Callable[[Path, str, str], list[str]], str]] = {
    "shots of another width": (
        lambda folder, shots, obs: ["--shots", shots, "--obs", obs, "--shots-format", "01", "--shots-fold", "even"],
        "dets.b8: shot 1, column 1: expected 0 or 1",
    ),
    "observables of another length": (
        lambda folder, shots, obs: [
            *("--shots", shots, "--obs", _torn(folder, "short.01", b"0\n1\n"), "--shots-fold", "even")
        ],
        f"dets.b8: {COUNT} shots, and ",
    ),
    "a torn file": (
        lambda folder, shots, obs: [
            *("--shots", _torn(folder, "torn.b8", Path(shots).read_bytes()[:-1]), "--obs", obs, "--shots-fold", "even")
        ],
        f"torn.b8: shot {COUNT}: ",
    ),
    "an empty fold": (
        lambda folder, shots, obs: [
            *("--shots", _torn(folder, "one.b8", Path(shots).read_bytes()[:3])),
            *("--obs", _torn(folder, "one.01", b"0\n"), "--shots-fold", "odd"),
        ],
        "0 shots in fold odd, 0 of them held out; training needs some of each",
    ),
    "nothing held out": (
        lambda folder, shots, obs: ["--shots", shots, "--obs", obs, "--shots-fold", "odd", "--held-out", "0"],
        "1500 shots in fold odd, 0 of them held out",
    ),
    "no fold": (lambda folder, shots, obs: ["--shots", shots, "--obs", obs], "--shots needs --shots-fold"),
    "no observables": (lambda folder, shots, obs: ["--shots", shots, "--shots-fold", "odd"], "--shots needs --obs"),
    "observables alone": (lambda folder, shots, obs: ["--obs", obs], "--obs needs --shots"),
    "a fold alone": (lambda folder, shots, obs: ["--shots-fold", "even"], "--shots-fold needs --shots"),
    "no file": (
        lambda folder, shots, obs: ["--shots", "none.b8", "--obs", obs, "--shots-fold", "even"],
        "none.b8: cannot open",
    ),
    "another format": (
        lambda folder, shots, obs: ["--shots", shots, "--obs", obs, "--shots-format", "b9", "--shots-fold", "odd"],
        "invalid choice: 'b9'",
    ),
}


@pytest.mark.parametrize("words, problem", BAD.values(), ids=BAD)
def test_bad_recorded_shots_are_one_line_and_leave_nothing(tmp_path, paths, capsys, words, problem):
    out = tmp_path / "out"
    out.mkdir()
    form = ["--data", DATA, "--radius", "1", "--layers", "1", "--steps", "2,2", "--out", out / "x.safetensors"]
    assert problem in refusal(capsys, "train", *form, *words(tmp_path, *paths))
    assert not list(out.iterdir())


def test_models_of_two_observables_have_no_recorded_shots(small, paths):
    text = "error(0.1) D0 L0\nerror(0.1) D0 D1\nerror(0.1) D1 L1\ndetector(0,0,0) D0\ndetector(2,2,0) D1"
    two = Circuit("two", outrider.Model(text))
    with pytest.raises(TrainingError, match="two: 2 observables; recorded shots have one"):
        RecordedFile(two, paths, ("b8", "01"), "all", 0.2, 1)
