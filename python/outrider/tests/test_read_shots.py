"""Files of shots."""

import numpy as np
import pytest

import outrider

ROWS = np.array([[0b10000001, 0b01], [0, 0b10], [0, 0]], np.uint8)
FILES = {
    "01": b"1000000110\n0000000001\n0000000000\n",
    "b8": ROWS.tobytes(),
    "r8": b"\x00\x06\x00\x01\x09\x00\x0a",
    "hits": b"0,7,8\n9\n\n",
    "dets": b"shot D0 D7 L0\nshot L1\nshot\n",
}


@pytest.mark.parametrize("format", FILES)
def test_every_format_gives_the_same_rows(tmp_path, format):
    path = tmp_path / "shots"
    path.write_bytes(FILES[format])
    rows = outrider.read_shots(path, format, num_detectors=8, num_observables=2)
    assert rows.dtype == np.uint8 and np.array_equal(rows, ROWS)


def test_what_was_sampled_is_read(tmp_path):
    model = outrider.SurfaceCode(3, 3, 0.01).model()
    detectors, _ = outrider.Sampler(model, seed=1).sample(100, bit_packed=True)
    (tmp_path / "dets.b8").write_bytes(detectors.tobytes())
    assert np.array_equal(outrider.read_shots(tmp_path / "dets.b8", num_detectors=24), detectors)


def test_bad_files_are_one_line(tmp_path):
    path = tmp_path / "shots"
    path.write_bytes(ROWS.tobytes()[:-1])
    for options, problem in (
        ({"num_detectors": 10}, "shots: shot 3"),
        ({"num_detectors": 9}, "shots: shot 2"),
        ({"num_detectors": 10, "format": "01"}, "shots: shot 1, column 1: expected 0 or 1"),
        ({"num_detectors": 10, "format": "b9"}, "b9"),
        ({}, "shots of no bits"),
    ):
        with pytest.raises(ValueError, match=problem) as refusal:
            outrider.read_shots(path, **options)
        assert "\n" not in str(refusal.value)
    with pytest.raises(FileNotFoundError, match="none: cannot open"):
        outrider.read_shots(tmp_path / "none", num_detectors=1)
