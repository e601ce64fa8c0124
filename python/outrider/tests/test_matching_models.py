"""Matching: models and circuits of Stim, side by side with PyMatching."""

import pathlib

import numpy as np
import pymatching
import pytest
import stim
from conftest import memory, without_ties
from side_by_side import same, state

import outrider


def ways(package, dem, folder, correlated):
    """The ways to load a model."""
    path = folder / "model.dem"
    dem.to_file(path)
    matching = package.Matching
    return [
        matching(dem, enable_correlations=correlated),
        matching.from_detector_error_model(dem, enable_correlations=correlated),
        matching.from_detector_error_model_file(path, enable_correlations=correlated),
        matching.from_detector_error_model_file(str(path), enable_correlations=correlated),
    ]


def circuit_ways(package, circuit, folder, correlated):
    """The ways to load a circuit."""
    path = folder / "circuit.stim"
    circuit.to_file(path)
    matching = package.Matching
    return [
        matching(circuit, enable_correlations=correlated),
        matching.from_stim_circuit(circuit, enable_correlations=correlated),
        matching.from_stim_circuit_file(path, enable_correlations=correlated),
        matching.from_stim_circuit_file(str(path), enable_correlations=correlated),
    ]


@pytest.mark.parametrize("correlated", [False, True])
def test_every_way_to_load_a_model_is_the_same_graph(correlated, dem, tmp_path):
    def build(package):
        states = [state(way) for way in ways(package, dem, tmp_path, correlated)]
        assert states == states[:1] * 4
        return states[0]

    _, boundary, counts = same(build)
    assert boundary == set() and counts == (120, 120, 502, 1)


@pytest.mark.parametrize("correlated", [False, True])
def test_every_way_to_load_a_circuit_is_the_same_graph(correlated, tmp_path):
    circuit = memory(3, 0.01)
    shots = circuit.compile_detector_sampler(seed=3).sample(20)

    def build(package):
        found = circuit_ways(package, circuit, tmp_path, correlated)
        states = [state(way) for way in found]
        assert states == states[:1] * 4
        found[0].decode_batch(shots, enable_correlations=correlated)
        return states[0]

    edges, _, _ = same(build)
    assert edges == outrider.Matching(circuit.detector_error_model(decompose_errors=True)).edges()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "error(0.1) D0",
        "error(0.1) D3 L2\nerror(0.2) D0 D3\nerror(0.3) D0",
        "error(0.1) D0 D1 L0\nerror(0.2) D0 D1 L1",
        "error(0.1) D0 D1 D2",
        "error(0.1) D0 D1 D2 ^ D3 L1",
        "error(0.1) D0 D1 ^ D2 L3 ^ D0",
        "error(0.1) D0 D1 L0 ^ D0 D1",
        "error(0.6) D0 D1\nerror(1) D0",
        "error(0) D0 D1 L0",
        "error(0.5) D0 L0\nerror(0.5) D0 L1",
        "error(0.1) L0",
        "error(0.1) D0 ^ L0",
        "error(0.1) D0 D1 L0 L0 L0",
        "detector D5\nerror(0.1) D0\nlogical_observable L7",
        "repeat 3 {\nerror(0.1) D0 D1\nshift_detectors 1\n}",
    ],
)
def test_models_come_in_by_the_same_rules(text):
    same(lambda package: state(package.Matching(stim.DetectorErrorModel(text))))


@pytest.mark.parametrize(
    "text",
    ["error(0.1) D0 D1 D2", "error(0.1) D0 D1 D2 ^ D3", "error(0.1) D0 ^ L0"],
)
def test_what_correlated_matching_cannot_take_is_a_value_error(text):
    dem = stim.DetectorErrorModel(text)
    assert isinstance(same(lambda package: package.Matching(dem, enable_correlations=True)), ValueError)


def test_a_circuit_that_is_not_decomposed_is_a_value_error_for_correlated_matching(tmp_path):
    dem = memory(3, 0.01).detector_error_model()
    dem.to_file(tmp_path / "model.dem")
    for load in [
        lambda package: package.Matching(dem, enable_correlations=True),
        lambda package: package.Matching.from_detector_error_model(dem, enable_correlations=True),
        lambda package: package.Matching.from_detector_error_model_file(
            tmp_path / "model.dem", enable_correlations=True
        ),
    ]:
        assert isinstance(same(load), ValueError)


@pytest.mark.parametrize("value", ["a model", 3, None, stim.Circuit()], ids=repr)
def test_what_is_no_model_is_a_type_error(value):
    assert isinstance(same(lambda package: package.Matching.from_detector_error_model(value)), TypeError)


@pytest.mark.parametrize("value", ["a circuit", 3, None, stim.DetectorErrorModel()], ids=repr)
def test_what_is_no_circuit_is_a_type_error(value):
    assert isinstance(same(lambda package: package.Matching.from_stim_circuit(value)), TypeError)


def test_files_that_cannot_be_read_are_a_value_error(tmp_path):
    for path in [tmp_path / "none", str(tmp_path / "none")]:
        for name in ["from_detector_error_model_file", "from_stim_circuit_file"]:
            error = same(lambda package, name=name, path=path: getattr(package.Matching, name)(path))
            assert isinstance(error, ValueError) and isinstance(error, OSError)
            assert str(error).startswith(f"{path}: ") and "\n" not in str(error)


