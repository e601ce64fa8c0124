"""The program by Python, against pymatching's."""

import os
import pathlib
import sys

import pymatching
import pytest

import outrider
from outrider import _cli

MODEL = "error(0.1) D0 L0\nerror(0.2) D0 D1 L2\nerror(0.3) D1 D2 L1\nerror(0.25) D2\n"
SHOTS = "shot\nshot D0\nshot D0 D1\nshot D1 D2\nshot D2 L1\n"


@pytest.fixture
def program(monkeypatch, tmp_path):
    """The program on the path, and nothing beside Python's other programs."""
    program = os.environ.get("OUTRIDER_PROGRAM")
    if not program:
        pytest.skip("OUTRIDER_PROGRAM does not name the program")
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "outrider").symlink_to(program)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(_cli.sysconfig, "get_path", lambda name: str(tmp_path / "none"))


@pytest.fixture
def arguments(tmp_path):
    """A command of pymatching's, but for the file that it writes."""
    (tmp_path / "model.dem").write_text(MODEL)
    (tmp_path / "shots.dets").write_text(SHOTS)
    files = ["--dem", tmp_path / "model.dem", "--in", tmp_path / "shots.dets", "--in_format", "dets"]
    appended = ["--in_includes_appended_observables", "--out_format", "dets"]
    return ["predict", *map(str, files), *appended, "--out"]


def test_predictions_are_those_of_pymatching(program, arguments, tmp_path):
    theirs, ours = tmp_path / "theirs.dets", tmp_path / "ours.dets"
    pymatching.cli(command_line_args=[*arguments, str(theirs)])
    assert outrider.cli(command_line_args=[*arguments, ours]) == 0
    assert ours.read_text() == theirs.read_text()


def test_arguments_of_the_process(program, arguments, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["outrider", *arguments, str(tmp_path / "out.dets")])
    assert _cli.cli_argv() == 0
    assert (tmp_path / "out.dets").read_text().startswith("shot\n")


def test_bad_arguments_give_another_exit_status(program):
    assert outrider.cli(command_line_args=["predict", pathlib.Path("none")]) != 0


def test_a_missing_program_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(_cli.sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(FileNotFoundError, match="the program outrider is not beside Python's other programs"):
        outrider.cli(command_line_args=[])
