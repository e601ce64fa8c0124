"""sinter collects with the decoders: through its command line, in its worker processes."""

import os
import pathlib
import pickle
import subprocess
import sys

import numpy as np
import pytest
import sinter

import outrider

from conftest import memory

NAMES = [
    "outrider-mwpm",
    "outrider-mwpm-correlated",
    "outrider-union-find",
    "outrider-likelihood",
    "outrider-trellis",
]


def collect(folder: pathlib.Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; from sinter._command._main import main; main(command_line_args=sys.argv[1:])"
    command = [sys.executable, "-c", code, "collect", "--processes", "2", *arguments]
    environment = {**os.environ, **variables}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_sinter_collect(tmp_path):
    shots = 20_000
    memory(3, 0.01).to_file(tmp_path / "d=3.stim")
    memory(5, 0.01, "z").to_file(tmp_path / "d=5.stim")
    decoders = ["pymatching", "pymatching-correlated", *NAMES, "outrider-predecoded"]
    run = collect(
        tmp_path,
        *["--circuits", "d=3.stim", "d=5.stim", "--metadata_func", "auto", "--max_shots", str(shots)],
        *["--custom_decoders_module_function", "outrider:sinter_decoders", "--decoders", *decoders],
        *["--save_resume_filepath", "counts.csv"],
        OUTRIDER_PREDECODER="rule:min-sum",
    )
    assert run.returncode == 0, run.stderr
    rates = {}
    for stats in sinter.read_stats_from_csv_files(tmp_path / "counts.csv"):
        assert (stats.shots, stats.discards) == (shots, 0)
        rates[stats.decoder, stats.json_metadata["d"]] = stats.errors / shots
    assert len(rates) == 2 * len(decoders)
    for distance in [3, 5]:
        for ours, theirs in [("mwpm", "pymatching"), ("mwpm-correlated", "pymatching-correlated")]:
            found, expected = rates[f"outrider-{ours}", distance], rates[theirs, distance]
            # Independent samples: five standard deviations of the difference.
            assert abs(found - expected) < 5 * (2 * expected * (1 - expected) / shots) ** 0.5
        assert 0 < rates["outrider-predecoded", distance] < 1.2 * rates["pymatching", distance]
        assert rates["outrider-mwpm", distance] * 0.9 < rates["outrider-union-find", distance]
        assert rates["outrider-union-find", distance] < rates["outrider-mwpm", distance] * 1.6


def test_rows_merge_with_those_of_the_program(tmp_path):
    program = os.environ.get("OUTRIDER_PROGRAM")
    if not program:
        pytest.skip("OUTRIDER_PROGRAM does not name the program")
    circuit = memory(3, 0.01)
    circuit.to_file(tmp_path / "d=3,p=0.01.stim")
    circuit.detector_error_model(decompose_errors=True).to_file(tmp_path / "m.dem")
    kinds = [name.removeprefix("outrider-") for name in NAMES]
    measure = ["ler", "--dem", "m.dem", "--stim", "d=3,p=0.01.stim", "--decoder", ",".join(kinds)]
    limits = ["--max-shots", "3000", "--max-errors", "100000", "--out", "counts.csv"]
    subprocess.run([program, *measure, *limits], cwd=tmp_path, check=True, capture_output=True)
    run = collect(
        tmp_path,
        *["--circuits", "d=3,p=0.01.stim", "--metadata_func", "auto", "--max_shots", "5000"],
        *["--custom_decoders_module_function", "outrider:sinter_decoders", "--decoders", *kinds],
        *["--save_resume_filepath", "counts.csv"],
    )
    assert run.returncode == 0, run.stderr
    stats = sinter.read_stats_from_csv_files(tmp_path / "counts.csv")
    assert {stat.decoder: stat.shots for stat in stats} == dict.fromkeys(kinds, 5000)


def test_rows_by_the_prefixed_names_go_on_in_the_program(tmp_path):
    program = os.environ.get("OUTRIDER_PROGRAM")
    if not program:
        pytest.skip("OUTRIDER_PROGRAM does not name the program")
    circuit = memory(3, 0.01)
    circuit.to_file(tmp_path / "d=3,p=0.01.stim")
    circuit.detector_error_model(decompose_errors=True).to_file(tmp_path / "m.dem")
    run = collect(
        tmp_path,
        *["--circuits", "d=3,p=0.01.stim", "--metadata_func", "auto", "--max_shots", "2000"],
        *["--custom_decoders_module_function", "outrider:sinter_decoders", "--decoders", *NAMES],
        *["--save_resume_filepath", "counts.csv"],
    )
    assert run.returncode == 0, run.stderr
    kinds = [name.removeprefix("outrider-") for name in NAMES]
    measure = ["ler", "--dem", "m.dem", "--stim", "d=3,p=0.01.stim", "--decoder", ",".join(kinds)]
    limits = ["--max-shots", "5000", "--max-errors", "100000", "--out", "counts.csv"]
    subprocess.run([program, *measure, *limits], cwd=tmp_path, check=True, capture_output=True)
    stats = sinter.read_stats_from_csv_files(tmp_path / "counts.csv")
    assert {stat.decoder: stat.shots for stat in stats} == dict.fromkeys(NAMES, 5000)


@pytest.mark.parametrize(
    "given, fault",
    [
        (None, "outrider-predecoded: no pre-decoder; set OUTRIDER_PREDECODER to rule:NAME or a network's file"),
        ("rule:none", "unknown rule 'none'"),
        ("none.safetensors", "No such file or directory: 'none.safetensors'"),
    ],
)
def test_a_missing_predecoder_is_one_line_at_the_start(tmp_path, monkeypatch, given, fault):
    monkeypatch.delenv("OUTRIDER_PREDECODER", raising=False)
    memory(3, 0.01).to_file(tmp_path / "d=3.stim")
    task = ["--circuits", "d=3.stim", "--max_shots", "10", "--save_resume_filepath", "counts.csv"]
    custom = ["--custom_decoders_module_function", "outrider:sinter_decoders"]
    variables = {} if given is None else {"OUTRIDER_PREDECODER": given}
    run = collect(tmp_path, *task, *custom, "--decoders", "outrider-predecoded", **variables)
    assert run.returncode != 0 and not (tmp_path / "counts.csv").exists()
    assert fault in run.stderr and run.stderr.count("\n") == 1, run.stderr
    assert collect(tmp_path, *task, *custom, "--decoders", "outrider-mwpm", **variables).returncode == 0


def test_compiled_decoders_give_the_decoders_answers(dem, tmp_path):
    """Bit for bit as decode_batch, in memory and through files, after pickling."""
    shots = 5000
    dem.to_file(tmp_path / "m.dem")
    detectors, _, _ = dem.compile_sampler(seed=2).sample(shots, bit_packed=True)
    detectors.tofile(tmp_path / "dets.b8")
    decoders = outrider.sinter_decoders()
    assert set(NAMES) <= decoders.keys()
    for name in NAMES:
        model = outrider.Model(str(dem))
        if name in ["outrider-likelihood", "outrider-trellis"]:
            own = outrider.Trellis(model) if name == "outrider-trellis" else outrider.Likelihood(model)
        else:
            graph = outrider.MatchingGraph(model, correlations=name.endswith("correlated"))
            own = outrider.Decoder(graph, name.removeprefix("outrider-"))
        expected = own.decode_batch(detectors, bit_packed_shots=True, bit_packed_predictions=True)
        decoder = pickle.loads(pickle.dumps(decoders[name]))
        assert isinstance(decoder, sinter.Decoder)
        compiled = decoder.compile_decoder_for_dem(dem=dem)
        assert (compiled.decode_shots_bit_packed(bit_packed_detection_event_data=detectors) == expected).all()
        through_files(decoder, tmp_path, shots, dem)
        assert (tmp_path / "obs.b8").read_bytes() == expected.tobytes()


def through_files(decoder, folder, shots, dem):
    decoder.decode_via_files(
        num_shots=shots,
        num_dets=dem.num_detectors,
        num_obs=dem.num_observables,
        dem_path=folder / "m.dem",
        dets_b8_in_path=folder / "dets.b8",
        obs_predictions_b8_out_path=folder / "obs.b8",
        tmp_dir=folder,
    )


def test_files_that_do_not_fit(dem, tmp_path):
    decoder = outrider.sinter_decoders()["outrider-mwpm"]
    dem.to_file(tmp_path / "m.dem")
    np.zeros(((dem.num_detectors + 7) // 8) * 9 + 1, np.uint8).tofile(tmp_path / "dets.b8")
    with pytest.raises(ValueError, match="dets.b8: expected 10 shots, found 9"):
        through_files(decoder, tmp_path, 10, dem)
    (tmp_path / "m.dem").write_text("error(0.1) D0")
    with pytest.raises(ValueError, match="m.dem: expected 120 detectors and 1 observables, found 1 and 0"):
        through_files(decoder, tmp_path, 10, dem)


def test_predecoded_takes_what_it_is_given(dem, network, monkeypatch):
    monkeypatch.setenv("OUTRIDER_PREDECODER", "rule:clique")
    detectors, _, _ = dem.compile_sampler(seed=6).sample(2000, bit_packed=True)
    model = outrider.Model(str(dem))
    graph = outrider.MatchingGraph(model)
    rule, from_file = outrider.Predecoder.rule, outrider.Predecoder.from_file
    cases = [
        (None, rule("clique", model, graph)),
        ("rule:min-sum", rule("min-sum", model, graph)),
        (network, from_file(network, model, graph)),
    ]
    for given, predecoder in cases:
        decoder = pickle.loads(pickle.dumps(outrider.sinter_decoders(given)["outrider-predecoded"]))
        compiled = decoder.compile_decoder_for_dem(dem=dem)
        found = compiled.decode_shots_bit_packed(bit_packed_detection_event_data=detectors)
        own = outrider.Decoder(graph, predecoder=predecoder)
        expected = own.decode_batch(detectors, bit_packed_shots=True, bit_packed_predictions=True)
        assert (found == expected).all()


@pytest.mark.parametrize(
    ("given", "error", "fault"),
    [
        (None, ValueError, "outrider-predecoded: no pre-decoder; set OUTRIDER_PREDECODER"),
        ("rule:none", ValueError, "unknown rule 'none'"),
        (pathlib.Path("net.safetensors"), FileNotFoundError, "net.safetensors"),
    ],
)
def test_predecoded_without_a_predecoder(dem, monkeypatch, given, error, fault):
    monkeypatch.delenv("OUTRIDER_PREDECODER", raising=False)
    with pytest.raises(error, match=fault):
        outrider.sinter_decoders(given)["outrider-predecoded"].compile_decoder_for_dem(dem=dem)