def test_files_of_the_other_kind_are_refused(tmp_path):
    circuit, dem = tmp_path / "circuit.stim", tmp_path / "model.dem"
    circuit.write_text("H 0\nCX 0 1\nM 0 1")
    dem.write_text("error(0.1) D0 L0")
    error = same(lambda package: package.Matching.from_detector_error_model_file(circuit))
    assert isinstance(error, IndexError) and isinstance(error, ValueError)
    error = same(lambda package: package.Matching.from_stim_circuit_file(dem))
    assert isinstance(error, ValueError) and str(error).startswith(f"{dem}: ")
    for name in ["from_detector_error_model_file", "from_stim_circuit_file"]:
        with pytest.raises(TypeError):
            getattr(outrider.Matching, name)(5)


def test_a_loaded_model_can_be_changed():
    dem = stim.DetectorErrorModel("error(0.1) D0 D1 L0\nerror(0.2) D1\nerror(0.3) D0 D2")

    def build(package):
        matching = package.Matching(dem)
        matching.decode([1, 1, 0])
        matching.add_edge(2, 5, fault_ids=3, weight=2.0, error_probability=0.05)
        matching.add_edge(1, 0, fault_ids=2, weight=1.0, merge_strategy="replace")
        matching.set_boundary_nodes({5})
        answers = matching.decode_batch([[1, 1, 1, 0, 0, 0], [0, 0, 1, 0, 0, 1]], return_weights=True)
        return state(matching)[:2], matching.num_nodes, matching.num_edges, answers

    with pytest.raises(ValueError):
        outrider.Matching(dem).add_edge(0, 1)
    found = same(lambda package: build(package)[0])
    assert found[1] == {5}
    assert build(outrider)[2] == 4
    weights = build(outrider)[3][1]
    np.testing.assert_allclose(weights, [np.log(4) + np.log(7 / 3), 2.0], rtol=1e-6)


@pytest.mark.parametrize("correlated", [False, True])
def test_a_memory_is_decoded(correlated):
    dem = without_ties(memory(5, 0.01).detector_error_model(decompose_errors=True), seed=8)
    shots = dem.compile_sampler(seed=9).sample(2000)[0]

    def build(package):
        matching = package.Matching(dem, enable_correlations=True)
        return matching.decode_batch(shots, return_weights=True, enable_correlations=correlated)

    expected, expected_weights = build(pymatching)
    found, weights = build(outrider)
    assert (found == expected).all()
    np.testing.assert_allclose(weights, expected_weights, rtol=1e-5, atol=1e-4)


def test_longer_predictions_of_a_model():
    dem = stim.DetectorErrorModel("error(0.1) D0 D1 L0\nerror(0.2) D1")

    def build(package):
        matching = package.Matching(dem)
        matching.ensure_num_fault_ids(11)
        batch = matching.decode_batch([[1, 1], [0, 1]], bit_packed_predictions=True)
        return matching.num_fault_ids, matching.decode([1, 1]), batch

    same(build)


def test_correlations_are_of_use_only_if_they_were_loaded(tmp_path):
    circuit = memory(3, 0.01)
    dem = circuit.detector_error_model(decompose_errors=True)
    shots = circuit.compile_detector_sampler(seed=4).sample(5)
    for count in range(8):

        def load(package, count=count):
            return [*ways(package, dem, tmp_path, False), *circuit_ways(package, circuit, tmp_path, False)][
                count
            ]

        for call in [
            lambda package: load(package).decode_batch(shots, enable_correlations=True),
            lambda package: load(package).decode(shots[0], enable_correlations=True),
            lambda package: load(package).decode_to_edges_array(shots[0], enable_correlations=True),
        ]:
            assert isinstance(same(call), ValueError)


def test_correlations_change_edges_too():
    dem = stim.DetectorErrorModel("""
        error(0.02) D0 D1
        error(0.02) D2 D4
        error(0.05) D4 D3
        error(0.04) D2 D3
        error(0.4) D0 D1 ^ D2 D4
    """)

    def build(package):
        matching = package.Matching(dem, enable_correlations=True)
        edges = matching.decode_to_edges_array([1, 1, 1, 1, 0], enable_correlations=True)
        plain = matching.decode_to_edges_array([1, 1, 1, 1, 0])
        return [sorted(sorted(edge) for edge in found.tolist()) for found in [edges, plain]]

    correlated, plain = same(build)
    assert correlated != plain


def test_a_model_of_this_package_is_taken():
    text = "error(0.1) D0 D1 L0\nerror(0.2) D1"
    model, dem = outrider.Model(text), stim.DetectorErrorModel(text)
    expected = state(outrider.Matching(dem))
    assert (
        state(outrider.Matching(model))
        == state(outrider.Matching.from_detector_error_model(model))
        == expected
    )


def test_models_are_made_of_text_stim_and_paths(tmp_path):
    circuit = memory(3, 0.01)
    dem = circuit.detector_error_model(decompose_errors=True)
    dem.to_file(tmp_path / "model.dem")
    expected = str(outrider.Model(str(dem)))
    for source in [dem, circuit, tmp_path / "model.dem", pathlib.PurePath(tmp_path / "model.dem")]:
        assert str(outrider.Model(source)) == expected
    for source in [3, None, b"error(0.1) D0", object()]:
        with pytest.raises(TypeError, match="source: expected text, a path, a stim.DetectorErrorModel"):
            outrider.Model(source)
    with pytest.raises(FileNotFoundError):
        outrider.Model(tmp_path / "none")
