"""Taught shots: they are made alike in one run or several, and training on them repeats and resumes exactly."""

from dataclasses import replace

import numpy as np
import outrider
import pytest
import torch

from outrider_train import checkpoint, teach
from outrider_train.__main__ import main
from outrider_train.circuits import ShotStream, derive_seed
from outrider_train.errors import TrainingError
from outrider_train.export import export, read
from outrider_train.objective import taught_losses
from outrider_train.taught import ARRAYS, Rows, TaughtFile, TaughtShots
from outrider_train.teach import BLOCK_SHOTS, Lesson, Teacher, Teaching
from test_training import finish, same, start

LESSON = Lesson(data=["stim d=3 p=0.01,0.02 basis=x"], seed=3)
ORIGIN = {"command": "a command", "commit": None}
TAUGHT = {"data": [], "sampled_shots": None, "steps": [4, 20]}


def equal(a: Rows, b: Rows) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ARRAYS)


def advance(teaching: Teaching, blocks: int) -> Teaching:
    for _ in range(blocks):
        teaching.advance()
    return teaching


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    path = tmp_path_factory.mktemp("taught") / "some.taught"
    advance(Teaching(LESSON, ORIGIN), 4).file().write(path)
    return path


def test_going_on_gives_what_one_run_gives(taught, tmp_path):
    whole = advance(Teaching(LESSON, ORIGIN), 7).file()
    resumed = advance(Teaching(LESSON, ORIGIN, TaughtFile.read(taught)), 3)
    resumed.file().write(tmp_path / "more")
    more = TaughtFile.read(tmp_path / "more")
    assert all(equal(a, b) for a, b in zip(whole.rows, more.rows, strict=True))
    assert whole.card["sampled"] == more.card["sampled"] and sum(more.card["sampled"]) == 7 * BLOCK_SHOTS
    assert abs(resumed.kept[0] - resumed.kept[1]) <= BLOCK_SHOTS
    with pytest.raises(TrainingError, match="not those of the file"):
        Teaching(replace(LESSON, data=["stim d=3 p=0.01 basis=x"]), ORIGIN, more)


def test_only_unsure_shots_are_kept_and_ratios_are_the_teachers(circuit):
    teacher = Teacher(circuit, Lesson(unsure=3.0, seed=5))
    rows = teacher.rows(BLOCK_SHOTS)
    shots = ShotStream(circuit, derive_seed("taught shots", 5, circuit.name)).read(BLOCK_SHOTS, BLOCK_SHOTS)
    options = {"sure_gap": 3.0, "sure_mean": 1e9, "gap_slope": 1, "sum_slope": 1}
    decoder = outrider.Likelihood(circuit.model, **options)
    _, ratios = decoder.decode_batch(shots.detectors, bit_packed_shots=True, return_ratios=True)
    kept = np.flatnonzero((shots.detectors[:, None] == rows.detectors).all(axis=2).any(axis=1))
    assert 0.02 * BLOCK_SHOTS < len(rows) < 0.5 * BLOCK_SHOTS and len(kept) == len(rows)
    assert np.array_equal(rows.ratios, ratios[kept, 0].astype(np.float32))
    assert np.array_equal(rows.flipped, shots.observables[kept, 0])

    exact = Teacher(circuit, Lesson(teacher="trellis", unsure=3.0, seed=5)).rows(BLOCK_SHOTS)
    decoder = outrider.Trellis(circuit.model)
    _, ratios = decoder.decode_batch(rows.detectors, bit_packed_shots=True, return_ratios=True)
    assert np.array_equal(exact.ratios, ratios[:, 0].astype(np.float32))
    assert np.array_equal(exact.detectors, rows.detectors)


def test_targets_are_probabilities_of_no_flip():
    rows = Rows(np.zeros((3, 1), np.uint8), np.array([0, 1, 1], np.uint8), np.array([0, -800, 800], np.float32))
    assert rows.targets("ratios").tolist() == [0.5, 0, 1]
    assert rows.targets("labels").tolist() == [1, 0, 0]


def test_the_taught_loss_has_the_right_value_and_gradient(circuit, batch, make_network):
    rows = Teacher(circuit, LESSON).rows(0)[:40]
    targets, scale = rows.targets("ratios"), 0.4
    kept = ShotStream(circuit, 1).read(0, 8)
    network = make_network()
    losses = taught_losses(network, batch.maker, rows, kept, targets, 9.0, scale)
    parts = [
        taught_losses(network, batch.maker, rows[part], kept[own], targets[part], 9.0, scale)
        for part, own in ((slice(0, 15), slice(0, 3)), (slice(15, 40), slice(3, 8)))
    ]
    for whole, values in zip(losses, zip(*parts, strict=True), strict=True):
        torch.testing.assert_close(whole, sum(values))

    moved = batch.maker.make(replace(kept[:0], detectors=rows.detectors, edges=None), labels=False)
    values = network(moved).detach().requires_grad_()
    loss, _ = taught_losses(lambda _: values, batch.maker, rows, kept[:0], targets, 9.0, scale)

    def expected(log_odds: np.ndarray) -> float:
        gaps, *_ = moved.gaps(log_odds, 9.0)
        gaps, target = (scale * gaps[abs(gaps) < 9], targets[abs(gaps) < 9].astype(float))
        cross = np.logaddexp(0, gaps) - target * gaps
        inner = target[(target > 0) & (target < 1)]
        return cross.sum() + (inner * np.log(inner) + (1 - inner) * np.log(1 - inner)).sum()

    batch.maker.current = moved
    before = expected(values.detach().numpy())
    assert abs(loss.item() - before) < 1e-3 * before
    loss.backward()
    gradient = values.grad.numpy()
    for place in np.flatnonzero(gradient)[::29]:
        changed = values.detach().numpy().copy()
        changed[place] += 0.01
        assert abs(expected(changed) - before - 0.01 * gradient[place]) < 1e-3


