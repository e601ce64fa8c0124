"""Measurements to detection events, beside Stim."""

import subprocess

import numpy as np
import pytest
import stim
from conftest import memory

import outrider

FEEDBACK = """
    CX sweep[0] 0 sweep[1] 1
    X 0
    M(0.1) 0 1
    CX rec[-1] 2
    M(0.1) 2
    DETECTOR(0, 1) rec[-3]
    DETECTOR rec[-2] rec[-1]
    OBSERVABLE_INCLUDE(0) rec[-1]
    OBSERVABLE_INCLUDE(2) rec[-2]
"""


def packed(bits):
    return np.packbits(bits, axis=1, bitorder="little")


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("circuit", [memory(3, 0.01), stim.Circuit(FEEDBACK)], ids=["memory", "feedback"])
def test_conversions_are_those_of_stim(tmp_path, circuit, skip):
    shots = 2500
    measured = circuit.compile_sampler(seed=4).sample(shots)
    swept = np.random.default_rng(5).integers(0, 2, (shots, circuit.num_sweep_bits)).astype(bool)
    theirs = circuit.compile_m2d_converter(skip_reference_sample=skip)
    expected = theirs.convert(measurements=measured, sweep_bits=swept, separate_observables=True)
    (tmp_path / "c.stim").write_text(str(circuit))
    for source in [circuit, str(circuit), tmp_path / "c.stim"]:
        ours = outrider.MeasurementMap(source, skip_reference_sample=skip)
        found = ours.convert(measured, sweep_bits=swept)
        assert all(a.dtype == bool and (a == b).all() for a, b in zip(found, expected, strict=True))
    sizes = (ours.num_measurements, ours.num_sweep_bits, ours.num_detectors, ours.num_observables)
    counts = (circuit.num_measurements, circuit.num_sweep_bits, circuit.num_detectors, circuit.num_observables)
    assert sizes == counts
    found = ours.convert(packed(measured), sweep_bits=packed(swept), bit_packed_inputs=True, bit_packed=True)
    assert all((a == packed(b)).all() for a, b in zip(found, expected, strict=True))
    quiet = theirs.convert(measurements=measured, sweep_bits=np.zeros_like(swept), separate_observables=True)
    assert all((a == b).all() for a, b in zip(ours.convert(measured), quiet, strict=True))


def test_runs_without_feedback(outrider_program, tmp_path):
    circuit = stim.Circuit(FEEDBACK)
    measured = np.random.default_rng(6).integers(0, 2, (100, 3)).astype(np.uint8)
    detectors, observables = outrider.MeasurementMap(circuit, ran_without_feedback=True).convert(measured)
    (tmp_path / "c.stim").write_text(str(circuit))
    (tmp_path / "m.b8").write_bytes(packed(measured).tobytes())
    command = [outrider_program, "m2d", "--circuit", "c.stim", "--in", "m.b8", "--out", "d.01"]
    subprocess.run([*command, "--obs-out", "o.01", "--ran-without-feedback"], cwd=tmp_path, check=True)
    for name, found in [("d.01", detectors), ("o.01", observables)]:
        assert (tmp_path / name).read_text().split() == ["".join(map(str, row)) for row in found.astype(int)]
    assert (detectors != outrider.MeasurementMap(circuit).convert(measured)[0]).any()


def test_observables_can_be_left_out():
    circuit = "MX 0\nM 1\nDETECTOR rec[-1]\nOBSERVABLE_INCLUDE(0) rec[-2]"
    with pytest.raises(ValueError, match="4"):
        outrider.MeasurementMap(circuit)
    detectors, observables = outrider.MeasurementMap(circuit, detectors_only=True).convert(np.eye(2, dtype=bool))
    assert detectors.tolist() == [[False], [True]] and observables.shape == (2, 0)


def test_wrong_arguments(tmp_path):
    circuit = outrider.MeasurementMap(FEEDBACK)
    measured = np.zeros((4, 3), bool)
    with pytest.raises(ValueError, match=r"measurements: expected bool or uint8 of shape \(shots, 3\), found"):
        circuit.convert(measured[:, 1:])
    with pytest.raises(ValueError, match=r"sweep_bits: expected bool or uint8 of shape \(shots, 2\), found"):
        circuit.convert(measured, sweep_bits=measured)
    with pytest.raises(ValueError, match="sweep_bits: expected a row for each of 4 shots, found 3"):
        circuit.convert(measured, sweep_bits=measured[1:, 1:])
    with pytest.raises(ValueError, match="measurements: row 1 has bits set past its 3 bits"):
        circuit.convert(np.array([[7], [8]], np.uint8), bit_packed_inputs=True)
    with pytest.raises(ValueError, match="sweep_bits: row 0 has values other than 0 and 1"):
        circuit.convert(measured, sweep_bits=np.full((4, 2), 2, np.uint8))
    with pytest.raises(ValueError, match="line 1"):
        outrider.MeasurementMap("M what")
    with pytest.raises(TypeError, match="circuit: expected text, a path or a stim.Circuit, found"):
        outrider.MeasurementMap(3)
    with pytest.raises(TypeError):
        outrider.MeasurementMap(stim.DetectorErrorModel())
    with pytest.raises(FileNotFoundError):
        outrider.MeasurementMap(tmp_path / "none.stim")
