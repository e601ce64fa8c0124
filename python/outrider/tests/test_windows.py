"""Histories in windows, beside the program's --window."""

import copy
import pickle
import subprocess

import numpy as np
import pytest
from conftest import renumbered

import outrider

# Of a patch of distance 3 that is five sites wide.
LAYOUTS = [
    ("forward", {"commit": 3, "buffer": 3}),
    ("parallel", {"commit": 3, "spacing": 3, "buffer": 3}),
    ("sandwich", {"commit": 2, "buffer": 3}),
    ("chessboard", {"commit": 3, "buffer": 3, "row_width": 2}),
    ("brick", {"commit": 4, "buffer": 3, "row_width": 2, "row_axis": "x", "row_pitch": 2.0}),
]


@pytest.fixture(scope="module")
def model():
    return outrider.SurfaceCode((9, 3), 23, 0.006).model()


@pytest.fixture(scope="module")
def shots(model):
    return outrider.Sampler(model, seed=3).sample(200)[0]


def options(values):
    """Of the program."""
    return [f"--{name.replace('_', '-')}={value}" for name, value in values.items()]


def answers_of_program(program, folder, model, shots, *arguments):
    (folder / "m.dem").write_text(str(model))
    (folder / "dets.b8").write_bytes(np.packbits(shots, axis=1, bitorder="little").tobytes())
    files = ["--dem", "m.dem", "--in", "dets.b8", "--out", "guesses.01", "--edges-out", "edges"]
    subprocess.run([program, "decode", *files, *arguments], cwd=folder, check=True)
    guesses = [[bit == "1" for bit in line] for line in (folder / "guesses.01").read_text().split()]
    return guesses, (folder / "edges").read_text().splitlines()


def lines_of_edges(offsets, nodes):
    names = [f"D{node1}-" + (f"D{node2}" if node2 >= 0 else "B") for node1, node2 in nodes]
    return [" ".join(names[start:end]) for start, end in zip(offsets, offsets[1:])]


@pytest.mark.parametrize("kind", ["mwpm", "mwpm-correlated", "union-find", "likelihood"])
@pytest.mark.parametrize(("layout", "cut"), LAYOUTS, ids=[layout for layout, _ in LAYOUTS])
def test_answers_are_those_of_the_program(outrider_program, tmp_path, model, shots, layout, cut, kind):
    decoder = outrider.WindowedDecoder(model, outrider.Windows(layout, **cut), kind)
    arguments = ["--decoder", kind, "--window", layout, *options(cut)]
    guesses, edges = answers_of_program(outrider_program, tmp_path, model, shots, *arguments)
    found = decoder.decode_batch(shots)
    assert found.dtype == bool and found.tolist() == guesses
    assert lines_of_edges(*decoder.decode_to_edge_nodes(shots)) == edges
    packed = np.packbits(shots, axis=1, bitorder="little")
    packed_found = decoder.decode_batch(packed, bit_packed_shots=True, bit_packed_predictions=True)
    assert (packed_found == np.packbits(found, axis=1, bitorder="little")).all()
    assert (decoder.kind, decoder.num_rounds, decoder.num_observables) == (kind, 24, 1)
    assert decoder.is_sequential == (layout == "forward")


def test_windows_take_the_options_of_likelihood(outrider_program, tmp_path, model, shots):
    layout, cut = LAYOUTS[1]
    windows = outrider.Windows(layout, **cut)
    given = {"sure_gap": 8.0, "sure_mean": 3.0, "deep_ratio": 2.0}
    decoder = outrider.WindowedDecoder(model, windows, "likelihood", **given)
    arguments = ["--decoder", "likelihood", "--window", layout, *options(cut), *options(given)]
    guesses, edges = answers_of_program(outrider_program, tmp_path, model, shots, *arguments)
    assert decoder.decode_batch(shots).tolist() == guesses
    found = lines_of_edges(*decoder.decode_to_edge_nodes(shots))
    assert found == edges
    usual = outrider.WindowedDecoder(model, windows, "likelihood")
    assert lines_of_edges(*usual.decode_to_edge_nodes(shots)) != found
    for make in (outrider.WindowedDecoder, outrider.Stream):
        with pytest.raises(ValueError, match="deep_ratio are for likelihood, not for mwpm"):
            make(model, windows, "mwpm", deep_ratio=2.0)
        with pytest.raises(ValueError, match="options within their ranges"):
            make(model, windows, "likelihood", sure_gap=0.0)


@pytest.mark.parametrize(("name", "use"), [("min-sum", "soft"), ("smith", "hard")])
def test_windows_with_a_predecoder(outrider_program, tmp_path, model, shots, name, use):
    predecoder = outrider.Predecoder.rule(name, model, outrider.MatchingGraph(model))
    layout, cut = LAYOUTS[1]
    shots = shots[:50]
    windows = outrider.Windows(layout, **cut)
    decoder = outrider.WindowedDecoder(model, windows, predecoder=predecoder, predecoder_use=use)
    arguments = [f"--predecoder=rule:{name}", f"--predecoder-use={use}", "--window", layout, *options(cut)]
    guesses, edges = answers_of_program(outrider_program, tmp_path, model, shots, *arguments)
    assert decoder.decode_batch(shots).tolist() == guesses
    assert lines_of_edges(*decoder.decode_to_edge_nodes(shots)) == edges