def test_every_shot_comes_up_once_a_turn(taught, tmp_path):
    file, heavy = TaughtFile.read(taught), tmp_path / "heavy.taught"
    replace(file, recipes=[replace(recipe, weight=2.0) for recipe in file.recipes]).write(heavy)
    shots = TaughtShots([str(taught), str(heavy)], seed=1)
    assert len(shots.rows) == 2 and len(shots.described) == 2
    assert len(shots.rows[0]) == 2 * len(file.rows[0])
    total = len(shots.rows[0])
    whole = shots.read(0, 0, 2 * total)
    turns = [np.sort(whole.ratios[:total]), np.sort(whole.ratios[total:])]
    assert np.array_equal(*turns) and np.array_equal(turns[0], np.sort(shots.rows[0].ratios))
    assert equal(shots.read(0, total - 5, 10), whole[total - 5 : total + 5])
    assert not np.array_equal(whole.ratios[:total], whole.ratios[total:])


@pytest.mark.parametrize("targets", ["ratios", "labels"])
def test_training_on_taught_shots_resumes_exactly(taught, tmp_path, targets):
    changes = TAUGHT | {"taught": [str(taught)], "targets": targets}
    whole = start(**changes)
    losses = finish(whole)
    interrupted = start(**changes)
    before = finish(interrupted, 14)
    checkpoint.save(tmp_path / "run", interrupted.state())
    resumed = start(checkpoint.load(tmp_path / "run"), **changes)
    assert before + finish(resumed) == losses
    assert all(same(whole.state()[name], resumed.state()[name]) for name in ("network", "average"))


def test_other_taught_shots_do_not_go_on_with_a_run(taught, tmp_path):
    other = tmp_path / "other.taught"
    advance(Teaching(replace(LESSON, seed=4), ORIGIN), 4).file().write(other)
    state = start(**TAUGHT, taught=[str(taught)]).state()
    with pytest.raises(TrainingError, match="has changed since the run began"):
        start(state, **TAUGHT, taught=[str(other)])


def test_the_program_from_teaching_to_a_card(tmp_path, capsys, make_network, geometry):
    network, made, trained = (tmp_path / name for name in ("network.safetensors", "a.taught", "b.safetensors"))
    export(network, make_network(), {})
    options = ["--data", "stim d=5 rounds=4 p=0.01 basis=x", "--network", str(network), "--unsure", "4"]
    assert main(["teach", *options, "--shots", "100", "--out", str(made)]) == 0
    assert "shots taught of" in capsys.readouterr().out
    shots = len(TaughtFile.read(made).rows[0])
    assert main(["teach", "--resume", str(made), "--shots", str(shots + 1), "--out", str(made)]) == 0
    file = TaughtFile.read(made)
    assert len(file.rows[0]) > shots >= 100 and file.card["network"] == str(network)
    form = ["--radius", "2", "--layers", "2", "--steps", "0,4", "--watch-shots", "50"]
    words = ["train", "--taught", str(made), *form, "--out", str(trained)]
    if geometry.lattice.set_count > 1:
        words.append("--untied")
    assert main([*words, "--init", str(network)]) == 0
    _, card = read(trained)
    (source,) = card["taught"]
    assert source["sha256"] == file.digest and source["shots"] == len(file.rows[0])
    network.write_bytes(b"another")
    assert main(["teach", "--resume", str(made), "--shots", "9999", "--out", str(made)]) == 2
    assert "not the network that the file was begun with" in capsys.readouterr().err


def test_damaged_files_of_taught_shots_are_refused(taught, tmp_path):
    file, path = TaughtFile.read(taught), tmp_path / "odd.taught"
    rows = file.rows[0]
    for change, problem in (
        ({"ratios": rows.ratios[1:]}, "other types or sizes"),
        ({"ratios": rows.ratios.astype(np.float64)}, "other types or sizes"),
        ({"ratios": np.full_like(rows.ratios, np.nan)}, "other types or sizes"),
        ({"detectors": rows.detectors[:, :1]}, "of another model"),
    ):
        replace(file, rows=[replace(rows, **change), file.rows[1]]).write(path)
        with pytest.raises(TrainingError, match=problem):
            start(**TAUGHT, taught=[str(path)])
    file = replace(file, card={name: value for name, value in file.card.items() if name != "unsure"})
    file.write(path)
    with pytest.raises(TrainingError, match="damaged: KeyError: 'unsure'"):
        TaughtFile.read(path)


def test_circuits_that_cannot_be_taught(circuit):
    text = "error(0.1) D0 L0\nerror(0.1) D0 D1\nerror(0.1) D1 L1\ndetector(0,0,0) D0\ndetector(2,2,0) D1"
    two = type(circuit)("two", outrider.Model(text))
    with pytest.raises(TrainingError, match="two: 2 observables; taught shots have one"):
        Teacher(two, Lesson())


def test_a_circuit_without_unsure_shots_is_given_up(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(teach, "SURE_SHOTS_MAX", 2 * BLOCK_SHOTS)
    out = ["--shots", "1", "--out", str(tmp_path / "x")]
    assert main(["teach", "--data", "stim d=5 p=0.0001", *out]) == 2
    assert f"d=5 r=5 p=0.0001 z: none of {2 * BLOCK_SHOTS} shots is unsure" in capsys.readouterr().err
