"""A tiny network, trained for less than a minute, against plain matching and against the C library."""

import pytest

from outrider_train.__main__ import main
from outrider_train.circuits import build, parse
from outrider_train.evaluate import FixedShots
from outrider_train.export import read

DATA = "stim d=5 p=0.008 basis=x"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    path = tmp_path_factory.mktemp("tiny") / "tiny.safetensors"
    command = ["train", "--data", DATA, "--layers", "1", "--radius", "2"]
    command += ["--sampled-shots", "400000", "--gap-share", "0.3", "--watch-shots", "40000", "--watch-every", "1"]
    assert main([*command, "--out", str(path)]) == 0
    return path


def test_it_beats_plain_matching(trained):
    _, card = read(trained)
    (row,) = card["logical_error_rates"]
    plain, network = row["plain"], row["network"]
    # Three standard deviations, as if the two failed independently.
    assert network + 3 * (plain + network) ** 0.5 < plain


def test_the_c_library_decodes_alike(trained):
    _, card = read(trained)
    (row,) = card["logical_error_rates"]
    shots = FixedShots(build(parse(DATA)[0]), row["shots"])
    measured = shots.measure_file(trained)
    # Log-odds are rounded to whole units of weight at another place, so that ties may fall otherwise.
    assert abs(measured.network - row["network"]) < 0.01 * row["network"]
    assert (measured.plain, measured.correlated) == (row["plain"], row["correlated"])