def shuffled(model, shots):
    """The same with detectors in another order, half rounds as fourth coordinate, and a constant as third."""
    order = np.random.default_rng(5).permutation(shots.shape[1])
    moved = np.empty_like(shots)
    moved[:, order] = shots
    return renumbered(model, order, lambda x, y, time: [x, y, 7, time / 2 - 20]), moved


@pytest.mark.parametrize("axis", [{"time_axis": 3}, {"time_axis": 3, "time_unit": 0.5, "time_offset": -20.0}])
def test_time_in_any_coordinate_and_detectors_in_any_order(outrider_program, tmp_path, model, shots, axis):
    layout, cut = LAYOUTS[1]
    changed, moved = shuffled(model, shots)
    windows = outrider.Windows(layout, **cut, **axis)
    decoder = outrider.WindowedDecoder(changed, windows)
    arguments = ["--window", layout, *options(cut), *options(axis)]
    guesses, edges = answers_of_program(outrider_program, tmp_path, changed, moved, *arguments)
    assert decoder.decode_batch(moved).tolist() == guesses
    assert lines_of_edges(*decoder.decode_to_edge_nodes(moved)) == edges
    assert decoder.num_rounds == 24
    with pytest.raises(ValueError):
        outrider.WindowedDecoder(changed, outrider.Windows(layout, **cut))


def test_edges_of_all_cells_explain_every_event(model, shots):
    for layout, cut in LAYOUTS:
        decoder = outrider.WindowedDecoder(model, outrider.Windows(layout, **cut))
        offsets, nodes = decoder.decode_to_edge_nodes(shots)
        for shot, (start, end) in enumerate(zip(offsets, offsets[1:])):
            flipped = np.zeros(shots.shape[1] + 1, int)
            np.add.at(flipped, nodes[start:end].ravel(), 1)
            assert (flipped[:-1] % 2 == shots[shot]).all(), (layout, shot)


def test_windows_can_be_copied():
    for layout, cut in LAYOUTS:
        windows = outrider.Windows(layout, **cut, time_axis=1, time_unit=0.25)
        for again in [pickle.loads(pickle.dumps(windows)), copy.copy(windows)]:
            assert again.__getnewargs_ex__() == windows.__getnewargs_ex__()
            assert (again.layout, again.commit, again.buffer) == (layout, cut["commit"], cut["buffer"])
            assert again.spacing == {"parallel": 3, "sandwich": 1}.get(layout, 0)


@pytest.mark.parametrize(
    ("layout", "cut", "message"),
    [
        ("whole", {}, 'layout is "whole", not one of "forward", "parallel"'),
        ("forward", {"commit": 0}, "commit is 0"),
        ("forward", {"spacing": 1}, 'spacing is given, but layout "forward" has none'),
        ("parallel", {}, 'layout "parallel" needs spacing'),
        ("parallel", {"spacing": 0}, 'spacing is 0: that is layout "forward"'),
        ("sandwich", {"spacing": 1}, 'spacing is given, but layout "sandwich" has none'),
        ("parallel", {"spacing": 1, "row_axis": "x"}, "row_axis is given"),
        ("brick", {}, 'layout "brick" needs row_width'),
        ("brick", {"row_width": 0}, "row_width is 0"),
        ("brick", {"row_width": 2, "row_axis": "t"}, 'row_axis is "t", not "x" or "y"'),
        ("brick", {"row_width": 2, "row_pitch": -1.0}, "row_pitch is -1, not above 0"),
        ("brick", {"row_width": 2, "row_pitch": float("inf")}, "row_pitch is inf"),
    ],
)
def test_wrong_cuts_are_a_value_error(layout, cut, message):
    with pytest.raises(ValueError, match=message):
        outrider.Windows(layout, **{"commit": 3, "buffer": 3, **cut})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "best"}, "best"),
        ({"predecoder_use": "hard"}, "there is no predecoder"),
        ({"windows": outrider.Windows("forward", commit=3, buffer=3, time_unit=-1.0)}, "a finite time above 0"),
        ({"model": outrider.Model("error(0.1) D0 L0")}, "coordinates"),
        ({"windows": outrider.Windows("brick", commit=3, buffer=3, row_width=1)}, "wide|narrow|row"),
    ],
    ids=repr,
)
def test_what_cannot_be_cut_is_a_value_error(model, arguments, message):
    windows = outrider.Windows("forward", commit=3, buffer=3)
    with pytest.raises(ValueError, match=message):
        outrider.WindowedDecoder(**{"model": model, "windows": windows, **arguments})


def test_wrong_shots_are_a_value_error(model, shots):
    decoder = outrider.WindowedDecoder(model, outrider.Windows("forward", commit=3, buffer=3))
    with pytest.raises(ValueError, match=r"shots: expected bool or uint8 of shape \(shots, "):
        decoder.decode_batch(shots[:, 1:])
    with pytest.raises(ValueError, match="shots: row 1 has values other than 0 and 1"):
        decoder.decode_to_edge_nodes(shots[:2] + np.array([[0], [2]], np.uint8))
