"""Sampler and surface codes, against the program and against Stim."""

import os
import subprocess

import numpy as np
import pytest
import stim

import outrider

from conftest import memory


def test_shots_are_those_of_the_program(dem, tmp_path):
    program = os.environ.get("OUTRIDER_PROGRAM")
    if program is None:
        pytest.skip("OUTRIDER_PROGRAM does not name the program")
    dem.to_file(tmp_path / "m.dem")
    command = [program, "sample", "--dem", "m.dem", "--shots", "3001", "--seed", "7", "--out", "d.b8"]
    subprocess.run(
        [*command, "--out-format", "b8", "--obs-out", "o.b8", "--obs-out-format", "b8"],
        cwd=tmp_path,
        check=True,
    )
    sampler = outrider.Sampler(outrider.Model(str(dem)), seed=7)
    for found, name in zip(sampler.sample(3001, bit_packed=True), ["d.b8", "o.b8"], strict=True):
        assert found.tobytes() == (tmp_path / name).read_bytes()


def test_a_shot_depends_on_seed_and_number_only(dem):
    sampler = outrider.Sampler(outrider.Model(str(dem)), seed=7)
    whole = sampler.sample(3000, return_errors=True)
    part = sampler.sample(500, first_shot=2345, return_errors=True)
    packed = sampler.sample(3000, bit_packed=True, return_errors=True)
    portable = outrider.Sampler(outrider.Model(str(dem)), 7, isa="portable").sample(3000)
    for all_shots, some, bits in zip(whole, part, packed, strict=True):
        assert (all_shots[2345:2845] == some).all()
        assert (np.packbits(all_shots, axis=1, bitorder="little") == bits).all()
    assert (portable[0] == whole[0]).all() and (portable[1] == whole[1]).all()
    other = outrider.Sampler(outrider.Model(str(dem)), seed=8).sample(3000)
    assert (other[0] != whole[0]).any()


def test_errors_explain_the_detectors(dem):
    sampler = outrider.Sampler(outrider.Model(str(dem)), seed=1)
    detectors, observables, errors = sampler.sample(300, return_errors=True)
    fired = np.zeros((dem.num_errors, dem.num_detectors + dem.num_observables), np.int64)
    for index, error in enumerate(i for i in dem if i.type == "error"):
        for target in error.targets_copy():
            if not target.is_separator():
                shift = dem.num_detectors if target.is_logical_observable_id() else 0
                fired[index, target.val + shift] += 1
    assert (errors @ fired % 2 == np.concatenate([detectors, observables], axis=1)).all()
    assert (sampler.num_detectors, sampler.num_observables) == (dem.num_detectors, dem.num_observables)
    assert sampler.num_errors == dem.num_errors


def test_impossible_samples(dem):
    sampler = outrider.Sampler(outrider.Model(str(dem)))
    with pytest.raises(MemoryError):
        sampler.sample(10**15)
    with pytest.raises(OverflowError):
        sampler.sample(-1)
    with pytest.raises(ValueError, match="the shot numbers exceed 64 bits"):
        sampler.sample(2, first_shot=2**64 - 1)
    assert sampler.sample(0)[0].shape == (0, sampler.num_detectors)


def mechanisms(model: stim.DetectorErrorModel) -> dict[str, float]:
    """The probability of each error, by its targets."""
    errors = [instruction for instruction in model.flattened() if instruction.type == "error"]
    return {" ".join(map(str, error.targets_copy())): error.args_copy()[0] for error in errors}


@pytest.mark.parametrize("basis", ["x", "z"])
def test_surface_codes_are_stims(basis):
    code = outrider.SurfaceCode(5, 5, 0.004, basis=basis)
    expected = memory(5, 0.004, basis)
    assert stim.Circuit(code.circuit_text).flattened() == expected.flattened()
    expected_model = expected.detector_error_model(decompose_errors=True)
    assert code.num_detectors == expected_model.num_detectors
    for model in [code.model(), code.model(folded=True)]:
        found = stim.DetectorErrorModel(str(model))
        assert mechanisms(found) == pytest.approx(mechanisms(expected_model), rel=1e-9)
        assert found.get_detector_coordinates() == expected_model.get_detector_coordinates()


def test_noise_by_name():
    only = outrider.SurfaceCode((3, 5), 4, {"before_measure_flip_probability": 0.01})
    assert "X_ERROR(0.01)" in only.circuit_text and "DEPOLARIZE" not in only.circuit_text
    uniform = outrider.SurfaceCode(3, 3, 0.01, circuit="paper", orientation="O2")
    named = outrider.SurfaceCode(3, 3, {"p": 0.01}, circuit="paper", orientation="O2")
    assert uniform.circuit_text == named.circuit_text


@pytest.mark.parametrize(
    ("arguments", "options", "fault"),
    [
        ((1, 3, 0.01), {}, "distance|width"),
        ((3, 0, 0.01), {}, "round"),
        (
            (3, 3, {"after_reset_flip_probability": -1}),
            {},
            "after_reset_flip_probability is -1, not a probability",
        ),
        ((3, 3, 1.5), {}, "after_clifford_depolarization is 1.5"),
        ((3, 3, {"p_typo": 0.1}), {}, "p_typo is not a noise parameter"),
        ((3, 3, {"p_prep_X": 0.1}), {"circuit": "paper"}, "p_prep_Z is missing"),
        ((3, 3, "much"), {}, "noise: expected a probability or a dict"),
        (("3", 3, 0.01), {}, r"distance: expected a whole number or a tuple \(width, height\), found 3"),
        ((-3, 3, 0.01), {}, "distance: expected a whole number"),
        ((3, 3, 0.01), {"basis": "y"}, "unknown basis 'y'"),
        ((3, 3, 0.01), {"circuit": "none"}, "unknown circuit 'none'"),
        ((3, 3, 0.01), {"orientation": "O5"}, "unknown orientation 'O5'"),
    ],
)
def test_impossible_codes(arguments, options, fault):
    with pytest.raises(ValueError, match=fault):
        outrider.SurfaceCode(*arguments, **options)


def test_long_memories_stay_folded():
    code = outrider.SurfaceCode(3, 10**6, 0.01)
    assert code.model(folded=True).num_detectors == code.num_detectors == 8 * 10**6
    with pytest.raises(ValueError, match="more than the limit of 2097152 .* folded=True"):
        code.model()
