"""The program against the command lines of PyMatching and Stim, and against sinter, from PyPI.

    python bins/outrider/tests/oracle/cli.py target/release/outrider

needs stim, pymatching >= 2.3.1, sinter and matplotlib. Prints what it compared; exits 1 at the first
difference.
"""

import itertools
import pathlib
import random
import re
import subprocess
import sys
import tempfile

import numpy as np
import pymatching
import sinter
import stim

sys.path.insert(0, str(pathlib.Path(__file__).parents[4] / "c_core/tests/oracle"))

from random_circuits import gate_lines, random_circuit

FORMATS = ["01", "b8", "r8", "ptb64", "hits", "dets"]
# A multiple of 64, for ptb64.
SHOTS = 4096
DECODERS = ["mwpm", "mwpm-correlated", "union-find"]


def main() -> None:
    program = pathlib.Path(sys.argv[1]).resolve()
    checks = [
        check_pymatching,
        check_m2d,
        check_time,
        check_strong_ids,
        check_grid,
        check_resume_with_sinter,
        check_circuit_text,
        check_model_text,
    ]
    for check in checks:
        with tempfile.TemporaryDirectory() as folder:
            check(Programs(program, pathlib.Path(folder)))
        print(f"ok: {check.__doc__.splitlines()[0]}", flush=True)
    print(f"{len(checks)} passed, 0 failed")


