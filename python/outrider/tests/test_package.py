"""The package as a whole: documentation, stubs."""

import doctest
import importlib.metadata
import inspect
import pathlib
import re
import subprocess
import sys

import pytest

import outrider


def public(holder):
    return {name for name in vars(holder) if not name.startswith("_")}


def test_everything_is_documented():
    assert set(outrider.__all__) == public(outrider) - {"TYPE_CHECKING", "annotations"}
    for name in outrider.__all__:
        thing = getattr(outrider, name)
        assert inspect.getdoc(thing)
        for member in public(thing) if inspect.isclass(thing) else ():
            assert inspect.getdoc(inspect.getattr_static(thing, member)), f"{name}.{member}"


def test_examples_of_the_documentation_run():
    examples = {outrider: 6, outrider.matching: 10, sys.modules["outrider._noise"]: 4}
    for module, count in examples.items():
        assert doctest.testmod(module) == (0, count), module.__name__


def test_the_version_is_that_of_the_package():
    assert outrider.__version__ == importlib.metadata.version("outrider")


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux writes of the CPU")
def test_module_and_program_find_the_instruction_sets_of_the_cpu(tmp_path, outrider_program):
    # Each beside those before it, as Linux lists what the CPU has and what it saves itself.
    needs = {
        "portable": set(),
        "avx2": {"avx2", "bmi1", "bmi2", "popcnt"},
        "avx512": {"avx512f", "avx512bw", "avx512vl", "avx512dq"},
        "avx512vnni": {"avx512_vnni"},
        "amx": {"amx_tile", "amx_int8"},
    }
    flags = re.search(r"^flags\s*:(.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    has = set(flags[1].split()) if flags else set()
    expected = [name for name, needed in needs.items() if needed <= has]
    text = "error(0.1) D0 L0"
    (tmp_path / "m.dem").write_text(text)

    def program_has(name):
        command = [outrider_program, "sample", "--dem", "m.dem", "--shots", "1", "--isa", name]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0

    def module_has(name):
        try:
            outrider.Sampler(outrider.Model(text), isa=name)
        except ValueError:
            return False
        return True

    assert [name for name in needs if program_has(name)] == expected
    assert [name for name in needs if module_has(name)] == expected


def test_stubs_are_those_of_the_compiled_part(tmp_path):
    command = [sys.executable, "-m", "mypy.stubtest", "outrider._outrider"]
    subprocess.run(command, cwd=tmp_path, check=True)


@pytest.mark.parametrize(
    "name",
    [
        *["Decoder", "Gap", "MatchingGraph", "MeasurementMap", "Model", "Predecoder", "Sampler", "SurfaceCode"],
        *["Stream", "WindowedDecoder", "Windows", "Moments"],
    ],
)
def test_objects_describe_themselves(name):
    model = outrider.Model("error(0.1) D0 L0\nerror(0.1) D0 D1\nerror(0.1) D1")
    graph = outrider.MatchingGraph(model)
    code = outrider.SurfaceCode(3, 2, 0.0)
    windows = outrider.Windows("forward", commit=3, buffer=3)
    things = [
        *[outrider.Decoder(graph), outrider.Gap(graph), graph, model, outrider.Sampler(model), code],
        outrider.Predecoder.rule("clique", model, graph),
        outrider.MeasurementMap("M 0\nDETECTOR rec[-1]"),
        outrider.Stream(code.model(), windows),
        outrider.WindowedDecoder(code.model(), windows),
        windows,
        outrider.Moments(model),
    ]
    described = {type(thing).__name__: repr(thing) for thing in things}
    assert described[name].startswith(f"<outrider.{name}: ")