class Programs:
    """The programs under comparison, run in one folder."""

    def __init__(self, outrider: pathlib.Path, folder: pathlib.Path) -> None:
        self.path = outrider
        self.folder = folder

    def outrider(self, *arguments: str, stdin: bytes = b"") -> bytes:
        return self._run(str(self.path), *arguments, stdin=stdin).stdout

    def pymatching(self, *arguments: str, stdin: bytes = b"") -> bytes:
        code = "import sys, pymatching; pymatching.cli(command_line_args=sys.argv[1:])"
        return self._run(sys.executable, "-c", code, *arguments, stdin=stdin).stdout

    def stim(self, *arguments: str) -> bytes:
        code = "import sys, stim; sys.exit(stim.main(command_line_args=sys.argv[1:]))"
        return self._run(sys.executable, "-c", code, *arguments).stdout

    def sinter(self, *arguments: str) -> bytes:
        code = "import sys; from sinter._command._main import main; main(command_line_args=sys.argv[1:])"
        return self._run(sys.executable, "-c", code, *arguments).stdout

    def _run(self, *command: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
        run = subprocess.run(command, cwd=self.folder, input=stdin, capture_output=True, check=False)
        assert run.returncode == 0, (command, run.stderr.decode())
        return run


def memory(distance: int, rounds: int, p: float) -> stim.Circuit:
    return stim.Circuit.generated(
        "surface_code:rotated_memory_x",
        distance=distance,
        rounds=rounds,
        after_clifford_depolarization=p,
        before_round_data_depolarization=p,
        before_measure_flip_probability=p,
        after_reset_flip_probability=p,
    )


def without_ties(model: stim.DetectorErrorModel, seed: int) -> stim.DetectorErrorModel:
    """Changes every probability a little, so that no two matchings weigh the same."""
    rng = random.Random(seed)
    changed = stim.DetectorErrorModel()
    for instruction in model.flattened():
        if instruction.type == "error":
            p = instruction.args_copy()[0] * rng.uniform(0.5, 1.5)
            changed.append("error", p, instruction.targets_copy())
        else:
            changed.append(instruction)
    return changed


def write_case(folder: pathlib.Path, model: stim.DetectorErrorModel) -> None:
    """The model and its shots in every format: detectors, observables, and both together."""
    model.to_file(folder / "m.dem")
    detectors, observables, _ = model.compile_sampler(seed=5).sample(SHOTS)
    for form in FORMATS:
        for name, data, counts in [
            ("dets", detectors, {"num_detectors": model.num_detectors}),
            ("obs", observables, {"num_observables": model.num_observables}),
            (
                "both",
                np.concatenate([detectors, observables], axis=1),
                {"num_detectors": model.num_detectors, "num_observables": model.num_observables},
            ),
        ]:
            stim.write_shot_data_file(data=data, path=folder / f"{name}.{form}", format=form, **counts)


def check_pymatching(run: Programs) -> None:
    """predict and count_mistakes give PyMatching's bytes"""
    two_observables = stim.DetectorErrorModel(
        "".join(f"error(0.1) D{k} D{k + 1}{' L0' if k == 3 else ''}\n" for k in range(20))
        + "error(0.1) D0 L1\nerror(0.1) D20\nerror(0.01) D2 D3 D4\n"
    )
    surface_code = memory(5, 3, 0.01).detector_error_model(decompose_errors=True)
    cases = [(surface_code, [[], ["--enable_correlations"]])]
    # PyMatching skips the error of three detectors, but refuses it with correlations.
    cases.append((two_observables, [[]]))
    for model, flag_sets in cases:
        write_case(run.folder, without_ties(model, seed=11))
        for flags in flag_sets:
            for command in command_lines():
                arguments = command + flags
                ours, theirs = run.outrider(*arguments), run.pymatching(*arguments)
                assert ours == theirs, arguments
                assert ours
            stdin = (run.folder / "dets.b8").read_bytes()
            arguments = ["predict", "--dem", "m.dem", *flags]
            assert run.outrider(*arguments, stdin=stdin) == run.pymatching(*arguments, stdin=stdin)


def command_lines() -> list[list[str]]:
    lines = []
    for form in FORMATS:
        predict = ["predict", "--dem", "m.dem", "--in_format", form]
        lines.append([*predict, "--in", f"dets.{form}"])
        lines.append([*predict, "--in", f"both.{form}", "--in_includes_appended_observables"])
        # PyMatching cannot write ptb64.
        if form != "ptb64":
            lines.append(["predict", "--dem", "m.dem", "--in", "dets.b8", "--out_format", form])
        count = ["count_mistakes", "--dem", "m.dem", "--in_format", form]
        lines.append([*count, "--in", f"both.{form}", "--in_includes_appended_observables"])
        lines.append([*count, "--in", f"dets.{form}", "--obs_in", f"obs.{form}", "--obs_in_format", form])
        lines.append([*count, "--in", f"dets.{form}"])
    lines.append(["predict", "--dem=m.dem", "--in=dets.b8", "--in_format=b8"])
    return lines


def check_m2d(run: Programs) -> None:
    """m2d gives Stim's bytes with and without feedback, reference sample, sweep bits and observables"""
    rng, makers, compared = random.Random(17), gate_lines(), 0
    while compared < 20:
        text = random_circuit(rng, makers)
        circuit = stim.Circuit(text)
        # Records of no bits have no number.
        if not all([circuit.num_measurements, circuit.num_detectors, circuit.num_observables, circuit.num_sweep_bits]):
            continue
        compared += 1
        # Stim does not rewrite feedback of two gates, nor observables whose Paulis are random.
        for_stim = re.sub(r"([XY])CZ (\d+) (rec\[-\d+\])", r"C\1 \3 \2", text)
        paulis = f"OBSERVABLE_INCLUDE(0) X0 !Y1\n{text}\nOBSERVABLE_INCLUDE(9) Z2 rec[-1]"
        for name, written in [("for_stim", for_stim), ("c", text), ("paulis", paulis)]:
            (run.folder / f"{name}.stim").write_text(f"{written}\n")
        in_format, sweep_format = rng.choices(FORMATS, k=2)
        numbers = np.random.default_rng(compared)
        for name, form, width in [
            ("m", in_format, circuit.num_measurements),
            ("s", sweep_format, circuit.num_sweep_bits),
        ]:
            data = numbers.random((64, width)) < 0.5
            stim.write_shot_data_file(data=data, path=run.folder / name, format=form, num_measurements=width)
        for without, skip, sweep, append, separate in itertools.product([False, True], repeat=5):
            # Stim does not write ptb64 here.
            out_format, obs_out_format = rng.choices([form for form in FORMATS if form != "ptb64"], k=2)
            values = {"in": f"{run.folder}/m", "in_format": in_format}
            values |= {"out": f"{run.folder}/out", "out_format": out_format}
            values |= {"sweep": f"{run.folder}/s", "sweep_format": sweep_format} if sweep else {}
            values |= {"obs_out": f"{run.folder}/obs", "obs_out_format": obs_out_format} if separate else {}
            flags = ["ran_without_feedback"] * without + ["skip_reference_sample"] * skip
            compare_m2d(run, values, flags + ["append_observables"] * append)


def compare_m2d(run: Programs, values: dict[str, str], flags: list[str]) -> None:
    def written() -> dict[str, bytes]:
        outputs = [path for path in [run.folder / "out", run.folder / "obs"] if path.exists()]
        contents = {path.name: path.read_bytes() for path in outputs}
        for path in outputs:
            path.unlink()
        return contents

    line = ["m2d", *(f"--{name}={value}" for name, value in values.items()), *(f"--{flag}" for flag in flags)]
    assert stim.main(command_line_args=[*line, f"--circuit={run.folder}/for_stim.stim"]) == 0, line
    expected = written()
    ours = ["m2d", *(f"--{name.replace('_', '-')}={value}" for name, value in values.items())]
    ours += [f"--{flag.replace('_', '-')}" for flag in flags]
    run.outrider(*ours, "--circuit=c.stim")
    assert written() == expected, line
    command = [run.path, *ours, "--circuit=paulis.stim"]
    refused = subprocess.run(command, cwd=run.folder, capture_output=True, check=False)
    if "obs_out" in values or "append_observables" in flags:
        assert refused.returncode == 2 and b"error: paulis.stim:1:23: " in refused.stderr, refused
        assert not written(), line
    else:
        assert written() == expected, line


def check_time(run: Programs) -> None:
    """--time prints the lines that PyMatching prints"""
    write_case(run.folder, memory(3, 3, 0.01).detector_error_model(decompose_errors=True))
    line = "count_mistakes --dem m.dem --in dets.01 --obs_in obs.01 --time".split()
    ours = subprocess.run([run.path, *line], cwd=run.folder, capture_output=True, check=True).stderr.decode()
    code = "import sys, pymatching; pymatching.cli(command_line_args=sys.argv[1:])"
    command = [sys.executable, "-c", code, *line]
    theirs = subprocess.run(command, cwd=run.folder, capture_output=True, check=True).stderr.decode()

    def shape(text: str) -> str:
        return "".join("#" if c.isdigit() or c in ".e+-" else c for c in text).replace("#", "")

    assert shape(ours) == shape(theirs), (ours, theirs)


def check_strong_ids(run: Programs) -> None:
    """rows of a circuit with its model carry sinter's strong id, and sinter's commands take the file"""
    decoders = ",".join(DECODERS)
    for distance in [3, 5]:
        for p in [0.01, 0.02]:
            circuit = memory(distance, 3, p)
            name = f"d={distance},p={p},r=3.stim"
            circuit.to_file(run.folder / name)
            circuit.detector_error_model(decompose_errors=True).to_file(run.folder / "m.dem")
            limits = ["--max-shots", "5000", "--max-errors", "100000"]
            task = ["ler", "--dem", "m.dem", "--stim", name, "--decoder", decoders]
            run.outrider(*task, *limits, "--out", "s.csv")
    stats = sinter.read_stats_from_csv_files(run.folder / "s.csv")
    assert len(stats) == 4 * len(DECODERS)
    for stat in stats:
        circuit = memory(stat.json_metadata["d"], 3, stat.json_metadata["p"])
        task = sinter.Task(
            circuit=circuit,
            decoder=stat.decoder,
            detector_error_model=circuit.detector_error_model(decompose_errors=True),
            json_metadata=sinter.comma_separated_key_values(
                f"d={stat.json_metadata['d']},p={stat.json_metadata['p']},r=3.stim"
            ),
        )
        assert task.strong_id() == stat.strong_id
        assert stat.shots == stat.custom_counts["shots_of_seed_0"] == 5000
    sinter_takes(run, rows=len(stats))


def check_grid(run: Programs) -> None:
    """rows of a grid carry the strong id of the circuit and model that `gen` writes"""
    for family in ["stim", "paper", "paper-published"]:
        run.outrider(
            *["ler", "--distance", "3,4", "--p", "0.01,0.005", "--basis", "x,z", "--circuit", family],
            *["--max-shots", "3000", "--decoder", "mwpm", "--out", "s.csv"],
        )
    stats = sinter.read_stats_from_csv_files(run.folder / "s.csv")
    assert len(stats) == 24
    for stat in stats:
        m = stat.json_metadata
        run.outrider(
            *["gen", "--basis", m["b"], "--circuit", m["c"], "--distance", str(m["d"])],
            *["--rounds", str(m["r"]), "--p", repr(m["p"]), "--out", "c.stim", "--dem-out", "m.dem"],
        )
        task = sinter.Task(
            circuit=stim.Circuit.from_file(run.folder / "c.stim"),
            decoder=stat.decoder,
            detector_error_model=stim.DetectorErrorModel.from_file(run.folder / "m.dem"),
            json_metadata=m,
        )
        assert task.strong_id() == stat.strong_id, m
    sinter_takes(run, rows=len(stats))


def sinter_takes(run: Programs, rows: int) -> None:
    combined = run.sinter("combine", "s.csv", "s.csv").decode().splitlines()
    assert combined[0] == sinter.CSV_HEADER
    assert len(combined) == rows + 1
    run.sinter(
        *["plot", "--in", "s.csv", "--x_func", "m.p", "--group_func", "f'd={m.d} {decoder}'"],
        *["--failure_units_per_shot_func", "m.r", "--failure_unit_name", "round"],
        *["--xaxis", "[log]p", "--out", "p.png"],
    )
    assert (run.folder / "p.png").stat().st_size > 1000


def check_resume_with_sinter(run: Programs) -> None:
    """a file that sinter has combined is still resumed from"""
    line = ["ler", "--distance", "3", "--p", "0.02", "--max-errors", "1000000"]
    run.outrider(*line, "--max-shots", "1500", "--out", "s.csv")
    run.outrider(*line, "--max-shots", "3000", "--out", "s.csv")
    (run.folder / "c.csv").write_bytes(run.sinter("combine", "s.csv"))
    run.outrider(*line, "--max-shots", "9000", "--out", "c.csv")
    run.outrider(*line, "--max-shots", "9000", "--out", "whole.csv")
    [whole] = sinter.read_stats_from_csv_files(run.folder / "whole.csv")
    [parts] = sinter.read_stats_from_csv_files(run.folder / "c.csv")
    assert (whole.shots, whole.errors) == (parts.shots, parts.errors)
    assert whole.custom_counts == parts.custom_counts == {"shots_of_seed_0": 9000, "shot_numbers_of_seed_0": 9000 * 8999 // 2}


def check_circuit_text(run: Programs) -> None:
    """circuits in any spelling hash as Stim prints them"""
    spellings = [
        "h 0\nH 1 # x\nH[t] 2\nM 0 1\nDETECTOR(1,2.50) rec[-1]\nOBSERVABLE_INCLUDE(0) rec[-2]",
        "MPP X0 * Z1 !Y2\nMPP X3\nREPEAT[a] 3 {\n CNOT 0 1\n ZCX 2 3\n REPEAT 2 {\nTICK\n}\n}\n"
        "MZ(0.1234567891) 0\nDETECTOR rec[-1]",
        "X_ERROR(1e-7) 0\nX_ERROR(1e-7) 1\nX_ERROR(1.00000001e-7) 1\nE(0.1) X1\nCORRELATED_ERROR(0.1) X1\n"
        "M 1\nDETECTOR rec[-1]",
        "QUBIT_COORDS(1e20, -0.5) 0\nSHIFT_COORDS(1,2)\nSHIFT_COORDS(1,2)\nS_DAG 0\nSQRT_Z_DAG 1\n"
        "M !0 !1\nDETECTOR rec[-1]",
    ]
    for index, text in enumerate(spellings):
        circuit = stim.Circuit(text)
        model = stim.DetectorErrorModel("error(0.1) D0\ndetector(0.1, 1e20, 123456789.125) D0")
        (run.folder / f"k={index}.stim").write_text(text)
        model.to_file(run.folder / "m.dem")
        if circuit.num_observables:
            model.append("logical_observable", [], [stim.target_logical_observable_id(0)])
            model.to_file(run.folder / "m.dem")
        task = ["ler", "--dem", "m.dem", "--stim", f"k={index}.stim", "--max-shots", "64"]
        run.outrider(*task, "--out", f"{index}.csv")
        [stat] = sinter.read_stats_from_csv_files(run.folder / f"{index}.csv")
        metadata = {"k": index}
        inputs = {"circuit": circuit, "decoder": "mwpm", "detector_error_model": model}
        task = sinter.Task(**inputs, json_metadata=metadata)
        assert task.strong_id() == stat.strong_id, text


def check_model_text(run: Programs) -> None:
    """models in any spelling hash as Stim prints them"""
    rng = random.Random(3)

    def number() -> str:
        return format(rng.random() * 10 ** -rng.randrange(12), f".{rng.randrange(1, 20)}{rng.choice('fge')}")

    lines = [f"error({number()}) D{k % 7} D{k % 7 + 1}{' L0' if k % 3 == 0 else ''}" for k in range(500)]
    lines += [
        "ERROR[a b](0.25) D0 ^ D1 L0  # a comment",
        "detector(1, -2.50,1e3) D8",
        "repeat 3 {",
        "  repeat 2 {",
        "error(0.125) D0 D1",
        "shift_detectors(0,0.1) 1",
        "}",
        "shift_detectors 2",
        "}",
        "logical_observable L1",
    ]
    text = "\n".join(lines)
    (run.folder / "k=0.dem").write_text(text)
    model = stim.DetectorErrorModel(text)
    circuit = stim.Circuit(
        "M 0\n" + "DETECTOR rec[-1]\n" * model.num_detectors + "OBSERVABLE_INCLUDE(1) rec[-1]\n"
    )
    circuit.to_file(run.folder / "k=0.stim")
    run.outrider("ler", "--dem", "k=0.dem", "--stim", "k=0.stim", "--max-shots", "64", "--out", "s.csv")
    [stat] = sinter.read_stats_from_csv_files(run.folder / "s.csv")
    task = sinter.Task(circuit=circuit, decoder="mwpm", detector_error_model=model, json_metadata={"k": 0})
    assert task.strong_id() == stat.strong_id


if __name__ == "__main__":
    main()
